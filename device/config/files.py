"""Which files hold the settings of this machine: the one that the user names, and those of the boot partition.

What the boot partition said (boot/) wins over the user's file. The main thread calls this at start; it only reads.
"""

from __future__ import annotations

import os
from pathlib import Path

from device.config import reader, schema
from device.config.reader import Source

BOOT = "boot.yaml"
SECRETS = "secrets.yaml"
MISTAKES = "boot-errors.txt"
"""Beside the user's file: the settings of the boot partition, its secrets, and its mistakes."""


def load(path: Path) -> schema.Config:
    """The settings of this machine; `path` is the user's file. Raises `ConfigError` with every mistake."""
    return schema.load(path, overrides(path))


def overrides(path: Path) -> list[Source]:
    """What wins over the file at `path`: the settings of the boot partition, then its secrets if this process may read
    them. systemd passes those on as a credential; the eye gets none."""
    handed = os.environ.get("CREDENTIALS_DIRECTORY", "")
    found = [path.with_name(BOOT), Path(handed) / SECRETS if handed else path.with_name(SECRETS)]
    return [Source(str(one), reader.read(one)) for one in found if os.access(one, os.R_OK)]


def boot_mistakes(path: Path) -> tuple[str, ...]:
    """The mistakes in the file on the boot partition, as sentences; the settings before them stay in force."""
    try:
        return tuple(path.with_name(MISTAKES).read_text("utf-8", "replace").splitlines())
    except OSError:
        return ()
