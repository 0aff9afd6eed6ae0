"""The connection to the MQTT broker, over paho-mqtt 2.

paho's own thread runs the callbacks. They only renew subscriptions and `put` events; they never publish, and take no
lock of ours (paho.mqtt.python#354). The main thread calls everything else; every call except `close` returns at once.

The connection queues nothing while the broker is away: at each `BrokerConnected` the adapter sends all retained topics
again, and other messages are out of date. So memory cannot grow, and no old value can arrive after its replacement.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from device.config.schema import MqttConfig
from device.errors import MqttError
from device.mqtt import problems
from device.mqtt.broker_discovery import Broker, BrokerSearch, Find, find
from device.mqtt.diagnosis import Cause, Diagnosis, Sent
from device.mqtt.documents import OFFLINE
from device.mqtt.messages import BrokerConnected, BrokerLost, ConnectionEvent, Message

log = logging.getLogger("affetto.mqtt")

KEEPALIVE_S = 30
FAREWELL_S = 2.0
"""How long `close` waits for the broker to acknowledge the last message, and for the thread to end."""


class Connection:
    """A connection that reconnects and subscribes again by itself.

    `will` is the topic on which the broker publishes "offline", retained, if this connection dies. `find` searches for
    brokers if the settings name none; `diagnosis` decides when to reconnect. Raises MqttError for settings that can
    never work.
    """

    def __init__(
        self,
        config: MqttConfig,
        put: Callable[[ConnectionEvent], None],
        filters: Iterable[str],
        client_id: str = "",
        will: str = "",
        find: Find = find,
        diagnosis: Diagnosis | None = None,
    ) -> None:
        self._config, self._put, self._will = config, put, will
        self._filters = tuple(filters)
        self._at = Broker("", config.host or "localhost", config.port)
        self._search = None if config.host else BrokerSearch(config.tls, self._at, self._is_up, self._go, find)
        self._diagnosis = diagnosis or Diagnosis()
        self._moving = threading.Lock()  # held by the search while it switches brokers, and by `close`
        self._up = threading.Event()
        self._closing = threading.Event()
        self._running = False  # whether paho's thread should run
        self._sent: deque[tuple[paho.MQTTMessageInfo, Sent]] = deque()  # not acknowledged yet, the oldest first
        # paho's thread only:
        self._up_s = 0.0  # when the connection came up
        self._refused = False  # whether this attempt's failure is already reported
        self._problem = ""  # why the last attempt failed, so that retries do not report it again
        self._standing = ""  # a problem that persists while the connection is up
        self._warned = False  # whether we warned about subscriptions that the broker refuses
        self._client = self._make_client(client_id)
        self._client_id = client_id

    def start(self) -> None:
        """Begin to connect, and retry until `close`. If the settings name no broker, begin to search for one."""
        if self._search is not None:
            self._search.start()
        else:
            self._go(self._at)

    @property
    def alive(self) -> bool:
        """Whether its threads still work; true before `start` and after `close`."""
        if self._closing.is_set():
            return True
        if self._search is not None and not self._search.alive:
            return False
        return not self._running or self._client._thread is not None  # paho clears it when its thread ends

    def _go(self, broker: Broker) -> None:
        """Connect to this broker only. On the search's thread, if there is one."""
        with self._moving:
            if self._closing.is_set():
                return
            self._running = False
            self._say_goodbye()
            self._client.loop_stop()
            self._at = broker
            self._diagnosis.forget()
            self._standing = ""
            self._client.connect_async(broker.host, broker.port, KEEPALIVE_S)
            self._client.loop_start()
            self._running = True

    def _is_up(self) -> bool:
        return self._up.is_set()

    @property
    def _address(self) -> str:
        return f"{self._at.host}:{self._at.port}"

    def subscribe(self, *filters: str) -> None:
        """Replace the subscriptions; they persist through reconnections."""
        before, self._filters = self._filters, filters  # first: a connection that comes up just now already uses it
        if gone := [name for name in before if name not in filters]:
            self._client.unsubscribe(gone)
        if fresh := [(name, 1) for name in filters if name not in before]:
            self._client.subscribe(fresh)

    def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """Send with QoS 1; without a connection, drop the message. A retained payload that is too large for the broker
        becomes empty, so that no older value stays there."""
        if not self._up.is_set():
            return
        sent = Sent(topic, len(topic.encode()) + len(payload))
        if not self._diagnosis.admits(sent.size):
            if not retain:
                return
            payload, sent = b"", Sent(topic, len(topic.encode()))
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc == paho.MQTT_ERR_SUCCESS:
            self._sent.append((info, sent))
        while self._sent and _is_acknowledged(self._sent[0][0]):
            self._diagnosis.taken(self._sent.popleft()[1])

    def close(self) -> None:
        """Publish "offline" if there is a connection, and disconnect. Takes at most some seconds; idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._search is not None:
            self._search.stop()
        held = self._moving.acquire(timeout=FAREWELL_S)
        self._say_goodbye()
        if held:
            self._moving.release()
        # loop_stop waits for its thread without a limit, and that thread may wait for a name server.
        ending = threading.Thread(target=self._client.loop_stop, name="mqtt-end", daemon=True)
        ending.start()
        ending.join(FAREWELL_S)

    def _say_goodbye(self) -> None:
        if self._will and self._up.is_set():
            with contextlib.suppress(ValueError, RuntimeError):  # the connection just broke: the will publishes it
                self._client.publish(self._will, OFFLINE, qos=1, retain=True).wait_for_publish(FAREWELL_S)
        self._client.disconnect()

    def _make_client(self, client_id: str) -> paho.Client:
        config = self._config
        try:
            config.host.encode("idna")
        except UnicodeError as error:
            raise MqttError(f"mqtt.host {config.host!r} is not a valid host name ({error}).") from error
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        if config.username:
            client.username_pw_set(config.username, config.password or None)
        if config.tls:
            client.tls_set_context(self._trust())
        if self._will:
            client.will_set(self._will, OFFLINE, qos=1, retain=True)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect, client.on_message = self._on_disconnect, self._on_message
        client.on_subscribe, client.on_publish = self._on_subscribe, self._on_publish
        return client

    def _trust(self) -> ssl.SSLContext:
        path = self._config.ca_file or None
        try:
            return ssl.create_default_context(cafile=path)
        except OSError as error:
            why = f"mqtt.ca_file {path} cannot be used ({error}); name a PEM file or leave it empty."
            raise MqttError(why) from error

    # --- paho's thread ---

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _: Any) -> None:
        if reason.is_failure:
            self._refused = True
            self._report(problems.refused(self._config, self._address, str(reason)))
            return
        client.drop_out_messages()  # they would arrive after the adapter's new values, and undo them
        self._sent.clear()
        client.subscribe([(name, 1) for name in self._filters])
        self._problem, self._up_s = "", time.monotonic()
        self._up.set()
        self._put_connected()

    def _on_connect_fail(self, _client: paho.Client, _data: Any) -> None:
        self._diagnosis.unreachable()
        error = sys.exc_info()[1]  # paho calls from its `except OSError`
        self._report(problems.unreachable(self._config, self._at.host, self._address, error))
        self._set_wait()

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _: Any) -> None:
        was_up = self._up.is_set()
        self._up.clear()
        if was_up:
            self._report(self._explain_end(str(reason)))
        elif not was_up:
            self._diagnosis.unreachable()
            if not self._refused:
                self._report(problems.no_broker(self._address))
        self._refused = False
        self._set_wait()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        with contextlib.suppress(UnicodeDecodeError):  # a topic that is not UTF-8 is not ours
            self._put(Message(message.topic, bytes(message.payload), message.retain))

    def _on_publish(self, *_: object) -> None:
        if self._diagnosis.settled(time.monotonic() - self._up_s):
            self._standing = ""
            self._put_connected()

    def _on_subscribe(self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _: Any) -> None:
        if any(reason.is_failure for reason in reasons) and not self._warned:
            self._warned = True
            topics = ", ".join(self._filters)
            log.warning("The MQTT broker at %s refuses some of the subscriptions %s; check its access rules.",
                        self._address, topics)  # fmt: skip

    def _explain_end(self, reason: str) -> str:
        waiting = [sent for info, sent in self._sent.copy() if not _is_acknowledged(info)]
        cause = self._diagnosis.ended(time.monotonic() - self._up_s, waiting)
        if cause is Cause.UNKNOWN:
            return problems.lost(self._address, reason)
        if cause is Cause.TOO_LARGE and self._diagnosis.refused is not None:
            self._standing = problems.too_large(self._address, self._diagnosis.refused)
        elif cause is Cause.RIVAL:
            self._standing = problems.rival(self._address, self._client_id)
        return self._standing

    def _set_wait(self) -> None:
        """Set the next wait. paho's own backoff starts again after each success, so we set one wait at a time."""
        wait_s = self._diagnosis.wait_s
        self._client.reconnect_delay_set(wait_s, wait_s)  # type: ignore[arg-type]  # parts of a second are fine too

    def _put_connected(self) -> None:
        self._put(BrokerConnected(self._address, self._standing, self._diagnosis.largest_bytes))

    def _report(self, problem: str) -> None:
        """Report that an attempt failed, unless the one before failed in the same way."""
        if problem != self._problem and not self._closing.is_set():
            self._problem = problem
            self._put(BrokerLost(problem))


def _is_acknowledged(info: paho.MQTTMessageInfo) -> bool:
    try:
        return info.is_published()
    except (ValueError, RuntimeError):  # paho has dropped it
        return False
