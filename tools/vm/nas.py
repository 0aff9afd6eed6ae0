"""A file server beside the device: real Samba and the kernel's NFS server, in a network namespace of the same machine.

A veth pair is the cable between the two. Whoever pulls it (`unplug`) has a server that is off or out of reach; a Samba
that is stopped with SIGSTOP (`freeze`) keeps its connections, but answers nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from tools.vm.shell import Shell

SERVER, USER, PASSWORD = "10.9.0.2", "ada", "Se,sam#4712"
SMB, NFS = f"smb://{SERVER}/music", f"nfs://{SERVER}/srv/nas/nfs"
SMB_FOLDER, NFS_FOLDER = "/media/affetto/music", "/media/affetto/nfs"
SONGS = 3  # on each share
Act = Callable[[Shell], None]
CABLE = "/usr/local/sbin/nas-cable"
FILES = {
    # the cable is there from the start, and nobody at its end
    CABLE: """#!/bin/sh
set -eu
ip netns add nas
ip link add nas0 type veth peer name eth0 netns nas
ip addr add 10.9.0.1/24 dev nas0
ip link set nas0 up
ip -n nas link set lo up
ip -n nas addr add 10.9.0.2/24 dev eth0
""",
    "/etc/systemd/system/nas-cable.service": f"""[Unit]
DefaultDependencies=no
After=systemd-modules-load.service
Before=network-pre.target affetto-shares.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={CABLE}
[Install]
WantedBy=sysinit.target
""",
    "/etc/systemd/network/10-nas.network": "[Match]\nName=nas0\n\n[Link]\nUnmanaged=yes\n",
    "/etc/nas/smb.conf": """[global]
server role = standalone server
map to guest = never
disable netbios = yes
smb ports = 445
load printers = no
pid directory = /run/nas
lock directory = /run/nas
state directory = /var/lib/nas
cache directory = /var/lib/nas
private dir = /var/lib/nas
ncalrpc dir = /run/nas/ncalrpc
log file = /run/nas/log
[music]
path = /srv/nas/smb
read only = yes
valid users = ada
""",
    # NFS 4 alone needs neither rpcbind nor statd; its servers belong to the namespace in which /proc/fs/nfsd is mounted
    "/usr/local/sbin/nas-nfs": """#!/bin/sh
set -eu
mkdir -p /run/nas/nfs/v4recovery /run/nas/nfs/nfsdcltrack
touch /run/nas/nfs/etab /run/nas/nfs/rmtab
mount --bind /run/nas/nfs /var/lib/nfs
mount -t nfsd nfsd /proc/fs/nfsd
exportfs -o ro,insecure,no_subtree_check '*:/srv/nas/nfs'
rpc.mountd --foreground --no-nfs-version 3 &
rpc.nfsd --no-nfs-version 3 --grace-time 10 --lease-time 10 2
wait
""",
    "/etc/systemd/system/nas-nfs.service": """[Service]
ExecStart=ip netns exec nas /usr/local/sbin/nas-nfs
""",
    "/etc/systemd/system/nas-smb.service": """[Service]
RuntimeDirectory=nas
RuntimeDirectoryPreserve=yes
ExecStart=ip netns exec nas smbd --foreground --no-process-group --configfile=/etc/nas/smb.conf
KillMode=control-group
TimeoutStopSec=5
""",
}
COMPOSE = f"""
python3 - <<'END'
import array, math, pathlib, wave
for folder, base in (("smb", 300), ("nfs", 500)):
    for number in range({SONGS}):
        path = pathlib.Path("/srv/nas", folder, "happy", f"{{folder}} song {{number}}.wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        second = array.array("h", (int(9000 * math.sin(i / 8000 * 2 * math.pi * (base + 40 * number)))
                                   for i in range(8000)))
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            for loud in range(300):
                file.writeframes(array.array("h", (v * (20 + loud % 20) // 40 for v in second)).tobytes())
END
"""


def furnish(shell: Shell) -> None:
    """Put the server on the machine's disk, with songs, and lay the cable."""
    if shell.run("test -e /etc/nas/smb.conf").status == 0:
        return
    for path, content in FILES.items():
        shell.put(content.encode(), path)
    shell("chmod 755 /usr/local/sbin/nas-*; mkdir -p /var/lib/nas")
    shell(f"""
        id -u {USER} >/dev/null 2>&1 || useradd --no-create-home --shell /usr/sbin/nologin {USER}
        printf '%s\\n%s\\n' '{PASSWORD}' '{PASSWORD}' | smbpasswd -c /etc/nas/smb.conf -s -a {USER}
    """)
    shell(COMPOSE, patience_s=900)
    shell("systemctl daemon-reload; networkctl reload; systemctl enable -q --now nas-cable; sync")


def switch_on(shell: Shell) -> None:
    """Start both servers and plug the cable in."""
    shell("systemctl start nas-smb; systemctl restart nas-nfs", patience_s=120)
    plug(shell)
    shell("""i=0
        until ip netns exec nas ss -ltn | grep -q ':445 ' && ip netns exec nas ss -ltn | grep -q ':2049 '; do
            i=$((i+1)); [ $i -lt 120 ] || { journalctl -u 'nas-*' -n 20 >&2; exit 1; }; sleep 0.5; done""")


def unplug(shell: Shell) -> None:
    """Pull the cable: whatever is sent to the server is lost."""
    shell("ip -n nas link set eth0 down; echo 3 >/proc/sys/vm/drop_caches")


def plug(shell: Shell) -> None:
    """Plug the cable in again."""
    shell("ip -n nas link set eth0 up; ip -n nas addr replace 10.9.0.2/24 dev eth0")


def freeze(shell: Shell) -> None:
    """Stop Samba in the middle of what it does; its connections stay. Nothing is left in the client's memory."""
    shell("systemctl kill --kill-whom=all -s STOP nas-smb; echo 3 >/proc/sys/vm/drop_caches")


def thaw(shell: Shell) -> None:
    """Let Samba go on."""
    shell("systemctl kill --kill-whom=all -s CONT nas-smb")
