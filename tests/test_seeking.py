"""A seek, and a resume after a power cut, land where they say, in every format: a chirp's pitch shows the place."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from audio import samples, track_of
from chirps import NAMES, RATE_HZ, SECONDS, place_of, write
from hypothesis import given, settings
from hypothesis import strategies as st

from device.music.playback.decoder import FULL_S, Decoder
from device.music.playback.libvlc import LibVlc
from device.music.playback.seeking import LONGEST_S, Approach, approach

NEAR_S = 0.5  # what the README promises
PLACES_S = (0.0, 13.25, 36.9)
LISTEN_S = 0.3
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def libvlc() -> Iterator[LibVlc]:
    made = LibVlc()
    yield made
    made.release()


def open_at(libvlc: LibVlc, path: Path, start_s: float, seconds: float = SECONDS) -> Decoder:
    """A decoder that is ready to be read, or has nothing to give."""
    news = threading.Event()
    decoder = Decoder(libvlc, 1, track_of(path, seconds), start_s, 0.0, time.monotonic(), news.set)
    end_s = time.monotonic() + PATIENCE_S
    while not decoder.ready and not decoder.beyond and time.monotonic() < end_s:
        assert decoder.tend(time.monotonic(), True) == ""
        news.wait(0.02)
    return decoder


def landing(libvlc: LibVlc, path: Path, start_s: float) -> tuple[float, float]:
    """Where the decoder says that its sound begins, and where it does."""
    decoder = open_at(libvlc, path, start_s)
    try:
        assert decoder.ready
        if start_s == 0:  # Opus and Vorbis fade in
            decoder.read(RATE_HZ // 20)
        said_s = decoder.track_s
        return said_s, place_of(decoder.read(round(LISTEN_S * RATE_HZ))[:, 0])
    finally:
        decoder.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chirps")


@pytest.mark.parametrize("name", NAMES)
def test_it_sounds_where_it_says(libvlc: LibVlc, folder: Path, name: str) -> None:
    path = write(folder / name, name)
    for start_s in PLACES_S:
        said_s, true_s = landing(libvlc, path, start_s)
        print(f"{name} from {start_s}: says {said_s:.2f}, sounds at {true_s:.2f}")
        assert said_s == pytest.approx(start_s, abs=0.06)
        assert true_s == pytest.approx(said_s, abs=NEAR_S), start_s
    decoder = open_at(libvlc, path, SECONDS + 3)
    assert decoder.beyond
    assert not decoder.ready
    decoder.close()
    path.unlink()


def test_after_a_seek_the_rest_is_played_to_its_end(libvlc: LibVlc, folder: Path) -> None:
    """avformat alone loses what follows the first song of a chained Ogg file."""
    decoder = open_at(libvlc, write(folder / "chained.ogg", "chained.ogg"), 17.0)
    count = 0
    while not decoder.over:
        decoder.tend(time.monotonic(), True)
        count += len(decoder.read(RATE_HZ))
        time.sleep(0.001)
    decoder.close()
    assert count / RATE_HZ == pytest.approx(SECONDS - 17.0, abs=0.2)


def test_what_is_decoded_up_to_a_place_waits_for_its_reader(libvlc: LibVlc, folder: Path) -> None:
    """It comes as fast as the processor decodes: an hour must not end up in the memory."""
    decoder = open_at(libvlc, write(folder / "ms_adpcm.wav", "ms_adpcm.wav"), 5.0)
    for _ in range(50):
        decoder.tend(time.monotonic(), True)
        time.sleep(0.01)
    assert decoder._buffer.ahead_s < 2 * FULL_S
    decoder.close()  # and libVLC's thread, which waits in our callback, is let go


STALLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, "tests")
from audio import track_of
from stages import CONFIG, VlcStage
from dataclasses import replace
from device.domain import TrackStarted, TrackAt
stage = VlcStage(replace(CONFIG, output="file", volume=70, ramp_s=0.0), Path(sys.argv[2]))
stage.player.play(1, track_of(Path(sys.argv[1]), 40.0))
stage.wait(TrackStarted)
print("started", flush=True)
while (at := stage.wait(TrackAt)).position.track_s < 9:
    pass
stage.player.close()
"""


@pytest.mark.slow
def test_a_board_that_stalls_loses_no_music(folder: Path, tmp_path: Path) -> None:
    """The whole process stands still for 5 s, as it does while a board swaps: the song goes on where it was."""
    path = write(folder / "plain.wav", "plain.wav")
    command = [sys.executable, "-c", STALLED, str(path), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        time.sleep(2.0)
        process.send_signal(signal.SIGSTOP)
        time.sleep(5.0)
        process.send_signal(signal.SIGCONT)
        assert process.wait(60) == 0
    heard = samples(tmp_path / "audio.wav")
    heard = heard[np.flatnonzero(heard)[0] :]
    silent = np.convolve(heard == 0, np.ones(RATE_HZ // 50), "same") >= RATE_HZ // 50 - 1
    music = heard[~silent]  # while libVLC caught up there was a pause, and nothing is missing around it
    at = len(music) - RATE_HZ
    assert place_of(music[at : at + round(LISTEN_S * RATE_HZ)]) == pytest.approx(at / RATE_HZ, abs=0.2)


# --- The cases that people reported -----------------------------------------------------------------------------


@pytest.mark.parametrize("start_s", [5.0, 13.7, 31.0, 58.0])
def test_a_file_of_oggenc(libvlc: LibVlc, shared_dir: Path, start_s: float) -> None:
    """libVLC's own demuxer plays what lies elsewhere, or nothing."""
    decoder = open_at(libvlc, case(shared_dir, "oggenc_chirp.ogg"), start_s)
    assert place_of(decoder.read(round(LISTEN_S * RATE_HZ))[:, 0], 60.0, (200.0, 1400.0)) == pytest.approx(
        start_s, abs=NEAR_S
    )
    decoder.close()


@pytest.mark.parametrize(("name", "seconds"), [("adpcm.wav", 12.0), ("dash.m4a", 20.02)])
def test_what_is_left_after_a_seek(libvlc: LibVlc, shared_dir: Path, name: str, seconds: float) -> None:
    """One pitch throughout; so by what is left of it."""
    decoder = open_at(libvlc, case(shared_dir, name), seconds - 3.0, 0.0)
    count = 0
    while not decoder.over:
        decoder.tend(time.monotonic(), True)
        count += len(decoder.read(RATE_HZ))
        time.sleep(0.001)
    decoder.close()
    assert count / RATE_HZ == pytest.approx(3.0, abs=NEAR_S)


def case(shared_dir: Path, name: str) -> Path:
    path = shared_dir / "cases" / name
    if not path.exists():
        pytest.skip(f"no {path}")
    return path


# --- Which way --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place_s", [-3.0, 1e300, float("inf"), float("nan")])
def test_a_place_that_makes_no_sense_is_brought_into_bounds(tmp_path: Path, place_s: float) -> None:
    for content in (b"", b"OggS", b"RIFF\0\0\0\0WAVEfmt ", b"ID3"):
        (tmp_path / "odd").write_bytes(content)
        way = approach(tmp_path / "odd", place_s)
        assert 0 <= way.jump_s <= LONGEST_S
        assert 0 <= way.drop_s <= LONGEST_S


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from([b"", b"OggS\0\2", b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0", b"RIFF", b"OggS" * 9]),
    st.binary(max_size=200),
)
def test_any_header_has_a_way(tmp_path_factory: pytest.TempPathFactory, begin: bytes, rest: bytes) -> None:
    path = tmp_path_factory.mktemp("header") / "odd"
    path.write_bytes(begin + rest)
    assert isinstance(approach(path, 5.0), Approach)


def test_a_file_that_is_not_there_is_left_to_libvlc(tmp_path: Path) -> None:
    assert approach(tmp_path / "nowhere", 5.0) == Approach(avformat=True, jump_s=5.0)
