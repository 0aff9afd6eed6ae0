"""What the checks found: a row each, as a table for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HEAD = ("what", "measured", "limit", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One result. `limit` is what it must be; empty if any value will do."""

    what: str
    measured: str
    limit: str = ""
    ok: bool = True

    @property
    def sign(self) -> str:
        return ("ok" if self.ok else "FAIL") if self.limit else ""


def within(what: str, value: float, unit: str, most: float, digits: int = 1) -> Row:
    """A figure that must not be larger than `most`."""
    return Row(what, f"{value:.{digits}f} {unit}", f"<= {most:g} {unit}", value <= most)


def equal(what: str, value: object, wanted: object) -> Row:
    """A result that must be exactly `limit`."""
    return Row(what, str(value), str(wanted), value == wanted)


def render(rows: Sequence[Row]) -> str:
    """A table that Markdown understands and a terminal shows as well."""
    cells = [HEAD, *((cell(r.what), cell(r.measured), cell(r.limit), r.sign) for r in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def cell(words: str) -> str:
    """One line, without what would end the cell."""
    return " ".join(words.split()).replace("|", "/")


def summary(rows: Sequence[Row]) -> str:
    failed = sum(not row.ok for row in rows)
    asked = sum(bool(row.limit) for row in rows)
    return f"{asked - failed} of {asked} as they have to be" + (f", {failed} NOT" if failed else "")


def save(rows: Sequence[Row], path: Path, **facts: object) -> None:
    """As JSON, with what else there is to know."""
    words = json.dumps({**facts, "ok": all(row.ok for row in rows), "rows": [asdict(row) for row in rows]}, indent=1)
    path.write_text(words + "\n", encoding="utf-8")
