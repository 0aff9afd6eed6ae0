"""What `affetto check` says of file servers and Bluetooth loudspeakers."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from device.check import elsewhere
from device.check.finding import Verdict
from device.config.schema import MusicConfig, PlayerConfig
from device.config.shares import parse_shares
from device.music.library.files import servers

SHARE = replace(MusicConfig(), shares=("smb://nas/my%20music",))
SPEAKER = replace(PlayerConfig(), output="alsa", device="bluealsa:DEV=00:11:22:aa:bb:cc,PROFILE=a2dp")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(servers, "SBIN", str(folder))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def program(path: Path, says: str = "") -> None:
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("mounts", "verdict", "words"),
    [
        ("", Verdict.PROBLEM, "//nas/my music has no automount at /media/affetto/my music"),
        ("systemd-1 /media/affetto/my\\040music autofs rw 0 0\n", Verdict.NOTE, "answers, but is not mounted at"),
        ("x /media/affetto/my\\040music autofs rw 0 0\n//nas/my\\040music /media/affetto/my\\040music cifs ro 0 0\n",
         Verdict.WELL, "//nas/my music is at /media/affetto/my music"),
    ],
)  # fmt: skip
def test_shares(tmp_path: Path, programs: Path, mounts: str, verdict: Verdict, words: str) -> None:
    (tmp_path / "mounts").write_text(mounts)
    (share,) = parse_shares(SHARE.shares)
    (missing,) = elsewhere.shares(SHARE, (), tmp_path / "mounts")
    assert (missing.verdict, missing.advice) == (Verdict.PROBLEM, "apt install cifs-utils")
    program(programs / "mount.cifs")
    (silent,) = elsewhere.shares(SHARE, (share,), tmp_path / "mounts")
    assert (silent.verdict, silent.words) == (Verdict.NOTE, "//nas/my music does not answer")
    assert "switch nas on" in silent.advice
    (found,) = elsewhere.shares(SHARE, (), tmp_path / "mounts")
    assert found.verdict is verdict
    assert words in found.words
    assert list(elsewhere.shares(MusicConfig(), (), tmp_path / "mounts")) == []


@pytest.mark.parametrize(
    ("told", "verdict", "words"),
    [
        ("Paired: yes\nConnected: yes", Verdict.WELL, "is connected"),
        ("Paired: yes\nConnected: no", Verdict.PROBLEM, "is not connected"),
        ("Device 00:11:22:AA:BB:CC not available", Verdict.PROBLEM, "is not paired"),
    ],
)
def test_bluetooth(tmp_path: Path, programs: Path, told: str, verdict: Verdict, words: str) -> None:
    def check(config: PlayerConfig) -> list:
        return list(elsewhere.bluetooth(config, tmp_path, tmp_path / "bluetooth"))

    assert check(PlayerConfig()) == []
    assert "bluez-alsa-utils" in check(SPEAKER)[0].advice
    plugin = tmp_path / "aarch64-linux-gnu" / "alsa-lib"
    plugin.mkdir(parents=True)
    (plugin / "libasound_module_pcm_bluealsa.so").touch()
    assert "no Bluetooth adapter" in check(SPEAKER)[0].words
    (tmp_path / "bluetooth" / "hci0").mkdir(parents=True)
    assert "DEV=" in check(replace(SPEAKER, device="bluealsa"))[0].advice
    program(programs / "bluetoothctl", told)
    (found,) = check(SPEAKER)
    assert found.verdict is verdict
    assert words in found.words


def test_a_bluetooth_service_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert elsewhere._loudspeaker("00:11:22:AA:BB:CC").words == "bluetoothctl does not answer"
