"""The renderer as a control point sees it: the profile that Home Assistant uses, against a whole conductor."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from async_upnp_client.exceptions import UpnpActionResponseError
from async_upnp_client.profiles.dlna import DmrDevice, TransportState

from device.domain import (
    Command,
    MoodName,
    PlaybackState,
    PolicyName,
    SeekTo,
    SetMood,
    SetMute,
    SetPlayback,
    SetPolicy,
    SetVolume,
    Snapshot,
    StopMedia,
    Transport,
)
from device.domain.upnp_name import unique_name
from tests.audio import tone
from tests.upnp_device import PATIENCE_S, Appliance, appliance, control_point, settings
from tests.web_server import WebServer

STATES = {
    PlaybackState.PLAYING: TransportState.PLAYING,
    PlaybackState.PAUSED: TransportState.PAUSED_PLAYBACK,
    PlaybackState.STOPPED: TransportState.STOPPED,
}


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    with appliance(settings(tmp_path_factory.mktemp("upnp"))) as one:
        one.wait(lambda shown: shown.playback.state is PlaybackState.PLAYING and shown.playback.position)
        yield one


@pytest.fixture(autouse=True)
def _plays(device: Appliance) -> None:
    for command in (
        StopMedia(),
        SetMute(False),
        SetVolume(30),
        SetPolicy(PolicyName.MATCH),
        SetMood(None),
        SetPlayback(Transport.PLAY),
    ):
        device.put(command)
    device.wait(lambda shown: shown.playback.volume == 30 and shown.playback.state is PlaybackState.PLAYING)


def at(shown: Snapshot) -> float:
    """The last measured position, in seconds."""
    return 0.0 if shown.playback.position is None else shown.playback.position.track_s


async def until(fits: Callable[[], object]) -> None:
    """Wait until events have brought the control point so far."""
    async with asyncio.timeout(PATIENCE_S):
        while not fits():
            await asyncio.sleep(0.01)


def with_control_point(device: Appliance, play: Callable[[DmrDevice], Awaitable[None]]) -> None:
    async def run() -> None:
        async with control_point(device.base) as renderer:
            await play(renderer)

    asyncio.run(run())


def test_the_entity_shows_what_plays(device: Appliance) -> None:
    async def play(renderer: DmrDevice) -> None:
        await renderer.async_update()
        shown = device.wait(lambda shown: shown.playback.choice).playback
        assert shown.choice is not None
        track = shown.choice.track
        assert (renderer.name, renderer.udn) == ("Kitchen", unique_name("kitchen"))
        assert renderer.transport_state is TransportState.PLAYING
        assert (renderer.media_title, renderer.media_artist) == (track.title, track.artist)
        assert renderer.media_album_name == track.album
        assert renderer.media_duration == int(track.duration_s)
        assert renderer.media_position is not None
        assert 0 <= renderer.media_position <= track.duration_s
        assert renderer.volume_level == pytest.approx(30 / 70)
        assert renderer.valid_play_modes == {"NORMAL"}
        assert {"Policy: calm", "Mood: calm"} <= set(renderer.preset_names)

    with_control_point(device, play)


@pytest.mark.parametrize(
    ("call", "effect"),
    [
        (lambda one: one.async_pause(), lambda shown: shown.playback.state is PlaybackState.PAUSED),
        (lambda one: one.async_stop(), lambda shown: shown.playback.state is PlaybackState.STOPPED),
        (lambda one: one.async_set_volume_level(1.0), lambda shown: shown.playback.volume == 70),
        (lambda one: one.async_set_volume_level(0.5), lambda shown: shown.playback.volume == 35),
        (lambda one: one.async_mute_volume(True), lambda shown: shown.playback.muted),
        (lambda one: one.async_select_preset("Policy: lift"), lambda shown: shown.policy is PolicyName.LIFT),
        (lambda one: one.async_select_preset("Mood: sad"), lambda shown: shown.mood.name is MoodName.SAD),
        (
            lambda one: one.async_seek_rel_time(timedelta(seconds=20)),
            lambda shown: at(shown) > 18,
        ),
    ],
    ids=["pause", "stop", "loudest", "volume", "mute", "policy", "mood", "seek"],
)
def test_a_call_acts(
    device: Appliance, call: Callable[[DmrDevice], Awaitable[None]], effect: Callable[[Snapshot], bool]
) -> None:
    async def play(renderer: DmrDevice) -> None:
        await call(renderer)
        await until(lambda: device.seen is not None and effect(device.seen))

    with_control_point(device, play)


def test_next_and_previous(device: Appliance) -> None:
    async def play(renderer: DmrDevice) -> None:
        first = renderer.current_track_uri
        await renderer.async_next()
        await until(lambda: renderer.current_track_uri != first)
        await renderer.async_previous()
        await until(lambda: renderer.current_track_uri == first)

    with_control_point(device, play)


def test_changes_from_elsewhere_arrive_as_events(device: Appliance) -> None:
    async def play(renderer: DmrDevice) -> None:
        device.put(SetVolume(42))
        await until(lambda: renderer.volume_level == pytest.approx(42 / 70))
        device.put(SetMood(MoodName.TENSE))
        await until(lambda: renderer.media_title in ("Corridor Clock", "Static Weather"))
        device.put(SetPlayback(Transport.PAUSE))
        await until(lambda: renderer.transport_state is TransportState.PAUSED_PLAYBACK)

    with_control_point(device, play)


def test_a_jump_from_elsewhere_makes_the_control_point_ask_for_the_position(device: Appliance) -> None:
    async def play(renderer: DmrDevice) -> None:
        told: list[str] = []
        renderer.on_event = lambda service, variables: told.extend(variable.name for variable in variables)
        device.put(SeekTo(30.0))
        await until(lambda: "TransportState" in told)
        await renderer.async_update()
        assert (renderer.media_position or 0) >= 28

    with_control_point(device, play)


def test_a_refusal_is_a_code_and_a_sentence(device: Appliance) -> None:
    async def play(renderer: DmrDevice) -> None:
        with pytest.raises(UpnpActionResponseError) as raised:
            await renderer.async_seek_rel_time(timedelta(hours=1))
        assert raised.value.error_code == 711
        assert "long." in str(raised.value)

    with_control_point(device, play)


async def send(renderer: DmrDevice, url: str, title: str) -> None:
    """Play something as Home Assistant does: Stop, the address, and Play unless the device plays already."""
    await renderer.async_stop()
    await renderer.async_set_transport_uri(url, title)
    if renderer.transport_state is not TransportState.PLAYING:
        await renderer.async_wait_for_can_play()
        await renderer.async_play()


@pytest.mark.parametrize("transport", [Transport.PLAY, Transport.PAUSE])
def test_an_announcement_is_spoken_and_the_song_stays(device: Appliance, tmp_path: Path, transport: Transport) -> None:
    server = WebServer()
    speech = tone(tmp_path / "speech.wav", 1.5).read_bytes()
    server._scripts["/api/tts_proxy/dinner.wav"] = lambda visit: visit.file(speech, "audio/wav")

    async def play(renderer: DmrDevice) -> None:
        device.put(SetPlayback(transport))
        paused = transport is Transport.PAUSE
        before = TransportState.PAUSED_PLAYBACK if paused else TransportState.PLAYING
        await until(lambda: renderer.transport_state is before)
        song = renderer.media_title
        await send(renderer, f"http://127.0.0.1:{server.port}/api/tts_proxy/dinner.wav", "Dinner is ready")
        await until(lambda: renderer.media_title == "Dinner is ready")
        assert device.seen is not None
        assert not device.seen.playback.foreign
        await until(lambda: (renderer.transport_state, renderer.media_title) == (before, song))

    try:
        with_control_point(device, play)
    finally:
        server.close()


def test_media_from_outside_replace_the_music_which_returns(device: Appliance, tmp_path: Path) -> None:
    server = WebServer()
    radio = server.file(tone(tmp_path / "radio.wav", 60.0).read_bytes(), "audio/wav", "radio.wav")

    async def play(renderer: DmrDevice) -> None:
        await send(renderer, radio, "Radio Nowhere")
        await until(lambda: (renderer.media_title, renderer.current_track_uri) == ("Radio Nowhere", radio))
        await until(lambda: device.seen is not None and device.seen.playback.foreign and at(device.seen) > 0.1)
        await renderer.async_stop()
        await until(lambda: renderer.media_title not in (None, "Radio Nowhere"))
        await until(lambda: renderer.transport_state is TransportState.PLAYING)

    try:
        with_control_point(device, play)
    finally:
        server.close()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "rtsp://192.168.1.2/x", "http://"])
def test_an_address_that_the_device_does_not_play_is_refused(device: Appliance, url: str) -> None:
    async def play(renderer: DmrDevice) -> None:
        with pytest.raises(UpnpActionResponseError) as raised:
            await renderer.async_set_transport_uri(url, "x")
        assert raised.value.error_code == 716

    with_control_point(device, play)


@pytest.mark.slow
def test_after_200_commands_in_a_random_order_both_sides_agree(device: Appliance) -> None:
    dice = random.Random(20261128)
    from_elsewhere: list[Command] = [
        *(SetPlayback(transport) for transport in Transport),
        *(SetVolume(percent) for percent in (0, 7, 69, 70)),
        *(SetMood(mood) for mood in (None, MoodName.CALM, MoodName.ANGRY)),
        SeekTo(-10.0, relative=True),
    ]

    async def play(renderer: DmrDevice) -> None:
        calls: list[Callable[[], Awaitable[None]]] = [
            renderer.async_play,
            renderer.async_pause,
            renderer.async_stop,
            renderer.async_next,
            renderer.async_previous,
            lambda: renderer.async_set_volume_level(dice.random()),
            lambda: renderer.async_mute_volume(dice.random() < 0.5),
            lambda: renderer.async_seek_rel_time(timedelta(seconds=dice.randrange(40))),
            lambda: renderer.async_select_preset(dice.choice(renderer.preset_names)),
        ]
        for number in range(1, 201):
            if dice.random() < 0.25:
                device.put(dice.choice(from_elsewhere))
            else:
                with contextlib.suppress(UpnpActionResponseError):  # such as a jump in silence
                    await dice.choice(calls)()
            if number % 20 == 0:
                await agreement(device, renderer)

    with_control_point(device, play)


async def agreement(device: Appliance, renderer: DmrDevice) -> None:
    """Both sides show the same: at once what events say, and the position when it is asked for."""

    def same() -> bool:
        shown = device.seen
        if shown is None:
            return False
        playback, track = shown.playback, None if shown.playback.choice is None else shown.playback.choice.track
        return (
            renderer.transport_state is STATES[playback.state]
            and renderer.is_volume_muted is playback.muted
            and renderer.volume_level == pytest.approx(playback.volume / 70)
            and renderer.media_title == (None if track is None else track.title)
            and renderer.media_duration == (0 if track is None else int(track.duration_s))
        )

    await until(same)


# --- What the web server lets through ---


def get(url: str, **headers: str) -> tuple[int, bytes]:
    async def run() -> tuple[int, bytes]:
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
            return response.status, await response.read()

    return asyncio.run(run())


def test_the_icon_and_the_descriptions_are_there(device: Appliance) -> None:
    assert get(f"{device.base}/icon.png")[1].startswith(b"\x89PNG")
    assert get(f"{device.base}/MediaRenderer/AVTransport/description.xml")[0] == 200


def test_a_page_from_elsewhere_gets_nothing(device: Appliance) -> None:
    assert get(f"{device.base}/MediaRenderer.xml", Host="attacker.example")[0] == 421


def test_the_front_door_leads_to_the_page(device: Appliance) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession() as session, session.get(device.base, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "http://127.0.0.1/")

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/robots.txt", "/cover/nothing.jpg", "/track/../../etc/passwd", "/MediaRenderer"])
def test_nothing_else_is_there(device: Appliance, path: str) -> None:
    assert get(device.base + path)[0] == 404


def test_a_huge_request_is_refused_and_an_odd_one_answered(device: Appliance) -> None:
    async def run() -> None:
        url = f"{device.base}/MediaRenderer/AVTransport/control"
        async with aiohttp.ClientSession() as session:
            async with session.post(url, data=b"x" * 1_000_000, headers={"SOAPACTION": '"x#Play"'}) as response:
                assert response.status == 413
            async with session.post(url, data=b"<x/>", headers={"SOAPACTION": '"x#Play"'}) as response:
                assert (response.status, b"<errorCode>401<" in await response.read()) == (500, True)

    asyncio.run(run())


def test_off_means_that_nothing_listens(tmp_path: Path) -> None:
    with appliance(settings(tmp_path, tmp_path, enabled=False)) as one:
        one.wait(lambda shown: shown.health.uptime_s > 1)
        assert not one.listens
