"""Read faces in the sheet format: a picture of 48x48 faces, 100 a row (PNG or WebP), and a csv with one row a face.

Two kinds of csv: votes (`read_split`), or one label, a teacher's opinion and further columns (`read_extra`). Shared by
training and by measuring; needs OpenCV and NumPy only. The vote columns are FERPlus's (Barsoum et al.,
"Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label Distribution", ICMI 2016): eight
emotions in the project's order, then `unknown` and `NF` (not a face).
"""

import csv
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

EMOTIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
VOTES = (*EMOTIONS, "unknown", "NF")
OPINIONS = tuple(f"teacher_{name}" for name in EMOTIONS)
SUFFIXES = (".png", ".webp")
SIDE_PX = 48
FACES_A_ROW = 100
HELD_OUT, HELD_OUT_SEED = 1400, 0  # of a split with votes, never learnt: for temperature, int8 ranges, smoothing
ONE_IN = {"rafdb": 8, "fairface": 2}  # of an extra set, never learnt: for measuring; of others, none


@dataclass(frozen=True, slots=True)
class LabelledFaces:
    """`faces`: uint8 [n, 48, 48]; `votes`: float32 [n, 10] in the order of `VOTES`, votes of 1 already struck out."""

    faces: npt.NDArray[np.uint8]
    votes: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.faces)

    def pick(self, which: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> "LabelledFaces":
        return LabelledFaces(self.faces[which], self.votes[which])

    def majority(self) -> npt.NDArray[np.int64]:
        """The index into `EMOTIONS` that has more than half of a face's votes, or -1 (FERPlus's "majority" rule)."""
        top = self.votes.argmax(1)
        clear = self.votes.max(1) > 0.5 * self.votes.sum(1)
        return np.where(clear & (top < len(EMOTIONS)), top, -1)

    def distribution(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Soft labels [n, 8] that sum to 1, and how much of each face's votes went to emotions, in [0, 1].

        A face whose top vote is `unknown` or `NF` gets weight 0, as does one without two equal votes.
        """
        emotions = self.votes[:, : len(EMOTIONS)]
        total, of_emotions = self.votes.sum(1), emotions.sum(1)
        usable = (of_emotions > 0) & (self.votes.argmax(1) < len(EMOTIONS))
        soft = np.full_like(emotions, 1 / len(EMOTIONS))
        np.divide(emotions, of_emotions[:, None], out=soft, where=usable[:, None])
        return soft, np.where(usable, of_emotions / np.maximum(total, 1), 0).astype(np.float32)


def read_split(folder: Path, split: str) -> LabelledFaces:
    """Read `<name>_<split>.png` and `.csv` from a folder in the sheet format.

    Raises ValueError that names the file and what is wrong with it.
    """
    sheets = sorted(path for suffix in SUFFIXES for path in folder.glob(f"*_{split}{suffix}"))
    if len(sheets) != 1:
        raise ValueError(f"{folder} holds {len(sheets)} files called *_{split}.png, one was expected")
    table = sheets[0].with_suffix(".csv")
    if not table.exists():
        raise ValueError(f"{table} with the votes of {sheets[0].name} is missing")
    votes = _read_votes(table)
    return LabelledFaces(_read_sheet(sheets[0], len(votes)), votes)


@dataclass(frozen=True, slots=True)
class ExtraFaces:
    """A further set: `labels` int64 [n], indices into `EMOTIONS` or -1; `opinions` float32 [n, 8], a larger net's
    probabilities; `about`: every other column of the csv, by its name."""

    name: str
    faces: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    opinions: npt.NDArray[np.float32]
    about: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.faces)

    def pick(self, which: npt.NDArray[np.bool_]) -> "ExtraFaces":
        about = {name: [value for value, keep in zip(column, which, strict=True) if keep]
                 for name, column in self.about.items()}  # fmt: skip
        return ExtraFaces(self.name, self.faces[which], self.labels[which], self.opinions[which], about)


def read_extra(folder: Path, name: str) -> ExtraFaces:
    """Read the sheet and csv called `name`. Raises ValueError that names the file and what is wrong with it."""
    sheets = [folder / f"{name}{suffix}" for suffix in SUFFIXES if (folder / f"{name}{suffix}").exists()]
    if len(sheets) != 1:
        raise ValueError(f"{folder} holds {len(sheets)} sheets called {name}.png or .webp, one was expected")
    rows = _rows(folder / f"{name}.csv", ("label", *OPINIONS))
    unknown = {row["label"] for row in rows} - {"", *EMOTIONS}
    if unknown:
        raise ValueError(f"{folder / name}.csv has the labels {', '.join(sorted(unknown))}, which are no emotions")
    labels = np.array([EMOTIONS.index(row["label"]) if row["label"] else -1 for row in rows], np.int64)
    others = [column for column in rows[0] if column not in ("index", "label", *OPINIONS)]
    about = {column: [row[column] for row in rows] for column in others}
    opinions = _opinions(folder / f"{name}.csv", rows)
    return ExtraFaces(name, _read_sheet(sheets[0], len(rows)), labels, opinions, about)


def read_opinions(table: Path, count: int) -> npt.NDArray[np.float32]:
    """A larger net's probabilities [count, 8] of faces that lie elsewhere, one row of `table` a face."""
    rows = _rows(table, OPINIONS)
    if len(rows) != count:
        raise ValueError(f"{table} has {len(rows)} rows for {count} faces")
    return _opinions(table, rows)


def held_out_places(count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(places of the faces to learn from, of those held out) among so many faces with votes; always the same."""
    order = np.random.default_rng(HELD_OUT_SEED).permutation(count)
    return order[HELD_OUT:], order[:HELD_OUT]


def part(extra: ExtraFaces, *, valid: bool) -> ExtraFaces:
    """The faces of an extra set that are never learnt, or the others: by a hash of their pixels, so that a face stays
    on its side when the set is sorted anew or grows."""
    one_in = ONE_IN.get(extra.name, 0)
    kept_back = [bool(one_in) and zlib.crc32(face.tobytes()) % one_in == 0 for face in extra.faces]
    return extra.pick(np.array(kept_back, bool) == valid)


def _opinions(table: Path, rows: list[dict[str, str]]) -> npt.NDArray[np.float32]:
    try:
        said = np.array([[float(row[name]) for name in OPINIONS] for row in rows], np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{table} has an opinion that is not a number ({error})") from error
    if not (np.isfinite(said).all() and (said >= 0).all() and (said.sum(1) > 0).all()):
        raise ValueError(f"{table} has opinions that are not probabilities")
    return np.asarray(said / said.sum(1, keepdims=True), np.float32)


def _rows(table: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise ValueError(f"{table} cannot be read ({error.strerror})") from error
    if not rows or not set(needed) <= set(rows[0]):
        raise ValueError(f"{table} needs the columns {', '.join(needed)}")
    return rows


def _read_votes(table: Path) -> npt.NDArray[np.float32]:
    rows = _rows(table, VOTES)
    try:
        votes = np.array([[float(row[name]) for name in VOTES] for row in rows], np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{table} has a vote that is not a number ({error})") from error
    return np.where(votes > 1, votes, 0).astype(np.float32)


def _read_sheet(path: Path, count: int) -> npt.NDArray[np.uint8]:
    sheet = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    width = SIDE_PX * FACES_A_ROW
    if sheet is None or sheet.shape[1] != width or sheet.shape[0] % SIDE_PX:
        raise ValueError(f"{path} is not a sheet of {FACES_A_ROW} gray {SIDE_PX}x{SIDE_PX} faces a row")
    rows = sheet.shape[0] // SIDE_PX
    if not (rows - 1) * FACES_A_ROW < count <= rows * FACES_A_ROW:
        raise ValueError(f"{path} holds up to {rows * FACES_A_ROW} faces, but its csv has {count} rows")
    faces = sheet.reshape(rows, SIDE_PX, FACES_A_ROW, SIDE_PX).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(faces.reshape(-1, SIDE_PX, SIDE_PX)[:count]).astype(np.uint8)
