"""This device as a member of a group: who leads, what the others say, and what the group hears. Pure; main thread.

Owned by the session. The leader chooses the music as a device alone does. The others follow: they play what the leader
sends, show what it plays, pass commands on to it, and know enough to go on where it stopped.
"""

from __future__ import annotations

from device.core.group_volume import GroupVolume, Loudness
from device.core.leadership import Leadership
from device.core.passed_on import AWAY, FULL, PassedOn
from device.core.shared_music import SharedMusic, silence
from device.domain import (
    EVERYONE,
    Action,
    Answer,
    Command,
    Feedback,
    Forward,
    FromGroup,
    GroupMusic,
    GroupTick,
    GroupView,
    LeaderAnswered,
    LeaderHeard,
    LeaderRecord,
    Linked,
    Member,
    MemberHeard,
    MemberMood,
    MemberOnline,
    Memory,
    MusicHeard,
    Now,
    Origin,
    PlaybackView,
    PlayMedia,
    PlayPlaylist,
    QueueEntry,
    RequestOrder,
    SeekTo,
    SetGroupVolume,
    SetMood,
    SetPlayback,
    SetPolicy,
    SetSleep,
    SkipVotes,
    StopMedia,
    TellGroup,
    Track,
    Witnessed,
)

MUSIC = SetPlayback | SeekTo | Feedback | PlayMedia | StopMedia | PlayPlaylist | RequestOrder
GROUP_WIDE = MUSIC | SetMood | SetPolicy | SetSleep
FORWARDED = "group"  # the surface of commands that a member has passed on
PATIENCE_S = 10.0  # the longest time that a connection may take before it is a problem


class GroupControl:
    """`me`: this device's id. `name`: the group; empty: this device plays alone."""

    def __init__(self, me: str, name: str) -> None:
        self.name = name
        self.shared = SharedMusic()
        self.passed_on = PassedOn()
        self._volume = GroupVolume()
        self._me = me
        self._leadership = Leadership(me)
        self._members: dict[str, Member] = {}
        self._own: LeaderRecord | None = None  # the last claim of ours, also if it resigned
        self._connected = False
        self._stranded_at: float | None = None  # the time from which only the broker is missing
        self._chose = True  # at the last call of `turn`

    # --- What happens ---

    def take(self, event: FromGroup, mono: float) -> list[Action]:
        """News from the group; news from a group that we have left does not count."""
        if event.group != self.name or not self.name:
            return []
        leadership = self._leadership
        match event.news:
            case Linked(up, host):
                self._connected, leadership.host = up, host or leadership.host
                self._publish(leadership.connected(up, mono))
            case LeaderHeard(record, retained):
                self._publish(leadership.heard(record, mono, retained))
            case MemberHeard(member):
                self._members[member.id] = member
                if member.id in leadership.members:
                    self._publish(leadership.member(member.id, True, mono, member.tracks > 0))
            case MemberOnline(member_id, online):
                known = self._members.get(member_id)
                fit = known is None or known.tracks > 0
                self._publish(leadership.member(member_id, online, mono, fit))
            case MusicHeard(music):
                if music.leader != self._me:
                    self.shared.hear(music, mono)
            case Witnessed(member_id, term, alive):
                if alive:
                    leadership.witness(member_id, term, mono)
                else:
                    leadership.deny(member_id)
            case LeaderAnswered(number, message):
                return self.passed_on.answered(number, message)
            case GroupTick():
                pass
        return []

    def tick(self, mono: float, tracks: int) -> None:
        """Renew, step down or claim. `tracks`: how many this device could play."""
        if self.name:
            self._leadership.fit = tracks > 0
            self._publish(self._leadership.tick(mono))
            if not self._leadership.stranded(mono):
                self._stranded_at = None
            elif self._stranded_at is None:
                self._stranded_at = mono

    def _publish(self, records: list[LeaderRecord]) -> None:
        self._own = records[-1] if records else self._own

    def problem(self, mono: float) -> str:
        """Why this device plays nothing, as a sentence; empty if its group works."""
        if self._stranded_at is None or mono < self._stranded_at + PATIENCE_S:
            return ""
        return (f"The group {self.name} waits for the MQTT broker; check mqtt.host and the network, or run "
                "affetto set group '' to let this device play alone.")  # fmt: skip

    # --- Who chooses ---

    def chooses(self, mono: float) -> bool:
        """Whether this device chooses music now: it plays alone, or it leads."""
        return not self.name or (self._leadership.leading and mono < self._leadership.sound_until())

    def turn(self, mono: float) -> bool | None:
        """True if this device has begun to choose since the last call, False if it has stopped; None: no change."""
        before, self._chose = self._chose, self.chooses(mono)
        return None if before is self._chose else self._chose

    @property
    def follows(self) -> bool:
        """Whether another device leads."""
        leader = self._leadership.leader
        return bool(self.name) and leader is not None and leader.id != self._me

    @property
    def accompanied(self) -> bool:
        """Whether other rooms hear the same music."""
        return bool(self.name) and bool(self._leadership.members)

    # --- What others see ---

    def pass_on(self, command: Command, origin: Origin, mono: float) -> list[Action] | None:
        """What to do with a command that concerns the whole group, on a device that does not lead; None: obey it."""
        if not self.name or self._leadership.leading or not isinstance(command, GROUP_WIDE):
            return None
        if self.follows:
            if origin.surface == FORWARDED:
                return []
            if not self._connected:
                return [Answer(origin, AWAY)]
            number = self.passed_on.add(origin, mono)
            return [Answer(origin, FULL) if number is None else Forward(command, number)]
        return [Answer(origin, f"Nobody leads the group {self.name} at the moment; try again in some seconds.")]

    def ask(self, command: Command, mono: float) -> list[Action]:
        """Let the leader do this, because this device wants it."""
        return self.pass_on(command, Origin(), mono) or []

    def adopt(self, memory: Memory, now: Now) -> Memory:
        """The memory with the settings of the group, which its leader publishes."""
        music = self.music
        return memory if music is None or music.leader == self._me else self.shared.adopted(memory, now)

    def audience(self, memory: Memory) -> tuple[tuple[str, ...], bool]:
        """The profiles whose tastes count, each once, and whether there are guests: in all rooms, for a leader."""
        members = self._online() if self.name and self._leadership.leading else []
        names = dict.fromkeys((*memory.profiles, *(name for member in members for name in member.profiles)))
        people = tuple(name for name in names if name != EVERYONE)
        return people or (EVERYONE,), memory.guests or any(member.guests for member in members)

    @property
    def music(self) -> GroupMusic | None:
        """What the group hears, for a device that follows; None for others."""
        return self.shared.latest if self.follows else None

    def heard(self, own: PlaybackView, known: Track | None) -> PlaybackView:
        """What plays in the group, for a device that does not choose; see `SharedMusic.view`."""
        return self.shared.view(own, known) if self.follows else silence(own)

    def publish_music(
        self, playback: PlaybackView, memory: Memory, queue: tuple[QueueEntry, ...], votes: SkipVotes, now: Now
    ) -> None:
        """As the leader, say what plays."""
        level = self._volume.level(self._loudness(Loudness(playback.volume, playback.max_volume)), now.mono)
        base = GroupMusic(self._me, self._leadership.term, memory.playback, volume=level)
        self.shared.publish(base, playback, memory, queue, votes, now)

    def moods(self) -> list[MemberMood]:
        """What the other members see, for a leader: people weighed once (see `people_once`)."""
        return people_once(self._online()) if self.name and self._leadership.leading else []

    def _online(self) -> list[Member]:
        return [self._members[one] for one in self._leadership.members if one in self._members]

    def set_volume(self, percent: int, own: Loudness, mono: float) -> int:
        """This device's volume once the group has `percent`; see `GroupVolume`."""
        return self._volume.set(percent, own, self._loudness(own), mono)

    def tell_volume(self, order: SetGroupVolume, own: Loudness, origin: Origin, mono: float) -> list[Action]:
        """Let every device of the group set its volume."""
        if not self.name:
            return [Answer(origin, "This device plays alone; set its own volume.")]
        if not self._connected:
            return [Answer(origin, "The MQTT broker does not answer, so the other devices of the group hear nothing.")]
        devices = self._loudness(own)
        top, level = self._volume.top(devices, mono), self._volume.level(devices, mono)
        wanted = level + order.percent if order.relative else order.percent
        percent = max(0, min(wanted, top))
        cut = wanted > top and (not order.relative or percent == level)
        told = [Answer(origin, f"The loudest device of the group is limited to {top}%.")] if cut else []
        return [*told, TellGroup(SetGroupVolume(percent))]

    def _loudness(self, own: Loudness) -> list[Loudness]:
        """Of every device that is online."""
        others = [Loudness(one.volume, one.max_volume) for one in self._online() if one.volume is not None]
        return [own, *others]

    def view(self, own: Member, mono: float) -> GroupView | None:
        """The group; None for a device that plays alone."""
        if not self.name:
            return None
        leadership = self._leadership
        leader = leadership.leader
        others = (self._members.get(one, Member(one)) for one in leadership.members)
        mine = self._own is not None and self._own.term == leadership.term and (leader is None or leader.id == self._me)
        return GroupView(
            name=self.name,
            me=self._me,
            record=self._own if mine else leader,
            leader="" if leader is None else leader.id,
            sound_until=leadership.sound_until(),
            members=(own, *others),
            music=self.shared.latest,
            connected=self._connected,
            probes=leadership.probes,
            volume=self._volume.level(self._loudness(Loudness(own.volume or 0, own.max_volume)), mono),
        )


def people_once(members: list[Member]) -> list[MemberMood]:
    """The moods to fuse: of the members in one room, which see the same people, the one with the surest view. Devices
    without a room each count."""
    best: dict[str, MemberMood] = {}
    for member in members:
        mood, place = member.mood, member.room or f"\0{member.id}"
        if mood is not None and (place not in best or mood.certainty > best[place].certainty):
            best[place] = mood
    return list(best.values())
