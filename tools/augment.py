"""Random changes to a batch of gray training faces, all in PyTorch so that a batch costs milliseconds.

Frames from a room differ from FER2013's portraits in framing (a detector's box sits tighter or looser), light, focus
and noise; each of these is drawn anew for every face. All randomness comes from the generator that is passed in.
"""

import math

import torch
from torch.nn import functional


def augment(faces: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """uint8 [n, 48, 48] to float32 [n, 1, 48, 48] with values 0..1, changed."""
    x = faces.unsqueeze(1).float() / 255
    x = _reframe(x, random)
    x = _relight(x, random)
    x = _soften(x, random)
    x = _hide(x, random)
    return x.clamp_(0, 1)


def plain(faces: torch.Tensor) -> torch.Tensor:
    """The same conversion without any change."""
    return faces.unsqueeze(1).float() / 255


def _uniform(n: int, low: float, high: float, random: torch.Generator) -> torch.Tensor:
    return torch.rand(n, generator=random) * (high - low) + low


def _chance(n: int, probability: float, random: torch.Generator) -> torch.Tensor:
    return (torch.rand(n, generator=random) < probability).view(-1, 1, 1, 1)


def _reframe(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Flip, turn by up to 15 degrees, shift by up to 10%, and zoom from 0.85 (looser) to 1.35 (tighter)."""
    n = len(x)
    angle = _uniform(n, -1, 1, random) * math.radians(15)
    zoom = torch.exp(_uniform(n, math.log(0.85), math.log(1.35), random))
    stretch = torch.exp(_uniform(n, -0.06, 0.06, random))
    mirror = torch.where(torch.rand(n, generator=random) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    shift_x, shift_y = _uniform(n, -0.2, 0.2, random), _uniform(n, -0.2, 0.2, random)
    matrix = torch.stack(
        [cos * mirror * stretch, -sin * stretch, shift_x, sin * mirror / stretch, cos / stretch, shift_y], 1
    ).view(n, 2, 3)
    grid = functional.affine_grid(matrix, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _relight(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Gamma, contrast and brightness; on some faces light from one side."""
    n = len(x)
    gamma = torch.exp(_uniform(n, -0.8, 0.8, random) * _uniform(n, 0, 1, random)).view(-1, 1, 1, 1)
    x = x.clamp(1e-4, 1) ** gamma
    contrast = _uniform(n, 0.6, 1.3, random).view(-1, 1, 1, 1)
    brightness = _uniform(n, -0.15, 0.15, random).view(-1, 1, 1, 1)
    x = (x - 0.5) * contrast + 0.5 + brightness
    across = torch.linspace(-1, 1, x.shape[-1])
    angle = _uniform(n, 0, 2 * math.pi, random)
    plane = torch.cos(angle).view(-1, 1, 1) * across + torch.sin(angle).view(-1, 1, 1) * across[:, None]
    side = 1 + plane.unsqueeze(1) * _uniform(n, 0, 0.8, random).view(-1, 1, 1, 1)
    return torch.where(_chance(n, 0.2, random), x * side, x)


def _soften(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Some faces out of focus, some small in the frame and scaled up, some noisy."""
    n = len(x)
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    padded = functional.pad(x, (2, 2, 2, 2), mode="replicate")
    blurred = functional.conv2d(padded, torch.outer(kernel, kernel)[None, None])
    x = torch.where(_chance(n, 0.15, random), blurred, x)
    small = functional.interpolate(x, size=20, mode="area")
    small = functional.interpolate(small, size=x.shape[-1], mode="bilinear", align_corners=False)
    x = torch.where(_chance(n, 0.1, random), small, x)
    noise = torch.randn(x.shape, generator=random) * _uniform(n, 0, 0.06, random).view(-1, 1, 1, 1)
    return torch.where(_chance(n, 0.3, random), x + noise, x)


def _hide(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """On two faces in five, a rectangle of up to 20 px a side becomes one gray (random erasing, Zhong et al. 2020)."""
    n, side = len(x), x.shape[-1]
    place = torch.arange(side).view(1, -1)
    covered = []
    for _ in range(2):
        length = _uniform(n, 6, 20, random).view(-1, 1)
        start = torch.rand(n, 1, generator=random) * (side - length)
        covered.append((place >= start) & (place < start + length))
    box = (covered[0].unsqueeze(2) & covered[1].unsqueeze(1)).unsqueeze(1) & _chance(n, 0.4, random)
    return torch.where(box, torch.rand(n, 1, 1, 1, generator=random), x)
