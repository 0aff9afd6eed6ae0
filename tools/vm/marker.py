"""No picture on the disk: a marker picture is shown to the camera, and its pixels are looked for everywhere.

The camera is the kernel's own test camera (vivid), through the same driver interface as a real one. It is told to show
a ramp of gray, whose rows have hundreds of values and are like nothing that a disk has anyway. While the eye looks at
it, a swap file is in use, the kernel is asked to move all its memory there, core dumps are on for everybody, and the
eye is made to crash. Then the power is cut and the whole disk is searched, files, journal, swap, core dumps and free
blocks, for rows of the picture in every shape it has on its way: as the driver gives it, in colour, and in gray as the
eye uses it.

The control: the same rows, mirrored and as a negative so that they are told apart, are written to a file, held by a
program that is swapped out, and by one that crashes. All three have to be found, or the search proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tools.vm.search import disguise, find
from tools.vm.stage import PYTHON, Stage
from tools.vm.table import Row, equal

CONTROLS = {1: "file", 2: "core dump", 3: "swap"}
SHOWN_S = 15
FRAMES = 12
LEAST_VALUES = 50  # in a row: one that is found by chance has few
SHOWS = {0x00F0F000: "Gray Ramp", 0x00F0F001: "None"}  # controls of vivid alone: the pattern, and the words over it
VIDIOC_QUERYMENU, VIDIOC_S_CTRL = 0xC02C5625, 0xC008561C  # linux/videodev2.h
TAKE = f"""
{PYTHON} - <<'END'
import fcntl, json, struct
from pathlib import Path
import cv2
from device.config import files
from device.perception.v4l2 import V4l2Camera, find_node
config = files.load(Path("/etc/affetto/config.yaml")).camera
node = find_node()
with open(node, "rb+", buffering=0) as driver:
    for control, wanted in {SHOWS}.items():
        for number in range(64):  # the names of what it knows
            menu = bytearray(struct.pack("=II32sI", control, number, b"", 0))
            fcntl.ioctl(driver, {VIDIOC_QUERYMENU}, menu)
            if menu[8:40].rstrip(bytes(1)).decode() == wanted:
                fcntl.ioctl(driver, {VIDIOC_S_CTRL}, struct.pack("=Ii", control, number))
                break
camera = V4l2Camera(node, config)
frames = camera.frames()
for _ in range({FRAMES}):
    gray = next(frames).gray
camera.close()
capture = cv2.VideoCapture(str(node), cv2.CAP_V4L2)
capture.set(cv2.CAP_PROP_FRAME_WIDTH, config.width)
capture.set(cv2.CAP_PROP_FRAME_HEIGHT, config.height)
for _ in range({FRAMES}):
    colour = capture.read()[1]
capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
for _ in range({FRAMES}):
    raw = capture.read()[1].reshape(-1)
stride = raw.size // colour.shape[0]
middle = colour.shape[0] // 2
rows = {{
    "gray": gray[middle].tobytes().hex(),
    "colour": colour[middle].tobytes().hex(),
    "driver": raw[middle * stride : (middle + 1) * stride].tobytes().hex(),
}}
print(json.dumps({{"rows": rows, "gray": gray.shape, "colour": colour.shape, "stride": stride}}))
END
"""
TRAP = """
sysctl -q -w kernel.core_pattern=/var/tmp/core.%e.%p
swapoff -a
rm -f /var/swap
dd if=/dev/zero of=/var/swap bs=1M count=256 status=none
chmod 600 /var/swap
mkswap -q /var/swap >/dev/null
swapon /var/swap
sysctl -q -w vm.swappiness=200
"""
HOLD = """
import mmap, os, sys, time
rows = sys.stdin.buffer.read()
if sys.argv[1] == "core":
    os.abort()
kept = mmap.mmap(-1, 1 << 20)
kept.write(rows * (len(kept) // len(rows)))
kept.madvise(21)  # MADV_PAGEOUT: to the disk with it
open("/run/holding", "w").close()
time.sleep(100000)
"""
# The same for every page of another process, where the kernel lets anybody: process_madvise(2).
PAGE_OUT = """
import ctypes, os, struct, sys
libc, pid = ctypes.CDLL(None), int(sys.argv[1])
handle, moved = os.pidfd_open(pid), 0
for line in open(f"/proc/{pid}/maps"):
    begin, end = (int(part, 16) for part in line.split()[0].split("-"))
    place = struct.pack("PN", begin, end - begin)
    moved += max(0, libc.syscall(440, handle, place, ctypes.c_size_t(1), 21, 0))
print(moved)
"""


def marker(stage: Stage) -> Iterator[Row]:
    """A marker picture is shown to the camera, and looked for on the whole disk"""
    taken = json.loads(stage.shell(TAKE))
    rows = {name: bytes.fromhex(row) for name, row in taken["rows"].items()}
    values = {name: len(set(row)) for name, row in rows.items()}
    words = f"{taken['colour']} from the driver, {taken['gray']} in the eye; values in its rows: {values}"
    yield Row("marker picture", words, f"{LEAST_VALUES} or more", min(values.values()) >= LEAST_VALUES)
    show(stage)
    yield from press(stage, rows["gray"])
    stage.shell("sync")
    stage.machine.cut()
    image = stage.machine.card.path
    controls = {word: disguise(rows["gray"], how) for how, word in CONTROLS.items()}
    found = find(image, rows | controls)
    size = image.stat().st_size
    for name in rows:
        yield equal(f"marker: a row in the shape {name!r}, on the whole disk ({size >> 20} MiB)",
                    f"{len(found[name])} times", "0 times")  # fmt: skip
    for word in controls:
        yield Row(
            f"control: found in an unprotected program's {word}", f"{len(found[word])} times", ">= 1", bool(found[word])
        )
    stage.machine.start()
    stage.machine.wait()
    stage.shell("rm -f /var/swap /var/tmp/core.*")


def show(stage: Stage) -> None:
    """The eye looks at it."""
    mark = stage.outside.mark()
    stage.outside.say("camera/set", "ON")
    stage.outside.event("camera_on", since=mark, patience_s=600)
    stage.shell(f"sleep {SHOWN_S}")


def press(stage: Stage, row: bytes) -> Iterator[Row]:
    """Swap and crashes: all that could bring a picture to the disk, for the eye and for the control."""
    shell = stage.shell
    shell(TRAP)
    shell.put(HOLD.encode(), "/run/hold.py")
    shell.put(disguise(row, 1) * 50, "/var/tmp/control")
    shell.run("ulimit -c unlimited; cd /var/tmp; python3 /run/hold.py core || true", data=disguise(row, 2))
    shell.run(
        "exec 3<&0; (python3 /run/hold.py swap <&3 >/dev/null 2>&1 &); until [ -e /run/holding ]; do sleep 0.2; done",
        data=disguise(row, 3),
    )
    pid = stage.pid("affetto-eye.service")
    shell.put(PAGE_OUT.encode(), "/run/page_out.py")
    moved = shell(f"python3 /run/page_out.py $(systemctl show -P MainPID affetto); python3 /run/page_out.py {pid}")
    conductor, eye = (int(count) >> 20 for count in moved.split())
    used = int(shell("awk 'NR > 1 { print $4 }' /proc/swaps")) >> 10
    words = f"{used} MiB; asked to leave memory: {conductor} MiB of the conductor, {eye} MiB of the eye"
    yield Row("marker: swap in use", words, "> 0; 0 of the eye", used > 0 and not eye)
    status = shell(f"grep -E '^Vm(Swap|Lck)' /proc/{pid}/status || true")
    swapped = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmSwap")), -1)
    yield equal("marker: memory of the eye in swap", f"{swapped} kB", "0 kB")
    mark = stage.outside.mark()
    shell(f"kill -ABRT {pid}")
    stage.outside.event("camera_on", since=mark, patience_s=600)  # started anew
    cores = shell("ls /var/tmp | grep ^core || true").split()
    eyes = [name for name in cores if "affetto" in name]
    yield Row("marker: core dumps, after the eye and the control crashed", ", ".join(cores), "the control's alone",
              bool(cores) and not eyes)  # fmt: skip
