"""The analyser knows music from other sounds, and says when it is not sure. All sounds are made here."""

from __future__ import annotations

import sys
import wave
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from device.domain import Affect
from device.music.analysis import MoodAnalyser, TrackMood, doubt, spectrum
from device.music.track_mood import Doubt
from tools.hearing import noises, solos, speech
from tools.hearing.measure import hear
from tools.hearing.noises import RATE_HZ, Sound

SORTS = {
    "white noise": Doubt.NOISE, "pink noise": Doubt.NOISE, "brown noise": Doubt.NOISE, "wind": Doubt.NOISE,
    "rain": Doubt.NOISE, "applause": Doubt.NOISE, "sine": Doubt.STEADY, "hum": Doubt.STEADY, "dial tone": Doubt.STEADY,
    "engine": Doubt.STEADY, "clicks": Doubt.CLICKS, "metronome": Doubt.CLICKS,
}  # fmt: skip
LONG_S, BRIEF_S, LEAST_S = 12.0, 3.0, 0.5
talking = pytest.mark.skipif(not speech.installed(), reason="eSpeak NG is not installed (apt install espeak-ng)")


@pytest.fixture(scope="module")
def analyser(models_dir: Path) -> Iterator[MoodAnalyser]:
    made = MoodAnalyser.load(models_dir)
    yield made
    made.close()


@cache
def noise(kind: str, seconds: float) -> Sound:
    return noises.KINDS[kind](seconds, np.random.default_rng(7))


@cache
def solo(kind: str) -> Sound:
    return solos.KINDS[kind](LONG_S, np.random.default_rng(7))


def says_nothing(mood: TrackMood) -> bool:
    return mood.quadrants == (0.25, 0.25, 0.25, 0.25) and mood.affect == Affect(0.0, 0.0)


@pytest.mark.parametrize("kind", SORTS)
@pytest.mark.parametrize("seconds", [BRIEF_S, LONG_S])
def test_noises_tones_and_clicks_are_no_music(kind: str, seconds: float, analyser: MoodAnalyser) -> None:
    sound = noise(kind, seconds)
    for heard in (sound, 0.002 * sound, noises.telephone(sound)):
        mood = hear(analyser, heard.astype(np.float32))
        assert not mood.doubt.is_music, mood.doubt
        assert says_nothing(mood)
    assert hear(analyser, sound).doubt is SORTS[kind]


@talking
@pytest.mark.parametrize("voice", speech.VOICES)
def test_speech_is_no_music(voice: str, analyser: MoodAnalyser) -> None:
    spoken = speech.speech(voice, LONG_S)
    for heard in (spoken, 0.01 * spoken, noises.telephone(spoken)):
        mood = hear(analyser, heard.astype(np.float32))
        assert mood.doubt is Doubt.SPEECH
        assert says_nothing(mood)
    assert hear(analyser, speech.speech(voice, BRIEF_S)).doubt in (Doubt.SPEECH, Doubt.PERHAPS_SPEECH)


@talking
def test_talk_radio_is_no_music_and_speech_over_noise_at_least_doubtful(analyser: MoodAnalyser) -> None:
    random = np.random.default_rng(0)
    for voice, other in zip(speech.VOICES, speech.VOICES[1:], strict=False):
        assert hear(analyser, speech.talk_radio(voice, other, LONG_S)).doubt is Doubt.SPEECH
        assert hear(analyser, speech.over_noise(voice, LONG_S, random)).doubt in (Doubt.SPEECH, Doubt.PERHAPS_SPEECH)


@pytest.mark.parametrize("kind", solos.KINDS)
def test_soloists_and_drums_alone_are_music(kind: str, analyser: MoodAnalyser) -> None:
    for heard in (solo(kind), noises.telephone(solo(kind)), solo(kind)[: round(BRIEF_S * RATE_HZ)]):
        assert hear(analyser, heard).doubt.is_music


@pytest.mark.parametrize("kind", ["white noise", "sine", "sparse piano", "drums alone"])
def test_half_a_second_is_only_a_guess(kind: str, analyser: MoodAnalyser) -> None:
    sound = noise(kind, LEAST_S) if kind in SORTS else solo(kind)
    mood = hear(analyser, sound[: round(LEAST_S * RATE_HZ)])
    assert mood.doubt is Doubt.SHORT
    assert max(mood.quadrants) < 0.8


def test_the_demos_songs_are_music(analyser: MoodAnalyser) -> None:
    songs = sorted((Path(__file__).parent.parent / "device" / "demo" / "music").rglob("*.opus"))
    assert len(songs) == 15
    assert [song.name for song in songs[::2] if analyser.analyse(song).doubt] == []


def test_a_telephone_recording_of_8_khz_on_disk_is_heard_for_what_it_is(analyser: MoodAnalyser, tmp_path: Path) -> None:
    sounds = (("line.wav", noise("white noise", LONG_S), False), ("tune.wav", solo("guitar"), True))
    for name, sound, is_music in sounds:
        narrow = (noises.telephone(sound)[::2] * 32767).astype("<i2")
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setparams((1, 2, RATE_HZ // 2, 0, "NONE", ""))
            file.writeframes(narrow.tobytes())
        assert analyser.analyse(tmp_path / name).doubt.is_music is is_music


def test_a_song_with_a_spoken_beginning_is_music_and_a_talk_with_a_jingle_is_not() -> None:
    music, talk, still = Doubt.NONE, Doubt.SPEECH, Doubt.SILENCE
    assert doubt.verdict([talk, music, music]) is Doubt.NONE
    assert doubt.verdict([music, talk, talk]) is Doubt.SPEECH
    assert doubt.verdict([music, still, still]) is Doubt.NONE
    assert doubt.verdict([still, talk, still]) is Doubt.SPEECH
    assert doubt.verdict([still]) is Doubt.SILENCE


def test_only_the_excerpts_that_are_music_count(analyser: MoodAnalyser) -> None:
    pieces = [analyser.predict(sound) for sound in (solo("guitar"), solo("guitar"), noise("rain", LONG_S))]
    assert analyser.track_mood(pieces).quadrants == pytest.approx(analyser.track_mood(pieces[:2]).quadrants, abs=1e-6)


@pytest.mark.parametrize(
    ("seconds", "least", "most"), [(0.5, 0.3, 0.5), (1.0, 0.1, 0.2), (3.0, 0.0, 0.05), (60.0, 0.0, 0.01)]
)
def test_the_shorter_the_sound_the_more_of_the_prior(seconds: float, least: float, most: float) -> None:
    share, why = doubt.share_of_prior(seconds, 1.0, -10.0)
    assert least <= share <= most
    assert (why is Doubt.SHORT) == (seconds < 1.3)


def test_strange_features_and_odds_of_speech_pull_towards_the_prior() -> None:
    assert doubt.share_of_prior(30, 4.0, -10.0) == (pytest.approx(1.0), Doubt.STRANGE)
    assert doubt.share_of_prior(30, 1.0, 2.0)[1] is Doubt.PERHAPS_SPEECH
    assert 0 < doubt.share_of_prior(30, 1.0, 2.0)[0] < 0.5
    assert doubt.strangeness_of(np.full(spectrum.MELS, 3.0)) == pytest.approx(3.0)
