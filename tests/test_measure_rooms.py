"""The measurement of the rooms' sound: it finds the time between two cards that is put into it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from device.music.audio.pcm_buffer import RATE_HZ
from tools.rooms import offsets

SECONDS = 60
TICK_S = 0.004


Floats = npt.NDArray[np.float64]


def card(noise: Floats, skew: float, late_s: float, seed: int) -> dict[str, Floats]:
    """What `listen` writes about a card that plays `noise`. Its clock runs off, and its count moves in ticks."""
    dice = np.random.default_rng(seed)
    rate_hz = RATE_HZ * (1 + skew)
    reports = np.arange(0.1, SECONDS, 0.02) + dice.exponential(0.0003, len(np.arange(0.1, SECONDS, 0.02)))
    ticks = np.floor(reports / TICK_S) * TICK_S
    first, sound = [], []
    for begin_s in np.arange(1, SECONDS - 2, 1.0) + dice.uniform(0, 0.05):
        frame = int(begin_s * rate_hz)
        at_s = (frame + np.arange(14112)) / rate_hz - late_s  # when each frame is heard, as a place in the noise
        first.append(frame)
        sound.append(np.interp(at_s * RATE_HZ, np.arange(len(noise)), noise))
    at = np.stack([np.floor(ticks * rate_hz), reports], axis=1)
    return {"at": at, "first": np.array(first, np.float64), "sound": np.array(sound)}


@pytest.mark.parametrize("late_s", [0.0, 0.0008, -0.0031])
def test_it_finds_the_offset_of_two_cards_whose_clocks_run_off(late_s: float) -> None:
    noise = np.random.default_rng(1).uniform(-9000, 9000, SECONDS * RATE_HZ)
    noise = np.convolve(noise, np.ones(3) / 3, mode="same")
    found = offsets.offsets(card(noise, 0.0, 0.002, 2), card(noise, 50e-6, 0.002 + late_s, 3), RATE_HZ)
    assert len(found) > 50
    assert np.abs(found[:, 1] - late_s).max() < 0.0003


def test_other_sound_has_no_offset() -> None:
    one, other = (np.random.default_rng(seed).uniform(-9000, 9000, SECONDS * RATE_HZ) for seed in (1, 2))
    assert len(offsets.offsets(card(one, 0, 0, 2), card(other, 0, 0, 3), RATE_HZ)) == 0
