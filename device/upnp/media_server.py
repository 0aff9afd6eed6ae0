"""The MediaServer: the library in the media browser of Home Assistant and of every UPnP player. Reads only.

Questions to the library read the disk, so they run on a thread of their own; everything else belongs to the thread of
the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from xml.etree.ElementTree import Element, SubElement

from aiohttp import web

from device.domain import MoodName, Snapshot, Track
from device.domain.library import Library, Listing
from device.upnp import search, state
from device.upnp.criteria import CriteriaError, parse
from device.upnp.description import Device
from device.upnp.didl import document, track_item
from device.upnp.directory import Container, Directory, Object
from device.upnp.files import file_of
from device.upnp.mime import mime_of
from device.upnp.services import CONTENT_DIRECTORY, Service
from device.upnp.soap import Call, Code, Fault
from device.upnp.text import clean
from device.upnp.translate import Reply, connection

SOURCE = ",".join(f"http-get:*:{mime}:*" for mime in state.FORMATS if not mime.endswith("*"))


class MediaServer:
    """`changed` tells subscribers. `folders`: the music folders of the settings."""

    def __init__(
        self, device: Device, library: Library, folders: Sequence[str], changed: Callable[[str], None]
    ) -> None:
        self.device = device
        self._library, self._folders, self._changed = library, folders, changed
        self._directory = Directory(library, self._fitting)
        self._reader = ThreadPoolExecutor(1, "upnp library")
        self._snapshot: Snapshot | None = None
        self._update = 1

    def show(self, snapshot: Snapshot) -> None:
        """Take the newest snapshot."""
        before, self._snapshot = self._snapshot, snapshot
        if before is not None and before.health.tracks != snapshot.health.tracks:
            self._update += 1
            self._changed("")

    def close(self) -> None:
        """Take no more questions."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    async def call(self, call: Call, base: str, peer: str) -> Mapping[str, str] | Fault:
        """Carry out a call."""
        if call.service is not CONTENT_DIRECTORY:
            given = connection(call, SOURCE)
            return given.values if isinstance(given, Reply) else given
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader, self._answer, call, base)

    def variables(self, service: Service, base: str) -> Mapping[str, str]:
        """The evented variables of a service."""
        if service is CONTENT_DIRECTORY:
            return {"SystemUpdateID": str(self._update)}
        return state.connections(SOURCE)

    def routes(self) -> Iterable[web.RouteDef]:
        """The files."""
        return [web.get(state.TRACKS + "{key}/{name}", self._file)]

    # --- The reader's thread ---

    def _answer(self, call: Call, base: str) -> Mapping[str, str] | Fault:
        match call.action:
            case "Browse":
                return self._browse(call.arguments, base)
            case "Search":
                return self._search(call.arguments, base)
        return {"SearchCaps": search.CAPABILITIES, "SortCaps": "", "Id": str(self._update)}

    def _browse(self, arguments: Mapping[str, str], base: str) -> Mapping[str, str] | Fault:
        identifier, flag = arguments["ObjectID"], arguments["BrowseFlag"]
        if flag == "BrowseMetadata":
            found = self._directory.find(identifier)
            return _no_object() if found is None else self._result(Listing((found,), 1), base)
        if flag != "BrowseDirectChildren":
            return Fault(Code.INVALID_ARGUMENTS, "BrowseFlag is BrowseMetadata or BrowseDirectChildren.")
        start, count = int(arguments["StartingIndex"]), int(arguments["RequestedCount"])
        children = self._directory.children(identifier, start, count)
        return _no_object() if children is None else self._result(children, base)

    def _search(self, arguments: Mapping[str, str], base: str) -> Mapping[str, str] | Fault:
        container = arguments["ContainerID"]
        if not isinstance(self._directory.find(container), Container):
            return Fault(Code.NO_SUCH_CONTAINER, "The device has no container with this id.")
        try:
            criteria = parse(arguments["SearchCriteria"])
        except CriteriaError as error:
            return Fault(Code.INVALID_SEARCH, str(error))
        start, count = int(arguments["StartingIndex"]), int(arguments["RequestedCount"])
        found = search.search(self._directory, self._library, container, criteria, start, count)
        return self._result(found, base)

    def _result(self, listing: Listing[Object], base: str) -> Mapping[str, str]:
        return {
            "Result": document(*(element(one, base) for one in listing.items)),
            "NumberReturned": str(len(listing.items)),
            "TotalMatches": str(listing.total),
            "UpdateID": str(self._update),
        }

    def _fitting(self) -> MoodName | None:
        """The mood of the music that plays, which is no secret; not the room's."""
        choice = None if self._snapshot is None else self._snapshot.playback.choice
        return None if choice is None else choice.track.mood

    # --- Files ---

    async def _file(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        track = await asyncio.get_running_loop().run_in_executor(self._reader, self._library.track, key)
        path = None if track is None else file_of(track, self._folders)
        if track is None or path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers=_headers(track))


def element(one: Object, base: str) -> Element:
    """An object as DIDL-Lite, from the device at `base`."""
    if not isinstance(one, Container):
        url = state.address(one.track, base)
        return track_item(one.track, url, mime_of(one.track.uri), identifier=one.id, parent=one.parent)
    attributes = {"id": one.id, "parentID": one.parent, "restricted": "1", "searchable": "1"}
    if one.children is not None:
        attributes["childCount"] = str(one.children)
    container = Element("container", attributes)
    SubElement(container, "dc:title").text = clean(one.title) or "?"
    SubElement(container, "upnp:class").text = one.kind
    return container


def _no_object() -> Fault:
    return Fault(Code.NO_SUCH_OBJECT, "The device has no object with this id.")


def _headers(track: Track) -> dict[str, str]:
    """DLNA's players ask for these. OP=01: ranges of bytes; the flags say so, too, and that it streams."""
    features = "DLNA.ORG_OP=01;DLNA.ORG_CI=0;DLNA.ORG_FLAGS=01700000000000000000000000000000"
    return {
        "Content-Type": mime_of(track.uri).replace("*", "mpeg"),
        "transferMode.dlna.org": "Streaming",
        "contentFeatures.dlna.org": features,
        "X-Content-Type-Options": "nosniff",
    }
