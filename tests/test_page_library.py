"""The library on the page: search, lists, the plane, corrections and requests. Real conductor, real songs."""

from __future__ import annotations

import gzip
import struct
from array import array
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from device.core.commands import _correct
from device.domain import MoodName, SetTrackMood
from device.domain.library import PlanePoints
from device.page.library_routes import pack
from tests.page_stage import PageProcess, make_config, state_of, until, whole


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageProcess]:
    home = tmp_path_factory.mktemp("library")
    with whole(make_config(home), home) as (_, page):
        yield page


@pytest.fixture(scope="module")
def owner(page: PageProcess) -> str:
    return page.log_in()


def read(page: PageProcess, owner: str, path: str) -> dict:
    answer = page.ask("GET", f"/api/library/{path}", cookie=owner)
    assert answer.status == 200, answer.body
    return answer.json


def test_search_finds_songs_as_people_type(page: PageProcess, owner: str) -> None:
    found = read(page, owner, "search?q=marm")
    assert [track["title"] for track in found["tracks"]] == ["Marmalade"]
    assert not {"features", "uncertainty"} & set(found["tracks"][0])
    assert read(page, owner, "search?q=")["tracks"] == []
    assert read(page, owner, "search?q=" + quote('"; DROP TABLE x; -- *'))["tracks"] == []


def test_lists(page: PageProcess, owner: str) -> None:
    moods = read(page, owner, "moods")
    assert moods["calm"] == 3
    calm = read(page, owner, "tracks?mood=calm")
    assert calm["total"] == 3
    assert {track["mood"] for track in calm["items"]} == {"calm"}
    assert len(read(page, owner, "tracks?mood=calm&offset=2&limit=50")["items"]) == 1
    [artist] = read(page, owner, "artists")["items"]
    assert read(page, owner, f"tracks?artist={quote(artist['name'])}")["total"] == artist["tracks"] == 15
    assert read(page, owner, "albums")["total"] >= 1
    assert read(page, owner, "folders")
    assert page.ask("GET", "/api/library/playlists", cookie=owner).json == []


@pytest.mark.parametrize(
    "path",
    ["tracks?mood=glad", "tracks?offset=-1", "tracks?limit=x", "tracks?offset=9" + 12 * "9", "track?number=1e9",
     "search?q=" + "x" * 5000],
)  # fmt: skip
def test_nonsense_is_a_sentence(page: PageProcess, owner: str, path: str) -> None:
    answer = page.ask("GET", f"/api/library/{path}", cookie=owner)
    assert answer.status == 400
    assert answer.json["message"]


@pytest.mark.parametrize("path", ["search?q=a", "moods", "points", "entries?uri=file:///etc/passwd"])
def test_the_library_is_not_for_strangers(page: PageProcess, path: str) -> None:
    assert page.ask("GET", f"/api/library/{path}").status == 401


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "file:///", "http://evil.example/", "/etc/passwd", "file://\0"])
def test_only_playlists_of_the_library_are_read(page: PageProcess, owner: str, uri: str) -> None:
    assert page.ask("GET", f"/api/library/entries?uri={quote(uri)}", cookie=owner).json == []


def test_the_plane_has_every_song(page: PageProcess, owner: str) -> None:
    raw = gzip.decompress(page.ask("GET", "/api/library/points", cookie=owner).body)
    [count] = struct.unpack_from("<I", raw)
    assert (count, len(raw)) == (15, 4 + 15 * 7)
    number = struct.unpack_from("<I", raw, 4)[0]
    assert read(page, owner, f"track?number={number}")["title"]


def test_points_are_packed_as_the_page_reads_them() -> None:
    points = PlanePoints(array("I", [7]), array("f", [-1.0]), array("f", [0.5]), array("B", [2]), array("B", [1]))
    assert pack(points) == struct.pack("<IIbbB", 1, 7, -127, 64, 2)


def test_a_song_that_somebody_asks_for_comes_next(page: PageProcess, owner: str) -> None:
    [track] = read(page, owner, "search?q=slow+clouds")["tracks"]
    asked = {"do": "enqueue", "with": {"tracks": [track["key"]], "where": "next"}}
    assert page.ask("POST", "/api/do", asked, cookie=owner).json == {"ok": True, "message": ""}
    assert [one["choice"]["track"]["title"] for one in state_of(page.config)["queue"] if one["id"]] == ["Slow Clouds"]


def test_the_mood_of_any_song_can_be_corrected(page: PageProcess, owner: str) -> None:
    [track] = read(page, owner, "search?q=last+tram")["tracks"]
    correct = {"do": "track_mood", "with": {"mood": "tense", "track": track["key"]}}
    assert page.ask("POST", "/api/do", correct, cookie=owner).json["ok"]
    until(lambda: read(page, owner, "search?q=last+tram")["tracks"][0]["mood"] == "tense", "not corrected")
    assert read(page, owner, "search?q=last+tram")["tracks"][0]["origin"] == "user"
    wrong = {"do": "track_mood", "with": {"mood": "tense", "track": "none"}}
    assert page.ask("POST", "/api/do", wrong, cookie=owner).json == {"ok": False, "message": "No such track."}


def test_without_a_track_there_is_nothing_to_correct() -> None:
    nothing = SimpleNamespace(playing=SimpleNamespace(choice=None))
    assert str(_correct(SetTrackMood(MoodName.SAD), nothing)).startswith("Nothing is playing")  # type: ignore[arg-type]
