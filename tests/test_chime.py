"""An alarm without music: a chime rings, stops with the alarm, and gives way to music."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_session import LIBRARY, Room, event_types, only, said
from test_session_schedule import TO_23_S, let, running

from device.config.schema import Config, PlayerConfig
from device.core.chime import AGAIN_S, REASON, SILENT_S, Chime, Surroundings
from device.demo.broker import PrivateBroker
from device.demo.show import configure
from device.domain import (
    Alarm,
    Announce,
    Asked,
    Hush,
    LibraryLoaded,
    Memory,
    Now,
    Origin,
    Play,
    PlaybackState,
    PlayMedia,
    RingChime,
    SoundBack,
    SoundLost,
    Speak,
    SpeechEnded,
    TrackFailed,
)
from device.domain.schedule import EVERY_DAY
from device.music.audio.chime import LENGTH_S, chime
from device.music.playback import chime_file
from device.music.uri import path_of
from device.store.database import Store
from tests import appliance
from tests.appliance import Ear, with_broker
from tests.audio import samples, tone
from tests.stages import VlcStage, until

SILENCE = Surroundings(1, sounds=False, speaks=False, held=False, volume=20)


def rings(one: Chime, around: Surroundings, seconds: float, begin: float = 0.0) -> list:
    """What the chime does in so many seconds of these surroundings."""
    return [action for second in range(round(seconds)) for action in one.advance(around, Now(begin + second, 0.0))]


# --- The decision ---


def test_it_rings_after_a_silence_and_again_and_again() -> None:
    one = Chime(iter(range(1, 9)))
    assert rings(one, SILENCE, SILENT_S) == []
    began, first = one.advance(SILENCE, Now(SILENT_S, 0.0))
    assert isinstance(began, Announce)
    assert first == RingChime(1, 20)
    assert rings(one, SILENCE, 5, SILENT_S) == []  # it still sounds
    one.over("", Now(21.0, 0.0))
    assert one.advance(replace(SILENCE, volume=30), Now(21.0, 0.0)) == [RingChime(2, 30)]


@pytest.mark.parametrize("other", [{"sounds": True}, {"held": True}, {"alarm": None}], ids=str)
def test_without_an_alarm_and_with_music_there_is_none(other: dict[str, object]) -> None:
    around = replace(SILENCE, **other)
    one = Chime(iter(range(1, 9)))
    assert rings(one, around, 60) == []
    rings(one, SILENCE, SILENT_S + 1, 60)
    assert one.rings
    assert one.advance(around, Now(80.0, 0.0)) == [Hush()]
    assert not one.rings
    assert rings(one, SILENCE, SILENT_S - 1, 81) == []  # a new silence has to be as long as the first


def test_an_announcement_goes_first() -> None:
    one = Chime(iter(range(1, 9)))
    rings(one, SILENCE, SILENT_S + 1)
    speaks = replace(SILENCE, speaks=True)
    assert rings(one, speaks, 5, 16) == []
    assert one.advance(SILENCE, Now(21.0, 0.0)) == [RingChime(2, 20)]
    assert one.advance(replace(speaks, alarm=None), Now(22.0, 0.0)) == []  # the announcement plays on


def test_a_chime_that_cannot_be_played_is_tried_again_later() -> None:
    one = Chime(iter(range(1, 9)))
    rings(one, SILENCE, SILENT_S + 1)
    one.over("The file is gone.", Now(16.0, 0.0))
    assert one.health == f"{REASON} The file is gone."
    assert rings(one, SILENCE, AGAIN_S, 16) == []
    assert one.advance(SILENCE, Now(16 + AGAIN_S, 0.0)) == [RingChime(2, 20)]


# --- In the session ---


@pytest.fixture
def room() -> Room:
    """A device without any music, whose alarm rings for 20 s."""
    one = running(Memory(playback=PlaybackState.STOPPED, volume=60))
    one.tell(LibraryLoaded(()))
    one.say("alarm", "daily 23:00")
    let(one, TO_23_S - 60, 10)
    actions = let(one, 80)
    assert "alarm_started" in event_types(actions)
    (one.ring,) = only(RingChime, actions)
    assert "alarm_chime" in event_types(actions)
    return one


def test_the_device_says_what_rings(room: Room) -> None:
    state = said(room.log, "track/state")[-1]
    assert (state["state"], state["title"], state["reason"], state["source"]) == ("playing", "Alarm", REASON, "media")
    assert room.snapshot is not None
    assert REASON in room.snapshot.health.problems
    assert room.ring.percent == pytest.approx(16, abs=2)


def test_it_rises_with_the_volume_of_the_alarm(room: Room) -> None:
    percents, serial = [], room.ring.serial
    for _ in range(50):
        let(room, 6)
        (again,) = only(RingChime, room.tell(SpeechEnded(serial)))
        percents.append(again.percent)
        serial = again.serial
    assert percents == sorted(percents)
    assert percents[0] < 20 < 40 == percents[-1]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("alarm", "stop"), ("alarm", "snooze"), ("playback", "stop"), ("playback", "pause"), ("playback", "toggle")],
)
def test_it_stops_with_the_alarm(room: Room, topic: str, payload: str) -> None:
    actions = room.say(topic, payload)
    assert only(Hush, actions) == [Hush()]
    assert said(actions, "error") == []
    assert room.snapshot is not None
    assert (room.snapshot.schedule.ringing, room.snapshot.health.problems) == (
        None, ("There is no music yet; copy some into one of music.folders, or plug in a USB drive.",)
    )  # fmt: skip
    assert said(actions, "track/state")[-1]["state"] == "stopped"
    again = let(room, 600, 5)
    assert bool(only(RingChime, again)) is (payload == "snooze")


def test_music_takes_over_as_soon_as_it_is_heard(room: Room) -> None:
    actions = room.tell(LibraryLoaded(LIBRARY))
    (play,) = only(Play, actions)
    assert only(Hush, actions) == []
    assert said(let(room, 3), "track/state") == []  # it still rings
    actions = room.start(play.serial)
    assert only(Hush, actions) == [Hush()]
    state = said(actions, "track/state")[-1]
    assert (state["state"], state["title"]) == ("playing", play.track.title)
    assert room.snapshot is not None
    assert room.snapshot.health.ok
    assert room.snapshot.schedule.ringing == 1
    room.at(play.serial, 3.0)
    assert only(RingChime, let(room, 100)) == []


def test_it_rings_when_the_music_dies_during_the_alarm(room: Room) -> None:
    (play,) = only(Play, room.tell(LibraryLoaded(LIBRARY[:1])))
    room.start(play.serial)
    let(room, 20)
    actions = room.tell(TrackFailed(play.serial, "The disk does not answer."))
    for _ in range(40):
        actions += let(room, 1)
        for again in only(Play, actions[-9:]):
            actions += room.tell(TrackFailed(again.serial, "The disk does not answer."))
    assert len(only(RingChime, actions)) == 1


def test_media_from_outside_that_do_not_begin_are_no_music(room: Room) -> None:
    room.say("alarm", "stop")
    let(room, 20)
    room.say("alarm", "once 23:02")
    actions = let(room, 100)
    room.tell(*(SpeechEnded(one.serial) for one in only(RingChime, actions)))
    assert only(RingChime, actions)
    actions = room.tell(Asked(PlayMedia("http://radio.example/stream"), Origin("MQTT", "media", "")))
    (play,) = only(Play, actions)
    assert only(Hush, let(room, 20)) == []
    assert only(Hush, room.start(play.serial)) == [Hush()]


def test_the_settings_on_media_do_not_silence_it() -> None:
    one = running(Memory(playback=PlaybackState.STOPPED), player={"media": False})
    one.tell(LibraryLoaded(()))
    one.say("alarm", "daily 23:00")
    assert only(RingChime, let(one, TO_23_S + 20, 5))


def test_an_announcement_is_heard_instead(room: Room) -> None:
    order = PlayMedia("http://nas/good-morning.mp3", announce=True)
    (speak,) = only(Speak, room.tell(Asked(order, Origin("MQTT", "media", ""))))
    assert only(RingChime, let(room, 10)) == []
    assert len(only(RingChime, room.tell(SpeechEnded(speak.serial)))) == 1


def test_mute_and_a_lost_sound_device_end_it(room: Room) -> None:
    room.say("mute", "ON")
    assert only(Hush, room.log[-9:]) == [Hush()]
    room.say("mute", "OFF")
    assert only(RingChime, let(room, SILENT_S + 1))
    assert only(Hush, room.tell(SoundLost("The sound card is gone."))) == [Hush()]
    assert only(RingChime, let(room, 60)) == []
    room.tell(SoundBack())
    assert only(RingChime, let(room, SILENT_S + 1))


# --- The sound ---


def test_the_sound_is_loud_soft_at_its_begin_and_silent_at_its_end() -> None:
    sound = chime().astype(np.float64) / 32768
    assert sound.shape == (round(LENGTH_S * 44100), 2)
    assert 0.85 < np.abs(sound).max() < 0.95
    assert np.abs(sound[:44]).max() < 0.12  # the first millisecond
    assert np.abs(sound[-44:]).max() < 0.001
    loud = np.sqrt((sound[: 4 * 44100] ** 2).mean())
    assert 20 * np.log10(loud) > -18  # as loud as music


def test_the_file_is_written_once_and_mended(tmp_path: Path) -> None:
    track = chime_file.ensure(tmp_path)
    path = tmp_path / "chime.wav"
    assert track.uri == path.as_uri()
    written = path.read_bytes()
    before = path.stat().st_mtime_ns
    chime_file.ensure(tmp_path)
    assert path.stat().st_mtime_ns == before
    path.write_bytes(written[:100])
    chime_file.ensure(tmp_path)
    assert path.read_bytes() == written
    assert [one.name for one in tmp_path.iterdir()] == ["chime.wav"]


def test_without_a_data_folder_the_temporary_one_has_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    track = chime_file.ensure(tmp_path / "file")  # not even root can write into a file
    assert not track.uri.startswith((tmp_path / "file").as_uri())
    assert path_of(track.uri).stat().st_size == chime_file.SIZE


def test_libvlc_plays_it(tmp_path: Path) -> None:
    stage = VlcStage(PlayerConfig(output="file", volume=100, max_volume=100, ramp_s=0.1), tmp_path)
    try:
        stage.player.speak(7, chime_file.ensure(tmp_path), 100)
        assert stage.wait(SpeechEnded) == SpeechEnded(7)
    finally:
        stage.player.close()
    heard = samples(tmp_path / "audio.wav")
    assert len(heard) / 44100 > LENGTH_S - 0.5
    assert np.abs(heard).max() > 0.6


# --- The whole device ---


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    with PrivateBroker() as private:
        yield private


def with_alarm(config: Config) -> None:
    """Let an alarm ring that is due since the begin of this minute."""
    now = time.time()
    begin = now - now % 60
    here = time.localtime(begin)
    folder = Path(config.device.data_dir)
    store = Store.open(folder, Memory(playback=PlaybackState.STOPPED, volume=60))
    alarm = Alarm(1, here.tm_hour * 60 + here.tm_min, EVERY_DAY, volume=50, rise_s=0.0, since=begin - 3600)
    store.write(replace(store.memory, alarms=(alarm,)))
    store.close()


@pytest.mark.slow
def test_a_real_device_chimes_until_its_music_is_back(tmp_path: Path, broker: PrivateBroker) -> None:
    music = tmp_path / "music"
    dead = tone(music / "dead.wav", 20)
    dead.write_bytes(dead.read_bytes()[:44])
    config = with_broker(configure(tmp_path, "auto", music, broker.config, 8.0), broker)
    config = replace(
        config,
        camera=replace(config.camera, enabled=False),
        music=replace(config.music, rescan_s=10.0),
        player=replace(config.player, output="file"),
    )
    with_alarm(config)
    ear, sound = Ear(broker), Path(config.device.data_dir) / "audio.wav"
    try:
        with appliance.running(config, tmp_path) as device:
            ear.wait(lambda m: m.topic.endswith("/event") and m.json["event_type"] == "alarm_chime")
            ear.wait(lambda m: m.topic.endswith("/track/state") and m.json.get("reason") == REASON)
            ear.wait(lambda m: m.topic.endswith("/health") and REASON in m.json["problems"])
            assert until(lambda: np.abs(samples(sound)[-44100:]).max(initial=0) > 0.02)
            begun = len(samples(sound))
            assert until(lambda: len(samples(sound)) > begun + 7 * 44100, 15)  # it rings again
            assert np.abs(samples(sound)[begun:]).max() > 0.02
            place = ear.mark()
            for number in range(3):
                tone(music / f"back {number}.wav", 60, hz=441)
            ear.wait(lambda m: m.topic.endswith("/event") and m.json["event_type"] == "track_started", since=place)
            state = ear.wait(lambda m: m.topic.endswith("/track/state") and m.json["state"] == "playing", since=place)
            assert state.json["title"].startswith("back")
            place = len(samples(sound))
            assert until(lambda: len(samples(sound)) > place + 4 * 44100, 15)
            spectrum = np.abs(np.fft.rfft(samples(sound)[place + 2 * 44100 : place + 4 * 44100]))
            assert spectrum.argmax() / 2 == pytest.approx(441, abs=2)  # the tone alone
            assert spectrum[1000:1100].max() < 0.001 * spectrum.max()  # the chime's C5
            ear.say("affetto/demo/alarm/set", "stop")
            ear.wait(lambda m: m.topic.endswith("/track/state") and m.json["state"] == "stopped")
            assert device.stop() == 0
    finally:
        ear.close()
    assert "Traceback" not in device.log.read_text()
    assert json.dumps(REASON)[1:-1] in device.log.read_text()
