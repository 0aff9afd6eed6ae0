"""Describes the group to Home Assistant as one device; its leader publishes that. Pure, any thread."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

import msgspec

from device import __version__
from device.config.schema import Config
from device.domain import PolicyName
from device.rooms.topics import GroupTopics


@dataclass(frozen=True, slots=True)
class Announcement:
    """A retained message; an empty payload removes the device."""

    topic: str
    payload: bytes


def announcement(config: Config, topics: GroupTopics) -> Announcement:
    """The group as a device of Home Assistant: who leads, what plays, and what one can do about it."""
    unique = f"affetto_group_{slug(topics.name)}"
    topic = f"{config.mqtt.discovery_prefix.strip('/')}/device/{unique}/config"
    if not config.mqtt.discovery:
        return Announcement(topic, b"")
    components = _components(topics)
    for key, component in components.items():
        component["unique_id"] = f"{unique}_{key}"
        component["default_entity_id"] = f"{component['platform']}.{unique.replace('-', '_')}_{key}"
    document = {
        "device": {
            "identifiers": [unique], "name": f"Affetto group {topics.name}", "manufacturer": "Affetto",
            "model": "Rooms that play together", "sw_version": __version__,
        },
        "origin": {"name": "Affetto", "sw_version": __version__},
        "components": components,
    }  # fmt: skip
    return Announcement(topic, msgspec.json.encode(document))


def _components(topics: GroupTopics) -> dict[str, dict[str, object]]:
    """The entities of the group by key, without their ids."""
    above = topics.leader.removesuffix("/leader")
    music = {"state_topic": topics.state, "qos": 1}
    components: dict[str, dict[str, object]] = {
        "leader": {"platform": "sensor", "name": "Leader", "icon": "mdi:crown", "state_topic": topics.leader,
                   "qos": 1, "value_template": "{{ '' if value_json.resigned else value_json.id }}"},
        "track": {"platform": "sensor", "name": "Track", "icon": "mdi:music-note", **music,
                  "value_template": "{{ value_json.title[:255] }}", "json_attributes_topic": topics.state},
        "artist": {"platform": "sensor", "name": "Artist", "icon": "mdi:account-music", **music,
                   "value_template": "{{ value_json.artist[:255] }}"},
        "reason": {"platform": "sensor", "name": "Why", "icon": "mdi:head-question-outline", **music,
                   "value_template": "{{ value_json.reason[:255] }}"},
        "playback": {"platform": "sensor", "name": "Playback", "icon": "mdi:play-pause", **music,
                     "value_template": "{{ value_json.state }}"},
        "coming": {"platform": "sensor", "name": "Up next", "icon": "mdi:playlist-music", "state_topic": topics.queue,
                   "qos": 1, "value_template": "{{ (value_json[0].title if value_json else '')[:255] }}"},
        "skip_votes": {"platform": "sensor", "name": "Votes to skip", "icon": "mdi:vote", "qos": 1,
                       "state_topic": topics.votes, "json_attributes_topic": topics.votes,
                       "value_template": "{{ value_json.voters | count }}", "state_class": "measurement"},
        "policy": {"platform": "select", "name": "Policy", "icon": "mdi:compass-outline", **music,
                   "value_template": "{{ value_json.policy }}", "command_topic": f"{above}/policy/set",
                   "options": [str(policy) for policy in PolicyName]},
        "volume": {"platform": "number", "name": "Volume", "icon": "mdi:volume-source", **music, "min": 0, "max": 100,
                   "value_template": "{{ value_json.volume }}", "command_topic": f"{above}/volume/set", "step": 1,
                   "mode": "slider", "unit_of_measurement": "%"},
    }  # fmt: skip
    for key, name, icon in (("play", "Play", "mdi:play"), ("pause", "Pause", "mdi:pause"),
                            ("next", "Next track", "mdi:skip-next"),
                            ("previous", "Previous track", "mdi:skip-previous")):  # fmt: skip
        components[key] = {"platform": "button", "name": name, "icon": icon, "payload_press": key,
                           "command_topic": f"{above}/playback/set", "qos": 1}  # fmt: skip
    return components


def slug(name: str) -> str:
    """`name` as part of an id: letters, digits, - and _; a name with other characters gets a checksum."""
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    return plain if plain == name else f"{plain}_{zlib.crc32(name.encode('utf-8', 'replace')):08x}"
