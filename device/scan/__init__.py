"""`affetto scan`: reads the music folders into the catalogue, analyses new files, and lists the result.

Main thread. Ctrl-C loses nothing: the next scan continues where this one stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console

from device.config.schema import Config
from device.console import count, open_console
from device.domain import LibraryLoaded
from device.errors import AffettoError, LibraryError, ModelError, WorkerError
from device.model import SHIPPED_MODELS
from device.music.library.analysis_queue import TrackAnalyser, model_id
from device.music.library.catalogue import Catalogue
from device.music.library.files.ignored import Ignored
from device.music.track_mood import TrackMood
from device.music.workers.analysis_client import AnalysisClient
from device.scan import report, terminal
from device.scan.points import points_of
from device.scan.progress import Display, display

INTERRUPTED = 130
SAVE_EVERY = 20  # analysed tracks; after a power cut, at most this many are analysed again
TERMINAL = "-"  # means the terminal instead of a file name


def run(config: Config, folders: Sequence[Path], plot: str | None = None, *, again: bool = False) -> int:
    """Scan `folders`, or the configured ones. Returns 0 if there is anything to play.

    `plot`: a PNG file, or `TERMINAL`. `again`: read all files, also those that did not change.
    """
    console = open_console()
    if plot not in (None, TERMINAL):
        check_picture(Path(str(plot)))
    chosen = [folder.resolve() for folder in folders] or [Path(folder) for folder in config.music.folders]
    models_dir = Path(config.device.models_dir or SHIPPED_MODELS)
    ignored, learn = Ignored(config.music.ignore), config.music.learn_corrections
    with closing(Catalogue.open(Path(config.device.data_dir), ignored=ignored, learn=learn)) as catalogue:
        unfinished, status = "", 0
        try:
            with display(open_console(stderr=True)) as progress:
                found = catalogue.scan(chosen, progress.read, again=again)
                unfinished = analyse(catalogue, models_dir, progress) if found.tracks else ""
        except KeyboardInterrupt:
            unfinished, status = stopped(catalogue, models_dir), INTERRUPTED
        found = catalogue.load()
        report.show(console, found)
        if plot is not None and found.tracks:
            show_plane(console, catalogue, found, plot)
    if unfinished:
        console.print(unfinished, highlight=False, markup=False, soft_wrap=True)
    return status or (0 if found.tracks else 1)


def analyse(catalogue: Catalogue, models_dir: Path, progress: Display, analyser: TrackAnalyser | None = None) -> str:
    """Analyse all new tracks. Returns a sentence that says why some are left, or nothing."""
    try:
        model = model_id(models_dir)
        done, total = catalogue.count_analysed(model)
        with closing(analyser or AnalysisClient(models_dir)) as analyser:
            while waiting := catalogue.pending(model, SAVE_EVERY):
                before = done
                for key, path in waiting:
                    progress.analyse(done, total, path.name)
                    done += _analyse_one(catalogue, analyser, model, key, path)
                if done == before:
                    break  # all of these are gone: their drive was pulled out
        progress.analyse(done, total, "")
        catalogue.flush()
    except (ModelError, WorkerError, LibraryError) as error:
        return f"Some tracks are not analysed. {error}"
    return ""


def _analyse_one(catalogue: Catalogue, analyser: TrackAnalyser, model: str, key: str, path: Path) -> bool:
    """Analyse one track. Returns whether there is a result; skips a file that is gone."""
    found: TrackMood | str
    try:
        found = analyser.analyse(path)
    except OSError:
        return False
    except LibraryError as error:
        if not path.exists():
            return False
        found = str(error)
    catalogue.analysed(key, model, found)
    return True


def stopped(catalogue: Catalogue, models_dir: Path) -> str:
    """A sentence about the rest, after Ctrl-C."""
    try:
        catalogue.flush()
        done, total = catalogue.count_analysed(model_id(models_dir))
    except (ModelError, LibraryError) as error:
        return f"Stopped. {error}"
    return (
        f"Stopped before {count(total - done, 'track')} could be analysed. Run affetto scan again to continue; "
        "affetto run continues by itself."
    )


def show_plane(console: Console, catalogue: Catalogue, found: LibraryLoaded, plot: str) -> None:
    """Plot the library in the plane, as a picture or on the terminal."""
    points = points_of(found.tracks, catalogue.affects())
    if plot == TERMINAL:
        console.print(terminal.chart(points, console.width))
        return
    from device.scan import plot as picture

    picture.draw(points, Path(plot))
    console.print(f"The library in the plane of valence and arousal: {plot}", highlight=False, markup=False)


def check_picture(path: Path) -> None:
    """Raise AffettoError if the picture cannot be written, before half an hour of analysis."""
    if path.suffix.lower() != ".png":
        raise AffettoError(f"--plot writes a picture such as library.png, not {path}; folders come before --plot.")
    if not path.absolute().parent.is_dir():
        raise AffettoError(f"--plot: there is no folder {path.absolute().parent}; create it first.")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        words = 'pip install "matplotlib>=3.9", or write --plot without a file for a plot on the terminal'
        raise AffettoError(f"--plot {path} needs matplotlib: {words}.") from error
