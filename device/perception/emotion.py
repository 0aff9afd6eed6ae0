"""From a 48x48 face to calibrated probabilities of eight emotions. Runs on the eye's only thread; reads models/ once.

The network computes logits for the face and for its mirror image; their mean is more reliable than either. A model
whose card says `symmetrical` computes that mean itself; for other models this module does. The logits are divided by
one temperature, fitted on unseen faces, so that the probabilities are calibrated (Guo et al., "On Calibration of Modern
Neural Networks", ICML 2017); the smoothing relies on that. face_levels.py first brings very dark and very bright faces
to ordinary light.
"""

from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from device.domain import EMOTIONS
from device.errors import ModelError
from device.model import Card, Model
from device.perception.face_levels import levels

NAME = "emotion"
INPUT_SHAPE = (1, 48, 48, 1)
CROP_SHAPE = INPUT_SHAPE[1:3]


class EmotionClassifier:
    """The emotion model, for crops framed like FER2013 (from `perception.crop.align`)."""

    def __init__(self, model: Model) -> None:
        card = model.card
        self._places = _places(card)
        shapes = [tensor.shape for tensor in (*card.inputs, *card.outputs)]
        expected = [INPUT_SHAPE, (1, len(card.labels))]
        if shapes != expected:
            raise ModelError(
                f"Model {card.name} has the shapes {shapes}, an emotion model of {len(card.labels)} labels has "
                f"{expected}; install the models again."
            )
        self._temperature = card.number("temperature", 0.05, 20)
        self._stored = _stored_levels(card.inputs[0].scale, card.inputs[0].zero_point)
        self._symmetrical = card.raw.get("symmetrical") is True
        self._model = model

    @classmethod
    def load(cls, models_dir: Path, *, threads: int = 1) -> Self:
        """Load `emotion.tflite` and its card. Raises ModelError."""
        return cls(Model.load(models_dir, NAME, threads=threads))

    def scores(self, crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """The probabilities of one face uint8 [48, 48]: float32 [8] in the order of `EMOTIONS`, with the sum 1.

        Raises ValueError for another shape or dtype; it does not round floats.
        """
        return softmax(self.logits(crop) / np.float32(self._temperature))

    def logits(self, crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """The logits before the temperature: float32 [8], the mean of the face and its mirror image.

        Emotions that this model does not know get minus infinity, and so a score of 0.
        """
        if not isinstance(crop, np.ndarray) or crop.dtype != np.uint8 or crop.shape != CROP_SHAPE:
            found = f"{crop.dtype} {list(crop.shape)}" if isinstance(crop, np.ndarray) else type(crop).__name__
            raise ValueError(f"A face to score is uint8 {list(CROP_SHAPE)}, not {found}.")
        stored = self._stored[levels(crop)][crop]
        views = (stored,) if self._symmetrical else (stored, stored[:, ::-1])
        told = [self._model.run(view.reshape(INPUT_SHAPE))[0][0] for view in views]
        logits = np.full(len(EMOTIONS), -np.inf, np.float32)
        logits[self._places] = np.mean(told, axis=0)
        return logits

    def close(self) -> None:
        """Free the model. Idempotent."""
        self._model.close()


def _places(card: Card) -> list[int]:
    """The index in `EMOTIONS` of each output; a model may have fewer emotions, in any order."""
    labels = card.labels
    if len(labels) < 2 or len(set(labels)) < len(labels) or not set(labels) <= set(EMOTIONS):
        raise ModelError(
            f"Model {card.name} has the labels {', '.join(labels) or '(none)'}; an emotion model needs two or more of "
            f"{', '.join(EMOTIONS)}, each once. Quantise it with tools/quantize.py, which takes other names too."
        )
    return [EMOTIONS.index(label) for label in labels]


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities along the last axis; safe for large logits."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)


def _stored_levels(scale: float, zero_point: int) -> npt.NDArray[np.int8]:
    """The int8 value of each of the 256 gray levels."""
    return np.asarray(np.clip(np.round(np.arange(256) / scale) + zero_point, -128, 127), np.int8)
