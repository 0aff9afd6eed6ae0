"""Composes training scenes in batches, on the device where the net is trained: no Python loop over pictures.

A scene is up to three pictures on top of each other: one that fills the frame, a main one zoomed and moved so that a
face of it gets a size drawn evenly on a log scale, and sometimes a third, cut out around a head or put before a face.
Each cuts and hides those below; a face that is hidden or cut off too much is ignored, what is left of the others is
measured by pixels. tools/faces/light.py does the rest: focus, light, noise, compression.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from device.perception.faces import PAD_GRAY
from tools.faces.album import FACE, NOTHING, Album
from tools.faces.layers import Layer, label, render
from tools.faces.styles import WHOLE, Style

TURN_DEGREES = 25.0
MOST_FACES = 64  # in a scene

EXTRA_SHARE = 0.6  # of scenes have the third layer
MASK_SHARE = 0.15  # of main faces get a mask painted on


@dataclass(slots=True)
class Scenes:
    """A batch: pictures float [B, H, W] in 0 to 255; labels of at most 64 faces each.

    boxes [B, 64, 4], points [B, 64, 5, 2], kinds uint8 [B, 64], placed bool [B, 64]; `main` is each scene's main
    picture, int64 [B].
    """

    grays: torch.Tensor
    boxes: torch.Tensor
    points: torch.Tensor
    kinds: torch.Tensor
    placed: torch.Tensor
    main: torch.Tensor


class Composer:
    """Draws scenes from an album; `fooled` is how sure the net was last of a face in each picture without any."""

    def __init__(self, album: Album, seed: int, style: Style = WHOLE) -> None:
        self.album, self.device, self.style = album, album.pages.device, style
        self.random = torch.Generator(self.device).manual_seed(seed)
        self.fooled = torch.full((len(album.pages),), 0.5, device=self.device)
        y, x = torch.meshgrid(torch.arange(style.height), torch.arange(style.width), indexing="ij")
        self.grid = torch.stack([x, y]).float().to(self.device) + 0.5
        self.frame = torch.tensor([float(style.width), float(style.height)], device=self.device)
        least, most = style.chosen_px
        chosen = (album.kinds == FACE) & (album.boxes[..., 2] >= least) & (album.boxes[..., 2] <= most)
        self.crowds = chosen.sum(1).float().sqrt() + 0.01
        self.mixes = [self._mix(shares) for shares in (style.ground, style.main, style.extra)]

    def draw(self, count: int) -> Scenes:
        """`count` new scenes."""
        main, target, faced = self._main(self._pictures(1, count))
        ground = [self._covering(self._pictures(0, count))] if self.style.ground else []
        extra = [self._extra(self._pictures(2, count))] if self.style.extra else []
        layers = [*ground, main, *extra]
        grays = torch.full((count, self.style.height, self.style.width), float(PAD_GRAY), device=self.device)
        owner = torch.full_like(grays, -1)
        for number, layer in enumerate(layers):
            pixels, share = render(self.album, layer, self.grid)
            grays = grays + share * (pixels - grays)
            owner = torch.where(share > 0.5, float(number), owner)
            if layer is main:
                grays = self._mask(grays, main, target, faced)
        parts = [label(self.album, layer, owner == number) for number, layer in enumerate(layers)]
        boxes, points, kinds, placed = (torch.cat(part, 1) for part in zip(*parts, strict=True))
        weight = (kinds != NOTHING) * (boxes[..., 2] + 1000.0 * (kinds == FACE))
        most = min(MOST_FACES, weight.shape[1])
        if self.device.type == "cpu":  # a GPU would have to be waited for
            most = min(most, max(1, int((weight > 0).sum(1).max())))
        kept = weight.topk(most, dim=1).indices
        boxes, points = (_take(part, kept) for part in (boxes, points))
        return Scenes(grays, boxes, points, kinds.gather(1, kept), placed.gather(1, kept), main.picture)

    # --- Where pictures go -------------------------------------------------------------------------------------

    def _mix(self, shares: Mapping[str, float]) -> tuple[list[str], torch.Tensor]:
        """Groups and their shares; made once, because a copy to a GPU waits for all that runs there."""
        names = [name for name in shares if name in self.album.groups]
        return names, torch.tensor([shares[name] for name in names]).to(self.device)

    def _pictures(self, mix: int, count: int) -> torch.Tensor:
        """int64 [count]: pictures of the mix's groups; empty ones that fooled the net come more often."""
        names, shares = self.mixes[mix]
        group = torch.multinomial(shares, count, True, generator=self.random)
        drawn = torch.zeros(count, dtype=torch.int64, device=self.device)
        for number, name in enumerate(names):
            places = self.album.groups[name]
            if name == "empty":
                odds = self.fooled[places] + 0.05
                chosen = places[torch.multinomial(odds, count, True, generator=self.random)]
            elif self.style.crowded:
                chosen = places[torch.multinomial(self.crowds[places], count, True, generator=self.random)]
            else:
                chosen = places[torch.randint(len(places), (count,), device=self.device, generator=self.random)]
            drawn = torch.where(group == number, chosen, drawn)
        return drawn

    def _covering(self, picture: torch.Tensor) -> Layer:
        """Over the whole frame, upright."""
        size = self.album.sizes[picture]
        fit = (self.frame / size).amax(1)
        zoom = fit * self._log_uniform(len(picture), 1.0, 1.5)
        room = size * zoom[:, None] - self.frame
        corner = -room * self._uniform(len(picture), 2)
        return self._layer(picture, zoom, torch.zeros_like(zoom), size / 2, size / 2 * zoom[:, None] + corner)

    def _main(self, picture: torch.Tensor) -> tuple[Layer, torch.Tensor, torch.Tensor]:
        """The main picture, the place of its chosen face, and whether it has one."""
        album, count = self.album, len(picture)
        style = self.style
        face, faced = self._choose(picture, *style.chosen_px)
        size, box = album.sizes[picture], _one(album.boxes[picture], face)
        large = self._uniform(count) < style.large_share
        width = torch.where(large, self._log_uniform(count, *style.large_px), self._log_uniform(count, *style.small_px))
        wanted = width / box[:, 2].clamp(min=1)
        cover = (self.frame / size).amax(1)
        zoom = torch.where(faced, wanted, cover * self._log_uniform(count, 0.6, 3.0)).clamp(0.1, 6.0)
        zoom = torch.where(faced, zoom.clamp(max=style.most_zoom), zoom)
        degrees = self._degrees(count)
        middle = torch.where(faced[:, None], box[:, :2] + box[:, 2:] / 2, size * self._uniform(count, 2))
        place = self.frame * (0.04 + 0.92 * self._uniform(count, 2))
        layer = self._layer(picture, zoom, degrees, middle, place)
        # move it so that it covers the frame as far as it can, or lies in it as a whole
        corners = torch.stack([torch.zeros_like(size), size], 1) @ layer.matrix[:, :, :2].transpose(1, 2)
        first, last = (corners + layer.matrix[:, None, :, 2]).aminmax(dim=1)
        spare = torch.stack([-first, self.frame - last])
        by = torch.zeros_like(place).clamp(spare.amin(0), spare.amax(0))
        layer.matrix[:, :, 2] += by * (self._uniform(count, 1) < 0.85)
        return layer, face, faced

    def _extra(self, picture: torch.Tensor) -> Layer:
        """Something pasted in front: a head cut out, or a piece of anything, also over somebody's face."""
        album, count = self.album, len(picture)
        face, faced = self._choose(picture, 18.0, math.inf)
        size, box = album.sizes[picture], _one(album.boxes[picture], face)
        whole = torch.stack([*(size * self._uniform(count, 2)).unbind(1), *(size * 0.3).unbind(1)], 1)
        box = torch.where(faced[:, None], box, torch.cat([whole[:, :2] - whole[:, 2:] / 2, whole[:, 2:]], 1))
        zoom = self._log_uniform(count, 12.0, 130.0) / box[:, 2].clamp(min=1)
        zoom = torch.where(faced, zoom.clamp(max=1.8), zoom.clamp(max=3.0))
        place = self.frame * self._uniform(count, 2)
        layer = self._layer(picture, zoom, self._degrees(count), box[:, :2] + box[:, 2:] / 2, place)
        half = box[:, 2:] / 2 * zoom[:, None] * (1.2 + 0.45 * self._uniform(count, 2))
        cut = torch.cat([place, half], 1)
        whole_share = faced & (self._uniform(count) < 0.25)
        layer.cut = torch.where(whole_share[:, None], torch.cat([place, torch.full_like(half, 1e6)], 1), cut)
        layer.shown = self._uniform(count) < EXTRA_SHARE
        return layer

    def _choose(self, picture: torch.Tensor, least_px: float, most_px: float) -> tuple[torch.Tensor, torch.Tensor]:
        """A face of each picture that is so wide: its place, and whether there is one."""
        width = self.album.boxes[picture, :, 2]
        fit = (self.album.kinds[picture] == FACE) & (width >= least_px) & (width <= most_px)
        odds = fit * (self._uniform(*fit.shape) + 1e-3)
        return odds.argmax(1), fit.any(1)

    def _layer(
        self,
        picture: torch.Tensor,
        zoom: torch.Tensor,
        degrees: torch.Tensor,
        middle: torch.Tensor,
        place: torch.Tensor,
    ) -> Layer:
        """The picture mapped so that its point `middle` comes to `place`; mirrored and squeezed by chance."""
        count = len(picture)
        mirror = self._uniform(count) < 0.5
        squeeze = torch.exp(0.08 * self._normal(count))
        scale = torch.stack([zoom * squeeze, zoom / squeeze], 1)
        sign = torch.where(mirror, -1.0, 1.0)
        cos, sin = torch.cos(degrees * math.pi / 180), torch.sin(degrees * math.pi / 180)
        across = torch.stack([cos * sign * scale[:, 0], -sin * scale[:, 1]], 1)
        down = torch.stack([sin * sign * scale[:, 0], cos * scale[:, 1]], 1)
        turn = torch.stack([across, down], 1)
        shift = place - (turn @ middle[:, :, None])[..., 0]
        cut = torch.full((count, 4), 1e6, device=self.device)
        shown = torch.ones(count, dtype=torch.bool, device=self.device)
        return Layer(picture, torch.cat([turn, shift[:, :, None]], 2), mirror, degrees, scale, cut, shown)

    # --- Pixels ------------------------------------------------------------------------------------------------

    def _mask(self, grays: torch.Tensor, layer: Layer, face: torch.Tensor, faced: torch.Tensor) -> torch.Tensor:
        """Paint a mask over nose and mouth of some of the main faces."""
        count, album = len(face), self.album
        points = _one(album.points[layer.picture], face) @ layer.matrix[:, :, :2].transpose(1, 2)
        points = points + layer.matrix[:, None, :, 2]
        plain = faced & _one(album.placed[layer.picture], face) & ~_one(album.masked[layer.picture], face)
        plain &= self._uniform(count) < MASK_SHARE
        eyes, mouth = points[:, :2].mean(1), points[:, 3:].mean(1)
        height = (mouth - eyes).norm(dim=1).clamp(min=3)
        up = (eyes - mouth) / height[:, None]
        middle = mouth + (points[:, 2] - mouth) * (0.3 * self._uniform(count, 1))
        box = _one(album.boxes[layer.picture], face) * layer.scale.mean(1)[:, None]
        dx, dy = (self.grid[axis] - middle[:, axis, None, None] for axis in range(2))
        along = dx * up[:, 0, None, None] + dy * up[:, 1, None, None]
        across = -dx * up[:, 1, None, None] + dy * up[:, 0, None, None]
        wide = (box[:, 2] * (0.38 + 0.1 * self._uniform(count)))[:, None, None].clamp(min=2)
        high = (height * (0.6 + 0.25 * self._uniform(count)))[:, None, None]
        inside = (across.abs() / wide) ** 3 + (along.abs() / high) ** 3 < 1
        tone = 20 + 230 * self._uniform(count)[:, None, None]
        cloth = tone + (grays - tone) * (0.25 * self._uniform(count))[:, None, None]
        return torch.where(inside & plain[:, None, None], cloth, grays)

    # --- Chance ------------------------------------------------------------------------------------------------

    def _uniform(self, *shape: int) -> torch.Tensor:
        return torch.rand(shape, device=self.device, generator=self.random)

    def _normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, device=self.device, generator=self.random)

    def _log_uniform(self, count: int, low: float, high: float) -> torch.Tensor:
        return torch.exp(math.log(low) + self._uniform(count) * math.log(high / low))

    def _degrees(self, count: int) -> torch.Tensor:
        turned = self._uniform(count) < 0.4
        return torch.where(turned, (2 * self._uniform(count) - 1) * TURN_DEGREES, 0.0)


def _one(values: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """values [B, F, ...] at place [B]."""
    return values[torch.arange(len(place), device=place.device), place]


def _take(values: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """values [B, F, ...] at places [B, K]."""
    return values[torch.arange(len(places), device=places.device)[:, None], places]
