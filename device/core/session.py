"""Makes every decision: takes one event at a time, owns all state, returns actions and a snapshot. Pure; main thread.

Each event takes two steps. *React*: the event changes the state (mood, playback, memory) and may cause actions such as
`Play`. *Settle*: the reconciler compares the wanted state (the volume, the camera's connection, the saved memory) with
the last requests, and only differences become actions. Surfaces show the `Snapshot`, and each of them finds out what
has changed. So no code has to request publishing.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from device import __version__
from device.config.schema import Config
from device.core import commands, consent, player_events, request_commands, schedule_control
from device.core.audience import Audience, Circumstances
from device.core.chooser import Chooser
from device.core.diary import DiaryKeeper, Observation
from device.core.group_control import GroupControl
from device.core.health import Health, shorten
from device.core.media import MediaControl
from device.core.mood_control import MoodControl
from device.core.occupancy import Occupancy
from device.core.playback import PlaybackControl
from device.core.reactions import ReactionWatch
from device.core.reconciler import Reconciler
from device.core.schedule import Schedule
from device.core.update_control import UpdateControl
from device.domain import (
    Action,
    Announce,
    Answer,
    Asked,
    Camera,
    ChangePlaylist,
    Command,
    Correct,
    CoverRead,
    Enqueue,
    Erase,
    Event,
    EventType,
    EyeClosed,
    EyeOpened,
    EyeRead,
    Forget,
    FromGroup,
    LibraryLoaded,
    Listen,
    Log,
    Member,
    Memory,
    Misunderstood,
    Mood,
    Now,
    Origin,
    People,
    PlaybackState,
    PlaybackView,
    PolicyName,
    Reading,
    Record,
    RemovePlaylist,
    ReportBody,
    Restore,
    Saved,
    SavePlaylist,
    ScheduleCommand,
    SetCamera,
    SetContext,
    SetMood,
    SetPolicy,
    Setting,
    SetVolume,
    SkipVotes,
    Snapshot,
    SongEntry,
    SoundBack,
    SoundLost,
    SpeechEnded,
    SurfaceDown,
    SurfaceUp,
    Target,
    Tick,
    Track,
    TrackAt,
    TrackEnded,
    TrackEnding,
    TrackFailed,
    TrackStarted,
    UpdateCommand,
    UpdateSeen,
    erasure,
    without,
)
from device.music.recommend.choose import Taste, TrackIndex
from device.music.recommend.effects import Effects

FIRST_LOOK_S = 10.0  # with the camera on, the first song waits so long for a first mood
NOTES = 20  # the most notes about files in one `library_changed`


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of one event: actions in order, and the state after it."""

    actions: list[Action]
    snapshot: Snapshot


class Session:
    """All state of the device. `settings_problems` are sentences for the health report. `zone`: where it is."""

    def __init__(
        self,
        config: Config,
        memory: Memory,
        history: Iterable[Listen],
        dice: random.Random,
        settings_problems: tuple[str, ...] = (),
        songs: Iterable[SongEntry] = (),
        zone: tzinfo = UTC,
    ) -> None:
        """`songs`: the diary's."""
        songs = tuple(songs)
        self.config = config
        effects = Effects(songs) if config.diary.learn_effects and config.diary.keep_days else None
        self.chooser = Chooser(history, dice, effects)
        self.playback = PlaybackControl(config.music, self.chooser)
        self.chooser.requests.state = memory.requests
        self.media = MediaControl(self.playback, config.player, self.playback.serials)
        self._memory = replace(memory, volume=min(memory.volume, config.player.max_volume))
        self._mood_control = MoodControl(config, songs)
        self._occupancy = Occupancy(config.mood.occupied_s)
        self._updates = UpdateControl(__version__, bool(config.update.source))
        self._schedule = Schedule(config.schedule, config.player.max_volume, zone)
        self._group = GroupControl(config.device.id, self._group_name)
        self._reactions = ReactionWatch(config.people)
        self._diary = DiaryKeeper(config.diary.keep_days > 0)
        self._reconciler = Reconciler(memory)
        self._health = Health(settings_problems)
        self._started = Now(0.0, 0.0)
        self._look_until: float | None = None  # the first song waits for a mood until then
        self._unfinished = ""  # the key of the track to resume once the library is loaded

    # --- The two entry points ---

    def start(self, now: Now) -> Decision:
        """The first actions: volume, camera, and music unless somebody stopped it before."""
        self._started = now
        self._mood_control.start(now)
        if self.config.music.autoplay and self._memory.playback is not PlaybackState.STOPPED:
            self.playback.wanted, self.playback.resume_s = self._memory.playback, self._memory.position_s
            self._unfinished = self._memory.track_key
            self._look_until = now.mono + (FIRST_LOOK_S if self._memory.camera else 0.0)
        return Decision([Log(consent.words(self._memory)), *self._settle(now)], self._snapshot(now))

    def handle(self, event: Event, now: Now) -> Decision:
        """Take one event."""
        self._mood_control.advance(self._in_effect, now)
        actions = self._react(event, now) + self._settle(now)
        notes = self._diary.observe(self._observation(actions), now)
        for note in notes:
            self.chooser.learn_effect(note.entry)
            self._mood_control.learn(note.entry)
        return Decision([*actions, *notes], self._snapshot(now))

    def _observation(self, actions: list[Action]) -> Observation:
        memory, seen = self._memory, self._mood_control.seen
        names = ", ".join(memory.profiles)
        context = self._mood_control.context(memory)
        return Observation(self.mood, seen, self.playback.playthrough, names, actions, memory.guests, context)

    # --- React ---

    def _react(self, event: Event, now: Now) -> list[Action]:
        match event:
            case EyeRead(reading):
                return self._take_reading(reading, now)
            case EyeOpened(camera):
                self._health.eye_opened(camera)
                self._mood_control.eye_open = True
                return [Announce(EventType.CAMERA_ON, {"camera": camera})]
            case EyeClosed(problem):
                self._health.eye_closed(problem)
                self._mood_control.eye_open = False
                self._occupancy.stop()
                kind = EventType.CAMERA_PROBLEM if problem else EventType.CAMERA_OFF
                return [Announce(kind, {"message": problem})]
            case TrackStarted() | TrackEnded() | TrackFailed() | TrackEnding() | TrackAt():
                target, audience = self._target, self._audience
                return player_events.take(event, self.playback, self.media, target, audience, now)
            case SpeechEnded(serial, problem):
                return self.media.spoken(serial, problem)
            case UpdateSeen(update):
                return self._updates.seen(update)
            case SoundLost(problem):
                return self._sound_changed(problem, now)
            case SoundBack():
                return self._sound_changed("", now)
            case LibraryLoaded():
                return self._library_loaded(event)
            case CoverRead(uri, picture):
                self._reconciler.cover_read(uri, picture)
            case FromGroup():
                return self._hear_group(event, now)
            case Asked(command, origin):
                return self._obey(command, origin, now)
            case Misunderstood(origin, message):
                return [Answer(origin, message)]
            case SurfaceUp(surface, known_as, problem, largest_bytes):
                self._health.surfaces[surface] = problem
                self._reconciler.limit_covers(largest_bytes)
                self._memory = replace(self._memory, known_as=known_as or self._memory.known_as)
            case SurfaceDown(surface, problem):
                self._health.surfaces[surface] = problem
            case Saved(_, problem):
                self._health.store_problem = problem
            case Tick(figures):
                self._health.figures = figures
        return []

    def _sound_changed(self, problem: str, now: Now) -> list[Action]:
        self._health.sound_problem = problem
        self.playback.sound(not problem, now)
        self.media.sound(not problem, now)
        return [Announce(EventType.SOUND_LOST if problem else EventType.SOUND_BACK, {"message": problem})]

    def _take_reading(self, reading: Reading, now: Now) -> list[Action]:
        before = self.mood
        self._health.reading(reading)
        self._mood_control.take(reading, now)
        self._occupancy.look(self.mood.faces, now)
        actions = self._mood_changed(before, now)
        for reaction in self._reactions.observe(reading, self.playback.playthrough, now):
            actions += self.playback.react(reaction, self._audience, now)
        return actions

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
        """Let the music follow now, unless the policy is manual and no mood is set."""
        if self._in_effect.policy is PolicyName.MANUAL and self._in_effect.mood is None:
            return []
        return self.playback.follow(self._target, self._audience, now)

    def _library_loaded(self, event: LibraryLoaded) -> list[Action]:
        """Announce tracks that came or went. Results of the analysis appear in the health report only."""
        before, health = self.chooser.index, self._health
        if isinstance(event.index, tuple):
            index, taste = event.index
            assert isinstance(index, TrackIndex)
            assert isinstance(taste, Taste)
            self.playback.load(index, taste)
        else:
            self.playback.load(TrackIndex(event.tracks))
        self.chooser.playlists = event.playlists
        changed = self.chooser.index.signature != before.signature or not health.library_loaded
        changed |= (event.problems, event.notes) != (health.library_problems, health.library_notes)
        health.library_problems, health.library_notes, health.library_loaded = event.problems, event.notes, True
        if not changed:
            return []
        sentences = shorten((*event.problems, *event.notes), NOTES)
        return [Announce(EventType.LIBRARY_CHANGED, {"tracks": len(event.tracks), "problems": list(sentences)})]

    # --- Commands ---

    def _obey(self, command: Command, origin: Origin, now: Now) -> list[Action]:
        if isinstance(command, Enqueue) and self._group.follows:  # the leader may have the file at another place
            command = request_commands.by_key(command, self.chooser.index)
        if (passed := self._group.pass_on(command, origin)) is not None:
            return passed
        if refusal := schedule_control.refusal(command, self._schedule, self._memory):
            return [Answer(origin, refusal)]
        match command:
            case SetCamera(on):
                before, self._memory = self._memory, consent.decide(self._memory, on, origin, now)
                return [] if self._memory == before else [Log(consent.words(self._memory))]
            case _ if isinstance(command, Setting):
                return self._set(command, origin, now)
            case Forget():
                return self._forget(command, origin)
            case _ if isinstance(command, UpdateCommand):
                return _answered(self._updates.obey(command), origin)
            case Restore(listens, moods):
                return [*map(Record, listens), *(Correct(key, mood) for key, mood in moods)]
            case ReportBody():
                refused = self._mood_control.report(command, now)
                return [Answer(origin, refused)] if refused else []
            case SavePlaylist(name, uris):
                return [ChangePlaylist(name, uris, origin)]
            case RemovePlaylist(name):
                return [ChangePlaylist(name, None, origin)]
            case _ if isinstance(command, ScheduleCommand):
                self._memory, actions = schedule_control.obey(
                    command, self._schedule, self._memory, self.playback, origin, now
                )
                return actions
        given = Circumstances(origin, self._target, self._audience, now, self._memory.muted)
        answer = commands.obey(command, self.playback, self.media, self.config.requests, given)
        return _answered(answer, origin)

    def _forget(self, command: Forget, origin: Origin) -> list[Action]:
        """Forget a day, a person or everything, here and on the disk."""
        gone = erasure(command)
        if isinstance(gone, str):
            return [Answer(origin, gone)]
        self.chooser.forget(gone)
        self._mood_control.forget(gone)
        self._memory = without(self._memory, gone)
        self._diary.forget()
        facts = {"scope": str(command.scope), "name": command.name}
        return [Erase(gone), Announce(EventType.FORGOTTEN, facts)]

    def _set(self, setting: Setting, origin: Origin, now: Now) -> list[Action]:
        """Apply a setting. A mood or a policy may also change the music at once."""
        before = self.mood
        ceiling, reason = self._schedule.ceiling(self._memory, now), self._schedule.limit_reason(self._memory, now)
        self._memory, message = commands.remember(setting, self._memory, ceiling, reason)
        actions: list[Action] = [Answer(origin, message)] if message else []
        match setting:
            case SetVolume():
                self._schedule.wake_up.volume_by_hand()
            case SetMood():
                self._mood_control.set_by_hand(now)
                actions += self._mood_changed(before, now, at_once=True)
            case SetPolicy() | SetContext() if self.config.music.on_mood_change == "fade":
                self._mood_control.advance(self._in_effect, now)
                actions += self._follow(now)
        return actions

    # --- The state ---

    @property
    def memory(self) -> Memory:
        """What survives a power cut: the settings, and the state of the playback."""
        playthrough = self.playback.playthrough
        return replace(
            self._memory,
            playback=self.playback.wanted,
            track_key=self._memory.track_key if playthrough is None else playthrough.choice.track.key,
            position_s=self.playback.resume_s,
            requests=self.chooser.requests.state,
        )

    @property
    def mood(self) -> Mood:
        """The mood in effect."""
        return self._mood_control.mood(self._in_effect)

    @property
    def _in_effect(self) -> Memory:
        """The memory with the mood and the policy that count now."""
        return self._schedule.in_effect(self._memory)

    @property
    def _target(self) -> Target:
        return self._mood_control.target(self._in_effect)

    @property
    def _group_name(self) -> str:
        """The group to play with. Without MQTT there is none."""
        return self._memory.group if self.config.mqtt.enabled else ""

    @property
    def _audience(self) -> Audience:
        memory = self._memory
        profiles, guests = self._group.audience(memory)
        return Audience(profiles, guests, self.chooser.taste.profiles, self.mood.faces)

    def _skip_votes(self, now: Now) -> SkipVotes:
        music = self._group.music
        if self._group.follows and music is not None:
            return music.skip_votes
        return self.chooser.requests.skip_votes(self._audience, now)

    def _snapshot(self, now: Now) -> Snapshot:
        memory, index = self._memory, self.chooser.index
        queue = self._group.coming(index)
        return Snapshot(
            mood=self.mood,
            policy=memory.policy,
            playback=self._heard(now),
            queue=self.playback.queue if queue is None else queue,
            never=self.chooser.never,
            people=People(memory.profiles, memory.guests, tuple(sorted(self.chooser.taste.profiles))),
            room=memory.room,
            camera=Camera(memory.camera, self._health.eye_open),
            health=self._health.report(self._started, now, len(index), index.analysed),
            group=self._group.view(self._member()),
            skip_votes=self._skip_votes(now),
            occupied=self._occupancy.state(now),
            update=self._updates.update,
            schedule=self._schedule.view(memory, now),
            context=memory.context,
        )

    def _playback_view(self, now: Now) -> PlaybackView:
        memory = self._memory
        return player_events.view(
            self.playback, self.media, now,
            volume=memory.volume, max_volume=self._schedule.ceiling(memory, now), muted=memory.muted,
            cover=self._reconciler.cover,
        )  # fmt: skip

    def _heard(self, now: Now) -> PlaybackView:
        """What one hears here: the own music, or the group's."""
        view = self._playback_view(now)
        return view if self._group.chooses(now.mono) else self._group.heard(view, self._group_track)

    @property
    def _group_track(self) -> Track | None:
        """What the group hears, if this device has it."""
        row = None if self._group.music is None else self.chooser.index.row.get(self._group.music.key)
        return None if row is None else self.chooser.index.tracks[row]

    def _member(self) -> Member:
        device, memory = self.config.device, self._memory
        return Member(
            device.id, device.name, memory.room, len(self.chooser.index), __version__,
            self._mood_control.member_mood, memory.profiles, memory.guests,
        )  # fmt: skip

    # --- Settle ---

    def _settle(self, now: Now) -> list[Action]:
        actions = self._pass_time(now)
        self._mood_control.advance(self._in_effect, now)
        actions += self._settle_group(now)
        if self._group.chooses(now.mono):
            actions += self._settle_music(now)
        track = self._group_track if self.playback.choice is None else self.playback.choice.track
        uri = "" if track is None else track.uri
        self._memory = self.memory
        if self._group.name and self._group.chooses(now.mono):
            view = self._playback_view(now)
            self._group.publish_music(view, self._memory, self.playback.queue, self._skip_votes(now), now.mono)
        return actions + self._reconciler.actions(self._memory, uri)

    def _pass_time(self, now: Now) -> list[Action]:
        """Let the schedule change the memory and the music."""
        wanted, playing = schedule_control.activity(self.playback, self.media, now)
        faces = self._mood_control.seen.faces
        step = self._schedule.advance(self._memory, now, playing=playing, wanted=wanted, faces=faces)
        self._memory = step.memory
        if not self._group.chooses(now.mono):
            return []  # the leader's clock counts for the group
        return schedule_control.carry_out(step, self.playback, self.media, self._target, self._audience, now)

    def _settle_group(self, now: Now) -> list[Action]:
        """Take the lead of the group, or give it up."""
        if self._group_name != self._group.name:
            self._group = GroupControl(self.config.device.id, self._group_name)
        self._group.tick(now.mono, len(self.chooser.index))
        self._memory = self._group.adopt(self._memory)
        if self._group.follows:
            self.playback.wanted, self.chooser.requests.state = self._memory.playback, self._memory.requests
        turn = self._group.turn(now.mono)
        if turn is None:
            return []
        return self._take_over(now) if turn else self.playback.give_way(now)

    def _take_over(self, now: Now) -> list[Action]:
        """Go on where the former leader stopped."""
        recent = self._group.recent
        self.chooser.heard_elsewhere = recent if 2 * len(recent) <= len(self.chooser.index) else frozenset()
        succession = self._group.succession(now.mono)
        if succession is None or self.playback.wanted is PlaybackState.STOPPED:
            return []
        self._unfinished, self._look_until = "", None
        return self.playback.resume_track(succession.key, succession.position_s, self._target, now)

    def _hear_group(self, event: FromGroup, now: Now) -> list[Action]:
        before = self.mood
        self._group.take(event, now.mono)
        self._mood_control.hear(self._group.moods(), now)
        return self._mood_changed(before, now) if self._group.chooses(now.mono) else []

    def _settle_music(self, now: Now) -> list[Action]:
        target, audience = self._target, self._audience
        if self.media.medium is not None:
            if self.playback.playthrough is None:
                return []
            self.media.give_way()
        if self._unfinished and len(self.chooser.index):
            key, self._unfinished = self._unfinished, ""
            if actions := self.playback.resume_track(key, self._memory.position_s, target, now):
                self._look_until = None
                return actions
        if self._look_until is not None and now.mono < self._look_until:
            return []
        self._look_until = None
        if self.playback.idle(now):
            return self.playback.play_next(target, audience, now)
        return self.playback.queue_next(target, audience, now)


def _answered(result: list[Action] | str, origin: Origin) -> list[Action]:
    return result if isinstance(result, list) else [Answer(origin, result)]
