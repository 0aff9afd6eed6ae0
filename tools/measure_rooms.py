#!/usr/bin/env python3
"""Measure how far apart the loudspeakers of two devices in a group play, at their sound cards.

    python tools/measure_rooms.py --minutes 60 --skew 50 --out DIR

boots a machine (tools/rooms/machine.py) with two loopback sound cards, the second of them off by --skew ppm, and
two devices with a network between them that delays each packet by --delay ± --jitter ms and loses --loss % of them. The
leader plays noise; both play it with the real snapserver and snapclient. Once a second, the recordings of both cards
are correlated. Prints the median, 95th percentile and maximum of the offsets as JSON, and draws them into
DIR/offsets.png.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from device.errors import AffettoError
from device.music.audio.pcm_buffer import RATE_HZ
from tools.rooms import machine, offsets, plot

ROOT = Path(__file__).resolve().parent.parent
SETTLE_S = 30
SCRIPT = """
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PYTHONDONTWRITEBYTECODE=1
cd {root}
ip link set lo up
ip netns add other
ip link add here type veth peer name there
ip link set there netns other
ip addr add 10.9.0.1/24 dev here; ip link set here up
ip netns exec other ip addr add 10.9.0.2/24 dev there; ip netns exec other ip link set there up
ip netns exec other ip link set lo up
{netem}
amixer -q -c Second cset iface=PCM,name='PCM Rate Shift 100000',device=1 {rate}
{python} -m tools.rooms.member lead - First {lasts} &
ip netns exec other {python} -m tools.rooms.member follow 10.9.0.1 Second {lasts} &
while grep -q closed /proc/asound/First/pcm0p/sub0/hw_params /proc/asound/Second/pcm0p/sub0/hw_params; do sleep 1; done
sleep {settle}
{python} -m tools.rooms.listen {seconds} /tmp/heard.npz First Second && cp /tmp/heard.npz /mnt/
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report; 2 if that is not possible here."""
    options = arguments(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        if problem := machine.missing():
            raise machine.MachineError(problem)
        with tempfile.TemporaryDirectory(prefix="affetto-rooms-", dir="/var/tmp") as scratch:
            folder = options.folder or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            found = measure(options, folder)
    except AffettoError as error:
        print(f"measure_rooms: {error}", file=sys.stderr)
        return 2
    np.savetxt(options.out / "offsets.csv", found, delimiter=",", header="second,offset_s", comments="", fmt="%.6f")
    figures = summary(found, options)
    print(json.dumps(figures, indent=2))
    plot.draw(found, figures, options.out / "offsets.png")
    return 0


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0, help="how long to listen (default: 5)")
    parser.add_argument("--skew", type=int, default=50, help="clock error of the second card in ppm (default: 50)")
    parser.add_argument("--delay", type=float, default=0.0, help="ms that the network delays each packet (default: 0)")
    parser.add_argument("--jitter", type=float, default=0.0, help="ms by which that delay varies (default: 0)")
    parser.add_argument("--loss", type=float, default=0.0, help="percent of the packets that are lost (default: 0)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the picture and the figures")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep the kernel here; the next run is quicker")
    return parser.parse_args(argv)


def measure(options: argparse.Namespace, folder: Path) -> offsets.Floats:
    """Second and offset (s) of each snippet."""
    seconds = round(60 * options.minutes)
    netem = f"tc qdisc add dev here root netem delay {options.delay}ms {options.jitter}ms distribution normal "
    netem += f"loss {options.loss}%\n" if options.loss else "\n"
    netem += netem.replace("tc qdisc add dev here", "ip netns exec other tc qdisc add dev there")
    script = SCRIPT.format(
        root=ROOT, python=ROOT / ".venv/bin/python", rate=100_000 + round(options.skew / 10), seconds=seconds,
        settle=SETTLE_S, lasts=seconds + 600, netem=netem if options.delay or options.jitter or options.loss else "",
    )  # fmt: skip
    log = options.out / "machine.log"
    heard = folder / "shared/heard.npz"
    heard.unlink(missing_ok=True)
    machine.run(script, folder, log)
    if not heard.exists():
        raise machine.MachineError(f"the machine recorded nothing; its last lines are in {log}")
    with np.load(heard) as cards:
        first, second = (
            {name: cards[f"{card}_{name}"] for name in ("at", "first", "sound")} for card in ("First", "Second")
        )
        return offsets.offsets(first, second, RATE_HZ)


def summary(found: offsets.Floats, options: argparse.Namespace) -> dict[str, float]:
    """The figures of the report, in ms."""
    away = np.abs(found[:, 1]) * 1000
    return {
        "minutes": options.minutes, "skew_ppm": options.skew, "delay_ms": options.delay, "jitter_ms": options.jitter,
        "loss_percent": options.loss,
        "snippets": len(found), "median_ms": round(float(np.median(away)), 3),
        "p95_ms": round(float(np.percentile(away, 95)), 3), "max_ms": round(float(away.max()), 3),
        "mean_ms": round(float(found[:, 1].mean() * 1000), 3),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
