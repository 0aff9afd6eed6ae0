"""`affetto set`, `play`, `next` and so on: talk to the device that runs on this machine.

They use the control socket, like the phone page (device/control), and take the same words as MQTT
(device/mqtt/README.md). If the device refuses something, each prints why and exits with 1. report.py has the sentences.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from device.config.schema import Config
from device.control.client import ControlClient
from device.domain import Command, Enqueue, PlayPlaylist, SetPlayback, Transport, Where
from device.errors import ControlError
from device.mqtt.command_parser import READERS, read
from device.music.library.browse.browser import Browser
from device.remote import report, wanted


def give(config: Config, command: Command) -> int:
    """Give one command. Prints the device's answer if it has one; returns the exit status."""
    with _client(config) as client:
        return _said(client.do(command))


def set_to(config: Config, name: str, words: Sequence[str]) -> int:
    """`affetto set NAME VALUE`: whatever can be sent to NAME/set over MQTT."""
    command = read(name, " ".join(words).encode("utf-8", "replace"))
    if isinstance(command, str):
        raise ControlError(command.replace("/set", "").rstrip(".") if name in READERS else unknown(name))
    return give(config, command)


def play(config: Config, words: Sequence[str], where: Where) -> int:
    """`affetto play`: continue; with words, the tracks that they name."""
    if not words:
        return give(config, SetPlayback(Transport.PLAY))
    with _client(config) as client, closing(Browser(Path(config.device.data_dir))) as library:
        found = wanted.find(library, " ".join(words))
        if not found.tracks and not found.playlist:
            raise ControlError(f"nothing in the library fits “{' '.join(words)}”")
        command: Command = Enqueue(tuple(track.uri for track in found.tracks), where)
        if found.playlist:
            command = PlayPlaylist(found.playlist, where)
        status = _said(client.do(command))
    if status == 0:
        print(f"{wanted.WHEN[where]}: {found.words}.")
    return status


def queue(config: Config) -> int:
    """`affetto queue`: what plays next."""
    with _client(config) as client:
        print("\n".join(report.queue(client.state())))
    return 0


def status(config: Config) -> int:
    """`affetto status`: what plays and why, the mood, the volume, timers and problems."""
    with _client(config) as client:
        print("\n".join(report.status(client.state(), time.monotonic())))
    return 0


def unknown(name: str) -> str:
    """There is nothing with this name to set."""
    return f"cannot set {name[:40]!r}; NAME is one of {', '.join(READERS)}"


def _client(config: Config) -> ControlClient:
    return ControlClient(Path(config.device.data_dir))


def _said(answer: str) -> int:
    if answer:
        print(answer, file=sys.stderr)
    return 1 if answer else 0
