"""Make people in a video nod or shake their heads, to see what the eye makes of it.

    python -m tools.gestures.nodding people.webm out.avi --at 6:nod 14:shake --away 30

The motion is made up, the pictures are real: in each frame, the largest face is found, its head is moved as in a nod
(`motion.angles`), and its nose a little farther than the rest, as a head that turns shows it. `--away` covers the last
picture for so many seconds, as if everybody had left. Frames are written without loss (FFV1)."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from device.config.schema import CameraConfig
from device.domain import Face, Gesture
from device.errors import AffettoError, CameraError
from device.model import SHIPPED_MODELS
from device.perception.faces import FaceDetector
from device.perception.footage import VideoCamera
from device.perception.frame import Gray
from tools.gestures.motion import NECK, NOSE_DEPTH, RATE

CYCLES_HZ, DEGREES, CYCLES = 1.6, 13.0, 3
HEAD, NOSE = 1.5, 0.35  # how far the movement reaches, in eye distances: of the head and of the nose
Moment = tuple[float, Gesture]


def moment(text: str) -> Moment:
    """`6:nod` as (6.0, NOD)."""
    at, _, name = text.partition(":")
    try:
        return float(at), Gesture(name)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment; write seconds:nod or seconds:shake") from None


def swing(at_s: float, moments: Sequence[Moment]) -> tuple[float, float]:
    """How far heads are turned aside and down at this time, as sines of angles."""
    aside = down = 0.0
    for begin_s, gesture in moments:
        phase = (at_s - begin_s) * CYCLES_HZ
        if 0 <= phase <= CYCLES:
            size = math.sin(math.radians(DEGREES)) * math.sin(2 * math.pi * phase)
            aside, down = (aside + size, down) if gesture is Gesture.SHAKE else (aside, down + size)
    return aside, down


def turn(gray: Gray, face: Face, aside: float, down: float) -> Gray:
    """The picture with this head turned."""
    right, left, nose = np.array(face.landmarks[:3])
    apart, eyes = float(np.linalg.norm(left - right)), (right + left) / 2
    rows, columns = np.mgrid[: gray.shape[0], : gray.shape[1]].astype(np.float32)
    across, along = eyes[0], eyes[1] + 0.4 * apart
    far = np.hypot(columns - across, (rows - along) / 1.3) / (HEAD * apart)
    head = 1 / (1 + np.exp(8 * (far - 1.2)))
    near = np.exp(-((columns - nose[0]) ** 2 + (rows - nose[1]) ** 2) / (2 * (NOSE * apart) ** 2))
    reach = (NECK * head + NOSE_DEPTH * near) * apart
    across, along = columns - reach * aside, rows - reach * down
    return np.asarray(cv2.remap(gray, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def frames(source: Path, moments: Sequence[Moment], away_s: float) -> Iterator[Gray]:
    """The video's frames at `RATE`, with the gestures. Raises AffettoError."""
    detector, config = FaceDetector.load(SHIPPED_MODELS), CameraConfig(fps=RATE, width=640, height=480)
    gray: Gray | None = None
    shown = 0
    with closing(VideoCamera(source, config, live=False)) as camera:
        for frame in camera.frames():
            gray, faces = frame.gray, None
            while shown / RATE <= frame.at_s:  # a slower video repeats its pictures
                aside, down = swing(shown / RATE, moments)
                if (aside or down) and faces is None:
                    faces = detector.find(gray)
                largest = max(faces or (), key=lambda one: one.w * one.h, default=None)
                yield turn(gray, largest, aside, down) if largest is not None else gray
                shown += 1
    if gray is not None:
        empty = np.asarray(cv2.GaussianBlur(gray, (0, 0), gray.shape[1] / 8), np.uint8)
        for _ in range(round(away_s * RATE)):
            yield empty


def main(argv: Sequence[str] | None = None) -> int:
    about = (__doc__ or "").split("\n\n")[0]
    parser = argparse.ArgumentParser(prog="python -m tools.gestures.nodding", description=about)
    parser.add_argument("video", type=Path)
    parser.add_argument("out", type=Path, help="an AVI file")
    parser.add_argument("--at", type=moment, nargs="+", default=[], metavar="SECONDS:nod", help="or SECONDS:shake")
    parser.add_argument("--away", type=float, default=0.0, metavar="SECONDS", help="nobody is there at the end")
    given = parser.parse_args(argv)
    writer: cv2.VideoWriter | None = None
    try:
        for gray in frames(given.video, given.at, given.away):
            if writer is None:
                codec = cv2.VideoWriter.fourcc(*"FFV1")
                writer = cv2.VideoWriter(str(given.out), cv2.CAP_FFMPEG, codec, RATE, gray.shape[::-1])
                if not writer.isOpened():
                    raise CameraError(f"{given.out} cannot be written; use a name that ends in .avi")
            writer.write(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
    except AffettoError as error:
        print(f"nodding: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        if writer is not None:
            writer.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
