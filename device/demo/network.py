"""A private network for several devices on one machine: each in a network namespace, all on one bridge.

Needs root and the command `ip` (package iproute2); losing packets needs `nft` (package nftables). Networks of several
programs have different addresses. `close` removes everything, including cut links.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Sequence

from device.errors import AffettoError

_built = itertools.count()


class NetworkError(AffettoError):
    """The network cannot be built; the sentence says why."""


class Network:
    """A context manager with `count` namespaces."""

    def __init__(self, count: int) -> None:
        unique = f"{os.getpid()}.{next(_built)}"  # the kernel removes an earlier network in its own time
        pid = os.getpid()
        self._subnet = f"10.{128 + pid // 250 % 100}.{pid % 250}"
        self.hub = f"{self._subnet}.1"
        """The address of this machine on the bridge."""
        self._bridge = f"aff{unique}"[:13]
        self._names = [f"affetto-{unique}-{number}" for number in range(count)]

    def __enter__(self) -> Network:
        if os.geteuid() != 0:
            raise NetworkError("Several devices on one machine need network namespaces; run the command with sudo.")
        if shutil.which("ip") is None:
            raise NetworkError("The command ip is not installed: sudo apt-get install iproute2")
        try:
            self._build()
        except NetworkError:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prefix(self, number: int) -> list[str]:
        """The words before a command that runs in this device's namespace."""
        return ["ip", "netns", "exec", self._names[number]]

    def cut(self, number: int) -> None:
        """Pull this device's cable."""
        _ip("link", "set", self._outer(number), "down")

    def join(self, number: int) -> None:
        """Plug it in again."""
        _ip("link", "set", self._outer(number), "up")

    def lose(self, number: int, percent: int) -> None:
        """Lose this share of the device's packets, in each direction; 0: no more."""
        rules = "flush ruleset\n"
        if percent:
            drop = f"numgen random mod 100 < {percent} drop"
            for name in ("input", "output"):
                rules += f"add table ip loss\nadd chain ip loss {name} {{ type filter hook {name} priority 0; }}\n"
                rules += f"add rule ip loss {name} {drop}\n"
        _run([*self.prefix(number), "nft", "-f", "-"], rules)

    def close(self) -> None:
        """Remove everything. Idempotent."""
        for name in self._names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", self._bridge], capture_output=True, check=False)

    def _outer(self, number: int) -> str:
        return f"{self._bridge}-{number}"

    def _build(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{self.hub}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for number, name in enumerate(self._names):
            outer = self._outer(number)
            _ip("netns", "add", name)
            _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", outer, "master", self._bridge, "up")
            _ip("-n", name, "address", "add", f"{self._subnet}.{10 + number}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")


def _ip(*words: str) -> None:
    _run(["ip", *words])


def _run(command: Sequence[str], given: str = "") -> None:
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NetworkError(f"{command[0]} cannot be started ({error.strerror}).") from error
    if done.returncode != 0:
        raise NetworkError(f"{' '.join(command)}: {done.stderr.strip()}")
