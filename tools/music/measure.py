"""Measure the music mood model: macro-F1 over the quadrants, arousal, valence, calibration, time; plots with --plots.

    python tools/evaluate.py music --data DIR --split dev --json --plots out/music

Every clip goes through the analyser that the device runs, decoding included. DIR holds clips.csv (file, quadrant,
split, artist_id). Where clips.csv has columns `valence` and `arousal` (felt emotions, any scale), `quadrant` may be
missing, and the correlations with them are given.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from device.music.analysis import MoodAnalyser, TrackMood
from tools.music.data import QUADRANTS, Labelled, read_labels

SPLIT = "dev"
HIGH_AROUSAL, HIGH_VALENCE = (0, 1), (0, 3)
BINS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plots", type=Path, metavar="DIR", help="also draw confusion, plane and calibration there")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything as one JSON object."""
    labels = read_labels(arguments.data, arguments.split)
    moods, seconds = analyse(arguments.models, labels)
    figures: dict[str, Any] = {"split": arguments.split, "clips": len(labels), "artists": len(set(labels.artists))}
    shares = np.array([mood.quadrants for mood in moods])
    if labels.quadrants is not None:
        figures |= judge(shares, labels.quadrants) | {"same_artist_nearest": nearest(moods, labels.artists)}
    if labels.felt is not None:
        figures["correlation"] = correlate(moods, labels.felt)
    figures["seconds"] = {f"p{p}": round(float(np.percentile(seconds, p)), 3) for p in (50, 95)}
    figures["size_bytes"] = (arguments.models / "music_mood.tflite").stat().st_size
    if arguments.plots:
        from tools.music.plots import draw

        draw(arguments.plots, moods, labels, figures)
    return figures


def table(figures: dict[str, Any]) -> str:
    """The figures as lines for a person."""
    lines = [f"{figures['clips']} clips of {figures['artists']} artists, split {figures['split']}"]
    if "macro_f1" in figures:
        lines.append(
            f"macro-F1 {figures['macro_f1']:.3f}   arousal {figures['arousal']:.1%}   valence {figures['valence']:.1%}"
            f"   accuracy {figures['accuracy']:.1%}   calibration error {figures['ece']:.3f}"
        )
        lines.append("recall " + "  ".join(f"{name} {value:.1%}" for name, value in figures["recall"].items()))
        lines += ["true \\ said" + "".join(f"{name:>6}" for name in QUADRANTS)]
        rows = zip(QUADRANTS, figures["confusion"], strict=True)
        lines += [f"{name:>11}" + "".join(f"{n:>6}" for n in row) for name, row in rows]
        alike = figures["same_artist_nearest"]
        lines.append(
            f"nearest of another clip is of the same artist: {alike['found']:.1%} (chance {alike['chance']:.1%})"
        )
    if "correlation" in figures:
        lines.append(
            "correlation " + "  ".join(f"{name} {value:.3f}" for name, value in figures["correlation"].items())
        )
    seconds = figures["seconds"]
    lines.append(
        f"{seconds['p50']:.3f} s a clip (p95 {seconds['p95']:.3f}), model {figures['size_bytes'] / 1024:.0f} KiB"
    )
    return "\n".join(lines)


def analyse(models: Path, labels: Labelled) -> tuple[list[TrackMood], list[float]]:
    """Each clip's mood, and the seconds that it took."""
    analyser = MoodAnalyser.load(models)
    console = Console(stderr=True)
    moods, seconds = [], []
    for path in track(labels.paths, "listening", console=console, transient=True, disable=not console.is_terminal):
        start = time.perf_counter()
        moods.append(analyser.analyse(path))
        seconds.append(time.perf_counter() - start)
    return moods, seconds


def judge(shares: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Figures of probabilities [n, 4] against quadrants [n]; the likeliest one says what arousal and valence are."""
    best = shares.argmax(1)
    confusion = np.zeros((4, 4), int)
    np.add.at(confusion, (truth, best), 1)
    hits = np.diagonal(confusion)
    f1 = 2 * hits / np.maximum(confusion.sum(0) + confusion.sum(1), 1)
    present = confusion.sum(1) > 0
    return {
        "macro_f1": round(float(f1[present].mean()), 4),
        "accuracy": round(float((best == truth).mean()), 4),
        "arousal": _agreement(best, truth, HIGH_AROUSAL),
        "valence": _agreement(best, truth, HIGH_VALENCE),
        "recall": {
            q: round(float(h / max(n, 1)), 4) for q, h, n in zip(QUADRANTS, hits, confusion.sum(1), strict=True)
        },
        "ece": calibration_error(shares, truth),
        "log_loss": round(float(-np.log(shares[np.arange(len(truth)), truth] + 1e-9).mean()), 4),
        "confusion": confusion.tolist(),
    }


def _agreement(best: np.ndarray, truth: np.ndarray, high: Sequence[int]) -> float:
    return round(float((np.isin(best, high) == np.isin(truth, high)).mean()), 4)


def calibration_error(shares: np.ndarray, truth: np.ndarray) -> float:
    """Expected calibration error of the likeliest quadrant in ten bins (Guo et al. 2017)."""
    sure, right = shares.max(1), shares.argmax(1) == truth
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(sure[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in set(bins.tolist())]
    return round(float(sum(gaps)), 4)


def correlate(moods: Sequence[TrackMood], felt: np.ndarray) -> dict[str, float]:
    """Pearson's correlation with felt valence and arousal [n, 2]."""
    said = np.array([(mood.affect.valence, mood.affect.arousal) for mood in moods])
    pairs = zip(("valence", "arousal"), said.T, felt.T, strict=True)
    return {name: round(float(np.corrcoef(ours, theirs)[0, 1]), 4) for name, ours, theirs in pairs}


def nearest(moods: Sequence[TrackMood], artists: np.ndarray) -> dict[str, float]:
    """How often the clip that sounds most alike is of the same artist, among clips whose artist has another one."""
    vectors = np.array([np.frombuffer(mood.features, "<f2") for mood in moods], np.float32)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -2)
    same = artists[:, None] == artists[None]
    np.fill_diagonal(same, False)
    usable = same.any(1)
    found = same[np.arange(len(artists)), alike.argmax(1)][usable]
    chance = same[usable].sum(1) / max(len(artists) - 1, 1)
    if not usable.any():
        return {"found": 0.0, "chance": 0.0}
    return {"found": round(float(found.mean()), 4), "chance": round(float(chance.mean()), 4)}
