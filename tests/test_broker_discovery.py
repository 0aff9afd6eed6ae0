"""A broker that nobody named is found in the network: a real mDNS responder on the loopback, a real Mosquitto."""

from __future__ import annotations

import queue
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
import zeroconf

from device.config.schema import MqttConfig
from device.demo.broker import PLACES, PrivateBroker
from device.mqtt.broker_discovery import PLAIN, SECURE, Broker, BrokerSearch, find, tell
from device.mqtt.client import Connection
from device.mqtt.messages import BrokerConnected, BrokerLost, ConnectionEvent

LOOPBACK = ["127.0.0.1"]
PATIENCE_S = 20.0
LOCAL = Broker("", "localhost", 1883)
ATTIC, CELLAR = Broker("Attic", "10.0.0.2", 1883), Broker("Cellar", "10.0.0.1", 1884)


@contextmanager
def announced(*brokers: Broker, kind: str = PLAIN) -> Iterator[None]:
    """They answer for as long as this lasts."""
    with zeroconf.Zeroconf(interfaces=LOOPBACK) as network:
        for broker in brokers:
            name = f"{broker.name}.{kind}"
            network.register_service(
                zeroconf.ServiceInfo(
                    kind, name, broker.port, addresses=[socket.inet_aton(broker.host)], server=f"{broker.name}.local."
                )
            )
        yield
        network.unregister_all_services()


def look(tls: bool = False, timeout_s: float = 1.5) -> list[Broker]:
    return find(tls, timeout_s, LOOPBACK)


@pytest.fixture(scope="module", autouse=True)
def multicast() -> None:
    """Some test machines have no multicast on the loopback."""
    probe = Broker("Probe", "127.0.0.1", 1)
    with announced(probe):
        if probe not in look(timeout_s=3.0):
            pytest.skip("no multicast on the loopback here")


def test_everybody_who_announces_a_broker_is_found_in_the_order_of_their_names() -> None:
    with announced(CELLAR, ATTIC):
        assert look() == [ATTIC, CELLAR]


def test_with_tls_only_those_that_speak_it_count() -> None:
    with announced(ATTIC), announced(CELLAR, kind=SECURE):
        assert look(tls=True) == [CELLAR]


def test_nobody_answers_or_there_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look() == []

    def fail(**_: object) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(zeroconf, "Zeroconf", fail)
    assert look() == []


class World:
    """What a search sees and does, by hand."""

    def __init__(self) -> None:
        self.found: list[Broker] = []
        self.up = False
        self.went: list[Broker] = []
        self.search = BrokerSearch(False, LOCAL, lambda: self.up, self.went.append, lambda tls: self.found)


def test_a_search_goes_on_with_localhost_until_there_is_a_better_place() -> None:
    world = World()
    for found in ([], [], [CELLAR], [CELLAR], [], [ATTIC, CELLAR]):
        world.found = list(found)
        world.search.step()
    assert world.went == [LOCAL, CELLAR, ATTIC]


def test_what_was_found_is_told_in_words() -> None:
    assert tell([], LOCAL) == "None announces itself in the network (mDNS) either; trying localhost:1883."
    assert tell([ATTIC], ATTIC) == "Found by mDNS: Attic (10.0.0.2:1883)."
    assert tell([ATTIC, CELLAR], ATTIC) == (
        "2 announce themselves (mDNS); Attic (10.0.0.2:1883) is the first by name and is taken, "
        "not Cellar (10.0.0.1:1884)."
    )


needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto", path=PLACES) is None, reason="Mosquitto is not installed (apt-get install mosquitto)"
)


def wait(events: queue.SimpleQueue[ConnectionEvent], kind: type) -> ConnectionEvent:
    while True:
        event = events.get(timeout=PATIENCE_S)
        if isinstance(event, kind):
            return event


@needs_mosquitto
def test_a_connection_finds_its_broker_and_a_named_one_does_not_look() -> None:
    with ExitStack() as stack:
        near, far = stack.enter_context(PrivateBroker()), stack.enter_context(PrivateBroker())
        stack.enter_context(announced(Broker("Far", far.host, far.port)))
        events: queue.SimpleQueue[ConnectionEvent] = queue.SimpleQueue()
        unnamed = Connection(MqttConfig(host=""), events.put, ["#"], find=look)
        with closing(unnamed):
            unnamed.start()
            wait(events, BrokerConnected)
            assert unnamed._place == f"{far.host}:{far.port}"

        def never(tls: bool) -> list[Broker]:
            raise AssertionError("nobody asked to look")

        named = Connection(near.config, events.put, ["#"], find=never)
        with closing(named):
            named.start()
            wait(events, BrokerConnected)
            assert named._place == f"{near.host}:{near.port}"


@needs_mosquitto
def test_it_moves_from_the_fallback_to_the_broker_that_comes_up_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.mqtt.broker_discovery.SHORTEST_WAIT_S", 0.1)
    with PrivateBroker() as local, PrivateBroker() as house:
        found: list[Broker] = []
        looked = threading.Event()

        def see(tls: bool) -> list[Broker]:
            looked.set()
            return list(found)

        events: queue.SimpleQueue[ConnectionEvent] = queue.SimpleQueue()
        config = MqttConfig(host="", port=local.port)
        with closing(Connection(config, events.put, ["#"], find=see)) as connection:
            connection.start()
            wait(events, BrokerConnected)
            assert connection._place == f"localhost:{local.port}"
            found.append(Broker("House", house.host, house.port))
            wait(events, BrokerLost)
            wait(events, BrokerConnected)
            assert connection._place == f"{house.host}:{house.port}"
            looked.clear()
            assert not looked.wait(0.5)  # settled: it does not look any more
            house.stop(kill=True)
            wait(events, BrokerLost)
            assert looked.wait(PATIENCE_S)


def test_closing_while_it_looks_leaves_nothing_behind() -> None:
    looking, end = threading.Event(), threading.Event()

    def slow(tls: bool) -> list[Broker]:
        looking.set()
        end.wait(PATIENCE_S)
        return [Broker("Late", "127.0.0.1", 1)]

    connection = Connection(MqttConfig(host=""), lambda _: None, ["#"], find=slow)
    connection.start()
    assert looking.wait(PATIENCE_S)
    connection.close()
    end.set()
    connection._search._thread.join(PATIENCE_S)  # type: ignore[union-attr]
    assert not connection._search._thread.is_alive()  # type: ignore[union-attr]
    assert connection._place == "localhost:1883"
