"""A device in a group, as a table of news and what it does: it follows, takes over, passes on and steps down."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from device.config.schema import Config, DeviceConfig, MqttConfig
from device.core.group_control import people_once
from device.core.passed_on import AWAY, FULL, MOST, SILENT
from device.core.session import Decision, Session
from device.domain import (
    Action,
    Announce,
    Answer,
    Asked,
    Enqueue,
    Event,
    Forward,
    FromGroup,
    GroupEntry,
    GroupMusic,
    GroupNews,
    GroupTick,
    GroupView,
    Handled,
    LeaderAnswered,
    LeaderHeard,
    LeaderRecord,
    LibraryLoaded,
    Linked,
    Member,
    MemberHeard,
    MemberMood,
    MemberOnline,
    Memory,
    MoodName,
    MusicHeard,
    Now,
    Origin,
    Play,
    PlaybackState,
    PolicyName,
    Position,
    Request,
    Requests,
    SetGroup,
    SetMood,
    SetPlayback,
    SetVolume,
    Silence,
    SkipVotes,
    Track,
    TrackStarted,
    Transport,
    Witnessed,
)

TRACKS = tuple(
    Track(f"k{n}", f"file:///music/{n}.wav", f"Song {n}", "Band", duration_s=200.0, mood=MoodName.CALM)
    for n in range(6)
)
OURS = GroupMusic(
    "a", 3, PlaybackState.PLAYING, key="k4", title="Song 4", artist="Band", duration_s=200.0, position_s=50.0,
    reason="because", policy=PolicyName.LIFT, mood_set=MoodName.HAPPY, recent=("k3", "k4"),
    requests=Requests((Request(7, "k5", "Ada"),), last_id=7),
    queue=(GroupEntry("k5", "Song 5", "Band", "Ada asked for it", 7, "Ada"),), skip_votes=SkipVotes(("Ada",), 2),
)  # fmt: skip


class Device:
    """A session of the device "b", and its clock."""

    def __init__(
        self, group: str = "home", tracks: tuple[Track, ...] = TRACKS, enabled: bool = True,
        schedule: dict[str, object] | None = None,
    ) -> None:
        config = Config(device=DeviceConfig(id="b", name="Bath"), mqtt=MqttConfig(enabled=enabled))
        config = replace(config, schedule=replace(config.schedule, **(schedule or {})))
        self.session = Session(config, Memory(group=group), [], random.Random(1))
        self.mono = 100.0
        self.actions: list[Action] = []
        self._take(self.session.start(self.now))
        if tracks:
            self.put(LibraryLoaded(tracks))

    @property
    def now(self) -> Now:
        return Now(self.mono, 1e9 + self.mono)

    def _take(self, decision: Decision) -> list[Action]:
        self.snapshot = decision.snapshot
        self.actions += decision.actions
        return decision.actions

    def put(self, event: Event) -> list[Action]:
        return self._take(self.session.handle(event, self.now))

    def hear(self, *news: GroupNews, group: str = "home") -> list[Action]:
        return [action for one in news for action in self.put(FromGroup(group, one))]

    def wait(self, seconds: float) -> list[Action]:
        """Let time pass; the broker returns what we publish."""
        done: list[Action] = []
        probes = self.group.probes
        for _ in range(round(seconds / 0.25)):
            self.mono += 0.25
            done += self.hear(GroupTick())
            if self.group.probes != probes:
                probes = self.group.probes
                done += self.hear(MemberOnline("b", True))
            record = self.group.record
            if record is not None and record.id == "b":
                done += self.hear(LeaderHeard(record))
        return done

    def ask(self, command: object, surface: str = "MQTT") -> list[Action]:
        return self.put(Asked(command, Origin(surface, "topic", "payload")))  # type: ignore[arg-type]

    @property
    def group(self) -> GroupView:
        assert self.snapshot.group is not None
        return self.snapshot.group

    def follow(self) -> list[Action]:
        """The device "a" leads."""
        return self.hear(
            Linked(True, "10.0.0.2"), MemberHeard(Member("a", tracks=9)), MemberOnline("a", True),
            LeaderHeard(LeaderRecord("a", 3, 1, "10.0.0.1")), MusicHeard(OURS),
        )  # fmt: skip


def played(actions: list[Action]) -> list[Play]:
    return [action for action in actions if isinstance(action, Play)]


def test_without_a_group_nothing_changes() -> None:
    device = Device("")
    assert device.snapshot.group is None
    assert played(device.actions)


def test_without_mqtt_there_is_no_group() -> None:
    device = Device("home", enabled=False)
    assert device.snapshot.group is None
    assert played(device.actions)


def test_a_device_in_a_group_waits_until_it_leads() -> None:
    device = Device()
    assert not played(device.actions)
    device.hear(Linked(True, "10.0.0.2"))
    [play] = played(device.wait(3))
    assert device.group.leads
    assert device.group.host == "10.0.0.2"
    assert device.group.music is not None
    assert device.group.music.key == play.track.key


def test_without_broker_it_claims_nothing() -> None:
    device = Device()
    assert not played(device.wait(30))
    assert device.group.leader == ""


WAITS = "The group home waits for the MQTT broker"


def waits(device: Device) -> bool:
    return any(one.startswith(WAITS) for one in device.snapshot.health.problems)


def test_without_broker_health_says_what_the_group_waits_for() -> None:
    device = Device()
    device.wait(5)
    assert not waits(device), "connecting takes some seconds"
    device.wait(6)
    assert waits(device)
    device.hear(Linked(True, "10.0.0.2"))
    assert not waits(device)


def test_a_device_that_leaves_the_group_waits_for_nothing() -> None:
    device = Device()
    device.wait(30)
    assert waits(device)
    assert played(device.ask(SetGroup("")))
    assert not waits(device)


def test_a_group_whose_leader_answers_does_not_wait_for_the_broker() -> None:
    device = Device()
    device.follow()
    device.hear(Linked(False))
    for _ in range(30):
        device.hear(Witnessed("a", 3))
        device.wait(1)
    assert not waits(device)
    device.wait(15)
    assert waits(device), "the leader is gone, and nobody may follow it"


def test_a_leader_alone_plays_on_without_the_broker() -> None:
    device = Device()
    device.hear(Linked(True, "10.0.0.2"))
    device.wait(4)
    device.hear(Linked(False))
    device.wait(60)
    assert device.group.leads
    assert not waits(device)


def test_a_follower_chooses_nothing_and_shows_what_the_group_hears() -> None:
    device = Device()
    device.follow()
    assert not played(device.wait(3))
    playback = device.snapshot.playback
    assert playback.choice is not None
    assert (playback.state, playback.choice.track, playback.choice.reason) == (
        PlaybackState.PLAYING, TRACKS[4], "because")  # fmt: skip
    assert playback.position is not None
    assert playback.position.at(device.mono) == pytest.approx(53.0)
    assert device.snapshot.policy is PolicyName.LIFT
    [entry] = device.snapshot.queue
    assert (entry.id, entry.by, entry.choice.track) == (7, "Ada", TRACKS[5])
    assert device.snapshot.skip_votes == SkipVotes(("Ada",), 2)


def test_a_follower_shows_tracks_that_it_does_not_have() -> None:
    device = Device(tracks=TRACKS[:2])
    device.follow()
    assert device.snapshot.playback.choice is not None
    assert device.snapshot.playback.choice.track.title == "Song 4"
    assert [entry.choice.track.title for entry in device.snapshot.queue] == ["Song 5"]


def test_a_group_needs_mqtt() -> None:
    device = Device("", enabled=False)
    [answer] = [action for action in device.ask(SetGroup("home")) if isinstance(action, Answer)]
    assert "switch mqtt.enabled on" in answer.message
    assert device.snapshot.group is None


def test_a_device_that_joins_stops_its_own_music() -> None:
    device = Device("")
    device.put(TrackStarted(1, Position(0.0, device.mono, True)))
    actions = device.ask(SetGroup("home"))
    assert Silence(0.0) in actions
    assert device.group.name == "home"
    device.ask(SetGroup(""))
    device.mono += 20
    assert played(device.hear(GroupTick())), "alone again"


def test_the_successor_goes_on_at_the_same_place_with_the_same_settings() -> None:
    device = Device()
    device.follow()
    device.wait(4)
    device.hear(MemberOnline("a", False))
    [play] = played(device.wait(2))
    assert play.track.key == "k4"
    assert play.start_s == pytest.approx(50 + 4 + 0.5 - 1.0, abs=0.6)
    assert device.group.record is not None
    assert device.group.record.term == 4
    music = device.group.music
    assert music is not None
    assert (music.policy, music.mood_set, music.requests) == (PolicyName.LIFT, MoodName.HAPPY, OURS.requests)


def test_the_successor_without_that_track_plays_another_one_that_was_not_just_heard() -> None:
    device = Device(tracks=TRACKS[:4])
    device.hear(MusicHeard(OURS))
    device.follow()
    device.hear(MusicHeard(replace(OURS, requests=Requests(), recent=("k0", "k4"))), MemberOnline("a", False))
    device.mono += 11
    [play] = played(device.wait(3))
    assert play.track.key in ("k1", "k2", "k3")


def test_a_paused_group_stays_paused() -> None:
    device = Device()
    device.follow()
    device.hear(MusicHeard(replace(OURS, state=PlaybackState.PAUSED)), MemberOnline("a", False))
    device.wait(2)
    assert device.snapshot.playback.state is not PlaybackState.PLAYING


def test_a_leader_that_hears_a_higher_term_is_silent_at_once() -> None:
    device = Device()
    device.hear(Linked(True), MemberOnline("c", True))
    device.wait(4)
    assert device.group.leads
    actions = device.hear(LeaderHeard(LeaderRecord("c", 9)))
    assert Silence(0.0) in actions
    assert not device.group.leads
    assert device.group.sound_until == float("-inf")


def test_after_a_lost_tie_the_address_is_that_of_the_winner() -> None:
    device = Device()
    device.hear(Linked(True, "10.0.0.2"), MemberOnline("a", True))
    device.wait(4)
    assert device.group.leads
    term = device.group.record.term if device.group.record is not None else 0
    device.hear(LeaderHeard(LeaderRecord("a", term, 1, "10.0.0.1")))
    assert (device.group.leader, device.group.host) == ("a", "10.0.0.1")


def test_commands_for_the_group_are_passed_on_and_others_obeyed() -> None:
    device = Device()
    device.follow()
    assert device.ask(SetPlayback(Transport.NEXT)) == [Forward(SetPlayback(Transport.NEXT), 1)]
    assert Forward(SetMood(MoodName.SAD), 2) in device.ask(SetMood(MoodName.SAD))
    device.ask(SetVolume(12))
    assert device.snapshot.playback.volume == 12


def test_a_request_is_passed_on_by_content_because_the_leader_has_other_files() -> None:
    device = Device()
    device.follow()
    asked = device.ask(Enqueue(("file:///music/2.wav", "file:///elsewhere.wav"), by="Ada"))
    assert asked == [Forward(Enqueue(("k2", "file:///elsewhere.wav"), by="Ada"), 1)]


def test_the_leader_publishes_the_queue_and_the_votes() -> None:
    device = Device()
    device.hear(Linked(True))
    device.wait(4)
    device.mono += 20
    device.ask(Enqueue(("k2",), by="Ada"), surface="group")
    music = device.group.music
    assert music is not None
    assert [(entry.key, entry.title, entry.by) for entry in music.queue] == [("k2", "Song 2", "Ada")]
    assert music.skip_votes == device.snapshot.skip_votes


def test_a_passed_on_command_is_not_passed_on_again() -> None:
    device = Device()
    device.follow()
    assert device.ask(SetPlayback(Transport.NEXT), surface="group") == []


NEXT = SetPlayback(Transport.NEXT)
FROM = Origin("MQTT", "topic", "payload")


def test_the_leaders_refusal_goes_to_the_origin_of_the_command() -> None:
    device = Device()
    device.follow()
    device.ask(NEXT)
    device.ask(SetPlayback(Transport.PAUSE), surface="control")
    assert device.hear(LeaderAnswered(2, "")) == [Handled(replace(FROM, surface="control"))]
    assert device.hear(LeaderAnswered(1, "Nothing follows.")) == [Answer(FROM, "Nothing follows."), Handled(FROM)]
    assert device.hear(LeaderAnswered(1, "Nothing follows."), LeaderAnswered(77, "no")) == []
    assert not [one for one in device.wait(10) if isinstance(one, Answer | Handled)]


def test_a_leader_that_does_not_answer_leaves_nobody_waiting() -> None:
    device = Device()
    device.follow()
    device.ask(NEXT)
    answer, handled = [one for one in device.wait(10) if isinstance(one, Answer | Handled)]
    assert (answer, handled) == (Answer(FROM, SILENT), Handled(FROM))
    assert device.hear(LeaderAnswered(1, "too late")) == []


def test_who_leaves_the_group_gets_no_answer_from_its_leader() -> None:
    device = Device()
    device.follow()
    device.ask(NEXT)
    actions = device.ask(SetGroup(""))
    assert [one for one in actions if isinstance(one, Answer | Handled)] == [Answer(FROM, SILENT), Handled(FROM)]


def test_without_the_broker_no_command_reaches_the_leader() -> None:
    device = Device()
    device.follow()
    device.hear(Linked(False))
    assert device.ask(NEXT) == [Answer(FROM, AWAY)]
    assert device.ask(NEXT, surface="group") == []


def test_only_so_many_commands_wait_for_the_leader() -> None:
    device = Device()
    device.follow()
    for _ in range(MOST):
        assert isinstance(device.ask(NEXT)[0], Forward)
    assert device.ask(NEXT) == [Answer(FROM, FULL)]
    device.hear(LeaderAnswered(1))
    assert device.ask(NEXT) == [Forward(NEXT, MOST + 1)]


def test_without_a_leader_the_answer_says_so() -> None:
    [answer] = Device().ask(SetPlayback(Transport.NEXT))
    assert isinstance(answer, Answer)
    assert "home" in answer.message


def test_the_leader_obeys_what_members_pass_on() -> None:
    device = Device()
    device.hear(Linked(True))
    device.wait(4)
    device.mono += 20
    assert played(device.ask(SetPlayback(Transport.NEXT), surface="group"))


def test_news_of_another_group_does_not_count() -> None:
    device = Device()
    device.hear(Linked(True), group="garden")
    assert not device.group.connected


def test_the_leader_counts_everybody_once() -> None:
    device = Device()
    device.hear(Linked(True), MemberOnline("c", True))
    device.hear(MemberHeard(Member("c", tracks=1, profiles=("Ada", "everyone"))))
    device.wait(4)
    assert device.session.state.audience.profiles == ("Ada",)


SAD = tuple(float(name is MoodName.SAD) for name in MoodName)


def test_the_leader_feels_what_other_rooms_see() -> None:
    device = Device()
    device.hear(Linked(True), MemberOnline("c", True))
    device.hear(MemberHeard(Member("c", tracks=1, mood=MemberMood(SAD, 0.8, 2))))
    actions = device.wait(9)
    assert any(isinstance(one, Announce) and one.facts.get("mood") == "sad" for one in actions)
    assert device.snapshot.mood.name is MoodName.SAD


def test_of_two_cameras_in_one_room_the_surer_one_counts() -> None:
    far, near, other = MemberMood(SAD, 0.2), MemberMood(SAD, 0.9), MemberMood(SAD, 0.1)
    members = [Member("a", room="hall", mood=far), Member("b", room="hall", mood=near), Member("c", mood=other),
               Member("d", mood=other), Member("e", room="bath")]  # fmt: skip
    assert people_once(members) == [near, other, other]
