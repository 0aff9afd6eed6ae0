"""Households that do not exist: people with clashing tastes and moods who come and go. For `tools/groups/measure.py`.

Each person is a listener of `tools/recommend/listeners.py`, and everything said there holds here. The rest is assumed,
too. It is made to be varied, and fitted to nobody:

- *Tastes.* A share `common` of the variance of every taste belongs to the household, the rest to the person alone. With
  two `camps`, half of the people like what the household's common taste likes, and the others the opposite.
- *Who is there.* A sitting of 15 songs begins with one person (probability `alone`), or with a random half or more of
  the household, at least two people. Before each song of these, somebody comes or goes with the probability `coming`.
- *Moods.* Everybody has a mood of their own. After each song, it moves towards the mean of those present by
  `contagion`. The device sees the mean mood of those present.
- *What they do.* Somebody who would skip a song alone does so in company with the probability `boldness`. One such
  person is enough: the song is skipped for all, and the one who likes it least is the one who acts. The device knows
  who that was with the probability `named`. People say with their names what they like and dislike, as often as alone.
- *What the device knows.* At first, `known` random songs that each person has heard alone, in the months before. Then,
  who is present, if `told`; otherwise it believes that the whole household always is.

A person's *satisfaction* with a song is the probability that this person would hear it out alone: the sigmoid of its
worth. A song is a *misery* for somebody whose satisfaction is below `UNBEARABLE`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from device.domain import Outcome
from tools.recommend.listeners import DAY_S, EVENING_S, MORNING_S, SITTING, Listener, Music, Setting

UNBEARABLE = 0.2


@dataclass(frozen=True, slots=True)
class GroupSetting:
    """Everything that is assumed; see the module. `people` 0: three to six, by the seed."""

    listener: Setting = field(default_factory=Setting)
    people: int = 0
    common: float = 0.2
    camps: bool = False
    alone: float = 0.3
    coming: float = 0.07
    contagion: float = 0.1
    boldness: float = 0.3
    named: float = 0.5
    told: bool = True
    known: int = 100


@dataclass(frozen=True, slots=True)
class Shared:
    """What became of a song that several people heard. `satisfaction`: by name of those present. `by`: who skipped it,
    as far as the device knows; empty: unknown. `said`: opinions by name."""

    share: float
    skipped: bool
    by: tuple[str, ...]
    said: dict[str, Outcome]
    satisfaction: dict[str, float]


class Household:
    """People and their clock. `present`: the names of those who listen now."""

    def __init__(self, setting: GroupSetting, music: Music, seed: int) -> None:
        self.setting, self._dice = setting, np.random.default_rng([seed, 11])
        count = setting.people or 3 + seed % 4
        common = Listener(setting.listener, music, np.random.default_rng([seed, 12]))
        self.people: dict[str, Listener] = {}
        for number in range(count):
            person = Listener(setting.listener, music, np.random.default_rng([seed, 13, number]))
            _share_taste(person, common, setting.common, -1 if setting.camps and number % 2 else 1)
            self.people[f"p{number}"] = person
        self.day, self.second, self.count = 0, MORNING_S, 0
        self.present: tuple[str, ...] = ()
        self.sitting = -1
        self.next_song()

    @property
    def wall(self) -> float:
        """Seconds on a clock, as for a listener."""
        return 1.6e9 - 1.6e9 % DAY_S + self.day * DAY_S + self.second

    def next_song(self) -> None:
        """People come and go before a song; after a sitting, time passes."""
        names, dice = list(self.people), self._dice
        if self.count % SITTING == 0:
            evening = self.second < 43200 and self.count > 0
            self.day, self.second = (self.day, EVENING_S) if evening else (self.day + 1, MORNING_S)
            self.sitting += 1
            many = int(dice.integers(max(2, len(names) // 2), len(names) + 1))
            many = 1 if dice.random() < self.setting.alone else many
            self.present = tuple(sorted(dice.choice(names, many, replace=False)))
        elif len(self.present) > 1 and dice.random() < self.setting.coming:
            name = str(dice.choice(names))
            others = tuple(one for one in self.present if one != name)
            if name not in self.present or len(others) >= 2:
                self.present = others if name in self.present else tuple(sorted((*others, name)))
        for person in self.people.values():
            person.day, person.second = self.day, self.second

    def mood(self) -> np.ndarray:
        """float[2]: the mean mood of those present, as the camera sees it."""
        moods = np.mean([self.people[name].mood for name in self.present], axis=0)
        return np.clip(moods + self.setting.listener.camera * self._dice.standard_normal(2), -1, 1)

    def hear(self, song: int) -> Shared:
        """Those present hear a song, or a part of it."""
        dice, setting = self._dice, self.setting
        worth = {name: self.people[name].worth(song) for name in self.present}
        satisfaction = {name: 1 / (1 + math.exp(-value)) for name, value in worth.items()}
        boldness = setting.boldness if len(self.present) > 1 else 1.0
        bold = [name for name in self.present if dice.random() < (1 - satisfaction[name]) * boldness]
        share, by = 1.0, ()
        if bold:
            actor = min(bold, key=lambda name: worth[name])
            share = 0.8 * dice.random() ** (1 + max(0.0, -worth[actor]))
            by = (actor,) if dice.random() < setting.named else ()
        said = {name: opinion for name in self.present if (opinion := self._opinion(worth[name], bool(bold)))}
        for name in self.present:
            self.people[name].take_in(song, share)
        self._meet()
        self.second += float(self.people[self.present[0]].music.length_s[song]) * share
        self.count += 1
        return Shared(share, bool(bold), by, said, satisfaction)

    def _opinion(self, worth: float, skipped: bool) -> Outcome | None:
        setting = self.setting.listener
        if abs(worth - setting.base) <= 1.5 or self._dice.random() >= setting.talkative or skipped == (worth > 0):
            return None
        return Outcome.LIKED if worth > 0 else Outcome.DISLIKED

    def _meet(self) -> None:
        middle = np.mean([self.people[name].mood for name in self.present], axis=0)
        for name in self.present:
            person = self.people[name]
            person.mood = person.mood + self.setting.contagion * (middle - person.mood)


def _share_taste(person: Listener, common: Listener, share: float, sign: int) -> None:
    for kind in ("style_taste", "artist_taste", "song_taste"):
        own, shared = getattr(person, kind), getattr(common, kind)
        setattr(person, kind, math.sqrt(1 - share) * own + sign * math.sqrt(share) * shared)
