"""How commands take effect: a setting gives a new memory, an order gives actions. Pure; main thread.

Nothing here owns state: the session calls these functions and keeps the result. A refusal is a sentence.
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
class Circumstances:
    """What an order depends on besides itself: the music's target, the profile and the time."""

    target: Target
    profile: str
    now: Now


def remember(setting: Setting, memory: Memory, max_volume: int) -> tuple[Memory, str]:
    """The memory with this setting applied, and a sentence if it was limited (empty: it was not). `max_volume`:
    percent. SetCamera is handled in consent.py."""
    match setting:
        case SetMood(mood):
            return replace(memory, mood=mood), ""
        case SetPolicy(policy):
            return replace(memory, policy=policy), ""
        case SetVolume(percent, relative):
            wanted = memory.volume + percent if relative else percent
            volume = max(0, min(wanted, max_volume))
            cut = wanted > max_volume and (not relative or volume == memory.volume)
            answer = f"The volume limit is {max_volume} %; to raise it, change player.max_volume in the settings."
            return replace(memory, volume=volume), answer if cut else ""
        case SetProfile(name):
            return replace(memory, profile=name), ""
        case SetRoom(name):
            return replace(memory, room=name), ""
    return memory, ""


def obey(order: Order, playback: PlaybackControl, given: Circumstances) -> list[Action] | str:
    """The actions that carry out this order, or a sentence that says why it is refused."""
    match order:
        case SetPlayback(transport):
            return playback.obey(transport, given.target, given.profile, given.now)
        case Feedback(liking):
            if playback.choice is None:
                return "Nothing is playing, so there is no track to like or dislike."
            return playback.judge(OUTCOMES[liking], given.target, given.profile, given.now)
        case SeekTo():
            return _seek(order, playback, given.now)
        case SetTrackMood(mood):
            return _correct(mood, playback)
        case AllowAgain(uri):
            return _allow(uri, playback, given)


def _seek(order: SeekTo, playback: PlaybackControl, now: Now) -> list[Action] | str:
    """A step beyond either end stops there; a position beyond the end is a mistake."""
    if playback.playthrough is None:
        return "Nothing is playing, so there is no track to seek in."
    length_s = playback.playthrough.choice.track.duration_s  # 0: not known
    if not order.relative and order.seconds > length_s > 0:
        return f"The track is only {minutes(length_s)} long."
    position_s = order.seconds + (playback.expected_position_s(now) if order.relative else 0.0)
    return playback.seek(max(0.0, min(position_s, length_s) if length_s > 0 else position_s), now)


def _correct(mood: MoodName | None, playback: PlaybackControl) -> list[Action] | str:
    """Set the mood of the current track. The catalogue stores it; the playback uses it at once."""
    if playback.choice is None:
        return "Nothing is playing, so there is no track whose mood could be set."
    track = playback.choice.track
    if mood is not None:
        playback.renew(replace(track, mood=mood, affect=MOOD_AFFECT[mood], origin=MoodOrigin.USER, uncertainty=None))
    facts = {"title": track.title, "uri": track.uri, "mood": str(mood or "auto")}
    return [Announce(EventType.TRACK_CORRECTED, facts), Correct(track.key, mood)]


def _allow(uri: str | None, playback: PlaybackControl, given: Circumstances) -> list[Action] | str:
    """Remove a track from the list of banned tracks."""
    never = playback.never
    if not never:
        return "No track is banned."
    found = [track for track in never if uri in (None, track.uri)]
    if not found:
        return "That track is not banned; never/state lists the banned tracks."
    return playback.allow(found[-1], given.profile, given.now)


def minutes(seconds: float) -> str:
    """A position as people say it, such as 3:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
