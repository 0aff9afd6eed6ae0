"""What the ends of a connection say about its cause, as tables of events; the real broker is in test_mqtt.py."""

from __future__ import annotations

import pytest

from device.backoff import Backoff
from device.mqtt.diagnosis import Cause, Diagnosis, Sent

COVER, OTHER_COVER = Sent("affetto/kit/track/cover", 120_000), Sent("affetto/kit/track/cover", 90_000)
CONFIG, MOOD = Sent("homeassistant/device/affetto_kit/config", 11_000), Sent("affetto/kit/mood/state", 300)


def test_the_wait_doubles_while_the_broker_is_away() -> None:
    diagnosis = Diagnosis()
    waits = []
    for _ in range(9):
        diagnosis.unreachable()
        waits.append(diagnosis.wait_s)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(("held_s", "waits"), [(0.1, [1, 2]), (59.0, [1, 2]), (60.0, [1, 1]), (1e6, [1, 1])])
def test_only_a_connection_that_held_resets_the_wait(held_s: float, waits: list[float]) -> None:
    diagnosis = Diagnosis()
    assert [(diagnosis.ended(held_s, ()), diagnosis.wait_s)[1] for _ in range(2)] == waits


def test_a_rival_is_recognised_by_short_connections_and_gets_ever_more_time() -> None:
    diagnosis = Diagnosis()
    ends = [(diagnosis.ended(1.0, ()), diagnosis.wait_s) for _ in range(12)]
    assert [cause for cause, _ in ends] == [Cause.UNKNOWN] * 2 + [Cause.RIVAL] * 10
    assert [wait_s for _, wait_s in ends] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert diagnosis.ended(300.0, ()) is Cause.RIVAL  # it has waited for its turn, as we do
    assert diagnosis.wait_s == 300
    assert not diagnosis.settled(599.0)
    assert diagnosis.settled(600.0)
    assert not diagnosis.settled(601.0)
    assert diagnosis.ended(700.0, ()) is Cause.UNKNOWN
    assert diagnosis.wait_s == 1


def test_a_broker_that_was_away_between_is_no_rival() -> None:
    diagnosis = Diagnosis()
    for _ in range(10):
        assert diagnosis.ended(1.0, ()) is Cause.UNKNOWN
        diagnosis.unreachable()


def test_messages_on_their_way_speak_against_a_rival() -> None:
    diagnosis = Diagnosis()
    assert [diagnosis.ended(1.0, (MOOD,)) for _ in range(10)] == [Cause.UNKNOWN] * 10
    assert diagnosis.largest_bytes is None


@pytest.mark.parametrize("first_held_s", [0.1, 3600.0])
def test_the_largest_message_of_two_ends_is_left_out(first_held_s: float) -> None:
    """The first may come late, when a track with a large cover begins."""
    diagnosis = Diagnosis()
    diagnosis.taken(CONFIG)
    assert diagnosis.ended(first_held_s, (MOOD, COVER)) is Cause.UNKNOWN
    assert diagnosis.admits(COVER.size)
    assert diagnosis.ended(0.2, (OTHER_COVER, MOOD)) is Cause.TOO_LARGE
    assert diagnosis.refused == OTHER_COVER
    assert not diagnosis.admits(COVER.size)
    assert not diagnosis.admits(OTHER_COVER.size)
    assert diagnosis.admits(CONFIG.size)
    assert diagnosis.largest_bytes == OTHER_COVER.size // 2
    assert diagnosis.wait_s == 1


def test_what_is_left_out_grows_until_the_rest_gets_through() -> None:
    diagnosis = Diagnosis()
    causes = [diagnosis.ended(0.1, (CONFIG, MOOD, COVER)) for _ in range(2)]
    causes += [diagnosis.ended(0.1, (CONFIG, MOOD)) for _ in range(2)]
    assert causes == [Cause.UNKNOWN, Cause.TOO_LARGE] * 2
    assert diagnosis.refused == CONFIG
    diagnosis.taken(Sent("affetto/kit/track/state", 7_000))
    assert diagnosis.largest_bytes == 7_000
    diagnosis.forget()  # another broker
    assert diagnosis.admits(COVER.size)
    assert diagnosis.largest_bytes is None


@pytest.mark.parametrize(
    "ends",
    [
        [(3600.0, (COVER,)), (3600.0, (COVER,))],  # a network that breaks now and then
        [(0.1, (COVER,)), (0.1, (CONFIG,))],
        [(0.1, (COVER,)), (0.1, ()), (0.1, (COVER,))],
        [(0.1, (COVER,)), None, (0.1, (COVER,))],  # None: an attempt failed
    ],
)
def test_one_end_decides_nothing(ends: list[tuple[float, tuple[Sent, ...]] | None]) -> None:
    diagnosis = Diagnosis()
    for end in ends:
        if end is None:
            diagnosis.unreachable()
        else:
            assert diagnosis.ended(*end) is Cause.UNKNOWN
    assert diagnosis.refused is None


def test_a_backoff_counts_what_did_not_hold() -> None:
    backoff = Backoff(first_s=1.0, longest_s=8.0, healthy_s=60.0)
    failures, waits = 0, []
    for held_s in (0.0, 0.0, 59.0, 0.0, 0.0, 60.0, 0.0):
        failures = backoff.count(failures, held_s)
        waits.append(backoff.after(failures))
    assert waits == [1, 2, 4, 8, 8, 1, 2]
