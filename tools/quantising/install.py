"""Put a model and its card on a device over SSH: check them there, swap, check again, and go back if that fails.

One connection carries everything: a tar file with the pair, the float model to compare with, on_device.py and a shell
script, read from standard input. The script unpacks next to the device's models. The device's own program loads the
new pair and compares its speed with the float model's. Then the script keeps the old pair aside, moves the new one in
and checks once more. If anything fails, even the connection, it puts the old pair back. It notes the name in
`models/own`, so that install.sh --upgrade keeps the model. It uses your own `ssh` with its keys, its `~/.ssh/config`
and its questions. On the device it uses `sudo` where that is needed and asks for no password.
"""

import io
import shlex
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from tools.quantising import on_device
from tools.quantising.compare import FAST_OPERATORS, SLOWER_MS, SLOWER_SHARE
from tools.quantising.refusal import Code, NotInstalled

HOME = "/opt/affetto/current"
"""The folder of the device's program, unless HOST:FOLDER names another."""

TIMEOUT_S = 180

UNPACK = f"""
[ -d "$home/models" ] || {{ echo "there is no folder $home/models on the device" >&2; exit 12; }}
as=; [ -w "$home/models" ] || as="sudo -n"
new=$($as mktemp -d "$home/models/.new.XXXXXX") || {{ echo "$(id -un) may not write to $home/models" >&2; exit 13; }}
$as chmod 755 "$new"
$as tar -xf - -C "$new" && $as sh "$new/script" "$home" "$name" "$new" {SLOWER_SHARE} {SLOWER_MS}
"""
# The trap puts the old pair back, so that a broken connection does so too. Exit 10: the device refuses the pair; 11:
# the pair failed in its place; 12: there is no Affetto; 13: no right to write there; 14: slower than the float model.
SCRIPT = r"""
set -u
home=$1 name=$2 new=$3 share=$4 least_ms=$5
models=$home/models old=$new.before
tidy() { cd /; rm -rf "$new" "$old"; }
trap 'tidy; exit 10' HUP INT TERM PIPE
for python in "$home/.venv/bin/python" python3; do command -v "$python" >/dev/null 2>&1 && break; done
check() { cd "$home" && PYTHONPATH=$home PYTHONDONTWRITEBYTECODE=1 "$python" "$new/on_device.py" "$@"; }
speed=$(check "$new" "$new/float.tflite" "$share" "$least_ms" 2>"$new/said")
found=$?
if [ $found != 0 ]; then
    tail -n 1 "$new/said" >&2; tidy
    [ $found = 14 ] && exit 14
    exit 10
fi
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
if ! check "$models" >/dev/null 2>"$new/said"; then tail -n 1 "$new/said" >&2; back; exit 11; fi
trap '' HUP INT TERM PIPE
grep -qsx "$name" "$models/own" || echo "$name" >>"$models/own"
tidy
if command -v systemctl >/dev/null 2>&1 && systemctl is-active --quiet affetto-eye.service 2>/dev/null; then
    systemctl restart affetto-eye.service 2>/dev/null || echo "restart the device, or switch its camera off and on"
fi
echo "installed on $(uname -n): $speed"
"""


def install(
    host: str,
    tflite: Path,
    card: Path,
    float_tflite: bytes,
    *,
    ssh: str = "ssh",
    run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run,
) -> str:
    """Install the pair on `[user@]host[:folder]`; returns what the device says. Raises NotInstalled with the reason."""
    where, _, folder = host.partition(":")
    home = folder or HOME
    there = f'"$HOME"/{shlex.quote(home[2:])}' if home.startswith("~/") else shlex.quote(home)
    command = f"home={there}; name={shlex.quote(tflite.stem)}; {UNPACK}"
    packed = _packed(tflite, card, float_tflite)
    try:
        done = run([*ssh_words(ssh), where, command], input=packed, capture_output=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(
            f"The device {where} did not finish in {TIMEOUT_S} s; check that it answers to `{ssh} {where}`."
        ) from error
    except OSError as error:
        raise NotInstalled(
            f"The program {ssh_words(ssh)[0]} cannot be started ({error.strerror}); install OpenSSH's client."
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        code = Code.SLOWER if done.returncode == on_device.SLOWER else Code.NOT_INSTALLED
        reason = _reason(done.returncode, where, home, said[-1] if said else f"exit code {done.returncode}")
        raise NotInstalled(reason, code)
    return done.stdout.decode(errors="replace").strip()


def ssh_words(ssh: str) -> list[str]:
    """The command `ssh` as words. Raises ValueError if a quote is open or nothing is there."""
    words = shlex.split(ssh)
    if not words:
        raise ValueError("it is empty")
    return words


def _packed(tflite: Path, card: Path, float_tflite: bytes) -> bytes:
    files = {
        tflite.name: tflite.read_bytes(),
        card.name: card.read_bytes(),
        "float.tflite": float_tflite,
        "on_device.py": Path(on_device.__file__).read_bytes(),
        "script": SCRIPT.encode(),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _reason(code: int, where: str, home: str, said: str) -> str:
    kept = "the device keeps the model it had"
    if code == 255:
        return f"There is no connection to {where} ({said}); try `ssh {where}`, then try again."
    if code == 12:
        return f"On {where} there is no Affetto in {home} ({said}); name its folder with --install {where}:FOLDER."
    if code == 13:
        return f"On {where}, {said}; log in as a user who may, such as root@{where.rpartition('@')[2]}; {kept}."
    if code == 10:
        return f"The device {where} refuses the model ({said}); {kept}."
    if code == 11:
        return f"The model failed in its place on {where} ({said}); {kept}."
    if code == on_device.SLOWER:
        return f"On {where}, {said}; {kept}. {FAST_OPERATORS}"
    return f"Installing on {where} failed ({said}); {kept}."
