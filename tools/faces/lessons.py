"""The batches that the face detector learns from: scenes and their targets, composed by worker processes.

Workers are forked after `share`, and so see the pictures without a copy. A batch depends on its seed only, whichever
process composes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from tools.faces import scenes as face_scenes
from tools.faces import targets as face_targets
from tools.faces.recipe import Recipe, Stage
from tools.labelled.boxes import Pool

REPEATS = 0.08  # of an epoch's scenes are such ones, if there are as many
AHEAD = 6  # batches composed before they are needed
_shared: list[Pool] = []  # workers are forked and so see the pictures without a copy


def share(pool: Pool) -> None:
    """Name the pictures that scenes are composed of; to be called before the workers are forked."""
    _shared[:] = [pool]


def batches(
    crew: Any, recipe: Recipe, epoch: int, fooled: list[tuple[int, ...]]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """An epoch's batches, in order; each depends on seed, epoch, number and the scenes that fooled the net only."""
    waiting: deque[Any] = deque()
    again = round(REPEATS * recipe.batch)
    for number in range(recipe.steps()):
        seed = (recipe.seed, epoch, number)
        repeated = fooled[number * again % max(1, len(fooled)) :][:again]
        job = (seed, recipe.batch, recipe.canvas(epoch), repeated, recipe.stage(epoch))
        waiting.append(crew.apply_async(compose, job))
        if len(waiting) >= AHEAD:
            yield waiting.popleft().get()
    while waiting:
        yield waiting.popleft().get()


def compose(
    seed: tuple[int, ...], count: int, canvas: tuple[int, int], repeated: list[tuple[int, ...]], stage: Stage
) -> tuple[np.ndarray, np.ndarray]:
    """One batch: scenes uint8 [count, H, W] and targets float32 [count, cells, 16]; those `repeated` come first."""
    cv2.setNumThreads(1)
    random = np.random.default_rng(seed)
    scenes = [empty(seed, canvas) for seed in repeated]
    while len(scenes) < count:
        if random.random() < stage.portraits:
            scene = face_scenes.portrait(random, _shared[0], *canvas, plain=stage.plain)
        else:
            scene = face_scenes.compose(random, _shared[0], *canvas)
        scenes.append(face_scenes.show(random, scene))
    targets = [
        np.concatenate([level.reshape(-1, face_targets.CHANNELS) for level in face_targets.encode(labels, *canvas)])
        for _, labels in scenes
    ]
    return np.stack([gray for gray, _ in scenes]), np.stack(targets)


def empty(seed: tuple[int, ...], canvas: tuple[int, int]) -> face_scenes.Scene:
    """A scene without anybody, always the same for the same seed."""
    random = np.random.default_rng(seed)
    return face_scenes.show(random, (face_scenes.empty(random, _shared[0], *canvas), []))


def empties(job: tuple[list[tuple[int, ...]], tuple[int, int]]) -> np.ndarray:
    """The empty scenes of (seeds, canvas), uint8 [n, H, W]; for workers."""
    cv2.setNumThreads(1)
    seeds, canvas = job
    return np.stack([empty(seed, canvas)[0] for seed in seeds])
