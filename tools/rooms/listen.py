"""Hears what sound cards play, at the other end of their loopback: snippets of sound, and when each frame came.

    python -m tools.rooms.listen SECONDS FILE CARD...

A thread for each card reads it period by period. Every second it keeps the last part of what it read; for every period
it keeps how many frames the card had delivered, and when. FILE is written by numpy: for CARD, `CARD_at` (frames,
seconds), and `CARD_sound` with `CARD_first`, the number of the first frame of each snippet.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from device.music.audio.pcm_buffer import RATE_HZ

CAPTURE = 1
S32, INTERLEAVED = 10, 3
PERIOD = 882
KEPT = 16  # periods of a snippet: 0.32 s
EVERY_S = 1.0


class Ear:
    """One card that is listened to, until `seconds` have passed."""

    def __init__(self, card: str, seconds: float) -> None:
        self.at: list[tuple[int, float]] = []
        self.first: list[int] = []
        self.sound: list[npt.NDArray[np.int16]] = []
        self._library: Any = ctypes.CDLL("libasound.so.2")
        self._library.snd_pcm_readi.restype = ctypes.c_long
        self._pcm = ctypes.c_void_p()
        self._check(self._library.snd_pcm_open(ctypes.byref(self._pcm), f"hw:CARD={card},DEV=1".encode(), CAPTURE, 0))
        self._check(self._library.snd_pcm_set_params(self._pcm, S32, INTERLEAVED, 2, RATE_HZ, 0, 200_000))
        self._check(self._library.snd_pcm_start(self._pcm))
        self._seconds = seconds
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _check(self, code: int) -> None:
        if code < 0:
            print(f"libasound: {os.strerror(-code)}", file=sys.stderr, flush=True)
            os._exit(1)

    def _listen(self) -> None:
        end_s, next_s = time.monotonic() + self._seconds, 0.0
        room = np.zeros((PERIOD, 2), np.int32)
        kept: list[npt.NDArray[np.int16]] = []
        count, available, delay = 0, ctypes.c_long(), ctypes.c_long()
        while (now_s := time.monotonic()) < end_s:
            read = self._library.snd_pcm_readi(self._pcm, ctypes.c_void_p(room.ctypes.data), ctypes.c_ulong(PERIOD))
            if read < 0:
                self._check(self._library.snd_pcm_recover(self._pcm, ctypes.c_int(read), 1))
                count += 1_000_000  # nothing before and after belongs together
                kept.clear()
                continue
            count += read
            self._library.snd_pcm_avail_delay(self._pcm, ctypes.byref(available), ctypes.byref(delay))
            self.at.append((count + available.value, time.monotonic()))
            kept = [*kept[1 - KEPT :], (room[:read, 0] >> 16).astype(np.int16)]
            if now_s >= next_s and len(kept) == KEPT:
                next_s = now_s + EVERY_S
                self.sound.append(np.concatenate(kept))
                self.first.append(count - len(self.sound[-1]))


def main(arguments: Sequence[str]) -> None:
    """Listen to all cards at once."""
    seconds, path, *cards = arguments
    ears = {card: Ear(card, float(seconds)) for card in cards}
    found: dict[str, npt.NDArray[Any]] = {}
    for card, ear in ears.items():
        ear.thread.join()
        for name, values in (("at", ear.at), ("first", ear.first), ("sound", ear.sound)):
            found[f"{card}_{name}"] = np.array(values)
    np.savez(path, **found)


if __name__ == "__main__":
    main(sys.argv[1:])
