"""How good nets in training are: on the clear faces of FERPlus's valid, and on RAF-DB's faces that are never learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tools.emotion.lessons import HEADS
from tools.emotion.teacher import predict
from tools.labelled.emotions import EMOTIONS, ExtraFaces, LabelledFaces, part

CONTEMPT = EMOTIONS.index("contempt")


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """Faces uint8 [n, 48, 48] and their classes [n]."""

    faces: torch.Tensor
    truth: npt.NDArray[np.int64]


def exams(valid: LabelledFaces, extras: list[ExtraFaces], device: torch.device, limit: int = 0) -> dict[str, Exam]:
    """At most `limit` faces each, 0 for all."""
    truth = valid.majority()
    sets = {"ferplus": (valid.faces[truth >= 0], truth[truth >= 0])}
    for extra in extras:
        held = part(extra, valid=True)
        held = held.pick(held.labels >= 0)
        if len(held):
            sets[extra.name] = (held.faces, held.labels)
    most = limit or None
    return {
        name: Exam(torch.from_numpy(faces[:most]).to(device), truth[:most]) for name, (faces, truth) in sets.items()
    }


def judge(nets: Mapping[str, nn.Module], papers: Mapping[str, Exam], *, half: bool) -> dict[str, Any]:
    """{net: {exam: {head: [accuracy, mean recall without contempt]}}}, with mirror images averaged."""
    return {
        name: {
            exam: dict(zip(HEADS, _marks(predict(net, paper.faces, half=half), paper.truth), strict=True))
            for exam, paper in papers.items()
        }
        for name, net in nets.items()
    }


def _marks(logits: torch.Tensor, truth: npt.NDArray[np.int64]) -> list[list[float]]:
    best = logits.argmax(2).cpu().numpy()
    return [[round(100 * float(value), 2) for value in marks(column, truth)] for column in best.T]


def marks(best: npt.NDArray[np.int64], truth: npt.NDArray[np.int64]) -> tuple[float, float]:
    """(accuracy, mean recall of the classes that occur, without contempt)."""
    recalls = [(best[truth == label] == label).mean() for label in range(len(EMOTIONS)) if (truth == label).any()]
    if (truth == CONTEMPT).any():
        recalls = recalls[:-1]
    return float((best == truth).mean()), float(np.mean(recalls))
