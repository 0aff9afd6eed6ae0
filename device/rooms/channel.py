"""One group as this device takes part in it: what it publishes there, and what it hears. Decides nothing.

The main thread calls `show`, `forward` and `close`. The connection's thread and the witness's thread only put events
into the inbox; they never publish.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import replace

from device.config.schema import Config
from device.control.commands import encode as encode_command
from device.control.commands import parse
from device.domain import (
    Answer,
    Asked,
    Command,
    Event,
    FromGroup,
    GroupMusic,
    GroupNews,
    GroupView,
    Handled,
    LeaderAnswered,
    LeaderHeard,
    LeaderRecord,
    Linked,
    Member,
    MemberHeard,
    MemberOnline,
    MusicHeard,
    Now,
    Origin,
    PlaybackState,
)
from device.rooms import discovery, documents
from device.rooms.datagram import new_key
from device.rooms.link import Connect, Down, LinkEvent, LinkRequest, Message, Up
from device.rooms.topics import GroupTopics
from device.rooms.witness import Duty, Witness

log = logging.getLogger("affetto")

NAME = "group"
ONLINE = b"online"
MOOD_S = 5.0  # the shortest time between two documents of a member that differ in the mood only
MUSIC_S = 10.0  # the longest time between two documents of what plays, for a leader's successor
ERROR_MS = 0.5  # a clock error within this distance of the last one is no news
DRIFT_S = 1.0  # a position within this distance of the expected one is no news
ORDERS = 100  # commands from members that wait for an answer; the inbox may drop some

ClockError = Callable[[], float | None]
"""How far the clock of this device's sound is from the leader's, at most (ms); None: not measured."""


class Channel:
    """This device in the group `name`."""

    def __init__(
        self, name: str, config: Config, put: Callable[[Event], None], connect: Connect, clock_error: ClockError
    ) -> None:
        self.name = name
        self._clock_error = clock_error
        self._config, self._put_event = config, put
        self._me = config.device.id
        self._topics = GroupTopics(config.mqtt.base_topic, name)
        self._up = self._leads = False
        self._orders: dict[Origin, list[str]] = {}  # from members, and why they were refused
        self._lock = threading.Lock()  # of the orders
        self._connections = self._shown = 0
        self._probes = -1
        self._member: Member | None = None
        self._member_at = self._music_at = float("-inf")
        self._record: LeaderRecord | None = None
        self._music: GroupMusic | None = None
        self._key = new_key()  # of this device's own terms
        bind = config.rooms.address or "0.0.0.0"
        self._witness = Witness(name, self._me, bind, config.rooms.port, self._put)
        client_id, will = f"affetto-{self._me}-group", self._topics.availability(self._me)
        self._link = connect(LinkRequest(self._take, self._topics.filters(self._me), client_id, will))

    def start(self) -> None:
        """Begin to connect."""
        self._link.start()
        self._witness.start()

    @property
    def alive(self) -> bool:
        """Whether its threads still work."""
        return self._link.alive and self._witness.alive

    def show(self, group: GroupView, now: Now) -> None:
        """Publish what has changed, and let the witness know its duty."""
        self._leads = group.leads
        self._witness.attend(duty(group, self._key))
        if not self._up:
            return
        if (connections := self._connections) != self._shown:
            self._shown = connections
            self._member = self._record = self._music = None
            self._probes = -1
        if group.probes != self._probes:
            self._probes = group.probes
            self._link.publish(self._topics.availability(self._me), ONLINE, True)
        self._show_member(next(one for one in group.members if one.id == self._me), now)
        if group.record is not None and group.record.id == self._me and group.record != self._record:
            self._record = group.record
            self._publish_record(group.record)
        if group.leads and group.music is not None and group.music.leader == self._me:
            self._show_music(group.music, now)

    def forward(self, command: Command, number: int | None = None) -> None:
        """Pass a command on to the leader, whose answer repeats the number. Without one, nobody answers: the command
        is for every device, which all hear it."""
        name, fields = encode_command(command)
        member = "" if number is None else self._me
        order = documents.OrderDocument(name=name, fields=fields, member=member, number=number or 0)
        self._link.publish(self._topics.order, documents.encode(order), False)

    def notify(self, notice: Answer | Handled) -> None:
        """As the leader, answer the member that passed this command on. The others hear the command, too."""
        origin = notice.origin
        if origin.surface != NAME:
            return
        with self._lock:
            if isinstance(notice, Answer):  # one that comes later, of a stream that failed, has no receiver
                self._orders.get(origin, []).append(notice.message)
                return
            message = " ".join(self._orders.pop(origin, []))
        if self._leads and origin.address != self._topics.order:
            answer = documents.AnswerDocument(number=int(origin.payload.partition(" ")[0]), message=message)
            self._link.publish(origin.address, documents.encode(answer), False)

    def close(self, leave: bool = False) -> None:
        """Resign if this device leads, and disconnect; `leave`: the device is no longer a member. Takes some seconds at
        most."""
        self._witness.close()
        if self._record is not None and not self._record.resigned and self._up:
            resigned = replace(self._record, beat=self._record.beat + 1, resigned=True)
            self._publish_record(resigned)
        if leave:
            self._link.publish(self._topics.member(self._me), b"", True)
        self._link.close()

    # --- What is published ---

    def _publish_record(self, record: LeaderRecord) -> None:
        self._link.publish(self._topics.leader, documents.encode(replace(record, key=self._key)), True)

    def _show_member(self, member: Member, now: Now) -> None:
        before = self._member
        due = now.mono >= self._member_at + MOOD_S
        error_ms = self._clock_error() if due or before is None else before.clock_error_ms
        if before is not None and _close(error_ms, before.clock_error_ms):
            error_ms = before.clock_error_ms
        member = replace(member, clock_error_ms=None if error_ms is None else round(error_ms, 2))
        same = before is not None and replace(before, mood=None) == replace(member, mood=None)
        if member == before or (same and not due):
            return
        self._member, self._member_at = member, now.mono
        self._link.publish(self._topics.member(self._me), documents.encode(member), True)

    def _show_music(self, music: GroupMusic, now: Now) -> None:
        before = self._music
        if before is not None and now.mono < self._music_at + MUSIC_S:
            if _follows_from(before, music, now.mono - self._music_at):
                return
        elif before == music:
            return
        if before is None:
            announcement = discovery.announcement(self._config, self._topics)
            self._link.publish(announcement.topic, announcement.payload, True)
        if before is None or before.queue != music.queue:
            self._link.publish(self._topics.queue, documents.encode(music.queue), True)
        if before is None or before.skip_votes != music.skip_votes:
            self._link.publish(self._topics.votes, documents.encode(music.skip_votes), True)
        self._music, self._music_at = music, now.mono
        self._link.publish(self._topics.state, documents.encode(music), True)

    # --- Other threads ---

    def _put(self, news: GroupNews) -> None:
        self._put_event(FromGroup(self.name, news))

    def _take(self, event: LinkEvent) -> None:
        match event:
            case Up(address):
                self._up = True
                self._connections += 1
                self._put(Linked(True, self._config.rooms.address or own_address(address)))
            case Down():
                self._up = False
                self._put(Linked(False))
            case Message():
                self._hear(event)

    def _hear(self, message: Message) -> None:
        topics, payload = self._topics, message.payload
        if message.topic == topics.leader:
            if (record := documents.read_leader(payload)) is not None:
                self._put(LeaderHeard(record, message.retained))
        elif message.topic == topics.state:
            if (music := documents.read_music(payload)) is not None:
                self._put(MusicHeard(music))
        elif message.topic == topics.order:
            if not message.retained:
                self._order(payload)
        elif message.topic == topics.answer(self._me):
            if not message.retained and (answer := documents.read_answer(payload)) is not None:
                self._put(LeaderAnswered(answer.number, answer.message))
        elif member_id := topics.member_of(message.topic):
            self._hear_member(member_id, message)

    def _hear_member(self, member_id: str, message: Message) -> None:
        if message.topic == self._topics.availability(member_id):
            self._put(MemberOnline(member_id, message.payload == ONLINE))
        elif (member := documents.read_member(message.payload)) is not None and member.id == member_id:
            self._put(MemberHeard(member))

    def _order(self, payload: bytes) -> None:
        if (order := documents.read_order(payload)) is None:
            return
        command = parse(order.name, order.fields)
        if not isinstance(command, str):  # an older version gives no member, and wants no answer
            answer_to = self._topics.answer(order.member) if order.member else self._topics.order
            origin = Origin(NAME, answer_to, f"{order.number} {order.name}")
            with self._lock:
                self._orders[origin] = []
                while len(self._orders) > ORDERS:
                    del self._orders[next(iter(self._orders))]
            self._put_event(Asked(command, origin))


def _follows_from(before: GroupMusic, music: GroupMusic, passed_s: float) -> bool:
    """Whether everybody who knows `before` knows `music`, because only the time has passed."""
    played_s = passed_s if before.state is PlaybackState.PLAYING else 0.0
    drift_s = music.position_s - before.position_s - played_s
    if before.sleep_left_s is not None and music.sleep_left_s is not None:
        drift_s = max(abs(drift_s), abs(music.sleep_left_s - before.sleep_left_s + passed_s))
        music = replace(music, sleep_left_s=before.sleep_left_s)
    return replace(music, position_s=before.position_s) == before and abs(drift_s) < DRIFT_S


def _close(one: float | None, other: float | None) -> bool:
    """Whether two clock errors differ too little to report."""
    return one is other or (one is not None and other is not None and abs(one - other) < ERROR_MS)


def duty(group: GroupView, own_key: str) -> Duty:
    """What the witness does for this group. `own_key` signs while this device leads."""
    if group.record is None or not group.leader:
        return Duty()
    if group.leads:
        return Duty(group.record.term, "", group.leader, own_key)
    return Duty(group.record.term, group.record.host, group.leader, group.record.key)


def own_address(broker: str) -> str:
    """This device's address on the way to the broker, or on the way out if the broker is on this device."""
    host = broker.rpartition(":")[0].strip("[]")
    for target in (host, "192.0.2.1"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))  # sends nothing
            address = str(probe.getsockname()[0])
            if not address.startswith("127."):
                return address
    return "127.0.0.1"


def close_soon(channel: Channel) -> threading.Thread:
    """Close it on a thread of its own: saying goodbye may take seconds."""
    thread = threading.Thread(target=channel.close, args=(True,), name="group end", daemon=True)
    thread.start()
    return thread
