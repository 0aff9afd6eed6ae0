"""Emotion: accuracy, recall, calibration and speed on faces in the sheet format.

The figures follow FERPlus's "majority" convention: a face counts if one emotion has more than half of its votes,
votes of 1 struck out. The model is run by the device's own classifier. `--peers DIR` measures, on the same faces and
in the same run, the two models that people put on a Pi today; they know no contempt, so those faces are left out of
every 7-class figure.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.model import interpreter_class
from device.perception.emotion import NAME, EmotionClassifier, softmax
from tools.emotion_data import EMOTIONS, read_split

Score = Callable[[np.ndarray], np.ndarray]  # uint8 [48, 48] -> probabilities

CONTEMPT = EMOTIONS.index("contempt")
PEER_ORDER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
PEER_PIXELS = {"fer": (-1.0, 1.0), "cyanora": (0.0, 1.0)}  # what black and white become; each peer's better choice
ECE_BINS = 15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=Path, metavar="DIR", help="also measure fer.tflite and cyanora.tflite there")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    faces = read_split(arguments.data, arguments.split)
    truth = faces.majority()
    crops, truth = faces.faces[truth >= 0], truth[truth >= 0]
    classifier = EmotionClassifier.load(arguments.models)
    result = {"split": arguments.split, "faces": len(faces), "clear_faces": len(crops)}
    result |= figures(truth, score_all(classifier.scores, crops))
    result |= latency(classifier.scores, crops)
    result["size_bytes"] = (arguments.models / f"{NAME}.tflite").stat().st_size
    if arguments.peers:
        result["peers"] = {
            name: measure_peer(arguments.peers / f"{name}.tflite", crops, truth, *pixels)
            for name, pixels in PEER_PIXELS.items()
        }
    return result


def score_all(score: Score, crops: np.ndarray) -> np.ndarray:
    return np.stack([score(crop) for crop in crops])


def figures(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """All figures of eight-class probabilities [n, 8] against true classes [n]; plain JSON values."""
    best = probabilities.argmax(1)
    recall = {name: share(best[truth == label] == label) for label, name in enumerate(EMOTIONS)}
    known = [value for name, value in recall.items() if name != "contempt" and value is not None]
    return {
        "accuracy": share(best == truth),
        **seven_classes(truth, probabilities),
        "recall": recall,
        "mean_recall_without_contempt": round(float(np.mean(known)), 4) if known else None,
        "ece": round(calibration_error(truth, probabilities), 4),
        "confusion": {
            name: np.bincount(best[truth == label], minlength=len(EMOTIONS)).tolist()
            for label, name in enumerate(EMOTIONS)
        },
    }


def seven_classes(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Accuracy as for the peers: faces of contempt left out, and contempt not to be chosen."""
    without = probabilities.copy()
    without[:, CONTEMPT] = -1
    kept = truth != CONTEMPT
    return {"accuracy_7_classes": share(without.argmax(1)[kept] == truth[kept])}


def calibration_error(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error over 15 bins of equal width (Guo et al., ICML 2017), in [0, 1]."""
    sure, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.minimum((sure * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [abs(sure[bins == b].sum() - right[bins == b].sum()) for b in range(ECE_BINS)]
    return float(sum(gaps) / len(truth))


def share(right: np.ndarray) -> float | None:
    """The share of true values, to four places; None of none."""
    return round(float(right.mean()), 4) if len(right) else None


def latency(score: Score, crops: np.ndarray, runs: int = 1000) -> dict[str, float]:
    """Milliseconds a face on one thread, from uint8 crop to probabilities."""
    times_s = []
    for at in range(runs + 50):
        began = time.perf_counter()
        score(crops[at % len(crops)])
        times_s.append(time.perf_counter() - began)
    p50, p95 = np.percentile(times_s[50:], [50, 95]) * 1000
    return {"latency_p50_ms": round(float(p50), 3), "latency_p95_ms": round(float(p95), 3)}


def measure_peer(path: Path, crops: np.ndarray, truth: np.ndarray, black: float, white: float) -> dict[str, Any]:
    score = open_peer(path, black, white)
    result = seven_classes(truth, score_all(score, crops))
    return result | latency(score, crops) | {"size_bytes": path.stat().st_size}


def open_peer(path: Path, black: float, white: float) -> Score:
    """A float peer as a function from a crop to probabilities in the project's order; contempt gets 0."""
    if not path.exists():
        raise ValueError(f"{path} is missing")
    interpreter = interpreter_class()(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    entry, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    side = int(entry["shape"][1])
    places = [EMOTIONS.index(name) for name in PEER_ORDER]

    def score(crop: np.ndarray) -> np.ndarray:
        x = cv2.resize(crop, (side, side)).astype(np.float32) / 255 * (white - black) + black
        interpreter.set_tensor(entry["index"], x.reshape(entry["shape"]))
        interpreter.invoke()
        found = interpreter.get_tensor(out["index"])[0]
        probabilities = np.zeros(len(EMOTIONS), np.float32)
        probabilities[places] = found if abs(found.sum() - 1) < 0.01 else softmax(found)
        return probabilities

    return score


def table(figures: Mapping[str, Any]) -> str:
    """The figures for a terminal."""
    lines = [
        f"{figures['clear_faces']} clear faces of {figures['faces']} in split {figures['split']}",
        f"accuracy          {figures['accuracy']:.2%}   (7 classes: {figures['accuracy_7_classes']:.2%})",
        f"mean recall       {figures['mean_recall_without_contempt']:.2%}   (without contempt)",
        f"calibration error {figures['ece']:.4f}",
        f"latency           {figures['latency_p50_ms']} ms p50, {figures['latency_p95_ms']} ms p95, one thread",
        f"size              {figures['size_bytes']} bytes",
        "",
        f"{'':10} recall  confusion: " + " ".join(f"{name[:6]:>6}" for name in EMOTIONS),
    ]
    for name in EMOTIONS:
        recall = figures["recall"][name]
        row = " ".join(f"{count:6}" for count in figures["confusion"][name])
        lines.append(f"{name:10} {'-' if recall is None else f'{recall:.1%}':>6}             {row}")
    for name, peer in figures.get("peers", {}).items():
        lines.append(
            f"peer {name}: {peer['accuracy_7_classes']:.2%} on 7 classes, {peer['latency_p50_ms']} ms p50, "
            f"{peer['size_bytes']} bytes"
        )
    return "\n".join(lines)
