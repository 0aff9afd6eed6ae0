"""The root file system of an image, through debugfs, e2fsck and resize2fs: no mounting, no root.

It lies in a file of its own meanwhile: all of them take `FILE?offset=BYTES` for a file system within a file, but then
resize2fs cuts off as many bytes at its end. debugfs ends well whatever happened, so what it says is read, what was
written is read back, and e2fsck has the last word.
"""

from __future__ import annotations

import filecmp
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tools.image.steps import Refusal, run

BANNER = re.compile(r"debugfs \d.*")
ECHO = "debugfs: stat "
CLEAN, MENDED = 0, 1  # exit status of e2fsck
UNSAFE = re.compile(r'["\n]')


@dataclass(frozen=True, slots=True)
class Laid:
    """A file to be laid into the image. `owner` is user and group alike."""

    source: Path
    target: PurePosixPath
    mode: int = 0o644
    owner: int = 0


@dataclass(slots=True)
class Plan:
    """What shall be in the file system: files, links, and folders with an owner other than root."""

    files: list[Laid] = field(default_factory=list)
    links: dict[PurePosixPath, str] = field(default_factory=dict)
    owners: dict[PurePosixPath, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """How much room it takes: whole blocks, and an inode each."""
        return sum(file.source.stat().st_size // 4096 * 4096 + 8192 for file in self.files)


@dataclass(frozen=True, slots=True)
class Root:
    """The ext4 file system that fills the file."""

    path: Path

    def check(self) -> None:
        """Mend small things; raises Refusal if it is not ext4 or too broken."""
        try:
            run("e2fsck", "-fp", self.path, good=(CLEAN, MENDED))
        except Refusal as refusal:
            raise Refusal(f"the root file system of this image is broken, or not ext4. {refusal}") from None

    def resize(self, size: int) -> None:
        """Make the file system, and the file, `size` bytes large (a multiple of 4096)."""
        run("resize2fs", self.path, f"{size // 1024}K")

    def facts(self) -> dict[str, str]:
        """What the superblock says, by name."""
        lines = run("debugfs", "-R", "show_super_stats -h", self.path).splitlines()
        return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines) if value}

    def size(self) -> int:
        """Bytes of the file system."""
        facts = self._numbers()
        return facts["Block count"] * facts["Block size"]

    def free(self) -> int:
        """Bytes that anybody but root may still use."""
        facts = self._numbers()
        return (facts["Free blocks"] - facts["Reserved block count"]) * facts["Block size"]

    def _numbers(self) -> dict[str, int]:
        return {name: int(value) for name, value in self.facts().items() if value.isdecimal()}

    def read(self, path: str) -> bytes | None:
        """The content of a file, None if there is none. A link is not followed."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            self._command(f'dump "{path}" {copy}')
            return copy.read_bytes() if copy.exists() else None

    def fetch(self, path: str, folder: Path) -> None:
        """Copy a file or a tree out of it to `folder`; nothing happens if there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        self._command(f'rdump "{path}" {folder}')

    def stat(self, path: str) -> str:
        """What debugfs says of a file; nothing if there is none."""
        shown = self._command(f'stat "{path}"')[0]
        return shown if "Inode:" in shown else ""

    def exists(self, path: str) -> bool:
        return bool(self.stat(path))

    def _command(self, *commands: str, write: bool = False) -> tuple[str, list[str]]:
        """What debugfs prints, and what it complains of."""
        done = subprocess.run(
            ["debugfs", *(("-w",) if write else ()), "-f", "/dev/stdin", self.path],
            input="\n".join(commands) + "\n",
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return done.stdout, [line for line in done.stderr.splitlines() if line and not BANNER.match(line)]

    def lay(self, plan: Plan) -> None:
        """Do what the plan says. Raises Refusal, and then the image is of no use."""
        _out, wrong = self._command(*self._script(plan), write=True)
        if wrong:
            raise Refusal("the root file system cannot be written: " + "; ".join(wrong[:3]))
        self.check()
        with tempfile.TemporaryDirectory(dir=self.path.parent) as folder:
            copies = [Path(folder) / str(number) for number in range(len(plan.files))]
            self._command(*(f'dump "{file.target}" {copy}' for file, copy in zip(plan.files, copies, strict=True)))
            for file, copy in zip(plan.files, copies, strict=True):
                if not copy.exists() or not filecmp.cmp(file.source, copy, shallow=False):
                    raise Refusal(f"{file.target} was not written as it should be; is e2fsprogs too old?")

    def _script(self, plan: Plan) -> list[str]:
        """The commands for debugfs."""
        targets = [file.target for file in plan.files]
        for path in (*targets, *plan.links):
            if UNSAFE.search(str(path)):
                raise Refusal(f"no file in an image can be called {str(path)!r}")
        folders = {parent for path in (*targets, *plan.links) for parent in path.parents}
        there = self.known({*targets, *folders})
        lines = [f'mkdir "{folder}"' for folder in sorted(folders - there)]  # outer ones first
        lines += [f'rm "{path}"' for path in targets if path in there]
        for file in plan.files:
            lines.append(f'write "{file.source}" "{file.target}"')
            lines += _own(file.target, 0o100000 | file.mode, file.owner)
        lines += [f'symlink "{path}" "{goal}"' for path, goal in plan.links.items()]
        for folder, owner in plan.owners.items():
            lines += _own(folder, 0o040755, owner)
        return lines

    def known(self, paths: Iterable[PurePosixPath]) -> set[PurePosixPath]:
        """Those that there are."""
        asked = list(paths)
        answers = self._command(*(f'stat "{path}"' for path in asked))[0].split(ECHO)[1:]
        return {path for path, answer in zip(asked, answers, strict=True) if "Inode:" in answer}


def _own(path: PurePosixPath, mode: int, owner: int) -> Sequence[str]:
    return [f'sif "{path}" mode 0{mode:o}', f'sif "{path}" uid {owner}', f'sif "{path}" gid {owner}']
