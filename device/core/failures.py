"""Files that cannot be played, disks that do not answer, and pauses when much fails in a row. Pure; main thread, owned
by `Chooser`."""

from __future__ import annotations

from collections.abc import Iterable

from device.domain import Disk, Now, Track

IN_A_ROW = 5  # then a pause: a whole drive may be gone
REST_S = 5.0  # each pause is twice as long as the one before; this starts the series
LONGEST_REST_S = 300.0
AWAY_S = 120.0  # a disk that did not answer rests for this time: each try costs some 20 s of silence
AWAY = "{} does not answer. Switch it on, or connect it again; its songs come back by themselves."


class Failures:
    """`keys` are the tracks that failed since the last scan or pause, `away` those on disks that do not answer. Until
    `rest_until` (monotonic, s), nothing should be tried."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.away: frozenset[str] = frozenset()
        self.rest_until = float("-inf")
        self._in_a_row = 0
        self._disks: dict[Disk, float] = {}  # until when (monotonic, s)

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each disk that does not answer."""
        return tuple(AWAY.format(disk.name) for disk in self._disks)

    def add(self, key: str, tracks: int, now: Now) -> None:
        """One more failure, in a library of this many tracks. `key`: of the track, empty if it is not to blame."""
        self.keys |= {key} - {""}
        self._in_a_row += 1
        if self._in_a_row % IN_A_ROW == 0 or len(self.keys) >= tracks:
            rests = self._in_a_row // IN_A_ROW
            self.rest_until = now.mono + min(REST_S * 2**rests, LONGEST_REST_S)
            self.keys.clear()

    def lose(self, disk: Disk, tracks: Iterable[Track], now: Now) -> None:
        """A disk does not answer; `tracks` are all that there are."""
        self._disks[disk] = now.mono + AWAY_S
        self.load(tracks)

    def load(self, tracks: Iterable[Track]) -> None:
        """The library is another one. If it has nothing of a disk, a scan has missed it, too, and will find it."""
        uris = [track.uri for track in tracks] if self._disks else []
        self._disks = {
            disk: until for disk, until in self._disks.items() if any(uri.startswith(f"{disk.uri}/") for uri in uris)
        }
        tops = tuple(f"{disk.uri}/" for disk in self._disks)
        self.away = frozenset(track.key for track in tracks if track.uri.startswith(tops)) if tops else frozenset()

    def forgive(self, tracks: Iterable[Track], now: Now) -> None:
        """Let disks be tried again that were left alone long enough."""
        if any(until <= now.mono for until in self._disks.values()):
            self._disks = {disk: until for disk, until in self._disks.items() if until > now.mono}
            self.load(tracks)

    def success(self) -> None:
        """A track plays."""
        self._in_a_row = 0
