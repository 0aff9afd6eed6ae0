"""The mixer's promises, on samples: never above the volume whatever is ordered, joined without a gap, crossed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.music.audio.gain import TrackGain, factor
from device.music.audio.mixer import Mixer, Source
from device.music.audio.pcm_buffer import NOTHING, RATE_HZ, Frames, PcmBuffer
from device.music.audio.volume import Ramp, amplitude, limited

BLOCK = 2205


@dataclass(eq=False)
class Tape:
    """A source with its frames ready made, given out as a decoder would: perhaps not all at once."""

    frames: Frames
    gain_db: float = 0.0
    at: int = 0
    dry: bool = field(default=False)

    def read(self, count: int) -> Frames:
        if self.dry:
            return NOTHING
        self.at += count
        return self.frames[self.at - count : self.at]

    def peak(self, count: int) -> int:
        ahead = self.frames[self.at : self.at + count].astype(int)
        return int(np.abs(ahead).max(initial=0))

    @property
    def over(self) -> bool:
        return self.at >= len(self.frames)


def square(seconds: float, sample: int = 32767, gain_db: float = 0.0) -> Tape:
    """The loudest sound there is."""
    count = round(seconds * RATE_HZ)
    signs = np.where(np.arange(count) // 50 % 2, -1, 1)
    return Tape(np.repeat(signs * sample, 2).reshape(-1, 2).astype(np.int16), gain_db)


def ramp_of(count: int, start: int = 0) -> Tape:
    """Frames that count up, so that each is known again."""
    return Tape(np.repeat(np.arange(start, start + count), 2).reshape(-1, 2).astype(np.int16))


def render(mixer: Mixer[Tape], seconds: float) -> np.ndarray:
    return np.concatenate([mixer.render(BLOCK).sound for _ in range(max(1, round(seconds * RATE_HZ / BLOCK)))])


# --- Joined -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 7001])
def test_one_follows_the_other_at_the_very_next_frame(count: int) -> None:
    mixer: Mixer[Tape] = Mixer(100)
    first, second, third = ramp_of(count), ramp_of(300, count), ramp_of(5000, count + 300)
    mixer.enter(first, 0.0)
    mixer.follow(second)
    blocks = []
    for _ in range(10):
        mixed = mixer.render(BLOCK)
        blocks.append(mixed.sound)
        if second in mixed.ended:
            mixer.enter(third, 0.0)
    heard = np.round(np.concatenate(blocks)[:, 0] * 32768).astype(int)
    seam = count + 300
    assert (heard[:seam] == np.arange(seam)).all()
    later = int(np.flatnonzero(heard == seam)[0])  # the third was only named after the block in which the second ended
    assert not heard[seam:later].any()
    assert (heard[later : later + 5000] == np.arange(seam, seam + 5000)).all()


def test_what_happened_is_told_once_and_in_order() -> None:
    mixer: Mixer[Tape] = Mixer(100)
    first, second = square(0.1), square(0.1)
    mixer.enter(first, 0.0)
    mixer.follow(second)
    mixed = [mixer.render(BLOCK) for _ in range(8)]
    assert [block.started for block in mixed if block.started] == [[first], [second]]
    assert [block.ended for block in mixed if block.ended] == [[first], [second]]
    assert mixer.playing is None
    assert mixer.silent


def test_a_decoder_that_is_late_gives_silence_and_goes_on_where_it_was() -> None:
    mixer: Mixer[Tape] = Mixer(100)
    tape = ramp_of(3 * BLOCK)
    mixer.enter(tape, 0.0)
    render(mixer, 0.05)
    tape.dry = True
    assert not render(mixer, 0.2).any()
    tape.dry = False
    assert np.round(render(mixer, 0.05)[0, 0] * 32768) == BLOCK


# --- Crossed ----------------------------------------------------------------------------------------------------


def test_crossing_keeps_the_level() -> None:
    """Two equal sounds cross without a hole and without a hump: their shares sum to 1."""
    mixer: Mixer[Tape] = Mixer(100)
    mixer.enter(square(10), 0.0)
    render(mixer, 0.5)
    mixer.leave(2.0)
    twin = square(10)
    twin.at = round(0.5 * RATE_HZ)
    mixer.enter(twin, 2.0)
    crossing = np.abs(render(mixer, 2.5))
    assert crossing.min() == pytest.approx(1.0, abs=1e-3)
    assert crossing.max() <= 1.0


def test_what_has_faded_out_is_given_back() -> None:
    mixer: Mixer[Tape] = Mixer(100)
    tape = square(10)
    mixer.enter(tape, 0.0)
    render(mixer, 0.1)
    mixer.leave(0.2)
    faded = [source for _ in range(6) for source in mixer.render(BLOCK).faded]
    assert faded == [tape]
    assert mixer.silent


# --- Held -------------------------------------------------------------------------------------------------------


def test_held_it_stands_still_and_goes_on_from_silence() -> None:
    mixer: Mixer[Tape] = Mixer(100)
    tape = square(10)
    mixer.enter(tape, 0.0)
    render(mixer, 0.1)
    mixer.hold(0.2)
    fading = np.abs(render(mixer, 0.25)[:, 0])
    assert fading[-1] == 0
    assert mixer.held
    mixer.go_on(0.5)
    coming = np.abs(render(mixer, 0.6)[:, 0])
    assert coming[0] == 0
    assert coming[RATE_HZ // 20] < 0.01
    assert coming[-1] == pytest.approx(1.0, abs=1e-3)


# --- Never above the volume -------------------------------------------------------------------------------------

orders = st.lists(
    st.tuples(
        st.sampled_from(["enter", "cross", "follow", "leave", "hold", "go on", "volume", "render"]),
        st.floats(0, 1),
        st.floats(-20, 20),
    ),
    max_size=15,
)


@settings(max_examples=60, deadline=None)
@given(orders)
def test_whatever_is_ordered_no_sample_passes_the_volume(todo: list[tuple[str, float, float]]) -> None:
    mixer: Mixer[Tape] = Mixer(50)
    before = after = 50.0
    for order, amount, gain_db in todo:
        match order:
            case "enter" | "cross":
                mixer.leave(amount)
                mixer.enter(square(amount, gain_db=gain_db), amount, 1 if order == "cross" else 3)
            case "follow":
                mixer.follow(square(amount, gain_db=gain_db))
            case "leave":
                mixer.leave(amount)
            case "hold":
                mixer.hold(amount)
            case "go on":
                mixer.go_on(amount)
            case "volume":
                before, after = max(before, after), 100 * amount
                mixer.set_volume(after, 0.2)
        if not mixer.held:
            loudest = float(np.abs(render(mixer, 0.1)).max())
            assert loudest <= amplitude(max(before, after)) * (1 + 1e-6)
    if not mixer.held:
        render(mixer, 0.3)
        assert np.abs(render(mixer, 0.1)).max() <= amplitude(after) * (1 + 1e-6)


# --- Loudness ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gain_db", [-12.0, -6.0, 0.0])
def test_a_gain_is_applied_as_it_is(gain_db: float) -> None:
    mixer: Mixer[Tape] = Mixer(100)
    mixer.enter(square(1.0, 16384, gain_db), 0.0)
    assert np.abs(render(mixer, 0.5)).max() == pytest.approx(0.5 * factor(gain_db), rel=1e-4)


def test_a_quiet_track_becomes_louder_as_far_as_there_is_room() -> None:
    mixer: Mixer[Tape] = Mixer(100)
    quiet, loud = square(1.0, 4096, 12.0), square(1.0, 16384)
    tape = Tape(np.concatenate([quiet.frames, loud.frames, quiet.frames]), 12.0)
    mixer.enter(tape, 0.0)
    heard = np.abs(render(mixer, 2.9)[:, 0])
    assert heard[: RATE_HZ // 2].max() == pytest.approx(0.125 * factor(12.0), rel=1e-4)
    assert heard.max() <= 1.0
    assert heard[RATE_HZ + RATE_HZ // 2] == pytest.approx(1.0, abs=1e-3)  # 12 dB would have been 2.0
    assert heard[-1] == pytest.approx(0.25, rel=1e-2)  # and it stays at what the loudest moment left


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 32768), st.integers(1, 3000)), min_size=1, max_size=12), st.floats(-20, 20))
def test_levelled_sound_is_within_full_scale(moments: list[tuple[int, int]], gain_db: float) -> None:
    level = TrackGain(gain_db)
    for number, (peak, count) in enumerate(moments):
        ahead = moments[number + 1][0] if number + 1 < len(moments) else 0
        frames = np.full((count, 2), -peak, np.int16) if peak else np.zeros((count, 2), np.int16)
        assert np.abs(level.apply(frames, ahead)).max(initial=0) <= 1 + 1e-6


# --- Ramps, limits and the buffer ---------------------------------------------------------------------------------

percents = st.floats(0, 100)


@settings(deadline=None)
@given(percents, percents, st.floats(0, 1e6), st.floats(0, 30), st.floats(-10, 60))
def test_a_ramp_stays_between_its_ends(start: float, end: float, begin_s: float, length_s: float, at_s: float) -> None:
    ramp = Ramp(start, end, begin_s, length_s)
    low, high = sorted((start, end))
    assert low - 1e-9 <= ramp.at(begin_s + at_s) <= high + 1e-9
    assert ramp.at(begin_s + length_s) == end
    assert ramp.over(begin_s + length_s)


@settings(deadline=None)
@given(st.integers(-1000, 1000), st.integers(0, 100))
def test_the_limit_holds_whatever_is_asked(percent: int, max_volume: int) -> None:
    assert 0 <= limited(percent, max_volume) <= max_volume


@settings(deadline=None)
@given(st.lists(st.integers(0, 500), max_size=20), st.lists(st.integers(0, 700), max_size=20))
def test_what_goes_onto_a_buffer_comes_off_in_order(given_: list[int], asked: list[int]) -> None:
    buffer, count = PcmBuffer(), 0
    for size in given_:
        buffer.append(np.repeat(np.arange(count, count + size), 2).astype("<i2").tobytes())
        count += size
    got = [buffer.read(size) for size in [*asked, 10_000]]
    assert [int(frame[0]) for block in got for frame in block] == list(range(count))
    assert buffer.frames == 0


def test_a_buffer_that_goes_on_after_its_end_is_not_over() -> None:
    buffer = PcmBuffer()
    buffer.finish()
    assert buffer.over
    buffer.append(bytes(4))
    assert not buffer.over


def test_a_tape_is_a_source() -> None:
    source: Source = square(0.1)
    assert not source.over
