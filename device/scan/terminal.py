"""The library in the valence-arousal plane on a terminal, for boards without a screen. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from device.domain import MOOD_AFFECT, Affect, MoodName
from device.scan.points import Point, counts, doubtful
from device.watch.screen import MOOD_COLOURS

DENSITY = "·∙•●"  # one track in a cell, a few, many, most
ROWS, WIDEST = 21, 76
MOST_NAMES = 10


def chart(points: Sequence[Point], width: int) -> RenderableType:
    """The plane, the moods with their numbers, and the doubtful tracks."""
    columns = max(30, min(width - 4, WIDEST))
    lines: list[RenderableType] = [Text("arousal ↑   (each dot is where the model puts its tracks)", style="dim")]
    lines += _plane(points, columns)
    lines.append(Text(f"{'valence →':>{columns + 2}}", style="dim"))
    lines.append(_legend(points))
    doubts = doubtful(points, MOST_NAMES)
    if doubts:
        lines.append(Text("\nHere the model differs most from you:", style="bold"))
        lines += [_doubt(point) for point in doubts]
    return Group(*lines)


def _plane(points: Sequence[Point], columns: int) -> list[RenderableType]:
    cells: dict[tuple[int, int], Counter[MoodName]] = {}
    for point in points:
        cells.setdefault(_cell(point.affect, columns), Counter())[point.mood] += 1
    densest = max((sum(cell.values()) for cell in cells.values()), default=1)
    names = {_cell(affect, columns): mood for mood, affect in MOOD_AFFECT.items()}
    grid = [[(" ", "")] * columns for _ in range(ROWS)]
    for row in range(ROWS):
        grid[row][columns // 2] = ("│", "grey30")
    grid[ROWS // 2] = [("─", "grey30")] * columns
    for (row, column), cell in cells.items():
        level = round((len(DENSITY) - 1) * (sum(cell.values()) / densest) ** 0.5)
        grid[row][column] = (DENSITY[level], MOOD_COLOURS[cell.most_common(1)[0][0]])
    for (row, column), mood in names.items():
        start = min(column, columns - len(mood))
        grid[row][start : start + len(mood)] = [(letter, f"bold underline {MOOD_COLOURS[mood]}") for letter in mood]
    edge = ("│", "grey30")
    return [Text.assemble(edge, *line, edge) for line in grid]


def _cell(affect: Affect, columns: int) -> tuple[int, int]:
    row = round((1 - affect.arousal) / 2 * (ROWS - 1))
    column = round((affect.valence + 1) / 2 * (columns - 1))
    return max(0, min(row, ROWS - 1)), max(0, min(column, columns - 1))


def _legend(points: Sequence[Point]) -> Text:
    parts: list[tuple[str, str]] = []
    for mood, (people, model) in counts(points).items():
        if people or model:
            parts += [(f"● {mood} ", MOOD_COLOURS[mood]), (f"{people + model} ({people} yours)   ", "")]
    return Text.assemble(*parts)


def _doubt(point: Point) -> Text:
    where = f"{point.affect.valence:+.1f}, {point.affect.arousal:+.1f}"
    return Text.assemble(
        ("  ● ", MOOD_COLOURS[point.mood]), point.name, (f"  you: {point.mood}; the model: {where}", "dim"),
        no_wrap=True, overflow="ellipsis",
    )  # fmt: skip
