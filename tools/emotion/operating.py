"""Where the model that ships stands between two conventions of labels, and between careful and eager.

FERPlus's ten voters say neutral where RAF-DB's forty see anger, disgust or surprise. What a living room needs is
chosen by cost: an error costs 1, and to call an emotion neutral costs `MISSED`, because music that ignores anger is
worse than music that sees it once too often. The mean cost over FERPlus's faces (held out of train, and valid) and
RAF-DB's that were never learnt, where each set counts alike, is made smallest over two numbers: how much the heads of
the two conventions, and the shared one, count in the logits; and how far rare emotions are lifted (logit adjustment,
Menon et al., ICLR 2021). What that may cost in FERPlus's own accuracy is limited by `MOST_LOST`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from tools.emotion.judging import Exam, marks
from tools.emotion.net import EmotionNet
from tools.emotion.teacher import predict
from tools.labelled.emotions import EMOTIONS, LabelledFaces

MISSED = 1.5
MOST_LOST = 0.004  # of the best accuracy on FERPlus's faces
NEUTRAL = EMOTIONS.index("neutral")
SHARES = ((1.0, 0.0, 0.0, 0.0), (0.8, 0.2, 0.0, 0.0), (0.6, 0.4, 0.0, 0.0), (0.8, 0.0, 0.2, 0.0), (0.6, 0.2, 0.2, 0.0))
LIFTS = tuple(np.round(np.arange(0, 0.81, 0.04), 2).tolist())


@dataclass(frozen=True, slots=True)
class Point:
    """`shares`: of the heads (tools/emotion/lessons.py); `lift`: power of rarity; `cost`: what it comes to; `figures`:
    {set: [accuracy, mean recall]} in percent, of the faces it was chosen on."""

    shares: tuple[float, ...]
    lift: float
    cost: float
    figures: Mapping[str, tuple[float, float]]


def choose(net: EmotionNet, held_out: LabelledFaces, exams: Mapping[str, Exam]) -> list[Point]:
    """All points, the best first."""
    truth = held_out.majority()
    sets = {"held out": Exam(torch.from_numpy(held_out.faces[truth >= 0]), truth[truth >= 0]), **exams}
    told = {name: predict(net, exam.faces).cpu().numpy() for name, exam in sets.items()}
    truths = {name: exam.truth for name, exam in sets.items()}
    for several in (told, truths):
        several["ferplus"] = np.concatenate([several.pop("held out"), several["ferplus"]])
    rarity = rareness(held_out)
    points = []
    for shares, lift in itertools.product(SHARES, LIFTS):
        best = {
            name: (np.tensordot(values, np.array(shares), (1, 0)) + lift * rarity).argmax(1)
            for name, values in told.items()
        }
        costs = [cost(best[name], truths[name]) for name in truths]
        found = {name: tuple(round(100 * one, 2) for one in marks(best[name], truths[name])) for name in truths}
        points.append(Point(shares, lift, round(float(np.mean(costs)), 4), found))
    least = max(point.figures["ferplus"][0] for point in points) - 100 * MOST_LOST
    return sorted(points, key=lambda point: (point.figures["ferplus"][0] < least, point.cost))


def cost(best: npt.NDArray[np.int64], truth: npt.NDArray[np.int64]) -> float:
    """The mean over faces: 0 for right, `MISSED` for an emotion called neutral, 1 for any other error."""
    missed = (best == NEUTRAL) & (truth != NEUTRAL)
    return float(((best != truth) + (MISSED - 1) * missed).mean())


def rareness(faces: LabelledFaces) -> npt.NDArray[np.float64]:
    """Minus the logarithm of how often each emotion is voted for, with mean 0."""
    soft, weight = faces.distribution()
    rarity = -np.log((soft * weight[:, None]).sum(0) / weight.sum())
    return np.asarray(rarity - rarity.mean(), np.float64)


@torch.no_grad()
def applied(net: EmotionNet, point: Point, held_out: LabelledFaces) -> EmotionNet:
    """The net with the one head that the point makes of its heads."""
    merged = net.merged(point.shares)
    merged.head.bias += torch.from_numpy(point.lift * rareness(held_out)).to(merged.head.bias)
    return merged
