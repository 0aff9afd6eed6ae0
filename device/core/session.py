"""The sole decider: takes events one by one, owns all state, answers with actions and a snapshot. Pure; main thread.

Two steps an event. *React*: the event changes the state (mood, playback, memory) and may cause actions that happen
once, such as `Play`. *Settle*: what ought to be so (the volume, the camera's connection, what is saved) is compared
with what was last asked for, and only the differences become actions. What surfaces show is the `Snapshot`; each
compares it with what it showed before. So nothing has to remember to publish.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

from device.config.schema import Config
from device.core import commands, consent
from device.core.health import Health, shorten
from device.core.playback import PlaybackControl
from device.core.reconciler import Reconciler
from device.domain import (
    MOOD_AFFECT,
    Action,
    Announce,
    Answer,
    Asked,
    Camera,
    Command,
    CoverRead,
    Event,
    EventType,
    EyeClosed,
    EyeOpened,
    EyeRead,
    LibraryLoaded,
    Listen,
    Log,
    Memory,
    Misunderstood,
    Mood,
    MoodSource,
    Now,
    Origin,
    People,
    PlaybackState,
    PlaybackView,
    PolicyName,
    Reading,
    Saved,
    SetCamera,
    SetMood,
    SetPolicy,
    Setting,
    Snapshot,
    SoundBack,
    SoundLost,
    SurfaceDown,
    SurfaceUp,
    Target,
    Tick,
    TrackAt,
    TrackEnded,
    TrackEnding,
    TrackFailed,
    TrackStarted,
)
from device.mood.policy import Guide
from device.mood.room_mood import RoomMood
from device.music.recommend.choose import Taste, TrackIndex

FIRST_LOOK_S = 10.0  # the first song waits so long for the first mood to show, if the camera is on
NOTES = 20  # notes about files that a `library_changed` carries


@dataclass(frozen=True, slots=True)
class Decision:
    """What one event causes: actions in order, and how everything stands after it."""

    actions: list[Action]
    snapshot: Snapshot


class Session:
    """All state of the device. `settings_problems` are sentences that belong into the health report."""

    def __init__(
        self,
        config: Config,
        memory: Memory,
        history: Iterable[Listen],
        dice: random.Random,
        settings_problems: tuple[str, ...] = (),
    ) -> None:
        self.config = config
        self.playback = PlaybackControl(config.music, history, dice)
        self._memory = replace(memory, volume=min(memory.volume, config.player.max_volume))
        self._room_mood = RoomMood(config.mood)
        self._reconciler = Reconciler(memory)
        self._health = Health(settings_problems)
        self._started = Now(0.0, 0.0)
        self._held_since = 0.0  # when the mood set by hand was set (monotonic, s)
        self._guide = Guide(config.mood)
        self._look_until: float | None = None  # the first song waits for a mood until then
        self._unfinished = ""  # the track that the memory names, to be taken up once the library is known

    # --- The two entrances ---

    def start(self, now: Now) -> Decision:
        """What to do first: volume, camera, and music unless it was stopped before."""
        self._started, self._held_since = now, now.mono
        if self.config.music.autoplay and self._memory.playback is not PlaybackState.STOPPED:
            self.playback.wanted, self.playback.resume_s = self._memory.playback, self._memory.position_s
            self._unfinished = self._memory.track_key
            self._look_until = now.mono + (FIRST_LOOK_S if self._memory.camera else 0.0)
        return Decision([Log(consent.words(self._memory)), *self._settle(now)], self._snapshot(now))

    def handle(self, event: Event, now: Now) -> Decision:
        """What this event causes."""
        self._guide.advance(self._memory.policy, self.mood, now.mono)
        return Decision(self._react(event, now) + self._settle(now), self._snapshot(now))

    # --- React ---

    def _react(self, event: Event, now: Now) -> list[Action]:
        match event:
            case EyeRead(reading):
                return self._see(reading, now)
            case EyeOpened(camera):
                self._health.eye_opened(camera)
                return [Announce(EventType.CAMERA_ON, {"camera": camera})]
            case EyeClosed(problem):
                self._health.eye_closed(problem)
                kind = EventType.CAMERA_PROBLEM if problem else EventType.CAMERA_OFF
                return [Announce(kind, {"message": problem})]
            case TrackStarted() | TrackEnded() | TrackFailed() | TrackEnding() | TrackAt():
                return self._hear(event, now)
            case SoundLost(problem):
                return self._sound(problem, now)
            case SoundBack():
                return self._sound("", now)
            case LibraryLoaded():
                return self._library_loaded(event)
            case CoverRead(uri, picture):
                self._reconciler.cover_read(uri, picture)
            case Asked(command, origin):
                return self._obey(command, origin, now)
            case Misunderstood(origin, message):
                return [Answer(origin, message)]
            case SurfaceUp(surface, known_as):
                self._health.surfaces.pop(surface, None)
                self._memory = replace(self._memory, known_as=known_as or self._memory.known_as)
            case SurfaceDown(surface, problem):
                self._health.surfaces[surface] = problem
            case Saved(_, problem):
                self._health.store_problem = problem
            case Tick(figures):
                self._health.figures = figures
        return []

    def _hear(self, event: TrackStarted | TrackEnded | TrackFailed | TrackEnding | TrackAt, now: Now) -> list[Action]:
        """What the player says."""
        match event:
            case TrackStarted(serial, position):
                return self.playback.started(serial, position, now)
            case TrackEnded(serial):
                return self.playback.ended(serial, self._memory.profile, now)
            case TrackFailed(serial, problem):
                return self.playback.failed(serial, problem, now)
            case TrackEnding(serial):
                self.playback.ending(serial)
            case TrackAt(serial, position):
                self.playback.at(serial, position, now)
        return []

    def _sound(self, problem: str, now: Now) -> list[Action]:
        self._health.sound_problem = problem
        self.playback.sound(not problem, now)
        return [Announce(EventType.SOUND_LOST if problem else EventType.SOUND_BACK, {"message": problem})]

    def _see(self, reading: Reading, now: Now) -> list[Action]:
        before = self.mood
        self._health.reading(reading)
        self._room_mood.update(reading, now)
        return self._mood_changed(before, now)

    def _mood_changed(self, before: Mood, now: Now, *, at_once: bool = False) -> list[Action]:
        mood = self.mood
        if mood.name is before.name:
            return []
        self._look_until = None
        facts = {"mood": str(mood.name), "previous": str(before.name), "source": str(mood.source)}
        actions: list[Action] = [Announce(EventType.MOOD_CHANGED, facts)]
        if at_once or self.config.music.on_mood_change == "fade":
            actions += self._follow(now)
        return actions

    def _follow(self, now: Now) -> list[Action]:
        """Let the music follow now, unless people lead."""
        if self._memory.policy is PolicyName.MANUAL and self._memory.mood is None:
            return []
        return self.playback.follow(self._target, self._memory.profile, now)

    def _library_loaded(self, event: LibraryLoaded) -> list[Action]:
        """Tracks that came or went are news; what analysis learns of them shows in the health report."""
        before, health = self.playback.index, self._health
        if isinstance(event.index, tuple):
            index, taste = event.index
            assert isinstance(index, TrackIndex)
            assert isinstance(taste, Taste)
            self.playback.load(index, taste)
        else:
            self.playback.load(TrackIndex(event.tracks))
        changed = self.playback.index.signature != before.signature or not health.library_loaded
        changed |= (event.problems, event.notes) != (health.library_problems, health.library_notes)
        health.library_problems, health.library_notes, health.library_loaded = event.problems, event.notes, True
        if not changed:
            return []
        sentences = shorten((*event.problems, *event.notes), NOTES)
        return [Announce(EventType.LIBRARY_CHANGED, {"tracks": len(event.tracks), "problems": list(sentences)})]

    # --- Commands ---

    def _obey(self, command: Command, origin: Origin, now: Now) -> list[Action]:
        match command:
            case SetCamera(on):
                before, self._memory = self._memory, consent.decide(self._memory, on, origin, now)
                return [] if self._memory == before else [Log(consent.words(self._memory))]
            case _ if isinstance(command, Setting):
                return self._set(command, origin, now)
        wish = commands.Wish(self._target, self._memory.profile, now)
        answer = commands.obey(command, self.playback, wish)
        return answer if isinstance(answer, list) else [Answer(origin, answer)]

    def _set(self, setting: Setting, origin: Origin, now: Now) -> list[Action]:
        """Most settings only have to be remembered; a mood or a policy may also change the music at once."""
        before = self.mood
        self._memory, words = commands.remember(setting, self._memory, self.config.player.max_volume)
        actions: list[Action] = [Answer(origin, words)] if words else []
        match setting:
            case SetMood():
                self._held_since = now.mono
                actions += self._mood_changed(before, now, at_once=True)
            case SetPolicy() if self.config.music.on_mood_change == "fade":
                self._guide.advance(self._memory.policy, self.mood, now.mono)
                actions += self._follow(now)
        return actions

    # --- The state ---

    @property
    def memory(self) -> Memory:
        """What survives a power cut: the settings, and what the playback says of itself."""
        playthrough = self.playback.playthrough
        return replace(
            self._memory,
            playback=self.playback.wanted,
            track_key=self._memory.track_key if playthrough is None else playthrough.choice.track.key,
            position_s=self.playback.resume_s,
        )

    @property
    def mood(self) -> Mood:
        """The mood that counts: the one set by hand, or else the room's. Without an open eye nobody is seen."""
        seen = self._room_mood.mood
        if not self._health.eye_open:
            seen = replace(seen, faces=0)
        if self._memory.mood is None:
            return seen
        return replace(
            seen,
            name=self._memory.mood,
            affect=MOOD_AFFECT[self._memory.mood],
            confidence=1.0,
            source=MoodSource.MANUAL,
            since=self._held_since,
        )

    @property
    def _target(self) -> Target:
        return self._guide.target(self._memory.policy, self.mood)

    def _snapshot(self, now: Now) -> Snapshot:
        playback, memory = self.playback, self._memory
        index = playback.index
        return Snapshot(
            mood=self.mood,
            policy=memory.policy,
            playback=PlaybackView(
                state=playback.state(now),
                choice=playback.choice,
                position=playback.position,
                volume=memory.volume,
                max_volume=self.config.player.max_volume,
                cover=self._reconciler.cover,
            ),
            queue=playback.queue,
            never=playback.never,
            people=People(memory.profile),
            room=memory.room,
            camera=Camera(memory.camera, self._health.eye_open),
            health=self._health.report(self._started, now, len(index), index.analysed),
        )

    # --- Settle ---

    def _settle(self, now: Now) -> list[Action]:
        self._guide.advance(self._memory.policy, self.mood, now.mono)
        actions = self._settle_music(now)
        uri = "" if self.playback.choice is None else self.playback.choice.track.uri
        self._memory = self.memory
        return actions + self._reconciler.actions(self._memory, uri)

    def _settle_music(self, now: Now) -> list[Action]:
        target, profile = self._target, self._memory.profile
        if self._unfinished and len(self.playback.index):
            key, self._unfinished = self._unfinished, ""
            if actions := self.playback.take_up(key, self._memory.position_s, target, now):
                self._look_until = None
                return actions
        if self._look_until is not None and now.mono < self._look_until:
            return []
        self._look_until = None
        if self.playback.idle(now):
            return self.playback.play_next(target, profile, now)
        return self.playback.queue_next(target, profile, now)
