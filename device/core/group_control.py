"""This device as a member of a group: who leads, what the others say, and what the group hears. Pure; main thread.

Owned by the session. The leader chooses the music as a device alone does. The others follow: they play what the leader
sends, show what it plays, pass commands on to it, and know enough to go on where it stopped.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from device.core.leadership import Leadership
from device.core.passed_on import AWAY, FULL, PassedOn
from device.domain import (
    EVERYONE,
    Action,
    Answer,
    Choice,
    Command,
    Feedback,
    Forward,
    FromGroup,
    GroupEntry,
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
    Origin,
    PlaybackState,
    PlaybackView,
    PlayMedia,
    PlayPlaylist,
    Position,
    QueueEntry,
    RequestOrder,
    SeekTo,
    SetMood,
    SetPlayback,
    SetPolicy,
    SkipVotes,
    StopMedia,
    Track,
    Witnessed,
)
from device.music.recommend.track_index import TrackIndex

GROUP_WIDE = SetPlayback | SeekTo | Feedback | PlayMedia | StopMedia | PlayPlaylist | RequestOrder | SetMood | SetPolicy
FORWARDED = "group"  # the surface of commands that a member has passed on
RECENT = 20  # tracks that the next leader does not play again soon
QUEUED = 40  # tracks of the queue that the group shows
PATIENCE_S = 10.0  # a connection may take so long before it is a problem
SOUND_LATE_S = 1.0  # the group hears the music so much later than the leader's player plays it


@dataclass(frozen=True, slots=True)
class Succession:
    """What a new leader continues: the track with this key, from this position."""

    key: str
    position_s: float


class GroupControl:
    """`me`: this device's id. `name`: the group; empty: this device plays alone."""

    def __init__(self, me: str, name: str) -> None:
        self.name = name
        self.music: GroupMusic | None = None
        """What the group hears, by its leader's last word."""
        self.passed_on = PassedOn()
        self._me = me
        self._music_at = 0.0
        self._leadership = Leadership(me)
        self._members: dict[str, Member] = {}
        self._own: LeaderRecord | None = None  # the last claim of ours, also if it resigned
        self._connected = False
        self._stranded_at: float | None = None  # since when only the broker is missing
        self._recent: deque[str] = deque(maxlen=RECENT)
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
                self._take_music(music, mono)
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

    def _take_music(self, music: GroupMusic, mono: float) -> None:
        if music.leader == self._me or (self.music is not None and music.term < self.music.term):
            return
        self.music, self._music_at = music, mono
        self._recent = deque(music.recent, RECENT)

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

    def succession(self, mono: float) -> Succession | None:
        """What the former leader played, for its successor; None if nothing is known."""
        if self.music is None or not self.music.key:
            return None
        passed_s = mono - self._music_at if self.music.state is PlaybackState.PLAYING else 0.0
        return Succession(self.music.key, max(0.0, self.music.position_s + passed_s - SOUND_LATE_S))

    @property
    def follows(self) -> bool:
        """Whether another device leads."""
        leader = self._leadership.leader
        return bool(self.name) and leader is not None and leader.id != self._me

    @property
    def recent(self) -> frozenset[str]:
        """The keys of the tracks that the group heard last."""
        return frozenset(self._recent)

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

    def adopt(self, memory: Memory) -> Memory:
        """The memory with the settings of the group, which its leader publishes."""
        music = self.music
        if music is None or not self.follows or music.leader == self._me:
            return memory
        return replace(
            memory, policy=music.policy, mood=music.mood_set, playback=music.state, requests=music.requests
        )

    def audience(self, memory: Memory) -> tuple[tuple[str, ...], bool]:
        """The profiles whose tastes count, each once, and whether there are guests: in all rooms, for a leader."""
        members = self._online() if self.name and self._leadership.leading else []
        names = dict.fromkeys((*memory.profiles, *(name for member in members for name in member.profiles)))
        people = tuple(name for name in names if name != EVERYONE)
        return people or (EVERYONE,), memory.guests or any(member.guests for member in members)

    def heard(self, own: PlaybackView, known: Track | None) -> PlaybackView:
        """What plays in the group, for a device that follows. `known`: the track in the own library, if it has it."""
        music = self.music
        if music is None or not self.follows or not music.key:
            return replace(own, state=PlaybackState.STOPPED, choice=None, position=None)
        title = Track(music.key, "", music.title, music.artist, music.album, music.duration_s, mood=music.mood)
        running = music.state is PlaybackState.PLAYING
        position = Position(music.position_s, self._music_at, running)
        return replace(own, state=music.state, choice=Choice(known or title, music.reason), position=position)

    def coming(self, library: TrackIndex) -> tuple[QueueEntry, ...] | None:
        """What the group hears next, for a device that follows; None for one that chooses."""
        if not self.follows or self.music is None:
            return None
        entries = []
        for one in self.music.queue:
            row = library.row.get(one.key)
            track = Track(one.key, "", one.title, one.artist) if row is None else library.tracks[row]
            entries.append(QueueEntry(Choice(track, one.reason), one.id, one.by, one.votes))
        return tuple(entries)

    def publish_music(
        self, playback: PlaybackView, memory: Memory, queue: tuple[QueueEntry, ...], votes: SkipVotes, mono: float
    ) -> None:
        """As the leader, say what plays. A position that follows from the last one is not news."""
        choice = playback.choice
        track = None if choice is None else choice.track
        if track is not None and (not self._recent or self._recent[-1] != track.key):
            self._recent.append(track.key)
        music = GroupMusic(
            self._me,
            self._leadership.term,
            memory.playback,
            policy=memory.policy,
            mood_set=memory.mood,
            recent=tuple(self._recent),
            requests=memory.requests,
            queue=tuple(_entry(one) for one in queue[:QUEUED]),
            skip_votes=votes,
        )
        if choice is not None and track is not None:
            music = replace(
                music, key=track.key, title=track.title, artist=track.artist, album=track.album,
                duration_s=track.duration_s, reason=choice.reason, mood=track.mood,
                position_s=round(memory.position_s if playback.position is None else playback.position.at(mono), 2),
            )  # fmt: skip
        self.music, self._music_at = music, mono

    def moods(self) -> list[MemberMood]:
        """What the other members see, for a leader: people weighed once (see `people_once`)."""
        return people_once(self._online()) if self.name and self._leadership.leading else []

    def _online(self) -> list[Member]:
        return [self._members[one] for one in self._leadership.members if one in self._members]

    def view(self, own: Member) -> GroupView | None:
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
            music=self.music,
            connected=self._connected,
            probes=leadership.probes,
        )


def _entry(entry: QueueEntry) -> GroupEntry:
    track = entry.choice.track
    return GroupEntry(track.key, track.title, track.artist, entry.choice.reason, entry.id, entry.by, entry.votes)


def people_once(members: list[Member]) -> list[MemberMood]:
    """The moods to fuse: of the members in one room, which see the same people, the one with the surest view. Devices
    without a room each count."""
    best: dict[str, MemberMood] = {}
    for member in members:
        mood, place = member.mood, member.room or f"\0{member.id}"
        if mood is not None and (place not in best or mood.certainty > best[place].certainty):
            best[place] = mood
    return list(best.values())
