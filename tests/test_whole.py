"""The two processes together, with real models, libVLC and Mosquitto, on rendered people and on a real video."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from device.config.schema import Config
from device.demo import MUSIC, PEOPLE
from device.demo.broker import PrivateBroker
from device.demo.show import configure
from tests.appliance import Ear, gone, running, with_broker

RETAINED = {"availability", "mood/state", "track/state", "volume/state", "camera/state", "policy/state",
            "profile/state", "room/state"}


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    with PrivateBroker() as private:
        yield private


@pytest.fixture
def ear(broker: PrivateBroker) -> Iterator[Ear]:
    listener = Ear(broker)
    yield listener
    listener.close()


@pytest.fixture
def config(tmp_path: Path, broker: PrivateBroker) -> Config:
    """The demo's configuration with a data folder of its own."""
    whole = configure(tmp_path, str(PEOPLE), MUSIC, broker.config, 8.0)
    return with_broker(whole, broker, data_dir=str(tmp_path / "data"))


def event(kind: str, **facts: object):
    """Fits an event of this type with these facts."""
    wanted = {"event_type": kind, **facts}
    return lambda m: m.topic == "affetto/demo/event" and wanted.items() <= m.json.items()


def state(name: str, payload: str):
    """Fits a plain retained state."""
    return lambda m: m.topic == f"affetto/demo/{name}/state" and m.payload == payload


def test_faces_become_moods_tracks_and_events(config: Config, ear: Ear, tmp_path: Path) -> None:
    with running(config, tmp_path) as appliance:
        ear.wait(event("camera_on"))
        moods, place = set(), 0
        while len(moods) < 3:
            heard = ear.wait(event("mood_changed", source="camera"), since=place, patience_s=90)
            place = ear.messages.index(heard, place) + 1
            moods.add(heard.json["mood"])
        started = ear.wait(event("track_started"))
        assert started.json["reason"]
        assert appliance.stop() == 0
    assert ear.wait(lambda m: m.topic == "affetto/demo/availability" and m.payload == "offline")
    assert "Traceback" not in appliance.log.read_text()


@pytest.mark.slow
def test_commands_and_what_outlives_a_restart(config: Config, ear: Ear, tmp_path: Path) -> None:
    with running(config, tmp_path) as appliance:  # states, because what happens before the broker answers is not told
        ear.wait(lambda m: m.topic == "affetto/demo/mood/state" and m.json["faces"] > 0)
        ear.wait(lambda m: m.topic == "affetto/demo/track/state" and m.json["state"] == "playing")
        (eye,) = appliance.eyes()
        ear.say("affetto/demo/camera/set", "OFF")
        ear.wait(state("camera", "OFF"))
        assert gone(eye, 2.0), "OFF was said while the eye still lived"
        for name, payload in (("volume", "41"), ("policy", "lift"), ("profile", "Ada"), ("room", "attic")):
            ear.say(f"affetto/demo/{name}/set", payload)
            ear.wait(state(name, payload))
        ear.say("affetto/room/attic/volume/set", "40")
        ear.wait(state("volume", "40"))
        ear.say("affetto/demo/volume/set", "loud")
        answer = ear.wait(lambda m: m.topic == "affetto/demo/error").json
        assert answer["topic"] == "affetto/demo/volume/set"
        ear.say("affetto/demo/mood/set", "calm")
        ear.wait(lambda m: m.topic == "affetto/demo/track/state" and m.json["mood"] == "calm")
        ear.say("affetto/demo/track_mood/set", "tense")
        corrected = ear.wait(lambda m: m.topic == "affetto/demo/track/state" and m.json["mood_by"] == "user").json
        assert ear.wait(event("track_corrected")).json["uri"] == corrected["uri"]
        ear.wait(lambda m: m.topic == "affetto/demo/track/cover")
        assert appliance.stop() == 0
    assert "Traceback" not in appliance.log.read_text()
    place = ear.mark()
    with running(config, tmp_path) as appliance:
        for name, payload in (("volume", "40"), ("policy", "lift"), ("profile", "Ada"), ("room", "attic"),
                              ("camera", "OFF")):
            ear.wait(state(name, payload), since=place)
        mood = ear.wait(lambda m: m.topic == "affetto/demo/mood/state", since=place).json
        assert (mood["mood"], mood["source"]) == ("calm", "manual")
        assert appliance.eyes() == []


@pytest.mark.slow
def test_the_schedule_over_mqtt_outlives_a_restart(config: Config, ear: Ear, tmp_path: Path) -> None:
    def schedule(**wanted: object):
        return lambda m: m.topic == "affetto/demo/schedule/state" and wanted.items() <= m.json.items()

    with running(config, tmp_path) as appliance:
        ear.wait(schedule(quiet="", overridden=[]))
        ear.say("affetto/demo/schedule/set", '{"quiet": "22:00-07:00", "children": "kids", "children_minutes": 45}')
        ear.wait(schedule(quiet="22:00-07:00", children="kids", overridden=["quiet", "children", "children_minutes"]))
        ear.say("affetto/demo/schedule/set", '{"children_minutes": -1}')
        assert "must be from 0 to 1440" in ear.wait(lambda m: m.topic == "affetto/demo/error").json["message"]
        assert appliance.stop() == 0
    place = ear.mark()
    with running(config, tmp_path) as appliance:
        ear.wait(schedule(quiet="22:00-07:00", children_minutes=45), since=place)
        ear.say("affetto/demo/schedule/set", '{"quiet": null, "children": null, "children_minutes": null}')
        ear.wait(schedule(quiet="", children="", children_minutes=0, overridden=[]), since=place)
        assert appliance.stop() == 0
    assert "Traceback" not in appliance.log.read_text()


@pytest.mark.slow
def test_requests_votes_and_a_restart(config: Config, ear: Ear, tmp_path: Path) -> None:
    """Requests over the real broker, played by the real player; what is left of them outlives the process."""
    dark = replace(config, camera=replace(config.camera, enabled=False))
    first, second, third = (path.as_uri() for path in sorted(Path(MUSIC).resolve().glob("*/*.opus"))[:3])

    def plays(uri: str):
        return lambda m: m.topic == "affetto/demo/track/state" and m.json["uri"] == uri and m.json["state"] == "playing"

    def queue(*entries: tuple[str, str]):
        wanted = list(entries)
        return lambda m: m.topic == "affetto/demo/queue/state" and [(e["uri"], e["by"]) for e in m.json] == wanted

    with running(dark, tmp_path) as appliance:
        ear.wait(event("track_started"))
        ear.say("affetto/demo/queue/set", json.dumps({"add": [first], "where": "now", "by": "Ada"}))
        assert ear.wait(plays(first)).json["reason"] == "Ada asked for it"
        ear.say("affetto/demo/queue/set", json.dumps({"add": [second, third], "by": "Ada"}))
        ear.wait(queue((second, "Ada"), (third, "Ada")))
        place = ear.mark()
        ear.say("affetto/demo/vote/set", json.dumps({"vote": "skip", "by": "Ada"}))
        ear.wait(plays(second), since=place)
        ear.wait(queue((third, "Ada")), since=place)
        assert appliance.stop() == 0
    place = ear.mark()
    with running(dark, tmp_path) as appliance:
        ear.wait(plays(second), since=place)
        ear.wait(queue((third, "Ada")), since=place)
        assert appliance.stop() == 0
    assert "Traceback" not in appliance.log.read_text()


def test_a_killed_eye_comes_back_and_music_goes_on(config: Config, ear: Ear, tmp_path: Path) -> None:
    with running(config, tmp_path) as appliance:
        ear.wait(event("camera_on"))
        ear.wait(event("track_started"))
        (eye,) = appliance.eyes()
        place = ear.mark()
        os.kill(eye, signal.SIGKILL)
        assert ear.wait(event("camera_problem"), since=place).json["message"]
        ear.wait(event("camera_on"), since=place)
        states = [m.json["state"] for m in ear.messages[place:] if m.topic == "affetto/demo/track/state"]
        assert set(states) <= {"playing"}
        assert appliance.eyes() != [eye]


def test_everything_retained_is_back_after_the_broker_was_away(
    config: Config, broker: PrivateBroker, ear: Ear, tmp_path: Path
) -> None:
    with running(replace(config, camera=replace(config.camera, enabled=False)), tmp_path):
        ear.wait(event("track_started"))
        broker.stop(kill=True)  # without persistence: a new broker knows nothing
        broker.start()
        place = ear.mark()
        topics = RETAINED | {"homeassistant"}
        for name in RETAINED:
            ear.wait(lambda m, name=name: m.topic == f"affetto/demo/{name}", since=place)
        ear.wait(lambda m: m.topic.startswith("homeassistant/device/"), since=place)
        fresh = Ear(broker)
        try:
            for name in topics - {"homeassistant"}:
                assert fresh.wait(lambda m, name=name: m.topic == f"affetto/demo/{name}").retained
        finally:
            fresh.close()


def test_a_killed_conductor_leaves_no_eye_and_is_offline_by_its_last_will(
    config: Config, ear: Ear, tmp_path: Path
) -> None:
    with running(config, tmp_path) as appliance:
        ear.wait(event("camera_on"))
        (eye,) = appliance.eyes()
        appliance.stop(signal.SIGKILL)
        ear.wait(lambda m: m.topic == "affetto/demo/availability" and m.payload == "offline")
        assert gone(eye)


@pytest.mark.parametrize("delay_s", [0.05, 0.4, 0.9, 1.6, 3.0])
def test_sigterm_at_any_moment_ends_well(config: Config, tmp_path: Path, delay_s: float) -> None:
    with running(config, tmp_path) as appliance:
        with pytest.raises(subprocess.TimeoutExpired):
            appliance.process.wait(delay_s)
        status = appliance.stop()
        log = appliance.log.read_text()
    assert status == 0 or (status == -signal.SIGTERM and not log), log  # until it says something, it only loads
    assert "Traceback" not in log


def test_the_real_video(config: Config, ear: Ear, shared_dir: Path, tmp_path: Path) -> None:
    video = shared_dir / "data" / "video" / "talking_woman.mp4"
    with running(replace(config, camera=replace(config.camera, source=str(video))), tmp_path) as appliance:
        seen = ear.wait(lambda m: m.topic == "affetto/demo/mood/state" and m.json["faces"] == 1).json
        assert seen["source"] == "camera"
        assert sum(seen["scores"].values()) == pytest.approx(1, abs=0.01)
        ear.wait(event("track_started"))
        assert appliance.stop() == 0


def test_nothing_that_was_said_can_be_a_picture(config: Config, ear: Ear, tmp_path: Path) -> None:
    """The wall, as far as MQTT shows it: only short texts and numbers go out."""
    with running(config, tmp_path) as appliance:
        ear.wait(event("mood_changed", source="camera"), patience_s=90)
        appliance.stop()
    ours = [m for m in ear.messages if m.topic.startswith("affetto/") and not m.topic.endswith("/track/cover")]
    assert max(len(m.payload) for m in ours) < 4096
    assert not any(re.search(r"[A-Za-z0-9+/=]{200,}", m.payload) for m in ours)


