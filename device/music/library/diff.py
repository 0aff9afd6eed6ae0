"""What a walk through the folders found, compared with what the catalogue knows. Pure.

Both lists come in the order of paths, and `compare` goes through them side by side, once: it looks nothing up, and
what is known is never in memory as a whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from device.music.library.files.found import Found, Root
from device.music.library.sql.rows import KnownFile


@dataclass(slots=True)
class Diff:
    """`count`: files found. `read`: files that are new or not what they were. `noted`: files that are as they were, but
    are back, or are seen on another root, under another mood or through other links. `gone`: paths that are not there,
    though their roots are."""

    count: int = 0
    read: deque[Found] = field(default_factory=deque)
    noted: deque[Found] = field(default_factory=deque)
    gone: deque[bytes] = field(default_factory=deque)

    @property
    def any(self) -> bool:
        """Whether the library may look different now."""
        return bool(self.read or self.noted or self.gone)


def compare(
    found: Iterable[Found], known: Iterable[KnownFile], roots: Mapping[Root, int], *, again: bool = False
) -> Diff:
    """The work that a scan has to do. `roots`: the numbers of those that are there; files of others keep what they are.
    `again`: read every file, changed or not."""
    diff = Diff()
    here = {0, *roots.values()}  # 0: format 1 knew no roots
    for file, row in side_by_side(found, known):
        diff.count += file is not None
        if file is None:
            assert row is not None
            if row.present and row.root in here:
                diff.gone.append(row.path)
        elif row is None or again or is_changed(file, row):
            diff.read.append(file)
        elif (roots[file.root], file.mood, file.links, 1) != (row.root, row.folder_mood, row.links, row.present):
            diff.noted.append(file)
    return diff


def is_changed(file: Found, row: KnownFile) -> bool:
    """Whether the content may be another. Programs can set a file's date back after an edit, but not its ctime."""
    if row.legacy_key or (file.size, file.mtime_ns) != (row.size, row.mtime_ns):
        return True
    return row.ctime_ns != file.ctime_ns


def side_by_side(found: Iterable[Found], known: Iterable[KnownFile]) -> Iterator[tuple[Found | None, KnownFile | None]]:
    """Pairs with the same path; None where one side has none. Both sides in the order of paths."""
    files, rows = iter(found), iter(known)
    file, row = next(files, None), next(rows, None)
    while file is not None or row is not None:
        if row is None or (file is not None and file.path < row.path):
            yield file, None
            file = next(files, None)
        elif file is None or row.path < file.path:
            yield None, row
            row = next(rows, None)
        else:
            yield file, row
            file, row = next(files, None), next(rows, None)
