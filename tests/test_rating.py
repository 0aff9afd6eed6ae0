"""Stars in the tags of each format, and what other programs mean by them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import audio
import mutagen
import numpy as np
import pytest
from mutagen import id3, mp4
from mutagen.asf import ASFUnicodeAttribute

from device.domain import Listen, MoodName, Now, Outcome, Track
from device.music.library import Catalogue
from device.music.metadata.rating import scaled
from device.music.metadata.reader import read_tags
from device.music.metadata.tags import number_of
from device.music.recommend.preference import Liking
from device.music.recommend.profile_taste import ProfileTaste
from device.music.recommend.taste import Taste
from device.music.recommend.track_index import TrackIndex
from device.music.workers.tag_client import read_here


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


def test_ratings_reach_the_library_and_the_taste(tmp_path: Path) -> None:
    for number, stars in enumerate((255, 0, 1)):
        (tmp_path / "music").mkdir(exist_ok=True)
        path = audio.mp3(tmp_path / "music" / f"{number}.mp3", 0.5 + number / 10)
        file = mutagen.File(path)
        if file.tags is None:
            file.add_tags()
        file.tags.add(id3.POPM(email="", rating=stars))
        file.save()
    with closing(Catalogue.open(tmp_path / "data", read_here)) as catalogue:
        tracks = sorted(catalogue.scan([tmp_path / "music"]).tracks, key=lambda track: track.title)
    assert [track.rating for track in tracks] == [1.0, None, 0.2]
    index = TrackIndex(tracks)
    liking = Liking(index, ProfileTaste(), MoodName.CALM, Now(0.0, 1e9))
    best, unknown, worst = liking.roughly(np.arange(3)).mean()
    assert best > unknown > worst
    assert unknown == pytest.approx(2 / 3, abs=0.01)


def test_what_people_do_outweighs_stars() -> None:
    tracks = tuple(Track(name, f"file:///{name}", name, rating=stars) for name, stars in (("a", 1.0), ("b", 0.2)))
    taste = Taste([Listen(key, "me", MoodName.CALM, outcome, 1e9 + number, 0.0)
                   for number in range(8)
                   for key, outcome in (("a", Outcome.DISLIKED), ("b", Outcome.LIKED))])  # fmt: skip
    index = TrackIndex(tracks)
    taste.attach(index)
    first, second = Liking(index, taste.of_profile("me"), MoodName.CALM, Now(0.0, 1e9 + 9)).roughly(np.arange(2)).mean()
    assert second > first
