"""What the schedule's steps and commands do to the music. Pure; main thread, called by the session."""

from __future__ import annotations

import random
from collections.abc import Sequence
from urllib.parse import quote

from device.core import playlist_commands, requests, schedule_commands
from device.core.audience import Audience, Circumstances
from device.core.media import MediaControl
from device.core.playback import PlaybackControl
from device.core.playlist_commands import Playlists
from device.core.schedule import Schedule, Step
from device.domain import (
    Action,
    Alarm,
    Answer,
    Command,
    Enqueue,
    Memory,
    Now,
    Origin,
    PlaybackState,
    PlayMedia,
    PlayPlaylist,
    ScheduleCommand,
    SetPlayback,
    Silence,
    Target,
    Track,
    Transport,
    Where,
)

ALARM = "alarm"  # who asks for the songs of an alarm
SONGS = 30  # that an alarm asks for; afterwards the device chooses
DAY_S = 86400
FILE = "file://"


def activity(playback: PlaybackControl, media: MediaControl, now: Now) -> tuple[bool, bool]:
    """Whether people want sound, and whether there is any: of the music, or of a medium from outside."""
    if media.medium is not None:
        return media.medium.wanted is PlaybackState.PLAYING, media.state(now) is PlaybackState.PLAYING
    playthrough = playback.playing.playthrough
    return playback.playing.wanted is PlaybackState.PLAYING, playthrough is not None and playthrough.sounds


def carry_out(
    step: Step, alarm: Alarm | None, playback: PlaybackControl, media: MediaControl, target: Target, audience: Audience,
    now: Now,
) -> list[Action]:  # fmt: skip
    """The actions of a step. `alarm`: its music begins. `target` is where the music should be after it."""
    actions = list(step.actions)
    if step.stop_s is not None:
        actions += stop(playback, media, step.stop_s, now)
    if alarm is not None:
        actions += _wake(alarm, playback, media, Circumstances(Origin(), target, audience, now))
    return actions


def pass_on(alarm: Alarm, playlists: Playlists) -> list[Command]:
    """What the leader of a group should do for the alarm of a device without music."""
    if alarm.playlist:
        return [playlist_commands.with_tracks(PlayPlaylist(alarm.playlist, Where.NOW), playlists)]
    return [SetPlayback(Transport.PLAY)]


def stream_of(alarm: Alarm, playlists: Playlists) -> str:
    """The address of the stream that the alarm plays; empty for none."""
    return playlist_commands.stream_of(playlists.get(playlist_commands.find(alarm.playlist, playlists), ()))


def obey(
    command: ScheduleCommand, schedule: Schedule, memory: Memory, playback: PlaybackControl, media: MediaControl,
    origin: Origin, now: Now,
) -> tuple[Memory, list[Action]]:
    """The memory and the actions after this command."""
    outcome = schedule_commands.obey(command, schedule, memory, now)
    actions: list[Action] = [Answer(origin, outcome.refusal)] if outcome.refusal else []
    if outcome.stop:
        playback.chooser.requests.state = requests.clear(playback.chooser.requests.state, ALARM)
        actions += stop(playback, media, playback.config.fade_s, now)
    return outcome.memory, actions


def stop(playback: PlaybackControl, media: MediaControl, fade_s: float, now: Now) -> list[Action]:
    """Stop the music, or what plays in place of it."""
    silence: list[Action] = [] if media.medium is None else [Silence(fade_s)]
    media.give_way()
    return playback.stop(now, fade_s) or silence


def refusal(command: Command, schedule: Schedule, memory: Memory) -> str:
    """Why the children cannot have this now, as a sentence; empty if they can."""
    silent = (Transport.PAUSE, Transport.STOP)
    starts = isinstance(command, SetPlayback) and command.transport not in silent
    starts = starts or (isinstance(command, Enqueue | PlayPlaylist) and command.where is Where.NOW)
    starts = starts or (isinstance(command, PlayMedia) and not command.announce)
    if not starts or schedule.children_left(memory) != 0:
        return ""
    return f"The time of the profile {schedule.children} is up for today; it starts again at midnight."


def _wake(alarm: Alarm, playback: PlaybackControl, media: MediaControl, given: Circumstances) -> list[Action]:
    """Play what the alarm asks for; whatever fits if that is not there, because an alarm must not stay silent."""
    playlists = playback.chooser.playlists
    if stream := stream_of(alarm, playlists):
        started = media.play_station(stream, alarm.playlist, given)
        if isinstance(started, list):
            return started
    playlist = playlists.get(playlist_commands.find(alarm.playlist, playlists), ())
    songs = _songs(alarm, playlist, playback, random.Random(int(given.now.wall // DAY_S)))
    state = requests.clear(playback.chooser.requests.state, ALARM)
    for track in songs:
        state = requests.add(state, track.key, ALARM, pinned=True)
    playback.chooser.requests.state = state
    present = playback.playing.playthrough
    if not songs and not alarm.mood and present is not None and present.sounds:
        return []  # music plays already, and the alarm wants no other
    return playback.play_next(given.target, given.audience, given.now, fade_s=playback.config.fade_s)


def _songs(alarm: Alarm, playlist: Sequence[str], playback: PlaybackControl, dice: random.Random) -> Sequence[Track]:
    """The tracks of the alarm's folder, each day in another order, or of its playlist."""
    index = playback.chooser.index
    if alarm.folder:
        folder = alarm.folder if alarm.folder.startswith(FILE) else FILE + quote(alarm.folder)
        inside = folder.rstrip("/") + "/"
        found = [track for track in index.tracks if track.uri.startswith(inside)]
        return dice.sample(found, min(SONGS, len(found)))
    return [index.tracks[index.row[key]] for key in playlist if key in index.row][:SONGS]
