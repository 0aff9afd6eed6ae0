"""The leader's end: a snapserver that sends the leader's mix to every member, and the output that feeds it.

snapserver reads a fifo at the pace of its own clock, so a full fifo paces the mixer. Its control ports
are off: nobody in the network can change anything.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import select
import shutil
import tempfile
import termios
from pathlib import Path

import numpy as np

from device.errors import SoundError
from device.music.audio.mixer import FloatFrames
from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ
from device.music.snapcast.child import Child

BUFFER_S = 0.7  # from snapserver to the ear: what a bad network may take, and what a change of the song costs
FIFO_BYTES = 1 << 15  # 0.19 s
FRAME_BYTES = 2 * CHANNELS
FULL_S = 1.0  # a fifo that is full for this long has no snapserver behind it


class Snapserver:
    """A snapserver on a port, with its folder and its fifo. Call it on the event loop."""

    def __init__(self, port: int, bind: str) -> None:
        self.port = port
        self._folder = Path(tempfile.mkdtemp(prefix="affetto-snapserver-", dir=os.environ.get("RUNTIME_DIRECTORY")))
        os.mkfifo(self._folder / "sound")
        self._fd = open_fifo(self._folder / "sound")
        self._settings = self._folder / "snapserver.conf"
        self._settings.write_text(settings(port, bind, self._folder))
        self._child = Child(["snapserver", "-c", str(self._settings)])
        self.check = self._child.check

    def output(self) -> SnapserverOutput:
        """A new output that feeds it."""
        return SnapserverOutput(os.dup(self._fd))

    @property
    def problem(self) -> str:
        """Why it does not run; empty if it does."""
        return self._child.problem

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid

    async def close(self) -> None:
        """End it and leave nothing behind."""
        await self._child.close()
        os.close(self._fd)
        shutil.rmtree(self._folder, ignore_errors=True)


def settings(port: int, bind: str, folder: Path) -> str:
    """snapserver's file of settings."""
    source = f"pipe://{folder}/sound?name=affetto&sampleformat={RATE_HZ}:16:{CHANNELS}&codec=pcm&chunk_ms=20&mode=read"
    return "\n".join(
        [
            *("[server]", f"datadir = {folder}"),
            *("[http]", "enabled = false"),
            *("[tcp]", "enabled = false"),
            *("[stream]", f"bind_to_address = {bind}", f"port = {port}", f"source = {source}"),
            *(f"buffer = {round(BUFFER_S * 1000)}", f"sampleformat = {RATE_HZ}:16:{CHANNELS}", "codec = pcm"),
            *("[logging]", "sink = stdout", "filter = *:warning", ""),
        ]
    )


def open_fifo(path: Path) -> int:
    """A fifo that is open at both ends, so that snapserver never meets its end."""
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # over the user's limit: the sound is a little later
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, FIFO_BYTES)
    return fd


class SnapserverOutput:
    """An `Output`: the mixer's sound into the fifo, at full scale; each member applies its own volume. Belongs to the
    player's worker thread, which also closes it."""

    def __init__(self, fd: int) -> None:
        """`fd`: its own descriptor of the fifo."""
        self.words = "the loudspeakers of the group"
        self._fd = fd
        self._closed = False

    def open(self) -> None:
        """Raises SoundError while snapserver takes nothing."""
        self._wait_for_room(0.0)

    def write(self, sound: FloatFrames) -> None:
        """Wait for room and hand over."""
        left = memoryview(np.trunc(sound * 32767).astype("<i2").tobytes())
        while left:
            self._wait_for_room(FULL_S)
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(self._fd, left) :]

    def delay_s(self) -> float:
        """The fifo, and what every loudspeaker waits for."""
        return self._waiting() / FRAME_BYTES / RATE_HZ + BUFFER_S

    def drop(self) -> None:
        """What is on its way is heard; the fifo is empty soon."""

    def problem(self) -> str:
        """It is only built while there is a group."""
        return ""

    def close(self) -> None:
        """Let go of the fifo."""
        if not self._closed:
            self._closed = True
            os.close(self._fd)

    def _wait_for_room(self, seconds: float) -> None:
        if self._closed or not select.select([], [self._fd], [], seconds)[1]:
            raise SoundError("snapserver does not accept sound; `affetto check` says whether it is installed")

    def _waiting(self) -> int:
        count = array.array("i", [0])
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._fd, termios.FIONREAD, count)
        return count[0]
