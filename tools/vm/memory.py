"""How much memory eye and conductor take, while both work; pages that they share are counted twice (Rss)."""

from __future__ import annotations

from collections.abc import Iterator

from tools.vm.stage import Stage
from tools.vm.table import Row, within

MOST_MB = 150.0


def resident(stage: Stage) -> Iterator[Row]:
    """Memory of eye and conductor"""
    both = 0.0
    each = []
    for unit in ("affetto.service", "affetto-eye.service"):
        pid = stage.pid(unit)
        found = rollup(stage.shell(f"cat /proc/{pid}/smaps_rollup"))
        each.append(f"{unit} {found['Rss']:.0f} ({found['Pss']:.0f})")
        both += found["Rss"]
    yield within("eye and conductor together, resident (Rss)", both, "MB", MOST_MB)
    yield Row("each, in MB (with its share of what both have, Pss)", "; ".join(each))


def rollup(text: str) -> dict[str, float]:
    """`smaps_rollup` in megabytes (10^6 bytes)."""
    lines = (line.split() for line in text.splitlines()[1:])
    return {words[0].rstrip(":"): int(words[1]) * 1024 / 1e6 for words in lines if len(words) >= 2}
