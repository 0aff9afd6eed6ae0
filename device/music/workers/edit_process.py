"""The process of EditClient: `python -m device.music.workers.edit_process --fd N`; not for calling by hand.

Reads and edits the tags of copies of files that anybody may have made, within limits. process.py says how it works.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from device.errors import LibraryError
from device.music.metadata.editing import Fields, Found, edit, find
from device.music.metadata.reader import read_tags
from device.music.metadata.sound import digest_of
from device.music.metadata.tags import Tags, shown
from device.music.workers import process
from device.music.workers.limits import more_libraries, use_one_thread


def main() -> int:
    """Serve until the client closes the connection."""
    arguments = process.parser("Edits tags for Affetto.", cpu_s=120, memory_mb=256).parse_args()
    use_one_thread()
    return process.run(arguments, lambda: {"find": find, "edit": edit_fields, "tags": tags, "digest": digest_of})


def edit_fields(path: Path, fields: str) -> Found:
    """Edit a copy. `fields`: as JSON. Whatever mutagen trips over is the file's fault."""
    try:
        return edit(path, msgspec.json.decode(fields, type=Fields))
    except (MemoryError, OSError, LibraryError):
        raise
    except Exception as error:
        why = str(error)[:100] or type(error).__name__
        raise LibraryError(f"{shown(path)}: Affetto cannot write its tags ({why})") from error


def tags(path: Path) -> Tags:
    """What a file says of itself."""
    return read_tags(path, more_libraries)


if __name__ == "__main__":
    sys.exit(main())
