"""How the session obeys commands: settings, orders, and what concerns the disk. Pure; main thread.

A refusal becomes an `Answer` to the origin of the command.
"""

from __future__ import annotations

from dataclasses import replace

from device.core import commands, consent, playlist_commands, request_commands, schedule_control
from device.core.audience import Circumstances
from device.core.group_control import FORWARDED
from device.core.group_volume import Loudness
from device.core.mood_change import follow, mood_changed
from device.core.state import State
from device.domain import (
    Action,
    Announce,
    Answer,
    Ask,
    ChangePlaylist,
    Command,
    Correct,
    Enqueue,
    Erase,
    EventType,
    Forget,
    Log,
    Now,
    Origin,
    PlayPlaylist,
    Record,
    RemovePlaylist,
    ReportBody,
    Restore,
    SavePlaylist,
    ScheduleCommand,
    SetCamera,
    SetContext,
    SetGroup,
    SetGroupVolume,
    SetMood,
    SetPlayback,
    SetPolicy,
    Setting,
    SetVolume,
    Transport,
    UpdateCommand,
    erasure,
    without,
)


def obey(state: State, command: Command, origin: Origin, now: Now) -> list[Action]:
    """The actions that carry out this command, or an Answer that says why it is refused."""
    if isinstance(command, Enqueue) and state.group.follows:  # the leader may have the file at another place
        command = request_commands.by_key(command, state.chooser.index)
    if isinstance(command, PlayPlaylist) and state.group.follows:
        command = playlist_commands.with_tracks(command, state.chooser.playlists)
    if (passed := state.group.pass_on(command, origin, now.mono)) is not None:
        return passed
    if refusal := schedule_control.refusal(command, state.schedule, state.memory):
        return [Answer(origin, refusal)]
    match command:
        case SetCamera(True) if state.switched_off:
            return [Answer(origin, "The switch on the device holds the camera off; slide it to on first.")]
        case SetCamera(on):
            before, state.memory = state.memory, consent.decide(state.memory, on, origin, now)
            return [] if state.memory == before else [Log(consent.words(state.memory))]
        case SetGroup(name) if name and not state.config.mqtt.enabled:
            return [Answer(origin, "The devices of a group find one another over MQTT; switch mqtt.enabled on first.")]
        case SetGroupVolume():
            return _set_group_volume(state, command, origin, now)
        case _ if isinstance(command, Setting):
            return _set(state, command, origin, now)
        case Forget():
            return _forget(state, command, origin)
        case _ if isinstance(command, UpdateCommand):
            return _answered(state.updates.obey(command), origin)
        case Restore(listens, moods):
            return [*map(Record, listens), *(Correct(key, mood) for key, mood in moods)]
        case Ask():
            return _ask(state, origin, now)
        case ReportBody():
            refused = state.mood_control.report(command, now)
            return [Answer(origin, refused)] if refused else []
        case SavePlaylist(name, uris):
            return [ChangePlaylist(name, uris, origin)]
        case RemovePlaylist(name):
            return [ChangePlaylist(name, None, origin)]
        case _ if isinstance(command, ScheduleCommand):
            return _schedule(state, command, origin, now)
        case SetPlayback(Transport.PAUSE | Transport.STOP | Transport.TOGGLE) if state.chime.rings:
            return schedule_control.stop(state.playback, state.media, state.playback.config.fade_s, now)
    given = Circumstances(origin, state.target, state.audience, now, state.memory.muted)
    answer = commands.obey(command, state.playback, state.media, state.config.requests, given)
    return _answered(answer, origin)


def _set_group_volume(state: State, command: SetGroupVolume, origin: Origin, now: Now) -> list[Action]:
    """Tell it to the group; what the group says is for this device, too."""
    own = Loudness(state.memory.volume, state.schedule.ceiling(state.memory, now))
    if origin.surface != FORWARDED:
        return state.group.tell_volume(command, own, origin, now.mono)
    if state.group.name and not command.relative:
        state.memory = replace(state.memory, volume=state.group.set_volume(command.percent, own, now.mono))
        state.schedule.wake_up.volume_by_hand()
    return []


def _schedule(state: State, command: ScheduleCommand, origin: Origin, now: Now) -> list[Action]:
    """Sleep, alarms and quiet hours. The leader plays the music of an alarm if this device has none."""
    rang = state.schedule.wake_up.ringing is not None
    state.memory, actions = schedule_control.obey(
        command, state.schedule, state.memory, state.playback, state.media, origin, now
    )
    if rang and state.schedule.wake_up.ringing is None and state.group.follows:
        actions += state.group.ask(SetPlayback(Transport.STOP), now.mono)
    return actions


def _ask(state: State, origin: Origin, now: Now) -> list[Action]:
    """Await a nod or a shake of the head."""
    if not state.config.people.answers:
        return [Answer(origin, "Answers by nodding are switched off; set people.answers to true.")]
    if not state.health.eye_open:
        return [Answer(origin, "The camera is off, so nobody can answer with a nod.")]
    if not (key := state.heard_key(now)):
        return [Answer(origin, "No track from the library is playing, so there is nothing to ask about.")]
    state.question.ask(key, now)
    return []


def _forget(state: State, command: Forget, origin: Origin) -> list[Action]:
    """Forget a day, a person or everything, here and on the disk."""
    gone = erasure(command)
    if isinstance(gone, str):
        return [Answer(origin, gone)]
    state.chooser.forget(gone)
    state.mood_control.forget(gone)
    state.memory = without(state.memory, gone)
    state.diary.forget()
    facts = {"scope": str(command.scope), "name": command.name}
    return [Erase(gone), Announce(EventType.FORGOTTEN, facts)]


def _set(state: State, setting: Setting, origin: Origin, now: Now) -> list[Action]:
    """Apply a setting. A mood or a policy may also change the music at once."""
    before = state.mood
    ceiling, reason = state.schedule.ceiling(state.memory, now), state.schedule.limit_reason(state.memory, now)
    state.memory, message = commands.remember(setting, state.memory, ceiling, reason)
    actions: list[Action] = [Answer(origin, message)] if message else []
    match setting:
        case SetVolume():
            state.schedule.wake_up.volume_by_hand()
        case SetGroup():
            state.alone = False
        case SetMood():
            state.mood_control.set_by_hand(now)
            actions += mood_changed(state, before, now, at_once=True)
        case SetPolicy() | SetContext() if state.config.music.on_mood_change == "fade":
            state.mood_control.advance(state.in_effect, now)
            actions += follow(state, now)
    return actions


def _answered(result: list[Action] | str, origin: Origin) -> list[Action]:
    return result if isinstance(result, list) else [Answer(origin, result)]
