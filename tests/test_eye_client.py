"""The eye client and the process at its other end: everything an eye can do wrong, done by real processes."""

from __future__ import annotations

import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device.backoff import Backoff
from device.config.schema import CameraConfig
from device.domain import Event, EyeClosed, EyeOpened, EyeRead, Reading
from device.errors import LinkError
from device.perception import eye_client, eye_process
from device.perception.eye_client import Conversation, EyeClient
from device.perception.protocol import Hello, encode

EYE = Path(__file__).with_name("eye_process.py")
QUICK = Backoff(first_s=0.05, longest_s=0.4, healthy_s=60.0)
ONCE = Backoff(first_s=3600.0)
PATIENCE_S = 60.0  # for other processes on a busy machine


class Inbox:
    """What the link says, in order, to be waited for."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Event] = queue.Queue()
        self.put = self._queue.put

    def next(self, kind: type[Event], timeout_s: float = PATIENCE_S) -> Event:
        """The next event of this kind; others are passed over."""
        deadline = time.monotonic() + timeout_s
        while True:
            event = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            if isinstance(event, kind):
                return event

    def rest(self) -> list[Event]:
        return [self._queue.get() for _ in range(self._queue.qsize())]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


Opener = Callable[..., EyeClient]


@pytest.fixture
def opened(inbox: Inbox) -> Iterator[Opener]:
    links: list[EyeClient] = []

    def open_link(kind: str = "", backoff: Backoff = ONCE, **settings: object) -> EyeClient:
        config = CameraConfig(**{"hang_s": 1.0, "fps": 20.0, **settings})  # type: ignore[arg-type]
        command = [sys.executable, str(EYE), kind] if kind else []
        one = EyeClient(config, None, inbox.put, command=command, backoff=backoff)
        links.append(one)
        one.open()
        return one

    yield open_link
    for one in links:
        one.close()
        assert one.join(PATIENCE_S)


def alive(pid: int) -> bool:
    """Whether a process exists, as a zombie too."""
    return Path(f"/proc/{pid}").exists()


def gone(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def test_camera_on_means_connected(opened: Opener, inbox: Inbox) -> None:
    one = opened("real:go on")
    assert inbox.next(EyeOpened) == EyeOpened("fake camera (10000 pictures)")
    reading = inbox.next(EyeRead).reading
    assert reading.faces[0].scores[1] == 1.0
    assert abs(time.monotonic() - reading.at_s) < 5  # one clock for both processes
    pid = one.pid
    assert pid is not None
    one.close()
    one.close()
    assert inbox.next(EyeClosed) == EyeClosed("")
    assert gone(pid)
    assert one.join(PATIENCE_S)
    assert one.pid is None
    assert inbox.rest() == []


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("garbage", "an invalid reading"),
        ("endless", "a line of more than 65536 bytes"),
        ("nan", "an invalid reading"),
        ("flood", "more readings than a camera can deliver"),
        ("future", "a reading with a wrong time"),
        ("brackets", "an invalid reading"),
        ("wordy", "sent its greeting at the wrong time"),
        ("rude", "sent its greeting at the wrong time"),
        ("twice", "sent its greeting at the wrong time"),
        ("trouble", "The camera fell off the wall."),
        ("crash", "ended unexpectedly with status 1: RuntimeError: the bug that nobody saw"),
        ("killed", "ended unexpectedly with status -9"),
        ("real:unplug", "was it unplugged?"),
        ("real:end", "fake camera .* has ended"),
        ("real:no model", "emotion.tflite is missing"),
        ("real:no camera", "No camera was found"),
    ],
)
def test_what_an_eye_does_wrong_is_reported_and_ends_it(opened: Opener, inbox: Inbox, kind: str, problem: str) -> None:
    one = opened(kind)
    closed = inbox.next(EyeClosed)
    assert isinstance(closed, EyeClosed)
    assert re.search(problem, closed.problem), closed.problem
    assert one.pid is None


def test_a_camera_that_hangs_is_started_again(opened: Opener, inbox: Inbox) -> None:
    """The eye's own watchdog ends it, although its main thread is blocked for good."""
    opened("real:hang", QUICK)
    inbox.next(EyeOpened)
    closed = inbox.next(EyeClosed)
    assert isinstance(closed, EyeClosed)
    assert "The camera delivered no frame for 2 s" in closed.problem
    inbox.next(EyeOpened)


@pytest.mark.parametrize("kind", ["stopped", "mute"])
def test_an_eye_that_falls_silent_is_ended_and_started_again(
    opened: Opener, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Silent after it has greeted, with its process stopped; and one that never says a word."""
    monkeypatch.setattr(eye_client, "silence_s", lambda _config: 0.2)
    monkeypatch.setattr(eye_client, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(eye_client, "OPENING_S", 3.0 if kind == "stopped" else 0.2)
    one = opened(kind, QUICK)
    first = one.pid
    closed = inbox.next(EyeClosed)
    assert isinstance(closed, EyeClosed)
    assert "stopped sending" in closed.problem
    assert first is None or not alive(first)
    assert inbox.next(EyeClosed) == closed  # it was started again, and falls silent again


@pytest.mark.parametrize("kind", ["stubborn", "stopped"])
def test_close_ends_an_eye_that_does_not_want_to(opened: Opener, inbox: Inbox, kind: str) -> None:
    one = opened(kind)
    inbox.next(EyeOpened)
    pid = one.pid
    assert pid is not None
    one.close()
    assert gone(pid)
    assert inbox.next(EyeClosed) == EyeClosed("")


@pytest.mark.parametrize(
    ("healthy_s", "expected"), [(60.0, [0.01, 0.02, 0.04, 0.05]), (0.0, [0.01, 0.01, 0.01, 0.01])]
)
def test_tries_come_later_each_time_until_a_connection_holds(
    opened: Opener, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, healthy_s: float, expected: list[float]
) -> None:
    """With 0 s every connection counts as one that held, and the waits start from the beginning."""
    waits: list[float] = []
    real = eye_client.Supervisor._rest

    def rest(self: eye_client.Supervisor, wait_s: float) -> None:
        waits.append(wait_s)
        if len(waits) > 4:
            real(self, 3600.0)

    monkeypatch.setattr(eye_client.Supervisor, "_rest", rest)
    monkeypatch.setattr(eye_client.Supervisor, "_hold", lambda _self: "It broke.")
    opened("never started", Backoff(first_s=0.01, longest_s=0.05, healthy_s=healthy_s))
    for _ in range(5):
        inbox.next(EyeClosed)
    assert waits[:4] == expected


def test_the_wait_doubles_up_to_a_limit() -> None:
    assert [Backoff().after(failures) for failures in (1, 2, 3, 4, 5, 9, 10, 1000)] == [1, 2, 4, 8, 16, 256, 300, 300]


def test_a_problem_that_lasts_says_when_the_next_try_is(
    opened: Opener, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eye_client.Supervisor, "_hold", lambda _self: "It broke.")
    opened("never started", QUICK)
    words = [inbox.next(EyeClosed).problem for _ in range(4)]
    assert not any("next try" in one for one in words[:3])
    assert words[3].endswith("The next try is in 0 s, or when the camera is switched off and on.")


def test_opening_again_waits_for_the_old_eye(opened: Opener, inbox: Inbox) -> None:
    one = opened("stubborn")
    inbox.next(EyeOpened)
    first = one.pid
    assert first is not None
    one.close()
    one.open()
    one.open()
    inbox.next(EyeOpened)
    assert not alive(first)
    assert one.pid not in (None, first)


def test_closing_while_it_waits_for_the_next_try(opened: Opener, inbox: Inbox) -> None:
    one = opened("crash", Backoff(first_s=3600.0))
    inbox.next(EyeClosed)
    one.close()
    assert inbox.next(EyeClosed) == EyeClosed("")
    assert one.join(PATIENCE_S)


def test_closing_what_was_never_opened(inbox: Inbox) -> None:
    one = EyeClient(CameraConfig(), None, inbox.put)
    one.close()
    assert one.join(PATIENCE_S)
    assert inbox.rest() == []


def test_flicking_the_switch_leaves_no_process_behind(opened: Opener, inbox: Inbox) -> None:
    one = opened("real:go on")
    for _ in range(5):
        one.close()
        one.open()
    one.close()
    assert one.join(PATIENCE_S)
    events = inbox.rest()
    assert [event for event in events if isinstance(event, EyeClosed)] == [EyeClosed("")] * 6
    children = [pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()]
    running = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children if Path(f"/proc/{pid}").exists()]
    assert not [words for words in running if EYE.name.encode() in words]


@pytest.mark.parametrize("call", ["socket.socketpair", "subprocess.Popen"])
def test_a_system_that_is_full_is_a_problem_and_not_the_end(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """No more files or processes: the thread says so and tries again."""
    module, name = call.split(".")
    real, calls = getattr(getattr(eye_process, module), name), iter(range(100))

    def refuse(*args: object, **more: object) -> object:
        if threading.current_thread().name == "eye client" and next(calls) < 3:
            raise OSError(24, "Too many open files")
        return real(*args, **more)

    monkeypatch.setattr(getattr(eye_process, module), name, refuse)
    one = EyeClient(CameraConfig(), None, inbox.put, command=[sys.executable, str(EYE), "chatty"], backoff=QUICK)
    one.open()
    for _ in range(3):
        assert "Too many open files" in inbox.next(EyeClosed).problem
    inbox.next(EyeOpened)
    assert one.alive
    one.close()
    assert one.join(PATIENCE_S)


def test_what_is_unexpected_is_not_swallowed(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    monkeypatch.setattr(eye_client, "parse", lambda _line: 1 / 0)
    one = EyeClient(CameraConfig(), None, inbox.put, command=[sys.executable, str(EYE), "chatty"], backoff=QUICK)
    one.open()
    assert one.join(PATIENCE_S)
    assert seen == [ZeroDivisionError]
    assert not one.alive


def test_a_burst_after_a_pause_is_no_flood() -> None:
    conversation = Conversation(0.0)
    conversation.take(encode(Hello("x")), 0.0)
    for _ in range(30 * 100):
        conversation.take(encode(Reading(1.0)), 100.0)
    for _ in range(1096):
        conversation.take(encode(Reading(1.0)), 100.0)
    with pytest.raises(LinkError, match="more readings"):
        conversation.take(encode(Reading(1.0)), 100.0)


def test_an_eye_that_cannot_be_started(inbox: Inbox) -> None:
    one = EyeClient(CameraConfig(), None, inbox.put, command=["/no/such/program"], backoff=ONCE)
    one.open()
    closed = inbox.next(EyeClosed)
    assert isinstance(closed, EyeClosed)
    assert "cannot be started" in closed.problem
    one.close()
    assert one.join(PATIENCE_S)


def test_what_the_eye_writes_to_standard_error_is_logged(
    opened: Opener, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger=eye_process.log.name)
    one = opened("chatty")
    inbox.next(EyeRead)
    one.close()
    assert one.join(PATIENCE_S)  # and with it the thread that reads the lines
    assert "eye: a warning of the camera's library" in caplog.text


def test_an_eye_that_complains_without_end_does_not_fill_the_log_or_the_memory(
    opened: Opener, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger=eye_process.log.name)
    one = opened("wordy")
    inbox.next(EyeClosed)  # by then the thread that reads the lines has ended
    assert one.pid is None
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("eye: ")]
    assert eye_process.LINES_A_MINUTE < len(lines) <= 2 * eye_process.LINES_A_MINUTE + 2
    assert max(map(len, lines)) <= eye_process.LONGEST_LINE + len("eye: ")


@pytest.mark.parametrize(("kind", "end"), [("real:go on", "1 / 0"), ("real:hang", "time.sleep(60)")])
def test_an_eye_dies_with_its_conductor(kind: str, end: str) -> None:
    """With one that falls over without closing; and with one that is killed, even while the camera hangs."""
    script = (
        "import sys, threading, time; sys.path.insert(0, sys.argv[1])\n"
        "from device.config.schema import CameraConfig; from device.perception.eye_client import EyeClient\n"
        "from device.domain import EyeOpened\n"
        "opened = threading.Event()\n"
        "def put(event):\n"
        "    if isinstance(event, EyeOpened): print(link.pid, flush=True); opened.set()\n"
        "link = EyeClient(CameraConfig(hang_s=30.0), None, put, command=[sys.executable, *sys.argv[2:]])\n"
        f"link.open(); opened.wait(); {end}"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(EYE.parent.parent), str(EYE), kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as conductor:
        assert conductor.stdout is not None
        pid = int(conductor.stdout.readline())
        if "sleep" in end:
            assert running(pid)
            conductor.send_signal(signal.SIGKILL)
        conductor.wait(PATIENCE_S)
    # nobody reaps it here but process 1, which in a container may not care: a zombie is dead enough
    deadline = time.monotonic() + PATIENCE_S
    while running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not running(pid)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# --- An eye that somebody else starts -------------------------------------------------------------------------------


def answer(listener: socket.socket, lines: list[bytes]) -> socket.socket:
    peer, _ = listener.accept()
    for line in lines:
        peer.sendall(line)
    return peer


def test_a_socket_is_dialled(opened: Opener, inbox: Inbox, tmp_path: Path) -> None:
    path = tmp_path / "eye"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        peers: list[socket.socket] = []
        server = threading.Thread(target=lambda: peers.append(answer(listener, [encode(Hello("far camera"))])))
        server.start()
        one = opened(eye_socket=str(path))
        assert inbox.next(EyeOpened) == EyeOpened("far camera")
        assert one.pid is None
        server.join()
        one.close()
        assert inbox.next(EyeClosed) == EyeClosed("")
        peers[0].settimeout(PATIENCE_S)
        assert peers[0].recv(1) == b""  # which is how the eye hears that it is to end
        peers[0].close()


def test_a_socket_where_nobody_answers(opened: Opener, inbox: Inbox, tmp_path: Path) -> None:
    opened(eye_socket=str(tmp_path / "nobody"))
    closed = inbox.next(EyeClosed)
    assert isinstance(closed, EyeClosed)
    assert "start affetto-eye.socket" in closed.problem


def test_the_far_end_closes(opened: Opener, inbox: Inbox, tmp_path: Path) -> None:
    path = tmp_path / "eye"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        opened(eye_socket=str(path))
        answer(listener, [encode(Hello("far camera"))]).close()
        assert inbox.next(EyeClosed) == EyeClosed("The eye closed the connection.")
