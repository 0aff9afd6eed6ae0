"""Train the face detector from scratch, quantise it, and put it with its card into models/.

    python tools/train_faces.py --data DIR --heads DIR      DIR holds train.json, valid.json and their pictures; the
                                                            heads are a folder in the sheet format (FER2013's, say)

About an hour on two CPU cores. Stop it whenever you like: it checkpoints every epoch in --run and goes on from
there; stopped and resumed, it sees the same scenes as in one go. `--export-only` quantises the last checkpoint again.
Needs tools/requirements-train.txt.

Every scene is composed anew (tools/faces/scenes.py) by worker processes. Most epochs show small scenes, because a CPU
sees more faces a second in them; the last show the camera's 320x240. Empty scenes that fool the net at the start of an
epoch are shown again in it (bootstrapping, Sung & Poggio 1998). AdamW with one cosine cycle, in bfloat16 where that is
faster and does no harm; a few more epochs polish the landmarks. What is kept and shipped is an exponential mean of the
weights (Polyak & Juditsky 1992).
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from device.errors import ModelError
from device.perception.faces import FaceDetector
from tools.faces import card, lessons
from tools.faces import heads as face_heads
from tools.faces import measure as measure_faces
from tools.faces.net import FaceNet, losses
from tools.faces.recipe import SMALL, Recipe
from tools.labelled.boxes import Picture, Pool, training_pool
from tools.labelled.emotions import read_split
from tools.model.files import write_atomically

MEMORY = 0.998  # of the mean of the weights, a step
FOOLED = 0.25  # an empty scene with a score like this is shown again
TRIALS = 1200  # empty scenes tried before each epoch
console = Console()


@dataclass(slots=True)
class Run:
    """One training in progress: the net and what happened so far."""

    net: FaceNet
    mean: AveragedModel
    optimiser: torch.optim.Optimizer
    history: list[dict[str, float]]


def main() -> int:
    arguments = parse()
    recipe = Recipe(**{name: getattr(arguments, name) for name in Recipe.__slots__})
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    try:
        pool = training_pool(arguments.data)
        if arguments.heads:
            pool = replace(pool, heads=heads(arguments.heads, arguments.models, arguments.run))
        sets = measure_faces.read_sets(arguments.data, "valid", measure_faces.SCENES)
        run = begin(recipe)
        resume(run, recipe, arguments.run)
    except ValueError as error:
        console.print(f"[red]{error}[/red]")
        return 1
    console.print(
        f"{len(pool.people)} pictures of people, {len(pool.backgrounds)} backgrounds, {len(pool.heads)} heads"
    )
    if not arguments.export_only:
        learn(run, recipe, pool, sets, arguments.run, arguments.workers)
    trained = asdict(recipe) | {"epochs_done": len(run.history), "heads": len(pool.heads)}
    card.export(run.mean.module, pool, sets, arguments.models, trained, console)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder shaped like data/faces")
    parser.add_argument("--heads", type=Path, metavar="DIR", help="more faces: a folder in the sheet format")
    parser.add_argument("--run", type=Path, default=Path("out/faces"), help="checkpoint, history and plots")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where model and card go")
    parser.add_argument("--export-only", action="store_true", help="do not train, only quantise and measure")
    parser.add_argument("--epochs", type=int, default=52)
    parser.add_argument("--camera-epochs", type=int, default=12, help="the last so many show 320x240")
    parser.add_argument("--polish", type=int, default=5, help="epochs of each part of the polish")
    parser.add_argument("--scenes", type=int, default=10_000, help="in an epoch")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=0.01, help="weight decay")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads for the net (workers need a core too)")
    parser.add_argument("--workers", type=int, default=1, help="processes that compose scenes")
    return parser.parse_args()


def begin(recipe: Recipe) -> Run:
    torch.manual_seed(recipe.seed)
    net = FaceNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(MEMORY), use_buffers=True)
    return Run(net, mean, torch.optim.AdamW(net.parameters(), recipe.rate, weight_decay=recipe.decay), [])


def heads(folder: Path, models: Path, run: Path) -> tuple[Picture, ...]:
    """The sheet's training faces, with labels of the detector that was there when the run began.

    Raises ValueError if there is none, or no such sheet.
    """
    faces, kept = read_split(folder, "train").faces, run / "heads.json"
    if kept.exists():
        return face_heads.restore(kept, faces)
    try:
        find = FaceDetector.load(models, threshold=face_heads.SURE).find
    except ModelError as error:
        raise ValueError(f"--heads needs a detector in {models} to begin with: {error}") from error
    labels = face_heads.label(track(faces, "labelling heads", console=console), find)
    run.mkdir(parents=True, exist_ok=True)
    face_heads.keep(kept, labels)
    return face_heads.restore(kept, faces)


def resume(run: Run, recipe: Recipe, folder: Path) -> None:
    path = folder / "checkpoint.pt"
    if not path.exists():
        return
    saved = torch.load(path, weights_only=True)
    if saved["recipe"] != asdict(recipe):
        raise ValueError(f"{path} was made with other settings; go on with those, or choose another --run folder")
    run.net.load_state_dict(saved["net"])
    run.mean.load_state_dict(saved["mean"])
    run.optimiser.load_state_dict(saved["optimiser"])
    run.history[:] = saved["history"]
    console.print(f"going on after epoch {len(run.history)} of {recipe.total}")


def save(run: Run, recipe: Recipe, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "checkpoint.partial"
    states = {"net": run.net.state_dict(), "mean": run.mean.state_dict(), "optimiser": run.optimiser.state_dict()}
    torch.save({"recipe": asdict(recipe), "history": run.history, **states}, partial)
    partial.replace(folder / "checkpoint.pt")
    write_atomically(folder / "history.json", json.dumps(run.history, indent=1).encode())
    plot(run.history, folder / "history.png")


# --- Learning --------------------------------------------------------------------------------------------------


def learn(run: Run, recipe: Recipe, pool: Pool, sets: measure_faces.Sets, folder: Path, workers: int) -> None:
    lessons.share(pool)
    glance = measure_faces.Sets(sets.people[::5], sets.backgrounds[::3], sets.scenes[::3])
    pixels_left = sum(math.prod(recipe.canvas(e)) for e in range(len(run.history), recipe.total))
    began, pixels_done = time.monotonic(), 0
    with multiprocessing.get_context("fork").Pool(workers) as crew:
        for epoch in range(len(run.history), recipe.total):
            fooled = mine(run.mean, crew, recipe, epoch)
            batches = lessons.batches(crew, recipe, epoch, fooled)
            parts = [step(run, recipe, epoch, at, *batch) for at, batch in enumerate(batches)]
            mean = np.mean(parts, axis=0)
            detector = card.float_detector(run.mean.module, measure_faces.LOWEST_SCORE)
            figures = measure_faces.judge(detector.find, glance, 0.5)
            run.history.append(
                {
                    "score": float(mean[0]),
                    "box": float(mean[1]),
                    "landmarks": float(mean[2]),
                    "ap": figures["ap"],
                    "scenes_ap": figures["scenes"]["ap"],
                    "landmark_error": figures["landmark_error"],
                    "false_alarms": figures["false_alarms"]["count"],
                    "fooled": len(fooled),
                }
            )
            save(run, recipe, folder)
            pixels_done += math.prod(recipe.canvas(epoch))
            left_s = (time.monotonic() - began) / pixels_done * (pixels_left - pixels_done)
            console.print(
                f"epoch {epoch + 1}/{recipe.total}  score {mean[0]:.3f}  box {mean[1]:.3f}  landmarks {mean[2]:.4f}  "
                f"AP {figures['ap']:.4f}  scenes {figures['scenes']['ap']:.4f}  "
                f"landmark error {figures['landmark_error']:.2%}  "
                f"alarms {figures['false_alarms']['count']}/{len(glance.backgrounds)}  "
                f"fooled {len(fooled)}/{TRIALS}  {left_s / 60:.1f} min left"
            )


def step(run: Run, recipe: Recipe, epoch: int, at: int, pictures: np.ndarray, targets: np.ndarray) -> tuple[float, ...]:
    """One batch; returns its three losses."""
    for group in run.optimiser.param_groups:
        group["lr"] = recipe.rate_at(epoch + at / recipe.steps())
    run.net.train()
    x = normalised(pictures)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = run.net(x)
    parts = losses(outputs, torch.from_numpy(targets))
    total = sum(weight * part for weight, part in zip(recipe.stage(epoch).weights, parts, strict=True))
    run.optimiser.zero_grad()
    total.backward()
    torch.nn.utils.clip_grad_norm_(run.net.parameters(), 5.0)
    run.optimiser.step()
    run.mean.update_parameters(run.net)
    return tuple(float(part.detach()) for part in parts)


def normalised(pictures: np.ndarray) -> torch.Tensor:
    """uint8[n, H, W] as the net takes it."""
    x = (torch.from_numpy(pictures).float().unsqueeze(1) - 128) / 128
    return x.contiguous(memory_format=torch.channels_last)


def mine(net: torch.nn.Module, crew: Any, recipe: Recipe, epoch: int) -> list[tuple[int, ...]]:
    """The seeds of empty scenes in which the net sees somebody, most fooled first. None in the first epoch."""
    if epoch == 0:
        return []
    seeds = [(recipe.seed, epoch, 10**6 + number) for number in range(TRIALS)]
    net.eval()
    found = []
    jobs = [(seeds[i : i + 24], SMALL) for i in range(0, TRIALS, 24)]
    for at, pictures in enumerate(crew.imap(lessons.empties, jobs)):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            outputs = net(normalised(pictures))
        surest = torch.stack([score.flatten(1).amax(1) for score in outputs[0::3]]).amax(0).sigmoid().tolist()
        found += zip(surest, seeds[at * 24 : at * 24 + 24], strict=True)
    found = sorted((one for one in found if one[0] >= FOOLED), reverse=True)
    return [seed for _, seed in found]


def plot(history: list[dict[str, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 3, figsize=(13, 3.6))
    for panel, keys in zip(
        panels, (("score", "box", "landmarks"), ("ap", "scenes_ap"), ("landmark_error",)), strict=True
    ):
        for key in keys:
            panel.plot(range(1, len(history) + 1), [epoch[key] for epoch in history], label=key)
        panel.set_xlabel("epoch")
        panel.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(main())
