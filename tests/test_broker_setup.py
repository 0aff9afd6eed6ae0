"""`affetto mqtt-setup` on a real Mosquitto: the device works, a stranger can do nothing."""

from __future__ import annotations

import base64
import queue
import shutil
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from test_session import Room

from device.__main__ import main
from device.config.schema import Config, DeviceConfig, MqttConfig
from device.demo.broker import PLACES, PrivateBroker
from device.domain import Asked, Event, Now, SetVolume, SurfaceUp
from device.mqtt import broker_setup
from device.mqtt.adapter import MqttAdapter
from device.mqtt.topics import Topics

TOPICS = Topics("affetto", "kitchen")
PATIENCE_S = 15
SNAPSHOT = Room().snapshot

NO_MOSQUITTO = shutil.which("mosquitto", path=PLACES) is None
needs_mosquitto = pytest.mark.skipif(NO_MOSQUITTO, reason="Mosquitto is not installed")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


class SetUpBroker(PrivateBroker):
    """A broker with the files that the command wrote, on a free port."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._files = folder

    def _settings(self) -> list[str]:
        text = (self._files / "affetto.conf").read_text().replace(broker_setup.ETC, str(self._files))
        return [*text.replace("listener 8883", f"listener {self.port} 127.0.0.1").splitlines(), "user root"]


class Client:
    """A client of the broker with TLS; `heard` are the topics and payloads that reached it."""

    def __init__(self, broker: PrivateBroker, folder: Path, user: str = "", password: str = "") -> None:
        self.heard: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.answer = ""
        self._answered = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.tls_set(str(folder / "ca.crt"))
        if user:
            self._client.username_pw_set(user, password)
        self._client.on_connect = self._connected
        self._client.on_message = lambda _c, _d, message: self.heard.put((message.topic, message.payload.decode()))
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert self._answered.wait(PATIENCE_S)

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _: Any) -> None:
        self.answer = str(reason)
        client.subscribe("#", qos=1)
        self._answered.set()

    def say(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("setup") / "mosquitto"
    assert main(["mqtt-setup", "--out", str(folder), "--id", "kitchen", "--control", "ha"]) == 0
    return folder


@pytest.fixture(scope="module")
def broker(files: Path) -> Iterator[SetUpBroker]:
    command = ["sh", str(files / "certificates.sh"), "localhost", "127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    with (files / "passwords").open("a") as passwords:  # a user of the same broker without any rule
        passwords.write(f"lamp:{broker_setup.hashed('lamp')}\n")
    with SetUpBroker(files) as made:
        yield made


def password_of(files: Path, user: str) -> str:
    return dict(line.split() for line in (files / "users.txt").read_text().splitlines())[user]


def device_config(files: Path, broker: PrivateBroker) -> Config:
    given = yaml.safe_load((files / "affetto.yaml").read_text())["mqtt"]
    mqtt = MqttConfig(**{**given, "host": "localhost", "port": broker.port, "ca_file": str(files / "ca.crt")})
    return Config(device=DeviceConfig(id="kitchen"), mqtt=mqtt)


def next_command(inbox: queue.SimpleQueue[Event]) -> Event:
    while not isinstance(event := inbox.get(timeout=PATIENCE_S), Asked):
        pass
    return event


@needs_openssl
@needs_mosquitto
def test_the_device_works_and_only_chosen_users_control_it(files: Path, broker: SetUpBroker) -> None:
    inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
    config = device_config(files, broker)
    ha = Client(broker, files, "ha", password_of(files, "ha"))
    lamp = Client(broker, files, "lamp", "lamp")
    with closing(ha), closing(lamp), closing(MqttAdapter(config, inbox.put)) as device:
        device.start()
        assert isinstance(inbox.get(timeout=PATIENCE_S), SurfaceUp)
        device.show(SNAPSHOT, Now(1.0, 1.0))
        missing = {*TOPICS.retained, TOPICS.discovery} - {TOPICS.track_cover, TOPICS.page_state}
        while missing:  # every state of the device gets through
            missing.discard(ha.heard.get(timeout=PATIENCE_S)[0])
        lamp.say(TOPICS.volume_set, "70")
        lamp.say(TOPICS.volume_state, "70")
        lamp.say(TOPICS.discovery, "")
        ha.say(TOPICS.volume_set, "33")
        event = next_command(inbox)
        assert isinstance(event, Asked)
        assert event.command == SetVolume(33)  # and not the lamp's, which came first
        ha.say("affetto/room/hall/volume/set", "1")  # the broker has handled all by now
        assert lamp.heard.empty()


@needs_openssl
@needs_mosquitto
@pytest.mark.parametrize(("user", "password"), [("", ""), ("ha", "wrong"), ("affetto-kitchen", ""), ("nobody", "x")])
def test_a_stranger_is_refused(files: Path, broker: SetUpBroker, user: str, password: str) -> None:
    with closing(Client(broker, files, user, password)) as stranger:
        assert "Not authorized" in stranger.answer or "Bad user name" in stranger.answer


@needs_openssl
@needs_mosquitto
def test_a_device_that_was_broken_into_commands_no_other_device(files: Path, broker: SetUpBroker) -> None:
    given = yaml.safe_load((files / "affetto.yaml").read_text())["mqtt"]
    ha = Client(broker, files, "ha", password_of(files, "ha"))
    with closing(ha), closing(Client(broker, files, given["username"], given["password"])) as device:
        for topic in ("affetto/bedroom/volume/set", "affetto/bedroom/availability", "affetto/room/hall/volume/set",
                      "homeassistant/device/affetto_bedroom/config", "zigbee2mqtt/lamp/set", TOPICS.volume_set):
            device.say(topic, "hacked")
        device.say(TOPICS.volume_state, "31")
        heard = []
        while (TOPICS.volume_state, "31") not in heard:
            heard.append(ha.heard.get(timeout=PATIENCE_S))
        assert [payload for _, payload in heard if payload == "hacked"] == []


@needs_openssl
@needs_mosquitto
def test_nobody_without_the_authority_trusts_the_broker(broker: SetUpBroker) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.tls_set()
    with pytest.raises(ssl.SSLError):
        client.connect("localhost", broker.port)


@needs_mosquitto
def test_the_password_file_is_as_mosquitto_writes_it(tmp_path: Path) -> None:
    """With the salt of one that mosquitto_passwd made, we get the same hash."""
    tool, path = shutil.which("mosquitto_passwd", path=PLACES), tmp_path / "passwords"
    subprocess.run([tool, "-b", "-c", str(path), "ada", "sesame"], check=True, capture_output=True)
    theirs = path.read_text().strip()
    _, _, count, salt, _ = theirs.split("$")
    assert f"ada:{broker_setup.hashed('sesame', base64.b64decode(salt), int(count))}" == theirs


# --- Without a broker ----------------------------------------------------------------------------------------------


def test_only_the_owner_reads_the_files(files: Path) -> None:
    assert {path.name for path in files.iterdir()} >= {"passwords", "acl", "affetto.conf", "affetto.yaml", "README.txt"}
    for name in ("passwords", "users.txt", "affetto.yaml"):
        assert stat.S_IMODE((files / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(files.stat().st_mode) == 0o700
    secret = yaml.safe_load((files / "affetto.yaml").read_text())["mqtt"]["password"]
    assert secret not in (files / "passwords").read_text() + (files / "acl").read_text()


def test_it_overwrites_nothing_and_says_why(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (files / "passwords").read_text()
    assert main(["mqtt-setup", "--out", str(files)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert (files / "passwords").read_text() == before


@pytest.mark.parametrize("user", ["", "a b", "a:b", "a\nuser b", "affetto-kitchen", "#"])
def test_a_name_that_would_break_the_files_is_refused(
    tmp_path: Path, user: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mqtt-setup", "--out", str(tmp_path / "x"), "--id", "kitchen", "--control", user]) == 1
    assert "cannot be a user" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_the_rules_follow_the_settings() -> None:
    topics = replace(TOPICS, base="home/affetto", discovery_prefix="ha")
    rules = broker_setup.rules(topics, "affetto-kitchen", ["ada"])
    assert "topic write home/affetto/kitchen/mood/state" in rules
    assert "topic read home/affetto/kitchen/+/set" in rules
    assert "topic write ha/device/affetto_kitchen/config" in rules
    assert "/+/config" not in rules  # of no other device
    assert "user ada\ntopic readwrite home/affetto/#\ntopic readwrite ha/#" in rules


def test_a_member_of_a_group_may_describe_its_group(tmp_path: Path) -> None:
    settings = tmp_path / "config.yaml"
    settings.write_text("rooms:\n  group: home\n")
    assert main(["mqtt-setup", "--config", str(settings), "--out", str(tmp_path / "x"), "--id", "kitchen"]) == 0
    rules = (tmp_path / "x/acl").read_text()
    assert "topic write homeassistant/device/affetto_group_home/config" in rules
    assert "topic write homeassistant/device/affetto_kitchen/config" in rules
