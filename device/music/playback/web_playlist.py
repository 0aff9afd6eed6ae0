"""Playlists on the web (M3U and PLS), which most radio stations give as their address. Pure.

libVLC never sees them: it would open whatever they name, even files of this device.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin

LARGEST_BYTES = 64 * 1024
TYPES = frozenset(
    {
        "audio/x-mpegurl",
        "audio/mpegurl",
        "application/mpegurl",
        "application/x-mpegurl",
        "application/vnd.apple.mpegurl",
        "audio/x-scpls",
        "audio/scpls",
        "application/pls+xml",
    }
)
HLS = "This is an HLS stream, which Affetto does not play; use the station's MP3 or AAC address."

_PLS_ENTRY = re.compile(r"(?im)^\s*file\d+\s*=\s*(\S.*?)\s*$")


def is_playlist(head: bytes, content_type: str) -> bool:
    """Whether these first bytes are a playlist."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:10].lower()
    return start.startswith((b"#extm3u", b"[playlist]")) or (content_type in TYPES and b"\0" not in head)


def is_hls(text: bytes) -> bool:
    """Whether the entries are segments of one stream."""
    return b"#EXT-X-" in text


def entries(text: bytes, base: str) -> list[str]:
    """The addresses in a playlist that came from the address `base`. They may be of any scheme."""
    lines = text.decode("utf-8-sig", "replace")
    if "[playlist]" in lines[:200].lower():
        found = _PLS_ENTRY.findall(lines)
    else:
        found = [line.strip() for line in lines.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [address for entry in found if (address := _join(base, entry))]


def _join(base: str, entry: str) -> str:
    try:
        return urljoin(base, entry)
    except ValueError:
        return ""
