"""Search criteria of a ContentDirectory: what they mean, and what nobody can read."""

from __future__ import annotations

import pytest

from device.upnp.criteria import CriteriaError, parse

SONG = {"dc:title": 'The "Blue" Hour', "upnp:class": "object.item.audioItem.musicTrack", "@parentID": "mood/calm"}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("*", True),
        ("", True),
        ('dc:title = "the \\"blue\\" hour"', True),
        ('dc:title="hour"', False),
        ('dc:title contains "BLUE"', True),
        ('dc:title doesNotContain "red"', True),
        ('upnp:class derivedfrom "object.item.audioItem"', True),
        ('upnp:class derivedfrom "object.item.audio"', False),
        ("upnp:artist exists true", False),
        ("upnp:artist exists false", True),
        ('@parentID="mood/calm" and dc:title contains "hour"', True),
        ('@parentID="0" and dc:title contains "hour"', False),
        ('@parentID="0" or dc:title contains "hour"', True),
        ('dc:title contains "x" and dc:title contains "y" or dc:title contains "hour"', True),
        ('dc:title contains "x" and (dc:title contains "y" or dc:title contains "hour")', False),
        ('(((dc:title >= "the")))', True),
        ('dc:title < "the"', False),
        ('dc:creator != "Ada"', True),
    ],
)
def test_which_objects_fit(text: str, fits: bool) -> None:
    assert parse(text).fits(SONG) is fits


@pytest.mark.parametrize(
    "text",
    [
        *("dc:title", 'dc:title contains "x', 'dc:title like "x"', '(dc:title = "x"', 'dc:title = "x")', "()"),
        *('dc:title = "x" and', 'and dc:title = "x"', '"x" = "x"', "(" * 100 + 'dc:title = "x"' + ")" * 100),
        *('dc:title = "' + "x" * 5000 + '"', "= = =", "((((", '\\"'),
    ],
)
def test_what_nobody_can_read_is_an_error(text: str) -> None:
    with pytest.raises(CriteriaError):
        parse(text)
