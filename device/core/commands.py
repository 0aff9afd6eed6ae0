"""How commands take effect: a setting gives a new memory, an order gives actions. Pure; main thread.

Nothing here owns state: the session calls these functions and keeps the result. A refusal is a sentence.
"""

from __future__ import annotations

from dataclasses import fields, replace

from device.config.schema import RequestsConfig
from device.core import playlist_commands, request_commands
from device.core.audience import Circumstances, with_presence, with_present
from device.core.media import MediaControl
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
    MoodOrigin,
    Now,
    Order,
    Outcome,
    PlayMedia,
    PlayPlaylist,
    SeekTo,
    SetContext,
    SetGroup,
    SetGuests,
    SetMood,
    SetMute,
    SetPlayback,
    SetPolicy,
    SetPresence,
    SetPresent,
    SetProfile,
    SetRoom,
    Setting,
    SetTrackMood,
    SetVolume,
    StopMedia,
)

OUTCOMES = {Liking.LIKE: Outcome.LIKED, Liking.DISLIKE: Outcome.DISLIKED, Liking.NEVER: Outcome.BANNED}

CONTEXT = tuple(field.name for field in fields(SetContext))


def remember(setting: Setting, memory: Memory, max_volume: int, limit_reason: str = "") -> tuple[Memory, str]:
    """The memory with this setting applied, and a sentence if it was limited (empty: it was not). `max_volume`:
    percent; `limit_reason` says why it is no higher. SetCamera is handled in consent.py."""
    match setting:
        case SetMood(mood):
            return replace(memory, mood=mood), ""
        case SetPolicy(policy):
            return replace(memory, policy=policy), ""
        case SetVolume(percent, relative):
            wanted = memory.volume + percent if relative else percent
            volume = max(0, min(wanted, max_volume))
            cut = wanted > max_volume and (not relative or volume == memory.volume)
            return replace(memory, volume=volume), limit_reason if cut else ""
        case SetMute(on):
            return replace(memory, muted=on), ""
        case SetProfile(name):
            return with_present(memory, (name,)), ""
        case SetPresent(names):
            return with_present(memory, names), ""
        case SetPresence(name, here):
            return with_presence(memory, name, here), ""
        case SetGuests(on):
            return replace(memory, guests=on), ""
        case SetRoom(name):
            return replace(memory, room=name), ""
        case SetContext():
            told = {name: value for name in CONTEXT if (value := getattr(setting, name)) is not None}
            return replace(memory, context=replace(memory.context, **told)), ""
        case SetGroup(name):
            return replace(memory, group=name), ""
    return memory, ""


def obey(
    order: Order, playback: PlaybackControl, media: MediaControl, config: RequestsConfig, given: Circumstances
) -> list[Action] | str:
    """The actions that carry out this order, or a sentence that says why it is refused."""
    match order:
        case PlayMedia():
            return media.play(order, given)
        case StopMedia():
            return media.stop(given)
        case SetPlayback(transport) if media.medium is not None:
            return media.obey(transport, given)
        case SeekTo(seconds, relative) if media.medium is not None:
            return media.seek(seconds, relative, given.now)
        case Feedback() | SetTrackMood() if media.medium is not None:
            return "What plays is not from the library, so there is nothing to learn about it."
        case SetPlayback(transport):
            return playback.obey(transport, given.target, given.audience, given.now)
        case Feedback():
            return _judge(order, playback, given)
        case SeekTo():
            return _seek(order, playback, given.now)
        case SetTrackMood():
            return _correct(order, playback)
        case AllowAgain(uri):
            return _allow(uri, playback, given)
        case PlayPlaylist():
            return playlist_commands.play(order, playback, media, config, given)
        case _:
            return request_commands.obey(order, playback, config, given)


def _judge(order: Feedback, playback: PlaybackControl, given: Circumstances) -> list[Action] | str:
    """While guests are here, a dislike only skips the track."""
    if playback.playing.choice is None:
        return "Nothing is playing, so there is no track to like or dislike."
    if given.audience.guests and order.liking is not Liking.DISLIKE:
        return "Guest mode is on, so the device learns nothing; switch guest mode off first."
    if given.audience.is_guest(order.by):
        return f"{order.by} is not a profile of this home, so there is no taste to learn."
    return playback.judge(OUTCOMES[order.liking], order.by, given.target, given.audience, given.now)


def _seek(order: SeekTo, playback: PlaybackControl, now: Now) -> list[Action] | str:
    """A step beyond either end stops there; a position beyond the end is a mistake."""
    if playback.playing.playthrough is None:
        return "Nothing is playing, so there is no track to seek in."
    length_s = playback.playing.playthrough.choice.track.duration_s  # 0: not known
    if not order.relative and order.seconds > length_s > 0:
        return f"The track is only {minutes(length_s)} long."
    position_s = order.seconds + (playback.playing.expected_position_s(now) if order.relative else 0.0)
    return playback.playing.seek(max(0.0, min(position_s, length_s) if length_s > 0 else position_s), now)


def _correct(order: SetTrackMood, playback: PlaybackControl) -> list[Action] | str:
    """Set the mood of a track. The catalogue stores it; if the track plays, the playback uses it at once."""
    mood, track = order.mood, None if playback.playing.choice is None else playback.playing.choice.track
    if order.track and (track is None or track.key != order.track):
        row = playback.chooser.index.row.get(order.track)
        track = None if row is None else playback.chooser.index.tracks[row]
    if track is None:
        return "No such track." if order.track else "Nothing is playing, so there is no track whose mood could be set."
    if mood is not None:
        corrected = replace(track, mood=mood, affect=MOOD_AFFECT[mood], origin=MoodOrigin.USER, uncertainty=None)
        playback.playing.renew(corrected)
    facts = {"title": track.title, "uri": track.uri, "mood": str(mood or "auto")}
    return [Announce(EventType.TRACK_CORRECTED, facts), Correct(track.key, mood)]


def _allow(uri: str | None, playback: PlaybackControl, given: Circumstances) -> list[Action] | str:
    """Remove a track from the list of banned tracks."""
    never = playback.chooser.never
    if not never:
        return "No track is banned."
    found = [track for track in never if uri in (None, track.uri)]
    if not found:
        return "That track is not banned; never/state lists the banned tracks."
    return playback.chooser.allow(found[-1], given.audience, given.now)


def minutes(seconds: float) -> str:
    """A position as people say it, such as 3:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
