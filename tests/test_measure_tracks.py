"""The measure of the tracker: plays, counting, and that ours keeps what was measured."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from device.domain import Face  # noqa: E402
from device.perception.tracker import START  # noqa: E402
from tools import evaluate  # noqa: E402
from tools.labelled import boxes  # noqa: E402
from tools.tracks import film, plays, stills  # noqa: E402
from tools.tracks import measure as measure_tracks  # noqa: E402
from tools.tracks.measure import Tally, best_pairing, greedy_overlap, judge, ours  # noqa: E402
from tools.tracks.plays import Actor, Moment, Play, covered, face, sketch  # noqa: E402

LEFT, RIGHT = face(50, 50, 40, 52), face(200, 50, 40, 52)


def moments(*visible: dict[int, Face], found: tuple[Face, ...] | None = None) -> list[Moment]:
    return [Moment(step / 8, row, tuple(row.values()) if found is None else found) for step, row in enumerate(visible)]


def scripted(*rows: list[int]) -> measure_tracks.Numbering:
    """A tracker that gives the numbers it was told to."""
    left = iter(rows)
    return lambda faces, at_s: next(left)


BOTH = {0: LEFT, 1: RIGHT}


@pytest.mark.parametrize(
    ("rows", "swapped", "renumbered", "agreed"),
    [
        ([[1, 2], [1, 2], [1, 2], [1, 2]], 0, 0, 8),
        ([[1, 2], [1, 2], [1, 3], [1, 3]], 0, 1, 6),
        ([[1, 2], [1, 2], [2, 1], [2, 1]], 2, 0, 4),
        ([[1, 2], [1, 2], [1, 2], [2, 3]], 1, 1, 6),
    ],
)
def test_switches_are_told_apart(rows: list[list[int]], swapped: int, renumbered: int, agreed: int) -> None:
    tally = judge(moments(*[BOTH] * 4), scripted(*rows))
    assert (tally.swapped, tally.renumbered, tally.agreed) == (swapped, renumbered, agreed)
    assert tally.perfect == (swapped + renumbered == 0)
    figures = tally.figures()
    assert figures["idf1"] == pytest.approx(2 * agreed / 16)
    assert figures["mota"] == pytest.approx(1 - (swapped + renumbered) / 8)


def test_a_number_that_goes_on_with_somebody_else_is_swapped() -> None:
    tally = judge(moments({0: LEFT}, {}, {1: LEFT}), scripted([1], [], [1]))
    assert (tally.swapped, tally.renumbered) == (1, 0)


def test_misses_and_false_alarms_count_against_mota() -> None:
    tally = judge(moments(BOTH, BOTH, found=(LEFT, face(150, 150, 30, 39))), scripted([1, 2], [1, 2]))
    assert (tally.missed, tally.alarms) == (2, 2)
    assert tally.figures()["mota"] == pytest.approx(1 - 4 / 4)


def test_the_best_pairing_is_one_to_one() -> None:
    assert best_pairing(Counter({(0, 1): 5, (1, 1): 4, (1, 2): 1})) == 6
    assert best_pairing(Counter({(0, 1): 5, (1, 1): 9, (0, 2): 6, (1, 2): 8})) == 15
    assert best_pairing(Counter()) == 0


def test_tallies_add_up() -> None:
    assert Tally(1, 2, 3, 4, 5, 6, 7, 8, 9) + Tally(faces=10) == Tally(11, 2, 3, 4, 5, 6, 7, 8, 9)


def test_the_nearer_cover_the_farther() -> None:
    play = Play("x", 8, 1, (Actor(lambda at_s: (100, 100), 40), Actor(lambda at_s: (105, 100), 60)))
    assert covered(play, 0.0) == {0: pytest.approx(1.0), 1: 0.0}


def test_a_hand_hides_all_and_the_edge_a_part() -> None:
    play = Play("x", 8, 9, (Actor(lambda at_s: (0, 100), 40, away=((1, 2),), leaves_s=3),))
    assert [covered(play, at_s).get(0) for at_s in (0.5, 1.5, 3.5)] == [pytest.approx(0.5), 1.0, None]


@pytest.mark.parametrize("write", plays.PLAYS)
def test_plays_depend_on_their_seed_only(write: object) -> None:
    one, again, other = (
        next(measure_tracks.shows(write, 4.0, [seed], sketch))  # type: ignore[arg-type]
        for seed in (1, 1, 2)
    )
    assert one == again != other
    assert len(one) >= 8
    assert sum(len(moment.visible) for moment in one) >= len(one) / 2


def test_ours_crosses_better_than_overlap_alone() -> None:
    """On seeds that were neither used to choose the figures nor are reported."""
    tallies = {start: Tally() for start in (ours, greedy_overlap)}
    for write in (plays.crossing, plays.passing, plays.hand):
        for play in measure_tracks.shows(write, 8.0, range(5000, 5015), sketch):
            for start in tallies:
                tallies[start] += judge(play, start())
    assert tallies[ours].swapped <= 3
    assert tallies[greedy_overlap].swapped >= 10
    assert tallies[ours].perfect > tallies[greedy_overlap].perfect
    assert tallies[ours].figures()["idf1"] > 0.93


def test_sketches_alone_need_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tracks", "--data", str(tmp_path), "--sketches", "1", "--films", "0"]
    assert evaluate.main([*words, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["sketches"]["ours"]["all"]["plays"] == 21
    assert evaluate.main(words) == 0
    assert "greedy overlap" in capsys.readouterr().out


def test_what_cannot_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tracks", "--data", str(tmp_path), "--sketches", "0"]
    assert evaluate.main(words) == 1
    assert "valid.json" in capsys.readouterr().err
    assert evaluate.main([*words, "--films", "0", "--video", str(tmp_path / "none.mp4")]) == 1
    assert "cannot be read as a video" in capsys.readouterr().err


# --- with real faces -------------------------------------------------------------------------------------------


def test_a_film_shows_what_the_play_says(shared_dir: Path) -> None:
    cast = film.people(shared_dir / "data" / "faces", "valid")[:2]
    assert all(len(pictures) >= 2 for pictures in cast)
    ground = boxes.held_back_backgrounds(shared_dir / "data" / "faces")[0].gray
    away = Actor(lambda at_s: (230, 120), 50, away=((0.5, 1.0),))
    play = Play("x", 4, 1.5, (Actor(lambda at_s: (80, 120), 60), away))
    frames: list[np.ndarray] = []

    def find(gray: np.ndarray) -> list[Face]:
        frames.append(gray)
        return []

    shown = list(film.film(play, np.random.default_rng(0), cast, ground, find))
    assert [sorted(moment.visible) for moment in shown] == [[0, 1]] * 2 + [[0]] * 2 + [[0, 1]] * 2
    assert {frame.shape for frame in frames} == {(240, 320)}
    assert frames[0][100:140, 210:250].std() > 2 * frames[2][100:140, 210:250].std()


def test_the_talking_woman_has_one_number(shared_dir: Path) -> None:
    arguments = argparse.Namespace(
        models=ROOT / "models",
        sketches=0,
        films=0,
        stills=0,
        split="valid",
        data=None,
        video=shared_dir / "data" / "video" / "talking_woman.mp4",
    )
    figures = measure_tracks.measure(arguments)["video"]
    assert figures.pop("frames") == 464
    assert set(figures.values()) == {1}
    assert len(figures) == 4


# --- stills ------------------------------------------------------------------------------------------------------


def still(file: str, *labels: boxes.Label) -> boxes.Picture:
    gray = np.random.default_rng(0).integers(0, 256, (240, 320), np.uint8)
    return boxes.Picture(file, "rooms", cv2.GaussianBlur(gray, (0, 0), 3), labels)


def test_a_still_trembles_with_its_labels() -> None:
    truth = boxes.Label(np.array([100, 80, 40, 50], np.float32), np.zeros((5, 2), np.float32))
    shown = list(stills.tremble(still("a", truth)))
    assert len(shown) == stills.FRAMES
    assert len({one.gray.tobytes() for one in shown}) == stills.FRAMES
    moved = np.array([one.labels[0].box[:2] - truth.box[:2] for one in shown])
    assert 0.2 < np.abs(moved).max() < 6
    assert all((one.gray == again.gray).all() for one, again in zip(shown, stills.tremble(still("a")), strict=True))


def test_what_lasts_is_confirmed_and_what_flashes_is_not() -> None:
    truth = boxes.Label(np.array([100, 80, 40, 50], np.float32), np.zeros((5, 2), np.float32))
    weak = replace(face(100, 80, 40, 50), score=START)
    figures = stills.measure_stills(lambda gray: [weak], [still("a", truth)], [])
    assert figures["recall_single_frames"] == figures["recall_confirmed_in_the_last_frame"] == 1.0
    assert figures["recall_confirmed"] == pytest.approx(1 - 2 / stills.FRAMES)
    frames = iter(range(1000))
    figures = stills.measure_stills(lambda gray: [weak] if next(frames) % 20 == 5 else [], [], [still("b")])
    assert figures["false_boxes_per_1000_frames"] == pytest.approx(1000 / stills.FRAMES)
    assert figures["false_tracks_per_1000_frames"] == figures["share_of_empty_frames_with_a_false_track"] == 0
