"""Music on file servers: mounted from one setting, frozen and gone at the worst moments, and back.

nas.py is the server. The question is always the same: does the device answer and play on meanwhile, does it say which
server is the matter, and do the songs come back by themselves?
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from tools.vm import nas
from tools.vm.nas import NFS, NFS_FOLDER, PASSWORD, SERVER, SMB, SMB_FOLDER, USER
from tools.vm.scene import MOODS
from tools.vm.stage import BOOT_FILE, Stage
from tools.vm.table import Row, equal, within

OWN, ALL = len(MOODS), len(MOODS) + 2 * nas.SONGS
ANSWER_S = 5.0  # to a command over MQTT; an emulated processor is slow
NEXT_S = 40.0  # from the end of a frozen song to the next one
NAMED_S, BACK_S = 120.0, 240.0
OFF_S = 90.0  # to switch off with frozen servers


def settings(stage: Stage, *shares: str, password: str = PASSWORD) -> str:
    """The file on the boot partition, with these shares."""
    lines = f'  shares: {json.dumps(list(shares))}\n  share_username: "{USER}"\n  share_password: "{password}"\n'
    return stage.settings(music=f"  rescan_s: 20\n{lines if shares else ''}")


def configure(stage: Stage, text: str) -> int:
    """Put it on the boot partition and restart the device's services; the place in what is heard where that begins."""
    stage.shell.put(text.encode(), BOOT_FILE)
    stage.shell("systemctl stop affetto", patience_s=300)
    mark = stage.outside.mark()
    stage.shell("systemctl restart affetto-boot affetto", patience_s=300)
    stage.await_online(mark)
    return mark


def await_tracks(stage: Stage, count: int, mark: int, patience_s: float = BACK_S) -> float:
    """Until so many songs are known; the seconds it took. Raises NotHeard. At a start, the device tells first what it
    knew before."""
    began_s = time.monotonic()
    if count > OWN:
        stage.until("findmnt -rn -t cifs,nfs4", "no share is mounted")
    stage.outside.wait_for("health", lambda one: one.json.get("tracks") == count, since=mark, patience_s=patience_s)
    return time.monotonic() - began_s


def is_back(health: dict[str, Any]) -> bool:
    """Whether all songs are known and no problem names the server. The number alone may not tell: the songs of a frozen
    server may stay known."""
    return health.get("tracks") == ALL and SERVER not in " ".join(health.get("problems", []))


def await_back(stage: Stage, mark: int, patience_s: float) -> float:
    """Until a server that did not answer is back; the seconds it took. Raises NotHeard."""
    began_s = time.monotonic()
    stage.outside.wait_for("health", lambda one: is_back(one.json), since=mark, patience_s=patience_s)
    return time.monotonic() - began_s


def answers(stage: Stage, times: int = 5) -> float:
    """The longest that the device takes to obey over MQTT, s."""
    longest_s = 0.0
    for number in range(times):
        now, volume = stage.outside.last("volume/state"), 20 + number
        volume += now is not None and now.payload == str(volume)
        mark = stage.outside.mark()
        said_s = stage.outside.say("volume/set", str(volume))
        heard = stage.outside.wait_for(
            "volume/state", lambda one, wanted=str(volume): one.payload == wanted, since=mark, patience_s=60
        )
        longest_s = max(longest_s, heard.at_s - said_s)
    return longest_s


def play(stage: Stage, folder: str, number: int = 0) -> int:
    """Play a song of a share, and wait until it is heard; the place in what is heard where that begins."""
    mark = stage.outside.mark()
    uri = f"file://{folder}/happy/{folder.rpartition('/')[2].replace('music', 'smb')}%20song%20{number}.wav"
    stage.outside.say("queue/set", json.dumps({"add": [uri], "where": "now"}))
    stage.outside.wait_for(
        "track/state", lambda one: one.json.get("uri") == uri and one.json["state"] == "playing", since=mark
    )
    return mark


def problems(stage: Stage, words: str, mark: int, patience_s: float = NAMED_S) -> str:
    """The sentence of `health` that holds the words. Raises NotHeard."""
    found = stage.outside.wait_for(
        "health", lambda one: words in " ".join(one.json.get("problems", [])), since=mark, patience_s=patience_s
    )
    return next(one for one in found.json["problems"] if words in one)


def checked(stage: Stage, words: str) -> str:
    """What `affetto check` says that holds the words, and how long all of it took."""
    began_s = time.monotonic()
    done = stage.shell.run("timeout 300 affetto check", patience_s=330)
    line = next((line for line in done.output.splitlines() if words in line), f"nothing; status {done.status}")
    return f"{line} ({time.monotonic() - began_s:.0f} s)"


def mounted(stage: Stage) -> Iterator[Row]:
    """One entry in the settings mounts a share"""
    nas.furnish(stage.shell)
    nas.switch_on(stage.shell)
    mark = configure(stage, settings(stage, SMB, NFS))
    names = "media-affetto-music.automount media-affetto-nfs.automount"
    stage.until(f"systemctl is-active -q {names}", "the automounts do not appear")
    units = stage.shell("systemctl list-units --type=automount --plain --no-legend 'media-affetto*' | cut -d' ' -f1")
    yield equal("shares: automounts", " ".join(sorted(units.split())), names)
    took_s = await_tracks(stage, ALL, mark)
    yield within("shares: their songs are in the library after", took_s, "s", BACK_S)
    kinds = stage.shell(f"findmnt -rno FSTYPE {SMB_FOLDER} | tail -n 1; findmnt -rno FSTYPE {NFS_FOLDER} | tail -n 1")
    yield equal("shares: what is mounted", " ".join(kinds.split()), "cifs nfs4")
    options = stage.shell("findmnt -rno OPTIONS -t cifs,nfs4 | grep -c '^ro,nosuid,nodev,noexec' || true")
    yield equal("shares: read-only, and nothing on them is executed", options, "2")
    rights = stage.shell("stat -c '%a %U' /run/affetto-shares /run/affetto-shares/music")
    yield equal("shares: the password", "; ".join(rights.splitlines()), "700 root; 600 root")
    shown = stage.shell(f"""{{ cat /proc/mounts; systemctl show 'media-affetto-*'; journalctl -b -q; }} |
        grep -c -F '{PASSWORD}' || true""")
    yield equal("shares: lines with the password in mounts, units and journal", shown, "0")
    for name, folder in (("Samba", SMB_FOLDER), ("NFS", NFS_FOLDER)):
        play(stage, folder)
        yield Row(f"shares: a song from {name} plays", "it plays", "it plays")
    yield Row("shares: affetto check", line := checked(stage, "//10.9.0.2/music"), "well", "is at" in line)


def frozen(stage: Stage) -> Iterator[Row]:
    """A server that freezes while its song plays"""
    yield from while_playing(stage, "Samba, frozen", SMB_FOLDER, nas.freeze, nas.thaw)
    yield from while_playing(stage, "NFS, cable pulled", NFS_FOLDER, nas.unplug, nas.plug)


def while_playing(stage: Stage, name: str, folder: str, stop: nas.Act, go_on: nas.Act) -> Iterator[Row]:
    """The server stops while its song plays, and comes back."""
    play(stage, folder, 1)
    mark = stage.outside.mark()
    stop(stage.shell)
    stopped_s = time.time()
    failed = stage.outside.event("track_failed", since=mark, patience_s=420)
    words = failed.json.get("message", "")
    yield Row(f"{name}: its song is given up", f"{failed.at_s - stopped_s:.0f} s after; {words}")
    yield within(f"{name}: the device obeys within", answers(stage), "s", ANSWER_S)
    following = stage.outside.wait_for(
        "track/state",
        lambda one: one.at_s > failed.at_s and one.json["state"] == "playing" and folder not in one.json["uri"],
        since=mark,
    )
    yield within(f"{name}: a song from elsewhere plays after", following.at_s - failed.at_s, "s", NEXT_S)
    yield Row(
        f"{name}: health says", said := problems(stage, SERVER, mark), "server, what to do", "switch" in said.lower()
    )
    line = checked(stage, SERVER)
    yield Row(f"{name}: affetto check", line, "a problem", "does not answer" in line)
    yield within(f"{name}: the device obeys within, later", answers(stage), "s", ANSWER_S)
    mark = stage.outside.mark()
    go_on(stage.shell)
    took_s = await_back(stage, mark, 600)
    yield within(f"{name}: it is back, and its songs are in the library after", took_s, "s", BACK_S)
    play(stage, folder, 2)
    yield Row(f"{name}: a song from it plays again", "it plays", "it plays")
    pid = stage.pid("affetto.service")
    restarts = stage.shown("affetto.service", "NRestarts")["NRestarts"]
    yield equal(f"{name}: restarts of the conductor", restarts if pid else "it is gone", "0")


def switched_off(stage: Stage) -> Iterator[Row]:
    """The device is switched off while both servers are frozen"""
    play(stage, SMB_FOLDER)
    nas.unplug(stage.shell)
    began_s = time.monotonic()
    stage.shell.run("systemctl poweroff", patience_s=30)
    while stage.machine.runs and time.monotonic() < began_s + 300:
        time.sleep(0.5)
    yield within("switch off with frozen servers", time.monotonic() - began_s, "s", OFF_S)
    stage.machine.cut()


def absent(stage: Stage) -> Iterator[Row]:
    """The device starts while the servers are off"""
    mark = stage.outside.mark()
    stage.machine.start()
    stage.await_online(mark)
    stage.outside.wait_for(
        "track/state", lambda one: not one.retained and one.json.get("state") == "playing", since=mark
    )
    took_s = time.monotonic() - stage.machine.started_s
    stage.machine.wait()
    yield within("start without the servers: music plays after (emulated)", took_s, "s", 180.0)
    own = stage.outside.wait_for("health", lambda one: one.json.get("tracks") == OWN, since=mark)
    yield equal("start without the servers: songs", own.json["tracks"], OWN)
    yield Row("start without the servers: health says", said := problems(stage, SERVER, mark), "server, what to do",
              "switch" in said.lower())  # fmt: skip
    yield within("start without the servers: the device obeys within", answers(stage), "s", ANSWER_S)
    mark = stage.outside.mark()
    nas.switch_on(stage.shell)
    yield within("the servers are switched on, and their songs are in the library after",
                 await_tracks(stage, ALL, mark, 600), "s", BACK_S)  # fmt: skip


def wrong_password(stage: Stage) -> Iterator[Row]:
    """A wrong password"""
    mark = configure(stage, settings(stage, SMB, NFS, password="wrong"))
    await_tracks(stage, ALL - nas.SONGS, mark)
    said = problems(stage, SMB_FOLDER.rpartition("/")[2], mark)
    yield Row("wrong password: health says", said, "the password", "password" in said)
    mark = configure(stage, settings(stage, SMB, NFS))
    yield within("right password: the songs are back after", await_tracks(stage, ALL, mark), "s", BACK_S)


def removed(stage: Stage) -> Iterator[Row]:
    """A share that is removed from the settings"""
    mark = configure(stage, settings(stage, NFS))
    await_tracks(stage, ALL - nas.SONGS, mark)
    there = stage.shell("systemctl list-units --plain --no-legend 'media-affetto*' | cut -d' ' -f1")
    yield equal("share removed: units", " ".join(sorted(there.split())),
                "media-affetto-nfs.automount media-affetto-nfs.mount")  # fmt: skip
    yield equal("share removed: its password", stage.shell("ls /run/affetto-shares") or "none", "none")
    mark = configure(stage, settings(stage))
    await_tracks(stage, OWN, mark)
    left = stage.shell("systemctl list-units --plain --no-legend 'media-affetto*'")
    yield equal("all shares removed: units", left or "none", "none")
