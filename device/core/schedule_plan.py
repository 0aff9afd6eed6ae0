"""The schedule's settings that people change by a command, on top of those in config.yaml. Pure.

The rules and the sentences are those of the settings: the change goes through the same reader.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

import msgspec

from device.config import reader
from device.config.contradictions import contradictions
from device.config.schema import Config, ScheduleConfig
from device.domain import SchedulePlan
from device.errors import ConfigError

NAMES = tuple(field.name for field in fields(SchedulePlan))


def changed(plan: SchedulePlan, settings: Mapping[str, object]) -> SchedulePlan:
    """The plan with these settings; None takes config.yaml's value again. Raises ValueError with a sentence for each
    mistake."""
    if not settings or (strange := [name for name in settings if name not in NAMES]):
        named = f", not {strange[0][:40]!r}" if settings else ""
        raise ValueError(f"The schedule takes {', '.join(NAMES)}{named}.")
    checked = _read({name: value for name, value in settings.items() if value is not None})
    return replace(plan, **{name: None if settings[name] is None else getattr(checked, name) for name in settings})


def in_effect(config: ScheduleConfig, plan: SchedulePlan) -> ScheduleConfig:
    """The settings that count. A stored plan that this version no longer accepts counts for nothing."""
    wanted = {name: getattr(plan, name) for name in overridden(plan)}
    try:
        _read(wanted)
    except ValueError:
        return config
    return replace(config, **wanted)


def overridden(plan: SchedulePlan) -> tuple[str, ...]:
    """The names of the settings that do not come from config.yaml."""
    return tuple(name for name, value in asdict(plan).items() if value is not None)


def values(config: ScheduleConfig) -> SchedulePlan:
    """The values of all these settings."""
    return SchedulePlan(**{name: getattr(config, name) for name in NAMES})


def _read(settings: Mapping[str, Any]) -> ScheduleConfig:
    """These settings as a file would set them, on top of the defaults. The reader of files takes JSON, too."""
    text = json.dumps({"schedule": msgspec.to_builtins(settings)}, ensure_ascii=False)
    try:
        return reader.parse(text, "", Config, contradictions).schedule
    except ConfigError as error:
        mistakes = [line.partition(": ")[2] for line in str(error).splitlines()]  # without the number of the line
        raise ValueError(f"{'; '.join(mistakes)}.") from None
