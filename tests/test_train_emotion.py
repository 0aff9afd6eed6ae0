"""The training script on a handful of noise faces: it resumes exactly, and its two builds of the net agree.

Needs tools/requirements-train.txt, which a device has not; skipped, with the reason, where it is not installed.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (tools/requirements-train.txt)")
pytest.importorskip("matplotlib", reason="matplotlib is not installed (tools/requirements-train.txt)")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import train_emotion  # noqa: E402
from tools.emotion import augment, lessons  # noqa: E402
from tools.emotion import net as emotion_net  # noqa: E402
from tools.emotion import teacher as emotion_teacher  # noqa: E402
from tools.labelled.emotions import LabelledFaces  # noqa: E402

torch.set_num_threads(1)  # the batches are tiny; more threads only wait for one another
RECIPE = lessons.Recipe(
    net="device", teacher="", trust=0.0, epochs=2, batch=16, seed=3, rate=1e-3, decay=0.01, rarity=0.25, limit=0
)


@pytest.fixture
def faces() -> LabelledFaces:
    random = np.random.default_rng(0)
    votes = np.zeros((64, 10), np.float32)
    votes[np.arange(64), np.arange(64) % 8] = 10
    return LabelledFaces(random.integers(0, 256, (64, 48, 48), np.uint8), votes)


def test_a_stopped_training_goes_on_to_the_same_weights(faces: LabelledFaces, tmp_path: Path) -> None:
    lesson = lessons.lesson(faces, faces.faces[:0], [np.zeros((64, 8)), np.zeros((0, 8))], RECIPE)
    whole = train_emotion.begin(RECIPE, half=False)
    train_emotion.learn(whole, RECIPE, lesson, faces, tmp_path / "whole")

    class Stopped(Exception):
        pass

    def stop_after_one(run: train_emotion.Run, recipe: lessons.Recipe, folder: Path) -> None:
        save(run, recipe, folder)
        raise Stopped

    save = train_emotion.save
    first = train_emotion.begin(RECIPE, half=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_emotion, "save", stop_after_one)
        with pytest.raises(Stopped):
            train_emotion.learn(first, RECIPE, lesson, faces, tmp_path / "parts")

    second = train_emotion.begin(RECIPE, half=False)
    train_emotion.resume(second, RECIPE, tmp_path / "parts")
    assert len(second.history) == 1
    train_emotion.learn(second, RECIPE, lesson, faces, tmp_path / "parts")
    for epoch, again in zip(whole.history, second.history, strict=True):
        assert again == pytest.approx(epoch)
    for name, value in whole.average.state_dict().items():
        torch.testing.assert_close(second.average.state_dict()[name], value, msg=name)


def test_another_recipe_does_not_go_on_from_a_checkpoint(faces: LabelledFaces, tmp_path: Path) -> None:
    run = train_emotion.begin(RECIPE, half=False)
    train_emotion.save(run, RECIPE, tmp_path)
    other = lessons.Recipe(**{**train_emotion.asdict(RECIPE), "seed": 4})
    with pytest.raises(ValueError, match="other settings"):
        train_emotion.resume(run, other, tmp_path)


def test_augmented_faces_are_in_range_and_repeat_with_the_seed(faces: LabelledFaces) -> None:
    pixels = torch.from_numpy(faces.faces)
    one, two, three = (augment.augment(pixels, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one.shape == (64, 1, 48, 48)
    assert one.min() >= 0
    assert one.max() <= 1
    torch.testing.assert_close(one, two)
    assert not torch.allclose(one, three)


def test_keras_twin_agrees_with_the_net(faces: LabelledFaces) -> None:
    pytest.importorskip("keras", reason="Keras is not installed (tools/requirements-train.txt)")
    torch.manual_seed(0)
    net = emotion_net.EmotionNet()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    expected = emotion_teacher.predict(net, faces.faces, torch.device("cpu")).numpy()
    found = np.asarray(emotion_net.to_keras(net)(faces.faces[..., None].astype(np.float32)))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(expected).max() > 0.01
