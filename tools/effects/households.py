"""Simulated households whose mood songs move, for tools/effects/measure.py. All of it is assumed.

The true mood m is a point in the plane. From one song to the next

    m <- m + return * (base - m) + pull * (place of the song - m) + effect of its kind + effect of the song + noise

and now and then something happens that moves it elsewhere. The device knows none of these. It sees the mood only when
somebody looks into the camera, and with an error; it knows the place of a song with an error, and so its kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from device.domain import Affect, Felt, Mood, MoodName, MoodOrigin, MoodSource, Track
from device.mood.plane import EMOTION_AFFECT, name_of
from device.mood.smoothing import PRIOR

MOODS = list(MoodName)


@dataclass(frozen=True, slots=True)
class World:
    """What a household is like. Spreads and errors are standard deviations in units of the plane."""

    songs: int = 200
    song_effect: float = 0.08
    kind_effect: float = 0.06
    pull: float = 0.1
    noise: float = 0.1
    returns: float = 0.1
    event: float = 0.03  # the chance in each song that something happens
    seen_error: float = 0.15
    presence: float = 0.7  # the chance that a face is in view at the beginning or the end of a song
    place_error: float = 0.2
    skips: float = 0.15


class Household:
    """One household in this world; `seed` decides everything. `songs_dice` and `life_dice` are apart, so that two ways
    of choosing live through the same days."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        nature = np.random.default_rng([seed, 1])
        self.life = np.random.default_rng([seed, 2])
        self.camera = np.random.default_rng([seed, 3])
        self.places = nature.uniform(-0.9, 0.9, (world.songs, 2))
        believed = np.clip(self.places + world.place_error * nature.standard_normal((world.songs, 2)), -1, 1)
        kind_effect = world.kind_effect * nature.standard_normal((len(MOODS), 2))
        self.tracks = tuple(_track(number, place) for number, place in enumerate(believed))
        kinds = [MOODS.index(track.mood) for track in self.tracks]
        self.effects = kind_effect[kinds] + world.song_effect * nature.standard_normal((world.songs, 2))
        self.base = np.array([0.1, 0.0])
        self.mood = self.base.copy()

    def wake(self) -> None:
        """A new day begins with a mood of its own, rather on the gloomy side."""
        self.mood = np.clip(np.array([-0.3, 0.0]) + 0.35 * self.life.standard_normal(2), -1, 1)

    def hear(self, song: int) -> bool:
        """Live through one song; returns whether it was skipped at its beginning, and so did nothing."""
        world = self.world
        skipped, happens = self.life.random(2) < (world.skips, world.event)
        noise = world.noise * self.life.standard_normal(2)
        event = np.array([-0.4, 0.2]) * self.life.standard_normal() if happens else 0.0
        if not skipped:
            self.mood = self.mood + world.pull * (self.places[song] - self.mood) + self.effects[song]
        self.mood = np.clip(self.mood + world.returns * (self.base - self.mood) + noise + event, -1, 1)
        return bool(skipped)

    def look(self) -> Felt | None:
        """What the camera sees of the mood now."""
        present, error = self.camera.random() < self.world.presence, self.camera.standard_normal(2)
        certainty = self.camera.uniform(0.5, 0.9)
        if not present:
            return None
        seen = np.clip(self.mood + self.world.seen_error * error, -1, 1)
        return Felt(Affect(float(seen[0]), float(seen[1])), float(certainty))


def room_of(felt: Felt) -> Mood:
    """What the device takes the room's mood to be."""
    emotion = min(EMOTION_AFFECT, key=lambda one: EMOTION_AFFECT[one].distance(felt.affect))
    return Mood(name_of(felt.affect), felt.affect, emotion, felt.certainty, 1, PRIOR, MoodSource.CAMERA, 0.0)


def _track(number: int, place: np.ndarray) -> Track:
    affect = Affect(float(place[0]), float(place[1]))
    return Track(str(number), f"file:///{number}.ogg", f"song {number}", f"artist {number // 4}", "", 200.0,
                 affect, name_of(affect), MoodOrigin.MODEL, 0.25)  # fmt: skip
