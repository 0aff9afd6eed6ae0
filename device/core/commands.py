"""How commands are obeyed: a setting becomes another memory, an order becomes actions. Pure; main thread.

Nothing here owns state: the session calls, and keeps what comes back. What cannot be obeyed is a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.core.playback import PlaybackControl
from device.domain import (
    MOOD_AFFECT,
    Action,
    AllowAgain,
    Announce,
    Correct,
    EventType,
    Feedback,
    Liking,
    Memory,
    MoodName,
    MoodOrigin,
    Now,
    Order,
    Outcome,
    SeekTo,
    SetMood,
    SetPlayback,
    SetPolicy,
    SetProfile,
    SetRoom,
    Setting,
    SetTrackMood,
    SetVolume,
    Target,
)

OUTCOMES = {Liking.LIKE: Outcome.LIKED, Liking.DISLIKE: Outcome.DISLIKED, Liking.NEVER: Outcome.BANNED}


@dataclass(frozen=True, slots=True)
class Wish:
    """For whom, to where and when an order is obeyed."""

    target: Target
    profile: str
    now: Now


def remember(setting: Setting, memory: Memory, max_volume: int) -> tuple[Memory, str]:
    """The memory with this setting in it, and what to answer where it was cut (empty: nothing). `max_volume`: percent.
    The camera is consent's: see consent.py."""
    match setting:
        case SetMood(mood):
            return replace(memory, mood=mood), ""
        case SetPolicy(policy):
            return replace(memory, policy=policy), ""
        case SetVolume(percent, relative):
            wanted = memory.volume + percent if relative else percent
            volume = max(0, min(wanted, max_volume))
            cut = wanted > max_volume and (not relative or volume == memory.volume)
            words = f"The volume ends at {max_volume} % here (player.max_volume in the settings)."
            return replace(memory, volume=volume), words if cut else ""
        case SetProfile(name):
            return replace(memory, profile=name), ""
        case SetRoom(name):
            return replace(memory, room=name), ""
    return memory, ""


def obey(order: Order, playback: PlaybackControl, wish: Wish) -> list[Action] | str:
    """What this order causes, or a sentence that says why it cannot be obeyed."""
    match order:
        case SetPlayback(transport):
            return playback.obey(transport, wish.target, wish.profile, wish.now)
        case Feedback(liking):
            if playback.choice is None:
                return "Nothing plays that this could be about."
            return playback.judge(OUTCOMES[liking], wish.target, wish.profile, wish.now)
        case SeekTo():
            return _seek(order, playback, wish.now)
        case SetTrackMood(mood):
            return _correct(mood, playback)
        case AllowAgain(uri):
            return _allow(uri, playback, wish)


def _seek(order: SeekTo, playback: PlaybackControl, now: Now) -> list[Action] | str:
    """A step beyond either end stops there; a place beyond the end is a mistake."""
    if playback.playthrough is None:
        return "Nothing plays in which to go elsewhere."
    length_s = playback.playthrough.choice.track.duration_s  # 0: not known
    if not order.relative and order.seconds > length_s > 0:
        return f"The track is only {minutes(length_s)} long."
    position_s = order.seconds + (playback.heading_s(now) if order.relative else 0.0)
    return playback.seek(max(0.0, min(position_s, length_s) if length_s > 0 else position_s), now)


def _correct(mood: MoodName | None, playback: PlaybackControl) -> list[Action] | str:
    """The mood of what plays. The catalogue keeps it; until it has answered, the playback knows already."""
    if playback.choice is None:
        return "Nothing plays whose mood could be set."
    track = playback.choice.track
    if mood is not None:
        playback.renew(replace(track, mood=mood, affect=MOOD_AFFECT[mood], origin=MoodOrigin.USER, uncertainty=None))
    facts = {"title": track.title, "uri": track.uri, "mood": str(mood or "auto")}
    return [Announce(EventType.TRACK_CORRECTED, facts), Correct(track.key, mood)]


def _allow(uri: str | None, playback: PlaybackControl, wish: Wish) -> list[Action] | str:
    """A track off the list of those that never play."""
    never = playback.never
    if not never:
        return "No track is on the list of those that never play."
    found = [track for track in never if uri in (None, track.uri)]
    if not found:
        return "That track is not on the list of those that never play."
    return playback.allow(found[-1], wish.profile, wish.now)


def minutes(seconds: float) -> str:
    """A position as people say it, such as 3:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
