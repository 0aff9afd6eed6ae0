"""What the data folder holds about people, as figures. Reads only; any thread."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from device.config.schema import Config
from device.domain import Outcome, SongEntry
from device.errors import StateError
from device.parts import first_memory
from device.store.database import SELECT, read_history, read_memory
from device.store.diary import DiaryReader
from device.tags.journal import NAME as WRITTEN

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept about one profile. `first` and `last` are wall-clock seconds (None: nothing)."""

    name: str
    listens: int = 0
    likes: int = 0
    dislikes: int = 0
    bans: int = 0
    songs_in_diary: int = 0
    requests: int = 0
    first: float | None = None
    last: float | None = None


@dataclass(frozen=True, slots=True)
class Everything:
    """What is kept at all. `moods` and `songs` count the entries of the diary since `diary_since` (wall clock, s; None:
    there are none). `tagged`: music files with stars or moods by `affetto tags`."""

    people: tuple[Kept, ...]
    present: tuple[str, ...]
    moods: int
    songs: int
    diary_since: float | None
    camera_by: str
    context: dict[str, Any]
    tagged: int = 0


def read_kept(config: Config, folder: Path) -> Everything:
    """Read all of it. Raises StateError if a file exists and cannot be read."""
    path, diary = folder / "state.db", DiaryReader(folder)
    listens = list(read_history(_rows(path, SELECT)))
    memory = _with(path, lambda: read_memory(_rows(path, "SELECT key, value FROM memory"), first_memory(config)))
    songs, moods = diary.songs(0.0, float("inf")), diary.moods(0.0, float("inf"))
    open_requests = [one.by for one in memory.requests.open]
    names = dict.fromkeys([*memory.profiles, *(one.profile for one in listens), *open_requests, *_names(songs)])
    people = []
    for name in filter(None, names):
        own = [one for one in listens if one.profile == name]
        outcomes = [one.outcome for one in own]
        times = [one.at for one in own]
        people.append(Kept(
            name=name,
            listens=sum(one in (Outcome.PLAYED, Outcome.SKIPPED, Outcome.REPLACED) for one in outcomes),
            likes=outcomes.count(Outcome.LIKED),
            dislikes=outcomes.count(Outcome.DISLIKED),
            bans=outcomes.count(Outcome.BANNED),
            songs_in_diary=sum(name in song.profile.split(", ") for song in songs),
            requests=open_requests.count(name),
            first=min(times, default=None),
            last=max(times, default=None),
        ))  # fmt: skip
    since = min([*(one.at for one in moods), *(one.started_at for one in songs)], default=None)
    context = {name: getattr(memory.context, name) for name in ("activity", "guests", "scene", "weather")}
    tagged = len(_rows(folder / WRITTEN, "SELECT 1 FROM written WHERE after != '[]'"))
    return Everything(tuple(people), memory.profiles, len(moods), len(songs), since, memory.camera_by, context, tagged)


def _names(songs: tuple[SongEntry, ...]) -> list[str]:
    return [name for song in songs for name in song.profile.split(", ")]


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    return _with(path, lambda: _query(path, query)) if path.exists() else []


def _query(path: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)) as database:
        return database.execute(query).fetchall()


def _with(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except (sqlite3.Error, OSError) as error:
        raise StateError(f"{path} cannot be read ({error}); try sudo") from error
