"""Paints the plays of tools/tracks/plays.py with real faces on real backgrounds and shows them to the real detector.

Everybody is played by the pictures of one person: another one every second or two, as when a head turns. The faces
are cut out with a soft-edged ellipse; whoever is nearer is painted over whoever is farther. A hand or the back of a
head is an ellipse in the face's mean gray.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from device.domain import Face
from tools.labelled import boxes as face_data
from tools.labelled.boxes import Picture
from tools.tracks.plays import HEIGHT_PX, HIDDEN_SHARE, WIDTH_PX, Actor, Moment, Play, covered, face

HEAD = (0.72, 0.62)  # half axes of the ellipse that is cut out, in widths and heights of the face
SMALLEST_FACE_PX = 40  # in the picture it is cut from
LOOK_S = (0.8, 2.0)  # a picture of a person is shown so long before the next
NOISE = 3.0  # standard deviation of the camera's noise, in grays
LIGHT = 0.12  # the light on a face comes and goes by this share


def people(data_dir: Path, split: str) -> list[list[Picture]]:
    """The pictures of each person of whom there are at least two with nobody else in them."""
    pictures = face_data.read(data_dir, split, lambda entry: entry["source"] == "video" and len(entry["faces"]) == 1)
    fit = sorted((p for p in pictures if p.labels[0].box[2] >= SMALLEST_FACE_PX), key=lambda picture: picture.file)
    groups = (list(group) for _, group in itertools.groupby(fit, key=lambda picture: picture.file.rsplit("_", 1)[0]))
    return [group for group in groups if len(group) >= 2]


def film(
    play: Play,
    random: np.random.Generator,
    cast: Sequence[Sequence[Picture]],
    ground: np.ndarray,
    find: Callable[[np.ndarray], list[Face]],
) -> Iterator[Moment]:
    """What `find` makes of the play's frames."""
    stage = cv2.resize(ground, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    looks = [_looks(random, len(pictures), play.length_s) for pictures in cast]
    phases = random.uniform(0, 6, len(cast))
    for at_s in play.moments():
        frame, shares = stage.copy(), covered(play, at_s)
        for number in sorted(shares, key=lambda key: play.actors[key].width_px):
            picture = cast[number][looks[number](at_s)]
            light = 1 + LIGHT * float(np.sin(phases[number] + 1.5 * at_s))
            paint(frame, picture, play.actors[number], at_s, light)
        noise = random.normal(0, NOISE, frame.shape)
        frame = np.clip(frame + noise, 0, 255).astype(np.uint8)
        boxes = {n: box for n, share in shares.items() if share <= HIDDEN_SHARE and (box := play.actors[n].box(at_s))}
        yield Moment(at_s, {n: face(*box) for n, box in boxes.items()}, tuple(find(frame)))


def paint(frame: np.ndarray, picture: Picture, actor: Actor, at_s: float, light: float) -> None:
    """Put the person's head where the play has it."""
    x, y = actor.where(at_s)
    left, top, w, h = (float(v) for v in picture.labels[0].box)
    scale = actor.width_px / w
    matrix = np.array([[scale, 0, x - scale * (left + w / 2)], [0, scale, y - scale * (top + h / 2)]])
    axes = (round(HEAD[0] * w), round(HEAD[1] * h))
    middle = (round(left + w / 2), round(top + h / 2))
    mask = cv2.ellipse(np.zeros(picture.gray.shape, np.float32), middle, axes, 0, 0, 360, 1.0, -1)
    mask = cv2.blur(mask, (max(1, int(w * 0.12)),) * 2)
    head = picture.gray.astype(np.float32) * np.float32(light)
    if not actor.faces_us(at_s):
        inner = head[max(0, int(top)) : int(top + h), max(0, int(left)) : int(left + w)]
        head = np.full_like(head, inner.mean())
    size = frame.shape[::-1]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    share = cv2.warpAffine(mask, matrix, size, flags=way)
    painted = cv2.warpAffine(head, matrix, size, flags=way, borderMode=cv2.BORDER_REPLICATE)
    frame[:] = np.clip(frame + (painted - frame) * share, 0, 255).astype(np.uint8)


def _looks(random: np.random.Generator, count: int, length_s: float) -> Callable[[float], int]:
    """Which picture is shown when."""
    ends = np.cumsum(random.uniform(*LOOK_S, int(length_s / LOOK_S[0]) + 2))
    order = [int(random.integers(count))]
    for _ in ends:
        order.append((order[-1] + int(random.integers(1, count))) % count)
    return lambda at_s: order[int(np.searchsorted(ends, at_s))]
