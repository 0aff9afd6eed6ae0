"""The library in the valence-arousal plane as a picture. Needs matplotlib, which is not installed on devices."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from device.console import count
from device.domain import MOOD_AFFECT, MoodName
from device.scan.points import Point, counts, doubtful

INK, FAINT, GRID = "#22262b", "#767d86", "#e7e9ec"
COLOURS = {
    MoodName.HAPPY: "#f4b92f",
    MoodName.EXCITED: "#ef8354",
    MoodName.CALM: "#74bfa9",
    MoodName.NEUTRAL: "#a9afb6",
    MoodName.SAD: "#4a7fb5",
    MoodName.TENSE: "#7d55a8",
    MoodName.ANGRY: "#c4372f",
}
FEW = 60  # tracks; up to this number, each is drawn with its uncertainty
MOST_NAMES = 12
WIDTH_IN, HEIGHT_IN, DPI = 12.0, 9.0, 110
LIMIT = 1.12
FEWEST = 25  # tracks; up to this number, they have their titles in the plane
WIDE_FONTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Droid Sans Fallback", "WenQuanYi Zen Hei", "Unifont")


def draw(points: Sequence[Point], out: Path) -> None:
    """Write the picture to `out`, atomically."""
    with rc_context({"font.family": fonts()}):
        _draw(points, out)


def fonts() -> list[str]:
    """The usual font, and behind it those of this machine that have the letters of East Asia."""
    here = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in WIDE_FONTS if name in here)]


def _draw(points: Sequence[Point], out: Path) -> None:
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, facecolor="white")
    plane = figure.add_axes((0.06, 0.07, 0.66, 0.86))
    side = figure.add_axes((0.74, 0.07, 0.25, 0.86))
    frame(plane)
    scatter(plane, points)
    mark_moves(plane, points)
    doubts = doubtful(points, MOST_NAMES)
    mark_doubts(plane, doubts)
    label_points(plane, points, doubts)
    label_moods(plane)
    describe(side, points, doubts)
    figure.suptitle(
        "The library in the plane of valence and arousal", x=0.06, y=0.975, ha="left", color=INK, size=15, weight="bold"
    )
    beside = out.with_name(f".{out.name}.part")
    try:
        with warnings.catch_warnings():  # of letters that no font here has: they become boxes
            warnings.simplefilter("ignore", UserWarning)
            figure.savefig(beside, format="png")
        os.replace(beside, out)
    finally:
        beside.unlink(missing_ok=True)


def frame(axes: Axes) -> None:
    axes.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), xlabel="valence", ylabel="arousal")
    axes.axhline(0, color=GRID, zorder=0)
    axes.axvline(0, color=GRID, zorder=0)
    axes.add_patch(Circle((0, 0), 1, fill=False, color=GRID, zorder=0))
    for place, words in (((-1, 1), "tense, angry"), ((1, 1), "excited, happy"), ((-1, -1), "sad"), ((1, -1), "calm")):
        axes.text(1.09 * place[0], 1.08 * place[1], words, color=FAINT, size=9, style="italic", zorder=0,
                  ha="left" if place[0] < 0 else "right", va="center")  # fmt: skip
    axes.tick_params(colors=FAINT, labelsize=8)
    axes.xaxis.label.set_color(FAINT)
    axes.yaxis.label.set_color(FAINT)
    for spine in axes.spines.values():
        spine.set_color(GRID)


def scatter(axes: Axes, points: Sequence[Point]) -> None:
    """Dots for moods by the model, diamonds for moods by people, crosses for tracks that are not analysed yet. Darker
    means more certain; many points are smaller."""
    few = len(points) <= FEW
    size = 70.0 if few else max(5.0, 70.0 * (FEW / len(points)) ** 0.5)
    for marker in "oDx":
        chosen = [point for point in points if marker_of(point) == marker]
        if not chosen:
            continue
        shades: Any = [sureness(point) for point in chosen]  # Matplotlib's own types know only one for all
        style: dict[str, Any] = {"linewidths": 1.1} if marker == "x" else {"edgecolors": "white", "linewidths": 0.4}
        if marker == "D":
            style = {"edgecolors": INK, "linewidths": 0.7 if few else 0.4}
        axes.scatter(
            [point.affect.valence for point in chosen], [point.affect.arousal for point in chosen],
            s=size * (0.7 if marker == "D" else 1.0), marker=marker, c=[COLOURS[point.mood] for point in chosen],
            alpha=shades, zorder=3, **style,
        )  # fmt: skip
    for point in points if few else ():
        if point.analysed:
            middle, shade = (point.affect.valence, point.affect.arousal), min(0.06, 0.6 / len(points))
            axes.add_patch(Circle(middle, point.uncertainty, linewidth=0, zorder=1, alpha=shade,
                                  color=COLOURS[point.mood]))  # fmt: skip


def mark_moves(axes: Axes, points: Sequence[Point]) -> None:
    """An arrow from where the model put a track to where people's corrections of others moved it."""
    for point in points:
        if point.model is not None:
            axes.annotate(
                "", (point.affect.valence, point.affect.arousal), (point.model.valence, point.model.arousal), zorder=2,
                arrowprops={"arrowstyle": "->", "color": COLOURS[point.mood], "lw": 0.9, "shrinkA": 0, "shrinkB": 3},
            )  # fmt: skip


def marker_of(point: Point) -> str:
    return "x" if not point.analysed else "o" if point.by_model else "D"


def sureness(point: Point) -> float:
    """The opacity of a point: 0.45 (uncertain) to 0.95."""
    return max(0.45, min(0.95, 1.15 - point.uncertainty)) if point.analysed else 0.6


def mark_doubts(axes: Axes, doubts: Sequence[Point]) -> None:
    """Number the doubtful tracks, with a line to the mood that people chose."""
    for number, point in enumerate(doubts, 1):
        said, (x, y) = MOOD_AFFECT[point.mood], (point.affect.valence, point.affect.arousal)
        axes.plot([x, said.valence], [y, said.arousal], color=INK, alpha=0.5, linewidth=0.9, linestyle=(0, (4, 3)),
                  zorder=4)  # fmt: skip
        axes.plot(x, y, marker="D", markersize=7, color=COLOURS[point.mood], markeredgecolor=INK, zorder=5)
        beside = (-11 if x > 0.7 else 11, -11 if y > 0.7 or number % 2 else 11)
        axes.annotate(
            str(number), (x, y), xytext=beside, textcoords="offset points", size=9, color=INK, weight="bold", zorder=6,
            ha="center", va="center", bbox={"boxstyle": "circle,pad=0.2", "fc": "white", "ec": INK, "lw": 0.6},
        )  # fmt: skip


def label_points(axes: Axes, points: Sequence[Point], doubts: Sequence[Point]) -> None:
    """Small titles, where there is room for each."""
    taken: list[tuple[float, float]] = [(affect.valence, affect.arousal) for affect in MOOD_AFFECT.values()]
    for point in points if len(points) <= FEWEST else ():
        x, y = point.affect.valence, point.affect.arousal
        if point in doubts or any(abs(x - other_x) < 0.35 and abs(y - other_y) < 0.04 for other_x, other_y in taken):
            continue
        taken.append((x, y))
        right = x > 0.6
        axes.annotate(shorten(point.title, 24), (x, y), size=8, color=FAINT, xytext=(-8 if right else 8, 0),
                      textcoords="offset points", ha="right" if right else "left", va="center", zorder=5,
                      parse_math=False)  # fmt: skip


def label_moods(axes: Axes) -> None:
    for mood, affect in MOOD_AFFECT.items():
        axes.plot(affect.valence, affect.arousal, marker="+", color=INK, markersize=11, zorder=4)
        axes.annotate(mood, (affect.valence, affect.arousal), xytext=(0, -13), textcoords="offset points", ha="center",
                      va="center", size=10, weight="bold", color=INK, zorder=5,
                      bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75})  # fmt: skip


def describe(axes: Axes, points: Sequence[Point], doubts: Sequence[Point]) -> None:
    """Counts, legend and names, beside the plane."""
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    y = line(axes, 0.99, count(len(points), "track"), weight="bold")
    axes.text(0.72, y + 0.004, "yours", size=8, color=FAINT, ha="right")
    axes.text(0.95, y + 0.004, "model", size=8, color=FAINT, ha="right")
    y -= 0.012
    for mood, (people, model) in counts(points).items():
        axes.add_line(Line2D([0.03], [y - 0.012], marker="o", color=COLOURS[mood], markersize=9, linewidth=0))
        for x, text, side in ((0.09, str(mood), "left"), (0.72, f"{people:,}", "right"), (0.95, f"{model:,}", "right")):
            axes.text(x, y - 0.012, text if text != "0" else "–", size=10, color=INK, ha=side, va="center")
        y -= 0.032
    y = legend(axes, y - 0.02, points)
    if not doubts:
        return
    y = line(axes, y - 0.02, "Worth a look", weight="bold")
    y = line(axes, y, "the model puts them far from the mood that you chose", size=8, colour=FAINT)
    for number, point in enumerate(doubts, 1):
        y = line(axes, y - 0.002, f"{number}  {shorten(point.name, 33)}", size=9)
        y = line(axes, y + 0.006, f"     you: {point.mood}", size=8, colour=FAINT)


def legend(axes: Axes, y: float, points: Sequence[Point]) -> float:
    kinds = [("o", "mood by the model", any(p.by_model for p in points)),
             ("D", "mood by you (folder, tag, correction)", any(p.analysed and not p.by_model for p in points)),
             ("x", "mood by you, not analysed yet", any(not p.analysed for p in points))]  # fmt: skip
    for marker, words, used in kinds:
        if used:
            edge = INK if marker == "D" else FAINT
            axes.add_line(Line2D([0.03], [y - 0.01], marker=marker, color=FAINT, markersize=7, linewidth=0,
                                 markeredgecolor=edge))  # fmt: skip
            axes.text(0.09, y - 0.01, words, size=9, color=INK, va="center")
            y -= 0.028
    words = "circles: the model's uncertainty" if len(points) <= FEW else "pale: the model is less certain"
    return line(axes, y, words, size=8, colour=FAINT)


def line(axes: Axes, y: float, words: str, *, size: float = 11, weight: str = "normal", colour: str = INK) -> float:
    """Write a line of text. Returns the position of the next one."""
    axes.text(0.0, y, words, size=size, weight=weight, color=colour, va="top", parse_math=False)
    return y - 0.0024 * size - 0.004


def shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
