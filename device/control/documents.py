"""Renders a Snapshot as named parts, each a JSON value. Pure, any thread.

A part is a field of the Snapshot, so new fields appear by themselves. Pictures and vectors never cross: `bytes` become
a short digest, empty for none. Times stay monotonic (s), because the processes of one machine share that clock.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

import msgspec

from device.domain import HealthReport, Snapshot, Track

LISTED = 500  # entries of a list in a part
HIDDEN = {Track: {"features", "uncertainty"}}
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class PartsRenderer:
    """Renders only what has changed since the last snapshot."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}
        """The latest parts: name -> JSON."""
        self._last: dict[str, object] = {}

    def render(self, snapshot: Snapshot) -> None:
        """Bring `parts` to this snapshot."""
        for field in fields(snapshot):
            value = getattr(snapshot, field.name)
            key = essence(value) if isinstance(value, HealthReport) else value
            if field.name not in self._last or self._last[field.name] != key:
                self._last[field.name] = key
                self.parts[field.name] = msgspec.json.encode(plain(value))


def essence(health: HealthReport) -> HealthReport:
    """The report without the figures that change all the time, to the minute."""
    return replace(health, uptime_s=health.uptime_s // 60, eye_fps=round(health.eye_fps), figures={})


def plain(value: object, longest: int = LISTED) -> Any:
    """`value` as something that JSON can hold; of a list at most the first `longest` entries."""
    if isinstance(value, str):
        return _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", str(value))
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    if isinstance(value, bytes):
        return digest(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {plain(str(name)): plain(one, longest) for name, one in value.items()}
    if is_dataclass(value):
        hidden = HIDDEN.get(type(value), set()) if isinstance(value, Track) else set()
        return {f.name: plain(getattr(value, f.name), longest) for f in fields(value) if f.name not in hidden}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain(one, longest) for one in list(value)[:longest]]
    return plain(str(value))


def digest(content: bytes) -> str:
    """A short name for a picture; empty for none."""
    return hashlib.blake2s(content, digest_size=8).hexdigest() if content else ""
