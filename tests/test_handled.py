"""A surface that owes its client a reply hears when its command was handled, after the snapshot and the refusal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.conductor import Conductor
from device.config.schema import Config, DeviceConfig, MqttConfig, MusicConfig, PlayerConfig, UpnpConfig
from device.domain import (
    Announce,
    Answer,
    Asked,
    Command,
    Feedback,
    Handled,
    Liking,
    Misunderstood,
    Now,
    Origin,
    RemovePlaylist,
    SavePlaylist,
    SetVolume,
    Snapshot,
)


class Probe:
    """A surface that writes down what it gets."""

    alive = True

    def __init__(self) -> None:
        self.log: list[Snapshot | Answer | Handled] = []
        self.handled = threading.Semaphore(0)

    def start(self) -> None: ...
    def close(self) -> None: ...

    def show(self, snapshot: Snapshot, now: Now) -> None:
        self.log.append(snapshot)

    def notify(self, notice: Announce | Answer | Handled) -> None:
        if not isinstance(notice, Announce):
            self.log.append(notice)
        if isinstance(notice, Handled):
            self.handled.release()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Conductor, Probe]]:
    config = Config(
        device=DeviceConfig(data_dir=str(tmp_path / "data")),
        music=MusicConfig(folders=(str(tmp_path / "music"),)),
        player=PlayerConfig(output="dummy"),
        mqtt=MqttConfig(enabled=False),
        upnp=UpnpConfig(enabled=False),
    )
    probe = Probe()
    with Conductor(config) as program:
        program._parts.surfaces["the probe"] = probe
        thread = threading.Thread(target=program.run)
        thread.start()
        try:
            yield program, probe
        finally:
            program.stop()
            thread.join(20)


def asked(running: tuple[Conductor, Probe], event: Asked | Misunderstood) -> list[Snapshot | Answer | Handled]:
    """What the surface got last, up to and with `Handled`."""
    program, probe = running
    program._inbox.put(event)
    assert probe.handled.acquire(timeout=20)
    return probe.log[: probe.log.index(Handled(event.origin)) + 1]


def origin(name: str) -> Origin:
    return Origin("the probe", name)


def ask(name: str, command: Command) -> Asked:
    return Asked(command, origin(name))


def test_the_snapshot_with_the_effect_comes_before_handled(running: tuple[Conductor, Probe]) -> None:
    *_, snapshot, last = asked(running, ask("1", SetVolume(11)))
    assert isinstance(snapshot, Snapshot)
    assert snapshot.playback.volume == 11
    assert last == Handled(origin("1"))


def test_a_refusal_comes_before_handled(running: tuple[Conductor, Probe]) -> None:
    *_, answer, snapshot, last = asked(running, ask("2", Feedback(Liking.LIKE)))
    assert isinstance(answer, Answer)
    assert answer.origin == origin("2")
    assert isinstance(snapshot, Snapshot)
    assert last == Handled(origin("2"))


def test_a_playlist_is_handled_when_it_is_written(running: tuple[Conductor, Probe], tmp_path: Path) -> None:
    asked(running, ask("4", SavePlaylist("Mix", ("http://radio/s",))))
    assert (tmp_path / "data" / "playlists" / "Mix.m3u8").exists()
    *_, answer, _, last = asked(running, ask("5", RemovePlaylist("Other")))
    assert (answer, last) == (Answer(origin("5"), "There is no playlist Other."), Handled(origin("5")))


def test_a_command_that_nobody_understood_is_handled_too(running: tuple[Conductor, Probe]) -> None:
    *_, answer, _, last = asked(running, Misunderstood(origin("3"), "no"))
    assert (answer, last) == (Answer(origin("3"), "no"), Handled(origin("3")))
