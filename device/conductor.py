"""The conductor: builds the parts, feeds events to the session, does what it says, stops in reverse order.

The main thread is the only one that touches the session and the store. All other threads (link, player, MQTT,
scanner) put events into the inbox and decide nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from device import systemd
from device.config.files import boot_mistakes
from device.config.schema import Config
from device.core.consent import SETTINGS
from device.core.session import Session
from device.domain import (
    Action,
    CloseEye,
    Correct,
    Cue,
    Event,
    Log,
    Memory,
    Now,
    OpenEye,
    Pause,
    Play,
    PolicyName,
    Publish,
    ReadCover,
    Record,
    Resume,
    Save,
    Seek,
    SetVolume,
    Silence,
    Subscribe,
    Tick,
)
from device.errors import StateError
from device.model import SHIPPED_MODELS
from device.mqtt import discovery
from device.mqtt.client import Messenger, Mqtt
from device.mqtt.documents import encode
from device.mqtt.topics import Topics
from device.music.library.scanner import Scanner
from device.music.playback.vlc_player import VlcPlayer
from device.music.workers.analysis_socket import SocketAnalysisClient
from device.music.workers.covers import Covers
from device.perception.eye_client import EyeClient
from device.procfs import vitals
from device.store.database import Store

log = logging.getLogger("affetto")

TICK_S = 1.0


class Conductor:
    """Everything that runs in the conductor's process. Use as a context manager; `run` returns after `stop`."""

    def __init__(self, config: Config, config_path: Path | None = None, scan_socket: Path | None = None) -> None:
        """`scan_socket`: where music is analysed; None for a child of ours."""
        self._inbox: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as building:
            self._build(config, config_path, scan_socket, building)
            self._stack = building.pop_all()

    def _build(
        self, config: Config, config_path: Path | None, scan_socket: Path | None, stack: contextlib.ExitStack
    ) -> None:
        """Parts that others need come first; the stack closes them in reverse."""
        data_dir = Path(config.device.data_dir)
        topics = Topics(config.mqtt.base_topic, config.device.id, config.mqtt.discovery_prefix)
        self._store = stack.enter_context(contextlib.closing(Store.open(data_dir, first_memory(config))))
        if self._store.problem:
            log.warning("%s", self._store.problem)
        self._player = stack.enter_context(contextlib.closing(VlcPlayer(config.player, data_dir, self._inbox.put)))
        self._mqtt: Messenger | None = Mqtt(config.mqtt, topics, self._inbox.put) if config.mqtt.enabled else None
        if self._mqtt is not None:
            stack.enter_context(contextlib.closing(self._mqtt))
        models_dir = Path(config.device.models_dir) if config.device.models_dir else SHIPPED_MODELS
        # the process behind the socket has the shipped models, and no others
        worker = SocketAnalysisClient(scan_socket) if scan_socket and models_dir == SHIPPED_MODELS else None
        scanner = Scanner(config.music, data_dir, models_dir, self._inbox.put, worker)
        self._scanner = stack.enter_context(contextlib.closing(scanner))
        self._covers = stack.enter_context(contextlib.closing(Covers(self._inbox.put)))
        self._eye = EyeClient(config.camera, config_path, self._inbox.put)
        stack.callback(self._close_eye)
        announcement = discovery.announcement(config, topics) if config.mqtt.discovery else discovery.withdrawal(topics)
        mistakes = boot_mistakes(config_path) if config_path is not None else ()
        for mistake in mistakes:
            log.warning("%s", mistake)
        self._session = Session(
            config, self._store.memory, self._store.history, topics, random.Random(), announcement, mistakes
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
        self._inbox.put(None)

    def run(self) -> None:
        """Handle events until `stop`."""
        self._perform(self._session.start(read_clocks()))
        self._scanner.start()
        if self._mqtt is not None:
            self._mqtt.start()
        systemd.ready()
        for event in self._events():
            self._perform(self._session.handle(event, read_clocks()))

    def _events(self) -> Iterator[Event]:
        """Events as they come, and a `Tick` each second however many of them there are.

        A sign of life comes with each tick, so only from a loop that goes round; and only while the eye is looked
        after, so that a hung link does not pass for an empty room.
        """
        due = time.monotonic() + TICK_S
        while True:
            if (left_s := due - time.monotonic()) <= 0:
                due = time.monotonic() + TICK_S
                if self._eye.alive:
                    systemd.watchdog()
                yield Tick(vitals(os.getpid(), self._eye.pid))
                continue
            try:
                event = self._inbox.get(timeout=left_s)
            except queue.Empty:
                continue
            if event is None:
                return
            yield event

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            self._do(action)

    def _do(self, action: Action) -> None:
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
            case SetVolume(percent):
                self._player.set_volume(percent)
            case Publish():
                self._publish(action)
            case OpenEye():
                self._eye.open()
            case CloseEye():
                self._eye.close()
            case Subscribe(room):
                if self._mqtt is not None:
                    self._mqtt.subscribe_room(room)
            case Correct(track_key, mood):
                self._scanner.correct(track_key, mood)
            case ReadCover(uri):
                self._covers.read(uri)
            case Log(words):
                log.info("%s", words)
            case Save() | Record():
                self._keep(action)

    def _publish(self, action: Publish) -> None:
        if not action.retain:
            log.info("%s %s", action.topic, encode(action.payload).decode())
        if self._mqtt is not None:
            self._mqtt.publish(action)

    def _keep(self, action: Save | Record) -> None:
        """A full disk costs memory of what happened, never the music."""
        try:
            if isinstance(action, Save):
                self._store.save(action.memory)
            else:
                self._store.record(action.listen)
        except StateError as error:
            log.warning("%s", error)


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
    """Run until SIGTERM or SIGINT; the exit status."""
    with Conductor(config, config_path, scan_socket) as daemon:

        def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
            daemon.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask_to_stop)
        daemon.run()
    return 0
