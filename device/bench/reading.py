"""Times the catalogue with a big library: a start, a scan without changes, a search. Writes into the given folder."""

from __future__ import annotations

import os
import random
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from device.domain import MoodName
from device.music.disks import all_mounts
from device.music.library.browse.browser import Browser
from device.music.library.catalogue import Catalogue
from device.music.library.files.found import Root
from device.music.library.files.mount_table import MountTable
from device.music.library.sql.database import Database
from device.music.library.sql.rows import AnalysisRow, FileRow
from device.music.uri import uri_of
from device.music.workers.tag_client import read_here
from device.procfs import memory_mb

STARTS, SCANS, CHANGES = 3, 2, 5
SEARCHES = ("song number 9", "artist 7 album 5", "a", "nothing of the kind", "12345")
LIBRARIES = {"10k": 10_000, "100k": 100_000}
SCANNED = "10k"
"""The library whose files really exist, so that a scan finds them."""


def catalogue(folder: Path) -> tuple[dict[str, list[float]], float]:
    """By library: the milliseconds from opening catalogue.db to its tracks, and of a scan without changes. Also the
    bytes of memory per track of the largest library, with half of the tracks analysed."""
    stages: dict[str, list[float]] = {}
    each_bytes = 0.0
    for name, count in LIBRARIES.items():
        data, music = folder / name, folder / f"music {name}"
        write(data, music, count, really=name == SCANNED)
        before = memory_mb(os.getpid())
        stages[f"load {name}"] = [load_ms(data, count) for _ in range(STARTS)]
        with closing(Catalogue.open(data, read_here)) as opened:
            tracks = opened.load().tracks
            each_bytes = max(0.0, (memory_mb(os.getpid()) - before) * 2**20 / len(tracks))
            if name == SCANNED:
                stages[f"rescan {name}"] = [scan_ms(opened, music, count) for _ in range(SCANS)]
        stages[f"search {name}"] = search_ms(data)
        stages[f"search {name} changed"] = changed_ms(data)
    return stages, each_bytes


def load_ms(data: Path, count: int) -> float:
    """Milliseconds of a start."""
    began = time.perf_counter()
    with closing(Catalogue.open(data, read_here)) as opened:
        tracks = opened.load().tracks
        took = time.perf_counter() - began
    assert len(tracks) == count
    return took * 1000


def search_ms(data: Path) -> list[float]:
    """Milliseconds of a search after each letter that somebody types; the first one reads the names."""
    with closing(Browser(data)) as browser:
        took = list[float]()
        for words in SEARCHES:
            for length in range(1, len(words) + 1):
                began = time.perf_counter()
                browser.search(words[:length])
                took.append((time.perf_counter() - began) * 1000)
    return took


def changed_ms(data: Path) -> list[float]:
    """Milliseconds of the first search after a file has changed."""
    took = list[float]()
    with closing(Database(data)) as database, closing(Browser(data, fresh_s=0.0)) as browser:
        browser.search(SEARCHES[0])
        first = database.file(bytes(next(database.known()).path))
        assert first is not None
        for number in range(CHANGES):
            database.save_files([replace(first, title=f"Changed {number}")])
            began = time.perf_counter()
            browser.search(SEARCHES[0])
            took.append((time.perf_counter() - began) * 1000)
            browser.artists()  # the next change comes when the names are up to date again
        database.save_files([first])
    return took


def scan_ms(opened: Catalogue, music: Path, count: int) -> float:
    """Milliseconds of a scan that finds nothing new."""
    began = time.perf_counter()
    assert len(opened.scan([music]).tracks) == count
    return (time.perf_counter() - began) * 1000


def write(data: Path, music: Path, count: int, *, really: bool) -> None:
    """Write a catalogue of `count` invented files; `really`: also create empty files."""
    dice = random.Random(1)
    database = Database(data)
    with closing(database):
        root = root_of(music)
        database.save_roots([root], ())
        number, _ = database.roots()[root]
        entries = [invented(music, each, number, dice) for each in range(count)]
        if really:
            entries = [put(entry) for entry in entries]
        database.save_files(entries)
        database.save_analyses([heard(entry.key, dice) for entry in entries[::2]])


def root_of(music: Path) -> Root:
    """The root that a scan would find if the folder existed."""
    folder = os.fsencode(music)
    return Root(folder, MountTable(all_mounts()).point_of(os.path.realpath(folder)))


def invented(music: Path, number: int, root: int, dice: random.Random) -> FileRow:
    """The row of an invented file."""
    artist, album = f"Artist number {number // 120}", f"Album number {number // 12}"
    path = os.fsencode(music / artist / album / f"{number % 12 + 1:02} - Song number {number}.mp3")
    mood = dice.choice(list(MoodName)) if number % 5 == 0 else None
    return FileRow(
        path, root, 0, 0, 0, 0, f"{dice.getrandbits(128):032x}", uri_of(path), f"Song number {number}", artist, album,
        dice.uniform(60.0, 400.0), mood, None, dice.uniform(-12.0, 0.0), 0.98,
    )  # fmt: skip


def put(entry: FileRow) -> FileRow:
    """Create an empty file for this row; returns the row with the file's dates."""
    os.makedirs(os.path.dirname(entry.path), exist_ok=True)
    with open(entry.path, "wb") as file:
        status = os.fstat(file.fileno())
    return replace(entry, size=status.st_size, mtime_ns=status.st_mtime_ns, ctime_ns=status.st_ctime_ns)


def heard(key: str, dice: random.Random) -> AnalysisRow:
    """An invented analysis."""
    affect = dice.uniform(-1.0, 1.0), dice.uniform(-1.0, 1.0)
    tempo_bpm, features = dice.uniform(60.0, 180.0), dice.randbytes(128)
    return AnalysisRow(key, "bench", "", *affect, dice.uniform(0.2, 0.6), tempo_bpm, features, -12.0)
