"""The routes that look into the library. They only read; a thread of their own asks, so that the page never waits."""

from __future__ import annotations

import asyncio
import gzip
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aiohttp import web

from device.control.documents import plain
from device.domain import MoodName
from device.domain.library import Library, PlanePoints, Selection
from device.errors import AffettoError
from device.page.access import Role
from device.page.gate import answer, needs, problem

T = TypeVar("T")

MOST = 200  # items of one answer
LONGEST = 4096  # characters of a parameter
LONGEST_SEARCH = 200


class LibraryRoutes:
    """Search, lists and the plane."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._thread = ThreadPoolExecutor(1, "library")
        self._plane: tuple[PlanePoints | None, bytes] = (None, b"")

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        handlers = {
            "search": self._search,
            "artists": self._artists,
            "albums": self._albums,
            "moods": self._moods,
            "folders": self._folders,
            "playlists": self._playlists,
            "entries": self._entries,
            "tracks": self._tracks,
            "track": self._track,
        }
        for name, read in handlers.items():
            app.router.add_get(f"/api/library/{name}", needs(Role.GUEST, self._handler(read)))
        app.router.add_get("/api/library/points", needs(Role.HOUSEHOLD, self._points))

    def _handler(self, read: Callable[[web.Request], object]) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            for value in request.query.values():
                if len(value) > LONGEST:
                    return problem(400, "That is too long.")
            try:
                return answer(await self._ask(lambda: plain(read(request))))
            except AffettoError as error:
                return problem(503, str(error))

        return handle

    async def _ask(self, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, read)

    def _search(self, request: web.Request) -> object:
        return self._library.search(text(request, "q")[:LONGEST_SEARCH], number(request, "limit", 20))

    def _artists(self, request: web.Request) -> object:
        return self._library.artists(*part(request))

    def _albums(self, request: web.Request) -> object:
        return self._library.albums(text(request, "artist") or None, *part(request))

    def _moods(self, request: web.Request) -> object:
        return self._library.moods()

    def _folders(self, request: web.Request) -> object:
        return self._library.folders(text(request, "uri"))

    def _playlists(self, request: web.Request) -> object:
        return self._library.playlists()

    def _entries(self, request: web.Request) -> object:
        return self._library.entries(text(request, "uri"))

    def _tracks(self, request: web.Request) -> object:
        names = ("artist", "album", "folder", "playlist")
        chosen: dict[str, Any] = {name: request.query.get(name) for name in names}
        return self._library.tracks(Selection(mood=mood(request), **chosen), *part(request))

    def _track(self, request: web.Request) -> object:
        return self._library.numbered(number(request, "number", 0, 2**32 - 1))

    async def _points(self, request: web.Request) -> web.StreamResponse:
        """All tracks in the plane: the count n as uint32, then uint32[n] numbers, int8[n] valence, int8[n] arousal (127
        is 1), uint8[n] moods. Little-endian, compressed."""
        packed = await self._ask(self._packed)
        return web.Response(body=packed, content_type="application/octet-stream", headers={"Content-Encoding": "gzip"})

    def _packed(self) -> bytes:
        points = self._library.points()
        if self._plane[0] is not points:
            self._plane = (points, gzip.compress(pack(points), 6, mtime=0))
        return self._plane[1]


def pack(points: PlanePoints) -> bytes:
    """See `LibraryRoutes._points`."""
    coordinates = (bytes(round(max(-1.0, min(1.0, one)) * 127) & 255 for one in axis) for axis in (
        points.valence, points.arousal,
    ))  # fmt: skip
    numbers = struct.pack(f"<{len(points)}I", *points.numbers)
    return b"".join((struct.pack("<I", len(points)), numbers, *coordinates, bytes(points.moods)))


def text(request: web.Request, name: str) -> str:
    """A parameter; empty without one."""
    return request.query.get(name, "")


def number(request: web.Request, name: str, default: int, most: int = 10_000_000) -> int:
    """A whole number in a parameter. Raises HTTPBadRequest."""
    raw = request.query.get(name, "")
    if not raw:
        return default
    if not raw.isascii() or not raw.isdecimal() or len(raw) > 10 or int(raw) > most:
        raise web.HTTPBadRequest(reason=f"{name} is a whole number.")
    return int(raw)


def part(request: web.Request) -> tuple[int, int]:
    """Which part of a list is wanted: offset and limit."""
    return number(request, "offset", 0), min(number(request, "limit", 50), MOST)


def mood(request: web.Request) -> MoodName | None:
    """The mood in a parameter. Raises HTTPBadRequest."""
    raw = text(request, "mood")
    try:
        return MoodName(raw) if raw else None
    except ValueError:
        raise web.HTTPBadRequest(reason="There is no such mood.") from None
