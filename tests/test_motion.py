"""The motion gate: noise, light and stillness are no motion; somebody who comes in is."""

from __future__ import annotations

import time

import numpy as np
import pytest

from device.perception.frame import Gray
from device.perception.motion import MotionGate, shrink

FPS = 8


def room(seed: int = 0) -> np.ndarray:
    """A still picture with surfaces and edges, float [240, 320]."""
    dice = np.random.default_rng(seed)
    picture = np.full((240, 320), 90.0)
    for _ in range(25):
        top, left = dice.integers(0, 200), dice.integers(0, 280)
        picture[top : top + dice.integers(20, 80), left : left + dice.integers(20, 80)] = dice.integers(20, 200)
    return picture


def shot(picture: np.ndarray, noise: float, dice: np.random.Generator) -> Gray:
    return np.clip(picture + dice.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)


def with_person(picture: np.ndarray, x: int, size: int = 24) -> np.ndarray:
    changed = picture.copy()
    changed[100 : 100 + size, x : x + size] += np.where(picture[100 : 100 + size, x : x + size] > 110, -45.0, 45.0)
    return changed


@pytest.mark.parametrize("noise", [0.0, 3.0, 8.0, 20.0])
def test_an_empty_room_is_still_whatever_the_noise(noise: float) -> None:
    dice, gate, picture = np.random.default_rng(1), MotionGate(), room()
    assert gate.moved(shot(picture, noise, dice), 0.0)  # nothing is known yet
    seen = [gate.moved(shot(picture, noise, dice), step / FPS) for step in range(1, 10 * FPS)]
    assert sum(seen) <= len(seen) // 50


def test_a_lamp_that_dims_and_automatic_exposure_are_no_motion() -> None:
    dice, gate, picture = np.random.default_rng(2), MotionGate(), room()
    gate.moved(shot(picture, 3.0, dice), 0.0)
    seen = [gate.moved(shot(picture * (1 - step / 200), 3.0, dice), step / FPS) for step in range(1, 100)]
    assert sum(seen) <= 1
    assert sum(gate.moved(shot(picture * 1.2, 3.0, dice), (100 + step) / FPS) for step in range(8)) <= 1


@pytest.mark.parametrize("noise", [0.0, 5.0, 10.0])
def test_somebody_small_is_seen_at_once(noise: float) -> None:
    dice, gate, picture = np.random.default_rng(3), MotionGate(), room()
    for step in range(20):
        gate.moved(shot(picture, noise, dice), step / FPS)
    assert gate.moved(shot(with_person(picture, 150), noise, dice), 20 / FPS)


def test_what_stays_becomes_background() -> None:
    gate, picture = MotionGate(), room()
    dice = np.random.default_rng(4)
    for step in range(20):
        gate.moved(shot(picture, 3.0, dice), step / FPS)
    stays = with_person(picture, 150)
    seen = [gate.moved(shot(stays, 3.0, dice), (20 + step) / FPS) for step in range(20 * FPS)]
    assert seen[0]
    assert not any(seen[-FPS:])


def test_the_background_follows_the_clock_and_not_the_frame_rate() -> None:
    picture = room()
    stays = with_person(picture, 150)

    def still_after_s(fps: float) -> float:
        gate = MotionGate()
        gate.moved(picture.astype(np.uint8), 0.0)
        step = 1
        while gate.moved(stays.astype(np.uint8), step / fps):
            step += 1
        return step / fps

    assert still_after_s(30.0) == pytest.approx(still_after_s(4.0), abs=0.5)


def test_another_size_is_motion() -> None:
    gate = MotionGate()
    gate.moved(np.zeros((240, 320), np.uint8), 0.0)
    assert not gate.moved(np.zeros((240, 320), np.uint8), 0.1)
    assert gate.moved(np.zeros((180, 320), np.uint8), 0.2)


def test_blocks_are_means() -> None:
    picture = np.random.default_rng(5).integers(0, 256, (51, 70), dtype=np.uint8)
    blocks = shrink(picture)
    assert blocks.shape == (6, 8)
    assert blocks[2, 3] == pytest.approx(picture[16:24, 24:32].mean())
    assert shrink(np.full((16, 16), 255, np.uint8)).max() == 255.0


def test_an_empty_room_costs_next_to_nothing() -> None:
    """Under a millisecond even on a busy machine; looking for faces takes several (see `affetto bench`)."""
    gate, picture = MotionGate(), room().astype(np.uint8)
    costs = []
    for step in range(200):
        began = time.perf_counter()
        gate.moved(picture, step / FPS)
        costs.append(time.perf_counter() - began)
    assert np.median(costs) < 0.001
