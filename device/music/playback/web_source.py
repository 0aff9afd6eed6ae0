"""Fetches a medium from outside over HTTP, with limits, so that libVLC never opens an address itself.

The addresses come from anybody on the broker or the network, and the servers may be hostile. Each address, also after a
redirect or out of a playlist, must be http or https. Every wait ends: the socket has a time-out, and `close` on another
thread shuts it down. `open`, `read` and `seek` belong to one thread at a time.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from device.errors import WebError
from device.music.playback import web_format, web_playlist

SCHEMES = ("http", "https")
TIMEOUT_S = 8.0  # for the connection, and for each next piece
REQUESTS = 8  # the most addresses that one medium may lead through
SKIP_BYTES = 64 * 1024  # a jump ahead by less than this reads on
REDIRECTS = (301, 302, 303, 307, 308)
UNLIMITED = 1 << 62

ONLY_HTTP = "The address leads to another one that does not begin with http:// or https://."


@dataclass(frozen=True, slots=True)
class Opened:
    """What the server gives: libVLC's demuxer for it, and its length in bytes (None: unknown)."""

    demuxer: str
    size: int | None
    seekable: bool


class WebSource:
    """One medium. `problem` says, once reading has ended, why it ended too early; empty if it did not."""

    def __init__(self, url: str, most_bytes: int = UNLIMITED) -> None:
        """Connects to nothing yet. `most_bytes`: the medium ends there."""
        self.problem = ""
        self._url = url
        self._most_bytes = most_bytes
        self._head = b""
        self._size: int | None = None
        self._seekable = False
        self._at = 0  # where the next byte is read
        self._fetched = 0  # where the connection is
        self._socket: socket.socket | None = None
        self._response: http.client.HTTPResponse | None = None
        self._lock = threading.Lock()  # of the socket, against `close`
        self._closed = False

    # --- One thread at a time ---

    def open(self) -> Opened:
        """Connect, follow redirects and playlists, and look at the beginning. Raises WebError with a sentence."""
        waiting, requests = [self._url], 0
        problem = "The playlist at this address names nothing that can be played."
        while waiting:
            url = waiting.pop(0)
            requests += 1
            if requests > REQUESTS:
                raise WebError(f"The address redirects more than {REQUESTS} times.")
            try:
                follow = self._visit(url)
            except WebError as error:
                if not waiting:  # of several addresses in a playlist, the next one may work
                    raise
                problem = str(error)
                continue
            if follow is None:
                return self._look()
            waiting = [*follow, *waiting]
        raise WebError(problem)

    def read(self, count: int) -> bytes:
        """The next bytes, at most `count`; none at the end, after an error (`problem`), and after `close`."""
        if self._closed:
            return b""
        if self._at >= self._most_bytes:
            self.problem = f"The file is larger than {self._most_bytes // 1_000_000} MB."
            return b""
        count = min(count, self._most_bytes - self._at)
        if self._at < len(self._head):
            piece = self._head[self._at : self._at + count]
        else:
            try:
                self._catch_up()
                piece = self._fetch(count)
            except WebError as error:
                self.problem = self.problem or str(error)
                return b""
            if not piece and self._size is not None and self._at < self._size and not self._closed:
                self.problem = "The server ended the transmission too early."
        self._at += len(piece)
        return piece

    def seek(self, at: int) -> bool:
        """Read on from byte `at`; whether that is possible. Connects at the next `read`."""
        if at != self._at and not self._seekable and at > len(self._head):
            return False
        self._at = at
        return True

    # --- Any thread ---

    def close(self) -> None:
        """End every wait, and let go of the connection. Idempotent."""
        with self._lock:
            self._closed = True
            _shut(self._socket)

    # --- What these need ---

    def _visit(self, url: str) -> list[str] | None:
        """Ask for one address. The addresses that it leads to; None if it is the medium."""
        response = self._ask(url, 0)
        if response.status in REDIRECTS:
            return [self._redirected(url, response)]
        if response.status not in (200, 206):
            raise WebError(f"The server answers {response.status} {_plain(response.reason)}".rstrip() + ".")
        self._response, self._url = response, url
        self._head, self._fetched, self._at = b"", 0, 0
        kind = self._content_type
        while len(self._head) < web_format.HEAD_BYTES and (piece := self._fetch(web_format.HEAD_BYTES)):
            self._head += piece
        if not self._head:
            raise WebError("The server sends nothing.")
        return self._playlist(url) if web_playlist.is_playlist(self._head, kind) else None

    def _redirected(self, url: str, response: http.client.HTTPResponse) -> str:
        try:
            return urljoin(url, response.headers.get("Location", ""))
        except ValueError:
            raise WebError("The server redirects to something that is not an address.") from None

    def _playlist(self, url: str) -> list[str]:
        text = self._head
        while len(text) <= web_playlist.LARGEST_BYTES and (piece := self._fetch(web_playlist.LARGEST_BYTES)):
            text += piece
        if len(text) > web_playlist.LARGEST_BYTES:
            raise WebError("The playlist at this address is too large.")
        if web_playlist.is_hls(text):
            raise WebError(web_playlist.HLS)
        found = web_playlist.entries(text, url)
        if not found:
            raise WebError("The playlist at this address is empty.")
        return found

    def _look(self) -> Opened:
        assert self._response is not None
        kind = self._content_type
        name = web_format.demuxer(self._head, kind)
        if not name:
            raise WebError(web_format.why_not(self._head, kind))
        self._seekable = self._response.status == 206
        self._size = self._length()
        return Opened(name, None if self._size is None else min(self._size, self._most_bytes), self._seekable)

    @property
    def _content_type(self) -> str:
        assert self._response is not None
        return self._response.headers.get("Content-Type", "").split(";")[0].strip().lower()

    def _length(self) -> int | None:
        assert self._response is not None
        total = self._response.headers.get("Content-Range", "").rpartition("/")[2]
        length = total if total.isascii() and total.isdigit() else self._response.headers.get("Content-Length", "")
        return int(length) if length.isascii() and length.isdigit() and 0 < len(length) < 16 else None

    def _catch_up(self) -> None:
        """Bring the connection to the place where the next byte is read."""
        gap = self._at - self._fetched
        if 0 <= gap <= SKIP_BYTES:
            while self._fetched < self._at and self._fetch(self._at - self._fetched):
                pass
        if self._fetched != self._at:
            response = self._ask(self._url, self._at)
            if response.status != 206:
                raise WebError(f"The server cannot continue in the middle of the file ({response.status}).")
            self._response, self._fetched = response, self._at

    def _fetch(self, count: int) -> bytes:
        assert self._response is not None
        try:
            piece = self._response.read1(count)
        except TimeoutError:
            raise WebError(f"The server sent nothing for {TIMEOUT_S:g} s.") from None
        except (OSError, http.client.HTTPException, ValueError, AttributeError):  # `close` takes the socket away
            raise WebError("The connection to the server broke.") from None
        self._fetched += len(piece)
        return piece

    def _ask(self, url: str, at: int) -> http.client.HTTPResponse:
        """The server's answer to a request for `url` from byte `at` on."""
        connection, path = _connection(url)
        host = connection.host
        try:
            connection.connect()
            self._hold(connection.sock)
            headers = {"User-Agent": "Affetto", "Accept-Encoding": "identity", "Range": f"bytes={at}-"}
            connection.request("GET", path, headers=headers)
            return connection.getresponse()
        except TimeoutError:
            raise WebError(f"{host} does not answer within {TIMEOUT_S:g} s.") from None
        except ssl.SSLError as error:
            raise WebError(f"The encrypted connection to {host} failed: {error.reason or error}.") from None
        except socket.gaierror:
            raise WebError(f"There is no host {host}.") from None
        except http.client.HTTPException:
            raise WebError(f"{host} does not answer like a web server.") from None
        except (OSError, ValueError, AttributeError) as error:
            why = getattr(error, "strerror", None) or "the connection broke"
            raise WebError(f"{host} cannot be reached: {why}.") from None

    def _hold(self, fresh: socket.socket) -> None:
        """Let `close` reach this socket, and let go of the one before."""
        with self._lock:
            _shut(self._socket)
            self._socket = fresh
            if self._closed:
                _shut(fresh)


def _connection(url: str) -> tuple[http.client.HTTPConnection, str]:
    """A connection that is not made yet, and the path to ask for."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise WebError("The address leads to something that is not an address.") from None
    if parts.scheme.lower() not in SCHEMES or not host or "@" in parts.netloc:
        raise WebError(ONLY_HTTP)
    kind = http.client.HTTPSConnection if parts.scheme.lower() == "https" else http.client.HTTPConnection
    try:
        connection = kind(host, port, timeout=TIMEOUT_S)
    except (http.client.HTTPException, ValueError):
        raise WebError(ONLY_HTTP) from None
    return connection, _quoted((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _shut(held: socket.socket | None) -> None:
    """End what waits for this socket on another thread, which also closes it."""
    if held is not None:
        with contextlib.suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)


def _quoted(path: str) -> str:
    """A path as HTTP allows it: what is not plain ASCII is percent-encoded."""
    return "".join(chr(byte) if 0x20 < byte < 0x7F else f"%{byte:02X}" for byte in path.encode("utf-8", "replace"))


def _plain(reason: str) -> str:
    return "".join(char for char in reason[:60] if char.isprintable())
