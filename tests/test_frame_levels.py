"""Dark and flat pictures are lifted, ordinary ones are left alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from device.perception.frame_levels import ENDS_PERCENT, MOST, SPAN, STEP_PX, _ends, levels

RAMP = np.tile(np.linspace(0, 255, 320).round().astype(np.uint8), (240, 1))


def span(gray: np.ndarray) -> float:
    return float(np.diff(np.percentile(gray, (2, 99)))[0])


def test_a_picture_with_contrast_stays_as_it_is() -> None:
    np.testing.assert_array_equal(levels(RAMP), np.arange(256))


@pytest.mark.parametrize("darker", [0.15, 0.3, 0.5])
def test_a_dark_picture_gets_the_span_of_an_ordinary_one(darker: float) -> None:
    dark = (RAMP * darker).astype(np.uint8)
    assert span(levels(dark)[dark]) == pytest.approx(SPAN, rel=0.05)


def test_fog_is_lifted_without_running_into_white() -> None:
    fog = (180 + RAMP * 0.25).astype(np.uint8)
    lifted = levels(fog)[fog]
    assert span(lifted) == pytest.approx(SPAN, rel=0.05)
    assert (lifted == 255).mean() < 0.02


def test_noise_in_the_dark_is_lifted_so_far_and_no_further() -> None:
    noise = np.random.default_rng(0).integers(0, 3, (240, 320)).astype(np.uint8)
    assert levels(noise)[2] - levels(noise)[0] == pytest.approx(2 * MOST)


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
@settings(max_examples=100, deadline=None)
def test_brighter_stays_brighter(gray: np.ndarray) -> None:
    assert (np.diff(levels(gray).astype(int)) >= 0).all()


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
@settings(max_examples=100, deadline=None)
def test_the_ends_are_percentiles(gray: np.ndarray) -> None:
    assert _ends(gray) == pytest.approx(np.percentile(gray[::STEP_PX, ::STEP_PX], ENDS_PERCENT))
