"""Text in UPnP's XML: characters that XML 1.0 allows, and times as H:MM:SS. Pure."""

from __future__ import annotations

import re

# XML 1.0, section 2.2: no other control characters, and no halves of surrogate pairs, which file names may contain.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME = re.compile(r"(?:(\d{1,5}):)?(\d{1,5}):(\d{1,2})(?:\.(\d{1,9})|\.(\d{1,9})/(\d{1,9}))?")
UNKNOWN_TIME = "0:00:00"


def clean(raw: str) -> str:
    """`raw` as text that every XML parser accepts."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", raw)


def clock(seconds: float) -> str:
    """A duration as UPnP writes it, such as 0:03:25."""
    whole = max(0, int(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def seconds(text: str) -> float | None:
    """The seconds in such a duration, also without hours or with a fraction; None for any other text."""
    found = _TIME.fullmatch(text.strip().removeprefix("+"))
    if found is None:
        return None
    hours, minutes, whole, decimals, part, parts = found.groups()
    fraction = float(f"0.{decimals}") if decimals else 0.0
    if part and int(parts):
        fraction = int(part) / int(parts)
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(whole) + fraction
