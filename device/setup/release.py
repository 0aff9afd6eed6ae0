"""Versions side by side in /opt/affetto/releases, and the link to the current one.

The name of a version has its number and a checksum of all its files, so the same clone always gets the same folder, and
an interrupted copy continues where it stopped. Switching is one rename(2).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from device.setup.layout import Layout

TREES = ("device", "models", "systemd")
FILES = ("install.sh", "config.yaml", "pyproject.toml", "README.md", "LICENSE")
LEFT_OUT = {"__pycache__"}
OWN = "own"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
Contents = dict[str, tuple[bytes, int]]


def contents(clone: Path) -> Contents:
    """Every file of a version: its path below the clone, its bytes, and 0o755 or 0o644."""
    files = (path for name in TREES for path in _walk(clone / name))
    listed = [*files, *(clone / name for name in FILES if (clone / name).exists())]
    return {str(path.relative_to(clone)): (path.read_bytes(), _mode(path)) for path in sorted(listed)}


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and not LEFT_OUT & set(path.parts):
            yield path


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & 0o100 else 0o644


def name_of(files: Contents) -> str:
    """The name of the version; another Python makes another version, because the virtual environment differs."""
    digest = hashlib.sha256(f"{sys.version_info.major}.{sys.version_info.minor}".encode())
    for path, (content, mode) in sorted(files.items()):
        digest.update(f"\0{path}\0{mode:o}\0".encode() + hashlib.sha256(content).digest())
    found = re.search(rb'__version__ = "([0-9A-Za-z.+-]+)"', files["device/__init__.py"][0])
    number = found[1].decode() if found else "0"
    return f"{number}-{digest.hexdigest()[:8]}"


def place(clone: Path, layout: Layout) -> Path:
    """Copy this clone's version beside the others, or complete it; returns its folder. Starts nothing."""
    files = contents(clone)
    folder = layout.releases / name_of(files)
    files |= own_models(layout)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (content, mode) in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content or path.stat().st_mode & 0o777 != mode:
            write(path, content, mode)
    for name in TREES:
        for stray in set(map(str, _relative(folder, name))) - set(files):
            (folder / stray).unlink()
    return folder


def own_models(layout: Layout) -> Contents:
    """The user's own models (tools/quantize.py --install lists them in `models/own`): they stay at every upgrade.
    Remove that list, and the next upgrade installs the program's models again."""
    models = layout.current / "models"
    noted = models / OWN
    names = noted.read_text(encoding="utf-8").split() if noted.is_file() else []
    paths = [models / f"{Path(name).name}.{end}" for name in names for end in ("tflite", "json")]
    return {f"models/{path.name}": (path.read_bytes(), 0o644) for path in (*paths, noted) if path.is_file()}


def _relative(folder: Path, tree: str) -> Iterator[Path]:
    return (path.relative_to(folder) for path in _walk(folder / tree))


def write(path: Path, content: bytes, mode: int) -> None:
    """Write the whole file or nothing, even if the power fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.fresh")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(mode)
    fresh.replace(path)


def link(path: Path, target: Path) -> None:
    """Make `path` a link to `target`, in one step even if it is one already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.fresh")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)


def pointed(path: Path) -> Path | None:
    """The folder behind a link, if both exist."""
    return path.resolve() if path.is_symlink() and path.is_dir() else None


def switch(layout: Layout, folder: Path) -> Path | None:
    """Make `folder` the current version; returns the version before, None if it is the same or there was none."""
    before = pointed(layout.current)
    os.sync()  # a power cut must not leave a link to files that are still to be written
    if before == folder.resolve():
        return None
    if before is not None:
        link(layout.previous, before.relative_to(layout.home.resolve()))
        if layout.systemd_runs:
            write(layout.trial, BOOT_ID.read_bytes(), 0o644)
    link(layout.current, folder.relative_to(layout.home))
    return before


def settle(layout: Layout) -> None:
    """End the trial: the current version stays. Before this, a power cut makes systemd/end-trial go back at the next
    start; after this, it changes nothing."""
    os.sync()
    layout.trial.unlink(missing_ok=True)


def prune(layout: Layout) -> None:
    """Remove all versions but the current one and the one before."""
    kept = {pointed(layout.current), pointed(layout.previous)}
    for folder in layout.releases.iterdir():
        if folder.resolve() not in kept:
            shutil.rmtree(folder)
