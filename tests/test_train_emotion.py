"""The emotion training on a handful of noise faces: what is learnt of whom, exact resuming, two builds of the net.

Needs tools/requirements-train.txt, which a device has not; skipped, with the reason, where it is not installed.
"""

import csv
import dataclasses
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (tools/requirements-train.txt)")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from device.perception import face_levels  # noqa: E402
from tools import train_emotion  # noqa: E402
from tools.emotion import augment, judging, lessons, operating, teacher, training  # noqa: E402
from tools.emotion import net as emotion_net  # noqa: E402
from tools.labelled.emotions import OPINIONS, VOTES, ExtraFaces, LabelledFaces  # noqa: E402

torch.set_num_threads(1)  # the batches are tiny; more threads only wait for one another
CPU = torch.device("cpu")
TINY = emotion_net.Shape((8, 3, 2), ((8, 1), (8, 2), (16, 2)))
STAGE = training.Stage(
    name="nets", length=6, by_clock=False, batch=16, rate=1e-3, decay=0.01, ema=0.99,
    heads=(1.0, 0.3, 0.3, 0.15), seed=3, half=False, mix_every=2,
)  # fmt: skip


@pytest.fixture
def faces() -> LabelledFaces:
    votes = np.zeros((64, 10), np.float32)
    votes[np.arange(64), np.arange(64) % 8] = 10
    return LabelledFaces(np.random.default_rng(0).integers(0, 256, (64, 48, 48), np.uint8), votes)


@pytest.fixture
def extra(faces: LabelledFaces) -> ExtraFaces:
    opinions = np.full((64, 8), 0.125, np.float32)
    return ExtraFaces("rafdb", faces.faces, np.arange(64) % 7, opinions, {})


@pytest.fixture
def lesson(faces: LabelledFaces) -> lessons.Lesson:
    return lessons.lesson(faces, None, [], [])


# --- What is learnt ---------------------------------------------------------------------------------------------


def test_votes_teach_the_shared_head_and_their_own_and_no_other(lesson: lessons.Lesson) -> None:
    targets = lesson.targets(torch.arange(8))
    for head in (lessons.SHARED_HEAD, lessons.FERPLUS):
        torch.testing.assert_close(targets[:, head], torch.eye(8))
    assert targets[:, [lessons.RAFDB, lessons.AFFECTNET]].abs().sum() == 0


def test_a_label_is_mixed_with_opinions_by_the_table(extra: ExtraFaces, faces: LabelledFaces) -> None:
    learnt = lessons.lesson(faces, None, [extra], [])
    here = torch.nonzero(learnt.kind == lessons.SETS.index("rafdb"))[:1, 0]
    label = learnt.labels[here][0]
    assert label.max() == pytest.approx(1 - lessons.SMOOTHING + lessons.SMOOTHING / 8)
    said = torch.zeros(1, 4, 8)
    said[0, :, 6] = 1
    targets = learnt.targets(here, said)[0]
    own, _, taught = lessons.TRUST["rafdb"]
    raf = own * label + taught * said[0, 0]
    fer = lessons.ELSEWHERE[0] * torch.full((8,), 0.125) + lessons.ELSEWHERE[1] * said[0, 0]
    torch.testing.assert_close(targets[lessons.RAFDB], raf)
    torch.testing.assert_close(targets[lessons.FERPLUS], fer)
    shares = lessons.SHARED["rafdb"]
    torch.testing.assert_close(targets[lessons.SHARED_HEAD], shares[0] * fer + shares[1] * raf)


def test_faces_kept_out_are_never_in_the_lesson(extra: ExtraFaces, faces: LabelledFaces) -> None:
    learnt = lessons.lesson(faces, None, [extra], [])
    kept = lessons.part(extra, valid=True)
    assert 0 < len(kept) < 32
    assert int((learnt.kind == lessons.SETS.index("rafdb")).sum()) == len(extra) - len(kept)


def test_every_group_is_drawn_as_often_as_the_others_of_its_attribute() -> None:
    about = {
        "age": ["20-29"] * 30 + ["30-39"] * 10,
        "gender": ["Female", "Male"] * 20,
        "race": ["Black", "White"] * 20,
    }
    often = lessons.even(about)
    assert often[:30].sum() == pytest.approx(often[30:].sum(), rel=1e-5)


def test_augmented_faces_are_in_range_and_repeat_with_the_seed(faces: LabelledFaces) -> None:
    pixels = torch.from_numpy(faces.faces)
    one, two, three = (augment.augment(pixels, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one.shape == (64, 1, 48, 48)
    assert one.min() >= 0
    assert one.max() <= 1
    torch.testing.assert_close(one, two)
    assert not torch.allclose(one, three)


def test_a_net_sees_the_light_that_the_device_makes(faces: LabelledFaces) -> None:
    grays = np.stack([faces.faces[0] // 8, 255 - faces.faces[1] // 8, faces.faces[2]])
    seen = (augment.plain(torch.from_numpy(grays))[:, 0] * 255).round().numpy()
    np.testing.assert_array_equal(seen, np.stack([face_levels.level(face) for face in grays]))


# --- The loop ---------------------------------------------------------------------------------------------------


def fresh() -> dict[str, torch.nn.Module]:
    torch.manual_seed(0)
    return {"tiny": emotion_net.EmotionNet(TINY, len(lessons.HEADS))}


def test_a_stopped_training_goes_on_to_the_same_weights(lesson: lessons.Lesson) -> None:
    whole = training.begin(fresh(), STAGE, CPU)
    training.learn(whole, STAGE, lesson, lambda run: None, lambda line: None)

    class Stopped(Exception):
        pass

    first = training.begin(fresh(), STAGE, CPU)
    often = dataclasses.replace(STAGE, save_s=0.0)

    def keep(run: training.Run) -> None:
        if run.step == 3:
            raise Stopped

    with pytest.raises(Stopped):
        training.learn(first, often, lesson, keep, lambda line: None)
    state = first.state()
    second = training.begin(fresh(), STAGE, CPU)
    second.restore(state)
    assert second.step == 3
    training.learn(second, STAGE, lesson, lambda run: None, lambda line: None)
    for name, value in whole.averages["tiny"].state_dict().items():
        torch.testing.assert_close(second.averages["tiny"].state_dict()[name], value, msg=name)


def test_it_learns(faces: LabelledFaces) -> None:
    """Eight kinds of faces, each with a bright band in another place."""
    bands = np.full_like(faces.faces, 60)
    for at, face in enumerate(bands):
        face[at % 8 * 6 : at % 8 * 6 + 6] = 220
    lesson = lessons.lesson(LabelledFaces(bands, faces.votes), None, [], [])
    stage = dataclasses.replace(STAGE, length=60, rate=1e-2, mix_every=0)
    run = training.begin(fresh(), stage, CPU)
    before = training.cross_entropy(
        run.nets["tiny"](augment.plain(lesson.pixels)), lesson.targets(torch.arange(64)), stage.heads
    )
    training.learn(run, stage, lesson, lambda run: None, lambda line: None)
    assert run.losses["tiny"] < before - 0.2


def test_a_loss_that_is_no_number_ends_the_training(lesson: lessons.Lesson) -> None:
    stage = dataclasses.replace(STAGE, heads=(float("nan"), 0.0, 0.0, 0.0))
    with pytest.raises(FloatingPointError, match="no number"):
        training.learn(training.begin(fresh(), stage, CPU), stage, lesson, lambda run: None, lambda line: None)


def test_by_the_clock_it_ends_in_time(lesson: lessons.Lesson) -> None:
    stage = dataclasses.replace(STAGE, length=0.05, by_clock=True)
    run = training.begin(fresh(), stage, CPU)
    training.learn(run, stage, lesson, lambda run: None, lambda line: None)
    assert training.finished(run, stage)


def test_a_teacher_judges_the_views_that_are_kept(lesson: lessons.Lesson) -> None:
    class Sure(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(len(x), len(lessons.HEADS), 8)
            logits[:, :, 6] = 30 * (x.mean((1, 2, 3)) > 0).float()[:, None]
            return logits

    views = teacher.views(lesson, Sure(), torch.Generator().manual_seed(1), half=False, share=0.1)
    assert len(views) == 64 * round(0.1 * teacher.VIEWS["ferplus"])
    torch.testing.assert_close(views.targets.float().sum(2), torch.ones(len(views), 4), atol=2e-3, rtol=0)
    own, _, taught = lessons.TRUST["ferplus"]
    assert (views.targets[:, lessons.FERPLUS, 6] >= taught / (own + taught) - 1e-2).all()
    torch.testing.assert_close(views.draw.sum(), lesson.draw.sum())


# --- Nets -------------------------------------------------------------------------------------------------------


def shaken() -> emotion_net.EmotionNet:
    torch.manual_seed(0)
    net = emotion_net.EmotionNet(TINY, len(lessons.HEADS))
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return net.eval()


def test_merged_heads_are_their_weighed_mean(faces: LabelledFaces) -> None:
    net, x = shaken(), augment.plain(torch.from_numpy(faces.faces))
    shares = (0.5, 0.25, 0.25, 0.0)
    expected = torch.einsum("h,nhc->nc", torch.tensor(shares), net(x))
    torch.testing.assert_close(net.merged(shares)(x)[:, 0], expected)


def test_keras_twin_agrees_with_the_net(faces: LabelledFaces) -> None:
    pytest.importorskip("keras", reason="Keras is not installed (tools/requirements-train.txt)")
    net = shaken().merged((1.0, 0.0, 0.0, 0.0))
    expected = net(faces_of(faces))[:, 0].detach().numpy()
    found = np.asarray(emotion_net.to_keras(net)(faces.faces[..., None].astype(np.float32)))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(expected).max() > 0.01


def faces_of(faces: LabelledFaces) -> torch.Tensor:
    return torch.from_numpy(faces.faces).unsqueeze(1).float() / 255


@pytest.mark.parametrize("shape", emotion_net.NETS.values())
def test_nets_fit_the_device(shape: emotion_net.Shape) -> None:
    net = emotion_net.EmotionNet(shape)
    assert sum(weight.numel() for weight in net.parameters()) < 455_000
    assert net(torch.zeros(2, 1, 48, 48)).shape == (2, 1, 8)


# --- Where it stands --------------------------------------------------------------------------------------------


def test_an_emotion_called_neutral_costs_more_than_another_error() -> None:
    truth = np.array([0, 4, 4, 4])
    assert operating.cost(np.array([0, 4, 4, 4]), truth) == 0
    assert operating.cost(np.array([4, 4, 4, 4]), truth) == 1 / 4
    assert operating.cost(np.array([0, 0, 1, 4]), truth) == pytest.approx((operating.MISSED + 1) / 4)


def test_no_point_may_cost_more_of_the_votes_accuracy_than_is_allowed(faces: LabelledFaces) -> None:
    exam = judging.Exam(torch.from_numpy(faces.faces), np.arange(64) % 7)
    points = operating.choose(shaken(), faces, {"ferplus": exam, "rafdb": exam})
    least = max(point.figures["ferplus"][0] for point in points) - 100 * operating.MOST_LOST
    assert points[0].figures["ferplus"][0] >= least
    assert points[0].cost == min(point.cost for point in points if point.figures["ferplus"][0] >= least)


# --- The command ------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """1500 faces to learn from, 100 of valid, and a further set, all noise."""
    random = np.random.default_rng(1)
    for name, count in (("fer_train", 1500), ("fer_valid", 100), ("rafdb", 200)):
        rows = -(-count // 100)
        suffix = "webp" if name == "rafdb" else "png"
        cv2.imwrite(str(tmp_path / f"{name}.{suffix}"), random.integers(0, 256, (48 * rows, 4800), np.uint8))
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            if name == "rafdb":
                csv.writer(file).writerows([("label", *OPINIONS), *[("anger", *[0.125] * 8)] * count])
            else:
                csv.writer(file).writerows(
                    [VOTES, *[[10 * (at % 8 == place) for place in range(10)] for at in range(count)]]
                )
    with (tmp_path / "fer_train_teacher.csv").open("w", newline="") as file:
        csv.writer(file).writerows([OPINIONS, *[[0.125] * 8] * 1500])
    return tmp_path


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setitem(emotion_net.NETS, "fast", TINY)
    monkeypatch.setattr(teacher, "WIDTHS", (16, 16, 16))
    monkeypatch.setattr(teacher, "VIEWS", dict.fromkeys(teacher.VIEWS, 2))
    monkeypatch.setattr(train_emotion, "USEFUL", 0.0)
    common = ["--data", str(folder), "--extra", str(folder), "--opinions", str(folder), "--run", str(folder / "run")]
    more = ["--net", "fast", "--batch", "16", "--limit", "24", "--no-export", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["train_emotion", *common, *more, *words])
    return train_emotion.main()


def test_the_command_trains_a_teacher_and_a_net_and_leaves_both(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, monkeypatch, "--epochs", "4", "--teacher", "0.5") == 0
    assert "views judged" in capsys.readouterr().out
    saved = torch.load(folder / "run" / "nets.pt", weights_only=True)
    assert saved["finished"]
    assert set(saved["nets"]) == {"fast"}
    assert torch.load(folder / "run" / "teacher.pt", weights_only=True)["finished"]
    assert "figures" in (folder / "run" / "log.json").read_text()
    assert run(folder, monkeypatch, "--epochs", "4", "--export-only") == 0


def test_the_command_does_not_go_on_with_other_settings(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, monkeypatch, "--epochs", "2", "--resumable") == 0
    assert run(folder, monkeypatch, "--epochs", "2", "--resumable") == 0
    assert run(folder, monkeypatch, "--epochs", "2", "--resumable", "--rate", "0.1") == 1
    assert "other settings" in capsys.readouterr().err


def test_opinions_of_other_faces_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "fer_train_teacher.csv").write_text(",".join(OPINIONS) + "\n" + ",".join(["0.125"] * 8) + "\n")
    assert run(folder, monkeypatch, "--epochs", "1") == 1
    assert "has 1 rows for 1500 faces" in capsys.readouterr().err
