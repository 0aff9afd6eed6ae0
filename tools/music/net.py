"""The music mood model: each feature adds its own evidence for each quadrant, along a curve that the clips give it.

A generalised additive model (Hastie and Tibshirani 1990): a feature's curve is a sum of ramps, and ridge regression
finds their heights, so that a curve only bends where clips ask for it. With 540 clips this did as well as kernels that
know how features act together, and better than nets (models/music_mood_tried.md). As ramps and sums are all there is,
int8 computes them nearly exactly. A linear layer beside it gives the vector that songs are compared by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from device.music.analysis.analyser import FURTHEST
from device.music.track_mood import FEATURES

CLASSES = 4
RELU6 = 6.0  # where TFLite's bounded ramp ends


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the weights become."""

    ramps: int = 24  # of each feature
    ridge: float = 0.6
    variant_ridge: float = 3.0  # times that for variants: they are believed less
    weighed: bool = True  # features by `weigh`


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


@dataclass(frozen=True, slots=True)
class MoodNet:
    """Standardised features [n, features] to quadrant logits [n, 4] and likeness [n, 64].

    `heights` float32 [features, ramps, 4]: how much a feature adds to the logits as it passes each ramp. `bias` [4].
    `likeness` [features, 64].
    """

    heights: np.ndarray
    bias: np.ndarray
    likeness: np.ndarray

    def logits(self, standard: np.ndarray) -> np.ndarray:
        """Quadrant logits float32 [n, 4]."""
        width, count, _ = self.heights.shape
        passed = ramps(standard, count).reshape(len(standard), width * count)
        return np.asarray(passed @ self.heights.reshape(width * count, CLASSES) + self.bias, np.float32)

    def compared_by(self, standard: np.ndarray) -> np.ndarray:
        """Likeness float32 [n, 64]."""
        return np.asarray(standard @ self.likeness, np.float32)


def ramps(standard: np.ndarray, count: int) -> np.ndarray:
    """How far each value has passed each of `count` ramps between -FURTHEST and FURTHEST, 0 to 1: [..., count]."""
    return np.asarray(np.clip((standard[..., None] - starts(count)) / (2 * FURTHEST / count), 0, 1), np.float32)


def starts(count: int) -> np.ndarray:
    """Where the ramps begin, float32 [count]; each ends where the next begins."""
    return np.linspace(-FURTHEST, FURTHEST, count, endpoint=False, dtype=np.float32)


def learn(recipe: Recipe, standard: np.ndarray, quadrants: np.ndarray) -> MoodNet:
    """The model of standardised features [clips, variants, features], whose first variant is the clip itself.

    Ridge regression in its dual form, as there are more ramps than clips. A variant's ridge is larger, as if it were
    measured with more noise.
    """
    clips, variants, width = standard.shape
    weights = weigh(standard, quadrants) if recipe.weighed else np.ones(width, np.float32)
    scale = np.repeat(np.sqrt(weights / width * (2 * FURTHEST / recipe.ramps)), recipe.ramps).astype(np.float32)
    rows = ramps(standard.transpose(1, 0, 2), recipe.ramps).reshape(clips * variants, -1) * scale
    middle = rows.mean(0)
    rows -= middle
    targets = np.tile(np.eye(CLASSES)[quadrants], (variants, 1))
    mean = targets[:clips].mean(0)
    ridge = np.repeat([recipe.ridge] + [recipe.ridge * recipe.variant_ridge] * (variants - 1), clips)
    dual = np.linalg.solve((rows @ rows.T).astype(np.float64) + np.diag(ridge), targets - mean)
    heights = rows.T.astype(np.float64) @ dual
    bias = (mean - middle @ heights).astype(np.float32)
    heights = (heights * scale[:, None]).reshape(width, recipe.ramps, CLASSES).astype(np.float32)
    return MoodNet(heights, bias, principal_axes(standard))


def principal_axes(standard: np.ndarray) -> np.ndarray:
    """What songs are compared by, float32 [features, 64]: principal components, each weighed down half of the way to
    equal weight, so that the first few, which say loud or quiet, do not decide alone."""
    rows = standard.reshape(-1, standard.shape[-1]).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    strongest = np.argsort(values)[::-1][:FEATURES]
    axes = vectors[:, strongest] / np.maximum(values[strongest], 1e-6) ** 0.25
    axes *= np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    return np.asarray(axes, np.float32)


def to_keras(net: MoodNet) -> Any:
    """The same function as a Keras model, float [n, 1, 1, features] to ([n, 4], [n, 64]).

    All features pass the same ramps, so that is one convolution with ReLU6 over the features as pixels. All layers are
    1x1 convolutions: TFLite 2.14 cannot load fully connected ones with scales per channel.
    """
    import keras

    width, count, _ = net.heights.shape
    shape = keras.layers.Reshape
    steep = RELU6 * count / (2 * FURTHEST)
    entry = keras.Input((1, 1, width), name="features")
    passed = _layer(shape((width, 1, 1))(entry), np.full((1, count), steep), -steep * starts(count), "relu6")
    logits = _layer(shape((1, 1, width * count))(passed), net.heights.reshape(-1, CLASSES) / RELU6, net.bias)
    likeness = _layer(entry, net.likeness, np.zeros(FEATURES))
    return keras.Model(entry, [shape((CLASSES,))(logits), shape((FEATURES,))(likeness)])


def _layer(x: Any, weights: np.ndarray, bias: np.ndarray, activation: str | None = None) -> Any:
    import keras

    layer = keras.layers.Conv2D(weights.shape[1], 1, activation=activation)
    x = layer(x)
    layer.set_weights([weights[None, None], bias])
    return x
