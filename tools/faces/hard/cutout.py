"""People cut out of photographs, for the hard face set: turned, scaled, masked, and blended into another picture.

Blending is done octave by octave with Laplacian pyramids (Burt and Adelson 1983, "A Multiresolution Spline").
Pictures are float32 of 0 to 255 while they are worked on. Pure numpy and OpenCV.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from tools.labelled.boxes import Label, Picture

LEVELS = 4  # of the blending pyramid

Random = np.random.Generator


def head_and_shoulders(person: Picture) -> Picture:
    """The part of the picture around its one face: other people in it may lack a label."""
    label = person.labels[0]
    x, y, w, h = (float(v) for v in label.box)
    left, top = max(0, round(x - 0.9 * w)), max(0, round(y - 0.6 * h))
    gray = person.gray[top : round(y + 2.4 * h), left : round(x + 1.9 * w)]
    shift = np.array([left, top], np.float32)
    moved = Label(np.concatenate([label.box[:2] - shift, label.box[2:]]), label.landmarks - shift)
    return replace(person, gray=gray, labels=(moved,))


def view(
    person: Picture, size: tuple[int, int], middle: tuple[float, float], width: float, roll: float
) -> tuple[np.ndarray, np.ndarray, Label]:
    """A patch float32 of `size` (wide, high), the face's centre at `middle`; where the picture covers it; the label.

    The box is the one around the turned ellipse that fills the old box.
    """
    label = person.labels[0]
    zoom = width / float(label.box[2])
    angle = math.radians(roll)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = zoom * np.array([[cos, -sin], [sin, cos]])
    centre = label.box[:2] + label.box[2:] / 2
    matrix = np.column_stack([turn, np.asarray(middle) - turn @ centre])
    gray = person.gray.astype(np.float32)
    if zoom < 1:
        gray = cv2.GaussianBlur(gray, (0, 0), 0.5 * math.sqrt(1 / zoom**2 - 1) + 0.01)
    patch = cv2.warpAffine(gray, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones_like(gray), matrix, size, flags=cv2.INTER_LINEAR)
    w, h = (float(v) * zoom for v in label.box[2:])
    extent = np.array([math.hypot(w * cos, h * sin), math.hypot(w * sin, h * cos)])
    box = np.concatenate([np.asarray(middle) - extent / 2, extent]).astype(np.float32)
    return patch, inside, Label(box, (label.landmarks @ turn.T + matrix[:, 2]).astype(np.float32))


def silhouette(label: Label, size: tuple[int, int]) -> np.ndarray:
    """Head with hair, neck and shoulders as a soft mask float32 in [0, 1]."""
    mask = np.zeros(size[::-1], np.float32)
    x, y, w, h = (float(v) for v in label.box)
    middle = (round(x + w / 2), round(y + h * 0.46))
    cv2.ellipse(mask, middle, (round(w * 0.72), round(h * 0.7)), 0, 0, 360, 1.0, -1)
    below = round(y + h * 1.55)
    cv2.ellipse(mask, (middle[0], below + round(h * 0.5)), (round(w * 1.35), round(h * 0.75)), 0, 0, 360, 1.0, -1)
    cv2.rectangle(mask, (round(x + w * 0.15), middle[1]), (round(x + w * 0.85), below), 1.0, -1)
    return cv2.blur(mask, (max(3, round(w * 0.12)),) * 2)


def blend(under: np.ndarray, over: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Each octave fades over its own width: fine detail sharply, light softly."""
    sizes = [under.shape[::-1]]
    stacks = [[under], [over], [mask]]
    while len(sizes) <= LEVELS and min(sizes[-1]) >= 4:
        for stack in stacks:
            stack.append(cv2.pyrDown(stack[-1]))
        sizes.append(stacks[0][-1].shape[::-1])
    low, high, share = (stack[-1] for stack in stacks)
    made = low + (high - low) * share
    for level in range(len(sizes) - 2, -1, -1):
        fine = [stack[level] - cv2.pyrUp(stack[level + 1], dstsize=sizes[level]) for stack in stacks[:2]]
        made = cv2.pyrUp(made, dstsize=sizes[level]) + fine[0] + (fine[1] - fine[0]) * stacks[2][level]
    return np.clip(made, 0, 255)


def wear_mask(random: Random, person: Picture) -> Picture:
    """The person with a painted face mask from the bridge of the nose to the chin, lit as the face is."""
    label = person.labels[0]
    x, y, w, h = (float(v) for v in label.box)
    eyes, nose = label.landmarks[:2].mean(0), label.landmarks[2]
    bridge = eyes + (nose - eyes) * random.uniform(0.35, 0.75)
    level = bridge[1] + 0.1 * h
    outline = [bridge, (x + 0.9 * w, level), (x + 0.93 * w, y + 0.72 * h), (x + 0.72 * w, y + 0.97 * h)]
    outline += [
        (x + 0.5 * w, y + 1.03 * h),
        (x + 0.28 * w, y + 0.97 * h),
        (x + 0.07 * w, y + 0.72 * h),
        (x + 0.1 * w, level),
    ]
    shape = np.zeros_like(person.gray)
    cv2.fillPoly(shape, [np.round(np.array(outline) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    light = cv2.GaussianBlur(person.gray.astype(np.float32), (0, 0), 0.18 * w)
    cloth = light * (random.uniform(0.25, 1.5) / max(1.0, light[shape > 127].mean() / 128))
    folds = np.sin(np.arange(person.gray.shape[0], dtype=np.float32)[:, None] * (2 * math.pi / (0.12 * h)))
    cloth = cloth * (1 + np.float32(random.uniform(0, 0.08)) * folds)
    share = cv2.blur(shape, (3, 3)).astype(np.float32) / 255
    gray = person.gray + (np.clip(cloth, 0, 250) - person.gray) * share
    return replace(person, gray=gray.astype(np.uint8))
