"""The AsyncAPI document against what is really sent and obeyed: no row is missing, and none promises too much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml
from jsonschema import Draft202012Validator
from test_session import LIBRARY, TOPICS, UP, Room, feeling, only

from device.__main__ import main
from device.domain import (
    Asked,
    CoverRead,
    Emotion,
    EventType,
    EyeClosed,
    EyeOpened,
    EyeRead,
    GroupEntry,
    GroupMusic,
    LeaderRecord,
    LibraryLoaded,
    Member,
    MemberMood,
    Memory,
    Origin,
    Play,
    PlaybackState,
    PlayMedia,
    SkipVotes,
    SoundBack,
    SoundLost,
    Speak,
    SpeechEnded,
    Tick,
    TrackFailed,
)
from device.mqtt import contract
from device.mqtt.contract import CHANNELS, Channel
from device.mqtt.messages import Publication
from device.rooms.contract import rows
from device.rooms.documents import AnswerDocument, OrderDocument, encode
from device.rooms.topics import GroupTopics

GROUP = contract.channels(rows())
DOCUMENT = json.loads(json.dumps(contract.document("affetto", GROUP)))
ROWS = {channel.name: channel for channel in CHANNELS}


def schema(name: str) -> dict[str, object]:
    payload = DOCUMENT["components"]["messages"][name]["payload"]
    return {**payload, "components": DOCUMENT["components"]}


def value(channel: Channel, payload: bytes) -> object:
    """What the schema is about: the parsed JSON, or the text."""
    text = payload.decode()
    return json.loads(text) if channel.content == contract.JSON or text[:1] in ("{", "[") else text


def mistakes(channel: Channel, payload: bytes) -> list[str]:
    found = Draft202012Validator(schema(channel.name)).iter_errors(value(channel, payload))
    return [f"{channel.name}: {error.message}" for error in found]


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


# --- The document ----------------------------------------------------------------------------------------------------


def test_every_reference_leads_somewhere() -> None:
    for reference in set(references(DOCUMENT)):
        part = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
        assert part


def test_every_operation_has_its_channel_and_direction() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["operations"].keys() == DOCUMENT["channels"].keys()
    for name, operation in DOCUMENT["operations"].items():
        assert operation["channel"] == {"$ref": f"#/channels/{name}"}
        assert operation["action"] == ("receive" if name.endswith("_set") else "send")
        assert operation["bindings"]["mqtt"]["qos"] == 1
    for channel in DOCUMENT["channels"].values():
        assert {f"{{{name}}}" in channel["address"] for name in channel["parameters"]} == {True}


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["YAML", "JSON"])
def test_the_command_prints_it(form: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mqtt-contract", *form, "--base-topic", "home/affetto"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(contract.document("home/affetto", GROUP)))
    assert printed["channels"]["group_leader"]["address"] == "home/affetto/group/{group}/leader"
    assert printed["channels"]["in_group_mood_set"]["address"] == "home/affetto/group/{group}/mood/set"
    assert printed["channels"]["in_room_mood_set"]["address"] == "home/affetto/room/{room}/mood/set"


GROUP_DOCUMENTS = {
    "group_leader": LeaderRecord("a", 3, 7, "10.0.0.2"),
    "group_music": GroupMusic("a", 3, PlaybackState.PLAYING, "key", "A song", position_s=3.5),
    "group_queue": (GroupEntry("key", "A song", "An artist", "somebody asked for it", 4, "Ada", ("Ben",)),),
    "group_votes": SkipVotes(),
    "group_member": Member("a", "A", "kitchen", 15, "1", MemberMood((0.4,) + (0.1,) * 6, 0.7, 2), ("Ada",)),
    "group_order": OrderDocument(name="volume", fields={"percent": 40}, member="b", number=3),
    "group_answer": AnswerDocument(number=3, message="no"),
}


@pytest.mark.parametrize("name", GROUP_DOCUMENTS)
def test_the_documents_of_a_group_keep_the_contract(name: str) -> None:
    payload = encode(GROUP_DOCUMENTS[name])
    validator = Draft202012Validator(schema(name))
    assert list(validator.iter_errors(json.loads(payload))) == []
    assert list(validator.iter_errors("nonsense")) != []


def test_every_topic_of_a_group_has_a_row() -> None:
    topics = GroupTopics("affetto", "{group}")
    ours = {row.address for row in rows()}
    sent = [topics.leader, topics.state, topics.queue, topics.votes, topics.order]
    sent += [topics.member("{device}"), topics.availability("{device}"), topics.answer("{device}")]
    assert {topic.removeprefix("affetto/") for topic in sent} == ours
    kept = {channel.name for channel in GROUP if channel.retained}
    assert kept == {row.name for row in rows()} - {"group_order", "group_answer"}


# --- What is sent ----------------------------------------------------------------------------------------------------


def life() -> Room:
    """A day of the device, with everything that it can tell."""
    room = Room(Memory(camera=True))
    room.tell(UP, EyeOpened("a camera"), LibraryLoaded(LIBRARY, ("A folder is gone.",), ("a.mp3 is damaged",)))
    (play,) = only(Play, room.show(Emotion.HAPPINESS, 20))
    room.start(play.serial)
    room.tell(CoverRead(play.track.uri, b"\xff\xd8jpeg"), EyeRead(replace(feeling(Emotion.FEAR), at_s=1.0)))
    for name, payload in [
        ("volume", "55"), ("volume", "99"), ("mute", "ON"), ("mute", "OFF"), ("policy", "lift"), ("room", "Küche"),
        ("profile", '["Ada", "Ben"]'), ("guest", "ON"), ("guest", "OFF"), ("feedback", "like"), ("track_mood", "sad"),
        ("queue", LIBRARY[3].uri), ("queue", f'{{"add": ["{LIBRARY[5].uri}"], "by": "Ada"}}'), ("seek", "1:00"),
        ("vote", '{"vote": "skip", "by": "Ada"}'), ("mood", "angry"), ("mood", "auto"), ("zzz", "5"), ("volume", "x"),
        ("feedback", "never"), ("never", "undo"), ("feedback", "dislike"), ("playback", "next"), ("playback", "pause"),
        ("camera", "OFF"), ("playback", "play"), ("sleep", "30"), ("sleep", "off"), ("alarm", "daily 7:00 calm"),
        ("quiet", "ON"), ("quiet", "auto"), ("question", "ask"), ("context", '{"activity": "dinner", "guests": 2}'),
    ]:  # fmt: skip
        plays = only(Play, room.say(name, payload))
        if plays:
            room.start(plays[-1].serial)
        room.pass_time(15)
        room.tell(Tick({"memory_mb": 61.2, "eye_memory_mb": 80.0, "cpu_s": 3.0, "eye_cpu_s": 1.0}))
    playing = room.session.state.playback.playing.playthrough
    assert playing is not None
    room.tell(TrackFailed(playing.serial, "a.mp3 holds no sound"))
    room.tell(SoundLost("it was pulled out"), SoundBack(), EyeClosed("the camera was pulled out"), EyeClosed())
    for announce in (True, False):
        order = PlayMedia("http://radio.example/live", "A station", announce=announce)
        (began,) = only(Speak if announce else Play, room.tell(Asked(order, Origin("MQTT", TOPICS.media_set, ""))))
        room.tell(SpeechEnded(began.serial, "The server is gone.")) if announce else room.start(began.serial)
    room.tell(TrackFailed(began.serial, "The server is gone."))
    room.say("playback", "stop")
    room.tell(LibraryLoaded(()))
    return room


@pytest.fixture(scope="module")
def sent() -> list[Publication]:
    return only(Publication, life().log)


def test_everything_that_is_sent_is_as_promised(sent: list[Publication]) -> None:
    by_topic = {getattr(TOPICS, name): row for name, row in ROWS.items()}
    for publication in sent:
        row = by_topic[publication.topic]
        assert not row.command
        assert publication.retain == row.retained, row.name
        if row.content != contract.JPEG:
            assert mistakes(row, publication.payload) == []


def test_a_day_shows_every_state_and_many_events(sent: list[Publication]) -> None:
    """So that the test above has seen them all."""
    seen = {publication.topic for publication in sent}
    assert {name for name, row in ROWS.items() if not row.command and getattr(TOPICS, name) not in seen} == set()
    events = {json.loads(one.payload)["event_type"] for one in sent if one.topic == TOPICS.event}
    assert events <= set(EventType)
    assert len(events) >= 18


def test_what_is_sent_has_no_field_that_the_document_lacks(sent: list[Publication]) -> None:
    for name in ("mood_state", "track_state", "health", "error", "vote_state"):
        reference = DOCUMENT["components"]["messages"][name]["payload"]["$ref"]
        known = DOCUMENT["components"]["schemas"][reference.rsplit("/", 1)[1]]["properties"].keys()
        payloads = [json.loads(one.payload) for one in sent if one.topic == getattr(TOPICS, name)]
        assert payloads
        assert {key for payload in payloads for key in payload} <= known


# --- What is obeyed --------------------------------------------------------------------------------------------------

EXAMPLES = {
    "seek_set": ["90", "+10", "-10.5", "1:30", "-1:30"],
    "volume_set": ["0", "100", "+5", "-5"],
    "group_volume_set": ["0", "100", "+5", "-5"],
    "media_set": ['{"url": "http://h/a"}', '{"url": "http://h/a", "announce": true, "volume": 5}'],
    "never_set": ["file:///music/a.mp3"],
    "queue_set": ["file:///a.mp3", '{"add": ["file:///a.mp3"], "where": "now"}', '{"clear": true}', '{"remove": 3}'],
    "playlist_set": ["Sunday", "Große Oper"],
    "vote_set": ['{"vote": "up", "id": 3, "by": "Ben"}', '{"vote": "veto", "by": "Ben"}'],
    "profile_set": ["Ada", '["Ada", "Ben"]', '{"add": "Ada"}'],
    "feedback_set": ['{"liking": "like", "by": "Ada"}'],
    "room_set": ["", "Küche"], "group_set": ["", "Küche"],
    "context_set": ["dinner", '{"activity": "dinner", "guests": 2}'],
    "body_set": ['{"heart_rate": 72, "person": "Ada"}', '{"hrv_ms": 45.5, "at": "2026-11-28T20:15:00Z"}'],
    "sleep_set": ["30", "0.5"],
    "schedule_set": ['{"quiet": "22:00-07:00"}', '{"policies": null, "children_minutes": 60}'],
    "alarm_set": ["mon-fri 7:00 calm", '{"time": "7:00", "days": "daily"}', '{"id": 1, "on": false}', '{"remove": 1}'],
}
WRONG = {
    "seek_set": "soon", "volume_set": "loud", "group_volume_set": "loud",
    "media_set": '{"title": "no url"}', "never_set": "http://h/a",
    "queue_set": '{"plus": 1}', "playlist_set": "", "vote_set": '{"vote": "yes", "by": "Ben"}',
    "profile_set": '{"add": 1}',
    "feedback_set": '{"liking": "love"}', "room_set": "a/b", "group_set": "a/b",
    "context_set": '{"guests": -1}', "body_set": "72", "sleep_set": "long", "alarm_set": '{"time": 7}',
    "schedule_set": '{"alarms": []}',
}  # fmt: skip


def words(part: object) -> list[str]:
    """The words of all enumerations of texts at the top of a payload's schema."""
    if not isinstance(part, dict):
        return []
    if "$ref" in part:
        part = DOCUMENT["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]]
    found = [word for word in part.get("enum", ()) if isinstance(word, str)]
    return found + [word for inner in part.get("anyOf", ()) for word in words(inner)]


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.command])
def test_what_the_document_allows_is_obeyed_and_what_it_forbids_is_not(name: str) -> None:
    row, topic = ROWS[name], getattr(TOPICS, name)
    allowed = [*words(DOCUMENT["components"]["messages"][name]["payload"]), *EXAMPLES.get(name, ())]
    assert allowed
    for text in allowed:
        assert mistakes(row, text.encode()) == []
        assert not isinstance(TOPICS.parse(topic, text.encode()), str), text
    wrong = WRONG.get(name, "rubbish")
    assert mistakes(row, wrong.encode())
    assert isinstance(TOPICS.parse(topic, wrong.encode()), str)
