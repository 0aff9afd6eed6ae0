"""The demo's music: written in key, tuned, as long and as loud as it should be, tagged, and the same every time."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tools.songs import record, synth
from tools.songs.album import SONGS, Song
from tools.songs.master import CEILING, limit, loudness, pan, reverberate
from tools.songs.score import BEATS, SCALES, Key, voice
from tools.songs.synth import RATE_HZ, hertz, times

DRUMS = {"kick", "snare", "clap", "hat", "shaker", "crash", "tom", "tick"}
PITCHED = ["pluck", "epiano", "piano", "pad", "strings", "flute", "lead", "stab", "bass", "growl"]
QUADRANTS = {"happy": 1, "excited": 1, "angry": 2, "tense": 2, "sad": 3, "calm": 4}
BY_TITLE = pytest.mark.parametrize("song", SONGS, ids=lambda s: s.title)
ONE_A_MOOD = [next(s for s in SONGS if s.mood == mood) for mood in QUADRANTS]


def short(song: Song) -> Song:
    """The same song in a few bars."""
    return replace(song, form=(("A", 2), ("B", 2), ("o", 1)))


def test_the_album_has_three_songs_or_more_in_every_quadrant() -> None:
    assert len(SONGS) >= 12
    quadrants = [QUADRANTS[song.mood] for song in SONGS]
    assert min(quadrants.count(q) for q in (1, 2, 3, 4)) >= 3
    assert len({song.title for song in SONGS}) == len(SONGS)
    assert len({song.seed for song in SONGS}) == len(SONGS)


@BY_TITLE
def test_a_song_lasts_forty_to_sixty_seconds(song: Song) -> None:
    assert 40 <= song.length_s <= 60


@BY_TITLE
def test_every_pitched_note_is_in_the_key(song: Song) -> None:
    classes = {(song.key.tonic + step) % 12 for step in SCALES[song.key.mode]}
    for part, notes in zip(song.parts, record.write(song), strict=True):
        assert notes, f"{part.instrument} {part.pattern} has nothing to play"
        if part.instrument not in DRUMS:
            assert {note.pitch % 12 for note in notes} <= classes, part


@BY_TITLE
def test_notes_lie_inside_the_song_and_in_the_instruments_range(song: Song) -> None:
    for part, notes in zip(song.parts, record.write(song), strict=True):
        assert min(n.beat for n in notes) >= 0
        assert max(n.beat for n in notes) < song.bars * BEATS
        assert all(0 < n.force <= 1 for n in notes)
        if part.instrument not in DRUMS:
            assert all(24 <= n.pitch <= 100 for n in notes), part


@BY_TITLE
def test_the_melody_sings(song: Song) -> None:
    """It moves mostly by step, comes back, and is not one note."""
    scores = record.write(song)
    [tune] = [notes for part, notes in zip(song.parts, scores, strict=True) if part.pattern == "melody"]
    leaps = np.abs(np.diff([n.pitch for n in tune]))
    assert np.mean(leaps <= 5) > 0.6
    assert len({n.pitch for n in tune}) >= 4
    assert all(b.beat >= a.beat + a.beats - 0.01 for a, b in itertools.pairwise(tune)), "one voice"


def test_sad_and_calm_songs_are_slower_than_happy_and_angry_ones() -> None:
    bpm = {mood: [s.bpm for s in SONGS if s.mood == mood] for mood in QUADRANTS}
    assert max(bpm["sad"] + bpm["calm"]) < min(bpm["happy"] + bpm["excited"] + bpm["angry"] + bpm["tense"])
    minor = {"minor", "dorian", "phrygian", "harmonic minor", "locrian"}
    assert all((s.key.mode in minor) == (QUADRANTS[s.mood] in (2, 3)) for s in SONGS)


def test_chords_follow_each_other_closely() -> None:
    chords = voice(Key(0, "major"), [0, 3, 4, 5, 0], 60)
    assert [{p % 12 for p in chord} for chord in chords] == [{0, 4, 7}, {5, 9, 0}, {7, 11, 2}, {9, 0, 4}, {0, 4, 7}]
    assert all(abs(np.mean(a) - np.mean(b)) < 5 for a, b in itertools.pairwise(chords))


def test_every_song_is_different_and_the_same_every_time() -> None:
    scores = [record.write(song) for song in SONGS]
    assert scores == [record.write(song) for song in SONGS]
    tunes = [[(n.beat, n.pitch) for n in notes] for song, score in zip(SONGS, scores, strict=True)
             for part, notes in zip(song.parts, score, strict=True) if part.pattern == "melody"]  # fmt: skip
    assert all(a != b for i, a in enumerate(tunes) for b in tunes[:i])
    song = short(SONGS[0])
    assert np.array_equal(record.play(song), record.play(song))


@pytest.mark.parametrize("name", PITCHED)
@pytest.mark.parametrize("pitch", [45, 60, 76])
def test_an_instrument_is_in_tune(name: str, pitch: int) -> None:
    """The fundamental's peak lies within 15 cents of the pitch: between the voices of a chorus, not beside them."""
    sound = getattr(synth, name)(pitch, 1.5)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size), 2**19))
    f = np.fft.rfftfreq(2**19, 1 / RATE_HZ)
    near = (f > hertz(pitch - 0.9)) & (f < hertz(pitch + 0.9))
    weight = spectrum[near] ** 2
    found = (f[near] * weight).sum() / weight.sum()
    assert abs(1200 * np.log2(found / hertz(pitch))) < 15
    below = (f > 20) & (f < hertz(pitch - 3))
    assert spectrum[below].max() < spectrum[near].max(), "nothing louder underneath"


@pytest.mark.parametrize("name", sorted({*DRUMS, *PITCHED, "bell", "spiccato", "guitar"}))
def test_an_instrument_starts_softly_and_ends_in_silence(name: str) -> None:
    sound = getattr(synth, name)(57, 0.5)
    assert sound.ndim == 1
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert 0.05 < np.abs(sound).max() < 1.5
    assert np.abs(sound[-5:]).max() < 0.02, "no click where it ends"


def test_loudness_is_that_of_bs1770() -> None:
    """The standard's own check: 997 Hz at 0 dBFS in one channel measures -3.01 LUFS, in both 0.0."""
    tone = np.sin(2 * np.pi * 997 * times(5)).astype(np.float32)
    assert loudness(np.stack([tone, 0 * tone])) == pytest.approx(-3.01, abs=0.1)
    assert loudness(np.stack([tone, tone])) == pytest.approx(0.0, abs=0.1)
    assert loudness(np.stack([tone, tone]) / 10) == pytest.approx(-20.0, abs=0.1)
    assert loudness(np.zeros((2, RATE_HZ), np.float32)) == -70.0


def test_silence_does_not_count_as_quiet_music() -> None:
    tone = np.sin(2 * np.pi * 997 * times(4)).astype(np.float32)
    gaps = np.concatenate([tone, np.zeros(8 * RATE_HZ, np.float32)])
    assert loudness(np.stack([gaps, gaps])) == pytest.approx(0.0, abs=0.7)


def test_the_limiter_holds_the_ceiling_and_leaves_quiet_music_alone() -> None:
    quiet = pan(0.3 * np.sin(2 * np.pi * 220 * times(1)).astype(np.float32), 0)
    assert np.allclose(limit(quiet), quiet, atol=1e-6)
    loud = quiet * 10
    assert np.abs(limit(loud)).max() <= CEILING + 1e-6


def test_a_room_answers_late_and_dies_away() -> None:
    click = np.zeros((2, 2 * RATE_HZ), np.float32)
    click[:, 0] = 1
    answer = reverberate(click, 1.0)
    assert np.abs(answer[:, : RATE_HZ // 200]).max() < 0.01
    early, late = ((answer[:, int(s * RATE_HZ) : int((s + 0.1) * RATE_HZ)] ** 2).mean() for s in (0.05, 0.85))
    assert 10 * np.log10(early / late) == pytest.approx(48, abs=8), "60 dB a second"
    assert abs(np.corrcoef(answer)[0, 1]) < 0.2, "the ears hear different walls"


@pytest.mark.parametrize("song", ONE_A_MOOD, ids=lambda s: s.mood)
def test_a_record_is_clean(song: Song) -> None:
    song = short(song)
    sound = record.play(song)
    assert sound.shape == (2, round(song.length_s * RATE_HZ))
    assert loudness(sound) == pytest.approx(song.lufs, abs=0.5)
    assert np.abs(sound).max() <= CEILING + 1e-6
    assert np.abs(sound.mean(axis=1)).max() < 1e-4, "no direct current"
    assert np.abs(sound[:, -RATE_HZ // 100 :]).max() < 1e-3, "fades out"
    assert np.abs(sound[0] - sound[1]).max() > 0.01, "stereo"


def test_all_records_are_equally_loud() -> None:
    levels = [song.lufs for song in SONGS]
    assert max(levels) - min(levels) <= 3


def test_excited_music_is_brighter_than_calm_music() -> None:
    def centroid(mood: str) -> float:
        sound = record.play(short(next(s for s in SONGS if s.mood == mood)))[0]
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float((np.fft.rfftfreq(sound.size, 1 / RATE_HZ) * power).sum() / power.sum())

    assert min(centroid("excited"), centroid("angry"), centroid("happy")) > 1.3 * max(centroid("calm"), centroid("sad"))
