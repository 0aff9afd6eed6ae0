"""Cameras: one contract for all of them, then what is special to each.

picamera2 exists on a Raspberry Pi only. Here its camera runs against a stand-in for that module which does what the
manual and the source of picamera2 say: rows padded to a stride, planes below one another, one open camera at a time.
The V4L2 camera takes its frames through the same OpenCV calls from a video file, and from /dev/video* where there is
one.
"""

from __future__ import annotations

import itertools
import os
import struct
import sys
import time
import types
import zlib
from collections.abc import Callable, Collection
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.config.schema import CameraConfig
from device.errors import CameraError
from device.perception import camera as cameras
from device.perception import footage, v4l2
from device.perception.camera import Camera, FakeCamera, open_camera
from device.perception.footage import FolderCamera, FrameClock, VideoCamera, natural, read_picture
from device.perception.frame import fit, to_gray, turn
from device.perception.picamera import PiCamera, find_camera
from device.perception.v4l2 import V4l2Camera, card_of, find_node

CONFIG = CameraConfig(width=320, height=240, fps=10)


def picture(number: int, width: int = 400, height: int = 200) -> np.ndarray:
    """A gray picture whose mean tells its number."""
    gray = np.full((height, width), 10 * number + 5, np.uint8)
    gray[:, : width // 2] += 2
    return gray


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds."""
    return write_video(tmp_path_factory.mktemp("video") / "clip.avi", 50)


def write_video(path: Path, count: int) -> Path:
    """25 frames a second, 400 x 200, every frame brighter than the one before."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (400, 200))
    assert writer.isOpened()
    for number in range(count):
        writer.write(cv2.cvtColor(np.full((200, 400), (4 * number + 10) % 256, np.uint8), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures")
    for number in (10, 2, 1):
        cv2.imwrite(str(path / f"{number}.png"), picture(number))
    (path / "notes.txt").write_text("not a picture")
    (path / "3.jpg").write_bytes(b"not a picture either")
    return path


class FakePicamera2:
    """As much of picamera2.Picamera2 as the adapter uses."""

    stride = 384
    attached: tuple[dict[str, object], ...] = (
        {"Num": 1, "Id": "/base/soc/usb-1.2", "Model": "a webcam"},
        {"Num": 0, "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a", "Model": "imx708"},
    )
    opened = 0
    broken = False

    def __init__(self, camera_num: int = 0) -> None:
        assert camera_num == 0, "the webcam was taken"
        if FakePicamera2.opened:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        FakePicamera2.opened += 1
        self.config: dict[str, dict[str, object]] = {}
        self.running = False
        self.count = 0

    @classmethod
    def global_camera_info(cls) -> list[dict[str, object]]:
        return list(cls.attached)

    def create_video_configuration(self, main, lores, controls):  # type: ignore[no-untyped-def]
        assert main["size"] >= lores["size"]
        assert lores["format"] == "YUV420"
        assert controls["FrameRate"] > 0
        return {"main": main, "lores": lores}

    def configure(self, config: dict[str, dict[str, object]]) -> None:
        self.config = config

    def camera_configuration(self) -> dict[str, dict[str, object]]:
        return self.config

    def start(self) -> None:
        self.running = True

    def capture_array(self, name: str) -> np.ndarray:
        if self.broken or not self.running:
            raise RuntimeError("Camera frontend has timed out!")
        time.sleep(0.002)
        width, height = self.config[name]["size"]  # type: ignore[misc]
        planes = np.full((height * 3 // 2, self.stride), 128, np.uint8)
        planes[:height, :width] = picture(self.count % 20, width, height)
        self.count += 1
        return planes

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        FakePicamera2.opened -= 1


@pytest.fixture
def raspberry(monkeypatch: pytest.MonkeyPatch) -> type[FakePicamera2]:
    module = types.ModuleType("picamera2")
    module.Picamera2 = FakePicamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setattr(FakePicamera2, "opened", 0)
    return FakePicamera2


class Clock:
    """Stands in for the module `time`: it goes on only when somebody waits."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    perf_counter = monotonic

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Waits:
    """Stands in for the event that ends a camera's waiting: the clock goes on instead."""

    def __init__(self, clock: Clock, allowed: bool = True) -> None:
        self._clock, self._allowed, self._set = clock, allowed, False

    def wait(self, seconds: float) -> bool:
        assert self._allowed, "it waited"
        self._clock.sleep(seconds)
        return self._set

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True


class Device:
    """A video file behind the calls of OpenCV that a V4L2 device answers, at a device's pace: 50 frames a second.

    `lost` and `broken` are the numbers of frames that it does not give, or that are no picture.
    """

    def __init__(self, file: cv2.VideoCapture, clock: Clock, lost: Collection[int], broken: Collection[int]) -> None:
        self._file, self._clock, self._lost, self._broken = file, clock, lost, broken
        self.number = -1

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def grab(self) -> bool:
        self._clock.sleep(0.02)
        self.number += 1
        return bool(self._file.grab()) and self.number not in self._lost

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        if self.number not in self._broken:
            return self._file.retrieve()
        if self.number % 2:
            raise cv2.error("(-215:Assertion failed) !buf.empty() in function 'imdecode_'")
        return False, None


def play_file_as_device(
    monkeypatch: pytest.MonkeyPatch, video: Path, lost: Collection[int] = (), broken: Collection[int] = ()
) -> Callable[[], V4l2Camera]:
    """Let the V4L2 camera read its frames from a video file; everything else in it is as it always is."""
    real, clock = cv2.VideoCapture, Clock()
    monkeypatch.setattr(v4l2, "time", clock)
    monkeypatch.setattr(cv2, "VideoCapture", lambda _node, _kind: Device(real(str(video)), clock, lost, broken))
    return lambda: V4l2Camera(video, CONFIG)


# --- The contract ---------------------------------------------------------------------------------------------------

CAMERAS = ["video", "video as fast as it goes", "folder", "folder once", "fake", "picamera", "v4l2"]


@pytest.fixture(params=CAMERAS)
def opener(
    request: pytest.FixtureRequest, video: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Camera]:
    """Opens a camera of each kind."""
    if request.param == "picamera":
        request.getfixturevalue("raspberry")
        return lambda: PiCamera(CONFIG)
    if request.param == "v4l2":
        return play_file_as_device(monkeypatch, video)
    return {
        "video": lambda: VideoCamera(video, CONFIG),
        "video as fast as it goes": lambda: VideoCamera(video, CONFIG, live=False),
        "folder": lambda: FolderCamera(folder, CONFIG),
        "folder once": lambda: FolderCamera(folder, CONFIG, live=False),
        "fake": lambda: FakeCamera([fit(picture(n), 320, 240) for n in range(5)]),
    }[request.param]


def test_contract_frames_are_gray_of_the_wished_size_and_in_order(opener: Callable[[], Camera]) -> None:
    camera = opener()
    frames = list(itertools.islice(camera.frames(), 3))
    camera.close()
    assert len(frames) == 3
    for frame in frames:
        assert frame.gray.dtype == np.uint8
        assert frame.gray.ndim == 2
        assert frame.gray.flags["C_CONTIGUOUS"]
        assert frame.gray.shape[1] == 320
        assert frame.gray.shape[0] <= 240
        assert 0 <= frame.cost_ms < 1000
    times = [frame.at_s for frame in frames]
    assert times == sorted(set(times))
    assert frames[0].gray.mean() < frames[-1].gray.mean()


def test_contract_closing_ends_the_frames_and_may_be_repeated(opener: Callable[[], Camera]) -> None:
    camera = opener()
    frames = camera.frames()
    next(frames)
    camera.close()
    camera.close()
    assert list(itertools.islice(frames, 2)) == []


def test_contract_a_camera_can_be_closed_before_it_was_read(opener: Callable[[], Camera]) -> None:
    opener().close()


def test_contract_a_closed_camera_can_be_opened_anew(opener: Callable[[], Camera]) -> None:
    for _ in range(2):
        camera = opener()
        next(camera.frames())
        camera.close()


def test_contract_it_describes_itself_in_one_line(opener: Callable[[], Camera]) -> None:
    camera = opener()
    assert camera.describe().isprintable()
    assert 4 < len(camera.describe()) < 100
    camera.close()


# --- Pictures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 480), (320, 240)),
        ((596, 336), (320, 180)),
        ((336, 596), (135, 240)),
        ((160, 120), (160, 120)),
        ((5000, 3), (320, 1)),
    ],
)
def test_fit_keeps_the_aspect_cuts_nothing_and_enlarges_nothing(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    gray = np.zeros((size[1], size[0]), np.uint8)
    gray[-1, -1] = 255
    fitted = fit(gray, 320, 240)
    assert (fitted.shape[1], fitted.shape[0]) == expected


def test_fit_does_not_distort() -> None:
    gray = np.zeros((480, 854), np.uint8)
    cv2.circle(gray, (427, 240), 150, 255, -1)
    rows, columns = np.nonzero(fit(gray, 320, 240) > 127)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=1)


def test_turning_is_clockwise() -> None:
    gray = np.zeros((2, 3), np.uint8)
    gray[0, 0] = 9
    assert [tuple(int(i) for i in np.argwhere(turn(gray, degrees) == 9)[0]) for degrees in (0, 90, 180, 270)] == [
        (0, 0),
        (0, 1),
        (1, 2),
        (2, 0),
    ]
    assert turn(gray, 90).shape == (3, 2)


def test_any_number_of_channels_becomes_gray() -> None:
    for shape in ((4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)):
        gray = to_gray(np.full(shape, 77, np.uint8))
        assert gray.shape == (4, 5)
        assert int(gray[0, 0]) == 77


# --- Recordings -----------------------------------------------------------------------------------------------------


def test_a_video_as_fast_as_it_goes_has_its_own_time_and_ends(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = VideoCamera(video, CONFIG, live=False)
    monkeypatch.setattr(camera._pace, "_closed", Waits(Clock(), allowed=False))
    frames = list(camera.frames())
    assert [frame.at_s for frame in frames] == pytest.approx([n / 10 for n in range(20)], abs=0.041)
    assert VideoCamera(video, CONFIG).length_s == pytest.approx(2.0, abs=0.05)


def test_a_slower_rate_than_the_videos_skips_and_a_faster_one_shows_all(video: Path) -> None:
    counts = [len(list(VideoCamera(video, CameraConfig(fps=fps), live=False).frames())) for fps in (1, 5, 12.5, 25, 30)]
    assert counts == [2, 10, 25, 50, 50]


def test_a_live_video_runs_in_real_time_and_drops_what_it_is_late_for(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(footage, "time", clock)
    camera = VideoCamera(video, CONFIG)
    monkeypatch.setattr(camera._pace, "_closed", Waits(clock))
    frames = camera.frames()
    first = next(frames)
    second = next(frames)
    assert second.at_s - first.at_s == pytest.approx(0.12)  # 25 frames a second: the third is the first at or after 0.1
    clock.sleep(0.5)  # the reader was busy
    third = next(frames)
    camera.close()
    assert third.at_s - first.at_s == pytest.approx(0.62, abs=0.02)
    assert third.gray.mean() - first.gray.mean() > 40  # 4 a frame, 25 frames a second: not the next one


def test_a_live_recording_starts_again(tmp_path: Path, folder: Path) -> None:
    video = write_video(tmp_path / "short.avi", 4)
    for camera in (FolderCamera(folder, CameraConfig(fps=30)), VideoCamera(video, CameraConfig(fps=30))):
        means = [frame.gray.mean() for frame in itertools.islice(camera.frames(), 9)]
        camera.close()
        assert sum(later < earlier for earlier, later in itertools.pairwise(means)) >= 2


def test_a_recording_slower_to_decode_than_real_time_is_still_shown() -> None:
    pace = FrameClock(fps=10, live=True)
    pace.begin()
    pace._start_s -= 60  # a minute late
    shown = [pace.take(n / 10) for n in range(5)]
    assert shown[0]
    assert any(shown[1:])


def test_pictures_come_in_natural_order_and_broken_ones_are_left_out(folder: Path) -> None:
    frames = list(FolderCamera(folder, CONFIG, live=False).frames())
    assert [round((frame.gray.mean() - 6) / 10) for frame in frames] == [1, 2, 10]
    assert [frame.at_s for frame in frames] == pytest.approx([0.0, 0.1, 0.3])
    assert FolderCamera(folder, CONFIG).length_s == pytest.approx(0.4)


def test_natural_order() -> None:
    names = ["img10.png", "img2.png", "IMG1.png", "a.png", "img2b.png", "12", "7"]
    assert sorted(names, key=natural) == ["7", "12", "a.png", "IMG1.png", "img2.png", "img2b.png", "img10.png"]


def test_a_picture_with_a_name_in_no_encoding_is_read(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe gr\xfc\xdfe.png")
    content = cv2.imencode(".png", picture(4))[1].tobytes()
    (tmp_path / name).write_bytes(content)
    assert read_picture(tmp_path / name) is not None
    camera = FolderCamera(tmp_path, CONFIG, live=False)
    assert len(list(camera.frames())) == 1


@pytest.mark.parametrize("content", [b"", b"RIFF", b"\x00" * 5000, b"plain text\n" * 100])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(CameraError, match=r"clip\.mp4"):
        list(VideoCamera(path, CONFIG, live=False).frames())


def break_packets(path: Path, numbers: Collection[int]) -> Path:
    """Overwrite the JPEG pictures with these numbers in an MJPG file with zeros."""
    content = bytearray(path.read_bytes())
    at, number = content.index(b"movi"), -1
    while (at := content.find(b"00dc", at + 4)) >= 0:
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        if content[at + 8 : at + 10] != b"\xff\xd8":
            break  # the index at the end
        number += 1
        if number in numbers:
            content[at + 8 : at + 8 + length] = bytes(length)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("bad", "readable"), [([12], 49), ([0, 1, 2], 47), ([0, 49], 48), (range(5, 45), 10), (range(1, 50), 1)]
)
def test_damaged_packets_of_a_video_are_passed_over(tmp_path: Path, bad: Collection[int], readable: int) -> None:
    video = break_packets(write_video(tmp_path / "clip.avi", 50), bad)
    camera = VideoCamera(video, CameraConfig(fps=30), live=False)
    frames = list(camera.frames())
    assert len(frames) == readable
    assert [round(frame.at_s * 25) for frame in frames] == [n for n in range(50) if n not in bad]
    assert camera._bad.count == sum(number < max(set(range(50)) - set(bad)) for number in bad)


def test_a_video_of_damaged_packets_alone_is_refused(tmp_path: Path) -> None:
    for live in (True, False):
        video = break_packets(write_video(tmp_path / "clip.avi", 50), range(50))
        with pytest.raises(CameraError, match="no readable picture"):
            next(VideoCamera(video, CONFIG, live=live).frames())


def test_a_video_too_small_for_a_face_is_refused_and_not_shown_for_ever(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "flat.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (400, 8))
    for _ in range(10):
        writer.write(np.zeros((8, 400, 3), np.uint8))
    writer.release()
    with pytest.raises(CameraError, match="no readable picture"):
        next(VideoCamera(tmp_path / "flat.avi", CONFIG).frames())


def test_the_broken_video_of_a_bug_report(shared_dir: Path) -> None:
    video = shared_dir / "cases" / "mjpg_broken.avi"
    if not video.exists():
        pytest.skip(f"no video at {video}")
    assert len(list(VideoCamera(video, CameraConfig(fps=8), live=False).frames())) == 32


def turn_in_file(video: Path, degrees: int) -> Path:
    """Write into an MP4 file that players turn its pictures clockwise, as a phone does."""
    content = bytearray(video.read_bytes())
    at = content.index(b"tkhd") + 4 + 4 + 5 * 4 + 8 + 8  # ISO/IEC 14496-12, 8.3.2: version 0, up to the matrix
    one = 1 << 16
    a, b = {0: (one, 0), 90: (0, one), 180: (-one, 0), 270: (0, -one)}[degrees]
    content[at : at + 36] = struct.pack(">9i", a, b, 0, -b, a, 0, 0, 0, 1 << 30)
    video.write_bytes(content)
    return video


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_phones_video_is_upright(tmp_path: Path, degrees: int) -> None:
    """OpenCV 4.11 leaves that to the caller, 4.8 and 5 do not."""
    path = tmp_path / "phone.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (320, 160))
    held = np.zeros((160, 320, 3), np.uint8)
    held[:40, :80] = 255  # the corner at the top left
    for _ in range(5):
        writer.write(held)
    writer.release()
    frame = next(VideoCamera(turn_in_file(path, degrees), CONFIG, live=False).frames())
    upright = fit(turn(to_gray(held), degrees), 320, 240)
    assert frame.gray.shape == upright.shape
    assert np.abs(frame.gray.astype(int) - upright).mean() < 5


def test_the_portrait_video_of_a_bug_report(shared_dir: Path) -> None:
    """The same scene, once turned by the file and once as it is."""
    turned, plain = (shared_dir / "cases" / name for name in ("rot_real.mp4", "up.mp4"))
    if not turned.exists():
        pytest.skip(f"no video at {turned}")
    one, other = (next(VideoCamera(path, CONFIG, live=False).frames()).gray.astype(int) for path in (turned, plain))
    assert one.shape == other.shape
    assert np.abs(one - other).mean() < 10


def test_a_file_name_is_never_taken_for_an_address(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tcp:7").write_bytes(video.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert len(list(VideoCamera(Path("tcp:7"), CONFIG, live=False).frames())) == 20


def test_a_gap_in_a_live_recording_is_skipped() -> None:
    """Waiting for its end would look like a camera that hangs."""
    pace = FrameClock(fps=10, live=True)
    pace.begin()
    assert pace.take(0.0)
    assert pace.take(1e6)  # returns at once
    assert pace.take(1e6 + 0.1)


def test_pictures_that_claim_to_be_huge_and_names_that_are_no_files_are_left_out(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    huge = b"\x89PNG\r\n\x1a\n" + chunks
    (tmp_path / "1.png").write_bytes(huge)
    (tmp_path / "2.png").mkdir()
    os.mkfifo(tmp_path / "3.png")
    cv2.imwrite(str(tmp_path / "4.png"), picture(4))
    assert len(list(FolderCamera(tmp_path, CONFIG, live=False).frames())) == 1


@pytest.mark.parametrize(("orientation", "degrees"), [(1, 0), (3, 180), (6, 90), (8, 270)])
def test_a_phones_picture_is_upright(tmp_path: Path, orientation: int, degrees: int) -> None:
    held = np.zeros((160, 320), np.uint8)
    held[:40, :80] = 255
    content = cv2.imencode(".jpg", held)[1].tobytes()
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    (tmp_path / "1.jpg").write_bytes(content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:])
    frame = next(FolderCamera(tmp_path, CONFIG, live=False).frames())
    upright = fit(turn(held, degrees), 320, 240)
    assert frame.gray.shape == upright.shape
    assert np.abs(frame.gray.astype(int) - upright).mean() < 5


def test_a_truncated_video_ends_where_it_is_cut(tmp_path: Path, video: Path) -> None:
    path = tmp_path / "cut.avi"
    path.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    assert 3 <= len(list(VideoCamera(path, CONFIG, live=False).frames())) <= 12


def test_folders_without_a_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no pictures"):
        FolderCamera(tmp_path, CONFIG)
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(CameraError, match="None of the pictures"):
        list(FolderCamera(tmp_path, CONFIG).frames())


def test_a_picture_too_small_for_a_face_is_left_out(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), picture(1, 500, 8))
    cv2.imwrite(str(tmp_path / "2.png"), picture(2))
    assert [f.at_s for f in FolderCamera(tmp_path, CONFIG, live=False).frames()] == pytest.approx([0.1])


def test_frames_are_turned(folder: Path) -> None:
    camera = FolderCamera(folder, CameraConfig(width=320, height=240, rotate=90), live=False)
    assert next(camera.frames()).gray.shape == (320, 160)


# --- The Raspberry Pi's camera, against a stand-in for its library --------------------------------------------------


def test_picamera_gives_the_gray_plane_without_its_padding(raspberry: type[FakePicamera2]) -> None:
    camera = PiCamera(CameraConfig(width=321, height=240, rotate=180))
    frame = next(camera.frames())
    camera.close()
    assert frame.gray.shape == (240, 320)
    assert np.array_equal(frame.gray, turn(picture(0, 320, 240), 180))
    assert camera.describe() == "Raspberry Pi camera imx708"


def test_picamera_in_use_or_failing_is_explained(raspberry: type[FakePicamera2]) -> None:
    first = PiCamera(CONFIG)
    with pytest.raises(CameraError, match="does another program use it"):
        PiCamera(CONFIG)
    frames = first.frames()
    next(frames)
    first._camera.broken = True
    with pytest.raises(CameraError, match="delivers no "):
        next(frames)
    first.close()


def test_picamera_without_a_camera_or_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    assert find_camera() is None
    with pytest.raises(CameraError, match="apt install python3-picamera2"):
        open_camera(CameraConfig(source="picamera"))
    module = types.ModuleType("picamera2")
    module.Picamera2 = type("Picamera2", (), {"global_camera_info": staticmethod(list)})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    with pytest.raises(CameraError, match="check its cable"):
        open_camera(CameraConfig(source="picamera"))


# --- V4L2 -----------------------------------------------------------------------------------------------------------


def test_v4l2_keeps_to_the_rate_and_reports_the_end(monkeypatch: pytest.MonkeyPatch, video: Path) -> None:
    """The device gives 50 frames at 20 ms each, 100 ms apart are wished: most are skipped."""
    times: list[float] = []
    camera = play_file_as_device(monkeypatch, video)()
    with pytest.raises(CameraError, match="was it unplugged"):
        times.extend(frame.at_s for frame in camera.frames())
    assert np.diff(times) == pytest.approx([0.06] + [0.1] * 9)


EVERY = range(10_000)


@pytest.mark.parametrize(
    ("lost", "broken"),
    [((), (0, 1, 2)), ((0, 1, 2), ()), ((), (23,)), ((20,), ()), (range(20, 30), ()), ((), range(20, 30))],
    ids=["bad at first", "lost at first", "one broken", "one lost", "some lost", "some broken"],
)
def test_v4l2_passes_bad_frames_over(
    monkeypatch: pytest.MonkeyPatch, video: Path, lost: Collection[int], broken: Collection[int]
) -> None:
    times: list[float] = []
    camera = play_file_as_device(monkeypatch, video, lost, broken)()
    with pytest.raises(CameraError, match="was it unplugged"):
        times.extend(frame.at_s for frame in camera.frames())
    assert len(times) >= 8
    assert max(np.diff(times)) < 1.0


@pytest.mark.parametrize(
    ("lost", "broken", "words"), [(EVERY, (), "was it unplugged"), ((), EVERY, "only unreadable frames")]
)
def test_v4l2_calls_only_a_run_of_bad_frames_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lost: Collection[int], broken: Collection[int], words: str
) -> None:
    """After `hang_s`, and without burning the core meanwhile."""
    camera = play_file_as_device(monkeypatch, write_video(tmp_path / "long.avi", 300), lost, broken)()
    with pytest.raises(CameraError, match=words):
        next(camera.frames())
    assert v4l2.time.monotonic() - 1000.0 == pytest.approx(CONFIG.hang_s, abs=0.2)
    assert camera._bad.count == pytest.approx(CONFIG.hang_s / (0.07 if lost else 0.02), abs=3)


def test_v4l2_says_at_once_that_the_camera_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    node = write_video(tmp_path / "video0.avi", 10)
    camera = play_file_as_device(monkeypatch, node, lost=range(1, 100))()
    frames = camera.frames()
    next(frames)
    node.unlink()
    with pytest.raises(CameraError, match="was it unplugged"):
        next(frames)
    assert v4l2.time.monotonic() - 1000.0 < 0.5


def test_v4l2_without_the_device(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="plug it in"):
        open_camera(CameraConfig(source=f"v4l2:{tmp_path}/video7"))
    (tmp_path / "video7").touch()
    assert card_of(tmp_path / "video7") is None
    with pytest.raises(CameraError, match="cannot be opened"):
        open_camera(CameraConfig(source=f"v4l2:{tmp_path}/video7"))


def capability(driver: bytes, caps: int, node_caps: int) -> bytes:
    """What the kernel answers to VIDIOC_QUERYCAP."""
    return v4l2.CAPABILITY.pack(driver, b"A Camera", b"usb-1", 0x60100, caps, node_caps)


@pytest.mark.parametrize(
    ("answer", "card"),
    [
        (capability(b"uvcvideo", 0x84A00001, 0x04200001), "A Camera"),
        (capability(b"uvcvideo", 0x84A00001, 0x04A00000), None),  # the metadata node of the same camera
        (capability(b"bcm2835-codec", 0x84204000, 0x04204000), None),  # a decoder
        (capability(b"unicam", 0x85A00001, 0x05200001), None),  # the Pi's raw sensor
        (capability(b"rp1-cfe", 0xA5A00001, 0x25200001), None),
        (capability(b"vivid", 0x04200001, 0), "A Camera"),  # an old kernel without device_caps
    ],
)
def test_v4l2_knows_cameras_from_other_nodes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: bytes, card: str | None
) -> None:
    node = tmp_path / "video0"
    node.touch()
    monkeypatch.setattr(v4l2.fcntl, "ioctl", lambda _handle, _request, _buffer: answer)
    assert card_of(node) == card


def test_v4l2_takes_the_first_camera_by_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("video10", "video2", "video1", "video-dec0"):
        (tmp_path / name).touch()
    monkeypatch.setattr(v4l2, "card_of", lambda node: None if node.name == "video1" else "camera")
    assert find_node(tmp_path) == tmp_path / "video2"


@pytest.mark.skipif(find_node() is None, reason="no V4L2 camera on this machine")
def test_v4l2_real_camera() -> None:
    camera = open_camera(CameraConfig(source=f"v4l2:{find_node()}", width=320, height=240, fps=5))
    frames = list(itertools.islice(camera.frames(), 4))
    camera.close()
    assert all(frame.gray.ndim == 2 and frame.gray.shape[1] <= 320 for frame in frames)
    assert frames[-1].at_s - frames[0].at_s == pytest.approx(0.6, abs=0.3)


# --- Which camera ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pi", "node", "expected"),
    [((0, "imx708"), Path("/dev/video0"), "pi"), (None, Path("/dev/video3"), "/dev/video3"), (None, None, None)],
)
def test_auto_takes_the_pi_camera_first_then_v4l2(
    monkeypatch: pytest.MonkeyPatch, pi: tuple[int, str] | None, node: Path | None, expected: str | None
) -> None:
    monkeypatch.setattr(cameras, "find_camera", lambda: pi)
    monkeypatch.setattr(cameras, "find_node", lambda: node)
    monkeypatch.setattr(cameras, "PiCamera", lambda _config: "pi")
    monkeypatch.setattr(cameras, "V4l2Camera", lambda path, _config, _fastest_fps: str(path))
    if expected is None:
        with pytest.raises(CameraError, match="plug one in"):
            open_camera(CameraConfig())
    else:
        assert open_camera(CameraConfig()) == expected


def test_a_source_that_is_nothing_is_explained() -> None:
    with pytest.raises(CameraError, match=r"'rtsp://somewhere'.*set camera.source"):
        open_camera(CameraConfig(source="rtsp://somewhere"))


@pytest.mark.parametrize("fps", [0.0, -1.0, 1e-9, 1e9, float("inf"), float("nan")])
def test_a_rate_that_no_camera_has_is_explained(video: Path, fps: float) -> None:
    with pytest.raises(CameraError, match=r"set camera\.fps"):
        open_camera(CameraConfig(source=str(video), fps=fps))


def test_the_source_chooses(video: Path, folder: Path) -> None:
    for source, kind in ((video, VideoCamera), (folder, FolderCamera)):
        camera = open_camera(CameraConfig(source=str(source)), live=False)
        assert isinstance(camera, kind)
        camera.close()


def test_the_fake_can_be_unplugged_and_can_hang() -> None:
    unplugged = FakeCamera([picture(1)], then="unplug").frames()
    next(unplugged)
    with pytest.raises(CameraError):
        next(unplugged)
    hanging = FakeCamera([picture(1)], then="hang")
    frames = hanging.frames()
    next(frames)
    hanging.close()
    assert list(frames) == []
