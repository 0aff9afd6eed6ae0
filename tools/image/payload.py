"""What is laid into the root file system, and where: /opt/affetto-image with all that install.sh needs, the unit that
runs it at the first boot, demo music, and an fstab that spares the card. Changes nothing itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from device.setup import release
from tools.image.ext4 import Laid, Plan, Root
from tools.image.steps import Refusal
from tools.image.system import HERE

PARTS = Path(__file__).resolve().parent
UNIT = "affetto-first-boot.service"
UNITS = PurePosixPath("/etc/systemd/system")
MUSIC = PurePosixPath("/srv/music")
FIRST_USER = 1000  # of Raspberry Pi OS, whom Raspberry Pi Imager asks for: who flashes copies music there
COMMIT_S = 60
ROOT_LINE = re.compile(r"^(\s*[^#\s]\S*\s+/\s+ext4\s+)(\S+)(.*)$", re.MULTILINE)


def plan(clone: Path, packages: Iterable[Path], music: Path, root: Root, scratch: Path) -> Plan:
    """Everything for the root file system; `scratch` is a folder for files that are made for it."""
    songs = list(_music(music))
    files = [*_program(clone, scratch / "clone"), *_first_boot(), *songs]
    files += [Laid(path, PurePosixPath(HERE, "wheels", path.name)) for path in packages]
    fstab = root.read("/etc/fstab")
    if fstab is None:
        raise Refusal("this image has no /etc/fstab, so it is not one of Raspberry Pi OS")
    spared = scratch / "fstab"
    spared.write_text(spare(fstab.decode()))
    files.append(Laid(spared, PurePosixPath("/etc/fstab")))
    wants = UNITS / "multi-user.target.wants" / UNIT
    theirs = {folder for song in songs for folder in song.target.parents if MUSIC in (folder, *folder.parents)}
    return Plan(files, {wants: f"../{UNIT}"}, dict.fromkeys(sorted({MUSIC, *theirs}), FIRST_USER))


def _program(clone: Path, scratch: Path) -> Iterator[Laid]:
    for name, (content, mode) in release.contents(clone).items():
        copy = scratch / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
        yield Laid(copy, PurePosixPath(HERE, "clone", name), mode)


def _first_boot() -> Iterator[Laid]:
    yield Laid(PARTS / "first-boot", PurePosixPath(HERE, "first-boot"), 0o755)
    yield Laid(PARTS / UNIT, UNITS / UNIT)


def _music(folder: Path) -> Iterator[Laid]:
    for path in sorted(folder.glob("*/*.*")):
        yield Laid(path, MUSIC / "demo" / path.relative_to(folder), owner=FIRST_USER)


def spare(fstab: str) -> str:
    """The table of file systems, with the root's journal written every 60 s instead of ext4's 5 s, unless it says
    something itself. What Affetto wants on the card at once it syncs itself."""
    return ROOT_LINE.sub(_with_commit, fstab)


def _with_commit(line: re.Match[str]) -> str:
    if "commit=" in line[2]:
        return line[0]
    return f"{line[1]}{line[2]},commit={COMMIT_S}{line[3]}"
