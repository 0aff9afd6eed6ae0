"""The documents as they go out, against snapshots; `AFFETTO_SNAPSHOTS=write pytest ...` writes them anew."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.domain import (
    EMOTIONS,
    Affect,
    Announce,
    Choice,
    Emotion,
    EventType,
    HealthReport,
    Mood,
    MoodName,
    MoodOrigin,
    MoodSource,
    PlaybackState,
    PlaybackView,
    Position,
    QueueEntry,
    SkipVotes,
    Track,
)
from device.mqtt import documents, queue_documents
from device.mqtt.contract import CHANNELS
from device.mqtt.topics import Topics

SNAPSHOTS = Path(__file__).parent / "snapshots"

MOOD = Mood(
    MoodName.HAPPY, Affect(0.61849, 0.31251), Emotion.HAPPINESS, 0.87349, 2,
    (0.1, 0.8, 0.05, 0.01, 0.01, 0.01, 0.01, 0.01), MoodSource.CAMERA, 1_767_225_600.4,
)
TRACK = Track(
    "k1", "file:///srv/music/happy/caf%E9.mp3", "Caf\udce9 \"Zoë\" 東京", "The\x1bBand", "", 181.267,
    Affect(0.70012, 0.4), MoodName.HAPPY, MoodOrigin.FOLDER,
)


STATION = Track("", "http://radio.example/live.mp3", "A station")
SENTENCE = Track("", "http://ha.local/tts.mp3", "Dinner is ready")


def view(state: PlaybackState, choice: Choice | None) -> PlaybackView:
    return PlaybackView(state, choice, None, 30, 70)


def matches_snapshot(name: str, document: object) -> bool:
    """Whether `document`, as JSON, is what the snapshot of that name holds."""
    path = SNAPSHOTS / f"{name}.json"
    if os.environ.get("AFFETTO_SNAPSHOTS") == "write":
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return bool(json.loads(path.read_text()) == document)


@pytest.mark.parametrize(("name", "document"), [
    ("mood_state", documents.mood_state(MOOD, 0.0)),
    ("track_state", documents.track_state(
        view(PlaybackState.PLAYING, Choice(TRACK, "Happy music for a happy room.")), Position(12.34, 1e9, True), 0.0)),
    ("track_state_none", documents.track_state(view(PlaybackState.STOPPED, None), None, 0.0)),
    ("track_state_media", documents.track_state(
        replace(view(PlaybackState.PAUSED, Choice(STATION, "it came over UPnP")), foreign=True, announcement=SENTENCE),
        None, 0.0)),
    ("health", documents.health_state(HealthReport(
        ("It is late.",), ("a.mp3 is damaged", "and 4 more"), 61.4, "USB", 7.94, 1, 5, 3,
        {"memory_mb": 61.26, "unknown": 1.0}))),
    ("event", documents.event(
        Announce(EventType.MOOD_CHANGED, {"mood": "calm", "previous": "sad", "problems": ["\udce9"]}))),
    ("queue", queue_documents.queue_state((
        QueueEntry(Choice(TRACK, "Ada asked for it; 1 vote"), 3, "Ada", ("Ben",)),
        QueueEntry(Choice(TRACK, "Happy music for a happy room."))))),
    ("vote", queue_documents.vote_state(SkipVotes(("Ada",), 2))),
    ("error", documents.ErrorReport(
        topic="affetto/kit/volume/set", payload="loud", message="volume/set takes a whole number.")),
])
def test_snapshots(name: str, document: object) -> None:
    assert matches_snapshot(name, json.loads(documents.encode(document)))


def test_scores_are_in_the_order_of_the_emotions() -> None:
    scores = documents.mood_state(MOOD, 0.0).scores
    assert list(scores) == [str(emotion) for emotion in EMOTIONS]
    assert scores["happiness"] == 0.8


anything = st.text(st.characters(codec=None), max_size=20)
number = st.floats()


@given(anything, anything, number, number)
def test_every_document_is_strict_json(title: str, reason: str, length: float, place: float) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    track = Track("k", title, title, title, reason, length)
    choice, position = Choice(track, reason), Position(place, 0.0, False)
    document = documents.track_state(view(PlaybackState.PAUSED, choice), position, 0.0)
    text = documents.encode(document).decode("utf-8")
    json.loads(text, parse_constant=refuse)
    notice = documents.event(Announce(EventType.LIKED, {"title": title, "problems": [reason]}))
    json.loads(documents.encode(notice).decode("utf-8"), parse_constant=refuse)


@pytest.mark.parametrize(("wall_s", "text"), [
    (0.0, "1970-01-01T00:00:00+00:00"),
    (1_767_225_600.9, "2026-01-01T00:00:00+00:00"),
    (1e300, None),
    (math.nan, None),
])
def test_timestamps_survive_any_clock(wall_s: float, text: str | None) -> None:
    assert documents.timestamp(wall_s) == text


def test_the_contract_has_every_topic() -> None:
    """A new topic needs a row in `CHANNELS`: the AsyncAPI document and the broker's access rules come from there."""
    topics = {name for name in vars(Topics) if name.endswith(("_state", "_set", "_cover"))}
    assert topics | {"availability", "event", "health", "error"} == {channel.name for channel in CHANNELS}
