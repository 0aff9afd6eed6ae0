"""The leader's answer to a command returns to the member that passed the command on, and to nobody else."""

from __future__ import annotations

import json
import random
import socket
from contextlib import closing
from dataclasses import replace

import msgspec
import paho.mqtt.client as paho
import pytest

from device.config.schema import Config, DeviceConfig, RoomsConfig
from device.core.session import Session
from device.domain import (
    Answer,
    Asked,
    Event,
    FromGroup,
    GroupTick,
    GroupView,
    Handled,
    LeaderAnswered,
    Member,
    Memory,
    Now,
    Origin,
    SetPlayback,
    Transport,
)
from device.rooms import documents
from device.rooms.adapter import Rooms
from device.rooms.channel import ORDERS
from device.rooms.link import LinkRequest, Message

NOW = Now(0.0, 0.0)
NEXT = SetPlayback(Transport.NEXT)
ORDER = {"name": "playback", "fields": msgspec.to_builtins(NEXT)}


class Wire:
    """A connection that writes down what is published."""

    alive = True

    def __init__(self, request: LinkRequest) -> None:
        self.request, self.said = request, list[tuple[str, bytes, bool]]()

    def start(self) -> None: ...
    def close(self) -> None: ...

    def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        self.said.append((topic, payload, retain))


class End:
    """One end of a group: a surface, its wire, and the events that it hears."""

    def __init__(self, me: str, leader: str) -> None:
        self.events: list[Event] = []
        self.wires: list[Wire] = []
        config = Config(device=DeviceConfig(id=me), rooms=RoomsConfig(address="127.0.0.9", port=free_port()))
        self.rooms = Rooms(config, self.events.append, self._connect, lambda: None)
        group = GroupView("home", me, leader=leader, members=(Member(me),))
        alone = Session(config, Memory(), [], random.Random(1)).start(NOW).snapshot
        self.rooms.show(replace(alone, group=group), NOW)

    def _connect(self, request: LinkRequest) -> Wire:
        self.wires.append(Wire(request))
        return self.wires[-1]

    def hear(self, said: tuple[str, bytes, bool]) -> list[Event]:
        topic, payload, retain = said
        assert any(paho.topic_matches_sub(one, topic) for one in self.wires[0].request.filters)
        self.events.clear()
        self.wires[0].request.take(Message(topic, payload, retain))
        return [one for one in self.events if not (isinstance(one, FromGroup) and isinstance(one.news, GroupTick))]

    def close(self) -> None:
        self.rooms.close()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.9", 0))
        return int(probe.getsockname()[1])


def test_the_leaders_answer_returns_to_the_member_that_passed_the_command_on() -> None:
    with closing(End("a", "a")) as leader, closing(End("b", "a")) as member, closing(End("c", "a")) as other:
        member.rooms.forward(NEXT, 7)
        [order] = member.wires[0].said
        for end in (leader, other):
            [asked] = end.hear(order)
            assert isinstance(asked, Asked)
            assert asked.command == NEXT
            for sentence in ("Nothing plays.", "Nothing follows."):
                end.rooms.notify(Answer(asked.origin, sentence))
            end.rooms.notify(Handled(asked.origin))
            end.rooms.notify(Handled(Origin("MQTT", "topic")))
        assert other.wires[0].said == []
        [answer] = leader.wires[0].said
        assert (answer[0], answer[2]) == ("affetto/group/home/member/b/answer", False)
        assert member.hear(answer) == [FromGroup("home", LeaderAnswered(7, "Nothing plays. Nothing follows."))]
        assert not any(paho.topic_matches_sub(one, answer[0]) for one in other.wires[0].request.filters)


def test_a_refusal_that_comes_after_the_answer_belongs_to_no_other_command() -> None:
    """A stream that a member asked for may fail an hour later, and the numbers of a member that restarted repeat."""
    with closing(End("a", "a")) as leader, closing(End("b", "a")) as member:
        channel = leader.rooms._channel
        assert channel is not None
        for _ in range(2):
            member.rooms.forward(NEXT, 7)
            [asked] = leader.hear(member.wires[0].said[-1])
            assert isinstance(asked, Asked)
            leader.rooms.notify(Handled(asked.origin))
            assert member.hear(leader.wires[0].said[-1]) == [FromGroup("home", LeaderAnswered(7, ""))]
            leader.rooms.notify(Answer(asked.origin, "The connection to the server broke."))
        assert channel._orders == {}


def test_orders_that_the_inbox_dropped_do_not_pile_up() -> None:
    with closing(End("a", "a")) as leader:
        for number in range(1000):
            order = ORDER | {"member": "b", "number": number}
            leader.hear(("affetto/group/home/order", json.dumps(order).encode(), False))
        channel = leader.rooms._channel
        assert channel is not None
        assert len(channel._orders) == ORDERS


def test_an_order_of_an_older_version_is_obeyed_and_not_answered() -> None:
    with closing(End("a", "a")) as leader:
        [asked] = leader.hear(("affetto/group/home/order", json.dumps(ORDER).encode(), False))
        assert isinstance(asked, Asked)
        leader.rooms.notify(Handled(asked.origin))
        assert leader.wires[0].said == []


@pytest.mark.parametrize("member", ["../x", "a/b", "+", "#"])
def test_an_answer_goes_to_a_member_only(member: str) -> None:
    assert documents.read_order(json.dumps(ORDER | {"member": member, "number": 1}).encode()) is None
