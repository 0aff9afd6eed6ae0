"""The Snapshot as state variables of the renderer. Pure.

Nothing from the camera is here: not the mood of the room, no faces, no readings, and no reasons for a choice, which
name the room's mood. Everybody in the network can read these variables, and a test checks this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from device.domain import MoodName, PlaybackState, PlaybackView, PolicyName, Snapshot, Track
from device.upnp.didl import document, track_item
from device.upnp.mime import TYPES, mime_of
from device.upnp.services import NOT_IMPLEMENTED
from device.upnp.text import UNKNOWN_TIME, clock

STATES = {
    PlaybackState.PLAYING: "PLAYING",
    PlaybackState.PAUSED: "PAUSED_PLAYBACK",
    PlaybackState.STOPPED: "STOPPED",
}
TRACKS = "/track/"
MUSIC = "/music"
"""The address below the device that stands for its own music, which never ends."""

FACTORY_DEFAULTS = "FactoryDefaults"  # RenderingControl:1 requires this preset
POLICY, MOOD, AUTO = "Policy: ", "Mood: ", "auto"
PRESETS = (
    FACTORY_DEFAULTS,
    *(POLICY + policy for policy in PolicyName),
    MOOD + AUTO,
    *(MOOD + mood for mood in MoodName),
)

FORMATS = (
    *("audio/mpeg", "audio/flac", "audio/x-flac", "audio/ogg", "application/ogg", "audio/opus", "audio/mp4"),
    *("audio/x-m4a", "audio/aac", "audio/aacp", "audio/wav", "audio/x-wav", "audio/wave", "audio/aiff", "audio/x-aiff"),
    *("audio/x-ms-wma", "audio/webm", "audio/*"),
)
SINK = ",".join(f"http-get:*:{mime}:*" for mime in FORMATS)


LIVE_S = 99 * 3600.0  # the longest position in a stream that has no length


@dataclass(frozen=True, slots=True)
class Media:
    """Media that a control point has named with SetAVTransportURI; they play when it says Play."""

    url: str
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """What the device shows at one of its addresses: `base`, such as http://192.168.1.5:8300. `cover_tag` names the
    cover in the snapshot (empty: it has none). `mono` is the monotonic time (s). `staged` are media that wait for
    Play. `bases`: all addresses of the device."""

    snapshot: Snapshot
    base: str
    mono: float
    cover_tag: str = ""
    staged: Media | None = None
    bases: frozenset[str] = frozenset()

    @property
    def playback(self) -> PlaybackView:
        """The playback in the snapshot."""
        return self.snapshot.playback

    @property
    def track(self) -> Track | None:
        """What is heard: an announcement, or else the track."""
        playback = self.playback
        return playback.announcement or (None if playback.choice is None else playback.choice.track)


def transport(view: View) -> dict[str, str]:
    """The state variables of AVTransport, without the position, which the view's `position` has."""
    playback, track = view.playback, view.track
    url = "" if track is None else address(track, view.base)
    metadata = "" if track is None else _metadata(track, url, view)
    length = clock(track.duration_s) if track is not None and track.duration_s > 0 else UNKNOWN_TIME
    state = STATES[playback.state] if playback.announcement is None else "PLAYING"
    if track is None and view.snapshot.health.tracks == 0 and view.staged is None:
        state = "NO_MEDIA_PRESENT"
    source = view.staged or Media(f"{view.base}{MUSIC}")
    if view.staged is None and track is not None and (playback.foreign or playback.announcement is not None):
        source = Media(url, metadata)
    return {
        "TransportState": state,
        "TransportStatus": "OK",
        "TransportPlaySpeed": "1",
        "CurrentPlayMode": "NORMAL",
        "NumberOfTracks": "0" if track is None else "1",
        "CurrentTrack": "0" if track is None else "1",
        "CurrentTrackDuration": length,
        "CurrentMediaDuration": length,
        "CurrentTrackURI": url,
        "CurrentTrackMetaData": metadata,
        "AVTransportURI": source.url,
        "AVTransportURIMetaData": source.metadata,
        "NextAVTransportURI": NOT_IMPLEMENTED,
        "NextAVTransportURIMetaData": NOT_IMPLEMENTED,
        "PlaybackStorageMedium": "NETWORK",
        "RecordStorageMedium": NOT_IMPLEMENTED,
        "PossiblePlaybackStorageMedia": "NETWORK",
        "PossibleRecordStorageMedia": NOT_IMPLEMENTED,
        "RecordMediumWriteStatus": NOT_IMPLEMENTED,
        "CurrentRecordQualityMode": NOT_IMPLEMENTED,
        "PossibleRecordQualityModes": NOT_IMPLEMENTED,
        "CurrentTransportActions": ",".join(actions(view)),
    }


def actions(view: View) -> tuple[str, ...]:
    """What a control point can do now. Jumping needs a track of known length."""
    playback = view.playback
    seekable = playback.announcement is None and view.track is not None and view.track.duration_s > 0
    seek = ("Seek",) if seekable else ()
    match playback.state:
        case PlaybackState.PLAYING:
            return ("Pause", "Stop", *seek, "Next", "Previous")
        case PlaybackState.PAUSED:
            return ("Play", "Stop", *seek, "Next", "Previous")
    return ("Play", "Next", "Previous")


def position(view: View) -> dict[str, str]:
    """The position in the track: variables that are never evented."""
    measured, track = view.playback.position, view.track
    at_s = 0.0
    if measured is not None and track is not None and view.playback.announcement is None:
        at_s = min(measured.at(view.mono), track.duration_s or LIVE_S)
    text = clock(at_s)
    return {
        "RelativeTimePosition": text,
        "AbsoluteTimePosition": text,
        "RelativeCounterPosition": "2147483647",  # not implemented, says AVTransport:1
        "AbsoluteCounterPosition": "2147483647",
    }


def rendering(view: View) -> dict[str, str]:
    """The state variables of RenderingControl."""
    playback = view.playback
    return {
        "PresetNameList": ",".join(PRESETS),
        "Mute": "1" if playback.muted else "0",
        "Volume": str(playback.volume),
    }


def connections(source: str = "") -> Mapping[str, str]:
    """The state variables of ConnectionManager. `source`: what a media server offers."""
    return {"SourceProtocolInfo": source, "SinkProtocolInfo": "" if source else SINK, "CurrentConnectionIDs": "0"}


def address(track: Track, base: str) -> str:
    """Where to fetch a track: a medium from outside at its own address, and a file from the device."""
    if track.uri.startswith(("http://", "https://")):
        return track.uri
    ending = track.uri.rpartition(".")[2].lower()
    return f"{base}{TRACKS}{quote(track.key, safe='')}/track.{ending if ending in TYPES else 'audio'}"


def key_of(url: str, view: View) -> str | None:
    """The key of the track that this device offers at `url`; None if it is no such address."""
    for base in (view.base, *view.bases):
        key, slash, name = url.removeprefix(base + TRACKS).partition("/")
        if url.startswith(base + TRACKS) and key and slash and "/" not in name:
            return unquote(key)
    return None


def _metadata(track: Track, url: str, view: View) -> str:
    shown = view.cover_tag and view.playback.announcement is None and not view.playback.foreign
    cover = f"{view.base}/cover/{view.cover_tag}.jpg" if shown else ""
    return document(track_item(track, url, mime_of(track.uri), cover=cover))
