"""A digest of the compressed sound in a file, to see that an edit of its tags left the sound alone.

FFmpeg takes the file apart without decoding it, so a container whose offsets went wrong gives another digest. Runs in
the processes that read music files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from device.errors import LibraryError
from device.music.metadata import ffmpeg
from device.music.metadata.access import open_file
from device.music.metadata.tags import shown


def digest_of(path: Path) -> str:
    """32 hexadecimal digits for all packets of the sound that players choose. Raises LibraryError, OSError."""
    digest, count = hashlib.blake2b(digest_size=16), 0
    with open_file(path) as file, ffmpeg.opened(file, path) as container:
        for packet in ffmpeg.packets_of(container, ffmpeg.sound_of(container, path)):
            if packet.size:
                digest.update(bytes(packet))
                count += 1
    if not count:
        raise LibraryError(f"{shown(path)} holds no sound")
    return digest.hexdigest()
