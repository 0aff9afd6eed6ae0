"""`affetto watch`: shows a device live in a terminal, from any machine that reaches the broker.

It knows the device only through the public MQTT topics. Main thread; paho's thread fills an inbox, rich's thread
draws. Where nobody could see a picture (no terminal, a dumb one, NO_COLOR, no UTF-8) each piece of news is a line.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from rich.console import Console, RenderableType
from rich.live import Live

from device.config.schema import Config
from device.domain import Now
from device.mqtt.client import Connection
from device.mqtt.messages import BrokerConnected, BrokerLost, ConnectionEvent, Message
from device.mqtt.topics import Topics
from device.watch import screen, seen
from device.watch.seen import News, Seen

DRAWN_PER_S = 5
PATIENCE_S = 0.5


class View:
    """Shows one device. Use as a context manager; feed it with `take` from one thread."""

    def __init__(
        self, topics: Topics, console: Console | None = None, plain: bool | None = None, *, starts: bool = False
    ) -> None:
        """`starts`: the device is only just starting, so its silence is no reason to doubt its id."""
        self._topics = topics
        self._console = console or Console()
        self._plain = needs_lines(self._console) if plain is None else plain
        self._seen = Seen(topics.device_id, warned=starts)
        self._live: Live | None = None

    def __enter__(self) -> View:
        if not self._plain:
            self._live = Live(console=self._console, screen=True, refresh_per_second=DRAWN_PER_S,
                              get_renderable=self._draw, redirect_stdout=False, redirect_stderr=False)
            try:
                self._live.start(refresh=True)
            except BaseException:  # Ctrl-C while the first picture is drawn
                self._live.stop()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def seen(self) -> Seen:
        """The shown state."""
        return self._seen

    def take(self, event: ConnectionEvent | None, now: Now) -> None:
        """Show an event of a `Connection` to `topics.everything`; None if only time has passed."""
        before = self._seen.news_count
        match event:
            case BrokerConnected():
                self._seen = seen.connected(self._seen, now)
            case BrokerLost(problem):
                self._seen = seen.lost(self._seen, problem, now)
            case Message(topic, _) if not topic.startswith(f"{self._topics.device}/"):
                self._seen = seen.add_device(self._seen, topic.removesuffix("/availability").rpartition("/")[2])
            case Message(topic, payload, retained):
                name = topic.removeprefix(f"{self._topics.device}/")
                self._seen = seen.apply(self._seen, name, payload, now, retained)
        self._seen = seen.wait(self._seen, now)
        if self._plain and self._seen.news_count > before:
            for news in self._seen.news[before - self._seen.news_count:]:
                print(line(news), file=self._console.file, flush=True)

    def _draw(self) -> RenderableType:
        size = self._console.size
        return screen.render(self._seen, read_clocks(), size.width, size.height)


def run(
    config: Config,
    *,
    device_id: str | None = None,
    seconds: float | None = None,
    listener: Callable[[str, bytes], None] | None = None,
    until: Callable[[], bool] | None = None,
    console: Console | None = None,
    starts: bool = False,
) -> int:
    """Watch until Ctrl-C, for `seconds`, or until `until()`; returns 0. `listener` also gets each (topic, payload).
    `starts`: see `View`."""
    mqtt = config.mqtt
    topics = Topics(mqtt.base_topic, device_id or config.device.id, mqtt.discovery_prefix)
    inbox: queue.SimpleQueue[ConnectionEvent] = queue.SimpleQueue()
    connection = Connection(mqtt, inbox.put, (topics.everything, topics.availability_of_all))
    deadline = None if seconds is None else time.monotonic() + seconds
    with (
        contextlib.closing(connection),
        contextlib.suppress(KeyboardInterrupt, BrokenPipeError),
        _terminable(),
        View(topics, console, starts=starts) as view,
    ):
        connection.start()
        while (deadline is None or time.monotonic() < deadline) and not (until and until()):
            try:
                event: ConnectionEvent | None = inbox.get(timeout=PATIENCE_S)
            except queue.Empty:
                event = None
            view.take(event, read_clocks())
            if listener is not None and isinstance(event, Message):
                listener(event.topic, event.payload)
    return 0


def needs_lines(console: Console) -> bool:
    """Whether this console cannot redraw a screen, and so needs plain lines."""
    able = console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf")
    return not able or console.no_color


def line(news: News) -> str:
    """One piece of news as a line of a log."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = f"{datetime.fromtimestamp(news.at):%H:%M:%S} {news.text}"
    return text.encode(encoding, "replace").decode(encoding)


def read_clocks() -> Now:
    """Both clocks, now."""
    return Now(time.monotonic(), time.time())


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the view like Ctrl-C, so that the terminal is restored."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread: the caller ends us with `until`
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
