"""The layers of tags in one file, read with mutagen: the container's own, and those around it.

An MP3 file may have ID3 before it and APEv2 behind it; so may an AAC or FLAC file, although their formats know neither.
Runs in the process that reads tags, because mutagen believes what files say of their parts' size.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import mutagen
from mutagen.apev2 import APEv2
from mutagen.id3 import ID3

from device.music.metadata.access import Pieces, after_id3, as_file, before_tags, content_of


@dataclass(frozen=True, slots=True)
class Layers:
    """`container` is mutagen's view of the file, None if it cannot read it. `tags` are mappings, the most trusted
    first."""

    container: Any = None
    tags: list[Any] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Mutagen's name of the container, such as "MP3"."""
        return type(self.container).__name__ if self.container is not None else ""

    @property
    def is_music(self) -> bool:
        """Whether mutagen is sure of what it found."""
        return self.container is not None and not getattr(self.container.info, "sketchy", False)


def read_layers(file: BinaryIO) -> Layers:
    """Raises OSError if the disk does not let us read the file; whatever else is wrong leaves layers out."""
    container = _attempt(mutagen.File, as_file(content_of(file)))
    if container is not None and container.info is None:
        container = None
    own = container.tags if container is not None else None
    pieces = Pieces(file.fileno())
    id3 = _attempt(ID3, file) if _has_id3(pieces) else None
    ape = _attempt(APEv2, file) if _has_ape(pieces) and not isinstance(own, APEv2) else None
    layers = [tags for tags in (own, id3, ape) if tags]
    return Layers(container, sorted(layers, key=_is_cut))


def _attempt(read: Callable[[BinaryIO], Any], file: BinaryIO) -> Any:
    file.seek(0)
    try:
        return read(file)
    except MemoryError:
        raise
    except Exception as error:  # mutagen's parsers raise whatever a damaged file makes them trip over
        _raise_disk_fault(error)
        return None


def _has_id3(pieces: Pieces) -> bool:
    return after_id3(pieces) > 0 or pieces.at(pieces.size - 128, 3) == b"TAG"


def _has_ape(pieces: Pieces) -> bool:
    ends = pieces.at(0, 8) + pieces.at(before_tags(pieces), 32) + pieces.at(pieces.size - 160, 160)
    return b"APETAGEX" in ends


def _is_cut(tags: Any) -> bool:
    """Whether these are ID3v1, which has room for 30 letters."""
    return isinstance(tags, ID3) and tags.version < (2,)


def _raise_disk_fault(error: BaseException) -> None:
    for one in (error, *error.args, error.__cause__, error.__context__):
        if isinstance(one, OSError) and one.errno not in (None, errno.EINVAL):  # EINVAL: a seek before the beginning
            raise one
