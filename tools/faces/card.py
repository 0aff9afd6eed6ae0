"""From a trained face net to models/face_detector.tflite and its card. Used by tools/train_faces.py.

The threshold is chosen here, on the quantised model as the device runs it: the lowest at which the backgrounds that
training never saw give at most one false alarm in 500.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from device.model import Card, Float32Array, Int8Array, Tensor
from device.perception.faces import FaceDetector
from tools.faces import measure as measure_faces
from tools.faces import scenes
from tools.faces.net import FaceNet, output_names, to_keras
from tools.labelled.boxes import Pool
from tools.model.convert import describe, to_int8
from tools.model.files import write_pair

VERSION = "2"
SAMPLES = 240  # scenes that set the int8 ranges
ALARMS_ALLOWED = 1 / 500
VIEWS = 2000  # parts of backgrounds on which the threshold is tried
LOWEST_THRESHOLD = 0.30
STEP = 1 / 16  # between two thresholds of the float net
MARGIN = 0.01  # runtimes and OpenCV versions round differently

DATA = (
    "Trained from scratch on video frames of talks and interviews (YouTube Faces), tight portraits (muxspace "
    "facial_expressions), people in face masks, some real and most painted on, faces of FER2013, and photos without "
    "faces. Boxes and landmarks were drawn by the YuNet detector at score 0.7, those of FER2013's faces by an earlier "
    "version of this model. FER2013's pictures were gathered from the web; YouTube Faces and the muxspace faces are of "
    "public figures, gathered without asking them. The weights contain none of the pictures, and no other network's "
    "weights. Whoever wants to sell a device with this model should check first what these sets allow: some are for "
    "research."
)
LIMITS = (
    "The people of the validation frames also occur in the training frames, so that AP on them flatters; public "
    "figures on stages are most of the data. Its truth is another detector's opinion. The crowds and dark rooms that "
    "it was measured on are made up of such pictures. Not measured: profiles beyond what interviews show, infrared "
    "light, children apart from the masked set and FER2013, drawings, faces narrower than 20 pixels at 320x240. Skin "
    "tones were not labelled, so that nobody knows how evenly it finds them. It says where faces are, not whose: it is "
    "not for recognising people, and not for watching them at work or in schools."
)
PREPROCESSING = (
    "Gray picture scaled to fit 320x240 (shrunk by area, enlarged linearly), at the top left; the rest is gray 128. "
    "Where its grays from the 2nd to the 99th percentile (every 4th row and column) span less than 160, they are "
    "stretched to 160, by 8 at most. "
    "The network sees (gray - 128) / 128. Outputs for strides s = 8, 16, 32 at cell centre c = ((column + 0.5) s, "
    "(row + 0.5) s): score logit; box = centre offset / s and log of width and height / 4s; landmarks = offsets / 4s."
)


class FloatModel:
    """The net before quantisation, in the clothes of `device.model.Model`: what it stores are floats of any size."""

    def __init__(self, net: FaceNet) -> None:
        rows, columns = measure_faces.HEIGHT_PX, measure_faces.WIDTH_PX
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
    net: FaceNet, pool: Pool, sets: measure_faces.Sets, models: Path, training: Mapping[str, Any], console: Console
) -> None:
    """Quantise, choose the threshold, measure, write model and card."""
    console.print("measuring the float net")
    before = measure_faces.judge(float_detector(net, measure_faces.LOWEST_SCORE).find, sets, 0.5)
    console.print("quantising")
    tflite = to_int8(to_keras(net, measure_faces.HEIGHT_PX, measure_faces.WIDTH_PX), samples(pool))
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
        detector = FaceDetector.load(Path(trial), threshold=measure_faces.LOWEST_SCORE)
        threshold = choose_threshold(detector, sets)
        figures = measure_faces.judge(detector.find, sets, threshold)
        shipped = FaceDetector.load(Path(trial), threshold=threshold)
        figures["milliseconds"] = measure_faces.clock(shipped.find, [*sets.people, *sets.backgrounds])
    loss = {key: round(figures[key] - before[key], 4) for key in ("ap", "landmark_error")}
    card |= {"threshold": threshold, "figures": {"split": "valid", **figures, "int8_minus_float": loss}}
    write_pair(models, "face_detector", tflite, card)
    console.print(measure_faces.table({**figures, "threshold": threshold, "size_bytes": len(tflite)}))
    console.print(f"int8 against float: {loss}; wrote {models / 'face_detector.tflite'}")


def choose_threshold(detector: FaceDetector, sets: measure_faces.Sets) -> float:
    """The lowest threshold, in hundredths, that keeps false alarms to one in 500 backgrounds; and a margin.

    It has to hold on the backgrounds as they are, and, so that it hangs on more than one or two of them, on parts of
    them seen larger too.
    """
    pool = Pool((), sets.backgrounds)
    parts = (
        scenes.empty(np.random.default_rng((78, number)), pool, measure_faces.HEIGHT_PX, measure_faces.WIDTH_PX)
        for number in range(VIEWS)
    )
    whole = _lowest(detector, (picture.gray for picture in sets.backgrounds))
    return round(max(LOWEST_THRESHOLD, min(0.95, max(whole, _lowest(detector, parts)) + MARGIN)), 2)


def _lowest(detector: FaceDetector, pictures: Iterable[np.ndarray]) -> float:
    surest = sorted((max((f.score for f in detector.find(p)), default=0.0) for p in pictures), reverse=True)
    allowed = int(len(surest) * ALARMS_ALLOWED)
    return (int(surest[allowed] * 100) + 1) / 100 if len(surest) > allowed else 0.0


def samples(pool: Pool) -> Iterator[np.ndarray]:
    """Scenes as the device might see them, one a batch."""
    for number in range(SAMPLES):
        random = np.random.default_rng((77, number))
        scene = scenes.compose(random, pool, measure_faces.HEIGHT_PX, measure_faces.WIDTH_PX)
        gray, _ = scenes.show(random, scene)
        yield ((gray[None, :, :, None].astype(np.float32)) - 128) / 128
