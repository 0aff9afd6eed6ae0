"""Music and people for the machine: songs of some minutes that are made in it, and pictures of nobody who exists."""

from __future__ import annotations

import io
import tarfile

import cv2

from tools.people.script import Act, script, take
from tools.vm.shell import Shell
from tools.vm.stage import MUSIC, PYTHON

FACES = "/srv/faces"
SONG_S, RATE_HZ = 300, 8000
MOODS = ("happy", "happy", "calm", "neutral")
PICTURES = 24

COMPOSE = f"""
{PYTHON} - <<'END'
import pathlib, wave
import numpy as np
at = np.arange({SONG_S} * {RATE_HZ}) / {RATE_HZ}
for number, mood in enumerate({MOODS!r}):
    path = pathlib.Path({MUSIC!r}, mood, f"song {{number}}.wav")
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = np.sin(2 * np.pi * (220 + 40 * number) * at) * (0.6 + 0.3 * np.sin(2 * np.pi * at * (0.2 + number / 20)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, {RATE_HZ}, 0, "NONE", ""))
        file.writeframes((9000 * tone).astype("<i2").tobytes())
END
sync
"""
DEVICES = """
printf 'vivid\\nsnd-aloop\\nvirtio_net\\n' >/etc/modules-load.d/affetto-vm.conf
echo 'options vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0' >/etc/modprobe.d/affetto-vm.conf
echo 'options snd-aloop index=0 pcm_substreams=1' >>/etc/modprobe.d/affetto-vm.conf
modprobe vivid
modprobe snd-aloop
udevadm settle
ls /dev/video* >/dev/null
test -d /proc/asound/Loopback
"""
# To ask every device of the machine for its name takes an emulated processor a minute; these are all it needs.
START_SOONER = """
folder=/etc/systemd/system/systemd-udev-trigger.service.d
mkdir -p $folder
cat >$folder/affetto-vm.conf <<'END'
[Service]
ExecStart=
ExecStart=udevadm trigger --action=add --subsystem-match=block --subsystem-match=net --subsystem-match=sound \
    --subsystem-match=video4linux --subsystem-match=media
END
sync
"""


def furnish(shell: Shell) -> None:
    """A camera, a sound card, music and people, on the machine's disk."""
    shell(DEVICES)
    shell(START_SOONER)
    shell(COMPOSE)
    shell.unpack(people(), FACES)
    shell("sync")


def people(emotion: str = "happiness") -> bytes:
    """A tar archive of pictures of somebody who shows an emotion, as the demo draws them."""
    shots = [shot for shot in script(play=(Act((0,), ((emotion, 1, 9),)),)) if shot.intended == emotion]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as files:
        for number, shot in enumerate(shots[8 : 8 + 2 * PICTURES : 2]):
            content = cv2.imencode(".jpg", take(shot), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
            entry = tarfile.TarInfo(f"{number:03}.jpg")
            entry.size, entry.mode = len(content), 0o644
            files.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
