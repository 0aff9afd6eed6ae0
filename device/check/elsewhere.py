"""Checks file servers and Bluetooth loudspeakers. It opens no share, because a dead server would block the check; it
asks the servers themselves."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

from device.check.finding import Finding, note, problem, well
from device.config.schema import MusicConfig, PlayerConfig
from device.config.shares import Share, parse_shares
from device.music.library.files import servers

MOUNTS = Path("/proc/self/mounts")
LIBRARIES = Path("/usr/lib")
ADAPTERS = Path("/sys/class/bluetooth")
BLUEALSA = re.compile(r"bluealsa(?::.*DEV=((?:[0-9A-F]{2}:){5}[0-9A-F]{2}))?", re.I)
ASK_S = 5.0


def shares(config: MusicConfig, silent: Collection[Share], mounts: Path = MOUNTS) -> Iterator[Finding]:
    """Check that every share has the program that mounts it, that its server answers (those of `silent` shares do
    not), and that systemd mounts it. A server may be off, so silence is no problem of this device: an update must not
    be taken back for it."""
    kinds = _kinds(mounts)
    for share in parse_shares(config.shares):
        if package := servers.missing_package(share):
            yield problem("library", f"{share.source} cannot be mounted without {package}", f"apt install {package}")
        elif share in silent:
            advice = f"switch {share.host} on, or correct music.shares"
            yield note("library", f"{share.source} does not answer", advice)
        else:
            yield _share(share, kinds.get(share.folder, ""))


def _share(share: Share, kind: str) -> Finding:
    if not kind:
        advice = "sudo systemctl restart affetto-shares; journalctl -u affetto-shares says more"
        return problem("library", f"{share.source} has no automount at {share.folder}", advice)
    if kind == "autofs":
        advice = f"if its music is missing, try: sudo ls {share.folder}; journalctl -n 20 says why it fails"
        return note("library", f"{share.source} answers, but is not mounted at {share.folder} now", advice)
    return well("library", f"{share.source} is at {share.folder}")


def _kinds(mounts: Path) -> dict[str, str]:
    """The kind of file system at each place, the topmost one."""
    lines = (line.split(" ") for line in mounts.read_text(errors="replace").splitlines())
    return {line[1].replace("\\040", " "): line[2] for line in lines if len(line) > 2}


def bluetooth(config: PlayerConfig, libraries: Path = LIBRARIES, adapters: Path = ADAPTERS) -> Iterator[Finding]:
    """If the sound goes to a Bluetooth loudspeaker through BlueALSA, check the way there."""
    found = BLUEALSA.match(config.device)
    if found is None:
        return
    if not any(libraries.glob("*/alsa-lib/libasound_module_pcm_bluealsa.so")):
        yield problem(
            "sound", "ALSA has no plugin for Bluetooth", "apt install bluez-alsa-utils libasound2-plugin-bluez"
        )
    elif not any(adapters.glob("hci*")):
        yield problem(
            "sound", "there is no Bluetooth adapter", "plug one in, or switch it on: rfkill unblock bluetooth"
        )
    elif found[1] is None:
        yield note("sound", "player.device names no loudspeaker", "write bluealsa:DEV=AA:BB:CC:DD:EE:FF,PROFILE=a2dp")
    else:
        yield _loudspeaker(found[1].upper())


def _loudspeaker(address: str) -> Finding:
    try:
        told = subprocess.run(
            ["bluetoothctl", "info", address], capture_output=True, text=True, timeout=ASK_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return problem("sound", "bluetoothctl does not answer", "systemctl status bluetooth says more")
    if "Connected: yes" in told:
        return well("sound", f"the loudspeaker {address} is connected")
    if "Paired: yes" in told:
        return problem("sound", f"the loudspeaker {address} is not connected", f"bluetoothctl connect {address}")
    return problem("sound", f"the loudspeaker {address} is not paired", f"bluetoothctl pair {address}")
