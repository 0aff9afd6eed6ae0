"""Tracks, what should play and why, what happened to it, and what the device remembers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device.domain.affect import MOOD_AFFECT, Affect, MoodName


class MoodOrigin(StrEnum):
    """Where a track's mood comes from; later entries in this list override earlier ones.

    NOT_MUSIC: the model hears speech, noise or the like, so the track has no mood, and only somebody who asks for it
    hears it. UNSURE: the model's guess, of which it is not sure.
    """

    UNKNOWN = "unknown"
    NOT_MUSIC = "not music"
    UNSURE = "unsure"
    MODEL = "model"
    TAG = "tag"
    FOLDER = "folder"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Track:
    """A playable file. `key` identifies its content and survives a move. `uri` is a `file://` URI, which can hold any
    file name, even one that is not valid text. `affect` and `mood` are its point in the plane.

    `uncertainty` is the standard deviation of `affect` in the plane, as estimated by the model (None: no estimate).
    `features` is the vector that compares songs: float16, little-endian, of length 1 (empty: not analysed). `gain_db`
    brings the track to the common loudness (ReplayGain 2.0; 0 if unknown). `rating` is what the tags say of somebody's
    taste, in [0, 1] (None: nothing).
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
    rating: float | None = None


class PolicyName(StrEnum):
    """How the music follows the room's mood."""

    MATCH = "match"
    LIFT = "lift"
    CALM = "calm"
    ENERGISE = "energise"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the music should be in the plane now. `reason` is a phrase such as "to match a calm room". If the music
    should move the room, `room` is where the room is, and `goal` is where it should get to."""

    affect: Affect
    mood: MoodName
    reason: str
    room: Affect | None = None
    goal: Affect | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A track, and the reason for choosing it as a sentence for people."""

    track: Track
    reason: str


class PlaybackState(StrEnum):
    """The states of Home Assistant's media player."""

    PLAYING = "playing"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Position:
    """The position in a track at one moment: `track_s` seconds at `at_mono` (monotonic, s). While `running`, it
    advances with time. The only model of position in this program."""

    track_s: float
    at_mono: float
    running: bool

    def at(self, mono: float) -> float:
        """The position at this time, in seconds from the beginning of the track."""
        return max(0.0, self.track_s + (mono - self.at_mono if self.running else 0.0))

    def held(self, mono: float) -> Position:
        """The position at `mono`, not running."""
        return Position(self.at(mono), mono, False)


class Outcome(StrEnum):
    """How a track ended, or what people think of it. Skips count as dislikes, early ones more."""

    PLAYED = "played"
    SKIPPED = "skipped"
    REPLACED = "replaced"  # the mood changed: no opinion about the track
    LIKED = "liked"
    DISLIKED = "disliked"
    BANNED = "banned"  # "never": does not play until somebody allows it again
    ALLOWED = "allowed"
    PLEASED = "pleased"  # somebody's face or head said yes, which is a weaker opinion than a like
    DISPLEASED = "displeased"  # or no, which is weaker than a skip


@dataclass(frozen=True, slots=True)
class Listen:
    """One entry of the history: what happened to a track, for which profile, in which mood. `at` is wall-clock (s)."""

    track_key: str
    profile: str
    mood: MoodName
    outcome: Outcome
    at: float
    heard_s: float = 0.0


EVERYONE = "everyone"
"""The profile until somebody chooses one."""
