"""Train the music mood model from scratch, quantise it, and put it with its card into models/.

    python tools/train_music.py --data DIR                   DIR holds clips.csv and the clips
    python tools/train_music.py --data DIR --folds 10        cross-validate first; its figures go into the card

The features of all clips take a quarter of an hour on one core and are kept in --run; what follows takes minutes. Stop
it whenever you like: features and finished folds are not computed again. Needs tools/requirements-train.txt.

What is learnt, and why so, stands in tools/music/net.py; what else was tried in models/music_mood_tried.md. Learns from
the split `train`; the card's figures are on `dev`. Folds are cut over both, and never through an artist.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sklearn.model_selection import StratifiedGroupKFold

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools.model.files import write_atomically
from tools.music import card, data
from tools.music import measure as measure_music
from tools.music import net as music_net

INNER_FOLDS = 5  # within train, for the temperature
console = Console()


def main() -> int:
    arguments = parse()
    recipe = music_net.Recipe()
    try:
        clips = data.read(arguments.data)
        with bar("listening") as progress:
            heard = data.hear(clips, arguments.run, progress)
    except (ValueError, OSError) as error:
        console.print(f"[red]{error}[/red]")
        return 1
    folds = cross_validate(recipe, heard, clips, arguments.run, arguments.folds, arguments.seeds)
    train = clips.splits == "train"
    temperature = calibrate(recipe, heard, clips, train, arguments.run)
    standard = music_net.Standard.of(heard.values[train])
    net = music_net.learn(recipe, standard(heard.values[train]), clips.quadrants[train])
    learnt = card.Learnt(net, standard, heard, clips, temperature, asdict(recipe), folds)
    card.export(learnt, arguments.models, console)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with clips.csv")
    parser.add_argument("--run", type=Path, default=Path("out/music"), help="features and finished folds")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where model and card go")
    parser.add_argument("--folds", type=int, default=0, metavar="N", help="cross-validate in N folds first")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="so many times, each with other folds")
    return parser.parse_args()


@contextmanager
def bar(label: str) -> Iterator[Any]:
    """A progress bar; gives what to call with (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(label)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def fold_rows(clips: data.Clips, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(learn from, try on) for each fold; no artist is in both."""
    cutter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(cutter.split(np.zeros(len(clips)), clips.quadrants, clips.artists))


def unseen(
    recipe: music_net.Recipe, heard: data.Heard, clips: data.Clips, folds: int, seed: int, cache: Path
) -> np.ndarray:
    """Logits float32 [n, 4] of every clip from a model that has not learnt from its artist; finished folds are kept."""
    cache.mkdir(parents=True, exist_ok=True)
    logits = np.zeros((len(clips), 4), np.float32)
    with bar(f"{folds} folds, seed {seed}") as progress:
        for number, (learn, judge) in enumerate(fold_rows(clips, folds, seed)):
            kept = cache / f"{fingerprint(recipe, heard, learn)}.npy"
            if kept.exists():
                logits[judge] = np.load(kept)
            else:
                standard = music_net.Standard.of(heard.values[learn])
                net = music_net.learn(recipe, standard(heard.values[learn]), clips.quadrants[learn])
                logits[judge] = net.logits(standard(heard.values[judge, 0]))
                partial = kept.with_suffix(".partial.npy")
                np.save(partial, logits[judge])
                partial.replace(kept)
            progress(number + 1, folds)
    return logits


def fingerprint(recipe: music_net.Recipe, heard: data.Heard, rows: np.ndarray) -> str:
    """Changes with everything that a fold's result depends on, but for the code of the net."""
    text = json.dumps([asdict(recipe), heard.names, rows.tolist()])
    return hashlib.sha256(text.encode() + heard.values[rows].tobytes()).hexdigest()[:16]


def cross_validate(
    recipe: music_net.Recipe, heard: data.Heard, clips: data.Clips, run: Path, folds: int, seeds: int
) -> dict[str, Any]:
    """Mean and deviation over different cuts of the figures on all clips, for the card; empty without folds."""
    if not folds:
        return {}
    found = []
    for seed in range(seeds):
        logits = unseen(recipe, heard, clips, folds, seed, run / "folds")
        figures = measure_music.judge(card.softmax(logits), clips.quadrants)
        found.append(figures)
        console.print(
            f"seed {seed}: macro-F1 {figures['macro_f1']:.3f}  arousal {figures['arousal']:.1%}  "
            f"valence {figures['valence']:.1%}"
        )
        write_atomically(run / "folds.json", json.dumps(found, indent=1).encode())
    names = ("macro_f1", "arousal", "valence", "accuracy")
    mean = {name: round(float(np.mean([f[name] for f in found])), 4) for name in names}
    deviation = {name: round(float(np.std([f[name] for f in found])), 4) for name in names}
    how = f"{folds} folds over train and dev, no artist on both sides; mean of {seeds} cuts into folds; float"
    return {"how": how, **mean} | ({"deviation_between_cuts": deviation} if seeds > 1 else {})


def calibrate(recipe: music_net.Recipe, heard: data.Heard, clips: data.Clips, train: np.ndarray, run: Path) -> float:
    """The divisor of the logits with the lowest log loss on train, by models that do not know the clips they judge."""
    some = data.Clips(
        tuple(np.array(clips.paths, object)[train]), clips.quadrants[train], clips.artists[train], clips.splits[train]
    )
    part = data.Heard(heard.names, heard.values[train])
    logits = unseen(recipe, part, some, INNER_FOLDS, 0, run / "folds")
    return card.temperature(logits, some.quadrants)


if __name__ == "__main__":
    sys.exit(main())
