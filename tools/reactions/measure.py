"""Measure faces' reactions to songs: how many are seen, how many are false, and what they do to the learnt taste.

    python tools/evaluate.py reactions --data FACES --split valid

The first part is made from labelled faces (`people.py`). A song lasts `SONG_S`; only its first minute counts. The
second part lives the lives of `tools/evaluate.py recommend` three times: without reactions; with them, as often right
and wrong as the first part says; and with the false ones only. A person reacts to `REACTS` of the songs that they
love or hate, and talks all the time (the habit with the most false reactions). ± is half of a 95% interval."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

from device.domain import Emotion, Listen, Now, Outcome, Target
from device.mood.policy import match_target
from device.perception.emotion import EmotionClassifier
from tools.labelled.emotions import read_split
from tools.reactions import people
from tools.reactions.people import GRIMACES, HABITS, Bank
from tools.recommend.choosers import Affetto
from tools.recommend.listeners import Heard, Listener, Music, Setting
from tools.recommend.measure import interval

SONG_S = 210.0
FACES = 60  # of each emotion
STRONG, REACTS = 1.5, 0.3
SETTINGS = {"usual": Setting(), "strong taste": Setting(taste=3.0)}
REACTIONS = {"smile": (Emotion.HAPPINESS,), "grimace": GRIMACES}
Rates = dict[str, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--songs", type=int, default=600, help="first minutes of each kind (default: 600)")
    parser.add_argument("--listeners", type=int, default=10, help="listeners for each setting (default: 10)")
    parser.add_argument("--life", type=int, default=400, help="songs in each listener's life (default: 400)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Recall, false reactions an hour, and the change of the songs that are skipped."""
    if arguments.songs < 20 or arguments.listeners < 2 or arguments.life < 50:
        raise ValueError("--songs must be at least 20, --listeners 2 and --life 50, or the result is noise")
    random = np.random.default_rng(23)
    print("scoring the faces", file=sys.stderr)
    bank = score(arguments)
    seen = {name: recall(bank, kinds, arguments.songs, random) for name, kinds in REACTIONS.items()}
    false = {habit: mistakes(bank, habit, arguments.songs, random) for habit in HABITS}
    worst = max(false.values(), key=lambda row: row["pleased"] + row["displeased"])
    rates = {"smile": seen["smile"]["right"], "grimace": seen["grimace"]["right"],
             "pleased": worst["pleased"], "displeased": worst["displeased"]}  # fmt: skip
    figures: dict[str, Any] = {"songs": arguments.songs, "split": arguments.split, "seen": seen, "false": false}
    figures["taste"] = {}
    for name, setting in SETTINGS.items():
        print(f"living: {name}", file=sys.stderr)
        figures["taste"][name] = compare(setting, rates, arguments.listeners, arguments.life)
    return figures


def score(arguments: argparse.Namespace) -> Bank:
    """The scores of the first clear faces of each emotion."""
    faces, classifier = read_split(arguments.data, arguments.split), EmotionClassifier.load(arguments.models)
    bank = {}
    for emotion, places in people.emotions(faces.majority()).items():
        if not len(places):
            raise ValueError(f"the split {arguments.split} has no clear face that shows {emotion}")
        bank[emotion] = np.array([classifier.scores(faces.faces[place]) for place in places[:FACES]], np.float64)
    return bank


def recall(bank: Bank, kinds: tuple[Emotion, ...], songs: int, random: people.Random) -> Rates:
    """The share of quiet people's reactions that are seen as what they are, and as the opposite."""
    want = Outcome.PLEASED if Emotion.HAPPINESS in kinds else Outcome.DISPLEASED
    found = [people.reactions(bank, "quiet", kinds[n % len(kinds)], random) for n in range(songs)]
    right = sum(any(one.outcome is want for one in song) for song in found)
    wrong = sum(any(one.outcome is not want for one in song) for song in found)
    return {"right": round(right / songs, 3), "wrong": round(wrong / songs, 3)}


def mistakes(bank: Bank, habit: str, songs: int, random: people.Random) -> Rates:
    """False reactions of a person who does not react: an hour, and the shares of songs."""
    found = [one.outcome for _ in range(songs) for one in people.reactions(bank, habit, None, random)]
    pleased, displeased = found.count(Outcome.PLEASED) / songs, found.count(Outcome.DISPLEASED) / songs
    hourly = (pleased + displeased) * 3600 / SONG_S
    return {"per_hour": round(hourly, 2), "pleased": round(pleased, 4), "displeased": round(displeased, 4)}


class Watching(Affetto):
    """The device that also learns from faces. `rates`: how often a reaction is seen, and a false one is."""

    def __init__(self, music: Music, seed: int, rates: Rates | None, reacts: float) -> None:
        super().__init__(music, seed)
        self._rates, self._reacts, self._random = rates, reacts, np.random.default_rng([seed, 5])

    def react(self, song: int, target: Target, worth: float, usual: float, now: Now) -> None:
        """Somebody hears the song's first minute."""
        draws = self._random.random(4)
        if self._rates is None:
            return
        kind = None
        if abs(worth - usual) > STRONG and draws[0] < self._reacts:
            name, outcome = ("smile", Outcome.PLEASED) if worth > usual else ("grimace", Outcome.DISPLEASED)
            kind = outcome if draws[1] < self._rates[name] else None
        if kind is None and draws[2] < self._rates["pleased"] + self._rates["displeased"]:
            share = self._rates["pleased"] / (self._rates["pleased"] + self._rates["displeased"])
            kind = Outcome.PLEASED if draws[3] < share else Outcome.DISPLEASED
        if kind is not None:
            self._taste.add(Listen(self._library.tracks[song].key, "everyone", target.mood, kind, now.wall, 30.0))


def compare(setting: Setting, rates: Rates, listeners: int, songs: int) -> dict[str, Any]:
    """Songs skipped in the second half of each life, and the difference that reactions make."""
    ways = {"without": (None, 0.0), "with": (rates, REACTS), "false only": (rates, 0.0)}
    lives = {
        way: [live(setting, seed, songs, given, reacts) for seed in range(listeners)]
        for way, (given, reacts) in ways.items()
    }
    rows = {way: interval(runs) for way, runs in lives.items()}
    for way in ("with", "false only"):
        rows[f"{way}, difference"] = interval(
            [ours - plain for ours, plain in zip(lives[way], lives["without"], strict=True)]
        )
    return rows


def live(setting: Setting, seed: int, songs: int, rates: Rates | None, reacts: float) -> float:
    """The share of songs skipped in the second half of one life, in percent."""
    music = Music(setting, np.random.default_rng([seed, 1]))
    listener = Listener(setting, music, np.random.default_rng([seed, 2]))
    chooser, skips = Watching(music, seed, rates, reacts), np.zeros(songs)
    for n in range(songs):
        target, now = match_target(listener.shown()), Now(0.0, listener.wall)
        song = chooser.choose(target, now)
        worth = listener.worth(song)
        heard: Heard = listener.hear(song)
        chooser.react(song, target, worth, setting.base, now)
        chooser.learn(song, target, heard, Now(0.0, listener.wall))
        skips[n] = heard.outcome is Outcome.SKIPPED
    return float(100 * skips[songs // 2 :].mean())


def table(figures: dict[str, Any]) -> str:
    """The figures for a terminal."""
    lines = [f"{figures['songs']} first minutes of each kind, faces of split {figures['split']}"]
    lines += [f"{name} seen: {row['right']:.1%}, as the opposite: {row['wrong']:.1%}"
              for name, row in figures["seen"].items()]  # fmt: skip
    lines += [f"false reactions an hour of music, {habit}: {row['per_hour']:.1f} ({row['pleased']:.1%} of songs "
              f"pleased, {row['displeased']:.1%} displeased)" for habit, row in figures["false"].items()]  # fmt: skip
    for name, rows in figures["taste"].items():
        lines += [f"skipped, %, {name}, {way}: {row['mean']:.1f} ± {row['half']:.1f}" for way, row in rows.items()]
    return "\n".join(lines)
