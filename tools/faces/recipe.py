"""Everything that decides what the detector's weights become: how long, on what scenes, at what rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tools.faces.measuring.sets import HEIGHT_PX, WIDTH_PX

SMALL = (192, 192)  # height and width of most epochs' scenes
CAMERA = (HEIGHT_PX, WIDTH_PX)
POLISH_RATE = 0.3  # of the highest rate
WARM_UP = 0.03  # of all steps


@dataclass(frozen=True, slots=True)
class Stage:
    """What an epoch shows and what counts in it."""

    weights: tuple[float, float, float]  # of the losses of score, box and landmarks
    portraits: float = 0.0  # the share of scenes that are pictures of people by themselves
    plain: bool = False  # those upright and in good light


LEARN = Stage((1.0, 2.0, 1.7))
POLISH = (
    Stage((1.0, 2.0, 7.0), 0.5),
    Stage((1.0, 2.0, 11.0), 0.75, plain=True),
    Stage((1.0, 2.0, 17.0), 0.75, plain=True),
    Stage((1.0, 2.0, 20.0), 0.75, plain=True),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the weights become; a checkpoint made with another recipe is refused."""

    epochs: int
    camera_epochs: int
    polish: int
    scenes: int
    batch: int
    seed: int
    rate: float
    decay: float

    def canvas(self, epoch: int) -> tuple[int, int]:
        """Height and width of an epoch's scenes."""
        return CAMERA if epoch >= self.epochs - self.camera_epochs else SMALL

    @property
    def total(self) -> int:
        """Epochs in all."""
        return self.epochs + self.polish * len(POLISH)

    def stage(self, epoch: int) -> Stage:
        """What this epoch is about."""
        return LEARN if epoch < self.epochs else POLISH[(epoch - self.epochs) // self.polish]

    def rate_at(self, epochs_done: float) -> float:
        """The learning rate: a short rise and a cosine down to nothing; once more, lower, for each polish."""
        done = epochs_done / self.epochs
        if done < 1:
            return self.rate * min(1, (done + 1e-4) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))
        done = (epochs_done - self.epochs) % self.polish / self.polish
        return self.rate * POLISH_RATE * 0.5 * (1 + math.cos(math.pi * done))

    def steps(self) -> int:
        """Batches in an epoch."""
        return max(1, self.scenes // self.batch)
