"""Labelled faces as a camera would see them again and again, and what the emotion model says each time.

There is no labelled video, so sequences are made from single labelled pictures (tools/smoothing/scenes.py). This file
makes the frames: each face is seen in several views, all of them scored once by the device's classifier and kept in
memory. A view also has the certainty that the eye would give it, by the formula of device/perception/face_quality.py.

    near    (3 views a face) shifted by up to 2 px, turned by up to 6 degrees, zoomed by 0.95 to 1.15, a little brighter
            or darker, a little noise: what a tracker's box and a camera do from frame to frame
    far     a face 14 to 30 px high in the frame, scaled up: certainty falls with its size
    edge    a tenth to a half of the face beyond the edge of the frame, whose last column is repeated: certainty falls
            with the square of the part that is inside
    broken  one of the corruptions of tools/emotion/hard.py at severity 3 to 5: the eye does not notice

The true mood of a face is the likeliest one of its votes (device/mood/plane.py), so that a face which half of the
voters called happy and half neutral is a calm one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from device.domain import Face, MoodName
from device.mood.plane import mood_probabilities
from device.perception.face_quality import size_share
from tools.emotion import hard
from tools.labelled.emotions import LabelledFaces, held_out_places

MOODS = tuple(MoodName)
NEAR, FAR, EDGE, BROKEN = (0, 1, 2), (3,), (4,), (5,)
VIEWS = 6
A_MOOD = 250  # faces at most
SCORE = (0.75, 0.95)  # of the face detector, for faces that it finds

Gray = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Score = Callable[[Gray], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Bank:
    """`moods`: int [n], indices into MOODS; `scores`: [n, VIEWS, 8]; `certainty`: [n, VIEWS]; `often`: [7], how many
    clear faces of each mood there were to choose from."""

    moods: npt.NDArray[np.int64]
    scores: Floats
    certainty: Floats
    often: npt.NDArray[np.int64]

    def of(self, mood: int) -> npt.NDArray[np.int64]:
        return np.flatnonzero(self.moods == mood)


def held_out(faces: LabelledFaces) -> LabelledFaces:
    """The part of train that training sets aside."""
    return faces.pick(held_out_places(len(faces))[1])


def see(faces: LabelledFaces, score: Score, a_mood: int = A_MOOD) -> Bank:
    """The first `a_mood` clear faces of every mood, in all views."""
    clear = faces.pick(faces.majority() >= 0)
    moods = np.array([true_mood(votes) for votes in clear.distribution()[0]])
    chosen = np.concatenate([np.flatnonzero(moods == mood)[:a_mood] for mood in range(len(MOODS))])
    crops, random = clear.faces[chosen], np.random.default_rng(90)
    broken = [
        hard.corrupt(crop[None], str(random.choice(list(hard.KINDS))), int(random.integers(3, 6)))[0] for crop in crops
    ]
    seen = [_views(crop, bad, random) for crop, bad in zip(crops, broken, strict=True)]
    scores = np.array([[score(crop) for crop, _ in views] for views in seen], np.float64)
    detector = random.uniform(*SCORE, scores.shape[:2])
    certainty = detector * np.array([[sure for _, sure in views] for views in seen])
    return Bank(moods[chosen], scores, certainty, np.bincount(moods, minlength=len(MOODS)))


def true_mood(votes: npt.NDArray[np.float32]) -> int:
    """The index into MOODS of the likeliest mood of eight shares of votes."""
    moods = mood_probabilities(tuple(map(float, votes)))
    return max(range(len(MOODS)), key=lambda at: moods[MOODS[at]])


def _views(crop: Gray, broken: Gray, random: np.random.Generator) -> list[tuple[Gray, float]]:
    """Pictures of one face, and how sure of each the eye would be but for the detector's score."""
    near = [(jittered(crop, random), 1.0) for _ in NEAR]
    height_px = random.uniform(14, 30)
    far = jittered(_shrunk(crop, height_px), random)
    share = random.uniform(0.1, 0.5)
    return [
        *near,
        (far, size_share(_face(height_px))),
        (_cut(jittered(crop, random), share), (1 - share) ** 2),
        (broken, 1.0),
    ]


def jittered(crop: Gray, random: np.random.Generator) -> Gray:
    """The face as another frame shows it: moved, turned, zoomed and lit a little, with noise."""
    side = len(crop)
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2,) * 2, random.uniform(-6, 6), random.uniform(0.95, 1.15))
    matrix[:, 2] += random.uniform(-2, 2, 2)
    moved = cv2.warpAffine(crop, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lit = moved * random.uniform(0.85, 1.15) + random.normal(0, random.uniform(1, 5), crop.shape)
    return np.clip(np.round(lit), 0, 255).astype(np.uint8)


def _shrunk(crop: Gray, height_px: float) -> Gray:
    small = cv2.resize(crop, (round(height_px),) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, crop.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def _cut(crop: Gray, inside: float) -> Gray:
    kept = round(inside * crop.shape[1])
    return np.pad(crop[:, :kept], ((0, 0), (0, crop.shape[1] - kept)), mode="edge")


def _face(height_px: float) -> Face:
    return Face(0, 0, height_px, height_px, 1.0, ((0.0, 0.0),) * 5)
