"""One contract for the fake player and for libVLC on each output that a machine without sound card has."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import pytest
from audio import tone, track_of
from stages import CONFIG, FakeStage, Stage, VlcStage

from device.config.schema import PlayerConfig
from device.domain import SoundLost, SpeechEnded, TrackAt, TrackEnded, TrackEnding, TrackFailed, TrackStarted
from device.errors import PlayerError
from device.music.audio import alsa, outputs
from device.music.audio.wav_file import WavFile
from device.music.playback.decoder import Decoder
from device.music.playback.player import REPORT_S
from device.music.playback.vlc_player import VlcPlayer

NEAR_S = 0.5


def place(event: TrackStarted | TrackAt) -> float:
    return event.position.track_s


@pytest.fixture(
    params=["fake", "dummy", pytest.param("file", marks=pytest.mark.slow), pytest.param("alsa", marks=pytest.mark.slow)]
)
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
    assert stage.next() == TrackStarted(7, ANY)
    assert stage.next() == TrackEnded(7)


def test_even_a_very_short_one(stage: Stage) -> None:
    stage.player.play(1, stage.track(0.1))
    assert stage.next() == TrackStarted(1, ANY)
    assert stage.next() == TrackEnded(1)


def test_a_broken_file_fails_and_the_next_one_plays(stage: Stage) -> None:
    stage.player.play(1, stage.broken())
    failed = stage.next()
    assert isinstance(failed, TrackFailed)
    assert failed.serial == 1
    assert "broken" in failed.problem
    stage.player.play(2, stage.track(0.6))
    assert stage.next() == TrackStarted(2, ANY)
    assert stage.next() == TrackEnded(2)


@pytest.mark.parametrize("fade_s", [0.0, 0.3])
def test_a_replaced_track_says_nothing_more(stage: Stage, fade_s: float) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.play(2, stage.track(0.6), fade_s)
    assert stage.next() == TrackStarted(2, ANY)
    assert stage.next() == TrackEnded(2)
    assert stage.next(0.3) is None


def test_a_track_that_ends_while_it_fades_out_makes_room_at_once(stage: Stage) -> None:
    stage.player.play(1, stage.track(0.8))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.play(2, stage.track(0.7), 5.0)
    assert stage.next(4.0) == TrackStarted(2, ANY)


def test_of_two_calls_in_a_row_the_later_counts(stage: Stage) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.play(2, stage.track(3.0), 0.3)
    stage.player.play(3, stage.track(0.6), 0.3)
    assert stage.next() == TrackStarted(3, ANY)


def test_pause_holds_and_resume_goes_on(stage: Stage) -> None:
    stage.player.play(1, stage.track(1.2))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.pause()
    assert stage.next(1.5) is None
    stage.player.resume()
    assert stage.next() == TrackEnded(1)


def test_a_pause_during_a_fade_keeps_the_next_track_waiting(stage: Stage) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.play(2, stage.track(0.6), 0.5)
    stage.player.pause()
    assert stage.next(1.0) is None
    stage.player.resume()
    assert stage.next() == TrackStarted(2, ANY)


def test_play_after_pause_plays(stage: Stage) -> None:
    stage.player.play(1, stage.track(2.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.pause()
    stage.player.play(2, stage.track(0.6), 0.3)
    assert stage.next() == TrackStarted(2, ANY)
    assert stage.next() == TrackEnded(2)


def test_silence_says_nothing(stage: Stage) -> None:
    stage.player.play(1, stage.track(0.9))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.silence(0.1)
    assert stage.next(1.5) is None


def test_calls_without_a_track_do_no_harm(stage: Stage) -> None:
    stage.player.pause()
    stage.player.resume()
    stage.player.silence(1.0)
    stage.player.set_volume(-5)
    stage.player.set_volume(1000)
    stage.player.play(1, stage.track(0.6))
    assert stage.next() == TrackStarted(1, ANY)


def test_close_is_quick_final_and_may_be_repeated(stage: Stage) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1, ANY)
    before_s = time.monotonic()
    stage.player.close()
    stage.player.close()
    assert time.monotonic() - before_s < 2.0
    stage.player.play(2, stage.track(0.6))
    assert stage.next(0.4) is None


def test_it_describes_itself(stage: Stage) -> None:
    assert len(stage.player.describe()) > 10


# --- Announcements ------------------------------------------------------------------------------------------------


def test_an_announcement_is_spoken_while_the_track_plays_on(stage: Stage) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.speak(2, stage.track(0.5), 40)
    assert stage.next() == SpeechEnded(2)
    assert stage.next() == TrackEnded(1)


def test_an_announcement_needs_no_track_and_no_end_of_a_pause(stage: Stage) -> None:
    stage.player.speak(1, stage.track(0.4), 40)
    assert stage.next() == SpeechEnded(1)
    stage.player.play(2, stage.track(3.0))
    assert stage.next() == TrackStarted(2, ANY)
    stage.player.pause()
    stage.player.speak(3, stage.track(0.4), 40)
    assert stage.next() == SpeechEnded(3)
    assert stage.next(0.3) is None


def test_a_broken_announcement_ends_with_a_reason(stage: Stage) -> None:
    stage.player.speak(1, stage.broken(), 40)
    ended = stage.next()
    assert isinstance(ended, SpeechEnded)
    assert "broken" in ended.problem
    stage.player.speak(2, stage.track(0.4), 40)
    assert stage.next() == SpeechEnded(2)


def test_a_replaced_or_stopped_announcement_says_nothing_more(stage: Stage) -> None:
    stage.player.speak(1, stage.track(3.0), 40)
    stage.player.speak(2, stage.track(0.4), 40)
    assert stage.next() == SpeechEnded(2)
    stage.player.speak(3, stage.track(0.6), 40)
    stage.player.hush()
    stage.player.hush()
    assert stage.next(1.2) is None


# --- What comes next, where it is, and going elsewhere -----------------------------------------------------------


def test_it_says_that_it_is_ending_and_what_is_cued_follows(stage: Stage) -> None:
    stage.player.play(1, stage.track(1.2))
    assert stage.wait(TrackStarted, TrackEnding) == TrackStarted(1, ANY)
    assert stage.wait(TrackEnding) == TrackEnding(1)
    stage.player.cue(2, stage.track(0.6))
    assert [stage.next(), stage.next(), stage.next()] == [TrackEnded(1), TrackStarted(2, ANY), TrackEnded(2)]


def test_a_long_track_is_not_ending_yet(stage: Stage) -> None:
    stage.player.play(1, stage.track(30.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.seek(1, 5.0)
    assert place(stage.wait(TrackEnding, TrackAt)) == pytest.approx(5.0, abs=NEAR_S)
    stage.player.seek(1, 21.0)
    assert stage.wait(TrackEnding) == TrackEnding(1)


def test_of_two_cues_the_later_counts(stage: Stage) -> None:
    stage.player.play(1, stage.track(1.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.cue(2, stage.track(0.7))
    stage.player.cue(3, stage.track(0.6))
    assert [stage.next(), stage.next(), stage.next()] == [TrackEnded(1), TrackStarted(3, ANY), TrackEnded(3)]


def test_a_cue_when_nothing_plays_plays(stage: Stage) -> None:
    stage.player.cue(1, stage.track(0.6))
    assert [stage.next(), stage.next()] == [TrackStarted(1, ANY), TrackEnded(1)]


@pytest.mark.parametrize("fade_s", [0.0, 0.2])
def test_another_track_drops_the_cue(stage: Stage, fade_s: float) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.cue(2, stage.track(3.0))
    stage.player.play(3, stage.track(0.6), fade_s)
    assert [stage.next(), stage.next()] == [TrackStarted(3, ANY), TrackEnded(3)]
    assert stage.next(0.3) is None


def test_silence_drops_the_cue(stage: Stage) -> None:
    stage.player.play(1, stage.track(0.8))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.cue(2, stage.track(0.6))
    stage.player.silence(0.1)
    assert stage.next(1.2) is None


def test_a_broken_cue_fails_at_once_and_the_track_plays_on(stage: Stage) -> None:
    stage.player.play(1, stage.track(1.5))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.cue(2, stage.broken())
    failed = stage.next()
    assert isinstance(failed, TrackFailed)
    assert failed.serial == 2
    stage.player.cue(3, stage.track(0.6))
    assert [stage.next(), stage.next()] == [TrackEnded(1), TrackStarted(3, ANY)]


def test_a_pause_keeps_the_cue(stage: Stage) -> None:
    stage.player.play(1, stage.track(0.8))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.cue(2, stage.track(0.6))
    stage.player.pause()
    assert stage.next(1.0) is None
    stage.player.resume()
    assert [stage.next(), stage.next()] == [TrackEnded(1), TrackStarted(2, ANY)]


def test_a_start_in_the_middle_is_over_sooner(stage: Stage) -> None:
    stage.player.play(1, stage.track(20.0), start_s=19.2)
    assert [stage.next(), stage.next(3.0)] == [TrackStarted(1, ANY), TrackEnded(1)]


def test_a_start_behind_the_end_is_the_end(stage: Stage) -> None:
    stage.player.play(1, stage.track(1.0), start_s=5.0)
    assert stage.next() == TrackEnded(1)


def test_it_says_where_it_is_when_it_is_held(stage: Stage) -> None:
    stage.player.play(1, stage.track(20.0), start_s=7.0)
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.pause()
    at = stage.wait(TrackAt)
    assert 6.7 <= place(at) < 8.5
    assert not at.position.running
    stage.player.resume()
    at = stage.wait(TrackAt)
    assert 6.7 <= place(at) < 8.7
    assert at.position.running


def test_it_says_where_it_is_every_few_seconds(stage: Stage) -> None:
    stage.player.play(1, stage.track(20.0))
    at = stage.wait(TrackAt)
    assert REPORT_S - 0.5 <= place(at) < REPORT_S + 1.5
    assert at.position.running


def test_seeking_goes_there(stage: Stage) -> None:
    stage.player.play(1, stage.track(20.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.seek(1, 19.3)
    assert place(stage.wait(TrackAt)) == pytest.approx(19.3, abs=NEAR_S)
    assert stage.next(3.0) == TrackEnded(1)  # and it did not start anew
    assert stage.next(0.3) is None


def test_seeking_behind_the_end_is_the_end(stage: Stage) -> None:
    """The file may be shorter than somebody guessed; it is no worse for that."""
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.cue(2, stage.track(0.6))
    stage.player.seek(1, 300.0)
    assert [stage.next(), stage.next()] == [TrackEnded(1), TrackStarted(2, ANY)]


def test_seeking_while_paused_waits(stage: Stage) -> None:
    stage.player.play(1, stage.track(20.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.pause()
    assert not stage.wait(TrackAt).position.running
    stage.player.seek(1, 19.3)
    at = stage.wait(TrackAt)
    assert place(at) == pytest.approx(19.3, abs=NEAR_S)
    assert not at.position.running
    assert stage.next(1.0) is None
    stage.player.resume()
    assert stage.next(3.0) == TrackEnded(1)


def test_a_track_that_is_taken_up_paused_says_where_it_will_begin(stage: Stage) -> None:
    stage.player.play(1, stage.track(3.0))
    assert stage.next() == TrackStarted(1, ANY)
    stage.player.play(2, stage.track(20.0), 0.5, start_s=19.3)
    stage.player.pause()
    at = stage.wait(TrackAt)
    assert (at.serial, at.position.running) == (2, False)
    assert place(at) == pytest.approx(19.3, abs=NEAR_S)
    stage.player.resume()
    assert place(stage.wait(TrackStarted)) == pytest.approx(19.3, abs=NEAR_S)
    assert stage.next(3.0) == TrackEnded(2)


def test_seeking_in_a_track_that_is_gone_does_nothing(stage: Stage) -> None:
    stage.player.seek(1, 3.0)
    stage.player.play(2, stage.track(0.8))
    assert stage.next() == TrackStarted(2, ANY)
    stage.player.seek(1, 0.0)
    assert stage.next(2.0) == TrackEnded(2)


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
    assert dummy.next() == TrackStarted(1, ANY)


def test_a_mislabelled_file_plays_all_the_same(dummy: VlcStage) -> None:
    dummy.player.play(1, track_of(tone(dummy.folder / "really a wav.mp3", 0.6)))
    assert dummy.next() == TrackStarted(1, ANY)


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
    assert dummy.next() == TrackStarted(1, ANY)
    assert dummy.next() == TrackEnded(1)


def test_a_file_that_is_gone_before_its_end_failed(dummy: VlcStage) -> None:
    """Its disk was pulled out: libVLC takes that for the end."""
    path = tone(dummy.folder / "cut.wav", 20.0)
    path.write_bytes(path.read_bytes()[:400_000])
    dummy.player.play(1, track_of(path, 20.0))
    assert dummy.next() == TrackStarted(1, ANY)
    path.unlink()
    failed = dummy.next()
    assert isinstance(failed, TrackFailed)
    assert "stopped, because its disk" in failed.problem


# --- Sound devices that do not work -----------------------------------------------------------------------------


def failure_of(config: PlayerConfig, folder: Path) -> str:
    stage = VlcStage(config, folder)
    try:
        stage.player.play(1, stage.track(30.0))
        lost = stage.next()
        assert isinstance(lost, SoundLost)
        assert stage.next(1.5) is None  # said once, while it goes on trying
    finally:
        stage.player.close()
    return lost.problem


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
    assert stage.next() == TrackStarted(1, ANY)
    free = threading.Event()
    real = Decoder.close

    def hang(decoder: Decoder) -> None:
        free.wait()
        real(decoder)

    monkeypatch.setattr(Decoder, "close", hang)
    before_s = time.monotonic()
    stage.player.close()
    assert time.monotonic() - before_s < 2.0
    free.set()
    stage.player.close()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise ImportError('no module')", "pip install python-vlc"),
        ("raise OSError('libvlc.so.5')", "apt install"),
        ("raise NotImplementedError('Cannot find libvlc lib')", "apt install libvlc5"),
        ("def Instance(_options): raise NameError('no function libvlc_new')", "apt install --reinstall libvlc5"),
    ],
)
def test_without_libvlc_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    (tmp_path / "vlc.py").write_text(source)
    monkeypatch.setitem(sys.modules, "vlc", sys)  # whatever was there comes back, even if that was nothing
    del sys.modules["vlc"]
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
        WavFile(full)


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
