"""Put a model and its card, and other files of the tools, in place: readers find the old file or the new one."""

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def check_writable(folder: Path) -> None:
    """Raise OSError if `folder` is a file, or cannot be made or written; changes nothing."""
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def write_pair(models_dir: Path, name: str, tflite: bytes, card: Mapping[str, Any]) -> None:
    """Write `<name>.tflite` and `<name>.json`; `card` needs the facts from `describe`.

    Both files are complete on the disk before either takes its place, so a full disk leaves the earlier pair whole.
    """
    if card["sha256"] != hashlib.sha256(tflite).hexdigest():
        raise ValueError("the card does not describe these bytes")
    text = json.dumps({"name": name, **card}, indent=2, ensure_ascii=False) + "\n"
    staged = []
    try:
        for suffix, content in ((".tflite", tflite), (".json", text.encode())):
            staged.append((_stage(models_dir / f"{name}{suffix}", content), models_dir / f"{name}{suffix}"))
        for temporary, path in staged:
            os.replace(temporary, path)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step: a reader, or a power cut, sees the old file or the new one."""
    temporary = _stage(path, content)
    try:
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _stage(path: Path, content: bytes) -> Path:
    """Write a complete temporary file beside `path`, ready to be renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
