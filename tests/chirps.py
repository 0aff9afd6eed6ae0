"""Chirps in every format that Affetto plays: the pitch says where in the file one is. PyAV encodes them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from mutagen.id3 import APIC, ID3
from mutagen.ogg import OggPage

RATE_HZ = 44100
SECONDS = 40.0
LOW_HZ, HIGH_HZ = 300.0, 2700.0

Signal = npt.NDArray[np.float64]


def chirp(seconds: float = SECONDS) -> Signal:
    """Rises evenly. Noise makes the first third dear, so that half of a file of variable bit rate is not half of the
    time."""
    at_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = 0.4 * np.sin(2 * np.pi * (LOW_HZ * at_s + (HIGH_HZ - LOW_HZ) / (2 * seconds) * at_s**2))
    third = len(wave) // 3
    wave[:third] += 0.12 * np.random.default_rng(1).standard_normal(third)
    return wave


def place_of(
    sound: npt.NDArray[Any], seconds: float = SECONDS, range_hz: tuple[float, float] = (LOW_HZ, HIGH_HZ)
) -> float:
    """Where in the chirp the first sample of `sound` is, by the pitch in the middle of it."""
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    spectrum[: round(range_hz[0] / 2 * size / RATE_HZ)] = 0
    hz = float(np.argmax(spectrum)) * RATE_HZ / size
    return (hz - range_hz[0]) * seconds / (range_hz[1] - range_hz[0]) - len(sound) / 2 / RATE_HZ


@dataclass(frozen=True, slots=True)
class Format:
    """How to encode: the codec, its options, those of the container, and what is done to the file afterwards."""

    codec: str
    rate_hz: int = RATE_HZ
    layout: str = "stereo"
    bit_rate: int | None = None
    codec_options: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    container: str | None = None
    change: Callable[[bytes], bytes] = bytes


def encode(path: Path, signal: Signal, how: Format) -> Path:
    """Write the signal, on both channels."""
    data = np.round(np.clip(signal, -1, 1) * 32767).astype("<i2")
    with av.open(str(path), "w", format=how.container, options=dict(how.options)) as file:
        stream: Any = file.add_stream(how.codec, rate=how.rate_hz, layout=how.layout, options=dict(how.codec_options))
        if how.bit_rate is not None:
            stream.bit_rate = how.bit_rate
        resampler = av.AudioResampler(stream.format, how.layout, how.rate_hz)
        for at in range(0, len(data), RATE_HZ):
            frame = av.AudioFrame.from_ndarray(np.repeat(data[at : at + RATE_HZ], 2).reshape(1, -1), layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, at, Fraction(1, RATE_HZ)
            for resampled in resampler.resample(frame):
                file.mux(stream.encode(resampled))
        for resampled in resampler.resample(None):
            file.mux(stream.encode(resampled))
        file.mux(stream.encode(None))
    path.write_bytes(how.change(path.read_bytes()))
    return path


def joined(path: Path, how: Format, parts: int) -> Path:
    """Several files in one, as `cat` joins them: the chirp in so many parts. With Ogg that is a chain."""
    data = []
    for number, signal in enumerate(np.array_split(chirp(), parts)):
        part = encode(path.with_name(f"part{number}{path.suffix}"), signal, how)
        data.append(_with_serial(part.read_bytes(), 1000 + number) if path.suffix == ".ogg" else part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(data))
    return path


def _with_serial(data: bytes, serial: int) -> bytes:
    """An Ogg file whose stream has this serial number."""
    file, pages = io.BytesIO(data), []
    while file.tell() < len(data):
        page = OggPage(file)
        page.serial = serial
        pages.append(page.write())
    return b"".join(pages)


def with_byte_rate(bytes_a_second: int) -> Callable[[bytes], bytes]:
    """A WAV file whose header gives this rate, right or wrong."""

    def change(data: bytes) -> bytes:
        at = data.find(b"fmt ") + 16
        return data[:at] + bytes_a_second.to_bytes(4, "little") + data[at + 4 :]

    return change


def with_big_cover(data: bytes) -> bytes:
    """ID3 in front, longer than the sound."""
    file = io.BytesIO()
    ID3().save(file)
    tag = ID3()
    tag.add(APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=np.random.default_rng(2).bytes(900_000)))
    tag.save(file)
    return file.getvalue() + data


VARIABLE = {"global_quality": "472", "flags": "+qscale"}
VORBIS = Format("vorbis", bit_rate=128_000, codec_options={"strict": "-2"})
FORMATS = {
    "constant.mp3": Format("libmp3lame", bit_rate=128_000),
    "variable.mp3": Format("libmp3lame", codec_options=VARIABLE),
    "no_xing.mp3": Format("libmp3lame", codec_options=VARIABLE, options={"write_xing": "0"}),
    "big_cover.mp3": Format("libmp3lame", codec_options=VARIABLE, change=with_big_cover),
    "layer2.mp2": Format("mp2", bit_rate=192_000),
    "plain.flac": Format("flac"),
    "id3.flac": Format("flac", change=with_big_cover),
    "flac.oga": Format("flac", container="ogg"),
    "vorbis.ogg": VORBIS,
    "opus.opus": Format("libopus", rate_hz=48000),
    "opus.ogg": Format("libopus", rate_hz=48000, container="ogg"),
    "aac.m4a": Format("aac", bit_rate=128_000),
    "alac.m4a": Format("alac"),
    "fragmented.m4a": Format("aac", options={"movflags": "frag_keyframe+empty_moov", "frag_duration": "1000000"}),
    "dash.m4a": Format("aac", options={"movflags": "dash+empty_moov+global_sidx", "frag_duration": "2000000"}),
    "plain.wav": Format("pcm_s16le"),
    "24bit.wav": Format("pcm_s24le", rate_hz=48000),
    "mulaw.wav": Format("pcm_mulaw"),
    "wrong_rate.wav": Format("pcm_s16le", change=with_byte_rate(100_000)),
    "ms_adpcm.wav": Format("adpcm_ms"),
    "ima_adpcm.wav": Format("adpcm_ima_wav", layout="mono"),
    "wrong_rate_adpcm.wav": Format("adpcm_ms", rate_hz=22050, change=with_byte_rate(40_000)),
    "mp3.wav": Format("libmp3lame", bit_rate=128_000),
    "variable_mp3.wav": Format("libmp3lame", codec_options=VARIABLE),
    "plain.aiff": Format("pcm_s16be"),
    "windows.wma": Format("wmav2", bit_rate=128_000, container="asf"),
    "adts.aac": Format("aac", container="adts"),
    "id3.aac": Format("aac", container="adts", change=with_big_cover),
    "vorbis.mka": VORBIS,
    "opus.webm": Format("libopus", rate_hz=48000),
    "pack.wv": Format("wavpack"),
}
JOINED = {"chained.ogg": (VORBIS, 3), "joined.mp3": (FORMATS["variable.mp3"], 2)}
NAMES = (*FORMATS, *JOINED)


def write(path: Path, name: str) -> Path:
    """The chirp in the format of this name."""
    return joined(path, *JOINED[name]) if name in JOINED else encode(path, chirp(), FORMATS[name])
