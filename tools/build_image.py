"""Put Affetto into an image of Raspberry Pi OS Lite: a card that is flashed, edited in one file, and plays.

    python tools/build_image.py raspios-lite-arm64.img.xz --out affetto.img
    sudo python tools/build_image.py --debian trixie --ssh-key ~/.ssh/id_ed25519.pub --out test.img

The first takes an official image (Debian 12 or 13, 64 bit) and needs a network, no root, and some programs of Debian
(it names what is missing). Nothing of the image is run and nothing mounted; tools/image/__init__.py says how. The
second makes a small Debian that boots in QEMU, for tests, and lets root in there.

Needs tools/requirements-image.txt.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

CLONE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CLONE))

from device.config.boot import NAME  # noqa: E402
from device.config.boot.template import TEMPLATE  # noqa: E402
from device.demo import MUSIC  # noqa: E402
from device.errors import AffettoError  # noqa: E402
from tools.image import debian, debs, payload, source, system, table, wheels  # noqa: E402
from tools.image.ext4 import Laid, Plan, Root  # noqa: E402
from tools.image.fat import Boot  # noqa: E402
from tools.image.steps import Refusal, need, say, step  # noqa: E402
from tools.image.system import System  # noqa: E402

PROGRAMS = {
    **dict.fromkeys(("debugfs", "e2fsck", "resize2fs"), "e2fsprogs"),
    **dict.fromkeys(("mcopy", "mdir", "mtype"), "mtools"),
    "apt-get": "apt",
}
INSTALL_ROOM = 2000 * 2**20  # install.sh asks for 1.5 GB, and, cut off, once more after the Debian packages
GRAIN = 4 * 2**20
AUTHORIZED = PurePosixPath("/root/.ssh/authorized_keys")
NEXT = """
{out} is ready. What to do next:
  1. Flash it with Raspberry Pi Imager (Choose OS > Use custom). It may ask for Wi-Fi and a user, and sets them up.
  2. Put the card in again and edit {name} on the partition `bootfs`: room, broker, camera.
  3. Boot. The first time, Affetto installs itself from the card, which takes some minutes and needs no network; then
     music plays. If it does not, affetto-first-boot.txt appears on `bootfs` and says why."""
NEXT_TEST = "\n{out} is ready: a test image for QEMU, not for a card. Root on its serial console needs no password."
NEXT_VM = "\nTry it: python -m tools.vm {out} --ssh-key {key}"
NO_KEY = "\nIt lets nobody in over SSH. For `python -m tools.vm`, build it again with --ssh-key FILE.pub."


def main(argv: Sequence[str] | None = None) -> int:
    """Build; the exit status."""
    options = parser().parse_args(argv)
    part = options.out.with_name(options.out.name + ".part")
    try:
        examine(options)
        need(PROGRAMS)
        image = options.image or debian.make(
            options.debian, options.cache, options.mirror, options.processor
        )
        build(image, part, options)
        part.replace(options.out)
    except (Refusal, AffettoError) as refusal:
        print(f"build_image: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        part.unlink(missing_ok=True)
    say(next_steps(options))
    return 0


def next_steps(options: argparse.Namespace) -> str:
    """What to do with the image."""
    if not options.debian:
        return NEXT.format(out=options.out, name=NAME)
    key = options.ssh_key
    more = NEXT_VM.format(out=options.out, key=key.with_suffix("")) if key else NO_KEY
    return NEXT_TEST.format(out=options.out) + more


def parser() -> argparse.ArgumentParser:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    top = argparse.ArgumentParser(prog="build_image", description=(__doc__ or "").splitlines()[0])
    top.add_argument("image", nargs="?", type=Path, help="image of Raspberry Pi OS Lite (64 bit), .img or .img.xz")
    top.add_argument("--out", type=Path, required=True, help="the image to make")
    top.add_argument("--debian", choices=system.PYTHONS, help="make a test image of this Debian instead; needs root")
    top.add_argument(
        "--processor", choices=system.PROCESSORS, default="arm64", help="with --debian: its processor (default: arm64)"
    )
    top.add_argument(
        "--cache", type=Path, default=home / "affetto-image", help="where things are kept for the next time"
    )
    top.add_argument("--mirror", default=debian.MIRROR, help="where --debian gets its packages")
    top.add_argument(
        "--ssh-key", type=Path, metavar="FILE.pub", help="with --debian: let the owner of this key in as root"
    )
    return top


def examine(options: argparse.Namespace) -> None:
    """Refuse what cannot work, before anything is done."""
    if bool(options.image) == bool(options.debian):
        raise Refusal("name the image of Raspberry Pi OS, or --debian for a test image")
    if options.ssh_key and not options.debian:
        raise Refusal("--ssh-key is for --debian: into Raspberry Pi OS, Raspberry Pi Imager puts keys")
    for path in filter(None, (options.image, options.ssh_key)):
        if not path.is_file():
            raise Refusal(f"there is no file {path}")
    if not options.out.parent.is_dir() or not os.access(options.out.parent, os.W_OK):
        raise Refusal(f"{options.out.parent} is no folder that you may write to")
    if options.out.is_dir() or (options.image and options.out.exists() and options.out.samefile(options.image)):
        raise Refusal(f"{options.out} cannot be written over; choose another name")
    if options.image:
        source.peek(options.image)


def build(image: Path, part: Path, options: argparse.Namespace) -> None:
    """Make `part` out of the image. Raises Refusal."""
    card = source.peek(image)
    with tempfile.TemporaryDirectory(prefix="affetto-image-", dir=part.parent) as folder:
        root, boot = Root(Path(folder) / "rootfs"), Boot(part, card.boot.start)
        source.split(image, part, root.path, card.root.start)
        root.check()
        here, there = system.examine(root), boot.names()
        say(f"This is {here.words}.")
        plan = collect(here, root, Path(folder), options)
        with step("Making room"):
            table.grow(part, card, make_room(root, plan))
        with step(f"Laying {len(plan.files)} files into the image"):
            root.lay(plan)
        if NAME not in there:
            boot.write(NAME, TEMPLATE.encode())
        with step("Putting it together"):
            source.join(part, root.path)


def collect(here: System, root: Root, folder: Path, options: argparse.Namespace) -> Plan:
    """Fetch and make everything that comes into the image."""
    packages = [*wheels.fetch(CLONE, here, folder / "wheels"), *debs.fetch(root, here, folder / "apt")]
    plan = payload.plan(CLONE, packages, MUSIC, root, folder)
    if options.ssh_key:
        plan.files.append(Laid(options.ssh_key.resolve(), AUTHORIZED, 0o600))
    return plan


def make_room(root: Root, plan: Plan) -> int:
    """Grow the root file system until the files fit and can be installed; its size in bytes."""
    needed = plan.bytes + INSTALL_ROOM
    size = -(-root.path.stat().st_size // GRAIN) * GRAIN
    source.check_room(root.path, 2 * plan.bytes)
    root.resize(size)
    while (
        missing := needed - root.free()
    ) > 0:  # a larger file system keeps more books about itself, and reserves more
        size += -(-missing // GRAIN) * GRAIN
        root.resize(size)
    return size


if __name__ == "__main__":
    sys.exit(main())
