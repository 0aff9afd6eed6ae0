"""A power cut in the middle of a song, with the whole program: killed, started again, it goes on with that song."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from audio import tone

from device.config.schema import CameraConfig, Config, DeviceConfig, MusicConfig, PlayerConfig
from device.demo.broker import PrivateBroker
from tests.appliance import Ear, running, with_broker
from tests.stages import until


@pytest.fixture
def ear() -> Iterator[tuple[PrivateBroker, Ear]]:
    """A private broker, and what is said on it."""
    with PrivateBroker() as broker:
        ear = Ear(broker)
        yield broker, ear
        ear.close()


@pytest.mark.parametrize("paused", [False, True])
def test_after_a_power_cut_the_song_goes_on(ear: tuple[PrivateBroker, Ear], tmp_path: Path, paused: bool) -> None:
    broker, heard = ear
    for number in range(3):
        tone(tmp_path / "music" / "calm" / f"song {number}.wav", 40.0, 300.0 + number)
    config = with_broker(
        Config(
            device=DeviceConfig(id="box", data_dir=str(tmp_path / "data")),
            music=MusicConfig(folders=(str(tmp_path / "music"),)),
            player=PlayerConfig(output="dummy", volume=40),
            camera=CameraConfig(enabled=False),
        ),
        broker,
    )
    state = "affetto/box/track/state"
    with running(config, tmp_path) as appliance:
        first = heard.wait(lambda m: m.topic == state and m.json["state"] == "playing" and bool(m.json["title"])).json
        heard.wait(lambda m: m.topic == "affetto/box/event" and m.json["event_type"] == "track_started")
        heard.say("affetto/box/volume/set", "33")
        mark = heard.mark()
        heard.say("affetto/box/seek/set", "20")
        heard.wait(lambda m: m.topic == state and m.json["position_s"] == 20.0, since=mark)
        if paused:
            heard.say("affetto/box/playback/set", "pause")
            heard.wait(lambda m: m.topic == state and m.json["state"] == "paused", since=mark)
        heard.wait(lambda m: m.topic == "affetto/box/volume/state" and m.payload == "33")
        # the store writes on a thread of its own: what is published may not yet be on the disk
        assert until(lambda: b" 20." in (tmp_path / "data" / "place.bin").read_bytes(), 60.0)
        appliance.stop(9)
    mark = heard.mark()
    with running(config, tmp_path):
        wanted = "paused" if paused else "playing"
        again = heard.wait(
            lambda m: m.topic == state and not m.retained and m.json["state"] == wanted and bool(m.json["title"]),
            since=mark,
        ).json
        assert again["title"] == first["title"]
        assert again["reason"] == "it continues where it stopped"
        if not paused:
            heard.wait(lambda m: m.topic == state and 19.0 <= (m.json["position_s"] or 0) < 40.0, since=mark)
        heard.wait(lambda m: m.topic == "affetto/box/volume/state" and m.payload == "33", since=mark)
        if paused:
            mark = heard.mark()
            heard.say("affetto/box/playback/set", "play")
            heard.wait(lambda m: m.topic == "affetto/box/event" and m.json["event_type"] == "track_started", since=mark)
