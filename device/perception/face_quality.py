"""How certain it is that the emotion of a detected face is recognisable: the product of five factors in [0, 1].

- the detector's score;
- size: 0 up to a height of 12 pixels, 1 from 32 pixels on (the emotion model's 48 x 48 pixels enlarge 32 by half);
- frontality: the distance of the nose from the middle of the eyes, along the line of the eyes and in units of their
  distance, and its relative height between eyes and mouth. In talks, portraits and masked faces (8,879 faces with
  landmarks) 95 of 100 noses are within 0.3 to 0.38 of the middle, and 90 of 100 at 0.47 to 0.76 of the way down; those
  get 1. A nose at 0.7, above the eyes or below the mouth means a profile, which gets 0;
- the share of the box inside the frame, squared, because half a face is worth less than half;
- 0.5 for a first detection: most false detections disappear in the next frame.

Pure.
"""

from __future__ import annotations

import math

from device.domain import Face

FULL_TURN, NO_TURN = 0.35, 0.7
FIRST_SIGHT = 0.5


def certainty(face: Face, width: int, height: int, sightings: int = 2) -> float:
    """In [0, 1], for a face in a frame of `width` x `height` pixels, after `sightings` detections."""
    known = 1.0 if sightings > 1 else FIRST_SIGHT
    product = known * face.score * size_share(face) * frontality(face) * inside(face, width, height) ** 2
    return min(max(product, 0.0), 1.0)


def size_share(face: Face) -> float:
    """0 up to a height of 12 pixels, 1 from 32 on."""
    return ramp(face.h, 12.0, 32.0)


def frontality(face: Face) -> float:
    """1 for a face that looks roughly at the camera, 0 for a profile. Tilting the head changes nothing."""
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    across_x, across_y = left_eye[0] - right_eye[0], left_eye[1] - right_eye[1]
    distance = math.hypot(across_x, across_y)
    if distance < 1e-6:
        return 0.0
    across_x, across_y = across_x / distance, across_y / distance
    eyes_x, eyes_y = (right_eye[0] + left_eye[0]) / 2, (right_eye[1] + left_eye[1]) / 2

    def seen_from_eyes(x: float, y: float) -> tuple[float, float]:
        """The coordinates along the line of the eyes, and down from it."""
        return (
            (x - eyes_x) * across_x + (y - eyes_y) * across_y,
            (y - eyes_y) * across_x - (x - eyes_x) * across_y,
        )

    aside, nose_down = seen_from_eyes(*nose)
    _, mouth_down = seen_from_eyes((right_mouth[0] + left_mouth[0]) / 2, (right_mouth[1] + left_mouth[1]) / 2)
    if mouth_down < 1e-6:
        return 0.0
    turn = 1.0 - ramp(abs(aside) / distance, FULL_TURN, NO_TURN)
    down = nose_down / mouth_down
    return turn * ramp(down, 0.0, 0.4) * (1.0 - ramp(down, 0.8, 1.0))


def inside(face: Face, width: int, height: int) -> float:
    """The share of the box that lies inside the frame."""
    across = min(face.x + face.w, width) - max(face.x, 0.0)
    down = min(face.y + face.h, height) - max(face.y, 0.0)
    area = face.w * face.h
    return max(across, 0.0) * max(down, 0.0) / area if area > 0 else 0.0


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, linear in between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)
