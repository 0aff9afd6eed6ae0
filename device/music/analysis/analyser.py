"""Places a music file in the plane of valence and arousal: decode, features, model, one `TrackMood`.

Runs in the analysis process (workers/analysis_process.py) or on a workstation; a `MoodAnalyser` belongs to one thread.
For a long file it averages the model's results over excerpts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from device.domain import Affect
from device.errors import LibraryError, ModelError
from device.model import Float32Array, Model
from device.music.analysis import decode, features
from device.music.analysis.loudness_meter import block_powers, integrated
from device.music.metadata.tags import shown
from device.music.track_mood import FEATURES, TrackMood

NAME = "music_mood"
QUADRANT_SIGNS = ((1, 1), (-1, 1), (-1, -1), (1, -1))  # valence and arousal of Q1 to Q4
SPREAD = 3.0  # log odds of a side that put a track at tanh(1) = 0.76 from the axis
RAREST = 0.003  # probability below which nothing is rarer
CENTRE = 0.6  # how far from the axes the middle of a quadrant lies, and
WITHIN = 0.25  # the standard deviation around that: where the names of moods lie in their quadrants
FURTHEST = 3.0  # standard deviations from the mean at which a feature is cut off


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one excerpt: quadrant logits [4], likeness [FEATURES]; and its tempo."""

    logits: Float32Array
    likeness: Float32Array
    tempo_bpm: float


class MoodAnalyser:
    """The model `music_mood`, and the steps before and after it."""

    def __init__(self, model: Model) -> None:
        """Raises ModelError if the card lacks what is needed here."""
        self._model = model
        self._temperature = model.card.number("temperature", 0.05, 20.0)
        self._names = _texts(model, "features")
        self._mean = _numbers(model, "feature_means", len(self._names))
        self._deviation = _numbers(model, "feature_deviations", len(self._names))
        self._order = [[output.name for output in model.card.outputs].index(name) for name in ("quadrants", "likeness")]

    @classmethod
    def load(cls, models_dir: Path) -> Self:
        """Load `music_mood` from `models_dir`; raises ModelError."""
        return cls(Model.load(models_dir, NAME))

    def analyse(self, path: Path) -> TrackMood:
        """The mood of the file at `path`. Raises LibraryError, with its name, if it cannot be decoded or is silent;
        OSError if the disk does not let us read it."""
        predictions: list[Prediction] = []
        powers = []
        for excerpt in decode.excerpts(path):
            powers.append(block_powers(excerpt.channels, excerpt.rate_hz))
            prediction = self.predict(excerpt.mono)
            if prediction is not None:
                predictions.append(prediction)
        if not predictions:
            raise LibraryError(f"{shown(path)} is silent")
        return self._track_mood(predictions, integrated(powers))

    def predict(self, mono: Float32Array) -> Prediction | None:
        """What the model says of float32 [n] at 16 kHz; None if that is silent."""
        pictures = features.look(mono)
        if pictures is None:
            return None
        found = features.measure(pictures)
        return self.predict_features(features.vector(found, self._names), found["tempo_bpm"])

    def predict_features(self, values: Float32Array, tempo_bpm: float = 0.0) -> Prediction:
        """What the model says of features in the card's order, as `features.vector` gives them."""
        standard = np.clip((values - self._mean) / self._deviation, -FURTHEST, FURTHEST)
        tensor = self._model.card.inputs[0]
        stored = np.round(standard / tensor.scale) + tensor.zero_point
        given = np.clip(stored, -128, 127).astype(np.int8).reshape(tensor.shape)
        outputs = self._model.run(given)
        logits, likeness = (outputs[place].reshape(-1) for place in self._order)
        return Prediction(logits, likeness, tempo_bpm)

    def probabilities(self, predictions: Sequence[Prediction]) -> Float32Array:
        """Calibrated probabilities of the quadrants, float32 [4], over the excerpts of one track."""
        logits = np.mean([one.logits for one in predictions], axis=0) / self._temperature
        raised = np.exp(logits - logits.max())
        return np.asarray(raised / raised.sum(), np.float32)

    def _track_mood(self, predictions: Sequence[Prediction], loudness_lufs: float | None) -> TrackMood:
        shares = self.probabilities(predictions)
        q1, q2, q3, q4 = (float(share) for share in shares)
        affect, uncertainty = affect_of((q1, q2, q3, q4))
        likeness = np.mean([one.likeness for one in predictions], axis=0)
        length = float(np.linalg.norm(likeness))
        direction = likeness / length if length > 0 else np.full(FEATURES, FEATURES**-0.5)
        tempo_bpm = float(np.median([one.tempo_bpm for one in predictions]))
        return TrackMood(
            affect, uncertainty, (q1, q2, q3, q4), tempo_bpm, direction.astype("<f2").tobytes(), loudness_lufs
        )

    def close(self) -> None:
        """Free the model; a second call does nothing."""
        self._model.close()


def affect_of(quadrants: tuple[float, float, float, float]) -> tuple[Affect, float]:
    """A point in the plane, and the standard deviation of the truth about it.

    The labels know sides only, so a track lies the further from an axis the surer its side is: by the log odds, because
    probabilities crowd at 0 and 1 and would put all lively music at one height. The deviation is that of a track that
    lies around the centre of one of the quadrants.
    """
    odds = [
        _log_odds(sum(p for p, signs in zip(quadrants, QUADRANT_SIGNS, strict=True) if signs[n] > 0)) for n in (0, 1)
    ]
    valence, arousal = (math.tanh(one / SPREAD) for one in odds)
    leaning = [math.tanh(one / 2) for one in odds]  # probability of one side less that of the other
    variance = sum(CENTRE**2 * (1 - lean**2) + WITHIN**2 for lean in leaning)
    return Affect(valence, arousal), math.sqrt(variance)


def _log_odds(share: float) -> float:
    share = min(max(share, RAREST), 1 - RAREST)
    return math.log(share / (1 - share))


def _texts(model: Model, key: str) -> list[str]:
    found: Any = model.card.raw.get(key)
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise ModelError(f"The card of model {NAME} lacks a list of names under {key}; install the models again.")
    return found


def _numbers(model: Model, key: str, count: int) -> Float32Array:
    found: Any = model.card.raw.get(key)
    try:
        numbers = np.array(found, np.float32)
    except (TypeError, ValueError):
        numbers = np.zeros(0, np.float32)
    if (
        numbers.shape != (count,)
        or not np.isfinite(numbers).all()
        or (key.endswith("deviations") and numbers.min() <= 0)
    ):
        raise ModelError(
            f"The card of model {NAME} lacks {count} usable numbers under {key}; install the models again."
        )
    return numbers
