"""Listeners who do not exist: hidden tastes, and moods that music moves. For `tools/recommend/measure.py`.

Everything here is an assumption, made to be varied; nothing was fitted to people. In units where 1 halves or doubles
the odds of a skip about three times:

- *Music.* Songs belong to artists, artists to eight styles; each stands at a true place in the valence-arousal plane,
  near where its artist usually is. The device knows the place with an error, says honestly how large that usually is,
  and files the song under the mood nearest to where it believes it to be. It hears the sound with an error as well.
- *Taste.* What a song is worth to a listener is `base` + `taste` times a sum of normal variables: one for the style
  (half of it another one at each part of the day), one for the artist, one for the song.
- *Mood.* The listener has a mood, a point of the same plane. Music further than 0.3 from it annoys, by `mismatch` for
  each unit. Music that is heard pulls the mood towards it, by `pull` for a whole song; music that is far from the mood
  (beyond `reach`) hardly does (the assumption behind the iso-principle). Besides, the mood drifts, slowly returns to
  neutral, and about every 30 songs life puts it somewhere else.
- *Boredom.* A song heard `t` days ago is worth less by `boredom` times exp(-t); one of an artist heard n songs ago by
  half of that times exp(-n/3). `flow` is what the likeness of a song to the last one is worth.
- *What they do.* They skip with the probability sigmoid(-worth), earlier the less they like it; the device learns
  how much was heard. Seldom they say that they like or dislike a song.
- *Stars.* In some settings, the tags of some songs have stars: `STARS` for each unit by which the song's taste, known
  with the error `stars_error`, is above the middle.
- *What the device sees.* The name of the mood that is nearest to the listener's, seen with the error `camera`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from device.domain import (
    MOOD_AFFECT,
    Affect,
    Emotion,
    Mood,
    MoodName,
    MoodOrigin,
    MoodSource,
    Outcome,
    Track,
)
from device.mood.plane import name_of
from device.mood.smoothing import PRIOR

DAY_S = 86400.0
MORNING_S, EVENING_S = 8 * 3600.0, 19 * 3600.0
STYLES, DIMENSIONS = 8, 16
STARS = 1.0  # for each standard deviation of taste
SITTING = 15  # songs that are heard in a row; then it is evening, or the next morning


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything that is assumed; see the module."""

    songs: int = 600
    per_artist: int = 8
    place_error: float = 0.35
    stated_error: float | None = None  # what the device says of it; None: the truth
    sound_error: float = 0.3
    base: float = 1.2
    taste: float = 1.5
    mismatch: float = 2.0
    pull: float = 0.35
    reach: float = 0.8
    boredom: float = 2.0
    flow: float = 0.3
    camera: float = 0.15
    drift: float = 0.05
    talkative: float = 0.1  # how often a song that is loved or hated is called so
    rated: float = 0.0  # the share of songs with stars
    stars_error: float = 0.5  # of the taste that they show, which is 1 from song to song


class Music:
    """The songs: what the device believes (`tracks`, `believed`) and what is true (`place`, `style`, `artist`)."""

    def __init__(self, setting: Setting, dice: np.random.Generator) -> None:
        n = setting.songs
        artists = max(2, n // setting.per_artist)
        styles = _unit(dice.standard_normal((STYLES, DIMENSIONS)))
        artist_style = dice.integers(STYLES, size=artists)
        artist_sound = _unit(styles[artist_style] + 0.15 * dice.standard_normal((artists, DIMENSIONS)))
        artist_place = dice.uniform(-0.8, 0.8, (artists, 2))
        self.artist = dice.choice(artists, n, p=_shares(artists))
        self.style = artist_style[self.artist]
        self.sound = _unit(artist_sound[self.artist] + 0.1 * dice.standard_normal((n, DIMENSIONS)))
        self.place = np.clip(artist_place[self.artist] + 0.35 * dice.standard_normal((n, 2)), -1, 1)
        self.believed = np.clip(self.place + setting.place_error * dice.standard_normal((n, 2)), -1, 1)
        self.length_s = dice.uniform(150, 300, n)
        features = _unit(
            self.sound + setting.sound_error / math.sqrt(DIMENSIONS) * dice.standard_normal(self.sound.shape)
        )
        stated = setting.place_error if setting.stated_error is None else setting.stated_error
        self.tracks = tuple(self._track(song, features[song], stated) for song in range(n))
        self.folder = np.array([list(MoodName).index(track.mood) for track in self.tracks])

    def _track(self, song: int, features: np.ndarray, uncertainty: float) -> Track:
        affect = Affect(*map(float, self.believed[song]))
        return Track(
            str(song),
            f"file:///{song}",
            f"Song {song}",
            f"Artist {self.artist[song]}",
            duration_s=float(self.length_s[song]),
            affect=affect,
            mood=name_of(affect),
            origin=MoodOrigin.MODEL,
            uncertainty=uncertainty,
            features=features.astype("<f2").tobytes(),
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a song: the share that was heard, and what was said of it, if anything."""

    share: float
    outcome: Outcome
    said: Outcome | None


class Listener:
    """One person with a clock: `mood` (float[2]), `wall` and `mono` (s). `hear` plays a song to them."""

    def __init__(self, setting: Setting, music: Music, dice: np.random.Generator) -> None:
        self.setting, self.music, self._dice = setting, music, dice
        daily = dice.standard_normal((4, STYLES)) * math.sqrt(0.5)
        self.style_taste = dice.standard_normal(STYLES) * math.sqrt(0.5) + daily
        self.artist_taste = dice.standard_normal(int(music.artist.max()) + 1)
        self.song_taste = dice.standard_normal(len(music.tracks))
        self._heard_at = np.full(len(music.tracks), -math.inf)
        self._artist_at = np.full(len(self.artist_taste), -math.inf)
        self._last = -1
        self.count = 0
        self.day, self.second = 0, MORNING_S
        self.mood = np.zeros(2)
        self.lively = True  # life happens: the mood jumps now and then
        if setting.rated:
            music.tracks = self._rated(np.random.default_rng(dice.integers(2**32)))

    @property
    def wall(self) -> float:
        """Seconds on a clock of which local time knows the hour (the epoch plus some years, in UTC)."""
        return 1.6e9 - 1.6e9 % DAY_S + self.day * DAY_S + self.second

    def shown(self) -> Mood:
        """The room's mood as the device sees it."""
        seen = self.mood + self.setting.camera * self._dice.standard_normal(2)
        affect = Affect(*map(float, np.clip(seen, -1, 1)))
        return Mood(name_of(affect), affect, Emotion.NEUTRAL, 0.8, 1, PRIOR, MoodSource.CAMERA, 0.0)

    def _rated(self, dice: np.random.Generator) -> tuple[Track, ...]:
        """The tracks, some with stars in their tags."""
        music, s = self.music, self.setting
        style = 0.7 * self.style_taste[:, music.style].mean(axis=0)
        taste = style + 0.5 * self.artist_taste[music.artist] + 0.5 * self.song_taste
        felt = taste / taste.std() + s.stars_error * dice.standard_normal(len(taste))
        stars = np.clip(np.round(3 + STARS * felt), 1, 5)
        known = dice.random(len(taste)) < s.rated
        return tuple(
            replace(track, rating=float(stars[song]) / 5 if known[song] else None)
            for song, track in enumerate(music.tracks)
        )

    def worth(self, song: int) -> float:
        """What this song is worth to the listener now: the logarithm of the odds that it is heard out."""
        s, artist = self.setting, self.music.artist[song]
        liking = 0.7 * self.style_taste[int(self.second // 21600) % 4, self.music.style[song]]
        liking += 0.5 * self.artist_taste[artist] + 0.5 * self.song_taste[song]
        off = max(0.0, float(np.hypot(*(self.music.place[song] - self.mood))) - 0.3)
        bored = math.exp(-(self.wall - self._heard_at[song]) / DAY_S)
        bored += 0.5 * math.exp(-(self.count - self._artist_at[artist]) / 3)
        alike = 0.0 if self._last < 0 else float(self.music.sound[song] @ self.music.sound[self._last])
        return s.base + s.taste * liking - s.mismatch * off - s.boredom * bored + s.flow * alike

    def hear(self, song: int) -> Heard:
        """Listen to a song, or to a part of it; time goes on and the mood moves."""
        worth, dice = self.worth(song), self._dice
        skipped = dice.random() < 1 / (1 + math.exp(worth))
        share = 0.8 * dice.random() ** (1 + max(0.0, -worth)) if skipped else 1.0
        strong = abs(worth - self.setting.base) > 1.5 and dice.random() < self.setting.talkative
        said = None if not strong or skipped == (worth > 0) else Outcome.LIKED if worth > 0 else Outcome.DISLIKED
        self.take_in(song, share)
        if self.count % SITTING == 0:
            evening = self.second < 43200
            self.day, self.second = (self.day, EVENING_S) if evening else (self.day + 1, MORNING_S)
        return Heard(share, Outcome.SKIPPED if skipped else Outcome.PLAYED, said)

    def take_in(self, song: int, share: float) -> None:
        """What a song, or the share of it that is heard, does to the listener."""
        self._move(song, share)
        self.second += float(self.music.length_s[song]) * share
        self._heard_at[song], self._artist_at[self.music.artist[song]] = self.wall, self.count
        self._last = song
        self.count += 1

    def _move(self, song: int, share: float) -> None:
        s, dice = self.setting, self._dice
        way = self.music.place[song] - self.mood
        nearness = math.exp(-float(way @ way) / (2 * s.reach**2)) if math.isfinite(s.reach) else 1.0
        self.mood = self.mood + s.pull * share * nearness * way
        self.mood = 0.97 * self.mood + s.drift * dice.standard_normal(2)
        if self.lively and dice.random() < 1 / 30:
            self.mood = place_of(dice.choice(list(MoodName))) + 0.1 * dice.standard_normal(2)
        self.mood = np.clip(self.mood, -1, 1)


def place_of(name: MoodName) -> np.ndarray:
    """float[2]: the point of a mood."""
    affect = MOOD_AFFECT[name]
    return np.array([affect.valence, affect.arousal])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _shares(count: int) -> np.ndarray:
    """How many songs artists have: few have many, most have few."""
    weights = 1 / np.sqrt(1 + np.arange(count))
    return weights / weights.sum()
