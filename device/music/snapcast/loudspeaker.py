"""The server of one member's own snapclient, on this machine: gives it the group's sound in our own time.

Why not the leader's server directly: the volume must hold on every member, whatever the leader does, from the very
first sample; and a change of the leader must not cost the second in which snapclient would connect again. So snapclient
only keeps the sound card in time, and connects only to us. Runs on the event loop of the group's
sound. Accepts connections from this machine only.
"""

from __future__ import annotations

import asyncio
import time

import numpy as np
import numpy.typing as npt

from device.errors import SoundError
from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ
from device.music.snapcast import wire
from device.music.snapcast.timeline import Block, Timeline
from device.music.snapcast.upstream import hurry
from device.music.snapcast.volume_gate import VolumeGate
from device.music.snapcast.wire import Kind

AHEAD_S = 0.3  # how long before it is heard a block goes to snapclient
STEP_S = 0.02
BUFFER_S = 0.5  # what snapclient adds to the time of a chunk; any number would do
BITS = 32  # so that a low volume does not cost the quiet sounds
BEHIND = 1 << 19  # bytes that may wait for a snapclient that does not read


class Loudspeaker:
    """Listens on a free port of 127.0.0.1. `step` gives snapclient what is due."""

    def __init__(self, timeline: Timeline, gate: VolumeGate) -> None:
        self.port = 0
        self._timeline, self._gate = timeline, gate
        self._clients: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def connected(self) -> bool:
        """Whether a snapclient listens."""
        return bool(self._clients)

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Disconnect everybody."""
        if self._server is not None:
            self._server.close()
        for writer in self._clients:
            writer.transport.abort()

    def step(self, now_s: float) -> None:
        """Send what will be heard soon."""
        for block in self._timeline.take(now_s + AHEAD_S):
            self._send(block, self._gate.apply(block))

    def _send(self, block: Block, samples: npt.NDArray[np.int32]) -> None:
        body = wire.chunk(block.start_s - BUFFER_S, samples.tobytes())
        for writer in self._clients:
            if not writer.transport.is_closing() and writer.transport.get_write_buffer_size() < BEHIND:
                writer.write(wire.message(Kind.CHUNK, body, time.monotonic()))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hurry(writer)
        try:
            while True:
                header = wire.read_header(await reader.readexactly(wire.HEADER.size))
                received_s = time.monotonic()
                await reader.readexactly(header.size)
                self._answer(header, received_s, writer)
        except (OSError, SoundError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            self._clients.discard(writer)
            writer.transport.abort()

    def _answer(self, header: wire.Header, received_s: float, writer: asyncio.StreamWriter) -> None:
        now_s, number = time.monotonic(), header.number
        if header.kind == Kind.HELLO:
            writer.write(wire.message(Kind.SETTINGS, wire.settings(BUFFER_S), now_s, refers_to=number))
            writer.write(wire.message(Kind.CODEC, wire.pcm_format(RATE_HZ, BITS, CHANNELS), now_s))
            self._clients.add(writer)
        elif header.kind == Kind.TIME:
            took = wire.duration(received_s - header.sent_s)
            writer.write(wire.message(Kind.TIME, took, time.monotonic(), refers_to=number))
