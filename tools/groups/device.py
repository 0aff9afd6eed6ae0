"""The device in the simulation of households, by the code that runs on it. For `tools/groups/measure.py`."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np

from device.core.audience import Audience
from device.core.lessons import lessons
from device.core.queue import Playthrough
from device.domain import (
    EVERYONE,
    Affect,
    Choice,
    Emotion,
    Listen,
    Mood,
    MoodSource,
    Now,
    Outcome,
    Target,
)
from device.mood.plane import name_of
from device.mood.policy import match_target
from device.mood.smoothing import PRIOR
from device.music.recommend.choose import Taste, TrackIndex, choose
from device.music.recommend.group import Plan
from tools.groups.household import Household, Shared
from tools.recommend.choosers import Folder
from tools.recommend.listeners import EVENING_S, MORNING_S, Music


class Device:
    """What the device does, by the code that runs on it; without a plan, a random song of the mood's folder."""

    def __init__(
        self, music: Music, seed: int, plan: Plan | None, known: tuple[str, ...], *, one_profile: bool = False
    ) -> None:
        self._folder, self._plan, self._one_profile = Folder(music, seed), plan, one_profile
        self._library, self.taste, self._dice = TrackIndex(music.tracks), Taste(), random.Random(seed)
        self.taste.attach(self._library)
        self._known, self._last = known, ()
        self._profiles: tuple[str, ...] = ()

    def present(self, names: tuple[str, ...]) -> None:
        """These people are there, as far as the device knows."""
        self._profiles = (EVERYONE,) if self._one_profile else names

    def choose(self, present: tuple[str, ...], target: Target, wall: float) -> int:
        """The number of the next song for those whom the device believes to be present."""
        self.present(present)
        now = Now(0.0, wall)
        if self._plan is None:
            return self._folder.choose(target, now)
        choice = choose(
            self._library, target, self.taste, self._profiles, now, self._dice, self._last, plan=self._plan
        )
        assert choice is not None, "there are songs"
        self._last = (choice.track.key,)
        return int(choice.track.key)

    def learn(self, song: int, target: Target, shared: Shared, wall: float) -> None:
        """As the playback does: opinions first, then the end of the song."""
        track = self._library.tracks[song]
        playthrough = Playthrough(1, Choice(track, ""), target.mood, heard_s=shared.share * track.duration_s)
        audience, now = Audience(self._profiles, known=self._known), Now(0.0, wall)
        lines: list[Listen] = []
        for name, opinion in shared.said.items():
            lines += lessons(playthrough, opinion, audience, now, () if self._one_profile else (name,))
        by = () if self._one_profile else shared.by
        lines += lessons(playthrough, Outcome.SKIPPED if shared.skipped else Outcome.PLAYED, audience, now, by)
        for line in lines:
            self.taste.add(line)


def seen(mood: np.ndarray) -> Mood:
    """The room's mood as the device sees it."""
    affect = Affect(*map(float, mood))
    return Mood(name_of(affect), affect, Emotion.NEUTRAL, 0.8, 1, PRIOR, MoodSource.CAMERA, 0.0)


def get_to_know(
    device: Device, household: Household, dice: np.random.Generator, names: Iterable[str] | None = None
) -> None:
    """Everybody, or those with these names, hears songs alone, and the device learns from it."""
    for name in household.people if names is None else names:
        person = household.people[name]
        for number in range(household.setting.known):
            person.day = int(-household.setting.known + number)  # one a day, in the morning or in the evening
            person.second = MORNING_S if dice.random() < 0.5 else EVENING_S
            song = int(dice.integers(len(person.music.tracks)))
            wall, heard, target = person.wall, person.hear(song), match_target(seen(person.mood))
            by = (name,) if heard.outcome is Outcome.SKIPPED else ()
            said = {name: heard.said} if heard.said else {}
            device.present((name,))
            device.learn(song, target, Shared(heard.share, bool(by), by, said, {}), wall)
        person.mood = np.zeros(2)
