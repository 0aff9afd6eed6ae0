"""Music on file servers: what addresses mean, what systemd is asked to mount, and who may read the password."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from device.config.files import load
from device.config.schema import Config, MusicConfig
from device.config.shares import Protocol, Share, parse_share, parse_shares
from device.errors import ConfigError
from device.music.library.files import servers
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
    assert {"--automount=yes", "--no-block"} <= set(command)
    assert {"--property=ForceUnmount=yes", "--property=LazyUnmount=yes"} <= set(command)
    command = shares.command(parse_share("nfs://nas/m"), None)
    options = next(word for word in command if word.startswith("--options=")).removeprefix("--options=").split(",")
    assert {"ro", "soft", "timeo=30"} <= set(options)
    assert "guest" not in options


def test_the_password_is_for_root_alone_and_never_an_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin").mkdir()
    said = {
        "systemd-mount": "[ $(grep -c systemd-mount $calls) != 1 ]",  # the first time, the old automount is still known
        "systemctl": '[ "$1" != show ] || echo media-affetto-old.mount media-affetto-old.automount',
    }
    for name, script in said.items():
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\ncalls={tmp_path}/calls\necho {name} "$@" >>$calls\n{script}\n')
        program.chmod(0o755)
    monkeypatch.setattr(shares, "PAUSE_S", 0.0)
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
    assert calls.count("systemd-mount ") == 3
    assert "systemctl stop media-affetto-old.mount media-affetto-old.automount" in calls.splitlines()
    assert f"credentials={secret}" in calls
    (tmp_path / "config.yaml").write_text('music:\n  shares: ["nothing"]\n')
    assert shares.main() == 1
    assert "smb://server/folder" in capsys.readouterr().err


def test_automounts_end_with_the_service_that_made_them() -> None:
    """So a share that left the settings is gone at the next restart, and the conductor's restart is one."""
    command = shares.command(parse_share("nfs://nas/m"), None)
    for kind in ("property", "automount-property"):
        assert {f"--{kind}=PartOf={shares.OWNER}", f"--{kind}=After={shares.OWNER}"} <= set(command)
    unit = (Path(__file__).resolve().parent.parent / "systemd" / shares.OWNER).read_text()
    assert "PartOf=affetto.service" in unit


# --- Servers that are not there ---


class Server:
    """A server that speaks the first word of a protocol, or takes connections and says nothing."""

    def __init__(self, *, silent: bool = False) -> None:
        self.heard = b""
        self._silent = silent
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self._lines: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._door.accept()
                self._lines.append(line)
                self.heard = line.recv(4096)
                if not self._silent:
                    line.sendall(b"\0\0\0\1x")

    def close(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a connection
        for one in (self._door, *self._lines):
            one.close()


@pytest.mark.parametrize("address", ["smb://127.0.0.1/music", "nfs://127.0.0.1/music"])
def test_a_server_that_lives_is_told_from_one_that_is_frozen_or_off(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "PATIENCE_S", 0.3)
    share = parse_share(address)
    with contextlib.closing(Server()) as server:
        assert servers.answers(share, server.port)
        length = int.from_bytes(server.heard[:4], "big") & 0x7FFFFFFF
        assert length == len(server.heard) - 4  # both protocols write the length first
        off = server.port
    with contextlib.closing(Server(silent=True)) as server:
        assert not servers.answers(share, server.port)
    assert not servers.answers(share, off)


def test_why_music_is_missing_is_a_sentence_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    known = servers.FileServers(parse_shares(["smb://nas/music", "nfs://10.0.0.9/m"]))
    assert known.explain(b"/srv/music") == ""
    monkeypatch.setattr(servers, "missing_package", lambda share: "")
    monkeypatch.setattr(servers, "answers", lambda share: False)
    assert known.explain(b"/media/affetto/m").startswith("10.0.0.9:/m does not answer. Switch 10.0.0.9 on")
    monkeypatch.setattr(servers, "answers", lambda share: True)
    assert "music.share_password" in known.explain(b"/media/affetto/music")
    monkeypatch.setattr(servers, "missing_package", lambda share: "cifs-utils")
    assert known.explain(b"/media/affetto/music").endswith("sudo apt install cifs-utils")


@pytest.mark.skipif(shutil.which("smbd", path=servers.SBIN) is None, reason="Samba is not installed")
def test_a_real_samba_answers_until_it_is_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    folders = "\n".join(f"{name} directory = {tmp_path}" for name in ("pid", "lock", "state", "cache"))
    (tmp_path / "smb.conf").write_text(
        f"[global]\nserver role = standalone server\ndisable netbios = yes\nsmb ports = {port}\n"
        f"private dir = {tmp_path}\nncalrpc dir = {tmp_path}/rpc\n"
        f"interfaces = lo\nbind interfaces only = yes\nload printers = no\nlog file = {tmp_path}/log\n{folders}\n"
    )
    monkeypatch.setattr(servers, "PATIENCE_S", 2.0)
    share = parse_share("smb://127.0.0.1/music")
    command = ["smbd", "--foreground", "--no-process-group", "--configfile", str(tmp_path / "smb.conf")]
    with subprocess.Popen(command, env={**os.environ, "PATH": servers.SBIN}, start_new_session=True) as samba:
        try:
            for _ in range(100):
                if servers.answers(share, port):
                    break
                samba.poll()
                assert samba.returncode is None
                threading.Event().wait(0.1)
            assert servers.answers(share, port)
            os.killpg(samba.pid, signal.SIGSTOP)
            assert not servers.answers(share, port)
        finally:
            os.killpg(samba.pid, signal.SIGKILL)
