"""The media server as Home Assistant's media browser sees it, against a whole conductor with real music."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from async_upnp_client.aiohttp import AiohttpRequester
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.exceptions import UpnpActionError
from async_upnp_client.profiles.dlna import DmsDevice
from didl_lite import didl_lite

from device.demo import MUSIC
from device.domain import Track
from device.upnp.files import file_of
from tests.upnp_device import Appliance, appliance, settings

BROWSED = ["id", "upnp:class", "dc:title", "res", "@childCount", "upnp:albumArtURI"]  # as Home Assistant asks


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's music, in a folder that a test may change."""
    folder = tmp_path_factory.mktemp("music") / "My music"
    shutil.copytree(MUSIC, folder)
    return folder


@pytest.fixture(scope="module")
def device(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    with appliance(settings(tmp_path_factory.mktemp("upnp"), music)) as one:
        one.wait(lambda shown: shown.playback.position)
        yield one


def with_browser(device: Appliance, browse: Callable[[DmsDevice], Awaitable[None]]) -> None:
    async def run() -> None:
        described = await UpnpFactory(AiohttpRequester(20)).async_create_device(f"{device.base}/MediaServer.xml")
        server = DmsDevice(described, None)
        await server.async_update()
        await browse(server)

    asyncio.run(run())


async def titles(server: DmsDevice, identifier: str) -> dict[str, str]:
    """The children of a container: their ids by title."""
    listed = await server.async_browse_direct_children(identifier, BROWSED)
    assert listed.number_returned == len(listed.result) == listed.total_matches
    return {one.title: one.id for one in listed.result if isinstance(one, didl_lite.DidlObject)}


def test_every_container_can_be_walked_and_describes_itself(device: Appliance) -> None:
    async def browse(server: DmsDevice) -> None:
        ahead, seen = ["0"], dict[str, str]()
        while ahead:
            here = ahead.pop()
            described = await server.async_browse_metadata(here)
            assert described.id == here
            if isinstance(described, didl_lite.Container):
                children = await titles(server, here)
                assert children or here in ("now", "playlists"), here
                ahead.extend(one for one in children.values() if one not in seen)
                seen |= {one: title for title, one in children.items()}
        moods = {title for one, title in seen.items() if one.startswith("mood/")}
        assert moods == {"Angry", "Calm", "Excited", "Happy", "Sad", "Tense"}
        assert {"The Affetto Machine", "Rooms Without People"} <= set(seen.values())
        assert len([one for one in seen if one.startswith("track/")]) == 15

    with_browser(device, browse)


def test_a_mood_lists_its_tracks_and_each_can_be_fetched(device: Appliance) -> None:
    async def browse(server: DmsDevice) -> None:
        moods = await titles(server, "moods")
        calm = await titles(server, moods["Calm"])
        assert set(calm) == {"Lamplight", "Slow Clouds", "Tidal Garden"}
        item = await server.async_browse_metadata(calm["Lamplight"])
        [resource] = item.res
        assert resource.uri is not None
        whole = (MUSIC / "calm" / "Lamplight.opus").read_bytes()
        async with aiohttp.ClientSession() as session:
            async with session.get(resource.uri) as response:
                assert (response.status, response.content_type) == (200, "audio/ogg")
                assert await response.read() == whole
            async with session.get(resource.uri, headers={"Range": "bytes=1000-1999"}) as response:
                assert (response.status, await response.read()) == (206, whole[1000:2000])
                assert response.headers["Content-Range"] == f"bytes 1000-1999/{len(whole)}"
            async with session.get(resource.uri, headers={"Range": f"bytes={len(whole)}-"}) as response:
                assert response.status == 416
            async with session.head(resource.uri) as response:
                assert int(response.headers["Content-Length"]) == len(whole)

    with_browser(device, browse)


def test_pages_of_a_list_make_the_whole(device: Appliance) -> None:
    async def browse(server: DmsDevice) -> None:
        whole = await server.async_browse_direct_children("tracks")
        pages: list[str] = []
        for start in range(0, 20, 4):
            page = await server.async_browse_direct_children("tracks", starting_index=start, requested_count=4)
            assert page.total_matches == 15
            pages.extend(one.id for one in page.result if isinstance(one, didl_lite.DidlObject))
        assert pages == [one.id for one in whole.result if isinstance(one, didl_lite.DidlObject)]
        artist = await server.async_browse_direct_children("artist/The%20Affetto%20Machine", starting_index=1)
        assert [one.upnp_class for one in artist.result if isinstance(one, didl_lite.DidlObject)] == [
            "object.container.album.musicAlbum"
        ] * artist.number_returned
        assert artist.total_matches == artist.number_returned + 1

    with_browser(device, browse)


@pytest.mark.parametrize(
    ("container", "criteria", "found"),
    [
        ("0", '@parentID="0" and dc:title="Moods"', {"Moods"}),  # how Home Assistant follows a path
        ("moods", '@parentID="moods" and dc:title="Calm"', {"Calm"}),
        ("0", 'dc:title contains "lamp"', {"Lamplight"}),
        ("0", 'upnp:class derivedfrom "object.item.audioItem" and dc:title contains "on" and upnp:genre = "Sad"',
         {"Rain on the Lid"}),
        ("0", 'upnp:class = "object.container.person.musicArtist"', {"The Affetto Machine"}),
        ("mood/happy", "*", {"Marmalade", "Paper Boats", "Sunday Bicycle"}),
        ("0", 'dc:title contains "no such song"', set()),
    ],
)  # fmt: skip
def test_searches(device: Appliance, container: str, criteria: str, found: set[str]) -> None:
    async def browse(server: DmsDevice) -> None:
        result = await server.async_search_directory(container, criteria)
        assert {one.title for one in result.result if isinstance(one, didl_lite.DidlObject)} == found
        assert result.total_matches == len(found)

    with_browser(device, browse)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda one: one.async_browse_metadata("track/nothing"), 701),
        (lambda one: one.async_browse_direct_children("../../etc"), 701),
        (lambda one: one.async_browse_direct_children("mood/hungry"), 701),
        (lambda one: one.async_browse_direct_children("folder/file%3A%2F%2F%2Fetc"), 701),
        (lambda one: one.async_search_directory("nothing", "*"), 710),
        (lambda one: one.async_search_directory("0", "dc:title"), 708),
    ],
)
def test_what_does_not_exist_is_a_fault(
    device: Appliance, call: Callable[[DmsDevice], Awaitable[object]], code: int
) -> None:
    async def browse(server: DmsDevice) -> None:
        with pytest.raises(UpnpActionError) as raised:
            await call(server)
        assert raised.value.error_code == code

    with_browser(device, browse)


def test_a_link_that_leaves_the_music_is_not_served(device: Appliance, music: Path, tmp_path: Path) -> None:
    secret = tmp_path / "settings.yaml"
    secret.write_text("password: hunter2")

    async def browse(server: DmsDevice) -> None:
        lamp = (await titles(server, "mood/calm"))["Lamplight"]
        [resource] = (await server.async_browse_metadata(lamp)).res
        assert resource.uri is not None
        song = music / "calm" / "Lamplight.opus"
        song.unlink()
        song.symlink_to(secret)
        async with aiohttp.ClientSession() as session, session.get(resource.uri) as response:
            assert (response.status, b"hunter2" in await response.read()) == (404, False)

    with_browser(device, browse)


@pytest.mark.parametrize(
    ("uri", "served"),
    [
        ("song%20%FF.mp3", True),
        ("inside.mp3", True),
        ("outside.mp3", False),
        ("../secret", False),
        ("missing.mp3", False),
        ("folder", False),
    ],
)
def test_only_files_in_music_folders_are_files(tmp_path: Path, uri: str, served: bool) -> None:
    root = tmp_path / "usb" / "music"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "usb" / "secret").write_text("s")
    Path(os.fsdecode(os.fsencode(root) + b"/song \xff.mp3")).write_text("x")
    (root / "inside.mp3").symlink_to(Path(os.fsdecode(b"song \xff.mp3")))
    (root / "outside.mp3").symlink_to("../secret")
    track = Track("key", f"file://{root}/{uri}", "")
    assert (file_of(track, [f"{tmp_path}/*/music", "/srv/none"]) is not None) is served
    assert file_of(Track("", "http://192.168.1.2/x.mp3", ""), ["/"]) is None


def test_the_library_can_stay_private(tmp_path: Path) -> None:
    with appliance(settings(tmp_path, tmp_path, library=False)) as one:

        async def run() -> list[int]:
            async with aiohttp.ClientSession() as session:
                found = []
                for path in ("/MediaRenderer.xml", "/MediaServer.xml", "/track/x/track.mp3"):
                    async with session.get(one.base + path) as response:
                        found.append(response.status)
                return found

        assert asyncio.run(run()) == [200, 404, 404]
