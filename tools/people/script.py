"""The demo's play: who enters the room, and what their faces do.

Pure, any thread. `clip.py` films it. What the play intends stays here: nothing that recognises moods may read it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tools.people.cast import PEOPLE, PROTOTYPES, Expression, Person
from tools.people.light import Lamp
from tools.people.photo import WIDTH_PX, Picture, Pose, Seat, photograph

FPS = 8
ROOM = 1
ENTER_S = 1.2  # to walk in or out
CHANGE_S = 0.8  # from one expression to the next
BLINK_S = 0.25


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody (by index in PEOPLE) shows emotions one after the other, each for a time, and leaves."""

    cast: tuple[int, ...]
    emotions: tuple[tuple[str, int, float], ...]  # name and variant in PROTOTYPES, seconds
    px_per_mm: float = 0.62
    pause_s: float = 3.0  # of empty room afterwards


# Four moods within the first twenty seconds: `affetto demo --seconds 30` asks for so many.
PLAY: tuple[Act, ...] = (
    Act((0,), (("happiness", 1, 5), ("surprise", 1, 4)), pause_s=0.5),
    Act((1,), (("sadness", 1, 5), ("anger", 1, 6)), px_per_mm=0.68, pause_s=2.0),
    Act((2,), (("neutral", 0, 6), ("surprise", 1, 8)), px_per_mm=0.66),
    Act((3,), (("anger", 1, 8), ("sadness", 1, 9)), px_per_mm=0.68),
    Act((0, 2), (("happiness", 1, 8),), px_per_mm=0.52, pause_s=3.0),
)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture to take: who sits there, and what the play intends ("" for an empty room)."""

    number: int
    seats: tuple[Seat, ...]
    intended: str


def script(fps: float = FPS, play: tuple[Act, ...] = PLAY) -> list[Shot]:
    """Every picture of the play in order; the same list every time."""
    shots: list[Shot] = []
    for act in play:
        for seats, intended in _perform(act, fps):
            shots.append(Shot(len(shots), seats, intended))
    return shots


def _perform(act: Act, fps: float) -> Iterator[tuple[tuple[Seat, ...], str]]:
    length_s = sum(seconds for _, _, seconds in act.emotions) + 2 * ENTER_S
    for frame in range(round(length_s * fps)):
        time_s = frame / fps
        away = max(0.0, 1 - time_s / ENTER_S, 1 - (length_s - time_s) / ENTER_S)
        expression, intended = _expression(act, time_s - ENTER_S)
        seats = tuple(_sit(act, i, expression, time_s, away) for i in range(len(act.cast)))
        yield seats, intended if away < 0.3 else ""
    for _ in range(round(act.pause_s * fps)):
        yield (), ""


def _expression(act: Act, time_s: float) -> tuple[Expression, str]:
    """The faces at a time in the act, changing smoothly from one emotion to the next."""
    before, start = PROTOTYPES["neutral"][0], 0.0
    for name, variant, seconds in act.emotions:
        now = PROTOTYPES[name][variant]
        if time_s < start + seconds or (name, variant, seconds) == act.emotions[-1]:
            return before.blend(now, _ease((time_s - start) / CHANGE_S)), name
        before, start = now, start + seconds
    return before, "neutral"


def _sit(act: Act, place: int, expression: Expression, time_s: float, away: float) -> Seat:
    person = PEOPLE[act.cast[place]]
    middle = WIDTH_PX * (place + 1) / (len(act.cast) + 1) + 14 * math.sin(2.0 * person.seed)
    off = (WIDTH_PX + 150 - middle) if place else -(middle + 150)
    # In coarse steps: a head is drawn once for each expression and only turned from picture to picture.
    strength = 0.95 + 0.025 * round(2 * math.sin(1.1 * time_s + person.seed))
    face = PROTOTYPES["neutral"][0].blend(expression, strength).blink(_lids(person, time_s))
    pose = Pose(middle + off * _ease(away), 78 + 40 * act.px_per_mm, act.px_per_mm)
    return Seat(person, face, _sway(person, pose, time_s))


def _sway(person: Person, pose: Pose, time_s: float) -> Pose:
    """Nobody sits still: slow turns of a few degrees, of no common period."""
    p = person.seed
    return replace(
        pose,
        yaw=5 * math.sin(0.61 * time_s + p) + 2 * math.sin(1.7 * time_s + 2 * p),
        pitch=2.5 * math.sin(0.83 * time_s + 3 * p),
        roll=2.5 * math.sin(0.47 * time_s + 5 * p),
    )


def _lids(person: Person, time_s: float) -> float:
    """How far a blink has closed the eyes."""
    since_s = (time_s + 1.3 * person.seed) % 3.7
    return max(0.0, 1 - abs(since_s - BLINK_S / 2) / (BLINK_S / 2))


def _ease(share: float) -> float:
    t = min(max(share, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def take(shot: Shot) -> Picture:
    """The picture of a shot, uint8[240, 320]."""
    return photograph(shot.seats, Lamp(), room=ROOM, shot=shot.number)
