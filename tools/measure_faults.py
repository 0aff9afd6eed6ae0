#!/usr/bin/env python3
"""Break a group of three devices in every way, and measure what is heard in each room.

    sudo .venv/bin/python tools/measure_faults.py

Three whole conductors, Mosquitto, snapserver and snapclient, each device in a network namespace (tools/rooms/home.py).
What each snapclient plays is read 20 times a second. For every fault the table says: who led before and after, the
longest silence in the other rooms within the time of the fault and 20 s after it, and what played before and after.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from device.errors import AffettoError
from tools.rooms.home import BROKER, GROUP, Broker, HomeError, Room, home

STEP_S = 0.05
AFTER_S = 20.0
STEADY_S = 6.0  # music in all rooms for so long, before the next fault
PATIENCE_S = 60.0
AUDIBLE = 1e-3


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to the leader (or to all), how long until it is undone, and how."""

    words: str
    begin: Callable[[Room, Broker], None]
    undo: Callable[[Room, Broker], None]
    lasts_s: float = 10.0
    leader_counts: bool = False
    """Whether the leader's own room should keep its music, too."""


class Listener:
    """Hears all rooms and the broker."""

    def __init__(self, rooms: Sequence[Room]) -> None:
        self.rooms = rooms
        self.loud: dict[str, list[tuple[float, bool]]] = {room.name: [] for room in rooms}
        self.leader = ""
        self.music: dict[str, Any] = {}
        self._ended = False
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(f"affetto/group/{GROUP}/#")
        self._client.on_message = self._take
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async(BROKER)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _take(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        name = message.topic.rpartition("/")[2]
        if name not in ("leader", "state") or not message.payload:
            return
        values = json.loads(message.payload)
        if name == "leader":
            self.leader = "" if values.get("resigned") else values["id"]
        else:
            self.music = values

    def _listen(self) -> None:
        while not self._ended:
            for room in self.rooms:
                self.loud[room.name].append((time.monotonic(), room.hear() > AUDIBLE))
            time.sleep(STEP_S)

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        self._client.loop_stop()

    def silence(self, room: Room, since_s: float) -> float:
        """The longest silence of a room since then."""
        longest, quiet_s = 0.0, None
        for at_s, loud in self.loud[room.name]:
            if at_s < since_s:
                continue
            quiet_s = None if loud else (at_s if quiet_s is None else quiet_s)
            longest = max(longest, 0.0 if quiet_s is None else at_s - quiet_s + STEP_S)
        return longest

    def steady(self) -> bool:
        """Whether all rooms have had music for a while."""
        since = time.monotonic() - STEADY_S
        return bool(self.leader) and all(room.runs and self.silence(room, since) < 1.0 for room in self.rooms)

    def wait_until_steady(self) -> bool:
        """Whether all is well within `PATIENCE_S`."""
        deadline = time.monotonic() + PATIENCE_S
        time.sleep(STEADY_S)
        while not self.steady():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True


def faults() -> list[Fault]:
    """All of them."""

    def nothing(_room: Room, _broker: Broker) -> None:
        return

    def start_again(room: Room, _broker: Broker) -> None:
        room.end()
        room.start()

    def restart(_room: Room, broker: Broker) -> None:
        broker.stop()
        broker.start()

    return [
        Fault("nothing", nothing, nothing, leader_counts=True),
        Fault("leader stopped (SIGTERM)", lambda room, _: room.send(signal.SIGTERM), start_again),
        Fault("leader kill -9", lambda room, _: room.send(signal.SIGKILL), start_again),
        Fault("leader kill -STOP for 15 s", lambda room, _: room.send(signal.SIGSTOP),
              lambda room, _: room.send(signal.SIGCONT), 15.0),
        Fault("leader's network cut for 20 s", lambda room, _: room.cut(True), lambda room, _: room.cut(False), 20.0),
        Fault("broker restarted", restart, nothing, leader_counts=True),
        Fault("broker away for 15 s", lambda _, broker: broker.stop(), lambda _, broker: broker.start(), 15.0, True),
        Fault("broker killed for 15 s, forgets all", lambda _, broker: broker.stop(forget=True),
              lambda _, broker: broker.start(), 15.0, True),
    ]  # fmt: skip


def rows(listener: Listener, broker: Broker, times: int) -> Iterator[dict[str, Any]]:
    """One row for each fault."""
    for fault in [fault for fault in faults() for _ in range(times)]:
        steady = listener.wait_until_steady()
        leader = next((room for room in listener.rooms if room.name == listener.leader), listener.rooms[0])
        before = dict(listener.music)
        begun_s = time.monotonic()
        fault.begin(leader, broker)
        time.sleep(fault.lasts_s)
        meanwhile = listener.leader
        fault.undo(leader, broker)
        time.sleep(AFTER_S)
        counted = [room for room in listener.rooms if fault.leader_counts or room is not leader]
        yield {
            "fault": fault.words, "steady before": steady, "leader": leader.name, "leader then": meanwhile,
            "silence_s": {room.name: round(listener.silence(room, begun_s), 2) for room in counted},
            "song": before.get("title"), "song then": listener.music.get("title"),
        }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table; 2 if this machine cannot be a home."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=1, help="how often each fault happens (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON lines, too")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep the logs and the sound of the devices here")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the network must not outlive us
    with tempfile.TemporaryDirectory(prefix="affetto-home-") as scratch:
        try:
            with home(options.folder or Path(scratch)) as (broker, rooms):
                listener = Listener(rooms)
                print("| fault | leader, then | longest silence in the other rooms (s) | song, then |")
                print("|---|---|---|---|", flush=True)
                for row in rows(listener, broker, options.times):
                    silences = ", ".join(f"{value:.2f}" for value in row["silence_s"].values())
                    print(f"| {row['fault']} | {row['leader']}, {row['leader then'] or 'nobody'} | {silences} | "
                          f"{row['song']}, {row['song then']} |", flush=True)  # fmt: skip
                    if options.json:
                        with options.json.open("a") as file:
                            file.write(json.dumps(row) + "\n")
                listener.close()
        except (HomeError, AffettoError) as error:
            print(f"measure_faults: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
