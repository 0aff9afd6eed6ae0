"""Creates what the program needs on a machine: a user, folders, settings, links for systemd. Also removes them.

Every function adds only what is missing. None overwrites anything that people wrote or own.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from device.setup.layout import SERVICE, TARGET, USER, Layout, Refusal
from device.setup.release import link, write

UNIT_ENDINGS = {".service", ".socket", ".target", ".timer", ".slice", ".path"}
DRIVES = ('folders: ["/srv/music"]', 'folders: ["/srv/music", "/media/*/*"]')
SECRETS = "/etc/affetto/secrets.yaml"
WATCHDOG_DATA = "var/lib/affetto-watchdog"
UPDATE_DATA = "var/lib/affetto-update"


def run(*command: str | Path, patience_s: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its status."""
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=patience_s,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def must(*command: str | Path) -> str:
    """Run a command and return what it printed. Raises Refusal if it fails."""
    done = run(*command)
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}").splitlines()[-1]
        raise Refusal(f"`{' '.join(str(word) for word in command)}` failed: {words}")
    return done.stdout


def make_user() -> None:
    """The user that the service runs as: no shell, no password, no home of its own."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        must(
            "useradd",
            "--system",
            "--user-group",
            "--groups",
            "audio",
            "--no-create-home",
            "--home-dir",
            "/var/lib/affetto",
            "--shell",
            "/usr/sbin/nologin",
            "--comment",
            "Affetto",
            USER,
        )


def make_folders(layout: Layout, shipped_config: Path) -> None:
    """The folders of settings and music, and the one where drives appear."""
    group = grp.getgrnam(USER).gr_gid
    layout.config.parent.mkdir(parents=True, exist_ok=True)
    if not layout.config.exists():
        text = shipped_config.read_text("utf-8").replace(*DRIVES)
        write(layout.config, text.encode(), 0o640)  # it may hold a password
        os.chown(layout.config, 0, group)
    if not layout.music.exists():
        layout.music.mkdir(parents=True, mode=0o755)
        owner = os.environ.get("SUDO_USER", "root")
        shutil.chown(layout.music, owner)  # who installs also copies music there
    layout.drives.mkdir(parents=True, exist_ok=True)
    if not layout.data.exists():  # systemd makes it only after affetto-boot.service, which puts the page's PIN there
        layout.data.mkdir(parents=True, mode=0o750)
        shutil.chown(layout.data, USER, USER)


def units_of(folder: Path) -> list[str]:
    """Names of the units of a version."""
    return sorted(path.name for path in (folder / "systemd").iterdir() if path.suffix in UNIT_ENDINGS)


def connect(layout: Layout, folder: Path) -> None:
    """Let systemd, udev and people find the program. The links lead through `current`, so each version brings its
    units."""
    for name in units_of(folder):
        link(layout.units / name, Path("/opt/affetto/current/systemd") / name)
    link(layout.command, Path("/opt/affetto/current/.venv/bin/affetto"))
    rules = (folder / "systemd/80-affetto.rules").read_bytes()
    if not layout.rules.exists() or layout.rules.read_bytes() != rules:
        write(layout.rules, rules, 0o644)


def tidy(layout: Layout) -> None:
    """Remove links to units that the current version does not have."""
    there = set(units_of(layout.current))
    for path in _links(layout):
        if path.name not in there:
            path.unlink()


def _links(layout: Layout) -> list[Path]:
    return [path for path in layout.units.glob("affetto*") if path.is_symlink() and path.name[0] != "."]


def enable(layout: Layout) -> None:
    """Start at every boot from now on. The link is made by hand, because systemd may not be running."""
    link(layout.units / "multi-user.target.wants" / TARGET, Path("..") / TARGET)


def reload(layout: Layout) -> None:
    """Make systemd and udev read the changed files."""
    if layout.systemd_runs:
        must("systemctl", "daemon-reload")
        if shutil.which("udevadm"):  # a container may have none
            run("udevadm", "control", "--reload")


def remove(layout: Layout) -> None:
    """Stop the service and remove the program. Settings, data and music stay."""
    if layout.systemd_runs:
        names = [path.name.replace("@.", "@*.") for path in _links(layout)]
        run("systemctl", "stop", TARGET, SERVICE, *names)
    (layout.units / "multi-user.target.wants" / TARGET).unlink(missing_ok=True)
    for path in (*_links(layout), layout.rules, layout.command):
        if path == layout.command and not str(path.readlink() if path.is_symlink() else "").startswith("/opt/affetto/"):
            continue  # somebody else's
        path.unlink(missing_ok=True)
    shutil.rmtree(layout.home, ignore_errors=True)
    reload(layout)
    if layout.systemd_runs:
        run("systemctl", "reset-failed", "affetto*")


def purge(layout: Layout) -> None:
    """Remove settings and data, too. Music belongs to its owner: only an empty folder goes."""
    for folder in (layout.config.parent, layout.data, layout.root / WATCHDOG_DATA, layout.root / UPDATE_DATA):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (layout.music, layout.drives):
        _remove_empty(folder)
    if layout.root == Path("/") and run("id", "-u", USER).returncode == 0:
        must("userdel", USER)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not empty, or not there
        folder.rmdir()


def as_service(*command: str | Path) -> list[str]:
    """The command that makes systemd run `command` as the service's user, with the service's secrets."""
    return [
        *("systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--property=User={USER}"),
        *("--property=SetCredential=secrets.yaml:{}", f"--property=LoadCredential=secrets.yaml:{SECRETS}"),
        *("--setenv=LANG=C.UTF-8", "--setenv=HOME=/var/lib/affetto", *(str(word) for word in command)),
    ]


def last_words(unit: str = SERVICE, lines: int = 15) -> Sequence[str]:
    """The end of a unit's journal."""
    run("journalctl", "--sync")
    return run("journalctl", "-u", unit, "-n", str(lines), "--no-pager", "-o", "cat").stdout.splitlines()
