"""The mood in effect, and where the music should be for it. Pure; main thread, owned by the session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from device.config.schema import Config
from device.domain import (
    MOOD_AFFECT,
    DiaryEntry,
    Erasure,
    MemberMood,
    Memory,
    Mood,
    MoodSource,
    Now,
    PolicyName,
    Reading,
    ReportBody,
    SongEntry,
    Target,
    read_leaning,
)
from device.mood.context import ContextGuide
from device.mood.evidence import Evidence, EvidenceSource
from device.mood.policy import Guide
from device.mood.room_mood import RoomMood


class MoodControl:
    """Fuses the evidence into the room's mood, and moves the target with time. The memory says which mood and policy
    people set. `eye_open`: whether a camera delivers readings."""

    def __init__(self, config: Config, songs: Iterable[SongEntry] = ()) -> None:
        """`songs`: the diary's."""
        self.eye_open = False
        self._bodies = config.people.bodies
        self._room_mood = RoomMood(config.mood)
        self._guide = Guide(config.mood)
        self._context = ContextGuide(map(read_leaning, config.context.activities), songs, learn=config.context.learn)
        self._wall = 0.0
        self._set_at = 0.0  # when somebody set the mood by hand (monotonic, s)

    def start(self, now: Now) -> None:
        """A mood that was set by hand before the start counts from now."""
        self._set_at = now.mono

    def take(self, reading: Reading, now: Now) -> None:
        """Add a reading of the eye."""
        self._room_mood.update(reading, now)

    def report(self, body: ReportBody, now: Now) -> str:
        """Take a measurement of a body. Returns why it was refused; empty if it was not."""
        if not self._bodies:
            return "Measurements of bodies are switched off; set people.bodies: true in the settings to use them."
        return self._room_mood.bodies.report(body, now)

    def learn(self, entry: DiaryEntry) -> None:
        """Learn what is liked in which context."""
        if isinstance(entry, SongEntry):
            self._context.learn(entry)

    def forget(self, erasure: Erasure) -> None:
        """Forget what was learnt from what `erasure` covers."""
        self._context.forget(erasure)
        if erasure.ever:
            self._room_mood.bodies.forget(erasure.person)

    def context(self, memory: Memory) -> str:
        """The context that counts, such as "dinner" or "evening"."""
        return self._context.name(memory.context, self._wall)

    def hear(self, moods: list[MemberMood], now: Now) -> None:
        """Fuse what other rooms see, too."""
        rooms = EvidenceSource.ROOMS
        self._room_mood.hear(tuple(Evidence(rooms, now.mono, one.probabilities, one.certainty) for one in moods), now)

    @property
    def member_mood(self) -> MemberMood | None:
        """What this room's camera sees, for the leader of the group; None without faces."""
        evidence = self._room_mood.evidence if self.eye_open else None
        if evidence is None:
            return None
        probabilities = tuple(round(one, 2) for one in evidence.mood_probabilities)
        return MemberMood(probabilities, round(evidence.certainty, 1), self.seen.faces)

    def set_by_hand(self, now: Now) -> None:
        """Somebody has just set the mood in the memory."""
        self._set_at = now.mono

    def advance(self, memory: Memory, now: Now) -> None:
        """Move the target on to `now`."""
        self._wall = now.wall
        self._guide.advance(memory.policy, self.mood(memory), now.mono)

    @property
    def seen(self) -> Mood:
        """The room's mood by the evidence, whatever somebody has set. Without an open eye, `faces` is 0."""
        seen = self._room_mood.mood
        return seen if self.eye_open else replace(seen, faces=0)

    def mood(self, memory: Memory) -> Mood:
        """The mood in effect: the one set by hand, or else the room's."""
        seen = self.seen
        if memory.mood is None:
            return seen
        return replace(
            seen,
            name=memory.mood,
            affect=MOOD_AFFECT[memory.mood],
            confidence=1.0,
            source=MoodSource.MANUAL,
            since=self._set_at,
        )

    def target(self, memory: Memory) -> Target:
        """Where the music should be, as of the last `advance`. What somebody has set by hand is not moved by the
        context."""
        target = self._guide.target(memory.policy, self.mood(memory))
        if memory.mood is not None or memory.policy is PolicyName.MANUAL:
            return target
        return self._context.lean(target, memory.context, self._wall)
