"""`tools/quantize.py --install`: a model goes to a device, which checks it, measures it, and takes it back if it fails.

The "device" is a copy of this program in a folder. Each test reaches it twice: over a real SSH server (skipped without
sshd or ssh), and through a local shell in place of ssh.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.quantising import install as quantize_install  # noqa: E402
from tools.quantising.compare import SLOWER_MS, SLOWER_SHARE  # noqa: E402
from tools.quantising.refusal import Code, NotInstalled  # noqa: E402

FLOAT = (ROOT / "models" / "emotion.tflite").read_bytes()
"""In place of the float model: just as fast as the int8 model, because it is the same."""

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
needs_sshd = pytest.mark.skipif(
    SSHD is None or shutil.which("ssh") is None, reason="sshd or ssh is missing (apt install openssh-server)"
)


@dataclass(frozen=True, slots=True)
class Device:
    """Somebody else's machine: how to reach it, and where its program lies."""

    host: str
    ssh: str
    models: Path

    def install(self, pair: Path) -> str:
        return quantize_install.install(self.host, pair / "emotion.tflite", pair / "emotion.json", FLOAT, ssh=self.ssh)

    def content(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.models.iterdir()}


@pytest.fixture(scope="module", params=["shell", pytest.param("sshd", marks=needs_sshd)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The `ssh` command that reaches the device."""
    folder = tmp_path_factory.mktemp("ssh")
    if request.param == "shell":
        shell = folder / "ssh"
        shell.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
        shell.chmod(0o755)
        yield str(shell)
    else:
        with real_server(folder) as words:
            yield words


@contextmanager
def real_server(folder: Path) -> Iterator[str]:
    """A real sshd on a free port of 127.0.0.1 that accepts one temporary key."""
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    shutil.copy(folder / "user.pub", folder / "allowed")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/allowed\n"
        f"PidFile none\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nUsePAM no\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd locks itself in before anybody is known
    assert SSHD is not None
    log = (folder / "log").open("wb")
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=log)
    try:
        wait_for(port, process, folder / "log")
        yield (
            f"ssh -p {port} -i {folder}/user -F none -o IdentitiesOnly=yes -o BatchMode=yes "
            f"-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={folder}/known"
        )
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server greets; it has no other way to say that it is ready."""
    end_s = time.monotonic() + 10
    while time.monotonic() < end_s:
        if process.poll() is not None:
            pytest.skip(f"sshd does not start here: {log.read_text().strip().splitlines()[-1:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as sock:
                if sock.recv(3) == b"SSH":
                    return
        except OSError:
            continue
    pytest.fail("sshd did not greet within 10 s")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The folder of the device's program."""
    home = tmp_path / "device's program"
    shutil.copytree(ROOT / "device", home / "device", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "models", home / "models")
    (home / ".venv" / "bin").mkdir(parents=True)
    python = home / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return home


@pytest.fixture
def device(server: str, program: Path) -> Device:
    return Device(f"{getpass.getuser()}@127.0.0.1:{program}", server, program / "models")


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A good model that is not the shipped one: its card has another version."""
    folder = tmp_path / "new"
    folder.mkdir()
    shutil.copy(ROOT / "models" / "emotion.tflite", folder)
    card = json.loads((ROOT / "models" / "emotion.json").read_text())
    (folder / "emotion.json").write_text(json.dumps(card | {"version": "mine"}))
    return folder


def test_a_good_model_is_installed(device: Device, pair: Path) -> None:
    before = device.content()
    said = device.install(pair)
    assert re.fullmatch(r"installed on \S+: [\d.]+ ms a face, [\d.]+ ms as float", said.splitlines()[-1])
    after = before | {"emotion.json": (pair / "emotion.json").read_bytes(), "own": b"emotion\n"}
    assert device.content() == after
    device.install(pair)
    assert device.content() == after


def test_a_model_that_the_device_refuses_changes_nothing(device: Device, pair: Path) -> None:
    content = bytearray((pair / "emotion.tflite").read_bytes())
    content[1000] ^= 1
    (pair / "emotion.tflite").write_bytes(content)
    before = device.content()
    with pytest.raises(
        NotInstalled, match=r"refuses the model \(.*is not the one that its card describes.*keeps the model"
    ):
        device.install(pair)
    assert device.content() == before


def test_a_model_that_the_device_measures_as_slower_changes_nothing(
    device: Device, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = f"{SLOWER_SHARE} {SLOWER_MS}"
    assert limits in quantize_install.UNPACK
    monkeypatch.setattr(quantize_install, "UNPACK", quantize_install.UNPACK.replace(limits, "0 -1000"))
    before = device.content()
    with pytest.raises(
        NotInstalled, match=r"int8 model takes [\d.]+ ms a face, the float model .*keeps the mod"
    ) as caught:
        device.install(pair)
    assert caught.value.code == Code.SLOWER
    assert device.content() == before


def test_a_folder_below_home(server: str, program: Path, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `--install pi@x:~/affetto` reaches the tool, whose shell leaves the tilde alone."""
    if "ssh -p" in server:
        pytest.skip("the real server decides on HOME itself")
    monkeypatch.setenv("HOME", str(program.parent))
    device = Device(f"pi@x:~/{program.name}", server, program / "models")
    assert "installed on" in device.install(pair)


def test_a_model_that_fails_in_its_place_is_taken_back(device: Device, pair: Path) -> None:
    """The device's program loads it from the folder of arrival, and breaks once it lies among the other models."""
    home = device.models.parent
    program = home / "device" / "perception" / "emotion.py"
    program.write_text(
        program.read_text()
        + '\n\ndef _break(models_dir, *, threads=1, load=EmotionClassifier.load):\n    if models_dir.name == "models" '
        'and "mine" in (models_dir / "emotion.json").read_text():\n        raise ModelError("It breaks here.")\n'
        "    return load(models_dir, threads=threads)\n\n\nEmotionClassifier.load = _break\n"
    )
    before = device.content()
    with pytest.raises(NotInstalled, match=r"failed in its place .*It breaks here.*keeps the model it had"):
        device.install(pair)
    assert device.content() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_who_may_not_write_there_does_it_with_sudo(program: Path, pair: Path, tmp_path: Path) -> None:
    """As on Raspberry Pi OS, whose first user is asked for no password; without sudo the device keeps what it has."""
    device, nobody = Device("", "", program / "models"), ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (program / ".venv/bin/python").write_text("#!/bin/sh\n")  # ours may lie where no other may look; content with it
    for path in (device.models, *device.models.iterdir()):
        os.chown(path, 65534, 65534)
    device.models.chmod(0o555)
    sudo = tmp_path / "sudo"

    def there(command: list[str], **how: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*nobody, "env", f"PATH={tmp_path}:/usr/bin:/bin", "sh", "-c", command[-1]], **how)

    def install() -> str:
        tflite, card = pair / "emotion.tflite", pair / "emotion.json"
        return quantize_install.install(f"pi@x:{program}", tflite, card, FLOAT, run=there)

    before = device.content()
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    with pytest.raises(NotInstalled, match=r"may not write to .*log in as a user who may"):
        install()
    assert device.content() == before
    sudo.write_text(f'#!/bin/sh\n[ "$1" = -n ] && shift\nchmod 755 "{device.models}"\nexec "$@"\n')
    assert install().startswith("installed on ")
    assert device.content()["emotion.json"] == (pair / "emotion.json").read_bytes()


def test_no_program_there(device: Device, pair: Path) -> None:
    elsewhere = Device(f"{device.host}-not", device.ssh, device.models)
    with pytest.raises(NotInstalled, match=r"there is no Affetto in .*--install .*:FOLDER"):
        elsewhere.install(pair)


@needs_sshd
def test_nobody_listens(device: Device, pair: Path) -> None:
    with socket.socket() as sock:  # bound and not listening: nobody else gets this port meanwhile
        sock.bind(("127.0.0.1", 0))
        words = f"ssh -F none -o BatchMode=yes -p {sock.getsockname()[1]}"
        with pytest.raises(NotInstalled, match=r"There is no connection to .*try `ssh"):
            Device(device.host, words, device.models).install(pair)


def test_no_ssh_here(pair: Path) -> None:
    with pytest.raises(NotInstalled, match="no-such-ssh cannot be started"):
        quantize_install.install("host", pair / "emotion.tflite", pair / "emotion.json", FLOAT, ssh="no-such-ssh")
