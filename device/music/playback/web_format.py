"""The format of a medium from outside, and the one demuxer that libVLC may use for it. Pure.

libVLC never guesses here. Some of its demuxers open further addresses (playlists, HLS, reference movies); each one in
this table reads only what it gets.
"""

from __future__ import annotations

HEAD_BYTES = 4096
"""So many bytes from the beginning are enough."""
FRAME_SYNC = 0xE0  # the upper bits of the second byte of an MPEG audio frame or an ADTS frame

MAGIC = (
    (b"OggS", 0, "avformat:ogg"),
    (b"fLaC", 0, "flac"),
    (b"WAVE", 8, "wav"),
    (b"AIFF", 8, "aiff"),
    (b"AIFC", 8, "aiff"),
    (b"ftyp", 4, "mp4"),
    (b"\x1a\x45\xdf\xa3", 0, "avformat:matroska"),
)
"""Bytes, their place, and libVLC's name of the demuxer. `avformat:` forces one container of FFmpeg's, because libVLC's
own demuxers drop the first sounds of Opus, and the whole of a Matroska stream without places to jump to."""

TYPES = {
    "audio/mpeg": "mpga",
    "audio/mp3": "mpga",
    "audio/x-mpeg": "mpga",
    "audio/aac": "aac",
    "audio/aacp": "aac",
    "audio/x-aac": "aac",
}
"""For a live stream, which begins anywhere in a frame."""

NOTHING = "The address leads to no format that Affetto plays: it plays MP3, AAC, Ogg, FLAC, WAV, AIFF and MP4."
WEB_PAGE = "The address leads to a web page, not to sound."


def demuxer(head: bytes, content_type: str) -> str:
    """libVLC's name of the demuxer for these first bytes; empty if there is none. `content_type` is what the server
    says, in small letters and without parameters."""
    for magic, at, name in MAGIC:
        if head[at : at + len(magic)] == magic:
            return name
    by_type = TYPES.get(content_type, "")
    if head.startswith(b"ID3"):
        return by_type or "mpga"
    if len(head) > 1 and head[0] == 0xFF and head[1] & FRAME_SYNC == FRAME_SYNC:
        return "mpga" if head[1] & 0x06 else "aac"  # the layer of ADTS is 0
    return by_type if _has_sync(head) else ""


def _has_sync(head: bytes) -> bool:
    at = head.find(b"\xff")
    while 0 <= at < len(head) - 1:
        if head[at + 1] & FRAME_SYNC == FRAME_SYNC:
            return True
        at = head.find(b"\xff", at + 1)
    return False


def why_not(head: bytes, content_type: str) -> str:
    """A sentence about content without a demuxer."""
    page = content_type == "text/html" or head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))
    return WEB_PAGE if page else NOTHING
