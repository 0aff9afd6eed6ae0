"""Make the int8 model that the device runs out of your own float model, with proof of what that cost.

    python tools/quantize.py my_model.keras --calibrate faces/ --out models/ --labels angry,happy,sad,neutral

MODEL is a Keras .keras or .h5, a SavedModel folder, or an .onnx. DATA is a folder with a folder of pictures for each
emotion, a folder with sheets, or a video. Half of the faces (or `train`, where the data come divided) set the int8
ranges; the other half (or `valid`), best of faces that the model was not trained on, is measured on. `--out` gets
emotion.tflite, its card emotion.json and the report emotion.html; a model that is refused leaves only
emotion.refused.html there.

Exit codes: 0 done; 1 the model, the pictures or the labels cannot be used; 2 wrong arguments; 3 slower than float;
4 a class lost too much recall; 5 the device could not run it; 6 the device did not take it and has what it had before.

Needs `pip install -r tools/requirements-quantize.txt` in an environment of its own, and nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402

from tools.quantising import labels  # noqa: E402
from tools.quantising.job import Job  # noqa: E402
from tools.quantising.refusal import Code, Mistake, NotInstalled, Refused  # noqa: E402
from tools.quantising.samples import DEFAULT  # noqa: E402


def main(words: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(_joined(sys.argv[1:] if words is None else list(words)))
    own = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")  # TensorFlow's chatter is shut off on 2
    console = Console(file=own, highlight=False, soft_wrap=True)
    try:
        Job(arguments, console).run()
    except (Mistake, NotInstalled) as error:
        console.print(f"quantize: {error}", style="red", markup=False)
        return error.code
    except Refused as refused:
        for reason in refused.reasons:
            console.print(f"quantize: refused: {reason}", style="red", markup=False)
        return refused.code
    except KeyboardInterrupt:
        console.print("quantize: stopped; nothing was written.", markup=False)
        return 130
    return Code.DONE


def parser() -> argparse.ArgumentParser:
    orders = ", ".join(labels.ORDERS)
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = found.add_argument
    add("model", type=Path, metavar="MODEL", help=".keras, .h5, .onnx, or a SavedModel folder")
    add("--calibrate", type=Path, required=True, metavar="DATA", help="faces to calibrate with, and to measure on")
    add("--measure", type=Path, metavar="DATA", help="measure on these faces instead")
    add("--out", type=Path, default=ROOT / "models", metavar="DIR", help="where the model goes (default: models/)")
    add("--labels", metavar="NAMES", help=f"the model's outputs in its order, with commas between, or one of {orders}")
    add("--map", action="append", default=[], metavar="NAME=EMOTION", help="what a name means; NAME=- leaves it out")
    add("--pixels", default="auto", metavar="SCALE", help="what the model was trained with: 0..255, 0..1, -1..1, "
                                                          "imagenet, "
        "or MEAN/STD in units of 0..1; auto (default) takes what gives the best float accuracy")  # fmt: skip
    add("--cropped", action="store_true", help="the pictures are cut-out faces, however large: look for none in them")
    add("--samples", type=_count, default=DEFAULT, metavar="N", help=f"faces that set the ranges (default: {DEFAULT})")
    add("--qat", action="store_true", help="fine-tune with int8's steps built in, if plain quantising loses too much")
    add("--epochs", type=_count, default=8, metavar="N", help="how long --qat trains (default: 8)")
    add("--max-loss", type=float, default=1.0, metavar="POINTS", help="recall a class may lose (default: 1 point)")
    add(
        "--install",
        metavar="HOST[:DIR]",
        help="then put it on this device over SSH, and take it back if it fails there",
    )
    add("--ssh", default="ssh", metavar="COMMAND", help="how to call SSH, such as 'ssh -p 2222'")
    return found


def _joined(words: list[str]) -> list[str]:
    """`--pixels -1..1` as one word, because argparse takes its value for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--pixels":
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
