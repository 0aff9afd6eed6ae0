"""Updates: a release with the owner's signature is installed, anything else is refused, and the way back works."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import queue
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from test_session import UP, Room, only, said
from web_server import web_server

from device import __version__
from device.config.schema import UpdateConfig
from device.domain import Event, RequestUpdate, Update, UpdateSeen, newer
from device.update import __main__ as service
from device.update import archive, manifest, signature, source, status
from device.update.refusal import Refusal
from device.update.updater import Updater
from device.update.watcher import UpdateWatcher
from tools import make_release

needs_openssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")

INSTALLS = "#!/bin/bash\necho Placing files\necho \"Affetto $1\" > \"$PLACE/ran\"\necho Affetto 9.0.0 is running.\n"
GOES_BACK = "#!/bin/bash\necho Starting\necho Returned to Affetto 0.1.0-1234abcd, which is running.\nexit 1\n"


def tar(files: dict[str, str], folder: str = "affetto-9.0.0/") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as made:
        for name, text in files.items():
            member = tarfile.TarInfo(folder + name)
            member.size, member.mode = len(text.encode()), 0o755
            made.addfile(member, io.BytesIO(text.encode()))
    return target.getvalue()


class Owner:
    """Somebody who signs releases and puts them into a folder."""

    def __init__(self, folder: Path) -> None:
        self.key, self.public, self.source = folder / "key", folder / "key.pub", folder / "source"
        self.place = folder / "update"
        self.source.mkdir()
        self.place.mkdir()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)

    def release(self, content: bytes, version: str = "9.0.0", **changes: object) -> None:
        name = f"affetto-{version}.tar.gz"
        (self.source / name).write_bytes(content)
        facts = {"version": version, "archive": name, "sha256": hashlib.sha256(content).hexdigest(),
                 "size": len(content), "notes": "Quieter at night.", **changes}  # fmt: skip
        (self.source / manifest.NAME).write_text(json.dumps(facts))
        self.sign()

    def sign(self, namespace: str = signature.NAMESPACE, key: Path | None = None) -> None:
        (self.source / manifest.SIGNATURE).unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", str(key or self.key), "-n", namespace,
                        str(self.source / manifest.NAME)], check=True, capture_output=True)  # fmt: skip

    def updater(self, where: str = "") -> Updater:
        return Updater(UpdateConfig(where or str(self.source), str(self.public)), self.place)

    @property
    def status(self) -> Update:
        return status.read(self.place / "status.json")


@pytest.fixture
def owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Owner:
    monkeypatch.setenv("PLACE", str(tmp_path))
    return Owner(tmp_path)


def ran(owner: Owner) -> bool:
    return (owner.place.parent / "ran").exists()


# --- A good release --------------------------------------------------------------------------------------------------


@needs_openssh
def test_a_signed_release_is_found_and_installed_with_its_own_installer(owner: Owner) -> None:
    owner.release(tar({"install.sh": INSTALLS}))
    assert owner.updater().check()
    assert owner.status == Update("9.0.0", "Quieter at night.")
    assert not ran(owner)
    assert owner.updater().install()
    assert (owner.place.parent / "ran").read_text() == "Affetto --upgrade\n"
    assert owner.status == Update("9.0.0", "Quieter at night.")
    assert [path.name for path in owner.place.iterdir()] == ["status.json"]  # nothing is left behind


@needs_openssh
def test_the_progress_rises_to_the_end(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int | None] = []
    real = status.write
    monkeypatch.setattr(status, "write", lambda update, path: (seen.append(update.progress), real(update, path)))
    monkeypatch.setattr(source, "BLOCK", 1024)
    padding = "".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(200))
    owner.release(tar({"install.sh": INSTALLS, "padding": padding}))
    assert owner.updater().install()
    rising = [percent for percent in seen if percent is not None]
    assert rising == sorted(rising)
    assert (rising[0], seen[-1]) == (0, None)
    assert len(set(rising)) > 5
    assert max(rising) <= 100


@needs_openssh
def test_a_version_that_goes_back_is_a_problem_in_words(owner: Owner) -> None:
    owner.release(tar({"install.sh": GOES_BACK}))
    assert not owner.updater().install()
    assert owner.status.progress is None
    assert owner.status.problem == (
        "Version 9.0.0 was not installed: Returned to Affetto 0.1.0-1234abcd, which is running."
    )


@needs_openssh
def test_the_tool_makes_releases_that_devices_take(owner: Owner, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--key", str(owner.key), "--out", str(owner.source), "--version", "9.1.0", "--notes", "New."]
    assert make_release.main(arguments) == 0
    assert owner.updater().check()
    assert owner.status == Update("9.1.0", "New.")
    folder = owner.place / "unpacked"
    folder.mkdir()
    unpacked = archive.unpack(owner.source / "affetto-9.1.0.tar.gz", folder)
    assert '__version__ = "9.1.0"' in (unpacked / "device/__init__.py").read_text()
    assert (unpacked / "install.sh").stat().st_mode & 0o100
    assert "9.1.0, signed" in capsys.readouterr().out


@needs_openssh
def test_a_release_on_a_web_server(owner: Owner) -> None:
    owner.release(tar({"install.sh": INSTALLS}))
    with web_server() as server:
        for path in owner.source.iterdir():
            server.serve(f"/releases/{path.name}", path.read_bytes())
        assert owner.updater(f"http://127.0.0.1:{server.port}/releases/").install()
        assert ran(owner)
        server.serve(f"/releases/{manifest.NAME}", b"{" * 1_000_000)
        assert not owner.updater(f"http://127.0.0.1:{server.port}/releases").check()
        assert "larger than" in owner.status.problem
    assert not owner.updater("http://127.0.0.1:1/").check()
    assert "cannot be reached" in owner.status.problem


@needs_openssh
def test_a_release_on_any_usb_drive(owner: Owner) -> None:
    owner.release(tar({"install.sh": INSTALLS}))
    drive = owner.place.parent / "media/affetto/STICK/affetto-update"
    drive.parent.mkdir(parents=True)
    pattern = str(owner.place.parent / "media/*/*/affetto-update")
    assert not owner.updater(pattern).check()
    assert "plug in its drive" in owner.status.problem
    owner.source.rename(drive)
    assert owner.updater(pattern).check()


# --- No other way in --------------------------------------------------------------------------------------------------


def other_key(owner: Owner) -> None:
    stranger = owner.place.parent / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)], check=True)
    owner.sign(key=stranger)


def tampered(owner: Owner) -> None:
    path = owner.source / manifest.NAME
    path.write_text(path.read_text().replace("Quieter", "Louder"))


def garbage(owner: Owner) -> None:
    (owner.source / manifest.SIGNATURE).write_bytes(b"\xff" * 500)


def unsigned(owner: Owner) -> None:
    (owner.source / manifest.SIGNATURE).unlink()


def wrong_archive(owner: Owner) -> None:
    path = owner.source / "affetto-9.0.0.tar.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"\x55")


def longer_archive(owner: Owner) -> None:
    with (owner.source / "affetto-9.0.0.tar.gz").open("ab") as file:
        file.write(b"\0")


@needs_openssh
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (other_key, "is not signed"),
        (tampered, "is not signed"),
        (garbage, "is not signed"),
        (unsigned, "has no release.json.sig"),
        (lambda owner: owner.sign(namespace="git"), "is not signed"),
        (wrong_archive, "is damaged"),
        (longer_archive, "larger than"),
        (lambda owner: owner.public.write_text("hello"), "is not a public key"),
        (lambda owner: owner.public.unlink(), "cannot be read"),
        (lambda owner: owner.release(tar({"install.sh": INSTALLS}), "0.0.1"), "is not newer"),
        (lambda owner: owner.release(tar({"install.sh": INSTALLS}), __version__), "is not newer"),
        (lambda owner: owner.release(tar({"install.sh": INSTALLS}), archive="../../etc/passwd"), "is not a release"),
        (lambda owner: owner.release(tar({"install.sh": INSTALLS}), more=1), "is not a release"),
        (lambda owner: owner.release(tar({"install.sh": INSTALLS}), size=10**12), "is not a release"),
        (lambda owner: owner.release(tar({"README.md": "no installer"})), "has no install.sh"),
        (lambda owner: owner.release(b"no archive"), "cannot be unpacked"),
    ],
)
def test_whatever_is_wrong_is_refused_and_nothing_runs(
    owner: Owner, spoil: Callable[[Owner], None], words: str
) -> None:
    owner.release(tar({"install.sh": INSTALLS}))
    spoil(owner)
    assert not owner.updater().install()
    assert words in owner.status.problem
    assert not ran(owner)
    assert [path.name for path in owner.place.iterdir()] == ["status.json"]


@needs_openssh
def test_a_full_disk_ends_the_installation_with_a_sentence(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the device would say that it installs an update, and accept no other, until the next day."""

    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    owner.release(tar({"install.sh": INSTALLS}))
    monkeypatch.setattr(source, "copy", fill)
    assert not owner.updater().install()
    assert owner.status.progress is None
    assert "cannot be written: No space left on device." in owner.status.problem
    assert not ran(owner)
    assert [path.name for path in owner.place.iterdir()] == ["status.json"]


def test_a_key_of_options_is_no_key(tmp_path: Path) -> None:
    """Lines of authorized_keys can hold options; none of them may widen who signs."""
    path = tmp_path / "key.pub"
    path.write_text("* ssh-ed25519 AAAA\n")
    with pytest.raises(Refusal):
        signature.check(b"x", b"y", path)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "link", "pipe"])
def test_an_archive_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    path, folder = tmp_path / "a.tar", tmp_path / "folder"
    folder.mkdir()
    with tarfile.open(path, "w") as made:
        member = tarfile.TarInfo(name)
        if name in ("link", "pipe"):
            member.type = tarfile.SYMTYPE if name == "link" else tarfile.FIFOTYPE
            member.linkname = "/etc"
        made.addfile(member, io.BytesIO())
    with pytest.raises(Refusal):
        archive.unpack(path, folder)
    assert not (tmp_path / "evil").exists()
    assert list(folder.iterdir()) == []


def test_an_archive_that_swells_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_BYTES", 1000)
    path, folder = tmp_path / "a.tar.gz", tmp_path / "folder"
    folder.mkdir()
    path.write_bytes(tar({"install.sh": "x" * 2000}))
    with pytest.raises(Refusal, match="too large"):
        archive.unpack(path, folder)


@pytest.mark.parametrize(
    ("version", "than", "later"),
    [("0.2.0", "0.1.9", True), ("0.10.0", "0.9.0", True), ("1.0", "1.0.0", False), ("0.1.0", "0.1.0", False),
     ("", "0.1.0", False), ("0.1.0", "", True), ("1.0.0", "1.0.0.1", False)],
)  # fmt: skip
def test_versions_are_compared_as_numbers(version: str, than: str, later: bool) -> None:
    assert newer(version, than) is later


# --- From the wish to the request, and back ---------------------------------------------------------------------------


@needs_openssh
def test_the_service_answers_a_request_once(owner: Owner) -> None:
    owner.release(tar({"install.sh": INSTALLS}))
    requests, config = owner.place.parent / "run", owner.place.parent / "config.yaml"
    requests.mkdir()
    config.write_text(f"update:\n  source: {owner.source}\n  key: {owner.public}\n")
    assert service.main(requests, owner.place, config) == 0
    assert not ran(owner)  # it only looked
    with closing(UpdateWatcher(lambda _event: None, owner.place / "status.json", requests)) as watcher:
        watcher.request(install=True)
    assert service.main(requests, owner.place, config) == 0
    assert ran(owner)
    assert list(requests.iterdir()) == []


def test_a_refusal_is_an_answer_and_no_failure_of_the_service(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("update:\n  source: ''\n")
    assert service.main(tmp_path, tmp_path, config) == 0
    assert "update.source is empty" in status.read(tmp_path / "status.json").problem
    config.write_text("update:\n  sauce: ''\n")
    assert service.main(tmp_path, tmp_path, config) == 1  # nothing was answered


@pytest.fixture
def events() -> queue.SimpleQueue[Event]:
    return queue.SimpleQueue()


def test_the_watcher_tells_each_change_once(tmp_path: Path, events: queue.SimpleQueue[Event]) -> None:
    path = tmp_path / "status.json"
    with closing(UpdateWatcher(events.put, path, tmp_path, poll_s=0.01)) as watcher:
        watcher.start()
        assert events.get(timeout=5) == UpdateSeen(Update())
        status.write(Update("9.0.0", "New.", 7), path)
        assert events.get(timeout=5) == UpdateSeen(Update("9.0.0", "New.", 7))
        path.write_text('{"progress": "much"}')
        assert events.get(timeout=5) == UpdateSeen(Update())
        assert events.empty()
        assert watcher.alive


def test_home_assistant_sees_the_version_and_installs_it() -> None:
    room = Room(update={"source": "/media/*/*/affetto-update"})
    (state,) = said(room.tell(UP), "update/state")
    assert (state["installed_version"], state["latest_version"]) == (__version__, __version__)
    (state,) = said(room.tell(UpdateSeen(Update("9.0.0", "x" * 300))), "update/state")
    assert (state["latest_version"], state["in_progress"], len(state["release_summary"])) == ("9.0.0", False, 255)
    assert only(RequestUpdate, room.say("update", "install")) == [RequestUpdate(install=True)]
    (state,) = said(room.tell(UpdateSeen(Update("9.0.0", "", 40))), "update/state")
    assert (state["in_progress"], state["update_percentage"]) == (True, 40)
    (error,) = said(room.say("update", "install"), "error")
    assert error["message"] == "An update is being installed already."
    told = room.tell(UpdateSeen(Update("9.0.0", "", None, "Version 9.0.0 was not installed: it crashed.")))
    (event,) = said(told, "event")
    assert (event["event_type"], event["version"]) == ("update_failed", "9.0.0")
    assert only(RequestUpdate, room.say("update", "check")) == [RequestUpdate(install=False)]


@pytest.mark.parametrize("latest", ["", "0.0.1", __version__])
def test_nothing_older_is_offered_or_installed(latest: str) -> None:
    room = Room(update={"source": "/releases"})
    room.tell(UP, UpdateSeen(Update(latest)))
    assert only(RequestUpdate, room.say("update", "install")) == []
    (state,) = said(room.tell(UP), "update/state")
    assert state["latest_version"] == __version__


def test_without_a_source_nobody_installs_anything() -> None:
    room = Room()
    room.tell(UP, UpdateSeen(Update("9.0.0")))
    (error,) = said(room.say("update", "install"), "error")
    assert "update.source" in error["message"]
