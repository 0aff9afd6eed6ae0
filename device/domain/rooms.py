"""Groups: devices that play together. What travels between them, and the group as surfaces show it.

Times are monotonic seconds of this device; nothing that travels holds a time of another device's clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from device.domain.affect import MoodName, Scores
from device.domain.music import EVERYONE, PlaybackState, PolicyName
from device.domain.requests import Requests, SkipVotes


@dataclass(frozen=True, slots=True)
class LeaderRecord:
    """Who leads a group: the retained document of `affetto/group/<g>/leader`.

    `term` grows with every change of leader; of two claims with the same term, the lower `id` wins. `beat` counts the
    renewals within a term. `host` is the leader's address for sound and for witnesses. `resigned`: the leader has
    stopped, and `heir` (may be empty) should follow it. `key` signs the datagrams of the term: rooms/datagram.py.
    """

    id: str
    term: int
    beat: int = 0
    host: str = ""
    resigned: bool = False
    heir: str = ""
    key: str = ""

    def beats(self, other: LeaderRecord | None) -> bool:
        """Whether this record replaces `other`: a higher term, or the same term and a lower id."""
        return other is None or (-self.term, self.id) < (-other.term, other.id)

    def continues(self, other: LeaderRecord | None) -> bool:
        """Whether this is a later renewal of the same claim."""
        return other is not None and (self.id, self.term) == (other.id, other.term) and self.beat > other.beat


@dataclass(frozen=True, slots=True)
class MemberMood:
    """What a member's camera and people say: a probability for each mood in the order of `MoodName`, the certainty of
    that evidence (see mood/evidence.py), and the faces in view."""

    probabilities: Scores
    certainty: float
    faces: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """One device of a group: the retained document of `affetto/group/<g>/member/<id>`. `tracks`: how many it could
    play. `mood`: None without evidence. `profiles` are the people whose tastes count there; `guests`: so are guests.
    `clock_error_ms`: how far the clock of its sound is from the leader's, at most; None: not measured. `volume` (None:
    an earlier version does not say) and the highest one that it may have now, `max_volume`, are in percent."""

    id: str
    name: str = ""
    room: str = ""
    tracks: int = 0
    version: str = ""
    mood: MemberMood | None = None
    profiles: tuple[str, ...] = (EVERYONE,)
    guests: bool = False
    clock_error_ms: float | None = None
    volume: int | None = None
    max_volume: int = 100


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """A track that the group hears later; the fields are those of a `QueueEntry` and its track."""

    key: str
    title: str = ""
    artist: str = ""
    reason: str = ""
    id: int = 0
    by: str = ""
    votes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupMusic:
    """What the group hears, as its leader publishes it: the retained document of `affetto/group/<g>/state`, and all
    that the next leader needs. `state` is what people want. `key` identifies the track's content, and is empty while
    nothing plays. `position_s` is the position when the document was sent. `recent` are the keys of the last tracks.
    `mood_set`: the mood that somebody set by hand. `queue`: what plays next, as far as it fits into the document.
    `sleep_left_s`: the time until the sleep timer has stopped the music, when the document was sent; None without
    one. `volume`: the group's, in percent (see `SetGroupVolume`)."""

    leader: str
    term: int
    state: PlaybackState = PlaybackState.STOPPED
    key: str = ""
    title: str = ""
    artist: str = ""
    album: str = ""
    duration_s: float = 0.0
    position_s: float = 0.0
    reason: str = ""
    mood: MoodName = MoodName.NEUTRAL
    policy: PolicyName = PolicyName.MATCH
    mood_set: MoodName | None = None
    recent: tuple[str, ...] = ()
    requests: Requests = field(default_factory=Requests)
    queue: tuple[GroupEntry, ...] = ()
    skip_votes: SkipVotes = field(default_factory=SkipVotes)
    sleep_left_s: float | None = None
    volume: int = 0


@dataclass(frozen=True, slots=True)
class GroupView:
    """The group of this device. `record` is the newest claim that it knows, its own included; `leader` the id of the
    device that leads, empty while none does. As the leader, this device may sound until `sound_until`. `members` are
    those that are online, this device included; `music` is what the group hears. `connected`: the broker answers. For
    each of the `probes` this device says on MQTT that it is online, and waits until the broker returns that. `volume`:
    the group's, in percent."""

    name: str
    me: str
    record: LeaderRecord | None = None
    leader: str = ""
    sound_until: float = -math.inf
    members: tuple[Member, ...] = ()
    music: GroupMusic | None = None
    connected: bool = False
    probes: int = 0
    volume: int = 0

    @property
    def leads(self) -> bool:
        """Whether this device leads."""
        return self.leader == self.me

    @property
    def host(self) -> str:
        """The leader's address; empty while there is none."""
        return self.record.host if self.record is not None and self.leader else ""


# --- News from the group ---


@dataclass(frozen=True, slots=True)
class Linked:
    """The connection to the broker came up, or went down. `host`: this device's address for the others."""

    up: bool
    host: str = ""


@dataclass(frozen=True, slots=True)
class LeaderHeard:
    """A record arrived. `retained`: the broker had stored it."""

    record: LeaderRecord
    retained: bool = False


@dataclass(frozen=True, slots=True)
class MemberHeard:
    """A member described itself."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberOnline:
    """A member came, or its last will says that it is gone."""

    id: str
    online: bool


@dataclass(frozen=True, slots=True)
class MusicHeard:
    """The leader published what the group hears."""

    music: GroupMusic


@dataclass(frozen=True, slots=True)
class LeaderAnswered:
    """The leader has handled the command that this device passed on with this number. `message`: why it refused the
    command, or obeyed only part of it; empty if it obeyed."""

    number: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A datagram from the leader or from a follower. Not `alive`: nobody answers at the leader's port."""

    id: str
    term: int
    alive: bool = True


@dataclass(frozen=True, slots=True)
class GroupTick:
    """A quarter of a second has passed, more or less."""


GroupNews = Linked | LeaderHeard | MemberHeard | MemberOnline | MusicHeard | LeaderAnswered | Witnessed | GroupTick
