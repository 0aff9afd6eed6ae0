"""One device of a group, with the group's sound and nothing else: the leader plays noise, the other follows.

    python -m tools.rooms.member lead|follow HOST CARD SECONDS
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from device.config.schema import PlayerConfig
from device.errors import SoundError
from device.music.audio.outputs import Output, UnheardOutput
from device.music.audio.pcm_buffer import RATE_HZ
from device.music.snapcast.group_sound import GroupSound

BLOCK = 2205
NOISE_S = 20


class Noise:
    """White noise that repeats itself after `NOISE_S`, to the output that it was given last."""

    def __init__(self) -> None:
        noise = np.random.default_rng(1).uniform(-0.9, 0.9, (NOISE_S * RATE_HZ, 1)).astype(np.float32)
        self._blocks = np.repeat(noise, 2, axis=1).reshape(-1, BLOCK, 2)
        self._output: Output = UnheardOutput()
        threading.Thread(target=self._play, daemon=True).start()

    def feed(self, output: Output | None) -> None:
        """As the player does it."""
        self._output = output or UnheardOutput()

    def _play(self) -> None:
        count = 0
        while True:
            try:
                self._output.write(self._blocks[count % len(self._blocks)])
                count += 1
            except SoundError:
                time.sleep(0.1)


def main() -> None:
    """Play for this long; say how it goes."""
    role, host, card, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
    config = PlayerConfig(output="alsa", device=f"hw:CARD={card},DEV=0", volume=70, max_volume=70)
    sound = GroupSound(config, Path(tempfile.mkdtemp()), card.lower(), 70, Noise().feed)
    if role == "lead":
        sound.lead()
    else:
        sound.follow(host)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(20)
        print(f"{time.monotonic():.1f} {card}: {sound.status()}", flush=True)
    sound.close()


if __name__ == "__main__":
    main()
