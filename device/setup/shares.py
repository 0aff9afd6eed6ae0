"""Lets systemd mount the shares of `music.shares` when somebody looks into them: `python -m device.setup.shares`.

affetto-shares.service runs this as root at boot, and again whenever the conductor restarts. systemd-mount(1) makes an
automount for each share, so a server that is off does not delay the start. Automounts and mounts belong to that service
and end with it, so that a share that left the settings is gone. The options turn a server that stops answering into an
error after some 20 s, and let systemd unmount it nevertheless. The password is in a file in /run that only root can
read; on the disk, only the settings hold it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from device.config import files
from device.config.schema import MusicConfig
from device.config.shares import Protocol, Share, parse_shares
from device.errors import ConfigError

CONFIG = Path("/etc/affetto/config.yaml")
RUN = Path("/run/affetto-shares")  # RuntimeDirectory= of the unit
SAFE = "ro,nosuid,nodev,noexec"
# cifs: a server that misses two echoes is lost (mount.cifs(8)). nfs: three tries, of 3, 6 and 9 s (nfs(5)).
# nolock: reading needs no locks, and those of NFS 3 would start rpcbind; NFS 4 ignores it.
LIMITS = {
    Protocol.SMB: "soft,echo_interval=5,iocharset=utf8,file_mode=0644,dir_mode=0755",
    Protocol.NFS: "soft,timeo=30,retrans=2,nolock",
}
MOUNT_S = 20
TRIES, PAUSE_S = 5, 1.0  # systemd may not have forgotten the automount yet that was stopped just now
OWNER = "affetto-shares.service"
# They end with the service and before it. A server that does not answer cannot keep systemd from unmounting it.
MOUNT = (f"PartOf={OWNER}", f"After={OWNER}", f"TimeoutSec={MOUNT_S}", "LazyUnmount=yes", "ForceUnmount=yes")
AUTOMOUNT = (f"PartOf={OWNER}", f"After={OWNER}")


def main() -> int:
    """Make the automounts. Returns 1 if one of them could not be made."""
    try:
        music = files.load(CONFIG).music
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    unmount()
    return max((mount(share, music, RUN) for share in parse_shares(music.shares)), default=0)


def unmount() -> None:
    """Remove the automounts that an earlier run has made. systemd restarts them with the service that owns them, but
    the settings may name others now."""
    ask = ["systemctl", "show", "-P", "ConsistsOf", OWNER]
    if owned := subprocess.run(ask, capture_output=True, text=True, check=False).stdout.split():
        subprocess.run(["systemctl", "stop", *owned], stderr=subprocess.DEVNULL, check=False)  # some are gone


def mount(share: Share, music: MusicConfig, run: Path) -> int:
    """Make the automount of one share. Returns systemd-mount's status."""
    secret = run / os.path.basename(share.folder)
    if share.protocol is Protocol.SMB and music.share_username:
        write_secret(secret, music)
    words = command(share, secret if secret.exists() else None)
    for _ in range(TRIES - 1):
        if subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return 0
        time.sleep(PAUSE_S)
    return subprocess.run(words, check=False).returncode


def command(share: Share, secret: Path | None) -> Sequence[str]:
    """The command that makes the automount."""
    options = [SAFE, LIMITS[share.protocol]]
    if share.protocol is Protocol.SMB:
        options.append(f"credentials={secret}" if secret is not None else "guest")
    kind = "cifs" if share.protocol is Protocol.SMB else "nfs"
    return (
        # --no-block: it comes after the service that this process belongs to
        *("systemd-mount", "--no-ask-password", "--no-block", "--collect", "--automount=yes", "--timeout-idle-sec=0"),
        *(f"--property={one}" for one in MOUNT),
        *(f"--automount-property={one}" for one in AUTOMOUNT),
        *(f"--type={kind}", f"--options={','.join(options)}"),
        *("--", share.source, share.folder),
    )


def write_secret(path: Path, music: MusicConfig) -> None:
    """The user and the password for mount.cifs(8), for root's eyes only."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(f"username={music.share_username}\npassword={music.share_password}\n")


if __name__ == "__main__":
    sys.exit(main())
