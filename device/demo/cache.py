"""What the demo draws and plays is made once: files that are whole or absent, and a digest that notices new code.

`fill` works in threads of its own; everything writes only where it is told.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Progress = Callable[[int, int], None]  # done, of how many


def fill(files: Sequence[tuple[Path, Callable[[], bytes]]], progress: Progress | None = None) -> None:
    """Makes the files that are missing, in a few threads. Stops at the first OSError and raises it."""
    missing = [(path, make) for path, make in files if not path.exists()]
    there = len(files) - len(missing)
    pool = ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1))
    try:
        for done, _ in enumerate(pool.map(lambda job: write_atomically(job[0], job[1]()), missing), 1):
            if progress:
                progress(there + done, len(files))
    finally:
        pool.shutdown(cancel_futures=True)


def claim(mark: Path, content: str, files: Sequence[Path]) -> None:
    """Says in the file `mark` what made the files; if something else made them, they are removed first."""
    for folder in {path.parent for path in [mark, *files]}:
        folder.mkdir(parents=True, exist_ok=True)
    if mark.exists() and mark.read_text(encoding="utf-8", errors="replace") == content:
        return
    for path in files:
        path.unlink(missing_ok=True)
    write_atomically(mark, content.encode())


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file that is either whole or not there."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def edition(modules: tuple[str, ...]) -> str:
    """A digest of the named modules of this package, so that what older code has made is noticed."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(__file__).with_name(f"{module}.py").read_bytes())
    return digest.hexdigest()[:16]
