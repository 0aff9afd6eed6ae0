"""`affetto bench`: measures the time of each stage, and the costs of both processes, on this machine.

Measures one after the other: an eye in real time (seeing.py), the decisions on its readings at full speed
(deciding.py), and the whole program in real time (running.py). Main thread; writes only into a temporary folder.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from device.bench.deciding import command_times, decide, recommend
from device.bench.reading import catalogue
from device.bench.report import Report, describe_machine, show
from device.bench.running import watch_program
from device.bench.seeing import stage_times, watch_eye
from device.bench.waiting import longest_waits
from device.config.schema import Config, MqttConfig
from device.demo import MUSIC, PEOPLE
from device.demo.broker import PrivateBroker
from device.demo.show import write
from device.errors import MqttError
from device.model import SHIPPED_MODELS

LARGE = 100_000  # files in the library that the scanner handles while another thread waits


def run(config: Config, *, seconds: float, source: str | None = None, as_json: bool = False) -> int:
    """Measure for twice `seconds`, and print a table or JSON. Returns 0 if every measurement worked."""
    console = Console(stderr=as_json)
    with tempfile.TemporaryDirectory(prefix="affetto-bench-") as name, bars(console) as progress:
        home = Path(name)
        config = prepare(config, home, source)
        with broker_for(config) as (config, words):
            path = write(config, home / "config.yaml")
            seen, camera, first_s = watch_eye(config, path, seconds, progress)
            costs = watch_program(path, home / "affetto.log", seconds, progress)
        progress.add_task("Reading big libraries", total=None)
        reads, track_bytes = catalogue(home / "libraries")
        waits = longest_waits(home / "waiting", LARGE)
    readings = [one.reading for one in seen]
    report = Report(
        machine=describe_machine(),
        source=camera,
        seconds=seconds,
        frames=len(seen),
        faces=sum(len(reading.faces) for reading in readings),
        first_reading_s=first_s,
        stages=stage_times(seen) | {
            "session": decide(config, readings),
            **recommend(),
            **reads,
            "command 100k": command_times(),
        },
        processes={name: asdict(cost) for name, cost in costs.items()},
        models=model_sizes(config),
        notes=[
            words,
            "music goes into VLC's dummy output",
            f"a command waits at most {max(waits.values()):.0f} ms for a scanner that loads, rescans and loses "
            f"{LARGE:,} files",
            f"a track of a library of 100,000 takes {track_bytes:.0f} bytes of memory, half of them analysed",
        ],
    )
    if as_json:
        print(json.dumps(report.as_json(), indent=1))
    else:
        console.print(show(report))
    return 0


def prepare(config: Config, home: Path, source: str | None) -> Config:
    """The user's settings, but with the camera on, the demo's songs in VLC's dummy output, and a temporary folder."""
    if source is None:
        source = str(PEOPLE)
    elif Path(source).exists():
        source = str(Path(source).resolve())
    return replace(
        config,
        device=replace(config.device, id="bench", data_dir=str(home / "data")),
        camera=replace(config.camera, enabled=True, source=source, eye_socket=""),
        music=replace(config.music, folders=(str(MUSIC),), autoplay=True),
        player=replace(config.player, output="dummy", device=""),
    )


@contextmanager
def broker_for(config: Config) -> Iterator[tuple[Config, str]]:
    """A private broker if Mosquitto is installed, otherwise no MQTT; and a note about it."""
    broker = PrivateBroker()
    with closing(broker):
        try:
            broker.start()
        except MqttError as error:
            yield replace(config, mqtt=MqttConfig(enabled=False)), f"without MQTT, because: {error}"
            return
        ours = replace(broker.config, mood_interval_s=config.mqtt.mood_interval_s)
        yield replace(config, mqtt=ours), "MQTT goes to a private Mosquitto on this machine"


@contextmanager
def bars(console: Console) -> Iterator[Progress]:
    """Progress bars on a terminal; otherwise nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress


def model_sizes(config: Config) -> dict[str, float]:
    """The size of each model in KiB."""
    folder = Path(config.device.models_dir) if config.device.models_dir else SHIPPED_MODELS
    return {path.stem: path.stat().st_size / 1024 for path in sorted(folder.glob("*.tflite"))}
