"""Which files of settings count: the one that is named, and over it what the boot partition said (device/boot).

Called by the main thread at start; reads files, and knows where systemd puts a secret.
"""

from __future__ import annotations

import os
from pathlib import Path

from device.config import reader, schema

BOOT = "boot.yaml"
SECRETS = "secrets.yaml"
MISTAKES = "boot-errors.txt"
"""Beside the configuration file: what the boot partition says, its secrets, and what is wrong with it."""


def load(path: Path) -> schema.Config:
    """The settings that count, with the file at `path` below the others. Raises `ConfigError` with every mistake."""
    return schema.load(path, over(path))


def over(path: Path) -> list[reader.Sheet]:
    """What wins over the file at `path`: the settings of the boot partition, then its secrets as far as this process
    may know them. systemd hands those over as a credential; the eye gets none."""
    handed = os.environ.get("CREDENTIALS_DIRECTORY", "")
    sheets = [path.with_name(BOOT), Path(handed) / SECRETS if handed else path.with_name(SECRETS)]
    return [(str(sheet), reader.read(sheet)) for sheet in sheets if os.access(sheet, os.R_OK)]


def boot_mistakes(path: Path) -> tuple[str, ...]:
    """What is wrong with the file on the boot partition, in sentences; what counted before it goes on."""
    try:
        return tuple(path.with_name(MISTAKES).read_text("utf-8", "replace").splitlines())
    except OSError:
        return ()
