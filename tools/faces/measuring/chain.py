"""Proves the chain from frame to emotion: labelled faces are pasted into scenes, found, cut out and read again.

The accuracy on faces that the detector found is held against the accuracy on the very same faces given directly. Each
face is pasted at several sizes and in two lights, a little turned, into a real room without faces, 320x240. Its own
48x48 pixels stay whole: the edge is carried on outwards, blurred, and only there fades into the background. `placed`
cuts with the true landmarks instead of found ones, which tells what turning and sampling cost without the detector.

The same run measures where the detector's landmarks lie in such faces (`framing`): device/perception/crop.py frames
what it cuts by these constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from device.domain import Face
from device.perception import crop
from tools.faces.measuring.sets import HEIGHT_PX, WIDTH_PX
from tools.labelled.boxes import Picture
from tools.labelled.emotions import LabelledFaces

LIGHTS = {"day": 1.0, "dim": 0.3}  # what the frame is multiplied by
DIM_NOISE = 2.0  # standard deviation of the noise in a dim frame, in grays
SIDES_PX = (48, 72, 96, 144)  # of the whole 48x48 crop; the face in it is a little narrower
ROLL_DEGREES = 8.0
MARGIN_PX = 14  # of the crop, over which its edge fades away
NEAR = 0.25  # of a side: what is found farther from the face's middle is something else
SIZES = (0.5, 1.4)  # of a side: and what is smaller or larger too
FRAMED_FROM_PX = 96  # smaller faces tell too little of where landmarks are

Find = Callable[[npt.NDArray[np.uint8]], Sequence[Face]]
Score = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one pasted face: the classes read from it, -1 where it was not found; landmarks in the crop."""

    side_px: int
    light: str
    truth: int
    direct: int
    placed: int
    found: int
    landmarks: npt.NDArray[np.float64] | None = None
    box_px: tuple[float, float, float] | None = None  # middle x, y and square root of the area


def measure_chain(
    find: Find,
    score: Score,
    faces: LabelledFaces,
    backgrounds: Sequence[Picture],
    counted: Callable[[Sequence[int]], Iterable[int]] = lambda numbers: numbers,
) -> dict[str, Any]:
    """Figures as plain JSON values, over the faces that have a majority emotion; `counted` may tell how far it is.

    Raises ValueError if there are no such faces or no backgrounds.
    """
    truth = faces.majority()
    clear = np.flatnonzero(truth >= 0).tolist()
    if not clear or not backgrounds:
        raise ValueError("To prove the chain takes faces with a majority emotion, and pictures without faces.")
    grounds = [_cover(picture.gray) for picture in backgrounds]
    done = [
        one
        for number in counted(clear)
        for one in follow(find, score, faces.faces[number], int(truth[number]), grounds, number)
    ]
    sides = {str(side): summarise([one for one in done if one.side_px == side]) for side in SIDES_PX}
    lights = {light: summarise([one for one in done if one.light == light]) for light in LIGHTS}
    return {**summarise(done), "by_side_px": sides, "by_light": lights, "framing": framing(done)}


def follow(
    find: Find,
    score: Score,
    face: npt.NDArray[np.uint8],
    truth: int,
    grounds: Sequence[npt.NDArray[np.uint8]],
    number: int,
) -> list[Outcome]:
    """One face through the chain at every size; the odd ones in dim light."""
    direct, light = int(score(face).argmax()), list(LIGHTS)[number % 2]
    outcomes = []
    for side in SIDES_PX:
        random = np.random.default_rng((411, number, side))
        frame, matrix = paste(random, face, grounds[random.integers(len(grounds))], side)
        frame = dim(random, frame, LIGHTS[light])
        placed = int(score(crop.align(frame, _true_face(matrix))).argmax())
        seen = pick(find(frame), matrix, side)
        if seen is None:
            outcomes.append(Outcome(side, light, truth, direct, placed, -1))
            continue
        back = cv2.invertAffineTransform(matrix)
        middle = back[:, :2] @ [seen.x + seen.w / 2, seen.y + seen.h / 2] + back[:, 2]
        size = math.sqrt(max(0.0, seen.w * seen.h)) * crop.SIDE_PX / side
        found = int(score(crop.align(frame, seen)).argmax())
        points = np.asarray(seen.landmarks) @ back[:, :2].T + back[:, 2]
        outcomes.append(
            Outcome(side, light, truth, direct, placed, found, points, (float(middle[0]), float(middle[1]), size))
        )
    return outcomes


def paste(
    random: np.random.Generator, face: npt.NDArray[np.uint8], ground: npt.NDArray[np.uint8], side: int
) -> tuple[npt.NDArray[np.uint8], Matrix]:
    """The frame uint8[240, 320] with the face uint8[48, 48] in it, and the matrix [2, 3] from face to frame."""
    wide = cv2.copyMakeBorder(face, *[MARGIN_PX] * 4, cv2.BORDER_REPLICATE).astype(np.float32)
    inside = np.zeros(wide.shape, np.float32)
    inside[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX] = 1
    wide = inside * wide + (1 - inside) * cv2.GaussianBlur(wide, (0, 0), MARGIN_PX / 4)
    far = cv2.distanceTransform((1 - inside).astype(np.uint8), cv2.DIST_L2, 3)
    share = np.clip(1 - far / (MARGIN_PX - 1), 0, 1).astype(np.float32)
    matrix = _matrix(random, side)
    shifted = matrix.copy()
    shifted[:, 2] -= matrix[:, :2] @ [MARGIN_PX, MARGIN_PX]
    size = (WIDTH_PX, HEIGHT_PX)
    pixels = cv2.warpAffine(wide, shifted, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(share, shifted, size, flags=cv2.INTER_LINEAR)
    frame = ground + (pixels - ground) * share
    return np.clip(np.round(frame), 0, 255).astype(np.uint8), matrix


def dim(random: np.random.Generator, frame: npt.NDArray[np.uint8], light: float) -> npt.NDArray[np.uint8]:
    """The frame in less light, with the noise that comes with it."""
    if light == 1:
        return frame
    darker = frame * light + random.normal(0, DIM_NOISE, frame.shape)
    return np.clip(np.round(darker), 0, 255).astype(np.uint8)


def pick(found: Sequence[Face], matrix: Matrix, side: int) -> Face | None:
    """The surest of the found faces that is the pasted one."""
    middle = matrix[:, :2] @ crop.BOX_CENTRE_PX + matrix[:, 2]
    for face in sorted(found, key=lambda one: -one.score):
        apart = math.dist(middle, (face.x + face.w / 2, face.y + face.h / 2))
        if apart < NEAR * side and SIZES[0] * side < math.sqrt(max(0.0, face.w * face.h)) < SIZES[1] * side:
            return face
    return None


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Shares in [0, 1], and differences to the same faces given directly in percentage points (below 0: worse)."""
    seen = [one for one in outcomes if one.found >= 0]
    direct, found = _share(seen, "direct"), _share(seen, "found")
    return {
        "faces": len(outcomes),
        "share_found": round(len(seen) / max(1, len(outcomes)), 4),
        "accuracy_direct": _share(outcomes, "direct"),
        "accuracy_placed": _share(outcomes, "placed"),
        "accuracy_found": found,
        "accuracy_direct_of_found": direct,
        "difference_points": None if found is None or direct is None else round(100 * (found - direct), 2),
        "accuracy_misses_wrong": _share(outcomes, "found"),
    }


def framing(outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
    """Medians of where landmarks and boxes lie in the crop's pixels, beside the constants that the device cuts by."""
    large = [one for one in outcomes if one.landmarks is not None and one.side_px >= FRAMED_FROM_PX]
    if not large:
        return None
    points = np.array([one.landmarks for one in large])
    eyes, mouth = points[:, :2].mean(1), points[:, 3:].mean(1)
    across = points[:, 1] - points[:, 0]
    sizes = np.hypot(np.hypot(*across.T), np.hypot(*(mouth - eyes).T))
    boxes = np.array([one.box_px for one in large])
    measured = {
        "centre_px": np.median((eyes + mouth) / 2, axis=0).round(2).tolist(),
        "size_px": round(float(np.median(sizes)), 2),
        "box_px": round(float(np.median(boxes[:, 2])), 2),
        "box_centre_px": np.median(boxes[:, :2], axis=0).round(2).tolist(),
    }
    used = {
        "centre_px": list(crop.CENTRE_PX),
        "size_px": crop.SIZE_PX,
        "box_px": crop.BOX_PX,
        "box_centre_px": list(crop.BOX_CENTRE_PX),
    }
    return {"faces": len(large), "measured": measured, "used": used}


def _matrix(random: np.random.Generator, side: int) -> Matrix:
    """Zoom, roll and a place where the whole face is in the frame."""
    angle = math.radians(random.uniform(-ROLL_DEGREES, ROLL_DEGREES))
    zoom = side / crop.SIDE_PX
    turn = zoom * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    reach = side / 2 * (abs(math.cos(angle)) + abs(math.sin(angle))) + 1
    middle = [random.uniform(reach, WIDTH_PX - reach), random.uniform(reach, HEIGHT_PX - reach)]
    centre = np.full(2, (crop.SIDE_PX - 1) / 2)
    return np.column_stack([turn, middle - turn @ centre])


def _true_face(matrix: Matrix) -> Face:
    """Landmarks from which `align` cuts exactly what was pasted."""
    half = crop.SIZE_PX / math.sqrt(8)
    x, y = crop.CENTRE_PX
    points = [(x - half, y - half), (x + half, y - half), (x, y), (x - half, y + half), (x + half, y + half)]
    moved = [tuple((matrix[:, :2] @ point + matrix[:, 2]).tolist()) for point in points]
    side = crop.BOX_PX * math.hypot(matrix[0, 0], matrix[1, 0])
    return Face(x=0, y=0, w=side, h=side, score=1.0, landmarks=(moved[0], moved[1], moved[2], moved[3], moved[4]))


def _cover(gray: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The background over the whole frame, its longer side cut."""
    zoom = max(HEIGHT_PX / gray.shape[0], WIDTH_PX / gray.shape[1])
    size = (max(WIDTH_PX, round(gray.shape[1] * zoom)), max(HEIGHT_PX, round(gray.shape[0] * zoom)))
    return np.asarray(cv2.resize(gray, size)[:HEIGHT_PX, :WIDTH_PX], np.uint8)


def _share(outcomes: Sequence[Outcome], way: str) -> float | None:
    right = [getattr(one, way) == one.truth for one in outcomes]
    return round(float(np.mean(right)), 4) if right else None
