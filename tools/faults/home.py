"""A home for faults: real conductors in network namespaces, a broker on the bridge, and files for loudspeakers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from device.config.schema import Config, RoomsConfig
from device.demo import MUSIC
from device.demo.broker import PrivateBroker
from device.demo.network import Network
from device.demo.show import configure, write
from device.leash import leashed
from tools.faults.heard import Ears
from tools.faults.listener import Listener

ROOT = Path(__file__).resolve().parents[2]
GROUP = "home"
PATIENCE_S = 90.0


@dataclass
class Device:
    """A member and its process."""

    number: int
    id: str
    folder: Path
    music: Path
    process: subprocess.Popen[bytes] | None = None


class Home:
    """Everything that runs; a context manager."""

    def __init__(self, folder: Path, count: int = 3) -> None:
        self.devices = [self._device(folder, number) for number in range(count)]
        self._stack = ExitStack()

    def _device(self, folder: Path, number: int) -> Device:
        name = chr(ord("a") + number)
        home = folder / name
        shutil.copytree(MUSIC, home / "music", symlinks=False)
        return Device(number, name, home, home / "music")

    def __enter__(self) -> Home:
        with ExitStack() as stack:
            self.network = stack.enter_context(Network(len(self.devices)))
            self.broker = PrivateBroker()
            self.broker.host = self.network.hub
            stack.enter_context(self.broker)
            self.listener = Listener(self.broker)
            stack.callback(self.listener.close)
            for device in self.devices:
                stack.callback(self.end, device)
                self.start(device)
            self.ears = Ears([device.folder / "data" / "audio.raw" for device in self.devices])
            stack.callback(self.ears.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, device: Device) -> None:
        """Boot a device."""
        config = write(self._config(device), device.folder / "config.yaml")
        run = leashed([sys.executable, "-m", "device", "run", "--config", str(config)])
        with (device.folder / "affetto.log").open("ab") as log:
            device.process = subprocess.Popen(
                [*self.network.prefix(device.number), *run], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def _config(self, device: Device) -> Config:
        config = configure(device.folder, "auto", device.music, self.broker.config, 8.0)
        return replace(
            config,
            device=replace(config.device, id=device.id, name=device.id, room=device.id),
            camera=replace(config.camera, enabled=False),
            music=replace(config.music, rescan_s=10.0),
            player=replace(config.player, output="file"),
            page=replace(config.page, enabled=False),
            upnp=replace(config.upnp, enabled=False),
            rooms=RoomsConfig(group=GROUP),
        )

    def signal(self, device: Device, number: int) -> None:
        """Send a signal to the conductor."""
        if device.process is not None and device.process.poll() is None:
            os.kill(device.process.pid, number)

    def end(self, device: Device) -> None:
        """Switch a device off."""
        self.signal(device, signal.SIGCONT)
        self.signal(device, signal.SIGTERM)
        if device.process is not None:
            try:
                device.process.wait(15)
            except subprocess.TimeoutExpired:
                device.process.kill()
                device.process.wait()

    @property
    def leader(self) -> Device:
        """The device of the last record on the broker."""
        return next(device for device in self.devices if device.id == self.listener.leader)

    def wait(self, what: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait until this is so."""
        deadline = time.monotonic() + patience_s
        while not what():
            if time.monotonic() > deadline:
                raise SystemExit(f"The devices did not get ready within {patience_s:.0f} s; see their logs.")
            time.sleep(0.1)
