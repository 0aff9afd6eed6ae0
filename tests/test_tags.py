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
from device.music.metadata.reader import read_tags
from device.music.metadata.replaygain import gain_of, gain_of_tags, number
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
    "a.wma": lambda path, seconds: audio.encoded(path, "asf", "wmav2", seconds, encoder={"b": "128k"}),
    "a.wv": lambda path, seconds: audio.encoded(path, "wv", "wavpack", seconds),
}
WORDS = {"title": "Água de Beber", "artist": "Señor 音楽", "album": "Ærø", "mood": "Melancholic", "genre": "Jazz"}
ID3_FRAMES = {"title": id3.TIT2, "artist": id3.TPE1, "album": id3.TALB, "mood": id3.TMOO, "genre": id3.TCON,
              "comment": id3.COMM, "grouping": id3.TIT1}  # fmt: skip
ASF_NAMES = {"title": "Title", "artist": "Author", "album": "WM/AlbumTitle", "mood": "WM/Mood", "genre": "WM/Genre",
             "comment": "Description", "grouping": "WM/ContentGroupDescription"}
MP4_NAMES = {"title": "\xa9nam", "artist": "\xa9ART", "album": "\xa9alb", "genre": "\xa9gen", "comment": "\xa9cmt",
             "grouping": "\xa9grp"}  # fmt: skip


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
        elif isinstance(file.tags, ASFTags):
            file.tags[ASF_NAMES[field]] = [ASFUnicodeAttribute(text)]
        else:
            file.tags[field] = text
    file.save()


@pytest.mark.parametrize("field", ["mood", "grouping", "comment", "genre"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_mood_in_any_field_of_any_format_counts(tmp_path: Path, name: str, field: str) -> None:
    path = MAKERS[name](tmp_path / name, 0.5)
    put_words(mutagen.File(path), {field: "warm; Traurig"})
    assert read_tags(path).mood is MoodName.SAD


@pytest.mark.parametrize("name", MAKERS)
def test_every_format_says_the_same(tmp_path: Path, name: str) -> None:
    path = MAKERS[name](tmp_path / name, 2.0)
    put_words(mutagen.File(path), WORDS)
    read = read_tags(path)
    assert (read.title, read.artist, read.album) == (WORDS["title"], WORDS["artist"], WORDS["album"])
    assert read.mood is MoodName.SAD
    assert read.duration_s == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("name", MAKERS)
def test_without_tags_only_the_length_is_known(tmp_path: Path, name: str) -> None:
    path = MAKERS[name](tmp_path / name, 1.0)
    mutagen.File(path).delete()
    read = read_tags(path)
    assert read == Tags(duration_s=read.duration_s)
    assert read.duration_s == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.opus", "a.m4a", "a.aiff", "a.wav", "a.wma", "a.wv"])
def test_the_content_decides_what_a_file_is(tmp_path: Path, name: str) -> None:
    path = MAKERS[name](tmp_path / name, 2.0)
    assert read_tags(path.rename(tmp_path / "really.mp3")).duration_s == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"a letter, not a song\n" * 100, "is damaged or not music"),
        (random.Random(5).randbytes(50_000), "not music"),
        (b"#EXTM3U\nhttp://example.org/a.mp3\n", "not music"),
        (b"ffconcat version 1.0\nfile '/etc/hostname'\n", "not music"),
        (b"fLaC", "is damaged or not music"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "is damaged or not music"),
        (b"\xff\xd8\xff\xe0 a picture" * 50, "not music"),
    ],
)
def test_what_is_no_music_is_named_with_the_reason(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    with pytest.raises(LibraryError, match=words) as caught:
        read_tags(path)
    assert "song.mp3" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wav_without_samples_holds_no_sound(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="holds no sound"):
        read_tags(audio.tone(tmp_path / "a.wav", 0.0))


def test_a_file_that_is_gone_or_forbidden(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.mp3 cannot be read: no such file"):
        read_tags(tmp_path / "gone.mp3")
    with pytest.raises(LibraryError, match="is not a file"):
        read_tags(tmp_path)
    os.mkfifo(tmp_path / "fifo.mp3")
    with pytest.raises(LibraryError, match="is not a file"):
        read_tags(tmp_path / "fifo.mp3")


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
            read = read_tags(path)
        except LibraryError:
            continue
        assert read.duration_s >= 0
        assert max(map(len, (read.title, read.artist, read.album))) <= tags.LONGEST_TEXT


def test_texts_are_made_fit_to_be_shown(tmp_path: Path) -> None:
    path = audio.tone(tmp_path / "a.wav", 0.1)
    put_words(mutagen.File(path), {"title": "  two\r\n\x07lines\t ", "artist": "x" * 100_000})
    read = read_tags(path)
    assert read.title == "two lines"
    assert read.artist == "x" * tags.LONGEST_TEXT


def test_a_million_comments_of_a_million_letters_cost_little(tmp_path: Path) -> None:
    path = audio.encoded(tmp_path / "a.flac", "flac", "flac", 0.5)
    file: Any = mutagen.File(path)
    file["comment"] = ["x " * 2_500_000, *["y"] * 50_000, "Sad"]
    file["title"] = "ä" * 5_000_000
    file.save()
    read = read_tags(path)
    assert (read.title, read.mood) == ("ä" * tags.LONGEST_TEXT, None)


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


def put_own(file: Any, name: str, text: str) -> None:
    """A tag of the taggers' own, as they write it in this format."""
    if file.tags is None:
        file.add_tags()
    if isinstance(file.tags, id3.ID3):
        file.tags.add(id3.TXXX(desc=name, text=[text]))
    elif isinstance(file.tags, mp4.MP4Tags):
        file.tags[f"----:com.apple.iTunes:{name}"] = [mp4.MP4FreeForm(text.encode())]
    elif isinstance(file.tags, ASFTags):
        file.tags[name] = [ASFUnicodeAttribute(text)]
    else:
        file.tags[name] = text
    file.save()


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
@pytest.mark.parametrize("name", MAKERS)
def test_replaygain_of_every_format_in_any_case(tmp_path: Path, name: str, case: Callable[[str], str]) -> None:
    path = MAKERS[name](tmp_path / name, 1.0)
    for key, text in (("replaygain_track_gain", "−6,25 dB"), ("replaygain_track_peak", "1.021"),
                      ("replaygain_album_gain", "-9 dB")):  # fmt: skip
        put_own(mutagen.File(path), case(key), text)
    read = read_tags(path)
    assert (read.gain_db, read.peak) == (-6.25, 1.021)


def test_an_mp4_name_of_another_domain_counts_too(tmp_path: Path) -> None:
    path = audio.m4a(tmp_path / "a.m4a")
    file: Any = mutagen.File(path)
    file["----:org.hydrogenaudio.replaygain:replaygain_track_gain"] = [mp4.MP4FreeForm(b"-3 dB")]
    file.save()
    assert read_tags(path).gain_db == -3.0


def test_matroska_says_it_too(tmp_path: Path) -> None:
    words = {"title": "Song", "artist": "Band", "album": "Disc", "mood": "Sad", "replaygain_track_gain": "-7.5 dB",
             "REPLAYGAIN_TRACK_PEAK": "0.5"}  # fmt: skip
    path = audio.encoded(tmp_path / "a.mka", "matroska", "libopus", 1.0, tags=words)
    read = read_tags(path)
    assert (read.title, read.artist, read.album, read.mood) == ("Song", "Band", "Disc", MoodName.SAD)
    assert (read.gain_db, read.peak) == (-7.5, 0.5)


def test_matroska_has_official_names_for_loudness(tmp_path: Path) -> None:
    words = {"TRACK/TITLE": "Song", "ALBUM/TITLE": "Disc", "TRACK/REPLAYGAIN_GAIN": "-3", "ALBUM/REPLAYGAIN_GAIN": "-9"}
    read = read_tags(audio.encoded(tmp_path / "a.mka", "matroska", "libopus", 1.0, tags=words))
    assert (read.title, read.album, read.gain_db) == ("Song", "Disc", -3.0)


# --- Tags around the sound ---


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.aac", "a.wv"])
def test_ape_behind_the_sound_counts(tmp_path: Path, name: str) -> None:
    path = audio.encoded(tmp_path / name, {"aac": "adts"}.get(name[2:], name[2:]), {
        "a.mp3": "libmp3lame", "a.flac": "flac", "a.aac": "aac", "a.wv": "wavpack"}[name], 1.0)  # fmt: skip
    words = {"Title": "Ape", "Artist": "Man", "Mood": "Sad", "REPLAYGAIN_TRACK_GAIN": "-20.0 dB"}
    path.write_bytes(path.read_bytes() + audio.ape_bytes(words))
    read = read_tags(path)
    assert (read.title, read.artist, read.mood, read.gain_db) == ("Ape", "Man", MoodName.SAD, -20.0)


def test_layers_complete_one_another(tmp_path: Path) -> None:
    """ID3 names the song, APEv2 of mp3gain its loudness, and ID3v1, which cuts everything, nothing that others name."""
    path = audio.mp3(tmp_path / "a.mp3", 2.0)
    v1 = b"TAG" + b"Cut".ljust(30, b"\0") + b"Old Band".ljust(30, b"\0") + bytes(65)
    ape = audio.ape_bytes({"Title": "Ape", "Album": "Disc", "Replaygain_Track_Gain": "-20.0 dB"})
    path.write_bytes(path.read_bytes() + ape + v1)
    read = read_tags(path)
    assert (read.title, read.artist, read.album, read.gain_db) == ("Ape", "Old Band", "Disc", -20.0)
    path.write_bytes(audio.id3_bytes(id3.TIT2(text=["Song"])) + path.read_bytes())
    read = read_tags(path)
    assert (read.title, read.artist, read.album, read.gain_db) == ("Song", "Old Band", "Disc", -20.0)
    assert read.duration_s == pytest.approx(2.0, abs=0.05)


def test_ape_before_the_sound_and_id3v1_behind_flac_count(tmp_path: Path) -> None:
    mp3, flac = audio.mp3(tmp_path / "a.mp3", 1.0), audio.encoded(tmp_path / "a.flac", "flac", "flac", 1.0)
    mp3.write_bytes(audio.ape_bytes({"Title": "Ape"}) + mp3.read_bytes())
    flac.write_bytes(flac.read_bytes() + b"TAG" + b"Old".ljust(125, b"\0"))
    assert [read_tags(path).title for path in (mp3, flac)] == ["Ape", "Old"]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([("track", 1, -6.5, 0.5)], (-6.5, 0.5)),
        ([("album", 1, -9.0, 0.0), ("TRACK", 1, -6.5, 0.0)], (-6.5, None)),
        ([("album", 1, -9.0, 0.0)], (-9.0, None)),
        ([("normalize", 1, 3.5, 0.0)], (3.5, None)),
        ([("track", 2, -6.5, 0.0)], (None, None)),
    ],
)
def test_id3_has_a_frame_for_loudness(
    tmp_path: Path, frames: list[tuple[str, int, float, float]], expected: tuple[float | None, float | None]
) -> None:
    path = audio.mp3(tmp_path / "a.mp3")
    made = [id3.RVA2(desc=desc, channel=channel, gain=gain, peak=peak) for desc, channel, gain, peak in frames]
    path.write_bytes(audio.id3_bytes(*made) + path.read_bytes())
    read = read_tags(path)
    assert (read.gain_db, read.peak) == (expected[0], pytest.approx(expected[1]) if expected[1] else None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-6.50 dB", -6.5),
        ("−6.5 dB", -6.5),
        ("–6,5dB", -6.5),
        ("+2,5", 2.5),
        ("- 3 dB", -3.0),
        (".5", 0.5),
        ("9.8e-05 dB", 9.8e-05),
        ("-1E1", -10.0),
        ("5.", 5.0),
        ("－６ dB", -6.0),
        ("1.234,5", None),
        ("1e999", None),
        ("nan", None),
        ("-inf", None),
        ("", None),
        ("loud", None),
        ("9" * 5_000_000, None),
    ],
)
def test_numbers_as_people_and_programs_write_them(text: str, value: float | None) -> None:
    assert number(text) == value


def test_opus_counts_in_256ths_to_another_reference(tmp_path: Path) -> None:
    path = opus(tmp_path / "a.opus", 1.0)
    file: Any = mutagen.File(path)
    file["R128_TRACK_GAIN"] = "-1280"
    file.save()
    assert read_tags(path).gain_db == -5.0 + 5.0


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
        ({"replaygain_track_gain": "-1 dB", "replaygain_track_peak": "1e30"}, (-1.0, None)),
        ({"r128_track_gain": "-1280", "replaygain_track_gain": "-9 dB"}, (0.0, None)),
        ({"r128_track_gain": "99999", "replaygain_track_gain": "-9 dB"}, (-9.0, None)),
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
    read = read_tags(path)
    assert (read.title, read.artist, read.mood, read.duration_s) == ("Tür", "Señor 音楽", MoodName.SAD, 0.5)


def test_aiff_files_have_texts_of_their_own(tmp_path: Path) -> None:
    path = audio.aiff(tmp_path / "a.aiff", 0.5)
    texts = b"".join(
        name + len(text).to_bytes(4, "big") + text + b"\0" * (len(text) % 2)
        for name, text in ((b"NAME", "Tür".encode()), (b"AUTH", b"Se\xf1or"), (b"ANNO", b"Sad"), (b"ANNO", b"x"))
    )
    raw = path.read_bytes() + texts
    path.write_bytes(raw[:4] + (len(raw) - 8).to_bytes(4, "big") + raw[8:])
    read = read_tags(path)
    assert (read.title, read.artist, read.mood, read.duration_s) == ("Tür", "Señor", MoodName.SAD, 0.5)


@pytest.mark.parametrize("length", [0, 1, 3, 0xFFFFFFFF])
def test_a_list_of_texts_may_claim_any_length(tmp_path: Path, length: int) -> None:
    path = audio.tone(tmp_path / "a.wav", 0.5)
    path.write_bytes(path.read_bytes() + b"LIST" + length.to_bytes(4, "little") + b"INFOINAM\4\0\0\0Song")
    assert read_tags(path).title == ("Song" if length > 4 else "")


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
