"""The routes of the page, and the server around them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from device import __version__, systemd
from device.config import page_keys
from device.config.schema import Config
from device.control.live_client import AWAY, LiveClient
from device.domain import Diary
from device.domain.context import DAY_PARTS, GUESTS, read_leaning
from device.domain.library import Library
from device.errors import PageError
from device.page import permissions, static_files
from device.page.access import GUEST_HOURS, Access, Role
from device.page.backup import BackupRoutes
from device.page.diary_routes import DiaryRoutes
from device.page.door import Door
from device.page.gate import COOKIE, LARGEST_BODY, SESSION, Gate, address_of, answer, fields_of, needs, problem
from device.page.guest_routes import GuestRoutes
from device.page.library_routes import LibraryRoutes
from device.page.settings_routes import SettingsRoutes
from device.page.stream import Hub

log = logging.getLogger("affetto.page")

OTHER_PORT = 8080
KEEP_S = 30.0  # a connection may wait so long for its next request
BACKLOG = 128
LONGEST_NAME = 24  # characters of a guest's name
CHECK_S = 150.0  # the longest wait for an examination
VIEWS = ("/", "/library", "/today", "/people", "/settings")


class Page:
    """The application of one device."""

    def __init__(self, config: Config, library: Library, diary: Diary, settings: Path) -> None:
        self.config = config
        data_dir = Path(config.device.data_dir)
        self.hub = Hub(LiveClient(data_dir, self._changed))
        self.access = make_access(config)
        self.gate = Gate(self.access, own_names(config))
        self._guests = GuestRoutes(self.access, page_keys.address_of(config))
        owners = SettingsRoutes(settings)
        backup = BackupRoutes(self.hub.client, owners, config.device.id)
        self._routes = (LibraryRoutes(library), DiaryRoutes(diary), self._guests, owners, backup)
        self._files = static_files.load()
        self._facts = facts_of(config)
        self._checking = asyncio.Lock()  # one guess at a time, because each costs 8 MiB

    def _changed(self) -> None:
        """The state has changed. A conductor that has just started for the first time has made the PIN meanwhile."""
        if not self.access.ready:
            self.access = self.gate.access = self._guests.access = make_access(self.config)
        self.hub.wake()

    def application(self) -> web.Application:
        """All routes with the roles that they need."""
        app = web.Application(middlewares=[self.gate.middleware], client_max_size=LARGEST_BODY)
        for path in VIEWS:
            app.router.add_get(path, self._view)
        app.router.add_get("/static/{name}", self._static)
        app.router.add_get("/favicon.ico", self._icon)
        app.router.add_get("/g/{token}", self._enter_as_guest)
        app.router.add_get("/api/me", self._me)
        app.router.add_post("/api/name", needs(Role.GUEST, self._rename))
        app.router.add_post("/api/login", self._log_in)
        app.router.add_post("/api/logout", self._log_out)
        app.router.add_get("/api/stream", needs(Role.GUEST, self.hub.stream))
        app.router.add_get("/cover/{digest}", needs(Role.GUEST, self._cover))
        app.router.add_post("/api/do", needs(Role.GUEST, self._do))
        app.router.add_get("/api/check", needs(Role.OWNER, self._check))
        for routes in self._routes:
            routes.add_to(app)
        return app

    # --- The page itself ---

    async def _view(self, request: web.Request) -> web.StreamResponse:
        return self._files["index.html"].response(request)

    async def _static(self, request: web.Request) -> web.StreamResponse:
        file = self._files.get(request.match_info["name"])
        return problem(404, "There is no such file.") if file is None else file.response(request)

    async def _icon(self, request: web.Request) -> web.StreamResponse:
        return self._files["icon.svg"].response(request)

    async def _cover(self, request: web.Request) -> web.StreamResponse:
        picture = await self.hub.cover(request.match_info["digest"])
        if not picture:
            return problem(404, "This song has no cover.")
        headers = {"Cache-Control": "private, max-age=86400, immutable"}
        return web.Response(body=picture, content_type="image/jpeg", headers=headers)

    # --- Logins ---

    async def _me(self, request: web.Request) -> web.StreamResponse:
        session = request[SESSION]
        facts = {
            "role": Role(session.role).name.lower(),
            "name": session.name,
            "mode": self.access.mode,
            "word": self.access.word,
            "device": self.config.device.name,
        }
        return answer(facts | (self._facts if session.role >= Role.HOUSEHOLD else {}))

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        given = (await fields_of(request)).get("secret")
        address = address_of(request)
        if not isinstance(given, str):
            return problem(400, f"Send the {self.access.word}.")
        async with self._checking:
            if (wait_s := self.access.throttle.wait_s(address, time.monotonic())) > 0:
                return problem(429, f"Too many wrong guesses; try again in {wait_s:.0f} s.")
            right = await asyncio.to_thread(self.access.is_right, given)
            if not right:
                self.access.throttle.failed(address, time.monotonic())
                log.warning("Somebody at %s gave a wrong %s.", address, self.access.word)
                return problem(403, f"That is not the {self.access.word}. `affetto check` on the device shows it.")
        self.access.throttle.succeeded(address)
        log.info("The owner logged in from %s.", address)
        return self._with_cookie(answer({"ok": True}), *self.access.owner_token(time.time()))

    async def _log_out(self, request: web.Request) -> web.StreamResponse:
        return self._with_cookie(answer({"ok": True}), "", 0)

    async def _enter_as_guest(self, request: web.Request) -> web.StreamResponse:
        """The link in the QR code: its token becomes a login on this phone, unless the phone has a better one."""
        session = self.access.session(request.match_info["token"], time.time())
        response = web.Response(status=303, headers={"Location": "/"})
        if session.role != Role.GUEST:
            return problem(403, "This invitation has expired; ask for a new one.")
        if request[SESSION].role >= Role.GUEST:
            return response
        name = f"Guest {secrets.randbelow(900) + 100}"  # so that each guest has turns and votes of their own
        return self._with_cookie(response, *self.access.guest_token(time.time(), name))

    async def _rename(self, request: web.Request) -> web.StreamResponse:
        """A guest takes another name, but nobody's of this home."""
        given, session = (await fields_of(request)).get("name"), request[SESSION]
        name = " ".join(given.split()) if isinstance(given, str) else ""
        people = self.hub.client.part("people") or {}
        taken = {one.casefold() for one in (*people.get("profiles", ()), *people.get("known", ()), "everyone")}
        if session.role != Role.GUEST:
            return problem(403, "Only guests choose a name here.")
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or name.casefold() in taken:
            return problem(400, f"Choose another name of at most {LONGEST_NAME} characters.")
        token, _ = self.access.guest_token(session.ends - GUEST_HOURS * 3600, name)  # it ends when it would have
        return self._with_cookie(answer({"ok": True, "message": ""}), token, max(0.0, session.ends - time.time()))

    @staticmethod
    def _with_cookie(response: web.Response, token: str, lasts_s: float) -> web.Response:
        response.set_cookie(COOKIE, token, max_age=int(lasts_s), httponly=True, samesite="Strict", path="/")
        return response

    # --- Commands ---

    async def _check(self, request: web.Request) -> web.StreamResponse:
        """The findings of `affetto check`."""
        found = await self.hub.client.ask("check", CHECK_S)
        return problem(503, AWAY) if found is None else answer({"findings": found})

    async def _do(self, request: web.Request) -> web.StreamResponse:
        fields = await fields_of(request)
        name, given, session = fields.get("do"), fields.get("with", {}), request[SESSION]
        if not isinstance(name, str) or not isinstance(given, Mapping):
            return problem(400, "Send the name of a command in `do` and its fields in `with`.")
        if refused := permissions.refusal(name, given, session.role):
            return problem(403, refused)
        who = f"page, {Role(session.role).name.lower()} at {address_of(request)}"[:64]
        message = await self.hub.client.do(name, permissions.signed(name, given, session), who)
        return answer({"ok": not message, "message": message})


def facts_of(config: Config) -> dict[str, object]:
    """What the page says about the device to those who live with it."""
    rows = (read_leaning(row).name for row in config.context.activities)
    activities = [name for name in rows if name not in (*DAY_PARTS, GUESTS)]
    return {"version": __version__, "activities": activities, "keep_days": config.diary.keep_days}


async def announce(config: Config, port: int) -> None:
    """Announce the page in the network. The library for it loads only here."""
    from device.page import announcement

    await announcement.announce(config.device.name, page_keys.host_name(config.device.id), port)


def make_access(config: Config) -> Access:
    """The rules of this device, from the settings and the keys that the conductor made."""
    page, keys = config.page, page_keys.read(Path(config.device.data_dir))
    pin = page.pin or (keys.pin if keys is not None else "")
    secret = page.password if page.access == "password" else pin
    return Access(page.access, secret, keys.key if keys is not None else "", page.session_days)


def own_names(config: Config) -> set[str]:
    """The host names under which phones may reach the page."""
    host = socket.gethostname().lower()
    return {page_keys.host_name(config.device.id), host, f"{host}.local", f"{host}.lan", *config.page.hosts}


def open_socket(port: int) -> socket.socket:
    """A listening socket on all addresses: at `port`, or else at 8080. Raises PageError."""
    problems = []
    for one in dict.fromkeys((port, OTHER_PORT)):
        try:
            return socket.create_server(("::", one), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
        except OSError as error:
            if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):  # no IPv6
                with contextlib.suppress(OSError):
                    return socket.create_server(("0.0.0.0", one), backlog=BACKLOG)
            why = os.strerror(error.errno or 0)
            problems.append(f"port {one}: {why}")
            log.warning("The page cannot use port %d (%s).", one, why)
    raise PageError(f"the page has no port ({'; '.join(problems)}); choose another one: page.port")


async def serve(page: Page, sock: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT."""
    # It logs a traceback for every request that is not HTTP. Our own defects are logged by the gate.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    runner = web.AppRunner(
        page.application(), access_log=None, handle_signals=False, shutdown_timeout=2.0, keepalive_timeout=KEEP_S
    )
    await runner.setup()
    assert runner.server is not None
    listener = await asyncio.get_running_loop().create_server(Door(runner.server), sock=sock, backlog=BACKLOG)
    jobs = {asyncio.create_task(page.hub.client.run())}
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    port = sock.getsockname()[1]
    log.info("The page is at %s (port %d).", page_keys.address_of(page.config), port)
    if page.config.page.announce:
        jobs.add(asyncio.create_task(announce(page.config, port)))
    systemd.ready()
    waiting = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait({*jobs, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for job in done:
        job.result()  # raises what ended it
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)
    listener.close()
    await runner.cleanup()


async def start(config: Config, settings: Path, library: Library, diary: Diary) -> None:
    """Build the page inside the loop, and serve it."""
    await serve(Page(config, library, diary, settings), open_socket(config.page.port))


def run(config: Config, settings: Path, library: Library, diary: Diary) -> int:
    """Serve the page; returns the exit status. `settings`: the user's file. `library` and `diary` are readers of its
    own."""
    if not config.page.enabled:
        log.info("The page is switched off: page.enabled is false.")
        systemd.ready()
        return 0
    asyncio.run(start(config, settings, library, diary))
    return 0
