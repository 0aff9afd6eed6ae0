"""From two recordings of one sound to the time between them: by cross-correlation of what was heard. Pure.

A card counts its frames, and tells now and then how many there were. Its count is never ahead of the time, but may be
behind by a tick of the kernel's clock (4 ms); so the earliest report of each stretch says when a frame really came.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

STRETCH_S = 5.0
NEAR_S = 0.5  # snippets of both cards that lie so near can hold the same sound
PART = 4096  # frames of one snippet that are looked for in the other
SURE = 8.0  # a peak of the correlation so far above its spread is no chance


def sure_times(at: Floats, rate_hz: float) -> Floats:
    """From the card's reports `at` (frames, seconds) the earliest of each stretch. Between two of them a straight line
    says when a frame came."""
    found = []
    for begin in np.arange(at[0, 1], at[-1, 1], STRETCH_S):
        part = at[(at[:, 1] >= begin) & (at[:, 1] < begin + STRETCH_S)]
        if len(part):
            found.append(part[np.argmin(part[:, 1] - part[:, 0] / rate_hz)])
    return np.array(found)


def time_of(frame: float, sure: Floats) -> float:
    """When a frame came (s); not a number outside of what is sure."""
    return float(np.interp(frame, sure[:, 0], sure[:, 1], left=np.nan, right=np.nan))


def lag(part: Floats, whole: Floats) -> tuple[float, float]:
    """Where in `whole` the frames of `part` begin, in fractions of a frame, and how far that peak is above chance."""
    size = len(whole) + len(part)
    spectrum = np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size))
    found = np.fft.irfft(spectrum, size)[: len(whole) - len(part) + 1]
    top = int(np.argmax(found))
    height = float(found[top] / (np.std(found) or 1.0))
    if not 0 < top < len(found) - 1:
        return float(top), height
    before, here, after = found[top - 1 : top + 2]
    bend = before - 2 * here + after
    return top + float((before - after) / (2 * bend)) if bend else float(top), height


def offsets(first: dict[str, Floats], second: dict[str, Floats], rate_hz: float) -> Floats:
    """How much later the second card plays: (seconds since the begin, offset in s) for each snippet of the first.
    Both have `at`, `first` and `sound`."""
    sure, other = sure_times(first["at"], rate_hz), sure_times(second["at"], rate_hz)
    begins = [time_of(frame, sure) for frame in first["first"]]
    others = np.array([time_of(frame, other) for frame in second["first"]])
    found: list[tuple[float, float]] = []
    for number, begin_s in enumerate(begins):
        away = np.abs(others - begin_s)
        if np.isnan(away).all() or np.nanmin(away) > NEAR_S:
            continue
        near = int(np.nanargmin(away))
        sound = first["sound"][number].astype(np.float64)
        at = (len(sound) - PART) // 2
        place, height = lag(sound[at : at + PART], second["sound"][near].astype(np.float64))
        here_s = time_of(first["first"][number] + at, sure)
        there_s = time_of(second["first"][near] + place, other)
        if height > SURE and not np.isnan(there_s - here_s):
            found.append((begin_s - float(np.nanmin(begins)), there_s - here_s))
    return np.array(found).reshape(-1, 2)
