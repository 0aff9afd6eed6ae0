"""A person's own neutral: what `mood.own_neutral` does for faces that are misread at rest, and for long real moods.

The hours are those of tools/smoothing/scenes.py. For a person whose rest is misread, the scores of one emotion are
multiplied by `MISREAD` in every frame: sadness, or anger. `usual` faces are as they are. In `long mood`, half an hour
of one real mood (sad) follows half an hour of others; the figure is the share of that half hour that is called sad. """

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from device.config.schema import MoodConfig
from device.domain import EMOTIONS, Emotion, MoodName
from tools.smoothing.faces import MOODS
from tools.smoothing.methods import judge, ours
from tools.smoothing.scenes import Scene

MISREAD = 3.0
SAD = MOODS.index(MoodName.SAD)


def measure(scenes: Sequence[Scene]) -> dict[str, Any]:
    """{"usual" | "looks sad" | "looks angry" | "long sad mood": {"off", "on"}}: shares of time in the true mood."""
    found: dict[str, Any] = {}
    cases = {
        "usual": list(scenes),
        "looks sad": [misread(scene, Emotion.SADNESS) for scene in scenes],
        "looks angry": [misread(scene, Emotion.ANGER) for scene in scenes],
    }
    for name, rows in cases.items():
        found[name] = {word: judge(rows, [ours(row, config) for row in rows])["right"] for word, config in WAYS.items()}
    long = long_mood(scenes[0])
    half = len(long.mood) // 2
    found["long sad mood"] = {
        word: round(float((ours(long, config)[half:] == SAD).mean()), 4) for word, config in WAYS.items()
    }
    return found


WAYS = {"off": MoodConfig(own_neutral=False), "on": MoodConfig(own_neutral=True)}


def misread(scene: Scene, emotion: Emotion) -> Scene:
    """The same hour of a person who always looks a little like this."""
    scores = scene.scores.copy()
    scores[:, EMOTIONS.index(emotion)] *= MISREAD
    return replace(scene, scores=scores / scores.sum(1, keepdims=True))


def long_mood(scene: Scene) -> Scene:
    """The first half of this hour, then half an hour of its own sad frames: one face that is never lost."""
    half = len(scene.mood) // 2
    places = np.concatenate([np.arange(half), np.resize(np.flatnonzero(scene.mood == SAD), half)])
    whole = np.ones(len(places), bool)
    return Scene(scene.mood[places], scene.scores[places], scene.certainty[places], whole, whole.astype(np.int64))
