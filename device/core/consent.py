"""Who said that the camera may look, in words for the log. Pure; main thread, called by the session.

The camera is off until somebody consents: in the settings, or on any surface. The last word is part of the memory, so
that a restart can say whose it was; it counts until the next one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from device.domain import Memory, Now, Origin

SETTINGS = "in the settings (camera: enabled)"


def decide(memory: Memory, on: bool, origin: Origin, now: Now) -> Memory:
    """The memory after somebody said ON or OFF; saying again what is so already changes nothing."""
    if on == memory.camera:
        return memory
    return replace(memory, camera=on, camera_by=f"over {origin.surface} ({origin.address}) at {_date(now.wall)}")


def words(memory: Memory) -> str:
    """Whether the camera may look, and who said so."""
    by = memory.camera_by or "before anybody kept count"
    if memory.camera:
        return f"The camera is on: consent was given {by}. The switch in Home Assistant or camera/set OFF ends it."
    if memory.camera_by:
        return f"The camera is off: consent was withdrawn {by}. It stays off until somebody consents again."
    return (
        "The camera is off: nobody has consented to it yet. The switch in Home Assistant, camera/set ON over MQTT, or "
        "`enabled: true` in section camera of the settings consents."
    )


def _date(wall: float) -> str:
    """Date and time in UTC; a clock out of range gives none."""
    try:
        return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return "an unknown time"
