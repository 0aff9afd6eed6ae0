"""The card of a model from tools/quantize.py: its source, how it was made, and its measured figures."""

import datetime
import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.labelled.emotions import EMOTIONS
from tools.model import convert
from tools.quantising.faces import Faces
from tools.quantising.graph import Scale
from tools.quantising.labels import IGNORED, Outputs
from tools.quantising.samples import Choice
from tools.quantising.source import Source

PREPROCESSING = (
    "One gray face of 48x48 pixels, framed by device/perception/crop.py; pixels 0..255, stored as pixel - 128. The "
    "graph scales them to the float model's range. The device averages the logits of the face and of its mirror image; "
    "probabilities are the softmax of that mean divided by temperature. Every figure is measured this way."
)
LIMITS = [
    "It estimates how a face looks to others in one moment, not what the person feels.",
    "Not for use at work or in schools (the EU AI Act forbids emotion recognition there), and not for diagnosis, "
    "hiring, policing or any decision about a person.",
    "Only the maker of the float model knows its training data, and whom it misjudges because of them: write it here.",
]


def begin(
    tflite: bytes, source: Source, outputs: Outputs, scale: Scale, method: str, calibration: Faces, choice: Choice
) -> dict[str, Any]:
    """Everything but the figures; the temperature is 1 until it is measured."""
    return {
        "version": "1",
        **convert.describe(tflite, output_names=["logits"]),
        "labels": list(outputs.labels),
        "temperature": 1.0,
        "preprocessing": PREPROCESSING,
        "data": "Not known to this tool; ask the maker of the float model.",
        "made_of": {
            "file": source.path.name,
            "sha256": _sha256(source.path),
            "form": source.form,
            "method": method,
            "labels": list(outputs.names),
            "meanings": ["left out" if one == IGNORED else one for one in outputs.emotions],
            "missing": list(outputs.missing()),
            "pixels": f"{scale.name} (pixel * {_numbers(scale.factor)} + {_numbers(scale.offset)}), inside the graph",
            "picture": f"{source.side[1]}x{source.side[0]}, {source.channels} "
            f"channel{'s' if source.channels > 1 else ''}"
            + (", made from 48x48 gray inside the graph" if source.side != (48, 48) or source.channels > 1 else ""),
            "calibrated_on": calibration.source,
            "samples": {
                "count": len(choice.indices),
                "per_class": {class_name(label): count for label, count in choice.per_class.items()},
                "brightness": [round(value, 1) for value in choice.brightness],
                "spread": [round(value, 1) for value in choice.spread],
                "sha256": hashlib.sha256(calibration.crops[choice.indices].tobytes()).hexdigest(),
            },
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        },
        "latency_on": f"processor time of one core of this {platform.machine()} workstation, LiteRT with XNNPACK, one "
        "thread, face and mirror image",
        "limits": LIMITS,
    }


def figures(
    found: Mapping[str, Any], measured: Faces, agreement: float, speeds_ms: tuple[float, float]
) -> dict[str, Any]:
    """The card's measurements; `found` has `float` and `int8`, or nothing without labels."""
    speed = {kind: {"latency_ms": round(ms, 3)} for kind, ms in zip(("float", "int8"), speeds_ms, strict=True)}
    return {
        "measured_on": f"{len(measured)} faces of {measured.source}",
        "how": "probabilities with a temperature from the other half of these faces; the card's is from all of them",
        "agreement_with_float": round(agreement, 4),
        **{kind: dict(found.get(kind, {})) | speed[kind] for kind in ("float", "int8")},
    }


def class_name(label: int) -> str:
    return EMOTIONS[label] if label >= 0 else "without a label"


def _numbers(values: tuple[float, ...]) -> str:
    return "/".join(f"{value:.6g}" for value in values)


def _sha256(path: Path) -> str:
    whole = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            whole.update(file.read_bytes())
    return whole.hexdigest()
