"""What the emotion nets learn: faces of several sets, what was said of each, and how often each is drawn.

Three conventions of labels meet here, and each has a head of its own: FERPlus (ten voters a face, who say neutral
where others see a weak emotion), RAF-DB (forty voters, one winner) and AffectNet (one annotator, searched by emotion).
A fourth head, `shared`, is the one that the device gets. It learns from every face what the conventions say of it,
weighed by `SHARED`: a set's own convention counts most in its own pictures.

What is said of a face comes from up to three mouths: its own votes or label, an opinion that came with the set
(a larger net's, mean of many views), and the opinion of a teacher trained here, of the very view that is shown.
`TRUST` weighs them; a mouth that is silent leaves its share to the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from tools.labelled.emotions import ExtraFaces, LabelledFaces, held_out_places, part

HEADS = ("shared", "ferplus", "rafdb", "affectnet")
SHARED_HEAD, FERPLUS, RAFDB, AFFECTNET = range(len(HEADS))
SETS = ("ferplus", "rafdb", "affectnet", "unlabelled")
OWN_HEAD = {"ferplus": FERPLUS, "rafdb": RAFDB, "affectnet": AFFECTNET}

SHARED = {  # of ferplus, rafdb, affectnet: how a face of each set is read by the head that ships
    "ferplus": (1.0, 0.0, 0.0),
    "rafdb": (0.15, 0.85, 0.0),
    "affectnet": (0.55, 0.25, 0.2),
    "unlabelled": (0.8, 0.2, 0.0),
}
TRUST = {  # own label, opinion that came along, teacher: in the set's own convention
    "ferplus": (0.3, 0.2, 0.5),
    "rafdb": (0.5, 0.0, 0.5),
    "affectnet": (0.3, 0.0, 0.7),
}
ELSEWHERE = (0.4, 0.6)  # in FERPlus's convention on other sets: opinion that came along, teacher
SMOOTHING = 0.1  # of a label that one winner stands for
HOW_OFTEN = {"ferplus": 1.0, "rafdb": 1.0, "affectnet": 0.45, "unlabelled": 0.35, "grouped": 0.6}

GROUPS = ("age", "gender", "race")
NEEDY = {"0-2": 2.0, "more than 70": 1.5}  # ages that version 2 read worst, in the half to learn from; drawn oftener

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """`pixels`: uint8 [n, 48, 48]; `labels`, `opinions`: float [n, 8], zero where nothing was said; `kind`: int [n],
    index into SETS; `draw`: float [n], how often each face is drawn."""

    pixels: torch.Tensor
    labels: torch.Tensor
    opinions: torch.Tensor
    kind: torch.Tensor
    draw: torch.Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def to(self, device: torch.device) -> Lesson:
        return Lesson(*(getattr(self, name).to(device) for name in self.__slots__))

    def targets(self, some: torch.Tensor, teacher: torch.Tensor | None = None) -> torch.Tensor:
        """What each head is to say of these faces: [n, heads, 8], all zero where nobody knows.

        `teacher`: probabilities [n, heads, 8] of a net trained here, of the views that are shown.
        """
        labels, opinions = self.labels[some], self.opinions[some]
        silent = torch.zeros_like(labels)
        said = [teacher[:, head] for head in range(len(HEADS))] if teacher is not None else [silent] * len(HEADS)
        targets = torch.zeros(len(some), len(HEADS), labels.shape[1], device=labels.device)
        for place, name in enumerate(SETS):
            here = self.kind[some] == place
            heads = [
                _mix([(ELSEWHERE[0], opinions), (ELSEWHERE[1], said[FERPLUS])]),
                said[RAFDB],
                said[AFFECTNET],
            ]
            if name in OWN_HEAD:
                own, given, taught = TRUST[name]
                mouths = [(own, labels), (taught, said[OWN_HEAD[name]])]
                heads[OWN_HEAD[name] - 1] = _mix([*mouths, (given, opinions)] if given else mouths)
            shared = _mix(list(zip(SHARED[name], heads, strict=True)))
            targets = torch.where(here.view(-1, 1, 1), torch.stack([shared, *heads], 1), targets)
        return targets


def _mix(parts: list[tuple[float, torch.Tensor]]) -> torch.Tensor:
    """The weighed mean of distributions [n, 8]; an all-zero one is silent, its weight goes to the others."""
    weights = [weight * (part.sum(1, keepdim=True) > 0) for weight, part in parts]
    total = sum(weights)
    mixed = sum(weight * part for weight, (_, part) in zip(weights, parts, strict=True))
    return torch.where(total > 0, mixed / total.clamp(min=1e-6), torch.zeros_like(mixed))


def split_off(faces: LabelledFaces, opinions: Floats | None) -> tuple[LabelledFaces, Floats | None, LabelledFaces]:
    """(to learn from, the opinions of those, held out): the same faces every time."""
    rest, held_out = held_out_places(len(faces))
    rest = rest[faces.pick(rest).distribution()[1] > 0]
    return faces.pick(rest), None if opinions is None else opinions[rest], faces.pick(held_out)


def lesson(
    train: LabelledFaces,
    opinions: Floats | None,
    extras: list[ExtraFaces],
    plain: list[tuple[npt.NDArray[np.uint8], Floats]],
    *,
    rarity: float = 0.25,
    limit: int = 0,
) -> Lesson:
    """All of it put together. `plain`: further faces of which only opinions are known; `limit`: so many of each."""
    soft, weight = train.distribution()
    parts = [_part("ferplus", train.faces, soft, opinions, weight * HOW_OFTEN["ferplus"], rarity, limit)]
    for extra in extras:
        learnt = part(extra, valid=False)
        grouped = set(GROUPS) <= set(learnt.about)
        kind = next((name for name in ("rafdb", "affectnet") if extra.name.startswith(name)), "unlabelled")
        known = np.eye(soft.shape[1], dtype=np.float32)[learnt.labels] * (1 - SMOOTHING) + SMOOTHING / soft.shape[1]
        labels = np.where(learnt.labels[:, None] >= 0, known, 0).astype(np.float32)
        often = even(learnt.about) if grouped else np.ones(len(learnt), np.float32)
        often = often * HOW_OFTEN["grouped" if grouped else kind]
        parts.append(_part(kind, learnt.faces, labels, learnt.opinions, often, rarity, limit))
    for faces, said in plain:
        often = np.full(len(faces), HOW_OFTEN["unlabelled"], np.float32)
        parts.append(_part("unlabelled", faces, np.zeros_like(said), said, often, rarity, limit))
    return Lesson(*(torch.cat([getattr(part, name) for part in parts]) for name in Lesson.__slots__))


def _part(
    kind: str,
    faces: npt.NDArray[np.uint8],
    labels: Floats,
    opinions: Floats | None,
    often: Floats,
    power: float,
    limit: int,
) -> Lesson:
    opinions = np.zeros_like(labels) if opinions is None else opinions
    spoken = np.where(labels.sum(1, keepdims=True) > 0, labels, opinions)
    draw = often * _rare(spoken, often, power)
    kinds = np.full(len(faces), SETS.index(kind), np.int64)
    columns = (faces, labels, opinions, kinds, draw.astype(np.float32))
    return Lesson(*(torch.from_numpy(np.ascontiguousarray(column[: limit or None])) for column in columns))


def even(about: dict[str, list[str]]) -> Floats:
    """How often to draw each face so that every age, gender and race comes equally often, `NEEDY` ages oftener; 1 on
    average, at most 4."""
    often = np.ones(len(about[GROUPS[0]]), np.float64)
    for column in GROUPS:
        names, place, count = np.unique(about[column], return_inverse=True, return_counts=True)
        often *= (len(place) / (len(names) * count))[place]
    often *= [NEEDY.get(age, 1.0) for age in about["age"]]
    return np.minimum(often / often.mean(), 4).astype(np.float32)


def _rare(soft: Floats, weight: Floats, power: float) -> Floats:
    """How much oftener a face is drawn for the rarity of its emotions; no face over 4 times."""
    share = (soft * weight[:, None]).sum(0) / weight.sum()
    per_class = (1 / np.maximum(share, 1e-3)) ** power
    return np.asarray(np.minimum(soft @ per_class / (share @ per_class), 4), np.float32)
