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
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from frozen_disk import frozen_disk

from device.check import run_checks
from device.check.finding import Finding, Verdict
from device.config.files import load
from device.config.schema import Config, MusicConfig
from device.config.shares import Protocol, Share, parse_share, parse_shares
from device.console import open_console
from device.errors import ConfigError
from device.music.library.files import servers
from device.music.library.scanner import library_folders
from device.setup import shares

LOCAL = parse_share("smb://127.0.0.1/music")


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
    assert {"ro", "soft", "timeo=30", "nolock"} <= set(options)
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


@pytest.fixture
def samba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen]:
    """A real Samba that answers at SMB's port, as this test sees it."""
    if shutil.which("smbd", path=servers.SBIN) is None:
        pytest.skip("Samba is not installed")
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    folder = tmp_path / "samba"
    folder.mkdir()
    folders = "\n".join(f"{name} directory = {folder}" for name in ("pid", "lock", "state", "cache"))
    (folder / "smb.conf").write_text(
        f"[global]\nserver role = standalone server\ndisable netbios = yes\nsmb ports = {port}\n"
        f"private dir = {folder}\nncalrpc dir = {folder}/rpc\n"
        f"interfaces = lo\nbind interfaces only = yes\nload printers = no\nlog file = {folder}/log\n{folders}\n"
    )
    monkeypatch.setattr(servers, "PATIENCE_S", 2.0)
    monkeypatch.setitem(servers.PORTS, Protocol.SMB, port)
    command = ["smbd", "--foreground", "--no-process-group", "--configfile", str(folder / "smb.conf")]
    with subprocess.Popen(command, env={**os.environ, "PATH": servers.SBIN}, start_new_session=True) as process:
        try:
            for _ in range(100):
                if servers.answers(LOCAL):
                    break
                assert process.poll() is None
                threading.Event().wait(0.1)
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_real_samba_answers_until_it_is_frozen(samba: subprocess.Popen) -> None:
    assert servers.answers(LOCAL)
    os.killpg(samba.pid, signal.SIGSTOP)
    assert not servers.answers(LOCAL)


def test_all_servers_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3)  # opens for nobody before all have come

    def answers(share: Share) -> bool:
        together.wait(60)
        if share.host == "hangs":
            threading.Event().wait()
        return share.host == "lives"

    monkeypatch.setattr(servers, "PATIENCE_S", 1.0)
    monkeypatch.setattr(servers, "answers", answers)
    lives, hangs, is_off = parse_shares(["smb://lives/a", "nfs://hangs/b", "smb://off/c"])
    assert servers.find_silent((lives, hangs, is_off)) == {hangs, is_off}
    assert servers.find_silent(()) == frozenset()


def test_a_check_looks_into_no_share_whose_server_is_frozen(
    samba: subprocess.Popen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shares are disks here that keep everybody waiting for ever, as an automount does for half a minute."""
    media, names = tmp_path / "media", ("one", "two", "three")
    monkeypatch.setattr("device.config.shares.MOUNTS", str(media / "affetto"))
    monkeypatch.setattr(servers, "missing_package", lambda share: "")
    asked: list[Share] = []
    ask = servers.answers
    monkeypatch.setattr(servers, "answers", lambda share: (asked.append(share), ask(share))[1])
    (tmp_path / "server").mkdir()
    (media / "usb" / "stick").mkdir(parents=True)
    config = tmp_path / "config.yaml"
    config.write_text(
        f'device:\n  data_dir: "{tmp_path}/data"\n'
        f'music:\n  folders: ["{media}/*/*", "{media}/affetto/one/jazz", "{media}/*/*/jazz"]\n'
        f"  shares: {[f'smb://127.0.0.1/{name}' for name in names]}\n"
        "player:\n  output: dummy\nmqtt:\n  enabled: false\npage:\n  enabled: false\n"
    )
    with ExitStack() as stack:
        disks = []
        for name in names:
            (media / "affetto" / name).mkdir(parents=True)
            disks.append(frozen_disk(tmp_path / "server", media / "affetto" / name))
            stack.enter_context(closing(disks[-1]))
            disks[-1].mount.stat()  # what the kernel asks at the mount is answered now
            disks[-1].freeze()
            stack.callback(disks[-1].thaw)
        os.killpg(samba.pid, signal.SIGSTOP)
        found: list[Finding] = []
        console = open_console(stderr=True, quiet=True)
        check = threading.Thread(target=lambda: found.extend(run_checks(config, False, console)), daemon=True)
        check.start()
        while check.is_alive() and not any(disk.waiting.is_set() for disk in disks):
            check.join(0.1)
        assert not any(disk.waiting.is_set() for disk in disks)
    library = [one for one in found if one.part == "library"]
    assert [one.words for one in library if "does not answer" in one.words] == [
        f"//127.0.0.1/{name} does not answer" for name in names
    ]
    assert any(f"{media}/*/* is now {media}/usb/stick" in one.words for one in library)
    assert any("There is no music" in one.words for one in library)
    assert not any(one.verdict is Verdict.PROBLEM for one in library), "an update would be taken back for it"
    assert len(asked) == len(names), "nobody waits twice for one server"
