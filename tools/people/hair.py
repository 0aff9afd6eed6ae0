"""Hair: where it grows and how its strands catch the light, in front of the head and behind it.

Pure arrays, any thread. Strands run along meridians from the crown, which suits hair that falls and hair that is
combed back alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.people.face import Array, Face
from tools.people.paint import grain
from tools.people.relief import Canvas, half_width


@dataclass(frozen=True, slots=True)
class Style:
    """One haircut, in mm."""

    thickness: float  # how far it stands off the skull
    length: float  # y where it ends
    flare: float  # how much wider it gets at its end
    temple: float  # |x| beyond which it covers the side of the face
    fringe: float  # how much of the forehead a fringe takes
    arch: float  # how fast the hairline falls to the sides, per mm
    recess: float  # how far it draws back over the temples
    part: float  # x of the parting
    wave: float  # how far the strands swing to and fro


STYLES = {
    "cropped": Style(thickness=3, length=-4, flare=0, temple=69, fringe=0, arch=0.001, recess=4, part=0, wave=0),
    "short": Style(thickness=10, length=6, flare=0, temple=67, fringe=3, arch=0.003, recess=3, part=22, wave=1.5),
    "long": Style(thickness=13, length=175, flare=16, temple=60, fringe=-8, arch=0.014, recess=0, part=10, wave=4),
    "bob": Style(thickness=14, length=92, flare=12, temple=58, fringe=6, arch=0.008, recess=0, part=-20, wave=2),
}


def outline(canvas: Canvas, face: Face) -> Array:
    """Half the width of the whole hair, mm, at every row [H, 1]; 0 above and below it."""
    style = STYLES[face.person.hair]
    grown = style.thickness
    rows = np.where(canvas.y < 0, canvas.y * 118 / (118 + grown), canvas.y)
    width = half_width(face, np.minimum(rows, 0)) * (1 + grown / 74)
    fall = np.clip(canvas.y / max(style.length, 1), 0, 1)
    width = np.where(canvas.y > 0, width + style.flare * fall - 0.12 * grown * fall, width)
    return np.asarray(width, np.float32)


def strands(canvas: Canvas, face: Face) -> Array:
    """Streaks of mean 0 and deviation about 1 along the meridians."""
    width = np.maximum(outline(canvas, face), 8)
    style = STYLES[face.person.hair]
    top = np.clip((-60 - canvas.y) / 58, 0, 1)  # towards the crown, strands run to the parting
    swing = style.wave * (np.sin(canvas.y / 17) + 0.6 * np.sin(canvas.y / 9 + canvas.x / 30))
    across = (canvas.x - style.part * top + swing) / width
    noise = 0.7 * grain(canvas, face.person.seed + 9, 0.45, 22) + 0.7 * grain(canvas, face.person.seed + 10, 1.6, 40)
    columns = ((across * 0.46 + 0.5) * (canvas.shape[1] - 1)).astype(np.float32)
    rows = np.broadcast_to(np.arange(canvas.shape[0], dtype=np.float32)[:, None], canvas.shape)
    return np.asarray(cv2.remap(np.array(noise), columns, np.ascontiguousarray(rows), cv2.INTER_LINEAR))


def front(canvas: Canvas, face: Face) -> Array:
    """Coverage of the hair that lies over the head."""
    p, style = face.person, STYLES[face.person.hair]
    x = np.abs(canvas.x)
    line = p.hairline_mm + style.fringe + style.arch * (canvas.x - style.part) ** 2
    line = line - style.recess * np.exp(-(((x - 36) / 12) ** 2))
    line = line + 60 * np.clip((x - 48) / 22, 0, 1) ** 2
    ragged = 0.9 * grain(canvas, p.seed + 21, 0.7, 5) + 1.6 * grain(canvas, p.seed + 22, 5, 9)
    above = canvas.soft(line - canvas.y + ragged, 6)
    side = canvas.soft(x - style.temple - 0.02 * np.maximum(canvas.y, 0) + 0.7 * ragged, 4)
    side = side * canvas.soft(style.length - canvas.y + 2 * ragged, 8) * canvas.soft(canvas.y + 60, 20)
    inside = canvas.soft(outline(canvas, face) - x - 1.5 + 0.2 * ragged, 2.5)
    return np.asarray(np.maximum(above, side) * inside, np.float32)


def behind(canvas: Canvas, face: Face) -> Array:
    """Coverage of the hair that hangs behind face and neck."""
    style = STYLES[face.person.hair]
    if style.length < 40:
        return np.zeros(canvas.shape, np.float32)
    ragged = 1.5 * grain(canvas, face.person.seed + 21, 0.7, 5)
    inside = canvas.soft(outline(canvas, face) - np.abs(canvas.x) - 1.5 + 0.4 * ragged, 3)
    return np.asarray(inside * canvas.soft(style.length - canvas.y + 2 * ragged, 8), np.float32)
