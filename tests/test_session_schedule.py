"""Sleep, alarms, quiet hours and the children's time in the whole session, over MQTT (see test_session.py)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_session import LIBRARY, UP, Room, event_types, only, said

from device.domain import (
    Alarm,
    Emotion,
    EyeOpened,
    LibraryLoaded,
    Memory,
    MoodName,
    Play,
    PlaybackState,
    PolicyName,
    RampVolume,
    Save,
    Silence,
    Tick,
)
from device.domain.schedule import EVERY_DAY
from device.store.database import encode_memory, read_memory

AT_23 = 23 * 60  # the test's clock begins at 22:13:20 UTC
TO_23_S = 47 * 60.0


def running(memory: Memory | None = None, **changes: dict[str, object]) -> Room:
    room = Room(memory, **changes)
    room.tell(UP)
    if room.session.state.playback.playing.wanted is PlaybackState.PLAYING:
        room.start_music()
    else:
        room.tell(LibraryLoaded(LIBRARY))
    return room


def let(room: Room, seconds: float, every: float = 1.0) -> list:
    actions: list = []
    for _ in range(round(seconds / every)):
        room.pass_time(every)
        actions += room.tell(Tick())
    return actions


def refusals(actions: list) -> list[str]:
    return [report["message"] for report in said(actions, "error")]


def test_the_sleep_timer_over_mqtt() -> None:
    room = running()
    (state,) = said(room.say("sleep", "10"), "sleep/state")
    assert state["until"].startswith("2023-11-14T22:2")
    actions = let(room, 600)
    (silence,) = only(Silence, actions)
    assert silence.fade_s == pytest.approx(60, abs=1.5)
    assert "asleep" in event_types(actions)
    assert said(actions, "sleep/state")[-1] == {"until": None}
    assert room.session.state.playback.playing.wanted is PlaybackState.STOPPED
    assert only(Play, let(room, 60)) == []
    assert refusals(room.say("sleep", "soon")) == ["sleep/set takes minutes from 0 to 720, or off; got 'soon'."]
    assert refusals(room.say("sleep", "900")) == ["The sleep timer takes 0 (off) to 720 minutes."]


def test_an_alarm_starts_stopped_music_with_its_mood_and_rises() -> None:
    room = running(Memory(playback=PlaybackState.STOPPED, volume=60))
    (state,) = said(room.say("alarm", "daily 23:00 calm"), "alarm/state")
    assert (state["alarms"][0]["time"], state["alarms"][0]["mood"], state["ringing"]) == ("23:00", "calm", None)
    assert state["next"].startswith("2023-11-14T23:00:00")
    assert only(Play, let(room, TO_23_S - 60, 10)) == []
    actions = let(room, 60)
    (play,) = only(Play, actions)
    assert play.track.mood is MoodName.CALM
    assert only(RampVolume, actions)[-1].percent < 25
    assert "alarm_started" in event_types(actions)
    assert room.snapshot is not None
    assert room.snapshot.schedule.ringing == 1
    room.start(play.serial)
    actions = let(room, 310, 5)
    assert only(RampVolume, actions)[-1].percent == 40
    assert only(Silence, room.say("alarm", "stop")) == [Silence(3.0)]
    assert refusals(room.say("alarm", "snooze")) == ["No alarm is ringing."]


def test_a_face_lets_lift_lead() -> None:
    room = running(Memory(playback=PlaybackState.STOPPED, camera=True))
    room.tell(EyeOpened("camera"))
    room.say("alarm", "once 23:00 sad")
    let(room, TO_23_S + 10, 10)
    assert room.session.state.mood.name is MoodName.SAD
    room.show(Emotion.HAPPINESS, 30)
    assert room.session.state.mood.name is MoodName.HAPPY
    assert room.snapshot is not None
    assert room.snapshot.policy is PolicyName.MATCH


def test_an_alarm_plays_the_songs_of_a_folder() -> None:
    folder = tuple(replace(one, uri=f"file:///music/J%20azz/{one.title}.wav") for one in LIBRARY[:3])
    room = Room(Memory(playback=PlaybackState.STOPPED))
    room.tell(UP)
    room.tell(LibraryLoaded((*folder, *LIBRARY[3:])))
    room.say("alarm", '{"time": "23:00", "folder": "/music/J azz"}')
    (play,) = only(Play, let(room, TO_23_S + 10, 10))
    assert room.snapshot is not None
    songs = {play.track.key, *(entry.choice.track.key for entry in room.snapshot.queue if entry.by == "alarm")}
    assert songs == {one.key for one in folder}
    room.start(play.serial)
    room.say("alarm", "stop")
    assert room.snapshot.schedule.ringing is None
    assert [entry for entry in room.snapshot.queue if entry.by == "alarm"] == []


@pytest.mark.parametrize("what", ["playlist:Gone", "folder:/nowhere", "folder:relative"])
def test_an_alarm_is_never_silent(what: str) -> None:
    room = running(Memory(playback=PlaybackState.STOPPED))
    room.say("alarm", f"daily 23:00 {what}")
    assert len(only(Play, let(room, TO_23_S + 10, 10))) == 1


def test_an_alarm_waits_for_the_library_after_a_power_cut() -> None:
    alarm = Alarm(1, AT_23, EVERY_DAY, since=1_699_999_000.0)
    room = Room(Memory(playback=PlaybackState.STOPPED, alarms=(alarm,)))
    room.pass_time(TO_23_S + 600)
    assert only(Play, room.tell(Tick())) == []
    assert len(only(Play, room.tell(LibraryLoaded(LIBRARY)))) == 1


def test_a_wrong_alarm_gets_a_sentence() -> None:
    room = running()
    for payload, part in (
        ("25:00", "write it like mon-fri 7:00 calm"),
        ('{"time": "7:00", "days": "someday"}', "'someday' is not a day"),
        ('{"time": "7:00", "volume": 400}', "alarm/set takes stop, snooze"),
        ('{"on": true}', "alarm/set takes stop, snooze"),
        ('{"id": 3, "on": true}', "There is no alarm 3."),
        ("7:00 calmly", "'calmly' is not music"),
        ("{" * 5000, "alarm/set takes"),
    ):
        (message,) = refusals(room.say("alarm", payload))
        assert part in message
    assert room.session.memory.alarms == ()


def test_quiet_hours_over_mqtt() -> None:
    room = running(Memory(volume=50), schedule={"quiet": "23:00-07:00", "quiet_volume": 20})
    assert refusals(room.say("volume", "60")) == []
    actions = let(room, TO_23_S, 10) + let(room, 60)
    assert said(actions, "quiet/state") == ["ON"]
    assert only(RampVolume, actions)[-1].percent == 20
    assert refusals(room.say("volume", "60")) == ["The volume limit in quiet hours is 20%."]
    assert room.session.memory.volume == 20
    assert room.session.memory.policy is PolicyName.CALM
    room.say("quiet", "OFF")
    assert refusals(room.say("volume", "60")) == []
    assert refusals(room.say("quiet", "maybe")) == ["quiet/set takes ON, OFF or auto; got 'maybe'."]


def test_when_the_childrens_time_is_up_the_music_stops_and_stays_off() -> None:
    kids = {"children": "kids", "children_minutes": 1}
    room = running(Memory(profiles=("kids",)), schedule=kids)
    actions = let(room, 65)
    assert only(Silence, actions)
    assert "time_up" in event_types(actions)
    assert refusals(room.say("playback", "play")) == [
        "The time of the profile kids is up for today; it starts again at midnight."
    ]
    assert refusals(room.say("playback", "pause")) == []
    room.say("profile", "everyone")
    assert only(Play, room.say("playback", "play"))


def test_alarms_and_timers_survive_in_the_store() -> None:
    room = running()
    room.say("alarm", "mon-fri 7:00 playlist:Morning")
    (save,) = only(Save, room.say("sleep", "30"))
    stored = read_memory(encode_memory(save.memory).items(), Memory())
    assert (stored.alarms, stored.schedule) == (save.memory.alarms, save.memory.schedule)
    assert stored.alarms[0].playlist == "Morning"


@pytest.mark.parametrize("what", ["stop", "snooze"])
def test_a_radio_station_that_wakes_people_stops_with_its_alarm(what: str) -> None:
    room = Room(Memory(playback=PlaybackState.STOPPED))
    room.tell(UP)
    room.tell(LibraryLoaded(LIBRARY, playlists={"Radio": ("http://radio.example/stream",)}))
    room.say("alarm", "daily 23:00 playlist:radio")
    (play,) = only(Play, let(room, TO_23_S + 10, 10))
    assert play.track.uri == "http://radio.example/stream"
    room.start(play.serial)
    assert only(Silence, room.say("alarm", what)) == [Silence(3.0)]
    assert only(Play, let(room, 60)) == []
    assert (len(only(Play, let(room, 600))), what) in [(0, "stop"), (1, "snooze")]


def test_times_and_limits_over_mqtt_count_at_once_survive_a_restart_and_go_back() -> None:
    file = {"quiet": "01:00-02:00", "quiet_volume": 30}
    room = running(Memory(volume=50), schedule=file)
    order = '{"quiet": "22:00-07:00", "quiet_volume": 20, "policies": ["daily 22:00-23:00 energise"]}'
    (state,) = said(room.say("schedule", order), "schedule/state")
    assert (state["quiet"], state["quiet_volume"], state["children_minutes"]) == ("22:00-07:00", 20, 0)
    assert state["overridden"] == ["quiet", "quiet_volume", "policies"]
    let(room, 60)
    assert (room.session.memory.volume, room.session.memory.policy) == (20, PolicyName.ENERGISE)
    kept = read_memory(list(encode_memory(room.session.memory).items()), Memory())
    again = running(kept, schedule=file)
    assert again.snapshot is not None
    assert again.snapshot.schedule.quiet
    (state,) = said(again.say("schedule", '{"quiet": null, "policies": null}'), "schedule/state")
    assert (state["quiet"], state["overridden"]) == ("01:00-02:00", ["quiet_volume"])
    let(again, 2)
    assert not again.snapshot.schedule.quiet
    assert again.session.memory.policy is PolicyName.MATCH


def test_the_childrens_limits_over_mqtt() -> None:
    room = running(Memory(profiles=("kids",), volume=50))
    room.say("schedule", '{"children": "kids", "children_volume": 30, "children_minutes": 1}')
    assert refusals(room.say("volume", "60")) == ["The volume limit of the profile kids is 30%."]
    assert "time_up" in event_types(let(room, 65))
    room.say("schedule", '{"children_minutes": 90}')
    assert refusals(room.say("playback", "play")) == []


def test_a_wrong_schedule_gets_the_sentences_of_the_settings_and_changes_nothing() -> None:
    room = running()
    for payload, part in (
        ('{"quiet": "late"}', "schedule.quiet: 'late' is not a period of time; write it like 22:00-07:00"),
        ('{"quiet_volume": 101}', "schedule.quiet_volume: must be from 0 to 100, not 101."),
        ('{"policies": ["mon 6:00-9:00 loud"]}', "schedule.policies: 'mon 6:00-9:00 loud' does not end with a policy"),
        ('{"quiet_volume": 20, "children_minutes": 2000}', "schedule.children_minutes: must be from 0 to 1440"),
        ('{"alarms": []}', "schedule/set takes JSON such as"),
        ("{}", "The schedule takes quiet, quiet_volume"),
        ("[" * 5000, "schedule/set takes"),
    ):
        (message,) = refusals(room.say("schedule", payload))
        assert part in message
    assert room.session.memory.plan == Memory().plan
