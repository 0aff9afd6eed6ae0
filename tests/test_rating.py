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

from device.domain import Affect, Listen, MoodName, Now, Outcome, Target, Track
from device.music.library.catalogue import Catalogue
from device.music.metadata.rating import read, stars_of
from device.music.metadata.reader import read_tags
from device.music.metadata.tags import number_of
from device.music.recommend.explanation import Grounds, reason_for
from device.music.recommend.preference import Liking
from device.music.recommend.profile_taste import ProfileTaste
from device.music.recommend.taste import Opinion, Taste
from device.music.recommend.track_index import TrackIndex
from device.music.workers.tag_client import read_here


@pytest.mark.parametrize(
    ("stars", "share"), [(1, 0.2), (64, 0.4), (128, 0.6), (196, 0.8), (255, 1.0), (186, 0.7), (51, 0.2)]
)
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
     ("FMPS_RATING", "7", None), ("RATING", "nan", None), ("rating:quodlibet@example.org", "0.75", 0.75),
     ("rating:users@example.org", "5", 1.0), ("rating wmp", "4", None)],
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
    found = read_tags(m4a)
    assert (found.rating, found.number, found.album_artist) == (0.4, 1007, "Various")
    del file.tags["----:com.apple.iTunes:FMPS_Rating"]
    file.tags["rtng"] = [4]  # explicit words, no stars
    file.save()
    assert read_tags(m4a).rating is None
    file.tags["rate"] = ["80"]
    file.save()
    assert read_tags(m4a).rating == pytest.approx(0.8)
    wma = audio.encoded(tmp_path / "a.wma", "asf", "wmav2", 0.5, encoder={"b": "128k"})
    file = mutagen.File(wma)
    for number, stars in ((1, 1), (12, 1), (25, 2), (50, 3), (62, 3), (75, 4), (99, 5)):
        file.tags["WM/SharedUserRating"] = [ASFUnicodeAttribute(str(number))]
        file.save()
        assert read_tags(wma).rating == pytest.approx(stars / 5)


def test_scales_of_texts() -> None:
    found = {text: read(text) for text in ("0", "0.5", "1", "1.0", "4.5", "5", "60", "100", "101", "-1", "inf", "")}
    assert found == {"0": None, "0.5": 0.5, "1": 0.2, "1.0": 1.0, "4.5": 0.9, "5": 1.0, "60": 0.6, "100": 1.0,
                     "101": None, "-1": None, "inf": None, "": None}  # fmt: skip


def test_every_popularity_has_stars_that_rise_with_it() -> None:
    usual = (1, 13, 64, 118, 128, 186, 196, 242, 255)
    assert [stars_of(number) for number in usual] == [1, 0.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
    assert [stars_of(number) for number in (51, 102, 153, 204, 255)] == [1, 2, 3, 4, 5]
    assert [stars_of(number) for number in (31, 32, 65, 95, 96, 160, 192, 223, 224)] == [1, 2, 2, 2, 3, 4, 4, 4, 5]
    assert all(0 < stars_of(number) <= 5 for number in range(1, 256))


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


def test_a_like_or_dislike_takes_the_place_of_stars() -> None:
    """So that stars which `affetto tags` wrote because of a like do not count twice."""
    tracks = tuple(Track(name, f"file:///{name}", name, rating=stars) for name, stars in (("a", 1.0), ("b", None)))
    taste = Taste([Listen(key, "me", MoodName.CALM, Outcome.LIKED, 1e9) for key in "ab"])
    taste.attach(index := TrackIndex(tracks))
    mean = Liking(index, taste.of_profile("me"), MoodName.CALM, Now(0.0, 1e9 + 9)).roughly(np.arange(2)).mean()
    assert mean[0] == mean[1]
    stranger = Liking(index, taste.of_profile("you"), MoodName.CALM, Now(0.0, 1e9 + 9)).roughly(np.arange(2)).mean()
    assert stranger[0] > stranger[1]


@pytest.mark.parametrize(
    ("rating", "words"),
    [(1.0, "its tags give it five stars"), (0.8, "its tags give it four stars"), (0.6, ""), (None, "")],
)
def test_stars_are_a_reason_until_people_have_their_own(rating: float | None, words: str) -> None:
    track, target = Track("a", "file:///a", "A", rating=rating), Target(Affect(0, 0), MoodName.NEUTRAL, "to match")
    now = Now(0.0, 1e9)
    reason = reason_for(track, target, Opinion(heard_at=1e9 - 10, heard_out=1), now, Grounds(own=1.0))
    assert (words or "you heard it to the end once") in reason
    liked = Opinion(heard_at=1e9 - 10, verdict=Outcome.LIKED, said_at=1e9)
    assert "you liked it today" in reason_for(track, target, liked, now, Grounds(own=1.0))


def test_what_people_do_outweighs_stars() -> None:
    tracks = tuple(Track(name, f"file:///{name}", name, rating=stars) for name, stars in (("a", 1.0), ("b", 0.2)))
    taste = Taste([Listen(key, "me", MoodName.CALM, outcome, 1e9 + number, 0.0)
                   for number in range(8)
                   for key, outcome in (("a", Outcome.DISLIKED), ("b", Outcome.LIKED))])  # fmt: skip
    index = TrackIndex(tracks)
    taste.attach(index)
    first, second = Liking(index, taste.of_profile("me"), MoodName.CALM, Now(0.0, 1e9 + 9)).roughly(np.arange(2)).mean()
    assert second > first
