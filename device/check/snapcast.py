"""Snapcast, which plays one sound on all devices of a group: its two programs, and Debian's own services of them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from device.check.finding import Finding, note, problem, well

PROGRAMS = ("snapserver", "snapclient")
ENABLED = Path("/etc/systemd/system/multi-user.target.wants")
PATIENCE_S = 5.0


def snapcast(group: str, enabled: Path = ENABLED) -> Iterator[Finding]:
    """Check that a device of a group (empty: it plays alone) finds both programs, and nobody else starts them."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    advice = f"sudo apt-get install {' '.join(missing)}"
    if missing and group:
        yield problem("rooms", f"not installed: {', '.join(missing)}; the group {group} is silent here", advice)
    elif missing:
        yield note("rooms", f"not installed: {', '.join(missing)}; only a device in a group needs it", advice)
    else:
        alone = f"plays in the group {group}" if group else "plays alone"
        yield well("rooms", f"{alone}; {', '.join(_version(program) for program in PROGRAMS)}")
    for program in PROGRAMS:
        if (enabled / f"{program}.service").is_symlink():
            words = f"{program}.service starts at boot, beside the {program} of Affetto"
            yield note("rooms", words, f"if you do not use it: sudo systemctl disable --now {program}")


def _version(program: str) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return f"{program} that does not answer"
    return next(iter(done.stdout.splitlines()), program).strip()
