"""Where releases come from: a folder, a folder on any USB drive, or an address. Reads with limits."""

from __future__ import annotations

import glob
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from device.update.refusal import Refusal

TIMEOUT_S = 20.0
BLOCK = 256 * 1024

Progress = Callable[[int], None]
"""Takes how many bytes have arrived."""


def read(source: str, name: str, most_bytes: int) -> bytes:
    """The file `name` of the source, at most `most_bytes`. Raises Refusal with a sentence."""
    with _open(source, name) as file:
        return b"".join(_blocks(file, name, most_bytes))


def copy(source: str, name: str, to: BinaryIO, most_bytes: int, progress: Progress) -> None:
    """Copy the file `name` of the source. Raises Refusal with a sentence."""
    arrived = 0
    with _open(source, name) as file:
        for block in _blocks(file, name, most_bytes):
            to.write(block)
            arrived += len(block)
            progress(arrived)


def _blocks(file: BinaryIO, name: str, most_bytes: int) -> Iterator[bytes]:
    left = most_bytes
    try:
        while block := file.read(min(BLOCK, left + 1)):
            left -= len(block)
            if left < 0:
                raise Refusal(f"{name} of the update is larger than it may be ({most_bytes} bytes).")
            yield block
    except (OSError, http.client.HTTPException) as error:
        raise Refusal(f"{name} of the update cannot be read: {_why(error)}.") from None


def _open(source: str, name: str) -> BinaryIO:
    if source.startswith(("http://", "https://")):
        return _open_web(source, name)
    for folder in sorted(glob.glob(source)):
        if (Path(folder) / name).is_file():
            try:
                return (Path(folder) / name).open("rb")
            except OSError as error:
                raise Refusal(f"{name} of the update cannot be read: {_why(error)}.") from None
    raise Refusal(f"update.source {source} has no {name}; put a signed release there, or plug in its drive.")


def _open_web(source: str, name: str) -> BinaryIO:
    address = f"{source.rstrip('/')}/{quote(name)}"
    opener = urllib.request.build_opener()
    try:
        answer: BinaryIO = opener.open(address, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        raise Refusal(f"update.source {source} answers {error.code} for {name}.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Refusal(f"update.source {source} cannot be reached: {_why(error)}.") from None
    return answer


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(reason).rstrip(".")
