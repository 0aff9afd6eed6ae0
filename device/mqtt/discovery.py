"""Describes the device to Home Assistant: one retained document that lists every entity. Pure, any thread.

`announcement` turns the tables in `entities.py` into the device payload of Home Assistant's MQTT discovery
(https://www.home-assistant.io/integrations/mqtt, "device discovery payload").
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from device import __version__
from device.config.schema import Config
from device.domain import Identity, read_leaning
from device.domain.context import DAY_PARTS, GUESTS
from device.domain.upnp_name import unique_name
from device.mqtt.documents import encode, text
from device.mqtt.entities import CHOOSE, ENTITIES, NOTHING, OTHER, TRIGGERS, Entity, Trigger
from device.mqtt.messages import Publication
from device.mqtt.topics import Topics


def announcement(
    config: Config, topics: Topics, identity: Identity, playlists: Sequence[str] = ()
) -> Publication:
    """What to publish, retained, so that Home Assistant knows the device and all its entities, and these playlists."""
    unique = f"affetto_{topics.device_id}"
    player = [["upnp", unique_name(config.device.id)]] if config.upnp.enabled else []
    device: dict[str, object] = {
        "identifiers": [unique],
        "name": config.device.name,
        "manufacturer": "Affetto",
        "model": "Music for the room's mood",
        "sw_version": __version__,
        "hw_version": identity.board,
        "serial_number": identity.serial_number,
        "configuration_url": identity.page,
        "connections": [*(["mac", mac] for mac in identity.macs), *player],
        "suggested_area": config.device.room,
    }
    origin = {"name": "Affetto", "sw_version": __version__, "support_url": identity.page}
    components = {entity.key: component(entity, topics) for entity in ENTITIES}
    components |= {f"on_{one.kind}_{one.subtype}": trigger(one, topics) for one in TRIGGERS}
    components["volume"]["max"] = config.player.max_volume
    components["activity"] |= activities(config)
    components["playlist"]["options"] = [CHOOSE, *map(text, playlists)]
    if not config.schedule.children:
        components["children_left"]["enabled_by_default"] = False
    if not config.camera.switch:
        components["camera_switch"] = {"platform": components["camera_switch"]["platform"]}  # removes it
    document: dict[str, object] = {
        "device": {key: value for key, value in device.items() if value},
        "origin": {key: value for key, value in origin.items() if value},
        "availability_topic": topics.availability,
        "components": components,
    }
    return Publication(topics.discovery, encode(document))


def activities(config: Config) -> dict[str, object]:
    """The activities of the table as options. Home Assistant refuses a state that is no option, and somebody else may
    have told any other activity."""
    names = (read_leaning(row).name for row in config.context.activities)
    options = list(dict.fromkeys((NOTHING, *(name for name in names if name not in (GUESTS, *DAY_PARTS)), OTHER)))
    told = f"{{% set told = (value_json.activity or '{NOTHING}') | lower %}}"
    shown = f"{{{{ told if told in {json.dumps(options)} else '{OTHER}' }}}}"
    return {"options": options, "value_template": told + shown}


def withdrawal(topics: Topics) -> Publication:
    """What to publish if discovery is off: an empty retained document, which removes the device from Home Assistant."""
    return Publication(topics.discovery, b"")


def component(entity: Entity, topics: Topics) -> dict[str, object]:
    """`entity` as a component of the device payload."""
    document: dict[str, object] = {
        "platform": entity.platform,
        "unique_id": f"affetto_{topics.device_id}_{entity.key}",
        "default_entity_id": f"{entity.platform}.{_object(topics.device_id)}_{entity.key}",
        "name": entity.name,
        "icon": entity.icon,
        "qos": 1,
    }
    state_key = "image_topic" if entity.platform == "image" else "state_topic"
    for key, name in ((state_key, entity.state), ("command_topic", entity.command),
                      ("json_attributes_topic", entity.attributes)):
        if name:
            document[key] = getattr(topics, name)
    if entity.value:
        document["value_template"] = "{{ " + entity.value + " }}"
    if entity.order:
        document["command_template"] = "{{ (" + entity.order + ") | to_json }}"
    if entity.category:
        document["entity_category"] = entity.category
    if not entity.enabled:
        document["enabled_by_default"] = False
    return {**document, **entity.more}


def trigger(one: Trigger, topics: Topics) -> dict[str, object]:
    """`one` as a component of the device payload."""
    fact, value = (one.fact, one.value) if one.fact else ("event_type", str(one.event))
    return {
        "platform": "device_automation",
        "automation_type": "trigger",
        "type": one.kind,
        "subtype": one.subtype,
        "topic": topics.event,
        "value_template": f"{{{{ value_json.{fact} if value_json.event_type == '{one.event}' }}}}",
        "payload": value,
        "qos": 1,
    }


def _object(device_id: str) -> str:
    """The prefix of entity ids: the device's id, preceded by the program's name unless the id already has it."""
    slug = device_id.replace("-", "_")
    return slug if slug.startswith("affetto") else f"affetto_{slug}"
