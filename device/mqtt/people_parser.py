"""Parses what people and programs send about bodies and context as JSON. Pure, any thread.

Each function returns a command, or raises `msgspec.ValidationError` or `msgspec.DecodeError` if the text is not what
`EXPECTED` says.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from device.domain import Command, ReportBody, SetContext
from device.mqtt.groups import LONGEST

EXPECTED = {
    "body": 'JSON such as {"heart_rate": 72, "hrv_ms": 45, "skin_conductance": 2.1, "at": "2026-11-28T20:15:00Z",'
    ' "person": "Ada"}, with at least one of the three figures',
    "context": 'the name of an activity, none, or JSON such as {"activity": "dinner", "guests": 2, "scene": "movie",'
    ' "weather": "rainy"}',
}
"""What each command takes, as a phrase that continues "body/set takes"."""

MOST_GUESTS = 1000
Name = Annotated[str, msgspec.Meta(max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")]
NOTHING = ("none", "off", "unknown", "unavailable")  # what Home Assistant says when there is nothing


class BodyOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`body/set`: at least one of heart_rate, hrv_ms and skin_conductance."""

    heart_rate: float | None = None
    hrv_ms: float | None = None
    skin_conductance: float | None = None
    at: float | datetime | None = None
    person: Name = ""


class ContextOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`context/set`: changes only what it names."""

    activity: Name | None = None
    guests: Annotated[int, msgspec.Meta(ge=0, le=MOST_GUESTS)] | None = None
    scene: Name | None = None
    weather: Name | None = None


def body(text: str) -> Command:
    """A measurement; `at` is ISO 8601 (without a zone: UTC) or seconds since 1970."""
    given = msgspec.json.decode(text, type=BodyOrder)
    if given.heart_rate is given.hrv_ms is given.skin_conductance is None:
        raise msgspec.ValidationError("no figure")
    at = given.at
    if isinstance(at, datetime):
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return ReportBody(given.heart_rate, given.hrv_ms, given.skin_conductance, at, given.person)


def context(text: str) -> Command:
    """A bare text is an activity. JSON changes only what it names."""
    if not text.startswith("{"):
        return SetContext(activity=_name(msgspec.convert(text, Name)))
    given = msgspec.json.decode(text, type=ContextOrder)
    return SetContext(_name(given.activity), given.guests, _name(given.scene), _name(given.weather))


def _name(text: str | None) -> str | None:
    return "" if text is not None and text.strip().casefold() in NOTHING else text
