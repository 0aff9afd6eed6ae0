"""Who leads a group: single steps as a table, then thousands of schedules of faults in a simulated home."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device.core.leadership import BEAT_S, HOLD_S, LEASE_S, QUICK_S, SETTLE_S, UNFIT_S, WITNESS_S, Leadership
from device.domain import LeaderRecord
from tests.leadership_world import KINDS, Fault, World

BOUND_S = 15.0  # after the last fault: 8 s until dead connections are noticed, a lease, and the claim
SLACK_S = 0.05


def up(me: str, now: float = 0.0, *others: str) -> Leadership:
    """A device with a connection, whose retained messages have arrived."""
    one = Leadership(me, f"{me}.local")
    one.connected(True, now)
    for other in others:
        one.member(other, True, now)
    return one


def claim(one: Leadership, now: float) -> list[LeaderRecord]:
    """A tick, and the broker's answer to the probe, if there is one."""
    before = one.probes
    return one.tick(now) or (one.member(one.me, True, now) if one.probes != before else [])


def leading(me: str, *others: str) -> tuple[Leadership, float]:
    one, now = up(me, 0.0, *others), SETTLE_S
    while not (records := claim(one, now)):
        now += 0.1
    one.heard(records[0], now)
    assert one.leading
    return one, now


# --- Claims ---


def test_the_first_device_claims_when_the_retained_messages_have_arrived() -> None:
    one = up("a")
    assert claim(one, SETTLE_S - 0.1) == []
    assert claim(one, SETTLE_S) == [LeaderRecord("a", 1, 1, "a.local")]
    assert not one.leading, "the broker has not returned the claim yet"
    one.heard(LeaderRecord("a", 1, 1, "a.local"), SETTLE_S + 0.1)
    assert one.leading
    assert one.leader is not None


def test_without_broker_nobody_claims() -> None:
    one = Leadership("a")
    assert [one.tick(now) for now in range(100)] == [[]] * 100


def test_a_retained_leader_that_is_online_gets_a_lease_to_be_heard() -> None:
    one = up("b", 0.0, "a")
    one.heard(LeaderRecord("a", 7, 3), 0.1, retained=True)
    assert claim(one, LEASE_S - 0.1) == []
    assert claim(one, LEASE_S + 0.2) == [LeaderRecord("b", 8, 1, "b.local")]


def test_a_leader_that_wakes_up_hears_its_successor_before_it_claims() -> None:
    """The successor's record waits to be read; a claim with its term would win by the lower id."""
    one, now = leading("a", "b")
    woken = now + 20.0
    assert one.tick(woken) == []
    assert not one.leading
    assert one.tick(woken + SETTLE_S - 0.1) == []
    one.heard(LeaderRecord("b", 2, 5, "b.local"), woken + SETTLE_S - 0.1)
    assert one.tick(woken + SETTLE_S + 0.1) == []
    assert one.leader is not None
    assert one.leader.id == "b"


def test_a_leader_that_is_gone_is_followed_at_once() -> None:
    one = up("b", 0.0, "a")
    one.heard(LeaderRecord("a", 7, 3), 10.0)
    one.member("a", False, 11.0)
    assert one.member("b", True, 11.1) == [LeaderRecord("b", 8, 1, "b.local")], "the broker has returned the probe"


def test_a_leader_that_still_answers_is_not_followed_whatever_the_broker_says() -> None:
    one = up("b", 0.0, "a")
    one.heard(LeaderRecord("a", 7, 3), 10.0)
    one.witness("a", 7, 11.0)
    assert one.member("a", False, 11.1) == []
    assert claim(one, 11.0 + WITNESS_S - 0.1) == []
    one.deny("a")
    assert claim(one, 11.0 + WITNESS_S - 0.1) != []


def test_a_leader_that_answered_before_is_missed_sooner() -> None:
    one = up("b", 0.0, "a")
    one.heard(LeaderRecord("a", 7, 3), 10.0)
    one.witness("a", 7, 11.0)
    assert claim(one, 10.0 + QUICK_S - 0.1) == []
    assert claim(one, 10.0 + QUICK_S) != []


def test_candidates_claim_in_turn_and_those_without_music_last() -> None:
    one = up("b", 0.0)
    one.fit = False
    one.member("c", True, 0.0)
    one.member("d", True, 0.0)
    assert claim(one, SETTLE_S) == []
    assert claim(one, SETTLE_S + UNFIT_S + 1.3) == []
    assert claim(one, SETTLE_S + UNFIT_S + 1.4) != []


def test_the_heir_claims_before_a_lower_id() -> None:
    low, heir = up("a", 0.0, "b", "c"), up("b", 0.0, "a", "c")
    resigned = LeaderRecord("c", 3, 9, resigned=True, heir="b")
    low.heard(resigned, 5.0)
    heir.heard(resigned, 5.0)
    assert claim(heir, 5.0) == [LeaderRecord("b", 4, 1, "b.local")]
    assert claim(low, 5.0) == []


def test_a_device_whose_connection_is_dead_without_its_knowledge_claims_nothing() -> None:
    one = up("b", 0.0, "a")
    one.heard(LeaderRecord("a", 7, 3), 1.0)
    assert [one.tick(float(now)) for now in range(2, 60)] == [[]] * 58
    assert one.probes > 40
    one.heard(LeaderRecord("a", 7, 30), 60.0)  # the network is whole, and everything arrives in order
    assert one.member("b", True, 60.0) == []
    assert one.leader is not None


def test_our_own_record_of_an_earlier_life_means_nothing() -> None:
    one = up("a")
    one.heard(LeaderRecord("a", 5, 100), 0.1, retained=True)
    assert one.leader is None
    assert claim(one, SETTLE_S) == [LeaderRecord("a", 6, 1, "a.local")]


# --- Terms and ties ---


@pytest.mark.parametrize(
    ("record", "follows"),
    [
        (LeaderRecord("z", 2), True),  # a higher term
        (LeaderRecord("a", 1), True),  # the same term, a lower id
        (LeaderRecord("c", 1), False),
        (LeaderRecord("a", 0), False),
    ],
)
def test_a_leader_steps_down_for_a_better_claim_only(record: LeaderRecord, follows: bool) -> None:
    one, now = leading("b")
    one.heard(record, now + 0.1)
    assert one.leading is not follows
    assert (one.sound_until() == -math.inf) is follows


def test_a_leader_answers_an_outdated_record_because_it_is_the_retained_one_now() -> None:
    one, now = leading("b", "c")
    records = one.heard(LeaderRecord("c", 1, 4), now + 3.0)
    assert [(record.id, record.term) for record in records] == [("b", 1)]
    assert one.heard(LeaderRecord("c", 1, 5), now + 3.1) == [], "not again at once"
    assert one.tick(now + 3.6) != [], "but soon"


# --- Leases ---


def test_the_lease_counts_from_the_sending_of_a_renewal_that_the_broker_returned() -> None:
    one, claimed = leading("a", "b")
    assert one.sound_until() == pytest.approx(claimed + HOLD_S)
    [renewal] = one.tick(claimed + BEAT_S)
    assert one.sound_until() == pytest.approx(claimed + HOLD_S), "not returned yet"
    one.heard(renewal, claimed + 5.0)
    assert one.sound_until() == pytest.approx(claimed + BEAT_S + HOLD_S)


def test_doubled_and_late_renewals_extend_nothing() -> None:
    one = up("b", 0.0, "a")
    one.heard(LeaderRecord("a", 1, 5), 10.0)
    one.heard(LeaderRecord("a", 1, 5), 14.0)
    one.heard(LeaderRecord("a", 1, 4), 15.0)
    assert claim(one, 10.0 + LEASE_S) != []


def test_a_frozen_leader_steps_down_when_it_wakes() -> None:
    one, now = leading("a", "b")
    assert one.sound_until() < now + 60
    one.tick(now + 60)
    assert not one.leading


def test_while_the_broker_is_away_a_leader_goes_on_as_long_as_its_members_follow() -> None:
    one, now = leading("a", "b", "c")
    one.connected(False, now)
    for step in range(100):
        one.witness("b", 1, now + step)
        if step < 50:
            one.witness("c", 1, now + step)
        one.tick(now + step)
        assert one.leading is (step < 49 + HOLD_S)


def test_a_leader_without_others_plays_on_without_a_broker() -> None:
    one, now = leading("a")
    one.connected(False, now)
    one.tick(now + 1000)
    assert one.leading


def test_a_leader_without_music_makes_room_for_one_that_has_some() -> None:
    one, now = leading("a", "b")
    one.fit = False
    [record] = one.tick(now + 1)
    assert (record.resigned, record.heir, one.leading) == (True, "b", False)
    alone, now = leading("a")
    alone.fit = False
    assert all(not record.resigned for record in alone.tick(now + 1))


# --- Schedules ---


@st.composite
def worlds(draw: st.DrawFn) -> World:
    faults = draw(
        st.lists(
            st.builds(
                Fault,
                at_s=st.floats(0.5, 60),
                kind=st.sampled_from(KINDS),
                who=st.integers(0, 6),
                for_s=st.one_of(st.floats(0.1, 3), st.floats(3, 30)),
            ),
            max_size=8,
        )
    )
    return World(
        draw(st.integers(2, 7)),
        faults,
        draw(st.integers(0, 2**32)),
        loss=draw(st.sampled_from((0.0, 0.1, 0.3))),
        doubled=draw(st.sampled_from((0.0, 0.2))),
        late_s=draw(st.sampled_from((0.05, 0.5, 1.5))),
    )


def check(world: World) -> None:
    world.run(world.end_of_faults + BOUND_S)
    leaders, followed = world.verdict()
    assert world.worst_double_s <= LEASE_S + SLACK_S, world.log
    assert len(leaders) == 1, (leaders, world.log)
    assert followed == set(leaders), world.log


@given(worlds())
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_one_leader_whatever_happens(world: World) -> None:
    check(world)


@pytest.mark.slow
@given(worlds())
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
def test_one_leader_whatever_happens_in_many_schedules(world: World) -> None:
    check(world)


@pytest.mark.parametrize("kind", ["cut", "pause", "power", "restart"])
@pytest.mark.parametrize("seed", range(3))
def test_a_follower_in_trouble_changes_nothing_for_the_others(kind: str, seed: int) -> None:
    world = World(4, [], seed, 0.0, 0.0, 0.02)
    world.run(20)
    [leader], _ = world.verdict()
    term = max(device.lead.term for device in world.devices)
    who = next(number for number, device in enumerate(world.devices) if device.id != leader)
    world.strike(Fault(0.0, kind, who, 15.0))
    world.worst_silence_s = 0.0
    world.run(40)
    assert world.verdict() == ([leader], {leader})
    assert {device.lead.term for device in world.devices} == {term}
    assert world.worst_silence_s == 0


def test_the_simulation_finds_a_broken_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """It catches a leader that never lets its lease end."""
    monkeypatch.setattr(Leadership, "sound_until", lambda self: math.inf if self.leading else -math.inf)
    worst = 0.0
    for seed in range(20):
        dice = random.Random(seed)
        faults = [Fault(dice.uniform(3, 20), dice.choice(("cut", "pause")), seed + n, 25.0) for n in range(3)]
        world = World(4, faults, seed, 0.3, 0.2, 1.5)
        world.run(world.end_of_faults + BOUND_S)
        worst = max(worst, world.worst_double_s)
    assert worst > 2 * LEASE_S
