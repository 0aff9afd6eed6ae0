"""How many bytes an hour of normal running has a card written, counted at the disk.

Makes an ext4 file system in a file, mounts it as a loop device, and lets the whole program play songs of 3.5 minutes
with its data folder there, over a Mosquitto of its own. Once the music is analysed and the moves of the start are over,
it counts the sectors that the loop device was given: data, journal and all. Needs root for the mount, and Mosquitto.

  sudo python tools/measure_wear.py                an hour
  --commit N    how often ext4 commits its journal, in seconds; 60 is what affetto-disk.service asks for, 5 the default
                of ext4
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from device.config.schema import Config, DeviceConfig, MusicConfig, PlayerConfig  # noqa: E402
from device.demo.broker import PrivateBroker  # noqa: E402
from device.demo.show import write  # noqa: E402

SECTOR_BYTES = 512
SONG_S, SONGS, RATE_HZ = 210, 12, 8000
MOODS = ("calm", "happy", "neutral")


def main() -> int:
    """Measure and print."""
    options = arguments()
    if os.geteuid() != 0:
        print("measure_wear.py: mounting a file system needs root; run it with sudo.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        compose(folder / "music")
        with mounted(folder, options.commit) as (data, device), PrivateBroker() as broker:
            config = Config(
                DeviceConfig(id="wear", data_dir=str(data / "affetto")),
                music=MusicConfig(folders=(str(folder / "music"),)),
                player=PlayerConfig(output="dummy"),
                mqtt=broker.config,
            )
            with running(write(config, folder / "config.yaml"), folder / "log"):
                print(f"settling for {options.settle:g} s", flush=True)
                time.sleep(options.settle)
                report(device, options.minutes, options.commit)
    return 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to count (default: an hour)")
    parser.add_argument("--settle", type=float, default=120.0, metavar="S", help="seconds to wait before it")
    parser.add_argument("--commit", type=int, default=60, metavar="S", help="commit interval of ext4, in seconds")
    return parser.parse_args()


def compose(folder: Path) -> None:
    """Songs of some minutes: tones that differ, since the catalogue knows content by its sound."""
    at = np.arange(SONG_S * RATE_HZ) / RATE_HZ
    for number in range(SONGS):
        path = folder / MOODS[number % len(MOODS)] / f"song {number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            file.writeframes((3000 * np.sin(2 * np.pi * (200 + 20 * number) * at)).astype("<i2").tobytes())


@contextmanager
def mounted(folder: Path, commit_s: int) -> Iterator[tuple[Path, str]]:
    """A new ext4 with blocks of 4096 bytes, as on a card: where it is mounted, and the name of its loop device."""
    image, place = folder / "card.img", folder / "card"
    place.mkdir()
    run("truncate", "-s", "2G", str(image))
    run("mkfs.ext4", "-q", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", str(image))
    run("mount", "-o", f"loop,noatime,commit={commit_s}", str(image), str(place))
    try:
        yield place, Path(run("findmnt", "-no", "SOURCE", str(place)).strip()).name
    finally:
        run("umount", str(place))


@contextmanager
def running(config: Path, log: Path) -> Iterator[None]:
    """The whole program as a child."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "device", "run", "--config", str(config)], cwd=ROOT, stdout=output, stderr=output
        )
    try:
        yield
        if child.poll() is not None:
            raise SystemExit(f"the program has ended:\n{log.read_text()}")
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(20)


def report(device: str, minutes: float, commit_s: int) -> None:
    """Count, with a line each minute."""
    first = written(device)
    begin = time.monotonic()
    while (passed_s := time.monotonic() - begin) < minutes * 60:
        time.sleep(min(60.0, minutes * 60 - passed_s))
        passed_s = time.monotonic() - begin
        total = written(device) - first
        print(f"{passed_s / 60:5.1f} min {total / 1e6:8.3f} MB, {total / passed_s * 3600 / 1e6:6.2f} MB/h", flush=True)
    print(f"commit={commit_s}: {total / passed_s * 3600 / 1e6:.2f} MB an hour, counted for {passed_s / 60:.0f} minutes")


def written(device: str) -> int:
    """Bytes that the disk was given to write so far (Linux, Documentation/block/stat.rst: the seventh figure)."""
    return int(Path(f"/sys/block/{device}/stat").read_text().split()[6]) * SECTOR_BYTES


def run(*command: str) -> str:
    """Its output; ends the program with what it says if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"measure_wear.py: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
