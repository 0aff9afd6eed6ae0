"""A seek, and a resume after a power cut, land where they say, in every format: the pitch of a chirp shows the place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from audio import samples, track_of
from chirps import NAMES, RATE_HZ, SECONDS, place_of, write

from device.music.playback.decoder import Decoder
from device.music.playback.libvlc import LibVlc
from device.music.playback.seeking import LONGEST_S, Approach, approach

NEAR_S = 0.5  # what the README promises
PLACES_S = (0.0, 3.3, 17.25, 38.2, 56.9)
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
    path.unlink()
