"""The media player and the media browser in a real Home Assistant."""

from __future__ import annotations

import asyncio
import base64
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mutagen.flac import Picture
from mutagen.oggopus import OggOpus

from device.demo import MUSIC
from device.domain import MoodName, PlaybackState, PolicyName, SetMood, SetPlayback, SetVolume, Snapshot, Transport
from tests.audio import tone
from tests.home_assistant import HomeAssistant
from tests.upnp_device import Appliance, appliance, settings
from tests.web_server import WebServer

SHUFFLE, REPEAT = 32768, 262144  # of Home Assistant's MediaPlayerEntityFeature
PLAYER = "media_player.kitchen"
Play = Callable[[HomeAssistant], Awaitable[None]]

pytestmark = pytest.mark.slow


def with_home_assistant(play: Play) -> None:
    async def run() -> None:
        async with HomeAssistant() as home:
            await play(home)

    asyncio.run(run())


def add_cover(song: Path) -> None:
    """Give an Opus file a cover."""
    colours = np.linspace(0, 255, 240 * 240 * 3).reshape(240, 240, 3)
    picture = Picture()
    picture.type, picture.mime = 3, "image/jpeg"
    picture.data = cv2.imencode(".jpg", colours.astype(np.uint8))[1].tobytes()
    tags = OggOpus(song)
    tags["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
    tags.save()


def uplink() -> str:
    """The interface of the default route, where Home Assistant looks for devices."""
    routes = (line.split() for line in Path("/proc/net/route").read_text().splitlines())
    return next((route[0] for route in routes if route[1:2] == ["00000000"]), "lo")


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A device whose player Home Assistant has set up."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(MUSIC, folder / "music")
    for song in (folder / "music").rglob("*.opus"):
        add_cover(song)
    entries: list[str] = []

    async def add(home: HomeAssistant, base: str) -> None:
        entries.append(await home.set_up("dlna_dmr", "Kitchen", f"{base}/MediaRenderer.xml"))
        await home.wait(PLAYER, lambda state, _: state == "playing")

    async def remove(home: HomeAssistant) -> None:
        for entry in entries:
            await home.remove(entry)

    with_home_assistant(lambda home: home.ask("get_config"))  # skips without one
    with appliance(settings(folder, folder / "music", interfaces=("lo", uplink()))) as one:
        one.wait(lambda shown: shown.playback.position)
        with_home_assistant(lambda home: add(home, one.base))
        yield one
        with_home_assistant(remove)


@pytest.fixture(autouse=True)
def _plays(device: Appliance) -> None:
    for command in (SetVolume(30), SetMood(None), SetPlayback(Transport.PLAY)):
        device.put(command)
    device.wait(lambda shown: shown.playback.volume == 30 and shown.playback.state is PlaybackState.PLAYING)


async def until(device: Appliance, fits: Callable[[Snapshot], object]) -> None:
    await asyncio.to_thread(device.wait, fits)


def test_the_player_shows_what_plays(device: Appliance) -> None:
    async def play(home: HomeAssistant) -> None:
        shown = device.wait(lambda shown: shown.playback.cover and shown.playback.choice)
        assert shown.playback.choice is not None
        track = shown.playback.choice.track
        found = await home.wait(PLAYER, lambda _, seen: seen.get("media_title") == track.title)
        assert found["media_artist"] == track.artist
        assert found["media_album_name"] == track.album
        assert found["media_duration"] == int(track.duration_s)
        assert 0 <= found["media_position"] <= track.duration_s
        assert found["volume_level"] == pytest.approx(30 / 70)
        assert found["is_volume_muted"] is False
        assert "Mood: calm" in found["sound_mode_list"]
        assert not found["supported_features"] & (SHUFFLE | REPEAT)
        found = await home.wait(PLAYER, lambda _, seen: seen.get("entity_picture"))
        kind, picture = await home.fetch(found["entity_picture"])
        assert (kind, picture[:2]) == ("image/jpeg", b"\xff\xd8")

    with_home_assistant(play)


@pytest.mark.parametrize(
    ("service", "data", "effect"),
    [
        ("media_pause", {}, lambda shown: shown.playback.state is PlaybackState.PAUSED),
        ("media_stop", {}, lambda shown: shown.playback.state is PlaybackState.STOPPED),
        ("volume_set", {"volume_level": 1.0}, lambda shown: shown.playback.volume == 70),
        ("volume_mute", {"is_volume_muted": True}, lambda shown: shown.playback.muted),
        ("volume_mute", {"is_volume_muted": False}, lambda shown: not shown.playback.muted),
        ("media_seek", {"seek_position": 25}, lambda shown: shown.playback.position.track_s > 22),
        ("select_sound_mode", {"sound_mode": "Mood: sad"}, lambda shown: shown.mood.name is MoodName.SAD),
        ("select_sound_mode", {"sound_mode": "Policy: calm"}, lambda shown: shown.policy is PolicyName.CALM),
        ("select_sound_mode", {"sound_mode": "FactoryDefaults"}, lambda shown: shown.policy is PolicyName.MATCH),
    ],
)
def test_a_service_acts(
    device: Appliance, service: str, data: dict[str, object], effect: Callable[[Any], object]
) -> None:
    async def play(home: HomeAssistant) -> None:
        await home.wait(PLAYER, lambda state, _: state == "playing")
        await home.call(f"media_player/{service}", entity_id=PLAYER, **data)
        await until(device, effect)

    with_home_assistant(play)


def test_next_previous_and_play(device: Appliance) -> None:
    async def play(home: HomeAssistant) -> None:
        first = (await home.state(PLAYER))["attributes"]["media_title"]
        await home.call("media_player/media_next_track", entity_id=PLAYER)
        await home.wait(PLAYER, lambda _, seen: seen.get("media_title") != first)
        await home.call("media_player/media_previous_track", entity_id=PLAYER)
        await home.wait(PLAYER, lambda _, seen: seen.get("media_title") == first)
        await home.call("media_player/media_pause", entity_id=PLAYER)
        await home.wait(PLAYER, lambda state, _: state == "paused")
        await home.call("media_player/media_play", entity_id=PLAYER)
        await home.wait(PLAYER, lambda state, _: state == "playing")

    with_home_assistant(play)


@pytest.mark.parametrize("transport", [Transport.PLAY, Transport.PAUSE])
def test_an_announcement_is_spoken_and_the_song_goes_on(
    device: Appliance, tmp_path: Path, transport: Transport
) -> None:
    """Over the music, and from a pause, which stays one."""
    server = WebServer()
    speech = tone(tmp_path / "speech.wav", 2.0).read_bytes()
    server._scripts["/api/tts_proxy/dinner.wav"] = lambda visit: visit.file(speech, "audio/wav")

    async def play(home: HomeAssistant) -> None:
        device.put(SetPlayback(transport))
        before = await asyncio.to_thread(
            device.wait, lambda shown: (shown.playback.state is PlaybackState.PLAYING) is (transport is Transport.PLAY)
        )
        await home.wait(PLAYER, lambda state, _: state == str(before.playback.state))
        await home.call(
            "media_player/play_media",
            entity_id=PLAYER,
            media_content_id=f"http://127.0.0.1:{server.port}/api/tts_proxy/dinner.wav",
            media_content_type="music",
            extra={"title": "Dinner is ready"},
        )
        await until(device, lambda shown: shown.playback.announcement)
        await home.wait(PLAYER, lambda _, seen: seen.get("media_title") == "Dinner is ready")
        await until(device, lambda shown: not shown.playback.announcement)
        assert before.playback.choice is not None
        title = before.playback.choice.track.title
        await home.wait(
            PLAYER, lambda state, seen: (state, seen.get("media_title")) == (str(before.playback.state), title)
        )

    try:
        with_home_assistant(play)
    finally:
        server.close()


def test_media_from_outside_play_and_the_music_returns(device: Appliance, tmp_path: Path) -> None:
    server = WebServer()
    radio = server.file(tone(tmp_path / "radio.wav", 60.0).read_bytes(), "audio/wav", "radio.wav")

    async def play(home: HomeAssistant) -> None:
        await home.call(
            "media_player/play_media",
            entity_id=PLAYER,
            media_content_id=radio,
            media_content_type="music",
            extra={"title": "Radio Nowhere"},
        )
        await until(device, lambda shown: shown.playback.foreign and shown.playback.position)
        await home.wait(PLAYER, lambda state, seen: (state, seen.get("media_title")) == ("playing", "Radio Nowhere"))
        await home.call("media_player/media_stop", entity_id=PLAYER)
        await until(device, lambda shown: not shown.playback.foreign)
        await home.wait(PLAYER, lambda state, seen: state == "playing" and seen.get("media_artist") != "")

    try:
        with_home_assistant(play)
    finally:
        server.close()


def test_the_media_browser_shows_the_library_and_plays_from_it(device: Appliance) -> None:
    async def play(home: HomeAssistant) -> None:
        entry = await home.set_up("dlna_dms", "Kitchen", f"{device.base}/MediaServer.xml")
        try:
            root = "media-source://dlna_dms/kitchen"
            browsed = await home.ask("media_source/browse_media", media_content_id=f"{root}/:moods")
            assert [one["title"] for one in browsed["children"]] == [
                *("Happy", "Excited", "Calm", "Sad", "Tense", "Angry")
            ]
            artists = await home.ask("media_source/browse_media", media_content_id=f"{root}/:artists")
            assert [one["title"] for one in artists["children"]] == ["The Affetto Machine"]
            await home.call(
                "media_player/play_media",
                entity_id=PLAYER,
                media_content_id=f"{root}/moods/sad/Last Tram",
                media_content_type="music",
            )
            await home.wait(PLAYER, lambda _, seen: seen.get("media_title") == "Last Tram")
            assert device.seen is not None
            assert not device.seen.playback.foreign  # a request for a track of the library, not a medium from outside
        finally:
            await home.remove(entry)

    with_home_assistant(play)


def test_how_long_a_new_mood_takes_to_reach_the_entity(device: Appliance) -> None:
    """The median is a figure of device/upnp/README.md; this only holds that each arrives."""

    async def play(home: HomeAssistant) -> None:
        took = []
        device.put(SetMood(MoodName.ANGRY))
        device.put(SetPlayback(Transport.NEXT))  # a request, which the mood does not replace, may be playing
        await until(device, lambda shown: shown.playback.choice.track.mood is MoodName.ANGRY)
        for mood in [MoodName.CALM, MoodName.EXCITED, MoodName.SAD, MoodName.HAPPY, MoodName.TENSE] * 2:
            before = (await home.state(PLAYER))["attributes"].get("media_title")
            began = time.monotonic()
            device.put(SetMood(mood))
            await home.wait(PLAYER, lambda _, seen, before=before: seen.get("media_title") not in (None, before))
            took.append(time.monotonic() - began)
            await asyncio.sleep(1.0)  # so that the next change does not share an event with this one
        took.sort()
        print(f"mood to entity: median {took[len(took) // 2]:.2f} s, worst {took[-1]:.2f} s")

    with_home_assistant(play)
