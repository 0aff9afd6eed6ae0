"""The sole decider: takes events one by one, owns all state, answers with actions. Pure; main thread.

Two steps an event. *React*: the event changes the state (mood, playback, memory) and may cause actions that happen
once, such as `Play`. *Settle*: what ought to be so (documents on MQTT, the volume, the camera's connection, what is
saved) is compared with what was last asked for, and only the differences become actions. So nothing has to remember
to publish, and a broker that comes back is served by forgetting what was said.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter, ne

from device.config.schema import Config
from device.core import commands, consent
from device.core.health import Health
from device.core.playback import PlaybackControl
from device.core.reconciler import Reconciler
from device.domain import (
    MOOD_AFFECT,
    Action,
    BrokerConnected,
    BrokerLost,
    CoverRead,
    Event,
    EyeClosed,
    EyeOpened,
    EyeRead,
    LibraryLoaded,
    Listen,
    Log,
    Memory,
    Message,
    Mood,
    MoodSource,
    Now,
    Playback,
    PolicyName,
    Publish,
    Reading,
    SoundBack,
    SoundLost,
    Target,
    Tick,
    Track,
    TrackAt,
    TrackEnded,
    TrackEnding,
    TrackFailed,
    TrackStarted,
)
from device.mood.policy import Guide
from device.mood.room_mood import RoomMood
from device.mqtt.command_parser import HomeAssistantStatus, Refusal, SetCamera, SetMood, SetPolicy, show
from device.mqtt.documents import EventType, health
from device.mqtt.state_publisher import StatePublisher
from device.mqtt.topics import Topics

URI = attrgetter("uri")
FIRST_LOOK_S = 10.0  # the first song waits so long for the first mood to show, if the camera is on


class Session:
    """All state of the appliance. `announcement`: see `StatePublisher`; `settings_problems` are told on `health`."""

    def __init__(
        self,
        config: Config,
        memory: Memory,
        history: Iterable[Listen],
        topics: Topics,
        dice: random.Random,
        announcement: Publish | None = None,
        settings_problems: tuple[str, ...] = (),
    ) -> None:
        self.config = config
        self.memory = replace(memory, volume=min(memory.volume, config.player.max_volume))
        former = Topics.recall(memory.known_as)
        self._publisher = StatePublisher(config.mqtt, topics, announcement, former if former != topics else None)
        self.playback = PlaybackControl(config.music, history, dice, self._publisher.event)
        self.playback.profile = memory.profile
        self._room_mood = RoomMood(config.mood)
        self._reconciler = Reconciler(memory)
        self._vitals = Health(settings_problems)
        self._started = Now(0.0, 0.0)
        self._held_since = 0.0  # when the mood set by hand was set (wall clock, s)
        self._guide = Guide(config.mood)
        self._look_until: float | None = None  # the first song waits for a mood until then
        self._unfinished = False  # the song that the memory names is to be taken up once the library is known

    # --- The two entrances ---

    def start(self, now: Now) -> list[Action]:
        """What to do first: volume, camera, and music unless it was stopped before."""
        self._started, self._held_since = now, now.wall
        if self.config.music.autoplay and self.memory.playback is not Playback.STOPPED:
            self.playback.state, self.playback.position_s = self.memory.playback, self.memory.position_s
            self._unfinished = bool(self.memory.track_key)
            self._look_until = now.mono + (FIRST_LOOK_S if self.memory.camera else 0.0)
        return [self._camera_words(), *self._settle(now)]

    def handle(self, event: Event, now: Now) -> list[Action]:
        """The actions that this event causes, in order."""
        return self._react(event, now) + self._settle(now)

    # --- React ---

    def _react(self, event: Event, now: Now) -> list[Action]:
        match event:
            case EyeRead(reading):
                return self._see(reading, now)
            case EyeOpened(camera):
                self._vitals.eye_opened(camera)
                return [self._publisher.event(EventType.CAMERA_ON, camera=camera)]
            case EyeClosed(problem):
                self._vitals.eye_closed(problem)
                return [
                    self._publisher.event(
                        EventType.CAMERA_PROBLEM if problem else EventType.CAMERA_OFF, message=problem
                    )
                ]
            case TrackStarted(serial):
                return self.playback.started(serial, now)
            case TrackEnded(serial):
                return self.playback.ended(serial, now)
            case TrackFailed(serial, problem):
                return self.playback.failed(serial, problem, now)
            case TrackEnding(serial):
                self.playback.ending(serial)
            case TrackAt(serial, position_s):
                self.playback.at(serial, position_s, now)
            case SoundLost(problem):
                return self._sound(problem, now)
            case SoundBack():
                return self._sound("", now)
            case LibraryLoaded(tracks, problems):
                return self._library_loaded(tracks, problems)
            case CoverRead(uri, picture):
                self._reconciler.cover_read(uri, picture)
            case Message():
                return self._command(event, now)
            case BrokerConnected():
                self._vitals.broker_problem = ""
                self._publisher.connected()
                self.memory = replace(self.memory, known_as=self._publisher.topics.record())
            case BrokerLost(problem):
                self._publisher.lost()
                self._vitals.broker_problem = problem
            case Tick(vitals):
                self._vitals.process = vitals
        return []

    def _sound(self, problem: str, now: Now) -> list[Action]:
        self._vitals.sound_problem = problem
        self.playback.sound(not problem, now)
        return [self._publisher.event(EventType.SOUND_LOST if problem else EventType.SOUND_BACK, message=problem)]

    def _see(self, reading: Reading, now: Now) -> list[Action]:
        before = self.mood
        self._vitals.reading(reading)
        self._room_mood.update(reading, now)
        return self._mood_changed(before, now)

    def _mood_changed(self, before: Mood, now: Now, *, at_once: bool = False) -> list[Action]:
        mood = self.mood
        if mood.name is before.name and mood.source is before.source:
            return []
        if mood.name is not before.name:
            self._look_until = None
        actions: list[Action] = [
            self._publisher.event(EventType.MOOD_CHANGED, mood=mood.name, previous=before.name, source=mood.source)
        ]
        if at_once or self.config.music.on_mood_change == "fade":
            actions += self._follow(now)
        return actions

    def _follow(self, now: Now) -> list[Action]:
        """Let the music follow now, unless people lead."""
        if self.memory.policy is PolicyName.MANUAL and self.memory.mood is None:
            return []
        return self.playback.follow(self._target(now), now)

    def _library_loaded(self, tracks: tuple[Track, ...], problems: tuple[str, ...]) -> list[Action]:
        """Tracks that came or went are news; what analysis learns of them shows in `health`."""
        before = self.playback.tracks
        changed = len(tracks) != len(before) or any(map(ne, map(URI, tracks), map(URI, before)))
        changed = changed or problems != self._vitals.library_problems
        self.playback.load(tracks)
        self._vitals.library_problems = problems
        self._vitals.analysed = sum(1 for track in tracks if track.features)
        if not changed:
            return []
        return [self._publisher.event(EventType.LIBRARY_CHANGED, tracks=len(tracks), problems=list(problems[:20]))]

    # --- Commands ---

    def _command(self, message: Message, now: Now) -> list[Action]:
        command = self._publisher.topics.parse(message)
        if isinstance(command, HomeAssistantStatus):
            if command.online:
                self._publisher.connected()
            return []
        if isinstance(command, SetCamera):
            return self._consent(command.on, message.topic, now)
        if isinstance(command, commands.Setting):
            return self._set(command, now)
        if isinstance(command, commands.Order):
            answer = commands.obey(command, self.playback, self._target(now), now, self._publisher.event)
            if isinstance(answer, list):
                return answer
            command = Refusal(message.topic, show(message.payload), answer)
        return [self._publisher.refusal(command)]

    def _set(self, setting: commands.Setting, now: Now) -> list[Action]:
        """Most settings only have to be remembered; a mood or a policy may also change the music at once."""
        before = self.mood
        self.memory = commands.remember(setting, self.memory, self.config.player.max_volume)
        self.playback.profile = self.memory.profile
        match setting:
            case SetMood():
                self._held_since = now.wall
                return self._mood_changed(before, now, at_once=True)
            case SetPolicy() if self.config.music.on_mood_change == "fade":
                return self._follow(now)
        return []

    def _consent(self, on: bool, topic: str, now: Now) -> list[Action]:
        """Somebody lets the camera look, or does not any more."""
        before, self.memory = self.memory, consent.decide(self.memory, on, topic, now)
        return [] if self.memory == before else [self._camera_words()]

    def _camera_words(self) -> Log:
        return Log(consent.words(self.memory, self._publisher.topics.camera_set))

    # --- The state as others see it ---

    @property
    def mood(self) -> Mood:
        """The mood that counts: the one set by hand, or else the room's. Without an open eye nobody is seen."""
        seen = self._room_mood.mood
        if not self._vitals.eye_open:
            seen = replace(seen, faces=0)
        if self.memory.mood is None:
            return seen
        return replace(
            seen,
            name=self.memory.mood,
            affect=MOOD_AFFECT[self.memory.mood],
            confidence=1.0,
            source=MoodSource.MANUAL,
            since=self._held_since,
        )

    def _target(self, now: Now) -> Target:
        return self._guide.target(self.memory.policy, self.mood, now.mono)

    # --- Settle ---

    def _settle(self, now: Now) -> list[Action]:
        actions = self._settle_music(now)
        self.memory = replace(
            self.memory,
            playback=self.playback.state,
            track_key=self.playback.playthrough.choice.track.key
            if self.playback.playthrough
            else self.memory.track_key,
            position_s=self.playback.position_s,
        )
        uri = "" if self.playback.choice is None else self.playback.choice.track.uri
        return actions + self._reconciler.changes(self.memory, uri) + self._settle_words(now)

    def _settle_music(self, now: Now) -> list[Action]:
        target = self._target(now)  # asked for with every event: the guide counts for how long a mood holds
        if self._unfinished and self.playback.tracks:
            self._unfinished = False
            if actions := self.playback.take_up(self.memory.track_key, self.memory.position_s, target):
                self._look_until = None
                return actions
        if self._look_until is not None and now.mono < self._look_until:
            return []
        self._look_until = None
        return (
            self.playback.play_next(target, now) if self.playback.idle(now) else self.playback.queue_next(target, now)
        )

    def _settle_words(self, now: Now) -> list[Action]:
        wanted = self._publisher.documents(
            self.memory,
            self.mood,
            self.playback.state,
            self.playback.choice,
            self.playback.mark,
            self._reconciler.cover,
            self._vitals.eye_open,
        )
        actions: list[Action] = [*self._publisher.changes(wanted, now)]
        if self._publisher.health_due(now):
            report = self._vitals.report(self._started, now, len(self.playback.tracks))
            actions.append(Publish(self._publisher.topics.health, health(report)))
        return actions
