"""What features say of sounds that are known: tones, clicks, chords, voices, noise; level and codec matter little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from device.music.analysis import features, spectrum
from device.music.analysis.loudness_meter import block_powers, integrated

RATE_HZ = spectrum.RATE_HZ
SECONDS = 12


def tone(hz: float, seconds: float = SECONDS, rate_hz: int = RATE_HZ) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz).astype(np.float32)


def chord(notes: Sequence[float]) -> np.ndarray:
    """MIDI notes with five harmonics each."""
    hz = [440 * 2 ** ((note - 69) / 12) for note in notes]
    return np.sum([tone(one * h) / h for one in hz for h in range(1, 6)], axis=0).astype(np.float32)


def song(chords: list[list[int]]) -> np.ndarray:
    part = round(SECONDS / len(chords) * RATE_HZ)
    return np.concatenate([chord(notes)[:part] for notes in chords])


def clicks(bpm: float) -> np.ndarray:
    random = np.random.default_rng(0)
    sound = 0.001 * random.standard_normal(SECONDS * RATE_HZ)
    for start in np.arange(0, SECONDS - 0.1, 60 / bpm):
        at = round(start * RATE_HZ)
        sound[at : at + 800] += random.standard_normal(800) * np.exp(-np.arange(800) / 150)
    return sound.astype(np.float32)


def noise() -> np.ndarray:
    return np.random.default_rng(1).standard_normal(SECONDS * RATE_HZ).astype(np.float32)


def measured(sound: np.ndarray) -> dict[str, float]:
    pictures = features.look(sound)
    assert pictures is not None
    return features.measure(pictures)


@pytest.mark.parametrize("bpm", [72, 100, 120, 150])
def test_tempo_of_clicks_is_found(bpm: float) -> None:
    found = measured(clicks(bpm))["tempo_bpm"]
    octaves = np.log2(found / bpm)
    assert abs(octaves - round(octaves)) < 0.03, found
    assert abs(octaves) < 1.5


def test_regular_clicks_have_a_clearer_pulse_than_noise() -> None:
    assert measured(clicks(110))["pulse"] > 0.5 > 0.3 > measured(noise())["pulse"]
    assert measured(clicks(150))["onsets_per_s"] > measured(clicks(72))["onsets_per_s"]


def test_major_and_minor_are_told_apart() -> None:
    major = measured(song([[60, 64, 67], [65, 69, 72], [67, 71, 74], [60, 64, 67]]))
    minor = measured(song([[60, 63, 67], [65, 68, 72], [67, 70, 74], [60, 63, 67]]))
    assert major["mode"] > 0 > minor["mode"]
    assert major["chord_major"] > minor["chord_major"]


def test_melody_is_where_the_tone_is() -> None:
    low, high = measured(chord([57])), measured(chord([69]))
    assert high["melody_mean"] - low["melody_mean"] == pytest.approx(12, abs=0.7)


def test_more_notes_are_more_layers_and_more_dissonance() -> None:
    one, cluster = measured(chord([60])), measured(chord([60, 61, 62, 66]))
    assert cluster["layers_mean"] > one["layers_mean"]
    assert cluster["dissonance_mean"] > one["dissonance_mean"]


def test_timbre_of_tone_and_noise() -> None:
    dull, bright = measured(tone(300)), measured(tone(3000))
    assert bright["centroid_mean"] > dull["centroid_mean"]
    assert measured(noise())["flatness_high_mean"] > bright["flatness_high_mean"]


def test_features_do_not_know_how_loud_the_file_is() -> None:
    sound = song([[60, 64, 67], [57, 60, 64]]) + 0.3 * clicks(100)
    loud, quiet = measured(sound), measured(0.01 * sound)
    for name, value in loud.items():
        assert quiet[name] == pytest.approx(value, rel=0.02, abs=0.02), name


def test_names_are_the_same_for_every_sound() -> None:
    names = [list(measured(sound)) for sound in (tone(440), noise(), clicks(90), tone(440, 0.05))]
    assert all(other == names[0] for other in names)
    assert len(set(names[0])) == len(names[0]) > 200


def test_every_feature_is_finite_for_odd_sounds() -> None:
    square = np.sign(tone(50))
    impulse = np.zeros(RATE_HZ, np.float32)
    impulse[500] = 1
    for sound in (square, impulse, impulse[500:502], tone(7999), np.concatenate([noise(), 0 * noise()])):
        pictures = features.look(sound)
        if pictures is not None:
            assert np.isfinite(list(features.measure(pictures).values())).all()


def test_silence_has_no_features() -> None:
    assert features.look(np.zeros(RATE_HZ, np.float32)) is None
    assert features.look(np.zeros(0, np.float32)) is None


@pytest.mark.parametrize(
    ("kind", "notes"),
    [
        ("major", (0, 4, 7)), ("minor", (0, 3, 7)), ("diminished", (0, 3, 6)), ("augmented", (0, 4, 8)),
        ("suspended", (0, 5, 7)), ("dominant", (0, 4, 7, 10)), ("major7", (0, 4, 7, 11)), ("minor7", (0, 3, 7, 10)),
    ],
)  # fmt: skip
def test_kinds_of_chord_are_known_on_every_note_and_in_every_tuning(kind: str, notes: tuple[int, ...]) -> None:
    for root in (48, 53, 58.3):
        found = measured(chord([root + note for note in notes]))
        assert found[f"share_{kind}"] > 0.9, {name: value for name, value in found.items() if "share_" in name}


def test_a_single_note_is_not_a_major_chord() -> None:
    alone, triad = measured(chord([45])), measured(chord([45, 49, 52]))
    assert alone["share_major"] < 0.1
    assert triad["like_major"] > alone["like_major"] + 0.2


def test_major_songs_have_stronger_major_thirds_and_sixths() -> None:
    major = measured(song([[36, 60, 64, 67], [41, 60, 65, 69], [43, 62, 67, 71], [36, 60, 64, 67]]))
    minor = measured(song([[45, 57, 60, 64], [38, 62, 65, 69], [40, 64, 67, 71], [45, 57, 60, 64]]))
    for name in ("major_mean", "major_share", "major_clear", "major_6s_share", "third_temperley", "third_albrecht",
                 "sixth_temperley", "above_bass_third", "mode_temperley", "mode_albrecht"):  # fmt: skip
        assert major[name] > minor[name], name


def test_bass_that_moves_by_fifths_or_steps_or_not_at_all() -> None:
    fifths = measured(song([[36, 60, 64], [43, 62, 67], [38, 62, 66], [45, 64, 69]]))
    steps = measured(song([[36, 60, 64], [38, 62, 65], [40, 64, 67], [41, 65, 69]]))
    still = measured(song([[36, 60, 64], [36, 60, 65], [36, 62, 67], [36, 60, 64]]))
    assert fifths["bass_fifths"] > steps["bass_fifths"]
    assert steps["bass_steps"] > fifths["bass_steps"]
    assert still["bass_moves"] == 0


def test_notes_outside_a_scale_make_it_less_diatonic() -> None:
    inside, outside = measured(chord([60, 62, 64, 65, 67])), measured(chord([60, 61, 62, 63, 64, 65, 66]))
    assert inside["diatonic"] > outside["diatonic"] + 0.1


def singing(hz: float = 220, vibrato_hz: float = 5.5, syllables_hz: float = 4.0) -> np.ndarray:
    """A rich tone that glides from note to note, trembles, and opens and shuts like a mouth."""
    at = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    melody = 2 * np.sin(2 * np.pi * 0.3 * at) + 0.7 * np.sin(2 * np.pi * vibrato_hz * at)
    phase = 2 * np.pi * np.cumsum(hz * 2 ** (melody / 12)) / RATE_HZ
    voiced = np.sum([np.sin(n * phase) / n for n in range(1, 12)], axis=0)
    opening = 0.5 + 0.5 * np.sin(2 * np.pi * syllables_hz * at)
    return np.asarray(voiced * opening**2 + 0.1 * noise() * (1 - opening) ** 4, np.float32)


def test_a_voice_glides_and_has_syllables_and_hisses_where_a_pad_does_not() -> None:
    voiced, pad = measured(singing()), measured(song([[57, 60, 64], [57, 60, 65]]))
    for name in ("glide", "glide_share", "hiss_std", "hiss_moves"):
        assert voiced[name] > pad[name], name
    assert voiced["syllables_middle_3hz"] > max(pad["syllables_middle_3hz"], voiced["syllables_middle_1hz"]) + 1


def test_the_rate_of_syllables_and_the_register_are_found() -> None:
    slow, fast = measured(singing(syllables_hz=1.5)), measured(singing(syllables_hz=6.5))
    assert slow["syllables_middle_1hz"] > fast["syllables_middle_1hz"] + 1
    assert fast["syllables_middle_5hz"] > slow["syllables_middle_5hz"] + 1
    assert measured(singing(128))["register0"] > 0.7 > 0.1 > measured(singing(440))["register0"]


def test_a_line_dominates_the_more_the_louder_it_is() -> None:
    loud, quiet, none = (measured(share * singing() + 0.5 * noise()) for share in (1.0, 0.1, 0.0))
    assert loud["dominance_mean"] > quiet["dominance_mean"] + 0.1 > none["dominance_mean"] + 0.1


def test_mel_bands_cover_every_frequency_between_their_ends() -> None:
    hz = np.fft.rfftfreq(spectrum.FRAME, 1 / RATE_HZ)
    inside = (hz > 80) & (hz < 7000)
    assert (spectrum.mel_bands()[inside].sum(1) > 0).all()


# --- Loudness: the values of EBU Tech 3341 for a meter -----------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [44100, 48000, 32000])
@pytest.mark.parametrize("level_db", [-23.0, -33.0])
def test_a_stereo_sine_of_1_khz_has_the_loudness_of_its_level(rate_hz: int, level_db: float) -> None:
    sine = tone(1000, 20, rate_hz) * 10 ** (level_db / 20)
    assert integrated([block_powers(np.stack([sine, sine]), rate_hz)]) == pytest.approx(level_db, abs=0.1)


def test_quiet_parts_are_gated() -> None:
    sine = tone(1000, 60, 48000)
    level_db = np.repeat([-36.0, -23.0, -36.0], [10 * 48000, 40 * 48000, 10 * 48000])
    sound = sine * 10 ** (level_db / 20)
    assert integrated([block_powers(np.stack([sound, sound]), 48000)]) == pytest.approx(-23.0, abs=0.1)


def test_one_channel_is_3_lu_below_two() -> None:
    sine = tone(1000, 5, 48000)
    both = integrated([block_powers(np.stack([sine, sine]), 48000)])
    alone = integrated([block_powers(sine[None], 48000)])
    assert both is not None
    assert alone == pytest.approx(both - 3.01, abs=0.02)


def test_bass_counts_less_and_treble_more() -> None:
    levels = [integrated([block_powers(tone(hz, 5, 48000)[None], 48000)]) for hz in (30, 1000, 6000)]
    assert levels[0] < levels[1] - 3 < levels[1] + 2 < levels[2]  # type: ignore[operator]


def test_silence_and_less_than_a_block_have_no_loudness() -> None:
    assert integrated([block_powers(np.zeros((2, 48000), np.float32), 48000)]) is None
    assert integrated([block_powers(np.ones((1, 4000), np.float32), 48000)]) is None
    assert integrated([]) is None
