"""The eye: what it makes of frames, how little it does for an empty room, and its process from outside.

Faces and emotions are scripted here, because what is tested is the eye's own part. The whole eye with the shipped
models looks at a real video at the end, where the data for that is there.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device import systemd
from device.config.schema import CameraConfig, Config, DeviceConfig, MoodConfig
from device.domain import Face, Reading
from device.errors import LinkError, ModelError
from device.perception import eye as process
from device.perception.camera import FakeCamera, open_camera
from device.perception.eye import Eye, main, open_eye
from device.perception.face_quality import certainty, frontality, inside, size_share
from device.perception.frame import Frame, Gray
from device.perception.gestures import BURST_FPS, BURST_S
from device.perception.protocol import STAGES, Hello, Lines, Trouble, encode, parse
from device.perception.tracker import KEEP_S
from device.perception.watchdog import Watchdog

FPS = 8
PATIENCE_S = 60.0  # for another process on a busy machine
ROOM = np.full((240, 320), 90, np.uint8)


def face(x: float = 100.0, y: float = 60.0, size: float = 60.0, score: float = 0.95) -> Face:
    """A frontal face whose landmarks stand as those of the data do."""
    places = ((0.28, 0.4), (0.72, 0.4), (0.5, 0.62), (0.32, 0.8), (0.68, 0.8))
    points = tuple((x + size * across, y + size * down) for across, down in places)
    return Face(x, y, size, size, score, points)  # type: ignore[arg-type]


class Script:
    """A detector and a classifier that answer from a script and count how often they are asked."""

    def __init__(self, *faces: list[Face]) -> None:
        self.faces = list(faces)
        self.asked = 0
        self.crops: list[Gray] = []

    def find(self, gray: Gray) -> list[Face]:
        found = self.faces[min(self.asked, len(self.faces) - 1)] if self.faces else []
        self.asked += 1
        return found

    def scores(self, crop: Gray) -> np.ndarray:
        self.crops.append(crop)
        return np.float32([0.6, 0.4, 0, 0, 0, 0, 0, 0])


def look(script: Script, pictures: list[Gray]) -> list[Reading]:
    eye = Eye(FakeCamera([]), script, script)
    return [eye.step(Frame(gray, number / FPS, 1.5)) for number, gray in enumerate(pictures)]


def waving(count: int) -> list[Gray]:
    """Something that moves in every frame."""
    pictures = []
    for number in range(count):
        picture = ROOM.copy()
        picture[160:220, 10 + 20 * (number % 13) : 50 + 20 * (number % 13)] = 200
        pictures.append(picture)
    return pictures


# --- What it makes of a frame ---------------------------------------------------------------------------------------


def test_a_face_becomes_numbers() -> None:
    script = Script([face()])
    _, reading = look(script, waving(2))
    [seen] = reading.faces
    assert reading.at_s == 1 / FPS
    assert reading.moved
    assert seen.number == 1
    assert seen.box == pytest.approx((100 / 320, 60 / 240, 60 / 320, 60 / 240))
    assert seen.certainty == pytest.approx(0.95)
    assert seen.scores == pytest.approx((0.6, 0.4, 0, 0, 0, 0, 0, 0))
    assert script.crops[0].shape == (48, 48)
    assert set(reading.costs_ms) == STAGES
    assert reading.costs_ms["read"] == 1.5
    assert parse(encode(reading)) == reading


def test_a_face_at_the_edge_stays_within_the_frame() -> None:
    [reading] = look(Script([face(x=-20.0, y=200.0)]), [ROOM])
    [seen] = reading.faces
    assert seen.box == pytest.approx((0.0, 200 / 240, 40 / 320, 40 / 240))
    assert seen.certainty < 0.3
    assert parse(encode(reading)) == reading


def test_more_faces_than_fit_into_a_line_lose_the_unsure_ones() -> None:
    crowd = [face(x=8.0 * n, size=20.0, score=0.9 + n / 1000) for n in range(40)]
    [reading] = look(Script(crowd), [ROOM])
    assert len(reading.faces) == 32
    assert max(seen.box[0] for seen in reading.faces) > 0.9
    assert parse(encode(reading)) == reading


# --- How much it does -----------------------------------------------------------------------------------------------


def test_an_empty_still_room_is_looked_at_every_two_seconds_only() -> None:
    script = Script()
    readings = look(script, [ROOM] * (10 * FPS + 1))
    assert script.asked == 6  # the first frame, and five times in ten seconds
    assert script.crops == []
    assert not any(reading.moved for reading in readings[1:])


def test_motion_is_looked_at_in_every_frame() -> None:
    script = Script()
    look(script, waving(3 * FPS))
    assert script.asked == 3 * FPS


def test_somebody_who_sits_still_from_the_start_is_found() -> None:
    script = Script([], [face()])
    readings = look(script, [ROOM] * (3 * FPS))
    assert [bool(reading.faces) for reading in readings].index(True) == 2 * FPS
    assert readings[-1].faces


def test_a_still_face_is_scored_in_every_frame_and_looked_for_in_every_second() -> None:
    script = Script([face()])
    readings = look(script, [ROOM] * (2 * FPS))
    assert all(len(reading.faces) == 1 for reading in readings)
    assert len(script.crops) == 2 * FPS
    assert script.asked == FPS + 1


def test_a_moving_face_is_looked_for_in_every_frame() -> None:
    script = Script(*[[face(x=20.0 * step)] for step in range(12)])
    readings = look(script, [ROOM] * 12)
    assert script.asked == 12
    assert {reading.faces[0].number for reading in readings} == {1}


def nodding(step: int) -> Face:
    """A still face, and from the second second on a nod."""
    down = 12.0 * float(np.sin(2 * np.pi * 1.5 * (step / FPS - 1.0))) if step > FPS else 0.0
    still = face()
    right, left, (across, nose), *mouth = still.landmarks
    return replace(still, landmarks=(right, left, (across, nose + down), *mouth))


class Paced(FakeCamera):
    """A camera that notes the rates somebody set."""

    def __init__(self, pictures: list[Gray]) -> None:
        super().__init__(pictures, fps=FPS)
        self.rates: list[float] = []

    def set_rate(self, fps: float) -> None:
        super().set_rate(fps)
        self.rates.append(fps)


def test_a_head_that_begins_to_nod_is_looked_at_more_often_for_a_while() -> None:
    script, camera = Script(*[[nodding(step)] for step in range(3 * FPS)], [face()]), Paced([ROOM] * (10 * FPS))
    readings = list(Eye(camera, script, script, FPS).readings())
    assert camera.rates == [BURST_FPS, FPS]
    quick = [after.at_s - before.at_s for before, after in pairwise(readings)].count(pytest.approx(1 / BURST_FPS))
    assert quick >= BURST_FPS * BURST_S
    assert len(script.crops) < len(readings)  # emotions are read no more often than otherwise
    assert all(len(reading.faces) == 1 for reading in readings)


def test_without_gestures_the_eye_never_hurries() -> None:
    script, camera = Script(*[[nodding(step)] for step in range(3 * FPS)]), Paced([ROOM] * (4 * FPS))
    assert not any(one.gesture for reading in Eye(camera, script, script, FPS, gestures=False).readings()
                   for one in reading.faces)  # fmt: skip
    assert camera.rates == []


def test_a_face_that_left_is_looked_for_a_while_longer() -> None:
    script = Script([face()], [face()], [])
    readings = look(script, [ROOM] * (3 * FPS))
    seen = [bool(reading.faces) for reading in readings]
    gone = seen.index(False)
    assert not any(seen[gone:])
    assert gone <= 3
    assert script.asked <= 2 + KEEP_S * FPS + 2


def test_somebody_absent_keeps_the_eye_from_resting_on_the_others() -> None:
    both, one = [face(), face(x=220.0)], [face()]
    script = Script(both, both, one, one, one)
    look(script, [ROOM] * 6)
    assert script.asked >= 5


def test_an_empty_room_is_reported_once_a_second_and_a_departure_at_once() -> None:
    pictures = [ROOM] * (6 * FPS)
    script = Script([face()], [face()], [])
    camera = FakeCamera(pictures, fps=FPS)
    readings = list(Eye(camera, script, script).readings())
    times = [reading.at_s for reading in readings]
    last_seen = max(reading.at_s for reading in readings if reading.faces)
    assert min(at for at in times if at > last_seen) - last_seen == pytest.approx(1 / FPS)
    quiet = [at for at in times if at > last_seen + 1 / FPS]
    assert np.diff(quiet) == pytest.approx([1.0] * (len(quiet) - 1))


# --- How sure it is -------------------------------------------------------------------------------------------------


def test_a_good_face_counts_in_full() -> None:
    assert certainty(face(score=1.0), 320, 240) == 1.0


def test_a_face_that_is_found_only_once_counts_half() -> None:
    """A detector's mistakes seldom come twice."""
    readings = look(
        Script([face(score=0.9)], [face(score=0.9), face(x=220.0, score=0.9)], [face(score=0.9)]), waving(3)
    )
    sure = [[round(seen.certainty, 3) for seen in reading.faces] for reading in readings]
    assert sure == [[0.45], [0.9, 0.45], [0.9]]


@pytest.mark.parametrize(("height", "share"), [(8.0, 0.0), (12.0, 0.0), (22.0, 0.5), (32.0, 1.0), (200.0, 1.0)])
def test_small_faces_count_less(height: float, share: float) -> None:
    assert size_share(face(size=height)) == pytest.approx(share)


def turned(nose_aside: float) -> Face:
    straight = face()
    right, left, nose, *mouth = straight.landmarks
    moved = (nose[0] + nose_aside * (left[0] - right[0]), nose[1])
    return replace(straight, landmarks=(right, left, moved, *mouth))  # type: ignore[arg-type]


def test_a_head_that_turns_away_counts_less_and_less() -> None:
    shares = [frontality(turned(aside)) for aside in (0.0, 0.3, 0.45, 0.6, 0.7, 1.2)]
    assert shares[:2] == [1.0, 1.0]
    assert shares == sorted(shares, reverse=True)
    assert shares[-2:] == pytest.approx([0.0, 0.0])
    assert frontality(turned(-0.45)) == pytest.approx(frontality(turned(0.45)))


@given(st.floats(-180, 180))
def test_a_tilted_head_is_as_good_as_an_upright_one(degrees: float) -> None:
    angle, one = np.radians(degrees), turned(0.5)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = tuple(tuple(map(float, turn @ np.array(point))) for point in one.landmarks)
    assert frontality(replace(one, landmarks=points)) == pytest.approx(frontality(one), abs=1e-6)  # type: ignore[arg-type]


points = st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))


@given(
    st.builds(
        Face,
        x=st.floats(-1e4, 1e4),
        y=st.floats(-1e4, 1e4),
        w=st.floats(0, 1e4),
        h=st.floats(0, 1e4),
        score=st.floats(0, 1),
        landmarks=st.tuples(points, points, points, points, points),
    )
)
def test_no_face_makes_certainty_leave_its_range(one: Face) -> None:
    assert 0.0 <= certainty(one, 320, 240) <= 1.0


def test_half_a_face_is_worth_less_than_half() -> None:
    assert inside(face(x=290.0, y=60.0), 320, 240) == pytest.approx(0.5)
    assert certainty(face(x=290.0), 320, 240) < 0.5


# --- The watchdog ---------------------------------------------------------------------------------------------------


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE_S)
    yield ours, theirs
    ours.close()
    theirs.close()


class Ends:
    """Stands in for os._exit and can be waited for."""

    def __init__(self) -> None:
        self.status: int | None = None
        self._called = threading.Event()

    def __call__(self, status: int) -> None:
        self.status = status
        self._called.set()

    def wait(self, timeout_s: float) -> bool:
        return self._called.wait(timeout_s)


Pair = tuple[socket.socket, socket.socket]


def test_the_watchdog_ends_a_process_that_nobody_listens_to(pair: Pair) -> None:
    ends = Ends()
    with Watchdog(pair[1], 60.0, 60.0, end=ends):
        pair[0].close()
        assert ends.wait(PATIENCE_S)
    assert ends.status == 0


def test_the_watchdog_says_why_when_the_camera_hangs(pair: Pair) -> None:
    ends = Ends()
    with Watchdog(pair[1], 60.0, 0.3, end=ends) as watchdog:
        watchdog.send(encode(Hello("x")))
        assert ends.wait(PATIENCE_S)
    assert ends.status == 1
    hello, trouble = pair[0].recv(4096).splitlines()
    assert parse(hello) == Hello("x")
    assert isinstance(parse(trouble), Trouble)


def test_the_watchdog_lets_work_go_on(pair: Pair) -> None:
    ends = Ends()
    with Watchdog(pair[1], 1.0, 1.0, end=ends) as watchdog:
        for _ in range(20):
            watchdog.send(encode(Reading(1.0)))
            assert not ends.wait(0.02)
        pair[0].sendall(b"the conductor may not talk, but that is no reason to end")
        assert not ends.wait(0.5)


def test_the_watchdog_leaves_the_end_to_a_main_thread_that_notices(pair: Pair) -> None:
    ends = Ends()
    with Watchdog(pair[1], 60.0, 60.0, end=ends):
        pair[0].close()
    assert not ends.wait(0.5)


def test_a_peer_that_does_not_read_stops_the_eye(pair: Pair) -> None:
    """The conductor is stopped: the socket fills up, the eye does not wait for ever."""
    with Watchdog(pair[1], 60.0, 0.3, end=Ends()) as watchdog, pytest.raises(TimeoutError):
        watchdog.send(b"x" * 60_000_000 + b"\n")


# --- The process ----------------------------------------------------------------------------------------------------


EYE = Path(__file__).with_name("eye_process.py")


def start(kind: str, theirs: socket.socket) -> subprocess.Popen[str]:
    number = theirs.fileno()
    return subprocess.Popen(
        [sys.executable, str(EYE), kind, "--fd", str(number)], pass_fds=[number], stderr=subprocess.PIPE, text=True
    )


def messages(sock: socket.socket) -> Iterator[object]:
    lines = Lines()
    while chunk := sock.recv(65536):
        yield from map(parse, lines.feed(chunk))


def test_the_process_greets_sends_readings_and_ends_with_the_peer(pair: Pair) -> None:
    with start("real:go on", pair[1]) as running:
        pair[1].close()
        said = messages(pair[0])
        assert isinstance(next(said), Hello)
        assert all(isinstance(next(said), Reading) for _ in range(5))
        pair[0].close()
        assert running.wait(PATIENCE_S) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""


def test_the_process_ends_even_if_the_camera_blocks(pair: Pair) -> None:
    with start("real:hang", pair[1]) as running:
        pair[1].close()
        said = messages(pair[0])
        for _ in range(4):
            next(said)
        pair[0].close()
        assert running.wait(PATIENCE_S) == 0


def test_the_process_writes_no_file_and_uses_no_network(pair: Pair) -> None:
    """An audit hook ends it with status 77 at the first attempt."""
    with start("audited", pair[1]) as running:
        pair[1].close()
        said = messages(pair[0])
        for _ in range(10):
            next(said)
        pair[0].close()
        assert running.wait(PATIENCE_S) == 0


def test_a_missing_model_is_reported_before_the_camera_is_touched(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "open_camera", lambda *_args, **_more: pytest.fail("the camera was switched on"))
    config = Config(device=DeviceConfig(models_dir=str(tmp_path)))
    assert process.serve(config, pair[1]) == 1
    trouble = next(messages(pair[0]))
    assert isinstance(trouble, Trouble)
    assert str(tmp_path) in trouble.problem


def test_without_a_socket_the_command_explains_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.os, "nice", lambda _by: None)
    monkeypatch.delenv("LISTEN_FDS", raising=False)
    with pytest.raises(LinkError, match="Use affetto run, which starts the eye"):
        main(Config())


def test_a_number_that_is_no_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.os, "nice", lambda _by: None)
    with (tmp_path / "file").open("w") as file, pytest.raises(LinkError, match="cannot be used"):
        main(Config(), fd=os.dup(file.fileno()))


@pytest.mark.parametrize("way", ["listen", "systemd"])
def test_a_socket_to_listen_on_serves_one_conductor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """As `--listen PATH`, and as a socket handed over by systemd."""
    monkeypatch.setattr(process.os, "nice", lambda _by: None)  # it would be the test's own
    path = tmp_path / "eye.sock"
    config = Config(device=DeviceConfig(models_dir=str(tmp_path / "none")))
    if way == "systemd":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        monkeypatch.setattr(systemd, "listen_fds", lambda: [listener.detach()])
    status: list[int] = []
    server = threading.Thread(target=lambda: status.append(main(config, listen=path if way == "listen" else None)))
    server.start()
    with socket.socket(socket.AF_UNIX) as conductor:
        deadline = time.monotonic() + PATIENCE_S
        while conductor.connect_ex(str(path)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert isinstance(next(messages(conductor)), Trouble)  # there are no models in that folder
    server.join(PATIENCE_S)
    assert status == [1]
    assert path.exists() is (way == "systemd")


# --- What systemd hears -------------------------------------------------------------------------------------------


def test_systemd_hears_ready_status_and_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "notify"))
        journal.settimeout(2.0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        systemd.ready()
        systemd.status("two\nfaces")
        systemd.watchdog()
        systemd.stopping()
        assert [journal.recv(100) for _ in range(4)] == [b"READY=1", b"STATUS=two faces", b"WATCHDOG=1", b"STOPPING=1"]


def test_systemd_may_listen_on_an_abstract_socket_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"affetto-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert systemd.notify("READY=1")
    assert not systemd.notify("READY=1")  # nobody is there any more
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert not systemd.notify("READY=1")


@pytest.mark.parametrize(
    ("period", "pid", "expected"),
    [("30000000", "", 30.0), ("30000000", "own", 30.0), ("30000000", "1", None), ("", "", None), ("0", "", None)],
)
def test_how_often_systemd_wants_a_sign_of_life(
    monkeypatch: pytest.MonkeyPatch, period: str, pid: str, expected: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", period)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "own" else pid)
    assert systemd.watchdog_s() == expected


def test_sockets_are_handed_over_once_and_only_to_the_one_they_are_for() -> None:
    """In a process of its own, whose number 3 really is a socket."""
    script = (
        "import os, sys; from device import systemd\n"
        "os.environ['LISTEN_PID'] = sys.argv[1] or str(os.getpid()); os.environ['LISTEN_FDS'] = '1'\n"
        "print(systemd.listen_fds(), systemd.listen_fds(), 'LISTEN_FDS' in os.environ, os.get_inheritable(3))"
    )
    with socket.socket(socket.AF_UNIX) as sock:
        for pid, expected in (("", "[3] [] False False"), ("1", "[] [] False True")):
            command = [sys.executable, "-c", script, pid]
            shell = ["bash", "-c", f'exec 3<&{sock.fileno()}; exec "$0" "$@"', *command]
            told = subprocess.run(
                shell, pass_fds=[sock.fileno()], cwd=EYE.parent.parent, capture_output=True, text=True, check=True
            )
            assert told.stdout.strip() == expected


# --- The whole eye --------------------------------------------------------------------------------------------------


def test_the_shipped_models_see_a_real_video(shared_dir: Path, models_dir: Path) -> None:
    """One person, always in view: the same number throughout, sure enough to count in nearly every frame."""
    video = shared_dir / "data" / "video" / "talking_woman.mp4"
    if not video.exists():
        pytest.skip(f"no video at {video}")
    config = Config(device=DeviceConfig(models_dir=str(models_dir)), camera=CameraConfig(source=str(video), fps=8.0))
    try:
        eye = open_eye(config, live=False)
    except ModelError as error:
        pytest.skip(str(error))
    frames = list(open_camera(config.camera, live=False).frames())
    readings = [eye.step(frame) for frame in frames]
    eye.close()
    assert len(readings) == pytest.approx(124, abs=1)
    sure = MoodConfig().certainty  # what the conductor counts by default
    counting = [[one for one in reading.faces if one.certainty >= sure] for reading in readings]
    assert sum(len(faces) == 1 for faces in counting) >= 0.95 * len(counting)
    assert {one.number for faces in counting for one in faces} == {1}
    assert np.median([one.certainty for faces in counting for one in faces]) > 0.6
