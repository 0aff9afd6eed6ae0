"""How the session settles after each event: time passes, the group and the music go on, and whatever differs from the
wanted state becomes an action. Pure; main thread.
"""

from __future__ import annotations

import math

from device.core import schedule_control
from device.core.group_control import GroupControl
from device.core.state import State
from device.domain import Action, Alarm, Now, PlaybackState, Requests


def settle(state: State, now: Now) -> list[Action]:
    """The actions that bring the device to the state that people and the mood want."""
    actions = _pass_time(state, now)
    state.mood_control.advance(state.in_effect, now)
    actions += _settle_group(state, now)
    if state.group.chooses(now.mono):
        actions += _settle_music(state, now)
    actions += state.chime.advance(state.surroundings(now), now)
    state.health.alarm_problem = state.chime.health
    track = state.group_track if state.playback.playing.choice is None else state.playback.playing.choice.track
    uri = "" if track is None else track.uri
    state.memory = state.to_save
    if state.group.name and state.group.chooses(now.mono):
        view = state.playback_view(now)
        state.group.publish_music(view, state.memory, state.playback.queue, state.skip_votes(now), now)
    return actions + state.reconciler.actions(state.memory, uri, camera=state.camera_wanted)


def _pass_time(state: State, now: Now) -> list[Action]:
    """Let the schedule change the memory and the music."""
    if state.question.open:
        state.question.advance(state.heard_key(now), now, speaking=state.media.announcement is not None)
    group, chooses = state.group, state.group.chooses(now.mono)
    wanted, playing = state.activity(now)
    step = state.schedule.advance(
        state.memory, now, playing=playing, wanted=wanted, faces=state.mood_control.seen.faces,
        shared=group.accompanied, follows=group.follows,
    )  # fmt: skip
    state.memory = step.memory
    alarm = _ring(state, step.wake, wanted=wanted, now=now)
    if chooses or state.alone:
        return schedule_control.carry_out(
            step, alarm, state.playback, state.media, state.target, state.audience, now
        )
    wake = [] if alarm is None else schedule_control.pass_on(alarm, state.chooser.playlists)
    return [*step.actions, *(action for command in wake for action in group.ask(command, now.mono))]


def _ring(state: State, wake: Alarm | None, *, wanted: bool, now: Now) -> Alarm | None:
    """The alarm whose music begins now: `wake`, once the library is loaded.

    A device of a group rings for itself, until somebody stops its music: the others may be asleep, and neither the
    leader nor the broker need be there. A device without any music asks the leader; if none plays, it rings alone.
    """
    group, library_loaded = state.group, state.health.library_loaded
    alarm = None if state.schedule.wake_up.ringing is None else state.schedule.wake_up.ringing.alarm
    ringing, forsaken = alarm is not None, group.follows and state.chime.forsaken(now)
    wake = alarm if forsaken else wake
    state.waking = (wake or state.waking) if ringing else None
    stream = "" if state.waking is None else schedule_control.stream_of(state.waking, state.chooser.playlists)
    chooses = group.chooses(now.mono)
    if ringing and group.name and not (chooses and not group.accompanied):
        has_music = bool(len(state.chooser.index) or not library_loaded or stream)
        leaves = has_music or state.alone or forsaken or not group.follows
        if leaves and not state.alone:
            state.chooser.requests.state = Requests(last_id=state.memory.requests.last_id)
        state.alone = leaves
    else:
        state.alone = state.alone and (ringing or wanted)
    if wake is not None and (state.alone or chooses):
        state.playback.playing.wanted = PlaybackState.PLAYING  # it may have to wait for the library
    able = state.alone or chooses or group.follows
    if state.waking is None or not able or not (library_loaded or stream):
        return None
    alarm, state.waking, state.unfinished = state.waking, None, ""
    return alarm


def _settle_group(state: State, now: Now) -> list[Action]:
    """Take the lead of the group, or give it up."""
    left = state.group_name != state.group.name
    actions = state.group.passed_on.overdue(math.inf if left else now.mono)
    if left:
        state.group = GroupControl(state.config.device.id, state.group_name)
    state.group.tick(now.mono, len(state.chooser.index))
    state.health.group_problem = state.group.problem(now.mono)
    state.memory = state.group.adopt(state.memory, now)
    if state.group.follows:
        state.playback.playing.wanted, state.chooser.requests.state = state.memory.playback, state.memory.requests
    turn = state.group.turn(now.mono)
    if turn is None:
        return actions
    return actions + (_take_over(state, now) if turn else state.playback.give_way(now))


def _take_over(state: State, now: Now) -> list[Action]:
    """Go on where the former leader stopped."""
    recent = state.group.shared.recent
    state.chooser.heard_elsewhere = recent if 2 * len(recent) <= len(state.chooser.index) else frozenset()
    succession = state.group.shared.succession(now.mono)
    if succession is None or state.playback.playing.wanted is PlaybackState.STOPPED:
        return []
    state.unfinished, state.look_until = "", None
    return state.playback.resume_track(succession.key, succession.position_s, state.target, now)


def _settle_music(state: State, now: Now) -> list[Action]:
    target, audience = state.target, state.audience
    if state.media.medium is not None:
        if state.playback.playing.playthrough is None:
            return []
        state.media.give_way()
    if state.unfinished and len(state.chooser.index):
        key, state.unfinished = state.unfinished, ""
        if actions := state.playback.resume_track(key, state.memory.position_s, target, now):
            state.look_until = None
            return actions
    if state.look_until is not None and now.mono < state.look_until:
        return []
    state.look_until = None
    if state.playback.idle(now):
        return state.playback.play_next(target, audience, now)
    return state.playback.queue_next(target, audience, now)
