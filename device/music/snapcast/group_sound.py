"""The sound of a group of devices on Snapcast: one leads, all follow, and all play the same at the same time.

    leader:       mixer -> SnapserverOutput -> fifo -> snapserver
    every member: snapserver -> Upstream -> Timeline -> VolumeGate -> Loudspeaker -> snapclient -> sound card

A thread of its own runs an event loop with all of it, and keeps the two programs running. Every call returns at once;
an unexpected exception ends the process by `threading.excepthook`. Without a group nothing of this exists but the
thread, and it sleeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from device.config.schema import PlayerConfig
from device.music.audio.outputs import Output, UnheardOutput
from device.music.audio.pcm_buffer import Frames
from device.music.snapcast import snapclient
from device.music.snapcast.child import Child
from device.music.snapcast.loudspeaker import STEP_S, Loudspeaker
from device.music.snapcast.snapserver import BUFFER_S, Snapserver
from device.music.snapcast.tasks import within
from device.music.snapcast.timeline import Timeline
from device.music.snapcast.upstream import Upstream
from device.music.snapcast.volume_gate import VolumeGate

log = logging.getLogger("affetto")

PORT = 1704
IDLE_S = 1.0
HUNG_S = 10.0
CLOSE_S = 4.0
REST_S = BUFFER_S + 1.0  # a former leader's snapserver ends when everybody has heard what it sent

Feed = Callable[[Output | None], None]
"""Lets the player's mix go elsewhere, at full scale; None gives it its own device again."""


class Role(StrEnum):
    """What a device does for the sound of its group."""

    ALONE = "alone"
    LEADS = "leads"
    FOLLOWS = "follows"


@dataclass(frozen=True, slots=True)
class SoundStatus:
    """`server`: whom the loudspeaker plays, "host:port". `error_ms`: how far its clock may be from the leader's, as far
    as the network shows. `problem`: why there is no sound, as a sentence."""

    role: Role = Role.ALONE
    server: str = ""
    connected: bool = False
    sounding: bool = False
    error_ms: float | None = None
    problem: str = ""


class GroupSound:
    """The sound of one member. A part of the conductor: `alive`, `close`."""

    def __init__(self, config: PlayerConfig, data_dir: Path, name: str, volume: int, feed: Feed) -> None:
        """`name` identifies the device to the leader, `volume` (percent) is its own."""
        self._config, self._data_dir, self._name, self._feed = config, data_dir, name, feed
        self._role = Role.ALONE
        self._upstreams: dict[tuple[str, int], Upstream] = {}
        self._number = 0
        self._chosen: Upstream | None = None
        self._before: Upstream | None = None  # counts until the chosen one sounds
        self._timeline = Timeline()
        self._gate = VolumeGate(volume, config.max_volume, config.ramp_s)
        self._loudspeaker: Loudspeaker | None = None
        self._snapclient: Child | None = None
        self._snapserver: Snapserver | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()
        self._stopped = False
        self._called = asyncio.Event()
        self._round_s = time.monotonic()
        self._status = SoundStatus()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="group sound", daemon=True)
        self._thread.start()

    # --- For any thread ---

    def lead(self, port: int = PORT, bind: str = "0.0.0.0") -> None:
        """Let the player's mix be the group's sound: start a snapserver, and follow it."""
        self._call(lambda: self._lead(port, bind))

    def prepare(self, host: str, port: int = PORT) -> None:
        """Connect to the next leader; its sound is not audible before `follow`."""
        self._call(lambda: self._prepare(host, port))

    def follow(self, host: str, port: int = PORT) -> None:
        """Play what this leader sends. What the one before has sent is heard until the first sound of this one."""
        self._call(lambda: self._follow(host, port))

    def leave(self) -> None:
        """Play alone again: every process of Snapcast ends, and the player gets its device back."""
        self._call(self._leave)

    def set_volume(self, percent: int) -> None:
        """Ramp to the device's own volume, 0 to its `max_volume`."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._gate.set_volume, percent)

    def status(self) -> SoundStatus:
        """How it is; at most a second old."""
        return self._status

    @property
    def alive(self) -> bool:
        """Whether the thread runs and its loop goes round."""
        return self._thread.is_alive() and time.monotonic() - self._round_s < HUNG_S

    def close(self) -> None:
        """Leave, and end the thread. Idempotent."""
        if self._thread.is_alive():
            self.leave()
            self._call(self._stop)
            self._thread.join(CLOSE_S)

    def _call(self, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """One after the other, in the order of the calls."""

        async def locked() -> None:
            async with self._lock:
                await what()

        def begin() -> None:
            self._watch(asyncio.ensure_future(locked()))
            self._called.set()

        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(begin)

    # --- The thread of its own from here on ---

    def _work(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._go_round())

    async def _go_round(self) -> None:
        while not self._stopped or self._ending:
            self._round_s = time.monotonic()
            if self._loudspeaker is not None:
                self._loudspeaker.step(self._round_s)
            before, self._status = self._status, self._look()
            if self._status.problem not in ("", before.problem):
                log.warning("The group is silent here: %s", self._status.problem)
            for task in [task for task in self._ending if task.done()]:
                self._ending.discard(task)
                task.result()  # an unexpected exception ends the thread
            for part in (*self._upstreams.values(), self._snapclient, self._snapserver):
                if part is not None:
                    part.check()
            await self._rest()

    async def _rest(self) -> None:
        if self._role is not Role.ALONE or self._ending:
            await asyncio.sleep(STEP_S)
            return
        self._called.clear()
        with contextlib.suppress(TimeoutError):
            await within(IDLE_S, self._called.wait())

    def _watch(self, task: asyncio.Task[None]) -> None:
        self._ending.add(task)

    async def _lead(self, port: int, bind: str) -> None:
        if self._role is not Role.LEADS:
            self._snapserver = self._snapserver or Snapserver(port, bind)
            self._feed(self._snapserver.output())
        self._role = Role.LEADS
        await self._play("127.0.0.1" if bind == "0.0.0.0" else bind, port)

    async def _prepare(self, host: str, port: int) -> None:
        self._upstream(host, port)

    async def _follow(self, host: str, port: int) -> None:
        if self._role is not Role.FOLLOWS:
            self._feed(UnheardOutput("none: this device follows its group"))
            self._loop.call_later(REST_S, self._call, self._retire)
        self._role = Role.FOLLOWS
        await self._play(host, port)

    async def _retire(self) -> None:
        """End the snapserver of a leader who leads no more, now that everybody has heard what it sent."""
        if self._role is not Role.LEADS:
            await self._end_snapserver()

    async def _leave(self) -> None:
        self._role = Role.ALONE
        self._chosen = self._before = None
        for upstream in self._upstreams.values():
            await upstream.close()
        self._upstreams.clear()
        self._timeline.clear()
        if self._snapclient is not None:
            await self._snapclient.close()
        if self._loudspeaker is not None:
            self._loudspeaker.close()
        self._snapclient = self._loudspeaker = None
        self._feed(None)
        await self._end_snapserver()

    async def _stop(self) -> None:
        self._stopped = True

    async def _end_snapserver(self) -> None:
        if self._snapserver is not None:
            server, self._snapserver = self._snapserver, None
            await server.close()

    async def _play(self, host: str, port: int) -> None:
        """Let the loudspeaker play this server."""
        chosen = self._upstream(host, port)
        if chosen is not self._chosen:
            self._before, self._chosen = self._chosen, chosen
        if self._loudspeaker is None:
            self._loudspeaker = Loudspeaker(self._timeline, self._gate)
            await self._loudspeaker.open()
            words = snapclient.command(self._config, self._data_dir, self._loudspeaker.port)
            self._snapclient = Child(words)
        for place, upstream in list(self._upstreams.items()):
            if upstream not in (self._chosen, self._before):
                await self._upstreams.pop(place).close()

    def _upstream(self, host: str, port: int) -> Upstream:
        if (host, port) not in self._upstreams:
            self._number += 1
            self._upstreams[host, port] = Upstream(self._number, host, port, self._name, self._take)
        return self._upstreams[host, port]

    def _take(self, upstream: Upstream, start_s: float, frames: Frames) -> None:
        """A chunk has come. Silence is left out: the timeline has its own, and a new leader's must not end the sound of
        the one before."""
        if not frames.any():
            return
        if upstream is self._chosen:
            if self._before is not None:
                self._timeline.cut(upstream.number, start_s)
                self._drop_before()
            self._timeline.put(upstream.number, start_s, frames)
        elif upstream is self._before:
            self._timeline.put(upstream.number, start_s, frames)

    def _drop_before(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            self._upstreams.pop((before.host, before.port), None)
            self._watch(asyncio.ensure_future(before.close()))

    def _look(self) -> SoundStatus:
        chosen = self._chosen
        if self._role is Role.ALONE or chosen is None:
            return SoundStatus()
        problems = [child.problem for child in (self._snapserver, self._snapclient) if child is not None]
        error_s = chosen.clock.error_s
        return SoundStatus(
            self._role, f"{chosen.host}:{chosen.port}", chosen.connected, self._timeline.sounding,
            None if error_s is None else error_s * 1000, next(filter(None, [*problems, chosen.problem]), ""),
        )  # fmt: skip
