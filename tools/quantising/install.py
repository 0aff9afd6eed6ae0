"""Put a model and its card on a device over SSH: check them there, swap, check again, and go back if that fails.

One connection carries everything: a tar of the pair and a script, read from standard input. The script unpacks next to
the device's models, has the device's own program load the new pair, keeps the old pair aside, moves the new one in and
looks once more; whatever fails, and also a connection that breaks, puts the old pair back. What is in place is noted in
`models/own`, for install.sh --upgrade to keep it. The user's own `ssh` is used, with its keys, its `~/.ssh/config` and
its questions; on the device `sudo`, where it asks for no password and is needed.
"""

import io
import shlex
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from tools.quantising.refusal import NotInstalled

HOME = "/opt/affetto/current"
"""Where the device's program lies, unless HOST:FOLDER says otherwise."""

TIMEOUT_S = 180

UNPACK = """
[ -d "$home/models" ] || { echo "there is no folder $home/models on the device" >&2; exit 12; }
as=; [ -w "$home/models" ] || as="sudo -n"
new=$($as mktemp -d "$home/models/.new.XXXXXX") || { echo "$(id -un) may not write to $home/models" >&2; exit 13; }
$as chmod 755 "$new"
$as tar -xf - -C "$new" && $as sh "$new/script" "$home" "$name" "$new"
"""
# Rolls back from the trap, so that a broken connection does it too. Exit 10: the device refuses the pair; 11: it was
# in place and had to be taken back; 12: there is no Affetto; 13: no right to write there.
SCRIPT = r"""
set -u
home=$1 name=$2 new=$3
models=$home/models old=$new.before
tidy() { cd /; rm -rf "$new" "$old"; }
for python in "$home/.venv/bin/python" python3; do command -v "$python" >/dev/null 2>&1 && break; done
look() {
    cd "$home" && "$python" -c '
import sys
from pathlib import Path
import numpy as np
from device.errors import AffettoError
from device.perception.emotion import EmotionClassifier
try:
    scores = EmotionClassifier.load(Path(sys.argv[1])).scores(np.full((48, 48), 128, np.uint8))
except AffettoError as error:
    sys.exit(str(error))
sys.exit(None if abs(float(scores.sum()) - 1) < 1e-3 else "its scores do not sum to 1")
' "$1"
}
look "$new" >/dev/null 2>"$new/said" || { tail -n 1 "$new/said" >&2; tidy; exit 10; }
rm -f "$new/said"
mkdir -p "$old"
for end in tflite json; do
    [ ! -e "$models/$name.$end" ] || cp -p "$models/$name.$end" "$old/" || { tidy; exit 13; }
done
back() {
    for end in tflite json; do
        if [ -e "$old/$name.$end" ]; then mv -f "$old/$name.$end" "$models/"; else rm -f "$models/$name.$end"; fi
    done
    tidy
}
trap 'back; exit 11' HUP INT TERM PIPE
mv -f "$new/$name.tflite" "$new/$name.json" "$models/" || { back; exit 11; }
chmod a+r "$models/$name.tflite" "$models/$name.json"
sync
if ! look "$models" >/dev/null 2>"$new/said"; then tail -n 1 "$new/said" >&2; back; exit 11; fi
trap '' HUP INT TERM PIPE
grep -qsx "$name" "$models/own" || echo "$name" >>"$models/own"
tidy
if command -v systemctl >/dev/null 2>&1 && systemctl is-active --quiet affetto-eye.service 2>/dev/null; then
    systemctl restart affetto-eye.service 2>/dev/null || echo "restart the device, or switch its camera off and on"
fi
echo "installed on $(uname -n)"
"""


def install(
    host: str,
    tflite: Path,
    card: Path,
    *,
    ssh: str = "ssh",
    run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run,
) -> str:
    """Install the pair on `[user@]host[:folder]`; returns what the device says. Raises NotInstalled with the reason."""
    where, _, folder = host.partition(":")
    home = folder or HOME
    command = f"home={shlex.quote(home)}; name={shlex.quote(tflite.stem)}; {UNPACK}"
    try:
        done = run(
            [*shlex.split(ssh), where, command], input=_packed(tflite, card), capture_output=True, timeout=TIMEOUT_S
        )
    except FileNotFoundError as error:
        raise NotInstalled(
            f"The program {shlex.split(ssh)[0]} is not installed here; install OpenSSH's client."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(
            f"The device {where} did not finish in {TIMEOUT_S} s; look whether it answers to ssh."
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise NotInstalled(_reason(done.returncode, where, home, said[-1] if said else f"exit code {done.returncode}"))
    return done.stdout.decode(errors="replace").strip()


def _packed(tflite: Path, card: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in (tflite, card):
            tar.add(path, path.name, filter=_plain)
        script = tarfile.TarInfo("script")
        script.size = len(SCRIPT.encode())
        tar.addfile(script, io.BytesIO(SCRIPT.encode()))
    return packed.getvalue()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry


def _reason(code: int, where: str, home: str, said: str) -> str:
    kept = "the device keeps the model it had"
    if code == 255:
        return f"There is no connection to {where} ({said}); try `ssh {where}`, then this again."
    if code == 12:
        return f"On {where} there is no Affetto in {home} ({said}); say where it is with --install {where}:FOLDER."
    if code == 13:
        return f"On {where}, {said}; log in as a user who may, such as root@{where.rpartition('@')[2]}; {kept}."
    if code == 10:
        return f"The device {where} refuses the model ({said}); {kept}."
    if code == 11:
        return f"The model did not hold in its place on {where} ({said}), and was taken back: {kept}."
    return f"Installing on {where} failed ({said}); {kept}."
