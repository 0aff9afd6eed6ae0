"""Fairness: who is found, and read as the teacher reads them, less often than others, in ordinary and in dim light.

    python tools/evaluate.py fairness --data DIR --faces FACES --json

DIR holds fairface.webp and .csv: 48x48 faces with age, gender and race, and what a larger net (the teacher) reads in
each; FACES is the detector's data, for rooms without people. Split `valid` is the half that no training sees, `train`
the other. Nobody labelled these faces with emotions: "read" is agreement with the teacher where it gives one emotion
at least half, and an error of the teacher's own, or a bias, is shared by what is measured.

Four shares a group: `read` and `read dim`, of the crop given directly; `found` and `found dim`, by the detector in a
room of 320x240 into which the crop is pasted 96 px wide, its edge carried on outwards and faded (tools/faces/
measuring/chain.py). These crops end at the chin and the brow, so a head without hair and shoulders is to be found: the
shares say who is found less often than others, not how often faces are found in rooms. All faces were found by
another detector once, or they were not in the set. Dim is an eighth of the light and a sensor's noise.

`tone` is no label: the fifths of the faces by the mean gray of cheeks and nose, from the darkest to the lightest.
It mixes skin and light, as a gray camera does. Races are FairFace's seven, as annotators saw them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from device.perception.emotion import EmotionClassifier
from device.perception.faces import FaceDetector
from tools.faces.measuring import chain
from tools.fairness.groups import by_group, row
from tools.labelled.boxes import held_back_backgrounds
from tools.labelled.emotions import ExtraFaces, part, read_extra

SURE = 0.5  # of the teacher, in one emotion
ATTRIBUTES = ("age", "gender", "race", "tone")
SIDE_PX = 96  # of the crop, pasted
DIM, DIM_NOISE = 1 / 8, 2.0  # of the light; standard deviation in gray levels
TONES = ("1 darkest", "2", "3", "4", "5 lightest")
ROOMS, WIDTH_PX, HEIGHT_PX = 100, 320, 240

Gray = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--faces", type=Path, metavar="DIR", help="the detector's data: also measure who is found")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th face only")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All shares as JSON. Raises ValueError for an unknown split or a set without groups."""
    if arguments.split not in ("valid", "train") or arguments.every < 1:
        raise ValueError(
            f"fairness knows the splits valid and train, not {arguments.split}, and every 1st or more face"
        )
    whole = part(read_extra(arguments.data, "fairface"), valid=arguments.split == "valid")
    faces = whole.pick(np.arange(len(whole)) % arguments.every == 0)
    groups = groups_of(faces)
    result: dict[str, Any] = {"split": arguments.split, "faces": len(faces)}
    score = EmotionClassifier.load(arguments.models).scores
    teacher, sure = faces.opinions.argmax(1), faces.opinions.max(1) >= SURE
    for name, crops in lights(faces.faces).items():
        right = np.array([score(crop).argmax() for crop in watch(crops, f"read{name}")]) == teacher
        result[f"read{name}"] = figures(right[sure], {key: list(np.array(v)[sure]) for key, v in groups.items()})
    if arguments.faces:
        find = FaceDetector.load(arguments.models).find
        rooms = [covering(room.gray) for room in held_back_backgrounds(arguments.faces)[:ROOMS]]
        for name, found in search(find, faces.faces, rooms).items():
            result[f"found{name}"] = figures(found, groups)
    return result


def figures(right: Bools, groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {"all": row(right), **{name: by_group(right, names) for name, names in groups.items()}}


def groups_of(faces: ExtraFaces) -> dict[str, list[str]]:
    """The group of every face, for each attribute."""
    missing = {"age", "gender", "race"} - set(faces.about)
    if missing:
        raise ValueError(f"{faces.name}.csv has no columns {', '.join(sorted(missing))}")
    return {**{name: faces.about[name] for name in ("age", "gender", "race")}, "tone": tones(faces.faces)}


def tones(crops: Gray) -> list[str]:
    """Which fifth each face is in by the mean gray of its middle, from cheek to cheek below the eyes."""
    grays = crops[:, 22:32, 12:36].mean((1, 2))
    return [TONES[place] for place in np.searchsorted(np.percentile(grays, [20, 40, 60, 80]), grays, side="right")]


def lights(crops: Gray) -> dict[str, Gray]:
    """The faces as they are, and dim."""
    random = np.random.default_rng(620)
    return {"": crops, " dim": np.stack([dimmed(crop, random) for crop in crops])}


def dimmed(picture: Gray, random: np.random.Generator) -> Gray:
    noisy = picture * DIM + random.normal(0, DIM_NOISE, picture.shape)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def search(find: Callable[[Gray], Sequence[Any]], crops: Gray, rooms: Sequence[Gray]) -> dict[str, Bools]:
    """Whether each face is found in a room, in ordinary and in dim light. Raises ValueError without rooms."""
    if not rooms:
        raise ValueError("To measure who is found takes pictures of rooms without people (--faces DIR).")
    found: dict[str, list[bool]] = {"": [], " dim": []}
    for number, crop in enumerate(watch(crops, "found")):
        random = np.random.default_rng((621, number))
        frame, matrix = chain.paste(random, crop, rooms[number % len(rooms)], SIDE_PX)
        for name, picture in (("", frame), (" dim", dimmed(frame, random))):
            found[name].append(chain.pick(find(picture), matrix, SIDE_PX) is not None)
    return {name: np.array(seen) for name, seen in found.items()}


def covering(gray: Gray) -> Gray:
    """The picture's upper left, as large as covers a frame."""
    height, width = gray.shape
    zoom = max(WIDTH_PX / width, HEIGHT_PX / height)
    size = (max(WIDTH_PX, round(width * zoom)), max(HEIGHT_PX, round(height * zoom)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA)[:HEIGHT_PX, :WIDTH_PX], np.uint8)


def watch(crops: Gray, label: str) -> Iterable[Gray]:
    return track(crops, f"{label:<9}", console=Console(stderr=True), transient=True)


def table(found: Mapping[str, Any]) -> str:
    """The figures for a terminal: a row a group, a column a share."""
    columns = [name for name in ("read", "read dim", "found", "found dim") if name in found]
    lines = [f"{found['faces']} faces of split {found['split']}; shares in percent, 95% intervals in brackets"]
    lines.append(f"{'':18}" + "".join(f"{name:>22}" for name in columns))
    lines.append(f"{'all':18}" + "".join(_cell(found[name]["all"]) for name in columns))
    for attribute in ATTRIBUTES:
        lines.append(attribute)
        for group in found[columns[0]][attribute]["groups"]:
            cells = (_cell(found[name][attribute]["groups"].get(group)) for name in columns)
            lines.append(f"  {group:16}" + "".join(cells))
    for name in columns:
        worst = [(a, found[name][a]["worst"]) for a in ATTRIBUTES if found[name][a]["worst"]]
        told = ", ".join(
            f"{one['group']} {100 * one['gap']:+.1f} [{100 * one['gap_interval'][0]:.1f}, "
            f"{100 * one['gap_interval'][1]:.1f}]"
            for _, one in worst
        )
        lines.append(f"{name}: worst against all others, in points less: {told}")
    return "\n".join(lines)


def _cell(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return f"{'':22}"
    low, high = (100 * value for value in one["interval"])
    return f"{100 * one['share']:7.1f} [{low:4.1f}, {high:4.1f}]"
