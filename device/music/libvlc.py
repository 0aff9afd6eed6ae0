"""libVLC as far as the player needs it. Adapter: nobody else imports python-vlc.

Every function here is called by the player's worker thread only. libVLC's own threads call what is given to `listen`
and `stream_to`, and the log's counter; none of them may call libVLC back, or it may lock up (python-vlc issue 77).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

from device.errors import PlayerError

# libVLC scales samples when it has decoded them, this long before ALSA plays them. With the 1000 ms that are usual a
# change of volume is heard a second late, and cutting a track takes most of a second.
FILE_CACHING_MS = 300
OPTIONS = (
    "--quiet",  # libavcodec's own log too
    "--intf=dummy",
    "--no-video",
    "--no-spu",
    "--no-sub-autodetect-file",
    "--no-spdif",  # samples that VLC only passes through have no volume
    "--no-metadata-network-access",
    f"--file-caching={FILE_CACHING_MS}",
)
OUTPUT_MODULES = {b"alsa", b"pulse", b"vlcpulse"}
PLAYING = "MediaPlayerPlaying"
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

    def __init__(self, arguments: list[str]) -> None:
        """Raises PlayerError if libVLC is missing or does not start."""
        self._vlc = load()
        self._instance: Any = self._vlc.Instance([*OPTIONS, *arguments])
        self.version = bytes(self._vlc.libvlc_get_version()).decode()  # such as "3.0.21 Vetinari"
        if self._instance is None:
            raise PlayerError(
                f"libVLC {self.version} does not start with {' '.join(arguments)}: apt install vlc-plugin-base"
            )
        self.output_errors = 0  # complaints of the sound device so far
        self._log = self._hush()

    def _hush(self) -> Any:
        """Take libVLC's log away from stderr, and count what its audio outputs complain of: that is the only sign it
        gives of a sound device that went away, for it goes on "playing" and counting blocks."""

        @self._vlc.CallbackDecorators.LogCb  # type: ignore[untyped-decorator]
        def log(_data: object, level: int, context: object, _format: bytes, _arguments: object) -> None:
            if level < self._vlc.LogLevel.ERROR.value:
                return
            module, file, line = ctypes.c_char_p(), ctypes.c_char_p(), ctypes.c_uint()
            self._vlc.dll.libvlc_log_get_context(context, ctypes.byref(module), ctypes.byref(file), ctypes.byref(line))
            if module.value in OUTPUT_MODULES:
                self.output_errors += 1

        self._instance.log_set(log, None)
        return log

    def player(self) -> Any:
        """A media player that has never played."""
        return self._instance.media_player_new()

    def media(self, uri: str) -> Any:
        """The media at a percent-encoded `file://` URI; nothing is opened yet."""
        return self._instance.media_new_location(uri)

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

    def stream_to(self, player: Any, take: Callable[[bytes, float], None], rate_hz: int, channels: int) -> object:
        """Have `take(samples, due_s)` called on libVLC's thread with 16-bit samples and the seconds until they are to
        be heard. The answer must be kept for as long as the player lives: libVLC has only a pointer to it."""

        @self._vlc.CallbackDecorators.AudioPlayCb  # type: ignore[untyped-decorator]
        def play(_opaque: object, samples: int, count: int, pts_us: int) -> None:
            due_s = (pts_us - self._vlc.libvlc_clock()) / 1e6  # only reads a clock
            take(ctypes.string_at(samples, count * 2 * channels), due_s)

        player.audio_set_callbacks(play, None, None, None, None, None)
        player.audio_set_format("S16N", rate_hz, channels)
        return play

    def counts(self, media: Any) -> tuple[int, int]:
        """Blocks of sound decoded, and those that the audio output has taken, so far."""
        stats = self._vlc.MediaStats()
        media.get_stats(ctypes.byref(stats))
        return stats.decoded_audio, stats.played_abuffers

    def release(self) -> None:
        """Unload; nothing may play any more."""
        self._instance.log_unset()
        self._instance.release()
