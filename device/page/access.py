"""Who may do what: roles, the secret of the owner, logins that end, and waits after wrong guesses. No I/O; one thread.

Logins are tokens that only this device can sign, so nothing about them is kept: a thousand phones cost no memory, and a
restart logs nobody out. A new PIN or password, or a new key, ends all of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from enum import IntEnum

import msgspec

from device.backoff import Backoff

SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**13, 8, 1  # 8 MiB, some 30 ms; RFC 7914
FREE = 3  # wrong guesses from one address before it has to wait
FREE_IN_ALL = 20  # wrong guesses from anywhere, without a right one between them
ALONE = Backoff(first_s=2.0, longest_s=900.0)
TOGETHER = Backoff(first_s=1.0, longest_s=30.0)
MOST_ADDRESSES = 1000
LONGEST_SECRET = 200  # characters
LONGEST_TOKEN = 400
GUEST_HOURS = 12.0


class Role(IntEnum):
    """What somebody may do; each role may do what the ones before it may."""

    NOBODY = 0
    GUEST = 1  # ask for songs, like, vote
    HOUSEHOLD = 2  # everything of daily life
    OWNER = 3  # the camera on, settings, backups, forgetting


class Session(msgspec.Struct, frozen=True):
    """What a token says: the role, when it ends (wall-clock, s), and the name that a guest gave."""

    role: int
    ends: float
    name: str = ""
    nonce: str = ""


def hashed(secret: str, salt: bytes | None = None) -> str:
    """`secret` as `scrypt$salt$hash`, which the settings take instead of the password itself."""
    salt = salt if salt is not None else secrets.token_bytes(16)
    key = hashlib.scrypt(secret.encode(), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, dklen=32)
    return f"scrypt${salt.hex()}${key.hex()}"


def matches(secret: str, stored: str) -> bool:
    """Whether `stored`, a result of `hashed`, belongs to `secret`."""
    try:
        _, salt, _ = stored.split("$")
        return hmac.compare_digest(hashed(secret, bytes.fromhex(salt)), stored)
    except ValueError:
        return False


@dataclass(slots=True)
class _Guesses:
    failures: int = 0
    until_s: float = 0.0


class Throttle:
    """Longer waits after each wrong guess: for one address, and, more gently, for all together."""

    def __init__(self) -> None:
        self._addresses: OrderedDict[str, _Guesses] = OrderedDict()
        self._all = _Guesses()

    def wait_s(self, address: str, now_s: float) -> float:
        """How long this address must wait before its next guess; 0: not at all."""
        guesses = self._addresses.get(address, _Guesses())
        return max(0.0, guesses.until_s - now_s, self._all.until_s - now_s)

    def failed(self, address: str, now_s: float) -> None:
        """A wrong guess."""
        guesses = self._addresses.setdefault(address, _Guesses())
        self._addresses.move_to_end(address)
        while len(self._addresses) > MOST_ADDRESSES:
            self._addresses.popitem(last=False)
        for one, free, backoff in ((guesses, FREE, ALONE), (self._all, FREE_IN_ALL, TOGETHER)):
            one.failures += 1
            if one.failures > free:
                one.until_s = now_s + backoff.after(one.failures - free)

    def succeeded(self, address: str) -> None:
        """A right guess. The wrong ones of other addresses still count for all together, but only half."""
        self._addresses.pop(address, None)
        self._all = _Guesses(self._all.failures // 2)


class Tokens:
    """Signs and checks logins. `key` and `secret`: a change of either ends all logins."""

    def __init__(self, key: str, secret: str) -> None:
        self._key = hmac.digest(key.encode(), secret.encode(), "sha256")

    def issue(self, role: Role, ends: float, name: str = "") -> str:
        """A new token."""
        body = base64.urlsafe_b64encode(
            msgspec.json.encode(Session(int(role), round(ends), name, secrets.token_urlsafe(8)))
        )
        return f"{body.decode()}.{self._sign(body)}"

    def read(self, token: str, now: float) -> Session | None:
        """What the token says; None if it is not ours, or has ended."""
        body, _, signature = token.partition(".")
        if len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        if not hmac.compare_digest(self._sign(body.encode()), signature):
            return None
        session = msgspec.json.decode(base64.urlsafe_b64decode(body), type=Session)
        return session if session.ends > now else None

    def _sign(self, body: bytes) -> str:
        return hmac.new(self._key, body, "sha256").hexdigest()


class Access:
    """The rules of one device. `mode`: open, pin or password. `secret`: the PIN or the password, plain or `hashed`;
    empty if there is none, and then nobody can log in."""

    def __init__(self, mode: str, secret: str, key: str, session_days: int) -> None:
        self.mode = mode
        self.throttle = Throttle()
        self._stored = secret if secret.startswith("scrypt$") or not secret else hashed(secret)
        self._tokens = Tokens(key or secrets.token_hex(32), secret)
        self._lasts_s = session_days * 86_400.0

    @property
    def ready(self) -> bool:
        """Whether somebody can log in."""
        return bool(self._stored)

    @property
    def word(self) -> str:
        """What people log in with."""
        return "password" if self.mode == "password" else "PIN"

    def session(self, token: str, now: float) -> Session:
        """Who sent this token (empty: none), now (wall-clock)."""
        found = self._tokens.read(token, now) if token else None
        anybody = Role.HOUSEHOLD if self.mode == "open" else Role.NOBODY
        if found is None:
            return Session(int(anybody), float("inf"))
        return found

    def is_right(self, secret: str) -> bool:
        """Whether this is the owner's secret. Takes some 30 ms: call it on a thread."""
        return 0 < len(secret) <= LONGEST_SECRET and bool(self._stored) and matches(secret, self._stored)

    def owner_token(self, now: float) -> tuple[str, float]:
        """A login of the owner, and how long it lasts (s)."""
        return self._tokens.issue(Role.OWNER, now + self._lasts_s), self._lasts_s

    def guest_token(self, now: float, name: str = "") -> tuple[str, float]:
        """A login of a guest, and how long it lasts (s)."""
        return self._tokens.issue(Role.GUEST, now + GUEST_HOURS * 3600, name), GUEST_HOURS * 3600
