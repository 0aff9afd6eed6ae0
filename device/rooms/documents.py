"""The documents of a group on MQTT, as typed schemas. Pure, any thread.

They come from other devices, perhaps of another version: unknown fields are ignored, missing ones have defaults, and
a document with impossible values counts as not heard (None).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from device.domain import (
    EVERYONE,
    GroupEntry,
    GroupMusic,
    LeaderRecord,
    Member,
    MemberMood,
    MoodName,
    PlaybackState,
    PolicyName,
    Requests,
    SkipVotes,
)

LARGEST = 65_536  # bytes of a document
HIGHEST_TERM = 2**53 - 1  # what every JSON reader can hold

Id = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,64}$")]
Count = Annotated[int, Meta(ge=0, le=HIGHEST_TERM)]
Text = Annotated[str, Meta(max_length=1000)]
Host = Annotated[str, Meta(max_length=253, pattern=r"^([A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*)?\Z")]
"""A name or an IPv4 address. Sockets raise all kinds of exceptions for other texts."""
Seconds = Annotated[float, Meta(ge=0, le=1e6)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Probabilities = Annotated[tuple[Probability, ...], Meta(min_length=len(MoodName), max_length=len(MoodName))]

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_Read = TypeVar("_Read", bound=msgspec.Struct)


class LeaderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`leader`."""

    id: Id
    term: Annotated[int, Meta(ge=1, le=HIGHEST_TERM)]
    beat: Count = 0
    host: Host = ""
    resigned: bool = False
    heir: Annotated[str, Meta(max_length=64)] = ""
    key: Annotated[str, Meta(max_length=64)] = ""


class MoodDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The mood in a member's document."""

    probabilities: Probabilities
    certainty: Annotated[float, Meta(ge=0, le=1000)]
    faces: Annotated[int, Meta(ge=0, le=1000)] = 0


class MemberDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`member/<id>`."""

    id: Id
    name: Text = ""
    room: Text = ""
    tracks: Count = 0
    version: Text = ""
    mood: MoodDocument | None = None
    profiles: Annotated[tuple[Text, ...], Meta(max_length=100)] = (EVERYONE,)
    guests: bool = False
    clock_error_ms: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    volume: Percent | None = None
    max_volume: Percent = 100


class MusicDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`state`."""

    leader: Id
    term: Count
    state: PlaybackState = PlaybackState.STOPPED
    key: Text = ""
    title: Text = ""
    artist: Text = ""
    album: Text = ""
    duration_s: Seconds = 0.0
    position_s: Seconds = 0.0
    reason: Text = ""
    mood: MoodName = MoodName.NEUTRAL
    policy: PolicyName = PolicyName.MATCH
    mood_set: MoodName | None = None
    recent: Annotated[tuple[Text, ...], Meta(max_length=100)] = ()
    requests: Requests = msgspec.field(default_factory=Requests)
    queue: Annotated[tuple[GroupEntry, ...], Meta(max_length=100)] = ()
    skip_votes: SkipVotes = msgspec.field(default_factory=SkipVotes)
    sleep_left_s: Seconds | None = None
    volume: Percent = 0


def read_leader(payload: bytes) -> LeaderRecord | None:
    """The record, or None for anything else."""
    document = _read(payload, LeaderDocument)
    return None if document is None else LeaderRecord(**msgspec.structs.asdict(document))


def read_member(payload: bytes) -> Member | None:
    """The member, or None for anything else."""
    document = _read(payload, MemberDocument)
    if document is None:
        return None
    values = msgspec.structs.asdict(document)
    mood = document.mood
    values["mood"] = None if mood is None else MemberMood(mood.probabilities, mood.certainty, mood.faces)
    return Member(**values)


def read_music(payload: bytes) -> GroupMusic | None:
    """What the group hears, or None for anything else."""
    document = _read(payload, MusicDocument)
    return None if document is None else GroupMusic(**msgspec.structs.asdict(document))


class OrderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`order`: a command that a member passes on, by its name on the control socket. The leader answers the member, and
    repeats the number."""

    name: Text
    fields: dict[str, Any] = {}
    member: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{0,64}$")] = ""
    number: Count = 0


class AnswerDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`member/<id>/answer`: the leader has handled the command with this number. `message`: what it refused."""

    number: Count
    message: Text = ""


def read_order(payload: bytes) -> OrderDocument | None:
    """A command, or None for anything else."""
    return _read(payload, OrderDocument)


def read_answer(payload: bytes) -> AnswerDocument | None:
    """The leader's answer, or None for anything else."""
    return _read(payload, AnswerDocument)


Sent = LeaderRecord | Member | GroupMusic | OrderDocument | AnswerDocument | SkipVotes | tuple[GroupEntry, ...]


def encode(document: Sent) -> bytes:
    """The bytes to send: always valid JSON."""
    return msgspec.json.encode(_plain(msgspec.to_builtins(document)))


def _read(payload: bytes, kind: type[_Read]) -> _Read | None:
    if len(payload) > LARGEST:
        return None
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", value)[:1000]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
