"""Two halves of one recording, one after the other: how many milliseconds are missing or too many at the seam, measured
on the samples that come out. `pytest -s` prints them."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import numpy.typing as npt
import pytest
from audio import RATE_HZ, samples, track_of
from stages import CONFIG, SoundServer, VlcStage, until

from device.domain import Track, TrackEnded, TrackEnding, TrackStarted

SECONDS, CUT = 3.0, RATE_HZ * 3 // 2 + 777
PROBE = 8192
CODECS = {"flac": "flac", "mp3": "libmp3lame", "opus": "libopus", "m4a": "aac"}
LOUD = replace(CONFIG, volume=100, max_volume=100, ramp_s=0.0)

Signal = npt.NDArray[np.float64]


def recording() -> Signal:
    """A tone in soft noise: the noise tells exactly where one is."""
    count = round(SECONDS * RATE_HZ)
    noise = np.convolve(np.random.default_rng(1).standard_normal(count), np.ones(12) / 12, "same")
    return 0.3 * noise + 0.4 * np.sin(2 * np.pi * 441.7 * np.arange(count) / RATE_HZ)


def write(path: Path, signal: Signal) -> Path:
    data = np.repeat(np.round(signal * 32767 * 0.6), 2).astype("<i2")
    if path.suffix == ".wav":
        with wave.open(str(path), "wb") as file:
            file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
            file.writeframes(data.tobytes())
        return path
    av = pytest.importorskip("av")
    rate_hz = 48000 if path.suffix == ".opus" else RATE_HZ
    with av.open(str(path), "w") as file:
        stream = file.add_stream(CODECS[path.suffix[1:]], rate=rate_hz, layout="stereo")
        if path.suffix != ".flac":
            stream.bit_rate = 256_000
        frame = av.AudioFrame.from_ndarray(data.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = RATE_HZ
        for resampled in av.AudioResampler(stream.format, "stereo", rate_hz).resample(frame):
            file.mux(stream.encode(resampled))
        file.mux(stream.encode(None))
    return path


def halves(folder: Path, kind: str) -> tuple[Track, Track]:
    signal = recording()
    first = write(folder / f"first.{kind}", signal[:CUT])
    second = write(folder / f"second.{kind}", signal[CUT:])
    return track_of(first, CUT / RATE_HZ), track_of(second, SECONDS - CUT / RATE_HZ)


def place_of(heard: Signal, at: int) -> int:
    """Where in `heard` the recording's sample number `at` is: the best place for the piece that begins with it."""
    piece = recording()[at : at + PROBE]
    size = 1 << (len(heard) + PROBE).bit_length()
    match = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(piece, size)))
    return int(np.argmax(match[: len(heard)]))


def seam_ms(heard: Signal) -> float:
    """Silence (or repetition) at the seam; negative: music is missing there."""
    before, after = CUT - 3 * PROBE, CUT + 3 * PROBE
    return (place_of(heard, after) - place_of(heard, before) - (after - before)) / RATE_HZ * 1000


def play_both(stage: VlcStage, first: Track, second: Track) -> None:
    stage.player.play(1, first)
    assert stage.wait(TrackEnding) == TrackEnding(1)
    stage.player.cue(2, second)
    assert [stage.next(), stage.next(), stage.next()] == [TrackEnded(1), TrackStarted(2, ANY), TrackEnded(2)]


@pytest.mark.parametrize(
    ("kind", "longest_ms"),
    [
        ("wav", 0.0),
        ("flac", 0.0),
        ("mp3", 0.0),
        ("m4a", 25.0),
        ("opus", 20.0),
    ],
)
def test_the_seam_in_a_file(tmp_path: Path, kind: str, longest_ms: float) -> None:
    """What libVLC 3 decodes completely is joined to the very sample; it leaves out a little of the other formats."""
    stage = VlcStage(replace(LOUD, output="file"), tmp_path)
    play_both(stage, *halves(tmp_path, kind))
    stage.player.close()
    heard = samples(tmp_path / "audio.wav")
    print(f"\nseam of {kind} in a file: {seam_ms(heard):+.2f} ms")
    assert abs(seam_ms(heard)) <= longest_ms


def test_no_click_and_no_step_at_the_seam(tmp_path: Path) -> None:
    """Lossless halves come out as the whole did, sample for sample."""
    stage = VlcStage(replace(LOUD, output="file"), tmp_path)
    play_both(stage, *halves(tmp_path, "wav"))
    stage.player.close()
    heard, whole = samples(tmp_path / "audio.wav"), np.round(recording() * 32767 * 0.6) / 32768
    begin = place_of(heard, CUT) - CUT
    assert np.abs(heard[begin : begin + len(whole)] - whole).max() <= 2 / 32768


def test_another_gain_glides_in(tmp_path: Path) -> None:
    """Two tracks of one album may state gains of their own: at the seam the level moves, and does not jump."""
    first, second = halves(tmp_path, "wav")
    stage = VlcStage(replace(LOUD, output="file"), tmp_path)
    play_both(stage, replace(first, gain_db=-3.0), replace(second, gain_db=-9.0))
    stage.player.close()
    heard, whole = samples(tmp_path / "audio.wav"), recording() * 0.6
    begin = place_of(heard, PROBE) - PROBE
    pieces = range(0, len(whole) - RATE_HZ // 10, RATE_HZ // 10)
    gains = np.array(
        [
            np.dot(heard[begin + n :][: RATE_HZ // 10], whole[n:][: RATE_HZ // 10])
            / np.dot(whole[n:][: RATE_HZ // 10], whole[n:][: RATE_HZ // 10])
            for n in pieces
        ]
    )
    levels_db = 20 * np.log10(gains)
    assert levels_db[0] == pytest.approx(-3, abs=0.1)
    assert levels_db[-1] == pytest.approx(-9, abs=0.1)
    assert np.abs(np.diff(levels_db)).max() < 1.0


# --- Through a sound server -------------------------------------------------------------------------------------


@pytest.fixture
def sound_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    if not (shutil.which("pulseaudio") and shutil.which("parec")):
        pytest.skip("pulseaudio is not installed")
    for name, value in {"PULSE_SERVER": "", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    server = SoundServer(tmp_path)
    try:
        if not server.start():
            pytest.skip("pulseaudio does not start here")
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize("kind", ["flac", "mp3"])
def test_the_seam_as_a_sound_server_hears_it(sound_server: SoundServer, tmp_path: Path, kind: str) -> None:
    stage = VlcStage(replace(LOUD, output="pulse"), tmp_path)
    play_both(stage, *halves(tmp_path, kind))
    assert until(lambda: len(tail := sound_server.samples()) > 0 and np.abs(tail[-RATE_HZ // 10 :]).max() < 1e-3)
    stage.player.close()
    print(f"\nseam of {kind} through PulseAudio: {seam_ms(sound_server.samples()):+.2f} ms")
    assert seam_ms(sound_server.samples()) == 0.0
