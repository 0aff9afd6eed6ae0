"""Songs, what should play and why, what became of it, and what is remembered of all that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device.domain.affect import MOOD_AFFECT, Affect, MoodName


class MoodOrigin(StrEnum):
    """Who said what mood a track has; the later ones in this list win over the earlier."""

    UNKNOWN = "unknown"
    MODEL = "model"
    TAG = "tag"
    FOLDER = "folder"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Track:
    """A playable file. `key` names its content and survives a move; `uri` is a `file://` URI, so that any file name,
    in any script or in none, survives. `affect` and `mood` are where it stands in the plane.

    `uncertainty` is the standard deviation of `affect` in the plane as the model states it (None: nothing is known but
    `origin`). `features` is the vector that songs are compared by: float16, little-endian, of length 1 (empty: not
    analysed). `gain_db` brings it to the loudness of the others (ReplayGain 2.0; 0 where nothing is known).
    """

    key: str
    uri: str
    title: str
    artist: str = ""
    album: str = ""
    duration_s: float = 0.0
    affect: Affect = MOOD_AFFECT[MoodName.NEUTRAL]
    mood: MoodName = MoodName.NEUTRAL
    origin: MoodOrigin = MoodOrigin.UNKNOWN
    uncertainty: float | None = None
    tempo_bpm: float = 0.0
    features: bytes = b""
    gain_db: float = 0.0


class PolicyName(StrEnum):
    """How the room's mood is turned into the music's."""

    MATCH = "match"
    LIFT = "lift"
    CALM = "calm"
    ENERGISE = "energise"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the music should be now, and why, in words that continue "because ..."."""

    affect: Affect
    mood: MoodName
    words: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A track and the reason for it, in a sentence for people."""

    track: Track
    reason: str


class PlaybackState(StrEnum):
    """The words of Home Assistant's media player."""

    PLAYING = "playing"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a track was at one moment: `track_s` seconds into it at `at_mono` (monotonic, s). While `running` it goes
    on from there at the pace of time. The one model of position in this program."""

    track_s: float
    at_mono: float
    running: bool

    def at(self, mono: float) -> float:
        """Seconds into the track at this time."""
        return max(0.0, self.track_s + (mono - self.at_mono if self.running else 0.0))

    def held(self, mono: float) -> Position:
        """The same place, standing still from `mono` on."""
        return Position(self.at(mono), mono, False)


class Outcome(StrEnum):
    """How a track ended, or what was said of it. Skips count as dislikes, early ones more."""

    PLAYED = "played"
    SKIPPED = "skipped"
    REPLACED = "replaced"  # the mood changed; says nothing about the track
    LIKED = "liked"
    DISLIKED = "disliked"
    BANNED = "banned"  # "never": out until somebody allows it again
    ALLOWED = "allowed"


@dataclass(frozen=True, slots=True)
class Listen:
    """One line of history: what happened to a track, for which profile, in which mood. `at` is wall-clock (s)."""

    track_key: str
    profile: str
    mood: MoodName
    outcome: Outcome
    at: float
    heard_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """What survives a power cut, apart from the history of listens. Percent for `volume`."""

    volume: int = 30
    policy: PolicyName = PolicyName.MATCH
    camera: bool = False
    room: str = ""
    profile: str = "everyone"
    mood: MoodName | None = None  # a mood set by hand; None is "auto"
    playback: PlaybackState = PlaybackState.PLAYING
    track_key: str = ""
    position_s: float = 0.0  # how far that track was, when it last said so
    camera_by: str = ""  # who consented to the camera or withdrew that, in words; empty: nobody ever did
    known_as: str = ""  # under what name the broker knows this device: Topics.record
