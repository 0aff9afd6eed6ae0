"""Measure what an owner's corrections do to other tracks: macro-F1 and accuracy before and after.

    python tools/evaluate.py corrections --data DIR --split dev

A simulated owner hears labelled clips and sets the mood of `K` of them: one clip of each of K artists who have several.
The quadrant's mood is happy, tense, sad or calm. Then device/music/library/relatives.py moves the others. `relatives`
are the other clips of those artists, `all` are all clips that the owner did not touch; a clip's quadrant is that of its
point. `--wrong` is the share of corrections that name a wrong quadrant. `neighbours` says how far the model's errors
agree between a clip and the one that sounds most alike, and whether both are by one artist: the reason why corrections
stay with the artist. Few artists here have several clips: a point or two may be chance.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from device.domain import MOOD_AFFECT, Affect, MoodName, MoodOrigin, Track
from device.music.library.relatives import corrected
from device.music.library.tracks import nearest
from tools.music.data import read_labels
from tools.music.measure import analyse

SPLIT = "dev"
MOODS = (MoodName.HAPPY, MoodName.TENSE, MoodName.SAD, MoodName.CALM)
COUNTS = (5, 20, 100)
OWNERS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wrong", type=float, default=0.3, help="share of wrong corrections to try (default: 0.3)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures before and after, for each number of corrections, all right or partly wrong."""
    labels = read_labels(arguments.data, arguments.split)
    if labels.quadrants is None:
        raise ValueError("corrections need clips with a quadrant")
    moods, _ = analyse(arguments.models, labels)
    tracks = [
        Track(str(at), f"file:///{at}", "", str(labels.artists[at]), affect=mood.affect,
              mood=nearest(mood.affect.valence, mood.affect.arousal), origin=MoodOrigin.MODEL, features=mood.features)
        for at, mood in enumerate(moods)
    ]  # fmt: skip
    figures: dict[str, Any] = {"split": arguments.split, "clips": len(tracks), "runs": {}}
    for wrong in (0.0, arguments.wrong, 1.0):
        for count in COUNTS:
            runs = [owner(tracks, labels.quadrants, count, wrong, seed) for seed in range(OWNERS)]
            names = runs[0].keys()
            figures["runs"][f"{count}, {wrong:.0%} wrong"] = {
                name: round(float(np.mean([run[name] for run in runs])), 4) for name in names
            }
    figures["neighbours"] = neighbours(tracks, labels.quadrants)
    return figures


def owner(tracks: list[Track], truth: np.ndarray, count: int, wrong: float, seed: int) -> dict[str, float]:
    """One owner's corrections and their effect."""
    random = np.random.default_rng(seed)
    by_artist: dict[str, list[int]] = {}
    for at, track in enumerate(tracks):
        by_artist.setdefault(track.artist, []).append(at)
    several = [places for places in by_artist.values() if len(places) > 1]
    if not several:
        raise ValueError("no artist has several clips, so there is nothing to learn from one")
    chosen = [int(random.choice(several[at])) for at in random.permutation(len(several))[:count]]
    library = {track.key: track for track in tracks}
    for at in chosen:
        quadrant = int(truth[at])
        if random.random() < wrong:
            quadrant = (quadrant + int(random.integers(1, 4))) % 4
        mood = MOODS[quadrant]
        library[str(at)] = _with_mood(tracks[at], mood)
    points = {track.key: (track.affect.valence, track.affect.arousal, 0.3) for track in tracks}
    after = {**library, **corrected(library, lambda keys: points)}
    rest = np.array([at for at in range(len(tracks)) if at not in chosen])
    touched = {tracks[at].artist for at in chosen}
    kin = np.array([at for at in rest if tracks[at].artist in touched])
    old = np.array([quadrant_of(track.affect) for track in tracks])
    new = np.array([quadrant_of(after[track.key].affect) for track in tracks])
    return {
        "corrected": float(len(chosen)),
        "relatives": float(len(kin)),
        "relatives_before": float((old[kin] == truth[kin]).mean()),
        "relatives_after": float((new[kin] == truth[kin]).mean()),
        "f1_before": macro_f1(old[rest], truth[rest]),
        "f1_after": macro_f1(new[rest], truth[rest]),
    }


def neighbours(tracks: list[Track], truth: np.ndarray) -> dict[str, Any]:
    """The correlation of errors between each clip and the most similar one: of any artist, and of the same."""
    vectors = np.array([np.frombuffer(track.features, "<f2") for track in tracks], np.float64)
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -2)
    near = alike.argmax(axis=1)
    points = np.array([[MOOD_AFFECT[MOODS[q]].valence, MOOD_AFFECT[MOODS[q]].arousal] for q in truth])
    errors = points - np.array([[track.affect.valence, track.affect.arousal] for track in tracks])
    same = np.array([tracks[a].artist == tracks[b].artist for a, b in enumerate(near)])
    found: dict[str, Any] = {"same_artist": int(same.sum())}
    for name, rows in (("other artist", ~same), ("same artist", same)):
        pair = [float(np.corrcoef(errors[rows, axis], errors[near[rows], axis])[0, 1]) for axis in range(2)]
        found[name] = [round(value, 2) for value in pair]
    return found


def _with_mood(track: Track, mood: MoodName) -> Track:
    return Track(track.key, track.uri, "", track.artist, affect=MOOD_AFFECT[mood], mood=mood, origin=MoodOrigin.USER,
                 features=track.features)  # fmt: skip


def quadrant_of(affect: Affect) -> int:
    """0 to 3 for Q1 to Q4."""
    if affect.arousal >= 0:
        return 0 if affect.valence >= 0 else 1
    return 3 if affect.valence >= 0 else 2


def macro_f1(said: np.ndarray, truth: np.ndarray) -> float:
    """The mean F1 over the four quadrants."""
    scores = []
    for quadrant in range(4):
        hits = int(((said == quadrant) & (truth == quadrant)).sum())
        scores.append(2 * hits / max(1, int((said == quadrant).sum() + (truth == quadrant).sum())))
    return float(np.mean(scores))


def table(figures: dict[str, Any]) -> str:
    """One line for each number of corrections."""
    lines = [
        f"{figures['clips']} clips, split {figures['split']}; means of {OWNERS} simulated owners",
        f"{'corrections':18} {'relatives':>9} {'right before':>13} {'after':>7}"
        f" {'macro-F1 of all others':>24} {'after':>6}",
    ]
    for name, row in figures["runs"].items():
        lines.append(
            f"{name:18} {row['relatives']:9.0f} {row['relatives_before']:13.1%} {row['relatives_after']:7.1%} "
            f"{row['f1_before']:24.3f} {row['f1_after']:6.3f}"
        )
    near = figures["neighbours"]
    lines.append(
        "errors of a clip and of the most similar one correlate (valence, arousal): "
        f"{near['other artist']} between artists, {near['same artist']} within one ({near['same_artist']} clips)"
    )
    return "\n".join(lines)
