"""ALSA's output with a device that is late, played by a library of our own: no card is needed."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Iterator

import numpy as np
import pytest

from device.errors import SoundError
from device.music.audio import alsa


class LateDevice:
    """Answers writes with what it is told to: frames taken (0 for all of them), or errors."""

    def __init__(self, answers: Iterator[int]) -> None:
        self.answers, self.taken, self.closed = answers, 0, False

    def snd_pcm_writei(self, _pcm: object, _block: object, frames: ctypes.c_ulong) -> int:
        answer = next(self.answers) or frames.value
        self.taken += max(answer, 0)
        return answer

    def snd_pcm_recover(self, _pcm: object, error: ctypes.c_int, _silent: int) -> int:
        return 0 if error.value == -errno.EPIPE else error.value

    def snd_pcm_drop(self, _pcm: object) -> int:
        return 0

    def snd_pcm_close(self, _pcm: object) -> int:
        self.closed = True
        return 0

    def snd_strerror(self, number: int) -> bytes:
        return errno.errorcode[-number].encode()


def play(monkeypatch: pytest.MonkeyPatch, answers: Iterator[int], frames: int = 400) -> LateDevice:
    device = LateDevice(answers)
    monkeypatch.setattr(alsa, "_library", lambda: device)
    output = alsa.AlsaOutput("late")
    output._pcm = ctypes.c_void_p(1)
    monkeypatch.setattr(output._pace, "keep", lambda _frames: None)
    output.write(np.zeros((frames, 2), np.float32))
    return device


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alsa, "hush", lambda: None)


def test_a_device_that_is_late_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    late = -errno.EAGAIN
    device = play(monkeypatch, iter([late, late, 100, late, -errno.EPIPE, late, 0]))
    assert (device.taken, device.closed) == (400, False)


def test_a_device_that_is_late_for_ever_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alsa, "AGAIN_S", 0.05)
    with pytest.raises(SoundError, match="late does not open"):
        play(monkeypatch, iter(lambda: -errno.EAGAIN, None))


def test_a_device_that_is_pulled_out_is_lost_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SoundError, match="pulled out"):
        play(monkeypatch, iter([100, -errno.ENODEV]))
