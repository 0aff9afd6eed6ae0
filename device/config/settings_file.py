"""The settings as the page shows and changes them: one description of every setting, and a file that is replaced whole.

`describe` and `apply` run in the process that may read and write the file: on a device that is `settings_helper.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from device.config import editor, files, reader
from device.config.boot import partition
from device.config.schema import Config
from device.errors import ConfigError

NOT_HERE = {"device.data_dir", "device.models_dir", "camera.eye_socket", "camera.enabled"}
"""Not for the page: folders that the installation owns, and consent to the camera, which has a switch of its own."""


def describe(path: Path) -> list[dict[str, Any]]:
    """Every section with its settings: name, words, value, default, limits. No secret is in it, only whether there is
    one. `fixed`: the file on the boot partition sets it. Raises ConfigError."""
    config, stronger = files.load(path), _set_elsewhere(path)
    sections = []
    for section in fields(Config):
        values: Any = getattr(config, section.name)
        settings = [
            _describe(section.name, setting, getattr(values, setting.name), stronger)
            for setting in fields(values)
            if f"{section.name}.{setting.name}" not in NOT_HERE
        ]
        words = (type(values).__doc__ or "").splitlines()[0]
        sections.append({"name": section.name, "words": words, "settings": settings})
    return sections


def _describe(section: str, setting: Any, value: Any, stronger: set[str]) -> dict[str, Any]:
    limits = setting.metadata
    secret = bool(limits.get("secret"))
    default = getattr(getattr(Config(), section), setting.name)
    return {
        "name": setting.name,
        "words": limits["doc"],
        "kind": "list" if isinstance(value, tuple) else type(value).__name__,
        "value": "" if secret else value,
        "default": "" if secret else default,
        "given": bool(value) if secret else value != default,
        "secret": secret,
        "fixed": f"{section}.{setting.name}" in stronger,
        "choices": list(limits.get("choices", ())),
        "low": limits.get("low"),
        "high": limits.get("high"),
    }


def _set_elsewhere(path: Path) -> set[str]:
    """The settings that an override sets: those in which the overrides alone differ from the defaults."""
    found = set()
    overridden = reader.parse_all(files.overrides(path), Config)
    for section in fields(Config):
        for setting in fields(getattr(overridden, section.name)):
            default = getattr(getattr(Config(), section.name), setting.name)
            if getattr(getattr(overridden, section.name), setting.name) != default:
                found.add(f"{section.name}.{setting.name}")
    return found


def apply(path: Path, changes: Mapping[str, Any]) -> None:
    """Change settings in the file. Raises ConfigError with every mistake; then the file is as before."""
    for where in changes:
        if where in NOT_HERE:
            raise ConfigError(f"{path.name}: {where} cannot be changed over the page; edit the file")
    text = reader.read(path)
    write(path, editor.change(text, path.name, changes, files.overrides(path)))


def write(path: Path, text: str) -> None:
    """Replace the file with `text`, with the same owner and rights. Raises ConfigError."""
    try:
        before = path.stat()
        part = path.with_name(f"{path.name}.part")
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as stream:
            stream.write(text.encode())
            stream.flush()
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(stream.fileno(), before.st_uid, before.st_gid)
            os.fchmod(stream.fileno(), before.st_mode & 0o777)
            os.fsync(stream.fileno())
        os.replace(part, path)
        partition.sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
