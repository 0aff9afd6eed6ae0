"""`file://` URIs and the paths they stand for. Pure; any byte of a path survives the way there and back."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

SCHEME = "file://"


def uri_of(path: bytes) -> str:
    """The `file://` URI of an absolute path."""
    return SCHEME + quote_from_bytes(path)


def path_of(uri: str) -> Path:
    """The path that a `file://` URI stands for."""
    return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix(SCHEME))))
