"""Everything that lives in the event loop: the devices, the web server, and the announcers of every address."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from device.config.schema import Config
from device.domain import Snapshot
from device.domain.library import Library
from device.upnp.announcer import Announcer
from device.upnp.description import Device
from device.upnp.interfaces import Place, networks, places
from device.upnp.media_server import MediaServer
from device.upnp.renderer import Obey, Renderer
from device.upnp.services import AV_TRANSPORT, CONNECTION_MANAGER, CONTENT_DIRECTORY, rendering_control
from device.upnp.subscriptions import Subscriptions
from device.upnp.web import Part, WebServer

log = logging.getLogger("affetto.upnp")


class Host:
    """Belongs to the thread of the event loop."""

    def __init__(self, config: Config, version: str, obey: Obey, library: Library | None) -> None:
        self._settings = config.upnp
        rendering = rendering_control(config.player.max_volume)
        services = (AV_TRANSPORT, rendering, CONNECTION_MANAGER)
        page = "/" if config.page.enabled else ""
        device = Device("MediaRenderer", config.device.id, config.device.name, version, services, page)
        self._renderer = Renderer(device, obey, self._tell, config.page.port if config.page.enabled else 0)
        self._parts: tuple[Part, ...] = (self._renderer,)
        self._media_server: MediaServer | None = None
        if library is not None:
            server = replace(device, kind="MediaServer", services=(CONTENT_DIRECTORY, CONNECTION_MANAGER))
            self._media_server = MediaServer(server, library, config.music.folders, self._tell)
            self._parts = (self._renderer, self._media_server)
        self._subscriptions: Subscriptions | None = None
        self._server: WebServer | None = None
        self._announcers: dict[Place, Announcer] = {}
        self._links = networks()
        self._boot = int(time.time())
        self._port = 0

    async def start(self) -> None:
        """Appear in the network."""
        self._subscriptions = Subscriptions()
        self._server = WebServer(self._parts, self._subscriptions, lambda: self._links)
        self._port = await self._server.start(self._settings.port)
        await self.follow()

    async def follow(self) -> None:
        """Appear at new addresses, and leave those that are gone."""
        self._links = networks()
        wanted = places(self._settings.interfaces)
        for place in self._announcers.keys() - set(wanted):
            self._announcers.pop(place).close()
            log.info("UPnP no longer uses %s (%s).", place.host, place.interface)
        for place in wanted:
            if place not in self._announcers:
                await self._appear(place)
        self._renderer.bases = frozenset(f"http://{place.host}:{self._port}" for place in self._announcers)

    def show(self, snapshot: Snapshot) -> None:
        """Take the newest snapshot."""
        self._renderer.show(snapshot)
        if self._media_server is not None:
            self._media_server.show(snapshot)

    async def close(self) -> None:
        """Say goodbye, end the subscriptions, and stop."""
        for announcer in self._announcers.values():
            announcer.close()
        if self._subscriptions is not None:
            await self._subscriptions.close()
        if self._server is not None:
            await self._server.close()
        if self._media_server is not None:
            self._media_server.close()

    def _tell(self, forget: str) -> None:
        if self._subscriptions is not None:
            self._subscriptions.tell(forget)

    async def _appear(self, place: Place) -> None:
        announcer = Announcer([part.device for part in self._parts], place, self._port, self._boot)
        try:
            await announcer.start()
        except OSError as error:
            log.debug("Not at %s: %s", place.address, error)
            return
        self._announcers[place] = announcer
        log.info("UPnP is at http://%s:%d (%s).", place.host, self._port, place.interface)
