"""What follows what, without a gap; going elsewhere in a song; and going on after a power cut. Tables of events and
actions, as in test_session.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_session import LIBRARY, UP, Room, event_types, only, said

from device.domain import (
    Cue,
    Emotion,
    EyeOpened,
    LibraryLoaded,
    Memory,
    MoodName,
    Outcome,
    Pause,
    Play,
    PlaybackState,
    Position,
    Record,
    Resume,
    Save,
    Seek,
    Silence,
    SoundBack,
    SoundLost,
    Tick,
    TrackAt,
    TrackEnded,
    TrackEnding,
    TrackFailed,
)
from device.mqtt import documents


@pytest.fixture
def room() -> Room:
    made = Room()
    made.tell(UP)
    return made


def begun(room: Room) -> tuple[Play, Cue]:
    """A song plays, is ending, and another is cued."""
    play = room.start_music()
    room.pass_time(170)
    (cue,) = only(Cue, room.tell(TrackEnding(play.serial)))
    return play, cue


# --- Without a gap ----------------------------------------------------------------------------------------------


def test_what_follows_is_chosen_before_the_end_and_not_again_after_it(room: Room) -> None:
    play, cue = begun(room)
    assert cue.serial > play.serial
    assert cue.track != play.track
    assert only(Cue, room.tell(Tick(), Tick())) == []
    assert room.playing() == play.track
    ended = room.tell(TrackEnded(play.serial))
    assert [line.listen.outcome for line in only(Record, ended)] == [Outcome.PLAYED]
    assert only(Play, ended) == []
    started = room.tell(room.started(cue.serial))
    assert event_types(started) == ["track_started"]
    assert room.playing() == cue.track


def test_a_change_of_mood_makes_it_choose_again_where_music_waits_for_the_end() -> None:
    room = Room(Memory(camera=True), music={"on_mood_change": "wait"})
    room.tell(EyeOpened("a camera"), LibraryLoaded(LIBRARY))
    (play,) = only(Play, room.show(Emotion.HAPPINESS, 30))
    room.tell(room.started(play.serial))
    (cue,) = only(Cue, room.tell(TrackEnding(play.serial)))
    assert cue.track.mood is MoodName.HAPPY
    anew = only(Cue, room.show(Emotion.ANGER, 60))[-1]
    assert anew.track.mood is MoodName.ANGRY
    room.tell(TrackEnded(play.serial), room.started(anew.serial))
    assert room.playing() == anew.track


def test_another_profile_makes_it_choose_again(room: Room) -> None:
    play, _ = begun(room)
    (anew,) = only(Cue, room.say("profile", "Ada"))
    room.tell(TrackEnded(play.serial), room.started(anew.serial))
    assert room.playing() == anew.track


def test_a_cue_that_was_replaced_too_late_is_what_plays(room: Room) -> None:
    play, cue = begun(room)
    (anew,) = only(Cue, room.say("profile", "Ada"))
    room.tell(TrackEnded(play.serial))
    assert room.playing() == anew.track
    room.tell(room.started(cue.serial))
    assert room.playing() == cue.track
    room.pass_time(180)
    room.tell(TrackEnded(cue.serial), room.started(anew.serial))  # the player had it for later
    assert room.playing() == anew.track


@pytest.mark.parametrize("order", ["next", "stop"])
def test_an_order_drops_the_cue(room: Room, order: str) -> None:
    _, cue = begun(room)
    actions = room.say("playback", order)
    assert only(Play if order == "next" else Silence, actions)
    assert only(Cue, actions) == []
    before = room.session.state.playback.playing.playthrough
    room.tell(room.started(cue.serial), TrackFailed(cue.serial, "broken"), TrackEnded(cue.serial))
    assert room.session.state.playback.playing.playthrough == before


def test_a_cue_that_cannot_be_played_is_replaced_and_the_song_plays_on(room: Room) -> None:
    play, cue = begun(room)
    actions = room.tell(TrackFailed(cue.serial, "holds no sound"))
    assert event_types(actions) == ["track_failed"]
    (anew,) = only(Cue, actions)
    assert anew.track != cue.track
    assert room.playing() == play.track


def test_cues_that_all_fail_come_to_an_end(room: Room) -> None:
    _, cue = begun(room)
    for _ in range(20):
        cues = only(Cue, room.tell(TrackFailed(cue.serial, "no")))
        if not cues:
            break
        cue = cues[0]
    else:
        pytest.fail("it goes on for ever")


def test_a_song_that_fails_makes_room_for_what_was_cued(room: Room) -> None:
    play, cue = begun(room)
    actions = room.tell(TrackFailed(play.serial, "its disk was pulled out"))
    assert only(Play, actions) == []
    room.tell(room.started(cue.serial))
    assert room.playing() == cue.track


def test_paused_it_is_still_cued(room: Room) -> None:
    play, cue = begun(room)
    room.say("playback", "pause")
    assert only(Cue, room.tell(Tick())) == []
    room.say("playback", "play")
    room.tell(TrackEnded(play.serial), room.started(cue.serial))
    assert room.playing() == cue.track


# --- Elsewhere in a song ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "expected_s"),
    [
        ("30", 30.0),
        ("1:30", 90.0),
        ("+10", 50.0),
        ("-10", 30.0),
        ("-60", 0.0),
        ("+600", 180.0),
        ("0", 0.0),
    ],
)
def test_seeking(room: Room, payload: str, expected_s: float) -> None:
    play = room.start_music()
    room.pass_time(40)
    actions = room.say("seek", payload)
    assert only(Seek, actions) == [Seek(play.serial, expected_s)]
    assert said(actions, "track/state") == [], "nobody has measured anything yet"
    (state,) = said(room.at(play.serial, expected_s), "track/state")
    assert state["position_s"] == expected_s


def test_steps_add_up_before_the_player_has_answered(room: Room) -> None:
    play = room.start_music()
    room.pass_time(40)
    room.say("seek", "+10")
    assert only(Seek, room.say("seek", "+10")) == [Seek(play.serial, 60.0)]


def test_seeking_is_refused_where_it_makes_no_sense(room: Room) -> None:
    (refusal,) = said(room.say("seek", "30"), "error")
    assert refusal["message"] == "Nothing is playing, so there is no track to seek in."
    room.start_music()
    (refusal,) = said(room.say("seek", "10:00"), "error")
    assert refusal["message"] == "The track is only 3:00 long."


def test_the_position_is_told_when_it_jumps_and_not_as_time_goes_by(room: Room) -> None:
    play = room.start_music()
    for _ in range(10):
        room.pass_time(5)
        position_s = room.mono - 1000.0
        assert said(room.tell(TrackAt(play.serial, Position(position_s, room.mono, True)), Tick()), "track/state") == []
    (state,) = said(room.say("playback", "pause"), "track/state")
    assert (state["state"], state["position_s"]) == ("paused", 50.0)
    room.pass_time(100)
    room.say("playback", "play")
    (state,) = said(room.at(play.serial, 50.0), "track/state")
    assert (state["state"], state["position_s"], state["position_at"]) == ("playing", 50.0, "2023-11-14T22:15:50+00:00")


def test_previous_soon_is_the_song_before_and_later_the_beginning_of_this_one(room: Room) -> None:
    first = room.start_music()
    (second,) = only(Play, room.say("playback", "next"))
    room.tell(room.started(second.serial))
    room.pass_time(20)
    assert only(Seek, room.say("playback", "previous")) == [Seek(second.serial, 0.0)]
    room.pass_time(2)
    (back,) = only(Play, room.say("playback", "previous"))
    assert back.track == first.track
    room.tell(room.started(back.serial))
    assert only(Seek, room.say("playback", "previous")) == [Seek(back.serial, 0.0)]  # there is none before


def test_previous_while_paused_plays(room: Room) -> None:
    play = room.start_music()
    room.pass_time(30)
    room.say("playback", "pause")
    actions = room.say("playback", "previous")
    assert [*only(Seek, actions), *only(Resume, actions)] == [Seek(play.serial, 0.0), Resume()]


# --- A sound device that comes and goes -------------------------------------------------------------------------


def test_a_lost_sound_device_is_told_and_what_nobody_hears_does_not_count(room: Room) -> None:
    play = room.start_music()
    room.pass_time(10)
    lost = room.tell(SoundLost("it was pulled out"))
    assert event_types(lost) == ["sound_lost"]
    room.pass_time(60)
    health = said(room.tell(Tick()), "health")
    assert health[-1]["problems"] == ["it was pulled out"]
    assert event_types(room.tell(SoundBack())) == ["sound_back"]
    room.at(play.serial, 10.0)
    room.pass_time(5)
    (record,) = only(Record, room.tell(TrackEnded(play.serial)))
    assert record.listen.heard_s == pytest.approx(15.0)


# --- After a power cut ------------------------------------------------------------------------------------------

SONG = next(track for track in LIBRARY if track.mood is MoodName.SAD)


def restarted(**changes: object) -> Room:
    return Room(replace(Memory(track_key=SONG.key, position_s=73.0, camera=True), **changes))


def test_the_position_is_remembered_as_the_player_tells_it(room: Room) -> None:
    play = room.start_music()
    (save,) = only(Save, room.tell(TrackAt(play.serial, Position(5.0, room.mono, True))))
    assert (save.memory.track_key, save.memory.position_s) == (play.track.key, 5.0)


def test_the_song_goes_on_where_it_was_without_a_look_at_the_room() -> None:
    room = restarted()
    (play,) = only(Play, room.tell(LibraryLoaded(LIBRARY)))
    assert (play.track, play.start_s) == (SONG, 73.0)
    assert room.session.memory.position_s == 73.0
    assert only(Play, room.tell(LibraryLoaded(LIBRARY), Tick())) == []


def test_until_it_sounds_nobody_can_reckon_where_it_is() -> None:
    room = restarted()
    actions = room.tell(UP, LibraryLoaded(LIBRARY))
    state = said(actions, "track/state")[-1]
    assert (state["title"], state["position_s"], state["position_at"]) == (SONG.title, None, None)
    state = said(room.start(only(Play, actions)[0].serial, 73.0), "track/state")[-1]
    assert (state["position_s"], state["position_at"]) == (73.0, documents.timestamp(room.wall))


def test_paused_stays_paused_at_its_place() -> None:
    room = restarted(playback=PlaybackState.PAUSED)
    actions = room.tell(UP, LibraryLoaded(LIBRARY))
    (play,) = only(Play, actions)
    assert play.start_s == 73.0
    assert actions.index(Pause()) == actions.index(play) + 1
    assert said(actions, "track/state")[-1]["state"] == "paused"
    assert room.session.memory.playback is PlaybackState.PAUSED
    assert only(Resume, room.say("playback", "play"))


def test_stopped_stays_stopped() -> None:
    room = restarted(playback=PlaybackState.STOPPED)
    assert only(Play, room.tell(LibraryLoaded(LIBRARY), Tick())) == []


@pytest.mark.parametrize("changes", [{"position_s": 175.0}, {"track_key": "gone"}])
def test_a_song_that_is_gone_or_nearly_over_gives_way(changes: dict[str, object]) -> None:
    room = restarted(camera=False, **changes)
    (play,) = only(Play, room.tell(LibraryLoaded(LIBRARY)))
    assert play.start_s == 0.0
