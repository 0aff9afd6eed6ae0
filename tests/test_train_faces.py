"""The face training on a handful of drawn faces: it resumes exactly, and what it is fooled by comes back.

Needs tools/requirements-train.txt, which a device has not; skipped, with the reason, where it is not installed.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (tools/requirements-train.txt)")
pytest.importorskip("matplotlib", reason="matplotlib is not installed (tools/requirements-train.txt)")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from device.domain import Face  # noqa: E402
from tools import train_faces  # noqa: E402
from tools.faces import heads, lessons, recipe  # noqa: E402
from tools.faces import measure as measure_faces  # noqa: E402
from tools.labelled.boxes import Label, Picture, Pool  # noqa: E402

torch.set_num_threads(1)  # the batches are tiny; more threads only wait for one another
RECIPE = recipe.Recipe(epochs=1, camera_epochs=0, polish=1, scenes=4, batch=2, seed=3, rate=1e-3, decay=0.01)
POINTS = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)


@pytest.fixture(scope="module")
def pool() -> Pool:
    random = np.random.default_rng(0)
    label = Label(np.array([15, 10, 70, 90], np.float32), POINTS)
    people = tuple(Picture(f"{n}", "drawn", random.integers(0, 256, (110, 100), np.uint8), (label,)) for n in range(3))
    grounds = tuple(Picture(f"b{n}", "drawn", random.integers(0, 256, (90, 120), np.uint8), ()) for n in range(3))
    return Pool(people, grounds)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (recipe, train_faces):
        monkeypatch.setattr(module, "SMALL", (64, 64))
    monkeypatch.setattr(train_faces, "TRIALS", 24)


def learn(run: train_faces.Run, pool: Pool, folder: Path) -> None:
    sets = measure_faces.Sets(pool.people, pool.backgrounds, pool.people)
    train_faces.learn(run, RECIPE, pool, sets, folder, workers=1)


def test_a_stopped_training_goes_on_to_the_same_weights(pool: Pool, tmp_path: Path) -> None:
    whole = train_faces.begin(RECIPE)
    learn(whole, pool, tmp_path / "whole")

    class Stopped(Exception):
        pass

    def stop_after_one(*arguments: object) -> None:
        save(*arguments)
        raise Stopped

    save = train_faces.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_faces, "save", stop_after_one)
        with pytest.raises(Stopped):
            learn(train_faces.begin(RECIPE), pool, tmp_path / "parts")

    second = train_faces.begin(RECIPE)
    train_faces.resume(second, RECIPE, tmp_path / "parts")
    assert len(second.history) == 1
    learn(second, pool, tmp_path / "parts")
    for epoch, again in zip(whole.history, second.history, strict=True):
        assert again == pytest.approx(epoch)
    for name, value in whole.mean.state_dict().items():
        torch.testing.assert_close(second.mean.state_dict()[name], value, msg=name)
    assert (tmp_path / "parts" / "history.png").stat().st_size > 1000


def test_another_recipe_does_not_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    train_faces.save(train_faces.begin(RECIPE), RECIPE, tmp_path)
    other = recipe.Recipe(epochs=3, camera_epochs=0, polish=1, scenes=4, batch=2, seed=3, rate=1e-3, decay=0.01)
    with pytest.raises(ValueError, match="made with other settings"):
        train_faces.resume(train_faces.begin(other), other, tmp_path)


def test_empty_scenes_that_fool_the_net_come_back_the_surest_first(pool: Pool) -> None:
    class Crew:
        imap = staticmethod(map)

    class Brightness(torch.nn.Module):
        """Sees a face wherever it is bright."""

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [x.mean((2, 3), keepdim=True) * 20] * 9

    lessons.share(pool)
    fooled = train_faces.mine(Brightness(), Crew(), RECIPE, 1)
    assert 0 < len(fooled) < train_faces.TRIALS
    brightness = [float(lessons.empty(seed, train_faces.SMALL)[0].mean()) for seed in fooled]
    assert brightness == sorted(brightness, reverse=True)
    assert train_faces.mine(Brightness(), Crew(), RECIPE, 0) == []
    repeated, _ = lessons.compose((1, 2, 3), 2, train_faces.SMALL, fooled[:1], recipe.POLISH[1])
    np.testing.assert_array_equal(repeated[0], lessons.empty(fooled[0], train_faces.SMALL)[0])


# --- heads ------------------------------------------------------------------------------------------------------


def found(x: float, y: float, w: float, h: float, score: float = 0.9) -> Face:
    points = [(x + w * px / 100, y + h * py / 100) for px, py in POINTS.tolist()]
    return Face(x, y, w, h, score, (points[0], points[1], points[2], points[3], points[4]))


def test_a_face_in_the_middle_is_labelled_in_the_pixels_of_its_picture(tmp_path: Path) -> None:
    gray = np.zeros((1, 48, 48), np.uint8)
    labels = heads.label(gray, lambda wide: [found(72 + 12, 72, 120, 144)])  # 3 times as large, 24 px around
    np.testing.assert_allclose(labels[0].box, [4, 0, 40, 48])
    heads.keep(tmp_path / "heads.json", labels)
    (head,) = heads.restore(tmp_path / "heads.json", gray)
    np.testing.assert_allclose(head.labels[0].landmarks[0], [4 + 12, 19.2], rtol=1e-5)


@pytest.mark.parametrize(
    "faces",
    [
        [],
        [found(84, 72, 120, 144), found(0, 0, 120, 144)],
        [found(84, 72, 120, 144, score=0.5)],
        [found(140, 130, 30, 40)],
        [found(150, 72, 120, 144)],
    ],
    ids=["nobody", "two", "unsure", "too small", "aside"],
)
def test_what_is_not_clearly_one_face_is_left_out(faces: list[Face]) -> None:
    assert heads.label(np.zeros((1, 48, 48), np.uint8), lambda wide: faces) == {}


def test_labels_of_other_faces_are_refused(tmp_path: Path) -> None:
    (tmp_path / "heads.json").write_text('{"7": [1, 2, 3]}')
    with pytest.raises(ValueError, match="delete it"):
        heads.restore(tmp_path / "heads.json", np.zeros((2, 48, 48), np.uint8))
