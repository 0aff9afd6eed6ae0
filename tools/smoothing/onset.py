"""Expressions as they come up: from a neutral face to an emotion's height, and what the filter makes of it.

There is no labelled video here, so a sequence is made of two pictures: a face at the height of an emotion, and the
neutral face most like it (by the correlation of the two, blurred: pose, hair, beard, light). The second fades into the
first, evenly over `ONSET_S`, which is then held for `APEX_S`; every frame is shifted, turned and lit a little anew, as
a tracker and a camera would. What this lacks: muscles that move at different times, and one person's own neutral.

Three answers at the end of each sequence are held against the label: the last frame's, the mean of the frames held,
and the filter's (device/mood/smoothing.py). Two scores each: of all eight emotions, and "six-way", with neutral and
contempt not to be chosen, as CK+ is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from device.mood.smoothing import FaceFilter
from tools.labelled.emotions import EMOTIONS, LabelledFaces
from tools.smoothing.faces import jittered
from tools.smoothing.scenes import FPS

ONSET_S, APEX_S = 1.0, 1.0
CERTAINTY = 0.85  # of a face that the detector likes
EACH = 100  # faces of an emotion at most
NEUTRAL = EMOTIONS.index("neutral")
SHOWN = tuple(EMOTIONS.index(name) for name in ("happiness", "surprise", "sadness", "anger", "disgust", "fear"))
BLURRED_PX = 12

Gray = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Score = Callable[[Gray], npt.NDArray[np.float32]]


def measure(faces: LabelledFaces, score: Score, hold_s: float) -> dict[str, Any]:
    """{"sequences", "last frame" | "mean of the apex" | "filter": {accuracy, six_way, recall}}.

    Raises ValueError without a neutral face and one of another emotion.
    """
    truth = faces.majority()
    apexes = [at for label in SHOWN for at in np.flatnonzero(truth == label)[:EACH].tolist()]
    neutral = np.flatnonzero(truth == NEUTRAL)
    if not apexes or not len(neutral):
        raise ValueError("Sequences take neutral faces and faces of an emotion whose voters agree.")
    partners = alike(faces.faces[apexes], faces.faces[neutral])
    random = np.random.default_rng(77)
    told: dict[str, list[Floats]] = {"last frame": [], "mean of the apex": [], "filter": []}
    for apex, partner in zip(apexes, neutral[partners], strict=True):
        frames = fade(faces.faces[partner], faces.faces[apex], random)
        scores = np.array([score(frame) for frame in frames], np.float64)
        told["last frame"].append(scores[-1])
        told["mean of the apex"].append(scores[-round(APEX_S * FPS) :].mean(0))
        told["filter"].append(filtered(scores, hold_s))
    right = truth[apexes]
    return {"sequences": len(apexes), **{way: figures(np.array(rows), right) for way, rows in told.items()}}


def fade(neutral: Gray, apex: Gray, random: np.random.Generator) -> list[Gray]:
    """The frames of one sequence, uint8 [48, 48] each."""
    rising = np.linspace(0, 1, round(ONSET_S * FPS), endpoint=False)
    shares = [*rising, *[1.0] * round(APEX_S * FPS)]
    mixed = [np.round(share * apex + (1 - share) * neutral).astype(np.uint8) for share in map(float, shares)]
    return [jittered(frame, random) for frame in mixed]


def alike(apexes: Gray, neutral: Gray) -> npt.NDArray[np.int64]:
    """For each apex the place of the neutral face with the highest correlation, both blurred."""
    return np.asarray((_blurred(apexes) @ _blurred(neutral).T).argmax(1), np.int64)


def _blurred(faces: Gray) -> Floats:
    side = faces.shape[1] // BLURRED_PX
    means = faces.reshape(-1, BLURRED_PX, side, BLURRED_PX, side).mean((2, 4)).reshape(len(faces), -1)
    means = means - means.mean(1, keepdims=True)
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6), np.float64)


def filtered(scores: Floats, hold_s: float) -> Floats:
    """The belief about the emotion after the last frame."""
    one = FaceFilter(hold_s)
    for at, row in enumerate(scores.tolist()):
        belief = one.update(tuple(row), CERTAINTY, at / FPS)
    return np.array(belief)


def figures(told: Floats, truth: npt.NDArray[np.int64]) -> dict[str, Any]:
    best = told.argmax(1)
    six = np.array(SHOWN)[told[:, list(SHOWN)].argmax(1)]
    return {
        "accuracy": round(float((best == truth).mean()), 4),
        "six_way": round(float((six == truth).mean()), 4),
        "recall": {EMOTIONS[label]: round(float((best[truth == label] == label).mean()), 4)
                   for label in SHOWN if (truth == label).any()},
    }  # fmt: skip
