"""From trained nets to `models/emotion.tflite` and its card: choose, quantise, calibrate, compare, write down.

The last step of tools/train_emotion.py. Net, heads and lift are chosen by cost (tools/emotion/operating.py), the
temperature comes from held-out training faces, the int8 ranges from faces that were learnt; every figure in the card is
measured on validation faces, through the classifier that the device runs.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from device.perception.emotion import EmotionClassifier, softmax
from device.perception.face_levels import level
from tools.emotion import hard as emotion_hard
from tools.emotion import measure as measure_emotion
from tools.emotion import net as emotion_net
from tools.emotion import operating
from tools.emotion.judging import Exam
from tools.emotion.lessons import HEADS, SETS, Lesson
from tools.labelled.emotions import EMOTIONS, ONE_IN, LabelledFaces
from tools.model import convert, files
from tools.quantising import samples

VERSION = "3"
RANGES = ("ferplus", "rafdb")  # sets whose faces set the int8 ranges
RANGE_FACES = 300
DATA = (
    "FER2013 (Goodfellow et al. 2013; 48x48 gray faces gathered from web searches) with the FERPlus votes (Barsoum et "
    "al. 2016; ten voters a face, MIT licence): FER2013 Training less the 703 pictures that also occur in its test "
    "splits. RAF-DB's training part (Li et al. 2017; crowd labels), less one face in {rafdb}. Part of AffectNet "
    "(Mollahosseini et al. 2017; one annotator). Half of a part of FairFace (Karkkainen and Joo 2021; no emotions, "
    "a larger net's opinion). Faces of public figures (the detector's portraits; likewise). The larger net and these "
    "weights were trained from scratch, from no other weights. Measured on FER2013 PublicTest, on the faces of RAF-DB "
    "that were kept out, and on the other half of FairFace. Nobody in the pictures granted rights to them: they serve "
    "research, and whoever wants to sell a device with this model has to check that first."
)
LIMITS = [
    "It tells how a face looks to others in one moment, not what the person feels.",
    "Not for use at work or in schools (the EU AI Act forbids emotion recognition there), and not for diagnosis, "
    "hiring, policing or any decision about a person.",
    "Babies, old people, head coverings and covered faces are rare in what it learnt from; models/README.md tells who "
    "is read worse, and by how much.",
    "Two conventions meet in it: what RAF-DB's and AffectNet's voters call disgust or fear, FERPlus's mostly call "
    "anger, surprise or neutral. Rare emotions are learnt from few faces, and contempt is hardly ever told.",
    "Gray faces of about 48 px, seen from the front and framed as FER2013's; profiles and very dark rooms are unsure.",
]


def export(
    nets: Mapping[str, emotion_net.EmotionNet],
    lesson: Lesson,
    held_out: LabelledFaces,
    exams: Mapping[str, Exam],
    models: Path,
    recipe: dict[str, Any],
    tell: Callable[[Any], None],
    hard_every: int = 1,
    peers: Path | None = None,
) -> None:
    """Write model and card of the best of the nets into `models`, and tell what quantisation cost. The hard set is
    measured on each `hard_every`-th face; models of others in `peers` on the same faces."""
    points = {name: operating.choose(net, held_out, exams) for name, net in nets.items()}
    tell({"operating points": {name: [_words_of(point) for point in rows[:5]] for name, rows in points.items()}})
    best = min(points, key=lambda name: points[name][0].cost)
    point = points[best][0]
    float_model = emotion_net.to_keras(operating.applied(nets[best], point, held_out))
    tflite = convert.to_int8(emotion_net.symmetrical(float_model), range_faces(lesson))
    card = {"version": VERSION, **convert.describe(tflite, output_names=["logits"]), "labels": list(EMOTIONS)}
    card["symmetrical"] = True
    clear = held_out.pick(held_out.majority() >= 0)
    card["temperature"] = temperature(run_int8(tflite, card, clear.faces), clear.majority())
    card |= words({**recipe, "net": best}, point, len(clear))
    card["limits"] = LIMITS
    card["licence"] = "MIT, for the weights; see data for the pictures they were learnt from"
    files.write_pair(models, "emotion", tflite, card)
    tell(f"{models / 'emotion.tflite'} is written; now it is measured")
    card["figures"] = compare(float_model, tflite, card, exams, hard_every)
    if peers:
        card["figures"]["peers"] = beside(peers, exams)
    files.write_pair(models, "emotion", tflite, card)
    tell(card["figures"])


def range_faces(lesson: Lesson) -> list[np.ndarray]:
    """Float [1, 48, 48, 1] each: the learnt faces that set the int8 ranges, as the device sees them."""
    here = torch.isin(lesson.kind, torch.tensor([SETS.index(name) for name in RANGES], device=lesson.kind.device))
    labels = lesson.labels[here].cpu().numpy()
    truth = np.where(labels.max(1) > 0.5, labels.argmax(1), -1)
    faces = np.stack([level(face) for face in lesson.pixels[here].cpu().numpy()])
    return [face[None, :, :, None] for face in faces[samples.choose(faces, truth, RANGE_FACES).indices]]


def words(recipe: dict[str, Any], point: operating.Point, clear: int) -> dict[str, Any]:
    return {
        "preprocessing": "One face, gray, 48x48, framed and levelled like FER2013 (device/perception/crop.py); pixels "
        "0..255, stored as pixel - 128. The model itself averages the logits of the face and of its mirror image; "
        "probabilities are the softmax of that mean divided by temperature. Very dark and very bright faces "
        "are brought to ordinary light first (device/perception/face_levels.py). Every figure is measured so.",
        "data": DATA.format(rafdb=ONE_IN["rafdb"]),
        "training": {
            "how": "tools/train_emotion.py: a residual net of 3x3 convolutions with one head for each convention of "
            "labels, taught by votes, labels, a larger net's opinions that came with the faces, and a teacher trained "
            "in the same run that judges the very views the net sees; flips, turns, zooms, light, blur, noise, JPEG, "
            "erasing; AdamW, cosine, moving average of the weights; then post-training int8, its ranges from 300 "
            "faces, balanced over emotions and light.",
            "operating_point": _words_of(point)
            | {"rule": f"lowest cost, where an emotion called neutral costs {operating.MISSED} and any other error 1, "
               "over FERPlus's held-out and valid faces and RAF-DB's never learnt, each set alike, of those that "
               f"cost at most {operating.MOST_LOST:.1%} of FERPlus's best accuracy (tools/emotion/operating.py)"},
            "temperature": f"lowest log loss of the int8 model on {clear} clear faces held out of train",
            "recipe": recipe,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        },
    }  # fmt: skip


def _words_of(point: operating.Point) -> dict[str, Any]:
    heads = {name: share for name, share in zip(HEADS, point.shares, strict=True) if share}
    return {"heads": heads, "lift": point.lift, "cost": point.cost, "accuracy_and_mean_recall": dict(point.figures)}


def temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The divisor of the logits with the lowest log loss, to three places (Guo et al., ICML 2017)."""
    tried = np.exp(np.linspace(np.log(0.25), np.log(4), 1001))
    rows = np.arange(len(truth))
    losses = [-np.log(softmax(logits / t)[rows, truth] + 1e-9).mean() for t in tried]
    return round(float(tried[int(np.argmin(losses))]), 3)


def run_int8(tflite: bytes, card: dict[str, Any], faces: np.ndarray) -> np.ndarray:
    """Logits [n, 8] as the device computes them."""
    with staged(tflite, card | {"temperature": 1.0}) as folder:
        classifier = EmotionClassifier.load(Path(folder))
        return np.stack([classifier.logits(face) for face in faces])


def staged(tflite: bytes, card: dict[str, Any]) -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory()
    files.write_pair(Path(folder.name), "emotion", tflite, card)
    return folder


def compare(
    float_model: Any, tflite: bytes, card: dict[str, Any], exams: Mapping[str, Exam], hard_every: int = 1
) -> dict[str, Any]:
    """Figures of the int8 model and of the float model before it, on the clear faces of valid and on RAF-DB's."""
    found: dict[str, Any] = {
        "convention": "FERPlus majority: faces whose first emotion has over half of the votes, votes of 1 struck out",
        "split": f"FER2013 PublicTest ({len(exams['ferplus'].truth)} clear faces)",
    }
    with staged(tflite, card) as folder:
        score = EmotionClassifier.load(Path(folder)).scores
        for name, exam in exams.items():
            crops = exam.faces.cpu().numpy()
            suffix = "" if name == "ferplus" else f"_{name}"
            after = measure_emotion.figures(exam.truth, measure_emotion.score_all(score, crops))
            before = measure_emotion.figures(exam.truth, run_float(float_model, crops, card["temperature"]))
            for kind, figures in (("int8", after), ("float", before)):
                found[kind + suffix] = {key: value for key, value in figures.items() if key != "confusion"}
            if suffix:
                found[f"split{suffix}"] = f"{len(crops)} faces of {name} that training never sees"
        valid = exams["ferplus"].faces.cpu().numpy()
        found["int8"] |= measure_emotion.latency(score, valid)
        found["framing"] = emotion_hard.measure_framing(score, valid, exams["ferplus"].truth)
        hard = emotion_hard.measure_suite(score, valid, exams["ferplus"].truth, every=hard_every)
    kept = {name: hard[name] for name in ("faces", "mean", "by_kind")}
    found["int8_hard"] = {"suite": "tools/emotion/hard.py", **kept}
    return found


def run_float(float_model: Any, crops: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities [n, 8] of the float model, mirror images averaged, faces levelled."""
    levelled = np.stack([level(crop) for crop in crops])
    seen, mirrored = (
        float_model.predict(some[..., None].astype(np.float32), batch_size=256, verbose=0)
        for some in (levelled, levelled[:, :, ::-1])
    )
    return softmax((seen + mirrored) / 2 / temperature)


def beside(folder: Path, exams: Mapping[str, Exam]) -> dict[str, Any]:
    """What the models that people put on a Pi today make of the same faces."""
    crops, truth = exams["ferplus"].faces.cpu().numpy(), exams["ferplus"].truth
    rafdb = (exams["rafdb"].faces.cpu().numpy(), exams["rafdb"].truth) if "rafdb" in exams else None
    return {
        name: measure_emotion.measure_peer(folder / f"{name}.tflite", crops, truth, pixels, 0, rafdb)
        for name, pixels in measure_emotion.PEER_PIXELS.items()
    }
