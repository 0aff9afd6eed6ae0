"""The figures of tools/faces/measure.py as lines for a person in a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

COLUMNS = (8, 8, 10, 11, 8, 7, 9)  # widths of the first table

Rows = Mapping[str, Mapping[str, Any]]


def table(figures: Mapping[str, Any]) -> str:
    """The figures as lines for a person."""
    rows = {"ours": figures, **figures.get("peers", {})}
    titles = ("AP@0.5", "recall", "alarms", "landmarks", "ms p50", "p95", "on core")
    lines = [" " * 11 + "".join(f"{title:>{wide}}" for title, wide in zip(titles, COLUMNS, strict=True))]
    for name, row in rows.items():
        alarms = f"{row['false_alarms']['count']}/{row['false_alarms']['pictures']}"
        ms = row["milliseconds"]
        lines.append(
            f"{name:<11}{row['ap']:>8.4f}{row['recall']:>8.4f}{alarms:>10}{row['landmark_error']:>11.2%}"
            f"{ms['p50']:>8.2f}{ms['p95']:>7.2f}{ms['cpu_p50']:>9.2f}"
        )
    lines += ["", *_rate_lines(rows)]
    if "hard" in figures:
        lines += ["", *_hard_lines(rows)]
    size = f"{figures['size_bytes'] / 1000:.0f} KB"
    lines += ["", f"threshold {figures['threshold']:.2f}, {size}, faces {figures['faces']}"]
    if "chain" in figures:
        lines += ["", *_chain_lines(figures["chain"])]
    if "video" in figures:
        lines.append("video: " + ", ".join(f"{key} {value}" for key, value in figures["video"].items()))
    return "\n".join(lines)


def _rate_lines(rows: Rows) -> Iterator[str]:
    """Recall where there are so many false boxes a picture; by group at a tenth."""
    yield f"{'false boxes a picture':<22}{'faces':>6}" + "".join(f"{name:>11}" for name in rows)
    first = next(iter(rows.values()))
    for rate in first["at_false_boxes"]:
        cells = (f"{row['at_false_boxes'][rate]['recall']:>11.3f}" for row in rows.values())
        yield f"{rate:<22}{first['faces']:>6}" + "".join(cells)
    for group, figures in first["at_false_boxes"]["0.1"]["groups"].items():
        cells = (f"{row['at_false_boxes']['0.1']['groups'][group]['recall']:>11.3f}" for row in rows.values())
        yield f"{'  0.1, ' + group:<22}{figures['faces']:>6}" + "".join(cells)


def _hard_lines(rows: Rows) -> Iterator[str]:
    """The hard set: a column a detector, each with AP, recall at its threshold, and at equal false alarms."""
    yield f"{'hard set':<11}{'faces':>6}  " + "".join(f"{name:^26}" for name in rows)
    yield f"{'':<19}" + "".join(f"{'AP':>8}{'recall':>8}{'equal':>8}  " for _ in rows)
    first = next(iter(rows.values()))["hard"]
    for part in ("kinds", "by_width_px"):
        for key, figures in first[part].items():
            equal = [row.get("equal_alarms", {}).get(part, {}).get(key) for row in rows.values()]
            cells = [_cell(row["hard"][part][key], one) for row, one in zip(rows.values(), equal, strict=True)]
            yield f"{key:<11}{figures['faces']:>6}  " + "".join(cells)
    cells = [_cell(row["hard"], row.get("equal_alarms", {}).get("recall")) for row in rows.values()]
    yield f"{'all':<11}{first['faces']:>6}  " + "".join(cells)
    yield f"{'alarms':<19}" + "".join(f"{row['hard']['false_alarms']:>16}{'':>10}" for row in rows.values())


def _chain_lines(chain: Mapping[str, Any]) -> Iterator[str]:
    yield "emotions of pasted faces   found   direct   placed   read   points apart   misses wrong"
    for side, row in [*chain["by_side_px"].items(), *chain["by_light"].items(), ("all", chain)]:
        apart = "-" if row["difference_points"] is None else f"{row['difference_points']:+.2f}"
        yield (
            f"{side + ' px' if side.isdigit() else side:>10} {row['faces']:>7} faces {row['share_found']:>12.2%} "
            f"{row['accuracy_direct_of_found'] or 0:>8.2%} {row['accuracy_placed'] or 0:>8.2%} "
            f"{row['accuracy_found'] or 0:>7.2%} {apart:>10} {row['accuracy_misses_wrong'] or 0:>14.2%}"
        )
    if chain["framing"]:
        pairs = ((key, chain["framing"]["used"][key], value) for key, value in chain["framing"]["measured"].items())
        yield "framing, measured (used): " + ", ".join(f"{key} {value} ({used})" for key, used, value in pairs)


def _cell(figures: Mapping[str, Any], equal: float | None) -> str:
    return f"{figures['ap']:>8.3f}{figures['recall']:>8.3f}" + ("       -  " if equal is None else f"{equal:>8.3f}  ")
