"""The one way in: order, coalescing, bounds, and threads that die."""

from __future__ import annotations

import threading

import pytest

from device.domain import (
    Asked,
    Event,
    EyeClosed,
    EyeRead,
    FromGroup,
    Linked,
    MemberOnline,
    Origin,
    Position,
    Reading,
    SetVolume,
    Tick,
    TrackAt,
    TrackEnded,
    TrackStarted,
)
from device.inbox import Inbox, ThreadDied


def taken(inbox: Inbox) -> list[Event]:
    return [event for event in iter(lambda: inbox.get(0.0), None) if event is not None]


def at(serial: int, track_s: float) -> TrackAt:
    return TrackAt(serial, Position(track_s, 0.0, True))


def test_events_come_out_in_order() -> None:
    inbox = Inbox()
    events: list[Event] = [Tick({"a": 1.0}), TrackEnded(1), Tick({"b": 2.0})]
    for event in events:
        inbox.put(event)
    assert taken(inbox) == events


def test_of_readings_that_wait_only_the_newest_stays() -> None:
    inbox = Inbox()
    for at_s in (1.0, 2.0, 3.0):
        inbox.put(EyeRead(Reading(at_s)))
    inbox.put(EyeClosed("gone"))
    inbox.put(EyeRead(Reading(4.0)))
    assert taken(inbox) == [EyeRead(Reading(3.0)), EyeClosed("gone"), EyeRead(Reading(4.0))]


def test_positions_coalesce_but_never_across_other_news_of_the_player() -> None:
    inbox = Inbox()
    started = TrackStarted(2, Position(0.0, 0.0, True))
    for event in (at(1, 1.0), EyeRead(Reading(1.0)), at(1, 4.0), started, at(2, 0.1), at(1, 5.0)):
        inbox.put(event)
    assert taken(inbox) == [at(1, 4.0), EyeRead(Reading(1.0)), started, at(2, 0.1), at(1, 5.0)]


def test_a_flood_of_commands_is_bounded_and_said(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox(full=10)
    for percent in range(100):
        inbox.put(Asked(SetVolume(percent), Origin()))
    inbox.put(TrackEnded(1))
    assert len(inbox) == 11
    assert inbox.dropped == 90
    assert "The inbox is full (10 events)" in caplog.text
    assert len(caplog.records) < 10


def test_a_flood_from_the_group_is_bounded_and_does_not_hide_the_connection() -> None:
    inbox = Inbox(full=10)
    for number in range(100):
        inbox.put(FromGroup("home", MemberOnline(f"stranger-{number}", True)))
    inbox.put(FromGroup("home", Linked(False)))
    assert len(inbox) == 11
    assert taken(inbox)[-1] == FromGroup("home", Linked(False))


def test_it_stops_and_says_nothing_more() -> None:
    inbox = Inbox()
    inbox.put(Tick())
    inbox.stop()
    assert inbox.get(10.0) is None
    assert inbox.stopped


def test_a_dead_thread_ends_the_wait() -> None:
    inbox = Inbox()
    threading.Timer(0.01, inbox.fail, [RuntimeError("a defect")]).start()
    with pytest.raises(ThreadDied, match="a defect"):
        inbox.get(20.0)
