"""Synthetic plays for measuring the tracker: who walks where in a room of 320x240 pixels, and what is seen of it.

A play is drawn from a random generator and names its people's places at every moment. `sketch` turns it into the
boxes that a detector might report, with its jitter, its misses and its false alarms: thousands of plays in seconds.
tools/tracks/film.py paints the same plays with real faces for the real detector.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from device.domain import Face

WIDTH_PX, HEIGHT_PX = 320, 240
ASPECT = 1.3  # height of a face's box by its width
HIDDEN_SHARE = 0.45  # a face covered by more cannot be seen
HINDERED_SHARE = 0.2  # covered by more it is seen badly
JITTER = 0.03  # of the width, standard deviation of a box's place and size
BLINK, STAY_BLIND = 0.02, 0.5  # chances per frame that a plain face is missed, and is missed again
ALARM = 0.02  # chance per frame of a false alarm

Where = Callable[[float], tuple[float, float]]  # seconds to the centre in pixels


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody in a play. The nearer, so the larger, covers the farther. `away` are spans behind a hand or turned."""

    where: Where
    width_px: float
    enters_s: float = 0.0
    leaves_s: float = math.inf
    away: tuple[tuple[float, float], ...] = ()

    def box(self, at_s: float) -> tuple[float, float, float, float] | None:
        """Left, top, width, height; None while this person is not in the room."""
        if not self.enters_s <= at_s < self.leaves_s:
            return None
        (x, y), w = self.where(at_s), self.width_px
        return x - w / 2, y - ASPECT * w / 2, w, ASPECT * w

    def faces_us(self, at_s: float) -> bool:
        return not any(begin <= at_s < end for begin, end in self.away)


@dataclass(frozen=True, slots=True)
class Play:
    name: str
    fps: float
    length_s: float
    actors: tuple[Actor, ...]

    def moments(self) -> Iterator[float]:
        return (step / self.fps for step in range(int(self.length_s * self.fps)))


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame: the boxes of the faces that can be seen, by actor, and what the detector reports."""

    at_s: float
    visible: dict[int, Face]
    found: tuple[Face, ...]


def face(x: float, y: float, w: float, h: float, score: float = 0.9) -> Face:
    """A face whose landmarks sit where they do on most people."""
    spots = [(x + w * px, y + h * py) for px, py in ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))]
    return Face(x, y, w, h, score, (spots[0], spots[1], spots[2], spots[3], spots[4]))


def covered(play: Play, at_s: float) -> dict[int, float]:
    """The share of each present actor's box behind nearer people and the picture's edges; 1 behind a hand."""
    boxes = {number: box for number, actor in enumerate(play.actors) if (box := actor.box(at_s))}
    shares = {}
    for number, box in boxes.items():
        nearer = [other for key, other in boxes.items() if play.actors[key].width_px > play.actors[number].width_px]
        outside = 1 - _shared(box, (0, 0, WIDTH_PX, HEIGHT_PX))
        hidden = max([outside, *(_shared(box, other) for other in nearer)])
        shares[number] = hidden if play.actors[number].faces_us(at_s) else 1.0
    return shares


def sketch(play: Play, random: np.random.Generator) -> Iterator[Moment]:
    """What an honest detector might make of the play, without a picture."""
    blind: set[int] = set()
    for at_s in play.moments():
        visible, found = {}, []
        for number, share in covered(play, at_s).items():
            box = play.actors[number].box(at_s)
            if box is None or share > HIDDEN_SHARE:
                continue
            visible[number] = face(*box)
            missed = random.random() < (STAY_BLIND if number in blind else BLINK)
            (blind.add if missed else blind.discard)(number)
            if not missed and not (share > HINDERED_SHARE and random.random() < 0.4):
                found.append(_shaken(random, box, JITTER * (3 if share > HINDERED_SHARE else 1)))
        if random.random() < ALARM:
            found.append(_alarm(random, list(visible.values())))
        random.shuffle(found)  # type: ignore[arg-type]
        yield Moment(at_s, visible, tuple(found))


def _shaken(random: np.random.Generator, box: tuple[float, float, float, float], by: float) -> Face:
    x, y, w, h = box
    across, down, wide, high = random.normal(0, by, 4)
    return face(x + w * (across - wide / 2), y + h * (down - high / 2), w * math.exp(wide), h * math.exp(high))


def _alarm(random: np.random.Generator, faces: Sequence[Face]) -> Face:
    """Half of them beside a face, on an ear or a hand."""
    if faces and random.random() < 0.5:
        one = faces[random.integers(len(faces))]
        angle, size = random.uniform(0, 2 * math.pi), one.w * random.uniform(0.5, 1.0)
        return face(one.x + one.w * math.cos(angle), one.y + one.h * math.sin(angle), size, size * ASPECT, 0.6)
    size = random.uniform(15, 60)
    return face(random.uniform(0, WIDTH_PX - size), random.uniform(0, HEIGHT_PX - size), size, size * ASPECT, 0.6)


def _shared(box: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """How much of `box` lies within `other`."""
    wide = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0])
    high = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1])
    return max(0.0, wide) * max(0.0, high) / (box[2] * box[3])


# --- The plays -------------------------------------------------------------------------------------------------


def neighbours(random: np.random.Generator, fps: float) -> Play:
    """Two to four people close beside one another, talking."""
    count = int(random.integers(2, 5))
    width = random.uniform(30, 60 if count < 4 else 50)
    gap = width * random.uniform(1.1, 1.6)
    left = WIDTH_PX / 2 - gap * (count - 1) / 2
    rows = 110 + random.uniform(-0.3, 0.3, count) * width
    return Play(
        "neighbours",
        fps,
        8,
        tuple(_sitter(random, left + gap * n, rows[n], width * _near(random)) for n in range(count)),
    )


def crossing(random: np.random.Generator, fps: float) -> Play:
    """Two people walk past each other, one in front of the other, at half a face's width to four a second."""
    width, speed = random.uniform(30, 60), math.exp(random.uniform(math.log(0.5), math.log(4)))
    share = random.uniform(0, 1) if random.random() < 0.7 else 0.0  # the rest: one stands still
    middle_s = min(4.0, max(1.5, 2.0 / speed))
    wide = width * math.exp(random.uniform(0.05, 0.3))
    across, row = width * speed, 110 + random.uniform(-0.2, 0.2) * width
    shift = 20 * random.uniform(-1, 1)
    one = _walker(random, (WIDTH_PX / 2 + shift, row), across * (1 - share / 2), middle_s, wide)
    other = _walker(random, (WIDTH_PX / 2 + shift, 110), -across * share / 2, middle_s, width)
    return Play("crossing", fps, 2 * middle_s, _either_nearer(random, one, other))


def meeting(random: np.random.Generator, fps: float) -> Play:
    """Two people step up to each other until one covers part of the other, stay, and step back the way they came."""
    width = random.uniform(30, 60)
    speed, stay_s = random.uniform(0.5, 2.5), random.uniform(0.3, 2)
    least = random.uniform(0.35, 0.8)
    start = 2.0 + least
    walk_s = (start - least) / speed

    def apart(at_s: float) -> float:
        gone = min(at_s, max(walk_s, 2 * walk_s + stay_s - at_s))
        return width * max(least, start - speed * min(gone, walk_s))

    sway, away = _sway(random, width), _sway(random, width)
    one = Actor(lambda t: _plus((160 - apart(t) / 2, 110), sway(t)), width)
    other = Actor(lambda t: _plus((160 + apart(t) / 2, 112), away(t)), width * math.exp(random.uniform(0.05, 0.3)))
    return Play("meeting", fps, 2 * walk_s + stay_s + 1, _either_nearer(random, one, other))


def hand(random: np.random.Generator, fps: float) -> Play:
    """Three people; each hides behind a hand for up to a second, one of them for a whole one."""
    play = neighbours(random, fps)
    spans = [(random.uniform(1, 3), random.uniform(0.4, 0.9)) for _ in play.actors]
    spans[0] = (spans[0][0], 0.999)  # the last sight before is a frame earlier, so this is more than a second
    actors = tuple(
        replace(actor, away=((begin, begin + span), (begin + 3, begin + 3 + span / 2)))
        for actor, (begin, span) in zip(play.actors, spans, strict=True)
    )
    return replace(play, name="hand", actors=actors)


def turning(random: np.random.Generator, fps: float) -> Play:
    """Two people turn their heads so far that they are lost for some frames, and lean half a face aside meanwhile."""
    width = random.uniform(30, 60)
    actors = []
    for n in range(2):
        begin, lost, lean = random.uniform(1, 3), random.uniform(0.2, 0.8), width * random.uniform(-0.6, 0.6)
        sway, x = _sway(random, width), 160 + (n - 0.5) * width * random.uniform(2.0, 2.6)

        def where(
            at_s: float, begin: float = begin, lost: float = lost, lean: float = lean, sway: Where = sway, x: float = x
        ) -> tuple[float, float]:
            return _plus((x + lean * min(1, max(0, (at_s - begin + 0.2) / (lost + 0.4))), 110), sway(at_s))

        actors.append(Actor(where, width * _near(random), away=((begin, begin + lost),)))
    return Play("turning", fps, 6, tuple(actors))


def changeover(random: np.random.Generator, fps: float) -> Play:
    """Somebody gets up and leaves the picture; somebody else sits down in the same place 1.5 to 4 s later."""
    width, x = random.uniform(30, 60), random.uniform(60, 260)
    left_s = random.uniform(2, 3)
    came_s = left_s + random.uniform(1.5, 4)
    before = replace(_sitter(random, x, 110, width), leaves_s=left_s)
    after = replace(_sitter(random, x + random.uniform(-0.3, 0.3) * width, 110, width * _near(random)), enters_s=came_s)
    watcher = _sitter(random, (x + 160) % WIDTH_PX, 110, width)
    return Play("changeover", fps, came_s + 3, (before, after, watcher))


def passing(random: np.random.Generator, fps: float) -> Play:
    """Somebody walks across the whole picture, behind or in front of two who sit."""
    width, speed = random.uniform(30, 50), random.uniform(1, 4)
    sitters = [
        _sitter(random, 160 + side * width * random.uniform(0.8, 1.4), 110, width * _near(random)) for side in (-1, 1)
    ]
    across = width * speed * random.choice([-1, 1])
    middle_s = 160 / abs(across)
    walker = _walker(
        random,
        (160, 100 + random.uniform(-0.2, 0.2) * width),
        across,
        middle_s,
        width * math.exp(random.choice([-0.25, 0.25])),
    )
    return Play("passing", fps, 2 * middle_s + 0.5, (*sitters, walker))


PLAYS = (neighbours, crossing, meeting, hand, turning, changeover, passing)


def _sitter(random: np.random.Generator, x: float, y: float, width: float) -> Actor:
    sway = _sway(random, width)
    return Actor(lambda at_s: _plus((x, y), sway(at_s)), width)


def _walker(
    random: np.random.Generator, middle: tuple[float, float], speed_px: float, middle_s: float, width: float
) -> Actor:
    sway = _sway(random, width)
    return Actor(lambda at_s: _plus((middle[0] + speed_px * (at_s - middle_s), middle[1]), sway(at_s)), width)


def _sway(random: np.random.Generator, width: float) -> Where:
    """Heads are never still: two slow waves each way, together about a tenth of the face."""
    size = width * random.uniform(0.01, 0.08, (2, 2))
    pace, phase = random.uniform(0.8, 4.0, (2, 2)), random.uniform(0, 2 * math.pi, (2, 2))

    def where(at_s: float) -> tuple[float, float]:
        x, y = (size * np.sin(pace * at_s + phase)).sum(axis=1)
        return float(x), float(y)

    return where


def _either_nearer(random: np.random.Generator, one: Actor, other: Actor) -> tuple[Actor, Actor]:
    if random.random() < 0.5:
        return replace(one, width_px=other.width_px), replace(other, width_px=one.width_px)
    return one, other


def _near(random: np.random.Generator) -> float:
    return random.uniform(0.9, 1.1)


def _plus(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] + other[0], one[1] + other[1]
