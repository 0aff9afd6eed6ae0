"""Cut a detected face out of a frame the way FER2013 frames its faces: level, 48x48, gray. Pure; any thread.

The framing was measured with the shipped face detector, on FER2013 training faces pasted into scenes at 96 px and more
(tools/faces/measuring/chain.py; medians of 5,554 detections). The point midway between the eyes and the mouth lies at
(23.8, 27.1) px. The distances from eye to eye and from eyes to mouth are the legs of a right triangle with a hypotenuse
of 25.2 px. The hypotenuse serves as the size of the face, because turning the head shortens only one leg, and nodding
only the other.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from device.domain import Face
from device.perception.frame import Gray

SIDE_PX = 48
CENTRE_PX = (23.8, 27.1)  # midway between eyes and mouth
SIZE_PX = 25.2  # hypotenuse of eye-to-eye and eyes-to-mouth
BOX_PX = 45.0  # square root of width times height of the detector's box, for faces without usable landmarks
BOX_CENTRE_PX = (23.8, 24.0)
FINEST = 8  # the highest oversampling of the crop before it is averaged down


def align(gray: Gray, face: Face) -> Gray:
    """The face as uint8 [48, 48] with level eyes. Outside the frame, the crop repeats the frame's edge.

    `gray` is uint8 [H, W], `face` in its pixels. If all landmarks are on one spot, the box is used instead.
    Raises ValueError for another kind of frame, or for a face whose numbers are not finite.
    """
    if gray.ndim != 2 or gray.dtype != np.uint8 or gray.size == 0:
        raise ValueError(f"A frame is uint8 [H, W], not {gray.dtype} {list(gray.shape)}.")
    if not np.isfinite([face.x, face.y, face.w, face.h, *(side for point in face.landmarks for side in point)]).all():
        raise ValueError(f"The face {face} has coordinates that are not finite.")
    matrix = _to_frame(face)
    finer = max(1, min(FINEST, math.ceil(math.hypot(matrix[0, 0], matrix[1, 0]))))
    step = np.array([[1 / finer, 0, 0.5 / finer - 0.5], [0, 1 / finer, 0.5 / finer - 0.5], [0, 0, 1]])
    side = SIDE_PX * finer
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(gray, matrix @ step, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if finer > 1:
        crop = cv2.resize(crop, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, np.uint8)


def _to_frame(face: Face) -> npt.NDArray[np.float64]:
    """The 2x3 matrix that maps a point of the crop to the frame: rotation, zoom and shift."""
    right_eye, left_eye, _, right_mouth, left_mouth = (np.array(point, float) for point in face.landmarks)
    eyes, mouth = (right_eye + left_eye) / 2, (right_mouth + left_mouth) / 2
    across, down = left_eye - right_eye, mouth - eyes
    size = math.hypot(math.hypot(*across), math.hypot(*down))
    if size < 0.1 * math.sqrt(max(face.w * face.h, 1)):
        centre = np.array([face.x + face.w / 2, face.y + face.h / 2])
        return _similarity(math.sqrt(max(face.w * face.h, 1)) / BOX_PX, 0.0, BOX_CENTRE_PX, centre)
    return _similarity(size / SIZE_PX, math.atan2(across[1], across[0]), CENTRE_PX, (eyes + mouth) / 2)


def _similarity(
    zoom: float, angle: float, crop_px: tuple[float, float], frame_px: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    turn = zoom * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.column_stack([turn, frame_px - turn @ np.array(crop_px)])
