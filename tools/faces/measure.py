"""Measure the face detector: AP by size, recall, false alarms, landmarks, time; with --peers beside others.

    python tools/evaluate.py faces --data DIR --split valid --json

The splits `scenes` and `unseen` are real scenes: the part that choices are made on, and a source that neither training
nor choices use. AP, recall and landmarks come from the split's pictures with faces, false alarms from pictures
without; `at_false_boxes` is the recall where there are so many false boxes a picture, by mask, light, source and size.
Other splits also have a hard set of crowds, darkness, blur, turned heads and masks (`hard`). measuring/sets.py and
hard/kinds.py say what these are. With --peers every figure also stands there for YuNet and BlazeFace, and
`equal_alarms` compares recall on the hard set where all make as many false alarms as YuNet does at its authors'
threshold. --plots draws curves, and sheets of the worst mistakes; --emotion proves that a face found in a scene is
read as well as one given directly (measuring/chain.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from device.perception.emotion import EmotionClassifier
from device.perception.faces import FaceDetector
from tools.faces.hard.kinds import A_KIND
from tools.faces.measuring.chain import measure_chain
from tools.faces.measuring.clock import clock, clock_together
from tools.faces.measuring.matching import SURE_ENOUGH, overlap
from tools.faces.measuring.peers import THRESHOLDS, Find, open_peers
from tools.faces.measuring.seen import REFERENCE, Seen, at_equal_alarms, count, judge, look
from tools.faces.measuring.sets import HEIGHT_PX, REAL, WIDTH_PX, Sets, fit, read_sets
from tools.faces.measuring.table import table
from tools.labelled.boxes import Label, Picture
from tools.labelled.emotions import read_split

__all__ = ["HEIGHT_PX", "LOWEST_SCORE", "WIDTH_PX", "Sets", "clock", "judge", "read_sets", "table", "watch"]

LOWEST_SCORE = 0.02  # AP looks at the whole curve, not only above the shipped threshold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=Path, metavar="DIR", help="folder with YuNet and BlazeFace, to measure beside")
    parser.add_argument("--video", type=Path, metavar="FILE", help="also the share of this video's frames with a face")
    parser.add_argument("--emotion", type=Path, metavar="DIR", help="labelled faces to paste, find and read again")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw curves and the worst mistakes into this folder")
    parser.add_argument("--hard", type=int, default=A_KIND, help=f"pictures a hard kind (default: {A_KIND})")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything as one JSON object; progress goes to stderr."""
    console = Console(stderr=True)
    with console.status("reading and composing pictures"):
        sets = read_sets(arguments.data, arguments.split, arguments.hard)
    shipped = FaceDetector.load(arguments.models)
    seen = look_all(arguments.models, arguments.peers, sets, console)
    rows = count_all(seen, fast(arguments.peers, shipped), sets, shipped.threshold)
    if arguments.plots:
        draw(arguments.plots, seen, rows)
    figures: dict[str, Any] = {"split": arguments.split, **rows.pop("ours")}
    figures["size_bytes"] = (arguments.models / "face_detector.tflite").stat().st_size
    figures |= {"peers": rows} if rows else {}
    if arguments.emotion:
        figures["chain"] = prove_chain(arguments, shipped, sets, console)
    if arguments.video:
        yunet = open_peers(arguments.peers).get(REFERENCE) if arguments.peers else None
        figures["video"] = watch(arguments.video, shipped.find, yunet)
    return figures


def beside(models: Path, data: Path, split: str, peers: Path | None) -> dict[str, Any]:
    """A split's figures for a card: without the chain, plots and videos."""
    sets, shipped = read_sets(data, split, A_KIND), FaceDetector.load(models)
    rows = count_all(look_all(models, peers, sets, Console(quiet=True)), fast(peers, shipped), sets, shipped.threshold)
    return {**rows.pop("ours"), **({"peers": rows} if rows else {})}


def count_all(seen: Mapping[str, Seen], finds: Mapping[str, Find], sets: Sets, threshold: float) -> dict[str, Any]:
    """All figures of each detector; `finds` are the same ones at their own thresholds, to be timed."""
    thresholds, at_equal = {"ours": threshold} | THRESHOLDS, at_equal_alarms(seen)
    rows = {name: {"threshold": thresholds[name], **count(one, thresholds[name])} for name, one in seen.items()}
    for name, times in clock_together(finds, [*sets.hard, *sets.people]).items():
        rows[name] |= times | ({"equal_alarms": at_equal[name]} if at_equal else {})
    return rows


def look_all(models: Path, peers: Path | None, sets: Sets, console: Console) -> dict[str, Seen]:
    """What ours and each peer see in all pictures, down to a score far below their thresholds."""
    finds: dict[str, Find] = {"ours": FaceDetector.load(models, threshold=LOWEST_SCORE).find}
    finds |= open_peers(peers, LOWEST_SCORE) if peers else {}

    def counted(name: str, pictures: Sequence[Picture]) -> Iterable[Picture]:
        return track(pictures, f"{name:<10}", console=console, transient=True)

    return {name: look(find, sets, partial(counted, name)) for name, find in finds.items()}


def draw(folder: Path, seen: Mapping[str, Seen], rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Curves of all detectors and sheets of our own mistakes."""
    from tools.faces.measuring import mistakes, plots  # measuring without drawing needs no matplotlib

    plots.draw(folder, seen, rows)
    mistakes.draw_misses(seen["ours"], rows["ours"]["threshold"], folder / "misses.png")
    mistakes.draw_alarms(seen["ours"], folder / "false_alarms.png")


def prove_chain(arguments: argparse.Namespace, detector: FaceDetector, sets: Sets, console: Console) -> dict[str, Any]:
    """Emotions of labelled faces found in scenes, against the same faces given directly."""
    classifier = EmotionClassifier.load(arguments.models)
    faces = read_split(arguments.emotion, "valid" if arguments.split in REAL else arguments.split)
    rooms = [picture for picture in sets.backgrounds if picture.source == "rooms"]
    counted = partial(track, description="chain     ", console=console, transient=True)
    return measure_chain(detector.find, classifier.scores, faces, rooms or sets.backgrounds, counted)


def fast(peers: Path | None, shipped: FaceDetector) -> dict[str, Find]:
    """The detectors at their own thresholds, as somebody would run them."""
    return {"ours": shipped.find, **(open_peers(peers) if peers else {})}


# --- Video -----------------------------------------------------------------------------------------------------


def watch(video: Path, find: Find, peer: Find | None) -> dict[str, Any]:
    """The share of frames with a face; with a peer, also the share where both draw the same box (IoU 0.5)."""
    capture = cv2.VideoCapture(str(video))
    frames = with_face = agreed = both = 0
    while True:
        more, picture = capture.read()
        if not more:
            break
        frames += 1
        gray = fit(Picture(video.name, "video", np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)), ())).gray
        faces = find(gray)
        with_face += bool(faces)
        others = [face for face in peer(gray) if face.score >= THRESHOLDS[REFERENCE]] if peer else []
        if others:
            both += 1
            box = np.array([others[0].x, others[0].y, others[0].w, others[0].h], np.float32)
            agreed += any(overlap(face, Label(box, np.zeros((5, 2), np.float32))) >= SURE_ENOUGH for face in faces)
    if not frames:
        raise ValueError(f"{video} cannot be read as a video.")
    shares: dict[str, Any] = {"frames": frames, "share_with_face": round(with_face / frames, 4)}
    if peer:
        shares |= {"frames_of_peer": both, "share_agreed": round(agreed / max(1, both), 4)}
    return shares
