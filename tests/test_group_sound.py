"""The group's sound with the real snapserver and snapclient: what comes out of each member, sample by sample."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from device.config.schema import PlayerConfig
from device.errors import SoundError
from device.music.audio.outputs import Output, UnheardOutput
from device.music.audio.pcm_buffer import RATE_HZ
from device.music.audio.volume import amplitude
from device.music.snapcast import wire
from device.music.snapcast.group_sound import GroupSound, Role

pytestmark = pytest.mark.skipif(
    not (shutil.which("snapserver") and shutil.which("snapclient")), reason="snapserver or snapclient is not installed"
)

PATIENCE_S = 20.0
BLOCK = 2205


class Mixer:
    """What the player does for the group's sound: writes blocks to the output that it was given last."""

    def __init__(self, hz: float, height: float = 1.0) -> None:
        self.playing = False
        self._hz, self._height = hz, height
        self._output: Output = UnheardOutput()
        self._ended = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def feed(self, output: Output | None) -> None:
        self._output = output or UnheardOutput()

    def close(self) -> None:
        self._ended = True
        self._thread.join()

    def _work(self) -> None:
        at = 0
        while not self._ended:
            if not self.playing:
                time.sleep(BLOCK / RATE_HZ)
                continue
            wave = self._height * np.sin(2 * np.pi * self._hz * np.arange(at, at + BLOCK) / RATE_HZ)
            at += BLOCK
            try:
                self._output.write(np.repeat(wave[:, None], 2, axis=1).astype(np.float32))
            except SoundError:
                time.sleep(0.05)


class Member:
    """A device of the group whose snapclient plays into a file."""

    def __init__(self, folder: Path, name: str, hz: float, volume: int, height: float) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.mixer = Mixer(hz, height)
        config = PlayerConfig(output="file", volume=volume, max_volume=70, ramp_s=0.2)
        self.sound = GroupSound(config, self.folder, name, volume, self.mixer.feed)

    def heard(self) -> npt.NDArray[np.float64]:
        """The left channel until now, -1 to 1."""
        path = self.folder / "audio.raw"
        raw = path.read_bytes() if path.exists() else b""
        return np.frombuffer(raw[: len(raw) // 8 * 8], "<i4")[::2] / 2**31

    def level(self, hz: float, seconds: float = 0.2) -> float:
        """How loud a tone was in the last moments: its amplitude."""
        last = self.heard()[-round(seconds * RATE_HZ) :]
        if not len(last):
            return 0.0
        return float(2 * np.abs(np.mean(last * np.exp(-2j * np.pi * hz * np.arange(len(last)) / RATE_HZ))))

    def close(self) -> None:
        self.sound.close()
        self.mixer.close()


@contextmanager
def group(folder: Path, *volumes: int, height: float = 1.0) -> Iterator[list[Member]]:
    members = [Member(folder, f"m{n}", 441.0 * (n + 1), volume, height) for n, volume in enumerate(volumes)]
    try:
        yield members
    finally:
        for member in members:
            member.close()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], object], words: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, words
        time.sleep(0.02)


def children() -> list[int]:
    """Processes of Snapcast that this one has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = path.read_text().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        if name.startswith("snap") and int(rest.split()[1]) == os.getpid() and rest.split()[0] != "Z":
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow
def test_every_member_plays_the_leader_at_its_own_volume_and_never_above_it(tmp_path: Path) -> None:
    """The leader sends full scale from the first sample on."""
    port = free_port()
    with group(tmp_path, 30, 100) as (leader, member):
        leader.mixer.playing = member.mixer.playing = True
        member.sound.follow("127.0.0.1", port)
        leader.sound.lead(port, "127.0.0.1")
        for one, percent in ((leader, 30), (member, 70)):
            wait_for(lambda one=one, percent=percent: one.level(441) > 0.9 * amplitude(percent), "it is silent")
        member.sound.set_volume(10)
        wait_for(lambda: member.level(441) < 1.1 * amplitude(10), "it is as loud as before")
        assert (leader.sound.status().role, member.sound.status().role) == (Role.LEADS, Role.FOLLOWS)
        assert all(one.sound.status().connected and one.sound.status().sounding for one in (leader, member))
        for one, percent in ((leader, 30), (member, 70)):
            assert np.abs(one.heard()).max() <= amplitude(percent)
        assert member.level(882) < 1e-4, "a follower's own mix is heard"


def test_alone_no_process_of_snapcast_runs(tmp_path: Path) -> None:
    with group(tmp_path, 30) as (one,):
        assert children() == []
        one.sound.lead(free_port(), "127.0.0.1")
        wait_for(lambda: len(children()) == 2, "snapserver and snapclient do not run")
        one.sound.leave()
        wait_for(lambda: children() == [], "they still run")
        wait_for(lambda: one.sound.status().role is Role.ALONE, "it does not say so")
        assert one.sound.alive


@pytest.mark.slow
def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    with group(tmp_path, 50) as (one,):
        one.mixer.playing = True
        one.sound.lead(free_port(), "127.0.0.1")
        wait_for(lambda: one.level(441) > 0.9 * amplitude(50), "it is silent")
        killed = children()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(set(children()) - set(killed)) == 2, "it was not started again")
        length = len(one.heard())
        wait_for(lambda: len(one.heard()) > length + RATE_HZ, "it stays silent")
        wait_for(lambda: one.level(441) > 0.9 * amplitude(50), "it plays only silence")
        assert np.abs(one.heard()).max() <= amplitude(50)


@pytest.mark.slow
def test_a_planned_hand_over_is_heard_as_one(tmp_path: Path) -> None:
    """At most 0.3 s of silence, and no moment with both songs."""
    first_port, second_port = free_port(), free_port()
    with group(tmp_path, 50, 50) as (first, second):
        first.mixer.playing = True
        first.sound.lead(first_port, "127.0.0.1")
        second.sound.follow("127.0.0.1", first_port)
        wait_for(lambda: second.level(441) > 0.9 * amplitude(50), "the first song is silent")
        second.sound.lead(second_port, "127.0.0.1")
        first.sound.prepare("127.0.0.1", second_port)
        time.sleep(1.5)
        assert second.level(441) > 0.9 * amplitude(50), "the hand-over began too early"
        first.mixer.playing, second.mixer.playing = False, True
        first.sound.follow("127.0.0.1", second_port)
        for one in (first, second):
            wait_for(lambda one=one: one.level(882) > 0.9 * amplitude(50), "the second song is silent")
            assert longest_silence(one.heard()) <= 0.3
        wait_for(lambda: len(children()) == 3, "the first leader's snapserver still runs")


def longest_silence(heard: npt.NDArray[np.float64], block: int = 441) -> float:
    """Seconds, between the first sound and the last."""
    loud = np.abs(heard[: len(heard) // block * block]).reshape(-1, block).max(axis=1) > 1e-3
    at = np.flatnonzero(loud)
    return float((np.diff(at).max(initial=1) - 1) * block / RATE_HZ)


def test_a_missing_program_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with group(tmp_path, 30) as (one,):
        one.sound.lead(free_port(), "127.0.0.1")
        wait_for(lambda: "not installed: sudo apt-get install snap" in one.sound.status().problem, "no word of it")


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        wire.message(wire.Kind.SETTINGS, b"", 1.0),
        wire.message(wire.Kind.CODEC, b"\x01", 1.0),
        wire.message(wire.Kind.CODEC, wire.pcm_format(48000, 16, 2), 1.0),
    ],
)
def test_what_is_no_snapserver_is_a_sentence_and_harms_nothing(tmp_path: Path, sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, group(tmp_path, 30) as (one,):
        one.sound.follow(*server.getsockname())
        there, _ = server.accept()
        with there:
            there.sendall(sent)
            wait_for(lambda: one.sound.status().problem, "no word of it")
        assert one.sound.alive


def test_a_leader_that_cannot_be_reached_is_a_sentence(tmp_path: Path) -> None:
    with group(tmp_path, 30) as (one,):
        one.sound.follow("127.0.0.1", free_port())
        wait_for(lambda: "is gone (connection refused)" in one.sound.status().problem, "no word of it")
