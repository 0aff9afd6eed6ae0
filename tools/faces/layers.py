"""One picture put into a scene: its pixels, and what is left of its labels. Pure; in batches on any device."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch

from tools.faces.album import CORNERS, IGNORED, LEVELS, NOTHING, PAGE, Album

SMALLEST_PX = 13.0  # narrower faces are neither taught nor held against the net; the device drops them under 17
GONE, DOUBTFUL = 0.15, 0.55  # visible shares of a face under which it is not there, or ignored
MIRRORED = [1, 0, 2, 4, 3]  # the landmarks' order after left and right are swapped


@dataclass(slots=True)
class Layer:
    """One picture a scene: which, how it is mapped into the frame (matrix [B, 2, 3]), and where it is cut out.

    `mirror` bool [B]; `degrees` [B]; `scale` [B, 2]; `cut` [B, 4] is an ellipse in the frame (middle, half axes), of
    which the half axes are infinite where the whole picture counts; `shown` bool [B].
    """

    picture: torch.Tensor
    matrix: torch.Tensor
    mirror: torch.Tensor
    degrees: torch.Tensor
    scale: torch.Tensor
    cut: torch.Tensor
    shown: torch.Tensor


def render(album: Album, layer: Layer, grid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The layer's pixels and their share of the frame, [B, H, W] each; `grid` [2, H, W] has x and y of its pixels."""
    turn, shift = layer.matrix[:, :, :2], layer.matrix[:, :, 2]
    back = _inverse(turn)
    origin = -(back @ shift[:, :, None])[..., 0]
    x, y = (
        back[:, axis, 0, None, None] * grid[0] + back[:, axis, 1, None, None] * grid[1]
        + origin[:, axis, None, None]
        for axis in range(2)
    )  # fmt: skip
    size = album.sizes[layer.picture][:, :, None, None]
    inside = (x >= 0) & (y >= 0) & (x < size[:, 0]) & (y < size[:, 1])
    level = (-torch.log2(layer.scale.mean(1)) + 0.35).floor().clamp(0, LEVELS - 1)
    pixels = _sample(album, layer.picture, level, x, y, size)
    wide, high = layer.cut[:, 2, None, None], layer.cut[:, 3, None, None]
    apart = ((grid[0] - layer.cut[:, 0, None, None]) / wide) ** 2
    apart = (apart + ((grid[1] - layer.cut[:, 1, None, None]) / high) ** 2).sqrt()
    apart = torch.where(wide > 1e5, 0.0, apart)
    softness = 0.5 * wide.clamp(max=1e5) * 0.3 + 0.5
    share = ((1 - apart) * softness).clamp(0, 1)
    share = torch.where(wide > 1e5, 1.0, share)
    return pixels, share * inside * layer.shown[:, None, None]


def _sample(
    album: Album, picture: torch.Tensor, level: torch.Tensor, x: torch.Tensor, y: torch.Tensor, size: torch.Tensor
) -> torch.Tensor:
    """Bilinear, edges repeated, from each picture's own level."""
    shrunk = (2.0**level)[:, None, None]
    corner = _corners(picture.device)[level.long()]
    wide, high = (torch.div(size[:, axis], shrunk, rounding_mode="floor").clamp(min=1) for axis in range(2))
    x = torch.minimum((x / shrunk - 0.5).clamp(min=0), wide - 1)
    y = torch.minimum((y / shrunk - 0.5).clamp(min=0), high - 1)
    left, top = x.floor(), y.floor()
    right, below = torch.minimum(left + 1, wide - 1), torch.minimum(top + 1, high - 1)
    columns = [(edge + corner[:, 0, None, None]).long() for edge in (left, right)]
    rows = [(edge + corner[:, 1, None, None]).long() * PAGE[1] for edge in (top, below)]
    pages = album.pages.index_select(0, picture).flatten(1)
    upper, lower = (
        torch.lerp(*(pages.gather(1, (row + column).flatten(1)).view(x.shape).float() for column in columns), x - left)
        for row in rows
    )
    return upper.lerp(lower, y - top)


def label(album: Album, layer: Layer, own: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Boxes, points, kinds and `placed` of the layer's faces in the frame; `own` bool [B, H, W] are its pixels."""
    turn, shift = layer.matrix[:, :, :2], layer.matrix[:, :, 2]
    boxes, points = album.boxes[layer.picture], album.points[layer.picture]
    middle = (boxes[..., :2] + boxes[..., 2:] / 2) @ turn.transpose(1, 2) + shift[:, None]
    sides = boxes[..., 2:] * layer.scale[:, None]
    cos, sin = (part(layer.degrees * math.pi / 180)[:, None].abs() for part in (torch.cos, torch.sin))
    # a face is nearly an ellipse: its new box is the one around the turned ellipse
    wide, high = (
        torch.hypot(sides[..., 0] * cos, sides[..., 1] * sin),
        torch.hypot(sides[..., 0] * sin, sides[..., 1] * cos),
    )
    sides = torch.stack([wide, high], -1)
    boxes = torch.cat([middle - sides / 2, sides], -1)
    points = (points.flatten(1, 2) @ turn.transpose(1, 2) + shift[:, None]).unflatten(1, points.shape[1:3])
    points = torch.where(layer.mirror[:, None, None, None], points[:, :, MIRRORED], points)
    share = _visible(own, boxes)
    kinds = album.kinds[layer.picture]
    ignored = (kinds == IGNORED) | (share < DOUBTFUL) | (boxes[..., 2] < SMALLEST_PX)
    kinds = torch.where(ignored & (kinds != NOTHING), IGNORED, kinds)
    kinds = torch.where((share < GONE) | ~layer.shown[:, None], NOTHING, kinds)
    return boxes, points, kinds, album.placed[layer.picture]


@cache
def _corners(device: torch.device) -> torch.Tensor:
    """Made once, because a copy to a GPU waits for all that runs there."""
    return torch.tensor(CORNERS, device=device)


def _inverse(turn: torch.Tensor) -> torch.Tensor:
    """Of matrices [B, 2, 2]; a library's would check, and so wait for, all that runs on a GPU."""
    (a, b), (c, d) = (row.unbind(1) for row in turn.unbind(1))
    return torch.stack([torch.stack([d, -b], 1), torch.stack([-c, a], 1)], 1) / (a * d - b * c)[:, None, None]


def _visible(own: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """The share of each box, [B, F], that lies in the frame on pixels of its own picture."""
    height, width = own.shape[1:]
    sums = torch.nn.functional.pad(own.float().cumsum(1).cumsum(2), (1, 0, 1, 0)).flatten(1)
    near, far = boxes[..., :2].round().long(), (boxes[..., :2] + boxes[..., 2:]).round().long()
    left, right = (edge[..., 0].clamp(0, width) for edge in (near, far))
    top, bottom = (edge[..., 1].clamp(0, height) for edge in (near, far))

    def at(row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
        return sums.gather(1, row * (width + 1) + column)

    pixels = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)
    area = ((far - near)[..., 0] * (far - near)[..., 1]).clamp(min=1)
    return pixels / area
