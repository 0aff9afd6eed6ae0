"""How the appliance is doing: what `health` says. Pure; main thread, owned by the session."""

from __future__ import annotations

from collections.abc import Mapping

from device.domain import Now, Reading

SPEED_WINDOW_S = 10.0


class Health:
    """Counts and last problems since the start. `process` are the daemon's own figures (memory, CPU time)."""

    def __init__(self, settings_problems: tuple[str, ...] = ()) -> None:
        self.settings_problems = settings_problems
        self.process: Mapping[str, float] = {}
        self.camera = ""
        self.eye_open = False
        self.eye_starts = 0
        self.eye_problem = ""
        self.broker_problem = ""
        self.sound_problem = ""
        self.library_problems: tuple[str, ...] = ()
        self.analysed = 0  # tracks that the model has heard
        self._window: list[float] = []

    def eye_opened(self, camera: str) -> None:
        """The camera delivers."""
        self.camera, self.eye_open, self.eye_problem = camera, True, ""
        self.eye_starts += 1

    def eye_closed(self, problem: str) -> None:
        """The camera is off, or the eye is gone."""
        self.eye_open, self.eye_problem = False, problem
        self._window.clear()

    def reading(self, reading: Reading) -> None:
        """One more reading, for the speed."""
        self._window.append(reading.at_s)
        while self._window[-1] - self._window[0] > SPEED_WINDOW_S:
            self._window.pop(0)

    @property
    def fps(self) -> float:
        """Readings a second over the last ten seconds; 0 with the camera off."""
        if len(self._window) < 2 or self._window[-1] <= self._window[0]:
            return 0.0
        return (len(self._window) - 1) / (self._window[-1] - self._window[0])

    def report(self, started: Now, now: Now, tracks: int) -> dict[str, object]:
        """The payload of `health`: numbers with their units in the names, and the last problems as sentences."""
        services = [self.eye_problem, self.broker_problem, self.sound_problem]
        problems = [*self.settings_problems[:5], *services, *self.library_problems[:5]]
        return {
            "status": "problem" if any(problems) else "ok",
            "uptime_s": round(now.mono - started.mono),
            "camera": self.camera if self.eye_open else "",
            "eye_fps": round(self.fps, 1),
            "eye_starts": self.eye_starts,
            "tracks": tracks,
            "analysed": self.analysed,
            "problems": [p for p in problems if p],
            **{name: round(value, 1) for name, value in self.process.items()},
        }
