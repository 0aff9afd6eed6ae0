"""The health of the device: counts and latest problems since the start. Pure; main thread, owned by the session."""

from __future__ import annotations

from collections.abc import Mapping

from device.domain import HealthReport, Now, Reading
from device.domain.snapshot import SWITCHED_OFF

SPEED_WINDOW_S = 10.0
LISTED = 5  # problems of one kind that the report lists; it counts the rest


class Health:
    """`figures` are process statistics (memory in MB, CPU time in s). Each problem is a sentence, empty for none;
    `surfaces` has one for each surface without a connection."""

    def __init__(self, settings_problems: tuple[str, ...] = ()) -> None:
        self.settings_problems = settings_problems
        self.figures: Mapping[str, float] = {}
        self.camera = ""
        self.eye_open = False
        self.eye_starts = 0
        self.eye_problem = ""
        self.switch_problem = ""
        self.surfaces: dict[str, str] = {}
        self.sound_problem = ""
        self.alarm_problem = ""
        self.group_problem = ""
        self.store_problem = ""
        self.library_problems: tuple[str, ...] = ()
        self.library_notes: tuple[str, ...] = ()
        self.library_loaded = False
        self._window: list[float] = []

    def eye_opened(self, camera: str) -> None:
        """The camera delivers frames."""
        self.camera, self.eye_open, self.eye_problem = camera, True, ""
        self.eye_starts += 1

    def eye_closed(self, problem: str) -> None:
        """The camera is off, or the eye is gone."""
        self.eye_open, self.eye_problem = False, problem
        self._window.clear()

    def reading(self, reading: Reading) -> None:
        """Count a reading."""
        self._window.append(reading.at_s)
        while self._window[-1] - self._window[0] > SPEED_WINDOW_S:
            self._window.pop(0)

    @property
    def fps(self) -> float:
        """Readings per second over the last ten seconds; 0 with the camera off."""
        if len(self._window) < 2 or self._window[-1] <= self._window[0]:
            return 0.0
        return (len(self._window) - 1) / (self._window[-1] - self._window[0])

    def report(
        self, started: Now, now: Now, tracks: int, analysed: int, switched_off: bool = False, away: tuple[str, ...] = ()
    ) -> HealthReport:
        """The health report. `switched_off`: the camera, by its hardware switch. `away`: a sentence for each disk that
        does not answer to the player."""
        own = (self.group_problem, self.sound_problem, self.alarm_problem, self.store_problem)
        services = (self.eye_problem, self.switch_problem, *self.surfaces.values(), *own)
        library = self.library_problems
        if self.library_loaded and not tracks and not library:
            library = ("There is no music yet; copy some into one of music.folders, or plug in a USB drive.",)
        problems = (*shorten(self.settings_problems), *services, *away, *shorten(library))
        return HealthReport(
            problems=tuple(problem for problem in problems if problem),
            notes=shorten(self.library_notes),
            uptime_s=now.mono - started.mono,
            camera=self.camera if self.eye_open else SWITCHED_OFF if switched_off else "",
            eye_fps=self.fps,
            eye_starts=self.eye_starts,
            tracks=tracks,
            analysed=analysed,
            figures=self.figures,
        )


def shorten(sentences: tuple[str, ...], listed: int = LISTED) -> tuple[str, ...]:
    """The first sentences, and the number of the rest."""
    more = len(sentences) - listed
    return sentences if more <= 0 else (*sentences[:listed], f"and {more} more")
