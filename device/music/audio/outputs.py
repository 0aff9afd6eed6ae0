"""The interface of outputs, the outputs without a device, and the choice among all outputs.

An `Output` takes blocks that are already at their volume and keeps their pace. It belongs to the player's worker
thread; `present` looks at /dev/snd and asks for a sound server.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from device.config.schema import PlayerConfig
from device.errors import PlayerError
from device.music.audio import pulse
from device.music.audio.alsa import AlsaOutput
from device.music.audio.mixer import FloatFrames
from device.music.audio.pace import Pace
from device.music.audio.wav_file import WavFile

LEAD_S = 0.1  # how far ahead of time those without a device take their blocks


class Output(Protocol):
    """A place for sound. Only `write` and `open` may wait, and `write` at most as long as the block lasts."""

    words: str
    """Where it goes, for people."""

    def open(self) -> None:
        """Open the device. Raises SoundError with the reason; the caller may try again."""

    def write(self, sound: FloatFrames) -> None:
        """Write the next block; waits for room. Raises SoundError, and closes the device, if it is gone."""

    def delay_s(self) -> float:
        """The time until the next block would be audible."""

    def drop(self) -> None:
        """Close the device and drop what it has not played yet. Does nothing if it is not open."""

    def problem(self) -> str:
        """Why this output is silent, as a sentence; empty if it seems to work. Not while it is open."""

    def close(self) -> None:
        """Release everything; idempotent."""


class UnheardOutput:
    """Takes blocks in real time and drops them."""

    def __init__(self, words: str = "no sound (dummy output)") -> None:
        self.words = words
        self._pace = Pace(LEAD_S)

    def open(self) -> None:
        """Nothing to open."""

    def write(self, sound: FloatFrames) -> None:
        """Wait until there would be room."""
        self._pace.keep(len(sound))

    def delay_s(self) -> float:
        """The time by which writing is ahead."""
        return self._pace.ahead_s()

    def drop(self) -> None:
        """Start counting again."""
        self._pace.reset()

    def problem(self) -> str:
        """It always works."""
        return ""

    def close(self) -> None:
        """Nothing to release."""


class FileOutput(UnheardOutput):
    """Writes what one would hear into a WAV file, in real time."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"file {path}")
        self._file = WavFile(path)

    def write(self, sound: FloatFrames) -> None:
        """Append, and wait."""
        self._file.append(sound)
        super().write(sound)

    def problem(self) -> str:
        """Why no more is written."""
        return self._file.problem

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def choose(config: PlayerConfig, data_dir: Path, dev: Path = Path("/dev")) -> Output:
    """The output for these settings. `auto` takes a sound server, else a sound card, else the dummy.

    Raises PlayerError if the file to write to cannot be opened.
    """
    match config.output if config.output != "auto" else present(os.environ, dev):
        case "pulse":
            return pulse.PulseOutput(config.device)
        case "alsa":
            return AlsaOutput(config.device)
        case "file":
            return FileOutput(data_dir / "audio.wav")
        case "dummy":
            return UnheardOutput()
        case "nothing":
            return UnheardOutput("no sound: there is neither a sound card nor a sound server")
        case other:
            raise PlayerError(f"player.output is {other!r}: expected auto, alsa, pulse, dummy or file")


def present(environment: Mapping[str, str], dev: Path) -> str:
    """What this machine has: "pulse", "alsa" or "nothing"."""
    if pulse.answers(environment):
        return "pulse"
    return "alsa" if any(dev.glob("snd/pcmC*D*p")) else "nothing"
