"""The MQTT surface: messages become commands, the Snapshot becomes retained documents, notices go out once."""

from __future__ import annotations

import json

import pytest
from test_session import Room

from device.config.schema import Config, DeviceConfig
from device.domain import (
    Announce,
    Answer,
    Asked,
    Event,
    EventType,
    Misunderstood,
    Origin,
    SetVolume,
    SurfaceDown,
    SurfaceUp,
)
from device.mqtt.adapter import MqttAdapter
from device.mqtt.fake import FakeBroker, FakeConnection
from device.mqtt.topics import Topics

TOPICS = Topics("affetto", "box")
CONFIG = Config(device=DeviceConfig(id="box"))


class Stage:
    """An adapter on a fake broker, and a room whose snapshots it shows."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.broker = FakeBroker()
        self.room = Room()
        self.adapter = MqttAdapter(
            CONFIG, self.events.append, connect=lambda put, filters: FakeConnection(self.broker, put, filters)
        )

    def show(self) -> None:
        assert self.room.snapshot is not None
        self.adapter.show(self.room.snapshot, self.room.now)


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    made.adapter.start()
    return made


def test_nothing_is_sent_before_there_is_a_broker() -> None:
    stage = Stage()
    stage.broker.up = False
    stage.adapter.start()
    stage.show()
    assert stage.broker.said == []
    assert isinstance(stage.events[0], SurfaceDown)
    stage.broker.start()
    assert stage.events[-1] == SurfaceUp("MQTT", TOPICS.record())
    stage.show()
    assert stage.broker.retained[TOPICS.availability] == b"online"


def test_a_second_look_sends_nothing_and_a_new_broker_gets_everything(stage: Stage) -> None:
    stage.show()
    first = dict(stage.broker.retained)
    count = len(stage.broker.said)
    stage.show()
    assert len(stage.broker.said) == count
    stage.broker.stop()
    stage.broker.start()
    stage.show()
    assert stage.broker.retained.keys() == first.keys()


def test_home_assistant_that_starts_gets_everything_again(stage: Stage) -> None:
    stage.show()
    count = len(stage.broker.said)
    stage.broker.publish(TOPICS.home_assistant_status, b"online")
    stage.show()
    assert len(stage.broker.said) > 2 * count - 2


def test_a_message_becomes_a_command_with_its_origin(stage: Stage) -> None:
    stage.broker.publish(TOPICS.volume_set, b"40")
    assert stage.events[-1] == Asked(SetVolume(40), Origin("MQTT", TOPICS.volume_set, "40"))
    stage.broker.publish(TOPICS.volume_set, b"loud")
    last = stage.events[-1]
    assert isinstance(last, Misunderstood)
    assert last.origin == Origin("MQTT", TOPICS.volume_set, "loud")


def test_the_room_is_followed(stage: Stage) -> None:
    stage.room.say("room", "kitchen")
    stage.show()
    stage.broker.publish("affetto/room/kitchen/volume/set", b"5")
    assert stage.events[-1] == Asked(SetVolume(5), Origin("MQTT", "affetto/room/kitchen/volume/set", "5"))


def test_an_answer_goes_only_to_the_surface_that_asked(stage: Stage) -> None:
    stage.adapter.tell(Answer(Origin("page", "volume", "90"), "no"))
    assert TOPICS.error not in {topic for topic, _, _ in stage.broker.said}
    stage.adapter.tell(Answer(Origin("MQTT", TOPICS.volume_set, "90"), "no"))
    topic, payload, retain = stage.broker.said[-1]
    assert (topic, retain) == (TOPICS.error, False)
    assert json.loads(payload) == {"topic": TOPICS.volume_set, "payload": "90", "message": "no"}


def test_notices_are_events_that_nobody_retains(stage: Stage) -> None:
    stage.adapter.tell(Announce(EventType.LIKED, {"title": "caf\udce9"}))
    topic, payload, retain = stage.broker.said[-1]
    assert (topic, retain) == (TOPICS.event, False)
    assert json.loads(payload) == {"event_type": "liked", "title": "caf\N{REPLACEMENT CHARACTER}"}
