"""The whole program in tests: `affetto run` as a child, a private Mosquitto, and an ear that collects what is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from device.config.schema import Config
from device.demo.broker import PrivateBroker
from device.demo.show import write

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Heard:
    topic: str
    payload: str
    retained: bool

    @property
    def json(self) -> dict:
        return json.loads(self.payload)


class Ear:
    """Subscribes to everything on a broker; `wait` returns the first message that fits, heard or still to come."""

    def __init__(self, broker: PrivateBroker) -> None:
        self.messages: list[Heard] = []
        self._news = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        with self._news:
            self.messages.append(Heard(message.topic, message.payload.decode("utf-8", "replace"), bool(message.retain)))
            self._news.notify_all()

    def mark(self) -> int:
        """The present place in the list, for `wait(since=...)`."""
        with self._news:
            return len(self.messages)

    def wait(self, fits: Callable[[Heard], bool], *, since: int = 0, patience_s: float = PATIENCE_S) -> Heard:
        deadline = time.monotonic() + patience_s
        with self._news:
            place = since
            while True:
                for message in self.messages[place:]:
                    if fits(message):
                        return message
                place = len(self.messages)
                left = deadline - time.monotonic()
                assert left > 0, f"not heard in {patience_s:.0f} s; last: {self.messages[-5:]}"
                self._news.wait(left)

    def say(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Appliance:
    """A conductor (and, with the camera on, its eye) as a child process."""

    def __init__(self, config: Config, home: Path) -> None:
        self.config, self.log = config, home / "affetto.log"
        self._path = write(config, home / "config.yaml")
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "device", "run", "--config", str(self._path)],
                cwd=ROOT, stdout=output, stderr=output,
            )

    def eyes(self) -> list[int]:
        """Process numbers of the conductor's children that are eyes; others read files."""
        task = Path(f"/proc/{self.process.pid}/task")
        children = [int(pid) for thread in task.iterdir() for pid in (thread / "children").read_text().split()]
        return [pid for pid in children if b"\0eye\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit status; what it said is in `log`."""
        self.process.send_signal(number)
        return self.process.wait(15)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(config: Config, home: Path) -> Iterator[Appliance]:
    """Start, and be sure that nothing is left."""
    appliance = Appliance(config, home)
    try:
        yield appliance
    finally:
        appliance.close()


def gone(pid: int, patience_s: float = 5.0) -> bool:
    """Whether the process has ended within the time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        os.sched_yield()
        time.sleep(0.02)
    return False


def with_broker(config: Config, broker: PrivateBroker, **device: object) -> Config:
    """`config` with its MQTT settings pointing to `broker`."""
    mqtt = replace(broker.config, mood_interval_s=0.5)
    return replace(config, mqtt=mqtt, device=replace(config.device, **device))
