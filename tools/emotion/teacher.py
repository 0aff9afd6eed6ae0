"""What trained nets that are too large for the device think of faces, for the device's net to learn from.

Distillation (Hinton et al. 2015, "Distilling the knowledge in a neural network"): ten voters leave a noisy
distribution, and a teacher that has seen 26,000 of them smooths it. Each face is judged in several views, turned and
reframed, because a teacher knows by heart the faces it was trained on as they were. Faces without any votes can be
learnt from as well.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from device.domain import Face
from device.perception import crop
from tools.emotion import augment
from tools.emotion.net import NETS, EmotionNet
from tools.labelled import boxes
from tools.labelled.boxes import Label

VIEWS = 4
BATCH = 256


@dataclass(frozen=True, slots=True)
class Teacher:
    """A trained net, and the checksum of the file that it came from."""

    net: EmotionNet
    sha256: str


def read(checkpoint: Path) -> Teacher:
    """The averaged net of a run of tools/train_emotion.py. Raises ValueError if there is none."""
    try:
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        net = EmotionNet(NETS[saved["recipe"]["net"]])
        net.load_state_dict(saved["average"])
        return Teacher(net.eval(), hashlib.sha256(checkpoint.read_bytes()).hexdigest())
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{checkpoint} is not a checkpoint of tools/train_emotion.py ({error})") from error


def portraits(folder: Path) -> np.ndarray:
    """The faces that the detector is trained on, cut out as the device cuts them: uint8 [n, 48, 48].

    Raises ValueError if `folder` is not one that tools/train_faces.py could use.
    """
    pictures = boxes.read(folder, "train", lambda entry: len(entry["faces"]) == 1)
    return np.stack([_cut(picture.gray, label) for picture in pictures for label in picture.labels])


def _cut(gray: np.ndarray, label: Label) -> np.ndarray:
    points = tuple((float(x), float(y)) for x, y in label.landmarks)
    return crop.align(gray, Face(*(float(side) for side in label.box), 1.0, points))


@torch.no_grad()
def opinions(teachers: list[Teacher], faces: np.ndarray, device: torch.device, *, half: bool) -> np.ndarray:
    """Probabilities float32 [n, 8]: the mean over teachers and `VIEWS` views of each face; zeros without teachers."""
    console = Console()
    total = np.zeros((len(faces), 8), np.float32)
    random = torch.Generator().manual_seed(0)
    batches = torch.from_numpy(faces).split(BATCH) if teachers and len(faces) else ()
    at = 0
    for batch in track(batches, "asking the teachers", console=console, transient=True):
        views = [augment.reframe(augment.plain(batch), random).to(device) for _ in range(VIEWS)]
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            asked = [teacher.net.to(device)(view).float().softmax(1) for teacher in teachers for view in views]
        total[at : at + len(batch)] = torch.stack(asked).mean(0).cpu().numpy()
        at += len(batch)
    return total


@torch.no_grad()
def predict(net: EmotionNet, faces: np.ndarray, device: torch.device) -> torch.Tensor:
    """Logits float32 [n, 8] on the CPU, of uint8 faces [n, 48, 48] as they are."""
    net.eval()
    return torch.cat([net(augment.plain(p).to(device)).cpu() for p in torch.from_numpy(faces).split(BATCH)])
