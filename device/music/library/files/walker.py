"""Finds files that may be music. Any thread; reads folders, opens no file, writes nothing.

Paths are bytes, as the kernel has them: a name that is no UTF-8 is still a name.

Symbolic links are followed after everything else was looked at, those inside linked folders last. So a file is found
under its own path first. A linked folder is looked at again only if the way there names a mood and the folder's own
place does not: an album linked into "happy" is happy. Both depend on the tree alone, not on the order of names.
"""

from __future__ import annotations

import heapq
import os
import stat
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from device.domain import MoodName
from device.music.disks import Mount
from device.music.library import steps
from device.music.library.files import formats
from device.music.library.files.found import Found, FoundPlaylist, Root, bounded
from device.music.library.files.ignored import Ignored
from device.music.library.files.listing import Entry, expand, list_folder
from device.music.library.files.mount_table import MountTable
from device.music.library.playlists import ENDINGS as PLAYLISTS
from device.music.metadata.mood_words import mood_of_word
from device.music.metadata.tags import shown

PROGRESS_EVERY = 100  # files; a folder may hold 100,000
MOST_NOTES = 200  # folders that cannot be read; a dying disk has more


END = (None, b"")
Explain = Callable[[bytes], str]
"""Why the folder of a file server is not there, as a sentence; empty for other folders."""


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


class FolderWalk:
    """One walk through the music folders.

    Afterwards `problems` names music folders that cannot be read, `notes` other folders; `roots` are those that are
    there; `playlists` are playlist files, by path; `passed_over` counts files that are sound but cannot be played, by
    ending; `targets` are drives outside of the music folders that links lead to, also where they lead to nothing now.
    """

    def __init__(
        self,
        mounts: Iterable[Mount] = (),
        progress: Callable[[int], None] = lambda found: None,
        ignored: Ignored | None = None,
        explain: Explain = lambda folder: "",
    ) -> None:
        """`mounts`: everything that is mounted. `progress` is called often with the number of files found so far.
        `ignored`: names that are left out. `explain`: why a folder of a file server is not there, if it is one."""
        self._ignored = ignored or Ignored()
        self._explain = explain
        self.problems: list[str] = []
        self.servers_missing = False
        """Whether a file server is not there, which soon may be."""
        self.notes: list[str] = []
        self.roots: set[Root] = set()
        self.passed_over: Counter[str] = Counter()
        self.targets: set[bytes] = set()
        self.playlists: dict[bytes, FoundPlaylist] = {}
        self._mounts = MountTable(mounts)
        self._progress = progress
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
                why = self._explain(top)
                self.servers_missing = self.servers_missing or bool(why)
                words = f"{_shown(top)} is not a folder; plug in its disk, or correct music.folders."
                self.problems.append(why or words)
                continue
            real = _real(top)
            root = Root(top, self._mounts.point_of(real))
            if root.mount not in self._mounts.lost:
                yield Folder(top, real, mood_of(os.path.basename(top), None), root, 0)

    def _walk(self, top: Folder) -> deque[File]:
        """The files below `top`, links not followed. In the order of paths, because a folder sorts as its name and the
        slash behind it."""
        found: deque[File] = deque()
        pace = steps.Pace()
        stack = [(top, self._entries(top, is_top=True))] if self._enter(top) else []
        while stack:
            pace()
            folder, entries = stack[-1]
            kind, name = END if folder.root.mount in self._mounts.lost else next(entries, END)
            if kind is None:
                stack.pop()
            elif kind is Entry.LINK:
                self._links.append((name, folder))
            elif kind is Entry.FILE:
                self._look_at(folder, name, os.path.join(folder.path, name), found)
            elif self._enter(child := self._child(folder, name)):
                stack.append((child, self._entries(child)))
        return found

    def _child(self, folder: Folder, name: bytes) -> Folder:
        real = os.path.join(folder.real_path, name)
        root = Root(folder.root.folder, real) if self._mounts.is_point(real) else folder.root
        return Folder(os.path.join(folder.path, name), real, mood_of(name, folder.mood), root, folder.links)

    def _follow(self, name: bytes, folder: Folder) -> deque[File]:
        """What a symbolic link leads to; one that leads to nothing may lead to a drive that is not there now."""
        path, found = os.path.join(folder.path, name), deque[File]()
        if folder.root.mount in self._mounts.lost:
            return found
        real = _real(path)
        mount = self._mounts.point_of(real)
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

    def _entries(self, folder: Folder, *, is_top: bool = False) -> Iterator[tuple[Entry, bytes]]:
        """Names in a folder, in the order of paths, without what nobody means as music."""
        self._progress(self._count)
        if self._mounts.is_system(folder.real_path) or folder.root.mount in self._mounts.lost:
            return iter(())
        try:
            listed = list_folder(folder.path, self._ignored)
        except OSError as error:
            if self._lose(folder.root, error):
                return iter(())
            if is_top and (why := self._explain(folder.path)):  # its automount is newer than the list of mounts
                self.servers_missing = True
                self.problems.append(why)
                return iter(())
            words = f"{_shown(folder.path)} cannot be read: {(error.strerror or str(error)).lower()}."
            if is_top and not folder.links:
                self.problems.append(words)
            elif len(self.notes) < MOST_NOTES:
                self.notes.append(words)
            return iter(())
        self.roots.add(folder.root)
        return listed

    def _look_at(self, folder: Folder, name: bytes, path: bytes, found: deque[File]) -> None:
        kind = formats.kind_of(name)
        is_playlist = formats.ending_of(name) in PLAYLISTS
        if kind is formats.Kind.OTHER and not is_playlist:
            return
        try:
            status = os.stat(path)
        except OSError as error:  # a link to nothing, gone since the listing, or the whole server is gone
            self._lose(folder.root, error)
            return
        if not stat.S_ISREG(status.st_mode) or (kind is formats.Kind.UNKNOWN and status.st_size == 0):
            return
        if kind is formats.Kind.UNPLAYABLE:
            self.passed_over["." + formats.ending_of(name).decode("ascii")] += 1
            return
        self.roots.add(folder.root)
        if is_playlist:
            self.playlists[path] = FoundPlaylist(folder.root, bounded(status.st_size), bounded(status.st_mtime_ns))
            return
        number = self._numbers.setdefault(folder, len(self._numbers))
        size, mtime_ns, ctime_ns = map(bounded, (status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        found.append((path, number, size, mtime_ns, ctime_ns, kind is formats.Kind.SOUND))
        self._count += 1
        if self._count % PROGRESS_EVERY == 0:
            self._progress(self._count)

    def left_out(self) -> list[str]:
        """One sentence about the files that are sound but cannot be played, if there are any."""
        count = self.passed_over.total()
        kinds = ", ".join(f"{number} {ending}" for ending, number in self.passed_over.most_common())
        words = "1 file is" if count == 1 else f"{count:,} files are"
        return [f"{words} left out, because Affetto cannot play the format: {kinds}."] if count else []

    def _lose(self, root: Root, error: OSError) -> bool:
        """Whether the error means that the file server of this root is gone. Nothing on it is asked again in this walk:
        each question takes its time to fail."""
        if not self._mounts.means_gone(root.mount, error):
            return False
        if root.mount not in self._mounts.lost:
            self._mounts.lost.add(root.mount)
            self.servers_missing = True
            self.problems.append(self._explain(root.mount) or f"The server of {_shown(root.mount)} does not answer.")
        return True

    def _merge(self, segments: list[deque[File]]) -> Iterator[Found]:
        """All files in the order of paths. Of one path that was found twice, the time with a mood counts. What was seen
        of a server before it was lost does not: none of its songs can be played now."""
        self.roots = {root for root in self.roots if root.mount not in self._mounts.lost}
        self.playlists = {path: one for path, one in self.playlists.items() if one.root in self.roots}
        folders = list(self._numbers)
        last: Found | None = None
        for path, number, size, mtime_ns, ctime_ns, named in heapq.merge(*map(steps.drain, segments), key=_path):
            folder = folders[number]
            if folder.root.mount in self._mounts.lost:
                continue
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


def _path(file: File) -> bytes:
    return file[0]


def _real(path: bytes) -> bytes:
    """The path without links; the path as it is if the disk does not say."""
    try:
        return os.path.realpath(path)
    except OSError:
        return path


def _shown(path: bytes) -> str:
    return shown(Path(os.fsdecode(path)))
