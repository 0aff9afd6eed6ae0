"""Asks the running program for its health, by reading the report file that its lock names. Disturbs nothing."""

from __future__ import annotations

from collections.abc import Iterator

from device.check.finding import Finding, note, problem, well
from device.store.instance import Running

PART = "running"
RESTART = "restart it: sudo systemctl restart affetto; its log may say why: journalctl -u affetto -n 50"


def ask(found: Running | None) -> Iterator[Finding]:
    """The running program's report; nothing if no program uses this data folder."""
    if found is None:
        return
    who = f"Affetto runs (pid {found.pid})" if found.pid else "Affetto runs"
    if found.health is None:
        yield note(PART, f"{who}, but has not reported its health yet", "if it started long ago, " + RESTART)
    elif not found.responds:
        yield problem(PART, f"{who}, but does not respond: its last report is {words_for(found.age_s)} old", RESTART)
    elif found.health.ok:
        yield well(PART, f"{who}, up {words_for(found.health.uptime_s)}, and reports no problem")
    else:
        for words in found.health.problems:
            yield problem(PART, words)


def reports_sound(found: Running | None) -> bool:
    """Whether the running program has the sound device open, and its report is recent."""
    return found is not None and found.health is not None and found.responds


def words_for(seconds: float) -> str:
    """`40 s`, `5 min`, `3 h`, `2 days`."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86400:.0f} days"
