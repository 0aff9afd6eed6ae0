"""One stream without gaps from the chunks of several servers: what a loudspeaker plays, and when. Pure.

Times are seconds on our own monotonic clock: the moments at which a frame is audible. Chunks wait here until shortly
before their time. So a change of the volume is heard soon, and a hand-over from one server to another costs no sound:
the old server's chunks count up to the first one of the new server. Where sound begins or ends without a join, the
timeline fades over a few milliseconds; a click would be louder than a gap. Where sound is missing, it gives silence for
some seconds, so that the sound card stays open, and then ends.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ, Frames

LINGER_S = 5.0  # how long silence goes on after the last sound
JOINED_S = 0.002  # two chunks of one server follow one another if no more is between them
EDGE_S = 0.01  # of the fade where sound begins or ends
MOST_S = 10.0  # of chunks that wait; a server that sends more than that ahead of time is wrong


@dataclass(frozen=True, slots=True)
class Block:
    """Sound that is heard from `start_s` on. `fresh`: the timeline begins with it, after it had ended."""

    start_s: float
    frames: Frames
    fresh: bool = False

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.start_s + len(self.frames) / RATE_HZ


@dataclass(slots=True)
class Chunk:
    """What a server sent."""

    server: int
    start_s: float
    frames: Frames

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.start_s + len(self.frames) / RATE_HZ


class Timeline:
    """Takes chunks, gives blocks. Belongs to one thread."""

    def __init__(self) -> None:
        self._waiting: deque[Chunk] = deque()  # in the order of their times
        self._end_s: float | None = None  # what was given reaches to here; None: it has ended
        self._sound_s = 0.0  # when the last sound is over
        self._last: int | None = None  # the server of the last block, None for silence

    @property
    def sounding(self) -> bool:
        """Whether the last block was sound."""
        return self._last is not None

    def put(self, server: int, start_s: float, frames: Frames) -> None:
        """The next chunk of a server."""
        if not self._waiting or start_s - self._waiting[0].start_s < MOST_S:
            self._waiting.append(Chunk(server, start_s, frames))

    def cut(self, server: int, start_s: float) -> None:
        """From `start_s` on, only `server` counts."""
        kept = [one for one in self._waiting if one.server == server or one.start_s < start_s]
        for one in kept:
            if one.server != server:
                one.frames = one.frames[: max(0, round((start_s - one.start_s) * RATE_HZ))]
        self._waiting = deque(sorted((one for one in kept if len(one.frames)), key=lambda one: one.start_s))

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()

    def take(self, until_s: float) -> list[Block]:
        """Everything that begins before `until_s` and was not given yet."""
        blocks: list[Block] = []
        while True:
            self._drop_late()
            head = self._waiting[0] if self._waiting else None
            if head is not None and head.start_s < until_s and self._follows(head):
                self._waiting.popleft()
                blocks.append(self._sound(head))
            elif self._end_s is not None and self._end_s < until_s:
                if (silence := self._silence(until_s if head is None else min(until_s, head.start_s))) is None:
                    return blocks
                blocks.append(silence)
            else:
                return blocks

    def _drop_late(self) -> None:
        """Leave out what came too late; what was too late in part loses that part."""
        while self._waiting and self._end_s is not None and self._waiting[0].start_s < self._end_s - JOINED_S:
            head = self._waiting[0]
            late = round((self._end_s - head.start_s) * RATE_HZ)
            if late < len(head.frames):
                head.frames, head.start_s = head.frames[late:], self._end_s
            else:
                self._waiting.popleft()

    def _follows(self, head: Chunk) -> bool:
        return self._end_s is None or head.start_s - self._end_s <= JOINED_S

    def _sound(self, chunk: Chunk) -> Block:
        after = self._waiting[0] if self._waiting else None
        goes_on = after is not None and after.server == chunk.server and after.start_s - chunk.end_s <= JOINED_S
        frames = faded(chunk.frames, begin=self._last != chunk.server, end=not goes_on)
        block = Block(chunk.start_s, frames, fresh=self._end_s is None)
        self._end_s = self._sound_s = block.end_s
        self._last = chunk.server if goes_on else None
        return block

    def _silence(self, until_s: float) -> Block | None:
        """The silence up to a time; None if less than a frame is left, or it has been silent for long enough."""
        end_s = self._end_s or 0.0
        if until_s - self._sound_s > LINGER_S:
            self._end_s, self._last = None, None
            return None
        count = round((until_s - end_s) * RATE_HZ)
        if count <= 0:
            return None
        self._end_s, self._last = end_s + count / RATE_HZ, None
        return Block(end_s, np.zeros((count, CHANNELS), np.int16))


def faded(frames: Frames, begin: bool, end: bool) -> Frames:
    """The same frames, coming out of silence or going into it."""
    if not begin and not end:
        return frames
    line = np.ones(len(frames), np.float32)
    count = min(len(frames), round(EDGE_S * RATE_HZ))
    slope = np.linspace(0, 1, count, dtype=np.float32)
    if begin:
        line[:count] *= slope
    if end:
        line[len(line) - count :] *= slope[::-1]
    return np.asarray(frames * line[:, None], np.int16)
