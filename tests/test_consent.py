"""The camera looks only after somebody consented, and the log says who did, in words."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from device.config.schema import CameraConfig, Config
from device.core import consent
from device.core.session import Session
from device.domain import Asked, CloseEye, Log, Memory, Now, OpenEye, Origin, Save, SetCamera, Tick
from device.parts import first_memory

MISTAKE = "affetto.yaml:3: mqtt.hots: unknown setting"
NOW = Now(1000.0, 1_700_000_000.0)


def session(memory: Memory) -> Session:
    return Session(Config(), memory, (), random.Random(1))


def words(actions: list[object]) -> list[str]:
    return [action.message for action in actions if isinstance(action, Log)]


def test_at_the_first_start_it_is_off_and_the_log_says_how_to_consent() -> None:
    started = session(first_memory(Config())).start(NOW).actions
    (said,) = words(started)
    assert said.startswith("The camera is off: nobody has consented yet.")
    assert "send ON to camera/set over MQTT" in said
    assert not any(isinstance(action, OpenEye) for action in started)


def test_consent_in_the_settings_is_said() -> None:
    memory = first_memory(Config(camera=CameraConfig(enabled=True)))
    started = session(memory).start(NOW).actions
    assert OpenEye() in started
    assert words(started)[0].startswith("The camera is on: consent was given in the settings (camera: enabled).")


@pytest.mark.parametrize("topic", ["affetto/box/camera/set", "affetto/room/kitchen/camera/set"])
def test_who_consents_and_who_withdraws_is_said_once_and_remembered(topic: str) -> None:
    box = session(Memory(room="kitchen"))
    box.start(NOW)

    def say(on: bool) -> list[object]:
        return list(box.handle(Asked(SetCamera(on), Origin("MQTT", topic, "?")), NOW).actions)

    given = say(True)
    assert OpenEye() in given
    assert words(given) == [consent.words(box.memory)]
    assert f"consent was given over MQTT ({topic}) at 2023-11-14T22:13:20+00:00" in words(given)[0]
    assert words(say(True)) == []
    withdrawn = say(False)
    assert CloseEye() in withdrawn
    assert "The camera is off: consent was withdrawn over MQTT" in words(withdrawn)[0]
    saved = [action.memory for action in withdrawn if isinstance(action, Save)][-1]
    assert words(session(saved).start(NOW).actions) == words(withdrawn)


def test_a_memory_of_an_older_program_is_no_problem() -> None:
    said = consent.words(replace(Memory(), camera=True))
    assert said.startswith("The camera is on: consent was given before Affetto recorded who gave it.")


def test_mistakes_of_the_boot_file_show_on_health() -> None:
    box = Session(Config(), Memory(), (), random.Random(1), (MISTAKE,))
    box.start(NOW)
    assert box.handle(Tick(), NOW).snapshot.health.problems == (MISTAKE,)
