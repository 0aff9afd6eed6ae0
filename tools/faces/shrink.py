"""A smaller net from a larger one that is trained: it keeps the channels that change most what the net says.

How much a channel matters is tried out: it is silenced, and what the net then says of some scenes is compared with what
it said before (Molchanov et al. 2017, arXiv:1611.06440). Batch norms get statistics of the smaller net, so that their
outputs are as strong as they were. A net made smaller has to be trained on.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import nn

from tools.faces.assign import flatten
from tools.faces.net import FaceNet, Flat, Separable, distance

AT_ONCE = 8  # channels that are left out before the others are tried again
LEAST_VARIANCE = 1e-6

Kept = Mapping[str, torch.Tensor]
"""For each group of layers that share channels, the places of those that stay."""


def shrink(wide: FaceNet, narrow: FaceNet, scenes: Sequence[torch.Tensor]) -> None:
    """Give `narrow` the weights of `wide`'s channels that matter most on `scenes`, float [n, 1, H, W] each.

    `narrow` is as deep as `wide`. Where it has no second convolution for landmarks, their output takes the first
    channels it finds and has to be learnt.
    """
    wide = copy.deepcopy(wide).eval()
    kept = choose(wide, narrow, scenes)
    narrow.load_state_dict(_cut(wide.state_dict(), narrow, kept))
    before, after = (_measured(net, scenes).state_dict() for net in (wide, narrow))
    before, state = _cut(before, narrow, kept), narrow.state_dict()
    for key, value in state.items():
        if key.endswith("running_mean"):
            value += after[key] - before[key]
        elif key.endswith("running_var"):
            value *= after[key] / before[key].clamp(min=LEAST_VARIANCE)


def choose(wide: FaceNet, narrow: FaceNet, scenes: Sequence[torch.Tensor]) -> Kept:
    """Group by group, the places of the channels that stay; each is tried in a net without those left out before."""
    said, kept, sizes = _say(wide, scenes), dict[str, torch.Tensor](), _groups(narrow)
    hooks = []
    for name, layers in _groups(wide).items():
        heard = torch.ones(_channels(layers[0]))
        hooks += [layer.register_forward_hook(_Silence(heard)) for layer in layers]
        left_out = len(heard) - _channels(sizes.get(name, layers)[0])
        while left_out:
            changes = []
            for place in heard.nonzero().flatten().tolist():
                heard[place] = 0
                changes.append((_apart(said, _say(wide, scenes)), place))
                heard[place] = 1
            least = [place for _, place in sorted(changes)[: min(AT_ONCE, left_out)]]
            heard[least] = 0
            left_out -= len(least)
        kept[name] = heard.nonzero().flatten()
    for hook in hooks:
        hook.remove()
    return kept


class _Silence:
    """A hook that lets only some channels through."""

    def __init__(self, heard: torch.Tensor) -> None:
        self.heard = heard

    def __call__(self, _layer: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        return output * self.heard[:, None, None]


def _groups(net: FaceNet) -> dict[str, list[nn.Module]]:
    """Layers whose outputs share channels, since they are added to one another."""
    groups: dict[str, list[nn.Module]] = {"first": [net.stem[0]], "stem": list(net.stem[1:])}
    groups |= {f"stage {number}": list(stage) for number, stage in enumerate(net.stages)}
    groups["neck"] = list(net.laterals)
    for number, head in enumerate(net.heads):
        groups[f"head {number}"] = [head.first]
        if isinstance(head.second, Separable):
            groups[f"landmarks {number}"] = [head.second]
    return groups


def _channels(layer: nn.Module) -> int:
    last = layer.mix if isinstance(layer, Separable) else layer
    return int(last.conv.out_channels)  # type: ignore[union-attr]


def _ends(key: str, kept: Kept) -> tuple[str, str]:
    """The groups of a weight's outputs and inputs; an empty name where all stay."""
    part, *rest = key.split(".")
    number = rest[0]
    if part == "stem":
        before, after = ("", "first") if number == "0" else ("first" if number == "1" else "stem", "stem")
    elif part == "stages":
        after = f"stage {number}"
        before = after if rest[1] != "0" else "stem" if number == "0" else f"stage {int(number) - 1}"
    elif part == "laterals":
        before, after = f"stage {number}", "neck"
    elif rest[1] == "outs":
        own = f"landmarks {number}"
        before, after = own if rest[2] == "landmarks" and own in kept else f"head {number}", ""
    else:
        before, after = ("neck", f"head {number}") if rest[1] == "first" else (f"head {number}", f"landmarks {number}")
    return (before, "") if "deep" in rest else (after, before)


def _cut(state: Mapping[str, torch.Tensor], narrow: FaceNet, kept: Kept) -> dict[str, torch.Tensor]:
    """The weights of the channels that stay."""
    chosen = {}
    for key, like in narrow.state_dict().items():
        value = state[key]
        after, before = _ends(key, kept)
        if after and value.ndim:
            value = value[kept[after]]
        if before and value.ndim == 4:
            value = value[:, kept[before]]
        chosen[key] = value[tuple(slice(side) for side in like.shape)]
    return chosen


def _measured(net: FaceNet, scenes: Iterable[torch.Tensor]) -> FaceNet:
    """The same net with the statistics of these scenes alone."""
    net = copy.deepcopy(net).train()
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean
    _say(net, scenes)
    return net


def _say(net: FaceNet, scenes: Iterable[torch.Tensor]) -> list[Flat]:
    with torch.no_grad():
        return [flatten(net(x)) for x in scenes]


def _apart(said: Sequence[Flat], now: Sequence[Flat]) -> float:
    return sum(float(distance(own, before)) for own, before in zip(now, said, strict=True))
