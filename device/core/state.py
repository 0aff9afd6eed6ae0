"""The state of the device: all parts that the session is made of, and what follows from them. Pure; main thread.

`Session` owns the one `State`. reacting.py, obeying.py and settling.py change it; this module only reads, apart from
building the parts.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, tzinfo

from device import __version__
from device.config.schema import Config
from device.core import player_events, schedule_control
from device.core.audience import Audience
from device.core.chime import Chime, Surroundings
from device.core.chooser import Chooser
from device.core.diary import DiaryKeeper, Observation
from device.core.group_control import GroupControl
from device.core.health import Health
from device.core.media import MediaControl
from device.core.mood_control import MoodControl
from device.core.occupancy import Occupancy
from device.core.playback import PlaybackControl
from device.core.question import Question
from device.core.reactions import ReactionWatch
from device.core.reconciler import Reconciler
from device.core.schedule import Schedule
from device.core.shared_music import coming
from device.core.update_control import UpdateControl
from device.domain import (
    Action,
    Alarm,
    Camera,
    Listen,
    Member,
    Memory,
    Mood,
    Now,
    People,
    PlaybackState,
    PlaybackView,
    SkipVotes,
    Snapshot,
    SongEntry,
    Target,
    Track,
)
from device.music.recommend.effects import Effects


class State:
    """All parts of the session. `memory`: the settings and what else survives a power cut; the playback's share of it
    is renewed when an event is settled. `settings_problems` are sentences for the health report. `zone`: where the
    device is."""

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
        self.alone = False  # an alarm rings here, and only here: the device is not with its group meanwhile
        effects = Effects(songs) if config.diary.learn_effects and config.diary.keep_days else None
        self.chooser = Chooser(history, dice, effects)
        self.playback = PlaybackControl(config.music, self.chooser)
        self.chooser.requests.state = memory.requests
        self.media = MediaControl(self.playback, config.player, self.playback.playing.serials)
        self.chime = Chime(self.playback.playing.serials)
        self.memory = replace(memory, volume=min(memory.volume, config.player.max_volume))
        self.mood_control = MoodControl(config, songs)
        self.occupancy = Occupancy(config.mood.occupied_s)
        self.updates = UpdateControl(__version__, bool(config.update.source))
        self.schedule = Schedule(config.schedule, config.player.max_volume, zone)
        self.group = GroupControl(config.device.id, self.group_name)
        self.reactions = ReactionWatch(config.people)
        self.question = Question()
        self.diary = DiaryKeeper(config.diary.keep_days > 0)
        self.reconciler = Reconciler(memory)
        self.health = Health(settings_problems)
        self.switched_off = bool(config.camera.switch)  # until the switch is read
        self.started = Now(0.0, 0.0)
        self.look_until: float | None = None  # the first song waits for a mood until then
        self.unfinished = ""  # the key of the track to resume once the library is loaded
        self.waking: Alarm | None = None  # its music begins once the library is loaded

    @property
    def to_save(self) -> Memory:
        """What survives a power cut: the settings, and the state of the playback."""
        playthrough = self.playback.playing.playthrough
        return replace(
            self.memory,
            playback=self.playback.playing.wanted,
            track_key=self.memory.track_key if playthrough is None else playthrough.choice.track.key,
            position_s=self.playback.playing.resume_s,
            requests=self.chooser.requests.state,
        )

    @property
    def camera_wanted(self) -> bool:
        """Whether somebody consented to the camera, and its hardware switch is not off."""
        return self.memory.camera and not self.switched_off

    @property
    def mood(self) -> Mood:
        """The mood in effect."""
        return self.mood_control.mood(self.in_effect)

    @property
    def in_effect(self) -> Memory:
        """The memory with the mood and the policy that count now."""
        return self.schedule.in_effect(self.memory)

    @property
    def target(self) -> Target:
        """Where the music should be."""
        return self.mood_control.target(self.in_effect)

    @property
    def group_name(self) -> str:
        """The group to play with. Without MQTT there is none."""
        return self.memory.group if self.config.mqtt.enabled and not self.alone else ""

    @property
    def audience(self) -> Audience:
        """Who listens, in the whole group."""
        memory = self.memory
        profiles, guests = self.group.audience(memory)
        return Audience(profiles, guests, self.chooser.taste.profiles, self.mood.faces)

    def skip_votes(self, now: Now) -> SkipVotes:
        """The votes to skip what one hears here."""
        if (music := self.group.music) is not None:
            return music.skip_votes
        return self.chooser.requests.skip_votes(self.audience, now)

    def snapshot(self, now: Now) -> Snapshot:
        """What surfaces show."""
        memory, index = self.memory, self.chooser.index
        music = self.group.music
        return Snapshot(
            mood=self.mood,
            policy=memory.policy,
            playback=self.heard(now),
            queue=self.playback.queue if music is None else coming(music, index),
            never=self.chooser.never,
            people=People(memory.profiles, memory.guests, tuple(sorted(self.chooser.taste.profiles))),
            room=memory.room,
            camera=Camera(self.camera_wanted, self.health.eye_open, self.switched_off),
            health=self.health.report(
                self.started, now, len(index), index.analysed, self.switched_off,
                self.playback.chooser.failures.problems,
            ),
            group=self.group.view(self.member(now), now.mono),
            skip_votes=self.skip_votes(now),
            occupied=self.occupancy.state(now),
            update=self.updates.update,
            schedule=self.schedule.view(memory, now),
            context=memory.context,
            playlists=self.chooser.playlist_names,
            question=self.question.open,
        )

    def playback_view(self, now: Now) -> PlaybackView:
        """What this device plays."""
        memory = self.memory
        view = player_events.view(
            self.playback, self.media, now,
            volume=memory.volume, max_volume=self.schedule.ceiling(memory, now), muted=memory.muted,
            cover=self.reconciler.cover,
        )  # fmt: skip
        return self.chime.view(view)

    def activity(self, now: Now) -> tuple[bool, bool]:
        """Whether people want music here, and whether there is any: this device's, or that of the leader it follows."""
        if self.group.follows:
            heard = self.heard(now).state is PlaybackState.PLAYING
            return heard, heard
        return schedule_control.activity(self.playback, self.media, now)

    def surroundings(self, now: Now) -> Surroundings:
        """What the chime of an alarm depends on."""
        ringing = self.schedule.wake_up.ringing
        return Surroundings(
            alarm=None if ringing is None else ringing.alarm.id,
            sounds=self.activity(now)[1],
            speaks=self.media.announcement is not None,
            held=self.memory.muted or bool(self.health.sound_problem),
            volume=self.memory.volume,
        )

    def heard(self, now: Now) -> PlaybackView:
        """What people hear here: this device's music, or the group's."""
        view = self.playback_view(now)
        return view if self.group.chooses(now.mono) else self.group.heard(view, self.group_track)

    def heard_key(self, now: Now) -> str:
        """The key of the library's track that one hears here; empty for none."""
        view = self.heard(now)
        sounds = view.choice is not None and not view.foreign and view.state is PlaybackState.PLAYING
        return view.choice.track.key if sounds and view.choice is not None else ""

    @property
    def group_track(self) -> Track | None:
        """What the group hears, if this device has it."""
        music = self.group.shared.latest
        row = None if music is None else self.chooser.index.row.get(music.key)
        return None if row is None else self.chooser.index.tracks[row]

    def member(self, now: Now) -> Member:
        """This device, as its group sees it."""
        device, memory = self.config.device, self.memory
        return Member(
            device.id, device.name, memory.room, len(self.chooser.index), __version__,
            self.mood_control.member_mood, memory.profiles, memory.guests,
            volume=memory.volume, max_volume=self.schedule.ceiling(memory, now),
        )  # fmt: skip

    def observation(self, actions: list[Action]) -> Observation:
        """What the diary may note after these actions."""
        memory, seen = self.memory, self.mood_control.seen
        names = ", ".join(memory.profiles)
        context = self.mood_control.context(memory)
        return Observation(self.mood, seen, self.playback.playing.playthrough, names, actions, memory.guests, context)
