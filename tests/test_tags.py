"""Tags of every format come out alike, mood words mean what a person means, and no damage is an exception."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import audio
import mutagen
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen import id3, mp4
from mutagen.asf import ASFTags, ASFUnicodeAttribute

from device.domain import MoodName
from device.errors import LibraryError
from device.music.metadata import tags
from device.music.metadata.mood_words import mood_of_folders, mood_of_tags, mood_of_word
from device.music.metadata.replaygain import gain_of, gain_of_tags
from device.music.metadata.tags import Tags

Maker = Callable[[Path, float], Path]


def opus(path: Path, seconds: float) -> Path:
    return audio.ogg(path, seconds, "opus")


MAKERS: dict[str, Maker] = {
    "a.mp3": audio.mp3,
    "a.flac": audio.flac,
    "a.ogg": audio.ogg,
    "a.opus": opus,
    "a.m4a": audio.m4a,
    "a.aiff": audio.aiff,
    "a.wav": audio.tone,
}
WORDS = {"title": "Água de Beber", "artist": "Señor 音楽", "album": "Ærø", "mood": "Melancholic", "genre": "Jazz"}
ID3_FRAMES = {"title": id3.TIT2, "artist": id3.TPE1, "album": id3.TALB, "mood": id3.TMOO, "genre": id3.TCON}
MP4_NAMES = {"title": "\xa9nam", "artist": "\xa9ART", "album": "\xa9alb", "genre": "\xa9gen"}


def put_words(file: Any, words: dict[str, str]) -> None:
    if file.tags is None:
        file.add_tags()
    for field, text in words.items():
        if isinstance(file.tags, id3.ID3):
            file.tags.add(ID3_FRAMES[field](text=[text]))
        elif isinstance(file.tags, mp4.MP4Tags):
            mood = field == "mood"
            value = mp4.MP4FreeForm(text.encode()) if mood else text
            file.tags["----:com.apple.iTunes:MOOD" if mood else MP4_NAMES[field]] = [value]
        else:
            file.tags[field] = text
    file.save()


@pytest.mark.parametrize("name", MAKERS)
def test_every_format_says_the_same(tmp_path: Path, name: str) -> None:
    path = MAKERS[name](tmp_path / name, 2.0)
    put_words(mutagen.File(path), WORDS)
    read = tags.read(path)
    assert (read.title, read.artist, read.album) == (WORDS["title"], WORDS["artist"], WORDS["album"])
    assert read.mood is MoodName.SAD
    assert read.duration_s == pytest.approx(2.0, abs=0.05)


def test_asf_names_are_known_too() -> None:
    asf = ASFTags()
    asf["Title"], asf["Author"] = [ASFUnicodeAttribute("Song")], [ASFUnicodeAttribute("Band")]
    asf["WM/Mood"] = [ASFUnicodeAttribute("Happy")]

    class Info:
        length = 3.0

    class File:
        tags = asf
        info = Info()

    assert tags._tags(File(), Path("a.wma"), {}) == Tags("Song", "Band", "", 3.0, MoodName.HAPPY)


@pytest.mark.parametrize("name", MAKERS)
def test_without_tags_only_the_length_is_known(tmp_path: Path, name: str) -> None:
    read = tags.read(MAKERS[name](tmp_path / name, 1.0))
    assert read == Tags(duration_s=read.duration_s)
    assert read.duration_s == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.opus", "a.m4a", "a.aiff", "a.wav"])
def test_the_content_decides_what_a_file_is(tmp_path: Path, name: str) -> None:
    path = MAKERS[name](tmp_path / name, 2.0)
    assert tags.read(path.rename(tmp_path / "really.mp3")).duration_s == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"a letter, not a song\n" * 100, "is damaged or not music"),
        (random.Random(5).randbytes(50_000), "not music"),
        (b"#EXTM3U\nhttp://example.org/a.mp3\n", "not music"),
        (b"fLaC", "is damaged or not music"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "is damaged or not music"),
        (b"\xff\xd8\xff\xe0 a picture" * 50, "not music"),
    ],
)
def test_what_is_no_music_is_named_with_the_reason(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    with pytest.raises(LibraryError, match=words) as caught:
        tags.read(path)
    assert "song.mp3" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wav_without_samples_holds_no_sound(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="holds no sound"):
        tags.read(audio.tone(tmp_path / "a.wav", 0.0))


def test_a_file_that_is_gone_or_forbidden(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="no such file"):
        tags.read(tmp_path / "gone.mp3")
    with pytest.raises(LibraryError, match="cannot be read"):
        tags.read(tmp_path)


@pytest.mark.parametrize("name", MAKERS)
def test_no_damage_is_an_exception(tmp_path: Path, name: str) -> None:
    """Whatever bit turns over: tags or a LibraryError."""
    path = MAKERS[name](tmp_path / name, 0.1)
    put_words(mutagen.File(path), WORDS)
    whole, dice = path.read_bytes(), random.Random(7)
    for _ in range(150):
        broken = bytearray(whole[: dice.randrange(1, len(whole) + 1)])
        for _ in range(dice.randrange(4)):
            broken[dice.randrange(min(len(broken), 300))] = dice.randrange(256)
        path.write_bytes(broken)
        try:
            read = tags.read(path)
        except LibraryError:
            continue
        assert read.duration_s >= 0
        assert max(map(len, (read.title, read.artist, read.album))) <= tags.LONGEST_TEXT


def test_texts_are_made_fit_to_be_shown(tmp_path: Path) -> None:
    path = audio.tone(tmp_path / "a.wav", 0.1)
    put_words(mutagen.File(path), {"title": "  two\r\n\x07lines\t ", "artist": "x" * 100_000})
    read = tags.read(path)
    assert read.title == "two lines"
    assert read.artist == "x" * tags.LONGEST_TEXT


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("01 - Foo_bar.mp3", "Foo bar"),
        ("01 Song.flac", "Song"),
        ("1-02 - Deep.mp3", "Deep"),
        ("12. Twelve.wav", "Twelve"),
        ("03_track_name.opus", "track name"),
        ("99 Luftballons.mp3", "99 Luftballons"),
        ("7-Eleven.ogg", "7-Eleven"),
        ("2001.mp3", "2001"),
        ("1999 - Party.mp3", "1999 - Party"),
        ("Mr. Big.mp3", "Mr. Big"),
        ("音楽.mp3", "音楽"),
        ("a b.c d.mp3", "a b.c d"),
        ("____.mp3", "____.mp3"),
    ],
)
def test_a_title_from_a_file_name(name: str, title: str) -> None:
    assert tags.tidy(name) == title


@given(st.text(min_size=1))
def test_a_title_is_never_empty(name: str) -> None:
    assert tags.tidy(name)


def test_a_path_that_is_no_utf8_can_be_shown() -> None:
    assert tags.shown(Path(os.fsdecode(b"/m/\xff.mp3"))) == "/m/\ufffd.mp3"


# --- Loudness and other people's ideas of tags ---


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg", "a.m4a", "a.wav"])
def test_replaygain_of_every_format(tmp_path: Path, name: str) -> None:
    path = MAKERS[name](tmp_path / name, 1.0)
    file: Any = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    for key, text in (("replaygain_track_gain", "-6.25 dB"), ("REPLAYGAIN_TRACK_PEAK", "1.021"),
                      ("replaygain_album_gain", "-9 dB")):  # fmt: skip
        if isinstance(file.tags, id3.ID3):
            file.tags.add(id3.TXXX(desc=key, text=[text]))
        elif isinstance(file.tags, mp4.MP4Tags):
            file.tags[f"----:com.apple.iTunes:{key}"] = [mp4.MP4FreeForm(text.encode())]
        else:
            file.tags[key] = text
    file.save()
    read = tags.read(path)
    assert (read.gain_db, read.peak) == (-6.25, 1.021)


def test_opus_counts_in_256ths_to_another_reference(tmp_path: Path) -> None:
    path = opus(tmp_path / "a.opus", 1.0)
    file: Any = mutagen.File(path)
    file["R128_TRACK_GAIN"] = "-1280"
    file.save()
    assert tags.read(path).gain_db == -5.0 + 5.0


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, (None, None)),
        ({"replaygain_track_gain": "-3.5"}, (-3.5, None)),
        ({"replaygain_track_gain": "+2,5 dB", "replaygain_track_peak": "0.5"}, (2.5, 0.5)),
        ({"replaygain_album_gain": "-4 dB", "replaygain_album_peak": "1.2"}, (-4.0, 1.2)),
        ({"replaygain_track_gain": "loud", "replaygain_album_gain": "-4 dB"}, (-4.0, None)),
        ({"replaygain_track_gain": "-90 dB"}, (None, None)),
        ({"replaygain_track_gain": "-1 dB", "replaygain_track_peak": "0"}, (-1.0, None)),
    ],
)
def test_gain_and_peak_come_from_the_track_or_its_album(texts: dict[str, str], expected: tuple[Any, Any]) -> None:
    assert gain_of_tags(lambda name: texts.get(name, "")) == expected


@pytest.mark.parametrize(
    ("tag_db", "peak", "loudness", "gain_db"),
    [
        (None, None, None, 0.0),
        (-6.0, 0.98, -10.0, -6.0),
        (6.0, 1.0, None, 0.0),
        (6.0, 0.5, None, 6.0),
        (9.0, 0.5, None, 6.0206),
        (-1.0, 1.2589254, None, -2.0),
        (None, None, -12.0, -6.0),
        (None, None, -22.0, 4.0),
        (None, None, -80.0, 15.0),
    ],
)
def test_nothing_is_turned_up_so_far_that_it_clips(
    tag_db: float | None, peak: float | None, loudness: float | None, gain_db: float
) -> None:
    assert gain_of(tag_db, peak, loudness) == pytest.approx(gain_db, abs=1e-3)


def test_wav_files_have_texts_of_their_own(tmp_path: Path) -> None:
    path = audio.tone(tmp_path / "a.wav", 0.5)
    texts = b"".join(
        name + len(text).to_bytes(4, "little") + text + b"\0" * (len(text) % 2)
        for name, text in ((b"INAM", b"T\xfcr\0"), (b"IART", "Señor 音楽".encode()), (b"IGNR", b"Sad"), (b"ISFT", b"x"))
    )
    chunk = b"LIST" + (4 + len(texts)).to_bytes(4, "little") + b"INFO" + texts
    raw = path.read_bytes() + chunk
    path.write_bytes(raw[:4] + (len(raw) - 8).to_bytes(4, "little") + raw[8:])
    read = tags.read(path)
    assert (read.title, read.artist, read.mood, read.duration_s) == ("Tür", "Señor 音楽", MoodName.SAD, 0.5)


# --- Mood words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mood", MoodName)
def test_each_mood_is_its_own_word_in_any_case(mood: MoodName) -> None:
    assert mood_of_word(mood) is mood
    assert mood_of_word(mood.upper()) is mood
    assert mood_of_word(f" {mood.title()} ") is mood


@pytest.mark.parametrize(
    ("folders", "mood"),
    [
        (["music", "happy", "Abba"], MoodName.HAPPY),
        (["Sad", "happy", "x"], MoodName.HAPPY),
        (["happy", "Sad"], MoodName.SAD),
        (["Feel-Good"], MoodName.HAPPY),
        (["CHILL_OUT"], MoodName.CALM),
        (["Happy Mondays"], None),
        (["Fröhlich"], MoodName.HAPPY),
        (["FROEHLICH"], MoodName.HAPPY),
        (["Triste"], MoodName.SAD),
        (["en colère"], MoodName.ANGRY),
        (["Tranquilo"], MoodName.CALM),
        (["gespannen"], MoodName.TENSE),
        (["Arrabbiato"], MoodName.ANGRY),
        (["Animação"], MoodName.EXCITED),
        (["unhappy"], None),
        ([], None),
    ],
)
def test_the_nearest_mood_folder_counts(folders: list[str], mood: MoodName | None) -> None:
    assert mood_of_folders(folders) is mood


@pytest.mark.parametrize(
    ("texts", "mood"),
    [
        (["Happy"], MoodName.HAPPY),
        (["warm; Relaxed; 1997"], MoodName.CALM),
        (["mood:angry"], MoodName.ANGRY),
        (["Dance/Party"], MoodName.EXCITED),
        (["Rock", "Sad"], MoodName.SAD),
        (["I am not happy with this rip"], None),
        (["Death Metal"], None),
        ([""], None),
    ],
)
def test_tags_name_a_mood_with_a_whole_word(texts: list[str], mood: MoodName | None) -> None:
    assert mood_of_tags(texts) is mood
