"""The wall, tried from within: a program in the place of the eye, and of the conductor, tries what they must not do.

The units are the real ones; a drop-in in /run replaces nothing but the program (and, for the conductor, that systemd
waits for it to say that it is ready). The camera's nodes are everybody's meanwhile, so that the unit refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tools.vm.stage import PYTHON, Stage
from tools.vm.table import Row, equal, within

MOST_EXPOSED = {"affetto-eye.service": 1.5, "affetto.service": 2.5}
PROBE = r"""
import glob, json, os, re, resource, socket
def tries(words, attempt):
    done = []
    for word in words:
        try:
            attempt(word)
            done.append(word)
        except OSError:
            pass
    return done
def write(folder):
    path = os.path.join(folder, f"probe-{os.getpid()}")
    with open(path, "w") as file:
        file.write("x")
    os.unlink(path)
def connect(address):
    socket.create_connection(address.rsplit(":", 1), 3).close()
families = ["AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_BLUETOOTH", "AF_VSOCK"]
folders = ["/", "/boot", "/boot/firmware", "/dev", "/dev/shm", "/etc", "/etc/affetto", "/home", "/media", "/opt",
           "/root", "/run", "/run/affetto", "/run/affetto-conductor", "/srv", "/srv/music", "/sys", "/tmp", "/usr",
           "/var", "/var/lib", "/var/lib/affetto", "/var/tmp"]
nodes = sorted(glob.glob("/dev/video*") + glob.glob("/dev/media*") + glob.glob("/dev/snd/pcm*") + glob.glob("/dev/vd*")
               + glob.glob("/dev/mem") + glob.glob("/dev/kmsg") + glob.glob("/dev/tty0"))
status = open("/proc/self/status").read()
print("PROBE " + json.dumps({
    "families": tries(families, lambda name: socket.socket(
        getattr(socket, name), socket.SOCK_RAW if name in ("AF_NETLINK", "AF_PACKET") else socket.SOCK_DGRAM).close()),
    "links": [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line],
    "reached": tries(["10.0.2.2:22", "10.0.2.3:53"], connect),
    "written": tries(folders, write),
    "opened": tries(nodes, lambda name: os.close(os.open(name, os.O_RDWR | os.O_NONBLOCK))),
    "nodes": nodes,
    "capabilities": sorted(set(re.findall(r"^Cap\w+:\s*(\w+)$", status, re.M))),
    "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
    "network": os.readlink("/proc/self/ns/net"),
    "uid": os.getuid(),
}), flush=True)
"""
RUN = """
mkdir -p /run/systemd/system/{unit}.d
printf '[Service]\\nType=oneshot\\nRestart=no\\nExecStart=\\nExecStart={python} /srv/probe.py\\n' \
    >/run/systemd/system/{unit}.d/probe.conf
systemctl daemon-reload
systemctl stop affetto.service affetto-eye.service
chmod 666 /dev/video* /dev/media* 2>/dev/null || true
systemctl start {unit} || true
chmod 660 /dev/video* /dev/media* 2>/dev/null || true
rm -r /run/systemd/system/{unit}.d
systemctl daemon-reload
journalctl --sync
journalctl -b -u {unit} -o cat -q --no-pager | grep '^PROBE ' | tail -n 1
"""


def exposure(stage: Stage) -> Iterator[Row]:
    """systemd-analyze security"""
    for unit, most in MOST_EXPOSED.items():
        text = stage.shell(f"systemd-analyze security {unit} --no-pager | tail -n 2")
        yield within(f"systemd-analyze security {unit}", level(text), "of 10", most)


def walls(stage: Stage) -> Iterator[Row]:
    """What the eye and the conductor cannot do"""
    stage.shell.put(PROBE.encode(), "/srv/probe.py")
    home = stage.shell("readlink /proc/1/ns/net")
    try:
        eye, conductor = (probe(stage, unit) for unit in ("affetto-eye.service", "affetto.service"))
    finally:
        stage.shell("systemctl start affetto.service; rm -f /srv/probe.py", patience_s=300)
    video = [name for name in eye["nodes"] if name.startswith(("/dev/video", "/dev/media"))]
    yield equal("eye: address families that can be had", listed(eye["families"]), "AF_UNIX")
    yield equal("eye: links of its own network", listed(eye["links"]), "lo")
    yield Row("eye: network", "its own" if eye["network"] != home else "everybody's", "its own", eye["network"] != home)
    yield equal("eye: folders that can be written", listed(eye["written"]), "none")
    yield equal("eye: devices that open", listed(eye["opened"]), listed(video))
    yield Row("eye: user", str(eye["uid"]), "a dynamic one", 61184 <= eye["uid"] <= 65519)
    for name, found in (("eye", eye), ("conductor", conductor)):
        yield equal(f"{name}: capabilities", listed(found["capabilities"]), "0" * 16)
        yield equal(f"{name}: largest core dump", f"{found['core']} bytes", "0 bytes")
    opened = [one for one in conductor["opened"] if one in video]
    yield equal("conductor: cameras that open, nodes open to everybody", listed(opened), "none")
    others = [one for one in conductor["opened"] if not one.startswith(("/dev/snd/", "/dev/video", "/dev/media"))]
    yield equal("conductor: other devices that open but sound", listed(others), "none")
    yield equal("conductor: folders that can be written", listed(conductor["written"]), listed(CONDUCTORS))


CONDUCTORS = ["/dev/shm", "/run/affetto-conductor", "/tmp", "/var/lib/affetto", "/var/tmp"]


def probe(stage: Stage, unit: str) -> dict[str, Any]:
    """What the program in the place of `unit` could do."""
    found: dict[str, Any] = json.loads(stage.shell(RUN.format(unit=unit, python=PYTHON)).removeprefix("PROBE "))
    return found


def level(text: str) -> float:
    """The figure that `systemd-analyze security` ends with; nan if there is none."""
    found = re.search(r"exposure level for \S+: ([0-9.]+)", text)
    return float(found[1]) if found else float("nan")


def listed(words: list[str]) -> str:
    return ", ".join(words) or "none"
