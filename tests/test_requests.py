"""Whose request plays next: turns, votes, pinned requests, and that nobody is starved."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from device.core import requests as pure
from device.domain import Requests

LIBRARY = {f"{letter}{number}" for letter in "abcdz" for number in range(40)}


def asked(*keys: str, requests: Requests | None = None, pinned: bool = False) -> Requests:
    """Requests for these tracks, each by the person named like the first letter of its key."""
    requests = requests or Requests()
    for key in keys:
        requests = pure.add(requests, key, key[0], pinned=pinned)
    return requests


def order(requests: Requests) -> list[str]:
    return [turn.request.track_key for turn in pure.turns(requests, LIBRARY)]


def play(requests: Requests) -> tuple[str, Requests]:
    first = pure.turns(requests, LIBRARY)[0].request
    return first.track_key, pure.serve(requests, first.id, LIBRARY)


def test_people_take_turns_however_much_one_of_them_asks() -> None:
    requests = asked("a1", "a2", "a3", "a4", "b1", "b2", "c1")
    assert order(requests) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_one_person_alone_is_served_in_order() -> None:
    assert order(asked("a1", "a2", "a3")) == ["a1", "a2", "a3"]


def test_whoever_has_just_had_a_turn_waits_for_the_others() -> None:
    played, requests = play(asked("a1", "a2"))
    assert played == "a1"
    assert order(asked("b1", "c1", requests=requests)) == ["b1", "c1", "a2"]


def test_a_newcomer_has_no_claim_on_earlier_rounds() -> None:
    requests = asked(*(f"a{number}" for number in range(12)), "b1")
    for _ in range(8):
        _, requests = play(requests)
    requests = asked("c1", "c2", "c3", requests=requests)
    assert order(requests)[:5] == ["c1", "a7", "c2", "a8", "c3"]


def test_votes_decide_within_a_round_and_not_beyond_it() -> None:
    requests = asked("a1", "a2", "b1", "c1")
    for name in ("x", "y"):
        requests = pure.vote(requests, 4, name, up=True)  # c1
        requests = pure.vote(requests, 2, name, up=True)  # a2
    assert order(requests) == ["c1", "a1", "b1", "a2"]
    for name in ("x", "y"):
        requests = pure.vote(requests, 4, name, up=False)
    assert order(requests) == ["a1", "b1", "c1", "a2"]


def test_a_vote_counts_once() -> None:
    requests = pure.vote(pure.vote(asked("a1"), 1, "x", up=True), 1, "x", up=True)
    assert requests.open[0].votes == ("x",)


def test_votes_with_invented_names_do_not_grow_for_ever() -> None:
    """They are stored, and published in one document."""
    requests = asked("a1")
    for number in range(1000):
        requests = pure.vote(requests, 1, f"somebody {number}", up=True)
    assert requests.open[0].votes == tuple(f"somebody {number}" for number in range(pure.MOST_PEOPLE))


def test_with_equal_votes_the_one_who_has_waited_longest_is_first() -> None:
    _, requests = play(asked("a1"))
    _, requests = play(asked("b1", requests=requests))
    _, requests = play(asked("a2", requests=requests))  # a is in round 1 now, b's last turn was in round 0
    requests = replace(requests, round=2)
    assert order(asked("a3", "b2", requests=requests)) == ["b2", "a3"]


def test_pinned_requests_play_before_all_others_and_still_in_turns() -> None:
    requests = asked("a1", "a2", "b1", pinned=True, requests=asked("c1", "a9"))
    assert order(requests) == ["a1", "b1", "a2", "c1", "a9"]


def test_a_pinned_request_costs_its_person_a_turn() -> None:
    _, requests = play(asked("a2", pinned=True, requests=asked("a1", "b1")))
    assert order(requests) == ["b1", "a1"]


def test_requests_for_missing_tracks_wait_invisibly_and_cost_no_turn() -> None:
    requests = asked("a99", "a1", "b1")
    assert order(requests) == ["a1", "b1"]
    assert [turn.request.track_key for turn in pure.turns(requests, LIBRARY | {"a99"})] == ["a99", "b1", "a1"]


def test_moving_changes_only_that_persons_order() -> None:
    requests = pure.move(asked("a1", "b1", "a2", "a3"), 4, 1, LIBRARY)
    assert order(requests) == ["a3", "b1", "a1", "a2"]
    assert order(pure.move(requests, 4, 99, LIBRARY)) == ["a1", "b1", "a2", "a3"]


def test_moving_in_front_of_a_pinned_request_pins() -> None:
    requests = asked("a2", pinned=True, requests=asked("a1", "b1"))
    assert order(pure.move(requests, 1, 1, LIBRARY)) == ["a1", "a2", "b1"]
    assert order(pure.move(requests, 3, 2, LIBRARY)) == ["a1", "b1", "a2"]


def test_clearing_and_dropping() -> None:
    requests = asked("a1", "b1", "a2")
    assert order(pure.clear(requests, "a")) == ["b1"]
    assert order(pure.clear(requests, None)) == []
    assert order(pure.drop(requests, 1)) == ["b1", "a2"]
    assert pure.drop(requests, 77) is requests


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "play"]), max_size=80))
def test_nobody_waits_longer_than_one_turn_of_everybody_else(steps: list[str]) -> None:
    """Whoever waits hears at most one song of each other person before the own next one."""
    requests, number = Requests(), 0
    since: dict[str, Counter[str]] = {}  # whoever waits, and what the others have heard since
    for step in steps:
        if step != "play":
            requests = pure.add(requests, f"{step}{number % 40}", step, pinned=False)
            since.setdefault(step, Counter())
            number += 1
        elif requests.open:
            key, requests = play(requests)
            for name, heard in since.items():
                if name != key[0]:
                    heard[key[0]] += 1
                    assert heard[key[0]] <= 1, (name, key)
            del since[key[0]]
            if any(request.by == key[0] for request in requests.open):
                since[key[0]] = Counter()


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=30),
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), max_size=10),
)
def test_every_request_plays_exactly_once(people: list[tuple[str, bool]], moves: list[tuple[int, int]]) -> None:
    requests = Requests()
    for number, (name, pinned) in enumerate(people):
        requests = pure.add(requests, f"{name}{number}", name, pinned=pinned)
    for request_id, place in moves:
        requests = pure.move(requests, request_id, place, LIBRARY)
    keys = sorted(order(requests))
    played = []
    while requests.open:
        key, requests = play(requests)
        played.append(key)
    assert sorted(played) == keys == sorted(f"{name}{number}" for number, (name, _) in enumerate(people))


def test_a_person_is_forgotten_without_a_trace() -> None:
    _, requests = play(asked("a1", "a2", "b1"))
    requests = replace(pure.vote(requests, 3, "a", up=True), vetoes={"a": 1.0, "b": 2.0})
    left = pure.forget(requests, "a")
    assert [(one.by, one.votes) for one in left.open] == [("b", ())]
    assert (left.rounds, left.vetoes) == ({}, {"b": 2.0})
    assert pure.forget(requests, "") == Requests(last_id=3)
