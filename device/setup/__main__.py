"""The jobs of device/setup; install.sh calls them. Sentences go to the terminal."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from device.setup import fitness, machine, release, trial
from device.setup.layout import SERVICE, TARGET, Layout, Refusal

CLONE = Path(__file__).resolve().parents[2]
NEXT = """
Affetto is installed and starts at every boot. Next steps:
  1. Copy music to {music} (subfolders named happy, calm, sad ... set the mood), or plug in a USB drive with music.
  2. Set mqtt.host to your MQTT broker in {config} (sudo nano {config}), then: sudo systemctl restart affetto
  3. Run affetto check. It lists problems and what to do about them. journalctl -u affetto -f shows the log.
  4. The camera is off until you switch it on: in Home Assistant, over MQTT, or with camera.enabled in that file.
To upgrade: git pull && sudo ./install.sh --upgrade. To remove Affetto: sudo ./install.sh --uninstall"""


def main(argv: Sequence[str] | None = None) -> int:
    """Do the job; the exit status."""
    options = parser().parse_args(argv)
    os.umask(0o022)
    try:
        return JOBS[options.job](options, Layout())
    except Refusal as refusal:
        print(f"install.sh: {refusal}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="install.sh")
    jobs = top.add_subparsers(dest="job", required=True)
    for name in JOBS:
        part = jobs.add_parser(name)
        if name == "examine":
            part.add_argument("--upgrade", action="store_true")
            part.add_argument("--offline", type=Path, metavar="WHEELS")
            part.add_argument("--any-board", action="store_true")
        if name == "start":
            part.add_argument("release", type=Path)
        if name == "uninstall":
            part.add_argument("--purge", action="store_true")
    return top


def say(words: str) -> None:
    print(words, flush=True)


def examine(options: argparse.Namespace, layout: Layout) -> int:
    """Refuse a machine that cannot run Affetto."""
    if options.upgrade and release.pointed(layout.current) is None:
        raise Refusal("Affetto is not installed here, so there is nothing to upgrade: sudo ./install.sh --install")
    fitness.examine(any_board=options.any_board, wheels=options.offline)
    return 0


def where(_options: argparse.Namespace, layout: Layout) -> int:
    """Print the folder of this version, whether it exists or not; changes nothing."""
    print(layout.releases / release.name_of(release.contents(CLONE)))
    return 0


def place(_options: argparse.Namespace, layout: Layout) -> int:
    """Copy this version beside the others, and print its folder."""
    print(release.place(CLONE, layout))
    return 0


def start(options: argparse.Namespace, layout: Layout) -> int:
    """Turn a complete version into a running service; return to the previous version if that fails."""
    folder: Path = options.release
    subprocess.run([folder / ".venv/bin/python", "-m", "compileall", "-q", folder / "device"], check=False)
    machine.make_user()
    machine.make_folders(layout, folder / "config.yaml")
    known = trial.problems(layout) if layout.systemd_runs else None
    before = release.switch(layout, folder)
    machine.connect(layout, folder)
    machine.enable(layout)
    machine.reload(layout)
    if not layout.systemd_runs:
        machine.tidy(layout)
        say(f"systemd is not running here, so nothing was started: Affetto {folder.name} starts at the next boot.")
    elif not prove(layout, known, before):
        return 1
    release.prune(layout)
    say(NEXT.format(music="/srv/music", config=f"/{layout.config.relative_to(layout.root)}"))
    return 0


def prove(layout: Layout, known: dict[str, str] | None, before: Path | None) -> bool:
    """Start the current version and check it. Returns whether it may stay."""
    version = layout.current.resolve().name
    running = trial.state()
    say(f"Starting Affetto {version} ...")
    wrong = trial.start(layout, anew=before is not None or running.active != "active")
    found = None if wrong else trial.problems(layout)
    wrong = wrong or trial.verdict(known, found)
    if not wrong:
        release.settle(layout)
        machine.tidy(layout)
        say(f"Affetto {version} is running.")
        for part, words in (found or {}).items():
            say(f"  still to do, {part}: {words}")
        return True
    say(f"Affetto {version} does not run properly: {wrong}. The end of its log:")
    say("\n".join(f"    {line}" for line in machine.last_words()))
    if before is not None:
        go_back(layout, before)
    else:
        say("It stays installed, and systemd keeps restarting it. Fix the cause, then run this command again.")
    return False


def go_back(layout: Layout, before: Path) -> None:
    """Return to the version `before`."""
    release.link(layout.current, before.relative_to(layout.home.resolve()))
    machine.connect(layout, before)
    machine.tidy(layout)
    machine.reload(layout)
    release.settle(layout)
    wrong = trial.start(layout, anew=True)
    outcome = f"which does not run properly, either: {wrong}." if wrong else "which is running."
    say(f"Returned to Affetto {before.name}, {outcome}")


def check(_options: argparse.Namespace, layout: Layout) -> int:
    """Check the installation; changes nothing."""
    folder = release.pointed(layout.current)
    if folder is None:
        say("Affetto is not installed here: sudo ./install.sh --install")
        return 1
    say(f"Affetto {folder.name} in {folder}")
    here = trial.state() if layout.systemd_runs else None
    enabled = (layout.units / "multi-user.target.wants" / TARGET).is_symlink()
    say(f"starts at boot: {'yes' if enabled else 'no'}; {SERVICE}: {here.active if here else 'systemd is not running'}")
    command = [str(folder / ".venv/bin/affetto"), "check"]
    if os.geteuid() == 0 and here is not None:
        command = machine.as_service(*command)
    status = subprocess.run(command, check=False).returncode
    return status if status or (enabled and (here is None or here.active == "active")) else 1


def uninstall(options: argparse.Namespace, layout: Layout) -> int:
    """Remove the program and, with --purge, its settings and data."""
    there = release.pointed(layout.current) is not None or layout.home.exists()
    machine.remove(layout)
    say("Affetto is uninstalled." if there else "Affetto was not installed; nothing of it is left.")
    if options.purge:
        machine.purge(layout)
        say("Its settings, its data and its user are removed, too.")
    elif layout.config.exists() or layout.data.exists():
        say("Your settings (/etc/affetto) and data (/var/lib/affetto) stay; --uninstall --purge removes them.")
    say("Your music stays, and so do Debian packages that other programs may need (libvlc5, vlc-plugin-base).")
    return 0


JOBS: dict[str, Callable[[argparse.Namespace, Layout], int]] = {
    "examine": examine,
    "where": where,
    "place": place,
    "start": start,
    "check": check,
    "uninstall": uninstall,
}

if __name__ == "__main__":
    sys.exit(main())
