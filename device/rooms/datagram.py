"""The datagrams of a group, and why nobody can forge them. No I/O.

The leader's record on MQTT holds a key: whoever may read the group's topics can sign datagrams, and nobody else on the
network can. A signature alone would let a stranger repeat old datagrams, so each side also sends a challenge that the
other has to repeat: what arrives is from now. Leaders of an older version publish no key; then nothing is signed.
"""

from __future__ import annotations

import hmac
import secrets
from collections import deque

import msgspec

NEW_S, KNOWN_S = 1.0, 3.0
REMEMBERED = 4  # challenges


class Datagram(msgspec.Struct, frozen=True, kw_only=True):
    """`asks`: from a follower; otherwise from the leader. `challenge` is for the other side to repeat, `repeats` is the
    other side's last one."""

    group: str
    id: str
    term: int
    asks: bool
    challenge: str = ""
    repeats: str = ""
    signature: str = ""


def encode(datagram: Datagram, key: str) -> bytes:
    """The bytes to send, signed with `key` (empty: unsigned)."""
    return msgspec.json.encode(msgspec.structs.replace(datagram, signature=_sign(datagram, key) if key else ""))


def decode(raw: bytes) -> Datagram | None:
    """The datagram, or None for anything else."""
    try:
        return msgspec.json.decode(raw, type=Datagram)
    except (msgspec.MsgspecError, RecursionError):
        return None


def is_signed(datagram: Datagram, key: str) -> bool:
    """Whether somebody who knows `key` made it."""
    return datagram.signature.isascii() and hmac.compare_digest(datagram.signature, _sign(datagram, key))


def new_key() -> str:
    """A key for a leader's record."""
    return secrets.token_hex(16)


def _sign(datagram: Datagram, key: str) -> str:
    body = msgspec.json.encode(msgspec.structs.replace(datagram, signature=""))
    return hmac.new(key.encode(), body, "sha256").hexdigest()


class Challenges:
    """What one side asks the other to repeat: another challenge every `NEW_S`, so that a flood of questions does not
    push the good ones out."""

    def __init__(self) -> None:
        self._sent: deque[tuple[str, float]] = deque(maxlen=REMEMBERED)  # and from when, monotonic

    def current(self, mono: float) -> str:
        """The challenge to send now."""
        if not self._sent or mono >= self._sent[-1][1] + NEW_S:
            self._sent.append((secrets.token_hex(8), mono))
        return self._sent[-1][0]

    def knows(self, repeated: str, mono: float) -> bool:
        """Whether this is one of the last challenges."""
        return any(repeated == one and mono < since + KNOWN_S for one, since in self._sent)
