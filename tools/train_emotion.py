"""Train the emotion model from scratch, quantise it, and put it with its card into models/.

    python tools/train_emotion.py --data DIR --net teacher --run out/teacher --epochs 24
    python tools/train_emotion.py --data DIR --teacher out/teacher --portraits FACES

DIR holds fer_train.png/.csv and fer_valid.png/.csv, FACES the faces of the detector's training. The teacher is a net
too large for the device; nothing is exported of it. About two hours on two CPU cores with `--bf16`; a GPU is used where
PyTorch finds one. Stop it whenever you like: it checkpoints every epoch in --run and goes on from there.
`--export-only` quantises the last checkpoint again. Needs tools/requirements-train.txt.

A net learns the whole distribution of FERPlus votes (soft cross entropy, Barsoum et al. 2016), the device's one mixed
with what the teacher thinks (tools/emotion/teacher.py); with AdamW, one cosine cycle, and an exponential moving average
of the weights, which is what is measured and kept.
"""

import argparse
import itertools
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools.emotion import augment, card
from tools.emotion import net as emotion_net
from tools.emotion import teacher as emotion_teacher
from tools.emotion.lessons import Lesson, Recipe, lesson, split_off
from tools.labelled.emotions import LabelledFaces, read_split
from tools.model.files import write_atomically

DEVICE = "device"  # the net that is exported
EMA = 0.998
WARM_UP = 0.03  # of all steps
console = Console()


@dataclass(slots=True)
class Run:
    """One training in progress: the net, its average, and what happened so far."""

    net: emotion_net.EmotionNet
    average: emotion_net.EmotionNet
    optimiser: torch.optim.Optimizer
    device: torch.device
    half: bool
    history: list[dict[str, float]]


def main() -> int:
    arguments = parse()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    try:
        teachers = [emotion_teacher.read(folder / "checkpoint.pt") for folder in arguments.teacher]
        recipe = recipe_of(arguments, teachers)
        train, held_out = split_off(read_split(arguments.data, "train"), recipe)
        valid = read_split(arguments.data, "valid")
        portraits = emotion_teacher.portraits(arguments.portraits) if arguments.portraits else train.faces[:0]
        run = begin(recipe, half=arguments.bf16)
        resume(run, recipe, arguments.run)
    except ValueError as error:
        console.print(f"[red]{error}[/red]")
        return 1
    if not arguments.export_only:
        opinions = [
            emotion_teacher.opinions(teachers, faces, run.device, half=run.half) for faces in (train.faces, portraits)
        ]
        learn(run, recipe, lesson(train, portraits, opinions, recipe), valid, arguments.run)
    if recipe.net == DEVICE:
        trained = asdict(recipe) | {"portraits": len(portraits), "epochs_done": len(run.history)}
        trained |= {"epochs_planned": plans(run.history)}
        card.export(run.average, train, held_out, valid, arguments.models, trained, console)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder in the sheet format")
    parser.add_argument("--net", choices=emotion_net.NETS, default=DEVICE)
    parser.add_argument("--teacher", type=Path, nargs="*", default=[], metavar="RUN", help="--run folders of teachers")
    parser.add_argument("--trust", type=float, default=0.6, help="the teachers' share, 0 to 1; the rest are the votes")
    parser.add_argument("--portraits", type=Path, metavar="DIR", help="further faces, of which only the teachers judge")
    parser.add_argument("--run", type=Path, default=Path("out/emotion"), help="checkpoint, history and plots")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where model and card go")
    parser.add_argument("--export-only", action="store_true", help="do not train, only quantise and measure")
    parser.add_argument("--epochs", type=int, default=90)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=0.02, help="weight decay")
    parser.add_argument("--rarity", type=float, default=0.25, help="0 draws every face alike, 1 every emotion")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=0, help="train on so many faces only, to try things out")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves it to PyTorch")
    parser.add_argument(
        "--bf16",
        action="store_true",
        help="train in bfloat16: faster where CPU or GPU has it, slower elsewhere",
    )
    return parser.parse_args()


def recipe_of(arguments: argparse.Namespace, teachers: list[emotion_teacher.Teacher]) -> Recipe:
    given = {name: getattr(arguments, name) for name in Recipe.__slots__}
    known_by = " ".join(teacher.sha256[:16] for teacher in teachers)
    if arguments.portraits and not teachers:
        raise ValueError("--portraits are faces without votes: name a --teacher that can judge them")
    return Recipe(**given | {"teacher": known_by, "trust": arguments.trust if teachers else 0.0})


def begin(recipe: Recipe, *, half: bool) -> Run:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(recipe.seed)
    blocks = emotion_net.NETS[recipe.net]
    net = emotion_net.EmotionNet(blocks).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = emotion_net.EmotionNet(blocks).to(device).eval()
    average.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), recipe.rate, weight_decay=recipe.decay)
    return Run(net, average, optimiser, device, half, [])


def resume(run: Run, recipe: Recipe, folder: Path) -> None:
    path = folder / "checkpoint.pt"
    if not path.exists():
        return
    saved = torch.load(path, map_location=run.device, weights_only=True)
    if saved["recipe"] | {"epochs": recipe.epochs} != asdict(recipe):
        raise ValueError(f"{path} was made with other settings; go on with those, or choose another --run folder")
    run.net.load_state_dict(saved["net"])
    run.average.load_state_dict(saved["average"])
    run.optimiser.load_state_dict(saved["optimiser"])
    run.history[:] = saved["history"]
    console.print(f"going on after epoch {len(run.history)} of {recipe.epochs}")


def plans(history: list[dict[str, float]]) -> str:
    """Under which cosine the epochs were trained, such as "50 (epochs 1 to 19), 28 (epochs 20 to 28)"."""
    told, first = [], 1
    for planned, epochs in itertools.groupby(int(epoch["planned"]) for epoch in history):
        last = first + len(list(epochs)) - 1
        told.append(f"{planned} (epochs {first} to {last})")
        first = last + 1
    return ", ".join(told)


def save(run: Run, recipe: Recipe, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "checkpoint.partial"
    parts = {"net": run.net, "average": run.average, "optimiser": run.optimiser}
    states = {name: part.state_dict() for name, part in parts.items()}
    torch.save({"recipe": asdict(recipe), "history": run.history, **states}, partial)
    partial.replace(folder / "checkpoint.pt")
    write_atomically(folder / "history.json", json.dumps(run.history, indent=1).encode())
    plot(run.history, folder / "history.png")


def learn(run: Run, recipe: Recipe, lesson: Lesson, valid: LabelledFaces, folder: Path) -> None:
    steps = math.ceil(len(lesson) / recipe.batch)
    began, first = time.monotonic(), len(run.history)
    for epoch in range(first, recipe.epochs):
        random = torch.Generator().manual_seed(recipe.seed * 100_003 + epoch)  # so that resuming changes nothing
        torch.manual_seed(recipe.seed * 100_003 + epoch)  # dropout
        chosen = torch.multinomial(lesson.draw, steps * recipe.batch, replacement=True, generator=random)
        losses = [
            step(
                run,
                recipe,
                augment.augment(lesson.pixels[some], random),
                lesson.targets[some],
                (epoch * steps + at) / steps,
            )
            for at, some in enumerate(watch(chosen.split(recipe.batch), epoch, recipe))
        ]
        loss, accuracy, recall = judge(run, valid)
        mean = float(np.mean(losses))
        figures = {"train": mean, "valid": loss, "accuracy": accuracy, "recall": recall, "planned": recipe.epochs}
        run.history.append(figures)
        save(run, recipe, folder)
        left_s = (time.monotonic() - began) / (epoch + 1 - first) * (recipe.epochs - epoch - 1)
        console.print(
            f"epoch {epoch + 1}/{recipe.epochs}  loss {mean:.4f}  valid {loss:.4f}  "
            f"accuracy {accuracy:.2%}  mean recall {recall:.2%}  {left_s / 60:.1f} min left"
        )


def watch(batches: tuple[torch.Tensor, ...], epoch: int, recipe: Recipe) -> Iterator[torch.Tensor]:
    label = f"epoch {epoch + 1}/{recipe.epochs}"
    yield from track(batches, label, console=console, transient=True, disable=not console.is_terminal)


def step(run: Run, recipe: Recipe, x: torch.Tensor, target: torch.Tensor, epochs_done: float) -> float:
    """One batch; returns its loss."""
    done = epochs_done / recipe.epochs
    rate = recipe.rate * min(1, (done + 1e-4) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    run.net.train()
    x = x.to(run.device).contiguous(memory_format=torch.channels_last)
    with torch.autocast(run.device.type, torch.bfloat16, enabled=run.half):
        logits = run.net(x)
    loss = functional.cross_entropy(logits.float(), target.to(run.device))
    run.optimiser.zero_grad()
    loss.backward()
    run.optimiser.step()
    follow(run, epochs_done)
    return loss.item()


@torch.no_grad()
def follow(run: Run, epochs_done: float) -> None:
    """Move the average towards the net, quickly in the first epoch so that it forgets where it began."""
    keep = EMA if epochs_done > 1 else 0.95
    for mean, new in zip(run.average.state_dict().values(), run.net.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(new, 1 - keep)
        else:
            mean.copy_(new)


@torch.no_grad()
def judge(run: Run, valid: LabelledFaces) -> tuple[float, float, float]:
    """(soft loss, accuracy, mean recall without contempt) of the averaged net on the clear faces of `valid`."""
    truth = valid.majority()
    clear = valid.pick(truth >= 0)
    soft = torch.from_numpy(clear.distribution()[0])
    logits = emotion_teacher.predict(run.average, clear.faces, run.device)
    best, truth = logits.argmax(1).numpy(), truth[truth >= 0]
    recalls = [(best[truth == label] == label).mean() for label in range(7)]
    loss = functional.cross_entropy(logits, soft).item()
    return loss, float((best == truth).mean()), float(np.mean(recalls))


def plot(history: list[dict[str, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    epochs = range(1, len(history) + 1)
    for axis, names in ((left, ("train", "valid")), (right, ("accuracy", "recall"))):
        for name in names:
            axis.plot(epochs, [epoch[name] for epoch in history], label=name)
        axis.set_xlabel("epoch")
        axis.legend()
        axis.grid(alpha=0.3)
    left.set_title("soft cross entropy (train: augmented, rare emotions drawn oftener)")
    right.set_title("valid: accuracy, mean recall without contempt")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(main())
