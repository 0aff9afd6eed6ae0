"""The measurements of what people add, on tiny synthetic inputs: they run, and find what was put in."""

from __future__ import annotations

from argparse import Namespace

import numpy as np
import pytest

from device.domain import EMOTIONS, Emotion, MoodName
from tools.bodies import measure as bodies
from tools.context import measure as context
from tools.evaluate import main
from tools.smoothing import neutral
from tools.smoothing.faces import MOODS
from tools.smoothing.scenes import FPS, Scene


def scene(*moods: tuple[Emotion, MoodName], seconds: int = 60) -> Scene:
    """One sure face that shows each emotion for this long."""
    frames = int(seconds * FPS)
    rows = [[0.72 if one is emotion else 0.04 for one in EMOTIONS] for emotion, _ in moods]
    count = frames * len(moods)
    return Scene(
        np.repeat([MOODS.index(mood) for _, mood in moods], frames),
        np.repeat(rows, frames, axis=0),
        np.full(count, 0.9),
        np.ones(count, bool),
        np.ones(count, np.int64),
    )


TWO = scene((Emotion.HAPPINESS, MoodName.HAPPY), (Emotion.FEAR, MoodName.TENSE))


def test_a_made_up_pulse_follows_arousal_and_walking() -> None:
    still = bodies.pulse(TWO, 30.0, 0.0, 1)
    assert still[-80:].mean() > still[200:480].mean() + 5
    assert bodies.pulse(TWO, 0.0, 200.0, 1).mean() > bodies.pulse(TWO, 0.0, 0.0, 1).mean() + 5


def test_the_faces_alone_are_the_same_with_no_pulse() -> None:
    said = bodies.watch(TWO, 0.0, None)
    assert (said == TWO.mood).mean() > 0.8
    assert (bodies.watch(TWO, 0.0, np.full(len(TWO.mood), 70.0)) == said).all(), "its range is not known yet"


def test_a_misread_face_and_a_long_mood_are_what_they_say() -> None:
    sad = scene((Emotion.NEUTRAL, MoodName.NEUTRAL), (Emotion.SADNESS, MoodName.SAD))
    misread = neutral.misread(sad, Emotion.SADNESS)
    assert misread.scores[0, 3] > 2 * sad.scores[0, 3]
    long = neutral.long_mood(sad)
    assert (long.mood[len(long.mood) // 2 :] == neutral.SAD).all()
    figures = neutral.measure([sad])
    assert min(figures["long sad mood"].values()) > 0.9
    assert set(figures) == {"usual", "looks sad", "looks angry", "long sad mood"}


@pytest.mark.slow
def test_a_home_that_likes_other_music_skips_less_when_its_device_learns() -> None:
    skips = {on: [context.live(0.35, 0.2, seed, 20, learn=on) for seed in (1, 2, 3)] for on in (False, True)}
    assert np.mean(skips[True]) < np.mean(skips[False])


@pytest.mark.parametrize(
    "words", [["context", "--homes", "1"], ["gestures", "--hours", "0"], ["effects", "--days", "5"]]
)
def test_too_little_to_say_anything_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    assert "the result is noise" in capsys.readouterr().err
    with pytest.raises(ValueError, match="at least one"):
        bodies.measure(Namespace(hours=0))
