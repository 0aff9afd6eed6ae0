"""What cameras and rooms do to scenes: focus, motion, light, darkness, noise, compression; in batches on any device.

`degrade` spoils pictures float [B, 240, 320] in 0 to 255; `show` then lifts dark ones as the device does.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from device.perception.faces import PAD_GRAY
from device.perception.frame_levels import ENDS_PERCENT, MOST, SPAN, STEP_PX

KERNEL = 7  # side of the kernels of blur and motion
BLOCK = 8  # JPEG's
SENSOR_NOISE = 0.01  # at night up to so much of white at least, however little light there is
QUANT = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
).float()  # JPEG's table for gray at quality 50 (ITU-T T.81, annex K)


class Light:
    """Draws from one generator on one device."""

    def __init__(self, device: torch.device, seed: int, night_share: float = 0.12) -> None:
        self.device, self.night_share = device, night_share
        self.random = torch.Generator(device).manual_seed(seed)
        steps = torch.arange(BLOCK).float()
        cosines = torch.cos(math.pi * (steps[None] + 0.5) * steps[:, None] / BLOCK) * math.sqrt(2 / BLOCK)
        cosines[0] /= math.sqrt(2)
        self.cosines, self.quant = cosines.to(device), QUANT.to(device)

    def degrade(self, grays: torch.Tensor) -> torch.Tensor:
        """As a camera might have taken them."""
        count = len(grays)
        light = self._blur(grays) / 255
        light = light.clamp(0, 1) ** self._where(0.6, torch.exp(1.4 * self._uniform(count) - 0.7), 1.0)
        light = light * self._shade(light)
        light = light * self._where(0.15, 0.15 + 0.5 * self._uniform(count), 1.0)
        contrast = self._where(0.6, 0.65 + 0.6 * self._uniform(count), 1.0)
        light = (light - 0.5) * contrast + 0.5 + self._where(0.5, 0.24 * self._uniform(count) - 0.12, 0.0)
        noise = self._where(0.3, 0.035 * self._uniform(count) ** 2, 0.0)
        dim = 0.05 * 10 ** self._uniform(count)
        night = self._uniform(count)[:, None, None] < self.night_share
        light = torch.where(night, light.clamp(min=0) ** 1.3 * dim[:, None, None], light)
        sensor = (dim * 0.06).clamp(min=SENSOR_NOISE) * self._uniform(count)
        noise = torch.where(night, sensor[:, None, None], noise)
        light = light + noise * self._grain(light.shape)
        return self._compress((light * 255).round().clamp(0, 255)).round().clamp(0, 255)

    def show(self, grays: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As the device shows them to its network: dark ones lifted, some with a band; and bool [B, H, W] of bands."""
        lifted = lift(grays)
        count, height, width = grays.shape
        end = 0.6 + 0.4 * self._uniform(count)
        at_right = self._uniform(count) < 0.5
        banded = self._uniform(count) < 0.12
        columns = torch.where(at_right & banded, end * width, float(width))[:, None, None]
        rows = torch.where(~at_right & banded, end * height, float(height))[:, None, None]
        x = torch.arange(width, device=self.device)[None, None]
        y = torch.arange(height, device=self.device)[None, :, None]
        band = (x >= columns) | (y >= rows)
        return torch.where(band, float(PAD_GRAY), lifted), band

    def _blur(self, grays: torch.Tensor) -> torch.Tensor:
        """Out of focus, or moved, each by its own kernel."""
        count, reach = len(grays), KERNEL // 2
        steps = torch.arange(-reach, reach + 1, device=self.device).float()
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        width = self._where(0.3, 0.4 + 1.2 * self._uniform(count), 0.05)
        kernel = torch.exp(-(x * x + y * y) / (2 * width * width))
        angle = (math.pi * self._uniform(count))[:, None, None]
        length = (1 + 2.5 * self._uniform(count))[:, None, None]
        along, across = x * torch.cos(angle) + y * torch.sin(angle), y * torch.cos(angle) - x * torch.sin(angle)
        line = (1 - across.abs()).clamp(min=0) * (length + 0.5 - along.abs()).clamp(0, 1)
        kernel = torch.where(self._uniform(count)[:, None, None] < 0.1, line, kernel)
        kernel = kernel / kernel.sum((1, 2), keepdim=True)
        padded = functional.pad(grays[None], [reach] * 4, mode="replicate")
        return functional.conv2d(padded, kernel[:, None], groups=count)[0]

    def _shade(self, light: torch.Tensor) -> torch.Tensor:
        """Light that falls off to one side, in a fifth of them."""
        count, height, width = light.shape
        angle = (2 * math.pi * self._uniform(count))[:, None, None]
        x = torch.linspace(-1, 1, width, device=self.device)[None, None]
        y = torch.linspace(-1, 1, height, device=self.device)[None, :, None]
        depth = self._where(0.2, 0.3 + 0.6 * self._uniform(count), 0.0)
        return 1 - depth / 2 * (1 + (x * torch.cos(angle) + y * torch.sin(angle)).clamp(-1, 1))

    def _grain(self, shape: torch.Size) -> torch.Tensor:
        """Noise of a deviation of 1; in half of them coarse, as a camera leaves it that smooths and scales."""
        fine = torch.randn(shape, device=self.device, generator=self.random)
        coarse = functional.interpolate(fine[:, None, ::2, ::2], scale_factor=2, mode="bilinear")[:, 0]
        return torch.where(self._uniform(shape[0])[:, None, None] < 0.5, fine, 1.4 * coarse)

    def _compress(self, grays: torch.Tensor) -> torch.Tensor:
        """A quarter of them as JPEG leaves them, at qualities of about 20 to 80."""
        count, height, width = grays.shape
        blocks = grays.reshape(count, height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(2, 3) - 128
        step = (0.3 * 8 ** self._uniform(count))[:, None, None, None, None] * self.quant
        waves = self.cosines @ blocks @ self.cosines.T
        back = self.cosines.T @ ((waves / step).round() * step) @ self.cosines + 128
        pressed = back.transpose(2, 3).reshape(grays.shape)
        return torch.where(self._uniform(count)[:, None, None] < 0.25, pressed, grays)

    def _uniform(self, count: int) -> torch.Tensor:
        return torch.rand(count, device=self.device, generator=self.random)

    def _where(self, share: float, values: torch.Tensor, other: float) -> torch.Tensor:
        """`values` for that share of the batch, else `other`; [B, 1, 1]."""
        return torch.where(self._uniform(len(values)) < share, values, other)[:, None, None]


def lift(grays: torch.Tensor) -> torch.Tensor:
    """What device/perception/frame_levels.py does, for float [B, H, W] in 0 to 255."""
    looked = grays[:, ::STEP_PX, ::STEP_PX].flatten(1).sort(dim=1).values
    at = [round(percent / 100 * (looked.shape[1] - 1)) for percent in ENDS_PERCENT]
    low, high = (looked[:, place, None, None] for place in at)
    gain = (SPAN / (high - low).clamp(min=1)).clamp(1, MOST)
    return ((grays - low) * gain + low.clamp(max=255 - SPAN)).clamp(0, 255).round()
