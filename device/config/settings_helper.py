"""Reads and changes the settings for the page, which may not: one JSON line in, one out, then it ends.

systemd starts it as root for each connection to /run/affetto/settings.sock, which only the group affetto reaches. It
can write /etc/affetto and nothing else, has no network, and accepts only what schema.py accepts.

Requests: {"read": true} | {"change": {"player.max_volume": 60}} | {"text": true} | {"replace": "whole file"} |
{"restart": true}. Answers: {"ok": bool, "message": str, "answer": ...}.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from device.config import editor, files, reader, settings_file
from device.errors import AffettoError, ConfigError

LARGEST = 1_048_576  # bytes of a request
RESTART = ("systemctl", "restart", "--no-block", "affetto.service", "affetto-page.service")


def handle(line: bytes, path: Path) -> dict[str, Any]:
    """The answer to one request."""
    try:
        request = msgspec.json.decode(line, type=dict[str, Any])
        match request:
            case {"read": True}:
                return good(settings_file.describe(path))
            case {"change": dict(changes)}:
                settings_file.apply(path, {str(where): _value(value) for where, value in changes.items()})
                return good()
            case {"text": True}:
                return good(reader.read(path))
            case {"replace": str(text)}:
                editor.schema_check(text, path.name, files.overrides(path))
                settings_file.write(path, text)
                return good()
            case {"restart": True}:
                return _restart()
    except AffettoError as error:
        return {"ok": False, "message": str(error)}
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    return {"ok": False, "message": "There is no such request."}


def good(answer: object = None) -> dict[str, Any]:
    """An answer to a request that worked."""
    return {"ok": True, "message": "", "answer": answer}


def _value(value: object) -> Any:
    """A value that JSON brought, as the settings have it. Raises ConfigError."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if isinstance(value, bool | int | float | str):
        return value
    raise ConfigError("A setting is a number, a text, true or false, or a list of texts.")


def _restart() -> dict[str, Any]:
    done = subprocess.run(RESTART, capture_output=True, text=True, check=False)
    words = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
    return good() if done.returncode == 0 else {"ok": False, "message": f"The restart failed ({words})."}


def main(path: Path) -> int:
    """Answer the one request on standard input."""
    answer = handle(sys.stdin.buffer.readline(LARGEST), path)
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
