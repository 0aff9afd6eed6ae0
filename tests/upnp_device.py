"""A whole conductor with UPnP on the loopback, and a control point as Home Assistant has it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

from async_upnp_client.aiohttp import AiohttpNotifyServer, AiohttpRequester
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.profiles.dlna import DmrDevice

from device.conductor import Conductor
from device.config.schema import Config, DeviceConfig, MqttConfig, MusicConfig, PlayerConfig, UpnpConfig
from device.demo import MUSIC
from device.domain import Asked, Command, Origin, Snapshot

PATIENCE_S = 30.0


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Appliance:
    """A running conductor, and what it shows."""

    def __init__(self, program: Conductor, config: Config) -> None:
        self._program, self.config = program, config
        self.base = f"http://127.0.0.1:{config.upnp.port}"
        self.seen: Snapshot | None = None
        program._parts.surfaces["the watcher"] = self  # type: ignore[assignment]

    alive = True

    def start(self) -> None: ...
    def close(self) -> None: ...
    def notify(self, notice: object) -> None: ...

    def show(self, snapshot: Snapshot, now: object) -> None:
        """Keep the newest snapshot."""
        self.seen = snapshot

    @property
    def listens(self) -> bool:
        """Whether anybody answers at the port."""
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.config.upnp.port)) == 0

    def put(self, command: Command) -> None:
        """Somebody else asks for something."""
        self._program._inbox.put(Asked(command, Origin("a test")))

    def wait(self, fits: Callable[[Snapshot], object]) -> Snapshot:
        """The first snapshot that fits."""
        give_up = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up:
            if self.seen is not None and fits(self.seen):
                return self.seen
            time.sleep(0.01)
        raise AssertionError(f"no snapshot fits: {self.seen}")


def settings(folder: Path, music: Path = MUSIC, **upnp: object) -> Config:
    """The settings of an appliance that appears on the loopback."""
    upnp_settings = UpnpConfig(port=free_port(), interfaces=("lo",))
    return Config(
        device=DeviceConfig(id="kitchen", name="Kitchen", data_dir=str(folder / "data")),
        music=MusicConfig(folders=(str(music),), fade_s=0.0),
        player=PlayerConfig(output="dummy", ramp_s=0.0),
        mqtt=MqttConfig(enabled=False),
        upnp=replace(upnp_settings, **upnp),  # type: ignore[arg-type]
    )


@contextlib.contextmanager
def appliance(config: Config) -> Iterator[Appliance]:
    """A conductor that plays."""
    with Conductor(config) as program:
        shown = Appliance(program, config)
        thread = threading.Thread(target=program.run)
        thread.start()
        try:
            shown.wait(lambda _: not config.upnp.enabled or shown.listens)
            yield shown
        finally:
            program.stop()
            thread.join(20)
    assert not thread.is_alive()


@contextlib.asynccontextmanager
async def control_point(base: str) -> AsyncIterator[DmrDevice]:
    """The profile with which Home Assistant controls a renderer, subscribed to its events."""
    requester = AiohttpRequester(timeout=20)
    server = AiohttpNotifyServer(requester, ("127.0.0.1", 0))
    await server.async_start_server()
    try:
        device = await UpnpFactory(requester).async_create_device(f"{base}/MediaRenderer.xml")
        renderer = DmrDevice(device, server.event_handler)
        await renderer.async_subscribe_services(auto_resubscribe=True)
        yield renderer
        await renderer.async_unsubscribe_services()
    finally:
        await server.async_stop_server()
