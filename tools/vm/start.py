"""The start: what runs, what it says about the camera before anybody consented, and how long the first sound takes."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator

from tools.vm.stage import Check, Stage
from tools.vm.table import Row, equal

UNITS = ("affetto.target", "affetto.service", "affetto-eye.socket", "affetto-scan.socket")
JOURNAL_UP = "systemctl is-active -q affetto.service"
MICRO = 1e-6
HOME = "/opt/affetto-image"
CUT_OFF_S = (5.0, 60.0)  # after the first package


def cut_off(seed: int) -> Check:
    """The check that cuts the power while the image installs Affetto."""
    delay_s = random.Random(seed).uniform(*CUT_OFF_S)

    def cut(stage: Stage) -> Iterator[Row]:
        if stage.shell.run(f"test -e {HOME}").status:
            return  # it came with the image
        stage.await_progress(f"pgrep -x dpkg >/dev/null || test -e {HOME}/done", "the installation does not begin")
        time.sleep(delay_s)
        was_done = stage.shell.run(f"test -e {HOME}/done").status == 0
        stage.machine.cut()
        stage.machine.start()
        stage.machine.wait()
        words = f"{delay_s:.0f} s into Debian's packages{', and it was done' if was_done else ''}"
        yield Row("first start: the power is cut", words, "in the middle", not was_done)

    cut.__doc__ = "The power is cut in the middle of the first start"
    return cut


def installed(stage: Stage) -> Iterator[Row]:
    """The image installs Affetto at its first start"""
    if stage.shell.run(f"test -e {HOME}").status:
        return
    stage.await_progress(f"test -e {HOME}/done", "Affetto is not installed")
    took_s = time.monotonic() - stage.machine.started_s
    yield Row("start after it: installed from the image, without a network", f"{took_s:.0f} s (emulated)", "done")


def units(stage: Stage) -> Iterator[Row]:
    """The units are active"""
    stage.until(JOURNAL_UP, "affetto.service does not become active")
    states = {unit: stage.shown(unit, "ActiveState")["ActiveState"] for unit in UNITS}
    yield Row(
        "units active", ", ".join(f"{u} {s}" for u, s in states.items()), "all", set(states.values()) == {"active"}
    )
    failed = stage.shell("systemctl list-units --state=failed --no-legend --plain | cut -d' ' -f1")
    yield equal("units that failed", failed or "none", "none")


def no_consent(stage: Stage) -> Iterator[Row]:
    """The first boot leaves the camera off"""
    said = journal(stage, "nobody has consented")
    yield Row(
        "first boot: the log says that the camera is off", said[-1][1][:60] if said else "nothing", "so", bool(said)
    )
    yield equal("first boot: the eye", stage.shown("affetto-eye.service", "ActiveState")["ActiveState"], "inactive")
    yield equal("first boot: processes with a video device open", holders(stage), "none")


def first_sound(stage: Stage) -> Iterator[Row]:
    """From the start of the kernel to the first sound"""
    stage.outside.event("track_started", patience_s=600)
    kernel_s, _user_s = analyze(stage.shell("systemd-analyze time || true"))
    service = stage.shown("affetto.service", "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    begun_s, ready_s = (int(value) * MICRO for value in service.values())
    played = journal(stage, '"track_started"')
    sound_s = played[0][0] if played else float("nan")
    yield Row(
        "kernel start to first sound (emulated)",
        f"{sound_s:.0f} s = kernel and initrd {kernel_s:.0f} + until the service starts {begun_s - kernel_s:.0f}"
        f" + until it is ready {ready_s - begun_s:.0f} + until a song sounds {sound_s - ready_s:.0f}",
    )
    yield Row(
        "the slowest units (emulated)", slowest(stage.shell("systemd-analyze blame --no-pager | head -n 5 || true"))
    )


def journal(stage: Stage, words: str, unit: str = "affetto.service") -> list[tuple[float, str]]:
    """Lines of this boot that hold the words: seconds since the kernel started, and the line."""
    found = []
    for line in stage.shell(f"journalctl -b -u {unit} -o json --no-pager -q").splitlines():
        entry = json.loads(line)
        message = entry.get("MESSAGE", "")
        if isinstance(message, str) and words in message:
            found.append((int(entry["__MONOTONIC_TIMESTAMP"]) * MICRO, message))
    return found


def analyze(text: str) -> tuple[float, float]:
    """Seconds in the kernel (with initrd) and in user space, from `systemd-analyze time`."""
    line = next((line for line in text.splitlines() if "Startup finished" in line), "")
    parts = {name: seconds(span) for span, name in re.findall(r"([0-9][^()+=]*?) \((\w+)\)", line)}
    return parts.get("kernel", 0.0) + parts.get("initrd", 0.0), parts.get("userspace", 0.0)


def seconds(span: str) -> float:
    """`1min 2.5s`, `900ms` as seconds."""
    units = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
    return sum(float(value) * units[unit] for value, unit in re.findall(r"([0-9.]+)(h|min|ms|us|s)\b", span))


def slowest(text: str) -> str:
    """`systemd-analyze blame` in one line."""
    return ", ".join(f"{line.split()[-1]} {seconds(line):.0f} s" for line in text.splitlines() if line.strip())


HOLDERS = r"""
found=$(find /proc/[0-9]*/fd \( -lname '/dev/video*' -o -lname '/dev/media*' \) 2>/dev/null || true)
for pid in $(echo "$found" | cut -d/ -f3 | sort -u); do cat "/proc/$pid/comm"; done
[ -n "$found" ] || echo none
"""


def holders(stage: Stage) -> str:
    """Which processes have a video or media device open, in words; `none`."""
    return ", ".join(stage.shell(HOLDERS).split("\n"))
