"""Commands in the machine, over SSH. One connection is kept: a new one takes an emulated processor seconds."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND_S = 900.0
BANNER_S = 5.0


class ShellError(Exception):
    """A command in the machine that had to work did not."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    status: int
    output: str
    errors: str


class Shell:
    """root's, in the machine whose SSH port is forwarded to `port` of this one."""

    def __init__(self, port: int, key: Path, folder: Path) -> None:
        self.port, self._key = port, key
        # The name of a socket may have 108 bytes, and folders of tests are deep. Goes with this object.
        self._folder = tempfile.TemporaryDirectory(prefix="affetto-vm-")
        self._control = Path(self._folder.name) / "ssh"
        self._hosts = folder / "known_hosts"

    def answers(self) -> bool:
        """Whether somebody is there. qemu accepts connections long before, so a word is waited for."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), BANNER_S) as line:
                line.settimeout(BANNER_S)
                if not is_banner(line.recv(64)):
                    return False
        except OSError:
            return False
        return self.run("true", patience_s=60).status == 0

    def run(self, script: str, *, patience_s: float = COMMAND_S, data: bytes | None = None) -> Done:
        """Run a script of sh; `data` is its input (without, the script itself is, so that it may have any length)."""
        command = ["sh", "-eu", "-c", quote(script)] if data is not None else ["sh", "-eu"]
        try:
            done = subprocess.run(
                [*self._ssh(), "root@127.0.0.1", *command],
                input=data if data is not None else script.encode(),
                capture_output=True,
                timeout=patience_s,
            )
        except subprocess.TimeoutExpired as late:
            return Done(124, _text(late.stdout), f"not done within {patience_s:.0f} s\n" + _text(late.stderr))
        return Done(done.returncode, _text(done.stdout), _text(done.stderr))

    def __call__(self, script: str, *, patience_s: float = COMMAND_S) -> str:
        """What a script prints, which has to end well. Raises ShellError."""
        done = self.run(script, patience_s=patience_s)
        if done.status:
            raise ShellError(f"status {done.status} of: {script[:200]}\n{done.output[-800:]}{done.errors[-800:]}")
        return done.output.strip()

    @contextmanager
    def stream(self, script: str) -> Iterator[Iterator[str]]:
        """The lines of a script as it prints them; it is ended with the block."""
        process = subprocess.Popen(
            [*self._ssh(), "root@127.0.0.1", "sh", "-eu", "-c", quote(script)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            yield iter(process.stdout)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def put(self, content: bytes, path: str) -> None:
        """A file; on the disk when this returns."""
        done = self.run(f'mkdir -p "$(dirname {path})" && cat >{path} && sync {path}', data=content)
        if done.status:
            raise ShellError(f"{path} cannot be written: {done.errors}")

    def unpack(self, archive: bytes, folder: str) -> None:
        """The files of a tar archive."""
        done = self.run(f"mkdir -p {folder} && tar -xf - -C {folder}", data=archive)
        if done.status:
            raise ShellError(f"nothing could be unpacked in {folder}: {done.errors}")

    def fetch(self, path: str) -> bytes:
        """The content of a file."""
        return subprocess.run(
            [*self._ssh(), "root@127.0.0.1", "cat", path], capture_output=True, timeout=COMMAND_S, check=True
        ).stdout

    def forget(self) -> None:
        """The machine is gone: the kept connection leads nowhere."""
        if self._control.exists():
            subprocess.run([*self._ssh(), "-O", "exit", "root@127.0.0.1"], capture_output=True)
            self._control.unlink(missing_ok=True)

    def _ssh(self) -> list[str]:
        options = {
            "ControlMaster": "auto",
            "ControlPath": str(self._control),
            "ControlPersist": "600",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": str(self._hosts),
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            "ConnectTimeout": "30",
            "ServerAliveInterval": "15",
            "ServerAliveCountMax": "4",
        }
        return [
            *("ssh", "-F", "none", "-p", str(self.port), "-i", str(self._key)),
            *(word for name, value in options.items() for word in ("-o", f"{name}={value}")),
        ]


def is_banner(words: bytes) -> bool:
    """Whether an SSH server speaks (RFC 4253, 4.2)."""
    return words.startswith(b"SSH-")


def quote(script: str) -> str:
    """As one word for the shell at the other end."""
    return "'" + script.replace("'", "'\\''") + "'"


def fields(text: str, separator: str = "=") -> dict[str, str]:
    """Lines of `name=value`, as `systemctl show` prints them; later ones win."""
    pairs = (line.split(separator, 1) for line in text.splitlines() if separator in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")
