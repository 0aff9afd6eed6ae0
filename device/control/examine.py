"""Runs `affetto check` as a child process, for the page: with the conductor's rights, and without its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from device.errors import AffettoError

TIMEOUT_S = 120.0


def examine(path: Path | None) -> list[dict[str, str]]:
    """All findings (part, verdict, words, advice); `path` is the settings file. Takes seconds. Raises AffettoError."""
    named = ("--config", str(path)) if path is not None else ()
    command = (sys.executable, "-m", "device", "check", "--json", *named)
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL, check=False)
        found = msgspec.json.decode(done.stdout, type=dict[str, msgspec.Raw])
        return msgspec.json.decode(found["findings"], type=list[dict[str, str]])
    except (OSError, subprocess.TimeoutExpired, msgspec.MsgspecError, KeyError) as error:
        why = type(error).__name__
        raise AffettoError(f"The check failed ({why}); run affetto check on the device.") from error
