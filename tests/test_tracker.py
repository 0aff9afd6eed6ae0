"""Numbers stay with faces, survive a second of absence, and are never given twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.domain import Face
from device.perception.tracker import KEEP_S, Tracker, overlap, similarity


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
def test_an_absence_of_a_second_is_forgiven(absent_s: float, number: int) -> None:
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
def test_similarity_is_symmetric_and_highest_for_the_same(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> None:
    a, b = face(*one), face(*other)
    assert similarity(a, b) == pytest.approx(similarity(b, a))
    assert 0 <= similarity(a, b) <= similarity(a, a) == pytest.approx(2.0)
    assert 0 <= overlap(a, b) <= 1 + 1e-9


def test_a_box_without_area_is_no_crash() -> None:
    assert similarity(face(5, 5, size=0.0), face(5, 5, size=0.0)) == 0.0
    assert overlap(face(5, 5, size=0.0), face(5, 5)) == 0.0
