"""Files that are no music have no mood, and no mood chooses them; people can overrule that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import audio
import pytest

from device.domain import Affect, MoodName, MoodOrigin, Track
from device.domain.library import Selection
from device.music.library import not_music
from device.music.library.browse.browser import Browser
from device.music.library.catalogue import Catalogue
from device.music.library.relatives import corrected
from device.music.track_mood import FEATURE_BYTES, Doubt, TrackMood
from device.music.workers.tag_client import read_here
from device.scan import points, report

MODEL = "model"


def heard(doubt: Doubt = Doubt.NONE) -> TrackMood:
    place = Affect(-0.2, 0.7) if doubt.is_music else Affect(0.0, 0.0)
    return TrackMood(place, 0.4, (0.1, 0.7, 0.1, 0.1), 120.0, bytes([0, 60]) + bytes(FEATURE_BYTES - 2), -12.0, doubt)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for number, name in enumerate(("song.wav", "talk.wav", "rain.wav", "jingle.wav", "calm/sea.wav")):
        audio.tone(tmp_path / "music" / name, 0.1, 200 + 50 * number)
    return tmp_path / "music"


@pytest.fixture
def catalogue(tmp_path: Path, music: Path) -> Iterator[Catalogue]:
    with closing(Catalogue.open(tmp_path / "data", read_here)) as opened:
        opened.scan([music])
        doubts = {"talk.wav": Doubt.SPEECH, "rain.wav": Doubt.NOISE, "jingle.wav": Doubt.SHORT, "sea.wav": Doubt.NOISE}
        for key, path in opened.pending(MODEL):
            opened.analysed(key, MODEL, heard(doubts.get(path.name, Doubt.NONE)))
        opened.flush()
        yield opened


def by_title(catalogue: Catalogue) -> dict[str, Track]:
    return {track.title: track for track in catalogue.load().tracks}


def test_it_has_no_mood_unless_people_gave_it_one(catalogue: Catalogue) -> None:
    tracks = by_title(catalogue)
    assert {title: (track.origin, track.mood) for title, track in tracks.items()} == {
        "song": (MoodOrigin.MODEL, MoodName.TENSE),
        "talk": (MoodOrigin.NOT_MUSIC, MoodName.NEUTRAL),
        "rain": (MoodOrigin.NOT_MUSIC, MoodName.NEUTRAL),
        "jingle": (MoodOrigin.UNSURE, MoodName.TENSE),
        "sea": (MoodOrigin.FOLDER, MoodName.CALM),
    }
    catalogue.correct(tracks["rain"].key, MoodName.SAD)
    assert by_title(catalogue)["rain"].origin is MoodOrigin.USER
    catalogue.correct(tracks["rain"].key, None)
    assert by_title(catalogue)["rain"] == tracks["rain"]


def test_the_notes_say_which_files(catalogue: Catalogue) -> None:
    assert [note.rpartition("/")[2] for note in catalogue.load().notes] == [
        "rain.wav sounds like noise, so no mood chooses it.",
        "talk.wav sounds like speech, so no mood chooses it.",
    ]
    many = [(Doubt.SPEECH, f"/m/{number}.mp3".encode()) for number in range(7)]
    assert list(not_music.sentences(many)) == [
        "7 files sound like speech, so no mood chooses them: /m/0.mp3, /m/1.mp3, /m/2.mp3 and 4 more."
    ]


    silent = [(Doubt.SILENCE, b"/m/a.wav"), (Doubt.CLICKS, b"/m/b.wav"), (Doubt.SILENCE, b"/m/c.wav")]
    assert list(not_music.sentences(silent)) == [
        "2 files are silent, so no mood chooses them: /m/a.wav, /m/c.wav.",
        "/m/b.wav sounds like single clicks, so no mood chooses it.",
    ]


def test_without_any_music_it_says_so(tmp_path: Path) -> None:
    audio.tone(tmp_path / "music" / "talk.wav", 0.1)
    with closing(Catalogue.open(tmp_path / "data", read_here)) as opened:
        (track,) = opened.scan([tmp_path / "music"]).tracks
        assert opened.load().problems == ()
        opened.analysed(track.key, MODEL, heard(Doubt.SPEECH))
        opened.flush()
        assert [problem[:35] for problem in opened.load().problems] == ["Nothing here sounds like music, so "]


def test_the_scan_counts_it_apart(catalogue: Catalogue) -> None:
    assert list(report.summary(catalogue.load()))[1:] == [
        "mood   not music  unsure  by model  by folder",
        "calm           0       0         0          1",
        "tense          0       1         1          0",
        "none           2       0         0          0",
    ]
    drawn = points.points_of(catalogue.load().tracks, catalogue.affects())
    assert sorted(point.title for point in drawn) == ["jingle", "sea", "song"]


def test_lists_of_a_mood_leave_it_out_and_search_finds_it(catalogue: Catalogue, tmp_path: Path) -> None:
    with closing(Browser(tmp_path / "data")) as browser:
        assert browser.moods()[MoodName.NEUTRAL] == 0
        assert browser.tracks(Selection(mood=MoodName.NEUTRAL)).total == 0
        assert browser.tracks(Selection(mood=MoodName.TENSE)).total == 2
        assert browser.tracks(Selection()).total == 5
        (found,) = browser.search("talk").tracks
        assert found.origin is MoodOrigin.NOT_MUSIC


def test_nobody_learns_from_it_and_it_learns_from_nobody() -> None:
    def track(key: str, origin: MoodOrigin) -> Track:
        return Track(key, f"file:///{key}", key, "Ada", mood=MoodName.TENSE, origin=origin, features=heard().features)

    library = {one.key: one for one in (track("said", MoodOrigin.USER), track("guess", MoodOrigin.UNSURE))}
    library["talk"] = Track("talk", "file:///talk", "talk", "Ada", origin=MoodOrigin.NOT_MUSIC)
    assert set(corrected(library, lambda keys: dict.fromkeys(keys, (0.0, 0.0, 0.5)))) == {"guess"}
