"""One contract for the fake player and for libVLC on each output that a machine without sound card has; and the proof,
on the samples that come out, that nothing is ever louder than the volume that was set."""

from __future__ import annotations

import os
import queue
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from audio import RATE_HZ, peak, samples, tone, track_of
from hypothesis import given
from hypothesis import strategies as st

from device.config import PlayerConfig
from device.domain import Event, Track, TrackEnded, TrackFailed, TrackStarted
from device.errors import PlayerError
from device.music import alsa, outputs
from device.music.deck import Deck
from device.music.fake_player import FakePlayer
from device.music.player import Player, Ramp, limited
from device.music.vlc_player import VlcPlayer
from device.music.wav_sink import WavSink, scaled

PATIENCE_S = 10.0
CONFIG = PlayerConfig(output="dummy", volume=50, max_volume=70, ramp_s=0.2)


class Stage(Protocol):
    """A player, the tracks it can play, and its events."""

    player: Player

    def track(self, seconds: float) -> Track: ...

    def broken(self) -> Track: ...

    def next(self, patience_s: float = PATIENCE_S) -> Event | None:
        """The next event, or None if there is none within this time."""


class FakeStage:
    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.player: Player
        self._fake = self.player = FakePlayer(self.events.put, max_volume=70, broken=["file:///broken"])

    def track(self, seconds: float) -> Track:
        return Track("good", "file:///good", "good", duration_s=seconds)

    def broken(self) -> Track:
        return Track("broken", "file:///broken", "broken", duration_s=1.0)

    def next(self, patience_s: float = PATIENCE_S) -> Event | None:
        for _ in range(round(patience_s / 0.05)):
            if not self.events.empty():
                break
            self._fake.advance(0.05)
        return None if self.events.empty() else self.events.get()


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
        try:
            return self.events.get(timeout=patience_s)
        except queue.Empty:
            return None


def alsa_file(path: Path) -> PlayerConfig:
    """ALSA's own file device: a real ALSA output, and a file with what reached it, on a machine without a card."""
    return replace(CONFIG, output="alsa", device=f"file:'{path}',wav")


@pytest.fixture(params=["fake", "dummy", "file", "alsa"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    made: Stage
    match request.param:
        case "fake":
            made = FakeStage()
        case "alsa":
            made = VlcStage(replace(CONFIG, output="alsa", device="null"), tmp_path)
        case output:
            made = VlcStage(replace(CONFIG, output=output), tmp_path)
    yield made
    made.player.close()


# --- The contract -----------------------------------------------------------------------------------------------


def test_a_track_starts_and_ends(stage: Stage) -> None:
    stage.player.play(7, stage.track(0.8))
    assert stage.next() == TrackStarted(7)
    assert stage.next() == TrackEnded(7)


def test_even_a_very_short_one(stage: Stage) -> None:
    stage.player.play(1, stage.track(0.1))
    assert stage.next() == TrackStarted(1)
    assert stage.next() == TrackEnded(1)


def test_a_broken_file_fails_and_the_next_one_plays(stage: Stage) -> None:
    stage.player.play(1, stage.broken())
    failed = stage.next()
    assert isinstance(failed, TrackFailed)
    assert failed.serial == 1
    assert "broken" in failed.problem
    stage.player.play(2, stage.track(0.6))
    assert stage.next() == TrackStarted(2)
    assert stage.next() == TrackEnded(2)


@pytest.mark.parametrize("fade_s", [0.0, 0.3])
def test_a_replaced_track_says_nothing_more(stage: Stage, fade_s: float) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1)
    stage.player.play(2, stage.track(0.6), fade_s)
    assert stage.next() == TrackStarted(2)
    assert stage.next() == TrackEnded(2)
    assert stage.next(0.3) is None


def test_a_track_that_ends_while_it_fades_out_makes_room_at_once(stage: Stage) -> None:
    stage.player.play(1, stage.track(0.8))
    assert stage.next() == TrackStarted(1)
    stage.player.play(2, stage.track(0.7), 5.0)
    assert stage.next(4.0) == TrackStarted(2)


def test_of_two_orders_in_a_row_the_later_counts(stage: Stage) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1)
    stage.player.play(2, stage.track(3.0), 0.3)
    stage.player.play(3, stage.track(0.6), 0.3)
    assert stage.next() == TrackStarted(3)


def test_pause_holds_and_resume_goes_on(stage: Stage) -> None:
    stage.player.play(1, stage.track(2.5))
    assert stage.next() == TrackStarted(1)
    stage.player.pause()
    assert stage.next(2.5) is None
    stage.player.resume()
    assert stage.next() == TrackEnded(1)


def test_a_pause_during_a_fade_keeps_the_next_track_waiting(stage: Stage) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1)
    stage.player.play(2, stage.track(0.6), 0.5)
    stage.player.pause()
    assert stage.next(1.0) is None
    stage.player.resume()
    assert stage.next() == TrackStarted(2)


def test_play_after_pause_plays(stage: Stage) -> None:
    stage.player.play(1, stage.track(2.0))
    assert stage.next() == TrackStarted(1)
    stage.player.pause()
    stage.player.play(2, stage.track(0.6), 0.3)
    assert stage.next() == TrackStarted(2)
    assert stage.next() == TrackEnded(2)


def test_silence_says_nothing(stage: Stage) -> None:
    stage.player.play(1, stage.track(0.9))
    assert stage.next() == TrackStarted(1)
    stage.player.silence(0.1)
    assert stage.next(1.5) is None


def test_orders_without_a_track_do_no_harm(stage: Stage) -> None:
    stage.player.pause()
    stage.player.resume()
    stage.player.silence(1.0)
    stage.player.set_volume(-5)
    stage.player.set_volume(1000)
    stage.player.play(1, stage.track(0.6))
    assert stage.next() == TrackStarted(1)


def test_close_is_quick_final_and_may_be_repeated(stage: Stage) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1)
    before_s = time.monotonic()
    stage.player.close()
    stage.player.close()
    assert time.monotonic() - before_s < 2.0
    stage.player.play(2, stage.track(0.6))
    assert stage.next(0.4) is None


def test_it_describes_itself(stage: Stage) -> None:
    assert len(stage.player.describe()) > 10


# --- Files that are not what they seem --------------------------------------------------------------------------


@pytest.fixture
def dummy(tmp_path: Path) -> Iterator[VlcStage]:
    made = VlcStage(CONFIG, tmp_path)
    yield made
    made.player.close()


@pytest.mark.parametrize("name", ["Ünïcödé 音楽 🎵.wav", "100% #1? a&b=c.wav", b"not utf-8 \xff\xfe.wav"])
def test_any_file_name_plays(dummy: VlcStage, name: str | bytes) -> None:
    path = Path(os.fsdecode(os.path.join(os.fsencode(dummy.folder), os.fsencode(name))))
    dummy.player.play(1, track_of(tone(path, 0.6)))
    assert dummy.next() == TrackStarted(1)


def test_a_mislabelled_file_plays_all_the_same(dummy: VlcStage) -> None:
    dummy.player.play(1, track_of(tone(dummy.folder / "really a wav.mp3", 0.6)))
    assert dummy.next() == TrackStarted(1)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.mp3", b"", "is empty"),
        ("noise.mp3", random.Random(1).randbytes(100_000), "holds no sound"),
        ("head only.wav", b"RIFF\x24\x10\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00", "holds no sound"),
        ("list.mp3", b"#EXTM3U\nhttp://127.0.0.1:9/song.mp3\n", "holds no sound"),
        ("gone.mp3", None, "no such file"),
    ],
)
def test_why_a_file_is_not_played(dummy: VlcStage, name: str, content: bytes | None, words: str) -> None:
    path = dummy.folder / name
    if content is not None:
        path.write_bytes(content)
    dummy.player.play(1, track_of(path))
    failed = dummy.next()
    assert isinstance(failed, TrackFailed)
    assert words in failed.problem
    assert name in failed.problem


def test_a_file_cut_in_the_middle_plays_as_far_as_it_goes(dummy: VlcStage) -> None:
    path = tone(dummy.folder / "cut.wav", 2.0)
    path.write_bytes(path.read_bytes()[:150_000])
    dummy.player.play(1, track_of(path, 2.0))
    assert dummy.next() == TrackStarted(1)
    assert dummy.next() == TrackEnded(1)


# --- Sound devices that do not work -----------------------------------------------------------------------------


def failure_of(config: PlayerConfig, folder: Path) -> str:
    stage = VlcStage(config, folder)
    try:
        stage.player.play(1, stage.track(30.0))
        failed = stage.next()
    finally:
        stage.player.close()
    assert isinstance(failed, TrackFailed)
    return failed.problem


def test_a_missing_alsa_device_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    problem = failure_of(replace(CONFIG, output="alsa", device="plughw:CARD=Nowhere"), tmp_path)
    assert "plughw:CARD=Nowhere" in problem
    assert "aplay -L" in problem
    assert capfd.readouterr().err == ""  # libasound would fill the journal


def test_a_missing_sound_server_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/nobody")
    assert "PulseAudio" in failure_of(replace(CONFIG, output="pulse"), tmp_path)


def test_a_driver_that_hangs_does_not_hang_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = VlcStage(CONFIG, tmp_path)
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1)
    free = threading.Event()
    real = Deck.close

    def hang(deck: Deck) -> None:
        free.wait()
        real(deck)

    monkeypatch.setattr(Deck, "close", hang)
    before_s = time.monotonic()
    stage.player.close()
    assert time.monotonic() - before_s < 2.0
    free.set()
    stage.player.close()


@pytest.mark.parametrize(
    ("source", "words"),
    [("raise ImportError('no module')", "pip install python-vlc"), ("raise OSError('libvlc.so.5')", "apt install")],
)
def test_without_libvlc_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    (tmp_path / "vlc.py").write_text(source)
    monkeypatch.delitem(sys.modules, "vlc", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PlayerError, match=words):
        VlcPlayer(CONFIG, tmp_path, lambda event: None)


def test_an_output_file_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "audio.wav").mkdir()
    with pytest.raises(PlayerError, match="cannot be written"):
        VlcPlayer(replace(CONFIG, output="file"), tmp_path, lambda event: None)


def test_a_disk_that_fills_up_ends_the_file_only() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(PlayerError, match=r"No space left"):
        WavSink(full)


@pytest.mark.parametrize(
    ("environment", "devices", "expected"),
    [
        ({"XDG_RUNTIME_DIR": "/nowhere"}, [], "nothing"),
        ({"XDG_RUNTIME_DIR": "/nowhere"}, ["controlC0", "pcmC0D0c"], "nothing"),
        ({"XDG_RUNTIME_DIR": "/nowhere"}, ["controlC0", "pcmC0D0p"], "alsa"),
        ({"PULSE_SERVER": "tcp:example.org"}, [], "pulse"),
        ({"PULSE_SERVER": "unix:/nowhere/native"}, ["pcmC1D0p"], "alsa"),
    ],
)
def test_what_auto_finds(tmp_path: Path, environment: dict[str, str], devices: list[str], expected: str) -> None:
    (tmp_path / "snd").mkdir()
    for name in devices:
        (tmp_path / "snd" / name).touch()
    assert outputs.present(environment, tmp_path) == expected


def test_auto_without_any_sound_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/nowhere")
    assert "neither a sound card nor a sound server" in outputs.choose(PlayerConfig(), tmp_path, tmp_path).words


def test_alsa_says_why_a_device_does_not_open() -> None:
    assert alsa.why_not("null") == ""
    assert alsa.why_not("plughw:CARD=Nowhere") != ""


# --- Never a burst: the proof on the samples --------------------------------------------------------------------


def level(percent: float) -> float:
    """The amplitude of a full-scale sample at this volume."""
    return (percent / 100) ** 3


def no_louder_than(percent: float) -> float:
    """The limit for a sample. libVLC resamples by a little to keep time, and scales 16 bits by 256ths on its way to
    ALSA, so that it may be half a step above."""
    return level(percent) * 1.01 + 0.5 / 256


@pytest.fixture(params=["file", "alsa"])
def capture(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[PlayerConfig, Path]:
    path = tmp_path / "audio.wav"
    return (replace(CONFIG, output="file"), path) if request.param == "file" else (alsa_file(path), path)


def test_full_volume_is_full_scale(capture: tuple[PlayerConfig, Path], tmp_path: Path) -> None:
    """The control: the capture would show a burst."""
    config, path = capture
    stage = VlcStage(replace(config, volume=100, max_volume=100, ramp_s=0.0), tmp_path)
    stage.player.play(1, stage.track(0.8))
    assert stage.next() == TrackStarted(1)
    assert stage.next() == TrackEnded(1)
    stage.player.close()
    assert peak(path) > 0.97


def test_nothing_is_louder_than_the_volume(capture: tuple[PlayerConfig, Path], tmp_path: Path) -> None:
    config, path = capture
    stage = VlcStage(replace(config, volume=30), tmp_path)
    player, song = stage.player, stage.track(2.5)

    def heard(serial: int, percent: int) -> None:
        """The track starts and comes up to `percent`, and nothing was ever louder."""
        assert stage.next() == TrackStarted(serial)
        assert reaches(path, level(percent))

    player.play(1, song)
    heard(1, 30)
    player.play(2, song)  # a cut
    heard(2, 30)
    player.play(3, song, 0.2)  # a fade
    heard(3, 30)
    player.pause()
    assert stage.next(0.6) is None
    player.resume()
    assert stage.next(0.6) is None
    assert peak(path) <= no_louder_than(30)  # until here: start, cut, fade, pause, resume
    player.set_volume(60)
    player.play(4, song)
    heard(4, 60)
    assert peak(path) <= no_louder_than(60)
    player.set_volume(100)
    player.play(5, song)
    heard(5, 70)
    player.set_volume(20)
    player.play(6, song)
    assert stage.next() == TrackStarted(6)
    player.close()
    assert peak(path) <= no_louder_than(70)  # max_volume


def reaches(path: Path, wanted: float, patience_s: float = 5.0) -> bool:
    end_s = time.monotonic() + patience_s
    waiting = threading.Event()
    while peak(path) < 0.95 * wanted:
        if time.monotonic() > end_s:
            return False
        waiting.wait(0.1)  # the file grows without telling
    return True


def test_it_starts_quietly_and_ramps(tmp_path: Path) -> None:
    stage = VlcStage(replace(CONFIG, output="file", volume=60, ramp_s=0.6), tmp_path)
    stage.player.play(1, stage.track(1.5))
    assert stage.next() == TrackStarted(1)
    assert stage.next() == TrackEnded(1)
    stage.player.close()
    left = np.abs(samples(tmp_path / "audio.wav"))
    tenth = RATE_HZ // 10
    loudness = [left[n : n + tenth].max() for n in range(0, 6 * tenth, tenth)]
    assert loudness[0] < level(25)
    assert loudness == sorted(loudness)
    assert left.max() == pytest.approx(level(60), rel=0.02)


def test_a_new_track_fades_in_only_after_the_old_one_faded_out(tmp_path: Path) -> None:
    stage = VlcStage(replace(CONFIG, output="file", volume=60, ramp_s=0.1), tmp_path)
    stage.player.play(1, stage.track(5.0))
    assert stage.next() == TrackStarted(1)
    assert reaches(tmp_path / "audio.wav", level(60))
    stage.player.play(2, stage.track(0.8), 0.6)
    assert stage.next() == TrackStarted(2)
    assert stage.next() == TrackEnded(2)
    stage.player.close()
    left = np.abs(samples(tmp_path / "audio.wav"))
    blocks = [left[n : n + 2205].max() for n in range(0, len(left) - 2205, 2205)]
    loud = [n for n, block in enumerate(blocks) if block > level(59)]
    quiet = [n for n, block in enumerate(blocks) if loud[0] < n < loud[-1] and block < level(20)]
    assert quiet, "the volume goes down between the two"
    assert any(level(25) < blocks[n] < level(50) for n in range(loud[0], quiet[0])), "and it goes gradually"


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_ordered_it_is_never_too_loud_and_still_obeys(tmp_path: Path, seed: int) -> None:
    stage, dice = VlcStage(replace(CONFIG, output="file", ramp_s=0.05), tmp_path), random.Random(seed)
    songs = [stage.track(0.1), stage.track(0.5), stage.track(2.0), stage.broken()]
    for serial in range(40):
        order = dice.choice(["play", "play", "pause", "resume", "silence", "volume"])
        match order:
            case "play":
                stage.player.play(serial, dice.choice(songs), dice.choice([0.0, 0.2]))
            case "pause":
                stage.player.pause()
            case "resume":
                stage.player.resume()
            case "silence":
                stage.player.silence(dice.choice([0.0, 0.2]))
            case "volume":
                stage.player.set_volume(dice.randrange(-10, 120))
        stage.next(dice.random() * 0.15)
    stage.player.play(99, songs[1])
    while (event := stage.next()) != TrackStarted(99):
        assert event is not None
    stage.player.close()
    assert peak(tmp_path / "audio.wav") <= level(70)


# --- A real sound server, where there is one to start -----------------------------------------------------------


class SoundServer:
    """A private PulseAudio without a card, whose monitor is recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recording = folder / "monitor.raw"
        socket = folder / "sock"
        os.environ["PULSE_SERVER"] = f"unix:{socket}"
        self._server = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes",
             "-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1",
             "-L", "module-null-sink sink_name=nowhere rate=44100"],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._recorder: subprocess.Popen[bytes] | None = None

    def ready(self) -> bool:
        end_s = time.monotonic() + 10
        pause = threading.Event()
        while not outputs.pulse_answers(os.environ):
            if time.monotonic() > end_s or self._server.poll() is not None:
                return False
            pause.wait(0.05)
        command = ["parec", "--device=nowhere.monitor", "--format=s16le", f"--rate={RATE_HZ}", "--channels=2", "--raw"]
        with self.recording.open("wb") as out:
            self._recorder = subprocess.Popen([*command, "--latency-msec=20"], stdout=out)
        return True

    def peak(self) -> float:
        data = self.recording.read_bytes()
        values = np.frombuffer(data[: len(data) // 4 * 4], "<i2").astype(float) / 32768
        return float(np.abs(values).max(initial=0.0))

    def stop(self) -> None:
        for process in (self._recorder, self._server):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def sound_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    if not (shutil.which("pulseaudio") and shutil.which("parec")):
        pytest.skip("pulseaudio is not installed")
    monkeypatch.setenv("PULSE_SERVER", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    server = SoundServer(tmp_path)
    try:
        if not server.ready():
            pytest.skip("pulseaudio does not start here")
        yield server
    finally:
        server.stop()


def until(condition: Callable[[], bool], patience_s: float = 5.0) -> bool:
    end_s = time.monotonic() + patience_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > end_s:
            return False
        pause.wait(0.1)
    return True


def test_a_sound_server_gets_no_burst_and_its_end_is_noticed(sound_server: SoundServer, tmp_path: Path) -> None:
    stage = VlcStage(replace(CONFIG, output="pulse", volume=40), tmp_path)
    player, song = stage.player, stage.track(20.0)
    for serial, fade_s in ((1, 0.0), (2, 0.0), (3, 0.2)):
        player.play(serial, song, fade_s)
        assert stage.next() == TrackStarted(serial)
    assert until(lambda: sound_server.peak() > 0.95 * level(40))
    player.pause()
    assert stage.next(0.5) is None
    player.resume()
    assert stage.next(0.5) is None
    assert sound_server.peak() <= no_louder_than(40)
    player.set_volume(100)
    assert until(lambda: sound_server.peak() > 0.95 * level(70))
    assert stage.next(0.5) is None
    assert sound_server.peak() <= no_louder_than(70)
    sound_server.stop()
    failed = stage.next()
    assert isinstance(failed, TrackFailed)
    assert "PulseAudio" in failed.problem
    player.close()


# --- Pure parts -------------------------------------------------------------------------------------------------

percents = st.floats(0, 100)


@given(percents, percents, st.floats(0, 1e6), st.floats(0, 30), st.floats(-10, 60))
def test_a_ramp_stays_between_its_ends(start: float, end: float, begin_s: float, length_s: float, at_s: float) -> None:
    ramp = Ramp(start, end, begin_s, length_s)
    low, high = sorted((start, end))
    assert low - 1e-9 <= ramp.at(begin_s + at_s) <= high + 1e-9
    assert ramp.at(begin_s + length_s) == end
    assert ramp.over(begin_s + length_s)


@given(st.integers(-1000, 1000), st.integers(0, 100))
def test_the_limit_holds_whatever_is_asked(percent: int, max_volume: int) -> None:
    assert 0 <= limited(percent, max_volume) <= max_volume


@given(st.binary(min_size=4, max_size=400).map(lambda b: b[: len(b) // 4 * 4]), st.floats(0, 1), st.floats(0, 1))
def test_scaling_never_passes_the_louder_end(block: bytes, begin: float, end: float) -> None:
    before = np.frombuffer(block, "<i2").astype(float)
    after = np.frombuffer(scaled(block, begin, end), "<i2").astype(float)
    assert len(after) == len(before)
    assert (np.abs(after) <= np.abs(before) * max(begin, end) + 1e-9).all()
