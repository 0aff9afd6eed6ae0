"""What every check gets: the machine, the broker outside, and the rows so far."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tools.vm.machine import HOST_SEEN_FROM_INSIDE, POLL_S, Machine, Patience
from tools.vm.outside import Outside
from tools.vm.shell import Shell, fields
from tools.vm.table import Row

MUSIC = "/srv/long"
DEVICE, USER, PASSWORD = "vm", "affetto", "Sesame-open-4711"
BOOT_FILE = "/boot/firmware/affetto.yaml"
PYTHON = "/opt/affetto/current/.venv/bin/python"
Check = Callable[["Stage"], Iterator[Row]]


@dataclass
class Stage:
    """The machine, the broker outside, and the rows."""

    machine: Machine
    outside: Outside
    rows: list[Row] = field(default_factory=list)
    camera: str = "auto"
    started: int = 0  # the place in what was heard where the last start begins
    began_s: float = field(default_factory=time.monotonic)

    @property
    def shell(self) -> Shell:
        return self.machine.shell

    def say(self, words: str) -> None:
        """Progress, for people."""
        print(f"[{time.monotonic() - self.began_s:6.0f} s] {words}", file=sys.stderr, flush=True)

    def check(self, *checks: Check) -> None:
        """Run checks and keep their rows; a check that breaks is a failed row, and the others go on."""
        for one in checks:
            words = (one.__doc__ or one.__name__).strip().splitlines()[0].rstrip(".")
            self.say(words)
            try:
                for row in one(self):
                    self.add(row)
            except Exception as error:
                self.add(Row(words, f"{type(error).__name__}: {error}"[:300], "an answer", False))

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.say(f"    {row.what}: {row.measured} {row.sign}")

    def shown(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit."""
        return fields(self.shell(f"systemctl show {unit} -p {','.join(names)}"))

    def pid(self, unit: str) -> int:
        """The process of a unit; 0 if it does not run."""
        return int(self.shown(unit, "MainPID")["MainPID"])

    def skew_s(self) -> float:
        """How far the machine's clock is ahead of ours; the best of some tries, because a question takes its time."""
        tries = []
        for _ in range(5):
            before_s = time.time()
            there_s = float(self.shell("date +%s.%N"))
            after_s = time.time()
            tries.append((after_s - before_s, there_s - (before_s + after_s) / 2))
        return min(tries)[1]

    def until(self, script: str, words: str, patience_s: float = 240.0, pause_s: float = 0.5) -> str:
        """Wait in the machine until a script succeeds; what it printed. Raises ShellError."""
        turns = int(patience_s / pause_s)
        late = f"echo '{words}' >&2; exit 9"
        waiting = f"i=0; until ( {script} ); do i=$((i+1)); [ $i -lt {turns} ] || {{ {late}; }}; sleep {pause_s}; done"
        return self.shell(waiting, patience_s=patience_s * 3 + 60)

    def settings(self, **more: str) -> str:
        """The text for the boot partition that names the broker outside; `more` are lines of sections."""
        sections = {
            "device": f"  id: {DEVICE}\n  name: Machine without a board\n  room: test\n",
            "mqtt": f'  host: "{HOST_SEEN_FROM_INSIDE}"\n  port: {self.outside.broker.port}\n  username: {USER}\n',
            "camera": f'  source: "{self.camera}"\n  hang_s: 60\n  fps: 2\n',
            "music": f'  folders: ["{MUSIC}"]\n',
            "mood": "  hold_s: 5\n  dwell_s: 1\n",
            "player": '  output: alsa\n  device: "plughw:CARD=Loopback,DEV=0"\n  volume: 30\n',
        }
        for name, lines in more.items():
            sections[name] = sections.get(name, "") + lines
        return "".join(f"{name}:\n{lines}" for name, lines in sections.items())

    def restart(self, camera: str) -> None:
        """Another camera, as somebody would: in the file on the boot partition; then everything anew."""
        self.camera = camera
        self.shell.put(self.settings().encode(), BOOT_FILE)
        mark = self.outside.mark()
        self.shell("systemctl restart affetto-boot affetto", patience_s=300)
        self.await_online(mark)

    def await_online(self, mark: int = 0) -> None:
        """Until the device is online, as heard outside. Raises VmError."""
        patience = Patience(time.monotonic())
        while not any(one.payload == "online" and not one.retained for one in self.outside.all("availability", mark)):
            self.machine.await_progress(patience, "the device does not come online")
            time.sleep(POLL_S)

    def await_progress(self, script: str, words: str) -> None:
        """Until a script succeeds in the machine, as long as that makes progress. Raises VmError."""
        patience = Patience(time.monotonic())
        while self.shell.run(script).status:
            self.machine.await_progress(patience, words)
            time.sleep(POLL_S)
