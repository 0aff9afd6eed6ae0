"""What a walk through the folders found, compared with what the catalogue knows. Pure.

Both lists come in the order of paths and are gone through side by side, once: nothing has to be looked up, and what is
known is never in memory as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from device.domain import MoodName
from device.music.library.walker import Found
from device.music.metadata.mood_words import mood_of_folders

Known = tuple[bytes, int, int, int, str | None, int, int]
"""Path, place, size, mtime_ns, folder mood, present, former: what the database knows of a file."""


@dataclass(slots=True)
class Diff:
    """`read`: files that are new or not what they were. `noted`: files that are as they were, but are back, or are seen
    in another place or mood. `gone`: paths that are not there, though their places are."""

    read: list[Found] = field(default_factory=list)
    noted: list[Found] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether the library may look different now."""
        return bool(self.read or self.noted or self.gone)


def compare(found: Sequence[Found], known: Iterable[Known], places: Mapping[bytes, int]) -> Diff:
    """The work that a scan has to do. `places`: numbers of those that are here; files of others keep what they are."""
    changes = Diff()
    moods: dict[tuple[bytes, ...], MoodName | None] = {}
    here = {0, *places.values()}  # 0: format 1 knew no places
    for file, row in side_by_side(found, known):
        if row is None:
            assert file is not None
            changes.read.append(file)
        elif file is None:
            if row[5] and row[1] in here:
                changes.gone.append(row[0])
        elif row[6] or (file.size, file.mtime_ns) != row[2:4]:
            changes.read.append(file)
        else:
            if file.folders not in moods:
                moods[file.folders] = mood_of_folders(name.decode("utf-8", "replace") for name in file.folders)
            if (places[file.place], moods[file.folders], 1) != (row[1], row[4], row[5]):
                changes.noted.append(file)
    return changes


def side_by_side(found: Iterable[Found], known: Iterable[Known]) -> Iterator[tuple[Found | None, Known | None]]:
    """Pairs with the same path; None where one side has none. Both sides in the order of paths."""
    files, rows = iter(found), iter(known)
    file, row = next(files, None), next(rows, None)
    while file is not None or row is not None:
        if row is None or (file is not None and file.path < row[0]):
            yield file, None
            file = next(files, None)
        elif file is None or row[0] < file.path:
            yield None, row
            row = next(rows, None)
        else:
            yield file, row
            file, row = next(files, None), next(rows, None)
