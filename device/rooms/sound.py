"""Lets the group's sound follow the Snapshot: lead, follow or play alone. Decides nothing; main thread."""

from __future__ import annotations

from typing import Protocol

from device.domain import Announce, Answer, Handled, Now, Snapshot


class GroupSound(Protocol):
    """What plays one sound on several devices; see music/snapcast."""

    @property
    def alive(self) -> bool: ...
    def lead(self, port: int, bind: str) -> None: ...
    def follow(self, host: str, port: int) -> None: ...
    def leave(self) -> None: ...
    def set_volume(self, percent: int) -> None: ...
    def close(self) -> None: ...


class SoundSurface:
    """`address`: the one on which the leader's sound is to be had; empty for all."""

    def __init__(self, sound: GroupSound, port: int, address: str = "") -> None:
        self._sound, self._port, self._bind = sound, port, address or "0.0.0.0"
        self._source: str | None = None  # the leader's address; "" while this device leads, None while it is alone
        self._volume: int | None = None

    def start(self) -> None:
        """Nothing to start."""

    @property
    def alive(self) -> bool:
        """Whether the sound's thread works."""
        return self._sound.alive

    def show(self, snapshot: Snapshot, now: Now) -> None:
        """Lead, follow or leave if that has changed. While nobody leads, what is heard stays as it is."""
        volume = 0 if snapshot.playback.muted else snapshot.playback.volume
        if volume != self._volume:
            self._volume = volume
            self._sound.set_volume(volume)
        group = snapshot.group
        if group is None:
            source = None
        elif group.leads:
            source = ""
        elif group.host:
            source = group.host
        else:
            return
        if source != self._source:
            self._source = source
            self._take_part(source)

    def _take_part(self, source: str | None) -> None:
        if source is None:
            self._sound.leave()
        elif source == "":
            self._sound.lead(self._port, self._bind)
        else:
            self._sound.follow(source, self._port)

    def notify(self, notice: Announce | Answer | Handled) -> None:
        """Do nothing: sound has no notices."""

    def close(self) -> None:
        """End the group's sound."""
        self._sound.close()
