"""Corrections teach: one track's mood moves the others of its artist, a wrong one does little, and it can be off."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from device.domain import Affect, MoodName, MoodOrigin, Track
from device.domain.library import Selection
from device.music.library.browse.browser import Browser
from device.music.library.catalogue import Catalogue
from device.music.library.relatives import MOST, changes, corrected
from device.music.metadata.tags import Tags
from device.music.track_mood import TrackMood
from device.scan.points import points_of
from tests.audio import tone
from tools.corrections.measure import macro_f1, owner, quadrant_of

POINT = (0.4, 0.4, 0.3)


def features(seed: int) -> bytes:
    vector = np.random.default_rng(seed).standard_normal(64)
    return (vector / np.linalg.norm(vector)).astype("<f2").tobytes()


def track(key: str, artist: str = "Ada", mood: MoodName | None = None, origin: MoodOrigin = MoodOrigin.USER) -> Track:
    by_model = mood is None
    return Track(
        key, f"file:///{key}", key, artist, affect=Affect(POINT[0], POINT[1]), mood=mood or MoodName.HAPPY,
        origin=MoodOrigin.MODEL if by_model else origin, features=features(sum(key.encode())),
    )  # fmt: skip


def learnt(*tracks: Track) -> dict[str, Track]:
    return corrected({one.key: one for one in tracks}, lambda keys: dict.fromkeys(keys, POINT))


def test_a_correction_moves_the_other_tracks_of_the_artist_towards_it_and_nobody_elses() -> None:
    moved = learnt(track("a", mood=MoodName.SAD), track("b"), track("c"), track("d", "Bob"), track("e", ""))
    assert set(moved) == {"b", "c"}
    assert all(-0.7 < one.affect.valence < POINT[0] and one.affect.arousal < POINT[1] for one in moved.values())
    assert all(one.origin is MoodOrigin.MODEL for one in moved.values())


def test_more_corrections_move_more_but_never_far() -> None:
    one = learnt(track("a", mood=MoodName.SAD), track("z"))["z"]
    labels = [track(f"a{number}", mood=MoodName.SAD) for number in range(12)]
    many = learnt(*labels, track("z"))["z"]
    assert POINT[0] - MOST - 1e-6 <= many.affect.valence < one.affect.valence
    assert many.mood is not MoodName.HAPPY


def test_a_wrong_correction_is_outvoted() -> None:
    labels = [track(f"a{number}", mood=MoodName.HAPPY) for number in range(8)]
    moved = learnt(*labels, track("wrong", mood=MoodName.SAD), track("z"))["z"]
    assert moved.affect.distance(Affect(POINT[0], POINT[1])) < 0.35
    assert moved.affect.valence > 0


def test_a_tag_counts_less_than_somebodys_own_word() -> None:
    said = learnt(track("a", mood=MoodName.SAD), track("z"))["z"]
    tagged = learnt(track("a", mood=MoodName.SAD, origin=MoodOrigin.TAG), track("z"))["z"]
    assert said.affect.valence < tagged.affect.valence < POINT[0]


@pytest.mark.parametrize("tracks", [[track("a", mood=MoodName.SAD)], [track("b"), track("c")], []])
def test_without_labels_or_others_nothing_is_asked(tracks: list[Track]) -> None:
    def never(keys: Collection[str]) -> dict[str, tuple[float, float, float]]:
        raise AssertionError("asked")

    assert corrected({one.key: one for one in tracks}, never) == {}


def test_a_track_that_the_model_has_not_placed_stays() -> None:
    tracks = {one.key: one for one in (track("a", mood=MoodName.SAD), track("b"))}
    assert corrected(tracks, lambda keys: {"b": POINT}) == {}
    assert corrected(tracks, lambda keys: {"a": POINT}) == {}


@pytest.mark.parametrize("learn", [True, False])
def test_the_catalogue_moves_them_and_gives_the_same_objects_while_nothing_changes(tmp_path: Path, learn: bool) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for name, pitch in (("one", 300.0), ("two", 500.0)):
        tone(music / f"{name}.wav", hz=pitch)
    with closing(Catalogue.open(tmp_path / "data", lambda path: Tags(path.stem, "Ada"), learn=learn)) as catalogue:
        found = catalogue.scan([music])
        for number, one in enumerate(found.tracks):
            mood = TrackMood(Affect(POINT[0], POINT[1]), 0.3, (1.0, 0.0, 0.0, 0.0), 100.0, features(number), -20.0)
            catalogue.analysed(one.key, "model", mood)
        catalogue.flush()
        catalogue.correct(found.tracks[0].key, MoodName.SAD)
        first, second = catalogue.load().tracks, catalogue.load().tracks
        assert all(a is b for a, b in zip(first, second, strict=True))
        (other,) = [one for one in first if one.key != found.tracks[0].key]
        assert (other.affect.valence < POINT[0] - 0.05) is learn
        (point,) = [one for one in points_of(first, catalogue.affects()) if one.by_model]
        assert (point.model == Affect(POINT[0], POINT[1])) is learn
        catalogue.correct(found.tracks[0].key, None)
        assert {one.affect.valence for one in catalogue.load().tracks} == {POINT[0]}


def library_of_two(folder: Path) -> tuple[Path, Path]:
    """Music of one artist, whose two songs are happy to the model; returns the music and the data folder."""
    music, data = folder / "music", folder / "data"
    music.mkdir()
    for name, pitch in (("one", 300.0), ("two", 500.0)):
        tone(music / f"{name}.wav", hz=pitch)
    return music, data


def analysed(catalogue: Catalogue, music: Path) -> list[str]:
    """The keys of the tracks, by title."""
    found = sorted(catalogue.scan([music]).tracks, key=lambda one: one.title)
    for number, one in enumerate(found):
        mood = TrackMood(Affect(POINT[0], POINT[1]), 0.3, (1.0, 0.0, 0.0, 0.0), 100.0, features(number), -20.0)
        catalogue.analysed(one.key, "model", mood)
    catalogue.flush()
    return [one.key for one in found]


def test_everybody_who_looks_into_the_library_sees_the_moved_mood(tmp_path: Path) -> None:
    music, data = library_of_two(tmp_path)
    with (
        closing(Catalogue.open(data, lambda path: Tags(path.stem, "Ada"), learn=True)) as catalogue,
        closing(Browser(data, fresh_s=0.0)) as browser,
    ):
        one, two = analysed(catalogue, music)
        for number in range(2):  # the second time, nothing is new
            catalogue.correct(one, MoodName.SAD)
            (chosen,) = [track for track in catalogue.load().tracks if track.key == two]
            assert (chosen.affect.valence < POINT[0] - 0.05, chosen.origin) == (True, MoodOrigin.MODEL)
            assert browser.track(two) == browser.search("two").tracks[0] == chosen, number
            assert [track.key for track in browser.tracks(Selection(mood=chosen.mood)).items] == [two]
            assert browser.moods()[chosen.mood] == 1
            points = browser.points()
            (at,) = [at for at, origin in enumerate(points.origins) if tuple(MoodOrigin)[origin] is MoodOrigin.MODEL]
            assert browser.numbered(points.numbers[at]) == chosen
            assert points.valence[at] == pytest.approx(chosen.affect.valence)
        assert catalogue.affects()[two] == POINT, "what the model says stays known"
        catalogue.correct(one, None)
        catalogue.load()
        found = browser.track(two)
        assert found is not None
        assert found.affect == Affect(POINT[0], POINT[1])


def test_to_switch_it_off_brings_everything_back_and_a_new_analysis_starts_afresh(tmp_path: Path) -> None:
    music, data = library_of_two(tmp_path)

    def opened(*, learn: bool) -> Catalogue:
        return Catalogue.open(data, lambda path: Tags(path.stem, "Ada"), learn=learn)

    def valence(key: str) -> float:
        with closing(Browser(data)) as browser:
            found = browser.track(key)
            assert found is not None
            return found.affect.valence

    with closing(opened(learn=True)) as catalogue:
        one, two = analysed(catalogue, music)
        catalogue.correct(one, MoodName.SAD)
        catalogue.load()
        moved = valence(two)
        assert moved < POINT[0]
    with closing(opened(learn=False)) as catalogue:
        catalogue.load()
        assert valence(two) == POINT[0]
    with closing(opened(learn=True)) as catalogue:
        catalogue.load()
        assert valence(two) == moved
        sounds = TrackMood(Affect(-0.9, 0.4), 0.3, (0.0, 1.0, 0.0, 0.0), 100.0, features(1), -20.0)
        catalogue.analysed(two, "newer model", sounds)
        catalogue.flush()
        assert valence(two) == pytest.approx(-0.9), "until the corrections are applied again"
        assert [track.affect.valence for track in catalogue.load().tracks if track.key == two] == [valence(two)]


def test_only_noticeable_moves_are_written() -> None:
    after = {one.key: one for one in (track("a"), track("b"), track("c"))}
    before = {"a": (0.4001, 0.4), "b": (0.5, 0.4), "gone": (0.1, 0.1)}
    assert changes(before, after) == [("gone", None), ("b", (0.4, 0.4)), ("c", (0.4, 0.4))]


def test_the_simulated_owner_finds_an_artists_common_error() -> None:
    """All clips of an artist are sad and the model calls them happy: correcting one helps the rest."""
    tracks = [track(f"{number}", f"artist {number // 4}") for number in range(40)]
    tracks = [Track(str(at), one.uri, "", one.artist, affect=Affect(0.05, 0.025), mood=MoodName.HAPPY,
                    origin=MoodOrigin.MODEL, features=one.features) for at, one in enumerate(tracks)]  # fmt: skip
    figures = owner(tracks, np.full(40, 2), 10, 0.0, 1)
    assert figures["relatives_before"] == 0.0
    assert figures["relatives_after"] > 0.9
    assert [quadrant_of(Affect(*p)) for p in ((1, 1), (-1, 1), (-1, -1), (1, -1))] == [0, 1, 2, 3]
    assert macro_f1(np.array([0, 1, 2, 3]), np.array([0, 1, 2, 3])) == 1.0
