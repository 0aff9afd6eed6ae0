"""How commands are obeyed: people's words, once read, become another memory or actions. Pure; main thread.

Nothing here owns state: the session calls, and keeps what comes back. There are two kinds of command. A *setting* holds
until it is set anew and survives a power cut: it changes the memory, and the session's settle step sees to the rest. An
*order* is about the music as it plays now: it goes to the playback, or is refused with a sentence that says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from device.core.playback import PlaybackControl
from device.domain import MOOD_AFFECT, Action, Correct, Memory, MoodName, MoodOrigin, Now, Outcome, Target
from device.mqtt.command_parser import (
    AUTO,
    Feedback,
    Liking,
    SeekTo,
    SetMood,
    SetPlayback,
    SetPolicy,
    SetProfile,
    SetRoom,
    SetTrackMood,
    SetVolume,
    minutes,
)
from device.mqtt.documents import EventType

Setting = SetMood | SetPolicy | SetVolume | SetProfile | SetRoom
Order = SetPlayback | SeekTo | SetTrackMood | Feedback


def remember(setting: Setting, memory: Memory, max_volume: int) -> Memory:
    """The memory with this setting in it. `max_volume`: percent, the most that the player may be set to."""
    match setting:
        case SetMood(mood):
            return replace(memory, mood=mood)
        case SetPolicy(policy):
            return replace(memory, policy=policy)
        case SetVolume(percent):
            return replace(memory, volume=min(percent, max_volume))
        case SetProfile(name):
            return replace(memory, profile=name)
        case SetRoom(name):
            return replace(memory, room=name)


def obey(
    order: Order, playback: PlaybackControl, target: Target, now: Now, tell: Callable[..., Action]
) -> list[Action] | str:
    """What this order causes, or a sentence that says why it cannot be obeyed. `tell`: see `PlaybackControl`."""
    match order:
        case SetPlayback(transport):
            return playback.obey(transport, target, now)
        case Feedback(liking):
            outcome = Outcome.LIKED if liking is Liking.LIKE else Outcome.DISLIKED
            return playback.judge(outcome, target, now)
        case SeekTo():
            return _seek(order, playback, now)
        case SetTrackMood(mood):
            return _correct(mood, playback, tell)


def _seek(wish: SeekTo, playback: PlaybackControl, now: Now) -> list[Action] | str:
    """A step beyond either end stops there; a place beyond the end is a mistake."""
    if playback.playthrough is None:
        return "seek/set is about the track that plays, and none does."
    length_s = playback.playthrough.choice.track.duration_s  # 0: not known
    if not wish.relative and wish.seconds > length_s > 0:
        return f"seek/set: the track is {minutes(length_s)} long."
    position_s = wish.seconds + (playback.playthrough.position_s(now) if wish.relative else 0.0)
    return playback.seek(max(0.0, min(position_s, length_s) if length_s > 0 else position_s), now)


def _correct(mood: MoodName | None, playback: PlaybackControl, tell: Callable[..., Action]) -> list[Action] | str:
    """The mood of what plays. The catalogue keeps it; until it has answered, the playback knows already."""
    if playback.choice is None:
        return "track_mood/set is about the track that plays, and none does."
    track = playback.choice.track
    if mood is not None:
        playback.renew(replace(track, mood=mood, affect=MOOD_AFFECT[mood], origin=MoodOrigin.USER, uncertainty=None))
    told = tell(EventType.TRACK_CORRECTED, title=track.title, uri=track.uri, mood=mood or AUTO)
    return [told, Correct(track.key, mood)]
