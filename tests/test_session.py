"""Every behaviour of the appliance as a table of events and the actions they cause. No thread, no clock, no service."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import replace

import pytest

from device.config.schema import Config
from device.core.session import Decision, Session
from device.domain import (
    EMOTIONS,
    MOOD_AFFECT,
    Action,
    Announce,
    Answer,
    Asked,
    CloseEye,
    Correct,
    CoverRead,
    Cue,
    Disk,
    Emotion,
    Event,
    EyeClosed,
    EyeOpened,
    EyeRead,
    LibraryLoaded,
    Memory,
    Misunderstood,
    MoodName,
    MoodOrigin,
    Now,
    OpenEye,
    Origin,
    Outcome,
    Pause,
    Play,
    PlaybackState,
    PolicyName,
    Position,
    RampVolume,
    ReadCover,
    Reading,
    Record,
    Resume,
    Save,
    Saved,
    SeenFace,
    Silence,
    Snapshot,
    SurfaceDown,
    SurfaceUp,
    Tick,
    Track,
    TrackAt,
    TrackEnded,
    TrackEnding,
    TrackFailed,
    TrackStarted,
)
from device.mqtt.documents import PageState
from device.mqtt.messages import Publication
from device.mqtt.state_publisher import StatePublisher
from device.mqtt.topics import Topics

Said = Action | Publication

T0, WALL0 = 1000.0, 1_700_000_000.0
TOPICS = Topics("affetto", "box")
UP, DOWN = SurfaceUp("MQTT", TOPICS.record()), SurfaceDown("MQTT", "gone")


def track(mood: MoodName, number: int) -> Track:
    name = f"{mood}-{number}"
    return Track(
        key=name,
        uri=f"file:///music/{name}.wav",
        title=name,
        artist=f"artist {number}",
        duration_s=180.0,
        affect=MOOD_AFFECT[mood],
        mood=mood,
        origin=MoodOrigin.FOLDER,
    )


LIBRARY = tuple(track(mood, number) for mood in MoodName for number in range(4))


def feeling(emotion: Emotion) -> Reading:
    """One sure, big face that shows `emotion`."""
    scores = tuple(0.93 if e is emotion else 0.01 for e in EMOTIONS)
    return Reading(at_s=0.0, faces=(SeenFace(1, (0.3, 0.2, 0.4, 0.6), 0.95, scores),))


class Room:
    """A session with a clock that the test moves, and the MQTT surface's publisher beside it."""

    def __init__(self, memory: Memory | None = None, **changes: dict[str, object]) -> None:
        config = Config()
        for section, values in changes.items():
            config = replace(config, **{section: replace(getattr(config, section), **values)})
        self.mono, self.wall = T0, WALL0
        memory = memory or Memory()
        former = Topics.recall(memory.known_as)
        page = PageState(url="http://affetto.local", pin="4711")
        self.publisher = StatePublisher(config.mqtt, TOPICS, None, former if former != TOPICS else None, page)
        self.up = False
        self.session = Session(config, memory, (), random.Random(1))
        self.log: list[Said] = []
        self.snapshot: Snapshot | None = None
        self._take(self.session.start(self.now))

    @property
    def now(self) -> Now:
        return Now(self.mono, self.wall)

    def pass_time(self, seconds: float) -> None:
        self.mono += seconds
        self.wall += seconds

    def _take(self, decision: Decision) -> list[Said]:
        said: list[Said] = []
        for action in decision.actions:
            notice = isinstance(action, Announce | Answer)
            said.append(self.publisher.notice(action) if notice else action)
        self.snapshot = decision.snapshot
        if self.up:
            said += self.publisher.render(decision.snapshot, self.now)
        self.log += said
        return said

    def tell(self, *events: Event) -> list[Said]:
        said: list[Said] = []
        for event in events:
            match event:
                case SurfaceUp():
                    self.up = True
                    self.publisher.forget()
                case SurfaceDown():
                    self.up = False
            said += self._take(self.session.handle(event, self.now))
        return said

    def say(self, name: str, payload: str) -> list[Said]:
        """A message on this device's command topic, as the adapter reads it."""
        topic = f"affetto/box/{name}/set"
        origin, command = Origin("MQTT", topic, payload), TOPICS.parse(topic, payload.encode())
        return self.tell(Misunderstood(origin, command) if isinstance(command, str) else Asked(command, origin))

    def show(self, emotion: Emotion, seconds: float, fps: float = 8.0) -> list[Said]:
        """Somebody shows `emotion` for this long."""
        actions = []
        for _ in range(int(seconds * fps)):
            self.pass_time(1 / fps)
            actions += self.tell(EyeRead(replace(feeling(emotion), at_s=self.mono)))
        return actions

    def start(self, serial: int, track_s: float = 0.0) -> list[Said]:
        """The player says that this one sounds."""
        return self.tell(replace(self.started(serial), position=Position(track_s, self.mono, True)))

    def started(self, serial: int) -> TrackStarted:
        """The event that this one sounds."""
        return TrackStarted(serial, Position(0.0, self.mono, True))

    def at(self, serial: int, track_s: float, running: bool = True) -> list[Said]:
        """The player says where it is."""
        return self.tell(TrackAt(serial, Position(track_s, self.mono, running)))

    def playing(self) -> Track:
        playthrough = self.session.state.playback.playing.playthrough
        assert playthrough is not None
        return playthrough.choice.track

    def start_music(self) -> Play:
        (play,) = only(Play, self.tell(LibraryLoaded(LIBRARY)))
        self.start(play.serial)
        return play


def only(kind: type, actions: Iterable[Said]) -> list:
    return [action for action in actions if isinstance(action, kind)]


def said(actions: Iterable[Said], topic: str) -> list:
    """Payloads published on affetto/box/<topic>: JSON where they are JSON objects, else text; covers as bytes."""
    payloads = [one.payload for one in only(Publication, actions) if one.topic == f"affetto/box/{topic}"]
    if topic == "track/cover":
        return payloads
    return [json.loads(payload) if payload[:1] in b"{[" and payload else payload.decode() for payload in payloads]


def event_types(actions: Iterable[Action]) -> list[str]:
    return [payload["event_type"] for payload in said(actions, "event")]


# --- Start ---


def test_start_asks_for_volume_and_group_and_leaves_the_camera_off() -> None:
    room = Room(Memory(volume=25, camera=False, room="kitchen"))
    assert only(RampVolume, room.log) == [RampVolume(25)]
    assert room.snapshot is not None
    assert room.snapshot.room == "kitchen"
    assert only(OpenEye, room.log) == only(CloseEye, room.log) == []


def test_camera_that_was_on_is_opened_at_start() -> None:
    assert only(OpenEye, Room(Memory(camera=True)).log) == [OpenEye()]


def test_music_starts_with_the_library_when_no_camera_is_on() -> None:
    room = Room()
    plays = only(Play, room.tell(LibraryLoaded(LIBRARY)))
    assert [play.serial for play in plays] == [1]


def test_first_song_waits_for_the_first_mood_when_the_camera_is_on() -> None:
    room = Room(Memory(camera=True))
    assert only(Play, room.tell(LibraryLoaded(LIBRARY))) == []
    actions = room.tell(EyeOpened("a camera")) + room.show(Emotion.SADNESS, 9.0)
    (play,) = only(Play, actions)
    assert play.track.mood is MoodName.SAD


def test_first_song_does_not_wait_for_ever() -> None:
    room = Room(Memory(camera=True))
    room.tell(LibraryLoaded(LIBRARY))
    room.pass_time(11)
    assert len(only(Play, room.tell(Tick()))) == 1


@pytest.mark.parametrize(
    ("memory", "changes"),
    [
        (Memory(playback=PlaybackState.STOPPED), {}),
        (Memory(playback=PlaybackState.PAUSED), {}),
        (Memory(), {"autoplay": False}),
    ],
    ids=["stopped before", "paused before", "autoplay off"],
)
def test_silence_stays_silence_at_start(memory: Memory, changes: dict[str, object]) -> None:
    room = Room(memory, music=changes)
    assert only(Play, room.tell(LibraryLoaded(LIBRARY), Tick())) == []


# --- Mood and music ---


def test_a_mood_change_waits_for_the_end_of_the_track() -> None:
    room = Room()
    play = room.start_music()
    room.tell(EyeOpened("a camera"))
    actions = room.show(Emotion.HAPPINESS, 60)
    assert "mood_changed" in event_types(actions)
    assert only(Play, actions) == []
    (following,) = only(Play, room.tell(TrackEnded(play.serial)))
    assert following.track.mood in (MoodName.HAPPY, MoodName.EXCITED)
    assert following.serial == play.serial + 1


def test_a_mood_change_fades_when_configured() -> None:
    room = Room(music={"on_mood_change": "fade", "fade_s": 2.5})
    room.start_music()
    room.tell(EyeOpened("a camera"))
    plays = only(Play, room.show(Emotion.HAPPINESS, 60))
    assert [play.fade_s for play in plays] == [2.5]
    assert plays[0].track.mood in (MoodName.HAPPY, MoodName.EXCITED)
    assert [line.listen.outcome for line in only(Record, room.log)] == [Outcome.REPLACED]


def test_music_that_has_the_new_mood_anyway_goes_on() -> None:
    room = Room(music={"on_mood_change": "fade"})
    (play,) = only(Play, room.tell(LibraryLoaded((track(MoodName.HAPPY, 1), track(MoodName.HAPPY, 2)))))
    room.tell(room.started(play.serial), EyeOpened("a camera"))
    actions = room.show(Emotion.HAPPINESS, 60)
    assert "mood_changed" in event_types(actions)
    assert only(Play, actions) == []


def test_no_face_and_unsure_faces_change_nothing() -> None:
    room = Room(music={"on_mood_change": "fade"})
    room.start_music()
    room.tell(EyeOpened("a camera"))
    room.show(Emotion.HAPPINESS, 60)
    before = (room.session.state.mood.name, room.playing())
    unsure = replace(feeling(Emotion.ANGER).faces[0], certainty=0.1)
    for _ in range(600):
        room.pass_time(0.5)
        room.tell(EyeRead(Reading(room.mono)), EyeRead(Reading(room.mono, (unsure,))), Tick())
    assert (room.session.state.mood.name, room.playing()) == before
    assert room.session.state.mood.faces == 0


def test_a_mood_set_by_hand_wins_at_once_and_auto_gives_it_back() -> None:
    room = Room()
    room.start_music()
    room.tell(EyeOpened("a camera"), UP)
    room.show(Emotion.SADNESS, 60)
    actions = room.say("mood", "excited")
    assert [play.track.mood for play in only(Play, actions)] == [MoodName.EXCITED]
    state = said(actions, "mood/state")[-1]
    assert (state["mood"], state["source"], state["valence"]) == (
        "excited",
        "manual",
        MOOD_AFFECT[MoodName.EXCITED].valence,
    )
    state = said(room.say("mood", "auto"), "mood/state")[-1]
    assert (state["mood"], state["source"]) == ("sad", "camera")


def test_manual_policy_leaves_the_music_alone() -> None:
    room = Room(music={"on_mood_change": "fade"})
    room.start_music()
    room.tell(EyeOpened("a camera"))
    room.say("policy", "manual")
    assert only(Play, room.show(Emotion.HAPPINESS, 60)) == []


# --- Tracks ---


def test_late_events_of_replaced_tracks_fall_away() -> None:
    room = Room()
    first = room.start_music()
    (second,) = only(Play, room.say("playback", "next"))
    for stale in (TrackEnded(first.serial), TrackFailed(first.serial, "gone"), room.started(first.serial)):
        assert room.tell(stale) == []
    assert room.session.state.playback.playing.playthrough.serial == second.serial


def test_a_broken_file_is_reported_and_skipped() -> None:
    room = Room()
    room.tell(UP)
    (play,) = only(Play, room.tell(LibraryLoaded(LIBRARY)))
    actions = room.tell(TrackFailed(play.serial, "It is not music."))
    assert said(actions, "event")[0]["event_type"] == "track_failed"
    assert said(actions, "event")[0]["message"] == "It is not music."
    (following,) = only(Play, actions)
    assert following.track.key != play.track.key


NAS = Disk("file:///media/nas", "//nas/music")
FAR = tuple(replace(one, uri=one.uri.replace("/music/", "/media/nas/")) for one in LIBRARY[:-1])


def test_a_disk_that_does_not_answer_is_left_alone_for_a_while() -> None:
    """Each song that is tried on it costs some 20 s of silence."""
    room = Room()
    room.tell(UP)
    (play,) = only(Play, room.tell(LibraryLoaded((*FAR, LIBRARY[-1]))))
    actions = room.tell(TrackFailed(play.serial, "it did not open", NAS))
    (following,) = only(Play, actions)
    assert following.track == LIBRARY[-1]
    room.tell(room.started(following.serial), Tick())
    assert room.snapshot.health.problems == (
        "//nas/music does not answer. Switch it on, or connect it again; its songs come back by themselves.",
    )
    room.tell(LibraryLoaded((*FAR, LIBRARY[-1])))  # a scan that did not notice
    room.pass_time(60)
    (again,) = only(Play, room.tell(TrackEnded(following.serial), Tick()))
    assert again.track == LIBRARY[-1]
    room.tell(room.started(again.serial))
    room.pass_time(70)
    (back,) = only(Play, room.tell(TrackEnded(again.serial), Tick()))
    assert back.track in FAR
    assert room.snapshot.health.problems == ()


def test_a_disk_is_no_problem_for_ever_while_nothing_plays() -> None:
    """After a stop nobody chooses a song, and requests must not be refused because of what was long ago."""
    room = Room()
    room.tell(UP)
    (play,) = only(Play, room.tell(LibraryLoaded((*FAR, LIBRARY[-1]))))
    room.tell(TrackFailed(play.serial, "it did not open", NAS))
    room.say("playback", "stop")
    assert len(room.snapshot.health.problems) == 1
    room.pass_time(130)
    room.tell(Tick())
    assert room.snapshot.health.problems == ()
    assert said(room.say("queue", FAR[0].uri), "error") == []


def test_a_disk_that_a_scan_found_again_plays_at_once() -> None:
    room = Room()
    (play,) = only(Play, room.tell(LibraryLoaded((*FAR, LIBRARY[-1]))))
    (following,) = only(Play, room.tell(TrackFailed(play.serial, "it did not open", NAS)))
    room.tell(room.started(following.serial), LibraryLoaded(LIBRARY[-1:]))  # the scanner lost it, too
    assert room.snapshot.health.problems == ()
    room.tell(LibraryLoaded((*FAR, LIBRARY[-1])))
    room.pass_time(60)
    (back,) = only(Play, room.tell(TrackEnded(following.serial), Tick()))
    assert back.track in FAR


def test_what_follows_from_the_same_disk_is_not_waited_for() -> None:
    room = Room()
    (play,) = only(Play, room.tell(LibraryLoaded((*FAR, LIBRARY[-1]))))
    room.tell(room.started(play.serial))
    room.pass_time(170)
    (cue,) = only(Cue, room.tell(TrackEnding(play.serial)))
    assert play.track in FAR
    assert cue.track in FAR
    (following,) = only(Play, room.tell(TrackFailed(play.serial, "its disk does not answer any more", NAS)))
    assert following.track == LIBRARY[-1]


def test_when_everything_fails_the_playback_rests_and_tries_again() -> None:
    room = Room()
    plays = only(Play, room.tell(LibraryLoaded(LIBRARY[:2])))
    tries = 0
    while plays and tries < 10:
        tries += 1
        plays = only(Play, room.tell(TrackFailed(plays[-1].serial, "No sound device.")))
    assert tries == 2, "every file got one try"
    assert only(Play, room.tell(Tick())) == []
    room.pass_time(301)
    assert len(only(Play, room.tell(Tick()))) == 1


def test_an_empty_library_waits_for_music() -> None:
    room = Room()
    room.tell(LibraryLoaded(()), Tick())
    assert only(Play, room.log) == []
    assert len(only(Play, room.tell(LibraryLoaded(LIBRARY)))) == 1


def test_pause_stop_play_previous() -> None:
    room = Room()
    first = room.start_music()
    assert only(Pause, room.say("playback", "pause")) == [Pause()]
    assert room.say("playback", "pause") == []
    assert only(Resume, room.say("playback", "play")) == [Resume()]
    (second,) = only(Play, room.say("playback", "next"))
    (back,) = only(Play, room.say("playback", "previous"))
    assert back.track == first.track
    assert back.serial == second.serial + 1
    assert len(only(Silence, room.say("playback", "stop"))) == 1
    assert only(Play, room.tell(Tick())) == []
    assert len(only(Play, room.say("playback", "play"))) == 1


def test_what_was_heard_is_recorded_without_pauses() -> None:
    room = Room()
    play = room.start_music()
    room.pass_time(20)
    room.say("playback", "pause")
    room.pass_time(500)
    room.say("playback", "play")
    room.at(play.serial, 20.0)
    room.pass_time(5)
    (line,) = only(Record, room.say("playback", "next"))
    assert (line.listen.outcome, line.listen.heard_s) == (Outcome.SKIPPED, pytest.approx(25))


def test_dislike_goes_on_and_like_stays() -> None:
    room = Room()
    liked = room.start_music().track
    actions = room.say("feedback", "like")
    assert [line.listen.outcome for line in only(Record, actions)] == [Outcome.LIKED]
    assert only(Play, actions) == []
    actions = room.say("feedback", "dislike")
    assert [line.listen.outcome for line in only(Record, actions)] == [Outcome.DISLIKED]
    assert only(Play, actions)[0].track != liked


def test_a_rescan_that_found_nothing_new_is_not_news() -> None:
    room = Room()
    room.start_music()
    assert room.tell(LibraryLoaded(LIBRARY)) == []


# --- Volume, camera, memory ---


def test_volume_is_held_below_the_maximum() -> None:
    room = Room(player={"max_volume": 60})
    room.tell(UP)
    actions = room.say("volume", "95")
    assert only(RampVolume, actions) == [RampVolume(60)]
    assert said(actions, "volume/state") == ["60"]


def test_a_remembered_volume_obeys_a_maximum_that_was_lowered_since() -> None:
    room = Room(Memory(volume=90), player={"max_volume": 50})
    assert only(RampVolume, room.log) == [RampVolume(50)]
    assert said(room.tell(UP), "volume/state") == ["50"]


def test_camera_counts_as_off_only_when_the_eye_let_go() -> None:
    room = Room(Memory(camera=True))
    room.tell(UP, EyeOpened("a camera"))
    actions = room.say("camera", "OFF")
    assert only(CloseEye, actions) == [CloseEye()]
    assert said(actions, "camera/state") == []
    assert said(room.tell(EyeClosed()), "camera/state") == ["OFF"]


def test_everything_that_changes_is_saved_once() -> None:
    room = Room()
    room.start_music()
    room.say("volume", "44")
    assert only(Save, room.log)[-1].memory.volume == 44
    count = len(only(Save, room.log))
    room.say("volume", "44")
    assert len(only(Save, room.log)) == count
    room.say("policy", "lift")
    room.say("profile", "Ada")
    room.say("room", "attic")
    memory = only(Save, room.log)[-1].memory
    assert (memory.policy, memory.profiles, memory.room) == (PolicyName.LIFT, ("Ada",), "attic")


def test_readings_are_never_saved() -> None:
    room = Room(Memory(camera=True))
    room.tell(EyeOpened("a camera"), LibraryLoaded(LIBRARY))
    count = len(only(Save, room.log))
    room.show(Emotion.NEUTRAL, 30)
    assert len(only(Save, room.log)) - count <= 1, "only what plays may change"


# --- MQTT ---

RETAINED = {
    "group/state", "group_volume/state",
    "availability",
    "context/state",
    "health",
    "mood/state",
    "track/state",
    "track/cover",
    "volume/state",
    "mute/state",
    "occupancy/state",
    "update/state",
    "camera/state",
    "policy/state",
    "profile/state",
    "room/state", "queue/state",
    "playlist/state", "vote/state",
    "guest/state",
    "never/state", "question/state",
    "sleep/state", "alarm/state", "quiet/state", "schedule/state", "children/state", "page/state",
}


def test_nothing_is_said_before_the_broker_is_there_and_everything_after() -> None:
    room = Room()
    room.start_music()
    retained = [a for a in only(Publication, room.log) if a.retain]
    assert retained == []
    for _ in range(2):
        actions = room.tell(UP)
        topics = {a.topic.removeprefix("affetto/box/") for a in only(Publication, actions) if a.retain}
        assert topics == RETAINED
        assert said(actions, "health"), "and how it is"
        room.tell(DOWN)


def test_a_command_while_the_broker_was_away_is_told_after() -> None:
    room = Room()
    room.tell(UP, DOWN)
    play = room.start_music()
    (state,) = said(room.tell(UP), "track/state")
    assert (state["state"], state["title"]) == ("playing", play.track.title)


def test_mood_figures_are_said_at_most_every_interval() -> None:
    room = Room(mqtt={"mood_interval_s": 2.0})
    room.tell(UP, EyeOpened("a camera"))
    room.show(Emotion.HAPPINESS, 30)
    actions = room.show(Emotion.HAPPINESS, 20)
    assert len(said(actions, "mood/state")) <= 11


def test_bad_command_is_answered_on_error() -> None:
    room = Room()
    actions = room.say("volume", "loud")
    (answer,) = said(actions, "error")
    assert answer["topic"] == "affetto/box/volume/set"
    assert answer["payload"] == "loud"
    assert "0 to 100" in answer["message"]
    assert only(RampVolume, actions) == []


def test_health_comes_every_minute() -> None:
    room = Room()
    room.tell(UP)
    count = 0
    for _ in range(600):
        room.pass_time(1)
        count += len(said(room.tell(Tick({"memory_mb": 50.0})), "health"))
    assert count == 10


def test_every_payload_is_json() -> None:
    room = Room(Memory(camera=True))
    room.tell(UP, EyeOpened("a camera"), LibraryLoaded(LIBRARY))
    room.show(Emotion.FEAR, 20)
    room.tell(EyeClosed("The camera was unplugged."))
    for action in only(Publication, room.log):
        if action.payload[:1] in (b"{", b"["):
            json.loads(action.payload)


def test_a_wall_clock_that_jumps_changes_no_decision() -> None:
    calm, wild = Room(Memory(camera=True)), Room(Memory(camera=True))
    for step, room in enumerate((calm, wild)):
        room.tell(EyeOpened("a camera"), LibraryLoaded(LIBRARY))
        for part in range(6):
            if step:
                room.wall += (-1) ** part * 4e8
            room.show(Emotion.SURPRISE if part % 2 else Emotion.SADNESS, 20)
    assert event_types(calm.log) == event_types(wild.log)
    assert [p.serial for p in only(Play, calm.log)] == [p.serial for p in only(Play, wild.log)]


# --- What people say of a track, and what it looks like ---


def test_a_corrected_mood_shows_at_once_and_is_kept() -> None:
    room = Room()
    room.tell(UP)
    track = room.start_music().track
    actions = room.say("track_mood", "tense")
    assert only(Correct, actions) == [Correct(track.key, MoodName.TENSE)]
    (event,) = said(actions, "event")
    assert (event["event_type"], event["mood"], event["uri"]) == ("track_corrected", "tense", track.uri)
    (state,) = said(actions, "track/state")
    assert (state["mood"], state["mood_by"], state["arousal"]) == ("tense", "user", MOOD_AFFECT[MoodName.TENSE].arousal)


def test_a_correction_can_be_forgotten_and_the_catalogue_knows_what_holds_then() -> None:
    room = Room()
    room.tell(UP)
    track = room.start_music().track
    room.say("track_mood", "tense")
    actions = room.say("track_mood", "auto")
    assert only(Correct, actions) == [Correct(track.key, None)]
    (state,) = said(room.tell(LibraryLoaded(LIBRARY)), "track/state")
    assert (state["mood"], state["mood_by"]) == (str(track.mood), "folder")


def test_a_correction_while_nothing_plays_is_refused() -> None:
    room = Room()
    room.tell(UP)
    actions = room.say("track_mood", "tense")
    (refusal,) = said(actions, "error")
    assert refusal["topic"] == "affetto/box/track_mood/set"
    assert refusal["message"] == "Nothing is playing, so there is no track whose mood could be set."
    assert only(Correct, actions) == []


def test_the_cover_of_what_plays_is_asked_for_once_and_said() -> None:
    room = Room()
    room.tell(UP)
    actions = room.tell(LibraryLoaded(LIBRARY))
    (play,) = only(Play, actions)
    assert only(ReadCover, actions) == [ReadCover(play.track.uri)]
    assert only(ReadCover, room.tell(Tick(), room.started(play.serial))) == []
    assert said(room.tell(CoverRead(play.track.uri, b"JPEG")), "track/cover") == [b"JPEG"]
    assert said(room.say("playback", "stop"), "track/cover") == [b""]


def test_a_cover_that_is_too_large_for_a_surface_is_read_again_smaller() -> None:
    room = Room()
    room.tell(UP)
    uri = room.start_music().track.uri
    room.tell(CoverRead(uri, b"large"))
    up = SurfaceUp("MQTT", problem="It takes no large covers.", largest_bytes=60_000)
    assert only(ReadCover, room.tell(up)) == [ReadCover(uri, 60_000)]
    assert only(ReadCover, room.tell(up, UP, Tick())) == []
    assert said(room.tell(CoverRead(uri, b"small")), "track/cover") == [b"small"]
    (play,) = only(Play, room.say("playback", "next"))
    assert room.snapshot is not None
    room.tell(CoverRead(play.track.uri, b""))
    assert only(ReadCover, room.tell(replace(up, largest_bytes=30_000))) == [ReadCover(play.track.uri, 30_000)]


def test_the_cover_of_a_track_that_is_over_is_not_said() -> None:
    room = Room()
    room.tell(UP)
    first = room.start_music().track
    (play,) = only(Play, room.say("playback", "next"))
    assert said(room.tell(CoverRead(first.uri, b"old")), "track/cover") == []
    assert said(room.tell(CoverRead(play.track.uri, b"new")), "track/cover") == [b"new"]


def test_what_analysis_learns_is_no_news_but_shows_in_health() -> None:
    room = Room()
    room.tell(UP, LibraryLoaded(LIBRARY))
    heard = (replace(LIBRARY[0], features=b"12", uncertainty=0.2), *LIBRARY[1:])
    assert event_types(room.tell(LibraryLoaded(heard))) == []
    room.pass_time(61)
    (health,) = said(room.tell(Tick()), "health")
    assert (health["analysed"], health["tracks"]) == (1, len(LIBRARY))


def test_nothing_that_is_known_of_a_person_is_published_for_another() -> None:
    room = Room()
    room.tell(UP)
    room.say("profile", "Ada")
    play = room.start_music()
    for _ in range(12):
        room.pass_time(180)
        room.say("feedback", "like")
        (play,) = only(Play, room.tell(TrackEnded(play.serial)))
        room.start(play.serial)
        room.pass_time(5 * 3600)
    room.say("profile", "Bob")
    room.tell(DOWN)
    actions = room.tell(UP, TrackEnded(play.serial))
    words = repr([action.payload for action in only(Publication, actions)])
    assert "Bob" in words
    assert "Ada" not in words
    assert "liked" not in json.dumps(said(actions, "track/state")[-1])


def test_a_device_that_was_renamed_leaves_nothing_under_its_old_name() -> None:
    old = Topics("affetto", "old", "homeassistant")
    room = Room(Memory(known_as=old.record()))
    for _ in range(2):  # a broker that comes back is told again: it may be another
        told = {one.topic: one.payload for one in only(Publication, room.tell(UP)) if one.retain}
        assert {told[topic] for topic in old.retained} == {b""}
        assert told[TOPICS.availability] == b"online"
        assert told[TOPICS.volume_state] == b"30"
        room.tell(DOWN)
    assert room.session.memory.known_as == TOPICS.record()
    assert not [one for one in only(Publication, Room(room.session.memory).tell(UP)) if "old" in one.topic]


def test_only_what_is_not_used_any_more_is_emptied_when_the_prefix_changes() -> None:
    room = Room(Memory(known_as=Topics("affetto", "box", "hass").record()))
    emptied = [one.topic for one in only(Publication, room.tell(UP)) if one.payload == b""]
    assert "hass/device/affetto_box/config" in emptied
    assert TOPICS.availability not in emptied


# --- What nobody wants to hear, and what is no song ---


def test_a_banned_track_never_plays_until_somebody_allows_it() -> None:
    room = Room()
    room.tell(UP)
    banned = room.start_music().track
    actions = room.say("feedback", "never")
    assert event_types(actions)[:2] == ["banned", "track_skipped"]
    assert [item["uri"] for item in said(actions, "never/state")[-1]] == [banned.uri]
    others = tuple(track for track in LIBRARY if track.key != banned.key)
    room.tell(LibraryLoaded((banned,)))
    assert only(Play, room.say("playback", "next")) == []
    (allowed,) = (a for a in room.say("never", banned.uri) if isinstance(a, Record))
    assert allowed.listen.outcome is Outcome.ALLOWED
    assert [play.track for play in only(Play, room.say("playback", "next"))] == [banned]
    assert others


def test_to_ban_the_only_track_is_silence() -> None:
    room = Room()
    (play,) = only(Play, room.tell(LibraryLoaded(LIBRARY[:1])))
    room.start(play.serial)
    actions = room.say("feedback", "never")
    assert only(Silence, actions)
    assert only(Play, actions) == []
    assert only(Play, room.tell(Tick())) == []


def test_a_track_that_is_not_banned_cannot_be_allowed() -> None:
    room = Room()
    room.tell(UP)
    (answer,) = said(room.say("never", "undo"), "error")
    assert answer["message"] == "No track is banned."


def test_scraps_of_sound_do_not_chase_one_another() -> None:
    """A folder full of 300 ms samples: 3 songs a second, each with a line of history, is no music."""
    room = Room()
    (play,) = only(Play, room.tell(LibraryLoaded(LIBRARY)))
    plays = []
    for _ in range(600):
        room.start(play.serial)
        room.pass_time(0.3)
        plays += only(Play, room.tell(TrackEnding(play.serial), TrackEnded(play.serial), Tick()))
        play = plays[-1] if plays else play
    assert len(plays) <= 180 / 10 + 1
    assert only(Record, room.log) == []


def test_the_volume_takes_steps_and_says_where_it_ends() -> None:
    room = Room(Memory(volume=50), player={"max_volume": 70})
    room.tell(UP)
    assert said(room.say("volume", "+5"), "volume/state") == ["55"]
    assert said(room.say("volume", "-60"), "volume/state") == ["0"]
    actions = room.say("volume", "90")
    assert said(actions, "volume/state") == ["70"]
    assert said(actions, "error")[0]["message"].startswith("The volume limit is 70%; to raise it, change player.max_")
    assert said(room.say("volume", "+5"), "error"), "a step that does nothing is answered"


def test_mood_changed_is_never_sent_for_the_same_mood() -> None:
    room = Room()
    room.tell(UP, EyeOpened("a camera"))
    assert event_types(room.show(Emotion.NEUTRAL, 30)) == []
    assert event_types(room.say("mood", "neutral")) == []


def test_an_empty_library_is_a_problem_in_words() -> None:
    room = Room()
    room.tell(UP, LibraryLoaded(()))
    (health,) = said(room.log, "health")[-1:]
    assert health["status"] == "problem"
    assert health["problems"][0].startswith("There is no music yet")


def test_one_damaged_file_among_many_is_a_note() -> None:
    room = Room()
    room.tell(UP, LibraryLoaded(LIBRARY, (), tuple(f"{number}.mp3 is damaged" for number in range(600))))
    room.pass_time(61)
    (health,) = said(room.tell(Tick()), "health")
    assert (health["status"], health["problems"]) == ("ok", [])
    assert health["notes"][-1] == "and 595 more"


def test_a_clock_that_is_set_moves_every_time_that_was_published() -> None:
    room = Room()
    room.wall = 3.0  # a Pi without a clock, as it boots
    room.tell(UP)
    room.start_music()
    assert said(room.log, "track/state")[-1]["position_at"].startswith("1970")
    room.wall = WALL0
    (state,) = said(room.tell(Tick()), "track/state")
    assert state["position_at"].startswith("2023")


def test_nothing_is_dated_before_there_is_anything() -> None:
    room = Room()
    (state,) = said(room.tell(UP), "mood/state")
    assert (state["source"], state["since"]) == ("none", None)


def test_no_state_pairs_the_new_title_with_the_old_position() -> None:
    room = Room()
    room.tell(UP)
    room.start_music()
    room.pass_time(50)
    (state,) = said(room.say("playback", "next"), "track/state")
    assert (state["state"], state["position_s"], state["position_at"]) == ("playing", None, None)


def test_it_says_playing_only_when_something_sounds() -> None:
    room = Room()
    room.tell(UP)
    (play,) = only(Play, room.tell(LibraryLoaded(LIBRARY)))
    assert said(room.log, "track/state")[-1]["state"] == "stopped"
    assert said(room.start(play.serial), "track/state")[-1]["state"] == "playing"
    room.say("playback", "next")
    room.pass_time(10)
    assert said(room.tell(Tick()), "track/state")[-1]["state"] == "stopped"


def test_what_the_disk_refuses_shows_in_health() -> None:
    room = Room()
    room.tell(UP, LibraryLoaded(LIBRARY))
    (health,) = said(room.tell(Saved(Memory(), "state.db cannot be written (full)")), "health")
    assert health["problems"] == ["state.db cannot be written (full)"]
    (health,) = said(room.tell(Saved(Memory())), "health")
    assert health["problems"] == []


def test_toggle_pauses_and_goes_on() -> None:
    room = Room()
    room.start_music()
    assert only(Pause, room.say("playback", "toggle"))
    assert only(Resume, room.say("playback", "toggle"))
