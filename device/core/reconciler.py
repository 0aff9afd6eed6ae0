"""Compares the wanted state with the last requests; only differences become actions. Pure; main thread.

It covers the volume, the eye, the cover and the saved memory, so that no other code has to request them.
"""

from __future__ import annotations

from device.domain import LARGEST_COVER, Action, CloseEye, Memory, OpenEye, RampVolume, ReadCover, Save


class Reconciler:
    """Remembers the last requests; `saved` is the memory as the disk has it."""

    def __init__(self, saved: Memory) -> None:
        self.cover = b""
        """The cover of the current track: a JPEG, or empty for none."""
        self._requested = saved
        self._eye = False
        self._volume: int | None = None
        self._cover_uri = ""
        self._cover_bytes = self._cover_limit = LARGEST_COVER  # the limit of the last request, and the limit now

    def actions(self, memory: Memory, uri: str, *, camera: bool) -> list[Action]:
        """The actions that bring everything to the state of `memory`, with the cover of the track at `uri` (empty:
        none). `camera`: whether it may look."""
        actions: list[Action] = []
        volume = 0 if memory.muted else memory.volume
        if volume != self._volume:
            self._volume = volume
            actions.append(RampVolume(volume))
        if camera != self._eye:
            self._eye = camera
            actions.append(OpenEye() if camera else CloseEye())
        actions += self._change_cover(uri)
        if memory != self._requested:
            self._requested = memory
            actions.append(Save(memory))
        return actions

    def cover_read(self, uri: str, picture: bytes) -> None:
        """Take a cover, unless it belongs to an earlier track."""
        if uri == self._cover_uri:
            self.cover = picture

    def limit_covers(self, largest_bytes: int | None) -> None:
        """A surface accepts no larger covers; None: it accepts any."""
        if largest_bytes is not None:
            self._cover_limit = min(self._cover_limit, largest_bytes)

    def _change_cover(self, uri: str) -> list[Action]:
        """The old cover stays until the new one is read: an empty one in between would flicker."""
        if (uri, self._cover_limit) == (self._cover_uri, self._cover_bytes):
            return []
        self._cover_uri, self._cover_bytes = uri, self._cover_limit
        if uri:
            return [ReadCover(uri, self._cover_bytes)]
        self.cover = b""
        return []
