"""`affetto bench`: how long each stage takes, and what both processes cost, on this machine.

Two measurements one after the other, both in real time. First an eye of our own, over the same link as always, for the
time of each stage; its readings are then given to a session as fast as it takes them. Then the whole program, `affetto
run` as a child with music playing, for processor and memory. Main thread; writes only into a temporary folder.
"""

from __future__ import annotations

import json
import queue
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from device.bench_report import Report, describe_machine, show
from device.config import Config, MqttConfig
from device.demo import scene, songs
from device.demo.album import SONGS
from device.demo.broker import PrivateBroker
from device.demo.show import conductor, last_lines, write
from device.domain import (
    MOOD_AFFECT,
    Event,
    EyeClosed,
    EyeOpened,
    EyeRead,
    LibraryLoaded,
    Listen,
    Memory,
    MoodName,
    Now,
    Outcome,
    Reading,
    Target,
    Track,
)
from device.errors import AffettoError, CameraError, MqttError, PlayerError
from device.home.topics import Topics
from device.music.recommend import Taste, choose
from device.perception.eye import SHIPPED_MODELS
from device.perception.link import EyeLink
from device.process import cpu_s, memory_mb, peak_memory_mb
from device.session import Session

STAGES = ("read", "gate", "find", "track", "score")
FIRST_READING_S = 30.0  # models and camera have to open first
SETTLE_S = 3.0  # start-up is not what runs all day
TRACKS, LISTENS, CHOICES = 1000, 2000, 200  # a big library that somebody has lived with


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: share of one core in percent; resident memory at the end and at most, in MB."""

    cpu_percent: float
    memory_mb: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Seen:
    """One reading and how it came: `link_ms` from the last stage in the eye to the conductor's inbox."""

    reading: Reading
    link_ms: float


def run(config: Config, *, seconds: float, source: str | None = None, as_json: bool = False) -> int:
    """Measure for twice `seconds` and print a table, or JSON; 0 if everything could be measured."""
    console = Console(stderr=as_json)
    with tempfile.TemporaryDirectory(prefix="affetto-bench-") as name, bars(console) as progress:
        home = Path(name)
        config = prepare(config, home, source, progress)
        with broker_for(config) as (config, words):
            path = write(config, home / "config.yaml")
            seen, camera, first_s = watch_eye(config, path, seconds, progress)
            costs = watch_program(path, home / "affetto.log", seconds, progress)
    readings = [one.reading for one in seen]
    report = Report(
        machine=describe_machine(),
        source=camera,
        seconds=seconds,
        frames=len(seen),
        faces=sum(len(reading.faces) for reading in readings),
        first_reading_s=first_s,
        stages=stage_times(seen) | {"session": decide(config, readings), "recommend": recommend()},
        processes={name: asdict(cost) for name, cost in costs.items()},
        models=model_sizes(config),
        notes=[words, "music goes into VLC's dummy output"],
    )
    if as_json:
        print(json.dumps(report.as_json(), indent=1))
    else:
        console.print(show(report))
    return 0


# --- Preparations -----------------------------------------------------------------------------------------------


def prepare(config: Config, home: Path, source: str | None, progress: Progress) -> Config:
    """The user's configuration, with a camera that is on, music of our own that nobody hears, and a folder of ours."""
    if source is None:
        pictures = home / "pictures"
        task = progress.add_task("Drawing people", total=None)
        scene.render(pictures, lambda done, total: progress.update(task, completed=done, total=total))
        source = str(pictures)
    elif Path(source).exists():
        source = str(Path(source).resolve())
    press(home / "music" / SONGS[0].mood)
    return replace(
        config,
        device=replace(config.device, id="bench", data_dir=str(home / "data")),
        camera=replace(config.camera, enabled=True, source=source, eye_socket=""),
        music=replace(config.music, folders=(str(home / "music"),), autoplay=True),
        player=replace(config.player, output="dummy", device=""),
    )


def press(folder: Path) -> None:
    """One record to play."""
    folder.mkdir(parents=True)
    song = SONGS[0]
    (folder / "record.wav").write_bytes(songs.press(song, songs.play(song)))


@contextmanager
def broker_for(config: Config) -> Iterator[tuple[Config, str]]:
    """A private broker where Mosquitto is installed, otherwise no MQTT; and a note that says so."""
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
    """Progress bars; where nobody watches, nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress


# --- The eye and its link ---------------------------------------------------------------------------------------


def watch_eye(config: Config, path: Path, seconds: float, progress: Progress) -> tuple[list[Seen], str, float]:
    """Readings for `seconds`, the camera's name, and how long the first reading took. Raises CameraError if the eye
    cannot see."""
    inbox: queue.SimpleQueue[tuple[Event, float]] = queue.SimpleQueue()
    link = EyeLink(config.camera, path, lambda event: inbox.put((event, time.monotonic())))
    task = progress.add_task("Timing the eye", total=seconds)
    began = time.monotonic()
    link.open()
    try:
        camera, first_at = first_look(inbox)
        seen: list[Seen] = []
        while (left_s := first_at + seconds - time.monotonic()) > 0:
            try:
                event, arrived = inbox.get(timeout=left_s)
            except queue.Empty:
                break
            if isinstance(event, EyeClosed):
                break
            if isinstance(event, EyeRead):
                seen.append(Seen(event.reading, link_ms(event.reading, arrived)))
            progress.update(task, completed=seconds - left_s)
    finally:
        link.close()
        link.join()
    progress.update(task, completed=seconds)
    if not seen:
        raise CameraError(f"The eye gave only one reading of {camera}; give it a longer recording.")
    return seen, camera, first_at - began


def first_look(inbox: queue.SimpleQueue[tuple[Event, float]]) -> tuple[str, float]:
    """The camera's name and when the first reading came."""
    camera, end = "", time.monotonic() + FIRST_READING_S
    while True:
        try:
            event, arrived = inbox.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            why = f"The eye saw nothing within {FIRST_READING_S:.0f} s; try affetto check --camera."
            raise CameraError(why) from None
        match event:
            case EyeOpened(name):
                camera = name
            case EyeRead():
                return camera, arrived
            case EyeClosed(problem):
                raise CameraError(problem)


def link_ms(reading: Reading, arrived: float) -> float:
    """From the end of the last stage to the inbox: writing, the socket, reading. The frame's time is that of its
    arrival in the eye, after `read`; both processes share the clock."""
    worked_ms = sum(cost for stage, cost in reading.costs_ms.items() if stage != "read")
    return max((arrived - reading.at_s) * 1000 - worked_ms, 0.0)


def stage_times(seen: Sequence[Seen]) -> dict[str, list[float]]:
    """Milliseconds of each stage, for the frames on which it had work: finding is not done on every frame, and no
    face is no work for scoring."""
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for one in seen:
        for stage in STAGES:
            cost = one.reading.costs_ms.get(stage)
            if cost is not None and (stage != "score" or one.reading.faces):
                times[stage].append(cost)
    times["frame, all stages"] = [sum(one.reading.costs_ms.values()) for one in seen]
    times["link"] = [one.link_ms for one in seen]
    return times


# --- Decisions --------------------------------------------------------------------------------------------------


def decide(config: Config, readings: Sequence[Reading]) -> list[float]:
    """Milliseconds that the session takes for each reading, with a big library."""
    dice = random.Random(1)
    tracks = invented_tracks(dice)
    topics = Topics(config.mqtt.base_topic, config.device.id, config.mqtt.discovery_prefix)
    session = Session(config, Memory(camera=True), invented_listens(tracks, dice), topics, dice)
    first = readings[0].at_s
    session.start(Now(first, time.time()))
    session.handle(LibraryLoaded(tracks), Now(first, time.time()))
    session.handle(EyeOpened("bench"), Now(first, time.time()))
    return [timed(partial(session.handle, EyeRead(one), Now(one.at_s, time.time()))) for one in readings]


def recommend() -> list[float]:
    """Milliseconds of each choice of a track."""
    dice = random.Random(1)
    tracks = invented_tracks(dice)
    taste = Taste(invented_listens(tracks, dice))
    target = Target(MOOD_AFFECT[MoodName.HAPPY], MoodName.HAPPY, "the room is happy")
    now = Now(0.0, time.time())
    return [timed(partial(choose, tracks, target, taste, "everyone", now, dice)) for _ in range(CHOICES)]


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def invented_tracks(dice: random.Random) -> tuple[Track, ...]:
    """A library of the size that the figures are given for."""
    moods = [dice.choice(list(MoodName)) for _ in range(TRACKS)]
    return tuple(
        Track(f"{number:040x}", f"file:///music/{number}.flac", f"Track {number}", f"Artist {number % 97}",
              duration_s=200.0, affect=MOOD_AFFECT[mood], mood=mood)
        for number, mood in enumerate(moods)
    )  # fmt: skip


def invented_listens(tracks: Sequence[Track], dice: random.Random) -> list[Listen]:
    now = time.time()
    outcomes = list(Outcome)
    return [
        Listen(track.key, "everyone", track.mood, dice.choice(outcomes), now - (LISTENS - number) * 200.0, 100.0)
        for number, track in enumerate(dice.choices(tracks, k=LISTENS))
    ]


# --- The whole program ------------------------------------------------------------------------------------------


def watch_program(path: Path, log: Path, seconds: float, progress: Progress) -> dict[str, Cost]:
    """What conductor and eye cost while the program runs as it does on a board."""
    task = progress.add_task("Watching the whole program", total=seconds + SETTLE_S)
    with conductor(path, log) as process:
        eye = await_eye(process, log)
        await_music(process, log)
        rest(process, log, SETTLE_S)
        progress.update(task, completed=SETTLE_S)
        before, began = {pid: cpu_s(pid) for pid in (eye, process.pid)}, time.monotonic()
        while (gone_s := time.monotonic() - began) < seconds:
            rest(process, log, min(0.25, seconds - gone_s))
            progress.update(task, completed=SETTLE_S + gone_s)
        if not memory_mb(eye):
            raise CameraError(f"The eye did not last for {seconds:.0f} s:\n{last_lines(log)}")
        lasted_s = time.monotonic() - began
        return {
            name: Cost((cpu_s(pid) - before[pid]) / lasted_s * 100, memory_mb(pid), peak_memory_mb(pid))
            for name, pid in (("eye", eye), ("conductor", process.pid))
        }


def await_eye(process: subprocess.Popen[bytes], log: Path) -> int:
    """The process number of the eye that the conductor has started."""
    end = time.monotonic() + FIRST_READING_S
    while time.monotonic() < end:
        for pid in children(process.pid):  # others come and go: looking for libVLC starts a program too
            if b"eye" in words_of(pid):
                return pid
        rest(process, log, 0.05)
    raise CameraError(f"The program did not start its eye within {FIRST_READING_S:.0f} s:\n{last_lines(log)}")


def await_music(process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the conductor's log says that a track is heard; the first one waits for a face for some seconds."""
    end = time.monotonic() + FIRST_READING_S
    while b"track_started" not in log.read_bytes():
        if time.monotonic() > end:
            raise PlayerError(f"No music played within {FIRST_READING_S:.0f} s:\n{last_lines(log)}")
        rest(process, log, 0.1)


def rest(process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    """Wait; raises AffettoError if the program ends meanwhile."""
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    raise AffettoError(f"The program ended with status {status}:\n{last_lines(log)}")


def children(pid: int) -> list[int]:
    """The processes that any thread of `pid` has started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in lists for child in path.read_text().split()]


def words_of(pid: int) -> list[bytes]:
    """The command line of a process; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def model_sizes(config: Config) -> dict[str, float]:
    """KiB of each model."""
    folder = Path(config.device.models_dir) if config.device.models_dir else SHIPPED_MODELS
    return {path.stem: path.stat().st_size / 1024 for path in sorted(folder.glob("*.tflite"))}
