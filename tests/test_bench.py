"""The figures mean what they say, and the whole measurement runs on a few pictures."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import cv2
import pytest
from rich.console import Console

from device import bench
from device.bench import deciding, running, seeing
from device.bench import reading as reading_library
from device.bench.report import MEANINGS, Report, describe_machine, percentile, show
from device.bench.seeing import Seen
from device.config.schema import CameraConfig, Config, MqttConfig
from device.demo.broker import PrivateBroker
from device.domain import EMOTIONS, EyeClosed, EyeOpened, EyeRead, Reading, SeenFace
from device.errors import AffettoError, CameraError, MqttError
from tools.people import script

FACE = SeenFace(1, (0.1, 0.1, 0.3, 0.4), 0.9, (1.0,) + (0.0,) * (len(EMOTIONS) - 1))


def reading(at_s: float = 1.0, *, faces: int = 0, **costs_ms: float) -> Reading:
    return Reading(at_s, (FACE,) * faces, True, costs_ms)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, None),
        ([7.0], 50, 7.0),
        ([7.0], 95, 7.0),
        ([4.0, 1.0, 3.0, 2.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 95, 95.0),
        ([float(n) for n in range(1, 20)], 95, 19.0),
    ],
)
def test_percentiles_are_values_that_were_measured(values: list[float], percent: float, expected: float | None) -> None:
    assert percentile(values, percent) == expected


def test_the_links_time_begins_after_the_eyes_work() -> None:
    # the frame's time is that of its arrival, so reading it came before
    assert seeing.link_ms(reading(10.0, read=50, gate=1, find=20, track=1, score=8), 10.032) == pytest.approx(2.0)
    assert seeing.link_ms(reading(10.0, find=20), 10.0) == 0.0


def test_a_stage_counts_only_where_it_had_work() -> None:
    seen = [
        Seen(reading(read=1, gate=2, score=0.001), 0.5),
        Seen(reading(read=3, gate=4, find=9, track=5, score=8, faces=1), 0.7),
    ]
    times = seeing.stage_times(seen)
    assert times["read"] == [1, 3]
    assert times["find"] == [9]
    assert times["score"] == [8]
    assert times["link"] == [0.5, 0.7]
    assert times["frame, all stages"] == pytest.approx([3.001, 29])


def test_the_first_look_names_the_camera_or_the_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox: queue.SimpleQueue[tuple[object, float]] = queue.SimpleQueue()
    inbox.put((EyeOpened("paper camera"), 1.0))
    inbox.put((EyeRead(reading()), 2.5))
    assert seeing.first_look(inbox) == ("paper camera", 2.5)  # type: ignore[arg-type]
    inbox.put((EyeClosed("The camera fell."), 3.0))
    with pytest.raises(CameraError, match="fell"):
        seeing.first_look(inbox)  # type: ignore[arg-type]
    monkeypatch.setattr(seeing, "FIRST_READING_S", 0.05)
    with pytest.raises(CameraError, match="affetto check"):
        seeing.first_look(inbox)  # type: ignore[arg-type]


def test_decisions_are_measured_for_every_reading() -> None:
    readings = [reading(n / 8, faces=1) for n in range(20)]
    times = deciding.decide(Config(), readings)
    assert len(times) == 20
    assert min(times) > 0


@pytest.fixture
def short_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long history is for a bench, not for a test."""
    listens = deciding.invented_listens
    monkeypatch.setattr(deciding, "invented_listens", lambda tracks, dice, _=0: listens(tracks, dice, 500))


@pytest.mark.usefixtures("short_history")
def test_choices_are_measured_for_every_size_of_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "LIBRARIES", {"1k": 1000, "2k": 2000})
    stages = deciding.recommend()
    kinds = ("start {}", "recommend {}", "recommend {} for six")
    assert list(stages) == [kind.format(size) for size in ("1k", "2k") for kind in kinds]
    assert [len(times) for times in stages.values()] == [deciding.STARTS, deciding.CHOICES, deciding.CHOICES] * 2
    assert min(min(times) for times in stages.values()) > 0


def test_big_libraries_are_read_and_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_library, "LIBRARIES", {"10k": 100, "100k": 200})
    stages, track_bytes = reading_library.catalogue(tmp_path)
    sizes = {name: len(times) for name, times in stages.items()}
    letters = sizes.pop("search 10k")
    assert letters > 10
    assert sizes.pop("search 100k") == letters
    assert sizes.pop("search 10k changed") == sizes.pop("search 100k changed") == reading_library.CHANGES
    assert sizes == {
        "load 10k": reading_library.STARTS, "rescan 10k": reading_library.SCANS, "load 100k": reading_library.STARTS,
    }  # fmt: skip
    assert min(min(times) for times in stages.values()) > 0
    assert track_bytes >= 0


def test_without_mosquitto_it_is_measured_without_mqtt(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: PrivateBroker) -> None:
        raise MqttError("Mosquitto is not installed.")

    monkeypatch.setattr(PrivateBroker, "start", refuse)
    with bench.broker_for(Config(mqtt=MqttConfig(host="elsewhere"))) as (config, words):
        assert not config.mqtt.enabled
        assert "not installed" in words


def test_children_of_any_thread_are_found() -> None:
    started: list[subprocess.Popen[bytes]] = []
    go_on = threading.Event()

    def start() -> None:
        started.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
        go_on.set()
        done.wait()

    done = threading.Event()
    thread = threading.Thread(target=start)
    thread.start()
    go_on.wait()
    try:
        assert started[0].pid in running.children(os.getpid())
    finally:
        done.set()
        thread.join()
        started[0].communicate()


def test_a_program_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\nthe reason\n")
    with (
        subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as process,
        pytest.raises(AffettoError, match=r"status 3(.|\n)*the reason"),
    ):
        running.rest(process, log, 30)


def test_the_machine_is_described() -> None:
    machine = describe_machine()
    assert all(machine.values()), machine
    assert machine["cores"] == str(os.cpu_count())


def test_the_table_shows_every_figure() -> None:
    report = Report(
        machine={"board": "Toaster 5"},
        source="folder x",
        seconds=2,
        frames=16,
        faces=9,
        first_reading_s=1.25,
        stages={"find": [1.0, 2.0, 3.0], "score": []},
        processes={"eye": {"cpu_percent": 12.34, "memory_mb": 50.0, "peak_mb": 60.0}},
        models={"emotion": 301.2},
        notes=["nobody listens"],
    )
    console = Console(width=100, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(show(report))
    text = console.export_text()
    assert all(word in text for word in ("Toaster 5", "2.00", "3.00", "12.3", "60.0", "emotion 301", "nobody", "1.2"))
    stages = report.as_json()["stages"]
    assert stages["find"] == {"count": 3, "p50_ms": 2.0, "p95_ms": 3.0, "max_ms": 3.0}
    assert stages["score"] == {"count": 0, "p50_ms": None, "p95_ms": None, "max_ms": None}


@pytest.mark.slow
@pytest.mark.usefixtures("short_history")
def test_everything_is_measured_on_a_few_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, scratch = tmp_path / "pictures", tmp_path / "scratch"
    pictures.mkdir()
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr(running, "SETTLE_S", 0.5)
    monkeypatch.setattr(bench, "LARGE", 500)  # the figures of large libraries are for a bench, not for a test
    for module in (deciding, reading_library):
        small = {name: min(count, 2000) for name, count in module.LIBRARIES.items()}
        monkeypatch.setattr(module, "LIBRARIES", small)
    for shot in [shot for shot in script.script() if shot.intended][20:36]:
        cv2.imwrite(str(pictures / f"{shot.number}.png"), script.take(shot))
    config = Config(camera=CameraConfig(fps=10))
    assert bench.run(config, seconds=3.0, source=str(pictures), as_json=True) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["frames"] >= 15
    assert figures["faces"] >= 10
    assert set(figures["stages"]) == set(MEANINGS)
    for name, stage in figures["stages"].items():
        assert stage["count"] > 0, name
        assert 0 <= stage["p50_ms"] <= stage["p95_ms"], name
    for name, cost in figures["processes"].items():
        assert 10 < cost["memory_mb"] <= cost["peak_mb"], name
        assert 0 < cost["cpu_percent"] < 400, name
    assert list(scratch.iterdir()) == []


def test_a_source_that_is_not_there_is_told_in_a_sentence() -> None:
    with pytest.raises(CameraError, match=r"no-such-video\.mp4"):
        bench.run(Config(), seconds=1.0, source="no-such-video.mp4", as_json=True)
