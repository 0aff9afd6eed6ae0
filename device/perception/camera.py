"""The interface of a camera, the function that opens the configured one, and a camera for tests.

A camera belongs to one thread of the eye's process, which opens, reads and closes it. Frames never leave that process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from device.config.schema import CameraConfig
from device.errors import CameraError
from device.perception.camera_switch import CameraSwitch
from device.perception.footage import FolderCamera, VideoCamera
from device.perception.frame import Frame, Gray
from device.perception.picamera import PiCamera, find_camera
from device.perception.v4l2 import V4l2Camera, find_node

SLOWEST_FPS, FASTEST_FPS = 0.1, 240.0


class Camera(Protocol):
    """A source of gray frames. The constructor opens it, or raises CameraError."""

    def describe(self) -> str:
        """A short description for people."""

    def frames(self) -> Iterator[Frame]:
        """The readable frames, as they arrive. Ends with the recording or after `close`. Raises CameraError if somebody
        unplugs the camera, or after `hang_s` of bad frames. Blocks if the camera hangs."""

    def set_rate(self, fps: float) -> None:
        """Deliver this many frames a second from now on, as far as the camera can."""

    def close(self) -> None:
        """Release the camera. Idempotent."""


def open_camera(config: CameraConfig, *, live: bool = True, fastest_fps: float = 0.0) -> Camera:
    """Open the camera that `config.source` names. Raises CameraError.

    With `live=False` a recording runs once, as fast as the caller reads; a real camera always runs in real time.
    `fastest_fps`: the highest rate that somebody will set later.
    A hardware switch that is off keeps a live camera closed, and ends its frames with CameraError.
    """
    if not live or not config.switch:
        return _open(config, live, fastest_fps)
    switch = CameraSwitch(config.switch)
    switch.require()
    return GuardedCamera(_open(config, live, fastest_fps), switch)


def _open(config: CameraConfig, live: bool, fastest_fps: float) -> Camera:
    if not SLOWEST_FPS <= config.fps <= FASTEST_FPS:  # NaN too
        raise CameraError(f"No camera delivers {config.fps:g} frames per second; set camera.fps to a number such as 8.")
    source = config.source.strip()
    if source == "auto":
        return _first(config, fastest_fps)
    if source == "picamera":
        return PiCamera(config)
    if source.startswith("v4l2:"):
        return V4l2Camera(Path(source.removeprefix("v4l2:")), config, fastest_fps)
    path = Path(source).expanduser()
    if path.is_dir():
        return FolderCamera(path, config, live=live)
    if path.is_file():
        return VideoCamera(path, config, live=live)
    raise CameraError(
        f"There is no camera, video or folder {source!r}; set camera.source to auto, picamera, "
        "v4l2:/dev/video0, a video file or a folder of pictures."
    )


def _first(config: CameraConfig, fastest_fps: float) -> Camera:
    if find_camera() is not None:
        return PiCamera(config)
    if (node := find_node()) is not None:
        return V4l2Camera(node, config, fastest_fps)
    raise CameraError("No camera was found; plug one in, or set camera.source to a video file or a folder of pictures.")


class GuardedCamera:
    """A camera with a hardware switch."""

    def __init__(self, camera: Camera, switch: CameraSwitch) -> None:
        self._camera, self._switch = camera, switch

    def describe(self) -> str:
        return self._camera.describe()

    def frames(self) -> Iterator[Frame]:
        for frame in self._camera.frames():
            self._switch.require()
            yield frame

    def set_rate(self, fps: float) -> None:
        self._camera.set_rate(fps)

    def close(self) -> None:
        self._camera.close()


class FakeCamera:
    """Shows `pictures` once, at `fps` by their time stamps. Then it does what a real camera may do: `end` (like a
    recording), `unplug` (raises CameraError) or `hang` (blocks until `close`)."""

    def __init__(self, pictures: Sequence[Gray], *, fps: float = 8.0, then: str = "end", live: bool = False) -> None:
        self._pictures, self._fps, self._then, self._live = pictures, fps, then, live
        self._closed = threading.Event()

    def describe(self) -> str:
        return f"fake camera ({len(self._pictures)} pictures)"

    def frames(self) -> Iterator[Frame]:
        at_s = 0.0
        for gray in self._pictures:
            if self._closed.wait(1.0 / self._fps if self._live else 0.0):
                return
            yield Frame(gray, time.monotonic() if self._live else at_s)
            at_s += 1.0 / self._fps
        if self._then == "unplug":
            raise CameraError("The fake camera delivers no more frames; was it unplugged?")
        if self._then == "hang":
            self._closed.wait()

    def set_rate(self, fps: float) -> None:
        self._fps = fps

    def close(self) -> None:
        self._closed.set()
