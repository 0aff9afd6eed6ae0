"""USB and other V4L2 cameras, through OpenCV. The kernel says which of the /dev/video* nodes is a camera.

One thread opens, reads and closes a camera. If the camera hangs, it blocks that thread, and the eye's watchdog ends the
process (see watchdog.py).
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from device.config.schema import CameraConfig
from device.errors import CameraError
from device.perception.bad_frames import BadFrames
from device.perception.frame import Frame, fit, retrieve, turn

# linux/videodev2.h: struct v4l2_capability is driver[16], card[32], bus_info[32], version, capabilities,
# device_caps, reserved[3]; VIDIOC_QUERYCAP is _IOR('V', 0, struct v4l2_capability)
CAPABILITY = struct.Struct("=16s32s32sIII12x")
QUERYCAP = 2 << 30 | CAPABILITY.size << 16 | ord("V") << 8
VIDEO_CAPTURE, STREAMING, DEVICE_CAPS = 0x1, 0x04000000, 0x80000000
MEMORY_TO_MEMORY, MEDIA_CONTROLLED = 0x4000 | 0x8000, 0x20000000

RETRY_S = 0.05  # a failed read returns at once; without this pause, retries would occupy a core

# nodes of the Raspberry Pi's own camera pipeline: they look like cameras, but only libcamera can use them
PIPELINES = frozenset({"bcm2835-isp", "rp1-cfe", "pispbe", "unicam"})


def card_of(node: Path) -> str | None:
    """The name of the camera behind a device node, or None if it is not a readable camera."""
    try:
        handle = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        answer = fcntl.ioctl(handle, QUERYCAP, bytes(CAPABILITY.size))
    except OSError:
        return None
    finally:
        os.close(handle)
    driver, card, _bus, _version, all_caps, node_caps = CAPABILITY.unpack(answer)
    caps = node_caps if all_caps & DEVICE_CAPS else all_caps
    if caps & (MEMORY_TO_MEMORY | MEDIA_CONTROLLED) or not (caps & VIDEO_CAPTURE and caps & STREAMING):
        return None
    return None if _text(driver) in PIPELINES else _text(card)


def find_node(folder: Path = Path("/dev")) -> Path | None:
    """The first camera among the /dev/video* nodes, by number."""
    numbered = [path for path in folder.glob("video*") if path.name.removeprefix("video").isdecimal()]
    by_number = sorted(numbered, key=lambda path: int(path.name.removeprefix("video")))
    return next((path for path in by_number if card_of(path) is not None), None)


class V4l2Camera:
    """A V4L2 camera. Requests the configured size and rate, accepts what the camera offers, and skips frames to keep to
    `fps`. Skips bad frames; `hang_s` of only bad frames raises CameraError."""

    def __init__(self, node: Path, config: CameraConfig, fastest_fps: float = 0.0) -> None:
        if not node.exists():
            raise CameraError(f"There is no camera at {node}; plug it in, or set camera.source.")
        self._node, self._config, self._period_s = node, config, 1.0 / config.fps
        self._card = card_of(node) or "camera"
        self._bad = BadFrames(self.describe(), config.hang_s)
        self._capture = cv2.VideoCapture(str(node), cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise CameraError(
                f"The camera at {node} cannot be opened; close other programs that use it, "
                "and check that this user is in the group video."
            )
        for prop, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, config.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, config.height),
            (cv2.CAP_PROP_FPS, max(config.fps, fastest_fps)),  # changing it later would stop the stream
            (cv2.CAP_PROP_BUFFERSIZE, 1),  # fewer buffers, fresher frames
            (cv2.CAP_PROP_CONVERT_RGB, 1),  # `to_gray` needs 8-bit BGR, not the driver's own format
        ):
            self._capture.set(prop, value)

    def describe(self) -> str:
        return f"{self._card} ({self._node})"

    def frames(self) -> Iterator[Frame]:
        due_s = 0.0
        while self._capture.isOpened():
            grabbed = self._capture.grab()
            at_s = time.monotonic()
            if grabbed and at_s < due_s:
                continue  # grabbing alone is cheap: the frame is not decoded
            frame = self._frame(at_s) if grabbed else None
            if frame is None:
                self._pass_over(at_s, grabbed)
                continue
            self._bad.good()
            due_s = max(due_s + self._period_s, at_s + self._period_s / 2)
            yield frame

    def set_rate(self, fps: float) -> None:
        self._period_s = 1.0 / fps

    def close(self) -> None:
        self._capture.release()

    def _frame(self, at_s: float) -> Frame | None:
        """The grabbed frame, or None if it is not a picture."""
        began = time.perf_counter()
        if (picture := retrieve(self._capture)) is None:
            return None
        gray = turn(fit(picture, self._config.width, self._config.height), self._config.rotate)
        return Frame(gray, at_s, (time.perf_counter() - began) * 1000)

    def _pass_over(self, at_s: float, grabbed: bool) -> None:
        """Skip a bad frame. Raises CameraError if the camera is gone or sends nothing else."""
        if grabbed:
            self._bad.bad(at_s, f"The camera {self.describe()} sends only unreadable frames; try another camera.")
            return
        gone = f"The camera {self.describe()} delivers no more frames; was it unplugged?"
        if not self._node.exists():
            raise CameraError(gone)
        self._bad.bad(at_s, gone)
        time.sleep(RETRY_S)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("ascii", "replace")
