"""A simulated home: devices with `Leadership`, a broker without compare-and-set, and a network that fails on purpose.

Time is virtual. Messages are lost, late, doubled and reordered; devices pause, lose power and are cut off; the broker
restarts with and without its retained store. `World.run` returns for how long two leaders were audible at once, and
whether one leads in the end.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from device.core.leadership import Leadership
from device.domain import LeaderRecord

TICK_S = 0.25
PING_S = 0.5
NOTICE_S = 8.0  # a dead connection is noticed after at most so long
RECONNECT_S = 1.5
IN_A_ROW = 2  # the network loses at most so many messages of one device in a row; a longer loss is a cut


@dataclass(frozen=True)
class Fault:
    """At `at_s`, `kind` happens to device number `who` (modulo their number) for `for_s` seconds."""

    at_s: float
    kind: str
    who: int
    for_s: float


KINDS = ("cut", "split", "pause", "suspend", "power", "restart", "leave", "unfit", "broker", "broker_amnesia",
         "broker_old", "broker_flap")  # fmt: skip


@dataclass
class Device:
    """A device, its clock, and its connection to the broker as it believes it to be."""

    id: str
    lead: Leadership
    skew: float
    offset: float
    on: bool = True
    paused: bool = False
    slept_s: float = 0.0  # its monotonic clock stood still for this long
    side: int = 0  # devices and a broker on different sides do not reach one another
    life: int = 0
    session: int = 0  # the connection that it believes to have; 0: none
    probes: int = 0
    waiting: list[Callable[[], None]] = field(default_factory=list)
    fit: bool = True


class World:
    """`loss`, `doubled`: shares of messages while `faults` last. `late_s`: the longest delay of a message."""

    def __init__(
        self, devices: int, faults: list[Fault], seed: int, loss: float, doubled: float, late_s: float
    ) -> None:
        self.dice = random.Random(seed)
        self.now = 0.0
        self.loss, self.doubled, self.late_s = loss, doubled, late_s
        self.end_of_faults = max((fault.at_s + fault.for_s for fault in faults), default=0.0)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.devices = [self._device(chr(97 + number)) for number in range(devices)]
        self.broker_up, self.broker_side = True, 0
        self.retained: dict[str, LeaderRecord | bool] = {}
        self.old: dict[str, LeaderRecord | bool] = {}
        self.sessions: dict[int, Device] = {}
        self._session = itertools.count(1)
        self._lost: dict[tuple[str, str], int] = {}
        self.messages = 0
        self.double_s = self.worst_double_s = 0.0
        self.worst_silence_s = self._silence_s = 0.0
        self.log: list[str] = []
        for fault in faults:
            self.after(fault.at_s, lambda fault=fault: self.strike(fault))
        for at_s in (8.0, 30.0):
            self.after(at_s, self._remember)
        for device in self.devices:
            self.after(self.dice.uniform(0, 1), lambda device=device: self.connect(device, device.life))
            self.after(self.dice.uniform(0, TICK_S), lambda device=device: self.tick(device))
            self.after(self.dice.uniform(0, PING_S), lambda device=device: self.ping(device))

    def _device(self, name: str) -> Device:
        return Device(name, Leadership(name), 1 + self.dice.uniform(-1e-4, 1e-4), self.dice.uniform(0, 1e6))

    # --- Time ---

    def after(self, delay_s: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + delay_s, next(self._order), what))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            at, _, what = heapq.heappop(self._events)
            self.watch(at - self.now)
            self.now = at
            what()
        self.watch(end - self.now)
        self.now = end

    def mono(self, device: Device) -> float:
        return (self.now - device.slept_s) * device.skew + device.offset

    # --- What is heard ---

    def audible(self, device: Device) -> bool:
        return device.on and not device.paused and device.lead.leading and self.mono(device) < device.lead.sound_until()

    def excused(self, one: Device, other: Device) -> bool:
        """Whether `one` has no broker and, by the broker's last word, `other` was not there: it cannot know better.
        device/rooms/README.md names this limit."""
        return not self.reaches_broker(one) and other.id not in one.lead.members

    def watch(self, span_s: float) -> None:
        """Count how long more than one leader has been audible without interruption."""
        audible = [device for device in self.devices if self.audible(device)]
        self._silence_s = 0.0 if audible else self._silence_s + span_s
        self.worst_silence_s = max(self.worst_silence_s, self._silence_s)
        pairs = itertools.combinations(audible, 2)
        if any(not self.excused(one, other) and not self.excused(other, one) for one, other in pairs):
            self.double_s += span_s
            self.worst_double_s = max(self.worst_double_s, self.double_s)
        else:
            self.double_s = 0.0

    # --- The network ---

    def reaches_broker(self, device: Device) -> bool:
        return self.broker_up and device.on and device.side == self.broker_side

    def faulty(self) -> bool:
        return self.now < self.end_of_faults

    def carry(self, sender: str, receiver: str, deliver: Callable[[], None]) -> None:
        """Lose, delay, reorder and double."""
        way = (sender, receiver)
        if self.faulty() and self._lost.get(way, 0) < IN_A_ROW and self.dice.random() < self.loss:
            self._lost[way] = self._lost.get(way, 0) + 1
            return
        self._lost[way] = 0
        copies = 2 if self.faulty() and self.dice.random() < self.doubled else 1
        for _ in range(copies):
            self.after(self.dice.uniform(0.001, self.late_s if self.faulty() else 0.02), deliver)

    def deliver(self, device: Device, what: Callable[[], None]) -> None:
        """A paused device finds everything in its inbox when it wakes."""
        life = device.life

        def arrive() -> None:
            if device.on and device.life == life:
                what()

        if device.paused:
            device.waiting.append(arrive)
        else:
            arrive()

    # --- The broker ---

    def connect(self, device: Device, life: int) -> None:
        """Keep trying until there is a connection."""
        if device.life != life or not device.on or device.session:
            return
        if device.paused or not self.reaches_broker(device):
            self.after(RECONNECT_S, lambda: self.connect(device, life))
            return
        for number in [number for number, owner in self.sessions.items() if owner is device]:
            self.end(number)  # the broker takes over: the will of the old connection is published
        device.session = session = next(self._session)
        self.sessions[session] = device
        self.publish_now(f"member/{device.id}", True, session)
        self.sayto(device, device.lead.connected(True, self.mono(device)))
        for topic, payload in list(self.retained.items()):
            self.send_to(session, topic, payload, retained=True)

    def sayto(self, device: Device, records: list[LeaderRecord]) -> None:
        """Publish what the device wants to publish."""
        session = device.session
        for record in records:
            if session:
                self.messages += 1
                self.carry(device.id, "broker", lambda record=record: self.take(device, session, "leader", record))

    def take(self, device: Device, session: int, topic: str, payload: LeaderRecord | bool) -> None:
        """A message reaches the broker, or stays in a dead connection's buffer and arrives late or never."""
        if session not in self.sessions or not self.broker_up:
            return
        if not self.reaches_broker(device) and device.on:
            if self.dice.random() < 0.5:
                self.after(0.5, lambda: self.take(device, session, topic, payload))
            return
        self.publish_now(topic, payload, session)

    def publish_now(self, topic: str, payload: LeaderRecord | bool, _by: int) -> None:
        if not self.broker_up:
            return
        self.retained[topic] = payload
        for session in list(self.sessions):
            self.send_to(session, topic, payload, retained=False)

    def send_to(self, session: int, topic: str, payload: LeaderRecord | bool, retained: bool) -> None:
        device = self.sessions[session]
        deliver = lambda: self.reach(session, device, topic, payload, retained)  # noqa: E731
        if retained or topic != "leader":  # the broker repeats these until they are acknowledged
            self.after(self.dice.uniform(0.001, 0.3), deliver)
        else:
            self.carry(f"broker for {payload.id}" if isinstance(payload, LeaderRecord) else "", device.id, deliver)

    def reach(self, session: int, device: Device, topic: str, payload: LeaderRecord | bool, retained: bool) -> None:
        if device.session != session:
            return
        if device.side != self.broker_side:
            if self.dice.random() < 0.5 and session in self.sessions:
                self.after(0.5, lambda: self.reach(session, device, topic, payload, retained))
            return
        self.deliver(device, lambda: self.hear(device, topic, payload, retained))

    def hear(self, device: Device, topic: str, payload: LeaderRecord | bool, retained: bool) -> None:
        mono = self.mono(device)
        if isinstance(payload, LeaderRecord):
            self.sayto(device, device.lead.heard(payload, mono, retained))
        else:
            name = topic.removeprefix("member/")
            fit = next(other.fit for other in self.devices if other.id == name)
            self.sayto(device, device.lead.member(name, payload, mono, fit))

    def end(self, session: int) -> None:
        """The broker notices that a connection is dead, and publishes its will."""
        device = self.sessions.pop(session, None)
        if device is not None:
            self.publish_now(f"member/{device.id}", False, session)

    def drop(self, device: Device, session: int) -> None:
        """The device notices that its connection is dead."""
        if device.session != session or not session or not device.on:
            return
        device.session = 0
        life = device.life
        self.deliver(device, lambda: self.sayto(device, device.lead.connected(False, self.mono(device))))
        self.after(RECONNECT_S, lambda: self.connect(device, life))

    def notice_later(self, device: Device) -> None:
        """Both ends of a broken connection find out, each in its own time."""
        session = device.session
        if session:
            broken = lambda: session in self.sessions and self.sessions[session].side == self.broker_side  # noqa: E731
            self.after(self.dice.uniform(0, NOTICE_S), lambda: None if broken() else self.drop(device, session))
            self.after(self.dice.uniform(0, NOTICE_S), lambda: None if broken() else self.end_dead(device, session))

    def end_dead(self, device: Device, session: int) -> None:
        self.end(session)
        self.after(0.1, lambda: self.drop(device, session))  # a reset, as soon as it can arrive

    # --- The devices ---

    def tick(self, device: Device) -> None:
        if device.on and not device.paused:
            device.lead.fit = device.fit
            self.sayto(device, device.lead.tick(self.mono(device)))
            self.probe(device)
        self.after(TICK_S, lambda: self.tick(device))

    def probe(self, device: Device) -> None:
        """Let the broker return that the device is online."""
        session = device.session
        if device.lead.probes != device.probes and session:
            device.probes = device.lead.probes
            self.messages += 1
            self.carry(device.id, "broker", lambda: self.take(device, session, f"member/{device.id}", True))

    def ping(self, device: Device) -> None:
        """A follower asks its leader over UDP; a leader answers."""
        self.after(PING_S, lambda: self.ping(device))
        record = device.lead.leader
        if not device.on or device.paused or record is None or record.id == device.id:
            return
        leader = next(other for other in self.devices if other.id == record.id)
        self.datagram(device, leader, lambda: self.pinged(leader, device, record.term))

    def pinged(self, leader: Device, follower: Device, term: int) -> None:
        if leader.lead.leading and leader.lead.term == term:
            leader.lead.witness(follower.id, term, self.mono(leader))
            self.datagram(leader, follower, lambda: follower.lead.witness(leader.id, term, self.mono(follower)))

    def datagram(self, sender: Device, receiver: Device, deliver: Callable[[], None]) -> None:
        def arrive() -> None:
            if receiver.on and sender.side == receiver.side and not receiver.paused:  # the program drops old ones
                deliver()

        if sender.side == receiver.side:
            self.carry(sender.id, receiver.id, arrive)

    # --- Faults ---

    def strike(self, fault: Fault) -> None:
        device = self.devices[fault.who % len(self.devices)]
        self.log.append(f"{self.now:.1f} {fault.kind} {device.id} {fault.for_s:.1f}")
        getattr(self, f"_{fault.kind}")(device, fault)

    def _cut(self, device: Device, fault: Fault) -> None:
        device.side = 1 + self.devices.index(device)
        self.notice_later(device)
        self.after(fault.for_s, lambda: self._join(device))

    def _split(self, _device: Device, fault: Fault) -> None:
        """Two halves, the broker in one of them or alone."""
        for device in self.devices:
            device.side = self.dice.choice((0, 99))
        self.broker_side = self.dice.choice((0, 99, 0, 50))
        for device in self.devices:
            if device.side != self.broker_side:
                self.notice_later(device)
        self.after(fault.for_s, self._join_all)

    def _join(self, device: Device) -> None:
        device.side = 0

    def _join_all(self) -> None:
        self.broker_side = 0
        for device in self.devices:
            device.side = 0

    def _pause(self, device: Device, fault: Fault) -> None:
        """kill -STOP: the broker closes the connection if it takes long."""
        if device.paused or not device.on:
            return
        device.paused = True
        session, life = device.session, device.life
        if session and fault.for_s > NOTICE_S:
            self.after(NOTICE_S, lambda: self.end_dead(device, session) if device.paused else None)
        self.after(fault.for_s, lambda: self._wake(device, life))

    def _suspend(self, device: Device, fault: Fault) -> None:
        """The whole machine sleeps, and its monotonic clock with it."""
        if device.paused or not device.on:
            return
        life = device.life
        self._pause(device, fault)
        self.after(fault.for_s - 1e-9, lambda: self._sleep(device, life, fault.for_s))

    def _sleep(self, device: Device, life: int, for_s: float) -> None:
        if device.life == life:
            device.slept_s += for_s

    def _wake(self, device: Device, life: int) -> None:
        if device.life != life or not device.on:
            return
        device.paused = False
        waiting, device.waiting = device.waiting, []
        if self.dice.random() < 0.5:
            self.sayto(device, device.lead.tick(self.mono(device)))
        for event in waiting:
            event()

    def _power(self, device: Device, fault: Fault) -> None:
        """A power cut: nothing is said, and the broker notices late."""
        self._die(device, self.dice.uniform(0, NOTICE_S))
        self.after(fault.for_s, lambda: self._boot(device))

    def _restart(self, device: Device, fault: Fault) -> None:
        """kill -9: the kernel closes the connection at once."""
        self._die(device, 0.0)
        self.after(min(fault.for_s, 3.0), lambda: self._boot(device))

    def _leave(self, device: Device, fault: Fault) -> None:
        """A planned stop."""
        if device.on and not device.paused:
            self.sayto(device, device.lead.resign(self.mono(device)))
            self._die(device, 0.5)
            self.after(fault.for_s, lambda: self._boot(device))

    def _die(self, device: Device, noticed_s: float) -> None:
        if not device.on:
            return
        session = device.session
        device.on, device.paused, device.session = False, False, 0
        device.waiting.clear()
        device.life += 1
        if session:
            self.after(noticed_s, lambda: self.end(session))

    def _boot(self, device: Device) -> None:
        if device.on:
            return
        device.life += 1
        device.on, device.lead, device.probes = True, Leadership(device.id), 0
        device.offset = self.dice.uniform(0, 1e6)  # a new boot has a new monotonic clock
        self.connect(device, device.life)

    def _unfit(self, device: Device, fault: Fault) -> None:
        """Its drive is pulled out, and comes back."""
        self._announce(device, False)
        self.after(fault.for_s, lambda: self._announce(device, True))

    def _announce(self, device: Device, fit: bool) -> None:
        device.fit = fit
        if device.session and self.reaches_broker(device):
            self.publish_now(f"member/{device.id}", True, device.session)

    def _broker(self, _device: Device, fault: Fault) -> None:
        self._stop_broker()
        self.after(fault.for_s, self._start_broker)

    def _broker_amnesia(self, device: Device, fault: Fault) -> None:
        """It restarts without its retained store."""
        self._broker(device, fault)
        self.retained = {}

    def _remember(self) -> None:
        self.old = dict(self.retained)

    def _broker_old(self, device: Device, fault: Fault) -> None:
        """It restarts with a store that it saved long ago."""
        self._broker(device, fault)
        self.retained = dict(self.old)

    def _broker_flap(self, device: Device, _fault: Fault) -> None:
        self._broker(device, Fault(self.now, "broker", 0, 0.2))

    def _stop_broker(self) -> None:
        self.broker_up = False
        self.sessions.clear()
        for device in self.devices:
            if device.session:
                session = device.session
                delay = 0.05 if device.side == self.broker_side else NOTICE_S
                self.after(delay, lambda device=device, session=session: self.drop(device, session))

    def _start_broker(self) -> None:
        self.broker_up = True

    # --- The end ---

    def verdict(self) -> tuple[list[str], set[str]]:
        """The audible leaders, and the leaders that the devices follow."""
        leaders = [device.id for device in self.devices if self.audible(device)]
        followed = {record.id if (record := device.lead.leader) else "" for device in self.devices}
        return leaders, followed
