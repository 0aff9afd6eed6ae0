"""Compares what ought to be with what was last asked for; only the differences become actions. Pure; main thread.

It minds the volume, the eye, the cover and what is saved, so that nothing else has to remember to ask.
"""

from __future__ import annotations

from device.domain import Action, CloseEye, Memory, OpenEye, RampVolume, ReadCover, Save


class Reconciler:
    """Remembers what was last asked for; `saved` is the memory as it lies on the disk."""

    def __init__(self, saved: Memory) -> None:
        self.cover = b""
        """The picture to show for what plays: a JPEG, or empty for none."""
        self._asked = saved
        self._eye = False
        self._volume: int | None = None
        self._cover_uri = ""

    def actions(self, memory: Memory, uri: str) -> list[Action]:
        """What makes all as `memory` says, with the cover of the track at `uri` (empty: none)."""
        actions: list[Action] = []
        if memory.volume != self._volume:
            self._volume = memory.volume
            actions.append(RampVolume(memory.volume))
        if memory.camera != self._eye:
            self._eye = memory.camera
            actions.append(OpenEye() if memory.camera else CloseEye())
        actions += self._change_cover(uri)
        if memory != self._asked:
            self._asked = memory
            actions.append(Save(memory))
        return actions

    def cover_read(self, uri: str, picture: bytes) -> None:
        """A cover came; one that was asked for before another track is too late."""
        if uri == self._cover_uri:
            self.cover = picture

    def _change_cover(self, uri: str) -> list[Action]:
        """Until the new one is read, the cover before it stays: an empty one in between would flicker."""
        if uri == self._cover_uri:
            return []
        self._cover_uri = uri
        if uri:
            return [ReadCover(uri)]
        self.cover = b""
        return []
