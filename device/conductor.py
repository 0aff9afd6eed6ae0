"""The conductor: builds the parts, feeds events to the session, does what it says, stops in reverse order.

The main thread is the only one that touches the session. All other threads (eye client, player, MQTT, scanner, store)
put events into the inbox and decide nothing. A thread that dies by an exception nobody expected ends the process with
its traceback, and systemd starts it again; one that hangs costs the sign of life that systemd's watchdog waits for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Protocol

from device import systemd
from device.config.files import boot_mistakes
from device.config.schema import Config
from device.core.consent import SETTINGS
from device.core.session import Decision, Session
from device.domain import (
    Action,
    Announce,
    Answer,
    CloseEye,
    Correct,
    Cue,
    Event,
    LibraryLoaded,
    Log,
    Memory,
    Now,
    OpenEye,
    Pause,
    Play,
    PolicyName,
    RampVolume,
    ReadCover,
    Record,
    Resume,
    Save,
    Seek,
    Silence,
    Snapshot,
    Tick,
)
from device.inbox import Inbox
from device.model import SHIPPED_MODELS
from device.mqtt.adapter import MqttAdapter
from device.music.library.scanner import Scanner
from device.music.playback.vlc_player import VlcPlayer
from device.music.recommend.taste import prepared
from device.music.workers.analysis_socket import SocketAnalysisClient
from device.music.workers.covers import Covers
from device.perception.eye_client import EyeClient
from device.procfs import process_figures
from device.store.database import Store
from device.store.instance import HealthFile, InstanceLock
from device.store.writer import StoreWriter

log = logging.getLogger("affetto")

TICK_S = 1.0
SWITCH_S = 0.001  # how long another thread may keep the interpreter while the main thread waits for it


class Surface(Protocol):
    """Where people see the device and ask for things: MQTT today. The main thread calls; every call returns at once."""

    @property
    def alive(self) -> bool: ...
    def start(self) -> None: ...
    def show(self, snapshot: Snapshot, now: Now) -> None: ...
    def tell(self, notice: Announce | Answer) -> None: ...
    def close(self) -> None: ...


class Conductor:
    """Everything that runs in the conductor's process. Use as a context manager; `run` returns after `stop`."""

    def __init__(self, config: Config, config_path: Path | None = None, scan_socket: Path | None = None) -> None:
        """`scan_socket`: where music is analysed; None for a child of ours."""
        self._inbox = Inbox()
        self._stack = contextlib.ExitStack()
        self._silent: set[str] = set()  # parts that do not show that they live
        with contextlib.ExitStack() as building:
            self._build(config, config_path, scan_socket, building)
            self._stack = building.pop_all()

    def _build(
        self, config: Config, config_path: Path | None, scan_socket: Path | None, stack: contextlib.ExitStack
    ) -> None:
        """Parts that others need come first; the stack closes them in reverse."""
        data_dir, put = Path(config.device.data_dir), self._inbox.put
        lock = stack.enter_context(contextlib.closing(InstanceLock(data_dir)))
        store = Store.open(data_dir, first_memory(config))
        for problem in filter(None, (lock.problem, store.problem)):
            log.warning("%s", problem)
        memory, history = store.memory, store.history
        self._store = stack.enter_context(contextlib.closing(StoreWriter(store, put)))
        self._player = stack.enter_context(contextlib.closing(VlcPlayer(config.player, data_dir, put)))
        health_file = stack.enter_context(contextlib.closing(HealthFile(lock.health_file)))
        self._surfaces: dict[str, Surface] = {"the health file": health_file}
        if config.mqtt.enabled:
            mqtt = MqttAdapter(config, put, memory.known_as)
            self._surfaces["the MQTT connection"] = stack.enter_context(contextlib.closing(mqtt))
        models_dir = Path(config.device.models_dir) if config.device.models_dir else SHIPPED_MODELS
        # the process behind the socket has the shipped models, and no others
        worker = SocketAnalysisClient(scan_socket) if scan_socket and models_dir == SHIPPED_MODELS else None
        scanner = Scanner(config.music, data_dir, models_dir, self._put_library, worker)
        self._scanner = stack.enter_context(contextlib.closing(scanner))
        self._covers = stack.enter_context(contextlib.closing(Covers(put)))
        self._eye = EyeClient(config.camera, config_path, put)
        stack.callback(self._close_eye)
        mistakes = boot_mistakes(config_path) if config_path is not None else ()
        for mistake in mistakes:
            log.warning("%s", mistake)
        self._session = Session(config, memory, history, random.Random(), mistakes)

    def __enter__(self) -> Conductor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop every part, last built first. Idempotent."""
        systemd.stopping()
        self._stack.close()

    def _close_eye(self) -> None:
        self._eye.close()
        self._eye.join()

    def stop(self) -> None:
        """Make `run` return; safe from signal handlers and other threads."""
        self._inbox.stop()

    def thread_died(self, args: threading.ExceptHookArgs) -> None:
        """For `threading.excepthook`: an exception that nobody expected ends the process."""
        error = args.exc_value or RuntimeError(str(args.exc_type))
        name = args.thread.name if args.thread is not None else "?"
        trace = (type(error), error, error.__traceback__)
        log.critical("The thread %s died; Affetto ends, so that it can start anew.", name, exc_info=trace)
        self._inbox.die(error)

    def run(self) -> None:
        """Handle events until `stop`. Raises `ThreadDied` if a thread did."""
        now = read_clocks()
        self._perform(self._session.start(now), now)
        self._store.start()
        self._scanner.start()
        for surface in self._surfaces.values():
            surface.start()
        systemd.ready()
        for event in self._events():
            now = read_clocks()
            self._perform(self._session.handle(event, now), now)

    def _events(self) -> Iterator[Event]:
        """Events as they come, and a `Tick` each second however many of them there are.

        A sign of life comes with each tick, so only from a loop that goes round, and only while every part lives.
        """
        due = time.monotonic() + TICK_S
        while not self._inbox.stopped:
            if (left_s := due - time.monotonic()) <= 0:
                due = time.monotonic() + TICK_S
                self._show_life()
                yield Tick(process_figures(os.getpid(), self._eye.pid))
            elif (event := self._inbox.get(left_s)) is not None:
                yield event

    def _show_life(self) -> None:
        """Tell systemd that all is well, unless a part has stopped."""
        parts = {
            "the player": self._player,
            "the scanner": self._scanner,
            "the store": self._store,
            "the reader of covers": self._covers,
            "the client of the eye": self._eye,
            **self._surfaces,
        }
        silent = {name for name, part in parts.items() if not getattr(part, "alive", True)}
        for name in sorted(silent - self._silent):
            log.error("No sign of life from %s; systemd will start Affetto anew if that goes on.", name)
        self._silent = silent
        if not silent:
            systemd.watchdog()

    def _put_library(self, event: Event) -> None:
        """On the scanner's thread: the index of a big library takes long, and the main thread must not wait for it."""
        if isinstance(event, LibraryLoaded) and event.index is None:
            event = replace(event, index=prepared(event.tracks, *self._store.history()))
        self._inbox.put(event)

    # --- What is to be done ---

    def _perform(self, decision: Decision, now: Now) -> None:
        for action in decision.actions:
            self._do(action)
        for surface in self._surfaces.values():
            surface.show(decision.snapshot, now)

    def _do(self, action: Action) -> None:
        match action:
            case Play() | Cue() | Seek() | Pause() | Resume() | Silence() | RampVolume():
                self._play(action)
            case Announce() | Answer():
                for surface in self._surfaces.values():
                    surface.tell(action)
            case OpenEye():
                self._eye.open()
            case CloseEye():
                self._eye.close()
            case Correct(track_key, mood):
                self._scanner.correct(track_key, mood)
            case ReadCover(uri):
                self._covers.read(uri)
            case Log(words):
                log.info("%s", words)
            case Save(memory):
                self._store.save(memory)
            case Record(listen):
                self._store.record(listen)

    def _play(self, action: Play | Cue | Seek | Pause | Resume | Silence | RampVolume) -> None:
        match action:
            case Play(serial, track, fade_s, start_s):
                self._player.play(serial, track, fade_s, start_s)
            case Cue(serial, track):
                self._player.cue(serial, track)
            case Seek(serial, position_s):
                self._player.seek(serial, position_s)
            case Pause():
                self._player.pause()
            case Resume():
                self._player.resume()
            case Silence(fade_s):
                self._player.silence(fade_s)
            case RampVolume(percent):
                self._player.set_volume(percent)


def read_clocks() -> Now:
    """Both clocks, now."""
    return Now(time.monotonic(), time.time())


def first_memory(config: Config) -> Memory:
    """What is so at the very first start, before anybody has changed anything."""
    return Memory(
        volume=min(config.player.volume, config.player.max_volume),
        policy=PolicyName(config.mood.policy),
        camera=config.camera.enabled,
        camera_by=SETTINGS if config.camera.enabled else "",
        room=config.device.room,
    )


def run(config: Config, config_path: Path | None = None, scan_socket: Path | None = None) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP (a terminal that is closed); the exit status."""
    sys.setswitchinterval(SWITCH_S)
    with Conductor(config, config_path, scan_socket) as conductor:
        threading.excepthook = conductor.thread_died

        def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
            conductor.stop()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves SIGHUP
                signal.signal(number, ask_to_stop)
        conductor.run()
    return 0
