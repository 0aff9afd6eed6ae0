"""Context: the table, its order, what is learnt in it, and how it comes in over MQTT."""

from __future__ import annotations

from datetime import datetime

import pytest
from test_session import Room, said

from device.config.contradictions import contradictions
from device.config.schema import Config, ContextConfig
from device.domain import (
    Affect,
    Asked,
    Context,
    Erasure,
    Forget,
    Leaning,
    Memory,
    MoodName,
    Origin,
    Outcome,
    PolicyName,
    Scope,
    SetContext,
    SongEntry,
    Target,
    read_leaning,
)
from device.mood.context import ContextGuide, best_near, day_part

EVENING = datetime(2026, 11, 28, 20).timestamp()
DINNER, GUESTS = Leaning("dinner", MoodName.CALM, 0.5), Leaning("guests", MoodName.HAPPY, 1.0)
TABLE = (DINNER, GUESTS, Leaning("rainy", MoodName.SAD, 0.2))
HAPPY = Target(Affect(0.8, 0.3), MoodName.HAPPY, "to match a happy room")
QUIET, LOUD = Affect(0.3, -0.3), Affect(0.3, 0.3)


def song(affect: Affect, outcome: Outcome | None, context: str = "evening", *, liked: bool = False) -> SongEntry:
    names = ("k", "t", "a", MoodName.CALM, "everyone")
    return SongEntry(1e9, 1e9 + 9, 9.0, *names, outcome, None, None, affect, context, liked)


# --- The table ---


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("dinner: calm 40%", Leaning("dinner", MoodName.CALM, 0.4)),
        (" Falling asleep : calm 100 % ", Leaning("falling asleep", MoodName.CALM, 1.0)),
    ],
)
def test_rows(text: str, row: Leaning) -> None:
    assert read_leaning(text) == row


@pytest.mark.parametrize(
    ("text", "part"),
    [("dinner", "dinner: calm 40%"), ("dinner: cosy 40%", "no mood cosy"), ("dinner: calm 140%", "limit is 100%")],
)
def test_a_bad_row_is_a_mistake_in_the_settings(text: str, part: str) -> None:
    config = Config(context=ContextConfig(activities=(text,)))
    [(where, what)] = list(contradictions(config))
    assert where == "context.activities"
    assert part in what


def test_every_shipped_row_can_be_read() -> None:
    assert [read_leaning(row).name for row in ContextConfig().activities][:2] == ["focus", "cooking"]


# --- The order ---


@pytest.mark.parametrize(
    ("context", "name"),
    [
        (Context(), "evening"),
        (Context(activity="Dinner", guests=3, weather="rainy"), "dinner"),
        (Context(activity="gardening"), "gardening"),
        (Context(scene="Movie", guests=2, weather="rainy"), "guests"),
        (Context(scene="rainy", guests=2), "rainy"),
        (Context(weather="rainy"), "rainy"),
        (Context(weather="sunny"), "evening"),
    ],
)
def test_the_first_that_says_anything_counts(context: Context, name: str) -> None:
    assert ContextGuide(TABLE).name(context, EVENING) == name


def test_parts_of_the_day() -> None:
    hours = {day_part(datetime(2026, 11, 28, hour).timestamp()): hour for hour in (3, 9, 15, 21)}
    assert list(hours) == ["night", "morning", "afternoon", "evening"]
    assert day_part(float("inf")) == "afternoon"


def test_a_row_moves_the_target_and_says_so() -> None:
    leant = ContextGuide(TABLE).lean(HAPPY, Context(activity="dinner"), EVENING)
    assert (leant.affect.valence, leant.affect.arousal) == pytest.approx((0.75, -0.15))
    assert leant.reason == "to match a happy room, leaning to calm for dinner"
    assert leant.mood is MoodName.HAPPY
    whole = ContextGuide([Leaning("asleep", MoodName.CALM, 1.0)]).lean(HAPPY, Context(activity="asleep"), EVENING)
    assert whole.mood is MoodName.CALM


def test_without_a_row_and_without_songs_nothing_moves() -> None:
    assert ContextGuide(TABLE).lean(HAPPY, Context(activity="gardening"), EVENING) is HAPPY


# --- What is learnt ---


def test_few_songs_move_nothing_and_many_move_the_target_to_where_they_were_heard_out() -> None:
    start = Affect(0.3, 0.0)
    some = [song(QUIET, Outcome.PLAYED), song(LOUD, Outcome.SKIPPED)]
    assert best_near(some, start) == start
    best = best_near(some * 20, start)
    assert best.arousal < -0.15
    assert best.valence == pytest.approx(0.3, abs=0.11)


def test_before_a_dozen_songs_a_context_is_not_known() -> None:
    target = Target(Affect(0.3, 0.0), MoodName.NEUTRAL, "to match a neutral room")
    guide = ContextGuide((), [song(QUIET, Outcome.PLAYED, liked=True)] * 11)
    assert guide.lean(target, Context(), EVENING) is target


def test_a_change_of_mood_says_nothing() -> None:
    guide = ContextGuide((), [song(QUIET, Outcome.REPLACED), song(LOUD, None)] * 40)
    assert guide.lean(HAPPY, Context(), EVENING) is HAPPY


def test_what_was_liked_in_the_evening_counts_in_the_evening_and_is_said() -> None:
    songs = [song(QUIET, Outcome.PLAYED), song(LOUD, Outcome.DISLIKED)] * 30
    target = Target(Affect(0.3, 0.0), MoodName.NEUTRAL, "to match a neutral room")
    guide = ContextGuide((), songs)
    leant = guide.lean(target, Context(), EVENING)
    assert leant.affect.arousal < 0
    assert leant.reason == "to match a neutral room, as usual here in the evening"
    assert guide.lean(target, Context(activity="dinner"), EVENING) is target
    assert ContextGuide((), songs, learn=False).lean(target, Context(), EVENING) is target
    guide.forget(Erasure(start=1e9, end=1e9 + 1))
    assert guide.lean(target, Context(), EVENING) is target


def test_a_liked_song_counts_although_it_was_skipped() -> None:
    songs = [song(QUIET, Outcome.SKIPPED, liked=True), song(LOUD, Outcome.SKIPPED)] * 20
    assert best_near(songs, Affect(0.3, 0.0)).arousal < 0


# --- In the session and over MQTT ---


def test_context_comes_in_goes_out_and_survives() -> None:
    room = Room()
    room.up = True
    (state,) = said(room.say("context", '{"activity": "dinner", "guests": 2}'), "context/state")
    assert state == {"activity": "dinner", "guests": 2, "scene": "", "weather": ""}
    (state,) = said(room.say("context", '{"weather": "rainy"}'), "context/state")
    assert (state["activity"], state["weather"]) == ("dinner", "rainy")
    (state,) = said(room.say("context", "none"), "context/state")
    assert (state["activity"], state["guests"]) == ("", 2)
    assert room.session.memory.context == Context("", 2, "", "rainy")


BAD = ['{"guests": -1}', '{"guest": 1}', '{"activity": 5}', '{"activity": "a\\nb"}', "x" * 65]


@pytest.mark.parametrize("payload", BAD)
def test_what_is_no_context_is_refused(payload: str) -> None:
    (told,) = said(Room().say("context", payload), "error")
    assert "context/set takes the name of an activity" in told["message"]


def test_the_music_leans_unless_somebody_decided_by_hand() -> None:
    room = Room(Memory(context=Context(activity="sleep")))
    assert room.session.state.target.mood is MoodName.CALM
    assert "for sleep" in room.session.state.target.reason
    room.say("mood", "angry")
    assert room.session.state.target.mood is MoodName.ANGRY
    manual = Room(Memory(context=Context(activity="sleep"), policy=PolicyName.MANUAL))
    assert manual.session.state.target.mood is MoodName.NEUTRAL


def test_a_new_activity_changes_the_music_at_once_if_the_settings_say_fade() -> None:
    room = Room(music={"on_mood_change": "fade"})
    room.start_music()
    before = room.playing()
    room.tell(Asked(SetContext(activity="party"), Origin("page")))
    assert room.playing() != before
    assert room.playing().mood is MoodName.EXCITED


def test_the_session_learns_what_is_liked_in_the_context_and_forgets_it() -> None:
    room = Room(Memory(context=Context(activity="dinner")), context={"learn": True})
    room.start_music()
    room.pass_time(20.0)
    room.say("playback", "next")
    guide = room.session.state.mood_control._context
    assert [len(songs) for songs in guide._songs.values()] == [1]
    assert list(guide._songs) == ["dinner"]
    room.tell(Asked(Forget(Scope.EVERYTHING), Origin("page")))
    assert [len(songs) for songs in guide._songs.values()] == [0]
