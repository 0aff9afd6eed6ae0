"""Numbers stay with faces that move, cross and hide for a second, and are never given twice."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.domain import Face
from device.perception.tracker import KEEP_S, REACH, START, SURE, Course, Tracker, overlap, surprise


def face(x: float, y: float, size: float = 40.0) -> Face:
    points = ((x, y), (x + size / 2, y), (x + size / 4, y + 8), (x, y + 20), (x + size / 2, y + 20))
    return Face(x, y, size, size, 0.9, points)


def numbers(tracker: Tracker, at_s: float, *faces: Face) -> list[int]:
    return [tracked.number for tracked in tracker.update(faces, at_s)]


def test_a_face_keeps_its_number_while_it_moves() -> None:
    tracker = Tracker()
    assert [numbers(tracker, step / 8, face(10 + 15 * step, 50)) for step in range(10)] == [[1]] * 10


def test_two_faces_keep_theirs_in_whatever_order_they_come() -> None:
    tracker = Tracker()
    assert numbers(tracker, 0.0, face(10, 10), face(200, 10)) == [1, 2]
    assert numbers(tracker, 0.1, face(205, 12), face(12, 12)) == [2, 1]


def test_two_faces_that_overlap_go_to_the_nearer() -> None:
    tracker = Tracker()
    numbers(tracker, 0.0, face(100, 50), face(130, 50))
    assert numbers(tracker, 0.1, face(140, 50), face(108, 50)) == [2, 1]


@pytest.mark.parametrize(("absent_s", "number"), [(0.2, 1), (KEEP_S, 1), (KEEP_S + 0.01, 2), (60.0, 2)])
def test_an_absence_of_a_second_and_a_half_is_forgiven(absent_s: float, number: int) -> None:
    tracker = Tracker()
    numbers(tracker, 1.0, face(50, 50))
    numbers(tracker, 1.0 + absent_s / 2)
    assert numbers(tracker, 1.0 + absent_s, face(55, 50)) == [number]


def test_known_lists_the_absent_too() -> None:
    tracker = Tracker()
    numbers(tracker, 0.0, face(10, 10), face(200, 10))
    numbers(tracker, 0.5, face(200, 10))
    assert [(known.number, known.at_s) for known in tracker.known] == [(1, 0.0), (2, 0.5)]


def test_sightings_are_counted() -> None:
    tracker = Tracker()
    counts = [[seen.sightings for seen in tracker.update([face(50, 50)], step / 8)] for step in range(3)]
    assert counts == [[1], [2], [3]]
    assert [seen.sightings for seen in tracker.update([face(60, 50), face(200, 50)], 0.5)] == [4, 1]


def test_somebody_elsewhere_or_much_larger_is_somebody_else() -> None:
    tracker = Tracker()
    numbers(tracker, 0.0, face(10, 10))
    assert numbers(tracker, 0.1, face(150, 10)) == [2]
    assert numbers(tracker, 0.2, face(130, 0, size=100)) == [3]


places = st.tuples(st.floats(0, 300), st.floats(0, 200), st.floats(10, 100))
frames = st.lists(st.lists(places, max_size=5), max_size=12)


@given(frames)
def test_numbers_are_never_shared_nor_used_again(sequence: list[list[tuple[float, float, float]]]) -> None:
    tracker, last_seen, highest = Tracker(), {}, 0
    for step, row in enumerate(sequence):
        at_s = step * 0.4
        got = numbers(tracker, at_s, *(face(x, y, size) for x, y, size in row))
        assert len(set(got)) == len(row)
        for number in got:
            if number in last_seen:
                assert at_s - last_seen[number] <= KEEP_S + 1e-9
            else:
                assert number == highest + 1
                highest += 1
            last_seen[number] = at_s


@given(places, places)
def test_nobody_is_less_surprising_than_the_face_itself(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> None:
    expected, a, b = Course.start(face(*one)), face(*one), face(*other)
    assert surprise(expected, a) <= surprise(expected, b)
    assert 0 <= overlap(a, b) <= 1 + 1e-9


@given(places, st.lists(st.tuples(st.floats(0, 3), places), max_size=20))
def test_a_course_stays_sane_whatever_is_seen(
    first: tuple[float, float, float], later: list[tuple[float, tuple[float, float, float]]]
) -> None:
    course = Course.start(face(*first))
    for passed_s, place in later:
        course = course.after(passed_s).corrected(face(*place))
        assert course.place_variance > 0
        assert course.speed_variance > 0
        assert course.covariance**2 <= course.place_variance * course.speed_variance * (1 + 1e-6)
        assert all(map(math.isfinite, (course.x, course.y, course.speed_x, course.speed_y, course.size)))


def test_a_course_learns_the_speed() -> None:
    course = Course.start(face(0, 50))
    for step in range(1, 20):
        course = course.after(0.125).corrected(face(5 * step, 50))
    assert course.speed_x == pytest.approx(40, rel=0.05)
    assert course.speed_y == pytest.approx(0, abs=0.5)


def test_the_longer_unseen_the_less_sure() -> None:
    course = Course.start(face(50, 50))
    variances = [course.after(passed_s).place_variance for passed_s in (0.0, 0.1, 0.5, 1.0)]
    assert variances == sorted(variances)
    assert surprise(course.after(0.1), face(50, 50)) < surprise(course.after(1.0), face(50, 50))


@pytest.mark.parametrize("fps", [4, 8, 15])
@pytest.mark.parametrize("widths_a_second", [1.0, 2.5])
def test_two_who_cross_keep_their_numbers(fps: int, widths_a_second: float) -> None:
    """The one behind cannot be seen while the other covers it."""
    tracker, step_px = Tracker(), 40 * widths_a_second / fps
    last: dict[str, int] = {}
    for step in range(int(240 / step_px)):
        x = step_px * step
        front, back = face(x, 100, size=44), face(240 - x, 100)
        shown = {"front": front} | ({"back": back} if overlap(front, back) < 0.3 else {})
        last |= dict(zip(shown, numbers(tracker, step / fps, *shown.values()), strict=True))
        if step == 0:
            first = dict(last)
    assert last == first == {"front": 1, "back": 2}


def test_somebody_who_walks_is_expected_further_on() -> None:
    tracker = Tracker()
    for step in range(8):
        numbers(tracker, step / 8, face(15 * step, 50))
    assert numbers(tracker, 1.5, face(15 * 12, 50)) == [1]
    for step in range(8):
        numbers(tracker, 10 + step / 8, face(50, 50))
    assert numbers(tracker, 11.5, face(50 + 15 * 5, 50)) == [3]


def test_a_box_without_area_is_no_crash() -> None:
    tracker, nothing = Tracker(), face(5, 5, size=0.0)
    assert surprise(Course.start(nothing), nothing) == math.inf
    assert overlap(nothing, face(5, 5)) == 0.0
    assert [numbers(tracker, at_s, nothing) for at_s in (0.0, 0.0, 0.1)] == [[1], [2], [3]]


def test_time_that_goes_back_is_no_crash() -> None:
    tracker = Tracker()
    assert [numbers(tracker, at_s, face(50, 50)) for at_s in (5.0, 4.9, 5.0)] == [[1], [1], [1]]


def test_the_reach_ends_where_it_says() -> None:
    for share, number in ((0.98, 1), (1.02, 2)):
        tracker = Tracker()
        numbers(tracker, 0.0, face(50, 50))
        assert numbers(tracker, 0.1, face(50 + share * REACH * 40, 50)) == [number]


@pytest.mark.parametrize(
    ("scores", "confirmed"),
    [
        ([SURE], [True]),
        ([SURE - 0.01] * 4, [False, False, True, True]),
        ([0.4, START, 0.4, 0.4], [False, False, True, True]),
        ([START - 0.01] * 9, [False] * 9),
        ([0.4, 0.4, 0.4, START], [False, False, False, True]),
        ([0.4, SURE, 0.4], [False, True, True]),
    ],
    ids=["sure at once", "sightings", "one of them fairly sure", "never sure", "sure at last", "kept when weak"],
)
def test_a_weak_detection_is_believed_when_it_lasts(scores: list[float], confirmed: list[bool]) -> None:
    tracker = Tracker()
    seen = [tracker.update([replace(face(50, 50), score=score)], at / 8) for at, score in enumerate(scores)]
    assert [one.confirmed for (one,) in seen] == confirmed
    assert {one.number for (one,) in seen} == {1}


def test_who_comes_back_too_late_is_confirmed_anew() -> None:
    tracker = Tracker()
    weak = replace(face(50, 50), score=START)
    assert [tracker.update([weak], at_s)[0].confirmed for at_s in (0.0, 0.1, 0.2, 9.0)] == [False, False, True, False]
