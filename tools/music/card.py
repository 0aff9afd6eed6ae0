"""From trained weights to `models/music_mood.tflite` and its card: quantise, compare, and write down the truth.

The last step of tools/train_music.py. Temperature and int8 ranges come from training clips; every figure in the card is
measured on the split `dev`, through the analyser that the device runs, except where it says "float".
"""

import datetime
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from device.music.analysis.analyser import FURTHEST, MoodAnalyser
from tools.model import convert, files
from tools.music import data
from tools.music import measure as measure_music
from tools.music import net as music_net

NAME = "music_mood"
VERSION = "2"
RANGE_ROWS = 500
DATA = (
    "4Q (Panda et al., IEEE Transactions on Affective Computing 2018): 30 s previews of commercial recordings, "
    "labelled with a quadrant from AllMusic's tags, for research; here mono Opus at 24 kbit/s. Learnt from 540 clips "
    "(train), figures on 180 clips of other artists (dev). The third split of the set was not used for anything. The "
    "weights were trained from scratch, from no other weights. Whoever wants to sell a device with this model has to "
    "check first what the previews' owners and AllMusic allow."
)
LIMITS = [
    "It tells how listeners are likely to describe the music, not what somebody will feel.",
    "The clips are Western popular music in the main; other traditions, speech, children's songs and classical music "
    "are rare among them or missing, and figures by genre were not measured.",
    "Valence is much harder than arousal: about one clip in five lies on the wrong side. It does not hear words.",
    "Alone, it gives every sound a mood, noise and speech, too. device/music/analysis/doubt.py decides before whether "
    "the sound is music.",
    "A quadrant is all that the labels say: how far a track lies from the middle is read off how sure the model is.",
    "Long files are judged by three excerpts of 20 s; music that changes much between them is averaged.",
]


@dataclass(frozen=True, slots=True)
class Learnt:
    """Everything that goes into model and card. `folds`: figures of the cross-validation, or empty."""

    net: music_net.MoodNet
    standard: music_net.Standard
    heard: data.Heard
    clips: data.Clips
    temperature: float
    recipe: dict[str, Any]
    folds: dict[str, Any]


def export(learnt: Learnt, models: Path, console: Console) -> None:
    """Write model and card into `models`, and print what quantisation cost."""
    train, dev = learnt.clips.splits == "train", learnt.clips.splits == "dev"
    rows = learnt.standard(learnt.heard.values[train]).reshape(-1, len(learnt.heard.names))
    chosen = np.random.default_rng(0).permutation(len(rows))[:RANGE_ROWS]
    edges = np.stack([np.full(rows.shape[1], side * FURTHEST, np.float32) for side in (-1, 1)])
    samples = np.concatenate([rows[chosen], edges])[:, None, None, None]
    tflite = convert.to_int8(music_net.to_keras(learnt.net), list(samples))
    card = {"version": VERSION, **convert.describe(tflite, output_names=["quadrants", "likeness"])}
    card |= {"labels": list(data.QUADRANTS), "temperature": learnt.temperature} | words(learnt)
    card["figures"] = compare(learnt, tflite, card, dev)
    card["limits"] = LIMITS
    card["licence"] = "MIT, for the weights; see data for the music they were learnt from"
    card["features"] = list(learnt.heard.names)
    card["feature_means"] = [float(f"{value:.6g}") for value in learnt.standard.means]
    card["feature_deviations"] = [float(f"{value:.6g}") for value in learnt.standard.deviations]
    files.write_pair(models, NAME, tflite, card)
    console.print_json(json.dumps(card["figures"]))


def words(learnt: Learnt) -> dict[str, Any]:
    return {
        "preprocessing": "Sound as mono at 16 kHz; the features named under `features` (device/music/analysis/"
        f"features.py), less feature_means, divided by feature_deviations, cut off at {FURTHEST:g}, quantised. "
        "Probabilities are the softmax of the logits `quadrants` divided by temperature, logits averaged over the "
        "excerpts of a file. `likeness`, made length 1, is what songs are compared by.",
        "data": DATA,
        "training": {
            "how": "tools/train_music.py: a generalised additive model, ridge regression on ramps of weighed features, "
            "from clips and their variants (parts, speed, equaliser, band limit, limiter, codecs); likeness is "
            "principal components; then post-training int8.",
            "temperature": "lowest log loss on train, each clip judged by a model that had not learnt from its artist",
            "recipe": learnt.recipe,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        },
    }


def temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The divisor of the logits with the lowest log loss, to three places (Guo et al., ICML 2017)."""
    tried = np.exp(np.linspace(np.log(0.05), np.log(4), 1501))
    rows = np.arange(len(truth))
    losses = [-np.log(softmax(logits / t)[rows, truth] + 1e-9).mean() for t in tried]
    return round(float(tried[int(np.argmin(losses))]), 3)


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))


def compare(learnt: Learnt, tflite: bytes, card: dict[str, Any], dev: np.ndarray) -> dict[str, Any]:
    """Figures of the int8 model and of the float model before it on the clips `dev`."""
    truth, values = learnt.clips.quadrants[dev], learnt.heard.values[dev, 0]
    logits = learnt.net.logits(learnt.standard(values))
    before = measure_music.judge(softmax(logits / learnt.temperature), truth)
    after = measure_music.judge(int8_shares(learnt, tflite, card, values), truth)
    figures = {
        "split": f"4Q dev as Opus ({len(truth)} clips of artists that training does not know)",
        "int8": {name: value for name, value in after.items() if name != "confusion"},
        "float": {name: value for name, value in before.items() if name != "confusion"},
    }
    return figures | ({"cross_validation": learnt.folds} if learnt.folds else {})


def int8_shares(learnt: Learnt, tflite: bytes, card: dict[str, Any], values: np.ndarray) -> np.ndarray:
    """Probabilities [n, 4] as the device computes them."""
    more = {
        "features": list(learnt.heard.names),
        "feature_means": learnt.standard.means.tolist(),
        "feature_deviations": learnt.standard.deviations.tolist(),
    }
    with tempfile.TemporaryDirectory() as folder:
        files.write_pair(Path(folder), NAME, tflite, card | more)
        analyser = MoodAnalyser.load(Path(folder))
        return np.stack([analyser.probabilities([analyser.predict_features(row.astype(np.float32))]) for row in values])
