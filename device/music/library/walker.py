"""Finds files that may be music. Any thread; reads folders, opens no file, writes nothing.

Paths are bytes, as the kernel has them: a name that is no UTF-8 is still a name.

Symbolic links are followed after everything else was looked at, those inside linked folders last. So a file is found
under its own path first. A linked folder is looked at again only if the way there names a mood and the folder's own
place does not: an album linked into "happy" is happy. Both depend on the tree alone, not on the order of names.
"""

from __future__ import annotations

import glob
import heapq
import os
import stat
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from device.domain import MoodName
from device.music.library import formats, steps
from device.music.library.rows import Root
from device.music.metadata.mood_words import mood_of_word
from device.music.metadata.tags import shown

LARGEST = 2**63 - 1  # what SQLite can keep; ext4 has dates until 2446, and FUSE passes on any number
MOST_NOTES = 200  # folders that cannot be read; a dying disk has more


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be music. `mood` is that of the nearest folder named after one, up to the music folder. `links`
    counts the symbolic links on the way. `named`: its name says that it is music; otherwise the content decides."""

    path: bytes
    mood: MoodName | None
    size: int
    mtime_ns: int
    ctime_ns: int
    root: Root
    links: int
    named: bool


class Folder(NamedTuple):
    """A folder on the way: under which path, where it really is, and what it hands down to its files."""

    path: bytes
    real_path: bytes
    mood: MoodName | None
    root: Root
    links: int


File = tuple[bytes, int, int, int, int, bool]
"""Path, number of the folder, size, mtime_ns, ctime_ns, named. Thousands wait in memory while the disk is read; plain
tuples of plain values cost the garbage collector nothing."""


def expand(folder: Path) -> list[bytes]:
    """The absolute folders that an entry of `music.folders` means: `*` in it stands for any name that is there now, as
    in /media/*/*. An entry without `*` means itself, there or not."""
    top = os.path.abspath(os.fsencode(folder))
    if b"*" not in top:
        return [top]
    pattern = glob.escape(top).replace(b"[*]", b"*")
    return sorted(path for path in glob.glob(pattern) if os.path.isdir(path))


class FolderWalk:
    """One walk through the music folders.

    Afterwards `problems` names music folders that cannot be read, `notes` other folders; `roots` are those that are
    there; `passed_over` counts files that are sound but cannot be played, by ending; `targets` are drives outside of
    the music folders that links lead to, also where they lead to nothing now.
    """

    def __init__(self, mounts: Collection[bytes], progress: Callable[[int], None] = lambda found: None) -> None:
        """`mounts`: all mount points. `progress` is called for each folder with the number of files found so far."""
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.roots: set[Root] = set()
        self.passed_over: Counter[str] = Counter()
        self.targets: set[bytes] = set()
        self._mounts, self._progress = mounts, progress
        self._count = 0
        self._numbers: dict[Folder, int] = {}  # of the folders that hold files
        self._moods: dict[bytes, set[MoodName | None]] = {}  # by real path: as what a folder was entered
        self._owned: set[bytes] = set()  # real paths of folders that lie, not only are linked, in a mood folder
        self._links: deque[tuple[bytes, Folder]] = deque()  # not followed yet

    def files(self, folders: Iterable[Path]) -> Iterator[Found]:
        """Everything that may be music, each path once, in the order of paths. Looks at the disk before the first."""
        segments = [self._walk(top) for folder in folders for top in self._tops(folder)]
        while self._links:
            segments.append(self._follow(*self._links.popleft()))
        return self._merge(segments)

    def _tops(self, folder: Path) -> Iterator[Folder]:
        for top in expand(folder):
            if not os.path.isdir(top):
                self.problems.append(f"{_shown(top)} is not a folder: plug its disk in, or correct music.folders.")
                continue
            real = os.path.realpath(top)
            yield Folder(top, real, mood_of(os.path.basename(top), None), Root(top, self.mount_of(real)), 0)

    def _walk(self, top: Folder) -> deque[File]:
        """The files below `top`, links not followed. In the order of paths, because a folder sorts as its name and the
        slash behind it."""
        found: deque[File] = deque()
        pace = steps.Pace()
        stack = [(top, self._entries(top, is_top=True))] if self._enter(top) else []
        while stack:
            pace()
            folder, entries = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
            elif entry.is_symlink():
                self._links.append((entry.name, folder))
            elif not entry.is_dir(follow_symlinks=False):
                self._look_at(folder, entry.name, entry.path, found)
            elif self._enter(child := self._child(folder, entry.name)):
                stack.append((child, self._entries(child)))
        return found

    def _child(self, folder: Folder, name: bytes) -> Folder:
        real = os.path.join(folder.real_path, name)
        root = Root(folder.root.folder, real) if real in self._mounts else folder.root
        return Folder(os.path.join(folder.path, name), real, mood_of(name, folder.mood), root, folder.links)

    def _follow(self, name: bytes, folder: Folder) -> deque[File]:
        """What a symbolic link leads to; one that leads to nothing may lead to a drive that is not there now."""
        path, found = os.path.join(folder.path, name), deque[File]()
        real = os.path.realpath(path)
        mount = self.mount_of(real)
        if mount != folder.root.mount or not os.path.exists(path):
            self.targets.add(real)
        linked = Folder(path, real, mood_of(name, folder.mood), Root(folder.root.folder, mount), folder.links + 1)
        if os.path.isdir(path):
            return self._walk(linked)
        self._look_at(linked._replace(path=folder.path, mood=folder.mood), name, path, found)
        return found

    def _enter(self, folder: Folder) -> bool:
        """Whether this folder has to be looked at, for the first time or for another mood."""
        moods = self._moods.setdefault(folder.real_path, set())
        known = folder.mood in moods or (folder.mood is None and bool(moods))
        if known or (folder.links and folder.real_path in self._owned):
            return False
        moods.add(folder.mood)
        if folder.mood is not None and not folder.links:
            self._owned.add(folder.real_path)
        return True

    def _entries(self, folder: Folder, *, is_top: bool = False) -> Iterator[os.DirEntry[bytes]]:
        """What a folder holds, in the order of paths, without what nobody means as music."""
        self._progress(self._count)
        try:
            with os.scandir(folder.path) as listing:
                entries = [entry for entry in listing if not formats.is_hidden(entry.name)]
        except OSError as error:
            words = f"{_shown(folder.path)} cannot be read: {(error.strerror or str(error)).lower()}."
            if is_top and not folder.links:
                self.problems.append(words)
            elif len(self.notes) < MOST_NOTES:
                self.notes.append(words)
            return iter(())
        self.roots.add(folder.root)
        return steps.sort(entries, key=_place)

    def _look_at(self, folder: Folder, name: bytes, path: bytes, found: deque[File]) -> None:
        kind = formats.kind_of(name)
        if kind is formats.Kind.OTHER:
            return
        try:
            status = os.stat(path)
        except OSError:
            return  # a link to nothing, or gone since the listing
        if not stat.S_ISREG(status.st_mode):
            return
        if kind is formats.Kind.UNPLAYABLE:
            self.passed_over["." + formats.ending_of(name).decode("ascii")] += 1
            return
        self.roots.add(folder.root)
        number = self._numbers.setdefault(folder, len(self._numbers))
        size, mtime_ns, ctime_ns = map(bounded, (status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        found.append((path, number, size, mtime_ns, ctime_ns, kind is formats.Kind.SOUND))
        self._count += 1

    def mount_of(self, real: bytes) -> bytes:
        """Where the drive is mounted that holds this real path."""
        while real not in self._mounts and real != os.path.dirname(real):
            real = os.path.dirname(real)
        return real

    def _merge(self, segments: list[deque[File]]) -> Iterator[Found]:
        """All files in the order of paths. Of one path that was found twice, the time with a mood counts."""
        folders = list(self._numbers)
        last: Found | None = None
        for path, number, size, mtime_ns, ctime_ns, named in heapq.merge(*map(steps.drain, segments), key=_path):
            folder = folders[number]
            file = Found(path, folder.mood, size, mtime_ns, ctime_ns, folder.root, folder.links, named)
            if last is not None and last.path != path:
                yield last
            elif last is not None and last.mood is not None:
                continue
            last = file
        if last is not None:
            yield last


def mood_of(name: bytes, above: MoodName | None) -> MoodName | None:
    """The mood of a folder with this name within a folder of the mood `above`."""
    return mood_of_word(name.decode("utf-8", "replace")) or above


def bounded(number: int) -> int:
    """The nearest number that the catalogue can keep."""
    return max(-LARGEST, min(number, LARGEST))


def _path(file: File) -> bytes:
    return file[0]


def _place(entry: os.DirEntry[bytes]) -> bytes:
    try:
        return entry.name + b"/" if entry.is_dir(follow_symlinks=False) else entry.name
    except OSError:
        return entry.name


def _shown(path: bytes) -> str:
    return shown(Path(os.fsdecode(path)))
