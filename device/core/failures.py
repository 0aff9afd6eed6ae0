"""Files that cannot be played, and pauses when many fail in a row. Pure; main thread, owned by `Chooser`."""

from __future__ import annotations

from device.domain import Now

IN_A_ROW = 5  # then a pause: a whole drive may be gone
REST_S = 5.0  # each pause is twice as long as the one before; this starts the series
LONGEST_REST_S = 300.0


class Failures:
    """`keys` are the tracks that failed since the last scan or pause. Until `rest_until` (monotonic, s), nothing should
    be tried."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.rest_until = float("-inf")
        self._in_a_row = 0

    def add(self, key: str, tracks: int, now: Now) -> None:
        """One more failure, in a library of this many tracks."""
        self.keys.add(key)
        self._in_a_row += 1
        if self._in_a_row % IN_A_ROW == 0 or len(self.keys) >= tracks:
            rests = self._in_a_row // IN_A_ROW
            self.rest_until = now.mono + min(REST_S * 2**rests, LONGEST_REST_S)
            self.keys.clear()

    def success(self) -> None:
        """A track plays."""
        self._in_a_row = 0
