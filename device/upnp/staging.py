"""Media that control points send: when they wait, when they start, and what a Stop before them means. Pure.

Home Assistant sends Stop, SetAVTransportURI and, unless the device is playing already, Play. If that Stop stopped the
music, the music would not come back after an announcement. So a Stop waits for a moment, and media that follow replace
it. Any other command carries out the Stop first.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from device.domain import Command, Enqueue, PlaybackState, PlayMedia, SetPlayback, StopMedia, Transport, Where
from device.upnp.didl import describe
from device.upnp.soap import Code
from device.upnp.state import MUSIC, Media, View, key_of
from device.upnp.translate import Ask, Load

HOLD_S = 0.3
ANNOUNCEMENTS = ("/api/tts_proxy/",)
"""Paths of speech from Home Assistant. UPnP itself has no word for announcements."""

STOP, PLAY = SetPlayback(Transport.STOP), SetPlayback(Transport.PLAY)


class Staging:
    """Belongs to the thread of the event loop. `media` wait for Play. `stopping`: a Stop waits."""

    def __init__(self) -> None:
        self.media: Media | None = None
        self.stopping = False

    def ask(self, wish: Ask, view: View) -> Ask:
        """What the device must do for this wish now."""
        commands = wish.commands
        if commands == (STOP,):
            self.media = None
            if not self.stopping and view.playback.state is not PlaybackState.STOPPED:
                self.stopping = True
                return Ask(())
        if commands == (PLAY,) and self.media is not None:
            media, self.media = self.media, None
            commands = (command(media, view),)
        return Ask((*self.stop(), *commands), wish.refusal)

    def load(self, wish: Load, view: View) -> Ask:
        """What the device must do when somebody names media."""
        self.stopping, self.media = False, None
        if not wish.media.url or wish.media.url == view.base + MUSIC:
            return Ask((StopMedia(),) if view.playback.foreign else ())
        if view.playback.state is PlaybackState.PLAYING:
            return Ask((command(wish.media, view),), Code.RESOURCE_NOT_FOUND)
        self.media = wish.media
        return Ask(())

    def stop(self) -> tuple[Command, ...]:
        """The Stop that waits, if any: it waits no longer."""
        waiting, self.stopping = self.stopping, False
        return (STOP,) if waiting else ()


def command(media: Media, view: View) -> PlayMedia | Enqueue:
    """The command that plays these media. A file that this device itself offers is a track of its library."""
    if (key := key_of(media.url, view)) is not None:
        return Enqueue((key,), Where.NOW)
    said = describe(media.metadata)
    spoken = urlsplit(media.url).path.startswith(ANNOUNCEMENTS)
    return PlayMedia(media.url, said.title, said.artist, said.album, announce=spoken, duration_s=said.duration_s)
