"""The real player: libVLC decodes, our mixer mixes and scales, an output plays.

One worker thread owns all of it. Commands, and calls from libVLC's threads to wake it, go into one queue; the worker
takes them between two blocks of sound (engine.py). An unexpected exception ends the worker and, by
`threading.excepthook`, the process.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from device.config.schema import PlayerConfig
from device.domain import Event, Track
from device.errors import PlayerError
from device.music.audio import outputs
from device.music.audio.outputs import Output
from device.music.audio.sink import Sink
from device.music.playback.engine import Engine
from device.music.playback.libvlc import LibVlc

CLOSE_S = 1.8
HUNG_S = 20.0  # a round takes 50 ms; a device may take seconds to open

Command = Callable[[], None]


class VlcPlayer:
    """A `Player` on libVLC."""

    def __init__(self, config: PlayerConfig, data_dir: Path, put: Callable[[Event], None]) -> None:
        """Starts libVLC and the worker. Raises PlayerError if libVLC or the file to write to is missing; a sound
        device that does not work shows itself as SoundLost, because it may come back."""
        self._output = outputs.choose(config, data_dir)
        try:
            self._libvlc = LibVlc()
        except PlayerError:
            self._output.close()
            raise
        self._sink = Sink(self._output, put)
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._engine = Engine(config, self._libvlc, self._sink, put, lambda: self._commands.put(_nothing))
        self._closed = False
        self._round_s = time.monotonic()  # when the worker began its last round
        self._worker = threading.Thread(target=self._work, name="player", daemon=True)
        self._worker.start()

    def play(self, serial: int, track: Track, fade_s: float = 0.0, start_s: float = 0.0) -> None:
        self._command(lambda: self._engine.play(serial, track, fade_s, start_s))

    def cue(self, serial: int, track: Track) -> None:
        self._command(lambda: self._engine.cue(serial, track))

    def seek(self, serial: int, position_s: float) -> None:
        self._command(lambda: self._engine.seek(serial, position_s))

    def pause(self) -> None:
        self._command(self._engine.pause)

    def resume(self) -> None:
        self._command(self._engine.resume)

    def silence(self, fade_s: float = 0.0) -> None:
        self._command(lambda: self._engine.silence(fade_s))

    def set_volume(self, percent: int) -> None:
        self._command(lambda: self._engine.set_volume(percent))

    def feed(self, output: Output | None) -> None:
        """Send the mix to `output` at full scale instead of the own device; None: to the own device. Any thread."""
        self._command(lambda: self._engine.feed(output))

    def speak(self, serial: int, track: Track, percent: int) -> None:
        self._command(lambda: self._engine.speak(serial, track, percent))

    def hush(self) -> None:
        self._command(self._engine.hush)

    def describe(self) -> str:
        return f"{self._output.words}, through libVLC {self._libvlc.version}"

    def problem(self) -> str:
        """Why there would be no sound, for `affetto check`; empty if all is well. Not while something plays."""
        return self._output.problem()

    @property
    def alive(self) -> bool:
        """Whether the worker runs and its loop makes progress."""
        return self._worker.is_alive() and time.monotonic() - self._round_s < HUNG_S

    def close(self) -> None:
        """Stop. A sound driver that hangs is left behind after `CLOSE_S`: the thread ends with the process."""
        if not self._closed:
            self._closed = True
            self._commands.put(None)
        self._worker.join(timeout=CLOSE_S)

    def _command(self, command: Command) -> None:
        if not self._closed:
            self._commands.put(command)

    # --- The worker's thread from here on ---------------------------------------------------------------------

    def _work(self) -> None:
        while self._obey():
            self._round_s = time.monotonic()
            self._engine.step(self._round_s)
        closed = self._engine.close()
        self._sink.close()
        if closed:
            self._libvlc.release()

    def _obey(self) -> bool:
        """Carry out all waiting commands; waits for one only while nothing plays. False at the end."""
        patience_s = self._engine.patience_s
        while True:
            try:
                command = self._commands.get(patience_s > 0, patience_s or None)
            except queue.Empty:
                return True
            if command is None:
                return False
            command()
            patience_s = 0.0


def _nothing() -> None:
    """A command that only wakes the worker."""
