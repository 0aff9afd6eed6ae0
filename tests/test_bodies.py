"""Bodies: what is refused, what counts, how little it counts, and that a body alone changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_session import Room, said

from device.config.schema import MoodConfig
from device.domain import (
    EMOTIONS,
    Affect,
    Asked,
    Emotion,
    EyeOpened,
    Forget,
    Memory,
    Mood,
    MoodName,
    Now,
    Origin,
    Reading,
    ReportBody,
    Scope,
    Scores,
    SeenFace,
)
from device.mood.body_evidence import (
    AT_MOST,
    AT_REST,
    HALF_LIFE_S,
    LEAST_SAMPLES,
    ArousalEvidence,
    BodyEvidence,
    problem,
    tilt,
)
from device.mood.room_mood import RoomMood

NOW = Now(5000.0, 1.7e9)
BOX = (0.3, 0.2, 0.4, 0.6)


def blend(**shares: float) -> Scores:
    """Emotion scores with these shares, the rest spread evenly."""
    rest = (1 - sum(shares.values())) / (len(EMOTIONS) - len(shares))
    return tuple(shares.get(str(emotion), rest) for emotion in EMOTIONS)


def lived(person: str = "", heart: tuple[float, float] = (60.0, 100.0), **more: float) -> BodyEvidence:
    """A body that was measured for an hour, over its whole range; the last measurement was at NOW, at rest."""
    bodies = BodyEvidence()
    for number in range(60):
        at, share = NOW.mono - 60.0 * (60 - number), number % 10 / 9
        rate = heart[0] + share * (heart[1] - heart[0])
        assert bodies.report(ReportBody(heart_rate=rate, person=person, **more), Now(at, NOW.wall)) == ""
    return bodies


@pytest.mark.parametrize(
    ("report", "part"),
    [
        (ReportBody(heart_rate=0.0), "heart_rate 0 is out of range; it takes 25 to 240"),
        (ReportBody(heart_rate=999.0), "beats a minute"),
        (ReportBody(heart_rate=float("nan")), "is out of range"),
        (ReportBody(hrv_ms=-3.0), "hrv_ms"),
        (ReportBody(skin_conductance=1e6), "microsiemens"),
        (ReportBody(heart_rate=70.0, at=NOW.wall - 301), "301 s old"),
        (ReportBody(heart_rate=70.0, at=NOW.wall + 60), "in the future"),
        (ReportBody(heart_rate=70.0, at=NOW.wall - 299), ""),
        (ReportBody(heart_rate=70.0), ""),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(report: ReportBody, part: str) -> None:
    found = problem(report, NOW)
    assert (part in found) if part else found == ""


def test_nothing_counts_before_the_range_of_a_person_is_known() -> None:
    bodies = BodyEvidence()
    for number in range(LEAST_SAMPLES - 1):
        bodies.report(ReportBody(heart_rate=60.0 + number), Now(60.0 * number, 1e9))
        assert bodies.arousal(60.0 * number) is None
    bodies.report(ReportBody(heart_rate=100.0), Now(60.0 * LEAST_SAMPLES, 1e9))
    assert bodies.arousal(60.0 * LEAST_SAMPLES) is not None


@pytest.mark.parametrize(("rate", "arousal"), [(55.0, AT_REST), (120.0, AT_MOST)])
def test_a_pulse_counts_relative_to_the_persons_own_range(rate: float, arousal: float) -> None:
    bodies = lived()
    bodies.report(ReportBody(heart_rate=rate), NOW)
    found = bodies.arousal(NOW.mono)
    assert found is not None
    assert found.arousal == pytest.approx(arousal)
    athlete = lived(heart=(40.0, 60.0))
    athlete.report(ReportBody(heart_rate=60.0), NOW)
    found = athlete.arousal(NOW.mono)
    assert found is not None
    assert found.arousal > 0.5


def test_little_variability_is_arousal() -> None:
    bodies = BodyEvidence()
    for number in range(60):
        bodies.report(ReportBody(hrv_ms=20.0 + number % 40), Now(60.0 * number, 1e9))
    bodies.report(ReportBody(hrv_ms=15.0), Now(3600.0, 1e9))
    low = bodies.arousal(3600.0)
    bodies.report(ReportBody(hrv_ms=90.0), Now(3700.0, 1e9))
    high = bodies.arousal(3700.0)
    assert low is not None
    assert high is not None
    assert high.arousal == AT_REST < low.arousal
    assert low.certainty == pytest.approx(0.5 / 2.5), "variability alone says little"


def test_a_measurement_loses_half_of_its_certainty_in_a_minute() -> None:
    bodies = lived()
    bodies.report(ReportBody(heart_rate=90.0), NOW)
    fresh, later = bodies.arousal(NOW.mono), bodies.arousal(NOW.mono + HALF_LIFE_S)
    assert fresh is not None
    assert later is not None
    assert later.certainty == pytest.approx(fresh.certainty / 2)
    assert bodies.arousal(NOW.mono + 3600.0) is None


def test_several_people_are_kept_apart_and_forgotten_one_by_one() -> None:
    bodies = lived("Ada")
    bodies.report(ReportBody(heart_rate=100.0, person="Bob"), NOW)
    bodies.report(ReportBody(heart_rate=100.0, person="Ada"), NOW)
    found = bodies.arousal(NOW.mono)
    assert found is not None
    assert found.arousal == pytest.approx(AT_MOST), "Bob's range is not known yet"
    bodies.forget("Ada")
    assert bodies.arousal(NOW.mono) is None


def test_the_number_of_people_is_limited() -> None:
    bodies = BodyEvidence()
    answers = [bodies.report(ReportBody(heart_rate=70.0, person=f"{number}"), NOW) for number in range(21)]
    assert [answer == "" for answer in answers] == [True] * 20 + [False]


def test_arousal_shifts_between_moods_of_equal_valence_by_a_limited_factor() -> None:
    even = dict.fromkeys(MoodName, 1 / 7)
    assert tilt(even, None) == even
    tilted = tilt(even, ArousalEvidence(0.8, 1.0))
    assert sum(tilted.values()) == pytest.approx(1.0)
    assert tilted[MoodName.EXCITED] > tilted[MoodName.HAPPY] > tilted[MoodName.CALM]
    assert max(tilted.values()) / min(tilted.values()) <= 2.72


def judged(scores: Scores, rate: float | None, seconds: float = 60.0) -> Mood:
    """The mood after so many seconds of one face, while the body says this."""
    room = RoomMood(MoodConfig())
    room.bodies = lived()
    for step in range(int(seconds * 8)):
        now = Now(NOW.mono + step / 8, NOW.wall + step / 8)
        if rate is not None and step % 40 == 0:
            room.bodies.report(ReportBody(heart_rate=rate), now)
        room.update(Reading(now.mono, (SeenFace(1, BOX, 0.9, scores),)), now)
    return room.mood


def test_the_body_moves_the_arousal_of_the_room() -> None:
    unsure = blend(happiness=0.4, surprise=0.1, neutral=0.2)
    assert judged(unsure, 120.0, 2.0).affect.arousal > judged(unsure, 55.0, 2.0).affect.arousal + 0.02


@given(
    st.lists(st.floats(0.02, 1.0), min_size=7, max_size=7), st.floats(-1.0, 1.0), st.floats(0.0, 1.0), st.floats(0, 0.5)
)
def test_as_long_as_the_faces_prefer_the_present_mood_no_body_changes_it(
    weights: list[float], arousal: float, certainty: float, margin: float
) -> None:
    seen = {mood: weight / sum(weights) for mood, weight in zip(MoodName, weights, strict=True)}
    room = RoomMood(MoodConfig(dwell_s=0.0, margin=margin))
    room._mood = replace(room.mood, name=max(seen, key=lambda mood: seen[mood]))
    tilted = tilt(seen, ArousalEvidence(arousal, certainty))
    assert not any(room._changes(tilted, seen, 1.0) for _ in range(5))


# --- Over MQTT ---


def test_switched_off_they_are_refused_with_the_name_of_the_switch() -> None:
    (told,) = said(Room().say("body", '{"heart_rate": 70}'), "error")
    assert "people.bodies: true" in told["message"]


def test_switched_on_they_are_taken_and_a_bad_one_is_answered() -> None:
    room = Room(Memory(camera=True), people={"bodies": True})
    room.tell(EyeOpened("test"))
    assert room.say("body", '{"heart_rate": 70, "person": "Ada"}') == []
    (told,) = said(room.say("body", '{"heart_rate": 700}'), "error")
    assert "out of range" in told["message"]
    (told,) = said(room.say("body", '{"heart_rate": 70, "at": "2001-01-01T00:00:00Z"}'), "error")
    assert "s old" in told["message"]
    (told,) = said(room.say("body", '{"person": "Ada"}'), "error")
    assert "at least one of the three figures" in told["message"]
    bodies = room.session.state.mood_control._room_mood.bodies
    assert set(bodies._people) == {"Ada"}
    room.tell(Asked(Forget(Scope.PERSON, "Ada"), Origin("page")))
    assert set(bodies._people) == set()


def test_without_faces_a_body_changes_nothing() -> None:
    room = Room(people={"bodies": True})
    room.session.state.mood_control._room_mood.bodies = lived()
    before = room.snapshot
    room.say("body", '{"heart_rate": 140}')
    assert before is not None
    assert room.snapshot is not None
    assert room.snapshot.mood == before.mood
    assert room.snapshot.mood.affect == Affect(0.0, 0.0)
    assert Emotion.NEUTRAL is room.snapshot.mood.emotion
