"""Media from outside and announcements: what they do to the music, and how it returns. Tables of events and actions, as
in test_session.py."""

from __future__ import annotations

import pytest
from test_session import LIBRARY, UP, Room, event_types, only

from device.core.media import WAITING, url_problem
from device.domain import (
    Answer,
    Asked,
    Choice,
    Correct,
    Cue,
    Emotion,
    Enqueue,
    Feedback,
    Hush,
    LibraryLoaded,
    Liking,
    Memory,
    MoodName,
    Origin,
    Pause,
    Play,
    PlaybackState,
    PlayMedia,
    Position,
    RampVolume,
    Record,
    Resume,
    Seek,
    SeekTo,
    SetMood,
    SetMute,
    SetPlayback,
    SetTrackMood,
    SetVolume,
    Silence,
    Snapshot,
    SoundLost,
    Speak,
    SpeechEnded,
    StopMedia,
    Tick,
    TrackAt,
    TrackEnded,
    TrackEnding,
    TrackFailed,
    TrackStarted,
    Transport,
    Where,
)

RADIO = "http://radio.example/live"
FROM = Origin("UPnP", "renderer", "")


@pytest.fixture
def room() -> Room:
    made = Room()
    made.tell(UP)
    return made


def ask(room: Room, command: object) -> list:
    return room.tell(Asked(command, FROM))  # type: ignore[arg-type]


def answers(room: Room, command: object) -> list[str]:
    """The sentences with which the core refuses a command."""
    decision = room.session.handle(Asked(command, FROM), room.now)  # type: ignore[arg-type]
    return [action.message for action in decision.actions if isinstance(action, Answer)]


def snapshot(room: Room) -> Snapshot:
    assert room.snapshot is not None
    return room.snapshot


def playing(room: Room) -> Choice:
    choice = snapshot(room).playback.choice
    assert choice is not None
    return choice


def tune_in(room: Room, at_s: float = 42.0) -> tuple[Play, Play]:
    """A song plays for `at_s`, then a radio stream replaces it."""
    song = room.start_music()
    room.pass_time(at_s)
    (radio,) = only(Play, ask(room, PlayMedia(RADIO, "A station")))
    room.start(radio.serial)
    return song, radio


# --- Media in place of the music -------------------------------------------------------------------------------------


def test_a_stream_replaces_the_song_and_is_shown_like_one(room: Room) -> None:
    song, radio = tune_in(room)
    assert radio.serial > song.serial
    assert (radio.track.uri, radio.track.title) == (RADIO, "A station")
    view = snapshot(room).playback
    assert (view.state, view.foreign) == (PlaybackState.PLAYING, True)
    assert playing(room).track == radio.track
    assert playing(room).reason == "it came over UPnP"
    assert view.position == Position(0.0, room.mono, True)
    assert snapshot(room).queue == ()


def test_the_song_returns_where_it_was_after_the_stream_and_nothing_is_learned(room: Room) -> None:
    song, radio = tune_in(room)
    room.pass_time(600)
    actions = room.tell(TrackEnded(radio.serial))
    (back,) = only(Play, actions)
    assert (back.track, back.start_s) == (song.track, pytest.approx(42.0))
    room.start(back.serial, 42.0)
    assert playing(room).track == song.track
    assert not snapshot(room).playback.foreign
    assert only(Record, room.log) == []
    room.pass_time(138)
    (line,) = only(Record, room.tell(TrackEnded(back.serial)))
    assert line.listen.heard_s == pytest.approx(180, abs=1)  # both parts of the song, none of the stream


@pytest.mark.parametrize("command", [StopMedia(), SetPlayback(Transport.STOP), SetPlayback(Transport.NEXT)])
def test_stop_and_next_end_the_stream_and_the_music_returns(room: Room, command: object) -> None:
    song, _ = tune_in(room)
    actions = ask(room, command)
    assert [play.track for play in only(Play, actions)] == [song.track]
    assert "media_ended" in event_types(actions)
    assert room.session.state.playback.playing.wanted is PlaybackState.PLAYING


@pytest.mark.parametrize("before", [PlaybackState.PAUSED, PlaybackState.STOPPED])
def test_the_music_returns_as_silent_as_it_was(room: Room, before: PlaybackState) -> None:
    song = room.start_music()
    room.pass_time(30)
    ask(room, SetPlayback(Transport.PAUSE if before is PlaybackState.PAUSED else Transport.STOP))
    (radio,) = only(Play, ask(room, PlayMedia(RADIO)))
    room.start(radio.serial)
    assert snapshot(room).playback.state is PlaybackState.PLAYING
    actions = room.tell(TrackEnded(radio.serial), Tick())
    assert snapshot(room).playback.state is before
    if before is PlaybackState.PAUSED:
        assert [play.track for play in only(Play, actions)] == [song.track]
        assert only(Pause, actions) == [Pause()]
    else:
        assert only(Play, actions) == []
        assert only(Silence, actions)


def test_a_second_stream_replaces_the_first_and_the_song_still_returns(room: Room) -> None:
    song, first = tune_in(room)
    (second,) = only(Play, ask(room, PlayMedia("http://other.example/")))
    assert second.track.title == "other.example"
    room.start(second.serial)
    assert room.tell(TrackEnded(first.serial), TrackFailed(first.serial, "late")) == []
    (back,) = only(Play, ask(room, StopMedia()))
    assert (back.track, back.start_s) == (song.track, pytest.approx(42.0))


def test_while_a_stream_plays_the_mood_changes_no_music() -> None:
    room = Room(Memory(camera=False), music={"on_mood_change": "fade"})
    room.tell(UP)
    tune_in(room)
    actions = ask(room, SetMood(MoodName.ANGRY)) + room.show(Emotion.HAPPINESS, 30) + room.tell(Tick())
    assert "mood_changed" in event_types(actions)
    assert only(Play, actions) == only(Cue, actions) == []


def test_music_of_the_present_mood_returns(room: Room) -> None:
    song, _ = tune_in(room)
    ask(room, SetMood(MoodName.ANGRY))
    (back,) = only(Play, ask(room, StopMedia()))
    assert back.track.mood is MoodName.ANGRY
    assert back.track != song.track


def test_without_a_song_before_the_music_begins_after_the_stream() -> None:
    room = Room()
    (radio,) = only(Play, ask(room, PlayMedia(RADIO)))
    room.start(radio.serial)
    assert only(Play, room.tell(LibraryLoaded(LIBRARY), Tick())) == []
    assert [play.track in LIBRARY for play in only(Play, room.tell(TrackEnded(radio.serial)))] == [True]


def test_pause_play_and_toggle_concern_the_stream(room: Room) -> None:
    tune_in(room)
    assert ask(room, SetPlayback(Transport.PAUSE))[:1] == [Pause()]
    assert snapshot(room).playback.state is PlaybackState.PAUSED
    assert room.session.state.playback.playing.wanted is PlaybackState.PLAYING
    assert ask(room, SetPlayback(Transport.PAUSE)) == []
    assert Resume() in ask(room, SetPlayback(Transport.TOGGLE))
    assert Pause() in ask(room, SetPlayback(Transport.TOGGLE))


def test_a_paused_stream_does_not_run_on(room: Room) -> None:
    _, radio = tune_in(room)
    room.pass_time(5)
    ask(room, SetPlayback(Transport.PAUSE))
    room.tell(TrackAt(radio.serial, Position(5.1, room.mono, True)))
    position = snapshot(room).playback.position
    assert position is not None
    assert not position.running


def test_a_stream_without_sound_is_not_called_playing(room: Room) -> None:
    song = room.start_music()
    (radio,) = only(Play, ask(room, PlayMedia(RADIO)))
    assert snapshot(room).playback.state is PlaybackState.PLAYING
    room.pass_time(4)
    room.tell(Tick())
    assert snapshot(room).playback.state is PlaybackState.PAUSED
    room.start(radio.serial)
    room.tell(SoundLost("it was pulled out"))
    assert snapshot(room).playback.state is PlaybackState.PAUSED
    assert song.serial < radio.serial


def test_one_seeks_where_the_length_is_known_and_nowhere_else(room: Room) -> None:
    _, radio = tune_in(room)
    assert answers(room, SeekTo(10)) == ["The device cannot seek in a live stream, or in a stream of unknown length."]
    assert ask(room, SetPlayback(Transport.PREVIOUS)) == []
    room.tell(TrackStarted(radio.serial, Position(0.0, room.mono, True), 200.0))
    assert playing(room).track.duration_s == 200.0
    room.pass_time(30)
    assert only(Seek, ask(room, SeekTo(10, relative=True))) == [Seek(radio.serial, pytest.approx(40.0))]
    assert only(Seek, ask(room, SeekTo(900))) == [Seek(radio.serial, 200.0)]
    assert only(Seek, ask(room, SetPlayback(Transport.PREVIOUS))) == [Seek(radio.serial, 0.0)]


@pytest.mark.parametrize("command", [Feedback(Liking.LIKE), Feedback(Liking.NEVER), SetTrackMood(MoodName.SAD)])
def test_nobody_teaches_the_device_about_foreign_media(room: Room, command: object) -> None:
    tune_in(room)
    assert answers(room, command) == ["What plays is not from the library, so there is nothing to learn about it."]
    assert only(Record, room.log) == only(Correct, room.log) == []


def test_a_stream_that_fails_says_so_where_it_came_from_and_the_music_returns(room: Room) -> None:
    song, radio = tune_in(room)
    decision = room.session.handle(TrackFailed(radio.serial, "The server answers 404."), room.now)
    assert Answer(FROM, "The server answers 404.") in decision.actions
    assert [action.track for action in decision.actions if isinstance(action, Play)] == [song.track]
    assert not decision.snapshot.playback.foreign


def test_a_request_that_plays_at_once_replaces_the_stream(room: Room) -> None:
    song, radio = tune_in(room)
    wanted = LIBRARY[-1] if song.track != LIBRARY[-1] else LIBRARY[0]
    (play,) = only(Play, ask(room, Enqueue((wanted.uri,), Where.NOW)))
    room.start(play.serial)
    assert playing(room).track == wanted
    assert not snapshot(room).playback.foreign
    assert room.tell(TrackEnded(radio.serial)) == []


def test_a_request_for_later_waits_for_the_end_of_the_stream(room: Room) -> None:
    tune_in(room)
    assert only(Play, ask(room, Enqueue((LIBRARY[-1].uri,)))) == []
    assert snapshot(room).playback.foreign


def test_a_power_cut_during_a_stream_brings_back_the_song(room: Room) -> None:
    song, _ = tune_in(room)
    memory = room.session.memory
    assert (memory.track_key, memory.playback) == (song.track.key, PlaybackState.PLAYING)
    assert memory.position_s == pytest.approx(42.0)
    again = Room(memory)
    (play,) = only(Play, again.tell(LibraryLoaded(LIBRARY)))
    assert (play.track, play.start_s) == (song.track, pytest.approx(42.0))


def test_an_ending_stream_cues_nothing(room: Room) -> None:
    _, radio = tune_in(room)
    assert only(Cue, room.tell(TrackEnding(radio.serial), Tick())) == []


# --- Announcements over the music -------------------------------------------------------------------------------------

SENTENCE = PlayMedia("http://ha.local/api/tts_proxy/dinner.mp3", "Dinner is ready", announce=True)


def test_an_announcement_is_spoken_over_the_song_which_goes_on(room: Room) -> None:
    song = room.start_music()
    room.pass_time(20)
    actions = ask(room, SENTENCE)
    (speak,) = only(Speak, actions)
    assert speak.percent == 40
    assert only(Play, actions) == only(Pause, actions) == []
    assert event_types(actions) == ["announced"]
    assert snapshot(room).playback.announcement == speak.track
    assert playing(room).track == song.track
    room.pass_time(5)
    room.tell(SpeechEnded(speak.serial))
    assert snapshot(room).playback.announcement is None
    position = snapshot(room).playback.position
    assert position is not None
    assert position.at(room.mono) == pytest.approx(25.0)
    assert only(Record, room.log) == []


@pytest.mark.parametrize(("asked", "spoken"), [(None, 40), (25, 25), (100, 70), (0, 0)])
def test_an_announcement_has_its_own_volume_below_the_limit(room: Room, asked: int | None, spoken: int) -> None:
    (speak,) = only(Speak, ask(room, PlayMedia(SENTENCE.url, announce=True, volume=asked)))
    assert speak.percent == spoken
    assert speak.track.title == "dinner.mp3"


def test_announcements_wait_for_one_another_up_to_a_number(room: Room) -> None:
    (first,) = only(Speak, ask(room, SENTENCE))
    for _ in range(WAITING):
        assert only(Speak, ask(room, SENTENCE)) == []
    assert answers(room, SENTENCE) == ["4 announcements wait already; send this one again later."]
    serials = [first.serial]
    for _ in range(WAITING):
        (speak,) = only(Speak, room.tell(SpeechEnded(serials[-1])))
        serials.append(speak.serial)
    assert serials == sorted(set(serials))
    assert only(Speak, room.tell(SpeechEnded(serials[-1]))) == []


def test_an_announcement_that_fails_says_why_and_the_next_one_follows(room: Room) -> None:
    (first,) = only(Speak, ask(room, SENTENCE))
    ask(room, SENTENCE)
    decision = room.session.handle(SpeechEnded(first.serial, "There is no host x."), room.now)
    assert Answer(FROM, "There is no host x.") in decision.actions
    assert len([action for action in decision.actions if isinstance(action, Speak)]) == 1
    assert room.tell(SpeechEnded(first.serial)) == []  # late


def test_stop_ends_the_announcements_before_the_stream(room: Room) -> None:
    tune_in(room)
    ask(room, SENTENCE)
    ask(room, SENTENCE)
    assert only(Hush, ask(room, StopMedia())) == [Hush()]
    assert snapshot(room).playback.announcement is None
    assert snapshot(room).playback.foreign
    assert only(Play, ask(room, StopMedia()))
    assert answers(room, StopMedia()) == ["No media from outside are playing, so there is nothing to stop."]


def test_an_announcement_does_not_end_a_pause(room: Room) -> None:
    room.start_music()
    ask(room, SetPlayback(Transport.PAUSE))
    actions = ask(room, SENTENCE)
    assert only(Speak, actions)
    assert only(Resume, actions) == []
    assert snapshot(room).playback.state is PlaybackState.PAUSED


# --- Mute, and what is refused ----------------------------------------------------------------------------------------


def test_mute_silences_everything_and_keeps_the_volume(room: Room) -> None:
    room.start_music()
    assert only(RampVolume, ask(room, SetMute(True))) == [RampVolume(0)]
    assert (snapshot(room).playback.muted, snapshot(room).playback.volume) == (True, 30)
    assert answers(room, SENTENCE) == ["The device is muted, so nobody would hear the announcement."]
    assert only(RampVolume, ask(room, SetVolume(50))) == []
    assert only(RampVolume, ask(room, SetMute(False))) == [RampVolume(50)]


def test_mute_survives_a_power_cut(room: Room) -> None:
    ask(room, SetMute(True))
    again = Room(room.session.memory)
    assert only(RampVolume, again.log) == [RampVolume(0)]


def test_the_settings_can_forbid_foreign_media() -> None:
    room = Room(player={"media": False})
    (message,) = answers(room, PlayMedia(RADIO))
    assert "player.media" in message
    assert answers(room, SENTENCE) == [message]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "FILE:///etc/passwd", "/etc/passwd", "", "smb://nas/song.mp3", "rtsp://host/", "dvd://",
        "http:", "http://", "http:///song.mp3", "http://[::1", "http://host:99999/", "http://host/a b", "screen://",
        "http://host/\n", "http://user:secret@host/", "javascript:alert(1)", "http://" + "a" * 3000, "concat:a|b",
    ],
)  # fmt: skip
def test_only_plain_web_addresses_are_tried(room: Room, url: str) -> None:
    assert len(answers(room, PlayMedia(url))) == 1
    assert not snapshot(room).playback.foreign


@pytest.mark.parametrize("url", [RADIO, "https://host:8443/a%20b.mp3?x=1&y", "HTTP://[2001:db8::1]/x", "http://h/ü"])
def test_web_addresses_are_tried(url: str) -> None:
    assert url_problem(url) == ""
