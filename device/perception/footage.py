"""Files as cameras: a video, or a folder of pictures.

Live, they behave like a camera: they run in real time, drop late frames, start again at the end, and stamp frames with
CLOCK_MONOTONIC. Not live, they run once, as fast as the caller takes frames, and stamp frames with the recording's own
time. Both deliver `fps` frames per second, like a camera, and skip unreadable frames. They only read files.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import cv2
import numpy as np

from device.config.schema import CameraConfig
from device.errors import CameraError
from device.perception.bad_frames import BadFrames
from device.perception.frame import SMALLEST_PX, Frame, Gray, fit, retrieve, turn

PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff", ".webp"})
SLIP_S = 1.0  # if the recording's clock is farther off than this, it is set to ours
LONGEST_S = 1e6  # a later time in a recording is damaged
FASTEST_FPS, USUAL_FPS = 1000.0, 25.0  # a recording with a higher rate than the first, or with none, gets the second
MOST_MISSES = 10_000  # the most damaged frames in a row, whatever length the recording claims


class FrameClock:
    """Decides which frames of a recording to show and, if live, waits for their time."""

    def __init__(self, fps: float, live: bool) -> None:
        self._period_s = 1.0 / fps
        self._live = live
        self._closed = threading.Event()
        self._start_s = time.monotonic()
        self._due_s = 0.0

    def stop(self) -> None:
        """End all waiting for good; safe from another thread."""
        self._closed.set()

    def set_rate(self, fps: float) -> None:
        self._period_s = 1.0 / fps

    @property
    def stopped(self) -> bool:
        return self._closed.is_set()

    def begin(self) -> None:
        """The recording starts (again) now."""
        self._start_s, self._due_s = time.monotonic(), 0.0

    def take(self, moment_s: float) -> bool:
        """Whether to show the frame at `moment_s` of the recording; if live, returns at its time."""
        if moment_s < self._due_s - 1e-6:
            return False
        self._due_s = max(self._due_s + self._period_s, moment_s + self._period_s / 2)
        if not self._live:
            return not self.stopped
        ahead_s = self._start_s + moment_s - time.monotonic()
        if ahead_s < -SLIP_S or ahead_s > SLIP_S + 2 * self._period_s:
            # Either decoding is slower than real time, and dropping more frames would never show anything; or there is
            # a gap in the recording, and waiting for its end would look like a camera that hangs.
            self._start_s -= ahead_s
            ahead_s = 0.0
        elif ahead_s < -self._period_s:
            return False
        return not self._closed.wait(max(ahead_s, 0.0))

    def stamp(self, moment_s: float) -> float:
        """The `at_s` of a frame that is taken now."""
        return time.monotonic() if self._live else moment_s


class VideoCamera:
    """A video file as a camera, turned upright by the file's rotation. Raises CameraError for a file without pictures.

    OpenCV's defaults differ between versions, so this class sets all that matter.
    """

    def __init__(self, path: Path, config: CameraConfig, *, live: bool = True) -> None:
        self._path, self._config, self._live = path, config, live
        self._pace = FrameClock(config.fps, live)
        self._bad = BadFrames(self.describe(), config.hang_s)
        self._capture = self._open()

    @property
    def length_s(self) -> float:
        """The length that the recording claims; 0 without one."""
        return max(0.0, self._capture.get(cv2.CAP_PROP_FRAME_COUNT) / self._fps)

    def describe(self) -> str:
        return f"video {self._path.name}"

    def frames(self) -> Iterator[Frame]:
        while True:
            self._pace.begin()
            readable = yield from self._once()
            if not readable and not self._pace.stopped:
                raise CameraError(f"The video {self._path} has no readable picture; use another file.")
            if not self._live or self._pace.stopped:
                return
            self._capture.release()
            self._capture = self._open()

    def set_rate(self, fps: float) -> None:
        self._pace.set_rate(fps)

    def close(self) -> None:
        self._pace.stop()
        self._capture.release()

    @property
    def _fps(self) -> float:
        """The rate that the recording claims, if it is plausible."""
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        return fps if 0 < fps <= FASTEST_FPS else USUAL_FPS

    def _open(self) -> cv2.VideoCapture:
        try:  # an absolute name, because FFmpeg treats text before a colon as a protocol
            capture = cv2.VideoCapture(os.path.abspath(self._path), cv2.CAP_FFMPEG)
        except UnicodeError as error:  # OpenCV accepts only names in UTF-8
            raise CameraError(f"The video {self._path!r} has a name that is not UTF-8; rename it.") from error
        if not capture.isOpened():
            raise CameraError(f"The video {self._path} cannot be opened; use a video file such as MP4, MKV or AVI.")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # off by default in OpenCV 4.11, on in 4.8 and 5
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 1)
        return capture

    def _once(self) -> Generator[Frame, None, bool]:
        """One pass. Returns whether it had a readable picture."""
        moment_s, step_s = -1.0, 1.0 / self._fps
        grabbed = missed = shown = 0
        bad_before = self._bad.count
        while not self._pace.stopped and missed <= self._most_misses(grabbed):
            if not self._capture.grab():
                missed += 1  # a damaged packet, or the end
                continue
            if missed:
                self._bad.add(missed)
            grabbed, missed = grabbed + 1, 0
            stamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            # some containers have no times, and all of them give 0 for the first frame
            moment_s = stamp_s if moment_s < stamp_s < LONGEST_S else max(moment_s, 0.0) + step_s
            if not self._pace.take(moment_s):
                continue
            if (frame := self._frame(moment_s)) is None:
                self._bad.add(1)
                continue
            shown += 1
            yield frame
        return shown > 0 or (grabbed > 0 and self._bad.count == bad_before)

    def _most_misses(self, grabbed: int) -> int:
        """The number of failures in a row that means the end: the rest by the recording's own count, or `hang_s`."""
        left = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) - grabbed
        return int(min(max(self._config.hang_s * self._fps, left), MOST_MISSES))

    def _frame(self, moment_s: float) -> Frame | None:
        began = time.perf_counter()
        if (gray := retrieve(self._capture)) is None:
            return None
        return _frame(gray, self._config, self._pace.stamp(moment_s), began)


class FolderCamera:
    """The pictures of a folder in natural order (2 before 10), one per frame. Skips unreadable ones."""

    def __init__(self, folder: Path, config: CameraConfig, *, live: bool = True) -> None:
        self._folder, self._config, self._live = folder, config, live
        self._pace = FrameClock(config.fps, live)
        try:
            found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.is_file()]
        except OSError as error:
            raise CameraError(
                f"The folder {folder} cannot be read ({error.strerror}); check its permissions."
            ) from error
        self._paths = sorted(found, key=lambda path: natural(path.name))
        if not self._paths:
            raise CameraError(f"The folder {folder} has no pictures; put JPEG or PNG files into it.")

    @property
    def length_s(self) -> float:
        """The length of one pass."""
        return len(self._paths) / self._config.fps

    def describe(self) -> str:
        return f"folder {self._folder.name} ({len(self._paths)} pictures)"

    def frames(self) -> Iterator[Frame]:
        while True:
            self._pace.begin()
            shown = yield from self._once()
            if not shown and not self._pace.stopped:
                raise CameraError(f"None of the pictures in {self._folder} can be read; put JPEG or PNG files there.")
            if not self._live or self._pace.stopped:
                return

    def set_rate(self, fps: float) -> None:
        self._pace.set_rate(fps)

    def close(self) -> None:
        self._pace.stop()

    def _once(self) -> Generator[Frame, None, int]:
        """One pass. Returns the number of readable pictures."""
        count = 0
        for position, path in enumerate(self._paths):
            moment_s = position / self._config.fps
            if self._pace.take(moment_s) and (frame := self._frame(path, moment_s)) is not None:
                count += 1
                yield frame
            if self._pace.stopped:
                break
        self._pace.take(len(self._paths) / self._config.fps)  # the last picture stays as long as the others
        return count

    def _frame(self, path: Path, moment_s: float) -> Frame | None:
        began = time.perf_counter()
        if (picture := read_picture(path)) is None:
            return None
        return _frame(picture, self._config, self._pace.stamp(moment_s), began)


def read_picture(path: Path) -> Gray | None:
    """A picture as uint8[H, W], or None if unreadable. Accepts file names in any encoding, unlike `imread`."""
    try:
        content = np.fromfile(path, np.uint8)
    except OSError:
        return None
    if content.size == 0:
        return None
    try:  # turns the picture upright by its EXIF orientation
        gray = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # it claims to be larger than OpenCV decodes
        return None
    return None if gray is None else np.asarray(gray, np.uint8)


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A sort key that compares digits as numbers, so that `2.png` comes before `10.png`."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts)


def _frame(gray: Gray, config: CameraConfig, at_s: float, began_s: float) -> Frame | None:
    """The picture at the configured size, or None if it is too small to hold a face."""
    gray = turn(fit(gray, config.width, config.height), config.rotate)
    if min(gray.shape) < SMALLEST_PX:
        return None
    return Frame(gray, at_s, (time.perf_counter() - began_s) * 1000)
