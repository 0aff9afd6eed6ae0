"""From trained weights to `models/emotion.tflite` and its card: quantise, calibrate, compare, and write down the truth.

The last step of tools/train_emotion.py. Temperature and lift come from held-out training faces, the int8 ranges from
the others; every figure in the card is measured on the validation faces, through the classifier that the device runs.
"""

import datetime
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from device.perception.emotion import EmotionClassifier, softmax
from device.perception.face_levels import level
from tools.emotion import hard as emotion_hard
from tools.emotion import measure as measure_emotion
from tools.emotion import net as emotion_net
from tools.emotion import teacher
from tools.labelled.emotions import EMOTIONS, LabelledFaces
from tools.model import convert, files
from tools.quantising import samples

VERSION = "2"
LIFTS = np.linspace(0, 1, 41)  # tried
LIFT_COST = 0.01  # of accuracy, at most
DATA = (
    "FER2013 (Goodfellow et al. 2013; 48x48 gray faces gathered from web searches) with the FERPlus votes (Barsoum et "
    "al. 2016; ten voters a face, MIT licence). Trained on FER2013 Training less the 703 pictures that also occur in "
    "its test splits; figures on PublicTest. FER2013 PrivateTest was not used for anything. The weights were trained "
    "from scratch, from no other weights. The pictures' own rights were never cleared by those who gathered them: "
    "whoever wants to sell a device with this model has to check that first."
)
LIMITS = [
    "It tells how a face looks to others in one moment, not what the person feels.",
    "Not for use at work or in schools (the EU AI Act forbids emotion recognition there), and not for diagnosis, "
    "hiring, policing or any decision about a person.",
    "FER2013 comes from English web searches, with many posed, press and stock pictures: old people, children, dark "
    "skin, head coverings and covered faces are under-represented, and figures by group were not measured.",
    "Rare emotions are learnt from few faces (about 100 clear ones of disgust, 110 of contempt): their recall is low. "
    "Contempt is hardly ever told.",
    "Gray faces of about 48 px, seen from the front and framed as FER2013's; profiles and very dark rooms are unsure.",
]


def export(
    net: emotion_net.EmotionNet,
    train: LabelledFaces,
    held_out: LabelledFaces,
    valid: LabelledFaces,
    models: Path,
    recipe: dict[str, Any],
    console: Console,
) -> None:
    """Write model and card into `models`, and print what quantisation cost."""
    lift = lift_rare(net, held_out)
    float_model = emotion_net.to_keras(net)
    tflite = convert.to_int8(emotion_net.symmetrical(float_model), range_faces(train))
    card = {"version": VERSION, **convert.describe(tflite, output_names=["logits"]), "labels": list(EMOTIONS)}
    card["symmetrical"] = True
    clear = held_out.pick(held_out.majority() >= 0)
    card["temperature"] = temperature(run_int8(tflite, card, clear.faces), clear.majority())
    card |= words(recipe | {"lift": lift}, len(clear))
    card["figures"] = compare(float_model, tflite, card, valid)
    card["limits"] = LIMITS
    card["licence"] = "MIT, for the weights; see data for the pictures they were learnt from"
    files.write_pair(models, "emotion", tflite, card)
    console.print_json(json.dumps(card["figures"]))


def range_faces(train: LabelledFaces) -> list[np.ndarray]:
    """Float [1, 48, 48, 1] each: the training faces that set the int8 ranges, as the device sees them."""
    faces = np.stack([level(face) for face in train.faces])
    return [face[None, :, :, None] for face in faces[samples.choose(faces, train.majority()).places]]


def words(recipe: dict[str, Any], clear: int) -> dict[str, Any]:
    return {
        "preprocessing": "One face, gray, 48x48, framed and levelled like FER2013 (device/perception/crop.py); pixels "
        "0..255, stored as pixel - 128. The model itself averages the logits of the face and of its mirror image; "
        "probabilities are the softmax of that mean divided by temperature. Very dark and very bright faces "
        "are brought to ordinary light first (device/perception/face_levels.py). Every figure is measured so.",
        "data": DATA,
        "training": {
            "how": "tools/train_emotion.py: a residual net of 3x3 convolutions on soft labels, in part a larger net's "
            "opinion, flips, turns, zooms, light, blur, noise, JPEG and erasing; AdamW, cosine, moving average of the "
            "weights; rare emotions lifted (Menon et al., ICLR 2021); then post-training int8, its ranges from 300 "
            "training faces, balanced over emotions and light.",
            "lift": f"the greatest power that cost at most {LIFT_COST:.1%} of accuracy on the faces held out of train",
            "temperature": f"lowest log loss of the int8 model on {clear} clear faces held out of train",
            "recipe": recipe,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        },
    }


@torch.no_grad()
def lift_rare(net: emotion_net.EmotionNet, held_out: LabelledFaces) -> float:
    """Raise the net's bias of rare emotions, against their rarity; returns by which power of it.

    Logit adjustment (Menon et al., "Long-tail learning via logit adjustment", ICLR 2021), with the greatest power that
    costs no more than `LIFT_COST` of the best accuracy on held-out faces, whose votes also tell how rare emotions are.
    """
    truth = held_out.majority()
    clear, truth = held_out.pick(truth >= 0), truth[truth >= 0]
    soft, weight = held_out.distribution()
    rarity = -np.log((soft * weight[:, None]).sum(0) / weight.sum())
    rarity -= rarity.mean()
    device = next(net.parameters()).device
    faces = np.stack([level(face) for face in clear.faces])
    logits = sum(teacher.predict(net, some, device).numpy() for some in (faces, faces[:, :, ::-1].copy())) / 2
    right = np.array([((logits + power * rarity).argmax(1) == truth).mean() for power in LIFTS])
    greatest = float(LIFTS[right >= right.max() - LIFT_COST].max())
    net.head.bias += torch.from_numpy(greatest * rarity).to(net.head.bias)
    return round(greatest, 2)


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


def compare(float_model: Any, tflite: bytes, card: dict[str, Any], valid: LabelledFaces) -> dict[str, Any]:
    """Figures of the int8 model and of the float model before it, on the clear faces of `valid`."""
    truth = valid.majority()
    crops, truth = valid.faces[truth >= 0], truth[truth >= 0]
    levelled = np.stack([level(crop) for crop in crops])
    seen, mirrored = (
        float_model.predict(some[..., None].astype(np.float32), batch_size=256, verbose=0)
        for some in (levelled, levelled[:, :, ::-1])
    )
    logits = (seen + mirrored) / 2
    before = measure_emotion.figures(truth, softmax(logits / card["temperature"]))
    with staged(tflite, card) as folder:
        classifier = EmotionClassifier.load(Path(folder))
        after = measure_emotion.figures(truth, measure_emotion.score_all(classifier.scores, crops))
        speed = measure_emotion.latency(classifier.scores, crops)
        hard = emotion_hard.measure_suite(classifier.scores, crops, truth)
    return {
        "convention": "FERPlus majority: faces whose first emotion has over half of the votes, votes of 1 struck out",
        "split": f"FER2013 PublicTest ({len(crops)} clear faces of {len(valid)})",
        "int8": {name: value for name, value in after.items() if name != "confusion"} | speed,
        "float": {name: value for name, value in before.items() if name != "confusion"},
        "int8_hard": {"suite": "tools/emotion/hard.py", "mean": hard["mean"], "by_kind": hard["by_kind"]},
        "latency_on": "one core of an x86-64 server with AVX-512, LiteRT with XNNPACK, one thread",
    }
