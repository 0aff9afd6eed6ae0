"""The trial of a version: it must start, keep running, and cause no new problem in `affetto check`.

systemd calls the service active after the service has reported that it is ready, and kills it if it stops notifying the
watchdog. So the trial waits until the service is active and stays active without a restart.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from device.setup.layout import PAGE, SERVICE, SOCKETS, TARGET, Layout
from device.setup.machine import as_service, run

READY_S = 90.0  # a slow board with a large library
SETTLE_S = 12.0  # long enough for a crash, and for three tries of systemd to start it
CHECK_S = 120.0
POLL_S = 0.5
REPORTED = "running"  # the part of `affetto check` that asks the running program


@dataclass(frozen=True, slots=True)
class State:
    """The service, as systemd sees it."""

    active: str
    restarts: int
    pid: int


def state() -> State:
    """Now."""
    shown = run("systemctl", "show", SERVICE, "-p", "ActiveState,NRestarts,MainPID").stdout
    found = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    return State(found.get("ActiveState", ""), int(found.get("NRestarts") or 0), int(found.get("MainPID") or 0))


def start(layout: Layout, *, anew: bool) -> str:
    """Start everything (`anew`: restart it if it runs) and wait until it is up; what went wrong, or nothing."""
    if anew:
        run("systemctl", "stop", SERVICE, "affetto-eye.service", PAGE)
        run("systemctl", "reset-failed", "affetto*")
    run("systemctl", "start", "--no-block", TARGET, SERVICE, PAGE, *SOCKETS)
    return wait(state)


def wait(ask: Callable[[], State], ready_s: float = READY_S, settle_s: float = SETTLE_S, poll_s: float = POLL_S) -> str:
    """Wait until the service is up and has stayed up; what went wrong, or nothing."""
    began = time.monotonic()
    up: tuple[int, float] | None = None
    least = ask().restarts  # systemd may still count those of the version before
    while (now := time.monotonic()) - began < ready_s + settle_s:
        here = ask()
        least = min(least, here.restarts)
        if here.restarts - least > 2:
            return f"{SERVICE} stops again and again"
        if here.active == "failed":
            return f"{SERVICE} has failed"
        if here.active != "active":
            up = None
        elif up is None or up[0] != here.pid:
            up = (here.pid, now)
        elif now - up[1] >= settle_s:
            return ""
        time.sleep(poll_s)
    return f"{SERVICE} was not ready within {ready_s:.0f} s"


def problems(layout: Layout) -> dict[str, str] | None:
    """The problems that `affetto check` finds, by part; None if there is no version that could run it, or it fails."""
    program = layout.current / ".venv/bin/affetto"
    if not program.exists():
        return None
    try:
        done = run(*as_service(program, "check", "--json"), patience_s=CHECK_S)
        found = json.loads(done.stdout)["findings"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return {
        str(one["part"]): "; ".join(filter(None, (str(one["words"]), str(one.get("advice", "")))))
        for one in found
        if one["verdict"] == "problem"
    }


def verdict(before: dict[str, str] | None, after: dict[str, str] | None) -> str:
    """What the new version broke, or nothing. An old problem is no reason to go back, nor is what the program reports
    of itself (REPORTED): it has just started. A first version (`before` is None) must only be able to
    examine itself."""
    if after is None:
        return "`affetto check` does not work"
    new = [] if before is None else sorted(set(after) - set(before) - {REPORTED})
    return "; ".join(f"{part}: {after[part]}" for part in new)
