"""Makes and reads small audio files for tests, without any encoder: tones in WAV, and the headers of other formats."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
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


def m4a(path: Path, seconds: float = 1.0) -> Path:
    """The header of an MP4 file with one sound track."""

    def atom(name: bytes, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return struct.pack(">I4s", 8 + len(body), name) + body

    header = struct.pack(">IIIII", 0, 0, 0, 1000, round(seconds * 1000)) + bytes(4)
    handler = struct.pack(">II4s", 0, 0, b"soun") + bytes(13)
    media = atom(b"mdia", atom(b"mdhd", header), atom(b"hdlr", handler))
    movie = atom(b"moov", atom(b"mvhd", header + bytes(76)), atom(b"trak", media))
    path.write_bytes(atom(b"ftyp", b"M4A \0\0\0\0M4A ") + movie + atom(b"mdat"))
    return path
