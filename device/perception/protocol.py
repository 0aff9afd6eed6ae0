"""What goes over the socket between eye and conductor: one JSON object a line, numbers only, never pixels.

The eye says one `{"hello": 1, "camera": ...}` once its camera delivers, then readings, and `{"error": ...}` before it
ends because of a problem; the conductor says nothing. The conductor does not trust the eye: `parse` and `Lines`
accept what is described here to the letter and raise LinkError for everything else. Pure; used on both sides.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from device.config.schema import CameraConfig
from device.domain import EMOTIONS, Reading, Scores, SeenFace
from device.errors import LinkError

VERSION = 1
MAX_LINE = 65_536  # bytes
MAX_FACES = 32
MAX_TEXT = 500  # characters
STAGES = frozenset({"read", "gate", "find", "track", "score"})
HEARTBEAT_S = 1.0  # the eye says something at least so often
OPENING_S = 60.0  # from connecting to the first frame: libraries, models and the camera, on a small board that is busy


@dataclass(frozen=True, slots=True)
class Hello:
    """The first line of an eye whose camera delivers."""

    camera: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """The last line of an eye that ends because of a problem, as a sentence."""

    problem: str


def silence_s(config: CameraConfig) -> float:
    """How long an eye may be silent before its camera counts as hung: `hang_s`, but two heartbeats and three frames
    at the least."""
    return max(config.hang_s, 2 * HEARTBEAT_S, 3.0 / config.fps)


def encode(message: Hello | Trouble | Reading) -> bytes:
    """One line, newline included."""
    if isinstance(message, Hello):
        body: dict[str, Any] = {"hello": VERSION, "camera": _printable(message.camera)}
    elif isinstance(message, Trouble):
        body = {"error": _printable(message.problem)}
    else:
        body = {
            "at": message.at_s,
            "moved": message.moved,
            "faces": [
                {"number": f.number, "box": f.box, "certainty": f.certainty, "scores": f.scores}
                for f in message.faces[:MAX_FACES]
            ],
            "costs": dict(message.costs_ms),
        }
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def parse(line: bytes) -> Hello | Trouble | Reading:
    """The message in a line; raises LinkError if it is anything else than `encode` makes."""
    try:
        body = json.loads(line.decode("ascii"))
        if not isinstance(body, dict):
            raise ValueError("not an object")
        if "hello" in body:
            return _hello(**body)
        return Trouble(_text(**body)) if "error" in body else _reading(**body)
    # a RecursionError is what the JSON reader answers to a line of a thousand brackets
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise LinkError(f"The eye sent a line that is no reading ({reason}); it is started again.") from error


class Lines:
    """Cuts a stream of bytes into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their newlines; LinkError for one that is too long."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if max(map(len, [*lines, self._rest])) > MAX_LINE:
            raise LinkError(f"The eye sent a line of more than {MAX_LINE} bytes; it is started again.")
        return lines


def _hello(hello: object, camera: object) -> Hello:
    if hello != VERSION or isinstance(hello, bool):
        raise LinkError(f"The eye speaks version {str(hello)[:20]} of the protocol, not {VERSION}; update both.")
    return Hello(_text(camera))


def _reading(at: object, moved: object, faces: object, costs: object) -> Reading:
    if not isinstance(moved, bool):
        raise ValueError("moved is not true or false")
    if not isinstance(costs, dict) or not costs.keys() <= STAGES:
        raise ValueError("costs are not those of the known stages")
    return Reading(
        at_s=_number(at, 0, 1e10),
        faces=tuple(_face(**face) for face in _list(faces, 0, MAX_FACES)),
        moved=moved,
        costs_ms={stage: _number(cost, 0, 1e7) for stage, cost in costs.items()},
    )


def _face(number: object, box: object, certainty: object, scores: object) -> SeenFace:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**53:
        raise ValueError("number is not a count")
    left, top, width, height = (_share(value) for value in _list(box, 4, 4))
    return SeenFace(number, (left, top, width, height), _share(certainty), _scores(scores))


def _scores(value: object) -> Scores:
    scores = tuple(_share(score) for score in _list(value, len(EMOTIONS), len(EMOTIONS)))
    if abs(sum(scores) - 1.0) > 0.01:
        raise ValueError("scores do not sum to 1")
    return scores


def _number(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"a number from {low:g} to {high:g} is missing")  # NaN fails the comparison too
    return float(value)


def _share(value: object) -> float:
    return _number(value, 0, 1)


def _list(value: object, low: int, high: int) -> list[Any]:
    if not isinstance(value, list) or not low <= len(value) <= high:
        raise ValueError(f"a list of {low} to {high} is missing")
    return value


def _text(error: object) -> str:
    if not isinstance(error, str) or not error.isprintable() or len(error) > MAX_TEXT:
        raise ValueError("a text is missing")
    return error


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:MAX_TEXT]
