"""What the engine says, and when: with libVLC and a device that does what the test wants. No thread of ours runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from audio import RATE_HZ, tone, track_of
from stages import CONFIG

from device.domain import Event, SoundBack, SoundLost, Track, TrackAt, TrackEnded, TrackStarted
from device.errors import SoundError
from device.music.audio.mixer import FloatFrames
from device.music.audio.outputs import UnheardOutput
from device.music.audio.sink import RETRY_S, Sink
from device.music.playback.engine import Engine
from device.music.playback.libvlc import LibVlc
from device.music.playback.seeking import Approach
from device.music.playback.stream import Stream
from device.music.playback.vlc_player import VlcPlayer

PATIENCE_S = 10.0


class Device(UnheardOutput):
    """Takes sound at once, unless it is `out`; always holds back `delay`."""

    def __init__(self) -> None:
        super().__init__()
        self.out = False
        self.delay = 0.0
        self.frames = 0

    def open(self) -> None:
        if self.out:
            raise SoundError("it was pulled out")

    def write(self, sound: FloatFrames) -> None:
        self.open()
        self.frames += len(sound)

    def delay_s(self) -> float:
        return self.delay


class Bench:
    """An engine whose steps the test calls."""

    def __init__(self, folder: Path) -> None:
        self.device = Device()
        self.events: list[Event] = []
        self.libvlc = LibVlc()
        self._woken = threading.Event()
        self._folder = folder
        self._skipped_s = 0.0
        sink = Sink(self.device, self.events.append)
        self.engine = Engine(CONFIG, self.libvlc, sink, self.events.append, self._woken.set)

    def track(self, seconds: float) -> Track:
        return track_of(tone(self._folder / f"{seconds}.wav", seconds), seconds)

    def wait_for_retry(self) -> None:
        """Time in which the device is not tried goes by."""
        self._skipped_s += RETRY_S

    def steps(self, until: Callable[[], bool]) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not until():
            assert time.monotonic() < end_s, self.events
            self.engine.step(time.monotonic() + self._skipped_s)
            self._woken.wait(0.005)
            self._woken.clear()

    def until(self, kind: type[Event], serial: int | None = None) -> Any:
        """Step until there is such an event; it and all before it are taken away."""
        found: list[Event] = []

        def look() -> bool:
            found[:] = [e for e in self.events if isinstance(e, kind) and serial in (None, getattr(e, "serial", None))]
            return bool(found)

        self.steps(look)
        del self.events[: self.events.index(found[0]) + 1]
        return found[0]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    if made.engine.close():
        made.libvlc.release()


def test_a_track_has_not_started_before_it_sounds(bench: Bench) -> None:
    bench.device.out = True
    bench.engine.play(1, bench.track(9.0), 0.0, 0.0)
    bench.until(SoundLost)
    for _ in range(3):
        bench.wait_for_retry()
        bench.engine.step(time.monotonic() + bench._skipped_s)
    assert bench.events == []
    bench.device.out = False
    bench.wait_for_retry()
    assert bench.until(SoundBack) == SoundBack()
    assert bench.until(TrackStarted).position.running


def test_a_track_whose_first_block_the_device_refuses_has_not_started(bench: Bench) -> None:
    bench.engine.play(1, bench.track(9.0), 0.0, 0.0)
    real = bench.device.write
    bench.device.write = lambda _sound: setattr(bench.device, "out", True) or bench.device.open()  # type: ignore
    bench.until(SoundLost)
    assert not [event for event in bench.events if isinstance(event, TrackStarted)]
    bench.device.write, bench.device.out = real, False  # type: ignore
    bench.wait_for_retry()
    bench.until(SoundBack)
    assert bench.until(TrackStarted).position.track_s < 1.0


def test_when_the_device_is_back_it_says_where_it_goes_on(bench: Bench) -> None:
    bench.engine.play(1, bench.track(30.0), 0.0, 12.0)
    bench.until(TrackStarted)
    bench.device.out = True
    bench.until(SoundLost)
    bench.events.clear()
    bench.device.out = False
    bench.wait_for_retry()
    bench.until(SoundBack)
    at = bench.until(TrackAt)
    assert at.position.running
    assert 11.9 < at.position.track_s < 14.5


def test_what_the_device_holds_back_is_not_heard_yet(bench: Bench) -> None:
    bench.device.delay = 0.5
    bench.engine.play(1, bench.track(30.0), 0.0, 0.0)
    before = time.monotonic()
    position = bench.until(TrackStarted).position
    assert position.track_s == 0.0
    assert position.at_mono - before >= 0.4  # the first frame is heard so much later
    bench.engine.seek(1, 20.0)
    position = bench.until(TrackAt).position
    assert 19.5 <= position.track_s <= 19.6


def test_at_a_change_of_songs_no_event_has_the_old_position(bench: Bench) -> None:
    bench.engine.play(1, bench.track(30.0), 0.0, 28.5)
    bench.until(TrackStarted, 1)
    bench.engine.cue(2, bench.track(9.0))
    bench.until(TrackEnded, 1)
    assert bench.until(TrackStarted, 2).position.track_s < 0.2
    bench.engine.play(3, bench.track(8.0), 0.3, 0.0)
    assert bench.until(TrackStarted, 3).position.track_s < 0.2
    assert not [event for event in bench.events if getattr(event, "serial", 3) != 3]


def test_after_a_seek_behind_the_end_the_cue_starts(bench: Bench) -> None:
    bench.engine.play(1, bench.track(9.0), 0.0, 0.0)
    bench.until(TrackStarted, 1)
    bench.engine.cue(2, bench.track(8.0))
    bench.engine.seek(1, 50.0)
    bench.until(TrackEnded, 1)
    assert bench.until(TrackStarted, 2).position.track_s < 0.2


def test_every_block_counts(bench: Bench) -> None:
    """The position is what was decoded and written, however fast the device takes it."""
    bench.engine.play(1, bench.track(30.0), 0.0, 10.0)
    bench.until(TrackStarted)
    at = bench.until(TrackAt)
    assert at.position.track_s - 10.0 <= bench.device.frames / RATE_HZ


# --- Nothing unexpected is swallowed ----------------------------------------------------------------------------


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `threading.excepthook` hears, by which the conductor ends the process."""
    died: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: died.append(str(args.exc_value)))
    return died


@pytest.mark.parametrize("way", [Approach(), Approach(drop_s=0.1)])
def test_a_fault_in_a_callback_of_libvlc_ends_the_process(bench: Bench, deaths: list[str], way: Approach) -> None:
    done = threading.Event()

    def take(_samples: bytes) -> bool:
        done.set()
        raise RuntimeError("a defect")

    stream = Stream(bench.libvlc, bench.track(2.0).uri, way, take, lambda: None)
    assert done.wait(PATIENCE_S)
    stream.close()
    assert deaths[0] == "a defect"


def test_a_fault_of_the_worker_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaths: list[str]) -> None:
    player = VlcPlayer(CONFIG, tmp_path, lambda _: None)
    assert player.alive

    def break_down(_engine: Engine, _now_s: float) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Engine, "step", break_down)
    player.set_volume(20)
    player._worker.join(PATIENCE_S)
    assert not player.alive
    assert deaths == ["a defect"]


def test_a_worker_that_hangs_is_not_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player, free, stuck = VlcPlayer(CONFIG, tmp_path, lambda _: None), threading.Event(), threading.Event()

    def hang(_engine: Engine, _now_s: float) -> None:
        stuck.set()
        free.wait()

    monkeypatch.setattr(Engine, "step", hang)
    player.set_volume(20)
    assert stuck.wait(PATIENCE_S)
    assert player.alive
    now = time.monotonic()
    monkeypatch.setattr("device.music.playback.vlc_player.time.monotonic", lambda: now + 30)
    assert not player.alive
    monkeypatch.undo()
    free.set()
    player.close()
