"""The Python packages that the device needs, for its processor and Python instead of this machine's.

`pip download --platform ... --python-version ...` chooses files for another machine, but reads conditions such as
`platform_machine == 'aarch64'` as true of the one it runs on. So pip is run with the device's answers (elsewhere.py).
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

from tools.image.steps import Refusal, run, step
from tools.image.system import System

OLDEST_GLIBC_MINOR = 17  # of any wheel for this processor
ELSEWHERE = Path(__file__).with_name("elsewhere.py")


def fetch(project: Path, system: System, folder: Path) -> list[Path]:
    """Download the wheels that the program of the clone `project` needs into `folder`; their paths. Raises Refusal."""
    folder.mkdir(parents=True, exist_ok=True)
    with step("Fetching the Python packages"):
        try:
            run(*command(requirements(project / "pyproject.toml"), system, folder))
        except Refusal as refusal:
            raise Refusal(f"the Python packages could not be fetched; is there a network? {refusal}") from None
    return sorted(folder.glob("*.whl"))


def requirements(path: Path) -> list[str]:
    """What runs, and what builds: pip on the device has no network to get that from."""
    document = tomllib.loads(path.read_text("utf-8"))
    return [*document["project"]["dependencies"], *document["build-system"]["requires"]]


def command(wanted: list[str], system: System, folder: Path) -> list[str]:
    """The command that fetches them with all that they need in turn."""
    minors = range(system.glibc_minor, OLDEST_GLIBC_MINOR - 1, -1)
    names = [*(f"manylinux_2_{minor}" for minor in minors), "manylinux2014", "linux"]
    return [
        *(sys.executable, str(ELSEWHERE), json.dumps(answers(system)), "download", "--progress-bar", "off"),
        *("--disable-pip-version-check", "--only-binary", ":all:", "--implementation", "cp"),
        *("--python-version", system.python, "--dest", str(folder)),
        *(word for name in names for word in ("--platform", f"{name}_{system.machine}")),
        *wanted,
    ]


def answers(system: System) -> dict[str, str]:
    """What the device says to the conditions of a requirement (PEP 508)."""
    return {
        "implementation_name": "cpython",
        "implementation_version": system.python_full,
        "os_name": "posix",
        "platform_machine": system.machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": system.python_full,
        "python_version": system.python,
        "sys_platform": "linux",
    }
