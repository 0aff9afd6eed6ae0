"""The demo's records: a song composed, played, mastered, and written as a tagged Opus file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from mutagen.oggopus import OggOpus
from numpy.typing import NDArray

from tools.songs import synth
from tools.songs.album import SONGS, Part, Song
from tools.songs.master import Stereo, echo, finish, pan, reverberate
from tools.songs.score import BEATS, PATTERNS, Bar, Note, melody, voice
from tools.songs.synth import RATE_HZ, Instrument, Wave

ARTIST = "The Affetto Machine"
ALBUM = "Rooms Without People"
OPUS_HZ = 48_000  # Opus knows no other rate
BITS_PER_S = 38_000  # on average; VBR spends some more on these
FRAME = 960  # samples; 20 ms


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


def write_opus(song: Song, record: Stereo, path: Path) -> None:
    """The record as an Opus file with tags. The same record gives the same file."""
    with av.open(str(path), "w", format="opus", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=OPUS_HZ, layout="stereo")
        stream.bit_rate = BITS_PER_S
        resampler = av.AudioResampler("flt", "stereo", OPUS_HZ, FRAME)
        for frame in [*resampler.resample(_frame(record)), *resampler.resample(None)]:
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    tags: Any = OggOpus(path)  # type: ignore[no-untyped-call]
    number = f"{SONGS.index(song) + 1}/{len(SONGS)}" if song in SONGS else "1"
    tags.update(TITLE=song.title, ARTIST=ARTIST, ALBUM=ALBUM, GENRE=song.mood.capitalize(), TRACKNUMBER=number)
    tags.save()


def read_opus(path: Path) -> NDArray[np.float32]:
    """The sound of a file, float32[2, N] at `OPUS_HZ`."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "stereo", OPUS_HZ)
        blocks = [block.to_ndarray() for frame in container.decode(audio=0) for block in resampler.resample(frame)]
    return np.concatenate(blocks, axis=1)


def _frame(record: Stereo) -> av.AudioFrame:
    interleaved = np.ascontiguousarray(record.T, np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout="stereo")
    frame.sample_rate = RATE_HZ
    return frame
