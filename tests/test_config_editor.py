"""Changing the settings file: values change, everything else stays, and a mistake changes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.config import editor, files, settings_file, settings_helper
from device.config.reader import Source, parse
from device.config.schema import Config
from device.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = (ROOT / "config.yaml").read_text("utf-8")

FOLDERS = "music:\n    folders:\n      - /a # one\n      - /b # two\n    # next\n    autoplay: yes\n"
LONG = "device:\n  name: >-\n    long\n    name\n  id: a\n"
CASES = [
    ("player:\n  volume: 30 # loud\n", {"player.volume": 40}, "player:\n  volume: 40 # loud\n"),
    ("player:\n  volume: 30\n", {"player.max_volume": 50}, "player:\n  max_volume: 50\n  volume: 30\n"),
    ("player: {volume: 30}\n", {"player.max_volume": 50}, "player: {max_volume: 50, volume: 30}\n"),
    ("player: {volume: 30}", {"player.volume": 5}, "player: {volume: 5}"),
    ("# mine\nplayer:\n# later\nmood:\n", {"player.volume": 5}, "# mine\nplayer:\n  volume: 5\n# later\nmood:\n"),
    ("player:", {"player.volume": 5}, "player:\n  volume: 5\n"),
    ("", {"player.volume": 5}, "\nplayer:\n  volume: 5\n"),
    ("# only words", {"device.name": 'A "b"'}, '# only words\n\ndevice:\n  name: "A \\"b\\""\n'),
    (FOLDERS, {"music.folders": ("/c",)}, 'music:\n    folders:\n      ["/c"] # two\n    # next\n    autoplay: yes\n'),
    (LONG, {"device.id": "b"}, 'device:\n  name: >-\n    long\n    name\n  id: "b"\n'),
    ("mood: {margin: .5}", {"mood.margin": 0.25, "mood.policy": "lift"}, 'mood: {policy: "lift", margin: 0.25}'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "changes", "expected"), CASES, ids=range(len(CASES)))
def test_only_the_value_changes(text: str, changes: dict, expected: str) -> None:
    assert editor.change(text, "c.yaml", changes) == expected


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("device.name", "K\u00fcche"),
        ("camera.rotate", 90),
        ("mood.margin", 0.5),
        ("music.folders", ("/a", "/b")),
        ("mqtt.tls", True),
    ],
)
def test_the_shipped_file_keeps_its_comments(where: str, value: editor.Value) -> None:
    changed = editor.change(SHIPPED, "c.yaml", {where: value})
    before, after = SHIPPED.splitlines(), changed.splitlines()
    assert len([new for old, new in zip(before, after, strict=True) if old != new]) == 1


MISTAKES = [
    ({"player.volume": 999}, "c.yaml:2: player.volume: must be from 0 to 100, not 999"),
    ({"player.volume": "40"}, "c.yaml:2: player.volume: expected a whole number, not text; remove the quotes"),
    ({"player.volume": 80}, "c.yaml:2: player.volume: volume 80 is above max_volume 70"),
    ({"player.loud": 1}, "c.yaml: player.loud: unknown setting"),
    ({"x": 1}, "c.yaml: x: unknown setting"),
    ({"player.__class__": 1}, "c.yaml: player.__class__: unknown setting"),
    ({"player.output": "loud"}, 'c.yaml:2: player.output: must be one of auto, alsa, pulse, dummy, file, not "loud"'),
]


@pytest.mark.parametrize(("changes", "said"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_has_the_words_of_the_schema(changes: dict, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        editor.change("player:\n  volume: 30\n", "c.yaml", changes)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("text", ["player: &a {volume: 30}\nmood:\n", "player: {volume: &v 30, max_volume: *v}\n"])
def test_an_unusual_file_is_changed_rightly_or_not_at_all(text: str) -> None:
    with contextlib.suppress(ConfigError):
        changed = editor.change(text, "c.yaml", {"player.max_volume": 60})
        assert parse(changed, "c.yaml", Config).player.max_volume == 60


@settings(max_examples=80, deadline=None)
@given(
    name=st.text(max_size=60),
    folders=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=3),
    volume=st.integers(-5, 120),
    text=st.sampled_from(["", FOLDERS, LONG, "device: {id: a}\nmusic: {folders: [a]}"]),
)
def test_any_value_is_written_as_it_is_or_refused(name: str, folders: list, volume: int, text: str) -> None:
    changes = {"device.name": name, "music.folders": tuple(folders), "player.volume": volume}
    try:
        changed = parse(editor.change(text, "c.yaml", changes), "c.yaml", Config)
    except ConfigError:
        return
    assert (changed.device.name, changed.music.folders, changed.player.volume) == (name, tuple(folders), volume)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("# mine\nmqtt:\n  username: u\n  password: hunter2\n")
    path.chmod(0o640)
    return path


def ask(path: Path, request: object) -> dict:
    return settings_helper.handle(json.dumps(request).encode() + b"\n", path)


def test_the_helper_describes_every_setting_and_no_secret(path: Path) -> None:
    found = ask(path, {"read": True})
    assert "hunter2" not in json.dumps(found)
    settings_ = {
        one["name"]: one for section in found["answer"] if section["name"] == "mqtt" for one in section["settings"]
    }
    assert settings_["password"] == {**settings_["password"], "given": True, "value": "", "secret": True}
    assert (settings_["username"]["value"], settings_["port"]["high"]) == ("u", 65535)
    shown = {f"{section['name']}.{one['name']}" for section in found["answer"] for one in section["settings"]}
    known = {
        f"{section.name}.{one.name}" for section in fields(Config) for one in fields(getattr(Config(), section.name))
    }
    assert shown == known - settings_file.NOT_HERE


def test_the_helper_changes_the_file_and_keeps_its_rights(path: Path) -> None:
    assert ask(path, {"change": {"mqtt.port": 1884}}) == {"ok": True, "message": "", "answer": None}
    assert path.read_text() == "# mine\nmqtt:\n  port: 1884\n  username: u\n  password: hunter2\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in path.parent.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("where", sorted(settings_file.NOT_HERE))
def test_what_is_not_for_the_page(path: Path, where: str) -> None:
    assert "cannot be changed over the page" in ask(path, {"change": {where: True}})["message"]


def test_a_mistake_leaves_the_file_alone(path: Path) -> None:
    before = path.read_bytes()
    assert "must be from 1 to 65535" in ask(path, {"change": {"mqtt.port": 0}})["message"]
    assert not ask(path, {"replace": "mqtt:\n  port: 0\n"})["ok"]
    assert path.read_bytes() == before


def test_what_the_boot_partition_sets_is_fixed(path: Path) -> None:
    (path.parent / "boot.yaml").write_text("device:\n  name: Kitchen\n")
    found = ask(path, {"read": True})["answer"]
    [name] = [
        one for section in found if section["name"] == "device" for one in section["settings"] if one["name"] == "name"
    ]
    assert (name["value"], name["fixed"]) == ("Kitchen", True)


@pytest.mark.parametrize(
    "request_",
    [{}, [], {"change": 3}, {"change": {"mqtt.port": None}}, {"change": {"mqtt.port": {}}}, {"read": False}, "x"],
)
def test_nonsense_is_a_sentence(path: Path, request_: object) -> None:
    found = ask(path, request_)
    assert not found["ok"]
    assert found["message"].endswith(".")
    assert settings_helper.handle(b"\xff" * 100, path)["ok"] is False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes owners")
def test_the_owner_of_the_file_stays(path: Path) -> None:
    os.chown(path, 65534, 65534)
    assert ask(path, {"change": {"mqtt.port": 1884}})["ok"]
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


def test_overrides_must_fit() -> None:
    with pytest.raises(ConfigError, match="above max_volume"):
        editor.change(
            "player:\n  volume: 30\n",
            "c.yaml",
            {"player.volume": 60},
            [Source("boot.yaml", "player:\n  max_volume: 50\n")],
        )


def test_the_shipped_file_can_be_replaced(path: Path) -> None:
    assert ask(path, {"replace": SHIPPED})["ok"]
    assert files.load(path) == Config()
    assert ask(path, {"text": True})["answer"] == SHIPPED
