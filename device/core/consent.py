"""Who said that the camera may look, in words that end up in the log. Pure; main thread, called by the session.

The camera is off until somebody consents: in the settings, over MQTT, or with the switch in Home Assistant. The last
word is part of the memory, so that a restart can say whose it was; it counts until the next one.
"""

from __future__ import annotations

from dataclasses import replace

from device.domain import Memory, Now
from device.mqtt.documents import timestamp

SETTINGS = "in the settings (camera: enabled)"


def decide(memory: Memory, on: bool, topic: str, now: Now) -> Memory:
    """The memory after somebody said ON or OFF on this topic; saying again what is so already changes nothing."""
    if on == memory.camera:
        return memory
    return replace(memory, camera=on, camera_by=f"over MQTT ({topic}) at {timestamp(now.wall)}")


def words(memory: Memory, camera_set: str) -> str:
    """Whether the camera may look, and who said so. `camera_set` is the topic to say it on."""
    by = memory.camera_by or "before anybody kept count"
    if memory.camera:
        return f"The camera is on: consent was given {by}. OFF on {camera_set} or the switch in Home Assistant ends it."
    if memory.camera_by:
        return f"The camera is off: consent was withdrawn {by}. It stays off until somebody consents again."
    return (
        "The camera is off: nobody has consented to it yet. The switch in Home Assistant does, "
        f"ON on {camera_set}, or `enabled: true` in section camera of the settings."
    )
