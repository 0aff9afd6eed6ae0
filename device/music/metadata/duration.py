"""The length of a file's sound: from its header if that is reliable, or else the sum of its packets.

An estimate would cut songs and mislead seeks, so there is none: where measuring takes too long, the length is unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mutagen.mp3 import BitrateMode

from device.music.metadata import ogg
from device.music.metadata.access import Pieces, before_tags
from device.music.metadata.layers import Layers
from device.music.metadata.tags import LONGEST_S

BUDGET_S = 15.0  # for measuring one file, on the wall
SLACK = 0.02  # by which the size of the sound may differ from what the header makes of it
SLACK_BYTES = 4096
PROBES = 32  # places in an MP3 file where its bitrate is looked at
PROBE_BYTES = 4096
MOST_ATOMS = 64

# Formats whose header states the number of samples, or which mutagen reads to the end.
EXACT = ("FLAC", "WavPack", "MonkeysAudio", "Musepack", "TrueAudio", "OptimFROG", "TAK", "DSF", "ASF")
OGG = ("OggVorbis", "OggOpus", "OggFLAC", "OggSpeex")

Measure = Callable[[], float]


def duration_of(layers: Layers, file: Pieces, measure: Measure) -> float:
    """Seconds; 0 where it is unknown. `measure` looks at every packet. Raises what `measure` raises."""
    container, kind = layers.container, layers.kind
    length_s = float(getattr(container.info, "length", 0.0) or 0.0) if container is not None else 0.0
    if 0 < length_s <= LONGEST_S and _is_sure(container, kind, file, length_s):
        return length_s
    measured_s = ogg.duration_of(file, BUDGET_S) if kind in OGG else measure()
    return measured_s if 0 < measured_s <= LONGEST_S else 0.0


def _is_sure(container: Any, kind: str, file: Pieces, length_s: float) -> bool:
    if kind in EXACT:
        return True
    if kind in OGG:
        return ogg.is_plain(file)
    if kind == "MP4":
        return bool(container.info.codec) and not _is_fragmented(file)  # a film without sound has no codec
    if kind in ("WAVE", "AIFF"):  # below 8 bits it is compressed, and mutagen takes blocks for samples
        return container.info.bits_per_sample >= 8 and _fits(container.info, file.size, length_s)
    if kind == "MP3":
        end = before_tags(file)
        if container.info.bitrate_mode == BitrateMode.UNKNOWN:
            return _has_one_bitrate(container.info, file, end)
        return _fits(container.info, end, length_s)
    return False


def _fits(info: Any, size: int, length_s: float) -> bool:
    """Whether that much sound at this bitrate takes that many bytes: not in a file that was cut, or is compressed."""
    expected = info.bitrate / 8 * length_s
    return bool(abs(expected - size) <= SLACK * size + SLACK_BYTES)


def _is_fragmented(file: Pieces) -> bool:
    """Whether an MP4 file goes on in fragments, of which its header says nothing."""
    offset = 0
    for _ in range(MOST_ATOMS):
        length, name = file.number(offset, 4), file.at(offset + 4, 4)
        if name == b"moof":
            return True
        if length == 1:
            length = file.number(offset + 8, 8)
        if length < 8 or offset + length >= file.size:
            break
        offset += length
    return False


def _has_one_bitrate(info: Any, file: Pieces, end: int) -> bool:
    """Whether an MP3 file without a table of contents has frames of one size all the way, as mutagen takes for granted.

    Looks for runs of frames with the same header at `PROBES` places.
    """
    samples = {1: 384}.get(info.layer, 1152 if info.version == 1 or info.layer == 2 else 576)
    frame = samples // 8 * info.bitrate // info.sample_rate if info.sample_rate else 0
    step = max(1, end // PROBES)
    kinds = set()
    for offset in range(0, max(1, end - PROBE_BYTES), step):
        kinds.add(_run(file.at(offset, min(PROBE_BYTES, end - offset)), frame))
        if len(kinds) > 1 or None in kinds:
            return False
    return True


def _run(data: bytes, frame: int) -> bytes | None:
    """What the headers of all frames in `data` have in common (version, layer, bitrate, rate); None if they differ."""
    if frame < 24:
        return None
    for first in range(min(frame + 8, len(data) - 3)):
        if data[first] == 0xFF and data[first + 1] & 0xE0 == 0xE0:
            kind, place, count = _kind(data, first), first, 0
            while place + 3 < len(data) and _kind(data, place) == kind:
                count += 1
                place += frame + (data[place + 2] >> 1 & 1) * (4 if kind[0] & 6 == 6 else 1)
            if place + 3 >= len(data) and count > 1:
                return kind
    return None


def _kind(data: bytes, place: int) -> bytes:
    return bytes((data[place + 1] & 0xFE, data[place + 2] & 0xFC)) if data[place] == 0xFF else b""
