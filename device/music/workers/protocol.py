"""What a worker process and its client say to each other: one JSON document a line, in typed schemas.

The process reads files that anybody may have made, so its client believes nothing that does not fit the schema. The
answer itself is a type of the job's: its fields carry their limits as `msgspec.Meta`. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

LONGEST_LINE = 1 << 20  # bytes; the longest answer is a cover of 200 KB in base64
LONGEST_TEXT = 1000  # characters of a problem
OUT_OF_MEMORY = 75  # exit status of a process that was refused memory

T = TypeVar("T")


class ProblemKind(StrEnum):
    """What a problem says something about: the file, the disk that it is on, its absence, or the worker itself."""

    FILE = "file"
    DISK = "disk"
    GONE = "gone"
    WORKER = "worker"


class Request(msgspec.Struct, frozen=True):
    """Do `job` with the file at `path`; `options` are keywords of the job."""

    job: str
    path: bytes
    options: dict[str, int | str] = {}


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The first line of a process that can start work."""


class Problem(msgspec.Struct, frozen=True, tag="problem"):
    """An expected failure, as one sentence for people."""

    kind: ProblemKind
    text: Annotated[str, Meta(max_length=LONGEST_TEXT)]


class Answer(msgspec.Struct, Generic[T], frozen=True, tag="answer"):
    """What the job found out."""

    value: T


def encode(message: object) -> bytes:
    """One line of JSON."""
    return msgspec.json.encode(message) + b"\n"


def decode_request(line: bytes) -> Request:
    """Raises ValueError."""
    request: Request = _decode(REQUEST, line)
    return request


def decode_ready(line: bytes) -> Ready | Problem:
    """Raises ValueError if the line is neither."""
    message: Ready | Problem = _decode(READY, line)
    return message


def decode_answer(line: bytes, value: type[T]) -> Answer[T] | Problem:
    """Raises ValueError if the line is neither a problem nor an answer with such a value."""
    message: Answer[T] | Problem = _decode(_answer_decoder(value), line)  # type: ignore[arg-type]
    return message


REQUEST: Any = msgspec.json.Decoder(Request)
READY: Any = msgspec.json.Decoder(Ready | Problem)


def _decode(decoder: Any, line: bytes) -> Any:
    try:
        return decoder.decode(line)
    except RecursionError:
        raise ValueError("JSON is nested too deep") from None
    except msgspec.MsgspecError as error:  # a ValueError only from msgspec 0.20 on
        raise ValueError(str(error)) from None


@cache
def _answer_decoder(value: Hashable) -> Any:
    return msgspec.json.Decoder(Answer[value] | Problem)  # type: ignore[valid-type]
