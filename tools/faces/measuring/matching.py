"""Holds found faces against true ones and counts: average precision, recall, false alarms, landmark error.

Faces are matched at an intersection over union of 0.5, surest first (Pascal VOC). Pure numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from device.domain import Face
from tools.labelled.boxes import Label

SURE_ENOUGH = 0.5  # intersection over union
NEAR_IGNORED = 0.2  # what overlaps a face that does not count by more is no false alarm
MASKED, UNMASKED = "masked", "unmasked"
SIZE_BANDS_PX = ((20, 30), (30, 50), (50, 90), (90, 1000))


@dataclass(frozen=True, slots=True)
class Match:
    """One detection or one missed face: `width_px` is the true face's, `None` for a false alarm."""

    score: float  # -1 for a face that nothing found
    width_px: float | None
    landmark_error: float | None = None  # None, too, where the true landmarks are a mean shape
    found_px: float | None = None  # the width that was found, `None` for a missed face
    tags: frozenset[str] = frozenset()


def compare(found: Sequence[Face], labels: Sequence[Label], tags: Iterable[str] = ()) -> list[Match]:
    """Match detections to true faces, surest first; what matches an ignored face counts neither way.

    `tags` are the picture's; faces get MASKED or UNMASKED beside them.
    """
    pairs, alarms, missed = pair(found, labels)
    kinds = {masked: frozenset(tags) | {MASKED if masked else UNMASKED} for masked in (False, True)}
    matches = [
        Match(face.score, float(true.box[2]), miss(face, true) if true.placed else None, face.w, kinds[true.masked])
        for face, true in pairs
    ]
    matches += [Match(face.score, None, None, face.w, frozenset(tags)) for face in alarms]
    return matches + [Match(-1.0, float(true.box[2]), tags=kinds[true.masked]) for true in missed]


def pair(found: Sequence[Face], labels: Sequence[Label]) -> tuple[list[tuple[Face, Label]], list[Face], list[Label]]:
    """Detections with their true faces, false alarms, and faces that nothing found; ignored faces in none of them."""
    left = list(range(len(labels)))
    pairs, alarms = [], []
    for face in sorted(found, key=lambda f: -f.score):
        overlaps = {number: overlap(face, labels[number]) for number in left}
        best = max(overlaps, key=overlaps.__getitem__, default=None)
        if best is None or overlaps[best] < SURE_ENOUGH:
            if not any(label.ignored and overlap(face, label) > NEAR_IGNORED for label in labels):
                alarms.append(face)
            continue
        left.remove(best)
        if not labels[best].ignored:
            pairs.append((face, labels[best]))
    return pairs, alarms, [labels[number] for number in left if not labels[number].ignored]


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


def curve(matches: Sequence[Match]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score, faces found and false alarms after each detection, surest first; of equal scores only the last counts."""
    found = sorted((m for m in matches if m.score >= 0), key=lambda m: -m.score)
    scores = np.array([m.score for m in found])
    hits = np.cumsum([m.width_px is not None for m in found])
    last = np.append(scores[1:] < scores[:-1], True) if len(found) else np.zeros(0, bool)
    return scores[last], hits[last], (np.arange(1, len(found) + 1) - hits)[last]


def average_precision(matches: Sequence[Match]) -> float:
    """Area under the precision-recall curve with precision made monotone, as Pascal VOC has it since 2010."""
    total = sum(match.width_px is not None for match in matches)
    _, hits, alarms = curve(matches)
    if not total or not len(hits):
        return 0.0
    precision = np.maximum.accumulate((hits / (hits + alarms))[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0], hits])) * precision) / total)


def recall(matches: Sequence[Match], threshold: float) -> float:
    """Share of the true faces found at the threshold; 0 if there are none."""
    faces = [match for match in matches if match.width_px is not None]
    return sum(match.score >= threshold for match in faces) / max(1, len(faces))


def landmark_error(matches: Sequence[Match], threshold: float) -> float:
    """Mean over the faces found at the threshold, as a share of the distance between the eyes; 1 if there are none."""
    errors = landmark_errors(matches, threshold)
    return float(np.mean(errors)) if errors else 1.0


def landmark_errors(matches: Iterable[Match], threshold: float) -> list[float]:
    """One a face found at the threshold."""
    return [m.landmark_error for m in matches if m.landmark_error is not None and m.score >= threshold]


def count_alarms(matches: Iterable[Match], threshold: float) -> int:
    return sum(m.width_px is None and m.score >= threshold for m in matches)


def threshold_for(matches: Sequence[Match], alarms: int) -> float:
    """The lowest score at which there are at most so many false alarms: one that some detection has, or above all."""
    scores, _, so_far = curve(matches)
    allowed = scores[so_far <= alarms]
    return float(allowed[-1]) if len(allowed) else 1.01


def in_band(matches: Iterable[Match], low: float, high: float) -> list[Match]:
    """Faces of that width; and the false alarms that claim to be (as COCO counts by size)."""
    return [m for m in matches if low <= (m.width_px if m.width_px is not None else m.found_px or 0.0) < high]


def summary(matches: Sequence[Match], threshold: float) -> dict[str, Any]:
    """All counts of one set of pictures as plain JSON values."""
    return {
        "faces": sum(match.width_px is not None for match in matches),
        "ap": average_precision(matches),
        "recall": recall(matches, threshold),
        "false_alarms": count_alarms(matches, threshold),
        "landmark_error": landmark_error(matches, threshold),
        "by_width_px": by_width(matches, threshold),
    }


def by_width(matches: Sequence[Match], threshold: float) -> dict[str, dict[str, Any]]:
    """AP and recall by the width of the true face."""
    bands = {f"{low}-{high}": in_band(matches, low, high) for low, high in SIZE_BANDS_PX}
    return {
        name: {
            "faces": sum(m.width_px is not None for m in band),
            "ap": average_precision(band),
            "recall": recall(band, threshold),
        }
        for name, band in bands.items()
    }
