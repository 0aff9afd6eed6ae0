"""The key of a file follows the sound: through tag edits of every format, but not into other music."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from pathlib import Path

import audio
import mutagen
import pytest
from mutagen import id3, mp4

from device.music.metadata.fingerprint import PIECE, key_of

ENCODERS = {
    "a.mp3": ("libmp3lame", "mp3"), "a.flac": ("flac", "flac"), "a.ogg": ("libvorbis", "ogg"),
    "a.opus": ("libopus", "opus"), "a.m4a": ("aac", "ipod"), "alac.m4a": ("alac", "ipod"), "a.aac": ("aac", "adts"),
    "a.wma": ("wmav2", "asf"), "a.wav": ("pcm_s16le", "wav"), "a.aiff": ("pcm_s16be", "aiff"),
}  # fmt: skip


def encode(path: Path, hz: float = 440.0) -> Path:
    """Six seconds of real sound in the format of this name."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    codec, container = ENCODERS[path.name]
    noise = f"anoisesrc=d=6:c=pink:seed=3,highpass=f={hz}"
    command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", noise, "-ac", "2", "-ar", "48000"]
    subprocess.run([*command, "-c:a", codec, "-f", container, str(path)], check=True)
    return path


def tag(path: Path, size: int) -> None:
    """A title of `size` letters and a picture of four times as many bytes, where the format takes one."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    if isinstance(file.tags, id3.ID3):
        file.tags.add(id3.TIT2(text=["x" * size]))
        file.tags.add(id3.APIC(mime="image/png", data=b"y" * 4 * size))
    elif isinstance(file.tags, mp4.MP4Tags):
        file["\xa9nam"], file["covr"] = ["x" * size], [mp4.MP4Cover(b"y" * 4 * size)]
    else:
        file["Title"] = "x" * 5 * size
    file.save()


@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "a.aac"])
@pytest.mark.parametrize("size", [10, 70_000])
def test_other_tags_are_no_other_music(tmp_path: Path, name: str, size: int) -> None:
    path = encode(tmp_path / name)
    before, key = path.read_bytes(), key_of(os.fsencode(path))
    tag(path, size)
    assert path.read_bytes() != before
    assert key_of(os.fsencode(path)) == key
    mutagen.File(path).delete()
    assert key_of(os.fsencode(path)) == key


@pytest.mark.parametrize("name", ENCODERS)
def test_other_music_has_another_key(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path / name)
    key = key_of(os.fsencode(path))
    assert key_of(os.fsencode(encode(path, 500.0))) != key


def test_tags_at_the_end_of_mp3_are_no_music(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp3")
    key = key_of(os.fsencode(path))
    sound = path.read_bytes()
    item = struct.pack("<II", 4, 0) + b"Title\0abcd"
    foot = struct.pack("<8sIIII8x", b"APETAGEX", 2000, len(item) + 32, 1, 0)
    head = struct.pack("<8sIIII8x", b"APETAGEX", 2000, len(item) + 32, 1, 0xA0000000)
    old = b"TAG" + b"title".ljust(125, b"\0")
    last = struct.pack("<8sIIII8x", b"APETAGEX", 2000, len(item) + 32, 1, 1 << 31)
    for tags in (old, item + foot, head + item + last, item + foot + old):
        path.write_bytes(sound + tags)
        assert key_of(os.fsencode(path)) == key


@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
def test_each_of_the_three_pieces_counts(tmp_path: Path, place: float) -> None:
    path = audio.tone(tmp_path / "a.wav", 10.0)
    key = key_of(os.fsencode(path))
    raw = bytearray(path.read_bytes())
    raw[44 + int(place * (len(raw) - 44))] ^= 1
    path.write_bytes(raw)
    assert key_of(os.fsencode(path)) != key


def test_only_pieces_of_a_large_file_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = audio.tone(tmp_path / "a.wav", 60.0), []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, count, place: read.append(count) or real(fd, count, place))
    key_of(os.fsencode(path))
    assert sum(read) < 4 * PIECE < path.stat().st_size


@pytest.mark.parametrize("name", ENCODERS)
def test_no_damage_is_an_exception_or_takes_long(tmp_path: Path, name: str) -> None:
    path, dice = encode(tmp_path / name), random.Random(7)
    whole = path.read_bytes()
    for _ in range(100):
        broken = bytearray(whole[: dice.randrange(1, len(whole) + 1)])
        for _ in range(dice.randrange(6)):
            broken[dice.randrange(min(len(broken), 400))] = dice.choice((0, 1, 127, 255, dice.randrange(256)))
        path.write_bytes(broken)
        assert len(key_of(os.fsencode(path))) == 32


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        key_of(os.fsencode(tmp_path / "a.mp3"))
