"""Detects faces in gray pictures with our int8 model: boxes, scores and five landmarks. Runs on the eye's thread.

The network has a fixed input size; pictures are scaled to fit, and the boxes are mapped back. It has a grid of cells at
each of three strides. Each cell gives a score for a face centre nearby, and the offsets of the box and the landmarks
(FCOS, Tian et al. 2019, arXiv:1904.01355). Cells of the same face are merged by averaging their boxes and landmarks,
which also steadies them (BlazeFace, Bazarevsky et al. 2019, arXiv:1907.05047). Reads only the model files, once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self, cast

import cv2
import numpy as np
import numpy.typing as npt

from device.domain import Face
from device.errors import ModelError
from device.model import Float32Array, Model
from device.perception.cells import Grid
from device.perception.frame import Gray
from device.perception.frame_levels import UNCHANGED, levels

STRIDES = (8, 16, 32)
KINDS = {"score": 1, "box": 4, "landmarks": 10}
SMALLEST_SIDE_PX = 16
PAD_GRAY = 128
NARROWEST_PX = 17.0
"""Of a face at the network's size. What looks narrower is more often wrong than right, and too small to be read."""

SAME_FACE_OVERLAP = 0.45
"""Two boxes with a greater overlap (intersection over union) are the same face. Chosen on the validation pictures and
the hard set; plain and soft suppression give worse landmarks, and soft suppression finds no more faces."""

SURER = 4
"""Cells of one face are averaged by this power of their scores. Chosen on real scenes that training does not see."""


class FaceDetector:
    """Detects faces from a width of about 20 pixels, none below 17, in a picture of 320x240. One thread owns it."""

    def __init__(self, model: Model, threshold: float) -> None:
        if not 0.0 < threshold < 1.0:
            raise ValueError(f"a threshold is between 0 and 1, not {threshold}")
        self.threshold = threshold
        self._model = model
        self._height, self._width = _input_side(model)
        self._grid = Grid(model.card.outputs, _output_order(model), threshold)
        self._stored = _stored_values(model)
        self._shifts = bool((self._stored == np.arange(-128, 128)).all())
        self._canvas = np.empty((1, self._height, self._width, 1), np.int8)

    @classmethod
    def load(cls, models_dir: Path, *, threads: int = 1, threshold: float | None = None) -> Self:
        """Load `face_detector` from `models_dir`; `threshold` overrides the card's.

        Raises ModelError if the model is unusable.
        """
        model = Model.load(models_dir, "face_detector", threads=threads)
        return cls(model, model.card.number("threshold", 0.01, 0.99) if threshold is None else threshold)

    def find(self, gray: Gray) -> list[Face]:
        """The faces in uint8[H, W], best score first, in pixels of that picture; boxes may extend beyond its edges.

        Raises ValueError for anything but a gray uint8 picture of at least 16x16 pixels.
        """
        _check(gray)
        gray = np.ascontiguousarray(gray)  # OpenCV accepts no strided view
        scale = min(self._height / gray.shape[0], self._width / gray.shape[1])
        outputs = self._model.run_stored(self._prepare(gray, scale))
        rows = merge(self._grid.decode(outputs))
        return _faces(rows[rows[:, 3] - rows[:, 1] >= NARROWEST_PX], scale)

    def close(self) -> None:
        """Free the model. Idempotent."""
        self._model.close()

    def _prepare(self, gray: Gray, scale: float) -> npt.NDArray[np.int8]:
        rows = max(1, min(self._height, round(gray.shape[0] * scale)))
        columns = max(1, min(self._width, round(gray.shape[1] * scale)))
        if gray.shape != (rows, columns):
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            gray = cast(Gray, cv2.resize(gray, (columns, rows), interpolation=way))
        table = levels(gray)
        canvas = self._canvas[0, :, :, 0]
        if gray.shape != canvas.shape:
            canvas[:] = self._stored[PAD_GRAY]
        part = canvas[:rows, :columns]
        if table is UNCHANGED and self._shifts:
            np.bitwise_xor(gray, np.uint8(128), out=part.view(np.uint8))  # minus 128, as int8
        else:
            part[:] = cv2.LUT(gray, self._stored[table].view(np.uint8)).view(np.int8)
        return self._canvas


def _check(gray: Gray) -> None:
    if not isinstance(gray, np.ndarray):
        raise ValueError(f"A frame must be a numpy array, not {type(gray).__name__}.")
    if gray.ndim != 2:
        raise ValueError(f"A frame must be gray with shape [height, width], not {list(gray.shape)}.")
    if gray.dtype != np.uint8:
        raise ValueError(f"A frame must be uint8 (0 to 255), not {gray.dtype}.")
    if min(gray.shape) < SMALLEST_SIDE_PX:
        raise ValueError(
            f"A frame of {gray.shape[1]}x{gray.shape[0]} pixels is too small for face detection; "
            f"it needs {SMALLEST_SIDE_PX}x{SMALLEST_SIDE_PX} at least."
        )


def merge(found: Float32Array) -> Float32Array:
    """One row per face, best score first: the average of its cells, with the score of the best one.

    `found` are rows from `Grid.decode`: score, left, top, right, bottom, landmarks. A cell belongs to the face with the
    best score that it overlaps.
    """
    if len(found) < 2:
        return found
    faces, best = _meant(found[:, :5].tolist())
    shares = np.zeros((len(best), len(found)), np.float32)
    shares[faces, np.arange(len(found))] = found[:, 0] ** SURER
    merged = (shares @ found) / shares.sum(axis=1, keepdims=True)
    merged[:, 0] = found[best, 0]
    return np.asarray(merged)


def _meant(cells: list[list[float]]) -> tuple[list[int], list[int]]:
    """Which face each cell means, and each face's surest cell. For a few cells plain floats are faster than arrays."""
    faces, best = [0] * len(cells), list[int]()
    for cell in sorted(range(len(cells)), key=lambda cell: -cells[cell][0]):
        for face, surest in enumerate(best):
            if _same(cells[surest], cells[cell]):
                faces[cell] = face
                break
        else:
            faces[cell] = len(best)
            best.append(cell)
    return faces, best


def _same(one: list[float], other: list[float]) -> bool:
    """Whether two cells' boxes overlap so far that they mean the same face: shared / (sum - shared) is the overlap."""
    _, left, top, right, bottom = one
    _, left_too, top_too, right_too, bottom_too = other
    wide = min(right, right_too) - max(left, left_too)
    if wide <= 0:
        return False
    high = min(bottom, bottom_too) - max(top, top_too)
    areas = (right - left) * (bottom - top) + (right_too - left_too) * (bottom_too - top_too)
    return high > 0 and wide * high * (1 + SAME_FACE_OVERLAP) > SAME_FACE_OVERLAP * areas


def _faces(rows: Float32Array, scale: float) -> list[Face]:
    """Merged rows as faces, in pixels of a picture that was scaled by `scale`."""
    faces = []
    for score, (left, top, right, bottom, *rest) in zip(
        rows[:, 0].tolist(), (rows[:, 1:] / scale).tolist(), strict=True
    ):
        points = list(zip(rest[::2], rest[1::2], strict=True))
        landmarks = (points[0], points[1], points[2], points[3], points[4])
        faces.append(Face(x=left, y=top, w=right - left, h=bottom - top, score=score, landmarks=landmarks))
    return faces


def _input_side(model: Model) -> tuple[int, int]:
    shapes = [tensor.shape for tensor in model.card.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or (shapes[0][0], shapes[0][3]) != (1, 1):
        raise ModelError(f"The face detector takes one gray picture [1, H, W, 1], but its card says {shapes}.")
    return shapes[0][1], shapes[0][2]


def _output_order(model: Model) -> dict[int, list[int]]:
    """The indices of each stride's score, box and landmarks among the model's outputs. Checks their shapes."""
    named = {tensor.name: (place, tensor.shape) for place, tensor in enumerate(model.card.outputs)}
    height, width = _input_side(model)
    order: dict[int, list[int]] = {stride: [] for stride in STRIDES}
    for stride in STRIDES:
        for kind, size in KINDS.items():
            expected = (1, -(-height // stride), -(-width // stride), size)
            place, shape = named.get(f"{kind}_{stride}", (-1, ()))
            if shape != expected:
                raise ModelError(
                    f"The face detector needs an output {kind}_{stride} of shape {list(expected)}, but its card says "
                    f"{list(shape) or 'nothing'}; install the models again."
                )
            order[stride].append(place)
    return order


def _stored_values(model: Model) -> npt.NDArray[np.int8]:
    """The int8 value of each of the 256 grays; the network was trained on (gray - 128) / 128."""
    tensor = model.card.inputs[0]
    real = (np.arange(256) - 128) / 128
    return np.asarray(np.clip(np.round(real / tensor.scale) + tensor.zero_point, -128, 127), np.int8)
