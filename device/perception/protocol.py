"""The protocol between eye and conductor: one JSON object per line, numbers only, never pixels.

The eye sends one `hello` when its camera delivers frames, then readings, and `trouble` before it ends with a problem.
The conductor sends nothing, and does not trust the eye: the schemas limit every number, length and text, and `parse`
and `Lines` raise LinkError for everything else. Pure; both sides use it.
"""

from __future__ import annotations

from typing import Annotated, Literal, cast, get_args

import msgspec
from msgspec import Meta

from device.config.schema import CameraConfig
from device.domain import EMOTIONS, Gesture, Reading, SeenFace
from device.errors import LinkError

VERSION = 4
MAX_LINE = 65_536  # bytes
MAX_FACES = 32
MAX_TEXT = 500  # characters
HEARTBEAT_S = 1.0  # the longest time between two messages of the eye
OPENING_S = 60.0  # from connecting to the first frame: time for libraries, models and camera on a small, busy board

Share = Annotated[float, Meta(ge=0, le=1)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Seconds = Annotated[float, Meta(ge=0, le=1e10)]
Milliseconds = Annotated[float, Meta(ge=0, le=1e7)]
Stage = Literal["read", "gate", "find", "track", "score"]
STAGES: frozenset[str] = frozenset(get_args(Stage))


class WireMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """One line."""


class Hello(WireMessage, frozen=True, tag="hello"):
    """The first line, when the camera delivers frames."""

    camera: Text
    version: Annotated[int, Meta(ge=0, lt=1000)] = VERSION


class Trouble(WireMessage, frozen=True, tag="trouble"):
    """The last line, if the eye ends with a problem: a sentence."""

    problem: Text


class WireFace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `SeenFace` on the wire."""

    number: Annotated[int, Meta(ge=0, lt=2**53)]
    box: tuple[Share, Share, Share, Share]
    certainty: Share
    scores: Annotated[tuple[Share, ...], Meta(min_length=len(EMOTIONS), max_length=len(EMOTIONS))]
    gesture: Gesture | None = None
    clear: bool = True

    def __post_init__(self) -> None:
        if abs(sum(self.scores) - 1.0) > 0.01:
            raise ValueError("scores do not sum to 1")


class WireReading(WireMessage, frozen=True, tag="reading"):
    """A `Reading` on the wire."""

    at: Seconds
    moved: bool
    faces: Annotated[tuple[WireFace, ...], Meta(max_length=MAX_FACES)]
    costs: dict[Stage, Milliseconds]


_DECODER = msgspec.json.Decoder(Hello | Trouble | WireReading)


def silence_s(config: CameraConfig) -> float:
    """How long an eye may be silent before its camera counts as hung: a heartbeat plus `hang_s`, but at least the time
    for three frames."""
    return HEARTBEAT_S + max(config.hang_s, HEARTBEAT_S, 3.0 / config.fps)


def encode(message: Hello | Trouble | Reading) -> bytes:
    """One line with its newline. Raises ValueError or msgspec.ValidationError for what `parse` would refuse."""
    match message:
        case Hello(camera):
            line: Hello | Trouble | WireReading = Hello(_printable(camera))
        case Trouble(problem):
            line = Trouble(_printable(problem))
        case _:
            line = _to_wire(message)
    encoded = msgspec.json.encode(line)
    _DECODER.decode(encoded)
    return encoded + b"\n"


def parse(line: bytes) -> Hello | Trouble | Reading:
    """The message in a line. Raises LinkError if `encode` would never produce it."""
    try:
        message: Hello | Trouble | WireReading = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise LinkError(f"The eye sent an invalid reading ({reason}); Affetto restarts it.") from error
    match message:
        case WireReading():
            return _from_wire(message)
        case Hello(text, version):
            if version != VERSION:
                raise LinkError(f"The eye speaks version {version} of the protocol, not {VERSION}; update both.")
        case Trouble(text):
            pass
    if not text.isprintable():
        raise LinkError("The eye sent a text with unprintable characters; Affetto restarts it.")
    return message


class Lines:
    """Splits a stream of bytes into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their newlines. Raises LinkError for a line that is too long."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if max(map(len, [*lines, self._rest])) > MAX_LINE:
            raise LinkError(f"The eye sent a line of more than {MAX_LINE} bytes; Affetto restarts it.")
        return lines


def _to_wire(reading: Reading) -> WireReading:
    kept = reading.faces[:MAX_FACES]
    faces = tuple(WireFace(f.number, f.box, f.certainty, f.scores, f.gesture, f.clear) for f in kept)
    return WireReading(reading.at_s, reading.moved, faces, dict(reading.costs_ms))  # type: ignore[arg-type]


def _from_wire(line: WireReading) -> Reading:
    faces = tuple(SeenFace(f.number, f.box, f.certainty, f.scores, f.gesture, f.clear) for f in line.faces)
    return Reading(line.at, faces, line.moved, cast("dict[str, float]", line.costs))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:MAX_TEXT]
