"""Reads the tags of a music file: names, length, mood words, loudness. Reads only the given file.

Runs in a process of its own (workers/tag_process.py). The content decides what a file is, not its name. mutagen reads
the tags; what it cannot read, or cannot tell the length of, FFmpeg reads: whatever plays has its place in the library.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

from mutagen.id3 import ID3

from device.errors import LibraryError
from device.music.metadata.access import content_of, open_file
from device.music.metadata.chunks import chunk_texts
from device.music.metadata.duration import BUDGET_S, duration_of
from device.music.metadata.fields import own_text, texts_of
from device.music.metadata.layers import Layers, read_layers
from device.music.metadata.mood_words import MARK, mood_of_tags
from device.music.metadata.rating import rating_of
from device.music.metadata.replaygain import gain_of_tags
from device.music.metadata.tags import Tags, clean, number_of, shown

NAMES = ("title", "artist", "album", "album_artist", "number", "disc")
MOOD_FIELDS = ("mood", "grouping", "comment", "genre")  # in the order in which they are believed

Loading = Callable[[], AbstractContextManager[None]]
"""What libraries are loaded within; see limits.more_libraries."""


def read_tags(path: Path, loading: Loading = contextlib.nullcontext) -> Tags:
    """The tags of the file at `path`. Raises LibraryError for what is wrong with it, OSError if the disk does not let
    us read it."""
    with open_file(path) as file:
        return _tags(read_layers(file), file, path, loading)


def read_stream_tags(path: Path, loading: Loading = contextlib.nullcontext) -> Tags:
    """Like `read_tags` for a file that mutagen does not survive: what FFmpeg makes of it."""
    with open_file(path) as file:
        return _tags(Layers(), file, path, loading)


def _tags(layers: Layers, file: BinaryIO, path: Path, loading: Loading) -> Tags:
    content = content_of(file)
    sources: list[Any] = [*layers.tags, chunk_texts(content)]

    def measure() -> float:
        with loading():
            from device.music.metadata import ffmpeg
        try:
            with ffmpeg.opened(file, path) as container:
                sources.append(ffmpeg.texts_of(container))
                measured_s = ffmpeg.measure(container, ffmpeg.sound_of(container, path), BUDGET_S)
        except ffmpeg.Unreadable:
            if layers.is_music:
                return 0.0
            raise
        if measured_s is None:
            raise LibraryError(f"{shown(path)} holds no sound")
        return measured_s

    duration_s = duration_of(layers, content, measure)
    texts = {field: texts_of(field, sources) for field in (*NAMES, *MOOD_FIELDS)}
    ours = own_text(MARK, sources)
    texts["mood"] = [text for text in texts["mood"] if text != ours]
    first = {field: next(filter(None, map(clean, found)), "") for field, found in texts.items()}
    frames = [frame for tags in layers.tags if isinstance(tags, ID3) for frame in tags.getall("RVA2")]
    gain_db, peak = gain_of_tags(lambda name: own_text(name, sources), frames)
    mood = mood_of_tags(text for field in MOOD_FIELDS for text in texts[field])
    return Tags(
        first["title"], first["artist"], first["album"], duration_s, mood, gain_db, peak, first["album_artist"],
        first["genre"], number_of(first["number"], first["disc"]), rating_of(sources),
    )  # fmt: skip
