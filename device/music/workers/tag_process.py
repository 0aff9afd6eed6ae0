"""The process of TagClient: `python -m device.music.workers.tag_process --fd N`; not for calling by hand.

Reads tags and covers of files that anybody may have made, in a process with limits on time and memory, and
dies alone. process.py says how it works.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from device.music.metadata.cover import cover_of
from device.music.metadata.reader import read_stream_tags, read_tags
from device.music.metadata.tags import Tags
from device.music.workers import process
from device.music.workers.limits import more_libraries, use_one_thread

NICE = 5  # behind the eye and the music, before the analysis: somebody waits for the first song


def main() -> int:
    """Serve until the client closes the connection."""
    arguments = process.parser("Reads tags and covers for Affetto.", cpu_s=20, memory_mb=256).parse_args()
    with contextlib.suppress(OSError):
        os.nice(NICE)
    use_one_thread()
    return process.run(arguments, lambda: {"tags": tags, "stream_tags": stream_tags, "cover": cover})


def tags(path: Path) -> Tags:
    """What a file says of itself."""
    return read_tags(path, more_libraries)


def stream_tags(path: Path) -> Tags:
    """The same, of a file that killed the process before."""
    return read_stream_tags(path, more_libraries)


def cover(path: Path, most_bytes: int) -> bytes:
    """The cover as JPEG."""
    return cover_of(path, most_bytes, more_libraries)


if __name__ == "__main__":
    sys.exit(main())
