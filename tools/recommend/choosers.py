"""Ways to choose the next song, side by side: three simple ones, and the device's own. For tools/recommend/measure.py.

All see the same: the catalogue (where the device believes each song to stand), the target, the clock, and what became
of each song. The simple ones look only into the folder of the target's mood, or of the nearest mood that has any.
"""

from __future__ import annotations

import random
from typing import Protocol

import numpy as np

from device.domain import MOOD_AFFECT, Listen, MoodName, Now, Outcome, Target
from device.music.recommend.choose import Taste, TrackIndex, choose
from tools.recommend.listeners import DAY_S, Heard, Music

MOODS = list(MoodName)


class Chooser(Protocol):
    """Chooses a song for a target and is told what became of it."""

    def choose(self, target: Target, now: Now) -> int:
        """The number of the next song."""
        ...

    def learn(self, song: int, target: Target, heard: Heard, now: Now) -> None:
        """What became of it."""
        ...


class Folder:
    """(a) A random song of the folder, other than the last one. The others build on it."""

    def __init__(self, music: Music, seed: int) -> None:
        self.music = music
        self.dice = np.random.default_rng(seed)
        self._songs = {mood: np.flatnonzero(music.folder == number) for number, mood in enumerate(MOODS)}
        self._last = -1

    def choose(self, target: Target, now: Now) -> int:
        songs = self._folder(target)
        scores = self.scores(songs, now) + 1e-9 * self.dice.random(len(songs))
        self._last = int(songs[scores.argmax()])
        return self._last

    def learn(self, song: int, target: Target, heard: Heard, now: Now) -> None:
        pass

    def scores(self, songs: np.ndarray, now: Now) -> np.ndarray:
        """What is worth most is played; equals are drawn by lot."""
        return np.zeros(len(songs))

    def _folder(self, target: Target) -> np.ndarray:
        by_distance = sorted(MOODS, key=lambda mood: MOOD_AFFECT[mood].distance(MOOD_AFFECT[target.mood]))
        songs = next(self._songs[mood] for mood in by_distance if len(self._songs[mood]))
        others = songs[songs != self._last]
        return others if len(others) else songs


class MostPlayed(Folder):
    """(b) The song of the folder that was heard out most often. Never the same one twice in a row, or it would play
    that one song for ever."""

    def __init__(self, music: Music, seed: int) -> None:
        super().__init__(music, seed)
        self._plays = np.zeros(len(music.tracks))

    def learn(self, song: int, target: Target, heard: Heard, now: Now) -> None:
        self._plays[song] += heard.outcome is Outcome.PLAYED

    def scores(self, songs: np.ndarray, now: Now) -> np.ndarray:
        return self._plays[songs]


class NextOne(Folder):
    """(c) Freshness and preference after Hu & Ogihara, "NextOne Player: a music recommendation system based on user
    behavior" (ISMIR 2011), from the paper's description: the user's attitude is read from the share of a song that was
    played; freshness is 1 - exp(-t/S) on the forgetting curve, t the time since the last hearing in days and S the
    number of hearings; both are added with weights that what the user does with the song being played adjusts. The
    paper's other three factors (genre, year, time pattern) are left out. The numbers are ours: a song not yet heard
    counts as heard to two thirds, and a weight changes by 5% at a time."""

    def __init__(self, music: Music, seed: int) -> None:
        super().__init__(music, seed)
        n = len(music.tracks)
        self._shares, self._hearings, self._heard_at = np.full(n, 2 / 3), np.zeros(n), np.full(n, -np.inf)
        self._weights = np.array([0.5, 0.5])

    def _factors(self, songs: np.ndarray, now: Now) -> np.ndarray:
        fresh = 1 - np.exp(-(now.wall - self._heard_at[songs]) / DAY_S / np.maximum(self._hearings[songs], 1))
        return np.stack([fresh, self._shares[songs] / (1 + self._hearings[songs])])

    def scores(self, songs: np.ndarray, now: Now) -> np.ndarray:
        return self._weights @ self._factors(songs, now)

    def learn(self, song: int, target: Target, heard: Heard, now: Now) -> None:
        factors = self._factors(np.array([song]), now)[:, 0]
        leading = int(factors.argmax())
        self._weights[leading] *= 0.95 if heard.outcome is Outcome.SKIPPED else 1.05
        self._weights /= self._weights.sum()
        self._shares[song] += {Outcome.LIKED: 1.0, Outcome.DISLIKED: 0.0, None: heard.share}[heard.said]
        self._hearings[song] += 1
        self._heard_at[song] = now.wall


class Affetto:
    """(d) What the device does, by the code that runs on it."""

    def __init__(self, music: Music, seed: int) -> None:
        self._library, self._taste = TrackIndex(music.tracks), Taste()
        self._taste.attach(self._library)
        self._dice = random.Random(seed)
        self._last: tuple[str, ...] = ()

    def choose(self, target: Target, now: Now) -> int:
        choice = choose(self._library, target, self._taste, ("everyone",), now, self._dice, self._last)
        assert choice is not None, "there are songs"
        self._last = (choice.track.key,)
        return int(choice.track.key)

    def learn(self, song: int, target: Target, heard: Heard, now: Now) -> None:
        """As the playback does: a dislike is a line of its own kind, a like comes before the end of the song."""
        track = self._library.tracks[song]
        outcomes = [Outcome.DISLIKED] if heard.said is Outcome.DISLIKED else [heard.outcome]
        if heard.said is Outcome.LIKED:
            outcomes.insert(0, Outcome.LIKED)
        for outcome in outcomes:
            line = Listen(track.key, "everyone", target.mood, outcome, now.wall, heard.share * track.duration_s)
            self._taste.add(line)


CHOOSERS: dict[str, type[Folder] | type[Affetto]] = {
    "random": Folder,
    "most played": MostPlayed,
    "NextOne": NextOne,
    "Affetto": Affetto,
}
