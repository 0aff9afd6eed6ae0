"""Stars in the tags of each format, and what other programs mean by them."""

from __future__ import annotations

from pathlib import Path

import audio
import mutagen
import pytest
from mutagen import id3, mp4
from mutagen.asf import ASFUnicodeAttribute

from device.music.metadata.rating import scaled
from device.music.metadata.reader import read_tags
from device.music.metadata.tags import number_of


@pytest.mark.parametrize(("stars", "share"), [(1, 0.2), (64, 0.4), (128, 0.6), (196, 0.8), (255, 1.0), (186, 0.8)])
def test_popularimeter_of_id3(tmp_path: Path, stars: int, share: float) -> None:
    path = audio.mp3(tmp_path / "a.mp3", 0.5)
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(id3.POPM(email="a@example.org", rating=stars, count=3))
    file.save()
    assert read_tags(path).rating == pytest.approx(share)


def test_not_rated_is_no_rating(tmp_path: Path) -> None:
    path = audio.mp3(tmp_path / "a.mp3", 0.5)
    assert read_tags(path).rating is None
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(id3.POPM(email="", rating=0))
    file.save()
    assert read_tags(path).rating is None


@pytest.mark.parametrize(
    ("name", "text", "share"),
    [("FMPS_RATING", "0.9", 0.9), ("RATING", "4", 0.8), ("rating", "80", 0.8), ("RATING", "nice", None),
     ("FMPS_RATING", "7", None), ("RATING", "nan", None)],
)  # fmt: skip
def test_texts_of_vorbis(tmp_path: Path, name: str, text: str, share: float | None) -> None:
    path = audio.flac(tmp_path / "a.flac", 0.5)
    file = mutagen.File(path)
    file[name] = text
    file.save()
    assert read_tags(path).rating == (None if share is None else pytest.approx(share))


def test_other_formats(tmp_path: Path) -> None:
    m4a = audio.m4a(tmp_path / "a.m4a", 0.5)
    file = mutagen.File(m4a)
    if file.tags is None:
        file.add_tags()
    file.tags["----:com.apple.iTunes:FMPS_Rating"] = [mp4.MP4FreeForm(b"0.4")]
    file.tags["trkn"], file.tags["disk"], file.tags["aART"] = [(7, 12)], [(2, 2)], ["Various"]
    file.save()
    read = read_tags(m4a)
    assert (read.rating, read.number, read.album_artist) == (0.4, 1007, "Various")
    wma = audio.encoded(tmp_path / "a.wma", "asf", "wmav2", 0.5, encoder={"b": "128k"})
    file = mutagen.File(wma)
    file.tags["WM/SharedUserRating"] = [ASFUnicodeAttribute("75")]
    file.save()
    assert read_tags(wma).rating == 0.75


def test_scales() -> None:
    assert [scaled(number) for number in (0, 0.5, 1, 5, 60, 100, 101, -1)] == [
        None,
        0.5,
        0.2,
        1.0,
        0.6,
        1.0,
        None,
        None,
    ]


def test_numbers_in_albums() -> None:
    assert [number_of(*pair) for pair in (("3", ""), ("03/12", "1/2"), ("3", "2"), ("", "2"), ("A1", ""))] == [
        3, 3, 1003, 0, 0,
    ]  # fmt: skip
    assert number_of("9999", "9999") == 0
