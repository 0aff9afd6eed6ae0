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
from device.mqtt.messages import BrokerConnected, BrokerLost
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
    assert stage.broker.published == []
    assert isinstance(stage.events[0], SurfaceDown)
    stage.broker.start()
    assert stage.events[-1] == SurfaceUp("MQTT", TOPICS.record())
    stage.show()
    assert stage.broker.retained[TOPICS.availability] == b"online"


def test_a_second_look_sends_nothing_and_a_new_broker_gets_everything(stage: Stage) -> None:
    stage.show()
    first = dict(stage.broker.retained)
    count = len(stage.broker.published)
    stage.show()
    assert len(stage.broker.published) == count
    stage.broker.stop()
    stage.broker.start()
    stage.show()
    assert stage.broker.retained.keys() == first.keys()


def test_home_assistant_that_starts_gets_everything_again(stage: Stage) -> None:
    stage.show()
    count = len(stage.broker.published)
    stage.broker.publish(TOPICS.home_assistant_status, b"online")
    stage.show()
    assert len(stage.broker.published) > 2 * count - 2


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
    stage.adapter.notify(Answer(Origin("page", "volume", "90"), "no"))
    assert TOPICS.error not in {topic for topic, _, _ in stage.broker.published}
    stage.adapter.notify(Answer(Origin("MQTT", TOPICS.volume_set, "90"), "no"))
    topic, payload, retain = stage.broker.published[-1]
    assert (topic, retain) == (TOPICS.error, False)
    assert json.loads(payload) == {"topic": TOPICS.volume_set, "payload": "90", "message": "no"}


def test_notices_are_events_that_nobody_retains(stage: Stage) -> None:
    stage.adapter.notify(Announce(EventType.LIKED, {"title": "caf\udce9"}))
    topic, payload, retain = stage.broker.published[-1]
    assert (topic, retain) == (TOPICS.event, False)
    assert json.loads(payload) == {"event_type": "liked", "title": "caf\N{REPLACEMENT CHARACTER}"}


def test_bad_and_good_news_of_the_broker_are_logged_once_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="affetto.mqtt")
    takes = []

    def connect(put, filters):  # type: ignore[no-untyped-def]
        takes.append(put)
        return FakeConnection(FakeBroker(), put, filters)

    adapter, events = MqttAdapter(CONFIG, (heard := []).append, connect=connect), heard
    assert adapter.alive
    up, rival = BrokerConnected("broker:1883"), "Another client has our id."
    for event in (BrokerLost("Nothing answers."), up, BrokerLost("It broke off."), up, BrokerLost(rival)):
        takes[0](event)
    for _ in range(5):  # as long as the rival is there
        takes[0](BrokerConnected("broker:1883", rival))
        takes[0](BrokerLost(rival))
    takes[0](up)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "Nothing answers."),
        ("INFO", "Connected to the MQTT broker at broker:1883."),
        ("WARNING", "It broke off."),
        ("INFO", "Connected to the MQTT broker at broker:1883."),
        ("WARNING", rival),
        ("INFO", "Connected to the MQTT broker at broker:1883."),
    ]
    assert events[-3:] == [
        SurfaceUp("MQTT", TOPICS.record(), rival), SurfaceDown("MQTT", rival), SurfaceUp("MQTT", TOPICS.record())
    ]


def test_what_does_not_work_although_there_is_a_broker_is_in_the_health_report(stage: Stage) -> None:
    stage.room.tell(SurfaceUp("MQTT", problem="It takes no large covers."))
    assert stage.room.snapshot is not None
    assert stage.room.snapshot.health.problems[-1] == "It takes no large covers."
