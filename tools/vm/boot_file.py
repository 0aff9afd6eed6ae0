"""The file on the boot partition: a correct one, one with mistakes, and a correct one again."""

from __future__ import annotations

from collections.abc import Iterator

from tools.vm.stage import BOOT_FILE, PASSWORD, Stage
from tools.vm.table import Row, equal

BAD = {"player": "  volum: 44\n", "mood": "  policy: sleepy\n"}
ERRORS = "/boot/firmware/affetto-errors.txt"


def taken_over(stage: Stage) -> Iterator[Row]:
    """A good file on the boot partition is in force"""
    room = stage.outside.wait_for("room/state", lambda one: True)
    yield equal("boot file: the room that it names, outside", room.payload, "test")
    on_card = stage.shell(f"grep -c -a {PASSWORD} $(findmnt -no SOURCE /boot/firmware) || true")
    yield equal("boot file: lines with the password on the whole boot partition", on_card, "0")
    rights = stage.shell("stat -c '%a %U' /etc/affetto/secrets.yaml")
    yield equal("boot file: the password is kept where only root reads", rights, "600 root")
    yield equal("boot file: mistakes", stage.shell(f"test -e {ERRORS} && echo some || echo none"), "none")


def break_it(stage: Stage) -> None:
    """Write a file with two mistakes for the next start."""
    text = stage.settings(**BAD)
    stage.shell.put(text.encode(), BOOT_FILE)


def mistakes(stage: Stage) -> Iterator[Row]:
    """A bad file on the boot partition is reported, and changes nothing"""
    text = stage.shell(f"cat {ERRORS}")
    lines = stage.settings(**BAD).splitlines()
    for mistake, hint in (("volum: 44", "volume"), ("policy: sleepy", "match")):
        number = next(i for i, line in enumerate(lines, 1) if mistake in line)
        line = next((one for one in text.splitlines() if f"affetto.yaml:{number}:" in one), "")
        yield Row(f"affetto-errors.txt on {mistake!r}", line or text[-120:], f"line {number}, and a hint", hint in line)
    health = stage.outside.wait_for("health", lambda one: bool(one.json.get("problems")), since=stage.started)
    problems = "; ".join(health.json["problems"])
    yield Row("health outside reports it", problems[:120], "the mistake", "volum" in problems)
    playing = stage.outside.wait_for("track/state", lambda one: bool(one.json["title"]), since=stage.started)
    yield equal("with a bad file: music", playing.json["state"], "playing")


def corrected(stage: Stage) -> Iterator[Row]:
    """The corrected file is in force, and the mistakes are gone"""
    text = stage.shell(f"test -e {ERRORS} && echo there || echo gone")
    yield equal("corrected file: affetto-errors.txt", text, "gone")
