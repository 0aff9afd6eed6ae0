"""Power cuts: the machine is killed at a random moment while it plays and somebody changes things; is it well then?

Each time: somebody sets another volume and goes elsewhere in the song, the power goes at a random moment, the machine
starts again by itself. Looked at: the databases, the song and its place, the volume, the camera's switch.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tools.vm.outside import Heard
from tools.vm.stage import PYTHON, Check, Stage
from tools.vm.table import Row, equal, within

LOST_S = 5.0
LONGEST_S = 10.0  # from the change to the cut
PLACES_S = (20, 200)  # where somebody goes in the song
INTEGRITY = f"""
{PYTHON} - <<'END'
import glob, sqlite3
for name in ("state", "catalogue"):
    database = sqlite3.connect(f"file:/var/lib/affetto/{{name}}.db?mode=ro", uri=True, timeout=30)
    print(name, database.execute("PRAGMA integrity_check").fetchone()[0])
print("aside", len([n for n in glob.glob("/var/lib/affetto/*") if "damaged" in n]))
END
journalctl -b -k -q --no-pager -g 'EXT4-fs error|I/O error' | wc -l
"""


@dataclass(frozen=True, slots=True)
class Cut:
    """One power cut: what was lost by it. `lost_s` is nan if another song plays."""

    delay_s: float
    boot_s: float
    damage: str
    same_song: bool
    lost_s: float
    volume_lost_s: float
    camera: str


def place(said: Heard, at_s: float) -> float:
    """How far into the song it is at a time, by the last `track/state`."""
    state = said.json
    if state.get("state") != "playing":
        return float(state.get("position_s") or 0)
    return float(state["position_s"]) + at_s - datetime.fromisoformat(state["position_at"]).timestamp()


def sounds(said: Heard) -> bool:
    """Whether a `track/state` tells of a song that is heard."""
    return said.json.get("state") == "playing" and (said.json.get("position_at") or "1970") > "1971"


def campaign(count: int, seed: int) -> Check:
    """The check that cuts the power `count` times."""
    dice = random.Random(seed)

    def cuts(stage: Stage) -> Iterator[Row]:
        done: list[Cut] = []
        try:
            for number in range(count):
                done.append(one := cut(stage, dice))
                stage.say(f"    cut {number + 1} of {count}: {one}")
                yield from ()
        finally:  # show the results so far to whoever ends it early
            for row in tell(done) if done else ():
                stage.add(row)

    cuts.__doc__ = f"{count} power cuts"
    return cuts


def cut(stage: Stage, dice: random.Random) -> Cut:
    """Change something, cut the power, start, look."""
    outside = stage.outside
    mark = outside.mark()
    now = outside.last("volume/state")
    volume = str(dice.choice([v for v in range(5, 60) if now is None or str(v) != now.payload]))
    outside.say("volume/set", volume)
    changed = outside.wait_for("volume/state", lambda one: one.payload == volume, since=mark)
    outside.say("seek/set", str(dice.randint(*PLACES_S)))
    before = outside.wait_for("track/state", sounds, since=mark)
    delay_s = dice.uniform(0, LONGEST_S)
    time.sleep(delay_s)  # the random moment
    before = [before, *(one for one in outside.all("track/state", mark) if sounds(one))][-1]
    cut_s = time.time()
    stage.machine.cut()
    mark = outside.mark()
    stage.machine.start()
    stage.await_online(mark)
    after = outside.wait_for("track/state", lambda one: sounds(one) and not one.retained, since=mark)
    boot_s = time.monotonic() - stage.machine.started_s
    stage.machine.wait()
    same = after.json["title"] == before.json["title"]
    kept = outside.wait_for("volume/state", lambda one: not one.retained, since=mark).payload == volume
    camera = outside.wait_for("camera/state", lambda one: not one.retained, since=mark).payload
    lost_s = place(before, cut_s) - float(after.json["position_s"]) if same else float("nan")
    return Cut(delay_s, boot_s, damage(stage), same, lost_s, 0.0 if kept else cut_s - changed.at_s, camera)


def damage(stage: Stage) -> str:
    """What is broken, in words; nothing if nothing is."""
    *lines, disk = stage.shell(INTEGRITY).splitlines()
    wrong = [line for line in lines if not line.endswith(" ok") and line != "aside 0"]
    return "; ".join([*wrong, *([f"{disk} errors of the disk"] if disk.strip() != "0" else [])])


def tell(done: list[Cut]) -> Iterator[Row]:
    """The rows of a campaign."""
    count = len(done)
    damaged = [one.damage for one in done if one.damage]
    yield equal(f"databases or disk damaged in {count} power cuts", "; ".join(damaged) or "none", "none")
    yield equal("the same song goes on", f"{sum(one.same_song for one in done)} of {count}", f"{count} of {count}")
    lost = sorted(one.lost_s for one in done if one.same_song)
    middle = lost[len(lost) // 2] if lost else float("nan")
    yield within("place in the song lost, most", max(lost, default=float("nan")), "s", LOST_S)
    yield Row("place in the song lost, median and least", f"{middle:.1f} s, {min(lost, default=float('nan')):.1f} s",
              f">= -{LOST_S:g} s", bool(lost) and min(lost) >= -LOST_S)  # fmt: skip
    yield within("age of the oldest change that was lost", max(one.volume_lost_s for one in done), "s", LOST_S)
    yield equal("volume as before", f"{sum(one.volume_lost_s == 0 for one in done)} of {count}", f"{count} of {count}")
    yield equal("camera stays OFF", f"{sum(one.camera == 'OFF' for one in done)} of {count}", f"{count} of {count}")
    boots = sorted(one.boot_s for one in done)
    yield Row("power on to music again (emulated), median and most", f"{boots[count // 2]:.0f} s, {boots[-1]:.0f} s")
