"""The page in tests: a real conductor with real VLC and the demo's songs, and `affetto page` as children."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from device.config import page_keys
from device.config.schema import (
    CameraConfig,
    Config,
    DeviceConfig,
    MoodConfig,
    MqttConfig,
    MusicConfig,
    PageConfig,
    PlayerConfig,
    UpnpConfig,
)
from device.control.client import ControlClient
from device.demo import MUSIC, PEOPLE
from device.demo.show import write
from device.errors import ControlError
from tests.appliance import PATIENCE_S, ROOT, Appliance, running

MEMORY = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "131072"}  # as in affetto-page.service


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def make_config(home: Path, **page: object) -> Config:
    """A device with the demo's songs and people, without a sound card and a broker."""
    return Config(
        device=DeviceConfig(name="Living room", room="living room", data_dir=str(home / "data")),
        camera=CameraConfig(source=str(PEOPLE)),
        mood=MoodConfig(hold_s=4.0, dwell_s=1.0),
        music=MusicConfig(folders=(str(MUSIC),), rescan_s=3600),
        player=PlayerConfig(output="dummy"),
        mqtt=MqttConfig(enabled=False),
        upnp=UpnpConfig(enabled=False),
        page=replace(PageConfig(port=free_port(), announce=False), **page),
    )


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def cookie(self) -> str:
        return (self.headers.get("Set-Cookie") or "").partition(";")[0]


class PageProcess:
    """`affetto page` as a child; `ask` sends one request."""

    def __init__(self, config: Config, home: Path) -> None:
        self.config, self.port = config, config.page.port
        self.log = home / "page.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "device", "page", "--config", str(write(config, home / "config.yaml"))],
                cwd=ROOT, stdout=output, stderr=output, env={**os.environ, **MEMORY},
            )  # fmt: skip
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"

    def ask(self, method: str, path: str, body: object = None, *, cookie: str = "", **headers: str) -> Answer:
        """`headers` are names with _ for -; Host and Origin are right unless given."""
        sent = {"Host": self.host, "Cookie": cookie}
        if method not in ("GET", "HEAD"):
            sent |= {"Origin": self.url, "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, raw, {name: value for name, value in sent.items() if value})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def wait_until_up(self) -> None:
        until(lambda: up(self.port), "the page does not listen; " + self.log.read_text())

    @property
    def pin(self) -> str:
        return page_keys.pin_of(self.config)

    def log_in(self) -> str:
        """The owner's cookie."""
        answer = self.ask("POST", "/api/login", {"secret": self.pin})
        assert answer.status == 200, answer.body
        return answer.cookie

    def memory_mb(self, field: str = "VmRSS") -> float:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split(f"{field}:")[1].split()[0]) / 1024

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def up(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def until(holds: object, what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until the function returns something true."""
    deadline = time.monotonic() + patience_s
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, what
        os.sched_yield()
        time.sleep(0.02)


def state_of(config: Config) -> dict:
    """The state of the running conductor; empty if it does not answer yet."""
    try:
        with ControlClient(Path(config.device.data_dir)) as client:
            return client.state()
    except ControlError:
        return {}


@contextmanager
def page_alone(config: Config, home: Path) -> Iterator[PageProcess]:
    """The page, without a conductor."""
    page = PageProcess(config, home)
    try:
        page.wait_until_up()
        yield page
    finally:
        page.close()


@contextmanager
def whole(config: Config, home: Path) -> Iterator[tuple[Appliance, PageProcess]]:
    """The conductor with its songs loaded, and the page."""
    with running(config, home) as appliance:
        until(lambda: state_of(config).get("health", {}).get("tracks"), "no songs; see " + str(appliance.log))
        with page_alone(config, home) as page:
            yield appliance, page
