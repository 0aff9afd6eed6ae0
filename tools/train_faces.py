"""Train the face detector from scratch, quantise it, and put it with its card into models/.

    python tools/train_faces.py --data DIR                    DIR holds train.json, valid.json, scenes.json, pictures
    python tools/train_faces.py --data DIR --run OTHER --refine --start RUN/checkpoint.pt --teacher RUN/checkpoint.pt
                                --batch 32 --rate 8e-4

On a GPU ten minutes are enough (--seconds 600); without one, let it run for a night (--seconds 36000). Stop it whenever
you like: it goes on from the last checkpoint in --run. `--train-only` leaves the rest for another machine,
`--export-only` quantises the last checkpoint. `--refine` goes on from a trained net, mostly with parts of real scenes
that have small faces; a processor core does 100 of these a second. Where that net has more channels than this one
(tools/faces/net.py), it is made smaller first (tools/faces/shrink.py). Needs tools/requirements-train.txt.

Scenes are composed anew on the device that trains (tools/faces/styles.py, compose.py, light.py); cells are taught by
SimOTA (tools/faces/assign.py); pictures without faces come the more often, the surer the net was of a face in them.
AdamW with one cosine cycle, in bfloat16 on a GPU. What is kept is an exponential mean of the weights.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

try:
    import torch
except ModuleNotFoundError:
    sys.exit("train_faces: PyTorch is missing; pip install -r tools/requirements-train.txt")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools.faces import album as albums
from tools.faces.learn import CHECKPOINT, Recipe, begin, learn, net_of, resume, take_weights, told_of
from tools.labelled.boxes import training_pictures

STARTED = time.monotonic()


def main() -> int:
    arguments = parse()
    recipe = Recipe(**{name: getattr(arguments, name) for name in Recipe.__slots__})
    device = torch.device(arguments.device)
    torch.backends.cudnn.benchmark = True
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    run = begin(recipe, device)
    try:
        if goes_on := resume(run, arguments.run):
            tell(f"going on after {run.done_steps} steps")
        if arguments.teacher:
            run.teacher = net_of(arguments.teacher).to(device, memory_format=torch.channels_last).eval()
        if not arguments.export_only:
            album = albums.gather(training_pictures(arguments.data)).to(device)
            if arguments.start and not goes_on:
                tell(f"beginning with {arguments.start}")
                take_weights(run, arguments.start, album, recipe.seed)
            left_s = arguments.seconds - (time.monotonic() - STARTED)
            recipe = replace(recipe, seconds=run.done_s + max(1.0, left_s))
            tell(", ".join(f"{name} {len(places)}" for name, places in album.groups.items()) + f", on {device}")
            learn(run, recipe, album, arguments.run, tell)
        if not arguments.train_only:
            from tools.faces import card  # TensorFlow takes long to load

            trained = told_of(arguments.run / CHECKPOINT)
            if arguments.start:
                trained["began_with"] = told_of(arguments.start)
            if arguments.teacher:
                trained["teacher"] = told_of(arguments.teacher)
            card.export(run.weights, arguments.data, arguments.models, trained, arguments.peers, tell)
    except ValueError as error:
        tell(str(error))
        return 1
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder shaped like data/faces")
    parser.add_argument("--run", type=Path, default=Path("out/faces"), help="checkpoint and history")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where model and card go")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="folder with YuNet, for figures beside in the card")
    parser.add_argument("--start", type=Path, metavar="CHECKPOINT", help="begin with another run's weights")
    parser.add_argument("--teacher", type=Path, metavar="CHECKPOINT", help="also learn what this net sees")
    parser.add_argument("--refine", action="store_true", help="mostly close scenes with small faces; with --start")
    parser.add_argument("--train-only", action="store_true", help="do not quantise")
    parser.add_argument("--export-only", action="store_true", help="do not train, only quantise and measure")
    parser.add_argument("--seconds", type=float, default=36_000, help="training ends so long after the start")
    parser.add_argument("--steps", type=int, default=0, help="length in steps, instead of seconds")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=0.01, help="weight decay")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: as PyTorch likes)")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=device, help=f"where to train (default here: {device})")
    return parser.parse_args()


def tell(line: str) -> None:
    print(f"{time.monotonic() - STARTED:6.0f} s  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
