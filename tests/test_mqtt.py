"""One contract for the fake broker and a real Mosquitto, then what only a network can do wrong."""

from __future__ import annotations

import dataclasses
import itertools
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from device.config.schema import MqttConfig
from device.demo.broker import PLACES, PrivateBroker
from device.errors import MqttError
from device.mqtt.adapter import Link
from device.mqtt.client import Connection
from device.mqtt.fake import FakeBroker, FakeConnection
from device.mqtt.messages import BrokerConnected, BrokerLost, ConnectionEvent, Message
from device.mqtt.topics import Topics

TOPICS = Topics("affetto", "kit")
ALWAYS = (TOPICS.commands, TOPICS.home_assistant_status)
PATIENCE_S = 15.0

needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto", path=PLACES) is None, reason="Mosquitto is not installed (apt-get install mosquitto)"
)


class Inbox:
    """What the daemon's inbox is: a queue, here with waiting for an event of a kind."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[ConnectionEvent] = queue.SimpleQueue()
        self.put = self.events.put

    def wait(self, kind: type, patience_s: float = PATIENCE_S) -> Any:
        deadline = time.monotonic() + patience_s
        while True:
            event = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            if isinstance(event, kind):
                return event

    def nothing_left(self) -> bool:
        return self.events.empty()


def connection_to(config: MqttConfig, put: Callable[[ConnectionEvent], None]) -> Connection:
    """A connection as the adapter makes it."""
    return Connection(config, put, ALWAYS, f"affetto-{TOPICS.device_id}", TOPICS.availability)


class FakeWorld:
    """The fake broker, and an outsider who sends and reads."""

    def __init__(self) -> None:
        self.broker = FakeBroker()

    def link(self, put: Callable[[ConnectionEvent], None]) -> Link:
        return FakeConnection(self.broker, put, ALWAYS, TOPICS.availability)

    def stop(self) -> None:
        self.broker.stop()

    def start(self) -> None:
        self.broker.start()

    def send(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self.broker.publish(topic, payload, retain)

    def wait_retained(self, topic: str, payload: bytes) -> None:
        assert self.broker.retained.get(topic) == payload

    def close(self) -> None:
        pass


class RealWorld:
    """Mosquitto, and an outsider with a connection of its own."""

    def __init__(self) -> None:
        self.broker = PrivateBroker()
        self.broker.start()

    def link(self, put: Callable[[ConnectionEvent], None]) -> Link:
        return connection_to(self.broker.config, put)

    def stop(self) -> None:
        self.broker.stop(kill=True)

    def start(self) -> None:
        self.broker.start()

    def send(self, topic: str, payload: bytes, retain: bool = False) -> None:
        with Outsider(self.broker.config, "nothing") as outsider:
            outsider.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)

    def wait_retained(self, topic: str, payload: bytes) -> None:
        with Outsider(self.broker.config, topic) as outsider:
            outsider.wait(topic, payload)

    def close(self) -> None:
        self.broker.close()


class Outsider:
    """A plain MQTT client that is none of ours."""

    def __init__(self, config: MqttConfig, listen_to: str) -> None:
        self.heard: queue.SimpleQueue[tuple[str, bytes, bool]] = queue.SimpleQueue()
        ready = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if config.username:
            self.client.username_pw_set(config.username, config.password)
        self.client.on_message = lambda c, d, m: self.heard.put((m.topic, bytes(m.payload), m.retain))
        self.client.on_connect = lambda c, *_: c.subscribe(listen_to, 1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect(config.host, config.port)
        self.client.loop_start()
        assert ready.wait(PATIENCE_S)

    def __enter__(self) -> Outsider:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def wait(self, topic: str, payload: bytes) -> bool:
        """Wait for this message; says whether it came as a retained one."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            got = self.heard.get(timeout=max(0.01, deadline - time.monotonic()))
            if got[:2] == (topic, payload):
                return got[2]


World = FakeWorld | RealWorld


@pytest.fixture(params=[FakeWorld, pytest.param(RealWorld, marks=needs_mosquitto)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made: World = request.param()
    yield made
    made.close()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def mqtt(world: World, inbox: Inbox) -> Iterator[Link]:
    made = world.link(inbox.put)
    yield made
    made.close()


def test_says_what_is_retained(world: World, mqtt: Link, inbox: Inbox) -> None:
    mqtt.start()
    inbox.wait(BrokerConnected)
    mqtt.publish(TOPICS.volume_state, b"30", True)
    world.wait_retained(TOPICS.volume_state, b"30")


def test_hears_its_own_commands_and_home_assistants_start(world: World, mqtt: Link, inbox: Inbox) -> None:
    mqtt.start()
    inbox.wait(BrokerConnected)
    ours = {TOPICS.volume_set: b"40", "affetto/kit/volum/set": b"\xff", TOPICS.home_assistant_status: b"online"}
    for topic, payload in ours.items():
        world.send("affetto/other/volume/set", b"not for us")
        world.send(topic, payload)
        assert inbox.wait(Message) == Message(topic, payload)


def test_a_retained_command_is_marked(world: World, mqtt: Link, inbox: Inbox) -> None:
    world.send(TOPICS.volume_set, b"99", retain=True)
    mqtt.start()
    assert inbox.wait(Message) == Message(TOPICS.volume_set, b"99", retained=True)


def await_order(world: World, mqtt: Link, mark: str) -> None:
    """The broker takes our packets in order: once it has this one, it has what was asked before."""
    mqtt.publish(TOPICS.health, mark.encode(), True)
    world.wait_retained(TOPICS.health, mark.encode())


def test_hears_the_room_it_is_in_and_no_other(world: World, mqtt: Link, inbox: Inbox) -> None:
    mqtt.subscribe(*ALWAYS, "affetto/room/Küche/+/set")
    mqtt.start()
    inbox.wait(BrokerConnected)
    world.send("affetto/room/Küche/volume/set", b"1")
    assert inbox.wait(Message) == Message("affetto/room/Küche/volume/set", b"1")
    mqtt.subscribe(*ALWAYS, "affetto/room/bath room/+/set")
    await_order(world, mqtt, "1")
    world.send("affetto/room/Küche/volume/set", b"2")
    world.send("affetto/room/bath room/volume/set", b"3")
    assert inbox.wait(Message).payload == b"3"
    mqtt.subscribe(*ALWAYS)
    await_order(world, mqtt, "2")
    world.send("affetto/room/bath room/volume/set", b"4")
    world.send(TOPICS.volume_set, b"5")
    assert inbox.wait(Message).payload == b"5"


def test_comes_back_with_its_subscriptions(world: World, mqtt: Link, inbox: Inbox) -> None:
    mqtt.subscribe(*ALWAYS, "affetto/room/kitchen/+/set")
    mqtt.start()
    inbox.wait(BrokerConnected)
    mqtt.publish(TOPICS.volume_state, b"1", True)
    world.wait_retained(TOPICS.volume_state, b"1")
    world.stop()
    assert inbox.wait(BrokerLost).problem
    for volume in range(1000):  # nobody hears this, and nobody ever will
        mqtt.publish(TOPICS.volume_state, str(volume).encode(), True)
    world.start()
    inbox.wait(BrokerConnected)
    mqtt.publish(TOPICS.volume_state, b"7", True)
    world.wait_retained(TOPICS.volume_state, b"7")
    world.send(TOPICS.mood_set, b"calm")
    assert inbox.wait(Message) == Message(TOPICS.mood_set, b"calm")
    world.send("affetto/room/kitchen/mood/set", b"sad")
    assert inbox.wait(Message).payload == b"sad"


def test_a_broker_that_is_absent_at_the_start(world: World, mqtt: Link, inbox: Inbox) -> None:
    world.stop()
    mqtt.start()
    assert inbox.wait(BrokerLost).problem
    world.start()
    inbox.wait(BrokerConnected)
    mqtt.publish(TOPICS.room_state, b"here", True)
    world.wait_retained(TOPICS.room_state, b"here")


def test_says_offline_when_closed_and_closes_twice(world: World, mqtt: Link, inbox: Inbox) -> None:
    mqtt.start()
    inbox.wait(BrokerConnected)
    mqtt.publish(TOPICS.availability, b"online", True)
    world.wait_retained(TOPICS.availability, b"online")
    mqtt.close()
    mqtt.close()
    world.wait_retained(TOPICS.availability, b"offline")
    mqtt.publish(TOPICS.availability, b"online", True)
    world.wait_retained(TOPICS.availability, b"offline")
    assert inbox.nothing_left()


def test_closes_without_ever_having_started(mqtt: Link) -> None:
    mqtt.close()


# --- The network ---


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    with PrivateBroker() as made:
        yield made


@needs_mosquitto
def test_the_broker_says_offline_when_the_device_dies(broker: PrivateBroker) -> None:
    script = (
        "import sys, queue\n"
        "from device.config.schema import MqttConfig\n"
        "from device.mqtt.client import Connection\n"
        "from device.mqtt.topics import Topics\n"
        "inbox, topics = queue.SimpleQueue(), Topics('affetto', 'kit')\n"
        "config = MqttConfig(host='127.0.0.1', port=int(sys.argv[1]))\n"
        "mqtt = Connection(config, inbox.put, ('nothing',), 'affetto-kit', topics.availability)\n"
        "mqtt.start(); inbox.get()\n"
        "mqtt.publish(topics.availability, b'online', True)\n"
        "sys.stdin.read()\n"
    )
    with Outsider(broker.config, TOPICS.everything) as outsider:
        device = subprocess.Popen([sys.executable, "-c", script, str(broker.port)], stdin=subprocess.PIPE)
        outsider.wait(TOPICS.availability, b"online")
        device.kill()
        device.communicate()
        outsider.wait(TOPICS.availability, b"offline")


@needs_mosquitto
def test_a_refused_password_is_told_once_with_what_to_do(inbox: Inbox) -> None:
    with PrivateBroker("affetto", "right") as broker:
        mqtt = connection_to(dataclasses.replace(broker.config, password="wrong"), inbox.put)
        mqtt.start()
        lost = inbox.wait(BrokerLost)
        assert lost.problem == (
            f"The MQTT broker at 127.0.0.1:{broker.port} refuses user 'affetto'; check mqtt: username and password."
        )
        with pytest.raises(queue.Empty):  # it tries again after 1 s, and has nothing new to say
            inbox.wait(BrokerLost, 1.5)
        mqtt.close()
        good = connection_to(broker.config, inbox.put)
        good.start()
        inbox.wait(BrokerConnected)
        good.close()


def test_retries_become_rare(monkeypatch: pytest.MonkeyPatch, inbox: Inbox) -> None:
    """The waits between attempts, as paho asks the clock for them."""
    attempts: list[float] = []

    class Slept(Exception):
        pass

    clock = [1000.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    def reconnect(client: paho.Client) -> None:
        attempts.append(clock[0])
        if len(attempts) > 10:
            raise Slept
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(paho, "time_func", lambda: clock[0])
    monkeypatch.setattr("paho.mqtt.client.time.sleep", sleep)
    monkeypatch.setattr(paho.Client, "reconnect", reconnect)
    connection = Connection(MqttConfig(), inbox.put, ("x",))
    connection._client.connect_async("localhost")
    with pytest.raises(Slept):
        connection._client.loop_forever(retry_first_connection=True)
    waits = [round(b - a) for a, b in itertools.pairwise(attempts)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert isinstance(inbox.events.get_nowait(), BrokerLost)
    assert inbox.nothing_left()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with cert.pem and key.pem for 127.0.0.1, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=broker"
    command += " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


@needs_mosquitto
def test_tls(certificate: Path, inbox: Inbox) -> None:
    cert = certificate / "cert.pem"
    with PrivateBroker(settings=(f"certfile {cert}", f"keyfile {certificate / 'key.pem'}")) as broker:
        trusting = dataclasses.replace(broker.config, tls=True, ca_file=str(cert))
        mqtt = connection_to(trusting, inbox.put)
        mqtt.start()
        inbox.wait(BrokerConnected)
        mqtt.close()
        problem = first_problem(dataclasses.replace(broker.config, tls=True))
        assert problem.startswith(f"The certificate of the MQTT broker at 127.0.0.1:{broker.port} cannot be trusted")
        assert first_problem(broker.config).startswith(f"What answers at 127.0.0.1:{broker.port} hung up")


def first_problem(config: MqttConfig) -> str:
    inbox = Inbox()
    connection = Connection(config, inbox.put, ("x",))
    connection.start()
    try:
        return str(inbox.wait(BrokerLost).problem)
    finally:
        connection.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def answer_each(listener: socket.socket, words: bytes) -> None:
    def serve() -> None:
        try:
            while True:
                caller, _ = listener.accept()
                caller.recv(64)
                caller.sendall(words)
                caller.close()
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()


def test_what_is_no_broker_is_named(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    answer_each(listener, b"")
    assert first_problem(MqttConfig(host="127.0.0.1", port=port)) == (
        f"What answers at 127.0.0.1:{port} hung up at once; is it an MQTT broker, and is mqtt: tls right?"
    )


def test_tls_to_a_broker_without_it(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    answer_each(listener, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    problem = first_problem(MqttConfig(host="127.0.0.1", port=port, tls=True))
    assert problem.startswith(f"There is no TLS at 127.0.0.1:{port}")


def test_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    assert first_problem(MqttConfig(host="brokr")) == (
        "No computer called brokr can be found; check mqtt: host and the network."
    )


@pytest.mark.parametrize("config", [
    MqttConfig(host="a..b"), MqttConfig(host="x" * 70),
    MqttConfig(tls=True, ca_file="/nowhere/ca.pem"),
])
def test_settings_that_can_never_work(config: MqttConfig, inbox: Inbox) -> None:
    with pytest.raises(MqttError, match=r"mqtt: (host|ca_file)"):
        connection_to(config, inbox.put)


@needs_mosquitto
def test_a_long_message_arrives_whole(broker: PrivateBroker, inbox: Inbox) -> None:
    mqtt = connection_to(broker.config, inbox.put)
    mqtt.start()
    inbox.wait(BrokerConnected)
    with Outsider(broker.config, TOPICS.everything) as outsider:
        outsider.client.publish(TOPICS.profile_set, b"x" * 1_000_000, qos=1)
        assert len(inbox.wait(Message).payload) == 1_000_000
    mqtt.close()


def test_mosquitto_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.demo.broker.PLACES", "/nowhere")
    with pytest.raises(MqttError, match="apt-get install mosquitto"), PrivateBroker():
        pass


@needs_mosquitto
def test_mosquitto_that_cannot_listen_says_why(broker: PrivateBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    other = PrivateBroker()
    monkeypatch.setattr(other, "host", "192.0.2.1")  # an address that no machine has (RFC 5737)
    monkeypatch.setattr("device.demo.broker.START_S", 3.0)
    with pytest.raises(MqttError, match="did not start on"):
        other.start()
    other.close()
