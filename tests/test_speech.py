"""Announcements in the mix: the music goes down and comes back, nothing passes the louder of the two volumes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_mixer import BLOCK, RATE_HZ, Tape, render, square

from device.music.audio.mixer import Mixer
from device.music.audio.speech import DOWN_S, DUCKED, UP_S
from device.music.audio.volume import amplitude

SONG = 1000  # samples of the song are this high, those of the sentence full scale


def level(sound: np.ndarray) -> float:
    return float(np.abs(sound).max(initial=0.0))


def speak(mixer: Mixer[Tape], seconds: float, percent: float, sample: int = 32767) -> None:
    mixer.speak(square(seconds, sample), percent)


def test_the_music_is_ducked_before_the_sentence_and_comes_back_after_it() -> None:
    mixer: Mixer[Tape] = Mixer(100)
    song = square(20, SONG)
    mixer.enter(song, 0.0)
    full = level(render(mixer, 1.0))
    speak(mixer, 1.0, 100, sample=0)  # a silent sentence: what is heard is the music
    down = render(mixer, DOWN_S)
    assert level(down[:BLOCK]) > 0.8 * full
    ducked = render(mixer, 1.0)
    assert level(ducked) == pytest.approx(full * DUCKED, rel=0.01)
    assert mixer.spoken
    mixer.end_speech()
    up = render(mixer, UP_S)
    assert np.diff([level(up[at : at + BLOCK]) for at in range(0, len(up), BLOCK)]).min() > 0
    assert level(render(mixer, 0.5)) == pytest.approx(full, rel=0.01)
    assert song.at == round((1.0 + DOWN_S + 1.0 + UP_S + 0.5) * RATE_HZ)  # the song went on, second by second


@pytest.mark.parametrize("percent", [20, 50, 90])
def test_a_sentence_has_its_own_volume(percent: int) -> None:
    mixer: Mixer[Tape] = Mixer(10)
    speak(mixer, 1.0, percent)
    assert level(render(mixer, 0.5)) == pytest.approx(amplitude(percent) * (1 - DUCKED), rel=0.001)


def test_without_music_a_sentence_is_heard_at_once() -> None:
    mixer: Mixer[Tape] = Mixer(50)
    speak(mixer, 1.0, 50)
    assert level(mixer.render(BLOCK).sound) > 0


def test_a_paused_song_does_not_move_under_a_sentence() -> None:
    mixer: Mixer[Tape] = Mixer(100)
    song = square(20, SONG)
    mixer.enter(song, 0.0)
    render(mixer, 1.0)
    mixer.hold(0.0)
    at = song.at
    speak(mixer, 0.5, 100, sample=500)
    sound = render(mixer, 0.4)
    assert song.at == at
    assert level(sound) == pytest.approx(500 / 32768 * (1 - DUCKED), rel=0.01)  # nothing of the song in it


def test_a_sentence_that_is_stopped_fades() -> None:
    mixer: Mixer[Tape] = Mixer(100)
    speak(mixer, 10.0, 100)
    render(mixer, 0.5)
    mixer.hush()
    fading = render(mixer, 0.1)
    assert level(fading[: BLOCK // 2]) > level(fading[-BLOCK // 2 :]) > 0
    assert mixer.spoken
    assert level(render(mixer, 0.1)) == 0.0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_happens_nothing_passes_the_louder_volume(data: st.DataObject) -> None:
    draw, percent = data.draw, st.sampled_from([0, 60, 70])
    mixer: Mixer[Tape] = Mixer(draw(percent))
    loudest = mixer._volume.end
    for _ in range(draw(st.integers(1, 12))):
        match draw(st.sampled_from(["enter", "speak", "hush", "end", "volume", "hold", "go on", "leave"])):
            case "enter":
                mixer.leave(0.1)
                mixer.enter(square(0.7, gain_db=draw(st.floats(-12, 12))), 0.1)
            case "speak":
                spoken = draw(percent)
                loudest = max(loudest, spoken)
                speak(mixer, draw(st.floats(0.01, 0.5)), spoken)
            case "hush":
                mixer.hush()
            case "end" if mixer.spoken:
                mixer.end_speech()
            case "volume":
                loudest = max(loudest, volume := draw(percent))
                mixer.set_volume(volume, 0.1)
            case "hold":
                mixer.hold(0.05)
            case "go on":
                mixer.go_on(0.05)
            case "leave":
                mixer.leave(0.05)
        assert level(render(mixer, draw(st.floats(0.05, 0.3)))) <= amplitude(loudest) + 1e-6
