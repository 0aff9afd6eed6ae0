"""The music mood model: a teacher in closed form, and the small net that learns its answers and runs on the device.

With 540 clips, kernel ridge regression with a Laplacian kernel on standardised features did better than any net trained
on the labels alone (models/music_mood_tried.md). But it keeps every training clip, and does not fit int8; so a net of
two hidden layers learns to give the teacher's answers, on the clips, on their variants, and on thousands of mixtures of
two clips (Bucila et al. 2006; Zhang et al. 2018). A linear layer beside it gives the vector that songs are compared by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from device.music.analysis.analyser import FURTHEST
from device.music.track_mood import FEATURES

CLASSES = 4
LOWEST = 0.02  # probability that the teacher's answers are cut off at


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the weights become."""

    seed: int = 1
    kernel: float = 0.3  # of exp(-kernel * mean absolute difference)
    ridge: float = 0.6
    variant_ridge: float = 3.0  # times that for variants: they are believed less
    weighed: bool = True  # features by `weigh`
    mixtures: int = 6000
    hidden: tuple[int, int] = (192, 96)
    steps: int = 1500
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.01


@dataclass(frozen=True, slots=True)
class Standard:
    """Brings features to mean 0 and deviation 1, cut off at `FURTHEST`."""

    means: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Standard:
        """From features [..., features]. The median's deviation would be safer, but many features are mostly 0."""
        rows = values.reshape(-1, values.shape[-1]).astype(np.float64)
        return cls(rows.mean(0), np.maximum(rows.std(0), 1e-4))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.clip((values - self.means) / self.deviations, -FURTHEST, FURTHEST).astype(np.float32)


def weigh(standard: np.ndarray, quadrants: np.ndarray) -> np.ndarray:
    """How much each feature counts, float32 [features] of mean 1: more if it differs between quadrants (the fourth root
    of its F statistic), less if it does not survive in variants (its correlation between the clip and its variants)."""
    clip = standard[:, 0]
    mean = clip.mean(0)
    groups = [clip[quadrants == q] for q in range(CLASSES)]
    between = sum(len(group) * (group.mean(0) - mean) ** 2 for group in groups) / (CLASSES - 1)
    within = sum(((group - group.mean(0)) ** 2).sum(0) for group in groups) / (len(clip) - CLASSES)
    telling = (between / np.maximum(within, 1e-6)) ** 0.25
    others = standard[:, 1:].mean(1) if standard.shape[1] > 1 else clip
    shared = ((clip - mean) * (others - others.mean(0))).mean(0)
    lasting = np.clip(shared / np.maximum(clip.std(0) * others.std(0), 1e-6), 0.05, 1)
    weights = telling / telling.mean() * lasting / lasting.mean()
    return np.asarray(weights / weights.mean(), np.float32)


class Teacher:
    """Kernel ridge regression of the four quadrants on weighed standardised features [clips, variants, features]."""

    def __init__(self, recipe: Recipe, standard: np.ndarray, quadrants: np.ndarray) -> None:
        clips, variants, width = standard.shape
        self._kernel = recipe.kernel / width
        self._weigh = torch.from_numpy(weigh(standard, quadrants) if recipe.weighed else np.ones(width, np.float32))
        self._rows = self._weigh * torch.from_numpy(standard.transpose(1, 0, 2).reshape(-1, width).copy())
        targets = np.tile(np.eye(CLASSES)[quadrants], (variants, 1))
        self._mean = targets[:clips].mean(0)
        ridge = np.repeat([recipe.ridge] + [recipe.ridge * recipe.variant_ridge] * (variants - 1), clips)
        alike = self._alike(self._rows).double().numpy()
        self._weights = np.linalg.solve(alike + np.diag(ridge), targets - self._mean)

    def _alike(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.exp(-self._kernel * torch.cdist(rows, self._rows, p=1))

    def __call__(self, standard: np.ndarray) -> np.ndarray:
        """Probabilities float32 [n, 4] for standardised features [n, features]."""
        rows = self._weigh * torch.from_numpy(np.ascontiguousarray(standard, np.float32))
        found = [self._alike(part).double().numpy() @ self._weights for part in rows.split(500)]
        shares = np.clip(np.concatenate(found) + self._mean, LOWEST, None)
        return (shares / shares.sum(1, keepdims=True)).astype(np.float32)


class MoodNet(nn.Module):
    """Standardised features float [n, features] to (quadrant logits [n, 4], likeness [n, 64])."""

    def __init__(self, width: int, hidden: tuple[int, int]) -> None:
        super().__init__()
        self.first = nn.Linear(width, hidden[0])
        self.second = nn.Linear(hidden[0], hidden[1])
        self.head = nn.Linear(hidden[1], CLASSES)
        self.likeness = nn.Linear(width, FEATURES, bias=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = functional.relu(self.second(functional.relu(self.first(x))))
        return self.head(h), self.likeness(x)


def learn(recipe: Recipe, standard: np.ndarray, quadrants: np.ndarray) -> MoodNet:
    """A net that answers as the teacher of these clips does."""
    random = np.random.default_rng(recipe.seed)
    torch.manual_seed(recipe.seed)
    teacher = Teacher(recipe, standard, quadrants)
    rows = standard.reshape(-1, standard.shape[2])
    rows = np.concatenate([rows, mixtures(rows, recipe.mixtures, random)])
    x, target = torch.from_numpy(rows), torch.from_numpy(teacher(rows))
    net = MoodNet(standard.shape[2], recipe.hidden)
    compare_by(net, standard)
    weights = [net.first, net.second, net.head]
    optimiser = torch.optim.AdamW([p for w in weights for p in w.parameters()], recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, recipe.steps, pct_start=0.05)
    for _ in range(recipe.steps):
        chosen = torch.from_numpy(random.integers(0, len(x), recipe.batch))
        logits, _ = net(x[chosen])
        loss = functional.cross_entropy(logits, target[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()


def mixtures(rows: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Points between pairs of rows, most of them nearer to one."""
    one, other = random.integers(0, len(rows), (2, count))
    share = random.beta(0.6, 0.6, (count, 1)).astype(np.float32)
    return share * rows[one] + (1 - share) * rows[other]


@torch.no_grad()
def compare_by(net: MoodNet, standard: np.ndarray) -> None:
    """Set the likeness layer: principal components, each weighed down half of the way to equal weight, so that the
    first few, which say loud or quiet, do not decide alone."""
    rows = standard.reshape(-1, standard.shape[2]).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    strongest = np.argsort(values)[::-1][:FEATURES]
    axes = vectors[:, strongest] / np.maximum(values[strongest], 1e-6) ** 0.25
    axes *= np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    net.likeness.weight.copy_(torch.from_numpy(axes.T.astype(np.float32)))


@torch.no_grad()
def logits_of(net: MoodNet, standard: np.ndarray) -> np.ndarray:
    """Quadrant logits float32 [n, 4]."""
    return np.asarray(net(torch.from_numpy(np.ascontiguousarray(standard, np.float32)))[0].numpy())


def to_keras(net: MoodNet) -> Any:
    """The same function as a Keras model, float [n, 1, 1, features] to ([n, 4], [n, 64]).

    The layers are 1x1 convolutions: TFLite 2.14 cannot load fully connected ones with scales per channel.
    """
    import keras

    entry = keras.Input((1, 1, net.first.in_features), name="features")
    x = _layer(entry, net.first, "relu")
    x = _layer(_layer(x, net.second, "relu"), net.head)
    likeness = _layer(entry, net.likeness)
    shape = keras.layers.Reshape
    return keras.Model(entry, [shape((CLASSES,))(x), shape((FEATURES,))(likeness)])


def _layer(x: Any, linear: nn.Linear, activation: str | None = None) -> Any:
    import keras

    layer = keras.layers.Conv2D(linear.out_features, 1, activation=activation)
    x = layer(x)
    bias = np.zeros(linear.out_features) if linear.bias is None else linear.bias.detach().numpy()
    layer.set_weights([linear.weight.detach().numpy().T[None, None], bias])
    return x
