"""The replay tool: what it reports and draws, from the arguments to the file. Needs matplotlib for the picture."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.config.schema import CameraConfig, Config, MoodConfig
from device.domain import Face, MoodName
from device.errors import CameraError, ConfigError
from device.model import SHIPPED_MODELS
from device.perception.camera import FakeCamera, open_camera
from device.perception.eye import Eye
from tools import replay
from tools.replaying.recording import PICTURES, Pictures, Replay, percentile95
from tools.replaying.report import as_json, summary

TOOLS = Path(__file__).resolve().parent.parent / "tools"
FPS = 8
HAPPY = (0.02, 0.96, 0.01, 0.01, 0, 0, 0, 0)
SAD = (0.03, 0.01, 0.01, 0.95, 0, 0, 0, 0)
PICTURE = np.full((120, 160), 90, np.uint8)


class Actor:
    """A face that is happy for a while, away for a while, and then sad; a detector and a classifier in one."""

    def __init__(self, happy_s: float, away_s: float) -> None:
        self.frames, self.happy, self.away = 0, happy_s * FPS, away_s * FPS

    def find(self, gray: np.ndarray) -> list[Face]:
        x = 30.0 + 8 * abs(self.frames % 16 - 8)  # it never keeps still, so that it is looked for in every frame
        self.frames += 1
        if self.happy < self.frames <= self.happy + self.away:
            return []
        points = ((x + 14, 54.0), (x + 36, 54.0), (x + 25, 65.0), (x + 16, 74.0), (x + 34, 74.0))
        return [Face(x, 34.0, 50.0, 50.0, 0.95, points)]

    def scores(self, crop: np.ndarray) -> np.ndarray:
        return np.float32(HAPPY if self.frames <= self.happy else SAD)


def moving(seconds: float) -> list[np.ndarray]:
    pictures = []
    for number in range(round(seconds * FPS)):
        picture = PICTURE.copy()
        picture[:, 10 * (number % 12) : 10 * (number % 12) + 30] = 190
        pictures.append(picture)
    return pictures


@pytest.fixture(scope="module")
def done() -> Replay:
    actor = Actor(happy_s=8, away_s=4)
    eye = Eye(FakeCamera(moving(30), fps=FPS), actor, actor, gestures=False)
    return replay.replay(eye, Config(mood=MoodConfig(hold_s=4.0, dwell_s=2.0)), "a play")


def test_it_tells_what_the_smoothing_makes_of_what_the_eye_saw(done: Replay) -> None:
    assert len(done.steps) == 30 * FPS
    assert done.length_s == pytest.approx(30.0)
    assert [(switch.old, switch.new) for switch in done.switches] == [
        (MoodName.NEUTRAL, MoodName.HAPPY),
        (MoodName.HAPPY, MoodName.SAD),
    ]
    assert 2.0 <= done.switches[0].at_s <= 4.0
    assert 14.0 <= done.switches[1].at_s <= 24.0
    assert done.face_share() == pytest.approx(26 / 30, abs=0.01)
    assert sum(done.seconds().values()) == pytest.approx(30.0)
    assert set(done.costs_ms()) == {"read", "gate", "find", "track", "score"}


def test_the_summary_names_every_switch(done: Replay) -> None:
    text = summary(done)
    assert "240 frames looked at, 30.0 s, a face that counts in 86%" in text
    assert "neutral -> happy" in text
    assert "happy -> sad" in text


def test_json_holds_every_step(done: Replay) -> None:
    told = json.loads(json.dumps(as_json(done), allow_nan=False))
    assert told["frames"] == len(told["steps"]) == 240
    assert told["settings"]["dwell_s"] == 2.0
    assert [switch["new"] for switch in told["switches"]] == ["happy", "sad"]
    first = told["steps"][0]
    assert first["faces"][0]["scores"]["happiness"] == pytest.approx(0.96)
    assert sum(first["smoothed"].values()) == pytest.approx(1.0, abs=0.001)
    assert told["steps"][9 * FPS]["faces"] == []


def test_pictures_are_spread_over_a_recording_of_any_length() -> None:
    for length in (1, 20, 33, 1000):
        pictures = Pictures()
        for number in range(length):
            pictures.add(number, PICTURE)  # type: ignore[arg-type]
        kept = [number for number, _ in pictures.kept]
        assert kept[0] == 0
        assert len(kept) <= PICTURES
        assert len(kept) >= min(length, PICTURES // 2)
        assert len({later - earlier for earlier, later in itertools.pairwise(kept)}) <= 1


@pytest.mark.parametrize(
    ("values", "expected"), [([5.0], 5.0), ([2.0, 1.0], 2.0), ([float(n) for n in range(1, 101)], 95.0)]
)
def test_percentile(values: list[float], expected: float) -> None:
    assert percentile95(values) == expected


# --- The picture ----------------------------------------------------------------------------------------------------


def area(picture: np.ndarray, colour: str) -> float:
    """The share of the picture that has exactly this colour."""
    blue_green_red = tuple(bytes.fromhex(colour[1:]))[::-1]
    return float((picture == blue_green_red).all(axis=2).mean())


def test_the_picture_shows_moods_and_emotions(done: Replay, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="tools/requirements-replay.txt is not installed")
    from tools.replaying import plot

    out = tmp_path / "play.png"
    replay.write_picture(done, out)
    assert [path.name for path in tmp_path.iterdir()] == ["play.png"]
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape[1] >= 1200
    # both rows of scores and the band together are about a third of the picture; happiness fills a third of their
    # time, sadness the half
    happy, sad = (area(picture, plot.MOOD_COLOURS[name]) for name in (MoodName.HAPPY, MoodName.SAD))
    assert 0.08 < happy < 0.35
    assert 0.08 < sad < 0.35
    assert area(picture, plot.MOOD_COLOURS[MoodName.ANGRY]) < 0.002  # in the legend only


def test_a_recording_without_a_face_and_of_one_frame_is_drawn_too(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="tools/requirements-replay.txt is not installed")
    actor = Actor(happy_s=0, away_s=100)
    nobody = replay.replay(Eye(FakeCamera([PICTURE], fps=FPS), actor, actor), Config(), "nobody")
    replay.write_picture(nobody, tmp_path / "nobody.svg")
    assert "<svg" in (tmp_path / "nobody.svg").read_text()


def test_a_picture_that_cannot_be_drawn_leaves_the_old_one(
    done: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="tools/requirements-replay.txt is not installed")
    from tools.replaying import plot

    out = tmp_path / "play.png"
    out.write_bytes(b"the old one")
    monkeypatch.setattr(plot, "heading", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        replay.write_picture(done, out)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the old one"]


# --- The command ----------------------------------------------------------------------------------------------------

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command in a folder of its own, with scripted faces."""
    actor = Actor(happy_s=60, away_s=0)
    monkeypatch.setattr(replay, "open_eye", lambda c, live: Eye(open_camera(c.camera, live=live), actor, actor))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: replay.main([str(argument) for argument in arguments])


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "room.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), float(FPS), (160, 120))
    for picture in moving(6):
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_a_video_becomes_a_summary_and_a_picture(
    run: Run, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="tools/requirements-replay.txt is not installed")
    assert run(video) == 0
    told = capsys.readouterr()
    assert "room.avi: 48 frames looked at" in told.out
    assert "picture: room-replay.png" in told.out
    assert "happy" in told.err  # the progress bar
    assert (tmp_path / "room-replay.png").stat().st_size > 20_000


def test_json_goes_to_standard_output_alone_and_draws_nothing(
    run: Run, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(video, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["steps"]) == 48
    assert [path.name for path in tmp_path.iterdir()] == ["room.avi"]


def test_settings_come_from_the_file_and_from_the_command_line(
    run: Run, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("mood: {hold_s: 7, dwell_s: 1}\ncamera: {fps: 4}\n")
    assert run(video, "--json", "--config", "config.yaml", "--set", "mood.dwell_s=2.5") == 0
    told = json.loads(capsys.readouterr().out)["settings"]
    assert (told["fps"], told["hold_s"], told["dwell_s"], told["margin"]) == (4.0, 7.0, 2.5, MoodConfig().margin)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["none.mp4"], 1, "There is no video none.mp4"),
        (["notes.txt", "--json"], 1, "cannot be opened; use a video file"),
        (["empty", "--json"], 1, "has no pictures"),
        (["room.avi", "--config", "none.yaml"], 2, "none.yaml: cannot be read"),
        (["room.avi", "--set", "mood.holds=3"], 2, "did you mean hold_s?"),
        (["room.avi", "--set", "mood.hold_s=much"], 2, "mood.hold_s"),
        (["room.avi", "--set", "mood.hold_s"], 2, "write section.key=value"),
        (["room.avi", "--set", "hold_s=3"], 2, "write section.key=value"),
        (["room.avi", "--out", "picture.jpg"], 2, "end the name in .png, .svg or .pdf"),
        (["room.avi", "--out", "no/such/folder/picture.png"], 2, "does not exist or may not be written to"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(
    run: Run,
    video: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    words: str,
) -> None:
    (tmp_path / "notes.txt").write_text("not a video")
    (tmp_path / "empty").mkdir()
    assert run(*arguments) == status
    told = capsys.readouterr()
    assert words in told.err
    assert "Traceback" not in told.err
    assert told.out == ""


def test_the_change_of_a_setting_is_checked_like_config_yaml() -> None:
    assert replay.overridden(Config(), ["camera.fps=3", "mood.certainty=0.2"]) == Config(
        camera=CameraConfig(fps=3.0), mood=MoodConfig(certainty=0.2)
    )
    with pytest.raises(ConfigError, match=r"camera\.fps"):
        replay.overridden(Config(), ["camera.fps=300"])


def test_a_recording_without_frames_is_no_replay() -> None:
    actor = Actor(1, 0)
    with pytest.raises(CameraError, match="has no readable picture"):
        replay.replay(Eye(FakeCamera([]), actor, actor), Config(), "nothing")


def test_the_tool_runs_on_a_real_video_with_the_shipped_models(shared_dir: Path, tmp_path: Path) -> None:
    """As a user starts it. The person smiles at the beginning, and the mood has to follow within the dwell time."""
    video = shared_dir / "data" / "video" / "talking_woman.mp4"
    if not video.exists():
        pytest.skip(f"no video at {video}")
    if not (SHIPPED_MODELS / "face_detector.json").exists():
        pytest.skip(f"no models in {SHIPPED_MODELS}")
    ended = subprocess.run(
        [sys.executable, str(TOOLS / "replay.py"), str(video), "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["face_share"] >= 0.95
    assert told["switches"][0]["new"] == "happy"
    assert told["switches"][0]["at"] < 6.0
