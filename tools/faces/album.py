"""All training pictures and their labels as tensors, so that scenes can be composed where the net is trained.

Each picture lies in an atlas page with its halves: level 1, 2 and 3 are shrunk by 2, 4 and 8 (a mipmap, Williams 1983),
so that a picture shown small is averaged and not merely sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from tools.labelled.boxes import Picture

SIDE_PX = 392  # larger pictures are shrunk to fit
LEVELS = 4
CORNERS = ((0, 0), (SIDE_PX, 0), (SIDE_PX, SIDE_PX // 2), (SIDE_PX, 3 * SIDE_PX // 4))  # x, y of each level's place
PAGE = (SIDE_PX, SIDE_PX + SIDE_PX // 2)
MOST_FACES = 100  # pictures with more are left out

NOTHING, FACE, IGNORED = 0, 1, 2


@dataclass(slots=True)
class Album:
    """Tensors of N pictures with at most F faces each, all on one device.

    pages uint8 [N, 392, 588]; sizes float [N, 2]: width, height; boxes float [N, F, 4]: left, top, width, height;
    points float [N, F, 5, 2]; kinds uint8 [N, F]: NOTHING, FACE or IGNORED; placed bool [N, F]: the landmarks are
    real; masked bool [N, F]. `groups` are the places of each source's pictures.
    """

    pages: torch.Tensor
    sizes: torch.Tensor
    boxes: torch.Tensor
    points: torch.Tensor
    kinds: torch.Tensor
    placed: torch.Tensor
    masked: torch.Tensor
    groups: dict[str, torch.Tensor]

    def to(self, device: torch.device) -> Album:
        """The same on another device."""
        tensors = (self.pages, self.sizes, self.boxes, self.points, self.kinds, self.placed, self.masked)
        moved = (tensor.to(device) for tensor in tensors)
        return Album(*moved, groups={name: places.to(device) for name, places in self.groups.items()})


def gather(pictures: Sequence[Picture]) -> Album:
    """Raises ValueError if there is no picture with a face, or none without."""
    pictures = [picture for picture in pictures if len(picture.labels) <= MOST_FACES]
    count, faces = len(pictures), max((len(p.labels) for p in pictures), default=0)
    if not faces or all(picture.labels for picture in pictures):
        raise ValueError("Training takes pictures with faces and pictures without.")
    pages = np.zeros((count, *PAGE), np.uint8)
    sizes = np.zeros((count, 2), np.float32)
    boxes, points = np.zeros((count, faces, 4), np.float32), np.zeros((count, faces, 5, 2), np.float32)
    kinds = np.zeros((count, faces), np.uint8)
    placed, masked = np.zeros((count, faces), bool), np.zeros((count, faces), bool)
    for at, picture in enumerate(pictures):
        by = _lay(pages[at], sizes[at], picture.gray)
        for number, label in enumerate(picture.labels):
            boxes[at, number], points[at, number] = label.box * by, label.landmarks * by
            kinds[at, number] = IGNORED if label.ignored else FACE
            placed[at, number], masked[at, number] = label.placed, label.masked
    groups: dict[str, list[int]] = {}
    for at, picture in enumerate(pictures):
        groups.setdefault(picture.source if picture.labels else "empty", []).append(at)
    tensors = (torch.from_numpy(array) for array in (pages, sizes, boxes, points, kinds, placed, masked))
    return Album(*tensors, groups={name: torch.tensor(places) for name, places in groups.items()})


def _lay(page: np.ndarray, size: np.ndarray, gray: np.ndarray) -> float:
    """Put a picture and its halves on the page; returns the factor by which it was shrunk."""
    by = min(1.0, SIDE_PX / max(gray.shape))
    if by < 1:
        wide, high = (max(1, round(side * by)) for side in gray.shape[::-1])
        gray = cv2.resize(gray, (wide, high), interpolation=cv2.INTER_AREA)
    size[:] = gray.shape[::-1]
    for left, top in CORNERS:
        page[top : top + gray.shape[0], left : left + gray.shape[1]] = gray
        gray = cv2.resize(gray, (max(1, gray.shape[1] // 2), max(1, gray.shape[0] // 2)), interpolation=cv2.INTER_AREA)
    return by
