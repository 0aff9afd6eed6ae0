"""Would it help to learn from what others in the home like? Item-based collaborative filtering, measured and left out.

Two songs are alike if the same people like both (Sarwar, Karypis, Konstan and Riedl, "Item-based collaborative
filtering recommendation algorithms", 2001). So a song that the newcomer liked speaks for the songs that its other
friends like. Here that is one more kind of evidence beside artist and sound; `weight` 0 is the device as it is. The
measurement: a household lives without one of its people, who then comes and listens alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from unittest import mock

import numpy as np

from device.domain import MoodName, Now
from device.mood.policy import match_target
from device.music.recommend import group
from device.music.recommend.preference import Liking, Preference, greatest
from device.music.recommend.profile_taste import ProfileTaste
from device.music.recommend.taste import Taste
from device.music.recommend.track_index import Floats, Rows, TrackIndex
from tools.groups.device import Device, get_to_know, seen
from tools.groups.household import GroupSetting, Household
from tools.recommend.listeners import Music

PRIOR = 1.0  # evidence that a song is neither liked nor disliked
SHRINK = 0.5  # how much common evidence it takes to call two songs alike
COMPARED = 256
BEFORE, ALONE = 150, 45  # songs without the newcomer, and with the newcomer alone


class NeighbourLiking(Liking):
    """A profile's liking with evidence from songs that the same other people like."""

    taste: Taste
    weight: float

    def __init__(
        self, library: TrackIndex, profile: ProfileTaste, mood: MoodName, now: Now, compared: int = COMPARED
    ) -> None:
        super().__init__(library, profile, mood, now, compared)
        others = [one for name in self.taste.profiles if (one := self.taste.of_profile(name)) is not profile]
        self._opinions = np.zeros((len(library), len(others)), np.float32)
        for column, other in enumerate(others):
            rows, good, bad = other.evidence(mood, now.wall)
            self._opinions[rows, column] = (good - bad) / (good + bad + PRIOR)

    def closely(self, rows: Rows, sound: Floats) -> tuple[Preference, Rows]:
        preference, similar = super().closely(rows, sound)
        heard = greatest(self._good + self._bad, COMPARED)
        known = self._rows[heard]
        if not len(known) or not self.weight:
            return preference, similar
        ours, theirs = self._opinions[rows], self._opinions[known]
        lengths = np.linalg.norm(ours, axis=1)[:, None] * np.linalg.norm(theirs, axis=1)[None, :]
        alike = ours @ theirs.T / (lengths + SHRINK)
        alike[rows[:, None] == known[None, :]] = 0
        alike = self.weight * np.square(np.maximum(alike, 0))
        good, bad = preference.sound[0] + alike @ self._good[heard], preference.sound[1] + alike @ self._bad[heard]
        return replace(preference, sound=(good, bad)), similar


def newcomers(setting: GroupSetting, seeds: Sequence[int], weight: float) -> tuple[list[float], list[float]]:
    """For each seed, a newcomer's mean satisfaction with the first 15 songs, and with the next 30 (%)."""
    early, late = zip(*(newcomer(setting, seed, weight) for seed in seeds), strict=True)
    return list(early), list(late)


def newcomer(setting: GroupSetting, seed: int, weight: float) -> tuple[float, float]:
    music = Music(setting.listener, np.random.default_rng([seed, 20]))
    household = Household(setting, music, seed)
    name, *others = household.people
    device = Device(music, seed, group.Plan(), tuple(household.people))
    get_to_know(device, household, np.random.default_rng([seed, 21]), others)
    satisfaction: list[float] = []
    kind = type("NeighbourLiking", (NeighbourLiking,), {"taste": device.taste, "weight": weight})
    with mock.patch.object(group, "Liking", kind):
        for number in range(BEFORE + ALONE):
            there = tuple(one for one in household.present if one != name) or (others[0],)
            household.present = there if number < BEFORE else (name,)
            target = match_target(seen(household.mood()))
            song = device.choose(household.present, target, household.wall)
            wall, shared = household.wall, household.hear(song)
            device.learn(song, target, shared, wall)
            satisfaction += [shared.satisfaction[name]] if number >= BEFORE else []
            household.next_song()
    return 100 * float(np.mean(satisfaction[:15])), 100 * float(np.mean(satisfaction[15:]))
