"""A connection to a leader's snapserver: takes its chunks, and learns how its clock runs.

Runs on the event loop of the group's sound. It connects again by itself, for as long as somebody wants it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import struct
import time
from collections.abc import Callable

import numpy as np

from device.errors import SoundError
from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ, Frames
from device.music.snapcast import wire
from device.music.snapcast.server_clock import ServerClock
from device.music.snapcast.tasks import Endless, within
from device.music.snapcast.wire import Kind

CONNECT_S = 2.0
SILENT_S = 3.0  # a server that says nothing for this long is gone; it answers four questions a second
AGAIN_S = 0.25  # between two tries to connect
FAR_S = 10.0  # no chunk is this far from its time
FIRST_ASKS, FIRST_ASK_S, ASK_S = 20, 0.03, 0.25

TakeChunk = Callable[["Upstream", float, Frames], None]
"""Called with the time at which the chunk is to be heard, by our clock."""


class Upstream:
    """One server. `close` disconnects for good; `check` raises what nobody expected."""

    def __init__(self, number: int, host: str, port: int, name: str, take: TakeChunk) -> None:
        """Connects from now on. Call it on the event loop. `name` tells the server who we are."""
        self.number = number
        self.host, self.port = host, port
        self.connected = False
        self.problem = ""
        self.buffer_s = 0.0
        self.clock = ServerClock()
        self._name = name
        self._take = take
        self._asked: dict[int, float] = {}
        self._numbers = itertools.count(1)
        self._heard_s = 0.0
        self._task = Endless(self._stay_connected())
        self.check, self.close = self._task.check, self._task.close

    async def _stay_connected(self) -> None:
        while True:
            try:
                await self._connect()
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                number = getattr(error, "errno", None)
                reason = os.strerror(number).lower() if number else "it does not answer"
                self.problem = f"the group's server {self.host}:{self.port} is gone ({reason})"
            except SoundError as error:
                self.problem = str(error)
            except struct.error:
                self.problem = f"{self.host}:{self.port} sends something other than Snapcast messages"
            self.connected = False
            await asyncio.sleep(AGAIN_S)

    async def _connect(self) -> None:
        reader, writer = await within(CONNECT_S, asyncio.open_connection(self.host, self.port))
        try:
            hurry(writer)
            self.clock, self._asked = ServerClock(), {}
            self._heard_s = time.monotonic()
            writer.write(wire.message(Kind.HELLO, wire.hello(self._name), time.monotonic()))
            self.connected, self.problem = True, ""
            asking = asyncio.get_running_loop().create_task(self._ask(writer))
            try:
                while True:
                    await self._read(reader)
            finally:
                asking.cancel()
        finally:
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        header = wire.read_header(await reader.readexactly(wire.HEADER.size))
        self._heard_s = now_s = time.monotonic()
        body = await reader.readexactly(header.size)
        match header.kind:
            case Kind.CHUNK if self.clock.known:
                start_s, samples = wire.read_chunk(body)
                frames = np.frombuffer(samples[: len(samples) // 4 * 4], "<i2").reshape(-1, CHANNELS)
                heard_s = self.clock.ours(start_s) + self.buffer_s
                if abs(heard_s - now_s) < FAR_S:
                    self._take(self, heard_s, frames)
            case Kind.TIME if header.refers_to in self._asked:
                # the server says how long the question took by both clocks; so it was there at the sum
                sent_s = self._asked.pop(header.refers_to)
                self.clock.add(sent_s, sent_s + wire.read_duration(body), header.sent_s, now_s)
            case Kind.SETTINGS:
                self.buffer_s = wire.read_buffer_s(body)
            case Kind.CODEC if (found := wire.read_pcm_format(body)) != (RATE_HZ, 16, CHANNELS):
                raise SoundError(f"{self.host}:{self.port} sends {':'.join(map(str, found))} and not 44100:16:2")

    async def _ask(self, writer: asyncio.StreamWriter) -> None:
        """Ask for the time, often at first. Give up a server that does not answer."""
        for count in itertools.count():
            number = next(self._numbers) & 0xFFFF
            now_s = round(time.monotonic(), 6)
            if now_s - self._heard_s > SILENT_S:
                writer.transport.abort()
            self._asked = {number: now_s} if len(self._asked) > FIRST_ASKS else {**self._asked, number: now_s}
            writer.write(wire.message(Kind.TIME, wire.duration(0.0), now_s, number))
            await asyncio.sleep(FIRST_ASK_S if count < FIRST_ASKS else ASK_S)


def hurry(writer: asyncio.StreamWriter) -> None:
    """Send small messages at once."""
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
