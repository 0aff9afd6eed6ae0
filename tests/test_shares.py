"""Music on file servers: what addresses mean, what systemd is asked to mount, and who may read the password."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from device.config.files import load
from device.config.schema import Config, MusicConfig
from device.config.shares import Protocol, Share, parse_share, parse_shares
from device.errors import ConfigError
from device.music.library.scanner import library_folders
from device.setup import shares


@pytest.mark.parametrize(
    ("text", "share", "source"),
    [
        ("smb://nas/music", Share(Protocol.SMB, "nas", "/music", "/media/affetto/music"), "//nas/music"),
        ("SMB://nas.local/Pub/My%20Music/",
         Share(Protocol.SMB, "nas.local", "/Pub/My Music", "/media/affetto/My Music"), "//nas.local/Pub/My Music"),
        ("nfs://192.168.1.2/volume1/music",
         Share(Protocol.NFS, "192.168.1.2", "/volume1/music", "/media/affetto/music"), "192.168.1.2:/volume1/music"),
        ("nfs://[fe80::1]/m", Share(Protocol.NFS, "[fe80::1]", "/m", "/media/affetto/m"), "[fe80::1]:/m"),
    ],
)  # fmt: skip
def test_addresses(text: str, share: Share, source: str) -> None:
    assert parse_share(text) == share
    assert share.source == source


@pytest.mark.parametrize(
    "text",
    ["", "nas/music", "//nas/music", "http://nas/music", "smb://nas", "smb://nas/", "smb:///music", "smb://a:b@nas/m",
     "smb://nas/../etc", "smb://nas/a//b", "smb://-o/m", "nfs://nas,rw/m", "smb://nas/a%0Ab", "smb://[::1/m"],
)  # fmt: skip
def test_no_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"^'.*[a-z]$"):
        parse_share(text)


def test_two_shares_of_one_name_have_two_folders() -> None:
    found = parse_shares(("smb://a/music", "smb://b/music", "nfs://c/music"))
    assert [share.folder for share in found] == [f"/media/affetto/music{end}" for end in ("", " 2", " 3")]


def test_the_settings_say_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text('music:\n  shares: ["nas/music"]\n')
    with pytest.raises(ConfigError, match=r"music.shares.*write smb://server/folder"):
        load(path)


def test_the_library_looks_into_the_shares() -> None:
    config = replace(MusicConfig(), folders=("/srv/music",), shares=("smb://nas/music",))
    assert library_folders(config) == [Path("/srv/music"), Path("/media/affetto/music")]
    assert library_folders(Config().music) == [Path("/srv/music")]


def test_mounts_are_read_only_and_give_up() -> None:
    command = shares.command(parse_share("smb://nas/music"), None)
    options = next(word for word in command if word.startswith("--options=")).removeprefix("--options=").split(",")
    assert {"ro", "nosuid", "nodev", "noexec", "soft", "guest"} <= set(options)
    assert command[-2:] == ("//nas/music", "/media/affetto/music")
    assert "--automount=yes" in command
    command = shares.command(parse_share("nfs://nas/m"), None)
    options = next(word for word in command if word.startswith("--options=")).removeprefix("--options=").split(",")
    assert {"ro", "soft", "timeo=30"} <= set(options)
    assert "guest" not in options


def test_the_password_is_for_root_alone_and_never_an_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("systemd-mount", "systemd-umount"):
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/calls\n')
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    (tmp_path / "config.yaml").write_text(
        'music:\n  shares: ["smb://nas/music", "nfs://nas/other"]\n'
        '  share_username: "ada"\n  share_password: "se cret, \'#"\n'
    )
    monkeypatch.setattr(shares, "CONFIG", tmp_path / "config.yaml")
    monkeypatch.setattr(shares, "RUN", tmp_path)
    assert shares.main() == 0
    secret = tmp_path / "music"
    assert secret.read_text() == "username=ada\npassword=se cret, '#\n"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    calls = (tmp_path / "calls").read_text()
    assert "cret" not in calls + str(capsys.readouterr())
    assert calls.count("systemd-mount ") == 2
    assert f"credentials={secret}" in calls
    (tmp_path / "config.yaml").write_text('music:\n  shares: ["nothing"]\n')
    assert shares.main() == 1
    assert "smb://server/folder" in capsys.readouterr().err
