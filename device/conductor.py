"""The conductor: feeds events to the session, carries out its actions on the parts (parts.py), and supervises them.

The main thread is the only one that touches the session. All other threads (eye client, player, MQTT, scanner, store)
put events into the inbox and decide nothing. An unexpected exception in any thread ends the process with its traceback,
and systemd starts it again. While a thread hangs, the conductor does not notify systemd's watchdog.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from device import systemd
from device.config.schema import Config
from device.core.session import Decision, Session
from device.domain import (
    Action,
    Announce,
    Answer,
    Asked,
    ChangePlaylist,
    CloseEye,
    Correct,
    Cue,
    Erase,
    Event,
    Forward,
    Handled,
    Hush,
    Log,
    Misunderstood,
    Note,
    Now,
    OpenEye,
    Pause,
    Play,
    RampVolume,
    ReadCover,
    Record,
    RequestUpdate,
    Resume,
    RingChime,
    Save,
    Seek,
    Silence,
    Speak,
    TellGroup,
    Tick,
)
from device.inbox import SWITCH_S, Inbox
from device.parts import Parts
from device.procfs import process_figures
from device.timezone import system_zone

log = logging.getLogger("affetto")

TICK_S = 1.0


class Conductor:
    """Everything that runs in the conductor's process. Use as a context manager; `run` returns after `stop`."""

    def __init__(self, config: Config, config_path: Path | None = None, scan_socket: Path | None = None) -> None:
        """`scan_socket`: the socket of the process that analyses music; None starts a child process."""
        self._inbox = Inbox()
        self._hung: set[str] = set()  # parts that are not alive
        self._parts = parts = Parts(config, config_path, scan_socket, self._inbox.put)
        try:
            history, songs = parts.history, parts.diary.songs()
            dice, zone = random.Random(), system_zone()
            self._session = Session(config, parts.memory, history, dice, parts.mistakes, songs, zone)
        except BaseException:
            parts.close()
            raise

    def __enter__(self) -> Conductor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop every part, last built first. Idempotent."""
        systemd.stopping()
        self._parts.close()

    def stop(self) -> None:
        """Make `run` return; safe from signal handlers and other threads."""
        self._inbox.stop()

    def thread_died(self, args: threading.ExceptHookArgs) -> None:
        """For `threading.excepthook`: an unexpected exception ends the process."""
        error = args.exc_value or RuntimeError(str(args.exc_type))
        name = args.thread.name if args.thread is not None else "?"
        trace = (type(error), error, error.__traceback__)
        log.critical("The thread %s died of an unexpected error; Affetto exits.", name, exc_info=trace)
        self._inbox.fail(error)

    def run(self) -> None:
        """Handle events until `stop`. Raises `ThreadDied` if a thread did."""
        gc.freeze()  # what was built stays: the garbage collector need not look at it again and again
        now = read_clocks()
        self._perform(self._session.start(now), now)
        self._parts.start()
        systemd.ready()
        for event in self._events():
            now = read_clocks()
            decision = self._session.handle(event, now)
            self._perform(decision, now)
            later = any(isinstance(action, Forward | ChangePlaylist) for action in decision.actions)
            if isinstance(event, Asked | Misunderstood) and not later:
                self._notify(Handled(event.origin))

    def _events(self) -> Iterator[Event]:
        """Events as they arrive, and a `Tick` every second, however many events there are.

        Each tick notifies the watchdog. So the watchdog hears only from a running loop, and only while every part is
        alive.
        """
        due = time.monotonic() + TICK_S
        yield from self._turned()
        while not self._inbox.stopped:
            if (left_s := due - time.monotonic()) <= 0:
                due = time.monotonic() + TICK_S
                self._notify_watchdog()
                yield from self._turned()
                yield Tick(process_figures(os.getpid(), self._parts.eye.pid))
            elif (event := self._inbox.get(left_s)) is not None:
                yield from self._turned()  # before the eye's own complaint about the switch
                yield event

    def _turned(self) -> Iterator[Event]:
        """How the camera's switch has turned, if it has."""
        if (turned := self._parts.switch.look()) is not None:
            yield turned

    def _notify_watchdog(self) -> None:
        """Notify systemd's watchdog, unless a part hangs."""
        parts = self._parts.all
        hung = {name for name, part in parts.items() if not part.alive}
        for name in sorted(hung - self._hung):
            log.error("%s does not respond; if this goes on, systemd restarts Affetto.", name[0].upper() + name[1:])
        self._hung = hung
        if not hung:
            systemd.watchdog()

    # --- Actions ---

    def _perform(self, decision: Decision, now: Now) -> None:
        for action in decision.actions:
            self._do(action)
        for surface in self._parts.surfaces.values():
            surface.show(decision.snapshot, now)
        for action in decision.actions:
            if isinstance(action, Handled):
                self._notify(action)

    def _do(self, action: Action) -> None:
        match action:
            case Play() | Cue() | Seek() | Pause() | Resume() | Silence() | RampVolume():
                self._play(action)
            case Speak() | RingChime() | Hush():
                self._speak(action)
            case Announce() | Answer():
                log.info("%s", describe(action))
                self._notify(action)
            case Forward(command, number):
                self._parts.rooms.forward(command, number)
            case TellGroup(command):
                self._parts.rooms.tell(command)
            case Handled():
                pass  # surfaces hear of it after they got the snapshot
            case OpenEye():
                self._parts.eye.open()
            case CloseEye():
                self._parts.eye.close()
            case Correct(track_key, mood):
                self._parts.scanner.correct(track_key, mood)
            case ChangePlaylist():
                self._parts.scanner.change_playlist(action)
            case ReadCover(uri, most_bytes):
                self._parts.covers.read(uri, most_bytes)
            case RequestUpdate(install):
                self._parts.updates.request(install)
            case Log(message):
                log.info("%s", message)
            case Save(memory):
                self._parts.store.save(memory)
            case Record(listen):
                self._parts.store.record(listen)
            case Note(entry):
                self._parts.store.note(entry)
            case Erase(erasure):
                self._parts.store.erase(erasure)

    def _notify(self, notice: Announce | Answer | Handled) -> None:
        for surface in self._parts.surfaces.values():
            surface.notify(notice)

    def _play(self, action: Play | Cue | Seek | Pause | Resume | Silence | RampVolume) -> None:
        match action:
            case Play(serial, track, fade_s, start_s):
                self._parts.player.play(serial, track, fade_s, start_s)
            case Cue(serial, track):
                self._parts.player.cue(serial, track)
            case Seek(serial, position_s):
                self._parts.player.seek(serial, position_s)
            case Pause():
                self._parts.player.pause()
            case Resume():
                self._parts.player.resume()
            case Silence(fade_s):
                self._parts.player.silence(fade_s)
            case RampVolume(percent):
                self._parts.player.set_volume(percent)

    def _speak(self, action: Speak | RingChime | Hush) -> None:
        match action:
            case Speak(serial, track, percent):
                self._parts.player.speak(serial, track, percent)
            case RingChime(serial, percent):
                self._parts.player.speak(serial, self._parts.chime, percent)
            case Hush():
                self._parts.player.hush()


def describe(notice: Announce | Answer) -> str:
    """A notice as a line of the log."""
    if isinstance(notice, Answer):
        return f"Not obeyed: {notice.origin.address} {notice.origin.payload!r}: {notice.message}"
    facts = (f"{name}={value!r}" for name, value in notice.facts.items() if value not in ("", []))
    return " ".join([str(notice.event_type), *facts])


def read_clocks() -> Now:
    """Both clocks, now."""
    return Now(time.monotonic(), time.time())


def run(config: Config, config_path: Path | None = None, scan_socket: Path | None = None) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP (the terminal closed). Returns the exit status."""
    sys.setswitchinterval(SWITCH_S)
    with Conductor(config, config_path, scan_socket) as conductor:
        threading.excepthook = conductor.thread_died

        def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
            conductor.stop()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
                signal.signal(number, ask_to_stop)
        conductor.run()
    return 0
