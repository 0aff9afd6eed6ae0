"""Messages of the Snapcast stream protocol, which snapserver and snapclient speak over TCP. Pure.

A message is a header of 26 bytes and a body, all little-endian (doc/binary_protocol.md of Snapcast, the same from 0.20
to 0.31). Times are seconds on the monotonic clock of the machine that sends them, in whole microseconds.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from device.errors import SoundError

HEADER = struct.Struct("<HHHiiiiI")
TIME = struct.Struct("<ii")
CHUNK = struct.Struct("<iiI")
SIZE = struct.Struct("<I")
LONGEST = 1 << 20  # bytes of a body; a chunk has 4,000
VERSION = 2  # of the protocol


class Kind(IntEnum):
    """What a message is."""

    CODEC = 1
    CHUNK = 2
    SETTINGS = 3
    TIME = 4
    HELLO = 5


@dataclass(frozen=True, slots=True)
class Header:
    """`sent_s`: the sender's clock when it sent the message. `refers_to`: the `number` of the message it answers."""

    kind: int
    number: int
    refers_to: int
    sent_s: float
    size: int


def read_header(raw: bytes) -> Header:
    """The first 26 bytes of a message. Raises SoundError if nobody can mean that."""
    kind, number, refers_to, sent_s, sent_us, _, _, size = HEADER.unpack(raw)
    if size > LONGEST:
        raise SoundError(f"a message of {size} bytes is not a Snapcast message")
    return Header(kind, number, refers_to, sent_s + sent_us / 1e6, size)


def message(kind: Kind, body: bytes, now_s: float, number: int = 0, refers_to: int = 0) -> bytes:
    """A whole message that is sent now."""
    return HEADER.pack(kind, number, refers_to, *_split(now_s), 0, 0, len(body)) + body


def hello(name: str) -> bytes:
    """A client's first body. `name` identifies it to the server."""
    return _text(
        {
            "Arch": "", "ClientName": "Affetto", "HostName": name, "ID": name, "Instance": 1,
            "MAC": "00:00:00:00:00:00", "OS": "", "SnapStreamProtocolVersion": VERSION, "Version": "0.26.0",
        }
    )  # fmt: skip


def settings(buffer_s: float) -> bytes:
    """A server's first body: how long after its time a chunk is heard. The volume is the client's full scale."""
    return _text({"bufferMs": round(buffer_s * 1000), "latency": 0, "muted": False, "volume": 100})


def read_buffer_s(body: bytes) -> float:
    """How long after its time a chunk is heard, from a server's settings. Raises SoundError."""
    try:
        values: Any = json.loads(body[SIZE.size :])
        return float(values["bufferMs"]) / 1000
    except (ValueError, KeyError, TypeError) as error:
        raise SoundError("a Snapcast server sent settings that cannot be read") from error


def pcm_format(rate_hz: int, bits: int, channels: int) -> bytes:
    """The codec body of plain samples: the header of a WAV file."""
    frame = channels * bits // 8
    wav = b"RIFF" + SIZE.pack(36) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, channels, rate_hz, rate_hz * frame, frame, bits
    ) + b"data" + SIZE.pack(0)  # fmt: skip
    return SIZE.pack(3) + b"pcm" + SIZE.pack(len(wav)) + wav


def read_pcm_format(body: bytes) -> tuple[int, int, int]:
    """Rate, bits and channels of a codec body. Raises SoundError if it is not plain samples."""
    codec = body[SIZE.size : SIZE.size + int.from_bytes(body[: SIZE.size], "little")]
    wav = body[SIZE.size + len(codec) + SIZE.size :]
    if codec != b"pcm" or len(wav) < 36:
        raise SoundError(f"the Snapcast server sends {codec.decode('ascii', 'replace')}; Affetto's servers send pcm")
    _, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", wav, 20)
    return rate_hz, bits, channels


def chunk(start_s: float, samples: bytes) -> bytes:
    """The body of a chunk: the time of its first frame, and its samples."""
    return CHUNK.pack(*_split(start_s), len(samples)) + samples


def read_chunk(body: bytes) -> tuple[float, bytes]:
    """Time and samples of a chunk."""
    at_s, at_us, size = CHUNK.unpack_from(body)
    return at_s + at_us / 1e6, body[CHUNK.size : CHUNK.size + size]


def duration(seconds: float) -> bytes:
    """The body of a time message."""
    return TIME.pack(*_split(seconds))


def read_duration(body: bytes) -> float:
    """The seconds in a time message."""
    whole_s, us = TIME.unpack_from(body)
    return float(whole_s + us / 1e6)


def _split(seconds: float) -> tuple[int, int]:
    """Whole seconds and microseconds; both may be negative, as in Snapcast."""
    us = round(seconds * 1e6)
    sign = -1 if us < 0 else 1
    return sign * (abs(us) // 1_000_000), sign * (abs(us) % 1_000_000)


def _text(values: dict[str, object]) -> bytes:
    raw = json.dumps(values).encode()
    return SIZE.pack(len(raw)) + raw
