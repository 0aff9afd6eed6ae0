"""Which files hold the settings of this machine: the user's file, and those from the boot partition.

The settings from the boot partition (boot/) override the user's file. The main thread calls this at start; it only
reads.
"""

from __future__ import annotations

import os
from pathlib import Path

from device.config import reader
from device.config.contradictions import contradictions
from device.config.reader import Source
from device.config.schema import Config

BOOT = "boot.yaml"
SECRETS = "secrets.yaml"
MISTAKES = "boot-errors.txt"
"""Beside the user's file: the settings of the boot partition, its secrets, and its mistakes."""


def load(path: Path) -> Config:
    """The settings of this machine; `path` is the user's file. Raises `ConfigError` with every mistake."""
    return reader.load(path, Config, contradictions, overrides(path))


def overrides(path: Path) -> list[Source]:
    """The sources that override the file at `path`: the settings from the boot partition, then the secrets if this
    process may read them. systemd passes the secrets as a credential; the eye gets none."""
    handed = os.environ.get("CREDENTIALS_DIRECTORY", "")
    found = [path.parent / BOOT, Path(handed) / SECRETS if handed else path.parent / SECRETS]
    return [Source(str(one), reader.read(one)) for one in found if os.access(one, os.R_OK)]


def boot_mistakes(path: Path) -> tuple[str, ...]:
    """The mistakes in the file on the boot partition, as sentences; the previous settings stay in force."""
    try:
        return tuple((path.parent / MISTAKES).read_text("utf-8", "replace").splitlines())
    except OSError:
        return ()
