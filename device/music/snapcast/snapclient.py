"""Every member's end: the command line of a snapclient on this device's sound card."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from device.config.schema import PlayerConfig
from device.music.audio import outputs


def command(config: PlayerConfig, data_dir: Path, port: int, dev: Path = Path("/dev")) -> list[str]:
    """A snapclient that plays what our own server on `port` sends, to where the player would play alone. The volume is
    ours, so its mixer is off."""
    words = ["snapclient", "-h", "127.0.0.1", "-p", str(port), "--hostID", "affetto", "--mixer", "none"]
    return [*words, "--logsink", "stdout", "--logfilter", "*:warning", *_player(config, data_dir, dev, os.environ)]


def _player(config: PlayerConfig, data_dir: Path, dev: Path, environment: Mapping[str, str]) -> list[str]:
    kind = config.output if config.output != "auto" else outputs.present(environment, dev)
    match kind:
        case "alsa" | "pulse":
            return ["--player", kind, *(["-s", config.device] if config.device else [])]
        case "file":  # samples alone, 32 bits: snapclient writes no header
            return ["--player", f"file:filename={data_dir / 'audio.raw'},mode=a"]
    return ["--player", "file:filename=null"]
