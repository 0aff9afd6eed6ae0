"""Where the sound goes: chooses VLC's audio output from the settings, and finds out why nothing is heard.

An `Output` says what libVLC must be told and how a volume is set so that it can be trusted. Used by the player's
worker thread; looks at /dev/snd and at the sound server's socket, and asks libasound why a device does not open.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from device.config import PlayerConfig
from device.errors import PlayerError
from device.music import alsa
from device.music.libvlc import LibVlc
from device.music.wav_sink import CHANNELS, RATE_HZ, WavSink

CONNECT_S = 1.0


class Output:
    """VLC's dummy output: takes the music at its pace and nobody hears it. Base of those that are heard."""

    module = "adummy"
    lag_s = 0.0  # how long after a change of volume it is heard

    def __init__(self, words: str = "no sound (VLC's dummy output)") -> None:
        self.words = words

    def arguments(self) -> list[str]:
        """What libVLC is started with. Without ",none" it would quietly take another output than the one asked for."""
        return [f"--aout={self.module},none"]

    def attach(self, libvlc: LibVlc, player: Any) -> None:
        """Prepare a new media player of libVLC, before it has a media."""

    def set_volume(self, player: Any, percent: int) -> bool:
        """Set it; True when it is certain that what is heard from now on is not louder than `percent`."""
        return True

    def problem(self) -> str:
        """Why this output is silent, as a sentence; empty if it seems to work. Not while something plays."""
        return ""

    def hurry(self, on: bool) -> None:
        """Stop keeping time (`on`), because the music is about to be cut, or keep it again."""

    def close(self) -> None:
        """Release what the output itself holds; idempotent."""


class DeviceOutput(Output):
    """An output with a volume of its own.

    libVLC takes a volume before anything plays only from a media player that has never played: afterwards its audio
    output is either gone (volume -1) or, with PulseAudio, starts the next track at 100%. So each track gets a media
    player of its own, the volume is set to 0 on it and read back, and only then may it play.
    """

    def set_volume(self, player: Any, percent: int) -> bool:
        return bool(player.audio_set_volume(percent) == 0 and player.audio_get_volume() == percent)


class AlsaOutput(DeviceOutput):
    """Straight to ALSA. libVLC scales the samples itself, so a change is heard when they leave its buffer."""

    module = "alsa"
    lag_s = 0.35  # measured; goes with FILE_CACHING_MS in libvlc.py

    def __init__(self, device: str) -> None:
        super().__init__(f"ALSA device {device or 'default'}")
        self._device = device
        alsa.hush()

    def arguments(self) -> list[str]:
        chosen = [f"--alsa-audio-device={self._device}"] if self._device else []
        # Should the volume ever not be set in time, the start is silent instead of at 100%.
        return [*super().arguments(), "--alsa-gain=0", *chosen]

    def problem(self) -> str:
        reason = alsa.why_not(self._device or "default")
        if not reason:
            return ""
        return (
            f"{self.words} does not open ({reason}): see `aplay -L` for the devices there are, "
            "and put one into player.device"
        )


class PulseOutput(DeviceOutput):
    """Through a PulseAudio or PipeWire server, which scales the samples as they are heard."""

    module = "pulse"

    def __init__(self, device: str) -> None:
        super().__init__(f"sound server, device {device or 'default'}")
        self._device = device

    def attach(self, libvlc: LibVlc, player: Any) -> None:
        if self._device:
            player.audio_output_device_set(None, self._device)

    def problem(self) -> str:
        if pulse_answers(os.environ):
            return ""
        return "No PulseAudio or PipeWire server answers this user: start it, or set player.output to alsa"


class FileOutput(Output):
    """Into a WAV file: what would be heard, at the volume that it would have."""

    module = "amem"

    def __init__(self, path: Path) -> None:
        super().__init__(f"file {path}")
        self._sink = WavSink(path)
        self._callback: object = None

    def arguments(self) -> list[str]:
        return []  # libVLC chooses its memory output when callbacks are attached

    def attach(self, libvlc: LibVlc, player: Any) -> None:
        self._sink.rewind()
        self._callback = libvlc.stream_to(player, self._sink.take, RATE_HZ, CHANNELS)

    def set_volume(self, player: Any, percent: int) -> bool:
        self._sink.set_volume(percent)
        return True

    def problem(self) -> str:
        return self._sink.problem

    def hurry(self, on: bool) -> None:
        self._sink.hurry(on)

    def close(self) -> None:
        self._sink.close()


def choose(config: PlayerConfig, data_dir: Path, dev: Path = Path("/dev")) -> Output:
    """The output for these settings. `auto` takes a sound server, else a sound card, else the dummy.

    Raises PlayerError if the file to write to cannot be opened.
    """
    match config.output if config.output != "auto" else present(os.environ, dev):
        case "pulse":
            return PulseOutput(config.device)
        case "alsa":
            return AlsaOutput(config.device)
        case "file":
            return FileOutput(data_dir / "audio.wav")
        case "dummy":
            return Output()
        case "nothing":
            return Output("no sound: neither a sound card nor a sound server was found, so music plays unheard")
        case other:
            raise PlayerError(f"player.output is {other!r}: expected auto, alsa, pulse, dummy or file")


def present(environment: Mapping[str, str], dev: Path) -> str:
    """What this machine has: "pulse", "alsa" or "nothing"."""
    if pulse_answers(environment):
        return "pulse"
    return "alsa" if any(dev.glob("snd/pcmC*D*p")) else "nothing"


def pulse_answers(environment: Mapping[str, str]) -> bool:
    """Whether a sound server takes a connection from this user. A server elsewhere in the network is believed."""
    named = environment.get("PULSE_SERVER", "")
    if named and not named.startswith(("unix:", "/")):
        return True
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    path = named.removeprefix("unix:") or f"{runtime}/pulse/native"
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(CONNECT_S)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
