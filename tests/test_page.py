"""The page as a process: what it serves, to whom, and that nothing from outside moves it. Real conductor, real VLC."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.check import page as check
from device.check.finding import Verdict
from device.page.static_files import FOLDER
from tests.appliance import Appliance
from tests.page_stage import PageProcess, make_config, page_alone, state_of, until, whole

LARGEST_PAGE = 80_000  # bytes of all files together, before compression


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Appliance, PageProcess]]:
    home = tmp_path_factory.mktemp("page")
    with whole(make_config(home), home) as running:
        yield running


@pytest.fixture(scope="module")
def page(stage: tuple[Appliance, PageProcess]) -> PageProcess:
    return stage[1]


@pytest.fixture(scope="module")
def owner(page: PageProcess) -> str:
    return page.log_in()


def stream(page: PageProcess, cookie: str) -> Iterator[dict]:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.request("GET", "/api/stream", headers={"Host": page.host, "Cookie": cookie})
    response = connection.getresponse()
    assert response.status == 200
    try:
        while line := response.readline():
            if line.startswith(b"data: "):
                yield json.loads(line[6:])
    finally:
        connection.close()


def test_the_page_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= LARGEST_PAGE


def test_the_page_needs_nothing_from_elsewhere() -> None:
    for path in FOLDER.iterdir():
        words = path.read_text().replace("http://www.w3.org/2000/svg", "").replace("http://affetto.local", "")
        words = words.replace('"http://"', "")  # what the field for a radio's address begins with
        assert "//" not in words.replace("// ", "").replace("/* ", "") or "://" not in words, path.name


@pytest.mark.parametrize("path", ["/", "/library", "/static/app.js", "/static/style.css", "/favicon.ico"])
def test_the_page_itself_is_for_everybody(page: PageProcess, path: str) -> None:
    answer = page.ask("GET", path)
    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert page.ask("GET", path, If_None_Match=answer.headers["ETag"]).status == 304
    squeezed = page.ask("GET", path, Accept_Encoding="gzip")
    assert len(squeezed.body) <= len(answer.body)


GUARDED = [
    ("GET", "/api/stream"), ("POST", "/api/do"), ("GET", "/cover/x"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nothing_else_is_for_strangers(page: PageProcess, method: str, path: str) -> None:
    answer = page.ask(method, path, {} if method == "POST" else None)
    assert (answer.status, answer.json["message"]) == (401, "Log in first.")
    forged = page.ask(method, path, {} if method == "POST" else None, cookie="affetto=eyJyb2xlIjozfQ==.00")
    assert forged.status == 401


@pytest.mark.parametrize("host", ["evil.example", "", "affetto.local.evil.example", "affetto.local@b", "[::1", "%"])
def test_other_names_are_refused(page: PageProcess, host: str) -> None:
    """Against DNS rebinding: another page's name that leads to our address."""
    assert page.ask("GET", "/api/me", Host=host or "x").status in (400, 421)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:80", "192.168.1.5:8080", "AFFETTO.local:80", "localhost"])
def test_our_own_names_are_fine(page: PageProcess, host: str) -> None:
    assert page.ask("GET", "/api/me", Host=host).status == 200


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "https://127.0.0.1", "http://127.0.0.1", "http://["])
def test_requests_from_other_pages_are_refused(page: PageProcess, owner: str, origin: str) -> None:
    answer = page.ask("POST", "/api/do", {"do": "volume", "with": {"percent": 7}}, cookie=owner, Origin=origin)
    assert answer.status == 403
    assert state_of(page.config)["playback"]["volume"] != 7


def test_a_form_of_another_page_is_refused(page: PageProcess, owner: str) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert page.ask("POST", "/api/do", {"do": "camera"}, cookie=owner, Content_Type=kind).status == 415


def test_the_owner_logs_in_and_out(page: PageProcess) -> None:
    assert page.ask("GET", "/api/me").json["role"] == "nobody"
    wrong = page.ask("POST", "/api/login", {"secret": "x"})
    assert (wrong.status, wrong.cookie) == (403, "")
    answer = page.ask("POST", "/api/login", {"secret": page.pin})
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in answer.headers["Set-Cookie"].split(";")}
    assert page.ask("GET", "/api/me", cookie=answer.cookie).json["role"] == "owner"
    assert page.ask("POST", "/api/logout", {}).cookie == 'affetto=""'


def test_a_command_takes_effect_and_a_refusal_comes_back(page: PageProcess, owner: str) -> None:
    done = page.ask("POST", "/api/do", {"do": "volume", "with": {"percent": 33}}, cookie=owner)
    assert done.json == {"ok": True, "message": ""}
    assert state_of(page.config)["playback"]["volume"] == 33
    refused = page.ask("POST", "/api/do", {"do": "volume", "with": {"percent": 99}}, cookie=owner)
    assert "The volume limit is 70%" in refused.json["message"]
    for nonsense in (b"", b"[]", b"{", b'{"do": 3}', b'{"do": "volume", "with": []}', b"\xff", b"[" * 60_000):
        assert page.ask("POST", "/api/do", nonsense, cookie=owner).status == 400
    assert page.ask("POST", "/api/do", b"x" * 70_000, cookie=owner).status == 413


def test_the_stream_brings_the_state_and_then_changes(page: PageProcess, owner: str) -> None:
    found = stream(page, owner)
    first = next(one for one in found if one["connected"])
    assert {"mood", "policy", "playback", "queue", "camera", "health"} <= set(first["parts"])
    page.ask("POST", "/api/do", {"do": "policy", "with": {"policy": "lift"}}, cookie=owner)
    changed = next(one for one in found if one["parts"].get("policy") == "lift")
    assert "room" not in changed["parts"], "only what differs comes again"
    assert first["now"] <= changed["now"] <= time.monotonic() + 0.001, "it is rounded to milliseconds"


def test_the_music_does_not_notice_when_the_page_is_killed(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    with whole(config, tmp_path) as (appliance, page):
        until(lambda: state_of(config)["playback"]["state"] == "playing", "no music")
        cookie = page.log_in()
        found = stream(page, cookie)
        before = next(one for one in found if "playback" in one["parts"])["parts"]["playback"]
        page.process.kill()
        page.process.wait()
        with contextlib.suppress(http.client.HTTPException, OSError):
            list(found)
        after = state_of(config)["playback"]
        assert after["state"] == "playing"
        assert after["choice"]["track"] == before["choice"]["track"]
        assert appliance.process.poll() is None
        assert "ERROR" not in appliance.log.read_text()


@pytest.mark.slow
def test_the_page_survives_the_conductor(tmp_path: Path) -> None:
    config = make_config(tmp_path, pin="4711")
    with whole(config, tmp_path) as (appliance, page):
        cookie = page.log_in()
        found = stream(page, cookie)
        assert next(one for one in found if one["connected"])
        assert appliance.stop() == 0
        assert not next(one for one in found if not one["connected"])["connected"]
        answer = page.ask("POST", "/api/do", {"do": "volume", "with": {"percent": 3}}, cookie=cookie)
        assert answer.json == {"ok": False, "message": "Affetto does not answer; it may be starting."}


def test_the_check_says_where_the_page_is_and_its_pin(stage: tuple[Appliance, PageProcess], tmp_path: Path) -> None:
    [found] = check.page(stage[1].config, runs=True)
    assert found.verdict is Verdict.WELL
    assert f":{stage[1].port}; the PIN is {stage[1].pin}" in found.words
    [found] = check.page(make_config(tmp_path), runs=True)
    assert found.verdict is Verdict.PROBLEM


def test_the_port_of_somebody_else_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        config = make_config(tmp_path, port=taken.getsockname()[1])
        page = PageProcess(config, tmp_path)
        try:
            until(lambda: page.process.poll() is not None or "(port 8080)" in page.log.read_text(), "neither")
            assert f"The page cannot use port {config.page.port} (Address already in use)" in page.log.read_text()
        finally:
            page.close()


def test_a_page_that_is_switched_off_ends_at_once(tmp_path: Path) -> None:
    page = PageProcess(make_config(tmp_path, enabled=False), tmp_path)
    assert page.process.wait(30) == 0


def test_open_access_is_for_daily_life_only(tmp_path: Path) -> None:
    with page_alone(make_config(tmp_path, access="open", pin="4711"), tmp_path) as page:
        assert page.ask("GET", "/api/me").json["role"] == "household"
        answer = page.ask("POST", "/api/do", {"do": "camera", "with": {"on": True}})
        assert (answer.status, answer.json["message"]) == (403, "Only the owner may do that; log in first.")
