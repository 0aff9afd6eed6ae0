"""The volume of a group: every device keeps its share of the loudest one's."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_group_session import Device

from device.core.group_control import FORWARDED
from device.core.group_volume import HOLD_S, GroupVolume, Loudness
from device.domain import (
    Action,
    Answer,
    Asked,
    LeaderHeard,
    LeaderRecord,
    Linked,
    MemberHeard,
    MemberOnline,
    Origin,
    SetGroup,
    SetGroupVolume,
    SetVolume,
    TellGroup,
)
from device.domain.rooms import Member
from device.mqtt import documents
from device.mqtt.topics import Topics
from device.rooms.documents import encode, read_member

HOUSE = st.lists(st.integers(0, 100), min_size=1, max_size=5)


class House:
    """Devices that hear the same commands; their volumes are published a while later."""

    def __init__(self, volumes: list[int], ceilings: list[int] | None = None) -> None:
        self.devices = [Loudness(*one) for one in zip(volumes, ceilings or [100] * len(volumes), strict=True)]
        self.parts = [GroupVolume() for _ in volumes]
        self.mono = 0.0

    def set(self, percent: int, later_s: float = 10.0) -> list[int]:
        """The volumes after this command, which comes so long after the last one."""
        self.mono += later_s
        known = list(self.devices)
        for number, part in enumerate(self.parts):
            own = self.devices[number]
            seen = [*known[:number], own, *known[number + 1 :]]
            self.devices[number] = replace(own, volume=part.set(percent, own, seen, self.mono))
        return self.volumes

    def by_hand(self, number: int, percent: int) -> None:
        self.devices[number] = replace(self.devices[number], volume=percent)

    @property
    def volumes(self) -> list[int]:
        return [one.volume for one in self.devices]


def test_the_others_keep_their_share_of_the_loudest() -> None:
    house = House([40, 20, 10, 0])
    assert house.set(80) == [80, 40, 20, 0]
    assert house.set(3) == [3, 2, 1, 0]
    assert house.set(40) == [40, 20, 10, 0]  # no error of rounding is left


def test_the_balance_survives_zero_and_a_hand_that_drags() -> None:
    house = House([40, 20])
    for percent in (39, 20, 7, 1, 0, 2, 11, 60, 40):
        house.set(percent, 0.1)
    assert house.volumes == [40, 20]
    assert house.set(0) == [0, 0]
    assert house.set(60) == [60, 30]
    assert House([0, 0]).set(25) == [25, 25]


def test_it_ends_at_the_limit_of_the_loudest_and_limits_of_others_count_for_them_alone() -> None:
    house = House([40, 20, 20], [60, 100, 25])
    assert house.set(100) == [60, 30, 25]
    assert house.set(40) == [40, 20, 20]
    part, devices = GroupVolume(), [Loudness(40, 60), Loudness(20)]
    assert part.top(devices, 0.0) == 60


def test_a_volume_by_hand_is_a_new_balance() -> None:
    house = House([40, 20])
    house.set(60)
    house.by_hand(1, 60)
    assert house.set(30) == [30, 30]
    house.by_hand(0, 80)
    assert house.set(40) == [40, 15]


def test_until_the_others_have_published_theirs_the_command_counts() -> None:
    part, devices = GroupVolume(), [Loudness(40), Loudness(20)]
    assert part.set(80, devices[0], devices, 0.0) == 80
    assert part.level(devices, HOLD_S / 2) == 80
    assert part.level(devices, HOLD_S) == 40


@given(HOUSE, st.lists(st.tuples(st.integers(0, 100), st.sampled_from([0.05, 5.0])), max_size=12), st.integers(1, 100))
def test_wherever_the_volume_goes_it_comes_back_to_the_same_balance(
    volumes: list[int], ways: list[tuple[int, float]], back: int
) -> None:
    house = House(volumes)
    first = house.set(back)
    for percent, later_s in ways:
        assert max(house.set(percent, later_s)) == percent
    assert house.set(back, 5.0) == first


# --- In the session ---


def group(volume: int = 20, other: int = 40) -> Device:
    """A device of a group in which another one leads, and is louder."""
    device = Device()
    device.follow()
    device.ask(SetVolume(volume))
    device.hear(MemberHeard(Member("a", tracks=9, volume=other, max_volume=90)))
    return device


def told(actions: list[Action]) -> list[object]:
    return [one.command for one in actions if isinstance(one, TellGroup)]


def test_whoever_is_asked_tells_the_group_and_everybody_obeys() -> None:
    device = group()
    assert device.snapshot.group.volume == 40
    (order,) = told(device.ask(SetGroupVolume(60)))
    assert order == SetGroupVolume(60)
    assert device.snapshot.playback.volume == 20  # until the group has heard it
    assert device.put(Asked(order, Origin(FORWARDED, "order", ""))) is not None
    assert (device.snapshot.playback.volume, device.snapshot.group.volume) == (30, 60)


def test_steps_become_volumes_and_the_limit_of_the_loudest_gets_a_sentence() -> None:
    device = group()
    assert told(device.ask(SetGroupVolume(-5, relative=True))) == [SetGroupVolume(35)]
    actions = device.ask(SetGroupVolume(95))
    assert told(actions) == [SetGroupVolume(90)]
    assert [one.message for one in actions if isinstance(one, Answer)] == [
        "The loudest device of the group is limited to 90%."
    ]


def test_without_a_group_or_a_broker_there_is_a_sentence() -> None:
    device = group()
    device.hear(Linked(False))
    (answer,) = [one.message for one in device.ask(SetGroupVolume(10)) if isinstance(one, Answer)]
    assert "broker" in answer
    device.ask(SetGroup(""))
    (answer,) = [one.message for one in device.ask(SetGroupVolume(10)) if isinstance(one, Answer)]
    assert answer == "This device plays alone; set its own volume."
    assert told(device.actions) == []


def test_a_member_of_an_earlier_version_does_not_count() -> None:
    device = group()
    device.hear(MemberHeard(Member("a", tracks=9)))
    assert device.snapshot.group.volume == 20


def test_the_leader_publishes_it() -> None:
    device = Device()
    device.hear(LeaderHeard(LeaderRecord("b", 1)))
    device.follow()
    device.hear(LeaderHeard(LeaderRecord("a", 3, 5, "10.0.0.1", resigned=True, heir="b")))
    device.wait(10)
    assert device.group.leads
    device.hear(MemberHeard(Member("c", tracks=5, volume=70)), MemberOnline("c", True))
    assert device.group.music.volume == 70


# --- On the wire ---


@pytest.mark.parametrize(
    ("topic", "command"),
    [
        ("affetto/box/group_volume/set", SetGroupVolume(40)),
        ("affetto/group/home/volume/set", SetGroupVolume(40)),
        ("affetto/group/home/group_volume/set", SetGroupVolume(40)),
        ("affetto/room/kitchen/volume/set", SetVolume(40)),
        ("affetto/box/volume/set", SetVolume(40)),
    ],
)
def test_topics(topic: str, command: object) -> None:
    assert Topics("affetto", "box").parse(topic, b"40") == command


def test_documents() -> None:
    member = Member("a", volume=40, max_volume=90)
    assert read_member(encode(member)) == member
    assert read_member(json.dumps({"id": "a"}).encode()).volume is None
    assert read_member(json.dumps({"id": "a", "volume": 101}).encode()) is None
    device = group()
    assert documents.group_volume_state(device.snapshot.group) == b"40"
    assert documents.group_volume_state(None) == b"None"
