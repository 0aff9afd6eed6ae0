"""The face detector: decoding of synthetic networks, bad frames and cards, and real faces where they are at hand."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.domain import Face
from device.errors import ModelError
from device.model import Card, Tensor
from device.perception.cells import UNIT_STRIDES, Grid, cell_centres
from device.perception.faces import KINDS, STRIDES, SURER, FaceDetector, merge
from device.perception.tracker import SURE

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "models"
sys.path.insert(0, str(ROOT))

from tools.faces import measure as measure_faces  # noqa: E402
from tools.labelled.boxes import Label  # noqa: E402

HEIGHT, WIDTH = 240, 320


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector.load(MODELS)


def label(x: float, y: float, w: float, h: float, **more: Any) -> Label:
    """A face whose landmarks sit where they do on most people."""
    shares = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
    return Label(np.array([x, y, w, h], np.float32), shares * [w, h] + [x, y], **more)


def face(x: float, y: float, w: float, h: float, score: float = 0.9) -> Face:
    points = [(float(px), float(py)) for px, py in label(x, y, w, h).landmarks]
    return Face(x=x, y=y, w=w, h=h, score=score, landmarks=(points[0], points[1], points[2], points[3], points[4]))


LARGEST = {8: 50.0, 16: 104.0, 32: 1e9}  # the square root of a face's area that the oracle's strides answer for


def answer(labels: Sequence[Label], stride: int, sure: float) -> list[np.ndarray]:
    """Score, box and landmarks of a stride, as a net would draw the faces that are its: in the cells near a centre."""
    rows, columns = -(-HEIGHT // stride), -(-WIDTH // stride)
    scores, boxes = np.full((rows, columns, 1), -9.0), np.zeros((rows, columns, 4))
    points, centres = np.zeros((rows, columns, 10)), cell_centres(rows, columns, stride)
    for one in labels:
        x, y, w, h = (float(v) for v in one.box)
        if stride != next(s for s, largest in LARGEST.items() if math.sqrt(w * h) < largest):
            continue
        offset = np.array([x + w / 2, y + h / 2]) - centres
        cells = (np.abs(offset) <= np.clip(0.28 * np.array([w, h]), 0.51 * stride, 1.5 * stride)).all(-1)
        scores[cells] = sure
        boxes[cells, :2] = offset[cells] / stride
        boxes[cells, 2:] = np.log(np.array([w, h]) / (UNIT_STRIDES * stride))
        points[cells] = ((one.landmarks[None] - centres[cells][:, None]) / (UNIT_STRIDES * stride)).reshape(-1, 10)
    return [scores, boxes, points]


class Oracle:
    """A network that knows where the faces are; remembers what it was shown."""

    def __init__(self, labels: Sequence[Label], sure: float = 5.0) -> None:
        outputs = [out for stride in STRIDES for out in answer(labels, stride, sure)]
        self.outputs = [out[None].astype(np.float32) for out in outputs]
        names = [f"{kind}_{stride}" for stride in STRIDES for kind in KINDS]
        tensors = (Tensor(name, out.shape, 1.0, 0) for name, out in zip(names, self.outputs, strict=True))
        image = Tensor("image", (1, HEIGHT, WIDTH, 1), 1 / 128, 0)
        self.card = Card("face_detector", "1", "", (image,), tuple(tensors), (), {})
        self.seen: list[np.ndarray] = []

    def run_stored(self, *inputs: np.ndarray) -> list[np.ndarray]:
        self.seen.append(inputs[0].copy())
        return self.outputs

    def close(self) -> None:
        pass


def around(oracle: Oracle, threshold: float = 0.5) -> FaceDetector:
    return FaceDetector(oracle, threshold)  # type: ignore[arg-type]


# --- decoding ---------------------------------------------------------------------------------------------------


@given(
    x=st.floats(0, 250),
    y=st.floats(0, 170),
    w=st.floats(17.5, 300),
    aspect=st.floats(1.1, 1.6),
)
@settings(max_examples=150, deadline=None)
def test_a_taught_face_of_any_size_is_read_back(x: float, y: float, w: float, aspect: float) -> None:
    centre_x, centre_y = x + 35, y + 35  # anywhere inside the picture, the box may reach over its edge
    truth = label(centre_x - w / 2, centre_y - w * aspect / 2, w, w * aspect)
    (found,) = around(Oracle([truth])).find(np.zeros((HEIGHT, WIDTH), np.uint8))
    assert [found.x, found.y, found.w, found.h] == pytest.approx(truth.box.tolist(), abs=0.05)
    np.testing.assert_allclose(found.landmarks, truth.landmarks, atol=0.05)
    assert found.score == pytest.approx(1 / (1 + math.exp(-5)))


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 0.02))
@settings(deadline=None, max_examples=30)
def test_cells_are_decoded_as_their_card_says(seed: int, share: float) -> None:
    """Against the card's formula, a cell at a time."""
    random = np.random.default_rng(seed)
    tensors, outputs = [], []
    for stride in STRIDES:
        for kind, size in KINDS.items():
            shape = (1, -(-HEIGHT // stride), -(-WIDTH // stride), size)
            scale, zero_point = float(random.uniform(0.01, 0.03)), int(random.integers(99))
            tensors.append(Tensor(f"{kind}_{stride}", shape, scale, zero_point))
            low = random.integers(-128, 0, shape, np.int8)
            outputs.append(np.where(random.random(shape) < share, np.int8(127), low) if kind == "score" else low)
    order = {stride: [3 * level, 3 * level + 1, 3 * level + 2] for level, stride in enumerate(STRIDES)}
    expected = []
    for stride, places in order.items():
        score, box, points = (tensors[at].real(outputs[at][0]) for at in places)
        for row, column in np.argwhere(1 / (1 + np.exp(-score[..., 0])) >= 0.5):
            centre = (np.array([column, row]) + 0.5) * stride
            middle = centre + box[row, column, :2] * stride
            half = np.exp(box[row, column, 2:]) * UNIT_STRIDES * stride / 2
            marks = (centre + points[row, column].reshape(5, 2) * UNIT_STRIDES * stride).ravel()
            expected.append([1 / (1 + np.exp(-score[row, column, 0])), *(middle - half), *(middle + half), *marks])
    found = Grid(tensors, order, 0.5).decode(outputs)
    np.testing.assert_allclose(found, np.reshape(expected, (-1, 15)), rtol=1e-5, atol=1e-3)


def test_what_looks_narrower_than_17_pixels_is_left_out() -> None:
    oracle = Oracle([label(100, 80, 16, 21), label(200, 80, 18, 23)])
    (found,) = around(oracle).find(np.zeros((HEIGHT, WIDTH), np.uint8))
    assert found.w == pytest.approx(18, abs=0.05)


def test_every_face_of_a_crowd_is_read_back() -> None:
    crowd = [label(10 + 60 * column, 5 + 58 * row, 34, 46) for column in range(5) for row in range(4)]
    found = around(Oracle(crowd)).find(np.zeros((HEIGHT, WIDTH), np.uint8))
    assert len(found) == len(crowd)
    assert {(round(f.x), round(f.y)) for f in found} == {(round(t.box[0]), round(t.box[1])) for t in crowd}


def test_the_surest_face_comes_first() -> None:
    oracle = Oracle([label(30, 40, 30, 39), label(200, 100, 30, 39)])  # one stride answers for them
    left, right = (oracle.outputs[0][..., :20, :], oracle.outputs[0][..., 20:, :])
    left[left > 0], right[right > 0] = 1.0, 3.0
    found = around(oracle).find(np.zeros((HEIGHT, WIDTH), np.uint8))
    assert [round(f.x) for f in found] == [200, 30]
    assert found[0].score > found[1].score


def test_cells_that_mean_the_same_face_are_averaged_by_score() -> None:
    oracle = Oracle([label(100, 80, 30, 39)])  # one stride answers for it
    boxes, scores = oracle.outputs[1], oracle.outputs[0]
    cells = np.argwhere(scores[0, :, :, 0] > 0)
    assert len(cells) > 1
    row, column = cells[0]
    boxes[0, row, column, 0] += 0.5  # this cell alone says: 4 pixels further right
    (found,) = around(oracle).find(np.zeros((HEIGHT, WIDTH), np.uint8))
    assert found.x == pytest.approx(100 + 4 / len(cells), abs=0.05)


def test_a_surer_cell_has_more_to_say() -> None:
    row = np.array([0.9, 100, 80, 130, 119, *range(10)], np.float32)
    other = row + np.float32(3)
    other[0] = 0.6
    (merged,) = merge(np.stack([other, row]))
    share = 0.6**SURER / (0.6**SURER + 0.9**SURER)
    np.testing.assert_allclose(merged[1:], row[1:] + 3 * share, rtol=1e-5)
    assert merged[0] == row[0]


def boxes(*corners: tuple[float, float, float, float], score: float = 0.9) -> np.ndarray:
    rows = np.zeros((len(corners), 15), np.float32)
    rows[:, 0] = score - 0.01 * np.arange(len(corners))
    rows[:, 1:5] = np.reshape(corners, (-1, 4))
    return rows


def test_neighbours_who_hide_a_third_of_each_other_stay_two() -> None:
    assert len(merge(boxes((100, 80, 140, 132), (116, 80, 156, 132)))) == 2  # they share 43% of their union
    assert len(merge(boxes((100, 80, 140, 132), (116, 82, 156, 134)))) == 2
    assert len(merge(boxes((100, 80, 140, 132), (105, 82, 145, 134)))) == 1


def test_boxes_without_area_and_none_at_all_are_no_crash() -> None:
    assert merge(boxes()).shape == (0, 15)
    assert len(merge(boxes((5, 5, 5, 5), (5, 5, 5, 5), (9, 9, 3, 3)))) == 3


rows_of_boxes = st.lists(
    st.tuples(st.floats(0, 1, width=16), st.floats(0, 300), st.floats(0, 200), st.floats(1, 99), st.floats(1, 99)),
    max_size=40,
)


@given(rows_of_boxes)
@settings(deadline=None)
def test_merged_faces_are_fewer_sorted_and_have_the_scores_of_cells(cells: list[tuple[float, ...]]) -> None:
    found = boxes(*((x, y, x + w, y + h) for _, x, y, w, h in cells))
    found[:, 0] = [0.01 + 0.9 * cell[0] for cell in cells]
    merged = merge(found)
    scores = [float(row[0]) for row in merged]
    assert scores == sorted(scores, reverse=True)
    assert {round(score, 6) for score in scores} <= {round(float(score), 6) for score in found[:, 0]}
    assert bool(len(merged)) == bool(cells)
    for row in merged:
        assert row[1] >= found[:, 1].min() - 1e-3
        assert row[4] <= found[:, 4].max() + 1e-3


def test_below_the_threshold_there_is_nobody() -> None:
    oracle = Oracle([label(100, 80, 40, 52)], sure=0.0)
    black = np.zeros((HEIGHT, WIDTH), np.uint8)
    assert len(around(oracle, 0.49).find(black)) == 1
    assert around(oracle, 0.51).find(black) == []


@pytest.mark.parametrize("shape", [(240, 320), (480, 640), (336, 596), (165, 220), (320, 240), (16, 900), (1080, 1920)])
def test_a_picture_of_any_shape_is_fitted_and_the_face_mapped_back(shape: tuple[int, int]) -> None:
    scale = min(HEIGHT / shape[0], WIDTH / shape[1])
    oracle = Oracle([label(100, 80, 40, 52)])
    gray = np.full(shape, 255, np.uint8)
    gray[: shape[0] // 4] = 0  # a picture of one gray only would be lifted
    (found,) = around(oracle).find(gray)
    assert [found.x, found.y, found.w, found.h] == pytest.approx([v / scale for v in (100, 80, 40, 52)], abs=0.3)
    shown = oracle.seen[0][0, :, :, 0]
    rows, columns = round(shape[0] * scale), round(shape[1] * scale)
    assert (shown[rows // 3 : rows, :columns] == 127).all()
    assert (shown[rows:] == 0).all()  # gray 128, where the picture does not reach
    assert (shown[:, columns:] == 0).all()


def test_a_view_into_a_larger_picture_is_taken() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (480, 640), np.uint8)
    view = picture[::2, ::-2]
    oracle = Oracle([])
    around(oracle).find(view)
    around(oracle).find(view.copy())
    np.testing.assert_array_equal(oracle.seen[0], oracle.seen[1])


# --- bad frames and cards ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((0, 0), np.uint8), "too small"),
        (np.zeros((0, 320), np.uint8), "too small"),
        (np.zeros((1, 1), np.uint8), "1x1 pixels is too small"),
        (np.zeros((240, 320, 3), np.uint8), r"gray with shape \[height, width\], not \[240, 320, 3\]"),
        (np.zeros((240, 320, 1), np.uint8), "gray"),
        (np.zeros(320, np.uint8), "gray"),
        (np.full((240, 320), np.nan), "uint8 .* not float64"),
        (np.zeros((240, 320), np.int8), "not int8"),
        (np.zeros((240, 320), bool), "not bool"),
        ([[0] * 320] * 240, "numpy array, not list"),
        (None, "numpy array, not NoneType"),
    ],
)
def test_what_is_no_gray_picture_is_refused(detector: FaceDetector, frame: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        detector.find(frame)


@given(
    dtype=st.sampled_from(
        [np.int8, np.uint16, np.int32, np.float16, np.float32, np.float64, np.complex64, bool, object]
    ),
    shape=st.lists(st.integers(0, 40), max_size=4),
    value=st.sampled_from([0, 1, float("nan"), float("inf"), -1]),
)
@settings(max_examples=100, deadline=None)
def test_whatever_is_not_a_gray_picture_gets_a_sentence(dtype: Any, shape: list[int], value: float) -> None:
    with np.errstate(invalid="ignore"):
        frame = (
            np.zeros(shape, dtype) if dtype in (bool, np.int8) else np.full(shape, abs(value), np.float64).astype(dtype)
        )
    with pytest.raises(ValueError, match=r"^A frame .*\.$"):
        around(Oracle([])).find(frame)


@given(
    rows=st.integers(16, 130),
    columns=st.integers(16, 130),
    steps=st.tuples(st.sampled_from([-3, -2, -1, 1, 2, 3]), st.sampled_from([-3, -2, -1, 1, 2, 3])),
    turned=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_any_view_is_seen_as_its_copy(rows: int, columns: int, steps: tuple[int, int], turned: bool, seed: int) -> None:
    full = np.random.default_rng(seed).integers(0, 256, (rows * abs(steps[0]), columns * abs(steps[1])), np.uint8)
    view = full[:: steps[0], :: steps[1]]
    view = view.T if turned else view
    view.flags.writeable = False
    oracle = Oracle([label(40, 40, 60, 78)])
    assert around(oracle).find(view) == around(oracle).find(view.copy())
    np.testing.assert_array_equal(*oracle.seen)


def test_a_real_face_is_found_in_read_only_flipped_and_turned_views(shared_dir: Path) -> None:
    detector = FaceDetector.load(MODELS, threshold=0.3)
    picture = shared_dir / "data" / "faces" / "valid" / "video" / "Abdel_Aziz_Al-Hakim_01.jpg"
    gray = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
    assert gray is not None
    gray.flags.writeable = False
    channel = np.stack([np.zeros_like(gray), gray], axis=-1)[..., 1]
    assert detector.find(gray) == detector.find(channel) != []
    assert detector.find(gray[:, ::-1]) == detector.find(gray[:, ::-1].copy()) != []
    upright = np.ascontiguousarray(gray.T).T
    assert detector.find(upright) == detector.find(gray)


def test_a_huge_picture_is_shrunk_and_a_thin_one_bears_it(detector: FaceDetector) -> None:
    assert detector.find(np.full((6000, 8000), 90, np.uint8)) == []
    assert detector.find(np.full((16, 40000), 90, np.uint8)) == []
    assert detector.find(np.full((40000, 16), 90, np.uint8)) == []


def altered_card(tmp_path: Path, change: dict[str, Any]) -> Path:
    shutil.copy(MODELS / "face_detector.tflite", tmp_path)
    card = json.loads((MODELS / "face_detector.json").read_text())
    (tmp_path / "face_detector.json").write_text(json.dumps(card | change))
    return tmp_path


@pytest.mark.parametrize("threshold", [None, "high", 0, 1, -0.5, 7, float("nan")])
def test_a_card_without_a_usable_threshold_is_refused(tmp_path: Path, threshold: Any) -> None:
    with pytest.raises(ModelError, match="threshold"):
        FaceDetector.load(altered_card(tmp_path, {"threshold": threshold}))


def test_a_card_with_other_outputs_is_refused(tmp_path: Path) -> None:
    outputs = json.loads((MODELS / "face_detector.json").read_text())["outputs"]
    for output in outputs:
        output["name"] = output["name"].replace("score", "points")
    with pytest.raises(ModelError, match="needs an output score_8"):
        FaceDetector.load(altered_card(tmp_path, {"outputs": outputs}))


def test_closing_twice_does_nothing() -> None:
    detector = FaceDetector.load(MODELS)
    detector.close()
    detector.close()


# --- the shipped model ------------------------------------------------------------------------------------------


def test_the_card_keeps_to_its_limits() -> None:
    card = json.loads((MODELS / "face_detector.json").read_text())
    assert card["size_bytes"] <= 400_000
    assert card["input"]["shape"] == [1, HEIGHT, WIDTH, 1]
    assert {output["dtype"] for output in card["outputs"]} == {"int8"}
    for word in ("WIDER FACE", "YouTube Faces", "muxspace", "YuNet", "check first"):
        assert word in card["data"]


def test_the_card_shows_the_peers_in_the_same_run_and_what_the_aims_are_about() -> None:
    figures = json.loads((MODELS / "face_detector.json").read_text())["figures"]
    for split in ("scenes", "unseen", "valid"):
        ours, peer = figures[split], figures[split]["peers"]["yunet_n"]
        assert ours["milliseconds"]["cpu_p50"] <= 0.5 * peer["milliseconds"]["cpu_p50"]
        assert set(ours["at_false_boxes"]) == set(peer["at_false_boxes"]) == {"0.01", "0.03", "0.1", "0.3", "1"}
    assert {"masked", "unmasked", "dim", "20-30 px"} <= set(figures["scenes"]["at_false_boxes"]["0.1"]["groups"])
    assert set(figures["valid"]["hard"]["kinds"]) >= {"crowd", "dark", "masked"}


@pytest.mark.parametrize("gray", [0, 128, 255])
def test_nobody_is_seen_on_a_blank_wall(detector: FaceDetector, gray: int) -> None:
    assert detector.find(np.full((HEIGHT, WIDTH), gray, np.uint8)) == []


def test_nobody_is_seen_in_noise_and_nobody_believed_in_clouds(detector: FaceDetector) -> None:
    """Coarse noise now and then looks like a face; the tracker must not believe it at once."""
    random = np.random.default_rng(5)
    for blur_px in (0.0, 1.0, 3.0, 8.0):
        for _ in range(10):
            noise = random.integers(0, 256, (HEIGHT, WIDTH), np.uint8)
            noise = cv2.GaussianBlur(noise, (0, 0), blur_px) if blur_px else noise
            noise = np.asarray(cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX))  # type: ignore[call-overload]
            surest = max((face.score for face in detector.find(noise)), default=0.0)
            assert surest < (SURE if blur_px > 1 else detector.threshold)


@pytest.mark.slow
@pytest.mark.parametrize(("split", "landmark_error"), [("valid", 0.10), ("scenes", 0.25), ("unseen", 0.45)])
def test_faces_are_found_as_the_card_says(shared_dir: Path, split: str, landmark_error: float) -> None:
    sets = measure_faces.read_sets(shared_dir / "data" / "faces", split)
    wide = FaceDetector.load(MODELS, threshold=measure_faces.LOWEST_SCORE)
    figures = measure_faces.judge(wide.find, sets, FaceDetector.load(MODELS).threshold)
    assert figures["landmark_error"] <= landmark_error
    said = json.loads((MODELS / "face_detector.json").read_text())["figures"][split]
    for key in ("ap", "recall", "landmark_error"):
        assert figures[key] == pytest.approx(said[key], abs=0.01)
    assert figures["at_false_boxes"]["0.1"]["recall"] == pytest.approx(
        said["at_false_boxes"]["0.1"]["recall"], abs=0.02
    )


def test_the_talking_woman_is_found_in_95_percent_of_the_frames(shared_dir: Path, detector: FaceDetector) -> None:
    figures = measure_faces.watch(shared_dir / "data" / "video" / "talking_woman.mp4", detector.find, None)
    assert figures["frames"] == 464
    assert figures["share_with_face"] >= 0.95


# --- the net and its twin ---------------------------------------------------------------------------------------


def test_the_keras_twin_answers_like_the_net() -> None:
    torch = pytest.importorskip("torch", reason="training tools are not installed")
    pytest.importorskip("keras", reason="training tools are not installed")
    from tools.faces import net as face_net

    torch.manual_seed(0)
    net = face_net.FaceNet().eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2)
    image = np.random.default_rng(0).uniform(-1, 1, (1, HEIGHT, WIDTH, 1)).astype(np.float32)
    ours = [out.detach().permute(0, 2, 3, 1).numpy() for out in net(torch.from_numpy(image).permute(0, 3, 1, 2))]
    for mine, twin in zip(ours, face_net.to_keras(net, HEIGHT, WIDTH)(image), strict=True):
        np.testing.assert_allclose(mine, np.asarray(twin), atol=1e-4)


@pytest.mark.parametrize("length", [15, 16])
def test_halving_keeps_cells_where_the_device_looks_for_them(length: int) -> None:
    torch = pytest.importorskip("torch", reason="training tools are not installed")
    from tools.faces import net as face_net

    halve = face_net.Conv(1, 1, 3, 2, linear=True).eval()
    with torch.no_grad():
        halve.conv.weight.zero_()
        halve.conv.weight[0, 0, 1, 1] = 1.0  # passes on the pixel in its middle
    rows = torch.arange(length, dtype=torch.float32).view(1, 1, length, 1).expand(1, 1, length, length)
    passed = halve(rows)[0, 0, :, 0].round().tolist()
    assert passed == [*range(1, length, 2)] + [0] * (length % 2)
