"""Three ways from readings to a mood, and how good each is on a scene whose true mood is known.

Raw takes the likeliest mood of every single reading. The moving average takes that of the mean scores of the last
seconds. Ours is `RoomMood` as the conductor runs it. All three hold what they said last while no face is seen.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from device.config.schema import MoodConfig
from device.domain import Now, Reading, SeenFace
from device.mood.plane import mood_probabilities
from device.mood.room_mood import RoomMood
from tools.smoothing.faces import MOODS
from tools.smoothing.scenes import FPS, Scene

BOX = (0.35, 0.3, 0.3, 0.4)

Ints = npt.NDArray[np.int64]


def raw(scene: Scene) -> Ints:
    """What every reading says on its own: indices into MOODS, one a frame, like all that follow."""
    return average(scene, 0.0)


def average(scene: Scene, window_s: float) -> Ints:
    """The likeliest mood of the mean scores of the readings in the last `window_s`, the present one included."""
    reach = max(1, round(window_s * FPS))
    sums = np.cumsum(np.where(scene.there[:, None], scene.scores, 0), 0)
    counts = np.cumsum(scene.there)
    sums[reach:] -= sums[:-reach].copy()
    counts[reach:] -= counts[:-reach].copy()
    reported, last = np.zeros(len(scene.there), int), 0
    for at, (row, count) in enumerate(zip(sums, counts, strict=True)):
        if scene.there[at]:
            last = likeliest(row / count)
        reported[at] = last
    return reported


def ours(scene: Scene, config: MoodConfig) -> Ints:
    """What the device says."""
    room, reported = RoomMood(config), np.zeros(len(scene.there), int)
    place = {mood: at for at, mood in enumerate(MOODS)}
    rows = zip(scene.there, scene.number.tolist(), scene.certainty.tolist(), scene.scores.tolist(), strict=True)
    for at, (there, number, certainty, scores) in enumerate(rows):
        faces = (SeenFace(number, BOX, certainty, tuple(scores)),) if there else ()
        reported[at] = place[room.update(Reading(at / FPS, faces), Now(at / FPS, at / FPS)).name]
    return reported


def likeliest(scores: Sequence[float]) -> int:
    moods = mood_probabilities(tuple(scores))
    return max(range(len(MOODS)), key=lambda at: moods[MOODS[at]])


def judge(scenes: Sequence[Scene], reported: Sequence[Ints]) -> dict[str, Any]:
    """How good the reported moods are, over all scenes.

    `delay_s`: the median time from a true change until the new mood is reported; changes that are not reported before
    the next one count as infinite. `seen`: the share of changes that are reported. `false_per_hour`: how often a wrong
    mood is reported. `right`: the share of frames with the true mood, and `right_by_mood` its parts.
    """
    delays = [delay for scene, track in zip(scenes, reported, strict=True) for delay in delays_s(scene.mood, track)]
    true, said = np.concatenate([scene.mood for scene in scenes]), np.concatenate(reported)
    wrong = sum(false_switches(scene.mood, track) for scene, track in zip(scenes, reported, strict=True))
    median = float(np.median(delays)) if delays else math.inf
    return {
        "delay_s": round(median, 2) if math.isfinite(median) else None,
        "seen": round(float(np.isfinite(delays).mean()), 4) if delays else None,
        "false_per_hour": round(wrong / sum(scene.hours for scene in scenes), 1),
        "right": round(float((true == said).mean()), 4),
        "right_by_mood": {
            str(mood): round(float((said[true == at] == at).mean()), 4)
            for at, mood in enumerate(MOODS)
            if (true == at).any()
        },
    }


def delays_s(true: Ints, reported: Ints) -> list[float]:
    """Seconds from each true change until it is reported; infinity if that is not before the next change."""
    changes = [*(np.flatnonzero(np.diff(true)) + 1).tolist(), len(true)]
    delays = []
    for begin, end in itertools.pairwise(changes):
        hits = np.flatnonzero(reported[begin:end] == true[begin])
        delays.append(hits[0] / FPS if len(hits) else math.inf)
    return delays


def false_switches(true: Ints, reported: Ints) -> int:
    """How often `reported` changes to a mood that is not the true one at that moment."""
    return int(np.count_nonzero((reported[1:] != reported[:-1]) & (reported[1:] != true[1:])))
