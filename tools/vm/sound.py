"""What comes out of the sound card: the other end of a loopback card is recorded in the machine, with libasound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from device.music.audio.pcm_buffer import RATE_HZ
from device.music.audio.volume import amplitude
from tools.vm.stage import PYTHON, Stage
from tools.vm.table import Row

SECONDS = 6
SILENCE_DBFS = -60.0
RECORD = f"""
cat >/tmp/record.py <<'END'
import ctypes
sound = ctypes.CDLL("libasound.so.2")
sound.snd_pcm_readi.restype = ctypes.c_long
pcm = ctypes.c_void_p()
def ok(code):
    sound.snd_strerror.restype = ctypes.c_char_p
    assert code >= 0, sound.snd_strerror(code)
ok(sound.snd_pcm_open(ctypes.byref(pcm), b"plughw:CARD=Loopback,DEV=1", 1, 0))
ok(sound.snd_pcm_set_params(pcm, 2, 3, 2, {RATE_HZ}, 1, 500000))
room = ctypes.create_string_buffer(4 * {RATE_HZ} // 10)
with open("/tmp/heard.raw", "wb") as file:
    left = {SECONDS} * {RATE_HZ}
    while left > 0:
        count = sound.snd_pcm_readi(pcm, room, ctypes.c_ulong({RATE_HZ} // 10))
        if count == -32:
            sound.snd_pcm_prepare(pcm)
            continue
        ok(count)
        file.write(room.raw[: 4 * count])
        left -= count
END
timeout 90 {PYTHON} /tmp/record.py
"""


def record(stage: Stage) -> NDArray[np.float64]:
    """Some seconds of what the card plays, float[n, 2] of full scale."""
    stage.shell(RECORD, patience_s=180)
    raw = stage.shell.fetch("/tmp/heard.raw")
    return np.frombuffer(raw, "<i2").reshape(-1, 2) / 32768


def level(heard: NDArray[np.float64]) -> float:
    """The root of the mean square, 0 to 1."""
    return float(np.sqrt(np.mean(heard**2)))


def decibels(value: float) -> float:
    """Of full scale."""
    return 20 * float(np.log10(max(value, 1e-9)))


def comes_out(stage: Stage) -> Iterator[Row]:
    """Sound comes out of the card, and no louder than the volume"""
    for percent in (60, 30):
        mark = stage.outside.mark()
        stage.outside.say("volume/set", str(percent))
        stage.outside.wait_for("volume/state", lambda one, words=str(percent): one.payload == words, since=mark)
        stage.shell("sleep 3")  # the ramp, and what the card still holds
        heard = record(stage)
        loud, peak = level(heard), float(np.abs(heard).max())
        ceiling = amplitude(percent)
        yield Row(
            f"sound card at volume {percent}: level and peak",
            f"{decibels(loud):.1f} and {decibels(peak):.1f} dBFS",
            f"level > {SILENCE_DBFS:.0f}, peak <= {decibels(ceiling):.1f}",
            decibels(loud) > SILENCE_DBFS and peak <= ceiling * 1.001 + 1 / 32768,
        )
