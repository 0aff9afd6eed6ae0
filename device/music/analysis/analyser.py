"""Places a music file in the plane of valence and arousal: decode, features, model, one `TrackMood`.

Runs in the analysis process (workers/analysis_process.py) or on a workstation; a `MoodAnalyser` belongs to one thread.
For a long file it averages the model's results over excerpts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from device.domain import Affect
from device.errors import ModelError
from device.model import Float32Array, Model
from device.music.analysis import decode, doubt, features
from device.music.analysis.loudness_meter import block_powers, integrated
from device.music.track_mood import FEATURES, Doubt, TrackMood

NAME = "music_mood"
QUADRANT_SIGNS = ((1, 1), (-1, 1), (-1, -1), (1, -1))  # valence and arousal of Q1 to Q4
SPREAD = 3.0  # log odds of a side that put a track at tanh(1) = 0.76 from the axis
RAREST = 0.003  # probability below which nothing is rarer
CENTRE = 0.6  # how far from the axes the middle of a quadrant lies, and
WITHIN = 0.25  # the standard deviation around that: where the names of moods lie in their quadrants
FURTHEST = 3.0  # standard deviations from the mean at which a feature is cut off
EQUAL, NOWHERE = (0.25, 0.25, 0.25, 0.25), Affect(0.0, 0.0)  # of what is no music
ANY_FEATURES = np.full(FEATURES, FEATURES**-0.5, "<f2").tobytes()


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one excerpt: quadrant logits [4], likeness [FEATURES].

    Beside it: its tempo and length; its `sort`, if it is no music; how far its features lie from those that the model
    knows (about 1 is usual); the log odds of speech.
    """

    logits: Float32Array
    likeness: Float32Array
    tempo_bpm: float
    seconds: float = math.inf
    sort: Doubt = Doubt.NONE
    strangeness: float = 0.0
    speech_odds: float = -math.inf


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
        """The mood of the file at `path`; see its `doubt`. Raises LibraryError, with its name, if it cannot be decoded;
        OSError if the disk does not let us read it."""
        heard: list[Prediction | None] = []
        powers = []
        for excerpt in decode.excerpts(path):
            powers.append(block_powers(excerpt.channels, excerpt.rate_hz))
            heard.append(self.predict(excerpt.mono))
        return self.track_mood(heard, integrated(powers))

    def predict(self, mono: Float32Array) -> Prediction | None:
        """What the model says of float32 [n] at 16 kHz; None if that is silent."""
        pictures = features.look(mono)
        if pictures is None:
            return None
        found, seconds = features.measure(pictures), mono.size / decode.RATE_HZ
        values = features.vector(found, self._names)
        prediction = self.predict_features(values, found["tempo_bpm"])
        strangeness = doubt.strangeness_of((values - self._mean) / self._deviation)
        return replace(
            prediction, seconds=seconds, sort=doubt.sort_of(found, seconds), strangeness=strangeness,
            speech_odds=doubt.speech_odds(found),
        )  # fmt: skip

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

    def track_mood(self, heard: Sequence[Prediction | None], loudness_lufs: float | None = None) -> TrackMood:
        """The mood of a file from what `predict` says of its excerpts. Those that are no music do not count, unless
        most are none."""
        why = doubt.verdict([Doubt.SILENCE if one is None else one.sort for one in heard])
        if not why.is_music:
            return TrackMood(NOWHERE, affect_of(EQUAL)[1], EQUAL, 0.0, ANY_FEATURES, loudness_lufs, why)
        predictions = [one for one in heard if one is not None and one.sort.is_music]
        strangeness, odds = (
            float(np.mean([getattr(one, name) for one in predictions])) for name in ("strangeness", "speech_odds")
        )
        prior, why = doubt.share_of_prior(sum(one.seconds for one in predictions), strangeness, odds)
        shares = (1 - prior) * self.probabilities(predictions) + prior / len(EQUAL)
        q1, q2, q3, q4 = (float(share) for share in shares)
        affect, uncertainty = affect_of((q1, q2, q3, q4))
        likeness = np.mean([one.likeness for one in predictions], axis=0)
        length = float(np.linalg.norm(likeness))
        alike = (likeness / length).astype("<f2").tobytes() if length > 0 else ANY_FEATURES
        tempo_bpm = float(np.median([one.tempo_bpm for one in predictions]))
        return TrackMood(affect, uncertainty, (q1, q2, q3, q4), tempo_bpm, alike, loudness_lufs, why)

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
