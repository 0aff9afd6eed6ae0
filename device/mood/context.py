"""How the music leans in a context: by the table in the settings, and by what this home liked in it. Pure.

The *context* is the first of these that is known: the activity, a scene, guests, or a weather that has a row in
the table, or else the part of the day. Its row moves the target towards a mood by a share of the way.

On top of that, the home's own songs in this context move the target to where people finished and liked songs rather
than skipped them: the acceptance at a point of the plane is a kernel regression over the songs there (Nadaraya 1964,
Watson 1964), shrunk to the context's usual acceptance. The target moves to the best point within `REACH`, if that is
better than staying; each step away costs a little, so that few songs move nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from device.domain import MOOD_AFFECT, Affect, Context, Erasure, Leaning, Listen, Outcome, SongEntry, Target
from device.domain.context import DAY_PARTS, GUESTS
from device.mood.plane import name_of

REMEMBERED = 300  # songs of each context
FEWEST = 12  # songs of a context, before anything is learnt about it
REACH, STEP = 0.4, 0.1  # how far, and in which steps, liking moves the target
GRID = 0.1
WIDTH = 0.25  # of the kernel
DOUBT = 10.0  # the usual acceptance counts as so many songs at every point
USUAL, USUAL_WEIGHT = 0.8, 10.0  # the acceptance before anything is known, in songs
COST = 0.08  # of moving the target by REACH, in units of acceptance
WEIGHTS = {Outcome.PLAYED: (1.0, 1.0), Outcome.SKIPPED: (0.0, 1.0), Outcome.DISLIKED: (0.0, 2.0),
           Outcome.BANNED: (0.0, 2.0)}  # acceptance and weight; a change of mood says nothing  # fmt: skip
LIKED = (1.0, 2.0)


class ContextGuide:
    """Moves targets. `table`: see `Leaning`; `learn` False: only the table counts."""

    def __init__(self, table: Iterable[Leaning], songs: Iterable[SongEntry] = (), *, learn: bool = True) -> None:
        self._table = {row.name: row for row in table}
        self._learn = learn
        self._songs: dict[str, deque[SongEntry]] = {}
        self._moved: dict[tuple[str, Affect], Affect] = {}
        for song in songs:
            self.learn(song)

    def name(self, context: Context, wall: float) -> str:
        """The context that counts, such as "dinner" or "evening"."""
        told = (context.scene, GUESTS if context.guests else "", context.weather)
        known = (name.casefold() for name in told if name.casefold() in self._table)
        return context.activity.casefold() or next(known, "") or day_part(wall)

    def learn(self, song: SongEntry) -> None:
        """Learn from a song that played in some context."""
        if not self._learn or not song.context or not (song.liked or song.outcome in WEIGHTS):
            return
        self._songs.setdefault(song.context, deque(maxlen=REMEMBERED)).append(song)
        self._moved.clear()

    def forget(self, erasure: Erasure) -> None:
        """Forget the songs that `erasure` covers."""
        for name, songs in self._songs.items():
            self._songs[name] = deque((song for song in songs if not erasure.covers(_listen(song))), REMEMBERED)
        self._moved.clear()

    def lean(self, target: Target, context: Context, wall: float) -> Target:
        """The target in this context."""
        name = self.name(context, wall)
        point, reason = target.affect, target.reason
        if (row := self._table.get(name)) is not None:
            point = _between(point, MOOD_AFFECT[row.mood], row.share)
            reason = f"{reason}, leaning to {row.mood} for {name}"
        liked = self._liked_near(name, point)
        if liked != point:
            reason = f"{reason}, as usual here {_when(name)}"
        if liked == target.affect:
            return target
        return replace(target, affect=liked, mood=name_of(liked), reason=reason)

    def _liked_near(self, name: str, point: Affect) -> Affect:
        """The best point near `point` in this context. Looks at every point of a coarse grid once."""
        songs = self._songs.get(name)
        if not songs or len(songs) < FEWEST:
            return point
        node = Affect(round(point.valence / GRID) * GRID, round(point.arousal / GRID) * GRID)
        if (name, node) not in self._moved:
            self._moved[name, node] = best_near(songs, node)
        best = self._moved[name, node]
        return Affect(
            max(-1.0, min(1.0, point.valence + best.valence - node.valence)),
            max(-1.0, min(1.0, point.arousal + best.arousal - node.arousal)),
        )


def best_near(songs: Sequence[SongEntry] | deque[SongEntry], point: Affect) -> Affect:
    """The point within `REACH` where acceptance, minus the cost of moving there, is highest."""
    places = np.array([[song.affect.valence, song.affect.arousal] for song in songs])
    accepted, weight = np.array([LIKED if song.liked else _weights(song) for song in songs]).T
    usual = (USUAL * USUAL_WEIGHT + accepted @ weight) / (USUAL_WEIGHT + weight.sum())
    points = np.clip(np.array([point.valence, point.arousal]) + OFFSETS, -1.0, 1.0)
    squares = ((points[:, None] - places[None]) ** 2).sum(-1)
    kernel = weight * np.exp(-squares / (2 * WIDTH**2))
    worth = (DOUBT * usual + kernel @ accepted) / (DOUBT + kernel.sum(1)) - COST / REACH * DISTANCES
    best = points[int(worth.argmax())]
    return point if worth.argmax() == 0 else Affect(float(best[0]), float(best[1]))


def day_part(wall: float) -> str:
    """The part of the day at this time (local time zone)."""
    try:
        hour = datetime.fromtimestamp(wall).hour
    except (OverflowError, OSError, ValueError):
        hour = 12
    return DAY_PARTS[hour * len(DAY_PARTS) // 24]


def _weights(song: SongEntry) -> tuple[float, float]:
    return (0.0, 0.0) if song.outcome is None else WEIGHTS.get(song.outcome, (0.0, 0.0))


def _when(name: str) -> str:
    if name == "night":
        return "at night"
    return f"in the {name}" if name in DAY_PARTS else f"with {name}"


def _between(start: Affect, end: Affect, share: float) -> Affect:
    across, up = end.valence - start.valence, end.arousal - start.arousal
    return Affect(start.valence + share * across, start.arousal + share * up)


def _listen(song: SongEntry) -> Listen:
    return Listen(song.track_key, song.profile, song.mood, Outcome.PLAYED, song.started_at)


_AXIS = np.arange(-REACH, REACH + STEP / 2, STEP)
_GRID = np.stack(np.meshgrid(_AXIS, _AXIS), axis=-1).reshape(-1, 2)
OFFSETS = np.concatenate([np.zeros((1, 2)), _GRID[np.hypot(*_GRID.T) <= REACH + 1e-9]])
DISTANCES = np.hypot(*OFFSETS.T)
