"""`media/set` and `mute/set`: what they accept, refuse, and publish."""

from __future__ import annotations

import json

import pytest
from test_session import UP, Room, event_types, only, said

from device.domain import Play, PlayMedia, SetMute, Speak, SpeechEnded, StopMedia
from device.mqtt.topics import Topics

TOPICS = Topics("affetto", "box")
URL = "http://radio.example/live.mp3"


@pytest.mark.parametrize(
    ("payload", "command"),
    [
        (f'{{"url": "{URL}"}}', PlayMedia(URL)),
        (f'{{"url": "{URL}", "title": "A", "artist": "B", "album": "C"}}', PlayMedia(URL, "A", "B", "C")),
        (f'{{"url": "{URL}", "announce": true, "volume": 55}}', PlayMedia(URL, announce=True, volume=55)),
        (" Stop ", StopMedia()),
    ],
)
def test_it_reads(payload: str, command: object) -> None:
    assert TOPICS.parse(TOPICS.media_set, payload.encode()) == command


@pytest.mark.parametrize(
    "payload",
    ["", "{}", "[]", URL, '{"url": 5}', f'{{"url": "{URL}", "volume": 101}}', f'{{"url": "{URL}", "loud": 1}}',
     f'{{"url": "{URL}", "title": "\\u0007"}}', '{"url": "' + URL + '", "title": "' + "x" * 300 + '"}',
     f'{{"url": "{URL}", "announce": "yes"}}', "[" * 4000],
)  # fmt: skip
def test_it_refuses_with_a_sentence(payload: str) -> None:
    answer = TOPICS.parse(TOPICS.media_set, payload.encode())
    assert isinstance(answer, str)
    assert answer.startswith("media/set takes stop, or JSON with url") or "names of at most" in answer


@pytest.mark.parametrize(("payload", "on"), [("ON", True), ("off", False), ("true", True)])
def test_mute_reads(payload: str, on: bool) -> None:
    assert TOPICS.parse(TOPICS.mute_set, payload.encode()) == SetMute(on)


def test_a_stream_is_published_without_a_mood() -> None:
    room = Room()
    room.tell(UP)
    room.start_music()
    (play,) = only(Play, room.say("media", json.dumps({"url": URL, "title": "A station"})))
    (state,) = said(room.start(play.serial), "track/state")[-1:]
    assert (state["state"], state["source"], state["title"]) == ("playing", "media", "A station")
    assert (state["mood"], state["mood_by"], state["uri"]) == (None, None, URL)
    assert state["reason"] == "it came over MQTT"
    (state,) = said(room.say("media", "stop"), "track/state")[-1:]
    assert state["source"] == "library"


def test_an_announcement_is_published_beside_the_song() -> None:
    room = Room()
    room.tell(UP)
    play = room.start_music()
    actions = room.say("media", json.dumps({"url": URL, "title": "Dinner is ready", "announce": True}))
    (state,) = said(actions, "track/state")
    assert (state["announcement"], state["title"]) == ("Dinner is ready", play.track.title)
    assert event_types(actions) == ["announced"]
    (speak,) = only(Speak, actions)
    (state,) = said(room.tell(SpeechEnded(speak.serial)), "track/state")
    assert state["announcement"] is None


def test_a_failure_is_an_error_on_the_topic_that_asked() -> None:
    room = Room()
    room.tell(UP)
    (speak,) = only(Speak, room.say("media", json.dumps({"url": URL, "announce": True})))
    (error,) = said(room.tell(SpeechEnded(speak.serial, "The server answers 404.")), "error")
    assert (error["topic"], error["message"]) == ("affetto/box/media/set", "The server answers 404.")


def test_mute_is_published() -> None:
    room = Room()
    assert said(room.tell(UP), "mute/state") == ["OFF"]
    assert said(room.say("mute", "ON"), "mute/state") == ["ON"]
    assert said(room.say("mute", "OFF"), "mute/state") == ["OFF"]
