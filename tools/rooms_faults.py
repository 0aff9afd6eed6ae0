"""What people hear when something goes wrong in a group: three real devices, one fault at a time.

    sudo .venv/bin/python tools/rooms_faults.py [--only NAME ...] [--json FILE]

Each device is a conductor in a network namespace of its own, with Snapcast; Mosquitto is on the bridge. For each fault
the table says: for how long the fault's device and the others were silent (the longest gap, s), for how many seconds
two devices played different music, how often a song began a second time, and who led. Takes about a minute a fault.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from device.errors import AffettoError
from tools.faults.heard import different_s, longest_silence_s
from tools.faults.home import Device, Home
from tools.faults.listener import as_json

BEFORE_S, WATCHED_S = 12.0, 30.0


@dataclass(frozen=True)
class Fault:
    """`strike(home, device)` at the beginning, `mend` after `for_s`. `leads`: it happens to the leader."""

    name: str
    words: str
    strike: Callable[[Home, Device], None]
    mend: Callable[[Home, Device], None] = lambda home, device: None
    for_s: float = 15.0
    leads: bool = True


@dataclass(frozen=True)
class Outcome:
    """What was heard, in seconds; a device that is off is not listened to."""

    fault: str
    silence_there_s: float | None
    silence_others_s: float
    different_s: float
    double_starts: int
    terms: int
    leader_after: str
    group_messages_per_hour: float  # of each device, on the topics of the group
    all_messages_per_hour: float  # of each device


def _lose_power(home: Home, device: Device) -> None:
    home.network.cut(device.number)
    home.signal(device, signal.SIGKILL)


def _lose_library(home: Home, device: Device) -> None:
    device.music.rename(device.music.with_name("pulled"))


def _mend_library(home: Home, device: Device) -> None:
    device.music.with_name("pulled").rename(device.music)


def _boot(home: Home, device: Device) -> None:
    home.network.join(device.number)
    if device.process is not None and device.process.poll() is not None:
        home.start(device)


FAULTS = (
    Fault("none", "nothing", lambda home, device: None),
    Fault("kill", "leader killed (kill -9), starts again after 15 s", lambda h, d: h.signal(d, signal.SIGKILL), _boot),
    Fault("stop", "leader stopped as planned, starts again after 15 s",
          lambda h, d: h.signal(d, signal.SIGTERM), _boot),
    Fault("power", "leader loses power, starts again after 15 s", _lose_power, _boot),
    Fault("cut", "leader's network cut for 15 s", lambda h, d: h.network.cut(d.number),
          lambda h, d: h.network.join(d.number)),
    Fault("cut-follower", "follower's network cut for 15 s", lambda h, d: h.network.cut(d.number),
          lambda h, d: h.network.join(d.number), leads=False),
    Fault("freeze", "leader frozen for 15 s (kill -STOP, -CONT)", lambda h, d: h.signal(d, signal.SIGSTOP),
          lambda h, d: h.signal(d, signal.SIGCONT)),
    Fault("broker", "broker killed, starts again after 15 s without its store",
          lambda h, d: h.broker.stop(kill=True), lambda h, d: h.broker.start()),
    Fault("loss", "5% of the leader's packets lost in each direction, 15 s",
          lambda h, d: h.network.lose(d.number, 5), lambda h, d: h.network.lose(d.number, 0)),
    Fault("library", "leader's drive pulled out for 15 s", _lose_library, _mend_library),
)  # fmt: skip


def measure(fault: Fault, folder: Path) -> Outcome:
    """Start a home, let it play, strike, watch."""
    with Home(folder) as home:
        home.wait(lambda: home.listener.playing() and home.listener.leader != "")
        time.sleep(BEFORE_S)
        device = home.leader if fault.leads else next(one for one in home.devices if one is not home.leader)
        terms = len(home.listener.terms)
        begin, before = time.monotonic(), dict(home.listener.messages)
        fault.strike(home, device)
        time.sleep(fault.for_s)
        fault.mend(home, device)
        time.sleep(WATCHED_S - fault.for_s)
        end = time.monotonic() - 1.0
        hours = (time.monotonic() - begin) / 3600 * len(home.devices)
        news = {topic: count - before.get(topic, 0) for topic, count in home.listener.messages.items()}
        off = fault.name in ("kill", "stop", "power")
        sounds = [home.ears.sound(one.number, begin, end) for one in home.devices]
        others = [sound for one, sound in zip(home.devices, sounds, strict=True) if one is not device]
        return Outcome(
            fault.words,
            None if off else longest_silence_s(sounds[device.number]),
            max(map(longest_silence_s, others)),
            max(different_s(one, other) for one, other in combinations(others if off else sounds, 2)),
            home.listener.double_starts(begin),
            len(home.listener.terms) - terms,
            "the same" if home.listener.leader == device.id else "another",
            round(sum(count for topic, count in news.items() if "/group/home/" in topic) / hours),
            round(sum(news.values()) / hours),
        )


def table(outcomes: list[Outcome]) -> str:
    """The outcomes in Markdown."""
    rows = ["| fault | silent there, s | silent on the others, s | different music, s | songs begun twice | changes of "
            "leader | leader after |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for one in outcomes:
        there = "off" if one.silence_there_s is None else f"{one.silence_there_s:.1f}"
        rows.append(f"| {one.fault} | {there} | {one.silence_others_s:.1f} | {one.different_s:.0f} "
                    f"| {one.double_starts} | {one.terms} | {one.leader_after} |")  # fmt: skip
    return "\n".join(rows)


def main() -> int:
    """Measure all faults, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[fault.name for fault in FAULTS], help="these faults only")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--keep", type=Path, help="keep the devices' folders with their logs here")
    given = parser.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="affetto-faults-") as name:
        for fault in FAULTS:
            if given.only and fault.name not in given.only:
                continue
            print(f"{fault.words} ...", file=sys.stderr, flush=True)
            try:
                outcomes.append(measure(fault, (given.keep or Path(name)) / fault.name))
            except AffettoError as error:
                print(f"rooms_faults: {error}", file=sys.stderr)
                return 1
            print(table(outcomes[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(outcomes))
    for one in outcomes[:1]:
        print(f"\nMessages an hour of each device during the first: {one.group_messages_per_hour:.0f} of the group, "
              f"{one.all_messages_per_hour:.0f} in all.")  # fmt: skip
    if given.json:
        given.json.write_text(as_json([asdict(one) for one in outcomes]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
