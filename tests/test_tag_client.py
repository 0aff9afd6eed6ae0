"""Tags and covers as a process of its own reads them: the same as here, but nothing a file does harms anybody."""

from __future__ import annotations

import base64
import queue
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import audio
import cv2
import msgspec
import mutagen
import numpy as np
import pytest
from mutagen import flac, id3, mp4
from mutagen.asf import ASFByteArrayAttribute

from device.domain import CoverRead, MoodName
from device.errors import LibraryError
from device.music.metadata import cover
from device.music.metadata.tags import Tags
from device.music.workers.client import Limits
from device.music.workers.covers import Covers
from device.music.workers.protocol import Answer, decode_answer, encode
from device.music.workers.tag_client import TagClient, read_here

Read = Callable[[Path], Tags]


@pytest.fixture(scope="module")
def reader() -> Iterator[TagClient]:
    with closing(TagClient()) as opened:
        yield opened


@pytest.fixture(params=["here", "process"])
def read(request: pytest.FixtureRequest, reader: TagClient) -> Read:
    return read_here if request.param == "here" else reader.tags


# --- The contract of both ---


def test_tags_arrive_whole(read: Read, tmp_path: Path) -> None:
    path = audio.tone(tmp_path / b"\xff no utf-8 \n.wav".decode("utf-8", "surrogateescape"), 0.5)
    file = mutagen.File(path)
    file.add_tags()
    for frame in (id3.TIT2(text=["音楽 \"quoted\""]), id3.TMOO(text=["Sad"]),
                  id3.TXXX(desc="REPLAYGAIN_TRACK_GAIN", text=["-7.50 dB"]),
                  id3.TXXX(desc="replaygain_track_peak", text=["0.988"])):  # fmt: skip
        file.tags.add(frame)
    file.save()
    assert read(path) == Tags('音楽 "quoted"', "", "", 0.5, MoodName.SAD, -7.5, 0.988)


def test_what_is_no_music_is_the_files_fault(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_text("a letter\n" * 50)
    with pytest.raises(LibraryError, match=r"a\.mp3"):
        read(tmp_path / "a.mp3")


def test_what_cannot_be_read_is_the_disks_fault(read: Read, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"gone\.mp3"):
        read(tmp_path / "gone.mp3")


# --- What only the process bears ---


def test_a_file_that_claims_gigabytes_of_tags_costs_a_sentence(tmp_path: Path) -> None:
    """A FLAC whose comment says it has 2**32 - 1 entries, each empty."""
    body = struct.pack("<I", 0) + struct.pack("<I", 2**32 - 1) + bytes(15_000_000)
    head = audio.flac(tmp_path / "base.flac").read_bytes()
    path = tmp_path / "bomb.flac"
    path.write_bytes(b"fLaC\0" + head[5:] + b"\x84" + len(body).to_bytes(3, "big") + body)
    good = audio.tone(tmp_path / "good.wav", 0.1)
    with closing(TagClient(Limits(wall_s=20, cpu_s=3, memory_mb=200))) as limited:
        with pytest.raises(LibraryError, match=r"bomb\.flac"):
            limited.tags(path)
        assert limited.tags(good).duration_s == pytest.approx(0.1)


def test_tags_cross_as_numbers_and_words_only() -> None:
    tags = Tags("a", "b", "c", 1.5, MoodName.CALM, -3.0, None)
    right = msgspec.to_builtins(tags)
    assert decode_answer(encode(Answer(right)), Tags) == Answer(tags)
    for wrong in ({"title": 5}, {"title": "a\nb"}, {"title": 301 * "x"}, {"duration_s": None}, {"duration_s": -1},
                  {"mood": "elated"}, {"peak": "1"}, {"gain_db": 1e9}, {"duration_s": 1e9}):  # fmt: skip
        with pytest.raises(ValueError, match=r".+"):
            decode_answer(encode(Answer({**right, **wrong})), Tags)


# --- Covers ---


def picture(side_px: int = 40, kind: str = ".jpg", seed: int = 1) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (side_px, side_px, 3), np.uint8)
    return cv2.imencode(kind, noise)[1].tobytes()


def block(data: bytes, kind: int = 3) -> flac.Picture:
    made = flac.Picture()
    made.data, made.type, made.mime = data, kind, "image/jpeg"
    return made


def put_id3(path: Path, front: bytes, back: bytes) -> None:
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(id3.APIC(mime="image/jpeg", type=4, desc="back", data=back))
    file.tags.add(id3.APIC(mime="image/jpeg", type=3, desc="front", data=front))
    file.save()


def put_flac(path: Path, front: bytes, back: bytes) -> None:
    file = mutagen.File(path)
    file.add_picture(block(back, 4))
    file.add_picture(block(front))
    file.save()


def put_ogg(path: Path, front: bytes, back: bytes) -> None:
    file = mutagen.File(path)
    texts = [base64.b64encode(one.write()).decode() for one in (block(back, 4), block(front))]
    file["METADATA_BLOCK_PICTURE"] = ["no base64!", *texts]
    file.save()


def put_mp4(path: Path, front: bytes, back: bytes) -> None:
    file = mutagen.File(path)
    file.add_tags()
    file["covr"] = [mp4.MP4Cover(front), mp4.MP4Cover(back)]
    file.save()


PUTS = {
    "a.mp3": (audio.mp3, put_id3), "a.wav": (audio.tone, put_id3), "a.aiff": (audio.aiff, put_id3),
    "a.flac": (audio.flac, put_flac), "a.ogg": (audio.ogg, put_ogg),
    "a.opus": (lambda path, seconds=1.0: audio.ogg(path, seconds, "opus"), put_ogg), "a.m4a": (audio.m4a, put_mp4),
}  # fmt: skip


@pytest.mark.parametrize("name", PUTS)
def test_the_front_cover_in_the_file_wins(tmp_path: Path, name: str) -> None:
    make, put = PUTS[name]
    path, front = make(tmp_path / name), picture(seed=1)
    (tmp_path / "cover.jpg").write_bytes(picture(seed=2))
    put(path, front, picture(seed=3))
    assert cover.cover_of(path) == front


def test_the_picture_of_windows_media(tmp_path: Path) -> None:
    front = picture()
    raw = b"\x03" + struct.pack("<I", len(front)) + "image/jpeg\0".encode("utf-16-le") + b"\0\0" + front

    class File:
        tags: ClassVar = {"WM/Picture": [ASFByteArrayAttribute(raw), ASFByteArrayAttribute(b"\x03")]}

    assert list(cover._pictures(File())) == [(3, front), (3, b"")]


@pytest.mark.parametrize("name", ["cover.jpg", "Folder.JPG", "AlbumArt.jpeg", "front.png"])
def test_a_picture_beside_the_file(tmp_path: Path, name: str) -> None:
    path = audio.tone(tmp_path / "a.wav", 0.1)
    (tmp_path / "holiday.jpg").write_bytes(picture(seed=5))
    assert cover.cover_of(path) == b""
    (tmp_path / name).write_bytes(picture(kind=Path(name).suffix.lower()))
    assert cover.cover_of(path).startswith(cover.JPEG)


@pytest.mark.parametrize(("side_px", "kind"), [(1500, ".jpg"), (1500, ".png"), (40, ".png"), (900, ".webp")])
def test_what_is_no_small_jpeg_becomes_one(side_px: int, kind: str) -> None:
    small = cover.shrink(picture(side_px, kind))
    assert len(small) <= cover.LARGEST
    height, width = cv2.imdecode(np.frombuffer(small, np.uint8), 1).shape[:2]
    assert height == width <= cover.LARGEST_PX


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n broken", b"GIF89a"])
def test_what_is_no_picture_is_no_cover(data: bytes) -> None:
    assert cover.shrink(data) == b""


def test_a_picture_that_claims_to_be_huge_is_no_cover(tmp_path: Path, reader: TagClient) -> None:
    """A PNG of some bytes with 60,000 x 60,000 pixels: 10 GB if anybody believed it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    (tmp_path / "cover.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"x"))
    path = audio.tone(tmp_path / "a.wav", 0.1)
    assert reader.cover(path) == b""
    (tmp_path / "cover.png").write_bytes(picture(800, ".png"))
    assert reader.cover(path).startswith(cover.JPEG), "the reader lives, or lives again"


def test_covers_are_read_on_a_thread_of_their_own(tmp_path: Path, reader: TagClient) -> None:
    inbox: queue.SimpleQueue[CoverRead] = queue.SimpleQueue()
    path = audio.tone(tmp_path / "ä #1.wav", 0.1)
    (tmp_path / "cover.jpg").write_bytes(picture())
    with closing(Covers(inbox.put, TagClient())) as covers:
        covers.read(path.as_uri())
        assert inbox.get(timeout=30) == CoverRead(path.as_uri(), picture())
        covers.read((tmp_path / "gone.wav").as_uri())
        assert inbox.get(timeout=30).uri == (tmp_path / "gone.wav").as_uri()
