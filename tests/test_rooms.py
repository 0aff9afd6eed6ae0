"""The surface of a group: its documents, its datagrams, its gate, and three real devices with a real broker."""

from __future__ import annotations

import json
import math
import queue
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rooms_home import GROUP, home, leads, member, music_of

from device.config.schema import Config
from device.control.client import ControlClient
from device.demo.broker import PLACES, PrivateBroker
from device.domain import (
    Enqueue,
    GroupEntry,
    GroupMusic,
    GroupNews,
    GroupTick,
    LeaderRecord,
    Member,
    MemberMood,
    MoodName,
    PlaybackState,
    PolicyName,
    Request,
    Requests,
    SetPolicy,
    SkipVotes,
    Witnessed,
)
from device.music.audio.gate import Gate
from device.music.audio.outputs import UnheardOutput
from device.rooms import datagram, discovery, documents
from device.rooms.channel import own_address
from device.rooms.datagram import Challenges, Datagram
from device.rooms.topics import GroupTopics
from device.rooms.witness import Duty, Witness
from device.timezone import system_zone
from tests.appliance import Ear, running

needs_services = pytest.mark.skipif(
    shutil.which("mosquitto", path=PLACES) is None or not (shutil.which("snapserver") and shutil.which("snapclient")),
    reason="Mosquitto, snapserver or snapclient is not installed",
)

MOOD = MemberMood(tuple(1.0 if name is MoodName.CALM else 0.0 for name in MoodName), 0.5, 2)


# --- Documents ---


def test_documents_come_back_as_they_were() -> None:
    record = LeaderRecord("kit", 7, 3, "10.0.0.1", True, "bath")
    assert documents.read_leader(documents.encode(record)) == record
    one = Member("kit", "Küche", "Kitchen", 12, "1.0", MOOD, ("Ada",), True)
    assert documents.read_member(documents.encode(one)) == one
    music = GroupMusic("kit", 7, PlaybackState.PLAYING, "k1", "Caf\u00e9", position_s=1.5, recent=("k0",),
                       requests=Requests((Request(3, "k9", "Ada", ("Bob",)),), 1, {"Ada": 1}, {}, 3),
                       queue=(GroupEntry("k9", "Song", "Band", "Ada asked for it", 3, "Ada", ("Bob",)),),
                       skip_votes=SkipVotes(("Ada",), 2))  # fmt: skip
    assert documents.read_music(documents.encode(music)) == music


def test_a_title_that_is_no_text_can_be_sent() -> None:
    music = documents.read_music(documents.encode(GroupMusic("kit", 1, title="Caf\udce9")))
    assert music is not None
    assert music.title == "Caf\N{REPLACEMENT CHARACTER}"


def test_another_version_may_say_more_or_less() -> None:
    assert documents.read_leader(b'{"id": "a", "term": 2, "shoe_size": 43}') == LeaderRecord("a", 2)


@pytest.mark.parametrize("payload", [
    b"", b"null", b"[]", b"\xff", b"{" * 5000, b'{"id": "a"}', b'{"id": "a", "term": 0}', b'{"id": "A b", "term": 1}',
    b'{"id": "a", "term": 1e99}', b'{"id": "a", "term": -1}', b'{"id": "a", "term": 1, "host": 5}',
    b'{"id": "a", "term": 9007199254740993}', b'{"id": "a", "term": 1}' + b" " * 70_000,
    b'{"id": "a", "term": 1, "host": "a\\u0000b"}', b'{"id": "a", "term": 1, "host": "a..b"}',
    b'{"id": "a", "term": 1, "host": "' + b"a" * 64 + b'"}', '{"id": "a", "term": 1, "host": "küche"}'.encode(),
])  # fmt: skip
def test_what_no_leader_would_publish_counts_as_not_heard(payload: bytes) -> None:
    assert documents.read_leader(payload) is None


@given(st.binary(max_size=200) | st.from_regex(r'\{"id": "a", "mood": .{0,40}\}').map(lambda text: text.encode()))
def test_no_payload_breaks_a_reader(payload: bytes) -> None:
    for read in (documents.read_leader, documents.read_member, documents.read_music, documents.read_order,
                 documents.read_answer):
        read(payload)


def test_topics() -> None:
    topics = GroupTopics("affetto", "Living room")
    assert topics.leader == "affetto/group/Living room/leader"
    assert topics.member_of(topics.member("kit")) == "kit"
    assert topics.member_of(topics.availability("kit")) == "kit"
    assert topics.member_of("affetto/group/other/member/kit") == ""
    assert topics.member_of(topics.leader) == ""
    assert topics.queue == "affetto/group/Living room/queue/state"


def test_the_group_is_one_device_of_home_assistant() -> None:
    one = discovery.announcement(Config(), GroupTopics("affetto", "Küche & Bad"))
    assert one.topic.startswith("homeassistant/device/affetto_group_K_che___Bad_")
    document = json.loads(one.payload)
    ids = [component["unique_id"] for component in document["components"].values()]
    assert len(ids) == len(set(ids)) == 13
    assert document["components"]["next"]["command_topic"] == "affetto/group/Küche & Bad/playback/set"
    assert discovery.slug("home") == "home"
    assert discovery.slug("a b") != discovery.slug("a_b")


# --- The gate ---


class Ears(UnheardOutput):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[float] = []

    def write(self, sound: np.ndarray) -> None:
        self.heard.append(float(np.abs(sound).max()))


def test_a_leader_is_silent_from_the_end_of_its_lease_on() -> None:
    ears, now, until = Ears(), [0.0], [10.0]
    gate = Gate(ears, lambda: until[0], lambda: now[0])
    block = np.ones((100, 2), np.float32)
    for at in (9.9, 10.0, 70.0):
        now[0] = at
        gate.write(block)
    until[0] = math.inf
    gate.write(block)
    assert ears.heard == [1.0, 0.0, 0.0, 1.0]


# --- Datagrams ---


class Post:
    """A witness, and what it reports."""

    def __init__(self, me: str, address: str, port: int) -> None:
        self.news: queue.SimpleQueue[GroupNews] = queue.SimpleQueue()
        self.witness = Witness("home", me, address, port, self.news.put)
        self.witness.start()

    def wait(self, wanted: GroupNews) -> None:
        heard = [self.news.get(timeout=20)]
        while heard[-1] != wanted and len(heard) < 200:  # ticks come all the time
            heard.append(self.news.get(timeout=20))
        assert heard[-1] == wanted, heard

    def close(self) -> None:
        self.witness.close()


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_leader_and_its_follower_hear_of_one_another(port: int) -> None:
    with closing(Post("a", "127.0.0.2", port)) as a, closing(Post("b", "127.0.0.3", port)) as b:
        a.witness.attend(Duty(5, "", "a"))
        b.witness.attend(Duty(5, "127.0.0.2", "a"))
        a.wait(Witnessed("b", 5))
        b.wait(Witnessed("a", 5))
        b.wait(GroupTick())
        a.witness.attend(Duty())  # it leads no more
        a.close()
        b.wait(Witnessed("a", 5, alive=False))


def test_a_leader_answers_for_its_own_term_only(port: int) -> None:
    with closing(Post("a", "127.0.0.2", port)) as a, closing(Post("b", "127.0.0.3", port)) as b:
        a.witness.attend(Duty(6, "", "a"))
        b.witness.attend(Duty(5, "127.0.0.2", "a"))
        for _ in range(6):
            b.wait(GroupTick())
        b.witness.attend(Duty(6, "127.0.0.2", "a"))
        b.wait(Witnessed("a", 6))
        heard = [a.news.get(timeout=20) for _ in range(3)]
        assert Witnessed("b", 5) not in heard


def test_signed_datagrams_work_like_others(port: int) -> None:
    with closing(Post("a", "127.0.0.2", port)) as a, closing(Post("b", "127.0.0.3", port)) as b:
        a.witness.attend(Duty(5, "", "a", "the key"))
        b.witness.attend(Duty(5, "127.0.0.2", "a", "the key"))
        a.wait(Witnessed("b", 5))
        b.wait(Witnessed("a", 5))


def test_who_does_not_know_the_key_is_no_witness(port: int) -> None:
    """A stranger hears the leader's answers, and can neither forge a member nor the leader."""
    with (
        closing(Post("a", "127.0.0.2", port)) as a,
        closing(Post("b", "127.0.0.3", port)) as b,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        a.witness.attend(Duty(5, "", "a", "the key"))
        b.witness.attend(Duty(5, "127.0.0.2", "a", "another key"))
        for _ in range(3):
            a.wait(GroupTick())  # by then it listens
        stranger.settimeout(20)
        for key in ("", "wrong"):
            forged = Datagram(group="home", id="c", term=5, asks=True, challenge="mine")
            stranger.sendto(datagram.encode(forged, key), ("127.0.0.2", port))
            answer = datagram.decode(stranger.recv(1024))
            assert answer is not None
            assert (answer.repeats, datagram.is_signed(answer, "the key")) == ("mine", True)
            forged = msgspec.structs.replace(forged, repeats=answer.challenge)
            stranger.sendto(datagram.encode(forged, key), ("127.0.0.2", port))
        heard = [post.news.get(timeout=20) for post in (a, b) for _ in range(8)]
        assert set(heard) == {GroupTick()}


def test_an_old_datagram_is_no_witness() -> None:
    challenges = Challenges()
    first = challenges.current(100.0)
    assert challenges.current(100.5) == first, "a flood of questions pushes nothing out"
    assert (challenges.knows(first, 102.9), challenges.knows(first, 103.1)) == (True, False)
    assert not challenges.knows("", 100.0)
    later = {challenges.current(101.0 + second) for second in range(10)}
    assert len(later) == 10
    signed = datagram.encode(Datagram(group="home", id="b", term=5, asks=True, repeats=first), "key")
    heard = datagram.decode(signed)
    assert heard is not None
    assert datagram.is_signed(heard, "key")
    changed = [msgspec.structs.replace(heard, **change) for change in ({"term": 6}, {"id": "c"}, {"repeats": "x"})]
    assert [datagram.is_signed(one, "key") for one in changed] == [False] * 3
    assert not datagram.is_signed(msgspec.structs.replace(heard, signature="é"), "key")


def test_rubbish_is_ignored(port: int) -> None:
    with closing(Post("a", "127.0.0.2", port)) as a, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        a.witness.attend(Duty(1, "", "a"))
        for _ in range(3):
            a.wait(GroupTick())  # by then it listens
        for rubbish in (b"", b"\xff" * 600, b"[" * 900, b'{"group":"home","id":"z","term":"x","asks":true}'):
            sender.sendto(rubbish, ("127.0.0.2", port))
        sender.sendto(b'{"group":"home","id":"b","term":1,"asks":true}', ("127.0.0.2", port))
        a.wait(Witnessed("b", 1))


def test_the_own_address_is_never_one_that_only_this_device_reaches() -> None:
    assert own_address("10.0.0.1:1883").count(".") == 3
    assert own_address("nowhere.invalid:1883").count(".") == 3


# --- Real devices ---


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    with PrivateBroker() as private:
        yield private


@pytest.fixture
def ear(broker: PrivateBroker) -> Iterator[Ear]:
    listener = Ear(broker)
    yield listener
    listener.close()


@needs_services
@pytest.mark.slow
def test_three_devices_play_one_song_and_another_goes_on_when_the_leader_is_killed(
    broker: PrivateBroker, ear: Ear, tmp_path: Path
) -> None:
    names = ("a0", "b1", "c2")
    with home(tmp_path, broker, 3) as devices:
        first = ear.wait(leads).json
        before = music_of(ear, first["id"]).json
        assert {music_of(ear, name).json["title"] for name in names} == {before["title"]}
        follower = next(name for name in names if name != first["id"])
        ear.say(f"affetto/{follower}/policy/set", "manual")
        ear.wait(lambda m: m.topic == f"affetto/group/{GROUP}/state" and m.json["policy"] == "manual")
        ear.say(f"affetto/{follower}/queue/set", "file:///nowhere.wav")
        refused = ear.wait(lambda m: m.topic == f"affetto/{follower}/error").json
        assert (refused["payload"], "nowhere.wav in the library" in refused["message"]) == ("file:///nowhere.wav", True)
        with ControlClient(tmp_path / follower / "data") as client:
            assert "nowhere.wav in the library" in client.do(Enqueue(("file:///nowhere.wav",)))
            assert client.do(SetPolicy(PolicyName.MANUAL)) == ""
        music = f"affetto/group/{GROUP}/state"
        ear.wait(lambda m: m.topic == music and m.json["title"] == before["title"] and m.json["position_s"] > 5)
        place = ear.mark()
        devices[names.index(first["id"])].stop(signal.SIGKILL)
        second = ear.wait(lambda m: leads(m, after=first["term"]), since=place).json
        after = ear.wait(lambda m: m.topic == music and m.json["leader"] == second["id"], since=place).json
        assert (after["title"], after["state"]) == (before["title"], "playing")
        assert after["position_s"] > 5
        place = ear.mark()
        ear.say(f"affetto/group/{GROUP}/playback/set", "pause")
        paused = ear.wait(lambda m: m.topic == f"affetto/group/{GROUP}/state" and m.json["state"] == "paused")
        assert paused.json["policy"] == "manual"
    for name in names:
        assert "Traceback" not in (tmp_path / name / "affetto.log").read_text()


@needs_services
@pytest.mark.slow
def test_a_device_is_moved_from_one_group_to_another(broker: PrivateBroker, ear: Ear, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    one, two = member(tmp_path, broker, 0, port), member(tmp_path, broker, 1, port, group="")
    with running(one, tmp_path / "a0"), running(two, tmp_path / "b1"):
        ear.wait(lambda m: leads(m) and m.json["id"] == "a0")
        music_of(ear, "b1")
        ear.say("affetto/b1/group/set", GROUP)
        ear.wait(lambda m: m.topic == f"affetto/group/{GROUP}/member/b1/availability" and m.payload == "online")
        ear.wait(lambda m: m.topic == "affetto/b1/group/state" and m.payload == GROUP)
        place = ear.mark()
        ear.say("affetto/a0/group/set", "")
        ear.wait(lambda m: leads(m) and m.json["id"] == "b1", since=place)
        ear.wait(lambda m: m.topic == "affetto/a0/group/state" and m.payload == "", since=place)
        music_of(ear, "a0", since=place)


@needs_services
@pytest.mark.slow
def test_a_bridged_broker_with_a_prefix_carries_the_group(tmp_path: Path) -> None:
    """Many homes on one broker in a data centre: each home's broker bridges below a prefix of its own."""
    with PrivateBroker() as central:
        bridge = [
            "connection home", f"address {central.host}:{central.port}", "bridge_protocol_version mqttv311",
            "topic affetto/# both 1 \"\" homes/7/", "cleansession true", "restart_timeout 1",
        ]  # fmt: skip
        with PrivateBroker(settings=bridge) as local, closing(Ear(central)) as far, home(tmp_path, local, 2):
            record = far.wait(lambda m: m.topic == f"homes/7/affetto/group/{GROUP}/leader" and bool(m.payload))
            state = f"homes/7/affetto/group/{GROUP}/state"
            far.wait(lambda m: m.topic == state and m.json["state"] == "playing")
            far.say(f"homes/7/affetto/group/{GROUP}/playback/set", "pause")
            far.wait(lambda m: m.topic == state and m.json["state"] == "paused")
            assert record.json["term"] >= 1



@needs_services
@pytest.mark.slow
def test_an_alarm_wakes_one_room_and_the_sleep_timer_stops_all(
    broker: PrivateBroker, ear: Ear, tmp_path: Path
) -> None:
    """On the follower, at the next minute: it leaves the silent group, rings, and returns."""
    with home(tmp_path, broker, 2) as devices:
        first = ear.wait(leads).json
        names = ["a0", "b1"]
        leader = first["id"]
        [follower] = [name for name in names if name != leader]
        music_of(ear, follower)
        _check_group_volume(ear, leader, follower)
        place = ear.mark()
        ear.say(f"affetto/{follower}/sleep/set", "0.1")
        for name in names:
            topic = f"affetto/{name}/track/state"
            ear.wait(lambda m, topic=topic: m.topic == topic and m.json["state"] == "stopped", since=place)
        place = ear.mark()
        at = datetime.fromtimestamp(time.time() + 62, system_zone())
        ear.say(f"affetto/{follower}/volume/set", "60")
        ear.say(f"affetto/{follower}/alarm/set", json.dumps({"time": f"{at:%H:%M}", "volume": 20, "rise_s": 5}))
        ear.wait(lambda m: m.topic == f"affetto/{follower}/group/state" and not m.payload, since=place, patience_s=130)
        music_of(ear, follower, since=place)
        ear.wait(lambda m: m.topic == f"affetto/{follower}/volume/state" and m.payload == "20", since=place)
        assert not [
            m for m in ear.messages[place:]
            if m.topic == f"affetto/{leader}/track/state" and m.json["state"] == "playing"
        ]  # fmt: skip
        place = ear.mark()
        ear.say(f"affetto/{follower}/alarm/set", "stop")
        ear.wait(lambda m: m.topic == f"affetto/{follower}/group/state" and m.payload == GROUP, since=place)
        ear.wait(lambda m: m.topic == f"affetto/{follower}/volume/state" and m.payload == "60", since=place)
        online = f"affetto/group/{GROUP}/member/{follower}/availability"
        ear.wait(lambda m: m.topic == online and m.payload == "online", since=place)
        place = ear.mark()
        ear.say(f"affetto/{leader}/playback/set", "play")
        for name in names:
            music_of(ear, name, since=place)
        assert all(device.process.poll() is None for device in devices)


def _check_group_volume(ear: Ear, leader: str, follower: str) -> None:
    """Both devices take the command of either, and of the group's own topic, and keep their balance."""
    for name, payload in ((leader, "20"), (follower, "40")):
        ear.say(f"affetto/{name}/volume/set", payload)
    ear.wait(lambda m: m.topic == f"affetto/{leader}/group_volume/state" and m.payload == "40")
    for topic, loud, quiet in ((follower, 30, 15), (leader, 10, 5), (f"group/{GROUP}", 50, 25)):
        place = ear.mark()
        ear.say(f"affetto/{topic}/{'volume' if '/' in topic else 'group_volume'}/set", str(loud))
        for name, percent in ((follower, loud), (leader, quiet)):
            said = (f"affetto/{name}/volume/state", str(percent))
            ear.wait(lambda m, said=said: (m.topic, m.payload) == said, since=place)
        state = f"affetto/group/{GROUP}/state"
        ear.wait(lambda m, state=state, loud=loud: m.topic == state and m.json["volume"] == loud, since=place)
