"""A home on one machine: three devices, each in a network namespace with an address of its own, and a broker.

Needs root. The devices are whole conductors without a camera, whose snapclient plays into a file; `Room.hear` reads
what has come since the last call.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import yaml

from device.demo.broker import PLACES
from device.errors import AffettoError
from device.leash import leashed

ROOT = Path(__file__).resolve().parents[2]
GROUP = "home"
NET = "10.78.0"
BROKER = f"{NET}.1"
VOLUME = 60
SONGS, SONG_S, SONG_HZ = 6, 180, 16000


def write_songs(folder: Path) -> None:
    """Songs without a moment of silence: every silence that is heard is the group's."""
    for number in range(SONGS):
        path = folder / ("calm" if number % 2 else "happy") / f"Tone {number + 1}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        wave_form = 0.5 * np.sin(2 * np.pi * 220 * (number + 2) * np.arange(SONG_S * SONG_HZ) / SONG_HZ)
        with path.open("wb") as file, wave.open(file, "wb") as writer:
            writer.setparams((1, 2, SONG_HZ, 0, "NONE", ""))
            writer.writeframes((32767 * wave_form).astype("<i2").tobytes())


class HomeError(AffettoError):
    """This machine cannot be a home."""


def ip(*words: str, check: bool = True) -> None:
    """Run `ip`."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise HomeError(f"`ip {' '.join(words)}` failed: {done.stderr.strip()}; this needs root")


class Broker:
    """Mosquitto that keeps what is retained in a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Listen."""
        lines = [f"listener 1883 {BROKER}", "allow_anonymous true", "persistence true"]
        lines.append(f"persistence_location {self._folder}/")
        if os.geteuid() == 0:
            lines.append("user root")
        settings = self._folder / "mosquitto.conf"
        settings.write_text("\n".join(lines) + "\n")
        program = shutil.which("mosquitto", path=PLACES) or "mosquitto"
        self._process = subprocess.Popen(leashed([program, "-c", str(settings)]), stdout=subprocess.DEVNULL)

    def stop(self, forget: bool = False) -> None:
        """End; `forget` what was retained."""
        if self._process is not None:
            (self._process.kill if forget else self._process.terminate)()
            self._process.wait()
        if forget:
            (self._folder / "mosquitto.db").unlink(missing_ok=True)


class Room:
    """One device."""

    def __init__(self, folder: Path, number: int) -> None:
        self.name = f"{'abc'[number]}room"
        self.host = f"{NET}.{10 + number}"
        self.folder = folder / self.name
        self.folder.mkdir(parents=True)
        self._space = f"aff-{os.getpid()}-{number}"
        self._port = f"aff{os.getpid() % 10000}x{number}"
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0

    def join_network(self, bridge: str) -> None:
        """A namespace of its own, on the home's bridge."""
        inner = f"{self._port}i"
        ip("netns", "add", self._space)
        ip("link", "add", self._port, "type", "veth", "peer", "name", inner)
        ip("link", "set", inner, "netns", self._space)
        ip("link", "set", self._port, "master", bridge, "up")
        ip("-n", self._space, "addr", "add", f"{self.host}/24", "dev", inner)
        for name in (inner, "lo"):
            ip("-n", self._space, "link", "set", name, "up")

    def leave_network(self) -> None:
        ip("link", "del", self._port, check=False)
        ip("netns", "del", self._space, check=False)

    def cut(self, cut: bool) -> None:
        """Pull the network's plug, or put it back."""
        ip("link", "set", self._port, "down" if cut else "up")

    def start(self) -> None:
        """Run the whole program."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self._settings()))
        words = ["ip", "netns", "exec", self._space, sys.executable, "-m", "device", "run", "--config"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                leashed([*words, str(self.folder / "config.yaml")]), cwd=ROOT, stdout=log, stderr=log
            )

    def send(self, number: signal.Signals) -> None:
        """A signal to the program (`ip netns exec` becomes it)."""
        if self._process is not None:
            self._process.send_signal(number)

    def end(self) -> None:
        """Stop the program if it runs."""
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                self.send(signal.SIGCONT)
                self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def runs(self) -> bool:
        """Whether the program runs."""
        return self._process is not None and self._process.poll() is None

    def hear(self) -> float:
        """The loudest sample since the last call, 0 to 1; 0 if nothing came."""
        path = self.folder / "data/audio.raw"
        size = path.stat().st_size // 8 * 8 if path.exists() else 0
        if size <= self._read:
            return 0.0
        with path.open("rb") as file:
            file.seek(self._read)
            heard = np.frombuffer(file.read(size - self._read), "<i4")
        self._read = size
        return float(np.abs(heard.astype(np.float64)).max() / 2**31)

    def _settings(self) -> dict[str, dict[str, object]]:
        return {
            "device": {"id": self.name, "name": self.name, "room": self.name, "data_dir": str(self.folder / "data")},
            "music": {"folders": [str(self.folder.parent / "music")], "fade_s": 1.0},
            "player": {"output": "file", "volume": VOLUME},
            "mqtt": {"host": BROKER},
            "rooms": {"group": GROUP, "address": self.host},
            "page": {"enabled": False},
            "upnp": {"enabled": False},
        }


@contextmanager
def home(folder: Path, count: int = 3) -> Iterator[tuple[Broker, list[Room]]]:
    """The network, the broker and the devices; all of them run."""
    bridge = f"aff{os.getpid() % 10000}br"
    broker, rooms = Broker(folder), [Room(folder, number) for number in range(count)]
    write_songs(folder / "music")
    try:
        ip("link", "add", bridge, "type", "bridge")
        ip("addr", "add", f"{BROKER}/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        broker.start()
        for room in rooms:
            room.join_network(bridge)
            room.start()
            time.sleep(2)
        yield broker, rooms
    finally:
        for room in rooms:
            room.end()
            room.leave_network()
        broker.stop()
        ip("link", "del", bridge, check=False)
