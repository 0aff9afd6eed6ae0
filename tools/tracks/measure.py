"""Measure the tracker: does everybody keep one number, on synthetic plays, painted films and a real video?

    python tools/evaluate.py tracks --data DIR --split valid --video FILE --json

Four kinds of evidence. `sketches` are boxes with a detector's jitter, misses and false alarms: many plays, quickly.
`films` are some of the same plays painted with real faces of the split and seen by the real detector. The video is of
one person, who must have one number throughout. `stills` are real scenes, held before the eye (stills.py): who is
found in single frames, who is confirmed, and what is confirmed where nobody is. Beside ours runs the plainest tracker
there is: greedy by overlap with where a face was last, forgetting after the same time.

The worst that can happen is `swapped`: somebody gets a number that was somebody else's. `renumbered` is somebody who
comes back as a new person. IDF1 is after Ristani et al. 2016 (arXiv:1609.01775), MOTA after Bernardin and Stiefelhagen
2008 (doi:10.1155/2008/246309). The tracker's figures were chosen on other seeds and on the training people.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.domain import Face
from device.perception.faces import FaceDetector
from device.perception.tracker import KEEP_S, Tracker, overlap
from tools.labelled import boxes
from tools.tracks import film
from tools.tracks import plays as track_plays
from tools.tracks.plays import Moment, Play
from tools.tracks.stills import measure_stills, read_stills

FRAME_RATES = (2.0, 4.0, 8.0)
FIRST_SEED = 1000  # those below were used to choose the tracker's figures
SAME_PLACE = 0.3  # intersection over union at which a detection is of a face

Numbering = Callable[[Sequence[Face], float], list[int]]
"""Gives numbers to the faces found at a time, in their order."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--video", type=Path, metavar="FILE", help="also a video of one person")
    parser.add_argument(
        "--sketches", type=int, default=50, metavar="N", help="of each play and frame rate (default: 50)"
    )
    parser.add_argument("--stills", type=int, default=0, metavar="N", help="one real scene in N (default: none)")
    parser.add_argument("--films", type=int, default=5, metavar="N", help="of each play and frame rate (default: 5)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything as one JSON object."""
    detector = FaceDetector.load(arguments.models)
    figures: dict[str, Any] = {"split": arguments.split, "keep_s": KEEP_S, "frame_rates": FRAME_RATES}
    figures["sketches"] = compare(arguments.sketches, track_plays.sketch)
    if arguments.films:
        studio = Studio(arguments.data, arguments.split, detector)
        figures["films"] = compare(arguments.films, studio.shoot)
    if arguments.stills:
        figures["stills"] = measure_stills(detector.find, *read_stills(arguments.data, arguments.stills))
    if arguments.video:
        figures["video"] = watch(arguments.video, detector)
    return figures


def table(figures: dict[str, Any]) -> str:
    """The figures as lines for a person."""
    lines = [f"{'':<13}{'':<13}{'faces':>7}{'swapped':>9}{'renumbered':>12}{'perfect':>11}{'IDF1':>8}{'MOTA':>8}"]
    for kind in ("sketches", "films"):
        for tracker, plays in figures.get(kind, {}).items():
            lines.append(f"{kind}, {tracker}")
            for name, row in sorted(plays.items(), key=lambda item: item[0].startswith("all")):
                perfect = f"{row['perfect_plays']}/{row['plays']}"
                lines.append(
                    f"{'':<13}{name:<13}{row['faces']:>7}{row['swapped']:>9}{row['renumbered']:>12}{perfect:>11}"
                    f"{row['idf1']:>8.4f}{row['mota']:>8.4f}"
                )
    if "stills" in figures:
        lines.append("stills: " + ", ".join(f"{key} {value}" for key, value in figures["stills"].items()))
    if "video" in figures:
        lines.append("video: " + ", ".join(f"{key} {value}" for key, value in figures["video"].items()))
    return "\n".join(lines)


# --- Trackers --------------------------------------------------------------------------------------------------


def ours() -> Numbering:
    tracker = Tracker()
    return lambda faces, at_s: [tracked.number for tracked in tracker.update(faces, at_s)]


def greedy_overlap() -> Numbering:
    """Nothing but overlap with the last box; from 0.3 on."""
    known: dict[int, tuple[float, Face]] = {}
    last = 0

    def number(faces: Sequence[Face], at_s: float) -> list[int]:
        nonlocal last
        before = {n: face for n, (seen_s, face) in known.items() if at_s - seen_s <= KEEP_S}
        pairs = pair(faces, before)
        numbers = []
        for index, face in enumerate(faces):
            last += index not in pairs
            numbers.append(pairs.get(index, last))
            known[numbers[-1]] = (at_s, face)
        return numbers

    return number


TRACKERS: dict[str, Callable[[], Numbering]] = {"ours": ours, "greedy overlap": greedy_overlap}


# --- Judging ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """Counts over any number of plays; they add up."""

    faces: int = 0
    missed: int = 0
    alarms: int = 0
    renumbered: int = 0  # somebody got a number that nobody had before
    swapped: int = 0  # somebody got a number that had been somebody else's
    plays: int = 0
    perfect: int = 0  # plays in which everybody kept one number
    agreed: int = 0  # faces under the one number that is theirs in the best pairing of people and numbers
    numbered: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def figures(self) -> dict[str, Any]:
        switches = self.renumbered + self.swapped
        return {
            "faces": self.faces,
            "swapped": self.swapped,
            "renumbered": self.renumbered,
            "plays": self.plays,
            "perfect_plays": self.perfect,
            "idf1": round(2 * self.agreed / max(1, self.faces + self.numbered), 4),
            "mota": round(1 - (self.missed + self.alarms + switches) / max(1, self.faces), 4),
        }


def judge(moments: Iterable[Moment], number: Numbering) -> Tally:
    """Follow one play and compare."""
    tally, owner, last = Tally(plays=1), {}, {}
    together: Counter[tuple[int, int]] = Counter()
    for moment in moments:
        numbers = number(moment.found, moment.at_s)
        pairs = pair(moment.found, moment.visible)
        tally.faces += len(moment.visible)
        tally.missed += len(moment.visible) - len(pairs)
        tally.alarms += len(moment.found) - len(pairs)
        tally.numbered += len(numbers)
        for index, actor in pairs.items():
            given = numbers[index]
            together[actor, given] += 1
            if last.get(actor, given) != given or owner.get(given, actor) != actor:
                if owner.get(given, actor) != actor:
                    tally.swapped += 1
                else:
                    tally.renumbered += 1
            last[actor], owner[given] = given, actor
    tally.agreed = best_pairing(together)
    tally.perfect = int(tally.renumbered + tally.swapped == 0)
    return tally


def pair(faces: Sequence[Face], known: Mapping[int, Face]) -> dict[int, int]:
    """Index of a face to the key of the known face that it overlaps, best first, each at most once."""
    ranked = sorted(
        ((overlap(face, other), index, key) for index, face in enumerate(faces) for key, other in known.items()),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    for share, index, key in ranked:
        if share >= SAME_PLACE and index not in pairs and key not in pairs.values():
            pairs[index] = key
    return pairs


def best_pairing(together: Counter[tuple[int, int]]) -> int:
    """The most frames that a pairing of people with numbers, one to one, can explain (Ristani et al. 2016)."""
    actors = sorted({actor for actor, _ in together})
    best = {0: 0}  # set of people already paired, as bits: frames
    for number in sorted({number for _, number in together}):
        step = dict(best)
        for used, frames in best.items():
            for bit, actor in enumerate(actors):
                if not used >> bit & 1:
                    more = frames + together[actor, number]
                    key = used | 1 << bit
                    step[key] = max(step.get(key, 0), more)
        best = step
    return max(best.values())


def compare(
    count: int, show: Callable[[Play, np.random.Generator], Iterable[Moment]], first_seed: int = FIRST_SEED
) -> dict[str, dict[str, Any]]:
    """Every play `count` times at every frame rate, followed by every tracker: figures by tracker and play."""
    tallies: dict[str, dict[str, Tally]] = {name: {} for name in TRACKERS}
    for write in track_plays.PLAYS:
        print(f"{write.__name__} ...", file=sys.stderr)
        for fps in FRAME_RATES:
            for moments in shows(write, fps, range(first_seed, first_seed + count), show):
                for name, start in TRACKERS.items():
                    tally = judge(moments, start())
                    for row in (write.__name__, f"all at {fps:g}/s", "all"):
                        tallies[name][row] = tallies[name].get(row, Tally()) + tally
    return {name: {play: tally.figures() for play, tally in plays.items()} for name, plays in tallies.items()}


def shows(
    write: Callable[[np.random.Generator, float], Play],
    fps: float,
    seeds: Iterable[int],
    show: Callable[[Play, np.random.Generator], Iterable[Moment]],
) -> Iterator[list[Moment]]:
    """One play with each seed; the same for everybody."""
    for seed in seeds:
        random = np.random.default_rng((zlib.crc32(write.__name__.encode()), seed, int(fps)))
        yield list(show(write(random, fps), random))


class Studio:
    """Paints plays with the people of a split, on backgrounds that no detector was trained on."""

    def __init__(self, data_dir: Path, split: str, detector: FaceDetector) -> None:
        self._people = film.people(data_dir, split)
        self._grounds = boxes.held_back_backgrounds(data_dir)
        self._detector = detector
        if len(self._people) < 4 or not self._grounds:
            raise ValueError(f"{data_dir} has too few people or backgrounds to paint films; use --films 0.")

    def shoot(self, play: Play, random: np.random.Generator) -> Iterator[Moment]:
        chosen = random.choice(len(self._people), len(play.actors), replace=False)
        ground = self._grounds[random.integers(len(self._grounds))].gray
        return film.film(play, random, [self._people[index] for index in chosen], ground, self._detector.find)


def watch(video: Path, detector: FaceDetector) -> dict[str, Any]:
    """How many numbers one person gets, at the video's own rate and as slowly as the plays run."""
    capture = cv2.VideoCapture(str(video))
    fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
    trackers = {rate: ours() for rate in (fps, *FRAME_RATES)}
    numbers: dict[float, set[int]] = {rate: set() for rate in trackers}
    frames = 0
    while True:
        more, picture = capture.read()
        if not more:
            break
        faces = detector.find(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8))
        for rate, tracker in trackers.items():
            if int(frames * rate / fps) != int((frames - 1) * rate / fps) or frames == 0:
                numbers[rate].update(tracker(faces, frames / fps))
        frames += 1
    if not frames:
        raise ValueError(f"{video} cannot be read as a video.")
    return {"frames": frames} | {f"numbers at {rate:g} fps": len(given) for rate, given in numbers.items()}
