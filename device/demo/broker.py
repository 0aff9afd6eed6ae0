"""A private Mosquitto on a free port of this machine, for the demo and for tests with a real broker.

It ends with the thread that started it (leash.py), and writes only into a folder of its own, which it removes.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from device.config.schema import MqttConfig
from device.errors import MqttError
from device.leash import leashed

START_S = 10.0
PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
"""Debian keeps the daemon in /usr/sbin, which is not in everybody's PATH."""


class PrivateBroker:
    """A context manager. With `username` and `password` it refuses all other clients. It stores nothing on disk.
    `settings` are additional lines of mosquitto.conf."""

    def __init__(self, username: str = "", password: str = "", settings: Sequence[str] = ()) -> None:
        self._username, self._password, self._more = username, password, tuple(settings)
        self._folder = Path(tempfile.mkdtemp(prefix="affetto-broker-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.host, self.port = "127.0.0.1", _free_port()

    def __enter__(self) -> PrivateBroker:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def config(self) -> MqttConfig:
        """The settings of a client that it accepts."""
        return MqttConfig(host=self.host, port=self.port, username=self._username, password=self._password)

    def start(self) -> None:
        """Listen, on the same port as before. Raises MqttError if Mosquitto is not installed or does not start."""
        program = shutil.which("mosquitto", path=PLACES)
        if program is None:
            raise MqttError("Mosquitto is not installed; install it with: sudo apt-get install mosquitto")
        settings = self._folder / "mosquitto.conf"
        settings.write_text("\n".join(self._settings()) + "\n")
        output = (self._folder / "log").open("wb")
        with output:  # a session of its own: Ctrl-C must reach the device first, so that it can say goodbye
            self._process = subprocess.Popen(
                leashed([program, "-c", str(settings)]), stdout=output, stderr=output, start_new_session=True
            )
        self._await_listening(self._process)

    def stop(self, kill: bool = False) -> None:
        """End: with a goodbye to the clients or, with `kill`, without."""
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop and leave nothing behind. Idempotent."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _settings(self) -> list[str]:
        lines = [f"listener {self.port} {self.host}", "persistence false", *self._more]
        if os.geteuid() == 0:
            lines.append("user root")  # else it becomes another user, who cannot read our folder
        if not self._username:
            return [*lines, "allow_anonymous true"]
        passwords = self._folder / "passwords"
        tool = shutil.which("mosquitto_passwd", path=PLACES) or "mosquitto_passwd"
        subprocess.run([tool, "-b", "-c", str(passwords), self._username, self._password], check=True,
                       capture_output=True)
        return [*lines, "allow_anonymous false", f"password_file {passwords}"]

    def _await_listening(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_S
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        last = (self._folder / "log").read_text(errors="replace").strip().splitlines()[-1:] or ["its log is empty"]
        raise MqttError(f"Mosquitto did not start on {self.host}:{self.port}: {last[0]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
