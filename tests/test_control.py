"""The control socket: commands and answers, the stream of snapshots, and clients that misbehave. Real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import pytest

from device.control import address, commands
from device.control.client import ControlClient
from device.control.connection import LARGEST_LINE, TOO_FULL
from device.control.documents import LISTED, PartsRenderer, plain
from device.control.live_client import LiveClient
from device.control.surface import MOST, ControlSurface
from device.domain import (
    MOOD_AFFECT,
    Announce,
    Answer,
    Asked,
    Camera,
    Choice,
    Command,
    Emotion,
    Event,
    EventType,
    Feedback,
    Handled,
    HealthReport,
    Liking,
    Misunderstood,
    Mood,
    MoodName,
    MoodSource,
    Now,
    People,
    PlaybackState,
    PlaybackView,
    PolicyName,
    SeekTo,
    SetCamera,
    SetMood,
    SetVolume,
    Snapshot,
    Track,
)
from device.errors import ControlError, StateError

TRACK = Track("k", "file:///m/a.opus", "Marmalade \ud800", features=b"12", uncertainty=0.2)
MOOD = Mood(MoodName.CALM, MOOD_AFFECT[MoodName.CALM], Emotion.NEUTRAL, 0.5, 1, (0.125,) * 8, MoodSource.CAMERA, 1.0)
SNAPSHOT = Snapshot(
    mood=MOOD,
    policy=PolicyName.MATCH,
    playback=PlaybackView(PlaybackState.PLAYING, Choice(TRACK, "it fits"), None, 30, 70, b"jpeg"),
    queue=(),
    never=(),
    people=People("everyone"),
    room="kitchen",
    camera=Camera(False, False),
    health=HealthReport(),
)


class Main:
    """The conductor's main thread, in small: refuses a volume above 70 and obeys everything else."""

    def __init__(self, folder: Path) -> None:
        self.events: list[Event] = []
        self.surface = ControlSurface(folder, self.put, {"slow": lambda: {"a": float("nan")}, "bad": self.fail})
        self.deaf = False

    @staticmethod
    def fail() -> None:
        raise StateError("The disk is gone.")

    def put(self, event: Event) -> None:
        self.events.append(event)
        if self.deaf or not isinstance(event, Asked | Misunderstood):
            return
        if isinstance(event, Misunderstood):
            self.surface.notify(Answer(event.origin, event.message))
        elif isinstance(event.command, SetVolume) and event.command.percent > 70:
            self.surface.notify(Answer(event.origin, "The limit is 70%."))
        self.surface.notify(Handled(event.origin))


@pytest.fixture
def main(tmp_path: Path) -> Iterator[Main]:
    folder = tmp_path / ("a folder whose path is longer than the address of a socket may be " * 2)
    folder.mkdir()
    main = Main(folder)
    main.surface.start()
    yield main
    main.surface.close()
    assert not address.socket_path(folder).exists()


@pytest.fixture
def folder(main: Main) -> Path:
    return main.surface._path.parent


def lines(path: Path, *sent: bytes) -> Iterator[dict]:
    with address.connect(address.socket_path(path), 10.0) as sock:
        sock.sendall(b"".join(sent))
        with sock.makefile("rb") as file:
            yield from (json.loads(line) for line in file)


def test_every_command_of_the_domain_has_a_name() -> None:
    domain = {kind for union in get_args(Command) for kind in (get_args(union) or (union,))}
    assert set(commands.COMMANDS.values()) == domain


@pytest.mark.parametrize(
    "command", [SetVolume(-5, True), SetMood(None), SetMood(MoodName.SAD), SeekTo(1.5), Feedback(Liking.NEVER)], ids=str
)
def test_a_command_survives_the_wire(command: Command) -> None:
    name, given = commands.encode(command)
    assert commands.parse(name, json.loads(json.dumps(given))) == command


WRONG = [
    ("volum", {}, "There is no command 'volum'; did you mean volume?"),
    ("volume", {"percent": "40"}, "volume: Expected `int`, got `str` - at `$.percent`."),
    ("volume", {"percent": 10**30}, "volume: "),
    ("volume", {"percent": 10**12}, "volume: percent is out of range."),
    ("volume", {}, "volume: Object missing required field `percent`."),
    ("volume", {"percent": 4, "x": 1}, "volume takes percent, relative, not 'x'."),
    ("seek", {"seconds": 1e300}, "seek: seconds is out of range."),
    ("mood", {"mood": "glad"}, "mood: Invalid enum value 'glad' - at `$.mood`."),
    ("profile", {"name": ""}, "A profile needs a name."),
    ("profile", {"name": "x" * 65}, "profile: name has more than 64 characters."),
    ("profile", {"name": "a\nb"}, "profile: name contains a character that cannot be shown."),
    ("room", {"name": "a/b"}, "The name of a room may not contain /, + or #."),
    ("never", {"uri": "x" * 9000}, "never: uri has more than 8192 characters."),
]


@pytest.mark.parametrize(("name", "given", "said"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_a_wrong_command_is_explained(name: str, given: dict, said: str) -> None:
    answer = commands.parse(name, given)
    assert isinstance(answer, str)
    assert answer.startswith(said)


def test_parts_hold_the_snapshot_without_pictures_and_vectors() -> None:
    renderer = PartsRenderer()
    renderer.render(SNAPSHOT)
    assert set(renderer.parts) == {field.name for field in fields(SNAPSHOT)}
    playback = json.loads(renderer.parts["playback"])
    assert playback["cover"] == plain(b"jpeg") != ""
    track = playback["choice"]["track"]
    assert track["title"] == "Marmalade \ufffd"
    assert not {"features", "uncertainty"} & set(track)
    before = dict(renderer.parts)
    renderer.render(replace(SNAPSHOT, room="bath", health=HealthReport(uptime_s=3.0, figures={"memory_mb": 3.0})))
    assert [name for name in before if renderer.parts[name] is not before[name]] == ["room"]
    assert plain(float("nan")) is None
    assert len(plain((1,) * 10_000)) == LISTED


def test_a_client_gives_commands_and_reads_the_state(main: Main, folder: Path) -> None:
    main.surface.show(SNAPSHOT, Now(0, 0))
    with ControlClient(folder, "a test") as client:
        assert client.do(SetVolume(40)) == ""
        assert client.do(SetVolume(80)) == "The limit is 70%."
        assert client.state()["room"] == "kitchen"
        assert client.ask("cover") == {"digest": plain(b"jpeg"), "jpeg": "anBlZw=="}
        assert client.ask("slow") == {"a": None}
        for question, said in (("pin", "There is no question 'pin'"), ("bad", "The disk is gone.")):
            with pytest.raises(ControlError, match=said):
                client.ask(question)
    [asked, _] = main.events
    assert isinstance(asked, Asked)
    assert (asked.command, asked.origin.surface, asked.origin.address) == (SetVolume(40), "control", "a test")


def test_no_conductor_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="does not run with the data in"):
        ControlClient(tmp_path)


def test_a_deaf_conductor_is_a_sentence(main: Main, folder: Path) -> None:
    main.deaf = True
    with ControlClient(folder, timeout_s=0.2) as client, pytest.raises(ControlError, match="does not answer"):
        client.do(SetVolume(3))


def test_answers_belong_to_their_requests_and_equal_commands_are_two(main: Main, folder: Path) -> None:
    one = {"do": "volume", "with": {"percent": 80}}
    sent = [json.dumps({"id": number, **one}).encode() + b"\n" for number in (1, 2, 3)]
    found = lines(folder, *sent)
    assert [next(found)["id"] for _ in sent] == [1, 2, 3]


NONSENSE = [
    b"\n", b"{}\n", b"[]\n", b"null\n", b"\xff\xfe\n", b'{"do": 3}\n', b'{"do": "volume", "with": 3}\n',
    b'{"do": "volume", "as": "a\\u0000"}\n', b'{"subscribe": false}\n', b"[" * 60_000 + b"\n", b'{"id": 1e999}\n',
    b'{"do": "volume", "with": {"percent": ' + b"9" * 5000 + b"}}\n", b'{"ask": "nothing"}\n', b'{"a": "\\ud800"}\n',
]  # fmt: skip


@pytest.mark.parametrize("line", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_gets_a_sentence_and_the_connection_goes_on(main: Main, folder: Path, line: bytes) -> None:
    found = lines(folder, line, b'{"id": 5, "do": "volume", "with": {"percent": 4}}\n')
    first = next(found)
    assert not first["ok"]
    assert first["message"].endswith(".")
    assert next(found) == {"id": 5, "ok": True, "message": ""}


def test_a_line_without_end_ends_the_connection(main: Main, folder: Path) -> None:
    answers = list(lines(folder, b"x" * (2 * LARGEST_LINE + 10)))
    assert [answer["message"] for answer in answers] == [f"A line has at most {LARGEST_LINE} bytes."]


def test_random_bytes_break_nothing(main: Main, folder: Path) -> None:
    dice = random.Random(7)
    with address.connect(address.socket_path(folder), 10.0) as sock, sock.makefile("rb") as file:
        for _ in range(300):
            sock.sendall(dice.randbytes(dice.randrange(200)).replace(b"\n", b"") + b"\n")
            assert not json.loads(file.readline())["ok"]
    assert main.surface.alive


def test_a_stream_that_fails_later_spoils_no_other_command(main: Main, folder: Path) -> None:
    """Its origin is gone by then, and another command may get the same place in memory."""
    with ControlClient(folder) as client:
        for percent in range(50):
            assert client.do(SetVolume(percent)) == ""
            asked = main.events.pop()
            assert isinstance(asked, Asked)
            main.surface.notify(Answer(asked.origin, "The connection to the server broke."))
            del asked


def test_too_many_clients_are_refused_and_room_comes_back(main: Main, folder: Path) -> None:
    path = address.socket_path(folder)
    clients = [address.connect(path, 10.0) for _ in range(1000)]
    refused = 0
    for sock in clients[MOST:]:
        with sock.makefile("rb") as file:
            refused += b"clients are connected" in file.read()
    assert refused == 1000 - MOST
    for sock in clients:
        sock.close()
    with ControlClient(folder) as client:  # the loop sees the ends before the new beginning
        assert client.do(SetVolume(3)) == ""


def test_a_client_that_does_not_read_costs_little_and_hinders_nobody(main: Main, folder: Path) -> None:
    """It asks for covers and reads none. The conductor stops reading from it."""
    big = replace(SNAPSHOT, playback=replace(SNAPSHOT.playback, cover=b"x" * 200_000))
    main.surface.show(big, Now(0, 0))
    with address.connect(address.socket_path(folder), 0.5) as greedy:
        with pytest.raises(TimeoutError):
            greedy.sendall(b'{"ask": "cover"}\n' * 200_000)
        with ControlClient(folder) as client:
            assert client.do(SetVolume(3)) == ""
        [connection] = [one for one in main.surface._connections if not one.waiting and one._backlog()]
        assert connection._backlog() <= TOO_FULL


def test_strangers_may_not_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert address.may_use(ours)
        if os.geteuid() == 0:
            return  # root may always
        monkeypatch.setattr(os, "geteuid", lambda: 1_000_000)
        monkeypatch.setattr(os, "getegid", lambda: 1_000_000)
        assert not address.may_use(ours)


def test_the_socket_is_for_us_and_our_group(main: Main, folder: Path) -> None:
    assert address.socket_path(folder).stat().st_mode & 0o777 == 0o660


def test_a_socket_left_by_a_killed_process_is_replaced(tmp_path: Path) -> None:
    address.listen(address.socket_path(tmp_path)).close()
    main = Main(tmp_path)
    main.surface.start()
    with ControlClient(tmp_path) as client:
        assert client.do(SetCamera(True)) == ""
    main.surface.close()


def test_a_folder_that_cannot_hold_a_socket_is_no_catastrophe(tmp_path: Path) -> None:
    main = Main(tmp_path / "none")
    main.surface.start()
    main.surface.show(SNAPSHOT, Now(0, 0))
    assert main.surface.alive
    main.surface.close()


def follow(folder: Path, until: Callable[[LiveClient, list], bool], act: Callable[[LiveClient], object]) -> LiveClient:
    """Run a LiveClient, call `act` once it is connected, and return it when `until` holds."""
    events: list[dict] = []

    async def run() -> LiveClient:
        changed = asyncio.Event()
        client = LiveClient(folder, changed.set, lambda event: (events.append(event), changed.set()))
        task = asyncio.create_task(client.run())
        acted = False
        while not until(client, events):
            if client.connected and not acted:
                acted = True
                result = act(client)
                if asyncio.iscoroutine(result):
                    await result
                    continue
            await asyncio.wait_for(changed.wait(), 10)
            changed.clear()
        task.cancel()
        return client

    return asyncio.run(run())


def test_a_live_client_follows_the_state(main: Main, folder: Path) -> None:
    main.surface.show(SNAPSHOT, Now(0, 0))
    client = follow(
        folder,
        lambda client, events: client.part("room") == "bath" and bool(events),
        lambda _: (
            main.surface.show(replace(SNAPSHOT, room="bath"), Now(1, 1)),
            main.surface.notify(Announce(EventType.LIKED, {"title": "\ud800"})),
        ),
    )
    assert client.part("mood")["name"] == "calm"


def test_a_live_client_gives_commands(main: Main, folder: Path) -> None:
    main.surface.show(SNAPSHOT, Now(0, 0))
    said: list[str] = []

    async def act(client: LiveClient) -> None:
        said.append(await client.do("volume", {"percent": 90}, "a phone"))
        said.append(await client.do("volume", {"percent": 9}, "a phone"))
        said.append(str(await client.ask("cover")))

    follow(folder, lambda _, __: len(said) == 3, act)
    assert said == ["The limit is 70%.", "", str({"digest": plain(b"jpeg"), "jpeg": "anBlZw=="})]


def test_a_live_client_survives_the_conductor(main: Main, folder: Path) -> None:
    main.surface.show(SNAPSHOT, Now(0, 0))
    second = Main(folder)

    def restart(_: LiveClient) -> None:
        main.surface.close()
        second.surface.start()
        second.surface.show(replace(SNAPSHOT, room="attic"), Now(2, 2))

    follow(folder, lambda client, _: client.part("room") == "attic", restart)
    second.surface.close()


def test_a_defect_ends_the_thread(main: Main, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    died: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    monkeypatch.setattr(PartsRenderer, "render", lambda *_: 1 / 0)
    main.surface.show(SNAPSHOT, Now(0, 0))
    assert list(lines(folder, b'{"subscribe": true}\n'))[:1] == [{"id": 0, "ok": True, "message": ""}]
    main.surface._thread.join(10)
    assert died[0].exc_type is ZeroDivisionError
    assert not main.surface.alive
