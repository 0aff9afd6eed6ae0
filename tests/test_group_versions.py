"""A group whose members have different versions: the leader of an earlier version, as recorded, leads this one."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from test_group_answers import End, free_port
from test_group_session import Device
from test_group_session import played as plays

from device.domain import (
    Forward,
    FromGroup,
    GroupNews,
    LeaderHeard,
    LibraryLoaded,
    Linked,
    MemberOnline,
    MoodName,
    PlaybackState,
    SetSleep,
)
from device.rooms import datagram
from device.rooms.channel import duty
from device.rooms.datagram import Datagram
from tests.group_recording import GROUP, LEADER, TRACKS, record

EARLIER = json.loads((Path(__file__).parent / "snapshots/group_0.1.0.json").read_text())


def news() -> list[GroupNews]:
    """What a member of this version hears of the recorded messages."""
    heard: list[GroupNews] = []
    with closing(End("b", LEADER)) as member:
        for one in EARLIER:
            topic = one["topic"]
            if topic.split("/")[3] in ("queue", "vote"):  # for dashboards
                continue
            events = member.hear((topic, one["payload"].encode(), one["retain"]))
            heard += [event.news for event in events if isinstance(event, FromGroup)]
            assert events, f"{topic} is not understood"
    return heard


@pytest.fixture
def device() -> Device:
    """A device of this version, in the group of the earlier leader."""
    made = Device(tracks=())
    made.put(LibraryLoaded(TRACKS))
    made.hear(Linked(True, "10.0.0.2"), *news())
    return made


def test_a_leader_of_an_earlier_version_leads(device: Device) -> None:
    assert device.group.leader == LEADER
    shown = device.snapshot
    assert shown.playback.choice is not None
    assert (shown.playback.state, shown.playback.choice.track.title) == (PlaybackState.PLAYING, "Song 2")
    assert [entry.choice.track.title for entry in shown.queue] == ["Song 3"]
    assert (shown.mood.name, shown.skip_votes.voters) == (MoodName.HAPPY, ("Ben",))
    assert shown.schedule.sleep_until is None
    assert plays(device.actions) == []
    [forward] = [one for one in device.ask(SetSleep(30)) if isinstance(one, Forward)]
    assert forward.command == SetSleep(30)


def test_this_version_takes_over_from_an_earlier_leader(device: Device) -> None:
    device.hear(MemberOnline(LEADER, False))
    [play] = plays(device.wait(15))
    assert (device.group.leads, play.track.title) == (True, "Song 2")
    assert [one.track_key for one in device.session.memory.requests.open] == ["k3"]


def test_an_earlier_leader_signs_no_datagrams(device: Device) -> None:
    assert duty(device.group, "own").key == ""
    plain = b'{"group":"home","id":"a","term":1,"asks":false}'
    assert datagram.decode(plain) == Datagram(group=GROUP, id=LEADER, term=1, asks=False)
    sent = json.loads(datagram.encode(Datagram(group=GROUP, id="b", term=1, asks=True), ""))
    assert sent["asks"] is True


def fields(document: Any, place: str = "") -> set[str]:
    """The places of all values in a document."""
    if isinstance(document, dict):
        return {one for name, value in document.items() for one in fields(value, f"{place}.{name}")} | {place}
    if isinstance(document, list):
        return {one for value in document for one in fields(value, f"{place}[]")} | {place}
    return {place}


def test_an_earlier_member_finds_all_that_it_knows_in_what_this_version_says() -> None:
    def by_topic(messages: list[dict[str, Any]]) -> dict[str, set[str]]:
        texts = {one["topic"]: one["payload"] for one in messages}
        return {topic: fields(json.loads(text)) for topic, text in texts.items() if text != "online"}

    now, then = by_topic(record(free_port())), by_topic(EARLIER)
    assert {topic: missing for topic, known in then.items() if (missing := known - now[topic])} == {}


def test_the_recorded_leader_is_no_earlier_life_of_this_one() -> None:
    [record_heard] = [one for one in news() if isinstance(one, LeaderHeard)]
    assert (record_heard.record.id, record_heard.record.key, record_heard.record.resigned) == (LEADER, "", False)
