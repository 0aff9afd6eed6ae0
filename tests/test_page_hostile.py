"""The page under attack: 10,000 random requests, 200 open streams, readers that do not read, guesses at the PIN."""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from device.control.commands import COMMANDS
from tests.appliance import Appliance
from tests.page_stage import PageProcess, make_config, state_of, until, whole

REQUESTS = 10_000
STREAMS = 200
MOST_MB = 40.0  # that the page may grow under all this

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Appliance, PageProcess]]:
    home = tmp_path_factory.mktemp("hostile")
    with whole(make_config(home), home) as running:
        yield running


@pytest.fixture(scope="module")
def page(stage: tuple[Appliance, PageProcess]) -> PageProcess:
    return stage[1]


METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get", "\x00", "X" * 300]
PATHS = [
    *("/", "/api/me", "/api/do", "/api/login", "/api/stream", "/api/settings", "/api/invitation", "/api/check"),
    *("/api/restart", "/api/diary/day", "/api/library/search?q=a", "/api/library/points", "/g/x", "/static/app.js"),
    *("/static/../server.py", "/static/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/cover/x", "*"),
    *("http://evil.example/", "/" + "a" * 9000, "/?" + "&" * 5000),
]


def random_request(dice: random.Random, host: str) -> bytes:
    """Something between a proper request and noise."""
    if dice.random() < 0.05:
        return dice.randbytes(dice.randrange(1, 3000))
    path = dice.choice(PATHS)
    if dice.random() < 0.2:
        path += "".join(chr(dice.randrange(33, 127)) for _ in range(dice.randrange(40)))
    name = dice.choice([*COMMANDS, "x"])
    given = {"on": True, "percent": 66, "scope": "everything"}
    bodies: list[object] = [
        {"do": name, "with": given},
        {"secret": f"wrong {dice.random()}"},
        {"change": {"device.name": "x"}},
    ]
    noise = [b"", dice.randbytes(dice.randrange(500)), b"{" * dice.randrange(5000), b"x" * 70_000]
    body = dice.choice([*noise, *(json.dumps(one).encode() for one in bodies)])
    headers = {
        "Host": dice.choice([host, host, host, "evil.example", ""]),
        "Origin": dice.choice([f"http://{host}", f"http://{host}", "http://evil.example", "null", ""]),
        "Content-Type": dice.choice(
            ["application/json", "application/json", "text/plain", "multipart/form-data; boundary=x", "\x01"]
        ),
        "Content-Length": str(dice.choice([*[len(body)] * 20, len(body) + 3, -1, 10**30])),
        "Cookie": dice.choice(
            ["", "affetto=x.y", "affetto=" + "a" * 5000, "affetto=eyJyb2xlIjozLCJlbmRzIjo5ZTk5fQ==.00"]
        ),
        dice.choice(
            ["X-A", "Transfer-Encoding", "Connection", "Upgrade", "Expect", "Accept-Encoding", "If-None-Match"]
        ): dice.choice(["chunked", "close", "websocket", "100-continue", "gzip", "\r\n evil: 1", "é"]),
    }
    lines = [f"{dice.choice(METHODS[:2] if dice.random() < 0.8 else METHODS)} {path} HTTP/1.1"]
    lines += [f"{key}: {value}" for key, value in headers.items() if value]
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body


def send(page: PageProcess, raw: bytes) -> tuple[int, bytes]:
    """The status and the head of the answer; 0 if there is none."""
    with socket.create_connection(("127.0.0.1", page.port), 20) as sock:
        try:
            sock.sendall(raw)
            sock.settimeout(0.5)  # the page waits for the rest of a request that is not complete
            answer = sock.recv(65_536)
        except OSError:
            return 0, b""
    head = answer.split(b"\r\n\r\n")[0]
    return (int(head[9:12]) if head.startswith(b"HTTP/1.") else 0), head


def test_ten_thousand_requests_open_nothing(stage: tuple[Appliance, PageProcess]) -> None:
    appliance, page = stage
    page.ask("GET", "/api/me")
    before, memory_mb = state_of(page.config), page.memory_mb()
    dice, found, lock = random.Random(11), Counter[int](), threading.Lock()
    cookies: list[bytes] = []
    requests = [random_request(dice, page.host) for _ in range(REQUESTS)]

    def attack(part: list[bytes]) -> None:
        for raw in part:
            status, head = send(page, raw)
            with lock:
                found[status] += 1
                cookies.extend(line for line in head.split(b"\r\n") if line.lower().startswith(b"set-cookie"))

    threads = [threading.Thread(target=attack, args=(requests[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found.values()) == REQUESTS
    assert found[500] == 0, page.log.read_text()[-3000:]
    assert found[200] > 100
    assert found[401] > 100
    assert cookies == []
    assert page.process.poll() is None
    assert page.memory_mb() - memory_mb < MOST_MB
    after = state_of(page.config)
    for part in ("camera", "policy", "never", "room"):
        assert after[part] == before[part]
    for part in ("profiles", "guests"):  # a song that ends meanwhile adds to those who are `known`
        assert after["people"][part] == before["people"][part]
    assert after["playback"]["volume"] == before["playback"]["volume"]
    assert appliance.process.poll() is None
    assert "Traceback" not in page.log.read_text()


def test_two_hundred_streams_and_readers_that_do_not_read(page: PageProcess) -> None:
    cookie = owner(page)
    memory_mb = page.memory_mb()
    request = f"GET /api/stream HTTP/1.1\r\nHost: {page.host}\r\nCookie: {cookie}\r\n\r\n".encode()
    streams = []
    for _ in range(STREAMS):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)  # so that an unread stream fills soon
        sock.settimeout(30)
        sock.connect(("127.0.0.1", page.port))
        sock.sendall(request)
        streams.append(sock)
    readers = [sock.makefile("rb") for sock in streams[:20]]
    for reader in readers:
        assert b"200" in reader.readline()
    for number in range(60):  # each changes the state for all of them
        answer = page.ask("POST", "/api/do", {"do": "volume", "with": {"percent": 20 + number % 40}}, cookie=cookie)
        assert answer.json["ok"]
    for reader in readers:
        latest = -1
        while latest != 39:  # the last one: 20 + 59 % 40
            line = reader.readline()
            assert line, "a reader was dropped"
            if line.startswith(b"data: "):
                latest = json.loads(line[6:])["parts"].get("playback", {}).get("volume", latest)
    assert page.memory_mb() - memory_mb < MOST_MB
    for sock in streams:
        sock.close()
    until(lambda: page.ask("GET", "/api/me").status == 200, "the page hangs")


def test_more_streams_than_there_is_room_for_are_refused(page: PageProcess) -> None:
    cookie = owner(page)
    connections = []
    refused = 0
    for _ in range(320):
        connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)
        connection.request("GET", "/api/stream", headers={"Host": page.host, "Cookie": cookie})
        refused += connection.getresponse().status == 503
        connections.append(connection)
    for connection in connections:
        connection.close()
    assert 20 <= refused < 320
    assert page.ask("GET", "/api/me").status == 200


def owner(page: PageProcess) -> str:
    """The owner's login, as soon as the guesses of the attack no longer hinder it."""
    cookies: list[str] = []

    def try_it() -> bool:
        answer = page.ask("POST", "/api/login", {"secret": page.pin})
        cookies.append(answer.cookie)
        return answer.status == 200

    until(try_it, "the owner cannot log in", patience_s=100.0)
    return cookies[-1]


def test_guesses_at_the_pin_get_nowhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("guesses")
    with whole(make_config(home), home) as (_, page):
        found = Counter(page.ask("POST", "/api/login", {"secret": f"{number:06}"}).status for number in range(200))
        assert found[200] == 0
        assert found[403] <= 6  # three at once, then one after each wait
        assert found[429] >= 194
        assert page.ask("POST", "/api/login", {"secret": page.pin}).status == 429  # who is right waits, too
