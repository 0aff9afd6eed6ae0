"""A web server for tests that does what its script says, hostile things too."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Script = Callable[["Visit"], None]


class Visit:
    """One request, and the socket to answer it. `released` is set when the server closes: what drips or hangs stops."""

    def __init__(self, link: socket.socket, request: bytes, released: threading.Event) -> None:
        self.link, self.request, self.released = link, request, released
        first = request.split(b"\r\n", 1)[0].split(b" ")
        self.path = first[1].decode() if len(first) > 1 else ""

    def send(self, data: bytes) -> None:
        self.link.sendall(data)

    def head(self, status: str = "200 OK", **headers: object) -> None:
        lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        self.send(("\r\n".join(lines) + "\r\nConnection: close\r\n\r\n").encode())

    def file(self, content: bytes, kind: str = "application/octet-stream") -> None:
        """Answer as a good server does, with ranges."""
        found = re.search(rb"(?im)^range: bytes=(\d+)-", self.request)
        at = int(found[1]) if found else 0
        if at >= len(content):
            self.head("416 Range Not Satisfiable", Content_Range=f"bytes */{len(content)}")
            return
        part = {"Content_Range": f"bytes {at}-{len(content) - 1}/{len(content)}"} if found else {}
        self.head("206 Partial Content" if found else "200 OK", Content_Type=kind,
                  Content_Length=len(content) - at, **part)  # fmt: skip
        self.send(content[at:])

    def drip(self, data: bytes, pause_s: float) -> None:
        """One byte at a time."""
        for byte in data:
            self.send(bytes([byte]))
            if self.released.wait(pause_s):
                return

    def hang(self) -> None:
        self.released.wait(60)


class WebServer:
    """`url(script)` is an address at which `script` answers. `requests` are the paths that were asked for."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._scripts: dict[str, Script] = {}
        self._released = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def url(self, script: Script, name: str = "sound") -> str:
        path = f"/{len(self._scripts)}/{name}"
        self._scripts[path] = script
        return f"http://127.0.0.1:{self.port}{path}"

    def file(self, content: bytes, kind: str = "application/octet-stream", name: str = "sound") -> str:
        return self.url(lambda visit: visit.file(content, kind), name)

    def serve(self, path: str, content: bytes) -> None:
        """Give this content at this path."""
        self._scripts[path] = lambda visit: visit.file(content)

    def redirect(self, to: str, status: str = "302 Found") -> str:
        return self.url(lambda visit: visit.head(status, Location=to))

    def close(self) -> None:
        self._released.set()
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(link,), daemon=True).start()

    def _answer(self, link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request and (piece := link.recv(4096)):
                request += piece
            visit = Visit(link, request, self._released)
            self.requests.append(visit.path)
            script = self._scripts.get(visit.path)
            if script is None:
                visit.head("404 Not Found", Content_Length=0)
            else:
                script(visit)


@contextmanager
def web_server() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()
