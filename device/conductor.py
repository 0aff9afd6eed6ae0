"""The conductor: builds the parts, feeds events to the session, carries out its actions, stops in reverse order.

The main thread is the only one that touches the session. All other threads (eye client, player, MQTT, scanner, store)
put events into the inbox and decide nothing. An unexpected exception in any thread ends the process with its traceback,
and systemd starts it again. While a thread hangs, the conductor does not notify systemd's watchdog.
"""

from __future__ import annotations

import contextlib
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
from typing import Protocol

from device import identity, systemd
from device.config import page_keys
from device.config.files import boot_mistakes
from device.config.schema import Config
from device.control.examine import examine
from device.control.surface import ControlSurface
from device.core.consent import SETTINGS
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
    Memory,
    Misunderstood,
    Note,
    Now,
    OpenEye,
    Pause,
    Play,
    PolicyName,
    RampVolume,
    ReadCover,
    Record,
    RequestUpdate,
    Resume,
    Save,
    Seek,
    Silence,
    Snapshot,
    Speak,
    Tick,
    Track,
)
from device.domain.schedule import MOST_ALARMS, parse_alarm
from device.group import LeasedSound, make_rooms
from device.inbox import SWITCH_S, Inbox
from device.listenbrainz.submission import ListenBrainz
from device.model import SHIPPED_MODELS
from device.mqtt.adapter import MqttAdapter
from device.music.library.browser import Browser
from device.music.library.corrections import read_corrections
from device.music.library.scanner import Scanner
from device.music.playback.vlc_player import VlcPlayer
from device.music.recommend.taste import Taste, prepared
from device.music.recommend.track_index import TrackIndex
from device.music.workers.analysis_socket import SocketAnalysisClient
from device.music.workers.covers import Covers
from device.perception.eye_client import EyeClient
from device.procfs import process_figures
from device.store.database import Store
from device.store.diary import DiaryStore
from device.store.instance import HealthFile, InstanceLock
from device.store.writer import StoreWriter
from device.timezone import system_zone
from device.update.watcher import UpdateWatcher
from device.upnp.adapter import UpnpAdapter

log = logging.getLogger("affetto")

TICK_S = 1.0


class Part(Protocol):
    """A part with threads of its own."""

    @property
    def alive(self) -> bool:
        """Whether its threads still work."""


class Surface(Part, Protocol):
    """Where people see and control the device: MQTT today. The main thread calls; every call returns at once."""

    def start(self) -> None: ...
    def show(self, snapshot: Snapshot, now: Now) -> None: ...
    def notify(self, notice: Announce | Answer | Handled) -> None: ...
    def close(self) -> None: ...


class Conductor:
    """Everything that runs in the conductor's process. Use as a context manager; `run` returns after `stop`."""

    def __init__(self, config: Config, config_path: Path | None = None, scan_socket: Path | None = None) -> None:
        """`scan_socket`: the socket of the process that analyses music; None starts a child process."""
        self._inbox = Inbox()
        self._stack = contextlib.ExitStack()
        self._hung: set[str] = set()  # parts that are not alive
        with contextlib.ExitStack() as building:
            self._build(config, config_path, scan_socket, building)
            self._stack = building.pop_all()

    def _build(
        self, config: Config, config_path: Path | None, scan_socket: Path | None, stack: contextlib.ExitStack
    ) -> None:
        """Build the parts that others need first; the stack closes them in reverse order."""
        data_dir, put = Path(config.device.data_dir), self._inbox.put
        lock = stack.enter_context(contextlib.closing(InstanceLock(data_dir)))
        store = Store.open(data_dir, first_memory(config))
        diary = DiaryStore(data_dir, config.diary.keep_days)
        with contextlib.suppress(OSError):  # without a data folder, there is no PIN either
            page_keys.ensure(data_dir)
        for problem in filter(None, (lock.problem, store.problem, diary.problem)):
            log.warning("%s", problem)
        memory, history = store.memory, store.history
        self._store = stack.enter_context(contextlib.closing(StoreWriter(store, diary, put)))
        self._player = stack.enter_context(contextlib.closing(VlcPlayer(config.player, data_dir, put)))
        health_file = stack.enter_context(contextlib.closing(HealthFile(lock.health_file)))
        questions = {"check": lambda: examine(config_path), "backup": lambda: self._backup(data_dir)}
        control = stack.enter_context(contextlib.closing(ControlSurface(data_dir, put, questions)))
        self._surfaces: dict[str, Surface] = {"the health file": health_file, "the control socket": control}
        if config.listenbrainz.token:
            listens = ListenBrainz(config.listenbrainz, data_dir, put)
            self._surfaces["ListenBrainz"] = stack.enter_context(contextlib.closing(listens))
        if config.mqtt.enabled:
            mqtt = MqttAdapter(config, put, memory.known_as, identity=identity.read(config))
            self._surfaces["the MQTT connection"] = stack.enter_context(contextlib.closing(mqtt))
            # the sound closes after the rooms: it goes on while another device takes over
            sound = stack.enter_context(contextlib.closing(LeasedSound(config, self._player, memory.volume)))
            self._rooms = stack.enter_context(contextlib.closing(make_rooms(config, put, sound)))
            self._surfaces |= {"the group": self._rooms, "the group's sound": sound}
        if config.upnp.enabled:
            library = stack.enter_context(contextlib.closing(Browser(data_dir))) if config.upnp.library else None
            upnp = UpnpAdapter(config, put, library)
            self._surfaces["the UPnP server"] = stack.enter_context(contextlib.closing(upnp))
        models_dir = Path(config.device.models_dir) if config.device.models_dir else SHIPPED_MODELS
        # the process behind the socket has only the shipped models
        worker = SocketAnalysisClient(scan_socket) if scan_socket and models_dir == SHIPPED_MODELS else None
        scanner = Scanner(config.music, data_dir, models_dir, put, worker, self._prepare)
        self._scanner = stack.enter_context(contextlib.closing(scanner))
        self._covers = stack.enter_context(contextlib.closing(Covers(put)))
        self._updates = stack.enter_context(contextlib.closing(UpdateWatcher(put)))
        self._eye = EyeClient(config.camera, config_path, put)
        stack.callback(self._close_eye)
        mistakes = boot_mistakes(config_path) if config_path is not None else ()
        for mistake in mistakes:
            log.warning("%s", mistake)
        self._session = Session(
            config, memory, history, random.Random(), mistakes, diary.songs(), system_zone()
        )

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
        self._store.start()
        self._scanner.start()
        self._updates.start()
        for surface in self._surfaces.values():
            surface.start()
        systemd.ready()
        for event in self._events():
            now = read_clocks()
            self._perform(self._session.handle(event, now), now)
            if isinstance(event, Asked | Misunderstood):
                self._notify(Handled(event.origin))

    def _events(self) -> Iterator[Event]:
        """Events as they arrive, and a `Tick` every second, however many events there are.

        Each tick notifies the watchdog. So the watchdog hears only from a running loop, and only while every part is
        alive.
        """
        due = time.monotonic() + TICK_S
        while not self._inbox.stopped:
            if (left_s := due - time.monotonic()) <= 0:
                due = time.monotonic() + TICK_S
                self._notify_watchdog()
                yield Tick(process_figures(os.getpid(), self._eye.pid))
            elif (event := self._inbox.get(left_s)) is not None:
                yield event

    def _notify_watchdog(self) -> None:
        """Notify systemd's watchdog, unless a part hangs."""
        parts: dict[str, Part] = {
            "the player": self._player,
            "the scanner": self._scanner,
            "the store": self._store,
            "the cover reader": self._covers,
            "the eye client": self._eye,
            "the watcher of updates": self._updates,
            **self._surfaces,
        }
        hung = {name for name, part in parts.items() if not part.alive}
        for name in sorted(hung - self._hung):
            log.error("%s does not respond; if this goes on, systemd restarts Affetto.", name[0].upper() + name[1:])
        self._hung = hung
        if not hung:
            systemd.watchdog()

    def _backup(self, data_dir: Path) -> dict[str, object]:
        """What people taught the device. On a thread of the control socket."""
        listens, _ = self._store.history()
        rows = [(one.track_key, one.profile, one.mood, one.outcome, one.at, one.heard_s) for one in listens]
        return {"listens": rows, "moods": read_corrections(data_dir)}

    def _prepare(self, tracks: tuple[Track, ...]) -> tuple[TrackIndex, Taste]:
        """Build the index, on the scanner's thread: a big library takes long, and the main thread must not wait."""
        return prepared(tracks, *self._store.history())

    # --- Actions ---

    def _perform(self, decision: Decision, now: Now) -> None:
        for action in decision.actions:
            self._do(action)
        for surface in self._surfaces.values():
            surface.show(decision.snapshot, now)

    def _do(self, action: Action) -> None:
        match action:
            case Play() | Cue() | Seek() | Pause() | Resume() | Silence() | RampVolume() | Speak() | Hush():
                self._play(action)
            case Announce() | Answer():
                log.info("%s", describe(action))
                self._notify(action)
            case Forward(command):
                self._rooms.forward(command)
            case OpenEye():
                self._eye.open()
            case CloseEye():
                self._eye.close()
            case Correct(track_key, mood):
                self._scanner.correct(track_key, mood)
            case ChangePlaylist():
                self._scanner.change_playlist(action)
            case ReadCover(uri, most_bytes):
                self._covers.read(uri, most_bytes)
            case RequestUpdate(install):
                self._updates.request(install)
            case Log(message):
                log.info("%s", message)
            case Save(memory):
                self._store.save(memory)
            case Record(listen):
                self._store.record(listen)
            case Note(entry):
                self._store.note(entry)
            case Erase(erasure):
                self._store.erase(erasure)

    def _notify(self, notice: Announce | Answer | Handled) -> None:
        for surface in self._surfaces.values():
            surface.notify(notice)

    def _play(self, action: Play | Cue | Seek | Pause | Resume | Silence | RampVolume | Speak | Hush) -> None:
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
            case Speak(serial, track, percent):
                self._player.speak(serial, track, percent)
            case Hush():
                self._player.hush()


def describe(notice: Announce | Answer) -> str:
    """A notice as a line of the log."""
    if isinstance(notice, Answer):
        return f"Not obeyed: {notice.origin.address} {notice.origin.payload!r}: {notice.message}"
    facts = (f"{name}={value!r}" for name, value in notice.facts.items() if value not in ("", []))
    return " ".join([str(notice.event_type), *facts])


def read_clocks() -> Now:
    """Both clocks, now."""
    return Now(time.monotonic(), time.time())


def first_memory(config: Config) -> Memory:
    """The memory at the very first start, from the settings."""
    return Memory(
        volume=min(config.player.volume, config.player.max_volume),
        policy=PolicyName(config.mood.policy),
        camera=config.camera.enabled,
        camera_by=SETTINGS if config.camera.enabled else "",
        room=config.device.room,
        alarms=tuple(parse_alarm(text, number) for number, text in enumerate(config.schedule.alarms[:MOST_ALARMS], 1)),
        group=config.rooms.group,
    )


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
