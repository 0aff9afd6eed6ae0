"""Makes tight pictures of faces without boxes, such as FER2013's, usable for training the face detector.

Such a set has far more people in it than the videos have: more ages, more expressions, hands before mouths. Boxes and
landmarks are drawn by the detector that is there already (self-training, as in Rosenberg et al. 2005, "Semi-supervised
self-training of object detection models"): each face is enlarged, where the detector is at its best, and only what it
is sure of and finds in the middle is kept. The labels are kept in a file, because training replaces that detector.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from device.domain import Face
from tools.labelled.boxes import Label, Picture
from tools.model.files import write_atomically

ENLARGED = 3
MARGIN = 0.5  # of a side, added around by repeating the edge
SURE = 0.6
BOX_SHARE = (0.6, 1.15)  # of the picture's side: other sizes are a mouth, or a cap

Find = Callable[[np.ndarray], Sequence[Face]]


def label(faces: Iterable[np.ndarray], find: Find) -> dict[int, Label]:
    """Labels of those pictures, uint8[side, side] each, in which `find` sees one face in the middle; by place."""
    found = ((number, _label(gray, find)) for number, gray in enumerate(faces))
    return {number: one for number, one in found if one is not None}


def keep(path: Path, labels: Mapping[int, Label]) -> None:
    """Write the labels as JSON."""
    rows = {number: [*one.box.tolist(), *one.landmarks.ravel().tolist()] for number, one in labels.items()}
    write_atomically(path, json.dumps(rows).encode())


def restore(path: Path, faces: np.ndarray) -> tuple[Picture, ...]:
    """The pictures that were labelled. Raises ValueError if the file does not fit to uint8[n, side, side]."""
    try:
        rows = {int(number): np.array(row, np.float32) for number, row in json.loads(path.read_text()).items()}
        return tuple(_picture(number, faces[number], row) for number, row in rows.items())
    except (OSError, ValueError, IndexError) as error:
        raise ValueError(f"{path} does not hold labels of these faces ({error}); delete it to have it made.") from error


def _picture(number: int, gray: np.ndarray, row: np.ndarray) -> Picture:
    return Picture(f"head {number}", "head", gray, (Label(row[:4], row[4:].reshape(5, 2)),))


def _label(gray: np.ndarray, find: Find) -> Label | None:
    side = gray.shape[0]
    margin = round(side * MARGIN)
    wide = cv2.copyMakeBorder(gray, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    wide = cv2.resize(wide, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    found = [face for face in find(np.asarray(wide, np.uint8)) if face.score >= SURE]
    if len(found) != 1:
        return None
    box = np.array([found[0].x, found[0].y, found[0].w, found[0].h]) / ENLARGED - [margin, margin, 0, 0]
    middle = box[:2] + box[2:] / 2
    if not BOX_SHARE[0] < float(np.sqrt(box[2] * box[3])) / side < BOX_SHARE[1]:
        return None
    if np.abs(middle - side / 2).max() > side / 6:
        return None
    points = np.array(found[0].landmarks) / ENLARGED - margin
    return Label(box.astype(np.float32), points.astype(np.float32))
