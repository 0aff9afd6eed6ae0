"""ListenBrainz hears what was heard, once, also after hours without a network. A real HTTP server on this machine."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from test_session import LIBRARY, Room

from device.config.schema import ListenBrainzConfig
from device.domain import Announce, Event, EventType, LibraryLoaded, Memory, Snapshot, SurfaceDown, SurfaceUp, Tick
from device.listenbrainz import submission
from device.listenbrainz.listens import ListenCounter, listen
from device.listenbrainz.submission import FILE, ListenBrainz

PATIENCE_S = 60.0
GARBAGE = 0  # an answer that is no HTTP


class Service(ThreadingHTTPServer):
    """Takes listens; answers with the next of `answers`, then with 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int] = []
        self.unwanted: int | None = None  # the moment of a listen that it does not want
        self.kept: list[int] = []
        self.taken: queue.SimpleQueue[tuple[str, dict]] = queue.SimpleQueue()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        code = self.server.answers.pop(0) if self.server.answers else 200
        moments = [one["listened_at"] for one in body["payload"]]
        if self.server.unwanted in moments:
            code = 400
        elif code == 200:
            self.server.kept += moments
        self.server.taken.put((f"{self.path} {self.headers['Authorization']} {code}", body))
        if code == GARBAGE:
            self.wfile.write(b"SSH-2.0-dropbear\r\n")
            return
        self.send_response(code)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def until(fits: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not fits():
        assert time.monotonic() < deadline, "not within a minute"
        time.sleep(0.01)


class Device:
    """A surface beside a session whose time the test moves."""

    def __init__(self, folder: Path, url: str) -> None:
        self.inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.surface = ListenBrainz(ListenBrainzConfig("secret", url), folder, self.inbox.put)
        self.room = Room()

    def hear(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.room.pass_time(1)
            for action in self.room.tell(Tick()):
                if isinstance(action, Announce):
                    self.surface.notify(action)
            assert self.room.snapshot is not None
            self.surface.show(self.room.snapshot, self.room.now)

    def song(self) -> None:
        self.surface.notify(Announce(EventType.TRACK_STARTED, {}))
        self.hear(100)


def test_half_a_song_is_a_listen(tmp_path: Path, service: Service) -> None:
    device = Device(tmp_path, service.url)
    with closing(device.surface):
        device.surface.start()
        device.room.start_music()
        playing = device.room.playing()
        device.song()
        said, body = service.taken.get(timeout=PATIENCE_S)
        assert said == "/1/submit-listens Token secret 200"
        (one,) = body["payload"]
        facts = one["track_metadata"]
        assert (facts["track_name"], facts["artist_name"]) == (playing.title, playing.artist)
        assert facts["additional_info"]["duration_ms"] == 180_000
        assert one["listened_at"] == pytest.approx(device.room.wall - 100, abs=3)
        assert device.inbox.get(timeout=PATIENCE_S) == SurfaceUp("ListenBrainz")
        device.hear(60)
        device.song()
        assert len(service.taken.get(timeout=PATIENCE_S)[1]["payload"]) == 1, "the same song again is another listen"
        assert service.taken.empty()


def test_without_a_network_the_listens_wait_on_the_disk(tmp_path: Path, service: Service) -> None:
    away = Device(tmp_path, "http://127.0.0.1:9")
    with closing(away.surface):
        away.surface.start()
        away.room.start_music()
        away.song()
        down = away.inbox.get(timeout=PATIENCE_S)
        assert isinstance(down, SurfaceDown)
        assert "cannot be reached" in down.problem
    assert len((tmp_path / FILE).read_text().splitlines()) == 1
    with (tmp_path / FILE).open("a") as file:
        file.write('damaged\n{"half": 1}\n' + "[" * 100_000 + "\n")
    back = Device(tmp_path, service.url)
    with closing(back.surface):
        back.surface.start()
        assert len(service.taken.get(timeout=PATIENCE_S)[1]["payload"]) == 1
        assert back.inbox.get(timeout=PATIENCE_S) == SurfaceUp("ListenBrainz")
    assert (tmp_path / FILE).read_text() == ""


def test_a_busy_service_gets_them_later(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "RETRY_S", 0.05)
    service.answers = [503, 429]
    device = Device(tmp_path, service.url)
    with closing(device.surface):
        device.surface.start()
        device.room.start_music()
        device.song()
        codes = [service.taken.get(timeout=PATIENCE_S)[0].split()[-1] for _ in range(3)]
        assert codes == ["503", "429", "200"]
        said = [device.inbox.get(timeout=PATIENCE_S) for _ in range(3)]
        assert [type(one) for one in said] == [SurfaceDown, SurfaceDown, SurfaceUp]


REFUSAL = "ListenBrainz refuses the token; correct listenbrainz.token and restart. The listens wait."


def test_an_answer_that_is_no_http_is_a_problem_and_no_crash(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "RETRY_S", 0.01)
    service.answers = [GARBAGE]
    device = Device(tmp_path, service.url)
    with closing(device.surface):
        device.surface.start()
        device.room.start_music()
        device.song()
        said = [device.inbox.get(timeout=PATIENCE_S) for _ in range(2)]
        assert [type(one) for one in said] == [SurfaceDown, SurfaceUp]
        assert len(service.kept) == 1


def lines(folder: Path) -> list[str]:
    if not (folder / FILE).exists():
        return []
    return [json.loads(line)["track_metadata"]["track_name"] for line in (folder / FILE).read_text().splitlines()]


def test_a_refused_token_is_a_problem_and_loses_no_listen(tmp_path: Path, service: Service) -> None:
    service.answers = [401]
    device = Device(tmp_path, service.url)
    with closing(device.surface):
        device.surface.start()
        device.room.start_music()
        device.song()
        assert device.inbox.get(timeout=PATIENCE_S) == SurfaceDown("ListenBrainz", REFUSAL)
        service.taken.get(timeout=PATIENCE_S)
        device.hear(60)
        device.song()
        assert device.surface.alive
        until(lambda: len(lines(tmp_path)) == 2)
        assert service.taken.empty()
    good = Device(tmp_path, service.url)
    with closing(good.surface):
        good.surface.start()
        assert len(service.taken.get(timeout=PATIENCE_S)[1]["payload"]) == 2
        assert good.inbox.get(timeout=PATIENCE_S) == SurfaceUp("ListenBrainz")
        until(lambda: lines(tmp_path) == [])


def test_a_token_that_was_refused_by_mistake_counts_again_later(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "RETRY_S", 0.05)
    service.answers = [401, 401]
    device = Device(tmp_path, service.url)
    with closing(device.surface):
        device.surface.start()
        device.room.start_music()
        device.song()
        said = [device.inbox.get(timeout=PATIENCE_S) for _ in range(2)]
        assert said == [SurfaceDown("ListenBrainz", REFUSAL), SurfaceUp("ListenBrainz")]


def test_a_listen_that_the_service_does_not_want_costs_no_other(tmp_path: Path, service: Service) -> None:
    """Such as one that is dated in 1970, because the board had no clock."""
    service.unwanted = 17
    (tmp_path / FILE).write_text("".join(f"{json.dumps(listen(LIBRARY[0], at))}\n" for at in range(150)))
    device = Device(tmp_path, service.url)
    with closing(device.surface):
        device.surface.start()
        until(lambda: (tmp_path / FILE).read_text() == "")
        assert service.kept == [*range(17), *range(18, 150)]
        assert device.inbox.get(timeout=PATIENCE_S) == SurfaceUp("ListenBrainz")


def test_on_a_full_disk_the_listens_wait_in_memory(tmp_path: Path, service: Service) -> None:
    (tmp_path / "listens.tmp").symlink_to("/dev/full")  # the kernel answers as a full disk does
    service.answers = [503]
    device = Device(tmp_path, service.url)
    with closing(device.surface):
        device.surface.start()
        device.room.start_music()
        device.song()
        down = device.inbox.get(timeout=PATIENCE_S)
        assert isinstance(down, SurfaceDown)
        assert down.problem == (
            "ListenBrainz answers 503; the listens wait. Listens for ListenBrainz cannot be kept on the disk (No space"
            " left on device); a restart loses them."
        )
        assert not (tmp_path / "listens.tmp").exists()


# --- What counts ---


def counted(room: Room, seconds: int, counter: ListenCounter | None = None, **changes: object) -> int:
    counter, found = counter or ListenCounter(), 0
    for _ in range(seconds):
        room.pass_time(1)
        room.tell(Tick())
        assert isinstance(room.snapshot, Snapshot)
        shown = replace(room.snapshot, **changes) if changes else room.snapshot
        found += counter.show(shown, room.now) is not None
    return found


def test_less_than_half_does_not_count() -> None:
    room = Room()
    room.start_music()
    assert counted(room, 85) == 0
    assert counted(room, 178) == 1


def test_a_pause_does_not_count() -> None:
    room = Room()
    room.start_music()
    counter = ListenCounter()
    assert counted(room, 60, counter) == 0
    room.say("playback", "pause")
    assert counted(room, 600, counter) == 0


def test_guests_and_media_from_outside_are_not_told() -> None:
    room = Room(Memory(guests=True))
    room.start_music()
    assert counted(room, 170) == 0
    room = Room()
    room.start_music()
    assert room.snapshot is not None
    assert counted(room, 170, playback=replace(room.snapshot.playback, foreign=True)) == 0


def test_a_song_without_an_artist_is_not_told() -> None:
    room = Room()
    room.tell(LibraryLoaded(tuple(replace(one, artist="") for one in LIBRARY)))
    room.start(1)
    assert counted(room, 170) == 0
