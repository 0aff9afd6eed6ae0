"""A home with several devices on one machine: a broker, and real conductors that form a group."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from device.config.schema import Config, RoomsConfig
from device.demo import MUSIC
from device.demo.broker import PrivateBroker
from device.demo.show import configure
from tests.appliance import Appliance, Ear, Heard, running

GROUP = "home"


def member(
    home: Path, broker: PrivateBroker, number: int, port: int, group: str = GROUP, music: Path = MUSIC
) -> Config:
    """The settings of a device without camera, at an address of its own on this machine."""
    name = f"{chr(97 + number)}{number}"
    folder = home / name
    folder.mkdir(parents=True, exist_ok=True)
    config = configure(folder, "auto", music, broker.config, 8.0)
    return replace(
        config,
        device=replace(config.device, id=name, name=name, room=name, data_dir=str(folder / "data")),
        camera=replace(config.camera, enabled=False),
        player=replace(config.player, output="dummy"),
        page=replace(config.page, enabled=False),
        rooms=RoomsConfig(group=group, address=f"127.0.0.{10 + number}", port=port),
    )


@contextmanager
def home(folder: Path, broker: PrivateBroker, count: int) -> Iterator[list[Appliance]]:
    """`count` devices of one group, running."""
    port = _free_port()
    with ExitStack() as stack:
        yield [
            stack.enter_context(running(member(folder, broker, n, port), folder / f"{chr(97 + n)}{n}"))
            for n in range(count)
        ]


def leads(record: Heard, *, after: int = 0) -> bool:
    """Whether this message is the record of a leader with a term above `after`."""
    ours = record.topic == f"affetto/group/{GROUP}/leader" and bool(record.payload)
    return ours and not record.json["resigned"] and record.json["term"] > after


def music_of(ear: Ear, device: str, since: int = 0) -> Heard:
    """The first state of this device in which it says that something plays."""
    topic = f"affetto/{device}/track/state"
    return ear.wait(lambda m: m.topic == topic and m.json["state"] == "playing" and m.json["title"], since=since)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
