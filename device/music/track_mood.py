"""What analysis finds out about one file. Pure: imports neither a decoder nor a runtime.

A `TrackMood` crosses from the analysis process as JSON. A hostile file may have taken that process over, so every field
has its limits, and msgspec holds them when it decodes (workers/protocol.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from device.domain import Affect

FEATURES = 64  # numbers in the feature vector
FEATURE_BYTES = 2 * FEATURES

REVISION = 2
"""Grows when the same model finds something else in a file, so that catalogues analyse all files again."""

Share = Annotated[float, Meta(ge=0, le=1)]


class Doubt(StrEnum):
    """Why the mood of a file means little or nothing; each is a word for "it is ..." or "it sounds like ...".

    The first five are no music; with one of the last three, the mood is a guess.
    """

    NONE = ""
    SILENCE = "silence"
    NOISE = "noise"
    STEADY = "one steady sound"
    CLICKS = "single clicks"
    SPEECH = "speech"
    PERHAPS_SPEECH = "perhaps speech"
    SHORT = "too short"
    STRANGE = "unlike the music that the model knows"

    @property
    def is_music(self) -> bool:
        """Whether a mood can be told at all."""
        return self in (Doubt.NONE, Doubt.PERHAPS_SPEECH, Doubt.SHORT, Doubt.STRANGE)


@dataclass(frozen=True, slots=True)
class TrackMood:
    """Where a track stands and what it sounds like.

    `affect`: its valence and arousal. `uncertainty`: the standard deviation of the truth about `affect` in
    the plane (0 to sqrt(2)). `quadrants`: calibrated probabilities of Q1 (+v +a), Q2 (-v +a), Q3 (-v -a), Q4 (+v -a);
    they sum to 1. `tempo_bpm`: 40 to 240, 0 where there is no beat. `features`: `FEATURES` numbers as float16, little
    endian, a vector of length 1; the dot product of two is the cosine of their likeness. `loudness_lufs`: integrated
    loudness (ITU-R BS.1770), None for silence. `doubt`: why all of this means little; for what is no music, `affect` is
    the origin and all quadrants are equally likely.
    """

    affect: Affect
    uncertainty: Annotated[float, Meta(ge=0, le=2)]
    quadrants: tuple[Share, Share, Share, Share]
    tempo_bpm: Annotated[float, Meta(ge=0, le=1000)]
    features: Annotated[bytes, Meta(min_length=FEATURE_BYTES, max_length=FEATURE_BYTES)]
    loudness_lufs: Annotated[float, Meta(ge=-200, le=100)] | None
    doubt: Doubt = Doubt.NONE

    def __post_init__(self) -> None:
        """Raises ValueError for a point outside the plane, also when msgspec decodes it."""
        if not (-1 <= self.affect.valence <= 1 and -1 <= self.affect.arousal <= 1):
            raise ValueError(f"{self.affect} is outside the plane")
