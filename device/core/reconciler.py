"""What the rest of the program is to keep so, and what it was asked already. Pure; main thread, owned by the session.

To the volume, the camera, the room, the cover and what is saved, this is what the publisher is to documents on MQTT:
it compares what ought to be with what was last asked for, and only the differences become actions.
"""

from __future__ import annotations

from device.domain import Action, CloseEye, Memory, OpenEye, ReadCover, Save, SetVolume, Subscribe


class Reconciler:
    """Remembers what was last asked for; `saved` is the memory as it lies on the disk."""

    def __init__(self, saved: Memory) -> None:
        self.cover = b""
        """The picture to show for what plays: a JPEG, or empty for none."""
        self._saved = saved
        self._eye = False
        self._volume: int | None = None
        self._room: str | None = None
        self._cover_uri = ""

    def changes(self, memory: Memory, uri: str) -> list[Action]:
        """What has to be done so that all is as `memory` says, with the cover of the track at `uri` (empty: none)."""
        actions: list[Action] = []
        if memory.volume != self._volume:
            self._volume = memory.volume
            actions.append(SetVolume(memory.volume))
        if memory.camera != self._eye:
            self._eye = memory.camera
            actions.append(OpenEye() if memory.camera else CloseEye())
        if memory.room != self._room:
            self._room = memory.room
            actions.append(Subscribe(memory.room))
        actions += self._change_cover(uri)
        if memory != self._saved:
            self._saved = memory
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
