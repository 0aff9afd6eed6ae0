"""The child of reader.py: `python -m device.music.workers.tag_process --fd N`; not for calling by hand.

Reads tags and covers of files that anybody may have made, in a process that may use only so much time and memory and
dies alone. See worker_main.py for the protocol.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import Any

from device.errors import LibraryError
from device.music.metadata.tags import to_json
from device.music.workers.analysis_client import OUT_OF_MEMORY
from device.music.workers.analysis_process import serve
from device.music.workers.limits import limit_memory, more_libraries, think_alone
from device.music.workers.tag_client import read_here

NICE = 5  # behind the eye and the music, before the analysis: somebody waits for the first song


def main() -> int:
    """Serve until the other side closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--cpu-s", type=int, required=True)
    parser.add_argument("--memory-mb", type=int, required=True)
    arguments = parser.parse_args()
    with contextlib.suppress(OSError):
        os.nice(NICE)
    think_alone()
    limit_memory(arguments.memory_mb)
    with socket.socket(fileno=arguments.fd) as sock:
        try:
            serve(sock, {"tags": tags, "cover": cover}, arguments.cpu_s)
        except MemoryError:
            return OUT_OF_MEMORY
        except (BrokenPipeError, ConnectionResetError):
            return 0
    return 0


def tags(path: Path) -> dict[str, Any]:
    """The tags as JSON, or what is wrong."""
    try:
        return to_json(read_here(path))
    except LibraryError as error:
        return {"problem": str(error), "of_the_disk": False}
    except OSError as error:
        return {"problem": str(error), "of_the_disk": True}


def cover(path: Path) -> str:
    """The cover in base64."""
    from device.music.metadata.cover import cover_of  # loads OpenCV where a picture has to be made smaller

    return base64.b64encode(cover_of(path, more_libraries)).decode()


if __name__ == "__main__":
    sys.exit(main())
