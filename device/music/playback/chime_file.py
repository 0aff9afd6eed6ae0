"""The built-in chime as a file that libVLC can play."""

from __future__ import annotations

import io
import logging
import tempfile
import wave
from pathlib import Path

from device.config.boot import partition
from device.domain import Track
from device.music.audio.chime import LENGTH_S, chime
from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ
from device.music.uri import uri_of

log = logging.getLogger("affetto")

NAME = "chime.wav"
SIZE = 44 + round(LENGTH_S * RATE_HZ) * CHANNELS * 2  # bytes: the header and the samples


def ensure(data_dir: Path) -> Track:
    """Write the chime into the data folder, unless it is there; if that fails, into the system's temporary folder."""
    for folder in (data_dir, Path(tempfile.gettempdir())):
        path = folder.absolute() / NAME
        try:
            if not (path.is_file() and path.stat().st_size == SIZE):  # it takes a second on a small board
                partition.replace(path, _wav(), 0o644)
            break
        except OSError as error:
            log.warning("%s cannot be written: %s.", path, error.strerror)
    return Track("", uri_of(bytes(path)), "The chime of the alarm", duration_s=LENGTH_S)


def _wav() -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((CHANNELS, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(chime().astype("<i2").tobytes())
    return stream.getvalue()
