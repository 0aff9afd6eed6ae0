"""Measure the face detector: AP, recall, false alarms, landmarks, time; with --peers beside others.

    python tools/evaluate.py faces --data DIR --split valid --json

Faces are matched at an intersection over union of 0.5, surest first. Every picture is shown as the camera would show
it, fitted into 320x240. Three figures come from three kinds of pictures: AP and landmarks from the split's pictures
with faces; false alarms from its backgrounds, or, where it has none, from the training backgrounds that training never
sees; and `scenes` from crowds made up of the split's faces on those backgrounds (always the same for the same data).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.domain import Face
from device.perception.faces import FaceDetector
from tools import face_scenes
from tools.face_data import Picture, Pool, held_back_backgrounds, read
from tools.face_peers import THRESHOLDS, Find, open_peers
from tools.face_targets import Label

WIDTH_PX, HEIGHT_PX = 320, 240
SURE_ENOUGH = 0.5  # intersection over union
LOWEST_SCORE = 0.02  # AP looks at the whole curve, not only above the shipped threshold
SCENES = 300
SIZE_BANDS_PX = ((20, 30), (30, 50), (50, 90), (90, 1000))


@dataclass(frozen=True, slots=True)
class Match:
    """One detection or one missed face: `width_px` is the true face's, `None` for a false alarm."""

    score: float  # -1 for a face that nothing found
    width_px: float | None
    landmark_error: float | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=Path, metavar="DIR", help="folder with YuNet and BlazeFace, to measure beside")
    parser.add_argument("--video", type=Path, metavar="FILE", help="also the share of this video's frames with a face")
    parser.add_argument("--scenes", type=int, default=SCENES, help=f"made-up crowds (default: {SCENES}; 0 for none)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything as one JSON object."""
    sets = read_sets(arguments.data, arguments.split, arguments.scenes)
    shipped = FaceDetector.load(arguments.models)
    wide = FaceDetector.load(arguments.models, threshold=LOWEST_SCORE)
    threshold = shipped.threshold
    figures: dict[str, Any] = {"split": arguments.split, "threshold": threshold}
    figures |= judge(wide.find, sets, threshold)
    figures["milliseconds"] = clock(shipped.find, [*sets.people, *sets.backgrounds])
    figures["size_bytes"] = (arguments.models / "face_detector.tflite").stat().st_size
    peers = open_peers(arguments.peers, LOWEST_SCORE) if arguments.peers else {}
    if peers:
        figures["peers"] = {name: judge_peer(name, find, sets) for name, find in peers.items()}
    if arguments.video:
        figures["video"] = watch(arguments.video, shipped.find, peers.get("yunet_n"))
    return figures


def table(figures: dict[str, Any]) -> str:
    """The figures as lines for a person."""
    rows = [("ours", figures), *figures.get("peers", {}).items()]
    lines = [f"{'':<9}{'AP@0.5':>8}{'recall':>8}{'alarms':>12}{'landmarks':>11}{'ms p50':>8}{'p95':>7}  scenes AP"]
    for name, row in rows:
        alarms = f"{row['false_alarms']['count']}/{row['false_alarms']['pictures']}"
        ms, scenes = row["milliseconds"], row.get("scenes", {}).get("ap", float("nan"))
        lines.append(
            f"{name:<9}{row['ap']:>8.4f}{row['recall']:>8.4f}{alarms:>12}{row['landmark_error']:>11.2%}"
            f"{ms['p50']:>8.2f}{ms['p95']:>7.2f}  {scenes:.4f}"
        )
        for band, part in row.get("scenes", {}).get("by_width_px", {}).items():
            lines.append(f"{'':<11}{band + ' px':<12} {part['faces']:>5} faces   recall {part['recall']:.4f}")
    lines.append(
        f"threshold {figures['threshold']:.2f}, {figures['size_bytes'] / 1000:.0f} KB, faces {figures['faces']}"
    )
    if "video" in figures:
        lines.append("video: " + ", ".join(f"{key} {value}" for key, value in figures["video"].items()))
    return "\n".join(lines)


# --- What is measured on ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sets:
    """Pictures fitted into 320x240."""

    people: tuple[Picture, ...]
    backgrounds: tuple[Picture, ...]
    scenes: tuple[Picture, ...]


def read_sets(data_dir: Path, split: str, scenes: int) -> Sets:
    """Raises ValueError if the split has no faces."""
    pictures = read(data_dir, split)
    people = [p for p in pictures if p.labels]
    if not people:
        raise ValueError(f"{data_dir / split}.json has no picture with a face.")
    backgrounds = [p for p in pictures if not p.labels] or held_back_backgrounds(data_dir)
    made = crowds(people, backgrounds, scenes) if backgrounds else []
    return Sets(tuple(map(fit, people)), tuple(map(fit, backgrounds)), tuple(made))


def crowds(people: Sequence[Picture], backgrounds: Sequence[Picture], count: int) -> list[Picture]:
    """Made-up scenes; the seed is fixed, so everybody measures on the same ones."""
    pool = Pool(tuple(people), tuple(backgrounds))
    made = []
    for number in range(count):
        random = np.random.default_rng((2026, number))
        gray, labels = face_scenes.compose(random, pool, HEIGHT_PX, WIDTH_PX)
        labels = [replace(label, ignored=label.ignored or label.box[2] < SIZE_BANDS_PX[0][0]) for label in labels]
        made.append(Picture(f"scene {number}", "scene", gray, tuple(labels)))
    return made


def fit(picture: Picture) -> Picture:
    """Scaled, up or down, to fill 320x240 as far as its aspect allows."""
    rows, columns = picture.gray.shape
    scale = min(HEIGHT_PX / rows, WIDTH_PX / columns)
    size = (max(16, round(columns * scale)), max(16, round(rows * scale)))
    gray = cv2.resize(picture.gray, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    by = np.array([size[0] / columns, size[1] / rows], np.float32)
    labels = tuple(
        replace(label, box=label.box * np.tile(by, 2), landmarks=label.landmarks * by) for label in picture.labels
    )
    return replace(picture, gray=np.asarray(gray, np.uint8), labels=labels)


# --- Figures ---------------------------------------------------------------------------------------------------


def judge(find: Find, sets: Sets, threshold: float) -> dict[str, Any]:
    """All figures of one detector but its time."""
    matches = [match for picture in sets.people for match in compare(find(picture.gray), picture.labels)]
    alarms = [max((f.score for f in find(p.gray)), default=0.0) >= threshold for p in sets.backgrounds]
    figures: dict[str, Any] = {
        "faces": sum(match.width_px is not None for match in matches),
        "ap": average_precision(matches),
        "recall": recall(matches, threshold),
        "false_alarms_beside_faces": sum(m.width_px is None and m.score >= threshold for m in matches),
        "false_alarms": {"count": sum(alarms), "pictures": len(alarms)},
        "landmark_error": landmark_error(matches, threshold),
    }
    if sets.scenes:
        figures["scenes"] = judge_scenes(find, sets.scenes, threshold)
    return figures


def judge_peer(name: str, find: Find, sets: Sets) -> dict[str, Any]:
    """The same figures for somebody else's detector at the threshold of its authors."""
    threshold = THRESHOLDS[name]
    figures = judge(find, sets, threshold) | {"threshold": threshold}
    return figures | {"milliseconds": clock(find, [*sets.people, *sets.backgrounds])}


def judge_scenes(find: Find, scenes: Iterable[Picture], threshold: float) -> dict[str, Any]:
    """AP and recall on the made-up crowds, by the width of the faces."""
    matches = [match for scene in scenes for match in compare(find(scene.gray), scene.labels)]
    bands = {}
    for low, high in SIZE_BANDS_PX:
        band = [m for m in matches if m.width_px is not None and low <= m.width_px < high]
        bands[f"{low}-{high}"] = {"faces": len(band), "recall": recall(band, threshold)}
    return {
        "faces": sum(match.width_px is not None for match in matches),
        "ap": average_precision(matches),
        "recall": recall(matches, threshold),
        "false_alarms": sum(m.width_px is None and m.score >= threshold for m in matches),
        "landmark_error": landmark_error(matches, threshold),
        "by_width_px": bands,
    }


def compare(found: Sequence[Face], labels: Sequence[Label]) -> list[Match]:
    """Match detections to true faces, surest first; what matches an ignored face counts neither way."""
    left = list(range(len(labels)))
    matches = []
    for face in sorted(found, key=lambda f: -f.score):
        overlaps = {number: overlap(face, labels[number]) for number in left}
        best = max(overlaps, key=overlaps.__getitem__, default=None)
        if best is None or overlaps[best] < SURE_ENOUGH:
            if not any(label.ignored and overlap(face, label) > 0.2 for label in labels):
                matches.append(Match(face.score, None))
            continue
        left.remove(best)
        if not labels[best].ignored:
            matches.append(Match(face.score, float(labels[best].box[2]), miss(face, labels[best])))
    missed = [labels[number] for number in left if not labels[number].ignored]
    return matches + [Match(-1.0, float(label.box[2])) for label in missed]


def overlap(face: Face, label: Label) -> float:
    """Intersection over union of the boxes."""
    x, y, w, h = (float(v) for v in label.box)
    wide = min(face.x + face.w, x + w) - max(face.x, x)
    high = min(face.y + face.h, y + h) - max(face.y, y)
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / (face.w * face.h + w * h - wide * high)


def miss(face: Face, label: Label) -> float:
    """Mean distance of the five landmarks as a share of the distance between the true eyes (a pixel at least)."""
    distances = np.linalg.norm(np.asarray(face.landmarks) - label.landmarks, axis=1)
    return float(distances.mean() / max(1.0, np.linalg.norm(label.landmarks[0] - label.landmarks[1])))


def average_precision(matches: Sequence[Match]) -> float:
    """Area under the precision-recall curve with precision made monotone, as Pascal VOC has it since 2010."""
    total = sum(match.width_px is not None for match in matches)
    found = sorted((m for m in matches if m.score >= 0), key=lambda m: -m.score)
    if not total or not found:
        return 0.0
    hits = np.cumsum([match.width_px is not None for match in found])
    precision = np.maximum.accumulate((hits / np.arange(1, len(found) + 1))[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0], hits])) * precision) / total)


def recall(matches: Sequence[Match], threshold: float) -> float:
    """Share of the true faces found at the threshold; 0 if there are none."""
    faces = [match for match in matches if match.width_px is not None]
    return sum(match.score >= threshold for match in faces) / max(1, len(faces))


def landmark_error(matches: Sequence[Match], threshold: float) -> float:
    """Mean over the faces found at the threshold, as a share of the distance between the eyes; 1 if there are none."""
    errors = [m.landmark_error for m in matches if m.landmark_error is not None and m.score >= threshold]
    return float(np.mean(errors)) if errors else 1.0


def clock(find: Find, pictures: Sequence[Picture], most: int = 300) -> dict[str, float]:
    """Milliseconds of one `find`, on this machine as busy as it is."""
    spent = []
    for picture in pictures[:most]:
        start = time.perf_counter()
        find(picture.gray)
        spent.append((time.perf_counter() - start) * 1000)
    return {"p50": round(float(np.percentile(spent, 50)), 3), "p95": round(float(np.percentile(spent, 95)), 3)}


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
        others = [face for face in peer(gray) if face.score >= THRESHOLDS["yunet_n"]] if peer else []
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
