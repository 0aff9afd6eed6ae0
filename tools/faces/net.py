"""The face detector's network and loss: trained in PyTorch, rebuilt in Keras with folded batch norms for TFLite.

A single-shot, anchor-free detector in the manner of FCOS (Tian et al. 2019, arXiv:1904.01355), small enough for one
core of a Pi: depthwise-separable convolutions (Howard et al. 2017, arXiv:1704.04861), three strides, and one top-down
path so that small faces are seen in context (Lin et al. 2017, arXiv:1612.03144). The score is trained towards the
overlap of the cell's own box with the truth (generalised focal loss, Li et al. 2020, arXiv:2006.04388), so that the
best-placed cell also ranks highest. Every head is its own output, so that int8 gives scores, boxes and landmarks
scales of their own. Halving pads at the right and below only, so that cell i of a stride is always centred on pixel
(i + 0.5) * stride, whatever the picture's size: what is learned in small scenes holds in large ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from device.perception.cells import UNIT_STRIDES
from device.perception.faces import KINDS, STRIDES
from tools.faces.assign import Cells, Lesson, assign, boxes_to_corners, flatten, overlaps
from tools.faces.compose import Scenes

WIDTHS = (8, 24, 56, 96, 128)  # channels at strides 2, 4, 8, 16, 32
DEPTHS = (3, 3, 2)  # residual blocks at strides 8, 16, 32, after the one that halves
NECK = 32
TWICE = (16, 32)  # strides where landmarks have a second convolution of their own; at 8 it would cost 4% of the time
FIRST_SIDE = 4  # of the first kernel: as 2x2 on blocks of 2x2 pixels it costs half of a 3x3 on pixels
SURENESS = 0.25  # the score's target is the overlap to this power: small boxes overlap less and shall be as sure
INITIAL_LOGIT = -4.6  # a sigmoid of 1%: at the start nearly every cell is background


class Conv(nn.Module):
    """Convolution, batch norm and, unless `linear`, ReLU; depthwise with `deep`."""

    def __init__(
        self, inside: int, outside: int, side: int, stride: int = 1, *, linear: bool = False, deep: bool = False
    ) -> None:
        super().__init__()
        self.side, self.stride, self.linear, self.deep = side, stride, linear, deep
        plain = side // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(inside, outside, side, stride, plain, groups=inside if deep else 1, bias=False)
        self.norm = nn.BatchNorm2d(outside, momentum=0.05)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.stride > 1:
            x = functional.pad(x, (0, _surplus(x.shape[3], self.side), 0, _surplus(x.shape[2], self.side)))
        x = self.norm(self.conv(x))
        return x if self.linear else functional.relu(x)

    def folded(self) -> list[np.ndarray]:
        """Keras kernel and bias, with the batch norm folded in."""
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        kernel = (self.conv.weight * scale[:, None, None, None]).detach()
        bias = (self.norm.bias - self.norm.running_mean * scale).detach()
        return [kernel.permute(2, 3, 0, 1) if self.deep else kernel.permute(2, 3, 1, 0), bias]


class Separable(nn.Module):
    """A depthwise 3x3 and a 1x1 convolution; with `keep`, added to what came in."""

    def __init__(self, inside: int, outside: int, stride: int = 1, *, keep: bool = False) -> None:
        super().__init__()
        self.keep = keep
        self.deep = Conv(inside, inside, 3, stride, linear=True, deep=True)
        self.mix = Conv(inside, outside, 1, linear=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.mix(self.deep(x))
        return functional.relu(x + y if self.keep else y)


class Head(nn.Module):
    """Score, box and landmarks of one stride; with `twice`, landmarks from a second convolution."""

    def __init__(self, channels: int, twice: bool) -> None:
        super().__init__()
        self.first = Separable(channels, channels)
        self.second = Separable(channels, channels) if twice else nn.Identity()
        self.outs = nn.ModuleDict({kind: nn.Conv2d(channels, size, 1) for kind, size in KINDS.items()})
        nn.init.constant_(self.outs["score"].bias, INITIAL_LOGIT)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = self.first(x)
        kinds = {"score": x, "box": x, "landmarks": self.second(x)}
        with torch.autocast(x.device.type, enabled=False):  # places need more digits than bfloat16 has
            return [out(kinds[kind].float()) for kind, out in self.outs.items()]


class FaceNet(nn.Module):
    """Gray pictures float [n, 1, H, W], (gray - 128) / 128, to nine maps: score, box, landmarks of each stride."""

    def __init__(
        self,
        widths: Sequence[int] = WIDTHS,
        depths: Sequence[int] = DEPTHS,
        neck: int = NECK,
        twice: Collection[int] = TWICE,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            Conv(1, widths[0], FIRST_SIDE, 2),
            Conv(widths[0], widths[1], 3, 2),
            Separable(widths[1], widths[1], keep=True),
        )
        self.stages = nn.ModuleList(
            nn.Sequential(Separable(a, b, 2), *(Separable(b, b, keep=True) for _ in range(depth)))
            for (a, b), depth in zip(itertools.pairwise(widths[1:]), depths, strict=True)
        )
        self.laterals = nn.ModuleList(Conv(width, neck, 1) for width in widths[2:])
        self.heads = nn.ModuleList(Head(neck, stride in twice) for stride in STRIDES)

    @classmethod
    def of(cls, weights: Mapping[str, torch.Tensor]) -> FaceNet:
        """The net that has these weights, whatever its widths."""
        mixes = [key for key in weights if key.startswith("stages") and key.endswith("mix.conv.weight")]
        depths = [sum(key.startswith(f"stages.{stage}.") for key in mixes) - 1 for stage in range(len(STRIDES))]
        widths = [len(weights[f"stem.{layer}.conv.weight"]) for layer in range(2)]
        widths += [len(weights[f"stages.{stage}.0.mix.conv.weight"]) for stage in range(len(STRIDES))]
        twice = [s for head, s in enumerate(STRIDES) if f"heads.{head}.second.mix.conv.weight" in weights]
        net = cls(widths, depths, len(weights["laterals.0.conv.weight"]), twice)
        net.load_state_dict(weights)
        return net

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = self.stem(x)
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        merged = [lateral(level) for lateral, level in zip(self.laterals, levels, strict=True)]
        for fine in range(len(merged) - 2, -1, -1):
            above = functional.interpolate(merged[fine + 1], scale_factor=2)
            rows, columns = merged[fine].shape[2:]
            merged[fine] = merged[fine] + above[:, :, :rows, :columns]
        return [out for head, level in zip(self.heads, merged, strict=True) for out in head(level)]


def _surplus(length: int, side: int) -> int:
    """Padding that halves `length` upwards: 1 where it is even (as TensorFlow's "same" has it), 2 where it is odd."""
    return max((-(-length // 2) - 1) * 2 + side - length, 0)


# --- Loss ------------------------------------------------------------------------------------------------------


NARROWEST = 0.2  # of a face's width, between its eyes, for the loss of its landmarks


def losses(outputs: Sequence[torch.Tensor], scenes: Scenes, cells: Cells) -> tuple[tuple[torch.Tensor, ...], Lesson]:
    """Score, box and landmark loss, each a mean over the taught cells, and what the cells were taught.

    Landmarks count as they are measured: the distance to each, in distances between the eyes; those of a mean shape
    do not count.
    """
    scores, codes, points = flatten(outputs)
    drawn = cells.corners(codes)
    lesson = assign(scores.detach(), drawn.detach(), scenes, cells)
    rows = torch.arange(len(scores), device=scores.device)[:, None]
    overlap, generalised = overlaps(drawn, boxes_to_corners(scenes.boxes[rows, lesson.face]))
    taught = lesson.taught.float()
    count = taught.sum().clamp(min=1)
    quality = taught * overlap.detach() ** SURENESS
    gap = (quality - scores.sigmoid()).square()
    entropy = functional.binary_cross_entropy_with_logits(scores, quality, reduction="none")
    score_loss = (lesson.counts * gap * entropy).sum() / count
    box_loss = (taught * (1 - generalised)).sum() / count
    marked = taught * scenes.placed[rows, lesson.face]
    truth = scenes.points[rows, lesson.face]
    unit = (UNIT_STRIDES * cells.strides)[:, None, None]
    found = points.unflatten(-1, (5, 2)) * unit + cells.centres[:, None]
    between_eyes = (truth[..., 0, :] - truth[..., 1, :]).norm(dim=-1)
    width = scenes.boxes[rows, lesson.face][..., 2]
    scale = torch.maximum(between_eyes, NARROWEST * width).clamp(min=1)  # from the side both eyes are in one place
    misses = ((found - truth).square().sum(-1) + 1e-6).sqrt().mean(-1) / scale
    return (score_loss, box_loss, (marked * misses).sum() / marked.sum().clamp(min=1)), lesson


Flat = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def distance(own: Flat, teachers: Flat) -> torch.Tensor:
    """How far flat outputs are from a teacher's, a mean over the cells in which the teacher sees a face."""
    sure = teachers[0].sigmoid()
    weight = sure**2
    gap = (sure - own[0].sigmoid()).square()
    score = (gap * functional.binary_cross_entropy_with_logits(own[0], sure, reduction="none")).sum()
    box = (weight * (own[1] - teachers[1]).abs().mean(-1)).sum()
    points = (weight * (own[2] - teachers[2]).abs().mean(-1)).sum()
    return (score + 2 * box + 4 * points) / weight.sum().clamp(min=1)


# --- Keras -----------------------------------------------------------------------------------------------------


def output_names() -> list[str]:
    """The names of the nine outputs in the network's order, as the device looks for them in the card."""
    return [f"{kind}_{stride}" for stride in STRIDES for kind in KINDS]


def to_keras(net: FaceNet, height: int, width: int) -> Any:
    """The same function as a Keras model with a fixed input, float [n, height, width, 1]."""
    import keras

    net = net.eval().cpu()
    image = keras.Input((height, width, 1), name="image")
    x = _separate(_convolve(_begin(image, net.stem[0]), net.stem[1]), net.stem[2])
    merged = []
    for stage, lateral in zip(net.stages, net.laterals, strict=True):
        for part in stage:
            x = _separate(x, part)
        merged.append(_convolve(x, lateral))
    for fine in range(len(merged) - 2, -1, -1):
        above = keras.layers.Lambda(_double)(merged[fine + 1])
        surplus = [a - b for a, b in zip(above.shape[1:3], merged[fine].shape[1:3], strict=True)]
        if any(surplus):  # 240 rows are 7.5 cells of 32: half of the eighth row lies outside
            above = keras.layers.Cropping2D(((0, surplus[0]), (0, surplus[1])))(above)
        merged[fine] = keras.layers.Add()([merged[fine], above])
    outputs = []
    for head, level in zip(net.heads, merged, strict=True):
        first = _separate(level, head.first)
        second = _separate(first, head.second) if isinstance(head.second, Separable) else first
        outputs += [_project(second if kind == "landmarks" else first, out) for kind, out in head.outs.items()]
    return keras.Model(image, outputs)


def _begin(image: Any, conv: Conv) -> Any:
    """The first convolution, on blocks of 2x2 pixels: the same sums."""
    import keras

    blocks = keras.layers.Lambda(_blocks)(image)
    layer = keras.layers.Conv2D(conv.conv.out_channels, FIRST_SIDE // 2, padding="same", activation="relu")
    x = layer(blocks)
    kernel, bias = (np.asarray(part) for part in conv.folded())
    outside = kernel.shape[-1]
    kernel = kernel[:, :, 0].reshape(2, 2, 2, 2, outside).transpose(0, 2, 1, 3, 4).reshape(2, 2, 4, outside)
    layer.set_weights([np.ascontiguousarray(kernel), bias])
    return x


def _blocks(x: Any) -> Any:
    import tensorflow as tf

    return tf.nn.space_to_depth(x, 2)


def _double(x: Any) -> Any:
    """Every pixel four times, by operations that XNNPACK runs; Keras's own layer leaves it twice a picture."""
    import tensorflow as tf

    return tf.nn.depth_to_space(tf.concat([x] * 4, -1), 2)


def _separate(x: Any, part: Separable) -> Any:
    import keras

    y = _convolve(_convolve(x, part.deep), part.mix)
    return keras.layers.ReLU()(keras.layers.Add()([x, y]) if part.keep else y)


def _convolve(x: Any, conv: Conv) -> Any:
    import keras

    padding, activation = "same", None if conv.linear else "relu"
    rows, columns = x.shape[1:3]
    if conv.stride > 1 and (rows % 2 or columns % 2):  # "same" would pad on both sides
        below, right = _surplus(rows, conv.side), _surplus(columns, conv.side)
        x, padding = keras.layers.ZeroPadding2D(((0, below), (0, right)))(x), "valid"
    if conv.deep:
        layer = keras.layers.DepthwiseConv2D(conv.side, conv.stride, padding=padding, activation=activation)
    else:
        outside = conv.conv.out_channels
        layer = keras.layers.Conv2D(outside, conv.side, conv.stride, padding=padding, activation=activation)
    x = layer(x)
    kernel, bias = (np.ascontiguousarray(part) for part in conv.folded())
    layer.set_weights([kernel, bias])
    return x


def _project(x: Any, conv: nn.Conv2d) -> Any:
    import keras

    layer = keras.layers.Conv2D(conv.out_channels, 1)
    x = layer(x)
    layer.set_weights([conv.weight.detach().permute(2, 3, 1, 0).numpy(), conv.bias.detach().numpy()])
    return x
