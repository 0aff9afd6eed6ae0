"""`affetto tags`: writes likes as stars, and moods, into the tags of music files, and takes that back. Main thread.

Nothing else in this program writes into music files, and this only when the owner asks. Ctrl-C, a power cut or a full
disk loses nothing: each file is replaced as a whole, and the next run continues.
"""

from __future__ import annotations

import errno
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.text import Text

from device.config.schema import Config
from device.console import count, open_console
from device.errors import AffettoError, ConfigError
from device.music.metadata.tags import shown
from device.music.workers.edit_client import EditClient
from device.tags.journal import Entry, Journal
from device.tags.plan import Candidate, candidates
from device.tags.writing import Done, Editor, Result, TagWriter

INTERRUPTED = 130
FATAL = (errno.ENOSPC, errno.EDQUOT)

T = TypeVar("T")


def run(
    config: Config, action: str, folders: Sequence[Path], *, ratings: bool = False, moods: str = "", dry: bool = False,
    editor: Editor | None = None,
) -> int:  # fmt: skip
    """`action`: write or undo. `ratings` and `moods` take the place of the settings; `editor` takes the place of a
    process with limits. Returns 0 if every file is as it should be, 1 if some could not be written."""
    data_dir, console = Path(config.device.data_dir), open_console()
    asked = config.music.write_ratings, config.music.write_moods
    ratings, chosen = (ratings, moods or "none") if ratings or moods else asked
    if action == "write" and not ratings and chosen == "none":
        raise ConfigError("nothing to write: use --ratings or --moods, or set music.write_ratings or music.write_moods")
    with ExitStack() as stack:
        journal = stack.enter_context(closing(Journal.open(data_dir)))
        writer = TagWriter(editor or stack.enter_context(closing(EditClient())), journal, dry=dry)
        if action == "undo":
            tops = [folder.absolute() for folder in folders]
            entries = [one for one in journal.entries() if not tops or any(map(one.path.is_relative_to, tops))]
            return work(console, entries, writer.undo, path_of_entry, "restored", dry=dry)
        wanted = candidates(data_dir, folders, ratings=ratings, moods=chosen)
        return work(console, wanted, writer.write, path_of_candidate, "written", dry=dry)


def path_of_entry(entry: Entry) -> Path:
    return entry.path


def path_of_candidate(candidate: Candidate) -> Path:
    return candidate.path


def work(
    console: Console, items: Sequence[T], do: Callable[[T], Done], path_of: Callable[[T], Path], verb: str, *, dry: bool
) -> int:
    """Do it with all items; print what happened to each file, and a summary. Returns the exit status."""
    results: Counter[Result] = Counter()
    status, problem = 0, ""
    try:
        for item in shown_progress(items):
            done = attempt(do, item)
            results[done.result] += 1
            if done.words:
                mark = "! " if done.result is Result.SKIPPED else ""
                console.print(Text(f"{mark}{shown(path_of(item))}: {done.words}"), soft_wrap=True)
    except KeyboardInterrupt:
        status, problem = INTERRUPTED, "Stopped. Run the command again to continue."
    except OSError as error:
        status, problem = 1, f"Stopped: {error.strerror or error}. Free some space and run the command again."
    except AffettoError as error:
        status, problem = 1, f"Stopped: {error}"
    written = f"{count(results[Result.WRITTEN], 'file')} {'would be ' if dry else ''}{verb}"
    console.print(
        f"{written}, {results[Result.RIGHT]:,} right already, {results[Result.SKIPPED]:,} left as they are.",
        highlight=False,
    )
    if problem:
        console.print(escape(problem), highlight=False, soft_wrap=True)
    return status or (1 if results[Result.SKIPPED] else 0)


def attempt(do: Callable[[T], Done], item: T) -> Done:
    """What became of an item; a disk that refuses this file refuses nothing else, unless it is full."""
    try:
        return do(item)
    except FileNotFoundError:
        return Done(Result.SKIPPED, "it is no longer there")
    except OSError as error:
        if error.errno in FATAL:
            raise
        return Done(Result.SKIPPED, (error.strerror or str(error)).lower())


def shown_progress(items: Sequence[T]) -> Iterable[T]:
    """The items, with a bar on a terminal."""
    errors = open_console(stderr=True)
    if not errors.is_terminal or not items:
        return itertools.chain(items)
    return track(items, "Files", console=errors, transient=True)
