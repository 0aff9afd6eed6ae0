"""Makes and reads small audio files for tests: full-scale tones in WAV, with the standard library and numpy."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device.domain import Track

RATE_HZ = 44100


def tone(path: Path, seconds: float = 1.0, hz: float = 441.0, loudness: float = 1.0) -> Path:
    """A stereo 16-bit WAV file with a sine tone; `loudness` 1 reaches full scale."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave_form = 32767 * loudness * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    with path.open("wb") as file, wave.open(file, "wb") as writer:
        writer.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        writer.writeframes(np.repeat(np.round(wave_form), 2).astype("<i2").tobytes())
    return path


def track_of(path: Path, seconds: float = 1.0) -> Track:
    """The file as the catalogue would give it to a player."""
    return Track(key=path.name, uri=path.absolute().as_uri(), title=path.stem, duration_s=seconds)


def samples(path: Path) -> npt.NDArray[np.float64]:
    """The left channel of a 16-bit stereo WAV file, -1 to 1; also of one that is still being written."""
    data = path.read_bytes()
    start = data.find(b"data") + 8
    if start < 8:
        return np.zeros(0)
    body = data[start : start + (len(data) - start) // 4 * 4]
    return np.frombuffer(body, "<i2").reshape(-1, 2)[:, 0] / 32768


def peak(path: Path) -> float:
    """The largest amplitude in a WAV file, 0 to 1."""
    return float(np.abs(samples(path)).max(initial=0.0))
