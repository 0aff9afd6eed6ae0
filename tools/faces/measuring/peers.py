"""Other people's face detectors, wrapped like ours, so that tools/faces/measure.py can put figures beside ours.

For measuring only: their weights are no part of this project and come from a folder that the caller names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from device.domain import Face
from device.model import interpreter_class

Find = Callable[[np.ndarray], Sequence[Face]]

THRESHOLDS = {"yunet_n": 0.7, "yunet_s": 0.7, "blazeface": 0.5}
"""At which their authors draw boxes; YuNet's is also the one at which the data was labelled."""

BLAZEFACE_PX = 128
BLAZEFACE_GRIDS = ((16, 2), (8, 6))  # cells a side, anchors a cell (Bazarevsky et al. 2019, arXiv:1907.05047)
SAME_FACE = 0.3  # intersection over union


def open_peers(folder: Path, threshold: float | None = None) -> dict[str, Find]:
    """Every peer in `folder`, finding down to `threshold` (or its authors'); raises ValueError if there is none."""
    known = {
        "yunet_n": (folder / "yunet_n_dynamic.onnx", _yunet),
        "yunet_s": (folder / "yunet_s_dynamic.onnx", _yunet),
        "blazeface": (folder / "blazeface_short_range.tflite", _blazeface),
    }
    peers = {
        name: wrap(path, THRESHOLDS[name] if threshold is None else threshold)
        for name, (path, wrap) in known.items()
        if path.exists()
    }
    if not peers:
        raise ValueError(f"{folder} has none of {', '.join(path.name for path, _ in known.values())}.")
    return peers


def _yunet(path: Path, threshold: float) -> Find:
    try:
        detector = cv2.FaceDetectorYN.create(str(path), "", (320, 240), threshold)
    except cv2.error as error:
        raise ValueError(
            f"OpenCV {cv2.__version__} cannot open {path.name}; measure beside it with OpenCV 5."
        ) from error

    def find(gray: np.ndarray) -> list[Face]:
        detector.setInputSize((gray.shape[1], gray.shape[0]))
        _, rows = detector.detect(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
        return [_face(row[:4], row[4:14].reshape(5, 2), row[14]) for row in (rows if rows is not None else [])]

    return find


def _blazeface(path: Path, threshold: float) -> Find:
    """Its six landmarks have no mouth corners: both are given as the mouth's middle."""
    interpreter = interpreter_class()(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    image = interpreter.get_input_details()[0]["index"]
    outs = sorted(interpreter.get_output_details(), key=lambda detail: -int(detail["shape"][-1]))
    anchors = np.array(
        [
            ((column + 0.5) / side, (row + 0.5) / side)
            for side, count in BLAZEFACE_GRIDS
            for row in range(side)
            for column in range(side)
            for _ in range(count)
        ],
        np.float32,
    )

    def find(gray: np.ndarray) -> list[Face]:
        longest = max(gray.shape)
        square = np.zeros((longest, longest), np.uint8)
        square[: gray.shape[0], : gray.shape[1]] = gray
        small = cv2.resize(square, (BLAZEFACE_PX, BLAZEFACE_PX), interpolation=cv2.INTER_AREA)
        pixels = np.repeat(small[None, :, :, None].astype(np.float32) / 127.5 - 1, 3, axis=3)
        interpreter.set_tensor(image, pixels)
        interpreter.invoke()
        codes, logits = (interpreter.get_tensor(out["index"])[0] for out in outs)
        scores = 1 / (1 + np.exp(-np.clip(logits[:, 0], -50, 50)))
        sure = np.flatnonzero(scores >= threshold)
        points = codes[sure].reshape(-1, 8, 2) / BLAZEFACE_PX
        points[:, [0, 2, 3, 4, 5, 6, 7]] += anchors[sure][:, None]
        points *= longest
        boxes = np.hstack([points[:, 0] - points[:, 1] / 2, points[:, 1]])
        kept = _suppress(boxes, scores[sure])
        return [_face(boxes[i], points[i][[2, 3, 4, 5, 5]], scores[sure][i]) for i in kept]

    return find


def _suppress(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """Non-maximum suppression: the surest of every heap of boxes."""
    kept: list[int] = []
    for i in np.argsort(-scores):
        if all(_overlap(boxes[i], boxes[k]) < SAME_FACE for k in kept):
            kept.append(int(i))
    return kept


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    wide, high = np.maximum(0, np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2]))
    return float(wide * high / max(1e-9, a[2] * a[3] + b[2] * b[3] - wide * high))


def _face(box: np.ndarray, points: np.ndarray, score: float) -> Face:
    marks = [(float(x), float(y)) for x, y in points]
    x, y, w, h = (float(v) for v in box)
    return Face(x=x, y=y, w=w, h=h, score=float(score), landmarks=(marks[0], marks[1], marks[2], marks[3], marks[4]))
