"""Serves the files of the library, and nothing else.

The address of a file is the key of a track. The library knows where that is; the file must lie in a music folder, even
after following links. So a link on a USB stick cannot lead to the settings with their passwords.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

from device.domain import Track


def file_of(track: Track, folders: Sequence[str]) -> Path | None:
    """The file of a track; None if it is not (any more) a file in one of the folders, which may be patterns such as
    `/media/*/*`."""
    if not track.uri.startswith("file://"):
        return None
    path = os.path.realpath(os.fsdecode(unquote_to_bytes(track.uri.removeprefix("file://"))))
    roots = [os.path.realpath(root) for folder in folders for root in (folder, *glob.glob(folder))]
    if not any(path.startswith(os.path.join(root, "")) for root in roots):
        return None
    try:
        return Path(path) if stat.S_ISREG(os.stat(path).st_mode) else None
    except OSError:
        return None
