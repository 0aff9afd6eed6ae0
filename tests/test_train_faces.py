"""The face training on a handful of drawn faces: scenes keep labels on faces, cells learn what they should, runs go on.

Needs tools/requirements-train.txt, which a device has not; skipped, with the reason, where it is not installed.
"""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (tools/requirements-train.txt)")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from device.perception import frame_levels  # noqa: E402
from tools.faces import album as albums  # noqa: E402
from tools.faces import compose, learn  # noqa: E402
from tools.faces.album import FACE, IGNORED, NOTHING, Album  # noqa: E402
from tools.faces.assign import Cells, Lesson, assign, boxes_to_corners  # noqa: E402
from tools.faces.compose import Composer, Scenes  # noqa: E402
from tools.faces.layers import label  # noqa: E402
from tools.faces.light import Light, lift  # noqa: E402
from tools.faces.net import DEPTHS, NECK, FaceNet, distance  # noqa: E402
from tools.faces.shrink import shrink  # noqa: E402
from tools.faces.styles import CLOSE, DARK, HEIGHT_PX, WIDTH_PX  # noqa: E402
from tools.labelled.boxes import Label, Picture, read_scenes  # noqa: E402

CPU = torch.device("cpu")
RECIPE = learn.Recipe(seconds=1.0, steps=4, batch=2, rate=1e-3, decay=0.01, seed=3, refine=False)
SHARES = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)


def person(number: int, source: str = "wider") -> Picture:
    """A light ellipse on a dark ground, with a right eye that is white and a left one that is black."""
    w = 40 + 8 * number
    gray = np.full((3 * w, 4 * w), 60, np.uint8)
    box = np.array([w, 0.8 * w, w, 1.25 * w], np.float32)
    points = SHARES * box[2:] + box[:2]
    middle = (round(1.5 * w), round(0.8 * w + 0.625 * w))
    cv2.ellipse(gray, middle, (w // 2, round(0.625 * w)), 0, 0, 360, 160, -1)
    for point, tone in zip(points, (255, 0, 110, 110, 110), strict=True):
        cv2.circle(gray, (round(float(point[0])), round(float(point[1]))), w // 9, tone, -1)
    return Picture(f"person {number}", source, gray, (Label(box, points),))


def wall(number: int) -> Picture:
    coarse = np.random.default_rng(number).integers(60, 140, (9, 12), np.uint8)
    return Picture(f"wall {number}", "rooms", np.asarray(cv2.resize(coarse, (300, 225))), ())


@pytest.fixture(scope="module")
def album() -> Album:
    people = [person(n, source) for n, source in enumerate(("wider", "wider", "video", "portrait", "ilc_masks"))]
    return albums.gather([*people, wall(0), wall(1)])


# --- scenes ------------------------------------------------------------------------------------------------------


def test_a_page_holds_the_picture_and_its_halves(album: Album) -> None:
    gray, page = person(0).gray, album.pages[0].numpy()
    for level, (left, top) in enumerate(albums.CORNERS):
        rows, columns = gray.shape[0] >> level, gray.shape[1] >> level
        part = page[top : top + rows, left : left + columns]
        assert abs(float(part.mean()) - float(gray.mean())) < 3


def test_pictures_without_faces_or_only_such_are_refused() -> None:
    for pictures in ([wall(0)], [person(0)], []):
        with pytest.raises(ValueError, match="pictures with faces and pictures without"):
            albums.gather(pictures)


def test_the_white_eye_stays_where_the_label_of_the_right_eye_is(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every face that counts, turned, zoomed or pasted. A mirrored one has the black eye there."""
    monkeypatch.setattr(compose, "MASK_SHARE", 0.0)
    scenes = Composer(album, 5).draw(48)
    apart = []
    for gray, points, kinds, boxes in zip(scenes.grays, scenes.points, scenes.kinds, scenes.boxes, strict=True):
        for place in torch.nonzero((kinds == FACE) & (boxes[:, 2] > 30)).flatten():
            eyes = points[place, :2].round().long()
            inside = (eyes >= 0).all() and (eyes[:, 0] < WIDTH_PX).all() and (eyes[:, 1] < HEIGHT_PX).all()
            if inside:
                apart.append(float((gray[eyes[0, 1], eyes[0, 0]] - gray[eyes[1, 1], eyes[1, 0]]).abs()))
    assert len(apart) > 25
    assert np.mean(np.array(apart) > 150) > 0.85


def test_a_mirrored_right_eye_is_left_in_the_picture(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "TURN_DEGREES", 0.0)
    scenes = Composer(album, 6).draw(32)
    right, left = scenes.points[:, :, 0, 0], scenes.points[:, :, 1, 0]
    assert (right < left)[scenes.kinds == FACE].all()


def test_what_is_hidden_cut_off_or_tiny_does_not_count(album: Album) -> None:
    composer = Composer(album, 1)
    pictures = torch.tensor([0, 0, 0, 0])
    size = album.sizes[0]
    ones, box = torch.ones(4), album.boxes[0, 0]
    middle = (box[:2] + box[2:] / 2).expand(4, 2)
    place = torch.tensor([[160.0, 120.0], [160.0, 120.0], [0.0, 120.0], [-200.0, 120.0]])
    zoom = torch.tensor([1.0, 6.0 / float(box[2]), 1.0, 1.0])
    layer = composer._layer(pictures, zoom, 0 * ones, middle, place)
    own = torch.ones((4, HEIGHT_PX, WIDTH_PX), dtype=torch.bool)
    assert label(album, layer, own)[2][:, 0].tolist() == [FACE, IGNORED, IGNORED, NOTHING]
    own[0, :, 150:] = False  # somebody stands before the larger part of the first
    assert label(album, layer, own)[2][0, 0] == IGNORED
    assert float(size[0]) == 160


def test_scenes_depend_on_their_seed_only(album: Album) -> None:
    one, again, other = (learn.see(Composer(album, seed), Light(CPU, seed), 4)[1] for seed in (1, 1, 2))
    torch.testing.assert_close(one, again)
    assert not torch.equal(one, other)
    assert float(one.min()) >= -1
    assert float(one.max()) <= 1


def test_pictures_are_lifted_as_the_device_lifts_them() -> None:
    random = np.random.default_rng(0)
    for scale in (0.1, 0.4, 1.0):
        gray = (random.integers(0, 256, (HEIGHT_PX, WIDTH_PX)) * scale).astype(np.uint8)
        ours = lift(torch.from_numpy(gray)[None].float())[0].numpy()
        assert np.abs(ours - frame_levels.levels(gray)[gray]).max() <= 2


def test_empty_pictures_that_fooled_the_net_come_more_often(album: Album) -> None:
    composer = Composer(album, 1)
    first, second = album.groups["empty"].tolist()
    composer.fooled[first], composer.fooled[second] = 0.9, 0.0
    drawn = composer._pictures(0, 400)
    assert int((drawn == first).sum()) > 5 * int((drawn == second).sum()) > 0


# --- what cells are taught ---------------------------------------------------------------------------------------


def scene(*faces: tuple[float, float, float, float, int]) -> Scenes:
    boxes = torch.tensor([[face[:4] for face in faces]])
    points = torch.from_numpy(SHARES) * boxes[..., None, 2:] + boxes[..., None, :2]
    kinds = torch.tensor([[face[4] for face in faces]], dtype=torch.uint8)
    gray = torch.zeros((1, HEIGHT_PX, WIDTH_PX))
    return Scenes(gray, boxes, points, kinds, torch.ones(kinds.shape, dtype=torch.bool), torch.zeros(1).long())


def taught(scenes: Scenes) -> tuple[Cells, Lesson]:
    cells = Cells.of(HEIGHT_PX, WIDTH_PX, CPU)
    half = torch.full((len(cells.strides), 2), 12.0)
    drawn = torch.cat([cells.centres - half, cells.centres + half], -1)[None]
    return cells, assign(torch.zeros(1, len(cells.strides)), drawn, scenes, cells)


@pytest.mark.parametrize(("width", "strides"), [(10, {8}), (24, {8}), (60, {8, 16}), (150, {16, 32}), (230, {32})])
def test_every_size_has_cells_of_the_strides_that_can_draw_it(width: float, strides: set[int]) -> None:
    cells, lesson = taught(scene((160 - width / 2, 120 - width / 2, width, width, FACE)))
    own = {int(stride) for stride in cells.strides[lesson.taught[0]]}
    assert own
    assert own <= strides
    near = (cells.centres[lesson.taught[0]] - torch.tensor([160.0, 120.0])).abs().amax(1)
    assert (near <= 1.5 * cells.strides[lesson.taught[0]]).all()


def test_two_faces_get_cells_of_their_own() -> None:
    _, lesson = taught(scene((100, 100, 20, 24, FACE), (116, 100, 20, 24, FACE)))
    assert set(lesson.face[0][lesson.taught[0]].tolist()) == {0, 1}


def test_an_ignored_face_is_neither_taught_nor_held_against_the_net() -> None:
    cells, lesson = taught(scene((100, 100, 40, 50, IGNORED), (200, 100, 7, 8, IGNORED), (20, 20, 30, 40, NOTHING)))
    assert not lesson.taught.any()
    silent = cells.centres[~lesson.counts[0]]
    inside = boxes_to_corners(torch.tensor([[92.0, 92.0, 56.0, 66.0], [183.0, 87.0, 41.0, 41.0]]))
    assert ((silent[:, None] >= inside[:, :2]) & (silent[:, None] <= inside[:, 2:])).all(-1).any(1).all()
    assert len(silent) > 30


def test_landmarks_of_a_mean_shape_do_not_count() -> None:
    torch.manual_seed(0)
    scenes = scene((100, 100, 40, 50, FACE))
    outputs = learn.FaceNet().eval()(scenes.grays[:, None])
    cells = Cells.of(HEIGHT_PX, WIDTH_PX, CPU)
    assert float(learn.losses(outputs, scenes, cells)[0][2].detach()) > 0
    scenes.placed[:] = False
    assert float(learn.losses(outputs, scenes, cells)[0][2].detach()) == 0


# --- the run -----------------------------------------------------------------------------------------------------


def test_a_training_learns_saves_and_goes_on(album: Album, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    run = learn.begin(RECIPE, CPU)
    before = [value.clone() for value in run.net.parameters()]
    learn.learn(run, RECIPE, album, tmp_path, lines.append)
    assert run.done_steps == 4
    assert any(not torch.equal(old, new) for old, new in zip(before, run.net.parameters(), strict=True))
    assert "landmarks" in lines[0]
    again = learn.begin(RECIPE, CPU)
    assert learn.resume(again, tmp_path)
    assert again.done_steps == 4
    for name, value in run.mean.state_dict().items():
        torch.testing.assert_close(again.mean.state_dict()[name], value, msg=name)
    learn.learn(again, RECIPE, album, tmp_path, lines.append)
    assert again.done_steps == 4  # nothing is left to do
    assert not learn.resume(again, tmp_path / "elsewhere")


def test_a_refinement_begins_where_another_run_ended_and_keeps_its_statistics(album: Album, tmp_path: Path) -> None:
    lines: list[str] = []
    first = learn.begin(RECIPE, CPU)
    learn.learn(first, RECIPE, album, tmp_path, lines.append)
    finer = replace(RECIPE, refine=True, batch=4)
    run = learn.begin(finer, CPU)
    learn.take_weights(run, tmp_path / "checkpoint.pt", album, 1)
    for name, value in first.mean.module.state_dict().items():
        torch.testing.assert_close(run.net.state_dict()[name], value, msg=name)
    learn.learn(run, finer, album, tmp_path / "finer", lines.append)
    states = zip(first.mean.module.state_dict().items(), run.net.state_dict().values(), strict=True)
    changed = {name for (name, before), after in states if not torch.equal(before, after)}
    assert any("conv.weight" in name for name in changed)
    assert not [name for name in changed if "running" in name]


def test_weights_of_no_run_are_refused(tmp_path: Path, album: Album) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")
    for name in ("checkpoint.pt", "missing.pt"):
        with pytest.raises(ValueError, match="holds no weights of this network"):
            learn.take_weights(learn.begin(RECIPE, CPU), tmp_path / name, album, 1)


def test_a_dark_style_darkens_more_scenes_than_a_close_one() -> None:
    grays = torch.full((64, CLOSE.height, CLOSE.width), 160.0)
    close, dark = (Light(CPU, 1, style.night_share).degrade(grays).mean((1, 2)) for style in (CLOSE, DARK))
    assert float((dark < 60).float().mean()) > float((close < 60).float().mean()) + 0.3


# --- a larger net ------------------------------------------------------------------------------------------------


def wide_net(dead: int) -> FaceNet:
    """A net with more channels at stride 8 and in the neck than ours, so many of which say nothing."""
    torch.manual_seed(0)
    net = FaceNet((8, 24, 56 + dead, 96, 128), DEPTHS, NECK + dead)
    for layer in [*(part.mix for part in net.stages[0]), *net.laterals]:
        torch.nn.init.uniform_(layer.norm.weight, 0.5, 1.5)
        layer.norm.weight.data[:dead] = 0
        layer.norm.bias.data[:dead] = 0
    return net.eval()


def test_a_net_is_made_smaller_by_the_channels_that_say_nothing() -> None:
    wide, narrow = wide_net(dead=2), FaceNet()
    scenes = torch.rand((2, 1, 64, 64)) * 2 - 1
    shrink(wide, narrow, [scenes])
    for before, after in zip(wide(scenes), narrow.eval()(scenes), strict=True):
        torch.testing.assert_close(before, after, atol=1e-4, rtol=1e-4)


def test_a_run_takes_the_weights_of_a_wider_net_and_learns_what_it_sees(album: Album, tmp_path: Path) -> None:
    wide = wide_net(dead=1)
    told = {f"module.{key}": value for key, value in wide.state_dict().items()}
    torch.save({"mean": {"n_averaged": torch.tensor(1), **told}}, tmp_path / "wide.pt")
    run = learn.begin(replace(RECIPE, rate=1e-2, steps=1), CPU)
    learn.take_weights(run, tmp_path / "wide.pt", album, 1)
    run.teacher = learn.net_of(tmp_path / "wide.pt").eval()
    for mine, given in zip(run.teacher.state_dict().values(), wide.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, given)
    school = learn.School.of(album, CLOSE, 2, 1)
    learn.step(run, replace(RECIPE, refine=True), 0.5, school)
    assert all(bool(weight.isfinite().all()) for weight in run.net.parameters())


def test_a_net_is_no_distance_from_itself() -> None:
    random = torch.Generator().manual_seed(1)
    sizes = ((2, 7), (2, 7, 4), (2, 7, 10))
    own = tuple(torch.randn(size, generator=random) for size in sizes)
    other = tuple(part + 1 for part in own)
    assert float(distance(own, own)) == 0
    assert float(distance(own, other)) > 1


def test_close_scenes_are_small_and_have_small_faces(album: Album) -> None:
    scenes = Composer(album, 3, CLOSE).draw(32)
    assert scenes.grays.shape == (32, CLOSE.height, CLOSE.width)
    widths = scenes.boxes[..., 2][scenes.kinds == FACE]
    assert len(widths) > 10
    assert float(widths.max()) < 1.3 * CLOSE.large_px[1]  # turned ones are wider


def test_the_rate_rises_and_falls() -> None:
    rates = [learn.rate_at(1.0, done / 100) for done in range(101)]
    assert rates[0] < 0.1
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[100] == pytest.approx(learn.LAST_RATE)


# --- the real scenes ---------------------------------------------------------------------------------------------


def test_the_held_out_source_is_never_trained_on(shared_dir: Path) -> None:
    folder = shared_dir / "data" / "faces"
    train, unseen = read_scenes(folder, "train"), read_scenes(folder, "unseen")
    assert {picture.source for picture in unseen}.isdisjoint({picture.source for picture in train})
    labels = [label for picture in train for label in picture.labels]
    assert any(label.ignored for label in labels)
    assert any(label.masked for label in labels)
    assert not all(label.placed for label in labels if not label.ignored)
