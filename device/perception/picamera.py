"""The Raspberry Pi's own camera, through picamera2 from the system's packages, not from PyPI.

The low-resolution stream is YUV 4:2:0, and its first rows are the gray picture: the image processor scales it, so there
is nothing to convert. A process opens the camera only once, because reopening Picamera2 leaks memory
(raspberrypi/picamera2#887); the eye ends with its camera. One thread opens, reads and closes it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from device.config.schema import CameraConfig
from device.errors import CameraError
from device.perception.frame import Frame, turn


def find_camera() -> tuple[int, str] | None:
    """Number and model of the first camera on a camera port, such as (0, "imx708"), or None without one.

    libcamera also lists USB cameras, at the end. They have no low-resolution stream, and v4l2.py reads them.
    """
    try:
        cameras = _picamera2().global_camera_info()
    except CameraError:
        return None
    for camera in cameras:
        if "/usb" not in str(camera.get("Id", "")):
            return int(camera.get("Num", 0)), str(camera.get("Model", "camera"))
    return None


class PiCamera:
    """The first camera that libcamera knows. Raises CameraError if there is none or it is in use."""

    def __init__(self, config: CameraConfig) -> None:
        found = find_camera()
        if found is None:
            _picamera2()  # raises a better error if picamera2 itself is missing
            raise CameraError("No Raspberry Pi camera was found; check its cable, or set camera.source.")
        number, model = found
        self._model, self._config = model, config
        # the sizes of a 4:2:0 stream are even
        self._size = config.width // 2 * 2, config.height // 2 * 2
        try:
            self._camera = _picamera2()(number)
        except (RuntimeError, IndexError) as error:
            raise CameraError(
                f"The Raspberry Pi camera {model} cannot be opened ({error}); does another program use it?"
            ) from error
        try:
            self._start()
        except RuntimeError as error:
            self._camera.close()
            raise CameraError(f"The Raspberry Pi camera {model} cannot start ({error}); restart Affetto.") from error

    def describe(self) -> str:
        return f"Raspberry Pi camera {self._model}"

    def frames(self) -> Iterator[Frame]:
        while self._camera is not None:
            try:
                planes = self._camera.capture_array("lores")
            except RuntimeError as error:
                raise CameraError(f"The {self.describe()} delivers no frames ({error}); check its cable.") from error
            at_s, began = time.monotonic(), time.perf_counter()
            width, height = self._size
            gray = np.ascontiguousarray(planes[:height, :width])  # rows are padded to the stride
            yield Frame(turn(gray, self._config.rotate), at_s, (time.perf_counter() - began) * 1000)

    def set_rate(self, fps: float) -> None:
        self._camera.set_controls({"FrameRate": fps})

    def close(self) -> None:
        if self._camera is not None:
            self._camera.stop()
            self._camera.close()
            self._camera = None

    def _start(self) -> None:
        width, height = self._size
        wanted = self._camera.create_video_configuration(
            main={"size": (2 * width, 2 * height), "format": "YUV420"},
            lores={"size": self._size, "format": "YUV420"},
            controls={"FrameRate": self._config.fps},
        )
        self._camera.configure(wanted)
        self._size = tuple(self._camera.camera_configuration()["lores"]["size"])  # the hardware may change it
        self._camera.start()


def _picamera2() -> Any:
    """The class; imported here because only a Raspberry Pi has it."""
    try:
        from picamera2 import Picamera2
    except (ImportError, ValueError) as error:  # ValueError: built for another version of numpy
        raise CameraError(
            f"picamera2 cannot be imported ({error}); install it with: sudo apt install python3-picamera2"
        ) from error
    return Picamera2
