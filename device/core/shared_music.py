"""What the group hears: the music that its leader publishes, and that the others show and continue. Pure; main thread.

Owned by `GroupControl`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from device.domain import (
    Choice,
    GroupEntry,
    GroupMusic,
    Memory,
    Now,
    PlaybackState,
    PlaybackView,
    Position,
    QueueEntry,
    SkipVotes,
    Track,
)
from device.music.recommend.track_index import TrackIndex

RECENT = 20  # tracks that the next leader does not play again soon
QUEUED = 40  # tracks of the queue that the group shows
SAME_S = 2.0  # the network takes its time: two ends of the sleep timer so close together are the same
SOUND_LATE_S = 1.0  # the delay from the leader's player to what the group hears


@dataclass(frozen=True, slots=True)
class Succession:
    """What a new leader continues: the track with this key, from this position."""

    key: str
    position_s: float


class SharedMusic:
    """`latest`: what the group hears, by its leader's last word; None before the first."""

    def __init__(self) -> None:
        self.latest: GroupMusic | None = None
        self._at = 0.0  # when that word came, monotonic
        self._recent: deque[str] = deque(maxlen=RECENT)

    @property
    def recent(self) -> frozenset[str]:
        """The keys of the tracks that the group heard last."""
        return frozenset(self._recent)

    def hear(self, music: GroupMusic, mono: float) -> None:
        """The leader says what plays. The word of an earlier leader does not count."""
        if self.latest is None or music.term >= self.latest.term:
            self.latest, self._at = music, mono
            self._recent = deque(music.recent, RECENT)

    def succession(self, mono: float) -> Succession | None:
        """What the former leader played, for its successor; None if nothing is known."""
        if self.latest is None or not self.latest.key:
            return None
        passed_s = mono - self._at if self.latest.state is PlaybackState.PLAYING else 0.0
        return Succession(self.latest.key, max(0.0, self.latest.position_s + passed_s - SOUND_LATE_S))

    def view(self, own: PlaybackView, known: Track | None) -> PlaybackView:
        """What plays in the group, for a device that follows. `own`: what that device plays itself; `known`: the track
        in that device's library, if it is there."""
        music = self.latest
        if music is None or not music.key:
            return silence(own)
        title = Track(music.key, "", music.title, music.artist, music.album, music.duration_s, mood=music.mood)
        position = Position(music.position_s, self._at, music.state is PlaybackState.PLAYING)
        return replace(own, state=music.state, choice=Choice(known or title, music.reason), position=position)

    def adopted(self, memory: Memory, now: Now) -> Memory:
        """The memory of a follower, with the settings of the group."""
        music = self.latest
        if music is None:
            return memory
        left_s, known = music.sleep_left_s, memory.schedule.sleep_until
        until = None if left_s is None else now.wall - (now.mono - self._at) + left_s
        if until is not None and known is not None and abs(until - known) < SAME_S:
            until = known
        return replace(
            memory, policy=music.policy, mood=music.mood_set, playback=music.state, requests=music.requests,
            schedule=replace(memory.schedule, sleep_until=until),
        )  # fmt: skip

    def publish(
        self,
        base: GroupMusic,
        playback: PlaybackView,
        memory: Memory,
        queue: tuple[QueueEntry, ...],
        votes: SkipVotes,
        now: Now,
    ) -> None:
        """As the leader, say what plays; `base` names the leader, its term and what people want. A position that
        follows from the last one is not news."""
        choice = playback.choice
        if choice is not None and (not self._recent or self._recent[-1] != choice.track.key):
            self._recent.append(choice.track.key)
        until = memory.schedule.sleep_until
        music = replace(
            base,
            policy=memory.policy,
            mood_set=memory.mood,
            recent=tuple(self._recent),
            requests=memory.requests,
            queue=tuple(_entry(one) for one in queue[:QUEUED]),
            skip_votes=votes,
            sleep_left_s=None if until is None else round(max(0.0, until - now.wall), 1),
        )
        if choice is not None:
            track = choice.track
            music = replace(
                music, key=track.key, title=track.title, artist=track.artist, album=track.album,
                duration_s=track.duration_s, reason=choice.reason, mood=track.mood,
                position_s=round(memory.position_s if playback.position is None else playback.position.at(now.mono), 2),
            )  # fmt: skip
        self.latest, self._at = music, now.mono


def coming(music: GroupMusic, library: TrackIndex) -> tuple[QueueEntry, ...]:
    """What the group hears next; tracks that this device has are those of its own library."""
    entries = []
    for one in music.queue:
        row = library.row.get(one.key)
        track = Track(one.key, "", one.title, one.artist) if row is None else library.tracks[row]
        entries.append(QueueEntry(Choice(track, one.reason), one.id, one.by, one.votes))
    return tuple(entries)


def silence(own: PlaybackView) -> PlaybackView:
    """`own`, while nothing plays."""
    return replace(own, state=PlaybackState.STOPPED, choice=None, position=None)


def _entry(entry: QueueEntry) -> GroupEntry:
    track = entry.choice.track
    return GroupEntry(track.key, track.title, track.artist, entry.choice.reason, entry.id, entry.by, entry.votes)
