"""`affetto demo --rooms N`: several devices on one machine, each in a network namespace, that play as one group.

Every device is a real conductor with its own eye, which looks at a place of its own in the clip; Snapcast carries the
sound. One view shows them all: who leads, the moods, what plays, the votes, and how far the clocks of the sound are
apart. It uses only MQTT messages. Main thread; paho's thread fills the view.
"""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import msgspec
from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from device.config.schema import Config, MqttConfig, RoomsConfig
from device.console import open_console
from device.demo import MUSIC, PEOPLE
from device.demo.broker import PrivateBroker
from device.demo.network import Network
from device.demo.show import conductor, configure, folder, write
from device.demo.signals import ended_by_signals
from device.errors import AffettoError
from device.mqtt.client import Connection
from device.mqtt.messages import ConnectionEvent, Message

GROUP = "demo"
ROOMS = ("kitchen", "living-room", "bath", "study", "hall", "garden", "attic")
FPS = 2.0
REFRESH_S = 0.5
PROGRAMS = {"snapserver": "snapserver", "snapclient": "snapclient"}


class GroupView:
    """What the devices say, and its picture."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._documents: dict[str, object] = {}
        self.messages = 0

    def take(self, event: ConnectionEvent) -> None:
        """Note a message."""
        if isinstance(event, Message):
            self.messages += 1
            try:
                self._documents[event.topic] = msgspec.json.decode(event.payload)
            except msgspec.MsgspecError:
                self._documents[event.topic] = event.payload.decode("utf-8", "replace")

    def value(self, topic: str, field: str) -> str:
        """A field of a document below `affetto/`, as text; empty if there is none."""
        document = self._documents.get(f"affetto/{topic}")
        value = document.get(field) if isinstance(document, dict) else None
        return "" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)

    @property
    def leader(self) -> str:
        """The device that leads, by the record on the broker."""
        resigned = self.value(f"group/{GROUP}/leader", "resigned") == "True"
        return "" if resigned else self.value(f"group/{GROUP}/leader", "id")

    def missing(self) -> str:
        """What a complete demo would have, as one sentence; empty if it is complete."""
        if not self.leader:
            return "No device leads the group."
        titles = {self.value(f"{name}/track/state", "title") for name in self._names}
        if len(titles) != 1 or titles == {""}:
            return f"The devices do not play the same song: {', '.join(sorted(titles))}."
        return ""

    def draw(self) -> RenderableType:
        """The table."""
        table = Table(title=f"Group {GROUP}: {self.value(f'group/{GROUP}/state', 'title') or 'no music yet'}")
        for column in ("device", "leads", "mood", "faces", "plays", "skip votes", "clock error, ms"):
            table.add_column(column)
        for name in self._names:
            table.add_row(
                name,
                Text("leads", style="bold green") if name == self.leader else "",
                self.value(f"{name}/mood/state", "mood"),
                self.value(f"{name}/mood/state", "faces"),
                self.value(f"{name}/track/state", "title"),
                self.value(f"{name}/vote/state", "skip").strip("[]"),
                self.value(f"group/{GROUP}/member/{name}", "clock_error_ms"),
            )
        reason = self.value(f"group/{GROUP}/state", "reason")
        term = self.value(f"group/{GROUP}/leader", "term") or "-"
        table.caption = f"term {term}; {reason or 'nobody has chosen yet'}"
        return table


def run(count: int, *, seconds: float | None, keep: Path | None) -> int:
    """Run until Ctrl-C or for `seconds`. Returns 0 only if one device led and all played the same song."""
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            raise AffettoError(f"{program} is not installed: sudo apt-get install {package}")
    console, names = open_console(), list(ROOMS[:count])
    view = GroupView(names)
    with ended_by_signals(), folder(keep) as home, Network(count) as network, ExitStack() as stack:
        broker = PrivateBroker()
        broker.host = network.hub
        stack.enter_context(broker)
        link = Connection(broker.config, view.take, ("affetto/#",))
        link.start()
        stack.callback(link.close)
        for number, name in enumerate(names):
            (home / name).mkdir()
            settings = write(device(home / name, name, broker.config), home / name / "config.yaml")
            stack.enter_context(conductor(settings, home / name / "affetto.log", network.prefix(number)))
        watch(view, console, seconds)
        missing, leader = view.missing(), view.leader
    console.print(f"✗ {missing}" if missing else f"✓ {len(names)} devices played as one; {leader} led.")
    return 1 if missing else 0


def device(home: Path, name: str, broker: MqttConfig) -> Config:
    """The settings of one device. None has a sound card here, because they would share it."""
    config = configure(home, str(PEOPLE), MUSIC, broker, FPS)
    return replace(
        config,
        device=replace(config.device, id=name, name=name, room=name),
        player=replace(config.player, output="dummy"),
        page=replace(config.page, enabled=False),
        upnp=replace(config.upnp, enabled=False),
        rooms=RoomsConfig(group=GROUP),
    )


def watch(view: GroupView, console: Console, seconds: float | None) -> None:
    """Show the view until Ctrl-C, or for `seconds`."""
    end = time.monotonic() + seconds if seconds is not None else float("inf")
    try:
        with Live(get_renderable=view.draw, console=console, refresh_per_second=1 / REFRESH_S):
            while time.monotonic() < end:
                time.sleep(min(REFRESH_S, max(0.0, end - time.monotonic())))
    except KeyboardInterrupt:
        pass
