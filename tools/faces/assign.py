"""Which cells of the net learn which face: the training side of the code that device/perception/faces.py reads.

Every cell near a face's centre, on a stride that can draw its size, is a candidate; the face goes to those that draw
it best already, as many as their boxes overlap it in sum (SimOTA, Ge et al. 2021, arXiv:2107.08430). So a face of ten
pixels is taught to one or two cells and a large one to ten, without a table of who answers for which size. Batched,
on any device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from device.perception.cells import UNIT_STRIDES, cell_centres
from device.perception.faces import STRIDES
from tools.faces.album import FACE, IGNORED
from tools.faces.compose import Scenes

REACH = (0.35, 0.6, 1.5)  # from the centre: a share of the side, but so many strides at least and at most
LEAST, MOST = 1.75, 11.0  # sizes of a face in strides, but for the finest and the coarsest
MOST_CELLS = 10
BOX_COST = 3.0
FAR = 1e4


@dataclass(slots=True)
class Cells:
    """All cells of a picture: centres float [A, 2] in pixels and strides float [A]."""

    centres: torch.Tensor
    strides: torch.Tensor

    @classmethod
    def of(cls, height: int, width: int, device: torch.device) -> Cells:
        """A side that is no multiple of a stride gets one more cell."""
        grids = [(stride, -(-height // stride), -(-width // stride)) for stride in STRIDES]
        centres = [torch.from_numpy(cell_centres(rows, columns, s).reshape(-1, 2)) for s, rows, columns in grids]
        strides = [torch.full((rows * columns,), float(s)) for s, rows, columns in grids]
        return cls(torch.cat(centres).to(device), torch.cat(strides).to(device))

    def corners(self, codes: torch.Tensor) -> torch.Tensor:
        """Boxes left, top, right, bottom in pixels from the net's codes [B, A, 4]."""
        middle = self.centres + codes[..., :2] * self.strides[:, None]
        half = codes[..., 2:].clamp(-5, 5).exp() * (UNIT_STRIDES / 2 * self.strides[:, None])
        return torch.cat([middle - half, middle + half], -1)


@dataclass(slots=True)
class Lesson:
    """For each cell [B, A]: whether it is taught a face, which, and whether its score counts at all."""

    taught: torch.Tensor
    face: torch.Tensor
    counts: torch.Tensor


@torch.no_grad()
def assign(scores: torch.Tensor, drawn: torch.Tensor, scenes: Scenes, cells: Cells) -> Lesson:
    """`scores` are logits [B, A], `drawn` the net's boxes as corners [B, A, 4]."""
    boxes, real = scenes.boxes, scenes.kinds == FACE
    offsets = _offsets(boxes, cells)
    near = _near(boxes, offsets, cells) & real[..., None]
    overlap = _every_overlap(boxes_to_corners(boxes), drawn) * near
    wrong = torch.nn.functional.softplus(-scores)[:, None] - BOX_COST * (overlap + 1e-6).log()
    cost = torch.where(near, wrong, FAR)
    most = min(MOST_CELLS, cost.shape[2])
    wanted = overlap.topk(most, dim=2).values.sum(2).long().clamp(1, most)
    cheapest = cost.topk(most, dim=2, largest=False)
    chosen = (torch.arange(most, device=cost.device) < wanted[..., None]) & (cheapest.values < FAR)
    picked = torch.zeros_like(near).scatter_(2, cheapest.indices, chosen)
    face = torch.where(picked, cost, FAR).argmin(1)  # where two want a cell, the one that it draws better
    taught = picked.any(1)
    ignored = _inside(boxes, offsets, cells) & (scenes.kinds == IGNORED)[..., None]
    return Lesson(taught, face, taught | ~ignored.any(1))


def boxes_to_corners(boxes: torch.Tensor) -> torch.Tensor:
    """Left, top, width, height to left, top, right, bottom."""
    return torch.cat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], -1)


def overlaps(one: torch.Tensor, other: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Intersection over union of corners [..., 4], and its generalised form (Rezatofighi et al. 2019,
    arXiv:1902.09630)."""
    shared = _area(torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2]))
    hull = _area(torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2]))
    union = _area(one[..., 2:] - one[..., :2]) + _area(other[..., 2:] - other[..., :2]) - shared
    overlap = shared / (union + 1e-6)
    return overlap, overlap - (hull - union) / (hull + 1e-6)


def _area(sides: torch.Tensor) -> torch.Tensor:
    return sides.clamp(min=0).prod(-1)


def _every_overlap(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Intersection over union of each corners [B, F, 4] with each [B, A, 4]: [B, F, A], a side at a time, which on a
    processor takes half as long."""
    a, b = one[:, :, None].unbind(-1), other[:, None].unbind(-1)
    shared = _length(torch.maximum(a[0], b[0]), torch.minimum(a[2], b[2]))
    shared *= _length(torch.maximum(a[1], b[1]), torch.minimum(a[3], b[3]))
    areas = _area(one[..., 2:] - one[..., :2])[:, :, None] + _area(other[..., 2:] - other[..., :2])[:, None]
    return shared / (areas - shared + 1e-6)


def _length(near: torch.Tensor, far: torch.Tensor) -> torch.Tensor:
    return (far - near).clamp_(min=0)


def _offsets(boxes: torch.Tensor, cells: Cells) -> tuple[torch.Tensor, torch.Tensor]:
    """How far each cell is from each face's centre, across and down, [B, F, A] each, without sign."""
    across, down = (boxes[..., side, None] + boxes[..., side + 2, None] / 2 - cells.centres[:, side] for side in (0, 1))
    return across.abs_(), down.abs_()


def _near(boxes: torch.Tensor, offsets: tuple[torch.Tensor, torch.Tensor], cells: Cells) -> torch.Tensor:
    """Bool [B, F, A]: candidates."""
    share, least, most = REACH
    strides = cells.strides
    size = boxes[..., 2:].prod(-1).clamp(min=0).sqrt()[..., None] / strides
    near = (size < MOST) | (strides == STRIDES[-1])
    near &= (size >= LEAST) | (strides == STRIDES[0])
    for side, offset in zip((2, 3), offsets, strict=True):
        near &= offset <= torch.minimum(torch.maximum(share * boxes[..., side, None], least * strides), most * strides)
    return near


def _inside(boxes: torch.Tensor, offsets: tuple[torch.Tensor, torch.Tensor], cells: Cells) -> torch.Tensor:
    """Bool [B, F, A]: cells in a face's box, one at least."""
    least = 0.51 * cells.strides
    across, down = (
        offset <= torch.maximum(boxes[..., side, None] / 2, least) for side, offset in zip((2, 3), offsets, strict=True)
    )
    return across & down


def flatten(outputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The net's nine maps as logits [B, A], box codes [B, A, 4] and landmark codes [B, A, 10]."""
    scores, boxes, points = (
        torch.cat([x.float().permute(0, 2, 3, 1).flatten(1, 2) for x in outputs[kind::3]], 1) for kind in range(3)
    )
    return scores[..., 0], boxes, points
