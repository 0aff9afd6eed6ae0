"""Measuring face detectors: matching and counting by hand, the hard set on drawn people, and the whole tool."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from device.domain import Face
from device.perception import crop
from device.perception.emotion import EmotionClassifier
from device.perception.faces import FaceDetector

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import evaluate  # noqa: E402
from tools.faces.hard import cutout, kinds  # noqa: E402
from tools.faces.measuring import chain, matching, seen  # noqa: E402
from tools.faces.measuring.matching import Match, compare  # noqa: E402
from tools.faces.measuring.sets import Sets  # noqa: E402
from tools.labelled.boxes import Label, Picture, held_back_backgrounds  # noqa: E402
from tools.labelled.emotions import LabelledFaces, read_split  # noqa: E402


def label(x: float, y: float, w: float, h: float, **more: Any) -> Label:
    """A face whose landmarks sit where they do on most people."""
    shares = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
    return Label(np.array([x, y, w, h], np.float32), shares * [w, h] + [x, y], **more)


def face(x: float, y: float, w: float, h: float, score: float = 0.9) -> Face:
    points = [(float(px), float(py)) for px, py in label(x, y, w, h).landmarks]
    return Face(x=x, y=y, w=w, h=h, score=score, landmarks=(points[0], points[1], points[2], points[3], points[4]))


def hit(score: float, width_px: float = 40) -> Match:
    return Match(score, width_px, 0.05, width_px)


def alarm(score: float, found_px: float = 40) -> Match:
    return Match(score, None, None, found_px)


# --- matching and counting --------------------------------------------------------------------------------------


def test_average_precision_of_a_perfect_and_of_a_blind_detector() -> None:
    truth = [label(10, 10, 40, 50), label(100, 10, 40, 50)]
    perfect = compare([face(10, 10, 40, 50), face(100, 10, 40, 50)], truth)
    assert matching.average_precision(perfect) == 1.0
    assert matching.average_precision(compare([], truth)) == 0.0


def test_average_precision_by_hand() -> None:
    """Hit 0.9, false alarm 0.8, hit 0.7, one face missed: precision 1 up to recall 1/3, then 2/3 up to 2/3."""
    truth = [label(10, 10, 40, 50), label(100, 10, 40, 50), label(200, 100, 40, 50)]
    found = [face(10, 10, 40, 50, 0.9), face(10, 150, 40, 50, 0.8), face(100, 10, 40, 50, 0.7)]
    matches = compare(found, truth)
    assert matching.average_precision(matches) == pytest.approx(1 / 3 + 1 / 3 * 2 / 3)
    assert matching.recall(matches, 0.75) == pytest.approx(1 / 3)
    assert matching.recall(matches, 0.5) == pytest.approx(2 / 3)


def test_average_precision_does_not_hang_on_the_order_of_equal_scores() -> None:
    tied = [hit(0.8), alarm(0.8), alarm(0.8), hit(0.8)]
    assert matching.average_precision(tied) == matching.average_precision(tied[::-1]) == pytest.approx(0.5)


def test_a_face_found_twice_is_a_false_alarm_once() -> None:
    matches = compare([face(10, 10, 40, 50), face(11, 11, 40, 50)], [label(10, 10, 40, 50)])
    assert sorted(match.width_px is None for match in matches) == [False, True]


def test_an_ignored_face_counts_neither_way() -> None:
    ignored = label(10, 10, 40, 50, ignored=True)
    assert compare([], [ignored]) == []
    assert compare([face(10, 10, 40, 50), face(12, 20, 40, 50)], [ignored]) == []


def test_landmark_error_is_a_share_of_the_distance_between_the_eyes() -> None:
    truth = label(100, 100, 50, 60)  # eyes 20 px apart
    assert matching.miss(face(102, 100, 50, 60), truth) == pytest.approx(2 / 20)


def test_a_size_band_holds_its_faces_and_the_false_alarms_of_that_size() -> None:
    matches = [hit(0.9, 25), hit(0.8, 40), alarm(0.7, 25), alarm(0.6, 200), Match(-1.0, 25)]
    bands = matching.by_width(matches, 0.5)
    assert bands["20-30"] == {"faces": 2, "ap": pytest.approx(0.5), "recall": pytest.approx(0.5)}
    assert bands["30-50"] == {"faces": 1, "ap": 1.0, "recall": 1.0}
    assert bands["90-1000"]["faces"] == 0


def test_recall_is_given_where_there_are_so_many_false_boxes_a_picture_and_by_group() -> None:
    masked, plain = label(10, 10, 40, 50, masked=True), label(100, 10, 25, 30)
    picture = Picture("a", "wider", np.zeros((240, 320), np.uint8), (masked, plain), ("dim",))
    found = [face(10, 10, 40, 50, 0.9), face(200, 150, 40, 50, 0.8), face(100, 10, 25, 30, 0.7)]
    empty = Picture("b", "rooms", np.zeros((240, 320), np.uint8), ())
    rows = seen.at_false_boxes(seen.Seen([(picture, found)], [(empty, [])]))
    assert rows["0.3"]["recall"] == 0.5  # no false box among two pictures
    assert rows["1"]["recall"] == 1.0
    groups = rows["0.3"]["groups"]
    assert groups["masked"] == {"faces": 1, "recall": 1.0}
    assert groups["unmasked"] == groups["20-30 px"] == {"faces": 1, "recall": 0.0}
    assert groups["dim"] == groups["wider"] == {"faces": 2, "recall": 0.5}
    assert "30-50 px" not in groups  # by width only those without a mask


def test_the_threshold_for_so_many_alarms() -> None:
    matches = [hit(0.9), alarm(0.8), hit(0.7), alarm(0.6), hit(0.5), alarm(0.5)]
    assert matching.threshold_for(matches, 0) == 0.9
    assert matching.threshold_for(matches, 1) == 0.7
    assert matching.threshold_for(matches, 2) == 0.6
    assert matching.threshold_for(matches, 9) == 0.5
    assert matching.threshold_for([alarm(0.9)], 0) > 1


def test_detectors_are_compared_at_the_alarms_of_the_reference() -> None:
    person = Picture("crowd 0", "crowd", np.zeros((240, 320), np.uint8), (label(10, 10, 40, 50),))
    empty = Picture("wall", "background", np.zeros((240, 320), np.uint8), ())
    found, wrong = face(10, 10, 40, 50, 0.6), face(200, 100, 40, 50, 0.75)
    strict = seen.Seen([], [(empty, [])], [(person, [found])])
    loose = seen.Seen([], [(empty, [wrong])], [(person, [found])])
    figures = seen.at_equal_alarms({"yunet_n": strict, "ours": loose})
    assert figures["yunet_n"]["recall"] == 1.0  # no alarm at 0.7 nor below it
    assert figures["ours"]["false_alarms_allowed"] == 0
    assert figures["ours"]["recall"] == 0.0  # its face is less sure than its alarm
    assert figures["ours"]["threshold"] > 0.75
    assert seen.at_equal_alarms({"ours": loose}) == {}


# --- the hard set -----------------------------------------------------------------------------------------------


def person(number: int, width: int = 60) -> Picture:
    """Somebody drawn: a light ellipse with eyes and a mouth on a dark ground."""
    random = np.random.default_rng(number)
    gray = np.full((width * 3, round(width * 2.6)), 60, np.uint8)
    truth = label(width * 0.8, width * 0.7, width, width * 1.3)
    x, y, w, h = (float(v) for v in truth.box)
    cv2.ellipse(gray, (round(x + w / 2), round(y + h / 2)), (round(w / 2), round(h / 2)), 0, 0, 360, 190, -1)
    for point in truth.landmarks:
        cv2.circle(gray, (round(float(point[0])), round(float(point[1]))), max(2, width // 12), 40, -1)
    noise = random.normal(0, 4, gray.shape)
    return Picture(f"person {number}", "video", np.clip(gray + noise, 0, 255).astype(np.uint8), (truth,))


def wall(number: int) -> Picture:
    random = np.random.default_rng(number)
    coarse = random.integers(20, 220, (12, 16), np.uint8)
    return Picture(f"wall {number}", "background", np.asarray(cv2.resize(coarse, (220, 165))), ())


@pytest.fixture(scope="module")
def hard() -> list[Picture]:
    return kinds.pictures([person(n, 40 + 12 * n) for n in range(9)], [wall(n) for n in range(4)], a_kind=4)


def test_the_hard_set_is_always_the_same(hard: Sequence[Picture]) -> None:
    again = kinds.pictures([person(n, 40 + 12 * n) for n in range(9)], [wall(n) for n in range(4)], a_kind=2)
    both = [picture for picture in hard if int(picture.file.split()[-1]) < 2]
    assert [picture.file for picture in again] == [picture.file for picture in both]
    assert all((one.gray == other.gray).all() for one, other in zip(again, both, strict=True))


def test_the_hard_set_has_every_kind_with_faces_that_count(hard: Sequence[Picture]) -> None:
    for kind in kinds.KINDS:
        own = [picture for picture in hard if picture.source == kind]
        counting = [one for picture in own for one in picture.labels if not one.ignored]
        assert len(own) == 4
        assert counting
        assert min(float(one.box[2]) for one in counting) >= 20
        assert all(picture.gray.shape == (240, 320) and picture.gray.dtype == np.uint8 for picture in own)


def test_labels_of_the_hard_set_lie_on_the_drawn_faces(hard: Sequence[Picture]) -> None:
    """Eyes are darker than the cheeks between them and the mouth, wherever a face counts and nothing is masked."""
    right = []
    for picture in hard:
        if picture.source not in ("crowd", "turned"):
            continue
        for one in picture.labels:
            if one.ignored or one.box[2] < 30:
                continue
            eyes = one.landmarks[:2].round().astype(int)
            cheeks = ((one.landmarks[:2] + one.landmarks[3:]) / 2).round().astype(int)
            if min(eyes.min(), cheeks.min()) < 0 or (np.vstack([eyes, cheeks]).max(0) >= [320, 240]).any():
                continue
            right.append(picture.gray[eyes[:, 1], eyes[:, 0]].mean() < picture.gray[cheeks[:, 1], cheeks[:, 0]].mean())
    assert len(right) > 20
    assert np.mean(right) > 0.9


def test_dark_pictures_are_dark(hard: Sequence[Picture]) -> None:
    levels = {
        kind: float(
            np.mean(
                [
                    p.gray[int(y) : int(y + h), int(x) : int(x + w)].mean()
                    for p in hard
                    if p.source == kind
                    for x, y, w, h in (np.maximum(0, one.box) for one in p.labels if not one.ignored)
                ]
            )
        )
        for kind in ("crowd", "dark", "dark crowd")
    }
    assert levels["dark"] < 70
    assert levels["dark crowd"] < 70
    assert levels["crowd"] > 90


def test_a_turned_view_keeps_the_landmarks_on_the_face() -> None:
    gray, inside, truth = cutout.view(person(1), (200, 200), (100, 100), 60.0, 30.0)
    assert inside[100, 100] == 1
    assert truth.box[:2] + truth.box[2:] / 2 == pytest.approx([100, 100], abs=0.01)
    assert truth.box[2] > 60  # the ellipse is higher than wide, turning makes its box wider
    eyes = truth.landmarks[:2].round().astype(int)
    assert gray[eyes[:, 1], eyes[:, 0]].max() < 100


def test_the_hard_set_says_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="single people"):
        kinds.pictures([], [wall(1)])
    with pytest.raises(ValueError, match="without faces"):
        kinds.pictures([person(1)], [])


# --- the whole ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder shaped like the real one: six drawn people and four walls."""
    folder = tmp_path_factory.mktemp("faces")
    entries = []
    for picture in [*(person(n, 50 + 10 * n) for n in range(6)), *(wall(n) for n in range(4))]:
        file = f"{picture.file.replace(' ', '_')}.png"
        cv2.imwrite(str(folder / file), picture.gray)
        faces = [{"box": one.box.tolist(), "landmarks": one.landmarks.tolist()} for one in picture.labels]
        entries.append({"file": file, "source": picture.source, "faces": faces})
    (folder / "valid.json").write_text(json.dumps(entries))
    return folder


def test_evaluate_prints_json(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["faces", "--data", str(data_dir), "--json", "--hard", "1"]
    assert evaluate.main(words) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["faces"] == 6
    assert figures["false_alarms"]["pictures"] == 4
    assert set(figures["hard"]["kinds"]) == set(kinds.KINDS)
    assert set(figures["by_width_px"]) == set(figures["hard"]["by_width_px"])
    assert figures["milliseconds"]["p50"] > 0
    assert "equal_alarms" not in figures  # there was no reference to compare with


def test_evaluate_prints_a_table(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["faces", "--data", str(data_dir), "--hard", "1"]) == 0
    printed = capsys.readouterr().out
    assert all(kind in printed for kind in kinds.KINDS)


def test_evaluate_says_which_file_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["faces", "--data", str(tmp_path)]) == 1
    assert "valid.json" in capsys.readouterr().err


def test_nobody_found_gives_zeros_not_errors() -> None:
    sets = Sets((person(1),), (wall(1),))
    figures = seen.judge(lambda gray: [], sets, 0.5)
    assert figures["ap"] == figures["recall"] == 0.0
    assert figures["false_alarms"] == {"count": 0, "pictures": 1}
    assert figures["landmark_error"] == 1.0


def test_evaluate_draws_what_it_counted(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    words = ["faces", "--data", str(data_dir), "--hard", "1", "--plots", str(tmp_path / "plots")]
    assert evaluate.main(words) == 0
    names = ["false_alarms", "landmark_error", "misses", "precision_recall", "recall_against_alarms", "recall_by_size"]
    names.append("recall_over_false_boxes")
    assert sorted(path.stem for path in (tmp_path / "plots").iterdir()) == names
    for name in names:
        picture = cv2.imread(str(tmp_path / "plots" / f"{name}.png"))
        assert picture is not None
        assert picture.std() > 5  # something is drawn


def test_a_sheet_shows_the_least_sure_misses_first() -> None:
    pytest.importorskip("matplotlib")
    from tools.faces.measuring import mistakes

    truth = (label(10, 10, 40, 50), label(100, 10, 40, 50), label(200, 10, 60, 70), label(200, 100, 20, 25))
    picture = Picture("people/anna_1.jpg", "video", np.zeros((240, 320), np.uint8), truth)
    found = [face(10, 10, 40, 50, 0.9), face(100, 10, 40, 50, 0.3)]
    worst = mistakes._worst(mistakes.misses([(picture, found)], threshold=0.5))
    assert [(one.box[2], one.score) for one in worst] == [(60.0, 0.0), (20.0, 0.0), (40.0, pytest.approx(0.3))]
    assert worst[0].caption == "anna_1\n60 px, not seen"


# --- the chain from frame to emotion -----------------------------------------------------------------------------


def labelled(count: int = 6) -> LabelledFaces:
    """Faces that differ in one thing that can be read: how bright they are."""
    random = np.random.default_rng(3)
    levels = np.arange(count) * 20 + 60
    faces = levels[:, None, None] + cv2.GaussianBlur(random.normal(0, 60, (48, 48)), (0, 0), 3)[None]
    votes = np.zeros((count, 10), np.float32)
    votes[np.arange(count), np.arange(count) % 8] = 9
    return LabelledFaces(np.clip(faces, 0, 255).astype(np.uint8), votes)


def read_brightness(crop48: np.ndarray) -> np.ndarray:
    """The class whose brightness is nearest; what `labelled` made can be read by it."""
    middle = np.array([float(one[8:40, 8:40].mean()) for one in labelled().faces])
    scores = np.zeros(8, np.float32)
    scores[: len(middle)] = -np.abs(middle - float(crop48[8:40, 8:40].mean()))
    scores[len(middle) :] = -1000
    return scores


def seeing(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, Face]]:
    """Remember every pasted frame with the face that a perfect detector would find in it."""
    pasted: list[tuple[np.ndarray, Face]] = []
    paste = chain.paste

    def remember(*arguments: Any) -> Any:
        frame, matrix = paste(*arguments)
        true = chain._true_face(matrix)
        middle = matrix[:, :2] @ [24.0, 24.1] + matrix[:, 2]
        x, y = (middle - true.w / 2).tolist()
        pasted.append((frame, replace(true, x=x, y=y)))
        return frame, matrix

    monkeypatch.setattr(chain, "paste", remember)
    return pasted


def test_a_chain_that_finds_everything_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "LIGHTS", {"day": 1.0, "afternoon": 1.0})  # the reader below reads brightness
    pasted = seeing(monkeypatch)
    figures = chain.measure_chain(lambda gray: [pasted[-1][1]], read_brightness, labelled(), [wall(1), wall(2)])
    assert figures["faces"] == 6 * len(chain.SIDES_PX)
    assert figures["share_found"] == figures["accuracy_direct"] == figures["accuracy_found"] == 1.0
    assert figures["accuracy_placed"] == 1.0
    assert figures["difference_points"] == 0.0
    assert figures["framing"]["measured"]["centre_px"] == pytest.approx(
        figures["framing"]["used"]["centre_px"], abs=0.1
    )
    assert figures["framing"]["measured"]["size_px"] == pytest.approx(figures["framing"]["used"]["size_px"], abs=0.1)
    assert figures["framing"]["measured"]["box_px"] == pytest.approx(figures["framing"]["used"]["box_px"], abs=0.1)


def test_every_other_face_is_read_in_dim_light(monkeypatch: pytest.MonkeyPatch) -> None:
    pasted, frames = seeing(monkeypatch), []

    def find(gray: np.ndarray) -> list[Face]:
        frames.append(gray)
        return [pasted[-1][1]]

    figures = chain.measure_chain(find, read_brightness, labelled(), [wall(1), wall(2)])
    assert figures["by_light"]["day"]["faces"] == figures["by_light"]["dim"]["faces"] == 3 * len(chain.SIDES_PX)
    brightness = [frame.mean() / original.mean() for frame, (original, _) in zip(frames, pasted, strict=True)]
    assert sorted(brightness)[len(brightness) // 2 - 1] == pytest.approx(chain.LIGHTS["dim"], abs=0.1)
    assert max(brightness) == pytest.approx(1.0)


def test_a_blind_chain_is_all_misses() -> None:
    figures = chain.measure_chain(lambda gray: [], read_brightness, labelled(), [wall(1)])
    assert figures["share_found"] == figures["accuracy_misses_wrong"] == 0.0
    assert figures["accuracy_found"] is None
    assert figures["difference_points"] is None
    assert figures["framing"] is None


def test_a_chain_that_cuts_beside_the_face_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Landmarks far off, boxes right: the crop shows the background, and the accuracy falls."""
    pasted = seeing(monkeypatch)

    def find(gray: np.ndarray) -> list[Face]:
        true = pasted[-1][1]
        points = tuple((x + true.w, y + true.h) for x, y in true.landmarks)
        return [replace(true, landmarks=points)]

    figures = chain.measure_chain(find, read_brightness, labelled(), [wall(1), wall(2)])
    assert figures["share_found"] == 1.0
    assert figures["difference_points"] < -20


def test_a_find_elsewhere_is_not_the_pasted_face() -> None:
    _, matrix = chain.paste(np.random.default_rng(1), labelled().faces[0], np.zeros((240, 320), np.uint8), 72)
    middle = matrix[:, :2] @ [24.0, 24.1] + matrix[:, 2]
    right = face(middle[0] - 32, middle[1] - 32, 64, 64, 0.6)
    elsewhere = face(middle[0] + 60, middle[1] - 32, 64, 64, 0.99)
    tiny = face(middle[0] - 6, middle[1] - 6, 12, 12, 0.99)
    assert chain.pick([elsewhere, tiny, right], matrix, 72) == right
    assert chain.pick([elsewhere, tiny], matrix, 72) is None


def test_pasting_keeps_the_pixels_of_the_face() -> None:
    """Cut out again with the true landmarks, a face is nearly what it was, at every size."""
    one = labelled().faces[2]
    for side in chain.SIDES_PX:
        frame, matrix = chain.paste(np.random.default_rng(side), one, np.full((240, 320), 90, np.uint8), side)
        again = crop.align(frame, chain._true_face(matrix))
        assert np.abs(again.astype(float) - one).mean() < 3


def test_the_chain_says_what_it_lacks() -> None:
    nobody = labelled().pick(np.zeros(6, bool))
    with pytest.raises(ValueError, match="majority"):
        chain.measure_chain(lambda gray: [], read_brightness, nobody, [wall(1)])


@pytest.mark.slow
def test_the_shipped_chain_loses_at_most_two_points(shared_dir: Path, models_dir: Path) -> None:
    """Every 16th face; the whole set is measured by tools/evaluate.py faces --emotion."""
    faces = read_split(shared_dir / "data" / "emotion", "valid")
    faces = faces.pick(np.arange(0, len(faces), 16))
    backgrounds = held_back_backgrounds(shared_dir / "data" / "faces")[:40]
    detector, classifier = FaceDetector.load(models_dir), EmotionClassifier.load(models_dir)
    figures = chain.measure_chain(detector.find, classifier.scores, faces, backgrounds)
    assert figures["share_found"] > 0.5
    assert figures["accuracy_found"] > 0.8
    assert figures["difference_points"] > -2
