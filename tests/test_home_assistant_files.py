"""The blueprints and the dashboard for Home Assistant, read without one: what they name is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from device.mqtt import discovery
from device.mqtt.entities import ENTITIES
from device.mqtt.topics import Topics

FOLDER = Path(__file__).resolve().parent.parent / "tools/homeassistant"
BLUEPRINTS = sorted((FOLDER / "blueprints").glob("*.yaml"))
TOPICS = Topics("affetto", "affetto")
ENTITY = re.compile(
    r"\b(?:sensor|binary_sensor|switch|select|number|button|image|event|text|update|time)\.affetto_[a-z0-9_]+"
)
EXAMPLES = {"minutes": 30, "volume": 40, "topic": "affetto"}


class Input(str):
    """The name behind `!input`."""


class Loader(yaml.SafeLoader):
    """YAML as Home Assistant reads blueprints."""


Loader.add_constructor("!input", lambda loader, node: Input(loader.construct_scalar(node)))


def load(path: Path) -> dict[str, Any]:
    document = yaml.load(path.read_text(encoding="utf-8"), Loader)
    assert isinstance(document, dict)
    return document


def parts(tree: object) -> Iterator[object]:
    yield tree
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for part in inner:
        yield from parts(part)


def known() -> set[str]:
    return {str(discovery.component(entity, TOPICS)["default_entity_id"]) for entity in ENTITIES}


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_each_input_of_a_blueprint_is_declared_and_used(path: Path) -> None:
    document = load(path)
    declared = document["blueprint"]["input"].keys()
    assert {str(part) for part in parts(document) if isinstance(part, Input)} == set(declared)
    assert document["blueprint"]["domain"] == "automation"
    assert all(one.get("name") and one.get("selector") for one in document["blueprint"]["input"].values())


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_each_message_of_a_blueprint_is_a_command_that_the_device_obeys(path: Path) -> None:
    mappings = [part for part in parts(load(path)) if isinstance(part, dict)]
    messages = [part["data"] for part in mappings if "topic" in part.get("data", {})]
    assert messages
    for message in messages:
        topic = message["topic"].replace("{{ topic }}", "affetto")
        payload = re.sub(r"\{\{ (\w+) \| int \}\}", lambda found: str(EXAMPLES[found[1]]), message["payload"])
        if "to_json" in payload:
            payload = '{"heart_rate": 71.0, "person": "Ada"}'
        assert not isinstance(TOPICS.parse(topic, payload.encode()), str), payload
        assert not message.get("retain")


def test_each_entity_of_the_dashboard_exists_and_is_not_hidden() -> None:
    text = (FOLDER / "dashboard.yaml").read_text(encoding="utf-8")
    named = set(ENTITY.findall(text))
    assert len(named) > 20
    hidden = {str(discovery.component(one, TOPICS)["default_entity_id"]) for one in ENTITIES if not one.enabled}
    assert named - known() == set()
    assert named & hidden == set()


def test_the_film_asks_for_the_sensor_that_there_is() -> None:
    assert load(FOLDER / "blueprints/film.yaml")["blueprint"]["input"]["playback"]["default"] in known()
