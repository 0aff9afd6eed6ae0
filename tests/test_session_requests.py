"""Requests, votes and guests, as tables of events and actions (see test_session.py)."""

from __future__ import annotations

import json

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
    Play,
    Record,
    Save,
    Tick,
    TrackEnded,
    TrackEnding,
    TrackFailed,
)

URI = {track.title: track.uri for track in LIBRARY}


@pytest.fixture
def room() -> Room:
    made = Room()
    made.tell(UP)
    made.start_music()
    return made


def ask(room: Room, *titles: str, by: str = "", where: str = "later") -> list:
    facts = {"add": [URI.get(title, title) for title in titles], "where": where}
    return room.say("queue", json.dumps(facts | ({"by": by} if by else {})))


def vote(room: Room, kind: str, by: str, number: int | None = None) -> list:
    return room.say("vote", json.dumps({"vote": kind, "by": by} | ({"id": number} if number else {})))


def refusals(actions: list) -> list[str]:
    return [report["message"] for report in said(actions, "error")]


def queue(room: Room) -> list[tuple[str, str]]:
    assert room.snapshot is not None
    return [(entry.choice.track.title, entry.by) for entry in room.snapshot.queue]


def next_song(room: Room) -> list:
    """The current song ends and the cued one starts."""
    playthrough = room.session.state.playback.playing.playthrough
    assert playthrough is not None
    room.pass_time(170)
    (cue,) = only(Cue, room.tell(TrackEnding(playthrough.serial)))
    room.pass_time(10)
    return room.tell(TrackEnded(playthrough.serial), room.started(cue.serial))


# --- Requests ---


def test_a_request_plays_next_whatever_the_mood(room: Room) -> None:
    asked = ask(room, "angry-1", by="Ada")
    assert event_types(asked) == ["requested"]
    [entry] = said(asked, "queue/state")[0]
    assert (entry["title"], entry["id"], entry["by"]) == ("angry-1", 1, "Ada")
    assert entry["reason"] == "Ada asked for it"
    started = next_song(room)
    assert room.playing().title == "angry-1"
    assert said(started, "queue/state") == [[]]
    assert said(started, "track/state")[-1]["reason"] == "Ada asked for it"


def test_people_take_turns(room: Room) -> None:
    ask(room, "sad-0", "sad-1", "sad-2", by="Ada")
    ask(room, "calm-0", by="Ben")
    assert queue(room) == [("sad-0", "Ada"), ("calm-0", "Ben"), ("sad-1", "Ada"), ("sad-2", "Ada")]
    heard = [next_song(room) and room.playing().title for _ in range(4)]
    assert heard == ["sad-0", "calm-0", "sad-1", "sad-2"]


def test_a_request_near_the_end_replaces_the_cue(room: Room) -> None:
    playthrough = room.session.state.playback.playing.playthrough
    assert playthrough is not None
    room.pass_time(170)
    (chosen,) = only(Cue, room.tell(TrackEnding(playthrough.serial)))
    assert [title for title, _ in queue(room)] == [chosen.track.title]
    (anew,) = only(Cue, ask(room, "sad-3"))
    assert anew.track.title == "sad-3"
    assert queue(room) == [("sad-3", "")]
    (again,) = only(Cue, room.say("queue", '{"remove": 1}'))
    assert again.track.title != "sad-3"


def test_a_cue_that_was_replaced_too_late_keeps_the_other_request(room: Room) -> None:
    ask(room, "sad-0", by="Ada")
    playthrough = room.session.state.playback.playing.playthrough
    assert playthrough is not None
    room.pass_time(170)
    (first,) = only(Cue, room.tell(TrackEnding(playthrough.serial)))
    (second,) = only(Cue, ask(room, "calm-0", by="Ben", where="next"))
    room.tell(TrackEnded(playthrough.serial), room.started(first.serial))
    assert (room.playing().title, queue(room)) == ("sad-0", [("calm-0", "Ben")])
    room.pass_time(180)
    room.tell(TrackEnded(first.serial), room.started(second.serial))
    assert (room.playing().title, queue(room)) == ("calm-0", [])


def test_now_plays_at_once_and_next_before_the_others(room: Room) -> None:
    ask(room, "sad-0", by="Ada")
    ask(room, "sad-1", by="Ben", where="next")
    assert queue(room) == [("sad-1", "Ben"), ("sad-0", "Ada")]
    actions = ask(room, "happy-3", by="Ben", where="now")
    (play,) = only(Play, actions)
    assert play.track.title == "happy-3"
    assert [line.listen.outcome for line in only(Record, actions)] == [Outcome.REPLACED]
    room.start(play.serial)
    assert queue(room) == [("sad-1", "Ben"), ("sad-0", "Ada")]


def test_now_does_not_cut_off_what_somebody_else_asked_for(room: Room) -> None:
    ask(room, "sad-0", by="Ada")
    next_song(room)
    actions = ask(room, "happy-3", by="Ben", where="now")
    assert only(Play, actions) == []
    assert refusals(actions) == ["Ada asked for the current track, so yours plays next."]
    assert queue(room) == [("happy-3", "Ben")]
    assert only(Play, ask(room, "happy-2", by="Ada", where="now")), "but one's own"


def test_the_mood_does_not_cut_off_a_request() -> None:
    room = Room(Memory(camera=True), music={"on_mood_change": "fade"})
    room.tell(UP, EyeOpened("a camera"), LibraryLoaded(LIBRARY))
    (play,) = only(Play, room.show(Emotion.HAPPINESS, 30))
    room.start(play.serial)
    (asked,) = only(Play, ask(room, "calm-0", where="now"))
    room.start(asked.serial)
    assert only(Play, room.show(Emotion.ANGER, 60)) == []
    assert room.snapshot is not None
    assert room.snapshot.mood.name is MoodName.ANGRY


def test_next_plays_the_first_request(room: Room) -> None:
    ask(room, "sad-0")
    (play,) = only(Play, room.say("playback", "next"))
    assert play.track.title == "sad-0"
    assert queue(room) == [], "a request that has been sent to the player waits no more"


def test_a_stopped_device_stays_silent_and_then_plays_the_request(room: Room) -> None:
    room.say("playback", "stop")
    assert only(Play, ask(room, "sad-0")) == []
    (play,) = only(Play, room.say("playback", "play"))
    assert play.track.title == "sad-0"
    assert only(Play, ask(room, "sad-1", where="now")), "now means now"


def test_a_request_that_cannot_be_played_is_dropped_with_a_notice(room: Room) -> None:
    ask(room, "sad-0", "sad-1")
    (play,) = only(Play, room.say("playback", "next"))
    actions = room.tell(TrackFailed(play.serial, "damaged"), Tick())
    assert event_types(actions) == ["track_failed"]
    (again,) = only(Play, actions)
    assert again.track.title == "sad-1"
    assert refusals(ask(room, "sad-0")) == ["“sad-0” could not be played; it gets another chance after the next scan."]


def test_requests_survive_a_power_cut() -> None:
    room = Room()
    room.tell(UP)
    room.start_music()
    ask(room, "sad-0", "sad-1", by="Ada")
    ask(room, "calm-0", by="Ben")
    next_song(room)
    memory = only(Save, room.log)[-1].memory
    after = Room(memory)
    (play,) = only(Play, after.tell(UP, LibraryLoaded(LIBRARY)))
    assert play.track.title == "sad-0", "it continues"
    assert queue(after) == [("calm-0", "Ben"), ("sad-1", "Ada")]


def test_requests_wait_for_a_drive_that_is_gone(room: Room) -> None:
    ask(room, "sad-0")
    room.tell(LibraryLoaded(LIBRARY[:4]))
    assert queue(room) == []
    room.tell(LibraryLoaded(LIBRARY))
    assert queue(room) == [("sad-0", "")]


def test_the_queue_can_be_changed(room: Room) -> None:
    ask(room, "sad-0", "sad-1", "sad-2", by="Ada")
    ask(room, "calm-0", by="Ben")
    room.say("queue", '{"move": 3, "to": 1, "by": "Ada"}')
    assert [title for title, _ in queue(room)] == ["sad-2", "calm-0", "sad-0", "sad-1"]
    room.say("queue", '{"clear": "Ada"}')
    assert queue(room) == [("calm-0", "Ben")]
    room.say("queue", '{"clear": true}')
    assert queue(room) == []


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ('{"add": ["file:///nowhere"]}', "There is no track file:///nowhere in the library."),
        ('{"remove": 9}', "There is no request 9 in the queue; queue/state lists the requests."),
        ('{"move": 9, "to": 1}', "There is no request 9 in the queue; queue/state lists the requests."),
    ],
)
def test_what_makes_no_sense_is_refused(room: Room, payload: str, message: str) -> None:
    assert refusals(room.say("queue", payload)) == [message]


def test_a_banned_track_is_refused(room: Room) -> None:
    banned = room.playing().title
    room.say("feedback", "never")
    assert refusals(ask(room, banned)) == [f"“{banned}” is banned; allow it again first."]


def test_a_second_request_for_a_track_is_a_vote(room: Room) -> None:
    ask(room, "sad-0", by="Ada")
    assert refusals(ask(room, "sad-0", by="Ada")) == ["“sad-0” is in the queue already."]
    actions = ask(room, "sad-0", by="Ben")
    assert refusals(actions) == ["“sad-0” is in the queue already; your request counts as a vote for it."]
    [[entry]] = said(actions, "queue/state")
    assert (entry["votes"], entry["reason"]) == (["Ben"], "Ada asked for it; 1 vote")


def test_there_is_a_limit_for_each_person() -> None:
    room = Room(requests={"per_person": 2})
    room.tell(UP)
    room.start_music()
    actions = ask(room, "sad-0", "sad-1", "sad-2", "file:///x", by="Ada")
    assert refusals(actions) == [
        "Added 2 of 4 tracks. Ada has 2 requests in the queue already, the most that a person may have."
    ]
    assert refusals(ask(room, "calm-0", by="Ben")) == []


# --- Votes ---


def test_votes_decide_within_a_round(room: Room) -> None:
    ask(room, "sad-0", by="Ada")
    ask(room, "calm-0", by="Ben")
    assert refusals(vote(room, "up", "Ben", 2)) == ["You cannot vote for your own request."]
    vote(room, "up", "Cleo", 2)
    assert [title for title, _ in queue(room)] == ["calm-0", "sad-0"]
    vote(room, "back", "Cleo", 2)
    assert [title for title, _ in queue(room)] == ["sad-0", "calm-0"]


def test_a_majority_of_those_present_skips(room: Room) -> None:
    room.say("profile", '["Ada", "Ben", "Cleo"]')
    before = room.playing()
    actions = vote(room, "skip", "Ada")
    assert (event_types(actions), only(Play, actions)) == (["skip_voted"], [])
    assert said(actions, "vote/state") == [{"skip": ["Ada"], "needed": 2}]
    assert only(Play, vote(room, "skip", "Ada")) == [], "one person, one vote"
    actions = vote(room, "skip", "Ben")
    (play,) = only(Play, actions)
    assert play.track != before
    assert said(actions, "vote/state") == [{"skip": [], "needed": 2}]
    learnt = {line.listen.profile: line.listen.outcome for line in only(Record, actions)}
    assert learnt == {"Ada": Outcome.SKIPPED, "Ben": Outcome.SKIPPED, "Cleo": Outcome.REPLACED}


def test_faces_and_recent_voters_count_as_present(room: Room) -> None:
    room.tell(EyeOpened("a camera"))
    for name in ("Ada", "Ben", "Cleo", "Dan"):
        ask(room, f"sad-{'ABCD'.index(name[0])}", by=name)
    assert room.snapshot is not None
    assert room.snapshot.skip_votes.needed == 3
    room.pass_time(4000)
    room.tell(Tick())
    assert room.snapshot.skip_votes.needed == 1, "after an hour they are not present any more"


def test_whoever_asked_for_a_track_skips_it_alone(room: Room) -> None:
    room.say("profile", '["Ada", "Ben", "Cleo"]')
    ask(room, "sad-0", by="Ada")
    next_song(room)
    assert only(Play, vote(room, "skip", "Ben")) == []
    assert only(Play, vote(room, "skip", "Ada"))


def test_a_veto_skips_at_once_and_only_once_an_hour(room: Room) -> None:
    room.say("profile", '["Ada", "Ben", "Cleo"]')
    actions = vote(room, "veto", "Ada")
    assert event_types(actions) == ["vetoed", "track_skipped"]
    (play,) = only(Play, actions)
    room.start(play.serial)
    room.pass_time(600)
    assert refusals(vote(room, "veto", "Ada")) == ["Ada has used this hour's veto; the next is in 50 minutes."]
    memory = only(Save, room.log)[-1].memory
    assert "Ada" in memory.requests.vetoes, "a restart gives nobody a second veto"
    assert only(Play, vote(room, "veto", "Ben"))
    room.pass_time(3000)
    assert only(Play, vote(room, "veto", "Ada"))


@pytest.mark.parametrize("kind", ["skip", "veto"])
def test_there_is_nothing_to_skip_in_silence(room: Room, kind: str) -> None:
    room.say("playback", "pause")
    assert refusals(vote(room, kind, "Ada")) == ["Nothing is playing, so there is nothing to skip."]


# --- Guests ---


def test_guests_have_limits_once_the_home_has_profiles(room: Room) -> None:
    assert refusals(ask(room, "angry-0", by="Zoe", where="next")) == [], "without profiles nobody is a guest"
    room.say("queue", '{"clear": true}')
    room.say("profile", "Ada")
    assert refusals(ask(room, "angry-0", by="Zoe", where="now")) == [
        "The requests of guests wait for their turn; ask for it without “now” or “next”."
    ]
    assert refusals(ask(room, "sad-0", "sad-1", "sad-2", "sad-3", by="Zoe")) == [
        "Added 3 of 4 tracks. Zoe has 3 requests in the queue already, the most that a guest may have."
    ]
    ask(room, "calm-0", by="Ada")
    ada = next(entry.id for entry in room.snapshot.queue if entry.by == "Ada") if room.snapshot else 0
    removing = room.say("queue", f'{{"remove": {ada}, "by": "Zoe"}}')
    assert refusals(removing) == ["Guests may change only their own requests."]
    assert refusals(room.say("queue", '{"clear": true, "by": "Zoe"}')) == ["Guests may remove only their own requests."]
    assert refusals(vote(room, "veto", "Zoe")) == ["Guests have no veto; they can vote to skip the track."]
    assert refusals(room.say("queue", '{"clear": "Zoe", "by": "Zoe"}')) == []
    assert queue(room) == [("calm-0", "Ada")]


def test_nothing_is_learnt_in_guest_mode(room: Room) -> None:
    assert said(room.say("guest", "ON"), "guest/state") == ["ON"]
    heard = room.playing().key
    assert only(Record, next_song(room)) == []
    assert room.session.state.chooser.taste.of("everyone", heard).heard_at == room.wall, "but it is not fresh any more"
    assert only(Record, room.say("feedback", "dislike")) == []
    for liking in ("like", "never"):
        assert refusals(room.say("feedback", liking)) == [
            "Guest mode is on, so the device learns nothing; switch guest mode off first."
        ]
    assert only(Record, room.say("playback", "next")) == []
    room.say("guest", "OFF")
    assert [line.listen.outcome for line in only(Record, room.say("playback", "next"))] == [Outcome.SKIPPED]


def test_a_guest_never_becomes_a_profile(room: Room) -> None:
    room.say("profile", "Ada")
    ask(room, "sad-0", by="Zoe")
    next_song(room)
    assert {line.listen.profile for line in only(Record, next_song(room))} == {"Ada"}
    assert refusals(room.say("feedback", '{"liking": "like", "by": "Zoe"}')) == [
        "Zoe is not a profile of this home, so there is no taste to learn."
    ]


# --- People who are present ---


def test_people_come_and_go(room: Room) -> None:
    assert said(room.say("profile", '["Ada", "Ben"]'), "profile/state") == [["Ada", "Ben"]]
    assert said(room.say("profile", '{"add": "Cleo"}'), "profile/state") == [["Ada", "Ben", "Cleo"]]
    room.say("profile", '{"remove": "Ada"}')
    assert said(room.say("profile", '{"remove": "Ben"}'), "profile/state") == ["Cleo"]
    assert said(room.say("profile", '{"remove": "Cleo"}'), "profile/state") == ["everyone"]
    assert said(room.say("profile", "Ada"), "profile/state") == ["Ada"]


def test_everybody_present_learns_from_what_they_hear(room: Room) -> None:
    room.say("profile", '["Ada", "Ben"]')
    ask(room, "sad-0", by="Ada")
    next_song(room)
    learnt = [(line.listen.profile, line.listen.outcome) for line in only(Record, next_song(room))]
    assert learnt == [("Ada", Outcome.PLAYED), ("Ben", Outcome.PLAYED)]
    assert room.session.state.chooser.taste.of("Ada", "sad-0").hearings == 1, "the room heard it once"
    (liked,) = only(Record, room.say("feedback", '{"liking": "like", "by": "Ben"}'))
    assert (liked.listen.profile, liked.listen.outcome) == ("Ben", Outcome.LIKED)
