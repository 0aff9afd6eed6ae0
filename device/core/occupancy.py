"""Whether somebody is in the room. Pure; main thread, owned by the session."""

from __future__ import annotations

from device.domain import Now


class Occupancy:
    """The room stays occupied for `hold_s` after the last face: people turn round, bend down and read."""

    def __init__(self, hold_s: float) -> None:
        self._hold_s = hold_s
        self._seen_at: float | None = None  # when a face was last seen
        self._watching = False

    def look(self, faces: int, now: Now) -> None:
        """The camera sees this many faces."""
        self._watching = True
        if faces > 0:
            self._seen_at = now.mono

    def stop(self) -> None:
        """The camera is off, or the eye is gone."""
        self._watching, self._seen_at = False, None

    def state(self, now: Now) -> bool | None:
        """Whether the room is occupied; None if no camera looks."""
        if not self._watching:
            return None
        return self._seen_at is not None and now.mono - self._seen_at <= self._hold_s
