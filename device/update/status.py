"""The status of updates, which the root service writes and the conductor reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec

from device.domain import Update

STATUS = Path("/var/lib/affetto-update/status.json")
REQUESTS = Path("/run/affetto-conductor")
INSTALL, CHECK = "update-install", "update-check"
"""Files in REQUESTS: somebody wants the latest version to be installed, or to know which one is the latest."""
LARGEST_BYTES = 32 * 1024


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    latest: str = ""
    notes: str = ""
    progress: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    problem: str = ""


def write(update: Update, path: Path = STATUS) -> None:
    """Replace the status, whole or not at all."""
    status = _Status(latest=update.latest, notes=update.notes, progress=update.progress, problem=update.problem)
    fresh = path.with_name(f".{path.name}.fresh")
    fresh.write_bytes(msgspec.json.encode(status))
    os.chmod(fresh, 0o644)
    fresh.replace(path)


def read(path: Path = STATUS) -> Update:
    """The status; an empty one if there is none that can be read."""
    try:
        with path.open("rb") as file:
            found = msgspec.json.decode(file.read(LARGEST_BYTES), type=_Status)
    except (OSError, msgspec.MsgspecError, RecursionError):
        return Update()
    return Update(found.latest, found.notes, found.progress, found.problem)
