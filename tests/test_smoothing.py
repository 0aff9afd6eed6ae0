"""The filter: right answers, whatever the frame rate, and no input that breaks it."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.domain import EMOTIONS, Emotion, MoodName
from device.mood.smoothing import MOOD_PRIOR, PRIOR, FaceFilter

NEUTRAL = (0.80, 0.08, 0.02, 0.06, 0.02, 0.005, 0.01, 0.005)
HAPPY = (0.08, 0.85, 0.03, 0.01, 0.01, 0.005, 0.01, 0.005)
SAD = (0.25, 0.02, 0.02, 0.60, 0.06, 0.01, 0.03, 0.01)

distributions = (
    st.lists(st.floats(0.0, 1.0), min_size=8, max_size=8)
    .filter(lambda v: sum(v) > 0.01)
    .map(lambda values: tuple(value / sum(values) for value in values))
)


def top(belief):
    return EMOTIONS[max(range(8), key=belief.__getitem__)]


def watch(filter_, script, fps, certainty=1.0):
    """Feeds `script`, a list of (seconds, scores), at a frame rate; returns the belief after each piece."""
    frame, end, beliefs = 0, 0.0, []
    for seconds, scores in script:
        end += seconds
        while frame / fps <= end:
            filter_.update(scores, certainty, frame / fps)
            frame += 1
        beliefs.append(filter_.belief(end))
    return beliefs


def test_same_answer_at_2_and_8_and_30_frames_a_second():
    script = [(5, NEUTRAL), (1, HAPPY), (2, NEUTRAL), (2.5, HAPPY), (10, HAPPY), (1.5, SAD), (8, SAD)]
    slow, middle, fast = (watch(FaceFilter(12), script, fps) for fps in (2, 8, 30))
    for beliefs in (slow, middle):
        for one, other in zip(beliefs, fast, strict=True):
            assert math.dist(one, other) < 0.08
    for one, other in zip(middle, fast, strict=True):
        assert math.dist(one, other) < 0.025


def test_delay_of_a_change_does_not_depend_on_the_frame_rate():
    delays = []
    for fps in (2, 8, 30):
        filter_ = FaceFilter(12)
        watch(filter_, [(20, NEUTRAL)], fps)
        frame = 20 * fps + 1
        while top(filter_.update(HAPPY, 1.0, frame / fps)) is not Emotion.HAPPINESS:
            frame += 1
        delays.append(frame / fps - 20)
    assert min(delays) > 0.3
    assert max(delays) - min(delays) <= 0.5  # a frame of the slowest
    assert max(delays) < 4


def test_readings_of_the_same_moment_count_once():
    once, often = FaceFilter(12), FaceFilter(12)
    once.update(SAD, 1.0, 0.0)
    for _ in range(100):
        often.update(SAD, 1.0, 0.0)
    assert once.belief(0.0) == pytest.approx(often.belief(0.0))


@given(distributions, st.floats(0.5, 600), st.lists(st.floats(0, 5), min_size=1, max_size=20))
def test_prediction_in_parts_is_prediction_at_once(scores, hold_s, parts):
    """The closed form is a semigroup: exp(Q (s + t)) = exp(Q s) exp(Q t)."""
    whole, split = FaceFilter(hold_s), FaceFilter(hold_s)
    whole.update(scores, 1.0, 0.0)
    split.update(scores, 1.0, 0.0)
    now = 0.0
    for part in parts:
        now += part
        split.update(scores, 0.0, now)  # certainty 0: time passes, no evidence
    assert split.belief(now) == pytest.approx(whole.belief(now), abs=1e-9)


def test_an_expression_lasts_hold_s_on_average():
    """Simulates the jump process that the prediction assumes, and compares the mean stay with hold_s."""
    dice, filter_ = random.Random(1), FaceFilter(12)
    stays, last, begun, now = [], None, 0.0, 0.0
    for _ in range(60_000):
        now += dice.expovariate(filter_._rate)
        drawn = dice.choices(range(8), PRIOR)[0]
        if drawn != last:
            stays.append(now - begun)
            last, begun = drawn, now
    assert sum(stays) / len(stays) == pytest.approx(12, rel=0.03)


def test_a_face_out_of_view_relaxes_to_the_prior():
    filter_ = FaceFilter(5)
    filter_.update(HAPPY, 1.0, 0.0)
    shares = [filter_.belief(t)[1] for t in (0, 2, 5, 20, 1e9)]
    assert shares == sorted(shares, reverse=True)
    assert filter_.belief(1e9) == pytest.approx(PRIOR)


def test_noise_frames_do_not_turn_a_face():
    filter_, dice, wrong = FaceFilter(12), random.Random(7), 0
    for frame in range(8 * 120):
        noisy = dice.random() < 0.25
        scores = dice.choice((SAD, NEUTRAL)) if noisy else HAPPY
        wrong += top(filter_.update(scores, 0.9, frame / 8)) is not Emotion.HAPPINESS
    assert wrong <= 4  # of 960; 240 single frames say something else


@pytest.mark.parametrize("rare", ["disgust", "contempt", "fear"])
def test_a_rare_class_that_is_always_given_a_little_does_not_win(rare):
    scores = [0.0] * 8
    scores[0], scores[EMOTIONS.index(rare)], scores[3] = 0.80, 0.12, 0.08
    filter_ = FaceFilter(60)
    watch(filter_, [(300, tuple(scores))], 8)
    assert top(filter_.belief(300)) is Emotion.NEUTRAL


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_clear_face_wins_within_three_seconds(emotion):
    scores = tuple(0.72 if other is emotion else 0.04 for other in EMOTIONS)
    filter_ = FaceFilter(12)
    watch(filter_, [(20, NEUTRAL), (3, scores)], 8)
    assert top(filter_.belief(23)) is emotion


def test_an_unsure_face_moves_the_belief_less():
    script = [(10, NEUTRAL), (2, HAPPY)]
    sure = watch(FaceFilter(12), script, 8, certainty=1.0)[-1][1]
    unsure = watch(FaceFilter(12), script, 8, certainty=0.4)[-1][1]
    assert sure > unsure + 0.2


@pytest.mark.parametrize(
    "scores",
    [(math.nan,) * 8, (0.0,) * 8, (-1.0, 2.0, 0, 0, 0, 0, 0, 0), (math.inf, 0, 0, 0, 0, 0, 0, 0), (1.0,), ()],
)
def test_no_distribution_is_no_evidence(scores):
    filter_ = FaceFilter(12)
    filter_.update(HAPPY, 1.0, 0.0)
    expected = filter_.belief(1.0)
    assert filter_.update(scores, 1.0, 1.0) == expected


@settings(max_examples=200)
@given(
    st.floats(0.5, 600),
    st.lists(st.tuples(distributions, st.floats(allow_nan=True), st.floats(-1e6, 1e6)), max_size=30),
)
def test_belief_is_always_a_distribution_even_if_time_jumps(hold_s, readings):
    filter_ = FaceFilter(hold_s)
    for scores, certainty, at_s in readings:
        belief = filter_.update(scores, certainty, at_s)
        assert all(0 <= p <= 1 for p in belief)
        assert math.fsum(belief) == pytest.approx(1.0)


def test_an_hour_of_certainty_can_still_be_unlearned():
    certain = (0.0, 1.0, 0, 0, 0, 0, 0, 0)
    filter_ = FaceFilter(600)
    watch(filter_, [(3600, certain)], 2)
    watch_from = 3600
    for frame in range(1, 40):
        filter_.update(SAD, 1.0, watch_from + frame / 2)
    assert top(filter_.belief(watch_from + 20)) is Emotion.SADNESS


@pytest.mark.parametrize(
    "bad", [{"hold_s": 0}, {"hold_s": 5, "fresh_s": 0}, {"hold_s": 5, "prior": (1.0,)}, {"hold_s": 5, "prior": (1, 0)}]
)
def test_nonsense_settings_are_refused(bad):
    with pytest.raises(ValueError, match="must be above 0"):
        FaceFilter(**bad)


def test_priors_are_distributions():
    for prior, states in ((PRIOR, EMOTIONS), (MOOD_PRIOR, MoodName)):
        assert math.fsum(prior) == pytest.approx(1.0, abs=1e-3)
        assert len(prior) == len(states)
