"""Keeps the diary: notices when the mood changes and when a song ends, and makes entries. Pure; main thread.

The session calls `observe` after every event. A song's *before* is what the faces showed when it became audible, its
*after* is what they showed when it ended: at most `FRESH_S` old, because older faces say nothing about the song.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from device.core.queue import Playthrough
from device.domain import (
    Action,
    Felt,
    Listen,
    Mood,
    MoodEntry,
    MoodName,
    MoodSource,
    Note,
    Now,
    Outcome,
    Record,
    SongEntry,
)

FRESH_S = 30.0  # how old a face's expression may be to count as the mood before or after a song
AWAY_S = 120.0  # nobody in view for this long: the room is empty
ENDS = (Outcome.PLAYED, Outcome.SKIPPED, Outcome.REPLACED, Outcome.DISLIKED, Outcome.BANNED)


@dataclass(frozen=True, slots=True)
class Observation:
    """What the session knows after an event. `effective`: the mood in effect; `seen`: the mood of the faces; `profile`
    and `context`: see `SongEntry`; `guests`: guest mode is on, so nothing is noted; `actions`: what the session has
    decided about the event."""

    effective: Mood
    seen: Mood
    playing: Playthrough | None
    profile: str
    actions: Sequence[Action]
    guests: bool = False
    context: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """A song that is audible: when it began (wall clock, s), and the mood before it."""

    playthrough: Playthrough
    at: float
    before: Felt | None
    profile: str
    context: str
    liked: bool = False


class DiaryKeeper:
    """Makes diary entries. `keep` False: it makes none."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep
        self._felt: Felt | None = None
        self._felt_at = float("-inf")  # when the latest face was in view (monotonic, s)
        self._shown: tuple[MoodName | None, MoodSource] = (None, MoodSource.NONE)
        self._begun: Begun | None = None

    def observe(self, observed: Observation, now: Now) -> list[Note]:
        """The entries that an event causes."""
        if not self._keep or observed.guests:
            self._begun = None
            return []
        if observed.seen.faces:
            self._felt, self._felt_at = Felt(observed.seen.affect, observed.seen.confidence), now.mono
        entries = (self._song(observed, now), self._mood(observed.effective, now))
        return [Note(entry) for entry in entries if entry is not None]

    def forget(self) -> None:
        """Leave nothing in memory of the song that plays."""
        self._begun = None

    def _mood(self, mood: Mood, now: Now) -> MoodEntry | None:
        by_hand = mood.source is MoodSource.MANUAL
        there = now.mono - self._felt_at < AWAY_S
        shown = (mood.name if by_hand or there else None, mood.source if by_hand or there else MoodSource.NONE)
        if shown == self._shown:
            return None
        self._shown = shown
        return MoodEntry(now.wall, *shown, self._recent(now), mood.faces)

    def _song(self, observed: Observation, now: Now) -> SongEntry | None:
        playing, begun = observed.playing, self._begun
        listens = [action.listen for action in observed.actions if isinstance(action, Record)]
        if begun is not None:
            key = begun.playthrough.choice.track.key
            liked = any(one.track_key == key and one.outcome is Outcome.LIKED for one in listens)
            self._begun = begun = replace(begun, liked=begun.liked or liked)
        if playing is not None and begun is not None and playing.serial == begun.playthrough.serial:
            self._begun = replace(begun, playthrough=playing)
            return None
        self._begun = None
        if playing is not None and playing.sounds:
            self._begun = Begun(playing, now.wall, self._recent(now), observed.profile, observed.context)
        return None if begun is None else self._entry(begun, listens, now)

    def _entry(self, ended: Begun, listens: Sequence[Listen], now: Now) -> SongEntry:
        track = ended.playthrough.choice.track
        listen = next((one for one in listens if one.track_key == track.key and one.outcome in ENDS), None)
        return SongEntry(
            started_at=ended.at,
            ended_at=now.wall,
            heard_s=ended.playthrough.heard(now) if listen is None else listen.heard_s,
            track_key=track.key,
            title=track.title,
            artist=track.artist,
            mood=track.mood,
            profile=ended.profile,
            outcome=None if listen is None else listen.outcome,
            before=ended.before,
            after=self._recent(now),
            affect=track.affect,
            context=ended.context,
            liked=ended.liked,
        )

    def _recent(self, now: Now) -> Felt | None:
        return self._felt if now.mono - self._felt_at <= FRESH_S else None
