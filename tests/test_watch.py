"""The live view: what it understands of MQTT as tables, that nothing breaks it, and how it looks at every size."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from device import watch
from device.config.schema import Config, DeviceConfig, MqttConfig
from device.demo.broker import PLACES, PrivateBroker
from device.domain import EMOTIONS, Now, Position
from device.mqtt.client import Connection
from device.mqtt.fake import FakeBroker, FakeConnection
from device.mqtt.messages import BrokerConnected, BrokerLost, Message
from device.mqtt.topics import Topics
from device.watch import screen, seen
from device.watch.seen import READERS, Seen

ROOT = Path(__file__).resolve().parent.parent
TOPICS = Topics("affetto", "kit")
MOOD = {
    "mood": "calm", "emotion": "happiness", "confidence": 0.81, "valence": 0.5, "arousal": -0.4, "faces": 1,
    "scores": dict(zip(map(str, EMOTIONS), (0.4, 0.5, 0.02, 0.02, 0.02, 0.02, 0.01, 0.01), strict=True)),
    "source": "camera", "since": "2026-01-01T00:00:00+00:00",
}
TRACK = {
    "state": "playing", "title": "Slow River", "artist": "Nobody", "album": "", "duration_s": 90.0, "mood": "calm",
    "valence": 0.6, "arousal": -0.5, "reason": "It is calm here.", "uri": "file:///a.ogg",
    "position_s": 0.0, "position_at": "2026-01-01T00:00:00+00:00",
}


def now(mono: float) -> Now:
    return Now(mono, 1_767_225_600.0 + mono)


def hear(state: Seen, name: str, document: object, mono: float = 0.0, old: bool = False) -> Seen:
    payload = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    return seen.apply(state, name, payload, now(mono), old)


def full() -> Seen:
    state = seen.connected(Seen("kit"), now(0))
    for name, document in {
        "availability": "online", "mood/state": MOOD,
        "track/state": TRACK, "volume/state": "30", "policy/state": "match", "camera/state": "ON",
        "profile/state": "everyone", "room/state": "", "error": {"message": "no"},
        "health": {"status": "problem", "eye_fps": 8.0, "tracks": 3, "problems": ["The camera is gone."]},
    }.items():
        state = hear(state, name, document)
    return state


def picture(state: Seen, width: int, height: int, mono: float = 0.0) -> list[str]:
    """The screen as lines of text."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(screen.render(state, now(mono), width, height), end="")
    return capture.get().split("\n")


def words(state: Seen) -> list[tuple[str, str]]:
    return [(news.kind, news.text) for news in state.news]


# --- What is understood ---


def test_news_of_a_whole_device() -> None:
    assert words(full()) == [
        ("link", "connected"),
        ("link", "kit is online"),
        ("mood", "mood calm, 81% sure, 1 face"),
        ("music", "playing Slow River by Nobody: It is calm here."),
        ("setting", "volume 30%"),
        ("setting", "policy match"),
        ("setting", "camera ON"),
        ("setting", "profile everyone"),
        ("setting", "room none"),
        ("problem", "refused: no"),
        ("problem", "The camera is gone."),
    ]


@pytest.mark.parametrize(("event", "news"), [
    ({"event_type": "track_skipped", "title": "A"}, ("event", "track skipped: A")),
    ({"event_type": "track_failed", "title": "A", "message": "No such file."},
     ("problem", "track failed: A: No such file.")),
    ({"event_type": "liked", "title": "A"}, ("event", "liked: A")),
    ({"event_type": "camera_on", "camera": "USB"}, ("event", "camera on: USB")),
    ({"event_type": "camera_problem", "message": "It hangs."}, ("problem", "camera problem: It hangs.")),
    ({"event_type": "camera_off", "message": ""}, ("event", "camera off")),
    ({"event_type": "library_changed", "tracks": 12, "problems": []}, ("event", "library changed: 12 tracks")),
])
def test_events_become_words(event: dict[str, object], news: tuple[str, str]) -> None:
    assert words(hear(Seen("kit"), "event", event)) == [news]


def test_the_same_again_is_no_news() -> None:
    state = full()
    again = hear(state, "mood/state", MOOD | {"confidence": 0.5})
    again = hear(hear(again, "track/state", TRACK), "volume/state", "30")
    assert again.news == state.news
    assert again.mood is not None
    assert again.mood.confidence == 0.5


def test_the_position_shows_whenever_it_starts() -> None:
    """What the broker had kept is as old as its time says; what comes fresh is from now, whatever its clock says."""
    kept = hear(Seen("kit"), "track/state", TRACK | {"position_s": 12.0}, 30, old=True)
    assert kept.position is not None
    assert kept.position.at(35.0) == 12.0 + 35.0
    fresh = hear(Seen("kit"), "track/state", TRACK | {"position_s": 12.0, "position_at": "1970-01-01T00:00:00Z"}, 30)
    assert fresh.position == Position(12.0, 30.0, True)
    paused = hear(fresh, "track/state", TRACK | {"state": "paused", "position_s": 20.0}, 40)
    assert paused.position is not None
    assert paused.position.at(1000.0) == 20.0
    assert hear(paused, "track/state", TRACK | {"position_s": None, "position_at": None}, 50).position is None


def test_a_silent_device_is_told_once_and_the_others_are_named() -> None:
    state = seen.add_device(seen.add_device(seen.connected(Seen("kti"), now(0)), "kit"), "attic")
    assert seen.wait(state, now(seen.SILENCE_S - 0.1)).news_count == 1
    state = seen.wait(seen.wait(state, now(seen.SILENCE_S)), now(100))
    assert words(state)[1:] == [(
        "problem", "There is no message from kti. Is the device on, and is its id right? The broker knows attic, kit: "
        "choose one with --id.",
    )]
    heard = hear(seen.connected(Seen("kit"), now(0)), "availability", "offline")
    assert seen.wait(heard, now(100)).news_count == heard.news_count


def test_a_lost_broker_leaves_the_device_unknown() -> None:
    state = seen.lost(full(), "The broker is gone.", now(1))
    assert state.online is None
    assert "The broker is gone." in picture(state, 80, 24)[0]


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from([*MOOD, *TRACK, "happiness", "event_type", "problems", "message"]), inner),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(
    st.sampled_from([*READERS, "elsewhere"]), st.binary(max_size=60) | junk.map(lambda d: json.dumps(d).encode())
), max_size=6))
def test_nothing_that_anybody_publishes_breaks_it(messages: list[tuple[str, bytes]]) -> None:
    state = Seen("kit")
    for name, payload in messages:
        state = seen.apply(state, name, payload, now(1))
    text = "\n".join(picture(state, 80, 24))
    assert all(char.isprintable() or char == "\n" for char in text)


def test_a_title_cannot_command_the_terminal() -> None:
    state = hear(Seen("kit"), "track/state", TRACK | {"title": "\x1b[2J\x07owned\u202e", "artist": "\x9b31m"})
    text = "\n".join(picture(state, 80, 24)) + "".join(watch.line(news) for news in state.news)
    assert "owned" in text
    assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e"}


# --- How it looks ---


@pytest.mark.parametrize(("width", "height"), [(80, 24), (132, 50), (60, 24), (40, 12), (20, 5), (300, 100)])
@pytest.mark.parametrize("state", [Seen("kit"), full()], ids=["nothing", "full"])
def test_it_fits_every_size(state: Seen, width: int, height: int) -> None:
    lines = picture(state, width, height)
    assert len(lines) <= height + 1
    assert max(map(len, lines)) <= width


def test_everything_of_interest_is_on_80_by_24() -> None:
    lines = picture(full(), 80, 24, mono=45.0)
    text = "\n".join(lines)
    for part in ("kit", "● online", "calm", "81% sure, 1 face", "happiness", "50%", "contempt", "♪", "●", "Slow River",
                 "Nobody", "0:45", "1:30", "It is calm here.", "volume 30%", "policy match", "camera ON",
                 "8.0 frames/s", "refused: no", "The camera is gone."):
        assert part in text, part


def test_the_plane_puts_feelings_where_they_belong() -> None:
    def spot(valence: float, arousal: float) -> tuple[int, int]:
        state = hear(Seen("kit"), "mood/state", MOOD | {"valence": valence, "arousal": arousal})
        lines = screen._plane(state, 41, 11).plain.split("\n")
        return next((row, line.index("●")) for row, line in enumerate(lines) if "●" in line)

    assert spot(0, 0) == (5, 20)
    assert spot(1, 1) == (0, 40)
    assert spot(-1, -1) == (10, 0)


# --- Lines ---


@pytest.mark.parametrize(("console", "lines"), [
    (Console(file=io.StringIO()), True),
    (Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "xterm"}), False),
    (Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"}), True),
    (Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "xterm", "NO_COLOR": "1"}), True),
    (Console(file=io.TextIOWrapper(io.BytesIO(), "latin-1"), force_terminal=True, _environ={"TERM": "xterm"}), True),
])
def test_where_lines_are_better(console: Console, lines: bool) -> None:
    assert watch.needs_lines(console) is lines


def test_lines_tell_each_thing_once() -> None:
    output = io.StringIO()
    with watch.View(TOPICS, Console(file=output), plain=True) as view:
        view.take(BrokerLost("There is no broker."), now(0))
        view.take(BrokerConnected(), now(1))
        for _ in range(2):
            view.take(Message(TOPICS.volume_state, b"30", retained=True), now(2))
        view.take(None, now(3))
    assert [text[9:] for text in output.getvalue().splitlines()] == ["There is no broker.", "connected", "volume 30%"]


def test_a_view_on_what_the_device_says() -> None:
    """Through the fake broker, with the very messages that the device's side sends."""
    broker = FakeBroker()
    device = FakeConnection(broker, lambda event: None, ())
    device.start()
    device.publish(TOPICS.mood_state, json.dumps(MOOD).encode(), True)
    with watch.View(TOPICS, Console(file=io.StringIO()), plain=True) as view:
        for topic, payload in broker.retained.items():
            view.take(Message(topic, payload, retained=True), now(0))
        assert view.seen.mood is not None
        assert view.seen.mood.mood == "calm"


# --- The whole command ---

needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto", path=PLACES) is None, reason="Mosquitto is not installed (apt-get install mosquitto)"
)


def config(broker: PrivateBroker) -> Config:
    return Config(device=DeviceConfig(id="kit"), mqtt=broker.config)


@needs_mosquitto
def test_watching_a_device_over_a_real_broker() -> None:
    output = io.StringIO()
    heard: dict[str, bytes] = {}
    ready = threading.Event()
    with PrivateBroker() as broker:
        device = Connection(broker.config, lambda event: ready.set(), ("nothing",))
        device.start()
        assert ready.wait(10)
        device.publish(TOPICS.mood_state, json.dumps(MOOD).encode(), True)
        device.publish(TOPICS.availability, b"online", True)
        deadline = time.monotonic() + 10
        answer = watch.run(
            config(broker), listener=heard.__setitem__, console=Console(file=output),
            until=lambda: len(heard) == 2 or time.monotonic() > deadline,
        )
        device.close()
    assert answer == 0
    assert set(heard) == {TOPICS.mood_state, TOPICS.availability}
    assert "mood calm, 81% sure, 1 face" in output.getvalue()


def test_it_ends_after_its_time_without_a_broker() -> None:
    output = io.StringIO()
    started = time.monotonic()
    watch.run(Config(mqtt=MqttConfig(host="127.0.0.1", port=1)), seconds=0.3, console=Console(file=output))
    assert time.monotonic() - started < 5
    assert "No MQTT broker listens at 127.0.0.1:1" in output.getvalue()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_the_terminal_as_it_was(sign: signal.Signals) -> None:
    script = "import sys\nfrom device import watch\nfrom device.config.schema import *\n" \
             "sys.exit(watch.run(Config(mqtt=MqttConfig(host='127.0.0.1', port=1))))"
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm", "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=theirs, stderr=theirs, env=environment, cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    os.close(theirs)
    read_until(ours, lambda text: b"Affetto" in text)
    process.send_signal(sign)
    text = read_until(ours, lambda text: b"\x1b[?1049l" in text)
    assert process.wait(10) == 0
    os.close(ours)
    assert b"\x1b[?25h" in text  # the cursor is back
    assert b"Traceback" not in text


def read_until(terminal: int, enough: Callable[[bytes], bool], patience_s: float = 20.0) -> bytes:
    text = b""
    deadline = time.monotonic() + patience_s
    while not enough(text):
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"the terminal shows only {text!r}"
        try:
            text += os.read(terminal, 65536)
        except OSError as ended:  # the program closed its side
            raise AssertionError(f"the terminal ended with {text!r}") from ended
    return text
