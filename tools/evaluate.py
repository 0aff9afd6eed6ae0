"""Measure the models that the device runs, on labelled folders; prints a table, or JSON with --json.

    python tools/evaluate.py emotion --data DIR --split valid --json

This file only parses and prints. Each subject is a module `tools/<subject>/measure.py` with three functions:
`add_arguments(parser)`, `measure(arguments) -> dict` (plain JSON values) and `table(figures) -> str`. A subject
appears here as soon as its module exists; with `NEEDS_DATA = False` it is measured without any, with `SPLIT` on another
split than `valid`. Mistakes in the input are raised as ValueError or AffettoError.
"""

import argparse
import importlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from device.errors import AffettoError  # noqa: E402

SUBJECTS = (
    *("emotion", "fairness", "smoothing", "faces", "music", "hearing", "tracks"),
    *("recommend", "effects", "groups", "context", "bodies", "gestures", "reactions", "corrections"),
)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    subjects = parser.add_subparsers(dest="subject", required=True)
    for subject in SUBJECTS:
        if not (ROOT / "tools" / subject / "measure.py").exists():
            continue
        module = importlib.import_module(f"tools.{subject}.measure")
        one = subjects.add_parser(subject, help=module.__doc__.splitlines()[0], description=module.__doc__)
        if getattr(module, "NEEDS_DATA", True):
            one.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with the labelled data")
            split = getattr(module, "SPLIT", "valid")
            one.add_argument("--split", default=split, help=f"which split of it (default: {split})")
            one.add_argument("--models", type=Path, default=ROOT / "models", help="folder with models and cards")
        one.add_argument("--json", action="store_true", help="print JSON instead of a table")
        module.add_arguments(one)
        one.set_defaults(module=module)
    arguments = parser.parse_args(words)
    try:
        figures = arguments.module.measure(arguments)
    except (AffettoError, ValueError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    print(json.dumps(figures, indent=2) if arguments.json else arguments.module.table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
