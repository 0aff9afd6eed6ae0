"""Random changes to a batch of gray training faces, all in PyTorch so that a batch costs milliseconds.

Frames from a room differ from FER2013's portraits in framing (a detector's box sits tighter or looser), light, focus,
noise and what is in front of the face; each of these is drawn anew for every face. All of it happens where the faces
lie, CPU or GPU, and all randomness comes from the generator that is passed in, which has to be of the same device.
"""

import math

import torch
from torch.nn import functional

from device.perception import face_levels

WIDE_ZOOM = (math.log(0.7), math.log(1.6))


def augment(faces: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """uint8 [n, 48, 48] to float32 [n, 1, 48, 48] with values 0..1, changed."""
    x = faces.unsqueeze(1).float() / 255
    framed = reframe(x, random)
    x = _relight(framed, random)
    x = _soften(x, random)
    x = _hide(x, random)
    x = torch.where(_chance(len(x), 0.4, random), framed, x)  # two in five stay clear
    x = (x.clamp_(0, 1) * 255).round() / 255  # dark faces lose their grays, as in a camera
    return level(_compress(x, random))


def plain(faces: torch.Tensor) -> torch.Tensor:
    """The same conversion without any change but the one of the device."""
    return level(faces.unsqueeze(1).float() / 255)


def level(x: torch.Tensor) -> torch.Tensor:
    """What device/perception/face_levels.py does to very dark and very bright faces, on values 0..1 of a batch."""
    mean = x.mean((1, 2, 3), keepdim=True) * 255
    bound = mean.clamp(face_levels.DARKEST, face_levels.BRIGHTEST)
    power = (bound / 255).log() / (mean.clamp(1, 254) / 255).log()
    levelled = (x ** power.clamp(1 / face_levels.MOST, face_levels.MOST) * 255).round() / 255
    return torch.where(bound == mean, x, levelled)


def _uniform(n: int, low: float, high: float, random: torch.Generator) -> torch.Tensor:
    return _rand(n, random=random) * (high - low) + low


def _chance(n: int, probability: float, random: torch.Generator) -> torch.Tensor:
    return (_rand(n, random=random) < probability).view(-1, 1, 1, 1)


def _rand(*shape: int, random: torch.Generator) -> torch.Tensor:
    return torch.rand(*shape, generator=random, device=random.device)


def reframe(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Flip, turn by up to 15 degrees, shift by up to 10%, and zoom from 0.85 (looser) to 1.35 (tighter); every seventh
    face from 0.7 to 1.6, since detectors and data sets frame faces differently."""
    n = len(x)
    angle = _uniform(n, -1, 1, random) * math.radians(15)
    usual = _uniform(n, math.log(0.85), math.log(1.35), random)
    zoom = torch.exp(torch.where(_rand(n, random=random) < 1 / 7, _uniform(n, *WIDE_ZOOM, random), usual))
    stretch = torch.exp(_uniform(n, -0.06, 0.06, random))
    mirror = torch.where(_rand(n, random=random) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    shift_x, shift_y = _uniform(n, -0.2, 0.2, random), _uniform(n, -0.2, 0.2, random)
    matrix = torch.stack(
        [cos * mirror * stretch, -sin * stretch, shift_x, sin * mirror / stretch, cos / stretch, shift_y], 1
    ).view(n, 2, 3)
    grid = functional.affine_grid(matrix, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _relight(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Gamma (on one face in ten a strong one), contrast and brightness; on some faces light from one side."""
    n = len(x)
    power = _uniform(n, -0.8, 0.8, random) * _uniform(n, 0, 1, random)
    power = torch.where(_rand(n, random=random) < 0.1, _uniform(n, -1.5, 1.5, random), power)
    x = x.clamp(1e-4, 1) ** torch.exp(power).view(-1, 1, 1, 1)
    contrast = _uniform(n, 0.6, 1.3, random).view(-1, 1, 1, 1)
    brightness = _uniform(n, -0.15, 0.15, random).view(-1, 1, 1, 1)
    x = torch.where(_chance(n, 0.7, random), (x - 0.5) * contrast + 0.5 + brightness, x)
    across = torch.linspace(-1, 1, x.shape[-1], device=x.device)
    angle = _uniform(n, 0, 2 * math.pi, random)
    plane = torch.cos(angle).view(-1, 1, 1) * across + torch.sin(angle).view(-1, 1, 1) * across[:, None]
    side = 1 + plane.unsqueeze(1) * _uniform(n, 0, 1, random).view(-1, 1, 1, 1)
    return torch.where(_chance(n, 0.2, random), x * side, x)


def _soften(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Some faces out of focus or moving, some small in the frame and scaled up, some noisy."""
    n = len(x)
    some = torch.randperm(n, generator=random, device=x.device)[: n // 5]
    x = x.index_copy(0, some, _smear(x[some], random))
    size = int(torch.randint(14, 32, (1,), generator=random, device=x.device))
    small = functional.interpolate(x, size=size, mode="area")
    small = functional.interpolate(small, size=x.shape[-1], mode="bilinear", align_corners=False)
    x = torch.where(_chance(n, 0.12, random), small, x)
    strongest = torch.where(_rand(n, random=random) < 0.2, 0.15, 0.06)
    noise = torch.randn(x.shape, generator=random, device=x.device) * (strongest * _rand(n, random=random)).view(
        -1, 1, 1, 1
    )
    return torch.where(_chance(n, 0.35, random), x + noise, x)


def _smear(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Blur by a Gaussian that is round on half of the faces and drawn out in one direction on the others."""
    n, reach = len(x), 5
    place = torch.arange(-reach, reach + 1, device=x.device).float()
    angle = _uniform(n, 0, math.pi, random).view(-1, 1, 1)
    along = place * torch.cos(angle) + place[:, None] * torch.sin(angle)
    across = place[:, None] * torch.cos(angle) - place * torch.sin(angle)
    wide = _uniform(n, 0.6, 2.4, random).view(-1, 1, 1)
    narrow = torch.where(_rand(n, 1, 1, random=random) < 0.5, wide, torch.full_like(wide, 0.4))
    kernel = torch.exp(-0.5 * ((along / (wide * 1.4)) ** 2 + (across / narrow) ** 2))
    kernel = kernel / kernel.sum((1, 2), keepdim=True)
    patches = functional.unfold(functional.pad(x, (reach,) * 4, mode="replicate"), kernel.shape[-1])
    return (kernel.flatten(1).unsqueeze(1) @ patches).view(x.shape)


def _hide(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """On two faces in five, a rectangle becomes one gray: mostly of up to 20 px a side (random erasing, Zhong et al.
    2020), sometimes as large as half of the face."""
    n, side = len(x), x.shape[-1]
    place = torch.arange(side, device=x.device).view(1, -1)
    large = _rand(n, 1, random=random) < 0.2
    across_first = _rand(n, 1, random=random) < 0.5
    covered = []
    for first in (True, False):
        length = _uniform(n, 6, 20, random).view(-1, 1)
        start = _rand(n, 1, random=random) * (side - length)
        whole = large & (across_first == first)
        length = torch.where(whole, torch.full_like(length, side), torch.where(large, length + 8, length))
        edge = torch.where(start > (side - length) / 2, side - length, torch.zeros_like(start))
        start = torch.where(whole, torch.zeros_like(start), torch.where(large, edge, start))
        covered.append((place >= start) & (place < start + length))
    box = (covered[0].unsqueeze(2) & covered[1].unsqueeze(1)).unsqueeze(1) & _chance(n, 0.4, random)
    return torch.where(box, _rand(n, 1, 1, 1, random=random), x)


BLOCK_PX = 8
COSINES = torch.tensor(
    [
        [math.cos(math.pi * (2 * at + 1) * k / 16) * math.sqrt((1 if k == 0 else 2) / 8) for at in range(8)]
        for k in range(8)
    ]
)
ROUGHNESS = (
    10 + 6.5 * torch.arange(8).view(1, -1).add(torch.arange(8).view(-1, 1)).float()
)  # near JPEG's luminance table


def _compress(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """On one face in ten, JPEG's losses (ITU-T T.81): cosines of 8x8 blocks, rounded, finer waves more coarsely."""
    n, side = len(x), x.shape[-1]
    blocks = (x * 255 - 128).view(n, side // BLOCK_PX, BLOCK_PX, side // BLOCK_PX, BLOCK_PX).transpose(2, 3)
    cosines = COSINES.to(x.device)
    step = ROUGHNESS.to(x.device) * _uniform(n, 0.4, 3, random).view(-1, 1, 1, 1, 1)
    waves = ((cosines @ blocks @ cosines.T) / step).round() * step
    rough = (cosines.T @ waves @ cosines).transpose(2, 3).reshape(x.shape)
    return torch.where(_chance(n, 0.1, random), ((rough + 128) / 255).clamp(0, 1), x)
