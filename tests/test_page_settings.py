"""The owner's part of the page: settings, the check, the backup. Real conductor, real files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.config import files
from tests.appliance import ROOT
from tests.page_stage import PageProcess, make_config, state_of, until, whole


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings")


@pytest.fixture(scope="module")
def page(home: Path) -> Iterator[PageProcess]:
    with whole(make_config(home), home) as (_, page):
        yield page


@pytest.fixture(scope="module")
def owner(page: PageProcess) -> str:
    return page.log_in()


@pytest.fixture(scope="module")
def guest(page: PageProcess, owner: str) -> str:
    url = page.ask("POST", "/api/invitation", {}, cookie=owner).json["url"]
    return page.ask("GET", "/g/" + url.rpartition("/")[2]).cookie


OWNERS = [
    *(("GET", "/api/settings"), ("POST", "/api/settings"), ("POST", "/api/restart"), ("GET", "/api/check")),
    *(("GET", "/api/backup"), ("POST", "/api/restore")),
]


@pytest.mark.parametrize(("method", "path"), OWNERS)
def test_settings_are_the_owners(page: PageProcess, guest: str, method: str, path: str) -> None:
    body = {} if method == "POST" else None
    assert page.ask(method, path, body).status == 401
    assert page.ask(method, path, body, cookie=guest).status == 403


def test_a_setting_changes_in_the_file(page: PageProcess, owner: str, home: Path) -> None:
    found = page.ask("GET", "/api/settings", cookie=owner).json["answer"]
    assert [
        one["value"] for part in found if part["name"] == "device" for one in part["settings"] if one["name"] == "name"
    ] == ["Living room"]
    answer = page.ask("POST", "/api/settings", {"change": {"device.name": "Küche", "player.ramp_s": 2}}, cookie=owner)
    assert answer.json["ok"], answer.json
    config = files.load(home / "config.yaml")
    assert (config.device.name, config.player.ramp_s) == ("Küche", 2.0)


def test_a_mistake_is_the_sentence_of_the_schema(page: PageProcess, owner: str, home: Path) -> None:
    before = (home / "config.yaml").read_bytes()
    answer = page.ask("POST", "/api/settings", {"change": {"player.volume": 500}}, cookie=owner)
    assert answer.status == 422
    assert "player.volume: must be from 0 to 100, not 500" in answer.json["message"]
    assert page.ask("POST", "/api/settings", {"change": 3}, cookie=owner).status == 400
    assert (home / "config.yaml").read_bytes() == before


def test_a_password_is_stored_as_its_hash(page: PageProcess, owner: str, home: Path) -> None:
    change = {"change": {"page.password": "correct horse", "page.access": "password"}}
    assert page.ask("POST", "/api/settings", change, cookie=owner).json["ok"]
    text = (home / "config.yaml").read_text()
    assert "correct horse" not in text
    assert files.load(home / "config.yaml").page.password.startswith("scrypt$")
    back = {"change": {"page.password": "", "page.access": "pin"}}
    assert page.ask("POST", "/api/settings", back, cookie=owner).json["ok"]


def test_without_systemd_the_owner_restarts_it(page: PageProcess, owner: str) -> None:
    if Path("/run/affetto/settings.sock").exists():
        pytest.skip("a real Affetto runs here")
    assert page.ask("POST", "/api/restart", {}, cookie=owner).status == 503


@pytest.mark.slow
def test_the_check_says_what_the_command_says(page: PageProcess, owner: str, home: Path) -> None:
    found = page.ask("GET", "/api/check", cookie=owner).json["findings"]
    command = [sys.executable, "-m", "device", "check", "--json", "--config", str(home / "config.yaml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    parts = [one["part"] for one in json.loads(done.stdout)["findings"]]
    assert [one["part"] for one in found] == parts
    assert set(found[0]) == {"part", "verdict", "words", "advice"}


def test_a_backup_brings_everything_to_another_device(page: PageProcess, owner: str, tmp_path: Path) -> None:
    until(lambda: state_of(page.config)["playback"]["choice"], "no song")
    key = state_of(page.config)["playback"]["choice"]["track"]["key"]
    assert page.ask("POST", "/api/do", {"do": "feedback", "with": {"liking": "like"}}, cookie=owner).json["ok"]
    correct = {"do": "track_mood", "with": {"mood": "tense", "track": key}}
    assert page.ask("POST", "/api/do", correct, cookie=owner).json["ok"]

    def saved() -> dict:
        answer = page.ask("GET", "/api/backup", cookie=owner)
        assert "attachment" in answer.headers["Content-Disposition"]
        return answer.json

    until(lambda: saved()["moods"] and saved()["listens"], "nothing learnt")
    backup = saved()
    assert backup["moods"] == {key: "tense"}
    assert "name: " in backup["settings"]
    config = make_config(tmp_path)
    with whole(config, tmp_path) as (_, other):
        theirs = other.log_in()
        restored = other.ask("POST", "/api/restore", {"backup": json.dumps(backup)}, cookie=theirs).json
        assert restored == {"ok": True, "message": f"Restored {len(backup['listens'])} listens and 1 moods"}
        assert (tmp_path / "config.yaml").read_text() == backup["settings"]
        until(lambda: other.ask("GET", "/api/backup", cookie=theirs).json["moods"] == backup["moods"], "no moods")
        again = other.ask("POST", "/api/restore", {"backup": json.dumps(backup)}, cookie=theirs).json
        assert again["message"] == "Restored 0 listens and 0 moods"  # it adds nothing twice


def test_what_is_no_backup_changes_nothing(page: PageProcess, owner: str, home: Path) -> None:
    before = (home / "config.yaml").read_bytes()
    good = {"affetto_backup": 1, "device": "a", "made": "", "settings": ""}
    for text in ("", "x", "{}", json.dumps({**good, "affetto_backup": 2}), json.dumps({**good, "listens": [[1]]})):
        assert page.ask("POST", "/api/restore", {"backup": text}, cookie=owner).status == 400
    wrong = json.dumps({**good, "settings": "player:\n  volume: 900\n"})
    answer = page.ask("POST", "/api/restore", {"backup": wrong}, cookie=owner)
    assert answer.status == 422
    assert "must be from 0 to 100" in answer.json["message"]
    assert (home / "config.yaml").read_bytes() == before
