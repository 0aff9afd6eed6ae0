"""Reads sound out of music files with PyAV (FFmpeg's libraries); the only module that imports it.

Runs in the analysis worker. Reads only the file it is given: it is opened here and handed over as an open file, and
FFmpeg may use only the demuxers of music formats, so that a playlist in disguise cannot make it open other files or
the network. A long file is heard in a few excerpts spread over it, found by seeking.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
import av.error
import av.logging
import numpy as np
import numpy.typing as npt

from device.errors import LibraryError
from device.music.metadata.tags import shown

Float32Array = npt.NDArray[np.float32]

RATE_HZ = 16000
WHOLE_S = 40.0  # a file up to this long is heard whole
CENTRES = (0.25, 0.5, 0.75)  # of the excerpts of a longer one, as a share of its length
EXCERPT_S = 20.0
SHORTEST_S = 1.0  # an excerpt below this is not worth having, unless it is the whole file
HIGHEST_RATE_HZ = 48000  # what is above is brought down to this: nobody hears the rest
BIT = 80640  # samples converted at a time; divides by every number of channels up to 10, 12 and 16
MOST_ERRORS = 50  # packets that cannot be decoded, before the rest is given up
DEMUXERS = "mp3,flac,ogg,mov,mp4,m4a,3gp,3g2,mj2,wav,w64,aiff,asf,aac,matroska,webm,avi"

av.logging.set_level(av.logging.PANIC)  # what FFmpeg says of a damaged file is for its developers


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch of a track. `mono`: float32 [n] at `RATE_HZ`, 1 is full scale. `channels`: the same stretch as
    float32 [1 or 2, n] at `rate_hz`, for loudness."""

    mono: Float32Array
    channels: Float32Array
    rate_hz: int


def excerpts(path: Path) -> Iterator[Excerpt]:
    """The excerpts of a file, one after the other, so that only one is in memory.

    Raises LibraryError if there is none: no file, no music, or too damaged.
    """
    with _open_file(path) as file:
        try:
            with closing(_container(file)) as container:
                yield from _heard(container, path)
        except av.error.MemoryError as error:
            raise MemoryError from error
        except (av.error.FFmpegError, ValueError, OSError) as error:
            detail = getattr(error, "strerror", None) or str(error)
            raise LibraryError(f"{shown(path)} cannot be decoded ({str(detail)[:100].lower()})") from error


def _open_file(path: Path) -> BinaryIO:
    """Opened without waiting: a FIFO that nobody writes to must not hang the analysis."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise LibraryError(f"{shown(path)} is no file")
        return cast(BinaryIO, os.fdopen(number, "rb"))
    except OSError as error:
        raise LibraryError(f"{shown(path)} cannot be read: {(error.strerror or str(error)).lower()}") from error


# Tags of any encoding: PyAV 19 takes them by itself, and does not know the word for it any more.
TOLERANT: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}


def _container(file: BinaryIO) -> Any:
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    return av.open(file, "r", options=options, buffer_size=1 << 16, **TOLERANT)


def _heard(container: Any, path: Path) -> Iterator[Excerpt]:
    stream = container.streams.best("audio")
    if stream is None:
        raise LibraryError(f"{shown(path)} holds no sound")
    stream.codec_context.thread_count = 1
    length_s = container.duration / av.time_base if container.duration else 0.0
    some = False
    if length_s > WHOLE_S:
        for centre in CENTRES:
            excerpt = _excerpt(container, stream, centre * length_s - EXCERPT_S / 2, EXCERPT_S)
            if excerpt is not None and excerpt.mono.size >= SHORTEST_S * RATE_HZ:
                some = True
                yield excerpt
    if not some:  # short, or it told a wrong length and there was nothing where it should be
        excerpt = _excerpt(container, stream, 0.0, WHOLE_S)
        if excerpt is None:
            raise LibraryError(f"{shown(path)} holds no sound that can be decoded")
        yield excerpt


def _excerpt(container: Any, stream: Any, start_s: float, length_s: float) -> Excerpt | None:
    try:
        container.seek(round(max(0.0, start_s) * av.time_base))
    except av.error.FFmpegError:
        if start_s > 0:
            return None  # otherwise it is at its start already
    sound, form, layout, rate_hz = _joined(_frames(container, stream, length_s))
    if sound.size == 0:
        return None
    plain = "mono" if av.AudioLayout(layout).nb_channels == 1 else "stereo"
    heard_hz = min(rate_hz, HIGHEST_RATE_HZ)
    if (form, layout, rate_hz) != ("fltp", plain, heard_hz):
        sound = _converted(sound, (form, layout, rate_hz), (plain, heard_hz))
    mono = _converted(sound, ("fltp", plain, heard_hz), ("mono", RATE_HZ))[0]
    return Excerpt(_tame(mono), _tame(sound), heard_hz) if mono.size else None


def _joined(frames: Iterator[Any]) -> tuple[npt.NDArray[Any], str, str, int]:
    """All frames in one array as FFmpeg lays them out, with sample format, channel layout and rate."""
    parts, kind = [], ("fltp", "mono", RATE_HZ)
    for frame in frames:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        parts.append(frame.to_ndarray())
    return (np.concatenate(parts, axis=1) if parts else np.zeros((1, 0), np.float32)), *kind


def _frames(container: Any, stream: Any, length_s: float) -> Iterator[Any]:
    """Decoded frames of one format, up to `length_s`; damaged packets are passed over, as players do."""
    heard_s, errors = 0.0, 0
    kind: tuple[str, int, str] | None = None
    packets = container.demux(stream)
    while heard_s < length_s and errors < MOST_ERRORS:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            decoded = packet.decode()
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:
            errors += 1
            continue
        for frame in decoded:
            this = (frame.format.name, frame.sample_rate, frame.layout.name)
            kind = kind or this
            if this == kind and frame.sample_rate > 0:
                heard_s += frame.samples / frame.sample_rate
                yield frame


def _converted(sound: npt.NDArray[Any], of: tuple[str, str, int], to: tuple[str, int]) -> Float32Array:
    """`sound` of a (format, layout, rate) as float32 [channels, n] of a (layout, rate); bit by bit, to save memory."""
    form, layout, rate_hz = of
    resampler = av.AudioResampler("fltp", *to)
    parts = []
    for begin in range(0, sound.shape[1], BIT):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[:, begin : begin + BIT]), form, layout)
        frame.sample_rate = rate_hz
        parts += [part.to_ndarray() for part in resampler.resample(frame)]
    parts += [part.to_ndarray() for part in resampler.resample(None)]
    return np.concatenate(parts, axis=1) if parts else np.zeros((1, 0), np.float32)


def _tame(sound: Float32Array) -> Float32Array:
    """In place. Float files may hold anything: no NaN, no infinity, nothing far beyond full scale."""
    np.nan_to_num(sound, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(sound, -8.0, 8.0, out=sound)
