"""The process of TagClient: `python -m device.music.workers.tag_process --fd N`; not for calling by hand.

Reads tags and covers of files that anybody may have made, in a process that may use only so much time and memory and
dies alone. process.py says how it works.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from device.music.workers import process
from device.music.workers.limits import more_libraries, think_alone
from device.music.workers.tag_client import read_here

NICE = 5  # behind the eye and the music, before the analysis: somebody waits for the first song


def main() -> int:
    """Serve until the client closes the connection."""
    arguments = process.parser("Reads tags and covers for Affetto.", cpu_s=20, memory_mb=256).parse_args()
    with contextlib.suppress(OSError):
        os.nice(NICE)
    think_alone()
    return process.run(arguments, lambda: {"tags": read_here, "cover": cover})


def cover(path: Path) -> bytes:
    """The cover as JPEG."""
    from device.music.metadata.cover import cover_of  # loads OpenCV where a picture has to be made smaller

    return cover_of(path, more_libraries)


if __name__ == "__main__":
    sys.exit(main())
