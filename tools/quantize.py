"""Turn your own float emotion model into the int8 model that the device runs, and show what that costs.

    python tools/quantize.py my_model.keras --calibrate faces/ --out models/ --labels angry,happy,sad,neutral

MODEL is a Keras .keras or .h5, a SavedModel folder, or an .onnx. DATA is a folder with one folder of pictures for each
emotion, a folder with sheets, or a video. One half of the faces (or `train`, where the data come divided) sets the int8
ranges. The tool measures on the other half (or `valid`); best are faces that the model was not trained on. It writes
emotion.tflite, its card emotion.json and the report emotion.html to --out. A refused model leaves only
emotion.refused.html there.

Exit codes: 0 done; 1 the model, the pictures or the labels cannot be used; 2 wrong arguments; 3 slower than float on
the device (--install); 4 a class lost too much recall; 5 the device cannot run it; 6 the device did not take it and
keeps the model it had.

Install the tool in an environment of its own: pip install -r tools/requirements-quantize.txt
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "tools" / "requirements-quantize.txt"
sys.path.insert(0, str(ROOT))

NEEDED = ("ai_edge_litert", "cv2", "keras", "matplotlib", "numpy", "onnx", "rich", "tensorflow", "yaml")
FACES, EPOCHS, MAX_LOSS = 300, 8, 1.0


def main(words: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(_joined(sys.argv[1:] if words is None else list(words)))
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"quantize: {sys.executable} lacks {', '.join(missing)}: pip install -r {REQUIREMENTS}", file=sys.stderr)
        return 1
    from rich.console import Console

    own = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")  # Keras and TensorFlow are silenced on 2
    return _run(arguments, Console(file=own, highlight=False, soft_wrap=True))


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from tools.quantising.job import Job
    from tools.quantising.progress import Display
    from tools.quantising.refusal import Code, Mistake, NotInstalled, Refused

    display = Display(console)
    try:
        Job(arguments, display).run()
    except (Mistake, NotInstalled) as error:
        display.say(f"quantize: {error}", "red")
        return error.code
    except Refused as refused:
        for reason in refused.reasons:
            display.say(f"quantize: refused: {reason}", "red")
        return refused.code
    except MemoryError:
        display.say("quantize: the memory of this machine is too small for this model and these pictures.", "red")
        return Code.MISTAKE
    except KeyboardInterrupt:
        display.say("quantize: stopped.")
        return 130
    return Code.DONE


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = found.add_argument
    add("model", type=Path, metavar="MODEL", help=".keras, .h5, .onnx, or a SavedModel folder")
    add("--calibrate", type=Path, required=True, metavar="DATA", help="faces to set the int8 ranges and to measure on")
    add("--measure", type=Path, metavar="DATA", help="measure on these faces instead (default: half of --calibrate)")
    add("--out", type=Path, default=ROOT / "models", metavar="DIR", help="where the files go (default: %(default)s)")
    add("--labels", metavar="NAMES", help="names of the model's outputs, in order, with commas between; or ferplus, "
        "fer2013 or affectnet (default: labels.txt beside the model)")  # fmt: skip
    add("--map", action="append", default=[], metavar="NAME=EMOTION", help="the emotion that a name means; NAME=- "
        "leaves the output out; give it once for each name (default: common English names)")  # fmt: skip
    add("--pixels", default="auto", metavar="SCALE", help="pixel values in training: 0..255, 0..1, -1..1, imagenet, or "
        "MEAN/STD in units of 0..1; auto tries the first four (default: %(default)s)")  # fmt: skip
    add("--cropped", action="store_true", help="every picture is one cut-out face of any size (default: look for "
        "the face in pictures larger than 96 pixels)")  # fmt: skip
    add("--samples", type=_count, default=FACES, metavar="N", help="faces that set the ranges (default: %(default)s)")
    add("--qat", action="store_true", help="if plain quantising loses too much, fine-tune the model for int8 "
        "(default: refuse it)")  # fmt: skip
    add("--epochs", type=_count, default=EPOCHS, metavar="N", help="epochs of --qat (default: %(default)s)")
    add("--max-loss", type=_points, default=MAX_LOSS, metavar="POINTS", help="recall that a class may lose, in points "
        "(default: %(default)g)")  # fmt: skip
    add("--install", type=_host, metavar="HOST[:DIR]", help="put the model on this device over SSH, compare its speed "
        "with float there, and take it back if it fails; DIR is the program's folder there (default: "
        "/opt/affetto/current)")  # fmt: skip
    add("--ssh", type=_ssh, default="ssh", metavar="COMMAND", help="how to call SSH, such as 'ssh -p 2222' (default: "
        "%(default)s)")  # fmt: skip
    return found


def _joined(words: list[str]) -> list[str]:
    """`--pixels -1..1` as one word, because argparse would read the value as an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--pixels":
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= len(text) <= 6 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to 999999")
    return int(text)


def _points(text: str) -> float:
    try:
        points = float(text)
    except ValueError:
        points = -1.0
    if not 0 <= points <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 100")
    return points


def _host(text: str) -> str:
    if not text.partition(":")[0].strip():
        raise argparse.ArgumentTypeError(f"{text!r} names no device; write [USER@]HOST or [USER@]HOST:DIR")
    return text


def _ssh(text: str) -> str:
    import shlex

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no command ({error})") from error
    if not words:
        raise argparse.ArgumentTypeError("the command is empty; leave --ssh out, or write 'ssh -p 2222'")
    return text


if __name__ == "__main__":
    sys.exit(main())
