"""install.sh on a Debian that has booted: install, again, the wall, upgrade, failed upgrade, power cut, uninstall.

Takes minutes and root, so it runs only where it is asked for (see container.py for the root folder; WHEELS is what
`pip download` fetched with that Debian's Python, without it the network is used):

    AFFETTO_BOOT_ROOT=ROOT AFFETTO_BOOT_WHEELS=WHEELS pytest tests/test_install_booted.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from device.setup import release  # noqa: E402
from tests.container import Container  # noqa: E402

BASE = os.environ.get("AFFETTO_BOOT_ROOT", "")
WHEELS = os.environ.get("AFFETTO_BOOT_WHEELS", "")
pytestmark = [
    pytest.mark.skipif(not BASE, reason="no Debian to boot was named (AFFETTO_BOOT_ROOT)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="booting a Debian takes root"),
]
CLONE = "/root/affetto"
OFFLINE = ("--offline", "/wheels") if WHEELS else ()
LEFT = "find /etc /opt /var/lib /usr/local /srv /media -name '*affetto*'; getent passwd affetto || true"


@pytest.fixture(scope="module")
def machine() -> Iterator[Container]:
    folder = Path(tempfile.mkdtemp(prefix="affetto-boot-", dir="/var/tmp"))
    one = Container(Path(BASE), folder, Path(WHEELS) if WHEELS else None)
    try:
        put_clone(one)
        one.boot()
        yield one
    finally:
        one.close()


def put_clone(machine: Container) -> None:
    """This working copy, before the machine boots."""
    for name, (content, mode) in release.contents(ROOT).items():
        path = machine.folder / "upper" / CLONE[1:] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    (machine.folder / "upper/root").chmod(0o700)
    boot = machine.folder / "upper/boot"
    boot.mkdir(exist_ok=True)
    (boot / "affetto.yaml").write_text("# Nothing is changed here.\n")


def install(machine: Container, *words: str) -> subprocess.CompletedProcess[str]:
    return machine.run(f"{CLONE}/install.sh", *words)


def edit(machine: Container, path: str, before: str, after: str) -> None:
    """In the clone; as a new version of the program would."""
    machine.shell(f"cat >/tmp/edit.sed <<'END'\ns/{before}/{after}/\nEND\nsed -i -f /tmp/edit.sed {CLONE}/{path}")


def shown(machine: Container, unit: str, name: str) -> str:
    return machine.shell(f"systemctl show -P {name} {unit}")


def current(machine: Container) -> str:
    return machine.shell("basename $(readlink -f /opt/affetto/current)")


def test_before_anything_check_and_upgrade_say_so(machine: Container) -> None:
    assert machine.shell(LEFT) == CLONE.replace("/root/affetto", "")  # nothing
    done = install(machine, "--check")
    assert (done.returncode, "not installed here" in done.stdout) == (1, True)
    done = install(machine, "--upgrade", *OFFLINE)
    assert (done.returncode, "nothing to upgrade" in done.stderr) == (1, True)
    assert machine.shell(LEFT) == ""


def test_one_command_from_a_clone_to_a_service(machine: Container) -> None:
    done = install(machine, "--install", *OFFLINE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Next steps" in done.stdout
    assert shown(machine, "affetto.service", "ActiveState") == "active"
    assert shown(machine, "affetto-eye.socket", "ActiveState") == "active"
    assert shown(machine, "affetto-eye.service", "ActiveState") == "inactive"  # nobody has consented to a camera
    assert machine.shell("systemctl is-enabled affetto.target") == "enabled"
    assert machine.shell("getent passwd affetto").endswith(":/var/lib/affetto:/usr/sbin/nologin")
    assert machine.shell("stat -c '%a %U %G' /etc/affetto/config.yaml /var/lib/affetto /srv/music") == (
        "640 root affetto\n750 affetto affetto\n755 root root"
    )
    assert machine.shell("grep -c '/media/' /etc/affetto/config.yaml")
    assert machine.shell("cd / && affetto --version").startswith("affetto ")


def test_again_it_changes_nothing(machine: Container) -> None:
    machine.shell("echo '# mine' >>/etc/affetto/config.yaml")
    pid = shown(machine, "affetto.service", "MainPID")
    done = install(machine, "--install", *OFFLINE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert shown(machine, "affetto.service", "MainPID") == pid
    assert machine.shell("tail -n 1 /etc/affetto/config.yaml") == "# mine"
    assert len(machine.shell("ls /opt/affetto/releases").split()) == 1


PAGE = r"""
python3 - <<'END'
import http.client, json, re, subprocess, time
def told(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout
pin = re.search(r"PIN: (\d+)", open("/boot/affetto-page.txt").read())[1]
ports = re.findall(r"\(port (\d+)\)", told("journalctl", "-u", "affetto-page", "-o", "cat", "--no-pager"))
def ask(method, path, body=None, cookie=""):
    line = http.client.HTTPConnection("127.0.0.1", int(ports[-1]), timeout=30)
    host = "127.0.0.1" if ports[-1] == "80" else f"127.0.0.1:{ports[-1]}"
    sent = {"Host": host, "Origin": f"http://{host}", "Content-Type": "application/json", "Cookie": cookie}
    line.request(method, path, None if body is None else json.dumps(body), sent)
    answer = line.getresponse()
    return answer.status, answer.getheader("Set-Cookie") or "", answer.read()
def up():
    try:
        return ask("GET", "/api/me")[0] == 200
    except OSError:
        return False
owner = ask("POST", "/api/login", {"secret": pin})[1].partition(";")[0]
print("stranger", ask("GET", "/api/settings")[0])
before = open("/etc/affetto/config.yaml").read().splitlines()
changed = json.loads(ask("POST", "/api/settings", {"change": {"player.max_volume": 61}}, owner)[2])
after = open("/etc/affetto/config.yaml").read().splitlines()
print("changed", changed["ok"], len(before) == len(after), [two for one, two in zip(before, after) if one != two])
status, _, backup = ask("GET", "/api/backup", None, owner)
pid = told("systemctl", "show", "-P", "MainPID", "affetto")
print("restart", json.loads(ask("POST", "/api/restart", {}, owner)[2])["ok"])
for _ in range(300):
    if told("systemctl", "show", "-P", "MainPID", "affetto") != pid and "at most 61" in told("affetto", "status"):
        print("in force")
        break
    time.sleep(0.2)
while not up():  # the page restarts, too
    time.sleep(0.2)
print("restored", json.loads(ask("POST", "/api/restore", {"backup": backup.decode()}, owner)[2])["ok"])
END
"""


def test_the_page_and_its_settings_work_behind_their_walls(machine: Container) -> None:
    """The PIN is on the boot partition at the first start; a change of the owner reaches the conductor."""
    told = machine.shell(PAGE)
    assert "stranger 401" in told
    assert "changed True True ['  max_volume: 61']" in told
    assert "restart True\nin force\nrestored True" in told
    assert machine.shell("stat -c '%a %U %G' /var/lib/affetto/page.json") == "640 affetto affetto"


DEVICES = """
mknod -m 666 /dev/video0 c 81 0
mknod -m 666 /dev/media0 c 510 0
python3 - <<END
import os
def tried():
    for name in ("video0", "media0", "null"):
        try:
            os.close(os.open("/dev/" + name, os.O_RDWR))
            print(name, "opens")
        except OSError as error:
            print(name, error.strerror)
tried()
open("/sys/fs/cgroup$(systemctl show -P ControlGroup affetto.service)/cgroup.procs", "w").write(str(os.getpid()))
os.setuid($(id -u affetto))
tried()
END
rm /dev/video0 /dev/media0
"""


def test_no_camera_opens_within_the_conductors_walls(machine: Container) -> None:
    """Anybody may open these nodes by their permissions. No driver is behind them, which is what one is told who is let
    through; who is not is told earlier."""
    outside, inside = machine.shell(DEVICES).splitlines()[:3], machine.shell(DEVICES).splitlines()[3:]
    nobody = "No such device or address"
    assert outside == [f"video0 {nobody}", f"media0 {nobody}", "null opens"]
    assert inside == ["video0 Operation not permitted", "media0 Operation not permitted", "null opens"]


def test_the_conductor_has_no_capabilities_and_leaves_no_core(machine: Container) -> None:
    pid = shown(machine, "affetto.service", "MainPID")
    status = machine.shell(f"cat /proc/{pid}/status")
    assert set(re.findall(r"^Cap(?:Inh|Prm|Eff|Bnd|Amb):\s*(\w+)$", status, re.M)) == {"0" * 16}
    assert re.search(r"^NoNewPrivs:\s*1$", status, re.M)
    assert re.search(r"^Max core file size\s+0\s+0\s", machine.shell(f"cat /proc/{pid}/limits"), re.M)


EYE = """
config=/etc/affetto/config.yaml
mkdir -p /srv/faces
[ -e /srv/faces/0.pgm ] || for i in 0 1 2 3; do printf 'P5 320 240 255\\n' >/srv/faces/$i.pgm
    head -c 76800 /dev/zero >>/srv/faces/$i.pgm; done
sed -i 's|enabled: false|enabled: true|; s|source: "auto"|source: "/srv/faces"|' $config
systemctl stop affetto
rm -f /var/lib/affetto/state.db*
systemctl start affetto
for i in $(seq 100); do pid=$(systemctl show -P MainPID affetto-eye.service); [ "$pid" = 0 ] || break; sleep 0.1; done
[ "$pid" != 0 ]
sleep 2
cat /proc/$pid/status | grep -E '^(Cap|NoNewPrivs|Seccomp:)'
echo "uid $(stat -c %u /proc/$pid)"
nsenter -t $pid -n sh -c 'echo "links $(ls /sys/class/net | wc -l)"; echo "lines $(wc -l </proc/net/route)"' || true
[ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/1/ns/net)" ] && echo "own network"
nsenter -t $pid -m sh -c 'for d in / /etc /tmp /var/tmp /var/lib /run /srv /dev/shm; do
    touch $d/x 2>/dev/null && echo "writes in $d"; done; ls /home /root | wc -l; true'
"""


def test_the_eye_has_no_network_and_nowhere_to_write(machine: Container) -> None:
    """Started by the conductor's connection, through the real units; its pictures come from a folder."""
    told = machine.shell(EYE)
    assert "own network" in told
    assert "writes in" not in told  # not even as root, with the eye's view of the files
    assert set(re.findall(r"^Cap\w+:\s*(\w+)$", told, re.M)) == {"0" * 16}
    assert re.search(r"^uid (6\d{4})$", told, re.M)  # a dynamic user, of nobody's
    machine.shell(
        "systemctl stop affetto; for i in $(seq 20); do [ $(systemctl show -P MainPID affetto-eye) = 0 ] "
        "&& exit 0; sleep 0.1; done; exit 1"
    )  # camera off: gone within 2 s
    machine.shell("sed -i 's|enabled: true|enabled: false|' /etc/affetto/config.yaml; rm -f /var/lib/affetto/state.db*")
    machine.shell("systemctl start affetto")


SCAN = """
python3 - <<END
import math, struct, wave
with wave.open("/srv/music/tone.wav", "wb") as file:
    file.setparams((1, 2, 22050, 0, "NONE", ""))
    for second in range(60):
        file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(i * .06))) for i in range(22050)))
END
systemctl restart affetto
for i in $(seq 300); do
    unit=$(systemctl list-units 'affetto-scan@*' --no-legend --plain | cut -d' ' -f1)
    [ -z "$unit" ] || pid=$(systemctl show -P MainPID $unit)
    ! grep -qs worker_main /proc/${pid:-0}/cmdline || break # until its walls stand, it is still systemd's code
    sleep 0.1
done
[ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/1/ns/net)" ] && echo "own network"
chrt -p $pid
nsenter -t $pid -m sh -c 'ls /etc/affetto /var/lib/affetto; ls /srv/music'
for i in $(seq 600); do python3 -c "
import sqlite3
tables = sqlite3.connect('file:/var/lib/affetto/catalogue.db?mode=ro', uri=True)
found = tables.execute('SELECT problem, valence FROM sounds').fetchone()
found and print('heard', found)
exit(not found)" 2>/dev/null && break; sleep 0.1; done
systemctl stop affetto
for i in $(seq 100); do  # it ends when nobody is at the other end any more, as soon as it has the processor
    left=$(systemctl list-units 'affetto-scan@*' --no-legend --plain | wc -l)
    [ "$left" != 0 ] || break
    sleep 0.1
done
echo "left $left"
systemctl start affetto
"""


def test_music_is_analysed_by_a_service_that_waits_for_everybody(machine: Container) -> None:
    told = machine.shell(SCAN)
    assert "own network" in told
    assert "SCHED_IDLE" in told
    assert "config.yaml" not in told
    assert "state.db" not in told
    assert "tone.wav" in told
    assert re.search(r"heard \('', -?[0-9.e-]+\)", told), told
    assert "left 0" in told


def test_a_newer_version_takes_over(machine: Container) -> None:
    before = current(machine)
    edit(machine, "device/__init__.py", "__version__ = .*", '__version__ = "9.1.0"')
    done = install(machine, "--upgrade", *OFFLINE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert current(machine).startswith("9.1.0-")
    assert set(machine.shell("ls /opt/affetto/releases").split()) == {before, current(machine)}
    command = machine.shell("tr '\\0' ' ' </proc/$(systemctl show -P MainPID affetto)/cmdline")
    assert command.startswith(f"/opt/affetto/releases/{current(machine)}/")


def test_a_version_that_does_not_come_up_is_taken_back(machine: Container) -> None:
    before = current(machine)
    machine.shell(f"cp -a {CLONE} /root/good")
    edit(machine, "device/__init__.py", "__version__ = .*", '__version__ = "9.2.0"')
    edit(machine, "device/conductor.py", "^TICK_S = .*", "TICK_S = broken_on_purpose")
    done = install(machine, "--upgrade", *OFFLINE)
    assert done.returncode == 1
    assert "9.2.0" in done.stdout
    assert "does not run properly" in done.stdout
    assert "broken_on_purpose" in done.stdout  # the end of its journal
    assert f"Returned to Affetto {before}, which is running." in done.stdout
    assert current(machine) == before
    assert shown(machine, "affetto.service", "ActiveState") == "active"
    machine.shell(f"rm -r {CLONE} && mv /root/good {CLONE}")


def test_it_starts_by_itself_after_a_power_cut(machine: Container) -> None:
    machine.halt()
    machine.boot()
    machine.shell("for i in $(seq 300); do systemctl -q is-active affetto && exit 0; sleep 0.2; done; exit 1")


def test_uninstall_keeps_what_is_yours_and_purge_does_not(machine: Container) -> None:
    machine.shell("echo song >/srv/music/song.mp3")
    done = install(machine, "--uninstall")
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.run("systemctl", "is-active", "affetto.service").stdout.strip() == "inactive"
    assert machine.run("systemctl", "list-unit-files", "affetto*", "--no-legend").stdout == ""
    left = machine.shell(LEFT).splitlines()
    assert {"/etc/affetto", "/var/lib/affetto"} <= set(left)
    assert not any(line.startswith(("/opt", "/etc/systemd", "/etc/udev", "/usr/local")) for line in left)
    assert machine.shell("tail -n 1 /etc/affetto/config.yaml") == "# mine"
    done = install(machine, "--uninstall", "--purge")
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.shell(LEFT) == ""
    assert machine.shell("cat /srv/music/song.mp3") == "song"
