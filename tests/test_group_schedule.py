"""Alarms, the sleep timer and the children's time of a device in a group (see test_group_session.py)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_group_session import OURS, TRACKS, Device, played

from device.domain import (
    Action,
    Alarm,
    Announce,
    Answer,
    Asked,
    EventType,
    Forward,
    LeaderHeard,
    LeaderRecord,
    LibraryLoaded,
    Linked,
    MemberHeard,
    MemberOnline,
    MoodName,
    MusicHeard,
    Origin,
    PlaybackState,
    PlayPlaylist,
    RingChime,
    SetAlarm,
    SetGroup,
    SetPlayback,
    SetProfile,
    SetSleep,
    SetVolume,
    Silence,
    SnoozeAlarm,
    StopAlarm,
    Tick,
    Transport,
    Where,
)
from device.domain.rooms import Member

SILENT = replace(OURS, state=PlaybackState.STOPPED, key="")
LISTS = {"Morning": ("k2", "k1"), "Radio": ("http://radio.example/stream",)}


def minutes_from_now(device: Device, minutes: int) -> int:
    """The minute of the day, in UTC."""
    return (int(device.now.wall) // 60 + minutes) % 1440


def follower(tracks: tuple = TRACKS) -> Device:
    """A device that follows "a", whose music is stopped."""
    device = Device(tracks=tracks)
    device.put(LibraryLoaded(tracks, playlists=LISTS))
    device.follow()
    device.hear(MusicHeard(SILENT))
    return device


def pass_time(device: Device, seconds: float, beat: bool = True, every: float = 1.0) -> list[Action]:
    """Time passes while the leader renews its record."""
    actions: list[Action] = []
    for _ in range(round(seconds / every)):
        device.mono += every
        if beat:
            actions += device.hear(LeaderHeard(LeaderRecord("a", 3, round(device.mono * 10), "10.0.0.1")))
        actions += device.put(Tick())
    return actions


def wake(device: Device, **alarm: object) -> list[Action]:
    """Set an alarm for the next minute, and wait for it."""
    device.ask(SetVolume(60))
    device.ask(SetAlarm(Alarm(0, minutes_from_now(device, 1), **alarm)))  # type: ignore[arg-type]
    actions: list[Action] = []
    while EventType.ALARM_STARTED not in events(actions):
        actions += pass_time(device, 1)
    return actions


def back(device: Device) -> None:
    """The group is silent, and "a" leads it."""
    device.hear(
        Linked(True, "10.0.0.2"), MemberHeard(Member("a", tracks=9)), MemberOnline("a", True),
        LeaderHeard(LeaderRecord("a", 3, 10**6, "10.0.0.1")), MusicHeard(SILENT),
    )  # fmt: skip


def forwards(actions: list[Action]) -> list[object]:
    return [one.command for one in actions if isinstance(one, Forward)]


def events(actions: list[Action]) -> list[EventType]:
    return [one.event_type for one in actions if isinstance(one, Announce)]


def test_a_followers_alarm_rings_in_its_own_room_only() -> None:
    device = follower()
    actions = wake(device, mood=MoodName.CALM, volume=40, rise_s=60)
    assert len(played(actions)) == 1
    assert EventType.ALARM_STARTED in events(actions)
    assert forwards(actions) == []
    assert (device.snapshot.group, device.snapshot.playback.volume) == (None, 15)
    pass_time(device, 70)
    assert device.snapshot.playback.volume == 40


def test_after_its_alarm_it_is_a_follower_again() -> None:
    device = follower()
    wake(device, rise_s=60)
    pass_time(device, 30)
    actions = device.ask(StopAlarm())
    assert [one for one in actions if isinstance(one, Silence)]
    assert device.group.name == "home"
    back(device)
    pass_time(device, 30)
    assert (device.group.leader, device.snapshot.playback.state) == ("a", PlaybackState.STOPPED)
    assert device.snapshot.playback.volume == 60


def test_while_its_music_plays_on_it_stays_alone_even_when_the_alarm_is_over() -> None:
    device = follower()
    wake(device)
    pass_time(device, 3700, every=20)
    assert (device.snapshot.schedule.ringing, device.snapshot.group) == (None, None)
    device.ask(SetPlayback(Transport.PAUSE))
    assert device.group.name == "home"


def test_somebody_can_send_it_back_to_its_group() -> None:
    device = follower()
    wake(device)
    pass_time(device, 3700, every=20)
    device.ask(SetGroup("home"))
    assert device.group.name == "home"


def test_the_requests_of_the_group_are_no_music_for_its_alarm() -> None:
    device = follower()
    assert [one.track_key for one in device.session.memory.requests.open] == ["k5"]
    (play,) = played(wake(device, playlist="morning"))
    assert (play.track.key, [entry.by for entry in device.snapshot.queue]) == ("k2", ["alarm"])
    device.ask(StopAlarm())
    device.follow()
    assert [one.track_key for one in device.session.memory.requests.open] == ["k5"]


def test_a_snooze_goes_back_to_the_group_and_leaves_it_again() -> None:
    device = follower()
    wake(device)
    device.ask(SnoozeAlarm())
    assert device.group.name == "home"
    back(device)
    actions = pass_time(device, 545)
    assert len(played(actions)) == 1
    assert device.snapshot.group is None


def test_a_leader_with_followers_rings_alone_too() -> None:
    device = Device()
    device.hear(
        LeaderHeard(LeaderRecord("b", 1)), MemberHeard(Member("c", tracks=5)), MemberOnline("c", True)
    )
    device.follow()
    device.hear(LeaderHeard(LeaderRecord("a", 3, 5, "10.0.0.1", resigned=True, heir="b")))
    device.wait(10)
    assert device.group.leads
    device.ask(SetPlayback(Transport.STOP))
    device.ask(SetAlarm(Alarm(0, minutes_from_now(device, 1))))
    actions = device.wait(15) + pass_time(device, 61, beat=False)
    assert (len(played(actions)), device.snapshot.group) == (1, None)


def test_a_group_of_one_device_goes_on() -> None:
    device = Device()
    device.hear(MemberOnline("b", True))
    device.hear(MemberHeard(Member("b", tracks=9)))
    device.wait(1)
    device.hear(Linked(True, "10.0.0.2"))
    device.wait(5)
    device.ask(SetPlayback(Transport.STOP))
    device.ask(SetAlarm(Alarm(0, minutes_from_now(device, 1))))
    actions = device.wait(61)
    assert (len(played(actions)), device.group.leads) == (1, True)


def test_an_alarm_rings_while_broker_and_leader_are_away() -> None:
    device = Device()
    device.ask(SetVolume(60))
    device.ask(SetAlarm(Alarm(0, minutes_from_now(device, 1))))
    assert played(device.actions) == []
    assert len(played(pass_time(device, 61, beat=False))) == 1


def test_a_device_without_music_lets_the_leader_play() -> None:
    device = follower(tracks=())
    assert forwards(wake(device, mood=MoodName.CALM)) == [SetPlayback(Transport.PLAY)]
    assert device.snapshot.playback.volume == 15
    device.hear(MusicHeard(OURS))
    pass_time(device, 320)
    assert (device.snapshot.playback.volume, device.snapshot.schedule.ringing) == (40, 1)
    assert forwards(device.ask(StopAlarm())) == [SetPlayback(Transport.STOP)]


def test_a_device_without_music_names_the_playlist_to_its_leader_and_plays_a_station_itself() -> None:
    assert forwards(wake(follower(tracks=()), playlist="Morning")) == [
        PlayPlaylist("Morning", Where.NOW, tracks=("k2", "k1"))
    ]
    device = follower(tracks=())
    (play,) = played(wake(device, playlist="Radio"))
    assert (play.track.uri, device.snapshot.group) == (LISTS["Radio"][0], None)


def test_a_device_without_music_chimes_alone_when_the_leader_never_plays() -> None:
    device = follower(tracks=())
    wake(device)
    actions = pass_time(device, 20)
    assert EventType.ALARM_STOPPED not in events(actions)
    assert len([one for one in actions if isinstance(one, RingChime)]) == 1
    assert device.snapshot.group is None
    device.ask(StopAlarm())
    assert device.group.name == "home"


def test_a_device_without_music_and_without_a_leader_chimes() -> None:
    device = Device(tracks=())
    device.ask(SetAlarm(Alarm(0, minutes_from_now(device, 1))))
    actions = pass_time(device, 80, beat=False)
    assert [one for one in actions if isinstance(one, RingChime)]


def test_whoever_stops_the_leaders_music_stops_the_alarm_without_a_chime() -> None:
    device = follower(tracks=())
    wake(device)
    device.hear(MusicHeard(OURS))
    pass_time(device, 30)
    actions = device.hear(MusicHeard(SILENT)) + pass_time(device, 30)
    assert EventType.ALARM_STOPPED in events(actions)
    assert not [one for one in actions if isinstance(one, RingChime)]


# --- Sleep ---


def test_a_sleep_timer_belongs_to_the_group() -> None:
    device = follower()
    assert forwards(device.ask(SetSleep(30))) == [SetSleep(30)]
    device.hear(MusicHeard(replace(OURS, sleep_left_s=1800.0)))
    until = device.snapshot.schedule.sleep_until
    assert until == pytest.approx(device.now.wall + 1800)
    pass_time(device, 100)
    assert device.snapshot.schedule.sleep_until == pytest.approx(until, abs=0.01)
    device.hear(MusicHeard(OURS))
    assert device.snapshot.schedule.sleep_until is None


def test_a_follower_does_not_fall_asleep_by_itself_and_its_leader_does() -> None:
    device = follower()
    device.hear(MusicHeard(replace(OURS, sleep_left_s=100.0)))
    assert EventType.ASLEEP not in events(pass_time(device, 120))


def test_whoever_takes_over_keeps_the_sleep_timer() -> None:
    device = follower()
    device.hear(MusicHeard(replace(OURS, sleep_left_s=100.0)))
    device.hear(LeaderHeard(LeaderRecord("a", 3, 10**6, "10.0.0.1", resigned=True, heir="b")))
    device.wait(10)
    assert device.group.leads
    assert device.group.music is not None
    assert device.group.music.sleep_left_s == pytest.approx(90, abs=2)
    actions = device.wait(100)
    assert EventType.ASLEEP in events(actions)
    assert device.group.music.state is PlaybackState.STOPPED


def test_without_a_leader_nobody_takes_a_sleep_timer() -> None:
    device = Device()
    (answer,) = [one for one in device.ask(SetSleep(30)) if isinstance(one, Answer)]
    assert "Nobody leads the group" in answer.message


# --- Children ---


def test_when_the_childrens_time_is_up_their_room_is_silent_and_the_group_plays_on() -> None:
    device = Device(schedule={"children": "kids", "children_minutes": 1, "children_volume": 30})
    device.follow()
    device.ask(SetProfile("kids"))
    device.ask(SetVolume(30))
    actions = pass_time(device, 130)
    assert events(actions).count(EventType.TIME_UP) == 1
    assert (device.snapshot.playback.volume, forwards(actions)) == (0, [])
    (answer,) = [one for one in device.put(Asked(SetVolume(20), Origin("MQTT"))) if isinstance(one, Answer)]
    assert "is up for today" in answer.message
