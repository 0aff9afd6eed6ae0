"""Float against int8 on the same faces: the device's own classifier scores every face, with either model inside.

`Compared` holds the answers of both. From it come the figures, and the verdict that decides whether to keep the int8
model. A loss is recall of a class before quantising minus recall after it, in points.
"""

import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.model import Card, Float32Array, Int8Array, interpreter_class, read_card
from device.perception.emotion import NAME, EmotionClassifier, softmax
from tools.emotion import measure as measure_emotion
from tools.labelled.emotions import EMOTIONS
from tools.quantising import on_device
from tools.quantising.refusal import Code

SLOWER_SHARE, SLOWER_MS = 1.05, 0.02  # two runs of one model differ by less on a busy machine
AGREEMENT = 0.95  # share of equal answers that is enough where the faces have no labels
FEWEST_FOR_TEMPERATURE = 30
TURNS, CALLS_A_TURN = 12, 40

FAST_OPERATORS = "Prefer plain convolutions, ReLU and average pooling to sigmoid, swish and tanh."


class FloatModel:
    """The float32 `.tflite` with the interface of `device.model.Model`; it takes the int8 pixels of the device."""

    def __init__(self, card: Card, tflite: bytes) -> None:
        self.card = card
        self._interpreter = interpreter_class()(model_content=tflite, num_threads=1)
        self._interpreter.allocate_tensors()
        self._entry = self._interpreter.get_input_details()[0]["index"]
        self._out = self._interpreter.get_output_details()[0]["index"]

    def run(self, stored: Int8Array) -> list[Float32Array]:
        self._interpreter.set_tensor(self._entry, self.card.inputs[0].real(stored))
        self._interpreter.invoke()
        return [np.array(self._interpreter.get_tensor(self._out), np.float32)]

    def close(self) -> None:
        self._interpreter = None


def float_classifier(tflite: bytes, card: Mapping[str, Any]) -> EmotionClassifier:
    """The device's classifier, with the float model in place of the int8 one that `card` belongs to."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{NAME}.json"
        path.write_text(json.dumps({"name": NAME, **card}))
        model: Any = FloatModel(read_card(path, NAME), tflite)
    return EmotionClassifier(model)


def logits(classifier: EmotionClassifier, crops: Iterable[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
    """Float32 [n, 8], with -inf for emotions that the model lacks."""
    return np.stack([classifier.logits(crop) for crop in crops])


@dataclass(frozen=True, slots=True)
class Compared:
    """The answers of both models, probabilities float32 [n, 8]; `truth` int64 [n] is -1 for a face without a label."""

    truth: npt.NDArray[np.int64]
    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]
    labels: tuple[str, ...]

    @property
    def labelled(self) -> bool:
        return bool((self.truth >= 0).all())

    @property
    def agreement(self) -> float:
        return float((self.before.argmax(1) == self.after.argmax(1)).mean())

    def figures(self) -> dict[str, dict[str, Any]]:
        """`float` and `int8` as tools/evaluate.py counts them; empty without labels."""
        if not self.labelled:
            return {}
        return {
            name: _only(measure_emotion.figures(self.truth, probabilities), self.labels)
            for name, probabilities in (("float", self.before), ("int8", self.after))
        }

    def losses(self) -> dict[str, tuple[float, int, int]]:
        """For each class: lost recall in points, the number of faces lost, and the number of all its faces."""
        if not self.labelled:
            return {}
        found = {}
        for label in self.labels:
            these = self.truth == EMOTIONS.index(label)
            right = [int((some[these].argmax(1) == EMOTIONS.index(label)).sum()) for some in (self.before, self.after)]
            total = int(these.sum())
            if total:
                found[label] = (100 * (right[0] - right[1]) / total, right[0] - right[1], total)
        return found


def compared(truth: np.ndarray, before: np.ndarray, after: np.ndarray, labels: tuple[str, ...]) -> Compared:
    """From logits [n, 8]. Each half of the faces gets the temperature that suits the other half, so that no face sets
    the temperature of its own calibration error."""
    warm = np.ones((len(truth), 1), np.float32)
    for half in (0, 1):
        warm[half::2] = temperature(after[1 - half :: 2], truth[1 - half :: 2])
    return Compared(truth, softmax(before / warm), softmax(after / warm), labels)


def temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The divisor of logits [n, 8] with the lowest log loss, to three places (Guo et al., "On Calibration of Modern
    Neural Networks", ICML 2017); 1 for fewer than 30 faces, and for faces without labels."""
    if len(truth) < FEWEST_FOR_TEMPERATURE or (truth < 0).any():
        return 1.0
    low, high, rows = np.log(0.1), np.log(10), np.arange(len(truth))
    for _ in range(4):  # there is one minimum, so each round looks closer at the best place of the last one
        tried = np.linspace(low, high, 16)
        losses = [-np.log(softmax(logits / np.float32(np.exp(t)))[rows, truth] + 1e-9).mean() for t in tried]
        best = int(np.argmin(losses))
        low, high = tried[max(best - 1, 0)], tried[min(best + 1, len(tried) - 1)]
    return round(float(np.exp(tried[best])), 3)


def _only(figures: dict[str, Any], labels: tuple[str, ...]) -> dict[str, Any]:
    """Without the emotions that the model lacks: a recall of 0 would look like a failure."""
    kept = {**figures, **{key: {name: figures[key][name] for name in labels} for key in ("recall", "confusion")}}
    if "contempt" not in labels:
        kept.pop("mean_recall_without_contempt")
        kept.pop("accuracy_7_classes")
    known = [value for value in kept["recall"].values() if value is not None]
    return kept | {"mean_recall": round(float(np.mean(known)), 4)}


def speeds(before: EmotionClassifier, after: EmotionClassifier, crops: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Milliseconds a face for both, in processor time of one thread: the best of many short turns in alternation, so
    that other work on this machine counts for little."""
    times_ms: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS):
        for classifier, times in zip((before, after), times_ms, strict=True):
            began, calls = time.thread_time(), 0
            while calls < CALLS_A_TURN and (calls < 2 or time.thread_time() - began < 0.25):
                classifier.logits(crops[(turn * CALLS_A_TURN + calls) % len(crops)])
                calls += 1
            times.append((time.thread_time() - began) * 1000 / calls)
    return min(times_ms[0]), min(times_ms[1])


def verdict(compared: Compared, unfit: tuple[str, ...], max_loss: float) -> tuple[Code, tuple[str, ...]]:
    """The first rule that the model breaks, and a sentence for every broken one.

    Speed on this workstation is no rule: the device has other kernels. See `slower`, and on_device.py.
    """
    found: list[tuple[Code, str]] = [
        (Code.UNFIT, f"The device cannot run the model: {reason}. Replace what causes it, and train again.")
        for reason in unfit
    ]
    lost = {label: loss for label, loss in compared.losses().items() if loss[0] > max_loss + 1e-9}
    if lost:
        found.append((Code.WORSE, _losing(lost, max_loss)))
    if not compared.labelled and compared.agreement < AGREEMENT:
        found.append((
            Code.WORSE,
            f"Its answer differs from the float model's for {1 - compared.agreement:.1%} of the faces; "
            f"{1 - AGREEMENT:.0%} is allowed. Fine-tune it with --qat.",
        ))  # fmt: skip
    return (found[0][0] if found else Code.DONE), tuple(sentence for _, sentence in found)


def slower(speeds_ms: tuple[float, float]) -> str | None:
    """A warning where int8 is slower than float on this workstation."""
    float_ms, int8_ms = speeds_ms
    if not on_device.is_slower(int8_ms, float_ms, SLOWER_SHARE, SLOWER_MS):
        return None
    return (
        f"On this workstation int8 takes {int8_ms:.3f} ms a face and float {float_ms:.3f} ms. That is only a hint: a "
        f"Raspberry Pi has other int8 kernels. --install measures on the device. {FAST_OPERATORS}"
    )


def _losing(lost: Mapping[str, tuple[float, int, int]], max_loss: float) -> str:
    listed = ", ".join(
        f"{label} {points:.1f} points ({faces} of {total} faces)" for label, (points, faces, total) in lost.items()
    )
    few = min(total for _, _, total in lost.values()) < 100
    return (
        f"Recall falls by more than {max_loss:g} point{'s' if max_loss != 1 else ''}: {listed}. Fine-tune it with --qat"
        + (", measure on more faces (--measure; of fewer than 100 faces, one is more than a point)" if few else "")
        + ", or allow more with --max-loss."
    )
