"""The emotion network: trained in PyTorch, and rebuilt in Keras with its batch norms folded for the TFLite converter.

A small residual network of plain 3x3 convolutions (He et al., CVPR 2016): on a CPU they train and run faster than
depthwise ones of the same accuracy, and they bear int8 well. It ends in a weighting of the 6x6 last map place by place
(the global depthwise convolution of MobileFaceNet, Chen et al. 2018), because on a face it matters where a feature is,
and in one head for each convention of labels (tools/emotion/lessons.py); `merged` makes the one of the device.
Paddings follow TensorFlow's "same", so that both builds agree to rounding.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CLASSES = 8
SIDE_PX = 48


@dataclass(frozen=True, slots=True)
class Shape:
    """`stem`: channels, side and stride of the first convolution; `blocks`: channels and stride of residual blocks."""

    stem: tuple[int, int, int]
    blocks: tuple[tuple[int, int], ...]

    @property
    def map_side(self) -> int:
        side = SIDE_PX // self.stem[2]
        for _, stride in self.blocks:
            side //= stride
        return side


NETS = {
    "fast": Shape((40, 5, 2), ((40, 1), (40, 1), (64, 2), (64, 1), (64, 1), (96, 2))),
    "fine": Shape((24, 3, 1), ((40, 2), (40, 1), (40, 1), (40, 1), (64, 2), (64, 1), (64, 1), (80, 2))),
    "deep": Shape((24, 3, 1), ((32, 2), *[(32, 1)] * 3, (56, 2), *[(56, 1)] * 4, (72, 2))),
}


class Conv(nn.Module):
    """Convolution, batch norm and, unless `linear`, ReLU."""

    def __init__(self, inside: int, outside: int, side: int, stride: int = 1, *, linear: bool = False) -> None:
        super().__init__()
        self.side, self.stride, self.linear = side, stride, linear
        self.conv = nn.Conv2d(inside, outside, side, stride, bias=False)
        self.norm = nn.BatchNorm2d(outside)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = max(self.side - self.stride, 0)  # as TensorFlow pads a map that the stride divides
        if total:
            before, after = total // 2, total - total // 2
            x = functional.pad(x, (before, after, before, after))
        x = self.norm(self.conv(x))
        return x if self.linear else functional.relu(x)

    def folded(self) -> tuple[np.ndarray, np.ndarray]:
        """Keras kernel (height, width, in, out) and bias, with the batch norm folded in."""
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        kernel = self.conv.weight * scale[:, None, None, None]
        bias = self.norm.bias - self.norm.running_mean * scale
        return kernel.detach().permute(2, 3, 1, 0).numpy(), bias.detach().numpy()


class Block(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = Conv(inside, outside, 3, stride)
        self.second = Conv(outside, outside, 3, linear=True)
        same = inside == outside and stride == 1
        self.shortcut = None if same else Conv(inside, outside, 1, stride, linear=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        aside = x if self.shortcut is None else self.shortcut(x)
        return functional.relu(self.second(self.first(x)) + aside)


class EmotionNet(nn.Module):
    """Gray faces float [n, 1, 48, 48] with values 0..1 to logits [n, heads, 8]."""

    def __init__(self, shape: Shape, heads: int = 1, dropout: float = 0.1) -> None:
        super().__init__()
        self.shape, self.heads = shape, heads
        channels = shape.stem[0]
        self.stem = Conv(1, *shape.stem)
        self.blocks = nn.ModuleList()
        for wider, stride in shape.blocks:
            self.blocks.append(Block(channels, wider, stride))
            channels = wider
        self.pool = nn.Conv2d(channels, channels, shape.map_side, groups=channels, bias=False)
        nn.init.constant_(self.pool.weight, 1 / shape.map_side**2)  # begins as an average, learns the places
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(channels, heads * CLASSES, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.dropout(self.pool(x))).view(-1, self.heads, CLASSES)

    @torch.no_grad()
    def merged(self, shares: tuple[float, ...]) -> Self:
        """The same net with one head: the mean of the heads' logits, weighed by `shares`, which sum to 1."""
        net = type(self)(self.shape, 1, self.dropout.p)
        state = dict(self.state_dict())
        weigh = torch.tensor(shares, device=self.head.bias.device)
        for name in ("head.weight", "head.bias"):
            value = state[name]
            state[name] = torch.einsum("h,h...->...", weigh, value.view(self.heads, CLASSES, *value.shape[1:]))
        net.load_state_dict(state)
        return net.to(self.head.bias.device).train(self.training)


def to_keras(net: EmotionNet) -> Any:
    """The same function as a Keras model on pixels 0..255, float [n, 48, 48, 1] to logits [n, 8]; of one head only."""
    import keras

    net = net.eval().cpu()
    pixels = keras.Input((SIDE_PX, SIDE_PX, 1), name="pixels")
    x = _convolve(pixels, net.stem, scale=1 / 255)
    for block in net.blocks:
        aside = x if block.shortcut is None else _convolve(x, block.shortcut)
        x = keras.layers.Add()([_convolve(_convolve(x, block.first), block.second), aside])
        x = keras.layers.ReLU()(x)
    pool = keras.layers.DepthwiseConv2D(net.shape.map_side, use_bias=False)
    x = pool(x)
    pool.set_weights([net.pool.weight.detach().permute(2, 3, 0, 1).numpy()])
    head = keras.layers.Conv2D(CLASSES, 1)  # a 1x1 convolution: per-channel scales that TFLite 2.14 can load
    x = head(x)
    head.set_weights([net.head.weight.detach().permute(2, 3, 1, 0).numpy(), net.head.bias.detach().numpy()])
    return keras.Model(pixels, keras.layers.Reshape((CLASSES,))(x))


def symmetrical(model: Any) -> Any:
    """The same for one face at a time, with the logits averaged over the face and its mirror image: [1, 48, 48, 1] to
    [1, 8]. In the graph, it costs less than to run the model twice."""
    import keras

    pixels = keras.Input((SIDE_PX, SIDE_PX, 1), name="pixels")
    both = keras.ops.concatenate([pixels, keras.ops.flip(pixels, axis=2)], axis=0)
    return keras.Model(pixels, keras.ops.mean(model(both), axis=0, keepdims=True))


def _convolve(x: Any, conv: Conv, scale: float = 1.0) -> Any:
    import keras

    kernel, bias = conv.folded()
    layer = keras.layers.Conv2D(
        kernel.shape[3], conv.side, conv.stride, padding="same", activation=None if conv.linear else "relu"
    )
    x = layer(x)
    layer.set_weights([kernel * scale, bias])
    return x
