"""`affetto scan`: reads the music folders into the catalogue, with a progress bar, and shows what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from device.config import Config
from device.domain import LibraryLoaded, MoodName, MoodOrigin
from device.music.catalogue import Catalogue


def run(config: Config, folders: Sequence[Path]) -> int:
    """Scan `folders`, or the configured ones; 0 if there is anything to play."""
    console = Console()
    chosen = [folder.resolve() for folder in folders] or [Path(folder) for folder in config.music.folders]
    with closing(Catalogue.open(Path(config.device.data_dir))) as catalogue, bar(console) as progress:
        task = progress.add_task("Reading", total=None)
        found = catalogue.scan(chosen, lambda done, total: progress.update(task, completed=done, total=total))
    console.print(summary(found))
    for problem in found.problems:
        console.print(f"[yellow]![/] {problem}", highlight=False)
    if not found.tracks:
        places = ", ".join(str(folder) for folder in chosen)
        console.print(f"Nothing to play in {places}. Copy music there, best into folders named {', '.join(MoodName)}.")
    return 0 if found.tracks else 1


@contextmanager
def bar(console: Console) -> Iterator[Progress]:
    """A progress bar with counts and the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        yield progress


def summary(found: LibraryLoaded) -> Table:
    """Tracks by mood and by who said so."""
    counts = Counter((track.mood, track.origin) for track in found.tracks)
    origins = [origin for origin in MoodOrigin if any(o is origin for _, o in counts)]
    table = Table(title=f"{len(found.tracks)} tracks, {len(found.problems)} problems", title_justify="left")
    table.add_column("mood")
    for origin in origins:
        table.add_column(f"by {origin}", justify="right")
    for mood in MoodName:
        if any(m is mood for m, _ in counts):
            table.add_row(mood, *(str(counts[mood, origin] or "") for origin in origins))
    return table
