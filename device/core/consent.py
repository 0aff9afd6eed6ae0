"""Who switched the camera on or off, as a sentence for the log. Pure; main thread, called by the session.

The camera is off until somebody consents: in the settings, or on any surface. The last decision is part of the memory:
it holds until the next one, and after a restart the log can still say whose it was.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from device.domain import Memory, Now, Origin

SETTINGS = "in the settings (camera: enabled)"


def decide(memory: Memory, on: bool, origin: Origin, now: Now) -> Memory:
    """The memory after somebody switched the camera ON or OFF. Repeating the present state changes nothing."""
    if on == memory.camera:
        return memory
    return replace(memory, camera=on, camera_by=f"over {origin.surface} ({origin.address}) at {_date(now.wall)}")


def switch_words(memory: Memory, on: bool) -> str:
    """What the hardware switch means now."""
    if not on:
        return "The camera's switch is off, so the camera is off, whatever else anybody sets."
    return f"The camera's switch is on. {words(memory)}"


def words(memory: Memory) -> str:
    """Whether the camera is on, and who decided that."""
    by = memory.camera_by or "before Affetto recorded who gave it"
    if memory.camera:
        return f"The camera is on: consent was given {by}. The switch in Home Assistant or camera/set OFF withdraws it."
    if memory.camera_by:
        return f"The camera is off: consent was withdrawn {by}. It stays off until somebody consents again."
    return (
        "The camera is off: nobody has consented yet. To consent, use the switch in Home Assistant, send ON to "
        "camera/set over MQTT, or set `enabled: true` in the section `camera` of the settings."
    )


def _date(wall: float) -> str:
    """Date and time in UTC, or a phrase if the clock is out of range."""
    try:
        return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return "an unknown time"
