"""Versions in the machine: a newer one takes over, a broken one is taken back; away and back again.

The clone of this working copy is put into the machine. Its Python packages are on the image, so no network is needed.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

from device.setup import release
from tools.vm.shell import Done
from tools.vm.stage import Stage
from tools.vm.table import Row, equal

ROOT = Path(__file__).resolve().parents[2]
CLONE, WHEELS = "/root/affetto", "/opt/affetto-image/wheels"
INSTALL_S = 3600.0
LEFT = """
find /etc/systemd /etc/udev /opt /usr/local -name '*affetto*'
find /etc/affetto /var/lib/affetto /var/lib/affetto-watchdog -maxdepth 0 2>/dev/null || true
getent passwd affetto | cut -d: -f1 || true
"""
YOURS = {"/etc/affetto", "/var/lib/affetto", "affetto"}  # folders, and the user whose they are
MAYBE = {"/var/lib/affetto-watchdog"}  # only where there is a hardware watchdog
NOT_OURS = ("affetto-image", "first-boot", "affetto-vm")  # the image's, and the emulation's


def clone(**edits: tuple[str, str]) -> bytes:
    """This working copy as a tar archive; `edits` replace words in `device/NAME.py`."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as files:
        for name, (content, mode) in release.contents(ROOT).items():
            for module, (before, after) in edits.items():
                if name == f"device/{module}.py":
                    assert before.encode() in content, f"{name} has no {before!r} any more"
                    content = content.replace(before.encode(), after.encode())
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            files.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def number(version: str) -> tuple[str, str]:
    """The edit that makes it another version."""
    from device import __version__

    return f'__version__ = "{__version__}"', f'__version__ = "{version}"'


def put_wheels(stage: Stage, wheels: Path | None) -> None:
    """The Python packages for the machine, if it has none of its own."""
    if wheels is None or stage.shell.run(f"ls {WHEELS}/*.whl").status == 0:
        return
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as files:
        for path in sorted(wheels.glob("*.whl")):
            files.add(path, path.name)
    stage.shell.unpack(archive.getvalue(), WHEELS)


def offline(stage: Stage) -> str:
    """The option that takes the packages from the machine's own disk, if they are there."""
    return f"--offline {WHEELS}" if stage.shell.run(f"ls {WHEELS}/*.whl").status == 0 else ""


def grow(stage: Stage) -> Iterator[Row]:
    """The root file system takes the whole card, as a real one does at its first start"""
    stage.shell(
        "echo ', +' | sfdisk -q --no-reread -N 2 /dev/vda; partx -u /dev/vda; resize2fs /dev/vda2", patience_s=600
    )
    free = int(stage.shell("df -m --output=avail /opt | tail -n 1"))
    yield Row("free on the card, for versions side by side", f"{free} MB", "> 1500 MB", free > 1500)


def install(stage: Stage, *words: str) -> Done:
    more = offline(stage) if words[0] in ("--install", "--upgrade") else ""
    return stage.shell.run(f"{CLONE}/install.sh {' '.join(words)} {more}", patience_s=INSTALL_S)


def current(stage: Stage) -> str:
    return stage.shell("basename $(readlink -f /opt/affetto/current)")


def lay(stage: Stage, archive: bytes) -> None:
    """Another clone in the place of the one before."""
    stage.shell(f"rm -rf {CLONE}")
    stage.shell.unpack(archive, CLONE)


def upgrade(stage: Stage) -> Iterator[Row]:
    """A newer version takes over"""
    before = current(stage)
    lay(stage, clone(__init__=number("9.1.0")))
    began_s = time.monotonic()
    done = install(stage, "--upgrade")
    words = done.output.strip().splitlines()[-1:] + done.errors.strip().splitlines()[-1:]
    took_s = time.monotonic() - began_s
    yield Row("upgrade", f"{before} -> {current(stage)} in {took_s:.0f} s (emulated)", "9.1.0, status 0",
              done.status == 0 and current(stage).startswith("9.1.0-"))  # fmt: skip
    if done.status:
        yield Row("upgrade: its last words", " ".join(words), "good ones", False)
    program = stage.shell("tr '\\0' ' ' </proc/$(systemctl show -P MainPID affetto)/cmdline")
    yield Row("upgrade: what runs", program[:60], "9.1.0", "/9.1.0-" in program)


def failed_upgrade(stage: Stage) -> Iterator[Row]:
    """A version that does not come up is taken back"""
    before = current(stage)
    lay(stage, clone(__init__=number("9.2.0"), daemon=("TICK_S = 1.0", "TICK_S = broken_on_purpose")))
    done = install(stage, "--upgrade")
    yield Row("failed upgrade", f"status {done.status}, {current(stage)} counts", f"status 1, {before}",
              (done.status, current(stage)) == (1, before))  # fmt: skip
    said = next((line for line in done.output.splitlines() if line.startswith("Returned to")), done.output[-150:])
    yield Row("failed upgrade: its message", said, "returned, running", said.endswith("which is running."))


def cut_off_upgrade(stage: Stage) -> Iterator[Row]:
    """The power is cut while a newer version has yet to prove itself"""
    before = current(stage)
    lay(stage, clone(__init__=number("9.3.0")))
    stage.shell(f"({CLONE}/install.sh --upgrade {offline(stage)} >/var/tmp/upgrade.log 2>&1 &)")
    stage.until("test -e /opt/affetto/trial", "the trial does not begin", patience_s=INSTALL_S)
    tried = current(stage)
    stage.machine.cut()
    mark = stage.outside.mark()
    stage.machine.start()
    stage.await_online(mark)
    stage.machine.wait()
    words = f"{tried} was tried; after the cut {current(stage)} counts"
    yield Row("power cut during an upgrade's trial", words, before, tried != before == current(stage))
    yield equal("after it", stage.shown("affetto.service", "ActiveState")["ActiveState"], "active")


def away_and_back(stage: Stage) -> Iterator[Row]:
    """Uninstalled, nothing is left but what is yours; installed, it is there again"""
    lay(stage, clone())
    done = install(stage, "--uninstall")
    left = remains(stage)
    others, kept = ", ".join(sorted(left - YOURS - MAYBE)) or "nothing", ", ".join(sorted(left & YOURS))
    wanted = f"status 0; left nothing; kept {', '.join(sorted(YOURS))}"
    yield equal("uninstall", f"status {done.status}; left {others}; kept {kept}", wanted)
    mark = stage.outside.mark()
    done = install(stage, "--install")
    stage.await_online(mark)
    yield Row("install: status, heard outside", f"{done.status}, online", "0, online", done.status == 0)
    done = install(stage, "--uninstall", "--purge")
    yield equal("uninstall --purge: left", ", ".join(remains(stage)) or "nothing", "nothing")


def remains(stage: Stage) -> set[str]:
    """What is there of Affetto, besides music."""
    return {line for line in stage.shell(LEFT).splitlines() if not any(name in line for name in NOT_OURS)}
