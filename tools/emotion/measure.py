"""Emotion: accuracy, recall, calibration, hard pictures and speed on faces in the sheet format.

    python tools/evaluate.py emotion --data DIR --split valid --extra DIR --peers DIR --plots DIR

The figures follow FERPlus's "majority" convention: a face counts if one emotion has more than half of its votes, votes
of 1 struck out. The model is run by the device's own classifier. `--peers DIR` measures, on the same faces and in the
same run, the two models that people put on a Pi today; they know no contempt, so those faces are left out of every
7-class figure. `--extra DIR` adds the faces of RAF-DB there that training never sees (its convention says neutral less
often). `hard` is the accuracy in bad light, blurred, small, half hidden (tools/emotion/hard.py), `framing`
that of faces zoomed tighter. Where the card has figures of the float model, `quantised` says what int8 cost. `--plots`
draws confusion, recall, reliability and hardness (tools/emotion/plots.py).
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from device.model import interpreter_class
from device.perception.emotion import NAME, EmotionClassifier, softmax
from tools.emotion import hard as emotion_hard
from tools.labelled.emotions import EMOTIONS, part, read_extra, read_split

Score = Callable[[np.ndarray], np.ndarray]  # uint8 [48, 48] -> probabilities

CONTEMPT = EMOTIONS.index("contempt")
PEER_ORDER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
PEER_PIXELS = {"fer": (-1.0, 1.0), "cyanora": (0.0, 1.0)}  # what black and white become; each peer's better choice
PEERS_EVERY = 4  # peers see every fourth face of the hard set: they are there for the curve, not for the last digit
ECE_BINS = 15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=Path, metavar="DIR", help="also measure fer.tflite and cyanora.tflite there")
    parser.add_argument("--extra", type=Path, metavar="DIR", help="also measure on rafdb.webp and .csv there")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw four charts into this folder")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="hard pictures of each N-th face; 0 for none")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    faces = read_split(arguments.data, arguments.split)
    truth = faces.majority()
    crops, truth = faces.faces[truth >= 0], truth[truth >= 0]
    if not len(crops):
        raise ValueError(f"Split {arguments.split} in {arguments.data} has no face whose voters agree")
    score = EmotionClassifier.load(arguments.models).scores
    probabilities = score_all(score, crops)
    result = {"split": arguments.split, "faces": len(faces), "clear_faces": len(crops)}
    result |= figures(truth, probabilities) | {"reliability": reliability(truth, probabilities)}
    result |= latency(score, crops)
    result["size_bytes"] = (arguments.models / f"{NAME}.tflite").stat().st_size
    result |= quantised(json.loads((arguments.models / f"{NAME}.json").read_text(encoding="utf-8")))
    result["framing"] = emotion_hard.measure_framing(score, crops, truth)
    if arguments.every > 0:
        result["hard"] = emotion_hard.measure_suite(score, crops, truth, every=arguments.every, watch=_watch("hard"))
    more = None
    if arguments.extra:
        rafdb = part(read_extra(arguments.extra, "rafdb"), valid=True)
        more = rafdb.faces, rafdb.labels
        result["rafdb"] = figures(rafdb.labels, score_all(score, rafdb.faces)) | {"faces": len(rafdb)}
    if arguments.peers:
        result["peers"] = {
            name: measure_peer(arguments.peers / f"{name}.tflite", crops, truth, pixels, arguments.every, more)
            for name, pixels in PEER_PIXELS.items()
        }
    if arguments.plots:
        from tools.emotion import plots  # measuring without drawing needs no matplotlib

        plots.draw(arguments.plots, result)
    return result


def _watch(label: str) -> Callable[[Sequence[str]], Iterable[str]]:
    return lambda kinds: track(kinds, f"{label:<8}", console=Console(stderr=True), transient=True)


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
    rows = _bins(truth, probabilities)
    return float(sum(abs(sure.sum() - right.sum()) for sure, right in rows) / len(truth))


def reliability(truth: np.ndarray, probabilities: np.ndarray) -> list[dict[str, Any]]:
    """What the same bins hold: how many faces, how sure the model was of them, and the share it had right."""
    return [
        {"faces": len(sure), "sure": round(float(sure.mean()), 4), "right": round(float(right.mean()), 4)}
        for sure, right in _bins(truth, probabilities)
        if len(sure)
    ]


def _bins(truth: np.ndarray, probabilities: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    sure, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.minimum((sure * ECE_BINS).astype(int), ECE_BINS - 1)
    return [(sure[bins == b], right[bins == b]) for b in range(ECE_BINS)]


def quantised(card: Mapping[str, Any]) -> dict[str, Any]:
    """What int8 cost by the card's own figures, in shares (negative: lost); empty if it has none of the float model."""
    before, after = (card.get("figures", {}).get(kind, {}) for kind in ("float", "int8"))
    if "accuracy" not in before or "accuracy" not in after:
        return {}
    recalls = [(name, after["recall"].get(name), value) for name, value in before.get("recall", {}).items()]
    return {
        "quantised": {
            "accuracy": round(after["accuracy"] - before["accuracy"], 4),
            "recall": {name: round(new - old, 4) for name, new, old in recalls if None not in (new, old)},
        }
    }


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


def measure_peer(
    path: Path,
    crops: np.ndarray,
    truth: np.ndarray,
    pixels: tuple[float, float],
    every: int,
    more: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, Any]:
    """A peer's figures on seven classes, and on `more`, faces and labels of another set. Its hard set lacks contempt as
    well, and is seen through every fourth face."""
    score = open_peer(path, *pixels)
    crops, truth = crops[truth != CONTEMPT], truth[truth != CONTEMPT]
    probabilities = score_all(score, crops)
    kept = ("recall", "mean_recall_without_contempt", "ece")
    result = seven_classes(truth, probabilities) | pick(figures(truth, probabilities), kept)
    if more is not None:
        result["rafdb"] = pick(figures(more[1], score_all(score, more[0])), ("accuracy", *kept))
    if every > 0:
        watch = _watch(path.stem)
        result["hard"] = emotion_hard.measure_suite(score, crops, truth, every=every * PEERS_EVERY, watch=watch)
    return result | latency(score, crops) | {"size_bytes": path.stat().st_size}


def pick(found: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: found[name] for name in names}


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
        *_cost(figures),
        *_rafdb(figures),
        "tighter framing   " + ", ".join(f"{value:.2%} at {zoom}" for zoom, value in figures["framing"].items()),
        f"latency           {figures['latency_p50_ms']} ms p50, {figures['latency_p95_ms']} ms p95, one thread",
        f"size              {figures['size_bytes']} bytes",
        "",
        f"{'':10} recall  confusion: " + " ".join(f"{name[:6]:>6}" for name in EMOTIONS),
    ]
    for name in EMOTIONS:
        recall = figures["recall"][name]
        row = " ".join(f"{count:6}" for count in figures["confusion"][name])
        lines.append(f"{name:10} {'-' if recall is None else f'{recall:.1%}':>6}             {row}")
    lines += _hard(figures)
    for name, peer in figures.get("peers", {}).items():
        lines.append(
            f"peer {name}: {peer['accuracy_7_classes']:.2%} on 7 classes, "
            + (f"{peer['rafdb']['accuracy']:.2%} on RAF-DB, " if "rafdb" in peer else "")
            + f"{peer['latency_p50_ms']} ms p50, "
            f"{peer['size_bytes']} bytes" + (f", {peer['hard']['mean']:.2%} on the hard set" if "hard" in peer else "")
        )
    return "\n".join(lines)


def _cost(figures: Mapping[str, Any]) -> list[str]:
    if "quantised" not in figures:
        return []
    accuracy, recall = figures["quantised"]["accuracy"], figures["quantised"]["recall"]
    parts = ", ".join(f"{name} {value:+.1%}" for name, value in recall.items())
    return [f"int8 against float {accuracy:+.2%} by the card; recall: {parts}"]


def _rafdb(figures: Mapping[str, Any]) -> list[str]:
    if "rafdb" not in figures:
        return []
    row = figures["rafdb"]
    recall = ", ".join(f"{name} {value:.0%}" for name, value in row["recall"].items() if value is not None)
    return [
        f"RAF-DB            {row['accuracy']:.2%}, mean recall {row['mean_recall_without_contempt']:.2%} of "
        f"{row['faces']} faces; {recall}"
    ]


def _hard(figures: Mapping[str, Any]) -> list[str]:
    if "hard" not in figures:
        return []
    hard = figures["hard"]
    lines = ["", f"hard set          {hard['mean']:.2%}   (mean of all below; {hard['faces']} faces each)"]
    lines.append(f"{'':14} mean   severity 1 to 5")
    for kind, row in hard["by_severity"].items():
        lines.append(f"{kind:12} {hard['by_kind'][kind]:6.1%}   " + " ".join(f"{value:6.1%}" for value in row))
    return [*lines, ""]
