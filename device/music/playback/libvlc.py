"""libVLC as far as the player needs it. Adapter: nobody else imports python-vlc.

libVLC finds out what a file is, opens and decodes it; mixing and sounding is ours (device/music/sound), because
libVLC 3 cannot start a track at a given sample, which gapless playing needs. Functions here are called by the player's
worker thread, and `stop` by the thread that puts decks away. libVLC's own threads call what is given to `listen` and
`stream_to`; none of it may call libVLC back, or it may lock up (python-vlc issue 77).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

from device.errors import PlayerError
from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ

# How far ahead of time libVLC decodes; its core never goes further than 2 s.
FILE_CACHING_MS = 3000
OPTIONS = (
    "--quiet",  # libavcodec's own log too
    "--intf=dummy",
    "--no-video",
    "--no-spu",
    "--no-sub-autodetect-file",
    "--no-spdif",  # samples that are only passed through are no samples
    "--no-metadata-network-access",
    f"--file-caching={FILE_CACHING_MS}",
)
ENDED = "MediaPlayerEndReached"
ERROR = "MediaPlayerEncounteredError"


def load() -> Any:
    """python-vlc with its libVLC, or a PlayerError that says what to install."""
    try:
        import vlc
    except ImportError as error:
        raise PlayerError("python-vlc is not installed: pip install python-vlc") from error
    except (OSError, NameError, AttributeError) as error:  # python-vlc looks for the library when it is imported
        raise PlayerError("libVLC is not installed: apt install libvlc5 vlc-plugin-base") from error
    return vlc


class LibVlc:
    """One running libVLC."""

    def __init__(self) -> None:
        """Raises PlayerError if libVLC is missing or does not start."""
        self._vlc = load()
        self._instance: Any = self._vlc.Instance(list(OPTIONS))
        self.version = bytes(self._vlc.libvlc_get_version()).decode()  # such as "3.0.21 Vetinari"
        if self._instance is None:
            raise PlayerError(f"libVLC {self.version} does not start: apt install vlc-plugin-base")
        self._log = self._hush()

    def _hush(self) -> Any:
        """Take libVLC's log away from stderr."""

        @self._vlc.CallbackDecorators.LogCb  # type: ignore[untyped-decorator]
        def log(_data: object, _level: int, _context: object, _format: bytes, _arguments: object) -> None:
            pass

        self._instance.log_set(log, None)
        return log

    def player(self) -> Any:
        """A media player that has never played."""
        return self._instance.media_player_new()

    def media(self, uri: str, start_s: float) -> Any:
        """The media at a percent-encoded `file://` URI, to be played from `start_s` on; nothing is opened yet."""
        media = self._instance.media_new_location(uri)
        if start_s > 0:
            media.add_option(f":start-time={start_s:.3f}")
        if uri.lower().endswith(".opus"):
            media.add_option(":demux=avformat,any")  # libVLC's own leaves out the first 74 ms; this one 13
        return media

    def listen(self, player: Any, calls: Mapping[str, Callable[[], None]]) -> Callable[[], None]:
        """Have each call called on libVLC's thread when the event of its name happens. The answer ends that, and must
        be kept until then: python-vlc's handler dies with the event manager."""
        manager = player.event_manager()
        events = {name: getattr(self._vlc.EventType, name) for name in calls}
        for name, call in calls.items():
            manager.event_attach(events[name], lambda _event, call=call: call())

        def forget() -> None:
            for event in events.values():
                manager.event_detach(event)

        return forget

    def stream_to(self, player: Any, take: Callable[[bytes], None], finish: Callable[[], None]) -> object:
        """Have `take(samples)` called on libVLC's thread with stereo 16-bit samples at 44.1 kHz as they are decoded, up
        to 2 s ahead of time, and `finish()` after the last. The answer must be kept for as long as the player lives:
        libVLC has only a pointer to it. (Its memory output knows no finer samples before version 4.)"""

        @self._vlc.CallbackDecorators.AudioPlayCb  # type: ignore[untyped-decorator]
        def play(_opaque: object, samples: int, count: int, _pts_us: int) -> None:
            take(ctypes.string_at(samples, count * 2 * CHANNELS))

        @self._vlc.CallbackDecorators.AudioDrainCb  # type: ignore[untyped-decorator]
        def drain(_opaque: object) -> None:
            finish()

        player.audio_set_callbacks(play, None, None, None, drain, None)
        player.audio_set_format("S16N", RATE_HZ, CHANNELS)
        return play, drain

    def release(self) -> None:
        """Unload; nothing may play any more."""
        self._instance.log_unset()
        self._instance.release()
