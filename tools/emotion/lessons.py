"""What the emotion model learns from, and by which recipe: votes mixed with the teachers' opinions, drawn by rarity."""

from dataclasses import dataclass

import numpy as np
import torch

from tools.labelled.emotions import LabelledFaces

HELD_OUT = 1400  # faces of train that the net never learns: they set the temperature and the int8 ranges
PORTRAITS = 0.5  # how often one is drawn, beside a face with votes


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the weights become; a checkpoint made with another recipe is refused.

    Only `epochs` may change on the way: the learning rate then follows the cosine of the new number, and the card's
    `epochs_planned` says which epoch was trained under which plan.
    """

    net: str  # of emotion_net.NETS
    teacher: str  # sha256 of the teachers' weights, empty for none
    trust: float  # the teachers' share in what is learnt; the rest are the votes
    epochs: int
    batch: int
    seed: int
    rate: float
    decay: float
    rarity: float  # faces are drawn by (1 / frequency of their emotions) ** rarity
    limit: int


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt from: faces uint8 [n, 48, 48], what to say of each, float [n, 8], and how often it is drawn."""

    pixels: torch.Tensor
    targets: torch.Tensor
    draw: torch.Tensor

    def __len__(self) -> int:
        return len(self.pixels)


def split_off(faces: LabelledFaces, recipe: Recipe) -> tuple[LabelledFaces, LabelledFaces]:
    """(to learn from, held out); the same held-out faces for every recipe."""
    order = np.random.default_rng(0).permutation(len(faces))
    held_out, rest = order[:HELD_OUT], order[HELD_OUT:]
    rest = rest[faces.pick(rest).distribution()[1] > 0]
    return faces.pick(rest[: recipe.limit or None]), faces.pick(held_out)


def lesson(train: LabelledFaces, portraits: np.ndarray, opinions: list[np.ndarray], recipe: Recipe) -> Lesson:
    """Votes and opinions mixed. `opinions`: float32 [n, 8] of `train` and of `portraits`."""
    soft, weight = train.distribution()
    mixed = (1 - recipe.trust) * soft + recipe.trust * opinions[0]
    targets = np.concatenate([mixed, opinions[1]])
    weight = np.concatenate([weight, np.full(len(portraits), PORTRAITS, np.float32)])
    draw = weight * rarity(targets, weight, recipe.rarity)
    pixels = np.concatenate([train.faces, portraits])
    return Lesson(*(torch.from_numpy(part) for part in (pixels, targets, draw.astype(np.float64))))


def rarity(soft: np.ndarray, weight: np.ndarray, power: float) -> np.ndarray:
    """How much oftener a face is drawn for the rarity of its emotions; no face over 4 times."""
    share = (soft * weight[:, None]).sum(0) / weight.sum()
    per_class = (1 / np.maximum(share, 1e-3)) ** power
    return np.minimum(soft @ per_class / (share @ per_class), 4)
