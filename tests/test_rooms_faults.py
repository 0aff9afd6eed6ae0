"""The measurement of faults in a group: what counts as silence, as other music and as a second start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from device.demo.broker import PLACES
from device.demo.network import Network, NetworkError
from device.demo.rooms import GROUP, GroupView
from device.domain import GroupMusic, LeaderRecord
from device.mqtt.messages import Message
from device.music.audio.pcm_buffer import RATE_HZ
from device.rooms.documents import encode
from tools.faults.heard import Ears, different_s, longest_silence_s
from tools.faults.listener import Listener, Played

ROOT = Path(__file__).resolve().parent.parent


def namespaces() -> bool:
    """Whether this machine lets us make network namespaces."""
    try:
        with Network(1):
            return True
    except NetworkError:
        return False


needs_namespaces = pytest.mark.skipif(not namespaces(), reason="network namespaces need root and iproute2")
needs_services = pytest.mark.skipif(
    shutil.which("mosquitto", path=PLACES) is None or not (shutil.which("snapserver") and shutil.which("snapclient")),
    reason="Mosquitto, snapserver or snapclient is not installed",
)


def noise(seconds: float, seed: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def test_the_longest_silence_is_found() -> None:
    sound = noise(6, 1)
    sound[RATE_HZ : RATE_HZ * 3] = 0
    sound[RATE_HZ * 4 : RATE_HZ * 4 + 4000] = 0
    assert longest_silence_s(sound) == pytest.approx(2.0, abs=0.1)
    assert longest_silence_s(noise(2, 1)) == 0
    assert longest_silence_s(np.zeros(RATE_HZ, np.float32)) == pytest.approx(1.0)


def test_the_same_music_is_the_same_whatever_its_volume_and_its_delay() -> None:
    sound = noise(8, 2)
    later = np.concatenate([np.zeros(RATE_HZ // 2, np.float32), sound[: -RATE_HZ // 2]]) * np.float32(0.3)
    assert different_s(sound, later) == 0


def test_other_music_counts_by_the_second() -> None:
    sound, other = noise(12, 3), noise(12, 4)
    mixed = np.concatenate([sound[: RATE_HZ * 6], other[RATE_HZ * 6 :]])
    assert different_s(sound, mixed) == pytest.approx(5, abs=1.6)
    assert different_s(sound, np.zeros_like(sound)) == 0, "silence is no other music"


def test_a_file_that_stops_growing_is_silence(tmp_path: Path) -> None:
    ears = Ears([tmp_path / "audio.raw"])
    ears.close()
    second = (noise(1, 5) * 2**31).astype("<i4").repeat(2)
    (tmp_path / "audio.raw").write_bytes(second.tobytes() * 2)
    half, size = len(second) * 2, len(second) * 4
    ears._grown = [[(0.0, 0), (0.5, half), (1.0, size), (4.0, size + half), (4.5, 2 * size)]]
    sound = ears.sound(0, 0.0, 4.6)
    assert longest_silence_s(sound) == pytest.approx(2.5, abs=0.2)
    assert len(sound) == pytest.approx(4.6 * RATE_HZ, abs=2)


def test_a_song_that_goes_back_has_begun_twice() -> None:
    listener = Listener.__new__(Listener)
    places = [("a", 0), ("a", 10), ("b", 0), ("b", 9), ("b", 1), ("a", 12)]
    listener.played = [Played(float(n), "x", key, place, True) for n, (key, place) in enumerate(places)]
    assert listener.double_starts(0.0) == 1


def test_an_outdated_record_is_no_change_of_the_leader() -> None:
    listener = Listener.__new__(Listener)
    listener.terms, listener._best = [], None
    for record in (LeaderRecord("a", 1), LeaderRecord("b", 2), LeaderRecord("a", 1, 9), LeaderRecord("b", 2, 3)):
        listener._note(record, 0.0)
    assert [term for _, term, _ in listener.terms] == [1, 2]
    assert listener.leader == "b"


def test_the_view_of_a_group_says_what_is_missing() -> None:
    view = GroupView(["a", "b"])
    assert view.missing() == "No device leads the group."
    view.take(Message(f"affetto/group/{GROUP}/leader", encode(LeaderRecord("a", 3))))
    view.take(Message("affetto/a/track/state", msgspec.json.encode({"title": "Song"})))
    view.take(Message("affetto/b/track/state", b"\xff"))
    assert "do not play the same song" in view.missing()
    view.take(Message("affetto/b/track/state", msgspec.json.encode({"title": "Song"})))
    view.take(Message(f"affetto/group/{GROUP}/state", encode(GroupMusic("a", 3, title="Song"))))
    assert view.missing() == ""
    assert view.leader == "a"


@needs_namespaces
def test_a_device_is_cut_off_and_joined_again() -> None:
    def reaches(network: Network) -> bool:
        code = f"import socket; socket.create_server(('', 7)); socket.socket().connect(('{network.hub}', 9))"
        done = subprocess.run([*network.prefix(0), sys.executable, "-c", code], capture_output=True, text=True)
        return "refused" in done.stderr  # nobody listens there, but the machine answers

    with Network(2) as network:
        assert reaches(network)
        network.cut(0)
        assert not reaches(network)
        network.join(0)
        assert reaches(network)


@pytest.mark.slow
@needs_namespaces
@needs_services
def test_the_demo_of_several_rooms_plays_as_one(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    words = [sys.executable, "-m", "device", "demo", "--rooms", "2", "--seconds", "40", "--keep", str(kept)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=150, env={**os.environ})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "2 devices played as one" in done.stdout
    for log in kept.glob("*/affetto.log"):
        assert "Traceback" not in log.read_text()
