"""Who leads a group: one device's part in the election, over MQTT. Pure; main thread. Times are monotonic seconds.

MQTT has no compare-and-set, so the leader holds a lease (Gray and Cheriton 1989, SOSP). It renews its retained record
every `BEAT_S`, and trusts a renewal only when the broker returns it: then it may play for `HOLD_S` from the moment of
sending. The others wait `LEASE_S`, which is longer, from the moment of receiving, which is later. So a leader that is
cut off or frozen has stopped before another one claims. Terms order the claims, as in Raft (Ongaro and Ousterhout 2014,
USENIX ATC).

Before a claim, a device proves that its connection works, by a message that the broker returns. Otherwise a device that
was cut off would leave claims in a dead connection, and they would arrive when the network works again.

While the broker is away nobody claims, and the sound itself is the witness: members that follow a leader send it
datagrams. The leader continues as long as all members that it knows do so, and nobody claims against a leader that
answers. A leader without a broker whose members are gone stops after one lease, because they may follow another leader.
A leader that knows no other member plays on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from device.domain import LeaderRecord

LEASE_S = 6.0  # without a renewal for this long, a leader is gone
QUICK_S = 3.0  # the same for a leader that answered datagrams and no longer does
HOLD_S = 5.0  # without an acknowledged renewal for this long, a leader stops: earlier, because messages take their time
BEAT_S = 2.0  # the interval of renewals
SETTLE_S = 1.0  # after a connection, the retained messages arrive in this time
WITNESS_S = 1.5  # a leader that answered this recently is alive, whatever the broker says
UNFIT_S = 5.0  # the extra wait of a candidate without music: its library may only be loading
STAGGER_S = 0.7  # the extra wait of each candidate after the one before it
CLAIM_S = 3.0  # a claim that the broker does not return in this time has failed
PROBE_S = 1.0  # the interval of the probes of a device that wants to claim
INSIST_S = 5.0  # after a claim, and after a rival was heard, renewals come faster for this long
INSIST_BEAT_S = 0.5  # their interval then: a rival must hear of us soon, even if messages are lost
STALE_S = 5.0  # after a connection, a member that is not announced again in this time is gone
NEVER = -math.inf


@dataclass(slots=True)
class _Lease:
    """Our own claim: when each renewal was sent, and until when the acknowledged ones hold."""

    term: int
    claimed_at: float
    beat: int = 0
    sent: dict[int, float] = field(default_factory=dict)
    until: float = NEVER
    due_at: float = NEVER
    insists_until: float = NEVER

    @property
    def acknowledged(self) -> bool:
        return self.until > NEVER

    def acknowledge(self, beat: int) -> None:
        """The broker returned this renewal."""
        if beat in self.sent:
            self.until = max(self.until, self.sent[beat] + HOLD_S)
            self.sent = {number: at for number, at in self.sent.items() if number >= beat}


class Leadership:
    """One device's view of its group's leader. Every method that takes `now` may return records to publish, retained.

    `me`: this device's id. `host`: this device's address for the others.
    """

    def __init__(self, me: str, host: str = "") -> None:
        self.me = me
        self.host = host
        self.fit = True
        """Whether this device has music to play."""
        self.probes = 0
        """The number of probes wanted so far. The broker returns each as this device's own sign of being online."""
        self._record: LeaderRecord | None = None  # the best one heard or sent
        self._heard_at = NEVER  # when that record was renewed last
        self._lease: _Lease | None = None
        self._up_at = math.inf  # when the broker connected; infinite: it is not connected
        self._members: dict[str, bool] = {}  # the others that are online, and whether they are fit
        self._unconfirmed: set[str] = set()  # members from before the last connection
        self._answered = 0  # the last term in which the leader answered us
        self._witnessed: dict[str, float] = {}  # when each member's last datagram arrived
        self._vacant_since = math.inf
        self._proved_at = self._probed_at = NEVER

    # --- What others want to know ---

    @property
    def term(self) -> int:
        """The highest term seen; 0 before any."""
        return 0 if self._record is None else self._record.term

    @property
    def leading(self) -> bool:
        """Whether this device leads. Before each block of sound, ask `sound_until` too."""
        return self._lease is not None and self._lease.acknowledged

    @property
    def leader(self) -> LeaderRecord | None:
        """The leader to follow: None while there is none, as far as this device knows."""
        if self._record is None or self._record.resigned or (self._record.id == self.me and not self.leading):
            return None
        return self._record

    def stranded(self, now: float) -> bool:
        """Whether nobody leads as far as this device knows, and it may not claim the lead without the broker."""
        if self._up_at <= now or self._lease is not None:
            return False
        leader = self.leader
        return leader is None or now >= self._witnessed.get(leader.id, NEVER) + WITNESS_S

    @property
    def members(self) -> tuple[str, ...]:
        """The other members that are online."""
        return tuple(sorted(self._members))

    def sound_until(self) -> float:
        """Until when this device may sound as the leader: the end of its lease, or of its witnesses' word."""
        if self._lease is None or not self._lease.acknowledged:
            return NEVER
        return max(self._lease.until, self._witnesses_until())

    # --- What happens ---

    def connected(self, up: bool, now: float) -> list[LeaderRecord]:
        """The connection to the broker came up, or went down. After it came up, all retained messages follow."""
        self._vacant_since = math.inf
        if not up:
            self._up_at = math.inf
            return []
        self._up_at = now
        self._unconfirmed = set(self._members)
        self._heard_at = now  # give the leader time to be heard
        if self._lease is not None:
            self._lease.due_at = now + INSIST_BEAT_S
        return []

    def member(self, member_id: str, online: bool, now: float, fit: bool = True) -> list[LeaderRecord]:
        """A member announced itself, or its last will says that it is gone."""
        if member_id == self.me:
            self._proved_at = now if online else self._proved_at
            return self.tick(now)
        self._unconfirmed.discard(member_id)
        if online:
            self._members[member_id] = fit
        else:
            self._members.pop(member_id, None)
        return self.tick(now)

    def witness(self, member_id: str, term: int, now: float) -> None:
        """A datagram: from the leader that we follow, or, if we lead, from a member that follows us."""
        if term == self.term:
            self._witnessed[member_id] = now
            if self._record is not None and member_id == self._record.id:
                self._answered = term

    def deny(self, member_id: str) -> None:
        """Nobody answers at this member's witness port."""
        self._witnessed.pop(member_id, None)

    def heard(self, record: LeaderRecord, now: float, retained: bool = False) -> list[LeaderRecord]:
        """A record arrived. `retained`: the broker had stored it, so it may be old."""
        if record.beats(self._record):
            self._lease = None
            self._record, self._heard_at, self._vacant_since = record, now, math.inf
            return []
        if self._record is None or not _same_claim(record, self._record):
            return self._insist(now)
        if record.id == self.me:
            self._take_own(record)
        elif record.continues(self._record):
            self._record = record
            if not retained:
                self._heard_at = now
        return []

    def resign(self, now: float, heir: str = "") -> list[LeaderRecord]:
        """Stop leading on purpose; `heir` should lead next (empty: whoever is fit)."""
        if self._lease is None or self._record is None:
            return []
        self._record = replace(self._record, beat=self._lease.beat + 1, resigned=True, heir=heir)
        self._lease = None
        return [self._record]

    def tick(self, now: float) -> list[LeaderRecord]:
        """Call it several times a second, and first of all after a pause: renew, step down or claim."""
        self._forget_unconfirmed(now)
        lease = self._lease
        if lease is None:
            return self._claim_if_vacant(now)
        if now >= (self.sound_until() if lease.acknowledged else lease.claimed_at + CLAIM_S):
            self._lease = None
            if self._up_at <= now:  # perhaps we slept, and a successor's record still waits to be read
                self._up_at = now
        elif not self.fit and any(self._members.values()) and lease.acknowledged:
            return self.resign(now, min(one for one, fit in self._members.items() if fit))
        elif self._up_at <= now and now >= lease.due_at:
            return [self._renew(lease, now)]
        return []

    # --- Leading ---

    def _take_own(self, record: LeaderRecord) -> None:
        """Our own record came back. Without a lease it is from an earlier life, and means nothing."""
        if self._lease is not None and self._lease.term == record.term:
            self._lease.acknowledge(record.beat)

    def _renew(self, lease: _Lease, now: float) -> LeaderRecord:
        lease.beat += 1
        lease.sent[lease.beat] = now
        lease.due_at = now + (INSIST_BEAT_S if now < lease.insists_until else BEAT_S)
        self._record = LeaderRecord(self.me, lease.term, lease.beat, self.host)
        return self._record

    def _insist(self, now: float) -> list[LeaderRecord]:
        """Somebody published an outdated record, which now is the retained one: replace it."""
        lease = self._lease
        if lease is None:
            return []
        lease.insists_until = now + INSIST_S
        lease.due_at = min(lease.due_at, max(now, lease.sent.get(lease.beat, NEVER) + INSIST_BEAT_S))
        return [self._renew(lease, now)] if now >= lease.due_at else []

    def _witnesses_until(self) -> float:
        return min((self._witnessed.get(one, NEVER) + HOLD_S for one in self._members), default=math.inf)

    # --- Claiming ---

    def _claim_if_vacant(self, now: float) -> list[LeaderRecord]:
        if not self._vacant(now):
            self._vacant_since = math.inf
            return []
        self._vacant_since = min(self._vacant_since, now)
        wait_s = self._rank() * STAGGER_S + (0.0 if self.fit else UNFIT_S)
        if now < self._vacant_since + wait_s:
            return []
        if self._proved_at < self._vacant_since:
            if now >= self._probed_at + PROBE_S:
                self._probed_at, self.probes = now, self.probes + 1
            return []
        self._proved_at = NEVER  # the next claim needs a new proof
        self._lease = _Lease(self.term + 1, now, insists_until=now + INSIST_S)
        self._witnessed.clear()
        return [self._renew(self._lease, now)]

    def _vacant(self, now: float) -> bool:
        """Whether the group has no leader, as far as this device can know."""
        record = self._record
        if now < self._up_at + SETTLE_S:
            return False
        if record is None or record.resigned or record.id == self.me:
            return True
        if now < self._witnessed.get(record.id, NEVER) + WITNESS_S:
            return False
        patience_s = QUICK_S if self._answered == record.term else LEASE_S
        return record.id not in self._members or now >= self._heard_at + patience_s

    def _rank(self) -> int:
        """How many others should claim before us: the heir, then those with music, then by id."""
        heir = self._record.heir if self._record is not None and self._record.resigned else ""
        former = self._record.id if self._record is not None else ""

        def order(member_id: str, fit: bool) -> tuple[bool, bool, str]:
            return (member_id != heir, not fit, member_id)

        mine = order(self.me, self.fit)
        return sum(order(one, fit) < mine for one, fit in self._members.items() if one != former)

    def _forget_unconfirmed(self, now: float) -> None:
        if self._unconfirmed and now >= self._up_at + STALE_S:
            for member_id in self._unconfirmed:
                self._members.pop(member_id, None)
            self._unconfirmed = set()


def _same_claim(one: LeaderRecord, other: LeaderRecord) -> bool:
    return (one.id, one.term) == (other.id, other.term)
