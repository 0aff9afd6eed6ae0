"""A net too large for the device, trained first, and what it thinks of every view that the device's nets will see.

Distillation (Hinton et al. 2015, "Distilling the knowledge in a neural network") works best when teacher and student
look at the very same picture (Beyer et al., CVPR 2022, "Knowledge distillation: a good teacher is patient and
consistent"). So the views are made once, judged once by the teacher, and kept with its opinions: a student then costs
nothing but its own step.

The teacher is a residual net (He et al. 2016) with squeeze and excitation (Hu et al., CVPR 2018) and stochastic depth
(Huang et al., ECCV 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from tools.emotion import augment
from tools.emotion.lessons import HEADS, Lesson
from tools.emotion.net import CLASSES

STEM, WIDTHS, DEPTHS = 32, (96, 192, 384), (2, 3, 2)
SKIPPED = 0.1  # of the last block; earlier ones less
VIEWS = {"ferplus": 24, "rafdb": 20, "affectnet": 8, "unlabelled": 14}
BATCH, EXAM_BATCH = 4096, 128  # of views on a GPU; of faces to judge anywhere: more overflow a CPU's cache


class Gate(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(channels, channels // 8), nn.Linear(channels // 8, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        share = torch.sigmoid(self.excite(functional.relu(self.squeeze(x.mean((2, 3))))))
        return x * share[:, :, None, None]


class Block(nn.Module):
    """Pre-activation residual block, skipped at random while training."""

    def __init__(self, inside: int, outside: int, stride: int, skipped: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(inside), nn.BatchNorm2d(outside)
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.gate, self.skipped = Gate(outside), skipped
        same = inside == outside and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inside = functional.silu(self.norm1(x))
        aside = x if isinstance(self.shortcut, nn.Identity) else self.shortcut(inside)
        out = self.gate(self.conv2(functional.silu(self.norm2(self.conv1(inside)))))
        if self.training and self.skipped:
            out = out * ((torch.rand(len(out), 1, 1, 1, device=out.device) >= self.skipped) / (1 - self.skipped))
        return aside + out


class TeacherNet(nn.Module):
    """Gray faces float [n, 1, 48, 48] with values 0..1 to logits [n, heads, 8]; 7 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, STEM, 3, 1, 1, bias=False)
        blocks, inside, total = [], STEM, sum(DEPTHS)
        for width, depth in zip(WIDTHS, DEPTHS, strict=True):
            for at in range(depth):
                blocks.append(Block(inside, width, 1 if at else 2, SKIPPED * len(blocks) / total))
                inside = width
        self.blocks, self.norm = nn.Sequential(*blocks), nn.BatchNorm2d(inside)
        self.dropout, self.head = nn.Dropout(0.3), nn.Linear(inside, len(HEADS) * CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.silu(self.norm(self.blocks(self.stem(x - 0.5)))).mean((2, 3))
        return self.head(self.dropout(x)).view(-1, len(HEADS), CLASSES)


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Augmented faces, kept: `pixels` uint8 [n, 48, 48], `targets` float16 [n, heads, 8], `draw` float [n]."""

    pixels: torch.Tensor
    targets: torch.Tensor
    draw: torch.Tensor

    def __len__(self) -> int:
        return len(self.pixels)


@torch.no_grad()
def views(lesson: Lesson, teacher: nn.Module | None, random: torch.Generator, *, half: bool, share: float) -> Views:
    """`share` of the views of `VIEWS`, of every face, with what to say of them."""
    many = torch.tensor([max(1, round(count * share)) for count in VIEWS.values()], device=random.device)[lesson.kind]
    faces = torch.repeat_interleave(torch.arange(len(lesson), device=random.device), many)
    faces = faces[torch.randperm(len(faces), generator=random, device=random.device)]
    pixels = torch.empty(len(faces), *lesson.pixels.shape[1:], dtype=torch.uint8, device=random.device)
    targets = torch.empty(len(faces), len(HEADS), CLASSES, dtype=torch.float16, device=random.device)
    for at in range(0, len(faces), BATCH):
        some = faces[at : at + BATCH]
        x = augment.augment(lesson.pixels[some], random)
        said = None if teacher is None else judge(teacher, x, half=half).softmax(2)
        pixels[at : at + BATCH] = (x * 255).round().squeeze(1).to(torch.uint8)
        targets[at : at + BATCH] = lesson.targets(some, said).half()
    return Views(pixels, targets, (lesson.draw / many)[faces])


@torch.no_grad()
def judge(net: nn.Module, x: torch.Tensor, *, half: bool) -> torch.Tensor:
    """Logits float [n, heads, 8] of pictures [n, 1, 48, 48]; the net is left in evaluation mode."""
    net.eval()
    with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
        return net(x.contiguous(memory_format=torch.channels_last)).float()


def predict(net: nn.Module, faces: torch.Tensor, *, half: bool = False) -> torch.Tensor:
    """Logits [n, heads, 8] of uint8 faces [n, 48, 48] as the device reads them: levelled, the mean of both mirror
    images; on the device of the net."""
    device = next(net.parameters()).device
    rows = []
    for some in faces.split(EXAM_BATCH):
        x = augment.plain(some.to(device))
        rows.append((judge(net, x, half=half) + judge(net, x.flip(3), half=half)) / 2)
    return torch.cat(rows)
