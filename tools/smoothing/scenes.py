"""Hours of one person in front of the device, made from labelled faces. All of it is assumed; nothing is filmed.

- A mood holds for 15 s and then some: exponential, 75 s on average. The next one is another mood, drawn by the square
  root of how often it occurs among the faces, so that rare moods come often enough to be measured.
- While it holds, the person shows it in four ways: four faces of that mood (other people's: nobody was photographed
  twice). One is held for 1.5 s on average, then another of the four comes. So the model's errors come back throughout
  a mood, as they do with a real face, and do not average out.
- Frames come 8 times a second, each another view of the face held (tools/smoothing/faces.py). The person is near seven
  tenths of the time, far two, at the edge of the picture one; each for 40 s on average.
- The person talks 3 tenths of the time, for 8 s on average; three frames in ten are then mouth shapes, in runs of 1 to
  3 frames: faces of happiness or surprise when the mood is another.
- One frame in fifty is broken, in runs of 1 to 3 frames.
- The face is lost every 12 s on average, for 0.6 s on average (a hand, a turned head, a blink of the detector), and
  every tenth loss lasts 4 s. After more than 1.5 s the tracker gives it a new number, whose first sighting counts half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from device.domain import MoodName
from device.perception.face_quality import FIRST_SIGHT
from device.perception.tracker import KEEP_S
from tools.smoothing.faces import BROKEN, EDGE, FAR, MOODS, NEAR, Bank

FPS = 8.0
HOUR = round(3600 * FPS)
HOLD_S, LEAST_HOLD_S = 75.0, 15.0
WAYS, LOOK_S = 4, 1.5
PLACES, PLACE_S = ((NEAR, 0.7), (FAR, 0.2), (EDGE, 0.1)), 40.0
TALK_S, QUIET_S, MOUTHS = 8.0, 18.7, 0.3
BROKEN_FRAMES = 0.02
LOSS_EVERY_S, LOST_S, LONG_LOSS, LONG_LOST_S = 12.0, 0.6, 0.1, 4.0
OPEN_MOUTHED = (MOODS.index(MoodName.HAPPY), MOODS.index(MoodName.EXCITED))

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Scene:
    """One person for some time, a value a frame. `mood`: true index into MOODS; `scores` [n, 8]; `certainty`;
    `there`: whether the face is found; `number`: the tracker's."""

    mood: Ints
    scores: npt.NDArray[np.float64]
    certainty: npt.NDArray[np.float64]
    there: Bools
    number: Ints

    @property
    def hours(self) -> float:
        return len(self.mood) / HOUR


def film(bank: Bank, frames: int, seed: int) -> Scene:
    """A scene of so many frames; the same for the same seed. Raises ValueError for a bank of a single mood."""
    random = np.random.default_rng((1703, seed))
    mood, face = _act(bank, frames, random)
    view = _look_from(frames, random)
    _talk(bank, mood, face, random)
    broken = _runs(frames, BROKEN_FRAMES / 2, random)
    view[broken] = BROKEN[0]
    there = ~_lost(frames, random)
    number, certainty = _follow(there, bank.certainty[face, view])
    return Scene(mood, bank.scores[face, view], certainty, there, number)


def _act(bank: Bank, frames: int, random: Random) -> tuple[Ints, Ints]:
    """The mood and the face of every frame."""
    often = np.sqrt(bank.often)
    if np.count_nonzero(often) < 2:
        raise ValueError("Faces of at least two moods are needed to make sequences.")
    mood, face = np.empty(frames, int), np.empty(frames, int)
    at, now = 0, int(random.choice(len(MOODS), p=often / often.sum()))
    while at < frames:
        end = min(frames, at + round(FPS * (LEAST_HOLD_S + random.exponential(HOLD_S - LEAST_HOLD_S))))
        ways = random.choice(bank.of(now), WAYS)
        mood[at:end] = now
        face[at:end] = ways[_stretches(end - at, np.full(WAYS, 1 / WAYS), LOOK_S, random)]
        others = np.where(np.arange(len(MOODS)) == now, 0, often)
        at, now = end, int(random.choice(len(MOODS), p=others / others.sum()))
    return mood, face


def _stretches(frames: int, shares: npt.NDArray[np.float64], mean_s: float, random: Random) -> Ints:
    """A choice for every frame, each held for an exponential time before the next is drawn."""
    starts = random.random(frames) < 1 / (FPS * mean_s)
    starts[:1] = True
    return random.choice(len(shares), np.count_nonzero(starts), p=shares)[np.cumsum(starts) - 1]


def _look_from(frames: int, random: Random) -> Ints:
    """The view of every frame: where the person is, and which of the views from there."""
    place = _stretches(frames, np.array([share for _, share in PLACES]), PLACE_S, random)
    drawn = random.random(frames)
    views = [np.array(views)[(drawn * len(views)).astype(int)] for views, _ in PLACES]
    return np.choose(place, views)


def _talk(bank: Bank, mood: Ints, face: Ints, random: Random) -> None:
    """Put mouth shapes in the place of some faces."""
    talking, at = np.zeros(len(mood), bool), 0
    while at < len(mood):
        at += round(FPS * random.exponential(QUIET_S))
        end = at + round(FPS * random.exponential(TALK_S))
        talking[at:end] = True
        at = end
    shapes = talking & _runs(len(mood), MOUTHS / 2 / (1 - MOUTHS), random)
    for mouth in np.flatnonzero(shapes):
        begun = mouth == 0 or not shapes[mouth - 1]
        others = np.concatenate([bank.of(m) for m in OPEN_MOUTHED if m != mood[mouth]])
        if len(others):
            face[mouth] = random.choice(others) if begun or mood[mouth - 1] != mood[mouth] else face[mouth - 1]


def _runs(frames: int, chance: float, random: Random) -> Bools:
    """Runs of 1 to 3 frames; one starts with `chance` at any frame that is in none."""
    inside, left = np.zeros(frames, bool), 0
    for at, drawn in enumerate(random.random(frames)):
        if not left and drawn < chance:
            left = int(random.integers(1, 4))
        inside[at], left = left > 0, max(0, left - 1)
    return inside


def _lost(frames: int, random: Random) -> Bools:
    lost, at = np.zeros(frames, bool), 0
    while at < frames:
        at += round(FPS * random.exponential(LOSS_EVERY_S))
        end = at + 1 + round(FPS * (LONG_LOST_S if random.random() < LONG_LOSS else random.exponential(LOST_S)))
        lost[at:end] = True
        at = end
    return lost


def _follow(there: Bools, certainty: npt.NDArray[np.float64]) -> tuple[Ints, npt.NDArray[np.float64]]:
    """The tracker's number of every frame, and the certainty with first sightings halved."""
    numbers, sure, number, gone = np.zeros(len(there), int), certainty.copy(), 1, 0
    for at, seen in enumerate(there):
        if seen and (at == 0 or gone > KEEP_S * FPS):
            number, sure[at] = number + 1, sure[at] * FIRST_SIGHT
        numbers[at], gone = number, 0 if seen else gone + 1
    return numbers, sure
