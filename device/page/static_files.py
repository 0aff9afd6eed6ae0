"""The page's own files, read once and compressed once. Everything is small, so everything stays in memory."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).resolve().parent / "static"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file: its content, compressed with gzip and plain, and a tag that changes with it."""

    content_type: str
    plain: bytes
    gzipped: bytes
    tag: str

    def response(self, request: web.Request) -> web.Response:
        """The file, or "not modified" if the phone has it."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == self.tag:
            return web.Response(status=304, headers=headers)
        body = self.plain
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = self.gzipped, "gzip"
        return web.Response(body=body, content_type=self.content_type, charset="utf-8", headers=headers)


def load(folder: Path = FOLDER) -> dict[str, StaticFile]:
    """All files by name."""
    return {path.name: _load(path) for path in sorted(folder.iterdir()) if path.suffix in TYPES}


def _load(path: Path) -> StaticFile:
    content = path.read_bytes()
    tag = f'"{hashlib.blake2s(content, digest_size=8).hexdigest()}"'
    return StaticFile(TYPES[path.suffix], content, gzip.compress(content, 9, mtime=0), tag)
