"""Playlist files: M3U, as everybody writes them. Pure.

The format has no standard. A line is a path, absolute or relative to the playlist's folder, a `file://` URI, or the
address of a stream; lines that begin with # are comments, `#EXTINF:seconds,title` among them. `.m3u8` means UTF-8;
`.m3u` may be anything, so a line that is not UTF-8 is tried as it is (file names on Linux are bytes) and as
Windows-1252. Windows writes backslashes. Nothing here opens what a line names: it counts only if the catalogue has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from device.music.metadata.tags import clean

ENDINGS = frozenset((b"m3u", b"m3u8"))
LARGEST = 1 << 20  # bytes of a playlist
MOST_LINES = 10_000
LONGEST_NAME = 100  # characters
STREAMS = ("http", "https")
BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One entry: a stream's `url`, or the `paths` that the file may have, the likeliest first. `title` may be empty."""

    title: str
    url: str
    paths: tuple[bytes, ...]


def parse(content: bytes, folder: bytes) -> list[Line]:
    """The entries of a playlist in this folder, at most `MOST_LINES`."""
    lines, title = list[Line](), ""
    for raw in content.removeprefix(BOM)[:LARGEST].splitlines():
        text = raw.strip(b" \t\0")
        if text.startswith(b"#EXTINF:"):
            title = clean(_text(text.partition(b",")[2]))
        elif text and not text.startswith(b"#"):
            if line := _line(text, title, folder):
                lines.append(line)
            title = ""
        if len(lines) == MOST_LINES:
            break
    return lines


def render(entries: Iterable[tuple[str, bytes | str]], folder: bytes) -> bytes:
    """A playlist in UTF-8 with these titles and paths (or addresses), relative to `folder` where that is short."""
    lines = [b"#EXTM3U"]
    for title, target in entries:
        if title:
            lines.append(f"#EXTINF:-1,{clean(title)}".encode())
        lines.append(target.encode() if isinstance(target, str) else _relative(target, folder))
    return b"\n".join(lines) + b"\n"


def name_of(path: bytes) -> str:
    """The name of a playlist, for people."""
    return clean(shown_name(os.path.splitext(os.path.basename(path))[0]))


def shown_name(name: bytes) -> str:
    """A file name as text."""
    return name.decode("utf-8", "replace")


def name_problem(name: str) -> str:
    """Why a new playlist cannot have this name, as a sentence; empty if it can."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        return f"The name of a playlist has 1 to {LONGEST_NAME} characters that can be shown."
    if "/" in name or name.startswith("."):
        return "The name of a playlist has no / and does not begin with a dot."
    return ""


def _line(text: bytes, title: str, folder: bytes) -> Line | None:
    decoded = _text(text)
    scheme = decoded.partition("://")[0].lower() if "://" in decoded else ""
    if scheme in STREAMS:
        return Line(title or _host(decoded), decoded, ()) if decoded.isprintable() and " " not in decoded else None
    if scheme == "file":
        path = unquote_to_bytes(decoded[len("file://") :])
        return Line(title or name_of(path), "", (os.path.normpath(path),)) if path.startswith(b"/") else None
    if scheme or b"\0" in text:
        return None
    candidates = dict.fromkeys(os.path.normpath(os.path.join(folder, way)) for way in _ways(text))
    return Line(title or name_of(next(iter(candidates))), "", tuple(candidates))


def _ways(text: bytes) -> Iterator[bytes]:
    """The paths that a line may mean."""
    yield text
    if not _is_utf8(text):
        yield text.decode("cp1252", "replace").encode()
    if b"\\" in text and b"/" not in text:
        slashed = text.replace(b"\\", b"/")
        yield slashed
        if not _is_utf8(text):
            yield slashed.decode("cp1252", "replace").encode()


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(raw: bytes) -> str:
    return raw.decode() if _is_utf8(raw) else raw.decode("cp1252", "replace")


def is_address(url: str) -> bool:
    """Whether this is an address with a scheme and a host, as streams have, in one line."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket without its other half
        return False
    return bool(parts.scheme and parts.hostname) and url.isprintable() and " " not in url


def _host(url: str) -> str:
    try:
        return clean(urlsplit(url).hostname or url)
    except ValueError:
        return clean(url)


def _relative(path: bytes, folder: bytes) -> bytes:
    """The path from `folder`, unless it leads up and out of it. A line must not look like a comment."""
    inside = path.removeprefix(folder.rstrip(b"/") + b"/")
    if inside == path or b"\n" in path or b"\r" in path:
        return path if b"\n" not in path and b"\r" not in path else b"#"
    return b"./" + inside if inside.startswith((b"#", b" ")) or b"://" in inside else inside
