"""The MIME type of a music file, by the ending of its name. Pure."""

from __future__ import annotations

UNKNOWN = "audio/*"

# As DLNA control points and browsers know them; Python's own table lacks half of these.
TYPES = {
    "mp3": "audio/mpeg",
    "mp2": "audio/mpeg",
    "mp1": "audio/mpeg",
    "mpga": "audio/mpeg",
    "mpa": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "spx": "audio/ogg",
    "m4a": "audio/mp4",
    "m4b": "audio/mp4",
    "m4r": "audio/mp4",
    "mp4": "audio/mp4",
    "aac": "audio/aac",
    "adts": "audio/aac",
    "ac3": "audio/ac3",
    "eac3": "audio/eac3",
    "wav": "audio/wav",
    "wave": "audio/wav",
    "rf64": "audio/wav",
    "aif": "audio/aiff",
    "aiff": "audio/aiff",
    "aifc": "audio/aiff",
    "au": "audio/basic",
    "snd": "audio/basic",
    "caf": "audio/x-caf",
    "wma": "audio/x-ms-wma",
    "wv": "audio/x-wavpack",
    "ape": "audio/x-ape",
    "mpc": "audio/x-musepack",
    "mpp": "audio/x-musepack",
    "tta": "audio/x-tta",
    "mka": "audio/x-matroska",
    "weba": "audio/webm",
    "webm": "audio/webm",
    "amr": "audio/amr",
}


def mime_of(uri: str) -> str:
    """The type of the file at this URI or of this name."""
    return TYPES.get(uri.partition("?")[0].rpartition(".")[2].lower(), UNKNOWN)
