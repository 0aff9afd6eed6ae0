"""Draws a face detector's worst mistakes: the faces it missed, and what it was surest of that is no face.

Look at them before the next training. White is the true box, red what was found, with its score. Needs matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from device.domain import Face
from tools.faces.hard.kinds import KINDS
from tools.faces.measuring.matching import pair
from tools.faces.measuring.plots import DPI, FAINT, INK, save
from tools.faces.measuring.seen import Looked, Seen
from tools.labelled.boxes import Picture

ACROSS = 8
ALARM_ROWS = 3
CONTEXT = 2.2  # so many times the box is shown
FAINTEST = 0.2  # boxes less sure than that are not drawn
TRUE, FOUND = "#ffffff", "#ff5a4d"

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Mistake:
    """`box` is what to look at in the picture; `score` how sure the detector was of it, 0 if it saw nothing."""

    picture: Picture
    found: Sequence[Face]
    box: Box
    score: float

    @property
    def caption(self) -> str:
        name = Path(self.picture.file).stem
        sure = f"score {self.score:.2f}" if self.score > 0 else "not seen"
        return f"{name[:22]}\n{self.box[2]:.0f} px, {sure}"


def draw_misses(seen: Seen, threshold: float, path: Path) -> None:
    """A row a source and kind: the misses that the detector was least sure of, the widest first."""
    sources = sorted({picture.source for picture, _ in seen.people})
    rows = {one: _worst(misses([p for p in seen.people if p[0].source == one], threshold)) for one in sources}
    for kind in KINDS:
        rows[kind] = _worst(misses([one for one in seen.hard if one[0].source == kind], threshold))
    rows = {kind: row for kind, row in rows.items() if row}
    title = f"Worst misses at threshold {threshold:.2f}: white the true face, red what was found below or beside it"
    save(_sheet(rows, title), path)


def draw_alarms(seen: Seen, path: Path) -> None:
    """What it was surest of that is no face, whether above the threshold or below."""
    parts = (seen.backgrounds, seen.hard, seen.people)
    surest = sorted((one for part in parts for one in alarms(part)), key=lambda one: -one.score)
    rows = {" " * r: surest[r * ACROSS : (r + 1) * ACROSS] for r in range(ALARM_ROWS)}
    title = "Surest false alarms: red what was found, white true faces near it"
    save(_sheet({name: row for name, row in rows.items() if row}, title), path)


def misses(looked: Looked, threshold: float) -> list[Mistake]:
    """Faces that are not found at the threshold, with the score of what lies on them."""
    made = []
    for picture, found in looked:
        pairs, _, missed = pair(found, picture.labels)
        weak = [(label, face.score) for face, label in pairs if face.score < threshold]
        for label, score in [*weak, *((label, 0.0) for label in missed)]:
            x, y, w, h = (float(v) for v in label.box)
            made.append(Mistake(picture, found, (x, y, w, h), score))
    return made


def alarms(looked: Looked) -> list[Mistake]:
    return [
        Mistake(picture, found, (face.x, face.y, face.w, face.h), face.score)
        for picture, found in looked
        for face in pair(found, picture.labels)[1]
        if face.score >= FAINTEST
    ]


def _worst(mistakes: Sequence[Mistake]) -> list[Mistake]:
    return sorted(mistakes, key=lambda one: (one.score, -one.box[2]))[:ACROSS]


def _sheet(rows: dict[str, list[Mistake]], title: str) -> Figure:
    figure = Figure(figsize=(1.75 * ACROSS + 0.5, 2.15 * max(1, len(rows)) + 0.6), dpi=DPI)
    figure.suptitle(title, x=0.01, y=0.995, ha="left", va="top", color=INK, fontsize=13, fontweight="bold")
    if not rows:
        figure.text(0.5, 0.4, "none", ha="center", color=FAINT, fontsize=13)
        return figure
    top = 1 - 0.45 / figure.get_size_inches()[1]
    grid = figure.add_gridspec(
        len(rows), ACROSS, left=0.035, right=0.995, top=top, bottom=0.035, wspace=0.06, hspace=0.32
    )
    for at, (name, row) in enumerate(rows.items()):
        for place, mistake in enumerate(row):
            axes = figure.add_subplot(grid[at, place])
            _draw(axes, mistake)
            if place == 0:
                axes.set_ylabel(name, color=INK, fontsize=11, fontweight="bold")
    return figure


def _draw(axes: Axes, mistake: Mistake) -> None:
    gray = mistake.picture.gray
    x, y, w, h = mistake.box
    side = CONTEXT * max(w, h, 16)
    axes.imshow(gray, cmap="gray", vmin=0, vmax=_white(gray, mistake.box), interpolation="nearest")
    for label in mistake.picture.labels:
        if not label.ignored:
            axes.add_patch(_rectangle(tuple(float(v) for v in label.box), TRUE))
    for face in mistake.found:
        if face.score >= FAINTEST:
            axes.add_patch(_rectangle((face.x, face.y, face.w, face.h), FOUND))
            axes.text(face.x, face.y - 1, f"{face.score:.2f}", color=FOUND, fontsize=7.5, va="bottom", clip_on=True)
    axes.set(xlim=(x + w / 2 - side / 2, x + w / 2 + side / 2), ylim=(y + h / 2 + side / 2, y + h / 2 - side / 2))
    axes.set(xticks=[], yticks=[], facecolor="#3a3f46")
    axes.set_xlabel(mistake.caption, fontsize=7.8, color=INK, labelpad=3)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _white(gray: np.ndarray, box: Box) -> float:
    """Dark pictures are shown lifted, so that a person sees what the detector did not."""
    x, y, w, h = (max(0, round(v)) for v in box)
    part = gray[y : y + h + 1, x : x + w + 1]
    return float(np.clip(part.max() * 1.3, 24, 255)) if part.size else 255.0


def _rectangle(box: Sequence[float], colour: str) -> Rectangle:
    return Rectangle((box[0], box[1]), box[2], box[3], fill=False, edgecolor=colour, lw=1.3)
