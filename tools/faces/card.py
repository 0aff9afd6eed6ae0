"""From a trained face net to models/face_detector.tflite and its card. Used by tools/train_faces.py.

The threshold is chosen here, on the quantised model as the device runs it and on the real scenes that training does not
see: where there are `FALSE_BOXES` a picture. That many are no harm, because the tracker confirms what is found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from device.model import Card, Float32Array, Int8Array, Tensor
from device.perception.faces import FaceDetector
from tools.faces import album
from tools.faces import measure as measure_faces
from tools.faces.compose import Composer
from tools.faces.learn import see
from tools.faces.light import Light
from tools.faces.measuring.seen import RATES, at_false_boxes, look
from tools.faces.net import FaceNet, output_names, to_keras
from tools.faces.styles import HEIGHT_PX, WIDTH_PX
from tools.labelled.boxes import training_pictures
from tools.model.convert import describe, to_int8
from tools.model.files import write_pair
from tools.tracks.stills import measure_stills, read_stills

VERSION = "5"
SAMPLES, EVERY = 160, 25  # scenes that set the int8 ranges, made of one training picture in so many
FALSE_BOXES = 0.3  # a picture, at the shipped threshold
SPLITS = ("scenes", "unseen", "valid")
STILLS = 7  # one picture in so many
LOWEST_THRESHOLD = 0.1
STEP = 1 / 16  # between two thresholds of the float net

DATA = (
    "Trained from scratch on real scenes (WIDER FACE's validation part and some events of its training part; photos "
    "of people in masks; rooms and objects without faces), video frames of talks and interviews (YouTube Faces), "
    "tight portraits (muxspace facial_expressions), people in face masks, some real and most painted on, and photos "
    "without faces. The boxes of WIDER FACE are people's; other boxes and all landmarks were drawn by the YuNet "
    "detector. Measured on a source that it never saw, classrooms and meetings (SCUT-HEAD part B). The pictures "
    "come from the web; YouTube Faces and the muxspace faces are of public figures, gathered without asking them. "
    "The weights contain none of the pictures, and no other network's weights. Whoever wants to sell a device with "
    "this model should check first what these sets allow: some are for research."
)
LIMITS = (
    "Counted from 20 pixels of width at 320x240 on; below 17 it reports none. Faces in the split `valid` are of "
    "people who also occur in training, so that AP on it flatters; the landmarks' truth is YuNet's opinion of an "
    "enlarged picture. `scenes` were used to choose the threshold; no choice was made on `unseen`. A picture is a "
    "single frame; what the tracker confirms over frames is in `stills`. Not measured: infrared light, drawings. "
    "Who is found less often, by age, gender and skin tone, is in models/README.md. It says where faces are, not "
    "whose: it is not for recognising people, and not for watching them at work or in schools."
)
PREPROCESSING = (
    "Gray picture scaled to fit 320x240 (shrunk by area, enlarged linearly), at the top left; the rest is gray 128. "
    "Where its grays from the 2nd to the 99th percentile (every 4th row and column) span less than 160, they are "
    "stretched to 160, by 8 at most. "
    "The network sees (gray - 128) / 128. Outputs for strides s = 8, 16, 32 at cell centre c = ((column + 0.5) s, "
    "(row + 0.5) s): score logit; box = centre offset / s and log of width and height / 4s; landmarks = offsets / 4s. "
    "Boxes narrower than 17 pixels there are left out."
)


class FloatModel:
    """The net before quantisation, in the clothes of `device.model.Model`: what it stores are floats of any size."""

    def __init__(self, net: FaceNet) -> None:
        rows, columns = HEIGHT_PX, WIDTH_PX
        self._net = net
        self._net.eval()
        shapes = [out.permute(0, 2, 3, 1).shape for out in self._outputs(np.zeros((1, rows, columns, 1), np.int8))]
        outputs = (Tensor(name, tuple(shape), STEP, 0) for name, shape in zip(output_names(), shapes, strict=True))
        image = Tensor("image", (1, rows, columns, 1), 1 / 128, 0)
        self.card = Card("face_detector", VERSION, "", (image,), tuple(outputs), (), {})

    def run_stored(self, *inputs: Int8Array) -> list[Float32Array]:
        return [out.permute(0, 2, 3, 1).contiguous().numpy() / STEP for out in self._outputs(inputs[0])]

    def close(self) -> None:
        pass

    def _outputs(self, image: Int8Array) -> list[torch.Tensor]:
        with torch.no_grad():
            x = torch.from_numpy(image).permute(0, 3, 1, 2).float() / 128
            return list(self._net(x.contiguous(memory_format=torch.channels_last)))


def float_detector(net: FaceNet, threshold: float) -> FaceDetector:
    """The device's detector around the net in floats."""
    return FaceDetector(FloatModel(net), threshold)  # type: ignore[arg-type]


def export(
    net: FaceNet,
    data: Path,
    models: Path,
    training: Mapping[str, Any],
    peers: Path | None,
    tell: Callable[[str], None],
) -> None:
    """Quantise, choose the threshold, measure, write model and card."""
    tell("quantising")
    tflite = to_int8(to_keras(net, HEIGHT_PX, WIDTH_PX), samples(data))
    card = {
        "version": VERSION,
        **describe(tflite, output_names=output_names()),
        "labels": ["face"],
        "threshold": LOWEST_THRESHOLD,
        "preprocessing": PREPROCESSING,
        "data": DATA,
        "training": dict(training),
        "limits": LIMITS,
        "licence": "MIT for the weights; for the data see `data`",
    }
    with tempfile.TemporaryDirectory() as trial:
        write_pair(Path(trial), "face_detector", tflite, card)
        card["threshold"] = choose_threshold(Path(trial), data)
        write_pair(Path(trial), "face_detector", tflite, card)
        card["figures"] = measure_all(Path(trial), data, peers, tell)
    card["figures"]["int8_minus_float"] = lost(net, data, card["figures"]["scenes"])
    write_pair(models, "face_detector", tflite, card)
    tell(f"wrote {models / 'face_detector.tflite'}, {len(tflite)} bytes, threshold {card['threshold']}")


def choose_threshold(models: Path, data: Path) -> float:
    """In hundredths, where the real scenes have `FALSE_BOXES` a picture."""
    detector = FaceDetector.load(models, threshold=measure_faces.LOWEST_SCORE)
    rates = at_false_boxes(look(detector.find, measure_faces.read_sets(data, "scenes")))
    return round(max(LOWEST_THRESHOLD, rates[f"{FALSE_BOXES:g}"]["threshold"]), 2)


def measure_all(models: Path, data: Path, peers: Path | None, tell: Callable[[str], None]) -> dict[str, Any]:
    """The figures of every split, beside the peers' where there are any."""
    figures = {}
    for split in SPLITS:
        tell(f"measuring on {split}")
        figures[split] = measure_faces.beside(models, data, split, peers)
    tell("measuring what the tracker confirms")
    return figures | {"stills": measure_stills(FaceDetector.load(models).find, *read_stills(data, STILLS))}


def lost(net: FaceNet, data: Path, quantised: Mapping[str, Any]) -> dict[str, float]:
    """What int8 costs on the real scenes: differences of recall at the same rates of false boxes, and of landmarks."""
    sets = measure_faces.read_sets(data, "scenes")
    figures = measure_faces.judge(float_detector(net, measure_faces.LOWEST_SCORE).find, sets, quantised["threshold"])
    before, after = figures["at_false_boxes"], quantised["at_false_boxes"]
    recalls = {f"recall at {rate:g}": after[f"{rate:g}"]["recall"] - before[f"{rate:g}"]["recall"] for rate in RATES}
    recalls["landmark_error"] = quantised["landmark_error"] - figures["landmark_error"]
    return {key: round(value, 4) for key, value in recalls.items()}


def samples(data: Path) -> Iterator[np.ndarray]:
    """Training scenes as the device shows them to its network, one a batch."""
    cpu = torch.device("cpu")
    composer, light = Composer(album.gather(training_pictures(data, EVERY)), 77), Light(cpu, 78)
    for _ in range(SAMPLES):
        yield see(composer, light, 1)[1].permute(0, 2, 3, 1).numpy()
