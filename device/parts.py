"""The parts of the conductor's process, and what a part and a surface are. Only the main thread uses `Parts`.

Each part puts events into the inbox and decides nothing. conductor.py carries out actions on them.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from device import identity
from device.config import page_keys
from device.config.files import boot_mistakes
from device.config.schema import Config
from device.control.examine import examine
from device.control.surface import ControlSurface
from device.core.consent import SETTINGS
from device.domain import (
    Announce,
    Answer,
    Event,
    Handled,
    Memory,
    Now,
    PolicyName,
    Snapshot,
    Track,
)
from device.domain.schedule import MOST_ALARMS, parse_alarm
from device.group import LeasedSound, make_rooms
from device.listenbrainz.submission import ListenBrainz
from device.model import SHIPPED_MODELS
from device.mqtt.adapter import MqttAdapter
from device.music.library.browse.browser import Browser
from device.music.library.scanner import Scanner
from device.music.library.sql.corrections import read_corrections
from device.music.playback import chime_file
from device.music.playback.vlc_player import VlcPlayer
from device.music.recommend.taste import Taste, prepared
from device.music.recommend.track_index import TrackIndex
from device.music.workers.analysis_socket import SocketAnalysisClient
from device.music.workers.covers import Covers
from device.perception.camera_switch import SwitchWatch
from device.perception.eye_client import EyeClient
from device.store.database import Store
from device.store.diary import DiaryStore
from device.store.instance import HealthFile, InstanceLock
from device.store.writer import StoreWriter
from device.update.watcher import UpdateWatcher
from device.upnp.adapter import UpnpAdapter

log = logging.getLogger("affetto")


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


class Parts:
    """All parts, built in the order in which they need one another. `mistakes` are sentences about the settings on the
    boot partition."""

    def __init__(
        self, config: Config, config_path: Path | None, scan_socket: Path | None, put: Callable[[Event], None]
    ) -> None:
        """See `Conductor`."""
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as building:
            self._build(config, config_path, scan_socket, put, building)
            self._stack = building.pop_all()

    def _build(
        self,
        config: Config,
        config_path: Path | None,
        scan_socket: Path | None,
        put: Callable[[Event], None],
        stack: contextlib.ExitStack,
    ) -> None:
        """Build the parts that others need first; the stack closes them in reverse order."""
        data_dir = Path(config.device.data_dir)
        lock = stack.enter_context(contextlib.closing(InstanceLock(data_dir)))
        store = Store.open(data_dir, first_memory(config))
        self.diary = diary = DiaryStore(data_dir, config.diary.keep_days)
        with contextlib.suppress(OSError):  # without a data folder, there is no PIN either
            page_keys.ensure(data_dir)
        for problem in filter(None, (lock.problem, store.problem, diary.problem)):
            log.warning("%s", problem)
        self.chime = chime_file.ensure(data_dir)
        self.memory, self.history = store.memory, store.history
        self.store = stack.enter_context(contextlib.closing(StoreWriter(store, diary, put)))
        self.player = stack.enter_context(contextlib.closing(VlcPlayer(config.player, data_dir, put)))
        self.surfaces = self._open_surfaces(config, config_path, lock.health_file, put, stack)
        models_dir = Path(config.device.models_dir) if config.device.models_dir else SHIPPED_MODELS
        # the process behind the socket has only the shipped models
        worker = SocketAnalysisClient(scan_socket) if scan_socket and models_dir == SHIPPED_MODELS else None
        scanner = Scanner(config.music, data_dir, models_dir, put, worker, self._prepare)
        self.scanner = stack.enter_context(contextlib.closing(scanner))
        self.covers = stack.enter_context(contextlib.closing(Covers(put)))
        self.updates = stack.enter_context(contextlib.closing(UpdateWatcher(put)))
        self.switch = SwitchWatch(config.camera.switch)
        self.eye = EyeClient(config.camera, config_path, put)
        stack.callback(self._close_eye)
        self.mistakes = boot_mistakes(config_path) if config_path is not None else ()
        for mistake in self.mistakes:
            log.warning("%s", mistake)

    def _open_surfaces(
        self,
        config: Config,
        config_path: Path | None,
        health_path: Path,
        put: Callable[[Event], None],
        stack: contextlib.ExitStack,
    ) -> dict[str, Surface]:
        """The surfaces that the settings ask for, by their names for people."""
        data_dir = Path(config.device.data_dir)
        health_file = stack.enter_context(contextlib.closing(HealthFile(health_path)))
        questions = {"check": lambda: examine(config_path), "backup": lambda: self._backup(data_dir)}
        control = stack.enter_context(contextlib.closing(ControlSurface(data_dir, put, questions)))
        surfaces: dict[str, Surface] = {"the health file": health_file, "the control socket": control}
        if config.listenbrainz.token:
            listens = ListenBrainz(config.listenbrainz, data_dir, put)
            surfaces["ListenBrainz"] = stack.enter_context(contextlib.closing(listens))
        if config.mqtt.enabled:
            mqtt = MqttAdapter(config, put, self.memory.known_as, identity=identity.read(config))
            surfaces["the MQTT connection"] = stack.enter_context(contextlib.closing(mqtt))
            # the sound closes after the rooms: it goes on while another device takes over
            sound = stack.enter_context(contextlib.closing(LeasedSound(config, self.player, self.memory.volume)))
            self.rooms = stack.enter_context(contextlib.closing(make_rooms(config, put, sound)))
            surfaces |= {"the group": self.rooms, "the group's sound": sound}
        if config.upnp.enabled:
            library = stack.enter_context(contextlib.closing(Browser(data_dir))) if config.upnp.library else None
            upnp = UpnpAdapter(config, put, library)
            surfaces["the UPnP server"] = stack.enter_context(contextlib.closing(upnp))
        return surfaces

    @property
    def all(self) -> dict[str, Part]:
        """Every part by its name for people."""
        return {
            "the player": self.player,
            "the scanner": self.scanner,
            "the store": self.store,
            "the cover reader": self.covers,
            "the eye client": self.eye,
            "the watcher of updates": self.updates,
            **self.surfaces,
        }

    def start(self) -> None:
        """Start the threads."""
        self.store.start()
        self.scanner.start()
        self.updates.start()
        for surface in self.surfaces.values():
            surface.start()

    def close(self) -> None:
        """Stop every part, last built first. Idempotent."""
        self._stack.close()

    def _close_eye(self) -> None:
        self.eye.close()
        self.eye.join()

    def _backup(self, data_dir: Path) -> dict[str, object]:
        """What people taught the device. On a thread of the control socket."""
        listens, _ = self.store.history()
        rows = [(one.track_key, one.profile, one.mood, one.outcome, one.at, one.heard_s) for one in listens]
        return {"listens": rows, "moods": read_corrections(data_dir)}

    def _prepare(self, tracks: tuple[Track, ...]) -> tuple[TrackIndex, Taste]:
        """Build the index, on the scanner's thread: a big library takes long, and the main thread must not wait."""
        return prepared(tracks, *self.store.history())


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
