"""What arrives outside: the device in Home Assistant's words, moods, tracks; and a broker that goes and comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from tools.vm import sound
from tools.vm.scene import MOODS, SONG_S
from tools.vm.sound import SILENCE_DBFS, decibels
from tools.vm.stage import DEVICE, MUSIC, Stage
from tools.vm.table import Row, equal

AWAY_S = 20.0
HEARD = f"""
python3 - <<'END'
import json, sqlite3
catalogue = sqlite3.connect("file:/var/lib/affetto/catalogue.db?mode=ro", uri=True, timeout=30)
listed = "SELECT analyses.problem FROM files JOIN analyses USING (key) WHERE uri LIKE 'file://{MUSIC}/%'"
found = [problem for (problem,) in catalogue.execute(listed)]
assert len(found) == {len(MOODS)}, found
print(json.dumps(found))
END
"""


def discovery(stage: Stage) -> Iterator[Row]:
    """Home Assistant's discovery arrives outside"""
    topic = f"homeassistant/device/affetto_{DEVICE}/config"
    found = stage.outside.wait(lambda one: one.topic == topic and bool(one.payload), topic)
    parts = json.loads(found.payload).get("components") or json.loads(found.payload).get("cmps", {})
    yield Row("discovery outside", f"{len(parts)} entities, {len(found.payload)} bytes", "some", len(parts) > 0)
    state = stage.outside.wait_for("availability", lambda one: one.payload == "online")
    yield equal("availability outside", state.payload, "online")


def tracks(stage: Stage) -> Iterator[Row]:
    """Track events arrive outside"""
    event = stage.outside.event("track_started", patience_s=600)
    state = stage.outside.wait_for(
        "track/state", lambda one: one.json.get("state") == "playing" and bool(one.json["title"])
    )
    yield Row("track_started outside", f"{event.json.get('title', state.json.get('title'))}", "a song", True)
    words = f"{state.json['title']}: {state.json['reason']}"
    yield Row("track/state outside", words, "playing, with a reason", bool(state.json["reason"]))


def listened(stage: Stage) -> Iterator[Row]:
    """Every song is analysed on the machine"""
    heard = stage.until(HEARD, "the songs are not analysed", patience_s=900, pause_s=5)
    found = json.loads(heard.splitlines()[-1])
    problems = [problem for problem in found if problem]
    words = "; ".join(problems) or f"{len(found)} songs of {SONG_S} s"
    yield Row("music analysed on the machine", words, f"{len(MOODS)} songs", len(found) == len(MOODS) and not problems)


def moods(stage: Stage) -> Iterator[Row]:
    """Moods read from faces arrive outside"""
    mark = stage.outside.mark()
    stage.outside.say("camera/set", "ON")
    seen = stage.outside.wait_for(
        "mood/state",
        lambda one: one.json.get("faces", 0) > 0 and one.json.get("mood") == "happy",
        since=mark,
        patience_s=900,
    )
    yield equal("mood outside, from pictures of somebody happy", seen.json["mood"], "happy")
    told = {"event_type": "mood_changed", "mood": "happy"}
    changed = stage.outside.wait_for("event", lambda one: told.items() <= one.json.items(), since=mark)
    yield Row("mood_changed outside", f"{changed.json['previous']} -> {changed.json['mood']}", "-> happy")
    health = stage.outside.wait_for("health", lambda one: one.json.get("eye_fps", 0) > 0, since=mark, patience_s=300)
    yield Row("pictures looked at in a second (emulated)", f"{health.json['eye_fps']}")


def doctor(stage: Stage) -> Iterator[Row]:
    """affetto check is all green"""
    done = stage.shell.run("affetto check --json", patience_s=600)
    findings = json.loads(done.output)["findings"]
    wrong = [f"{one['part']}: {one['words']}" for one in findings if one["verdict"] == "problem"]
    yield Row(
        "affetto check", "; ".join(wrong) or f"{len(findings)} findings, no problem", "no problem", done.status == 0
    )


def broker_away(stage: Stage) -> Iterator[Row]:
    """The broker goes away and comes back"""
    stage.outside.broker.stop(kill=True)
    time.sleep(AWAY_S)  # the machine has to notice, and to go on without
    heard = decibels(sound.level(sound.record(stage)))
    yield Row("broker away: level of the music", f"{heard:.1f} dBFS", f"> {SILENCE_DBFS:g} dBFS", heard > SILENCE_DBFS)
    mark = stage.outside.mark()
    stage.outside.broker.start()
    began_s = time.monotonic()
    stage.await_online(mark)
    topic = f"homeassistant/device/affetto_{DEVICE}/config"
    stage.outside.wait(lambda one: one.topic == topic, topic, since=mark)
    state = stage.outside.wait_for("track/state", lambda one: True, since=mark)
    yield Row(
        "broker back: said again", f"after {time.monotonic() - began_s:.0f} s: {state.json['state']}", "playing",
        state.json["state"] == "playing",
    )  # fmt: skip
