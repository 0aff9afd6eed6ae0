"""The documents as they go out, against snapshots; `AFFETTO_SNAPSHOTS=write pytest ...` writes them anew."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.domain import (
    EMOTIONS,
    Affect,
    Choice,
    Emotion,
    Mood,
    MoodName,
    MoodOrigin,
    MoodSource,
    Playback,
    Track,
)
from device.mqtt import documents
from device.mqtt.command_parser import Refusal

SNAPSHOTS = Path(__file__).parent / "snapshots"

MOOD = Mood(
    MoodName.HAPPY, Affect(0.61849, 0.31251), Emotion.HAPPINESS, 0.87349, 2,
    (0.1, 0.8, 0.05, 0.01, 0.01, 0.01, 0.01, 0.01), MoodSource.CAMERA, 1_767_225_600.4,
)
TRACK = Track(
    "k1", "file:///srv/music/happy/caf%E9.mp3", "Caf\udce9 \"Zoë\" 東京", "The\x1bBand", "", 181.267,
    Affect(0.70012, 0.4), MoodName.HAPPY, MoodOrigin.FOLDER,
)


def matches_snapshot(name: str, document: object) -> bool:
    """Whether `document`, as JSON, is what the snapshot of that name holds."""
    path = SNAPSHOTS / f"{name}.json"
    if os.environ.get("AFFETTO_SNAPSHOTS") == "write":
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return bool(json.loads(path.read_text()) == document)


@pytest.mark.parametrize(("name", "document"), [
    ("mood_state", documents.mood_state(MOOD)),
    ("track_state",
     documents.track_state(Playback.PLAYING, Choice(TRACK, "Happy music for a happy room."), (12.34, 1e9))),
    ("track_state_none", documents.track_state(Playback.STOPPED, None, (0.0, 0.0))),
    ("event", documents.event("mood_changed", mood=MoodName.CALM, previous=MoodName.SAD, source=MoodSource.MANUAL)),
    ("error", documents.error(Refusal("affetto/kit/volume/set", "loud", "volume/set takes a whole number."))),
])
def test_snapshots(name: str, document: dict[str, object]) -> None:
    assert matches_snapshot(name, json.loads(documents.encode(document)))


def test_scores_are_in_the_order_of_the_emotions() -> None:
    scores = documents.mood_state(MOOD)["scores"]
    assert isinstance(scores, dict)
    assert list(scores) == [str(emotion) for emotion in EMOTIONS]
    assert scores["happiness"] == 0.8


def test_an_event_that_home_assistant_does_not_know_is_a_defect() -> None:
    with pytest.raises(ValueError, match="exploded"):
        documents.event("exploded")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), anything, max_size=4))
def test_every_document_is_strict_json(document: dict[str, object]) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    text = documents.encode(document).decode("utf-8")
    json.loads(text, parse_constant=refuse)
    assert not any(0xD800 <= ord(char) <= 0xDFFF for char in text)


@pytest.mark.parametrize(("wall_s", "text"), [
    (0.0, "1970-01-01T00:00:00+00:00"),
    (1_767_225_600.9, "2026-01-01T00:00:00+00:00"),
    (1e300, "1970-01-01T00:00:00+00:00"),
    (math.nan, "1970-01-01T00:00:00+00:00"),
])
def test_timestamps_survive_any_clock(wall_s: float, text: str) -> None:
    assert documents.timestamp(wall_s) == text
