"""What the player reports: passes each event to the music or to the media from outside. Pure; main thread."""

from __future__ import annotations

from device.core.audience import Audience
from device.core.media import MediaControl
from device.core.playback import PlaybackControl
from device.domain import (
    Action,
    Now,
    PlaybackView,
    Target,
    TrackAt,
    TrackEnded,
    TrackEnding,
    TrackFailed,
    TrackStarted,
)

PlayerEvent = TrackStarted | TrackEnded | TrackFailed | TrackEnding | TrackAt


def take(
    event: PlayerEvent, playback: PlaybackControl, media: MediaControl, target: Target, audience: Audience, now: Now
) -> list[Action]:
    """The actions that follow from the event."""
    if media.owns(event.serial):
        return _of_medium(event, media, target, audience, now)
    match event:
        case TrackStarted(serial, position):
            return playback.started(serial, position, now)
        case TrackEnded(serial):
            return playback.ended(serial, audience, now)
        case TrackFailed():
            return playback.failed(event, now)
        case TrackEnding(serial):
            playback.playing.ending(serial)
        case TrackAt(serial, position):
            playback.playing.at(serial, position, now)
    return []


def _of_medium(event: PlayerEvent, media: MediaControl, target: Target, audience: Audience, now: Now) -> list[Action]:
    match event:
        case TrackStarted(_, position, length_s):
            return media.started(position, length_s, now)
        case TrackEnded():
            return media.end(target, audience, now)
        case TrackFailed(_, problem):
            return media.failed(problem, target, audience, now)
        case TrackAt(_, position):
            media.at(position, now)
    return []


def view(
    playback: PlaybackControl, media: MediaControl, now: Now, *, volume: int, max_volume: int, muted: bool, cover: bytes
) -> PlaybackView:
    """What plays: the medium, or else the music. Volumes are in percent."""
    medium = media.medium
    return PlaybackView(
        state=playback.playing.state(now) if medium is None else media.state(now),
        choice=playback.playing.choice if medium is None else medium.choice,
        position=playback.playing.position if medium is None else medium.position,
        volume=volume,
        max_volume=max_volume,
        cover=cover,
        muted=muted,
        foreign=medium is not None,
        announcement=media.announcement,
    )
