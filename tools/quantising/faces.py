"""Read the faces for tools/quantize.py, to calibrate with and to measure on.

Three forms are possible: a folder with sheets (tools/labelled/emotions.py), a folder with one folder of pictures for
each emotion, and a video. All become crops as the device makes them: in a picture larger than a face crop, the device's
own detector looks for faces, and the largest is cut out as the device cuts it. One half of the faces sets the ranges;
the other half is only for measuring. Data that come divided (`train` and `valid`) stay so.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from device.config.schema import CameraConfig
from device.errors import AffettoError
from device.model import SHIPPED_MODELS
from device.perception.crop import SIDE_PX, align
from device.perception.faces import SMALLEST_SIDE_PX, FaceDetector
from device.perception.footage import PICTURES, VideoCamera, natural, read_picture
from tools.labelled.emotions import EMOTIONS, read_split
from tools.quantising.labels import IGNORED, meaning
from tools.quantising.progress import Display
from tools.quantising.refusal import Mistake

VIDEOS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm"})
CROP_PX = 96  # a picture up to this size counts as one framed face
TRAIN, VALID = ("train", "training"), ("valid", "val", "validation", "test", "eval")
FEWEST = 10


@dataclass(frozen=True, slots=True)
class Faces:
    """`crops` uint8 [n, 48, 48]; `truth` int64 [n], an index into EMOTIONS, or -1 without a label; names for people."""

    crops: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.int64]
    names: tuple[str, ...]
    source: str

    def __len__(self) -> int:
        return len(self.crops)

    def pick(self, indices: npt.NDArray[np.int64]) -> "Faces":
        return Faces(self.crops[indices], self.truth[indices], tuple(self.names[at] for at in indices), self.source)

    def showing(self, labels: Iterable[str]) -> "Faces":
        """The faces whose label is one of `labels`."""
        wanted = [EMOTIONS.index(label) for label in labels]
        return self.pick(np.flatnonzero(np.isin(self.truth, wanted)))


@dataclass(frozen=True, slots=True)
class Reader:
    """How to read: the user's own names for emotions, and whether every picture is a crop already."""

    own_names: dict[str, str]
    cropped: bool
    display: Display

    def halves(self, path: Path) -> tuple[Faces, Faces]:
        """Faces to calibrate with, and other faces to measure on. Raises Mistake."""
        try:
            return self._halves(path)
        except OSError as error:  # a folder without permission, a name that is too long, a disk that fails
            raise Mistake(f"The data {path} cannot be read ({error.strerror or error}); check them.") from error

    def _halves(self, path: Path) -> tuple[Faces, Faces]:
        if not path.exists():
            raise Mistake(f"The data {path} do not exist; give a folder of pictures, a folder of sheets, or a video.")
        if not path.is_dir():
            return _in_time(self._video(path))
        splits = {sheet.stem.rpartition("_")[2] for sheet in path.glob("*_*.png") if sheet.with_suffix(".csv").exists()}
        if splits:
            return self._sheets(path, splits)
        parts = {part.name.lower(): part for part in path.iterdir() if part.is_dir()}
        train, valid = (next((parts[name] for name in names if name in parts), None) for names in (TRAIN, VALID))
        if train and valid:
            return self._folders(train), self._folders(valid)
        return _by_class(self._folders(path))

    def all(self, path: Path) -> Faces:
        """Every face of a set that is only for measuring; of divided data, the part that is not for training."""
        first, second = self.halves(path)
        divided = path.is_dir() and first.source != second.source
        return second if divided else _together(first, second)

    def _sheets(self, path: Path, splits: set[str]) -> tuple[Faces, Faces]:
        train, valid = (next((name for name in names if name in splits), None) for names in (TRAIN, VALID))
        if train and valid:
            return _sheet(path, train), _sheet(path, valid)
        return _by_class(_sheet(path, train or valid or min(splits)))

    def _folders(self, path: Path) -> Faces:
        classes = sorted((part for part in path.iterdir() if part.is_dir()), key=lambda part: natural(part.name))
        if not classes:
            raise Mistake(
                f"The folder {path} holds no folders; put the pictures of each emotion into a folder of its own, such "
                f"as {path.name}/happy and {path.name}/sad."
            )
        labelled = [(picture, self._label(part)) for part in classes for picture in _pictures(part)]
        labelled = [(picture, label) for picture, label in labelled if label is not None]
        if not labelled:
            raise Mistake(f"The folders in {path} hold no pictures; put JPEG or PNG files of faces into them.")
        return self._read(path, dict(labelled))

    def _label(self, part: Path) -> int | None:
        found = meaning(part.name, self.own_names)
        if found is None and _pictures(part):
            raise Mistake(
                f"The name of the folder {part} means none of {', '.join(EMOTIONS)}; rename it, or give its meaning "
                f"with --map {part.name}=neutral (--map {part.name}=- skips it)."
            )
        return None if found in (None, IGNORED) else EMOTIONS.index(found)

    def _read(self, path: Path, labelled: dict[Path, int]) -> Faces:
        finder = None if self.cropped else FaceDetector.load(SHIPPED_MODELS)
        crops, truth, names, broken, faceless = [], [], [], [], []
        for picture in self.display.track("reading pictures", list(labelled)):
            gray = read_picture(picture)
            crop = None if gray is None else _crop(gray, finder)
            if crop is None:
                (broken if gray is None else faceless).append(str(picture.relative_to(path)))
                continue
            crops.append(crop)
            truth.append(labelled[picture])
            names.append(str(picture.relative_to(path)))
        self._warn(path, broken, "cannot be read", len(labelled))
        self._warn(path, faceless, "show no face that the device can find", len(labelled))
        if len(crops) < FEWEST:
            raise Mistake(
                f"Of {_count(len(labelled), 'picture')} in {path}, {len(broken)} cannot be read, and in "
                f"{len(faceless)} the device finds no face. The tool needs at least {FEWEST} usable pictures (with "
                "--cropped, every picture counts as a cut-out face)."
            )
        return Faces(np.stack(crops), np.array(truth, np.int64), tuple(names), f"{path.parent.name}/{path.name}")

    def _warn(self, path: Path, some: list[str], what: str, total: int) -> None:
        if some:
            listed = ", ".join(some[:3]) + (f" and {len(some) - 3} more" if len(some) > 3 else "")
            self.display.warn(f"Of {_count(total, 'picture')} in {path}, {len(some)} {what}; left out: {listed}.")

    def _video(self, path: Path) -> Faces:
        if path.suffix.lower() not in VIDEOS:
            raise Mistake(
                f"The data {path} are neither a folder nor a video ({', '.join(sorted(VIDEOS))}); give a folder of "
                "pictures, a folder of sheets, or a video."
            )
        crops, names = [], []
        try:
            finder = FaceDetector.load(SHIPPED_MODELS)
            frames = VideoCamera(path, CameraConfig(), live=False).frames()
            for frame in self.display.track("reading the video, in frames", frames):
                for face in finder.find(frame.gray):
                    crops.append(align(frame.gray, face))
                    names.append(f"{frame.at_s:.2f} s")
        except AffettoError as error:
            raise Mistake(str(error)) from error
        if len(crops) < FEWEST:
            raise Mistake(
                f"In the video {path} the device finds {_count(len(crops), 'face')}; the tool needs at least {FEWEST}."
            )
        return Faces(np.stack(crops), np.full(len(crops), -1, np.int64), tuple(names), path.name)


def _crop(gray: npt.NDArray[np.uint8], finder: FaceDetector | None) -> npt.NDArray[np.uint8] | None:
    if finder is not None and max(gray.shape) > CROP_PX:
        faces = finder.find(gray) if min(gray.shape) >= SMALLEST_SIDE_PX else []
        return align(gray, max(faces, key=lambda face: face.w * face.h)) if faces else None
    method = cv2.INTER_AREA if min(gray.shape) > SIDE_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, (SIDE_PX, SIDE_PX), interpolation=method), np.uint8)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _pictures(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file()]
    return sorted(found, key=lambda path: natural(str(path.relative_to(folder))))


def _sheet(folder: Path, split: str) -> Faces:
    try:
        read = read_split(folder, split)
    except ValueError as error:
        raise Mistake(f"{error}; see tools/labelled/emotions.py for the sheet format.") from error
    names = tuple(f"{split} face {at}" for at in range(len(read)))
    return Faces(read.faces, read.majority(), names, f"{folder.name} ({split})")


def _by_class(faces: Faces) -> tuple[Faces, Faces]:
    """Every second face of each class, in an order that depends on the pixels only: copies of a face stay together."""
    keys = [hashlib.sha256(crop.tobytes()).hexdigest() for crop in faces.crops]
    second = np.zeros(len(faces), bool)
    for label in np.unique(faces.truth):
        indices = np.flatnonzero(faces.truth == label)
        later = set(sorted({keys[at] for at in indices})[1::2])
        second[indices] = [keys[at] in later for at in indices]
    return faces.pick(np.flatnonzero(~second)), faces.pick(np.flatnonzero(second))


def _in_time(faces: Faces) -> tuple[Faces, Faces]:
    """The first and the second half of a recording: neighbouring frames are too similar to divide otherwise."""
    half = len(faces) // 2
    return faces.pick(np.arange(half)), faces.pick(np.arange(half, len(faces)))


def _together(first: Faces, second: Faces) -> Faces:
    return Faces(
        np.concatenate([first.crops, second.crops]),
        np.concatenate([first.truth, second.truth]),
        first.names + second.names,
        first.source,
    )
