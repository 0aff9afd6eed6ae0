"""The stages on which players are tested: the fake one, libVLC on every output that needs no card, and a private sound
server whose sound is recorded."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from audio import RATE_HZ, peak, tone, track_of

from device.config.schema import PlayerConfig
from device.domain import Event, Track, TrackAt, TrackEnding
from device.music.audio import pulse
from device.music.audio.volume import amplitude
from device.music.playback.fake_player import FakePlayer
from device.music.playback.player import Player
from device.music.playback.vlc_player import VlcPlayer

PATIENCE_S = 10.0
CONFIG = PlayerConfig(output="dummy", volume=50, max_volume=70, ramp_s=0.2)
BY_THE_WAY = (TrackEnding, TrackAt)  # what most tests do not ask for


class Stage(Protocol):
    """A player, the tracks it can play, and its events."""

    player: Player

    def track(self, seconds: float) -> Track: ...

    def broken(self) -> Track: ...

    def next(self, patience_s: float = PATIENCE_S) -> Event | None:
        """The next event of weight, or None if there is none within this time."""

    def wait(self, *kinds: type[Event]) -> Event:
        """The next event of these kinds."""


class FakeStage:
    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.player: Player
        self._fake = self.player = FakePlayer(self.events.put, max_volume=70, broken=["file:///broken"])

    def track(self, seconds: float) -> Track:
        return Track("good", "file:///good", "good", duration_s=seconds)

    def broken(self) -> Track:
        return Track("broken", "file:///broken", "broken", duration_s=1.0)

    def _any(self, patience_s: float) -> Event | None:
        for _ in range(round(patience_s / 0.05)):
            if not self.events.empty():
                break
            self._fake.advance(0.05)
        return None if self.events.empty() else self.events.get()

    def next(self, patience_s: float = PATIENCE_S) -> Event | None:
        event = self._any(patience_s)
        while isinstance(event, BY_THE_WAY):
            event = self._any(patience_s)
        return event

    def wait(self, *kinds: type[Event]) -> Event:
        event = self._any(PATIENCE_S)
        while not isinstance(event, kinds):
            assert event is not None, f"none of {kinds}"
            event = self._any(PATIENCE_S)
        return event


class VlcStage:
    def __init__(self, config: PlayerConfig, folder: Path) -> None:
        self.folder = folder
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.player: Player = VlcPlayer(config, folder, self.events.put)

    def track(self, seconds: float) -> Track:
        return track_of(tone(self.folder / f"tone {seconds} s.wav", seconds), seconds)

    def broken(self) -> Track:
        path = self.folder / "broken.mp3"
        path.write_text("a letter, not a song\n" * 50)
        return track_of(path)

    def next(self, patience_s: float = PATIENCE_S) -> Event | None:
        end_s = time.monotonic() + patience_s
        try:
            while True:
                event = self.events.get(timeout=max(0.0, end_s - time.monotonic()))
                if not isinstance(event, BY_THE_WAY):
                    return event
        except queue.Empty:
            return None

    def wait(self, *kinds: type[Event]) -> Event:
        while not isinstance(event := self.events.get(timeout=PATIENCE_S), kinds):
            pass
        return event


def alsa_file(path: Path) -> PlayerConfig:
    """ALSA's own file device: a real ALSA output, and a file with what reached it, on a machine without a card."""
    return replace(CONFIG, output="alsa", device=f"file:'{path}',wav")


def level(percent: float) -> float:
    """The amplitude of a full-scale sample at this volume."""
    return amplitude(percent)


def reaches(path: Path, wanted: float, patience_s: float = 5.0) -> bool:
    """Whether the file has come up to the amplitude in time."""
    return until(lambda: peak(path) >= 0.95 * wanted, patience_s)


def until(condition: Callable[[], bool], patience_s: float = 5.0) -> bool:
    """Whether it came true in time: for what grows without telling, such as a file."""
    end_s = time.monotonic() + patience_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > end_s:
            return False
        pause.wait(0.1)
    return True


class SoundServer:
    """A private PulseAudio without a card, whose monitor is recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recording = folder / "monitor.raw"
        self._socket = folder / "sock"
        self._processes: list[subprocess.Popen[bytes]] = []
        os.environ["PULSE_SERVER"] = f"unix:{self._socket}"

    def start(self) -> bool:
        """Start it, for the first time or again, and record; False if it does not come up."""
        self._socket.unlink(missing_ok=True)
        server = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes",
             "-L", f"module-native-protocol-unix socket={self._socket} auth-anonymous=1",
             "-L", "module-null-sink sink_name=nowhere rate=44100 format=float32le"],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._processes.append(server)
        if not until(lambda: pulse.answers(os.environ) or server.poll() is not None, 10) or server.poll() is not None:
            return False
        with self.recording.open("ab") as out:
            command = ["parec", "--device=nowhere.monitor", "--format=float32le", f"--rate={RATE_HZ}", "--channels=2"]
            self._processes.append(subprocess.Popen([*command, "--raw", "--latency-msec=20"], stdout=out))
        return until(lambda: self.recording.stat().st_size > 0)

    def samples(self) -> npt.NDArray[np.float64]:
        """What was heard so far, left channel, -1 to 1."""
        data = self.recording.read_bytes()
        return np.frombuffer(data[: len(data) // 8 * 8], "<f4").reshape(-1, 2)[:, 0].astype(np.float64)

    def peak(self) -> float:
        return float(np.abs(self.samples()).max(initial=0.0))

    def stop(self) -> None:
        """End it as a crash would."""
        while self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait()
