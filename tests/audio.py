"""Makes and reads small audio files for tests: tones in WAV, the bare headers of other formats, and real encodings."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from mutagen import apev2, id3
from mutagen.ogg import OggPage

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
    """The left channel of a 16 or 32-bit stereo WAV file, -1 to 1; also of one that is still being written."""
    data = path.read_bytes()
    start = data.find(b"data") + 8
    if start < 8:
        return np.zeros(0)
    width = int.from_bytes(data[34:36], "little") // 8
    body = data[start : start + (len(data) - start) // (2 * width) * 2 * width]
    return np.frombuffer(body, f"<i{width}").reshape(-1, 2)[:, 0] / 2 ** (8 * width - 1)


def peak(path: Path) -> float:
    """The largest amplitude in a WAV file, 0 to 1."""
    return float(np.abs(samples(path)).max(initial=0.0))


# --- Other formats, made by hand: enough for whoever reads headers and tags, silent for whoever plays them ----------


def mp3(path: Path, seconds: float = 1.0) -> Path:
    """MPEG-1 layer III, 128 kbit/s, 44.1 kHz, mono: frames without any sound in them."""
    frame = b"\xff\xfb\x90\xc4".ljust(417, b"\0")
    path.write_bytes(frame * round(seconds * RATE_HZ / 1152))
    return path


def flac(path: Path, seconds: float = 1.0) -> Path:
    """The header of a stereo 16-bit FLAC file."""
    count = round(seconds * RATE_HZ)
    stream = (RATE_HZ << 44) | (1 << 41) | (15 << 36) | count
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + stream.to_bytes(8, "big") + bytes(16)
    path.write_bytes(b"fLaC" + b"\x80" + len(info).to_bytes(3, "big") + info)
    return path


def ogg(path: Path, seconds: float = 1.0, codec: str = "vorbis") -> Path:
    """The headers of an Ogg Vorbis or Ogg Opus file, and a last page that says how long it is."""
    nothing = struct.pack("<I4sI", 4, b"test", 0)
    if codec == "vorbis":
        ident = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 2, RATE_HZ, 0, 128000, 0, 0xB8, 1)
        packets, rate = [ident, b"\x03vorbis" + nothing + b"\x01", b"\x05vorbis setup"], RATE_HZ
    else:
        packets, rate = [b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, 48000, 0, 0), b"OpusTags" + nothing], 48000
    pages = []
    for sequence, packet in enumerate([*packets, b"\0" * 10]):
        page = OggPage()
        page.serial, page.sequence, page.packets = 1, sequence, [packet]
        page.first, page.last = sequence == 0, sequence == len(packets)
        page.position = round(seconds * rate) if page.last else 0
        pages.append(page.write())
    path.write_bytes(b"".join(pages))
    return path


def aiff(path: Path, seconds: float = 1.0) -> Path:
    """A silent mono 16-bit AIFF file."""
    count = round(seconds * RATE_HZ)
    rate = struct.pack(">HQ", 16383 + 15, RATE_HZ << 48)  # an 80-bit float
    common = b"COMM" + struct.pack(">IHIH", 18, 1, count, 16) + rate
    sound = b"SSND" + struct.pack(">III", 8 + 2 * count, 0, 0) + bytes(2 * count)
    path.write_bytes(b"FORM" + struct.pack(">I", 4 + len(common) + len(sound)) + b"AIFF" + common + sound)
    return path


# --- Real encodings ---------------------------------------------------------------------------------------------------


def encoded(
    path: Path, container: str, codec: str, seconds: float = 3.0, *, noise_from: float = 1.0, seed: int = 1,
    muxer: dict[str, str] | None = None, encoder: dict[str, str] | None = None, tags: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """A stereo tone in any format of FFmpeg's; noise instead from `noise_from` of its length on."""
    rate_hz = 48000 if codec == "libopus" else RATE_HZ
    count = round(seconds * rate_hz)
    sound = 0.3 * np.sin(2 * np.pi * 440 * np.arange(count) / rate_hz)
    begin = round(noise_from * count)
    sound[begin:] = np.random.default_rng(seed).uniform(-0.8, 0.8, count - begin)
    frame = av.AudioFrame.from_ndarray(np.stack([sound, sound]).astype(np.float32), "fltp", "stereo")
    frame.sample_rate = rate_hz
    with av.open(str(path), "w", format=container, options=muxer or {}) as file:
        file.metadata.update(tags or {})
        stream = file.add_stream(codec, rate=rate_hz, layout="stereo", options=encoder or {})
        context = stream.codec_context
        resampler = av.AudioResampler(context.format, "stereo", rate_hz, context.frame_size or 1024)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            file.mux([packet for packet in stream.encode(piece) if packet.size or container == "flac"])
    return path


def m4a(path: Path, seconds: float = 1.0) -> Path:
    """AAC in MP4."""
    return encoded(path, "ipod", "aac", seconds)


VBR = {"global_quality": "236", "flags": "+qscale"}
"""Options of libmp3lame for a variable bitrate."""


def id3_bytes(*frames: id3.Frame) -> bytes:
    """An ID3v2 tag as it stands before the sound."""
    tag = id3.ID3()
    for frame in frames:
        tag.add(frame)
    file = io.BytesIO()
    tag.save(file)
    return file.getvalue()


def ape_bytes(texts: dict[str, str]) -> bytes:
    """An APEv2 tag as it stands behind the sound."""
    tag = apev2.APEv2()
    tag.update(texts)
    file = io.BytesIO()
    tag.save(file)
    return file.getvalue()


def linked(path: Path, rates_and_lengths: list[tuple[int, float]], start_s: float = 0.0) -> Path:
    """A chain of bare Ogg Vorbis streams of these rates and lengths; positions begin at `start_s`. Each has two pages
    of sound."""
    pages = []
    for serial, (rate, seconds) in enumerate(rates_and_lengths, 1):
        ident = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 2, rate, 0, 128000, 0, 0xB8, 1)
        comment = b"\x03vorbis" + struct.pack("<I4sI", 4, b"test", 0) + b"\x01"
        ends = [0, 0, 0, round(start_s * rate) + 1, round((start_s + seconds) * rate)]
        for sequence, packet in enumerate([ident, comment, b"\x05vorbis setup", b"\0" * 10, b"\0" * 10]):
            page = OggPage()
            page.serial, page.sequence, page.packets = serial, sequence, [packet]
            page.first, page.last = sequence == 0, sequence == 4
            page.position = ends[sequence]
            pages.append(page.write())
    path.write_bytes(b"".join(pages))
    return path
