"""Which file should say what: by the likes and dislikes in state.db and the moods in catalogue.db. Only reads them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from device.domain import Listen, MoodOrigin, Outcome
from device.errors import LibraryError
from device.music.library.sql.catalogue_file import NAME as CATALOGUE
from device.music.library.sql.queries import TRACKS
from device.music.library.sql.schema import FORMAT
from device.music.library.tracks import track_of
from device.music.metadata.editing import Wish
from device.store.database import SELECT, read_history

OWN = (MoodOrigin.USER, MoodOrigin.FOLDER)  # moods that people chose, and that are not in the tags
LIKES = {Outcome.LIKED: True, Outcome.DISLIKED: False, Outcome.BANNED: False, Outcome.ALLOWED: None}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file, what it should say, and its size and times (ns) when it was scanned last."""

    path: Path
    wish: Wish
    size: int
    mtime_ns: int
    ctime_ns: int


def candidates(data_dir: Path, folders: Sequence[Path], *, ratings: bool, moods: str) -> list[Candidate]:
    """Files below one of `folders` (none: everywhere). `moods`: see the setting music.write_moods. Raises
    LibraryError."""
    liked = opinions(_listens(data_dir)) if ratings else {}
    tops = [os.fsencode(folder.absolute()).rstrip(b"/") + b"/" for folder in folders]
    found = []
    for path, size, mtime_ns, ctime_ns, *row in _rows(data_dir / CATALOGUE, _files(data_dir / CATALOGUE)):
        if tops and not any(path.startswith(top) for top in tops):
            continue
        track = track_of(tuple(row), {})
        predicted = track.origin is MoodOrigin.MODEL
        named = (track.origin in OWN and moods != "none") or (predicted and moods == "all")
        wish = Wish(liked.get(track.key), str(track.mood).capitalize() if named else "", predicted and named)
        if wish.liked is not None or wish.mood:
            found.append(Candidate(Path(os.fsdecode(path)), wish, size, mtime_ns, ctime_ns))
    return found


def opinions(history: Iterable[Listen]) -> dict[str, bool]:
    """By key: True for what somebody likes and nobody dislikes, False for the opposite. Each profile's last word
    counts, and a ban is a dislike; where people differ, nothing is said."""
    last: dict[str, dict[str, bool | None]] = {}
    for line in history:
        if line.outcome in LIKES:
            whose = "" if line.outcome in (Outcome.BANNED, Outcome.ALLOWED) else line.profile
            last.setdefault(line.track_key, {})[whose] = LIKES[line.outcome]
    said = {key: {one for one in words.values() if one is not None} for key, words in last.items()}
    return {key: words.pop() for key, words in said.items() if len(words) == 1}


def _files(path: Path) -> str:
    if not path.exists():
        raise LibraryError(f"There is no library in {path.parent}; run affetto scan first")
    return TRACKS.replace("SELECT", "SELECT files.path, files.size, files.mtime_ns, files.ctime_ns,", 1)


def _listens(data_dir: Path) -> Iterator[Listen]:
    path = data_dir / "state.db"
    return read_history(_rows(path, SELECT)) if path.exists() else iter(())


def _rows(path: Path, question: str) -> list[tuple]:  # type: ignore[type-arg]
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)) as db:
            if path.name == CATALOGUE and db.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
                raise LibraryError(f"{path} comes from another version of Affetto; run affetto scan first")
            return db.execute(question).fetchall()
    except sqlite3.Error as error:
        raise LibraryError(f"{path} cannot be read ({error}); run the command as root") from error
