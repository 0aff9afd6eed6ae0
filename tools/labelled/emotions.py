"""Read labelled faces in the sheet format: a lossless PNG of 48x48 faces, and a csv with one row of votes a face.

Shared by training and by measuring; needs OpenCV and NumPy only. The vote columns are FERPlus's (Barsoum et al.,
"Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label Distribution", ICMI 2016): eight
emotions in the project's order, then `unknown` and `NF` (not a face).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

EMOTIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
VOTES = (*EMOTIONS, "unknown", "NF")
SIDE_PX = 48
FACES_A_ROW = 100


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
    sheets = sorted(folder.glob(f"*_{split}.png"))
    if len(sheets) != 1:
        raise ValueError(f"{folder} holds {len(sheets)} files called *_{split}.png, one was expected")
    table = sheets[0].with_suffix(".csv")
    if not table.exists():
        raise ValueError(f"{table} with the votes of {sheets[0].name} is missing")
    votes = _read_votes(table)
    return LabelledFaces(_read_sheet(sheets[0], len(votes)), votes)


def _read_votes(table: Path) -> npt.NDArray[np.float32]:
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or not set(VOTES) <= set(rows[0]):
        raise ValueError(f"{table} needs the columns {', '.join(VOTES)}")
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
