"""Types and limits of command-line options, for argparse. Pure."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import Field
from typing import Any

import yaml

from device.config import schema
from device.config.values import Unusable, value_of

WEEK_S = 604_800.0


def add_setting(
    part: argparse.ArgumentParser, flag: str, section: str, name: str, words: str, *, ours: bool = False
) -> None:
    """Add an option with the limits of a setting. Its default is the setting's default or, with `ours`, the value in
    the user's settings."""
    setting = schema.setting(section, name)
    limits = setting.metadata
    bounds = f", {limits['low']:g} to {limits['high']:g}" if "low" in limits else ""
    default = "your settings" if ours else f"{setting.default:g}"

    part.add_argument(
        flag,
        dest=f"{section}.{name}" if ours else name,
        type=within(setting),
        default=None if ours else setting.default,
        metavar=flag.removeprefix("--").replace("-", "_").upper(),
        help=f"{words}{bounds} (default: {default})",
    )


def within(setting: Field[Any]) -> Callable[[str], Any]:
    """A parser for argparse with the limits of a setting."""

    def parse(text: str) -> Any:
        try:
            return value_of(yaml.ScalarNode("tag:yaml.org,2002:str", text), setting)
        except Unusable as reason:
            raise argparse.ArgumentTypeError(str(reason)) from reason

    return parse


def duration(text: str) -> float:
    """Seconds, more than 0 and at most a week, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= WEEK_S:
        raise argparse.ArgumentTypeError(f"expected seconds, more than 0 and at most {WEEK_S:.0f}, not {text[:40]!r}")
    return value


def whole(text: str) -> int:
    """The number of an open file, for argparse."""
    if not (text.isdecimal() and text.isascii() and len(text) <= 6):
        raise argparse.ArgumentTypeError(f"expected the number of an open socket, not {text[:40]!r}")
    return int(text)
