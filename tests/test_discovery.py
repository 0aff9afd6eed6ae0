"""The device as Home Assistant gets to know it: a snapshot, and the rules its discovery has."""

from __future__ import annotations

import dataclasses
import json
import queue
import re
import shutil
from contextlib import closing
from dataclasses import replace

import pytest
from test_documents import matches_snapshot
from test_session import LIBRARY, Room

from device import __version__
from device.config.schema import (
    CameraConfig,
    Config,
    ContextConfig,
    DeviceConfig,
    MqttConfig,
    PlayerConfig,
    ScheduleConfig,
    UpnpConfig,
)
from device.demo.broker import PLACES, PrivateBroker
from device.domain import Event, EventType, Identity, LibraryLoaded, MoodName, Now, SetContext, SurfaceUp, Transport
from device.mqtt import discovery
from device.mqtt.adapter import MqttAdapter
from device.mqtt.entities import ENTITIES, TRIGGERS
from device.mqtt.state_publisher import StatePublisher
from device.mqtt.topics import Topics
from tests.appliance import Ear

CONFIG = Config(device=DeviceConfig(id="kit", name="Küche", room="Kitchen"), mqtt=MqttConfig())
TOPICS = Topics("affetto", "kit")
IDENTITY = Identity("10000000a1b2c3d4", ("b8:27:eb:01:02:03",), "Raspberry Pi 4 Model B Rev 1.4", "http://affetto-kit.local")
LISTS = {"page_state", "queue_state", "never_state", "schedule_state"}  # for pages and programs: no entity holds a list
READ = {name for name in vars(Topics) if name.endswith("_state")} - LISTS | {"event", "health", "error", "track_cover"}
NOT_SENT = {"body_set", "seek_set", "queue_set", "vote_set", "media_set", "schedule_set"}  # a slider, JSON: no entity
SENT = {name for name in vars(Topics) if name.endswith("_set")} - NOT_SENT


SNAPSHOT = Room().snapshot


def test_snapshot() -> None:
    publish = discovery.announcement(CONFIG, TOPICS, IDENTITY)
    assert publish.topic == "homeassistant/device/affetto_kit/config"
    assert publish.retain
    document = json.loads(publish.payload.decode().replace(__version__, "VERSION"))
    assert matches_snapshot("discovery", document)


def test_every_topic_has_an_entity() -> None:
    assert {entity.state for entity in ENTITIES} - {""} == READ
    assert {entity.command for entity in ENTITIES} - {""} == SENT


def test_keys_and_entity_ids_are_unique_and_well_formed() -> None:
    components = [discovery.component(entity, TOPICS) for entity in ENTITIES]
    ids = [str(document["default_entity_id"]) for document in components]
    assert len({document["unique_id"] for document in components}) == len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z_]+\.affetto_kit_[a-z0-9_]+", name) for name in ids)
    assert len({entity.name for entity in ENTITIES}) == len(ENTITIES)


@pytest.mark.parametrize(
    ("device_id", "start"),
    [
        ("affetto", "sensor.affetto_mood"),
        ("affetto-2", "sensor.affetto_2_mood"),
        ("living-room", "sensor.affetto_living_room_mood"),
    ],
)
def test_entity_ids_say_affetto_once(device_id: str, start: str) -> None:
    assert discovery.component(ENTITIES[0], Topics("affetto", device_id))["default_entity_id"] == start


def test_what_home_assistant_sends_is_obeyed() -> None:
    """Each option, button and switch position is a command that `parse` understands."""
    for entity in (one for one in ENTITIES if one.command):
        if entity.order:
            continue  # a text or a number: see below
        words = [*entity.more.get("options", ())]  # type: ignore[misc]
        words += [entity.more[key] for key in ("payload_press", "payload_on", "payload_off") if key in entity.more]
        for word in words:
            answer = TOPICS.parse(getattr(TOPICS, entity.command), str(word).encode())
            assert not isinstance(answer, str), (entity.key, answer)
    options = next(entity.more["options"] for entity in ENTITIES if entity.key == "mood_choice")
    assert options == ["auto", *MoodName]
    assert {one.key for one in ENTITIES if one.command == "playback_set"} == set(Transport) - {Transport.TOGGLE}


def test_a_trigger_fires_on_its_event_and_on_no_other() -> None:
    """Home Assistant renders the template with each event and compares the result with the payload."""
    for one in TRIGGERS:
        document = discovery.trigger(one, TOPICS)
        condition = re.fullmatch(
            r"\{\{ value_json\.(\w+) if value_json\.event_type == '(\w+)' \}\}", str(document["value_template"])
        )
        assert condition is not None
        assert EventType(condition[2]) is one.event
        assert document["payload"] == (one.value if one.fact else one.event)
    assert len({(one.kind, one.subtype) for one in TRIGGERS}) == len(TRIGGERS)
    assert {one.value for one in TRIGGERS if one.kind == "mood"} == set(MoodName)


def test_what_is_unknown_of_the_machine_is_left_out() -> None:
    alone = replace(CONFIG, upnp=UpnpConfig(enabled=False))  # otherwise, it names the device's player
    document = json.loads(discovery.announcement(alone, TOPICS, Identity()).payload)
    assert document["device"].keys() == {
        "identifiers", "name", "manufacturer", "model", "sw_version", "suggested_area"
    }
    assert document["origin"].keys() == {"name", "sw_version"}


def test_rare_diagnostics_are_hidden_until_somebody_wants_them() -> None:
    hidden = {entity.key for entity in ENTITIES if not entity.enabled}
    assert hidden == {"confidence", "uptime", "eye_fps", "analysed", "memory", "eye_memory"}
    assert {entity.category for entity in ENTITIES if entity.key in hidden} == {"diagnostic"}


def test_the_room_is_suggested_as_the_area_if_there_is_one() -> None:
    def device(room: str) -> dict[str, object]:
        config = Config(device=DeviceConfig(room=room))
        document = json.loads(discovery.announcement(config, TOPICS, Identity()).payload)
        return dict(document["device"])

    assert device("Kitchen")["suggested_area"] == "Kitchen"
    assert "suggested_area" not in device("")


def test_the_slider_ends_where_the_device_does() -> None:
    config = dataclasses.replace(CONFIG, player=PlayerConfig(max_volume=55))
    document = json.loads(discovery.announcement(config, TOPICS, Identity()).payload)
    assert document["components"]["volume"]["max"] == 55


def components(config: Config) -> dict[str, dict[str, object]]:
    document = json.loads(discovery.announcement(config, TOPICS, Identity()).payload)
    return dict(document["components"])


def render(template: object, **values: object) -> str:
    """Jinja is what Home Assistant renders with; its own filter `to_json` is json.dumps for such values."""
    jinja = pytest.importorskip("jinja2").Environment()
    jinja.filters["to_json"] = json.dumps
    return str(jinja.from_string(str(template)).render(**values))


def test_activities_are_offered_and_parts_of_the_day_are_not() -> None:
    """Home Assistant refuses a state that is no option."""
    rows = ("Dinner: calm 40%", "night: calm 60%", "guests: happy 20%", "Tom's bath: calm 10%")
    select = components(dataclasses.replace(CONFIG, context=ContextConfig(activities=rows)))["activity"]
    assert select["options"] == ["off", "dinner", "tom's bath", "other"]
    shown = {"": "off", "dinner": "dinner", "Dinner": "dinner", "Tom's Bath": "tom's bath", "Reading": "other"}
    assert {told: render(select["value_template"], value_json={"activity": told}) for told in shown} == shown


def test_what_this_home_does_not_have_is_not_shown() -> None:
    plain = components(CONFIG)
    assert plain["camera_switch"] == {"platform": "binary_sensor"}  # Home Assistant removes a component like this
    assert plain["children_left"]["enabled_by_default"] is False
    camera, schedule = CameraConfig(switch="/dev/input/affetto-camera"), ScheduleConfig(children="Mia")
    whole = components(dataclasses.replace(CONFIG, camera=camera, schedule=schedule))
    assert whole["camera_switch"]["state_topic"] == TOPICS.health
    assert "enabled_by_default" not in whole["children_left"]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("guest_count", "4", SetContext(guests=4)),
        ("scene", 'a "quoted" film', SetContext(scene='a "quoted" film')),
        ("scene", "", SetContext(scene="")),
        ("weather", "rainy", SetContext(weather="rainy")),
    ],
)
def test_what_people_enter_about_the_context_is_obeyed(key: str, value: str, told: SetContext) -> None:
    sent = render(components(CONFIG)[key]["command_template"], value=value)
    assert TOPICS.parse(TOPICS.context_set, sent.encode()) == told


@pytest.mark.skipif(shutil.which("mosquitto", path=PLACES) is None, reason="Mosquitto is not installed")
def test_without_discovery_an_announced_device_is_taken_back_once_a_connection() -> None:
    """The adapter on a real broker, first with discovery, then without; another device's announcement stays."""
    other = "homeassistant/device/affetto_other/config"

    def announced(broker: PrivateBroker, discovery: bool) -> None:
        config = dataclasses.replace(CONFIG, mqtt=dataclasses.replace(broker.config, discovery=discovery))
        inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        with closing(MqttAdapter(config, inbox.put)) as adapter:
            adapter.start()
            assert isinstance(inbox.get(timeout=15), SurfaceUp)
            for second in (1.0, 2.0):
                adapter.show(SNAPSHOT, Now(second, second))

    with PrivateBroker() as broker, closing(Ear(broker)) as ear:
        ear.say(other, "{}")
        announced(broker, True)
        ear.wait(lambda m: m.topic == TOPICS.discovery and m.payload.startswith("{"))
        announced(broker, False)
        ear.wait(lambda m: m.topic == TOPICS.discovery and m.payload == "")
        with closing(Ear(broker)) as late:
            late.wait(lambda m: m.topic == TOPICS.availability)
            assert TOPICS.discovery not in {m.topic for m in late.messages if m.retained}


def test_home_assistant_offers_the_playlists_as_they_are_now() -> None:
    """The real adapter's document changes when a playlist comes or goes, and only then."""
    room = Room()
    publisher = StatePublisher(
        CONFIG.mqtt, TOPICS, lambda playlists: discovery.announcement(CONFIG, TOPICS, IDENTITY, playlists)
    )

    def offered(*playlists: str) -> list[list[str]]:
        room.tell(LibraryLoaded(LIBRARY, playlists=dict.fromkeys(playlists, ())))
        assert room.snapshot is not None
        sent = publisher.render(room.snapshot, room.now)
        documents = (json.loads(one.payload) for one in sent if one.topic == TOPICS.discovery)
        return [document["components"]["playlist"]["options"] for document in documents]

    assert offered() == [["choose a playlist"]]
    assert offered("Sunday", "\udcff") == [["choose a playlist", "Sunday", "\N{REPLACEMENT CHARACTER}"]]
    assert offered("\udcff", "Sunday") == []
