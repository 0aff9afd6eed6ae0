"""The direct link between the devices of a group: small UDP datagrams, so that they can tell a dead broker from a dead
leader.

A follower asks its leader every `ASK_S`; a leader answers. Both report what arrives. A thread of its own, which also
keeps the group's time: it puts a `GroupTick` every `TICK_S`. When the process was frozen, it first drops what has
waited in the sockets, because an old datagram says nothing about now.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from device.domain import GroupNews, GroupTick, Witnessed
from device.rooms.datagram import Challenges, Datagram, decode, encode, is_signed

log = logging.getLogger("affetto")

TICK_S = 0.25
ASK_S = 0.5
FROZEN_S = 1.0  # a round that took longer than this was a pause of the whole process
HUNG_S = 10.0
LARGEST = 1024


@dataclass(frozen=True, slots=True)
class Duty:
    """What to do: as the leader (`host` is empty) answer, or as a follower ask the leader at `host`. `term` is the
    leader's; 0: do nothing. `key` is the one of the leader's record; empty for a leader of an older version."""

    term: int = 0
    host: str = ""
    leader: str = ""
    key: str = ""


class Witness:
    """`me`: this device's id. `bind`: this device's address, or 0.0.0.0 for all. `put` gets what happens."""

    def __init__(self, group: str, me: str, bind: str, port: int, put: Callable[[GroupNews], None]) -> None:
        self._group, self._me, self._port, self._put = group, me, port, put
        self._bind = bind
        self._duty = Duty()
        self._asked: tuple[str, socket.socket] | None = None  # the leader's address, and a socket to it
        self._server: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._challenges = Challenges()
        self._to_repeat = ""  # the leader's last challenge
        self._problem = ""
        self._ask_at = self._tick_at = self._round_s = time.monotonic()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="group witness", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def attend(self, duty: Duty) -> None:
        """Do this from now on. Any thread."""
        self._duty = duty

    @property
    def alive(self) -> bool:
        """Whether its thread goes round; true before `start` and after `close`."""
        fresh = time.monotonic() - self._round_s < HUNG_S
        return self._closing.is_set() or self._thread.ident is None or (self._thread.is_alive() and fresh)

    def close(self) -> None:
        """End. Idempotent."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)

    # --- The thread ---

    def _work(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self._close_sockets)
            while not self._closing.is_set():
                self._step(time.monotonic())

    def _step(self, now: float) -> None:
        """Wait for datagrams until something is due, and do what is due."""
        duty = self._duty
        self._open(duty)
        wait_s = max(0.0, min(self._tick_at, self._ask_at) - now)
        ready = self._selector.select(wait_s) if self._selector.get_map() else []
        if not self._selector.get_map():
            self._closing.wait(wait_s)
        before, self._round_s = self._round_s, time.monotonic()
        frozen = self._round_s - before > FROZEN_S
        for key, _ in ready:
            self._receive(key.fileobj, duty, frozen)  # type: ignore[arg-type]
        if self._round_s >= self._ask_at:
            self._ask_at = self._round_s + ASK_S
            self._ask(duty)
        if self._round_s >= self._tick_at:
            self._tick_at = self._round_s + TICK_S
            self._put(GroupTick())

    def _open(self, duty: Duty) -> None:
        """Have the sockets that the duty needs."""
        if self._server is None:
            self._server = self._listen()
        wanted = duty.host if duty.term else ""
        if self._asked is not None and self._asked[0] != wanted:
            self._selector.unregister(self._asked[1])
            self._asked[1].close()
            self._asked = None
        if wanted and self._asked is None:
            asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            asking.setblocking(False)
            try:
                asking.connect((wanted, self._port))
            except OSError:
                asking.close()  # no way there at the moment
                return
            self._selector.register(asking, selectors.EVENT_READ)
            self._asked = (wanted, asking)

    def _listen(self) -> socket.socket | None:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.setblocking(False)
        try:
            server.bind((self._bind, self._port))
        except OSError as error:
            server.close()
            problem = f"The group's UDP port {self._port} cannot be used ({error.strerror}); check rooms.port."
            if problem != self._problem:
                self._problem = problem
                log.warning("%s", problem)
            return None
        self._selector.register(server, selectors.EVENT_READ)
        return server

    def _ask(self, duty: Duty) -> None:
        if self._asked is not None and duty.host:
            question = self._datagram(duty, asks=True, repeats=self._to_repeat)
            try:
                self._asked[1].send(encode(question, duty.key))
            except ConnectionRefusedError:
                self._put(Witnessed(duty.leader, duty.term, alive=False))
            except OSError:
                pass  # the network is away: silence says enough

    def _receive(self, place: socket.socket, duty: Duty, frozen: bool) -> None:
        """Take everything that waits."""
        while True:
            try:
                raw, sender = place.recvfrom(LARGEST)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self._put(Witnessed(duty.leader, duty.term, alive=False))
                return
            except OSError:
                return
            if not frozen:
                self._take(place, raw, sender, duty)

    def _take(self, place: socket.socket, raw: bytes, sender: tuple[str, int], duty: Duty) -> None:
        heard = decode(raw)
        if heard is None or heard.group != self._group or heard.term != duty.term or heard.id == self._me:
            return
        genuine = not duty.key or is_signed(heard, duty.key)
        fresh = genuine and (not duty.key or self._challenges.knows(heard.repeats, self._round_s))
        if heard.asks and not duty.host:  # also the question of a follower whose version signs nothing
            answer = self._datagram(duty, asks=False, repeats=heard.challenge)
            with contextlib.suppress(OSError):
                place.sendto(encode(answer, duty.key), sender)
        elif not heard.asks and heard.id == duty.leader:
            self._to_repeat = heard.challenge if genuine else self._to_repeat
        else:
            return
        if fresh:
            self._put(Witnessed(heard.id, heard.term))

    def _datagram(self, duty: Duty, *, asks: bool, repeats: str) -> Datagram:
        challenge = self._challenges.current(self._round_s) if duty.key else ""
        return Datagram(
            group=self._group, id=self._me, term=duty.term, asks=asks, challenge=challenge, repeats=repeats[:64]
        )

    def _close_sockets(self) -> None:
        for one in (self._server, self._asked[1] if self._asked else None):
            if one is not None:
                one.close()
        self._selector.close()
