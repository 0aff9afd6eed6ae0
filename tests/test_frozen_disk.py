"""A file server that stops answering stops neither the music nor the program: a real file system that is frozen."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import audio
import pytest
from appliance import running
from frozen_disk import FrozenDisk, frozen_disk

from device.config.schema import Config
from device.control.client import ControlClient
from device.domain import Enqueue, SetVolume, Where
from device.errors import ControlError

PATIENCE_S = 120.0


def eventually(data: Path, fits: Callable[[dict], bool]) -> dict:
    """The first state of the device that fits."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with ControlClient(data) as client:
                if fits(state := client.state()):
                    return state
        except ControlError:
            pass
        assert time.monotonic() < deadline, "not in time"


def title(state: dict) -> str:
    choice = state["playback"]["choice"]
    return choice["track"]["title"] if choice and state["playback"]["state"] == "playing" else ""


@contextmanager
def thawed_at_the_end(disk: FrozenDisk) -> Iterator[None]:
    """A process that waits for a frozen disk cannot even be killed."""
    try:
        yield
    finally:
        disk.thaw()


@pytest.mark.slow
def test_the_music_goes_on_from_another_disk(tmp_path: Path) -> None:
    for folder in ("near", "server", "mount"):
        (tmp_path / folder).mkdir()
    audio.tone(tmp_path / "near" / "calm" / "near.wav", 60.0, 300.0)  # no mood would choose a bare tone
    for number in range(5):
        audio.tone(tmp_path / "server" / f"far{number or ''}.wav", 60.0, 700.0 + 50 * number)
    config = Config()
    config = replace(
        config,
        device=replace(config.device, data_dir=str(tmp_path / "data")),
        music=replace(
            config.music, folders=(str(tmp_path / "near"), str(tmp_path / "mount")), autoplay=False, rescan_s=10.0
        ),
        player=replace(config.player, output="dummy"),
        mqtt=replace(config.mqtt, enabled=False),
    )
    data, far = tmp_path / "data", (tmp_path / "mount" / "far.wav").as_uri()
    with (
        closing(frozen_disk(tmp_path / "server", tmp_path / "mount")) as disk,
        running(config, tmp_path) as device,
        thawed_at_the_end(disk),
    ):
        eventually(data, lambda state: state["health"]["tracks"] == 6)
        with ControlClient(data) as client:
            assert client.do(Enqueue((far,), Where.NOW)) == ""
        eventually(data, lambda state: title(state) == "far" and state["playback"]["position"] is not None)
        disk.freeze()
        assert disk.waiting.wait(PATIENCE_S), "somebody reads from the frozen disk"
        with ControlClient(data) as client:
            assert client.do(SetVolume(12)) == "", "whoever asks is answered meanwhile"
        state = eventually(data, lambda state: title(state) == "near")
        assert state["playback"]["volume"] == 12
        assert f"{tmp_path / 'mount'} does not answer. Switch it on" in " ".join(state["health"]["problems"])
        assert device.log.read_text().count("track_failed") == 1, "no other song of that disk was tried"
        assert device.process.poll() is None
        disk.thaw()
        assert device.stop(signal.SIGTERM) == 0
        assert "its disk does not answer any more" in device.log.read_text()


def test_the_disk_of_this_test_freezes_and_thaws(tmp_path: Path) -> None:
    for folder in ("server", "mount"):
        (tmp_path / folder).mkdir()
    (tmp_path / "server" / "a file").write_bytes(b"content" * 50_000)
    with closing(frozen_disk(tmp_path / "server", tmp_path / "mount")) as disk:
        file = tmp_path / "mount" / "a file"
        assert [path.name for path in (tmp_path / "mount").iterdir()] == ["a file"]
        assert file.read_bytes() == b"content" * 50_000
        disk.freeze()
        read: list[bytes] = []
        reader = threading.Thread(target=lambda: read.append(file.read_bytes()), daemon=True)
        reader.start()
        assert disk.waiting.wait(60)
        assert read == []
        disk.thaw()
        reader.join(60)
        assert read == [b"content" * 50_000]
