"""Settings that are valid alone but not together, and texts in them that nobody can understand. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from device.config.schema import Config, PlayerConfig
from device.config.shares import parse_share
from device.domain import read_leaning
from device.domain.schedule import parse_alarm, parse_rule, parse_window


def contradictions(config: Config) -> Iterator[tuple[str, str]]:
    """Pairs of a setting and its problem."""
    player = config.player
    if player.volume > player.max_volume:
        changed = "volume" if player.max_volume == PlayerConfig().max_volume else "max_volume"
        yield f"player.{changed}", f"volume {player.volume} is above max_volume {player.max_volume}"
    yield from _unreadable(config)
    for row in config.context.activities:
        try:
            read_leaning(row)
        except ValueError as error:
            yield "context.activities", str(error)
    if (device_id := config.device.id) in ("room", "group"):
        yield "device.id", f"cannot be {device_id}: topics with that name are for all devices of a {device_id}"
    if config.rooms.group and not config.mqtt.enabled:
        yield "rooms.group", "needs mqtt.enabled: the devices of a group find one another over MQTT"
    if config.mqtt.password and not config.mqtt.username:
        yield "mqtt.password", "needs mqtt.username beside it"
    if config.page.access == "password" and not config.page.password:
        yield "page.access", "password needs page.password beside it"


def _unreadable(config: Config) -> Iterator[tuple[str, str]]:
    """Times and addresses that cannot be understood."""
    schedule = config.schedule
    texts: list[tuple[str, str, Callable[[str], object]]] = [
        *(("music.shares", text, parse_share) for text in config.music.shares),
        *(("schedule.alarms", text, lambda text: parse_alarm(text, 1)) for text in schedule.alarms),
        *(("schedule.policies", text, parse_rule) for text in schedule.policies),
        *(("schedule.quiet", text, parse_window) for text in (schedule.quiet,) if text),
    ]
    for name, text, parse in texts:
        try:
            parse(text)
        except ValueError as problem:
            yield name, str(problem)
