"""The card of a model that tools/quantize.py made: what it is made of, and what it was measured to do."""

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
    "One face, gray, 48x48, as device/perception/crop.py frames it; pixels 0..255, stored as pixel - 128. Scaling "
    "to what "
    "the float model was trained with is part of the graph. The logits of the face and of its mirror image are "
    "averaged; "
    "probabilities are the softmax of that mean divided by temperature. Every figure is measured so."
)
LIMITS = [
    "It tells how a face looks to others in one moment, not what the person feels.",
    "Not for use at work or in schools (the EU AI Act forbids emotion recognition there), and not for diagnosis, "
    "hiring, policing or any decision about a person.",
    "What the float model was trained on, and whom it therefore misjudges, only its maker knows: write it here.",
]


def begin(
    tflite: bytes, source: Source, outputs: Outputs, scale: Scale, method: str, calibration: Faces, choice: Choice
) -> dict[str, Any]:
    """Everything but figures and temperature, which is 1 until it is found."""
    return {
        "version": "1",
        **convert.describe(tflite, output_names=["logits"]),
        "labels": list(outputs.labels),
        "temperature": 1.0,
        "preprocessing": PREPROCESSING,
        "data": "Not known to the tool that quantised it; see whoever trained the float model.",
        "made_of": {
            "file": source.path.name,
            "sha256": _sha256(source.path),
            "form": source.form,
            "method": method,
            "labels": list(outputs.names),
            "meanings": ["left out" if one == IGNORED else one for one in outputs.emotions],
            "never_told": list(outputs.unknown()),
            "pixels": f"{scale.name} (pixel * {_numbers(scale.factor)} + {_numbers(scale.offset)}), inside the graph",
            "picture": f"{source.side[1]}x{source.side[0]}, {source.channels} "
            f"channel{'s' if source.channels > 1 else ''}"
            + (", made from 48x48 gray inside the graph" if source.side != (48, 48) or source.channels > 1 else ""),
            "calibrated_on": calibration.source,
            "samples": {
                "count": len(choice.places),
                "per_class": {_class(label): count for label, count in choice.per_class.items()},
                "brightness": [round(value, 1) for value in choice.brightness],
                "spread": [round(value, 1) for value in choice.spread],
                "sha256": hashlib.sha256(calibration.crops[choice.places].tobytes()).hexdigest(),
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
    """What the card says was measured; `found` has `float` and `int8`, or nothing where there are no labels."""
    speed = {kind: {"latency_ms": round(ms, 3)} for kind, ms in zip(("float", "int8"), speeds_ms, strict=True)}
    return {
        "measured_on": f"{len(measured)} faces of {measured.source}",
        "how": "probabilities with a temperature that was found on the other half of these faces; the card's is "
        "found on all",
        "agreement_with_float": round(agreement, 4),
        **{kind: dict(found.get(kind, {})) | speed[kind] for kind in ("float", "int8")},
    }


def _class(label: int) -> str:
    return EMOTIONS[label] if label >= 0 else "without a label"


def _numbers(values: tuple[float, ...]) -> str:
    return "/".join(f"{value:.6g}" for value in values)


def _sha256(path: Path) -> str:
    whole = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            whole.update(file.read_bytes())
    return whole.hexdigest()
