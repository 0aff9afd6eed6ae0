"""The camera's hardware switch: off is off, whatever anybody sets, at boot, and if the switch cannot be read."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.check import camera as camera_check
from device.check.finding import Verdict
from device.config.schema import CameraConfig, Config
from device.domain import CloseEye, EyeClosed, EyeOpened, Log, Memory, OpenEye, SwitchTurned
from device.errors import CameraError
from device.perception import camera_switch
from device.perception.camera import FakeCamera, GuardedCamera, open_camera
from device.perception.camera_switch import ASK_KEYS, KEY_BYTES, KEY_CAMERA, CameraSwitch, SwitchWatch
from tests.test_session import UP, Room, said

UINPUT = Path("/dev/uinput")
# linux/uinput.h: struct uinput_user_dev is name[80], bustype, vendor, product, version, ff_effects_max, 4 tables of 64
USER_DEV, KEY_EVENT = "80sHHHHI256x256x256x256x", 1
SET_EV, SET_KEY, CREATE, DESTROY = 0x40045564, 0x40045565, 0x5501, 0x5502

Turn = Callable[[bool], None]
Keys = tuple[Path, Turn]


class FakeKeys:
    """Stands in for the kernel: an input device in a file, whose keys `turn` holds down."""

    def __init__(self, path: Path) -> None:
        self.path, self.keys = path, bytearray(KEY_BYTES)
        path.touch()

    def turn(self, on: bool) -> None:
        self.keys[KEY_CAMERA // 8] = (1 if on else 0) << KEY_CAMERA % 8

    def ioctl(self, _handle: int, request: int, _room: bytes) -> bytes:
        if request != ASK_KEYS:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        return bytes(self.keys)


class RealKeys:
    """An input device of the kernel with the one key "camera"."""

    def __init__(self) -> None:
        self._handle = os.open(UINPUT, os.O_WRONLY)
        before = set(Path("/dev/input").glob("event*"))
        fcntl.ioctl(self._handle, SET_EV, KEY_EVENT)
        fcntl.ioctl(self._handle, SET_KEY, KEY_CAMERA)
        os.write(self._handle, struct.pack(USER_DEV, b"camera switch", 6, 1, 1, 1, 0))
        fcntl.ioctl(self._handle, CREATE)
        deadline_s = time.monotonic() + 5
        while not (new := set(Path("/dev/input").glob("event*")) - before):
            assert time.monotonic() < deadline_s, "the kernel shows no new input device"
        (self.path,) = new

    def turn(self, on: bool) -> None:
        for kind, code, value in ((KEY_EVENT, KEY_CAMERA, int(on)), (0, 0, 0)):
            os.write(self._handle, struct.pack("=qqHHi", 0, 0, kind, code, value))

    def close(self) -> None:
        fcntl.ioctl(self._handle, DESTROY)
        os.close(self._handle)


@pytest.fixture(params=["fake", "real"])
def keys(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    if request.param == "fake":
        fake = FakeKeys(tmp_path / "event7")
        monkeypatch.setattr(camera_switch.fcntl, "ioctl", fake.ioctl)
        yield fake.path, fake.turn
    elif not os.access(UINPUT, os.W_OK):
        pytest.skip("This machine lets nobody make input devices (/dev/uinput).")
    else:
        with closing(RealKeys()) as real:
            yield real.path, real.turn


def test_the_kernel_says_where_the_switch_is(keys: Keys) -> None:
    path, turn = keys
    switch, watch = CameraSwitch(str(path)), SwitchWatch(str(path))
    assert switch.read() == SwitchTurned(False)
    assert watch.look() == SwitchTurned(False)
    assert watch.look() is None
    turn(True)
    assert switch.read() == SwitchTurned(True)
    assert watch.look() == SwitchTurned(True)
    turn(False)
    assert watch.look() == SwitchTurned(False)


def test_no_switch_allows_everything() -> None:
    assert CameraSwitch("").read() == SwitchTurned(True)
    assert SwitchWatch("").look() is None


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_switch_that_cannot_be_read_is_off(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    position = CameraSwitch(str(tmp_path / name)).read()
    assert not position.on
    assert f"{tmp_path / name} cannot be read (" in position.problem
    assert position.problem.endswith("so the camera stays off; correct camera.switch, or leave it empty.")


def test_the_eye_itself_ends_when_the_switch_turns(keys: Keys) -> None:
    path, turn = keys
    turn(True)
    pictures = [np.zeros((48, 64), np.uint8)] * 3
    frames = GuardedCamera(FakeCamera(pictures), CameraSwitch(str(path))).frames()
    assert next(frames).gray.shape == (48, 64)
    turn(False)
    with pytest.raises(CameraError, match=r"The camera's switch is off; slide it to on\."):
        next(frames)


def test_no_camera_is_opened_while_it_is_off(keys: Keys, tmp_path: Path) -> None:
    path, _turn = keys
    config = CameraConfig(source=str(tmp_path / "no such camera"), switch=str(path))
    with pytest.raises(CameraError, match="switch is off"):
        open_camera(config)
    with pytest.raises(CameraError, match="no such camera"):  # a recording that somebody replays is no camera
        open_camera(config, live=False)


def room(consent: bool) -> Room:
    return Room(Memory(camera=consent), camera={"switch": "/dev/input/affetto-camera"})


def problems(box: Room) -> list[str]:
    return [one for one in box.snapshot.health.problems if "camera" in one or "switch" in one]


def eye_actions(actions: list[object]) -> list[object]:
    return [action for action in actions if isinstance(action, OpenEye | CloseEye)]


def test_at_boot_the_camera_waits_for_the_switch() -> None:
    box = room(consent=True)
    assert eye_actions(box.log) == []
    assert eye_actions(box.tell(SwitchTurned(True))) == [OpenEye()]


def test_off_is_off_and_consent_returns_with_the_switch() -> None:
    box = room(consent=True)
    box.tell(SwitchTurned(True), EyeOpened("a camera"))
    actions = box.tell(SwitchTurned(False))
    assert eye_actions(actions) == [CloseEye()]
    (words,) = [action.message for action in actions if isinstance(action, Log)]
    assert words == "The camera's switch is off, so the camera is off, whatever else anybody sets."
    assert box.session.memory.camera  # consent was not withdrawn
    assert eye_actions(box.tell(EyeClosed(""), SwitchTurned(True))) == [OpenEye()]


def test_nobody_can_switch_it_on_from_elsewhere() -> None:
    box = room(consent=False)
    box.tell(SwitchTurned(False))
    actions = box.say("camera", "ON")
    assert eye_actions(actions) == []
    (refusal,) = said(actions, "error")
    assert refusal["message"] == "The switch on the device holds the camera off; slide it to on first."
    assert eye_actions(box.tell(SwitchTurned(True))) == []  # the refused ON is not remembered


def test_consent_can_be_withdrawn_while_it_is_off() -> None:
    box = room(consent=True)
    box.say("camera", "OFF")
    assert eye_actions(box.tell(SwitchTurned(True))) == []


def test_everybody_sees_off_by_the_switch() -> None:
    box = room(consent=True)
    published = box.tell(UP, SwitchTurned(True), SwitchTurned(False))
    assert said(published, "camera/state") == ["OFF", "ON", "OFF"]
    shown = box.snapshot
    assert (shown.camera.wanted, shown.camera.open, shown.camera.switched_off) == (False, False, True)
    assert shown.health.camera == "off (switch)"
    assert said(published, "health")[-1]["camera"] == "off (switch)"


def test_the_eyes_own_complaint_about_the_switch_is_no_problem() -> None:
    box = room(consent=True)
    box.tell(SwitchTurned(True), EyeOpened("a camera"))
    box.tell(SwitchTurned(False), EyeClosed(camera_switch.OFF), EyeClosed(""))
    assert not problems(box)


def test_a_broken_switch_is_a_problem() -> None:
    box = room(consent=True)
    box.tell(SwitchTurned(False, "The camera's switch cannot be read."))
    assert "The camera's switch cannot be read." in problems(box)
    box.tell(SwitchTurned(True))
    assert not problems(box)


def test_the_check_names_the_switch(keys: Keys) -> None:
    path, turn = keys
    config = Config(camera=CameraConfig(source="/dev/video99", switch=str(path)))
    switch, camera = camera_check.camera(config, None, switched_on=True, asked=True, busy=False)
    assert (switch.part, switch.verdict) == ("camera switch", Verdict.WELL)
    assert switch.words.startswith("off: ")
    assert camera.words == "/dev/video99; not opened, because its switch is off"
    turn(True)
    assert next(camera_check.camera(config, None, switched_on=False, asked=False, busy=False)).words == "on"
    gone = replace(config, camera=replace(config.camera, switch=f"{path}.gone"))
    assert next(camera_check.camera(gone, None, switched_on=False, asked=False, busy=False)).verdict is Verdict.PROBLEM
