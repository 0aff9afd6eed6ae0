"""Never a burst: the proof, on the samples that come out, that nothing is ever louder than the volume that was set."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest
from audio import RATE_HZ, peak, samples, tone, track_of
from stages import CONFIG, SoundServer, VlcStage, alsa_file, level, reaches, until

from device.config.schema import PlayerConfig
from device.domain import SoundBack, SoundLost, TrackAt, TrackEnded, TrackStarted
from device.music.audio.alsa import why_not
from device.music.audio.outputs import FileOutput


def no_louder_than(percent: float) -> float:
    """The limit for a sample: half a step of 16 bits of tolerance for who converts from ours."""
    return level(percent) + 0.5 / 32768


@pytest.fixture(params=["file", "alsa"])
def capture(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[PlayerConfig, Path]:
    path = tmp_path / "audio.wav"
    return (replace(CONFIG, output="file"), path) if request.param == "file" else (alsa_file(path), path)


def test_full_volume_is_full_scale(capture: tuple[PlayerConfig, Path], tmp_path: Path) -> None:
    """The control: the capture would show a burst."""
    config, path = capture
    stage = VlcStage(replace(config, volume=100, max_volume=100, ramp_s=0.0), tmp_path)
    stage.player.play(1, stage.track(0.8))
    assert stage.next() == TrackStarted(1, ANY)
    assert stage.next() == TrackEnded(1)
    stage.player.close()
    assert peak(path) > 0.97


def test_nothing_is_louder_than_the_volume(capture: tuple[PlayerConfig, Path], tmp_path: Path) -> None:
    config, path = capture
    stage = VlcStage(replace(config, volume=30), tmp_path)
    player, song = stage.player, stage.track(2.5)

    def heard(serial: int, percent: int) -> None:
        """The track starts and comes up to `percent`, and nothing was ever louder."""
        assert stage.next() == TrackStarted(serial, ANY)
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
    assert stage.next() == TrackStarted(6, ANY)
    player.close()
    assert peak(path) <= no_louder_than(70)  # max_volume


def test_a_group_gets_full_scale_and_the_own_device_only_its_volume(tmp_path: Path) -> None:
    """The members of a group have volumes of their own. Nothing of the full scale reaches the own device."""
    stage = VlcStage(replace(CONFIG, output="file", volume=30), tmp_path)
    player, own, group = stage.player, tmp_path / "audio.wav", tmp_path / "group.wav"
    player.play(1, stage.track(8.0))
    assert reaches(own, level(30))
    player.feed(FileOutput(group))
    assert reaches(group, 0.97)
    player.set_volume(20)
    player.feed(None)
    before = len(samples(own))
    assert until(lambda: len(samples(own)) > before + 2 * RATE_HZ)
    player.close()
    assert peak(own) <= no_louder_than(30)
    assert np.abs(samples(own)[before:]).max() <= no_louder_than(20)
    assert np.abs(samples(own)[before:]).max() > 0.9 * level(20)


def test_a_low_volume_is_quiet_and_not_silent(capture: tuple[PlayerConfig, Path], tmp_path: Path) -> None:
    config, path = capture
    stage = VlcStage(replace(config, volume=4), tmp_path)
    stage.player.play(1, stage.track(0.8))
    assert stage.next() == TrackStarted(1, ANY)
    assert stage.next() == TrackEnded(1)
    stage.player.close()
    # two steps of 16 bits; at 3 % there would be less than one
    assert 0 < peak(path) <= no_louder_than(4)


def test_it_starts_quietly_and_ramps(tmp_path: Path) -> None:
    stage = VlcStage(replace(CONFIG, output="file", volume=60, ramp_s=0.6), tmp_path)
    stage.player.play(1, stage.track(1.5))
    assert stage.next() == TrackStarted(1, ANY)
    assert stage.next() == TrackEnded(1)
    stage.player.close()
    left = np.abs(samples(tmp_path / "audio.wav"))
    tenth = RATE_HZ // 10
    loudness = [left[n : n + tenth].max() for n in range(0, 6 * tenth, tenth)]
    assert loudness[0] < level(25)
    assert loudness == sorted(loudness)
    assert left.max() == pytest.approx(level(60), rel=0.02)


def test_a_fade_crosses_over_without_a_hole_and_without_a_peak(tmp_path: Path) -> None:
    stage = VlcStage(replace(CONFIG, output="file", volume=60, ramp_s=0.1), tmp_path)
    path = tmp_path / "audio.wav"
    stage.player.play(1, stage.track(9.0))
    assert stage.next() == TrackStarted(1, ANY)
    assert reaches(path, level(60))
    stage.player.play(2, track_of(tone(tmp_path / "other.wav", 2.0, hz=700.0), 2.0), 0.8)
    assert stage.next() == TrackStarted(2, ANY)
    assert stage.next() == TrackEnded(2)
    stage.player.close()
    left = np.abs(samples(path))
    blocks = np.array([left[n : n + 2205].max() for n in range(0, len(left) - 2205, 2205)])
    loud = np.flatnonzero(blocks > 0.97 * level(60))
    assert blocks[loud[0] : loud[-1]].min() > 0.45 * level(60)
    assert blocks.max() <= level(60)


@pytest.mark.slow
def test_a_long_fade_is_heard_to_its_end(tmp_path: Path) -> None:
    """What fades out is decoded on, although libVLC rests whenever it is some seconds ahead."""
    stage = VlcStage(replace(CONFIG, output="file", volume=60, ramp_s=0.0), tmp_path)
    path = tmp_path / "audio.wav"
    silence = tone(tmp_path / "silence.wav", 30.0, loudness=0.0)
    stage.player.play(1, stage.track(60.0), start_s=20.0)
    assert stage.next() == TrackStarted(1, ANY)
    assert reaches(path, level(60))
    assert stage.next(3.0) is None
    stage.player.play(2, track_of(silence, 30.0), 6.0)
    assert until(lambda: len(left := samples(path)) > 0 and peak(path) > 0 and not left[-RATE_HZ // 10 :].any(), 12.0)
    stage.player.close()
    left = np.abs(samples(path))
    blocks = np.array([left[n : n + 2205].max() for n in range(0, len(left) - 2205, 2205)])
    falling = blocks[np.flatnonzero(blocks > 0.97 * level(60))[-1] : np.flatnonzero(blocks > 0.01 * level(60))[-1]]
    assert len(falling) * 0.05 > 5.0
    assert (np.diff(falling) < 0.03 * level(60)).all()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_whatever_is_called_it_is_never_too_loud_and_still_obeys(tmp_path: Path, seed: int) -> None:
    stage, dice = VlcStage(replace(CONFIG, output="file", ramp_s=0.05), tmp_path), random.Random(seed)
    songs = [stage.track(0.1), stage.track(0.5), stage.track(2.0), stage.broken()]
    for serial in range(40):
        call = dice.choice(["play", "play", "cue", "seek", "pause", "resume", "silence", "volume"])
        match call:
            case "play":
                stage.player.play(
                    serial, replace(dice.choice(songs), gain_db=dice.uniform(-12, 12)), dice.choice([0.0, 0.2])
                )
            case "cue":
                stage.player.cue(serial, replace(dice.choice(songs), gain_db=dice.uniform(-12, 12)))
            case "seek":
                stage.player.seek(serial - dice.randrange(3), dice.random() * 2)
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
    while (event := stage.next()) != TrackStarted(99, ANY):
        assert event is not None
    stage.player.close()
    assert peak(tmp_path / "audio.wav") <= level(70)


# --- A real sound server, where there is one to start -----------------------------------------------------------


@pytest.fixture
def sound_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    if not (shutil.which("pulseaudio") and shutil.which("parec")):
        pytest.skip("pulseaudio is not installed")
    monkeypatch.setenv("PULSE_SERVER", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    server = SoundServer(tmp_path)
    try:
        if not server.start():
            pytest.skip("pulseaudio does not start here")
        yield server
    finally:
        server.stop()


def test_a_sound_server_gets_no_burst(sound_server: SoundServer, tmp_path: Path) -> None:
    stage = VlcStage(replace(CONFIG, output="pulse", volume=40), tmp_path)
    player, song = stage.player, stage.track(20.0)
    for serial, fade_s in ((1, 0.0), (2, 0.0), (3, 0.2)):
        player.play(serial, song, fade_s)
        assert stage.next() == TrackStarted(serial, ANY)
    assert until(lambda: sound_server.peak() > 0.95 * level(40))
    player.pause()
    assert stage.next(0.5) is None
    player.resume()
    player.seek(3, 18.5)
    player.cue(4, replace(song, gain_db=9.0))
    assert stage.next() == TrackEnded(3)
    assert stage.next() == TrackStarted(4, ANY)
    assert stage.next(0.5) is None
    assert sound_server.peak() <= no_louder_than(40)
    player.set_volume(100)
    assert until(lambda: sound_server.peak() > 0.95 * level(70))
    assert stage.next(0.5) is None
    assert sound_server.peak() <= no_louder_than(70)
    player.close()


@pytest.mark.parametrize("through", ["pulse", "alsa"])
def test_pulled_out_and_back_it_goes_on_where_it_was(sound_server: SoundServer, tmp_path: Path, through: str) -> None:
    """The server's end is what a USB sound card's is: an error from a device that was open."""
    if through == "alsa" and why_not("pulse"):
        pytest.skip("ALSA has no way to PulseAudio here (libasound2-plugins)")
    device = "pulse" if through == "alsa" else ""
    stage = VlcStage(replace(CONFIG, output=through, device=device, volume=40), tmp_path)
    stage.player.play(1, stage.track(60.0), start_s=30.0)
    assert stage.next() == TrackStarted(1, ANY)
    assert until(lambda: sound_server.peak() > 0.95 * level(40))
    sound_server.stop()
    assert isinstance(stage.next(), SoundLost)
    assert stage.next(1.5) is None
    before = len(sound_server.samples())
    assert sound_server.start()
    assert stage.next() == SoundBack()
    assert until(lambda: float(np.abs(sound_server.samples()[before:]).max(initial=0.0)) > 0.95 * level(40))
    assert sound_server.peak() <= no_louder_than(40)
    stage.player.pause()
    at = stage.wait(TrackAt)
    while not stage.events.empty():
        at = stage.wait(TrackAt)
    assert isinstance(at, TrackAt)
    assert 30.0 < at.position.track_s < 36.0  # it held while there was no device
    stage.player.close()


def test_what_was_called_without_a_device_counts_when_it_is_back(sound_server: SoundServer, tmp_path: Path) -> None:
    stage = VlcStage(replace(CONFIG, output="pulse", volume=40), tmp_path)
    sound_server.stop()
    stage.player.play(1, stage.track(60.0))
    assert isinstance(stage.next(), SoundLost)
    stage.player.set_volume(20)
    stage.player.play(2, stage.track(30.0), 0.5)
    assert sound_server.start()
    assert stage.next() == SoundBack()
    assert stage.next() == TrackStarted(2, ANY)
    assert until(lambda: sound_server.peak() > 0.95 * level(20))
    assert sound_server.peak() <= no_louder_than(20)
    stage.player.close()
