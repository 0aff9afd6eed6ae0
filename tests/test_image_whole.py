"""tools/build_image.py for real: a test image from Debian's packages, and out of that a stand-in for Raspberry Pi OS.

Takes a network, root, the emulation of ARM and, the first time, up to an hour, so it runs only where it is asked for.
That the images boot and play is what tools/vm looks at; here, that a card could install itself with what lies on it.

    AFFETTO_IMAGE_CACHE=DIR pytest tests/test_image_whole.py        (AFFETTO_IMAGE_DEBIAN=bookworm: the other one)
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]
os.environ["PATH"] += ":/usr/sbin:/sbin"

import build_image  # noqa: E402

from tests import card  # noqa: E402
from tools.image import debian, payload, source, system, table  # noqa: E402
from tools.image.ext4 import Laid, Plan, Root  # noqa: E402
from tools.image.fat import Boot  # noqa: E402

CACHE = os.environ.get("AFFETTO_IMAGE_CACHE", "")
SUITE = os.environ.get("AFFETTO_IMAGE_DEBIAN", "trixie")
pytestmark = [
    pytest.mark.skipif(not CACHE, reason="no folder for images was named (AFFETTO_IMAGE_CACHE)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="installing Debian into a folder takes root"),
    pytest.mark.skipif(not Path("/dev/loop-control").exists(), reason="there are no loop devices here"),
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(CACHE) / f"test-{os.getpid()}"
    path.mkdir(parents=True)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def raspios(folder: Path) -> Path:
    """What the two images have in common is there already; the rest of what Raspberry Pi OS looks like is added."""
    part, rootfs, scratch = folder / "raspios.img", folder / "rootfs", folder / "scratch"
    image = debian.make(SUITE, Path(CACHE))
    found = table.look(image)
    source.split(image, part, rootfs, found.root.start)
    boot = Boot(part, found.boot.start)
    for name, content in (("cmdline.txt", card.CMDLINE), ("config.txt", card.CONFIG), ("user-data", card.USER_DATA)):
        boot.write(name, content.encode())
    issue, fstab = scratch / "etc/rpi-issue", scratch / "etc/fstab"
    issue.parent.mkdir(parents=True)
    issue.write_text("Raspberry Pi reference\n")
    fstab.write_text(card.FSTAB)
    Root(rootfs).lay(Plan([Laid(path, Path("/") / path.relative_to(scratch)) for path in (issue, fstab)]))
    source.join(part, rootfs)
    packed = folder / "raspios.img.xz"
    with part.open("rb") as plain, lzma.open(packed, "wb", preset=0) as out:
        shutil.copyfileobj(plain, out, 2**22)
    part.unlink()
    return packed


@pytest.fixture
def mounted(folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The root file system of the image that a test named."""
    image, place = folder / "affetto.img", folder / "mounted"
    place.mkdir()
    assert build_image.main([*map(str, request.getfixturevalue("words")), "--out", str(image), "--cache", CACHE]) == 0
    start = table.look(image).root.start
    subprocess.run(["mount", "-o", f"loop,offset={start}", image, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
        place.rmdir()
        image.unlink()


@pytest.fixture
def words(raspios: Path) -> list[object]:
    return [raspios]


def test_a_card_can_install_itself_with_what_lies_on_it(mounted: Path) -> None:
    def inside(script: str) -> str:
        words = [
            "chroot",
            mounted,
            "/usr/bin/env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "sh",
            "-eu",
            "-c",
            script,
        ]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    wheels = f"{system.HERE}/wheels"
    alone = "-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null"
    would = inside(f"apt-get install --simulate --no-install-recommends {alone} {wheels}/*.deb")
    assert {"libvlc5", "libvlc-bin", "vlc-plugin-base", "python3-venv", "cifs-utils", "nfs-common"} <= {
        line.split()[1] for line in would.splitlines() if "Inst " in line
    }
    inside(f"dpkg -i {wheels}/python3*.deb && python3 -m venv /tmp/venv && cp -r {system.HERE}/clone /tmp")
    inside(f"cd /tmp/clone && /tmp/venv/bin/pip install --no-index -f {wheels} --dry-run --report ../report .")
    report = json.loads((mounted / "tmp/report").read_text())
    assert report["environment"]["platform_machine"] == "aarch64"
    assert {"affetto", "numpy", "opencv-python-headless"} <= {one["metadata"]["name"] for one in report["install"]}
    assert (mounted / "etc/fstab").read_text() == payload.spare(card.FSTAB)
    assert not (mounted / "root/.ssh/authorized_keys").exists()
