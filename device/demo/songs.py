"""The demo's records: the album composed, played, mastered and pressed into a music folder.

`render` writes one tagged WAV per song into a folder per mood, which is how the catalogue knows the mood. Only the
demo command calls it; the rest is pure.
"""

from __future__ import annotations

import io
import wave
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mutagen.id3 import Frames
from mutagen.wave import WAVE

from device.demo import synth
from device.demo.album import SONGS, Part, Song
from device.demo.cache import Progress, claim, edition, fill
from device.demo.master import Stereo, echo, finish, pan, reverberate
from device.demo.score import BEATS, PATTERNS, Bar, Note, melody, voice
from device.demo.synth import RATE_HZ, Instrument, Wave
from device.errors import LibraryError

ARTIST = "The Affetto Machine"
ALBUM = "Rooms Without People"
MODULES = ("synth", "master", "score", "album", "songs")
NOTE_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")


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
    files = [(folder / song.mood / f"{song.title}.wav", partial(_record, song)) for song in SONGS]
    paths = [path for path, _ in files]
    try:
        claim(folder / ".edition", edition(MODULES), paths)
        fill(files, progress)
    except OSError as error:
        raise LibraryError(
            f"Cannot write the demo's music to {folder}: {error.strerror or error}; free some space or choose another "
            "folder."
        ) from error
    return paths


def _record(song: Song) -> bytes:
    return press(song, play(song))


def press(song: Song, record: Stereo) -> bytes:
    """A WAV file, 16 bit, with ID3 tags."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(RATE_HZ)
        sound.writeframes(np.round(record.T * 32767).astype("<i2").tobytes())
    file.seek(0)
    tagged: Any = WAVE(file)
    tagged.add_tags()
    minor = "m" if song.key.mode not in ("major", "lydian", "mixolydian") else ""
    text = {
        "TIT2": song.title, "TPE1": ARTIST, "TALB": ALBUM, "TCON": song.mood.capitalize(),
        "TRCK": f"{SONGS.index(song) + 1}/{len(SONGS)}", "TBPM": str(round(song.bpm)),
        "TKEY": NOTE_NAMES[song.key.tonic] + minor,
    }  # fmt: skip
    for name, value in text.items():
        tagged.tags.add(Frames[name](text=value))
    file.seek(0)
    tagged.save(file)
    return file.getvalue()
