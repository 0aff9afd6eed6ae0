"""The nouns, events and actions of Affetto. A leaf: read it first, it imports nothing of the project.

An *event* is something that happened; threads put it into the inbox and decide nothing. An *action* is something to
be done; `session.handle` returns actions and does nothing itself. Everything here is immutable and cheap to compare,
so that a test is a table of events and the actions they must cause.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# --- Feelings ---------------------------------------------------------------------------------------------------


class Emotion(StrEnum):
    """The eight emotions of FERPlus (Barsoum et al. 2016), in the order of every score vector in this program."""

    NEUTRAL = "neutral"
    HAPPINESS = "happiness"
    SURPRISE = "surprise"
    SADNESS = "sadness"
    ANGER = "anger"
    DISGUST = "disgust"
    FEAR = "fear"
    CONTEMPT = "contempt"


EMOTIONS: tuple[Emotion, ...] = tuple(Emotion)

Scores = tuple[float, ...]
"""Eight probabilities in the order of `EMOTIONS`; they sum to 1."""


class MoodName(StrEnum):
    """Names for regions of the valence-arousal plane; also the names of mood folders."""

    HAPPY = "happy"
    EXCITED = "excited"
    CALM = "calm"
    NEUTRAL = "neutral"
    SAD = "sad"
    TENSE = "tense"
    ANGRY = "angry"


@dataclass(frozen=True, slots=True)
class Affect:
    """A point in Russell's circumplex (1980): valence and arousal, each in [-1, 1]."""

    valence: float
    arousal: float

    def distance(self, other: Affect) -> float:
        """Euclidean distance, 0 to 2*sqrt(2)."""
        return math.hypot(self.valence - other.valence, self.arousal - other.arousal)


MOOD_AFFECT: Mapping[MoodName, Affect] = {
    MoodName.HAPPY: Affect(0.8, 0.3),
    MoodName.EXCITED: Affect(0.7, 0.7),
    MoodName.CALM: Affect(0.7, -0.6),
    MoodName.NEUTRAL: Affect(0.0, 0.0),
    MoodName.SAD: Affect(-0.7, -0.3),
    MoodName.TENSE: Affect(-0.2, 0.8),
    MoodName.ANGRY: Affect(-0.5, 0.7),
}
"""Where each mood stands in the plane (sources: mood/plane.py); shared by the room's mood and by mood folders."""


class MoodSource(StrEnum):
    """Where a mood comes from: nobody looked yet, the camera, or a command."""

    NONE = "none"
    CAMERA = "camera"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Mood:
    """The room's mood as it is published on `mood/state`.

    `confidence` in [0, 1]; `faces` is how many faces count now; `scores` is the room's mean posterior;
    `since` is wall-clock time (s since the epoch) at which `name` began.
    """

    name: MoodName
    affect: Affect
    emotion: Emotion
    confidence: float
    faces: int
    scores: Scores
    source: MoodSource
    since: float


# --- What the eye saw -------------------------------------------------------------------------------------------

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Face:
    """A detected face in pixels of the frame: box (left, top, width, height), score in [0, 1], five landmarks.

    Landmarks in the order right eye, left eye, nose, right mouth corner, left mouth corner (the person's right, so
    the right eye is normally left in the picture).
    """

    x: float
    y: float
    w: float
    h: float
    score: float
    landmarks: tuple[Point, Point, Point, Point, Point]


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A tracked face in one reading.

    `number` stays with the person while they are in view; `box` is (left, top, width, height) as shares of the
    frame in [0, 1]; `certainty` in [0, 1] says how sure the eye is that this is a usable face; `scores` are the
    classifier's calibrated probabilities of this frame, not smoothed.
    """

    number: int
    box: tuple[float, float, float, float]
    certainty: float
    scores: Scores


@dataclass(frozen=True, slots=True)
class Reading:
    """What the eye says of one frame: numbers only, never pixels.

    `at_s` is CLOCK_MONOTONIC (the two processes share it), or the video's own time for files played as fast as they
    go. `moved` is the motion gate's answer. `costs_ms` maps a stage (read, gate, find, track, score) to its time.
    """

    at_s: float
    faces: tuple[SeenFace, ...] = ()
    moved: bool = True
    costs_ms: Mapping[str, float] = field(default_factory=dict)


# --- Music ------------------------------------------------------------------------------------------------------


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
    affect: Affect = Affect(0.0, 0.0)
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


class Playback(StrEnum):
    """The state in `track/state`; Home Assistant's media player knows the same words."""

    PLAYING = "playing"
    PAUSED = "paused"
    STOPPED = "stopped"


class Transport(StrEnum):
    """The commands of `playback/set`."""

    PLAY = "play"
    PAUSE = "pause"
    STOP = "stop"
    NEXT = "next"
    PREVIOUS = "previous"


class Outcome(StrEnum):
    """How a track ended, or what was said of it. Skips count as dislikes, early ones more."""

    PLAYED = "played"
    SKIPPED = "skipped"
    REPLACED = "replaced"  # the mood changed; says nothing about the track
    LIKED = "liked"
    DISLIKED = "disliked"


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
    playback: Playback = Playback.PLAYING
    track_key: str = ""
    position_s: float = 0.0  # how far that track was, when it last said so
    camera_by: str = ""  # who consented to the camera or withdrew that, in words; empty: nobody ever did


# --- Events -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Now:
    """The two clocks, read once for each event: `mono` (s, never jumps) for decisions, `wall` (s) for records."""

    mono: float
    wall: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on (about once a second). `vitals` are figures of the process for `health`."""

    vitals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EyeOpened:
    """The eye answered and its camera delivers; `camera` describes it."""

    camera: str


@dataclass(frozen=True, slots=True)
class EyeRead:
    """A reading arrived."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class EyeClosed:
    """The eye is gone. `problem` says why, empty if it was asked to go. The link retries by itself."""

    problem: str = ""


@dataclass(frozen=True, slots=True)
class TrackStarted:
    """The player is audibly playing the track with this serial number."""

    serial: int


@dataclass(frozen=True, slots=True)
class TrackEnded:
    """The track with this serial number played to its end."""

    serial: int


@dataclass(frozen=True, slots=True)
class TrackFailed:
    """The track with this serial number cannot be played."""

    serial: int
    problem: str


@dataclass(frozen=True, slots=True)
class TrackEnding:
    """The track with this serial number has some seconds left: the time to say what follows it (`Cue`)."""

    serial: int


@dataclass(frozen=True, slots=True)
class TrackAt:
    """The track with this serial number is heard at `position_s`; said every few seconds, after a seek, at a pause."""

    serial: int
    position_s: float


@dataclass(frozen=True, slots=True)
class SoundLost:
    """The sound device does not take the music any more (or not yet). The player holds the track where it is and tries
    again by itself until `SoundBack`."""

    problem: str


@dataclass(frozen=True, slots=True)
class SoundBack:
    """The sound device takes music again; the track goes on where it was."""


@dataclass(frozen=True, slots=True)
class BrokerConnected:
    """MQTT is up (again): everything retained is to be said anew."""


@dataclass(frozen=True, slots=True)
class BrokerLost:
    """MQTT is down; paho reconnects by itself."""

    problem: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """An MQTT message on one of our command topics, as it came. `topic` is the full topic; `retained` says that the
    broker had kept it from earlier."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, slots=True)
class LibraryLoaded:
    """The library as it is now: all playable tracks, and a sentence for each file that cannot be played or heard."""

    tracks: tuple[Track, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverRead:
    """The cover of the track at this URI, as a small JPEG; empty if it has none."""

    uri: str
    picture: bytes


Event = (
    Tick
    | EyeOpened
    | EyeRead
    | EyeClosed
    | TrackStarted
    | TrackEnded
    | TrackFailed
    | TrackEnding
    | TrackAt
    | SoundLost
    | SoundBack
    | BrokerConnected
    | BrokerLost
    | Message
    | LibraryLoaded
    | CoverRead
)

# --- Actions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Play:
    """Play `track` as number `serial` from `start_s` on. What plays now is faded out over `fade_s` (0 = cut); every
    later event about it falls away because its serial is old."""

    serial: int
    track: Track
    fade_s: float = 0.0
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Cue:
    """Get `track` ready and play it as number `serial` when what plays now is over, without a gap. Takes the place of
    an earlier cue; `Play` and `Silence` drop it."""

    serial: int
    track: Track


@dataclass(frozen=True, slots=True)
class Seek:
    """Go on with track number `serial`, if that is the one that plays, at `position_s`."""

    serial: int
    position_s: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold the track where it is."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on after a pause."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Stop the music, fading over `fade_s`."""

    fade_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Ramp to `percent` (0 to 100); the player never passes its own `max_volume`."""

    percent: int


@dataclass(frozen=True, slots=True)
class Publish:
    """Send `payload` (text and bytes as they are, a mapping as JSON) to the full topic `topic`, QoS 1."""

    topic: str
    payload: str | bytes | Mapping[str, object]
    retain: bool = True


@dataclass(frozen=True, slots=True)
class OpenEye:
    """Connect to the eye: the camera goes on."""


@dataclass(frozen=True, slots=True)
class CloseEye:
    """Disconnect from the eye: the camera goes off."""


@dataclass(frozen=True, slots=True)
class Save:
    """Make `memory` survive a power cut."""

    memory: Memory


@dataclass(frozen=True, slots=True)
class Record:
    """Add one line to the history."""

    listen: Listen


@dataclass(frozen=True, slots=True)
class Correct:
    """Keep what somebody said of the mood of the content called `track_key`; None forgets it. LibraryLoaded follows."""

    track_key: str
    mood: MoodName | None


@dataclass(frozen=True, slots=True)
class ReadCover:
    """Read the cover of the track at this URI; CoverRead follows."""

    uri: str


@dataclass(frozen=True, slots=True)
class Log:
    """Say this sentence in the log."""

    words: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Obey commands for this room's group too (empty: for none)."""

    room: str


Action = (
    Play
    | Cue
    | Seek
    | Pause
    | Resume
    | Silence
    | SetVolume
    | Publish
    | OpenEye
    | CloseEye
    | Save
    | Record
    | Correct
    | ReadCover
    | Log
    | Subscribe
)
