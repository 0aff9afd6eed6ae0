"""`affetto scan`: reads the music folders into the catalogue, hears what is new, and shows what was found.

Main thread. Two bars, one for reading tags and one for listening, because that takes a hundred times as long. Ctrl-C
loses nothing that was heard: the next scan goes on where this one was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from device.config.schema import Config
from device.domain import LibraryLoaded, MoodName, MoodOrigin
from device.errors import AffettoError, LibraryError, ModelError, WorkerError
from device.model import SHIPPED_MODELS
from device.music.library import Catalogue
from device.music.library.analysis_queue import TrackAnalyser, listener
from device.music.workers.analysis_client import AnalysisClient
from device.scan import terminal
from device.scan.points import points_of

INTERRUPTED = 130
SAVE_EVERY = 20  # tracks heard; so much is heard again at most after the power went
SCREEN = "-"  # the name of the terminal, where a picture's file is expected


def run(config: Config, folders: Sequence[Path], plot: str | None = None) -> int:
    """Scan `folders`, or the configured ones; 0 if there is anything to play. `plot`: a PNG file, or `SCREEN`."""
    console = Console()
    if plot not in (None, SCREEN):
        check_picture(Path(str(plot)))
    chosen = [folder.resolve() for folder in folders] or [Path(folder) for folder in config.music.folders]
    with closing(Catalogue.open(Path(config.device.data_dir))) as catalogue:
        with bar(console) as progress:
            found = read(catalogue, chosen, progress)
            whole = hear(catalogue, Path(config.device.models_dir or SHIPPED_MODELS), progress) if found.tracks else ""
        found = catalogue.load()
        tell(console, found, chosen)
        if plot is not None and found.tracks:
            show(console, catalogue, found, plot)
    if whole:
        console.print(whole, highlight=False)
    return INTERRUPTED if whole.startswith("Stopped") else 0 if found.tracks else 1


def read(catalogue: Catalogue, folders: Sequence[Path], progress: Progress) -> LibraryLoaded:
    """Tags of everything that is new; quick."""
    task = progress.add_task("Reading", total=None)
    return catalogue.scan(folders, lambda done, total: progress.update(task, completed=done, total=max(total, 1)))


def hear(catalogue: Catalogue, models_dir: Path, progress: Progress, worker: TrackAnalyser | None = None) -> str:
    """Analyse everything that was not heard yet. Empty, or a sentence that says why something is left."""
    try:
        model = listener(models_dir)
    except ModelError as error:
        return f"Nothing was listened to: {error}"
    done, total = catalogue.count_heard(model)
    task = progress.add_task("Listening", total=total - done)
    try:
        with closing(worker or AnalysisClient(models_dir)) as hears:
            while waiting := catalogue.pending(model, SAVE_EVERY):
                learnt = [_hear_one(catalogue, hears, model, *one, progress, task) for one in waiting]
                if not any(learnt):
                    break  # all of these are gone: their drive was pulled out
    except KeyboardInterrupt:
        catalogue.flush()
        left = total - catalogue.count_heard(model)[0]
        return f"Stopped with {left} tracks not listened to yet; affetto scan goes on with them, so does affetto run."
    except WorkerError as error:
        return f"Nothing was listened to: {error}"
    progress.update(task, total=max(total - done, 1), completed=max(total - done, 1))
    return ""


def _hear_one(
    catalogue: Catalogue, hears: TrackAnalyser, model: str, key: str, path: Path, progress: Progress, task: object
) -> bool:
    """Whether anything was learnt of it; a file that is gone is passed over."""
    try:
        catalogue.heard(key, model, hears.analyse(path))
    except LibraryError as error:
        if not path.exists():
            return False
        catalogue.heard(key, model, str(error))
    except OSError:
        return False
    progress.advance(task)  # type: ignore[arg-type]
    return True


@contextmanager
def bar(console: Console) -> Iterator[Progress]:
    """Progress bars with counts and the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, speed_estimate_period=120) as progress:
        yield progress


def tell(console: Console, found: LibraryLoaded, folders: Sequence[Path]) -> None:
    """What there is, what is wrong with some of it, and what to do where there is nothing."""
    console.print(summary(found))
    for problem in found.problems:
        console.print(f"[yellow]![/] {problem}", highlight=False)
    if not found.tracks:
        places = ", ".join(str(folder) for folder in folders)
        console.print(f"Nothing to play in {places}. Copy music there, best into folders named {', '.join(MoodName)}.")


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


def show(console: Console, catalogue: Catalogue, found: LibraryLoaded, plot: str) -> None:
    """The library in the plane, as a picture or on the terminal."""
    points = points_of(found.tracks, catalogue.affects())
    if plot == SCREEN:
        console.print(terminal.chart(points, console.width))
        return
    from device.scan import plot as picture

    picture.draw(points, Path(plot))
    console.print(f"The library in the plane of valence and arousal: {plot}", highlight=False)


def check_picture(path: Path) -> None:
    """Raises AffettoError if no picture can be written there, before half an hour of listening."""
    if path.suffix.lower() != ".png":
        raise AffettoError(f"--plot writes a picture such as library.png, not {path}; folders come before --plot.")
    if not path.absolute().parent.is_dir():
        raise AffettoError(f"--plot: there is no folder {path.absolute().parent}; make it first.")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        words = 'pip install "matplotlib>=3.9", or say --plot without a file for a plot on the terminal'
        raise AffettoError(f"--plot {path} needs matplotlib, which the device does without: {words}.") from error
