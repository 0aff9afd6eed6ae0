"""What a leader of this version says in its group. `python -m tests.group_recording > FILE` records it.

Record it to tests/snapshots before you change the documents of a group. tests/test_group_versions.py lets the recorded
leader lead.
"""

from __future__ import annotations

import json
import random
import sys

from device.config.schema import Config, DeviceConfig, RoomsConfig
from device.core.session import Session
from device.domain import (
    Asked,
    Enqueue,
    FromGroup,
    GroupTick,
    LeaderHeard,
    LibraryLoaded,
    Linked,
    MemberHeard,
    MemberOnline,
    Memory,
    MoodName,
    Now,
    Origin,
    Position,
    SetMood,
    SetPlayback,
    Track,
    TrackStarted,
    Transport,
    VoteSkip,
)
from device.domain.rooms import Member
from device.rooms.adapter import Rooms
from device.rooms.link import LinkRequest, Up

GROUP, LEADER, FOLLOWER = "home", "a", "b"
TRACKS = tuple(
    Track(f"k{n}", f"file:///music/{n}.wav", f"Song {n}", "Band", "Album", 200.0, mood=MoodName.CALM) for n in range(6)
)


class Wire:
    """A connection that writes down what is published."""

    alive = True

    def __init__(self, request: LinkRequest) -> None:
        self.said: list[tuple[str, bytes, bool]] = []
        self._request = request

    def start(self) -> None:
        self._request.take(Up("10.0.0.9:1883"))

    def close(self) -> None: ...

    def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        self.said.append((topic, payload, retain))


def record(port: int) -> list[dict[str, object]]:
    """The latest message on each topic: a leader whose song plays, with a request, a vote and a mood set by hand, and
    an order."""
    config = Config(
        device=DeviceConfig(id=LEADER, name="Kitchen", room="kitchen"),
        rooms=RoomsConfig(address="127.0.0.9", port=port),
    )
    wires: list[Wire] = []

    def connect(request: LinkRequest) -> Wire:
        wires.append(Wire(request))
        return wires[-1]

    rooms = Rooms(config, lambda _: None, connect, lambda: 0.25)
    session, mono = Session(config, Memory(group=GROUP), [], random.Random(1)), 100.0
    session.start(Now(mono, 1e9))
    news = [
        Linked(True, "10.0.0.1"), MemberHeard(Member(FOLLOWER, tracks=3, profiles=("Ada", "Ben"))),
        MemberOnline(FOLLOWER, True),
    ]  # fmt: skip
    events = [LibraryLoaded(TRACKS), *(FromGroup(GROUP, one) for one in news)]
    orders = [SetMood(MoodName.HAPPY), Enqueue(("k3",), by="Ada"), VoteSkip("Ben")]
    for number in range(200):
        mono += 0.25
        event = events.pop(0) if events else FromGroup(GROUP, GroupTick())
        if number > 150 and orders:
            event = Asked(orders.pop(0), Origin("MQTT"))
        snapshot = session.handle(event, Now(mono, 1e9 + mono)).snapshot
        group = snapshot.group
        for echo in (MemberOnline(LEADER, True), LeaderHeard(group.record) if group and group.record else GroupTick()):
            snapshot = session.handle(FromGroup(GROUP, echo), Now(mono, 1e9 + mono)).snapshot
        for serial in range(1, 6):
            snapshot = session.handle(
                TrackStarted(serial, Position(mono - 100.0, mono, True)), Now(mono, 1e9 + mono)
            ).snapshot
        rooms.show(snapshot, Now(mono, 1e9 + mono))
    rooms.forward(SetPlayback(Transport.NEXT), 7)
    said = {topic: (payload, retain) for topic, payload, retain in wires[0].said if "/group/" in topic}
    rooms.close()
    return [
        {"topic": topic, "payload": payload.decode(), "retain": retain} for topic, (payload, retain) in said.items()
    ]


if __name__ == "__main__":
    json.dump(record(18_399), sys.stdout, indent=1)
    print()
