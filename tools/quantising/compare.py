"""Float against int8 on the same faces: every face goes through the device's own classifier, with either model inside.

`Compared` holds what both said; the figures, and the verdict that decides whether the int8 model is kept, come from
it. A loss is counted in the plain way: recall of a class before, less recall after, in points.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.model import Card, Float32Array, Int8Array, interpreter_class, read_card
from device.perception.emotion import NAME, EmotionClassifier, softmax
from tools.emotion import measure as measure_emotion
from tools.labelled.emotions import EMOTIONS
from tools.quantising.refusal import Code

SLOWER_SHARE, SLOWER_MS = 1.05, 0.02  # what two runs of one model differ by on a busy machine
AGREEMENT = 0.95  # of the answers, where nobody knows what is true
FEWEST_FOR_TEMPERATURE = 30
TURNS, CALLS_A_TURN = 12, 40

Watch = Callable[[Iterable[Any]], Iterable[Any]]


class FloatModel:
    """The float32 `.tflite` behind the face of `device.model.Model`: takes what the device would store."""

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


def logits(classifier: EmotionClassifier, crops: npt.NDArray[np.uint8], watch: Watch) -> npt.NDArray[np.float32]:
    """Float32 [n, 8], with -inf for emotions that the model does not tell."""
    return np.stack([classifier.logits(crop) for crop in watch(crops)])


@dataclass(frozen=True, slots=True)
class Compared:
    """What both models say of the faces `truth` int64 [n], probabilities [n, 8]; -1 where nobody knows the truth."""

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
        """For each class its lost recall in points, the faces that this is, and all its faces."""
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
    """From logits [n, 8]. Each half of the faces is read with the temperature that suits the other half, so that the
    calibration error is not measured on the faces that it was made small on."""
    warm = np.ones((len(truth), 1), np.float32)
    for half in (0, 1):
        warm[half::2] = temperature(after[1 - half :: 2], truth[1 - half :: 2])
    return Compared(truth, softmax(before / warm), softmax(after / warm), labels)


def temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The divisor of logits [n, 8] with the lowest log loss, to three places (Guo et al., "On Calibration of Modern
    Neural Networks", ICML 2017); 1 for fewer than 30 faces, and where their truth is not known."""
    if len(truth) < FEWEST_FOR_TEMPERATURE or (truth < 0).any():
        return 1.0
    tried = np.exp(np.linspace(np.log(0.1), np.log(10), 1001))
    rows = np.arange(len(truth))
    losses = [-np.log(softmax(logits / np.float32(t))[rows, truth] + 1e-9).mean() for t in tried]
    return round(float(tried[int(np.argmin(losses))]), 3)


def _only(figures: dict[str, Any], labels: tuple[str, ...]) -> dict[str, Any]:
    """Without the emotions that the model does not tell: their recall of nothing would look like a failure."""
    kept = {**figures, **{key: {name: figures[key][name] for name in labels} for key in ("recall", "confusion")}}
    if "contempt" not in labels:
        kept.pop("mean_recall_without_contempt")
        kept.pop("accuracy_7_classes")
    told = [value for value in kept["recall"].values() if value is not None]
    return kept | {"mean_recall": round(float(np.mean(told)), 4)}


def speeds(before: EmotionClassifier, after: EmotionClassifier, crops: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Milliseconds a face of both, in processor time of the one thread: the best of many short turns in alternation, so
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


def verdict(
    compared: Compared, speed_ms: tuple[float, float], unfit: tuple[str, ...], max_loss: float
) -> tuple[Code, tuple[str, ...]]:
    """The rule that was broken first, and a sentence for every broken one."""
    found: list[tuple[Code, str]] = [
        (Code.UNFIT, f"The device could not run the model: {reason}. Replace what causes it, and train again.")
        for reason in unfit
    ]
    lost = {label: loss for label, loss in compared.losses().items() if loss[0] > max_loss + 1e-9}
    if lost:
        found.append((Code.WORSE, _losing(lost, max_loss)))
    if not compared.labelled and compared.agreement < AGREEMENT:
        found.append((
            Code.WORSE,
            f"It gives another answer than the float model for {1 - compared.agreement:.1%} of the faces, and may for "
            f"{1 - AGREEMENT:.0%}. Fine-tune it with --qat.",
        ))  # fmt: skip
    before_ms, after_ms = speed_ms
    if after_ms > before_ms * SLOWER_SHARE and after_ms > before_ms + SLOWER_MS:
        found.append((
            Code.SLOWER,
            f"It takes {after_ms:.3f} ms a face here, and the float model {before_ms:.3f} ms. Some of its operators "
            f"are "
            "slow in int8: prefer plain convolutions, ReLU and average pooling to sigmoid, swish and tanh.",
        ))  # fmt: skip
    return (found[0][0] if found else Code.DONE), tuple(sentence for _, sentence in found)


def _losing(lost: Mapping[str, tuple[float, int, int]], max_loss: float) -> str:
    listed = ", ".join(
        f"{label} {points:.1f} points ({faces} of {total} faces)" for label, (points, faces, total) in lost.items()
    )
    few = min(total for _, _, total in lost.values()) < 100
    return (
        f"Recall falls by more than {max_loss:g} point{'s' if max_loss != 1 else ''}: {listed}. Fine-tune it with --qat"
        + (", measure on more faces (--measure; where there are few, one is over a point)" if few else "")
        + ", or allow more with --max-loss."
    )
