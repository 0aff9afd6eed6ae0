"""The connection to the MQTT broker, over paho-mqtt 2.

paho's own thread runs the callbacks; they only renew subscriptions and `put` events, they never publish and take no
lock of ours (paho.mqtt.python#354). Everything else is called by the main thread and returns at once, except `close`.

Nothing is kept while the broker is away: the adapter sends everything that is retained anew at each
`BrokerConnected`, and what else happened meanwhile is old news. So memory cannot grow, and no value that was sent
before a break can arrive after the ones that replace it.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from device.config.schema import MqttConfig
from device.errors import MqttError
from device.mqtt.broker_discovery import Broker, BrokerSearch, Find, find
from device.mqtt.documents import OFFLINE
from device.mqtt.messages import BrokerConnected, BrokerLost, ConnectionEvent, Message

log = logging.getLogger("affetto.mqtt")

KEEPALIVE_S = 30
SHORTEST_WAIT_S, LONGEST_WAIT_S = 1, 60
"""Between attempts to connect; doubles from one to the next."""
FAREWELL_S = 2.0
"""How long `close` waits for the broker to take the last message, and for the thread to end."""
REFUSED_CREDENTIALS = ("Bad user name or password", "Not authorized")


class Connection:
    """A connection that comes back by itself, with subscriptions that come back with it.

    `will` is a topic on which the broker says "offline", retained, if this connection dies. `find` looks for brokers
    where the settings name none. Raises MqttError for settings that can never work.
    """

    def __init__(
        self,
        config: MqttConfig,
        put: Callable[[ConnectionEvent], None],
        filters: Iterable[str],
        client_id: str = "",
        will: str = "",
        find: Find = find,
    ) -> None:
        self._config, self._put, self._will = config, put, will
        self._filters = tuple(filters)
        self._at = Broker("", config.host or "localhost", config.port)
        self._search = None if config.host else BrokerSearch(config.tls, self._at, self._is_up, self._go, find)
        self._moving = threading.Lock()  # held by the search while it goes elsewhere, and by `close`
        self._up = threading.Event()
        self._closing = threading.Event()
        self._refused = False  # paho's thread only: this attempt's failure has been told already
        self._problem = ""  # paho's thread only: what was told last, so that retries do not repeat it
        self._client = self._make_client(client_id)

    def start(self) -> None:
        """Begin to connect, and never give up until `close`. Without a name of a broker, begin to look for one."""
        if self._search is not None:
            self._search.start()
        else:
            self._go(self._at)

    @property
    def alive(self) -> bool:
        """Whether its threads work as they should."""
        return True

    def _go(self, place: Broker) -> None:
        """Connect there, and to nowhere else. On the search's thread, if there is one."""
        with self._moving:
            if self._closing.is_set():
                return
            self._say_goodbye()
            self._client.loop_stop()
            self._at = place
            self._client.connect_async(place.host, place.port, KEEPALIVE_S)
            self._client.loop_start()

    def _is_up(self) -> bool:
        return self._up.is_set()

    @property
    def _place(self) -> str:
        return f"{self._at.host}:{self._at.port}"

    def subscribe(self, *filters: str) -> None:
        """Hear these and nothing else from now on, through every reconnection."""
        before, self._filters = self._filters, filters  # first: a connection that comes up just now uses it already
        if gone := [name for name in before if name not in filters]:
            self._client.unsubscribe(gone)
        if fresh := [(name, 1) for name in filters if name not in before]:
            self._client.subscribe(fresh)

    def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """Send with QoS 1; while there is no connection, drop it."""
        if self._up.is_set():
            self._client.publish(topic, payload, qos=1, retain=retain)

    def close(self) -> None:
        """Say "offline" if the broker is there to hear it, and end. Takes at most some seconds; idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._search is not None:
            self._search.stop()
        held = self._moving.acquire(timeout=FAREWELL_S)
        self._say_goodbye()
        if held:
            self._moving.release()
        # loop_stop waits for its thread without a limit, and a name server may keep that one waiting.
        ending = threading.Thread(target=self._client.loop_stop, name="mqtt-end", daemon=True)
        ending.start()
        ending.join(FAREWELL_S)

    def _say_goodbye(self) -> None:
        if self._will and self._up.is_set():
            with contextlib.suppress(ValueError, RuntimeError):  # the connection broke in this moment: the will speaks
                self._client.publish(self._will, OFFLINE, qos=1, retain=True).wait_for_publish(FAREWELL_S)
        self._client.disconnect()

    def _make_client(self, client_id: str) -> paho.Client:
        config = self._config
        try:
            config.host.encode("idna")
        except UnicodeError as error:
            raise MqttError(f"mqtt: host {config.host!r} cannot be the name of a computer ({error}).") from error
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        if config.username:
            client.username_pw_set(config.username, config.password or None)
        if config.tls:
            client.tls_set_context(self._trust())
        if self._will:
            client.will_set(self._will, OFFLINE, qos=1, retain=True)
        client.reconnect_delay_set(SHORTEST_WAIT_S, LONGEST_WAIT_S)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect, client.on_message = self._on_disconnect, self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def _trust(self) -> ssl.SSLContext:
        path = self._config.ca_file or None
        try:
            return ssl.create_default_context(cafile=path)
        except OSError as error:
            why = f"mqtt: ca_file {path} cannot be used ({error}); give a PEM file or leave it empty."
            raise MqttError(why) from error

    # --- paho's thread ---

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _: Any) -> None:
        if reason.is_failure:
            self._refused = True
            self._tell(self._why_refused(str(reason)))
            return
        client.drop_out_messages()  # they would be sent after what the session says now, and undo it
        client.subscribe([(name, 1) for name in self._filters])
        self._problem = ""
        self._up.set()
        self._put(BrokerConnected())

    def _on_connect_fail(self, _client: paho.Client, _data: Any) -> None:
        self._tell(self._why_unreachable(sys.exc_info()[1]))  # paho calls from its `except OSError`

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _: Any) -> None:
        was_up = self._up.is_set()
        self._up.clear()
        if was_up:
            self._tell(f"The MQTT broker at {self._place} is gone ({reason}); trying again.")
        elif not self._refused:
            self._tell(f"What answers at {self._place} hung up at once; is it an MQTT broker, and is mqtt: tls right?")
        self._refused = False

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._put(Message(message.topic, bytes(message.payload), message.retain))

    def _on_subscribe(self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning("The MQTT broker at %s does not let us hear all of %s.", self._place, self._filters)

    def _tell(self, problem: str) -> None:
        if problem != self._problem and not self._closing.is_set():
            self._problem = problem
            self._put(BrokerLost(problem))

    @property
    def _hint(self) -> str:
        return "" if self._config.host else " (none is named in the settings)"

    def _why_refused(self, reason: str) -> str:
        if reason in REFUSED_CREDENTIALS:
            who = f"user {self._config.username!r}" if self._config.username else "a client without a user name"
            return f"The MQTT broker at {self._place} refuses {who}; check mqtt: username and password."
        return f"The MQTT broker at {self._place} refuses the connection ({reason})."

    def _why_unreachable(self, error: BaseException | None) -> str:
        match error:
            case ssl.SSLCertVerificationError():
                return (f"The certificate of the MQTT broker at {self._place} cannot be trusted "
                        f"({error.verify_message}); check mqtt: host and ca_file.")
            case ssl.SSLError():
                return f"There is no TLS at {self._place} ({error.reason or error}); check mqtt: port and tls."
            case socket.gaierror():
                return f"No computer called {self._at.host} can be found; check mqtt: host and the network."
            case TimeoutError():
                return f"Nothing answers at {self._place}; check mqtt: host and port, and the firewall."
            case ConnectionRefusedError():
                return f"No MQTT broker listens at {self._place}; start it, or check mqtt: host and port{self._hint}."
            case _:
                return f"The MQTT broker at {self._place} cannot be reached ({error})."
