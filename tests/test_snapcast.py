"""The pure parts of the group's sound: messages, the other clock, the timeline and the volume gate."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.errors import SoundError
from device.music.audio.pcm_buffer import RATE_HZ, Frames
from device.music.audio.volume import amplitude
from device.music.snapcast import wire
from device.music.snapcast.child import Child
from device.music.snapcast.server_clock import ServerClock
from device.music.snapcast.timeline import EDGE_S, LINGER_S, Block, Timeline
from device.music.snapcast.volume_gate import FULL, VolumeGate
from device.music.snapcast.wire import Kind

CHUNK = 882  # frames in 20 ms
STEP_S = CHUNK / RATE_HZ

# --- Messages ---------------------------------------------------------------------------------------------------------


@given(st.floats(-5000, 5000), st.binary(max_size=64))
def test_times_and_samples_pass_the_wire(seconds: float, samples: bytes) -> None:
    assert wire.read_duration(wire.duration(seconds)) == pytest.approx(seconds, abs=6e-7)
    at_s, back = wire.read_chunk(wire.chunk(abs(seconds), samples))
    assert (at_s, back) == (pytest.approx(abs(seconds), abs=6e-7), samples)


def test_a_message_is_a_header_and_a_body() -> None:
    raw = wire.message(Kind.TIME, wire.duration(0.25), 12.5, number=7, refers_to=3)
    header = wire.read_header(raw[: wire.HEADER.size])
    assert (header.kind, header.number, header.refers_to, header.sent_s) == (Kind.TIME, 7, 3, 12.5)
    assert header.size == len(raw) - wire.HEADER.size


def test_what_is_no_snapcast_is_refused() -> None:
    with pytest.raises(SoundError, match="not a Snapcast message"):
        wire.read_header(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(SoundError, match="cannot be read"):
        wire.read_buffer_s(b"\x02\x00\x00\x00{}")
    with pytest.raises(SoundError, match="sends flac"):
        wire.read_pcm_format(b"\x04\x00\x00\x00flac" + bytes(40))


def test_formats_and_settings_come_back() -> None:
    assert wire.read_pcm_format(wire.pcm_format(44100, 32, 2)) == (44100, 32, 2)
    assert wire.read_buffer_s(wire.settings(0.7)) == 0.7


# --- The other clock --------------------------------------------------------------------------------------------------


def round_trips(clock: ServerClock, seconds: float, skew: float, seed: int, jitter_s: float = 0.004) -> float:
    """Ask four times a second over a network whose delays vary; the error of `ours` at the end."""
    dice, offset_s = random.Random(seed), 1234.5
    for count in range(round(seconds * 4)):
        sent_s = 100.0 + count / 4
        there = sent_s + 0.0005 + dice.expovariate(1 / jitter_s)
        received_s = there + 0.0005 + dice.expovariate(1 / jitter_s)
        theirs_s = there * (1 + skew) + offset_s
        clock.add(sent_s, theirs_s, theirs_s, received_s)
    now_s = 100.0 + seconds
    return clock.ours(now_s * (1 + skew) + offset_s) - now_s


@pytest.mark.parametrize("skew", [0.0, 50e-6, -50e-6, 100e-6])
def test_the_other_clock_is_known_within_half_a_millisecond_though_it_runs_off(skew: float) -> None:
    """The network delays a message by 4 ms on average, exponentially, each way on its own."""
    errors = sorted(abs(round_trips(ServerClock(), 120, skew, seed)) for seed in range(20))
    assert errors[round(0.95 * len(errors)) - 1] < 0.0005


def test_nothing_is_known_before_some_round_trips() -> None:
    clock = ServerClock()
    assert (clock.known, clock.error_s) == (False, None)
    round_trips(clock, 30, 0.0, 1)
    assert clock.known
    assert clock.error_s is not None
    assert 0.0005 <= clock.error_s < 0.004


# --- The timeline -----------------------------------------------------------------------------------------------------


def tone(count: int = CHUNK, height: int = 1000) -> Frames:
    return np.full((count, 2), height, np.int16)


def joined(blocks: list[Block]) -> Frames:
    """All blocks as one, if each begins where the one before ends."""
    for before, after in itertools.pairwise(blocks):
        assert after.start_s == pytest.approx(before.end_s, abs=1 / RATE_HZ)
    return np.concatenate([block.frames for block in blocks])


def fill(line: Timeline, server: int, begin: int, end: int, height: int = 1000) -> None:
    for number in range(begin, end):
        line.put(server, 10 + number * STEP_S, tone(height=height))


def test_chunks_come_out_in_their_time_as_they_are() -> None:
    line = Timeline()
    fill(line, 1, 0, 20)
    early = line.take(10.09)
    assert [block.fresh for block in early] == [True] + [False] * 4
    sound = joined(early + line.take(10.39))[:, 0]
    edge = round(EDGE_S * RATE_HZ)
    assert (sound[edge:-edge] == 1000).all()
    assert sound[0] == 0


def test_missing_chunks_are_silence_in_time_and_late_ones_are_dropped() -> None:
    line = Timeline()
    fill(line, 1, 0, 3)
    blocks = line.take(10.2)
    fill(line, 1, 3, 4)  # too late
    fill(line, 1, 12, 15)
    blocks += line.take(10.31)
    sound = joined(blocks)[:, 0]
    at = 12 * CHUNK
    assert (sound[3 * CHUNK : at] == 0).all()
    assert sound[at + CHUNK] == 1000


def test_a_hand_over_costs_no_sound() -> None:
    """The new server's first sound begins in the middle of a chunk of the old one."""
    line = Timeline()
    fill(line, 1, 0, 20, 1000)
    blocks = line.take(10.1)
    start_s = 10.205
    line.cut(2, start_s)
    for number in range(10):
        line.put(2, start_s + number * STEP_S, tone(height=2000))
    sound = joined(blocks + line.take(10.4))[:, 0]
    change = round(0.205 * RATE_HZ)
    assert sound[change - 500] == 1000
    assert sound[change + 500] == 2000
    assert (sound[600:-600] == 0).sum() < 3


def test_after_a_long_silence_the_timeline_ends_and_begins_anew() -> None:
    line = Timeline()
    fill(line, 1, 0, 2)
    length_s = 0.0
    for step in range(400):
        length_s += sum(len(block.frames) for block in line.take(10.02 + step * STEP_S)) / RATE_HZ
    assert length_s == pytest.approx(LINGER_S + 0.04, abs=0.03)
    line.put(1, 30.0, tone())
    assert [(block.fresh, block.start_s) for block in line.take(30.01)] == [(True, 30.0)]


def test_a_server_that_sends_far_ahead_does_not_fill_the_memory() -> None:
    line = Timeline()
    fill(line, 1, 0, 3000)
    assert len(line.take(1000.0)) <= 10 / STEP_S + LINGER_S / STEP_S


# --- The volume gate --------------------------------------------------------------------------------------------------


def through(gate: VolumeGate, seconds: float, begin_s: float = 5.0, fresh: bool = True) -> npt.NDArray[np.int32]:
    loudest = np.full((CHUNK, 2), -32768, np.int16)
    blocks = [Block(begin_s + n * STEP_S, loudest, fresh and n == 0) for n in range(round(seconds / STEP_S))]
    return np.concatenate([gate.apply(block) for block in blocks])


@given(st.integers(0, 100), st.integers(0, 100))
def test_no_sample_passes_the_ceiling_whatever_comes_and_is_asked(percent: int, max_volume: int) -> None:
    gate = VolumeGate(percent, max_volume, 0.0)
    heard = np.abs(through(gate, 0.1).astype(np.int64)).max()
    assert heard <= amplitude(min(percent, max_volume)) * (FULL + 1)
    gate.set_volume(100)
    assert np.abs(through(gate, 0.1).astype(np.int64)).max() <= amplitude(max_volume) * (FULL + 1)


def test_sound_comes_in_out_of_silence_and_the_volume_ramps() -> None:
    gate = VolumeGate(50, 70, 0.8)
    heard = np.abs(through(gate, 1.0)[:, 0] / FULL)
    assert heard[0] == 0
    assert np.abs(np.diff(heard)).max() < 1e-4
    assert heard[-1] == pytest.approx(amplitude(50), rel=1e-3)
    gate.set_volume(70)
    louder = np.abs(through(gate, 1.0, 6.0, fresh=False)[:, 0] / FULL)
    assert louder[0] == pytest.approx(amplitude(50), rel=1e-3)
    assert np.abs(np.diff(louder)).max() < 1e-4
    assert louder[-1] == pytest.approx(amplitude(70), rel=1e-3)


# --- The programs ---


def watched(words: list[str], done: Callable[[Child], bool]) -> Child:
    """A child with this command line, once it is as it should be."""

    async def run() -> Child:
        child = Child(words)
        try:
            while not done(child):
                child.check()
                await asyncio.sleep(0.01)
        finally:
            await child.close()
        return child

    return asyncio.run(asyncio.wait_for(run(), 60.0))


def test_a_program_that_prints_a_line_without_end_goes_on() -> None:
    words = ["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; echo; echo done; exec sleep 60"]
    watched(words, lambda child: child._last == "done")


def test_a_program_that_cannot_be_started_is_a_sentence() -> None:
    child = watched(["sh", "-c", "x" * 200_000], lambda child: bool(child.problem))
    assert child.problem == "sh cannot be started (Argument list too long)"
