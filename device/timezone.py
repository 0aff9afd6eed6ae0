"""The time zone of the device."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALTIME = Path("/etc/localtime")  # a compiled zone (tzfile(5)); systemd-timedated(8) sets it


def system_zone(file: Path = LOCALTIME) -> tzinfo:
    """The time zone of the system, with its changes between summer and winter; UTC if none is set."""
    try:
        if name := os.environ.get("TZ", "").lstrip(":"):
            return ZoneInfo(name)
        with file.open("rb") as data:
            return ZoneInfo.from_file(data, "local")
    except (OSError, ValueError, KeyError):  # a name that nobody knows is a KeyError
        return UTC
