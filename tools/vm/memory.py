"""How much memory eye and conductor take, while both work: pages that they share are counted once (Pss)."""

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
        each.append(f"{unit} Pss {found['Pss']:.0f} Rss {found['Rss']:.0f}")
        both += found["Pss"]
    yield within("eye and conductor together, resident (Pss)", both, "MB", MOST_MB)
    yield Row("each, in MB (Rss counts what both share twice)", "; ".join(each))


def rollup(text: str) -> dict[str, float]:
    """`smaps_rollup` in megabytes (10^6 bytes)."""
    lines = (line.split() for line in text.splitlines()[1:])
    return {words[0].rstrip(":"): int(words[1]) * 1024 / 1e6 for words in lines if len(words) >= 2}
