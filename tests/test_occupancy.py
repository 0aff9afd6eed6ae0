"""Somebody is in the room, or was a moment ago: from readings to the topic."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_session import UP, Room, feeling, said

from device import identity
from device.config.schema import Config, PageConfig
from device.domain import Emotion, EyeClosed, EyeOpened, EyeRead, Identity, Memory, Reading, Tick

EMPTY = Reading(at_s=0.0, faces=())


def test_the_room_stays_occupied_for_a_while_after_the_last_face() -> None:
    room = Room(Memory(camera=True), mood={"occupied_s": 60.0})
    assert said(room.tell(UP), "occupancy/state") == ["None"]
    room.tell(EyeOpened("a camera"))
    assert said(room.tell(EyeRead(EMPTY)), "occupancy/state") == ["OFF"]
    assert said(room.show(Emotion.HAPPINESS, 5), "occupancy/state") == ["ON"]
    room.pass_time(30)
    assert said(room.tell(EyeRead(EMPTY), Tick()), "occupancy/state") == []
    room.pass_time(61)
    assert said(room.tell(Tick()), "occupancy/state") == ["OFF"]


@pytest.mark.parametrize("problem", ["", "the camera was pulled out"])
def test_without_an_open_camera_nobody_knows(problem: str) -> None:
    room = Room(Memory(camera=True))
    room.tell(UP, EyeOpened("a camera"))
    room.show(Emotion.NEUTRAL, 5)
    assert said(room.tell(EyeClosed(problem)), "occupancy/state") == ["None"]
    room.tell(EyeOpened("a camera"))
    assert said(room.tell(EyeRead(EMPTY)), "occupancy/state") == ["OFF"]  # not the face of before


def test_occupancy_says_nothing_about_who_it_is() -> None:
    room = Room(Memory(camera=True))
    room.tell(UP, EyeOpened("a camera"))
    (payload,) = said(room.show(Emotion.ANGER, 5), "occupancy/state")
    assert payload == "ON"
    assert feeling(Emotion.ANGER).faces  # there was a face indeed


def machine(root: Path) -> Path:
    """The files of a Raspberry Pi with a cable, a tunnel and a bridge."""
    tree, cards = root / "proc/device-tree", root / "sys/class/net"
    tree.mkdir(parents=True)
    (tree / "serial-number").write_bytes(b"10000000a1b2c3d4\0")
    (tree / "model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    for name, mac, real in (("eth0", "B8:27:EB:01:02:03", True), ("lo", "00:00:00:00:00:00", True),
                            ("wlan0", "rubbish", True), ("docker0", "02:42:00:00:00:01", False)):  # fmt: skip
        (cards / name).mkdir(parents=True)
        (cards / name / "address").write_text(mac + "\n")
        if real:
            (cards / name / "device").mkdir()
    return root


def test_the_identity_of_a_board(tmp_path: Path) -> None:
    found = identity.read(Config(), machine(tmp_path))
    assert found == Identity(
        "10000000a1b2c3d4", ("b8:27:eb:01:02:03",), "Raspberry Pi 4 Model B Rev 1.4", "http://affetto.local"
    )


def test_a_machine_that_says_nothing_has_no_identity(tmp_path: Path) -> None:
    assert identity.read(Config(page=PageConfig(enabled=False)), tmp_path) == Identity()
    assert identity.read(Config(page=PageConfig(port=8080)), tmp_path).page == "http://affetto.local:8080"
