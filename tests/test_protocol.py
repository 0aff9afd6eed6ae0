"""The line between the processes: everything the eye says arrives as it was, and nothing else gets through."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from device.config.schema import CameraConfig
from device.domain import Reading, SeenFace
from device.errors import LinkError
from device.perception.protocol import (
    MAX_FACES,
    MAX_LINE,
    STAGES,
    Hello,
    Lines,
    Trouble,
    encode,
    parse,
    silence_s,
)

share = st.floats(0, 1)
texts = st.text(st.characters(exclude_categories=("C", "Z")), max_size=200)


@st.composite
def scores(draw: st.DrawFn) -> tuple[float, ...]:
    weights = draw(st.lists(st.floats(0.001, 1), min_size=8, max_size=8))
    return tuple(weight / sum(weights) for weight in weights)


faces = st.builds(
    SeenFace,
    number=st.integers(0, 2**53 - 1),
    box=st.tuples(share, share, share, share),
    certainty=share,
    scores=scores(),
)
readings = st.builds(
    Reading,
    at_s=st.floats(0, 1e9),
    faces=st.lists(faces, max_size=3).map(tuple),
    moved=st.booleans(),
    costs_ms=st.dictionaries(st.sampled_from(sorted(STAGES)), st.floats(0, 1e6)),
)
FACE = {"number": 1, "box": [0.1, 0.2, 0.3, 0.4], "certainty": 0.9, "scores": [1, 0, 0, 0, 0, 0, 0, 0]}
READING = {"type": "reading", "at": 1.5, "moved": True, "faces": [FACE], "costs": {"find": 3.5}}


@given(readings | texts.map(Hello) | texts.map(Trouble))
def test_what_is_said_arrives_as_it_was(message: Hello | Trouble | Reading) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse(line) == message


@given(st.binary(max_size=300))
@example(b"[" * 60_000)
@example(b'{"at":' * 5_000)
@example(b'{"type": "reading", "at": ' + b"[" * 60_000)
@example(b'{"at": ' + b"[" * 60_000)
@example(b'{"type": "hello", "camera": "\xff"}')
@example(b'{"type": "reading", "at": 1e999, "moved": true, "faces": [], "costs": {}}')
@example(b'{"type": "reading", "at": ' + b"9" * 5_000 + b', "moved": true, "faces": [], "costs": {}}')
@example(b'{"type": "reading", "at": 1' + b"0" * 400 + b', "moved": true, "faces": [], "costs": {}}')
@example(b'"\\ud800"')
@example(b"")
def test_no_bytes_crash_the_reader(line: bytes) -> None:
    with pytest.raises(LinkError):
        parse(line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(st.sampled_from(sorted(READING)), st.sampled_from(["", *sorted(FACE)]), json_values)
def test_any_value_in_any_place_is_checked(key: str, inner: str, value: object) -> None:
    body = {**READING, "faces": [{**FACE, inner: value}]} if key == "faces" and inner else {**READING, key: value}
    try:
        reading = parse(json.dumps(body).encode())
    except LinkError:
        return
    assert isinstance(reading, Reading)
    assert math.isfinite(reading.at_s)
    for face in reading.faces:
        assert min(*face.box, face.certainty, *face.scores) >= 0
        assert max(*face.box, face.certainty, *face.scores) <= 1
        assert len(face.scores) == 8


@pytest.mark.parametrize(
    "change",
    [
        {"at": math.nan},
        {"at": -1},
        {"at": True},
        {"at": None},
        {"moved": 1},
        {"faces": {}},
        {"faces": [FACE] * (MAX_FACES + 1)},
        {"faces": [{**FACE, "certainty": 1.01}]},
        {"faces": [{**FACE, "certainty": math.inf}]},
        {"faces": [{**FACE, "number": -1}]},
        {"faces": [{**FACE, "number": 1.0}]},
        {"faces": [{**FACE, "box": [0, 0, 1]}]},
        {"faces": [{**FACE, "box": [0, 0, 1, 2]}]},
        {"faces": [{**FACE, "scores": [1, 0, 0, 0, 0, 0, 0]}]},
        {"faces": [{**FACE, "scores": [0.5, 0, 0, 0, 0, 0, 0, 0]}]},
        {"faces": [{**FACE, "pixels": [1, 2, 3]}]},
        {"faces": [7]},
        {"costs": {"find": -1}},
        {"costs": {"pixels": 1}},
        {"costs": []},
        {"frame": "iVBORw0KGgo="},
    ],
)
def test_one_wrong_thing_makes_a_reading_no_reading(change: dict[str, object]) -> None:
    assert isinstance(parse(json.dumps(READING).encode()), Reading)
    with pytest.raises(LinkError):
        parse(json.dumps({**READING, **change}).encode())


@pytest.mark.parametrize(
    "body",
    [
        {"type": "hello"},
        {"type": "hello", "version": True, "camera": "x"},
        {"type": "hello", "version": 5, "camera": "x"},
        {"type": "hello", "version": 10**30, "camera": "x"},
        {"type": "hello", "camera": "x\x1b[2J"},
        {"type": "hello", "camera": "x" * 501},
        {"type": "hello", "camera": 5},
        {"type": "trouble", "problem": "two\nlines"},
        {"type": "trouble", "problem": "x", "more": 1},
        {"type": "other"},
        {"hello": 1, "camera": "an eye of an older version"},
    ],
)
def test_greetings_and_complaints_are_checked_too(body: dict[str, object]) -> None:
    with pytest.raises(LinkError):
        parse(json.dumps(body).encode())


def test_another_version_says_so() -> None:
    with pytest.raises(LinkError, match="version 5 of the protocol, not 4"):
        parse(b'{"type": "hello", "version": 5, "camera": "x"}')


def test_unprintable_text_is_sent_in_a_form_that_is_accepted() -> None:
    assert parse(encode(Hello("cam\x1bera \udcff" + "x" * 600))) == Hello("cam?era ?" + "x" * 491)


def test_a_number_that_is_none_is_never_sent() -> None:
    for wrong in (Reading(math.nan), Reading(-1.0), Reading(1.0, costs_ms={"find": math.inf})):
        with pytest.raises(msgspec.ValidationError):
            encode(wrong)


@given(st.lists(st.binary(max_size=30).map(lambda part: part.replace(b"\n", b"")), max_size=6), st.integers(1, 20))
def test_lines_survive_any_cutting(wanted: list[bytes], size: int) -> None:
    stream = b"".join(line + b"\n" for line in wanted)
    lines = Lines()
    cut = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [line for chunk in cut for line in lines.feed(chunk)] == wanted


def test_a_line_without_end_is_refused() -> None:
    lines = Lines()
    for _ in range(MAX_LINE // 1024):
        assert lines.feed(b"x" * 1024) == []
    with pytest.raises(LinkError, match="more than"):
        lines.feed(b"x")


def test_the_longest_reading_fits_into_a_line() -> None:
    face = SeenFace(2**53 - 1, (1 / 3,) * 4, 1 / 3, (0.123456789012345678,) * 7 + (0.135802476913580254,))
    line = encode(Reading(1e9 + 1 / 3, (face,) * (MAX_FACES + 5), costs_ms=dict.fromkeys(STAGES, 1 / 3)))
    assert len(line) <= MAX_LINE
    assert line.count(b'"number"') == MAX_FACES


@pytest.mark.parametrize(
    ("hang_s", "fps", "expected"), [(5.0, 8.0, 6.0), (1.0, 8.0, 2.0), (5.0, 0.5, 7.0), (60.0, 30.0, 61.0)]
)
def test_silence_is_never_shorter_than_heartbeats_and_frames(hang_s: float, fps: float, expected: float) -> None:
    assert silence_s(CameraConfig(hang_s=hang_s, fps=fps)) == expected
