"""The device in a real Home Assistant over MQTT: entities, device triggers, updates, blueprints and the dashboard.

`HOME_ASSISTANT_BROKER` is the broker of its MQTT integration, as HOST:PORT; see home_assistant.py for the rest. The
device is the core, the MQTT adapter and a broker; only its player and its eye are missing.
"""

from __future__ import annotations

import asyncio
import os
import queue
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
import yaml
from home_assistant import HomeAssistant
from test_home_assistant_files import BLUEPRINTS, ENTITY, FOLDER, TOPICS
from test_session import LIBRARY, Room, only

from device import __version__
from device.config.schema import CameraConfig, Config, DeviceConfig, MqttConfig
from device.domain import (
    Answer,
    Asked,
    Context,
    Emotion,
    Event,
    EyeOpened,
    Identity,
    LibraryLoaded,
    Memory,
    Misunderstood,
    Now,
    Origin,
    Pause,
    Play,
    PlaybackState,
    PolicyName,
    RequestUpdate,
    Resume,
    SurfaceUp,
    SwitchTurned,
    Update,
    UpdateSeen,
)
from device.mqtt import discovery
from device.mqtt.adapter import MqttAdapter
from device.mqtt.entities import CHOOSE, ENTITIES, TRIGGERS

PATIENCE_S = 20.0
ELSEWHERE = {"camera_switch", "children_left"}  # shown if the settings name a switch, or children
IDENTITY = Identity("10000000a1b2c3d4", ("b8:27:eb:01:02:03",), "Raspberry Pi 4 Model B Rev 1.4", "http://affetto.local")

pytestmark = pytest.mark.slow


class Device:
    """A session whose MQTT surface is real. `pump` lets it handle what has arrived."""

    def __init__(self, switch: str = "") -> None:
        address = os.environ.get("HOME_ASSISTANT_BROKER", "")
        if not address:
            pytest.skip("no broker: HOME_ASSISTANT_BROKER is not set")
        host, port = address.rsplit(":", 1)
        config = Config(device=DeviceConfig(id="affetto", room="Kitchen"), mqtt=MqttConfig(host=host, port=int(port)),
                        camera=CameraConfig(switch=switch))
        self.inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.room = Room(Memory(camera=True), update={"source": "/media/*/*/affetto-update"})
        self.adapter = MqttAdapter(config, self.inbox.put, identity=IDENTITY)
        self.actions: list[Any] = []
        self.adapter.start()
        first = self.inbox.get(timeout=PATIENCE_S)
        assert isinstance(first, SurfaceUp)
        self.tell(first, EyeOpened("a camera"), LibraryLoaded(LIBRARY))
        self.room.show(Emotion.HAPPINESS, 20)
        (play,) = only(Play, self.room.log)
        self.tell(self.room.started(play.serial))

    def tell(self, *events: Event) -> None:
        for event in events:
            said = self.room.tell(event)
            self.actions += said
            snapshot = self.room.snapshot
            assert snapshot is not None
            self.adapter.show(snapshot, Now(self.room.mono, self.room.wall))

    def say(self, name: str, payload: str) -> None:
        """What somebody else tells the device."""
        command = TOPICS.parse(f"affetto/affetto/{name}/set", payload.encode())
        assert not isinstance(command, str), command
        self.tell(Asked(command, Origin("page", "", "")))

    def pump(self) -> None:
        while not self.inbox.empty():
            event = self.inbox.get()
            if isinstance(event, Asked | Misunderstood):
                decision = self.room.session.handle(event, self.room.now)
                self.actions += decision.actions
                self.adapter.show(decision.snapshot, self.room.now)
                self.room.snapshot = decision.snapshot
            else:
                self.tell(event)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self.pump()
                await asyncio.sleep(0.02)

    @property
    def policy(self) -> PolicyName:
        return self.room.session.memory.policy


@asynccontextmanager
async def stage(**device: Any) -> AsyncIterator[tuple[HomeAssistant, Device]]:
    async with HomeAssistant() as ha:
        device = Device(**device)
        with closing(device.adapter):
            yield ha, device


def entity_id(key: str) -> str:
    (found,) = [one for one in ENTITIES if one.key == key]
    return str(discovery.component(found, TOPICS)["default_entity_id"])


async def state_becomes(ha: HomeAssistant, device: Device, entity: str, wanted: str) -> dict[str, Any]:
    """The attributes, as soon as the entity has this state; the device works meanwhile."""
    return await state_of(ha, device, entity, lambda state: state == wanted)


async def state_of(
    ha: HomeAssistant, device: Device, entity: str, fits: Callable[[str], object]
) -> dict[str, Any]:
    """The attributes, as soon as the entity's state fits; the device works meanwhile."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            device.pump()
            states = {one["entity_id"]: one for one in await ha.request("GET", "/api/states")}
            if entity in states and fits(states[entity]["state"]):
                return dict(states[entity]["attributes"])
            await asyncio.sleep(0.1)


def test_every_entity_is_there_and_the_machine_is_described() -> None:
    async def run() -> None:
        async with stage() as (ha, device):
            await state_becomes(ha, device, entity_id("playback"), "playing")
            await state_becomes(ha, device, entity_id("activity"), "off")
            await state_becomes(ha, device, entity_id("sleep"), "0")
            states = {one["entity_id"]: one["state"] for one in await ha.request("GET", "/api/states")}
            shown = {entity_id(one.key) for one in ENTITIES if one.enabled and one.key not in ELSEWHERE}
            assert shown - states.keys() == set()
            broken = {name for name in shown if states[name] == "unavailable"}
            assert broken == set()
            registry = await ha.ask("config/entity_registry/list")
            disabled = {one["entity_id"] for one in registry if one["disabled_by"] == "integration"}
            assert {entity_id(one.key) for one in ENTITIES if not one.enabled} <= disabled
            devices = await ha.ask("config/device_registry/list")
            (ours,) = [one for one in devices if ["mqtt", "affetto_affetto"] in one["identifiers"]]
            assert ours["serial_number"] == IDENTITY.serial_number
            assert ours["configuration_url"] == IDENTITY.page
            assert ours["hw_version"] == IDENTITY.board
            assert ["mac", IDENTITY.macs[0]] in ours["connections"]
            assert states[entity_id("occupancy")] == "on"
            assert states[entity_id("mood")] == "happy"
            offered = await ha.ask("device_automation/trigger/list", device_id=ours["id"])
            pairs = {(one["type"], one.get("subtype")) for one in offered if one["domain"] == "mqtt"}
            assert {(one.kind, one.subtype) for one in TRIGGERS} <= pairs

    asyncio.run(run())


def test_what_people_switch_in_home_assistant_happens() -> None:
    async def run() -> None:
        async with stage() as (ha, device):
            await state_becomes(ha, device, entity_id("playback"), "playing")
            await ha.call("switch/turn_on", entity_id=entity_id("mute"))
            await state_becomes(ha, device, entity_id("mute"), "on")
            assert device.room.session.memory.muted
            await ha.call("switch/turn_off", entity_id=entity_id("mute"))
            await ha.call("number/set_value", entity_id=entity_id("volume"), value=44)
            await state_becomes(ha, device, entity_id("volume"), "44")
            await ha.call("select/select_option", entity_id=entity_id("policy"), option="lift")
            await state_becomes(ha, device, entity_id("policy"), "lift")
            await ha.call("number/set_value", entity_id=entity_id("sleep"), value=30)
            await device.until(lambda: device.room.snapshot and device.room.snapshot.schedule.sleep_until)
            await ha.call("button/press", entity_id=entity_id("pause"))
            await state_becomes(ha, device, entity_id("playback"), "paused")

    asyncio.run(run())


def test_the_context_is_told_and_shown() -> None:
    async def run() -> None:
        async with stage() as (ha, device):
            await state_becomes(ha, device, entity_id("playback"), "playing")
            device.say("context", "none")
            await ha.call("number/set_value", entity_id=entity_id("guest_count"), value=3)
            await ha.call("text/set_value", entity_id=entity_id("scene"), value='a "film"')
            await ha.call("text/set_value", entity_id=entity_id("weather"), value="rainy")
            await ha.call("select/select_option", entity_id=entity_id("activity"), option="dinner")
            wanted = Context("dinner", 3, 'a "film"', "rainy")
            await device.until(lambda: device.room.session.memory.context == wanted)
            await state_becomes(ha, device, entity_id("guest_count"), "3")
            await state_becomes(ha, device, entity_id("scene"), 'a "film"')
            await state_becomes(ha, device, entity_id("weather"), "rainy")
            await state_becomes(ha, device, entity_id("activity"), "dinner")
            device.say("context", "Reading")  # has no row in the table
            attributes = await state_becomes(ha, device, entity_id("activity"), "other")
            assert attributes["activity"] == "Reading"
            await ha.call("text/set_value", entity_id=entity_id("scene"), value="")
            await state_becomes(ha, device, entity_id("scene"), "")
            await ha.call("select/select_option", entity_id=entity_id("activity"), option="off")
            await state_becomes(ha, device, entity_id("activity"), "off")

    asyncio.run(run())


def test_a_playlist_plays_and_a_question_is_open() -> None:
    async def run() -> None:
        async with stage() as (ha, device):
            device.tell(LibraryLoaded(LIBRARY, playlists={"Sunday": (LIBRARY[0].key,)}))
            attributes = await state_becomes(ha, device, entity_id("playlist"), CHOOSE)
            async with asyncio.timeout(PATIENCE_S):
                while attributes["options"] != [CHOOSE, "Sunday"]:
                    attributes = await state_becomes(ha, device, entity_id("playlist"), CHOOSE)
            await ha.call("button/press", entity_id=entity_id("ask"))
            await state_becomes(ha, device, entity_id("question"), "on")
            before = len(only(Play, device.actions))
            await ha.call("select/select_option", entity_id=entity_id("playlist"), option="Sunday")
            await device.until(lambda: len(only(Play, device.actions)) > before)
            assert only(Play, device.actions)[-1].track.key == LIBRARY[0].key
            await state_becomes(ha, device, entity_id("question"), "off")
            await state_becomes(ha, device, entity_id("playlist"), CHOOSE)

    asyncio.run(run())


def test_alarms_quiet_hours_and_the_cameras_own_switch_are_shown() -> None:
    async def run() -> None:
        switch = "/dev/input/affetto-camera"
        async with stage(switch=switch) as (ha, device):
            device.say("alarm", "daily 7:00 calm")
            device.tell(SwitchTurned(True))
            await state_becomes(ha, device, entity_id("camera_switch"), "on")
            alarms = await state_of(ha, device, entity_id("next_alarm"), lambda state: state != "unknown")
            assert alarms["alarms"][0]["mood"] == "calm"
            await ha.call("switch/turn_on", entity_id=entity_id("quiet"))
            await state_becomes(ha, device, entity_id("quiet"), "on")

    asyncio.run(run())


def test_an_update_is_offered_installed_and_shows_its_progress() -> None:
    async def run() -> None:
        async with stage() as (ha, device):
            attributes = await state_becomes(ha, device, entity_id("update"), "off")
            assert attributes["installed_version"] == __version__
            device.tell(UpdateSeen(Update("9.0.0", "Quieter at night.")))
            attributes = await state_becomes(ha, device, entity_id("update"), "on")
            assert (attributes["latest_version"], attributes["release_summary"]) == ("9.0.0", "Quieter at night.")
            await ha.call("update/install", entity_id=entity_id("update"))
            await device.until(lambda: only(RequestUpdate, device.actions))
            assert only(RequestUpdate, device.actions) == [RequestUpdate(install=True)]
            device.tell(UpdateSeen(Update("9.0.0", "Quieter at night.", 40)))
            await ha.wait(entity_id("update"), lambda _state, now: now["update_percentage"] == 40)

    asyncio.run(run())


async def state_is(ha: HomeAssistant, entity: str, wanted: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            states = {one["entity_id"]: one["state"] for one in await ha.request("GET", "/api/states")}
            if states.get(entity) == wanted:
                return
            await asyncio.sleep(0.1)


async def automate(ha: HomeAssistant, name: str, inputs: dict[str, object]) -> None:
    """Import the blueprint, and make an automation of it that runs."""
    text = (FOLDER / f"blueprints/{name}.yaml").read_text(encoding="utf-8")
    await ha.ask("blueprint/save", domain="automation", path=f"affetto/{name}", yaml=text, allow_override=True)
    made = {"alias": f"affetto {name}", "use_blueprint": {"path": f"affetto/{name}.yaml", "input": inputs}}
    await ha.request("POST", f"/api/config/automation/config/affetto_{name}", made)
    await state_is(ha, f"automation.affetto_{name}", "on")


def test_the_blueprints_do_what_they_say() -> None:
    async def run() -> None:
        async with stage() as (ha, device):
            await state_becomes(ha, device, entity_id("playback"), "playing")
            await set_state(ha, "person.ada", "not_home")
            await set_state(ha, "media_player.tv", "off")
            await set_state(ha, "sensor.pulse", "60")
            await set_state(ha, "input_button.bed", "not pressed")
            begin = [{"trigger": "state", "entity_id": "input_button.bed"}]
            await automate(ha, "good_night", {"begin": begin, "minutes": 20})
            await automate(ha, "arrival", {"people": ["person.ada"], "volume": 35})
            await automate(ha, "film", {"television": "media_player.tv", "quiet": 0})
            await automate(ha, "heart_rate", {"heart_rate": "sensor.pulse"})

            await set_state(ha, "media_player.tv", "playing")
            await device.until(lambda: Pause() in device.actions)
            await state_becomes(ha, device, entity_id("playback"), "paused")
            await set_state(ha, "media_player.tv", "off")
            await device.until(lambda: Resume() in device.actions)

            await set_state(ha, "sensor.pulse", "72")  # refused in words: bodies are off in the settings
            await device.until(lambda: [one for one in only(Answer, device.actions) if "bodies" in one.message])

            await set_state(ha, "input_button.bed", "pressed")
            await device.until(lambda: device.policy is PolicyName.CALM and not device.room.session.memory.camera)
            assert device.room.snapshot is not None
            assert device.room.snapshot.schedule.sleep_until is not None

            await set_state(ha, "person.ada", "home")
            await device.until(lambda: device.policy is PolicyName.MATCH)
            await device.until(lambda: device.room.session.memory.volume == 35)
            assert device.room.session.state.playback.playing.wanted is PlaybackState.PLAYING

    asyncio.run(run())


async def set_state(ha: HomeAssistant, entity: str, state: str) -> None:
    """A state of an entity that no integration provides."""
    await ha.request("POST", f"/api/states/{entity}", {"state": state})


def test_the_dashboard_loads_and_names_only_what_is_there() -> None:
    async def run() -> None:
        async with stage() as (ha, device):
            await state_becomes(ha, device, entity_id("playback"), "playing")
            text = (FOLDER / "dashboard.yaml").read_text(encoding="utf-8")
            there = {one["url_path"] for one in await ha.ask("lovelace/dashboards/list")}
            if "affetto-music" not in there:
                await ha.ask("lovelace/dashboards/create", url_path="affetto-music", title="Affetto", mode="storage")
            await ha.ask("lovelace/config/save", url_path="affetto-music", config=yaml.safe_load(text))
            saved = await ha.ask("lovelace/config", url_path="affetto-music")
            assert saved["views"][0]["path"] == "music"
            states = {one["entity_id"] for one in await ha.request("GET", "/api/states")}
            assert set(ENTITY.findall(text)) - states == set()

    asyncio.run(run())


def test_every_blueprint_is_among_the_tested_ones() -> None:
    assert {path.stem for path in BLUEPRINTS} == {"good_night", "arrival", "film", "heart_rate"}
