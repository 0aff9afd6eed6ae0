"""The demo's records: what is played, by whom, in which key; and their rendering into a music folder.

`SONGS` is the album. `render` writes one tagged WAV per song into a folder per mood, which is how the catalogue knows
the mood. Only the demo command calls it. Keys, modes and tempi follow what listeners connect with a mood (Gabrielsson &
Lindström, "The role of structure in the musical expression of emotions", 2010).
"""

from __future__ import annotations

import hashlib
import io
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mutagen.id3 import TALB, TBPM, TCON, TIT2, TKEY, TPE1, TRCK
from mutagen.wave import WAVE

from device.demo import synth
from device.demo.master import Stereo, echo, finish, pan, reverberate
from device.demo.scene import write_atomically
from device.demo.score import BEATS, PATTERNS, Bar, Key, Note, Tune, melody, voice
from device.demo.synth import RATE_HZ, Instrument, Wave
from device.errors import LibraryError

Progress = Callable[[int, int], None]

ARTIST = "The Affetto Machine"
ALBUM = "Rooms Without People"
NOTE_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")


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


LIVELY = ((1, 0.5, 0.5, 1, 1), (1.5, 0.5, 1, -1), (0.5, 0.5, 1, 0.5, 0.5, 1), (-0.5, 0.5, 0.5, 0.5, 1, 1))
RUSHED = ((0.5,) * 8, (0.75, 0.75, 0.5, 0.75, 0.75, 0.5), (0.5, 0.5, 0.5, 0.5, 1, 1), (0.75, 0.25, 1, 0.5, 0.5, 1))
SLOW = ((2, 2), (1.5, 0.5, 2), (-1, 1, 2), (3, 1), (1, 1, 2))
UNEASY = ((-2, 0.5, 0.5, 1), (3, -1), (-1, 1.5, 1.5), (0.5, 0.5, -3))

SHORT_FORM = (("i", 2), ("A", 4), ("B", 4), ("A", 4), ("o", 1))
LONG_FORM = (("i", 4), ("A", 8), ("B", 8), ("A", 4), ("o", 1))
WAVE_FORM = (("i", 4), ("A", 8), ("B", 8), ("A", 8), ("o", 1))


def _happy(title: str, seed: int, tonic: int, bpm: float, a: tuple[int, ...], b: tuple[int, ...], voice_: str,
           swing: float = 0.0) -> Song:
    parts = (
        Part("pluck", "strum", "iABA", 0.42, -0.3, 0.15), Part("bass", "walk", "ABo", 0.5, 0, 0.03),
        Part(voice_, "melody", "AB", 0.3 if voice_ == "bell" else 0.5, 0.2, 0.3, 0.25, shift=12 if voice_ == "bell" else 0),
        Part("epiano", "block", "Bo", 0.24, 0.35, 0.2),
        *_kit(("kick", "pop kick", "AB", 0.6), ("clap", "backbeat", "AB", 0.5), ("shaker", "eighths", "iAB", 0.8),
              ("crash", "first", "AB", 0.3)),
    )  # fmt: skip
    return Song(title, "happy", seed, Key(tonic, "major"), bpm, {"A": a, "B": b}, LONG_FORM, parts,
                Tune(64, 84, LIVELY), swing=swing, room_s=1.2)


def _excited(title: str, seed: int, key: Key, bpm: float, a: tuple[int, ...], b: tuple[int, ...]) -> Song:
    parts = (
        Part("stab", "stabs" if seed % 2 else "syncopated", "ABo", 0.30, -0.2, 0.2), Part("growl", "octaves", "AB", 0.42, 0, 0.02),
        Part("lead", "ripple", "iB", 0.2, 0.35, 0.25, 0.3, shift=12), Part("lead", "melody", "A", 0.34, 0.1, 0.25, 0.3),
        Part("pad", "block", "Bo", 0.35, 0, 0.4),
        *_kit(("kick", "four", "iAB", 0.75), ("clap", "backbeat", "AB", 0.55), ("hat", "off", "AB", 0.8),
              ("hat", "sixteenths", "B", 0.6), ("crash", "first", "AB", 0.45), ("snare", "backbeat", "B", 0.4)),
    )  # fmt: skip
    return Song(title, "excited", seed, key, bpm, {"A": a, "B": b}, WAVE_FORM, parts, Tune(67, 86, RUSHED, 0.2),
                room_s=1.3, lufs=-16.0)


def _angry(title: str, seed: int, key: Key, bpm: float, a: tuple[int, ...], b: tuple[int, ...]) -> Song:
    parts = (
        Part("guitar", "chug", "iA", 0.42, -0.55, 0.08), Part("guitar", "chug", "iA", 0.40, 0.55, 0.08, shift=0),
        Part("guitar", "power", "Bo", 0.5, -0.4, 0.12), Part("growl", "drive", "ABo", 0.38, 0, 0.02),
        Part("lead", "melody", "B", 0.26, 0.2, 0.25, 0.2, shift=-12),
        *_kit(("kick", "double", "AB", 0.7), ("snare", "backbeat", "iAB", 0.8), ("hat", "eighths", "AB", 0.9),
              ("crash", "first", "AB", 0.5), ("tom", "menace", "i", 0.7)),
    )  # fmt: skip
    return Song(title, "angry", seed, key, bpm, {"A": a, "B": b}, WAVE_FORM, parts, Tune(64, 81, RUSHED, 0.3),
                centre=52, room_s=0.9, lufs=-16.0)


def _tense(title: str, seed: int, key: Key, bpm: float, a: tuple[int, ...], b: tuple[int, ...], figure: str) -> Song:
    parts = (
        Part("spiccato", figure, "iABA", 0.5, -0.3, 0.25), Part("spiccato", figure, "B", 0.4, 0.35, 0.25, shift=12),
        Part("strings", "drone", "ABo", 0.34, 0.1, 0.4), Part("bass", "sustain", "ABo", 0.5, 0, 0.1),
        Part("strings", "melody", "AB", 0.3, 0.3, 0.45, shift=12), Part("strings", "block", "B", 0.22, -0.2, 0.4),
        *_kit(("tick", "ticks", "iA", 0.4), ("tom", "menace", "AB", 0.75), ("tom", "heart", "i", 0.6), ("crash", "first", "B", 0.3)),
    )  # fmt: skip
    return Song(title, "tense", seed, key, bpm, {"A": a, "B": b}, LONG_FORM, parts, Tune(62, 79, UNEASY, 0.35),
                centre=57, room_s=2.6, lufs=-17.5)


def _sad(title: str, seed: int, key: Key, bpm: float, a: tuple[int, ...], b: tuple[int, ...], voice_: str) -> Song:
    parts = (
        Part("piano", "broken", "iAB", 0.5, -0.15, 0.35), Part("strings", "block", "Bo", 0.30, 0.2, 0.5),
        Part("bass", "sustain", "B", 0.35, 0, 0.1), Part(voice_, "melody", "AB", 0.42, 0.2, 0.45, 0.0),
        Part("piano", "block", "o", 0.4, -0.15, 0.4),
    )  # fmt: skip
    return Song(title, "sad", seed, key, bpm, {"A": a, "B": b}, SHORT_FORM, parts, Tune(62, 79, SLOW, 0.1),
                centre=60, room_s=2.8, lufs=-18.5)


def _calm(title: str, seed: int, key: Key, bpm: float, a: tuple[int, ...], b: tuple[int, ...], harp: str, voice_: str) -> Song:
    parts = (
        Part("pad", "block", "iABo", 0.5, 0, 0.5), Part(harp, "broken", "AB", 0.32, -0.3, 0.45, 0.2),
        Part("bass", "sustain", "AB", 0.32, 0, 0.1), Part(voice_, "melody", "AB", 0.32, 0.25, 0.5, 0.2),
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


def write(song: Song) -> list[list[Note]]:
    """The notes of each part, as they stand in the score."""
    chords = _chords(song)
    tunes = {letter: _tune(song, letter) for letter in "AB"}
    scores: list[list[Note]] = []
    for index, part in enumerate(song.parts):
        rng = np.random.default_rng((song.seed, index))
        notes: list[Note] = []
        number = 0
        for letter, bars in song.form:
            if letter in part.sections:
                notes += _section(song, part, letter, number, bars, chords, tunes, rng)
            number += bars
        scores.append([Note(n.beat, n.beats, n.pitch + part.shift, n.force) for n in notes])
    return scores


def _degrees(song: Song, letter: str, bars: int) -> list[int]:
    if letter == "o":
        return [0] * bars
    row = song.chords["A" if letter == "i" else letter]
    return [row[i % len(row)] for i in range(bars)]


def _chords(song: Song) -> list[tuple[int, ...]]:
    degrees = [d for letter, bars in song.form for d in _degrees(song, letter, bars)]
    return voice(song.key, degrees, song.centre, 4 if song.seventh else 3)


def _tune(song: Song, letter: str) -> list[Note]:
    """The melody of a section, the same whenever it returns."""
    if song.tune is None:
        return []
    longest = max((bars for name, bars in song.form if name == letter), default=0)
    chords = voice(song.key, _degrees(song, letter, longest), song.centre)
    return melody(song.key, chords, song.tune, np.random.default_rng((song.seed, ord(letter))))


def _section(song: Song, part: Part, letter: str, start: int, bars: int, chords: list[tuple[int, ...]],
             tunes: dict[str, list[Note]], rng: np.random.Generator) -> list[Note]:
    if part.pattern == "melody":
        tune = tunes.get(letter, [])
        return [Note(n.beat + start * BEATS, n.beats, n.pitch, n.force) for n in tune if n.beat < bars * BEATS]
    notes: list[Note] = []
    for i, degree in enumerate(_degrees(song, letter, bars)):
        bar = Bar(i, (start + i) * BEATS, song.key, degree, chords[start + i], i == bars - 1)
        notes += PATTERNS[part.pattern](bar, rng)
    return notes


def play(song: Song) -> Stereo:
    """The finished record, float32[2, N] at `RATE_HZ`."""
    samples = round(song.length_s * RATE_HZ)
    dry = np.zeros((2, samples), np.float32)
    wet = np.zeros((2, samples), np.float32)
    for index, (part, notes) in enumerate(zip(song.parts, write(song), strict=True)):
        track = _perform(song, part, notes, samples, np.random.default_rng((song.seed, 99, index)))
        if part.echo:
            track = echo(track, 0.75 * 60 / song.bpm, part.echo)
        placed = pan(part.gain * track, part.place)
        dry += placed
        wet += part.room * placed
    mix = dry + reverberate(wet, song.room_s, seed=song.seed)
    return finish(mix, song.lufs, 0.02, 3.0)


def _perform(song: Song, part: Part, notes: list[Note], samples: int, rng: np.random.Generator) -> Wave:
    """Plays a part's notes as a person would: never quite on time, never twice as loud."""
    track = np.zeros(samples, np.float32)
    instrument: Instrument = getattr(synth, part.instrument)
    known: dict[tuple[int, float], Wave] = {}
    for note in notes:
        late = song.swing if note.beat % 1 == 0.5 else 0.0
        start = round(((note.beat + late) * 60 / song.bpm + 0.005 * rng.standard_normal()) * RATE_HZ)
        what = (note.pitch, round(note.beats * 60 / song.bpm, 3))
        if what not in known:
            known[what] = instrument(*what)
        start = max(start, 0)
        sound = known[what][: samples - start]
        track[start : start + sound.size] += np.float32(note.force * (0.94 + 0.12 * rng.random())) * sound
    return track


def render(folder: Path, progress: Progress | None = None) -> list[Path]:
    """Writes every song as `<mood>/<title>.wav` into `folder`, skips what is there, and returns the paths.

    Raises `LibraryError` if the folder cannot be written.
    """
    paths = [folder / song.mood / f"{song.title}.wav" for song in SONGS]
    try:
        _begin(folder, paths)
        missing = [(song, path) for song, path in zip(SONGS, paths, strict=True) if not path.exists()]
        with ThreadPoolExecutor(max_workers=2) as pool:
            for done, _ in enumerate(pool.map(lambda job: _save(*job), missing), 1):
                if progress:
                    progress(len(paths) - len(missing) + done, len(paths))
    except OSError as error:
        raise LibraryError(
            f"cannot write the demo's music to {folder}: {error.strerror or error}; free some space or choose another "
            "cache folder"
        ) from error
    return paths


def _begin(folder: Path, paths: list[Path]) -> None:
    """Clears away the records of an older edition of this code."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    mark = folder / ".edition"
    if mark.exists() and mark.read_text(encoding="utf-8", errors="replace") == edition():
        return
    for path in paths:
        path.unlink(missing_ok=True)
    write_atomically(mark, edition().encode())


def edition() -> str:
    """A digest of the code that makes the music."""
    digest = hashlib.sha256()
    for module in ("synth", "master", "score", "songs"):
        digest.update(Path(__file__).with_name(f"{module}.py").read_bytes())
    return digest.hexdigest()[:16]


def _save(song: Song, path: Path) -> None:
    write_atomically(path, press(song, play(song)))


def press(song: Song, record: Stereo) -> bytes:
    """A WAV file, 16 bit, with ID3 tags."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(RATE_HZ)
        sound.writeframes(np.round(record.T * 32767).astype("<i2").tobytes())
    file.seek(0)
    tagged = WAVE(file)
    tagged.add_tags()
    minor = "m" if song.key.mode not in ("major", "lydian", "mixolydian") else ""
    for frame in (TIT2(text=song.title), TPE1(text=ARTIST), TALB(text=ALBUM), TCON(text=song.mood.capitalize()),
                  TRCK(text=f"{SONGS.index(song) + 1}/{len(SONGS)}"), TBPM(text=str(round(song.bpm))),
                  TKEY(text=NOTE_NAMES[song.key.tonic] + minor)):  # fmt: skip
        tagged.tags.add(frame)
    file.seek(0)
    tagged.save(file)
    return file.getvalue()
