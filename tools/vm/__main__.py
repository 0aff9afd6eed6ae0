"""Boots an image of Affetto in an emulated 64-bit ARM computer, looks at everything that matters, and prints a table.

    python -m tools.vm IMAGE --ssh-key KEY

`sudo python tools/build_image.py --debian trixie --ssh-key KEY.pub --out IMAGE` makes the image, which stays as it is.
What is missing on this computer, the first lines say. Two cores take about an hour.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from device.errors import AffettoError
from tools.vm import (
    boot_file,
    camera,
    cuts,
    home,
    marker,
    memory,
    scene,
    shares,
    sound,
    start,
    table,
    versions,
    wall,
    wear,
)
from tools.vm.disk import VmError
from tools.vm.examine import examine
from tools.vm.machine import KEPT, Machine, load
from tools.vm.outside import NotHeard, Outside
from tools.vm.shell import ShellError
from tools.vm.stage import BOOT_FILE, DEVICE, PASSWORD, USER, Stage

PARTS = ("start", "camera", "marker", "faces", "wear", "boot_file", "shares", "cuts", "versions")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts that the user names; 0 if every row is right, 1 if not, 2 if there is no machine."""
    options = arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the machine must not outlive us
    with tempfile.TemporaryDirectory(prefix="affetto-vm-", dir="/var/tmp") as scratch:
        try:
            return look(options, options.folder or Path(scratch))
        except (VmError, ShellError, NotHeard, AffettoError) as error:
            print(f"tools/vm: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    head, _, more = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m tools.vm", description=head, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("image", type=Path, help="disk image that boots on 64-bit ARM")
    parser.add_argument(
        "--ssh-key", type=Path, required=True, metavar="KEY", help="private key; the image accepts it"
    )
    parser.add_argument("--cuts", type=int, default=20, metavar="N", help="power cuts (default: 20; a campaign: 100)")
    parser.add_argument(
        "--minutes", type=float, default=20.0, metavar="M", help="count writes for so many minutes (default: 20)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments (default: 1)")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=f"only these of {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--wheels", type=Path, metavar="DIR", help="Python packages for the upgrades (default: those in the image)"
    )
    parser.add_argument("--cores", type=int, default=2, help="cores of the machine (default: 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table as JSON, too")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="keep the machine's disk here; the next run skips the first start"
    )
    return parser.parse_args(argv)


def look(options: argparse.Namespace, folder: Path) -> int:
    """Everything, in an order that needs few starts."""
    examine(options.image, options.ssh_key, kept=(folder / KEPT).exists())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VmError(f"--folder {folder} cannot be made ({error.strerror}); name another one") from error
    port = folder / "port"  # a kept disk names it
    with (
        Outside(DEVICE, USER, PASSWORD, int(port.read_text()) if port.exists() else 0) as outside,
        Machine(options.image, folder, options.ssh_key, cores=options.cores) as machine,
    ):
        port.write_text(str(outside.broker.port))
        stage = Stage(machine, outside)
        try:
            run(stage, options)
        finally:
            print(table.render(stage.rows))
            print(table.summary(stage.rows))
            if options.json is not None:
                table.save(stage.rows, options.json, image=options.image.name, parts=list(options.only), load=load())
    return 0 if stage.rows and all(row.ok for row in stage.rows) else 1


def run(stage: Stage, options: argparse.Namespace) -> None:
    """The parts in order. Each leaves a machine that plays, with the camera off."""
    first_start(stage, options.seed)
    if "start" in options.only:
        stage.check(boot_file.taken_over, home.discovery, home.tracks, start.first_sound, start.units, wall.exposure)
        stage.check(home.listened, home.doctor, sound.comes_out, wall.walls)
    if "camera" in options.only:
        stage.check(camera.switch_on, camera.switch_off)
    if "marker" in options.only:
        stage.check(marker.marker, camera.switch_off)
    if "faces" in options.only:
        stage.restart(scene.FACES)
        stage.check(home.moods, memory.resident, home.broker_away)
        look_away(stage)
    if "wear" in options.only:
        stage.restart(scene.FACES)
        stage.outside.say("camera/set", "ON")
        stage.check(wear.card(options.minutes))
        look_away(stage)
    if "boot_file" in options.only:
        boot_file.break_it(stage)
        start_again(stage)
        stage.check(camera.still_off, boot_file.mistakes)
        stage.shell.put(stage.settings().encode(), BOOT_FILE)
        start_again(stage)
        stage.check(boot_file.corrected)
    if "shares" in options.only:
        stage.check(shares.mounted, shares.frozen, shares.switched_off, shares.absent)
        stage.check(shares.wrong_password, shares.removed)
    if "cuts" in options.only:
        stage.check(cuts.campaign(options.cuts, options.seed))
    if "versions" in options.only:
        versions.put_wheels(stage, options.wheels)
        stage.check(
            versions.grow, versions.upgrade, versions.failed_upgrade, versions.cut_off_upgrade, versions.away_and_back
        )


def look_away(stage: Stage) -> None:
    """The camera off, and the test camera in the settings again."""
    stage.outside.say("camera/set", "OFF")
    stage.restart("auto")


def first_start(stage: Stage, seed: int) -> None:
    """The image as it was flashed; then what somebody writes on the boot partition, and a start with it."""
    if stage.machine.was_here:
        stage.say("it had its first start before")
        return start_again(stage)
    stage.say("the first start, as flashed")
    stage.machine.start()
    stage.say(f"    root can log in after {stage.machine.wait():.0f} s")
    stage.check(start.cut_off(seed), start.installed, start.units, start.no_consent)
    scene.furnish(stage.shell)
    stage.shell.put(stage.settings(mqtt=f'  password: "{PASSWORD}"\n').encode(), BOOT_FILE)
    stage.shell("sync")
    stage.machine.cut()
    stage.machine.keep()
    start_again(stage)


def start_again(stage: Stage) -> None:
    """Cut the power and switch it on, until the device is there outside."""
    stage.say("the power is cut, and comes back")
    if stage.machine.runs:
        stage.shell("sync")
        stage.machine.cut()
    stage.started = stage.outside.mark()
    stage.machine.start()
    stage.await_online(stage.started)
    stage.machine.wait()


if __name__ == "__main__":
    sys.exit(main())
