"""Who may do what on the page: tokens, waits after wrong guesses, roles. Pure."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.control.commands import COMMANDS
from device.page.access import (
    FREE,
    FREE_IN_ALL,
    GUEST_HOURS,
    LONGEST_SECRET,
    MOST_ADDRESSES,
    Access,
    Role,
    Session,
    Throttle,
    Tokens,
    hashed,
    matches,
)
from device.page.permissions import refusal, signed


def test_a_secret_matches_its_hash_and_nothing_else() -> None:
    stored = hashed("0123")
    assert stored != hashed("0123")  # salted
    assert "0123" not in stored.split("$")
    assert matches("0123", stored)
    assert not matches("123", stored)
    assert not any(matches("0123", broken) for broken in ("", "scrypt$", "scrypt$zz$00", stored[:-1], stored + "$"))


def test_a_login_lasts_as_long_as_it_says() -> None:
    access = Access("pin", "1234", "key", 30)
    token, lasts_s = access.owner_token(1000.0)
    assert lasts_s == 30 * 86_400
    assert access.session(token, 1000.0).role == Role.OWNER
    assert access.session(token, 1000.0 + lasts_s - 1).role == Role.OWNER
    assert access.session(token, 1000.0 + lasts_s).role == Role.NOBODY
    guest, lasts_s = access.guest_token(1000.0, "Ada")
    assert access.session(guest, 1000.0) == access.session(guest, 1000.0 + GUEST_HOURS * 3600 - 1)
    assert (access.session(guest, 1000.0).role, access.session(guest, 1000.0).name) == (Role.GUEST, "Ada")


@pytest.mark.parametrize(("mode", "role"), [("open", Role.HOUSEHOLD), ("pin", Role.NOBODY), ("password", Role.NOBODY)])
def test_who_has_no_login(mode: str, role: Role) -> None:
    access = Access(mode, "1234", "key", 30)
    assert access.session("", 0.0).role == role
    assert access.session("nonsense", 0.0).role == role
    assert access.session(access.guest_token(0.0)[0], 1.0).role == Role.GUEST


def test_a_new_secret_or_a_new_key_ends_all_logins() -> None:
    token = Access("pin", "1234", "key", 30).owner_token(0.0)[0]
    assert Access("pin", "1234", "key", 30).session(token, 1.0).role == Role.OWNER  # after a restart
    assert Access("pin", "1235", "key", 30).session(token, 1.0).role == Role.NOBODY
    assert Access("pin", "1234", "other", 30).session(token, 1.0).role == Role.NOBODY


def test_without_a_secret_nobody_is_right() -> None:
    access = Access("pin", "", "", 30)
    assert not access.ready
    assert not access.is_right("")
    assert not access.is_right("0")
    assert not Access("pin", "1234", "k", 30).is_right("1" * (LONGEST_SECRET + 1))
    assert Access("pin", "1234", "k", 30).is_right("1234")
    assert Access("password", hashed("a long word"), "k", 30).is_right("a long word")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode() + ".00"))
def test_no_token_from_outside_is_a_login(token: str) -> None:
    assert Tokens("key", "1234").read(token, 0.0) is None


def test_a_changed_token_is_no_login() -> None:
    tokens = Tokens("key", "1234")
    body, _, signature = tokens.issue(Role.GUEST, 100.0).partition(".")
    owner = base64.urlsafe_b64encode(msgspec.json.encode(Session(int(Role.OWNER), 1e12))).decode()
    assert tokens.read(f"{owner}.{signature}", 0.0) is None
    assert tokens.read(f"{body}.{signature[:-1]}", 0.0) is None
    assert tokens.read(f"{body}.{signature}", 0.0) is not None


def test_wrong_guesses_wait_longer_and_longer() -> None:
    throttle, waits = Throttle(), []
    for _ in range(FREE + 12):
        waits.append(throttle.wait_s("10.0.0.1", 0.0))
        throttle.failed("10.0.0.1", 0.0)
    assert waits[: FREE + 1] == [0.0] * (FREE + 1)
    assert waits[FREE + 1 :] == sorted(waits[FREE + 1 :])
    assert waits[-1] == 900.0
    assert throttle.wait_s("10.0.0.2", 0.0) == 0.0
    throttle.succeeded("10.0.0.1")
    assert throttle.wait_s("10.0.0.1", 0.0) == 0.0


def test_many_addresses_together_wait_too_and_cost_little() -> None:
    throttle = Throttle()
    for number in range(5 * MOST_ADDRESSES):
        throttle.failed(f"10.0.{number // 256}.{number % 256}", 0.0)
    assert 0 < throttle.wait_s("192.168.0.1", 0.0) <= 30.0  # the owner waits half a minute at most
    assert len(throttle._addresses) == MOST_ADDRESSES
    assert FREE_IN_ALL > FREE


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_nobody_may_do_anything(name: str) -> None:
    assert refusal(name, {}, Role.NOBODY)


def test_roles() -> None:
    allowed = {name for name in COMMANDS if not refusal(name, {}, Role.GUEST)}
    assert allowed <= {"enqueue", "vote", "vote_skip", "remove_request"}
    assert not refusal("feedback", {"liking": "like"}, Role.GUEST)
    assert refusal("feedback", {"liking": "never"}, Role.GUEST)
    assert refusal("schedule", {"settings": {"children_minutes": None}}, Role.HOUSEHOLD)
    assert refusal("camera", {"on": True}, Role.HOUSEHOLD)
    assert refusal("camera", {"on": 1}, Role.HOUSEHOLD)
    assert refusal("camera", {}, Role.HOUSEHOLD)
    assert not refusal("camera", {"on": False}, Role.HOUSEHOLD)  # off is always welcome
    assert not refusal("camera", {"on": True}, Role.OWNER)
    assert not refusal("volume", {"percent": 3}, Role.HOUSEHOLD)


def test_a_guest_signs_with_the_guests_name_and_plays_nothing_at_once() -> None:
    guest = Session(int(Role.GUEST), 1.0, "Ada")
    assert signed("enqueue", {"tracks": ["k"], "where": "now", "by": "Mum"}, guest) == {
        "tracks": ["k"], "where": "later", "by": "Ada",
    }  # fmt: skip
    assert signed("feedback", {"liking": "like", "by": "Mum"}, guest) == {"liking": "like"}
    given_ = {"tracks": ["k"], "where": "now", "by": "Mum"}
    assert signed("enqueue", given_, Session(int(Role.OWNER), 1.0)) == given_
