"""Real scenes held before the detector and the tracker for some frames, as a camera on a shelf would see them.

Nothing in them moves; the sensor's noise, the light and a trembling shelf do. So what is taken for a face by mistake
may stay one for as long as the real faces do, which is the worst case for a tracker that believes what lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.domain import Face
from device.perception.tracker import Tracked, Tracker
from tools.faces.measuring.matching import pair
from tools.faces.measuring.sets import fit, read_sets
from tools.labelled.boxes import Picture, held_back_backgrounds

FRAMES, FPS = 16, 8.0
NOISE = 3.0  # standard deviation, in grays
TREMBLE_PX = 0.5
FLICKER = 0.06  # the light comes and goes by this share

Find = Callable[[np.ndarray], Sequence[Face]]


def measure_stills(find: Find, people: Iterable[Picture], empty: Iterable[Picture]) -> dict[str, Any]:
    """Faces found in single frames and confirmed by the tracker; false ones among pictures without any."""
    faces = found = confirmed = late = 0
    for picture in people:
        for number, (shown, boxes, tracked) in enumerate(_watch(find, picture)):
            faces += sum(not label.ignored for label in shown.labels)
            found += len(pair(boxes, shown.labels)[0])
            right = len(pair([one.face for one in tracked if one.confirmed], shown.labels)[0])
            confirmed += right
            late += right if number == FRAMES - 1 else 0
    frames = alarms = false_frames = 0
    false_tracks: set[tuple[int, int]] = set()
    for place, picture in enumerate(empty):
        for _, boxes, tracked in _watch(find, picture):
            frames, alarms = frames + 1, alarms + len(boxes)
            wrong = [(place, one.number) for one in tracked if one.confirmed]
            false_frames += bool(wrong)
            false_tracks.update(wrong)
    return {
        "faces": faces // FRAMES,
        "recall_single_frames": round(found / max(1, faces), 4),
        "recall_confirmed": round(confirmed / max(1, faces), 4),
        "recall_confirmed_in_the_last_frame": round(late * FRAMES / max(1, faces), 4),
        "empty_frames": frames,
        "false_boxes_per_1000_frames": round(1000 * alarms / max(1, frames), 2),
        "false_tracks_per_1000_frames": round(1000 * len(false_tracks) / max(1, frames), 2),
        "share_of_empty_frames_with_a_false_track": round(false_frames / max(1, frames), 4),
    }


def read_stills(data_dir: Path, part: int) -> tuple[list[Picture], list[Picture]]:
    """One real scene in `part` with people, and one in `part` of all pictures without that training does not see."""
    sets = read_sets(data_dir, "scenes")
    empty = [*sets.backgrounds, *map(fit, held_back_backgrounds(data_dir))]
    return list(sets.people[::part]), empty[::part]


def _watch(find: Find, picture: Picture) -> Iterator[tuple[Picture, list[Face], tuple[Tracked, ...]]]:
    tracker = Tracker()
    for number, shown in enumerate(tremble(picture)):
        boxes = list(find(shown.gray))
        yield shown, boxes, tracker.update(boxes, number / FPS)


def tremble(picture: Picture) -> Iterator[Picture]:
    """The picture in every frame; always the same for the same file name."""
    random = np.random.default_rng(list(picture.file.encode()))
    place, phase = np.zeros(2), random.uniform(0, 6)
    for number in range(FRAMES):
        place = 0.8 * place + random.normal(0, TREMBLE_PX, 2)
        matrix = np.array([[1, 0, place[0]], [0, 1, place[1]]])
        size = picture.gray.shape[::-1]
        gray = cv2.warpAffine(picture.gray, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        light = 1 + FLICKER * np.sin(phase + 1.5 * number / FPS)
        gray = np.clip(gray * light + random.normal(0, NOISE, gray.shape), 0, 255).astype(np.uint8)
        shift = np.float32([*place, 0, 0])
        labels = (replace(one, box=one.box + shift) for one in picture.labels)
        yield replace(picture, gray=gray, labels=tuple(labels))
