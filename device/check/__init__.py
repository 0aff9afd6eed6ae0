"""`affetto check`: checks every part, and prints a tick, or a cross with what to do about it.

It changes nothing, asks the running program instead of disturbing it, and opens no camera without consent. Main thread;
prints each finding at once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from device.check import broker, camera, elsewhere, machine, music, page, snapcast
from device.check.finding import Finding, Verdict, note, problem, well
from device.check.running import ask, reports_sound
from device.config import files
from device.config.schema import Config
from device.config.shares import parse_shares
from device.console import count, open_console
from device.errors import ConfigError
from device.model import SHIPPED_MODELS
from device.mqtt.topics import Topics
from device.music.library.files import servers
from device.parts import first_memory
from device.store.instance import read_running

SIGNS = {Verdict.WELL: ("✓", "green"), Verdict.NOTE: ("-", "yellow"), Verdict.PROBLEM: ("✗", "red")}

Examination = tuple[str, Callable[[], Iterable[Finding]]]


def run(path: Path, *, as_json: bool = False, take_frame: bool = False) -> int:
    """Examine everything; 0 if there is no problem. `take_frame` opens the camera even if it is switched off."""
    console = open_console()
    findings = []
    with without_log():
        for finding in run_checks(path, take_frame, open_console(stderr=True, quiet=as_json)):
            findings.append(finding)
            if not as_json:
                show(finding, console)
    problems = sum(finding.verdict is Verdict.PROBLEM for finding in findings)
    if as_json:
        print(json.dumps({"ok": problems == 0, "findings": [asdict(one) for one in findings]}, indent=2))
    else:
        console.print(summary(problems))
    return 1 if problems else 0


@contextmanager
def without_log() -> Iterator[None]:
    """Keep warnings out of the log: problems become findings."""
    log = logging.getLogger("affetto")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def run_checks(path: Path, take_frame: bool, console: Console) -> Iterator[Finding]:
    """Every finding in order; `console` shows the current check."""
    try:
        config = files.load(path)
    except ConfigError as error:
        for mistake in str(error).splitlines():
            yield problem("configuration", mistake)
        yield note("configuration", "correct these mistakes first; then check again for the rest")
        return
    stronger = ", ".join(name for name, _ in files.overrides(path))
    yield well("configuration", f"{path}; {stronger} overrides it" if stronger else str(path))
    for mistake in files.boot_mistakes(path):
        yield problem("boot file", mistake, "correct it on the boot partition and restart")
    for words, examine in examinations(config, path, take_frame):
        with console.status(words):
            yield from list(examine())


def examinations(config: Config, path: Path, take_frame: bool) -> list[Examination]:
    """Every check in order, with the text to show meanwhile."""
    topics = Topics(config.mqtt.base_topic, config.device.id, config.mqtt.discovery_prefix)
    data_dir = Path(config.device.data_dir)
    models_dir = Path(config.device.models_dir) if config.device.models_dir else SHIPPED_MODELS
    found = read_running(data_dir)
    busy = found is not None or camera.is_running()
    memory, damage = machine.remembered(data_dir, first_memory(config))
    on = memory.camera
    silent = cache(lambda: servers.find_silent(parse_shares(config.music.shares)))
    return [
        ("Checking the program", machine.program),
        ("Asking the running program", lambda: ask(found)),
        ("Checking the clock", machine.clock),
        ("Loading the models", lambda: machine.models(models_dir)),
        ("Checking the data folder", lambda: machine.state(data_dir, "" if busy else damage)),
        ("Reading the music folders", lambda: music.library(config.music, data_dir, silent())),
        ("Looking for file servers", lambda: elsewhere.shares(config.music, silent())),
        ("Opening the sound device", lambda: music.sound(config.player, ours=reports_sound(found), shared=busy)),
        ("Looking for Bluetooth loudspeakers", lambda: elsewhere.bluetooth(config.player)),
        ("Checking libVLC's plugins", lambda: music.plugins(Path("/usr/lib"))),
        ("Asking the page", lambda: page.page(config, runs=found is not None)),
        ("Looking for Snapcast", lambda: snapcast.snapcast(memory.group)),
        ("Connecting to the broker", lambda: broker.broker(config.mqtt, topics)),
        (
            "Taking a picture with the camera" if (on or take_frame) and not busy else "Looking for a camera",
            lambda: camera.camera(config, path, switched_on=on, asked=take_frame, busy=busy),
        ),
    ]


def show(finding: Finding, console: Console) -> None:
    """Print a finding: in columns on a terminal, otherwise on one line."""
    if console.is_terminal:
        console.print(columns(finding))
    else:
        advice = f" -> {finding.advice}" if finding.advice else ""
        console.print(Text(f"{SIGNS[finding.verdict][0]} {finding.part}: {finding.words}{advice}"))


def columns(finding: Finding) -> Table:
    """A finding for people: sign, part, text, and the advice below it."""
    sign, colour = SIGNS[finding.verdict]
    row = Table.grid(padding=(0, 1, 0, 0))
    for width in (1, 13, None):
        row.add_column(width=width, overflow="fold")
    words = Text(finding.words)
    if finding.advice:
        words.append(f"\n{finding.advice}", style="dim" if finding.verdict is Verdict.NOTE else "bold")
    row.add_row(Text(sign, style=colour), finding.part, words)
    return row


def summary(problems: int) -> str:
    """The last line."""
    if not problems:
        return "All is well."
    return f"{count(problems, 'problem')} to solve; the lines with ✗ say how."
