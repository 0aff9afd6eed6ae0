"""The demo's album: which songs there are, in which key, played by whom.

Pure data. `songs.py` composes and plays them. Keys, modes and tempi follow what listeners connect with a mood
(Gabrielsson & Lindström, "The role of structure in the musical expression of emotions", 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.songs.score import BEATS, Key, Tune


@dataclass(frozen=True, slots=True)
class Part:
    """One voice of a song."""

    instrument: str  # a function of synth
    pattern: str  # of score.PATTERNS, or "melody"
    sections: str  # letters of the form in which it plays
    gain: float = 0.5
    place: float = 0.0  # -1 left to 1 right
    room: float = 0.2  # share sent to the reverb
    echo: float = 0.0  # feedback of a dotted-eighth echo
    shift: int = 0  # semitones; whole octaves keep the key


@dataclass(frozen=True, slots=True)
class Song:
    """A song before it sounds. `form` gives sections with their bars; "i" and "o" take A's chords."""

    title: str
    mood: str  # the folder
    seed: int
    key: Key
    bpm: float
    chords: dict[str, tuple[int, ...]]  # scale degrees by section, one a bar, repeated
    form: tuple[tuple[str, int], ...]
    parts: tuple[Part, ...]
    tune: Tune | None = None
    centre: int = 62  # of the chords
    seventh: bool = False
    swing: float = 0.0  # how late the off-beat eighths come, in beats
    room_s: float = 1.6
    lufs: float = -17.0

    @property
    def bars(self) -> int:
        """How many bars are played."""
        return sum(bars for _, bars in self.form)

    @property
    def length_s(self) -> float:
        """How long the record is: every bar, and what rings on."""
        return self.bars * BEATS * 60 / self.bpm + 2.5


def _kit(*rows: tuple[str, str, str, float]) -> tuple[Part, ...]:
    """Drums: instrument, pattern, sections, gain."""
    places = {"hat": 0.3, "shaker": -0.35, "tom": 0.15, "tick": 0.5}
    return tuple(Part(i, p, s, g, places.get(i, 0.0), 0.08 if i != "crash" else 0.3) for i, p, s, g in rows)


Degrees = tuple[int, ...]

LIVELY = ((1, 0.5, 0.5, 1, 1), (1.5, 0.5, 1, -1), (0.5, 0.5, 1, 0.5, 0.5, 1), (-0.5, 0.5, 0.5, 0.5, 1, 1))
RUSHED = ((0.5,) * 8, (0.75, 0.75, 0.5, 0.75, 0.75, 0.5), (0.5, 0.5, 0.5, 0.5, 1, 1), (0.75, 0.25, 1, 0.5, 0.5, 1))
SLOW = ((2, 2), (1.5, 0.5, 2), (-1, 1, 2), (3, 1), (1, 1, 2))
UNEASY = ((-2, 0.5, 0.5, 1), (3, -1), (-1, 1.5, 1.5), (0.5, 0.5, -3))

SHORT_FORM = (("i", 2), ("A", 4), ("B", 4), ("A", 4), ("o", 1))
LONG_FORM = (("i", 2), ("A", 8), ("B", 8), ("A", 4), ("o", 1))
WAVE_FORM = (("i", 2), ("A", 8), ("B", 8), ("A", 8), ("o", 1))


def _happy(title: str, seed: int, tonic: int, bpm: float, a: Degrees, b: Degrees, voice: str,
           swing: float = 0.0) -> Song:
    bright = voice == "bell"
    parts = (
        Part("pluck", "strum", "iABo", 0.95, -0.3, 0.15), Part("bass", "walk", "ABo", 0.5, 0, 0.03),
        Part(voice, "melody", "AB", 0.3 if bright else 0.5, 0.2, 0.3, 0.25, shift=12 * bright),
        Part("epiano", "block", "Bo", 0.24, 0.35, 0.2),
        *_kit(("kick", "pop kick", "AB", 0.6), ("clap", "backbeat", "AB", 0.5), ("shaker", "eighths", "iAB", 0.8),
              ("crash", "first", "AB", 0.3)),
    )  # fmt: skip
    return Song(title, "happy", seed, Key(tonic, "major"), bpm, {"A": a, "B": b}, LONG_FORM, parts,
                Tune(64, 84, LIVELY), swing=swing, room_s=1.2)


def _excited(title: str, seed: int, key: Key, bpm: float, a: Degrees, b: Degrees) -> Song:
    parts = (
        Part("stab", "stabs" if seed % 2 else "syncopated", "ABo", 0.30, -0.2, 0.2),
        Part("growl", "octaves", "AB", 0.42, 0, 0.02),
        Part("lead", "ripple", "iB", 0.26, 0.35, 0.25, 0.3, shift=12),
        Part("lead", "melody", "A", 0.34, 0.1, 0.25, 0.3),
        Part("pad", "block", "Bo", 0.35, 0, 0.4),
        *_kit(("kick", "four", "iAB", 0.75), ("clap", "backbeat", "AB", 0.55), ("hat", "off", "AB", 0.8),
              ("hat", "sixteenths", "B", 0.6), ("crash", "first", "AB", 0.45), ("snare", "backbeat", "B", 0.4)),
    )  # fmt: skip
    return Song(title, "excited", seed, key, bpm, {"A": a, "B": b}, WAVE_FORM, parts, Tune(67, 86, RUSHED, 0.2),
                room_s=1.3, lufs=-16.0)


def _angry(title: str, seed: int, key: Key, bpm: float, a: Degrees, b: Degrees) -> Song:
    parts = (
        Part("guitar", "chug", "iA", 0.42, -0.55, 0.08), Part("guitar", "chug", "iA", 0.40, 0.55, 0.08, shift=0),
        Part("guitar", "power", "Bo", 0.5, -0.4, 0.12), Part("growl", "drive", "ABo", 0.38, 0, 0.02),
        Part("lead", "melody", "B", 0.26, 0.2, 0.25, 0.2, shift=-12),
        *_kit(("kick", "double", "AB", 0.7), ("snare", "backbeat", "iAB", 0.8), ("hat", "eighths", "AB", 0.9),
              ("crash", "first", "AB", 0.5), ("tom", "menace", "i", 0.7)),
    )  # fmt: skip
    return Song(title, "angry", seed, key, bpm, {"A": a, "B": b}, WAVE_FORM, parts, Tune(64, 81, RUSHED, 0.3),
                centre=52, room_s=0.9, lufs=-16.0)


def _tense(title: str, seed: int, key: Key, bpm: float, a: Degrees, b: Degrees, figure: str) -> Song:
    parts = (
        Part("spiccato", figure, "iAB", 0.95, -0.3, 0.25), Part("spiccato", figure, "B", 0.6, 0.35, 0.25, shift=12),
        Part("strings", "drone", "ABo", 0.34, 0.1, 0.4), Part("bass", "sustain", "ABo", 0.5, 0, 0.1),
        Part("strings", "melody", "AB", 0.3, 0.3, 0.45, shift=12), Part("strings", "block", "B", 0.22, -0.2, 0.4),
        *_kit(("tick", "ticks", "iA", 0.6), ("tom", "menace", "AB", 0.75), ("tom", "heart", "i", 0.6),
              ("crash", "first", "B", 0.3)),
    )  # fmt: skip
    return Song(title, "tense", seed, key, bpm, {"A": a, "B": b}, LONG_FORM, parts, Tune(62, 79, UNEASY, 0.35),
                centre=57, room_s=2.6, lufs=-17.5)


def _sad(title: str, seed: int, key: Key, bpm: float, a: Degrees, b: Degrees, voice: str) -> Song:
    parts = (
        Part("piano", "broken", "iAB", 0.5, -0.15, 0.35), Part("strings", "block", "Bo", 0.30, 0.2, 0.5),
        Part("bass", "sustain", "B", 0.35, 0, 0.1), Part(voice, "melody", "AB", 0.42, 0.2, 0.45, 0.0),
        Part("piano", "block", "o", 0.4, -0.15, 0.4),
    )  # fmt: skip
    return Song(title, "sad", seed, key, bpm, {"A": a, "B": b}, SHORT_FORM, parts, Tune(62, 79, SLOW, 0.1),
                centre=60, room_s=2.8, lufs=-18.5)


def _calm(title: str, seed: int, key: Key, bpm: float, a: Degrees, b: Degrees, harp: str, voice: str) -> Song:
    parts = (
        Part("pad", "block", "iABo", 0.5, 0, 0.5), Part(harp, "broken", "AB", 0.32, -0.3, 0.45, 0.2),
        Part("bass", "sustain", "AB", 0.32, 0, 0.1), Part(voice, "melody", "AB", 0.32, 0.25, 0.5, 0.2),
        Part("bell", "block", "o", 0.12, 0.2, 0.6, shift=12),
    )  # fmt: skip
    return Song(title, "calm", seed, key, bpm, {"A": a, "B": b}, SHORT_FORM, parts, Tune(64, 81, SLOW, 0.08),
                centre=62, seventh=True, room_s=3.2, lufs=-18.5)


SONGS: tuple[Song, ...] = (
    _happy("Paper Boats", 1, 7, 116, (0, 4, 5, 3), (3, 0, 3, 4), "flute"),
    _happy("Sunday Bicycle", 12, 2, 104, (0, 3, 0, 4), (5, 3, 0, 4), "bell", swing=0.14),
    _happy("Marmalade", 23, 5, 124, (0, 5, 3, 4), (3, 4, 0, 5), "epiano"),
    _excited("Confetti Engine", 3, Key(9, "mixolydian"), 130, (0, 6, 3, 0), (3, 3, 0, 6)),
    _excited("Night Bus Leap", 14, Key(4, "major"), 138, (0, 4, 5, 3), (5, 3, 0, 4)),
    _angry("Broken Umbrella", 5, Key(4, "phrygian"), 148, (0, 0, 1, 0), (0, 1, 5, 6)),
    _angry("Slammed Door", 16, Key(2, "phrygian"), 140, (0, 1, 0, 6), (5, 6, 0, 1)),
    _tense("Corridor Clock", 7, Key(0, "harmonic minor"), 108, (0, 0, 5, 4), (3, 0, 5, 4), "ostinato"),
    _tense("Static Weather", 18, Key(6, "phrygian"), 116, (0, 0, 1, 0), (3, 1, 0, 1), "scurry"),
    _sad("Letters Unsent", 9, Key(9, "minor"), 68, (0, 5, 2, 6), (3, 0, 5, 4), "piano"),
    _sad("Last Tram", 20, Key(2, "minor"), 72, (0, 3, 5, 6), (5, 2, 3, 4), "flute"),
    _sad("Rain on the Lid", 31, Key(4, "dorian"), 66, (0, 6, 3, 0), (5, 3, 0, 6), "strings"),
    _calm("Tidal Garden", 11, Key(5, "lydian"), 72, (0, 1, 0, 4), (5, 1, 3, 0), "pluck", "flute"),
    _calm("Lamplight", 22, Key(0, "major"), 76, (0, 3, 0, 4), (5, 3, 1, 4), "epiano", "bell"),
    _calm("Slow Clouds", 33, Key(10, "major"), 70, (3, 0, 4, 5), (3, 4, 0, 0), "pluck", "epiano"),
)  # fmt: skip
