"""The page's diary, people and guests: what each may see and do. Real conductor, real diary."""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from device.domain import Affect, MoodName, MoodSource, Outcome
from device.domain.diary import Felt, MoodEntry, SongEntry
from device.page.diary_routes import limits
from device.store.diary import DiaryStore
from tests.page_stage import PageProcess, make_config, state_of, until, whole

TODAY = date.today()
NOON = datetime(TODAY.year, TODAY.month, TODAY.day).timestamp() + 1  # a second after midnight: never in the future


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageProcess]:
    home = tmp_path_factory.mktemp("daily")
    config = make_config(home)
    Path(config.device.data_dir).mkdir()
    diary = DiaryStore(Path(config.device.data_dir), 30)
    glad = Felt(Affect(0.5, 0.1), 0.9)
    diary.write(
        [
            MoodEntry(NOON, MoodName.CALM, MoodSource.CAMERA, glad, 2),
            SongEntry(NOON, NOON + 60, 60.0, "k", "Ähm", "Ada", MoodName.CALM, "everyone", Outcome.PLAYED, glad, glad),
        ]
    )
    diary.close()
    with whole(config, home) as (_, page):
        yield page


@pytest.fixture(scope="module")
def owner(page: PageProcess) -> str:
    return page.log_in()


@pytest.fixture(scope="module")
def guest(page: PageProcess, owner: str) -> str:
    url = page.ask("POST", "/api/invitation", {}, cookie=owner).json["url"]
    answer = page.ask("GET", "/g/" + url.rpartition("/")[2])
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    return answer.cookie


def test_a_day_has_its_moods_and_songs(page: PageProcess, owner: str) -> None:
    found = page.ask("GET", "/api/diary/day", cookie=owner).json
    assert found["day"] == TODAY.isoformat()
    assert found["moods"][0]["mood"] == "calm"
    assert next((song["title"], song["outcome"]) for song in found["songs"]) == ("Ähm", "played")
    before = page.ask("GET", f"/api/diary/day?day={TODAY - timedelta(days=1)}", cookie=owner).json
    assert before["songs"] == []
    week = page.ask("GET", "/api/diary/week", cookie=owner).json
    assert [one["day"] for one in week] == [(TODAY - timedelta(days=back)).isoformat() for back in range(7)]


@pytest.mark.parametrize("day", ["x", "2026-02-30", "0001-01-01", "9999-12-31", "2026-11-28T10:00", "%00"])
def test_a_wrong_day_is_a_sentence(page: PageProcess, owner: str, day: str) -> None:
    assert page.ask("GET", f"/api/diary/week?day={day}", cookie=owner).status == 400


def test_every_second_belongs_to_one_day() -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(366)]
    assert all(limits(one)[1] == limits(two)[0] for one, two in itertools.pairwise(days))
    assert {round((limits(day)[1] - limits(day)[0]) / 3600) for day in days} <= {23, 24, 25}


def test_a_person_comes_and_is_deleted(page: PageProcess, owner: str) -> None:
    come = {"do": "presence", "with": {"name": "Ada", "here": True}}
    assert page.ask("POST", "/api/do", come, cookie=owner).json["ok"]
    assert state_of(page.config)["people"]["profiles"] == ["Ada"]
    like = {"do": "feedback", "with": {"liking": "like"}}
    until(lambda: state_of(page.config)["playback"]["choice"], "no song")
    assert page.ask("POST", "/api/do", like, cookie=owner).json["ok"]
    assert state_of(page.config)["people"]["known"] == ["Ada"]
    gone = {"do": "forget", "with": {"scope": "person", "name": "Ada"}}
    assert page.ask("POST", "/api/do", gone, cookie=owner).json["ok"]
    page.ask("POST", "/api/do", {"do": "presence", "with": {"name": "Ada", "here": False}}, cookie=owner)
    assert state_of(page.config)["people"]["known"] == []


def test_a_guest_asks_for_songs_and_nothing_else(page: PageProcess, guest: str) -> None:
    assert page.ask("GET", "/api/me", cookie=guest).json["role"] == "guest"
    [track] = page.ask("GET", "/api/library/search?q=marm", cookie=guest).json["tracks"]
    asked = {"do": "enqueue", "with": {"tracks": [track["key"]], "where": "now", "by": "Mum"}}
    assert page.ask("POST", "/api/do", asked, cookie=guest).json == {"ok": True, "message": ""}
    [request] = [one for one in state_of(page.config)["queue"] if one["id"]]
    assert request["by"].startswith("Guest ")
    refused = [
        ("volume", {"percent": 1}),
        ("camera", {"on": False}),
        ("playback", {"transport": "next"}),
        ("policy", {"policy": "lift"}),
        ("feedback", {"liking": "never"}),
        ("forget", {"scope": "everything"}),
        ("presence", {"name": "x", "here": True}),
    ]
    for name, given in refused:
        answer = page.ask("POST", "/api/do", {"do": name, "with": given}, cookie=guest)
        assert (answer.status, answer.json["ok"]) == (403, False), name


def test_a_guest_takes_a_name_but_not_somebody_elses(page: PageProcess, owner: str, guest: str) -> None:
    come = {"do": "presence", "with": {"name": "Ben", "here": True}}
    assert page.ask("POST", "/api/do", come, cookie=owner).json["ok"]
    rename = {"name": "Ben"}
    until(lambda: page.ask("POST", "/api/name", rename, cookie=guest).status == 400, "the page does not know Ben")
    for name in (" bEN ", "everyone", "", "x" * 25, "a\u0000", 3):
        assert page.ask("POST", "/api/name", {"name": name}, cookie=guest).status == 400
    renamed = page.ask("POST", "/api/name", {"name": "Zoe"}, cookie=guest)
    assert page.ask("GET", "/api/me", cookie=renamed.cookie).json == {
        **page.ask("GET", "/api/me", cookie=guest).json, "name": "Zoe", "role": "guest",
    }  # fmt: skip
    assert page.ask("POST", "/api/name", {"name": "Zoe"}, cookie=owner).status == 403
    page.ask("POST", "/api/do", {"do": "presence", "with": {"name": "Ben", "here": False}}, cookie=owner)


@pytest.mark.parametrize("path", ["/api/diary/day", "/api/diary/week", "/api/library/points"])
def test_a_guest_sees_no_diary(page: PageProcess, guest: str, path: str) -> None:
    assert page.ask("GET", path, cookie=guest).status == 403


def test_a_guest_does_not_see_the_health_and_the_bans(page: PageProcess, guest: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.request("GET", "/api/stream", headers={"Host": page.host, "Cookie": guest})
    parts: set[str] = set()
    response = connection.getresponse()
    while "playback" not in parts:
        line = response.readline()
        if line.startswith(b"data: "):
            parts |= set(json.loads(line[6:])["parts"])
    connection.close()
    assert not {"health", "never", "room"} & parts


def test_a_guest_cannot_invite_and_a_wrong_invitation_opens_nothing(page: PageProcess, guest: str) -> None:
    assert page.ask("POST", "/api/invitation", {}, cookie=guest).status == 403
    assert page.ask("POST", "/api/invitation", {}).status == 401
    for token in ("x", "e30=.00", "a" * 500):
        assert page.ask("GET", f"/g/{token}").status == 403


def test_an_invitation_is_no_step_down_for_the_owner(page: PageProcess, owner: str) -> None:
    made = page.ask("POST", "/api/invitation", {}, cookie=owner).json
    assert set(made["rows"][0]) <= {"0", "1"}
    assert len(made["rows"]) == len(made["rows"][0])
    assert page.ask("GET", "/g/" + made["url"].rpartition("/")[2], cookie=owner).cookie == ""
