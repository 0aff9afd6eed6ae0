"""The systemd units: systemd understands them, and they build the wall between camera and network."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from device.config.files import SECRETS

UNITS = Path(__file__).resolve().parent.parent / "systemd"
ENDINGS = (".target", ".service", ".socket", ".timer", ".path")
NAMES = sorted(path.name for path in UNITS.iterdir() if path.suffix in ENDINGS)
# At most so exposed by systemd's own count, from 0 (best) to 10.
EXPOSURE = {
    "affetto.service": 2.5,
    "affetto-boot.service": 2.5,
    "affetto-eye.service": 1.5,
    "affetto-scan@.service": 1.5,
    "affetto-page.service": 2.0,
    "affetto-settings@.service": 2.5,
    "affetto-watchdog.service": 1.5,
    "affetto-shares.service": 2.5,
}

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def settings(name: str) -> dict[str, list[str]]:
    """Every setting of a unit with all its values: a unit may name a setting more than once."""
    found = defaultdict(list)
    for line in (UNITS / name).read_text("utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key].append(value)
    return found


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with a program that exists, since systemd looks whether it does."""
    for name in NAMES:
        lines = (UNITS / name).read_text("utf-8").splitlines()
        runnable = [re.sub(r"^(Exec\w+=)[-+]?/opt/affetto/\S+", r"\1/bin/true", line) for line in lines]
        (tmp_path / name).write_text("\n".join(runnable) + "\n")
    return tmp_path


@needs_systemd
def test_systemd_understands_the_units(units: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(units / name for name in NAMES)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("name", EXPOSURE)
def test_services_are_little_exposed(units: Path, name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=true", units / name], capture_output=True, text=True
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE[name]


def test_the_eye_has_no_network_and_nowhere_to_write() -> None:
    eye = settings("affetto-eye.service")
    assert eye["PrivateNetwork"] == ["yes"]
    assert eye["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert eye["ProtectSystem"] == ["strict"]
    assert not any(key.endswith("Directory") or key == "ReadWritePaths" for key in eye)
    assert eye["InaccessiblePaths"] == ["-/dev/shm -/dev/mqueue"]
    assert eye["LimitCORE"] == ["0"]
    assert eye["MemorySwapMax"] == ["0"]


def test_devices_are_shared_out() -> None:
    eye, conductor = settings("affetto-eye.service"), settings("affetto.service")
    assert eye["DevicePolicy"] == conductor["DevicePolicy"] == ["closed"]
    switch = "/dev/input/affetto-camera r"  # both ask it, and neither believes the other
    assert conductor["DeviceAllow"] == ["char-alsa rw", switch]
    assert "char-video4linux rw" in eye["DeviceAllow"]
    assert set(conductor["DeviceAllow"]) & set(eye["DeviceAllow"]) == {switch}
    assert "ProtectClock" not in eye  # it would close /dev/video* too


def test_the_eye_is_started_by_a_connection_only() -> None:
    assert "Install" not in (UNITS / "affetto-eye.service").read_text("utf-8")
    wanted = " ".join(settings("affetto.target")["Wants"]).split()
    assert {"affetto.service", "affetto-eye.socket"} <= set(wanted)
    assert "affetto-eye.service" not in wanted


def test_systemd_watches_the_conductor() -> None:
    conductor = settings("affetto.service")
    assert conductor["Type"] == ["notify"]
    assert conductor["Restart"] == ["always"]
    assert 2 <= float(conductor["WatchdogSec"][0]) <= 60  # the daemon gives a sign of life each second


def test_the_analysis_is_behind_everything_and_sees_only_music() -> None:
    scan = settings("affetto-scan@.service")
    assert (scan["CPUWeight"], scan["CPUSchedulingPolicy"], scan["IOSchedulingClass"]) == (["idle"], ["idle"], ["idle"])
    assert (scan["PrivateNetwork"], scan["PrivateDevices"], scan["ProtectSystem"]) == (["yes"], ["yes"], ["strict"])
    assert {"-/etc/affetto", "-/var/lib/affetto"} <= set(scan["InaccessiblePaths"][0].split())
    assert scan["ExecStart"][0].endswith(" --fd 3")  # where sd_listen_fds(3) puts the connection
    assert settings("affetto-scan.socket")["Accept"] == ["yes"]


def test_music_comes_first() -> None:
    music, seeing = settings("affetto.service")["CPUWeight"], settings("affetto-eye.service")["CPUWeight"]
    assert int(music[0]) >= 4 * int(seeing[0])


def test_the_conductor_is_told_of_both_sockets() -> None:
    words = settings("affetto.service")["ExecStart"][0].split()
    for option, unit in (("--eye-socket", "affetto-eye.socket"), ("--scan-socket", "affetto-scan.socket")):
        assert [words[words.index(option) + 1]] == settings(unit)["ListenStream"]
        assert settings(unit)["SocketGroup"] == settings("affetto.service")["Group"]


def test_the_page_has_no_device_and_nowhere_to_write() -> None:
    page = settings("affetto-page.service")
    assert (page["DevicePolicy"], page["PrivateDevices"], page["ProtectSystem"]) == (["closed"], ["yes"], ["strict"])
    assert "DeviceAllow" not in page
    assert "SupplementaryGroups" not in page  # neither video nor audio
    assert page["DynamicUser"] == ["yes"]  # not the user who owns the database
    assert page["AmbientCapabilities"] == page["CapabilityBoundingSet"] == ["CAP_NET_BIND_SERVICE"]
    assert not any(key.endswith("Directory") or key == "ReadWritePaths" for key in page)
    assert "affetto-page.service" in settings("affetto.target")["Wants"][0].split()
    assert "affetto-page.service" not in " ".join(settings("affetto.service").get("Wants", []))


def test_the_settings_helper_has_no_network_and_writes_only_settings() -> None:
    helper, socket = settings("affetto-settings@.service"), settings("affetto-settings.socket")
    assert (helper["PrivateNetwork"], helper["ProtectSystem"]) == (["yes"], ["strict"])
    assert helper["ReadWritePaths"] == ["/etc/affetto"]
    assert (socket["SocketMode"], socket["SocketGroup"]) == (["0660"], settings("affetto-page.service")["Group"])
    assert socket["ListenStream"] == ["/run/affetto/settings.sock"]
    assert "affetto-settings.socket" in settings("affetto.target")["Wants"][0].split()


def test_the_password_is_the_conductors_alone() -> None:
    """As device/config/files.py looks for it, and a service without any starts, too."""
    conductor, eye = settings("affetto.service"), settings("affetto-eye.service")
    assert conductor["LoadCredential"] == [f"{SECRETS}:/etc/affetto/{SECRETS}"]
    assert conductor["SetCredential"] == [SECRETS + ":{}"]
    assert "LoadCredential" not in eye


def test_the_boot_partition_is_read_before_the_conductor_and_cannot_hold_it_up() -> None:
    conductor, boot = settings("affetto.service"), settings("affetto-boot.service")
    assert "affetto-boot.service" in conductor["Wants"][0].split()
    assert "affetto-boot.service" in conductor["After"][0].split()
    assert "Requires" not in conductor
    assert boot["Type"] == ["oneshot"]
