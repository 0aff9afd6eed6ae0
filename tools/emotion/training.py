"""The training loop: several nets on the same batches, by a number of steps or by the clock.

A stage is described by `Stage`: what it trains, how fast, how long. Its learning rate warms up and follows one cosine
over the stage, be that counted in steps or in seconds. What is measured and kept is an exponential moving average of
the weights. Every batch has randomness of its own, made from the seed and its number, so that a stopped stage that
goes on from its checkpoint ends at the same weights.
"""

from __future__ import annotations

import copy
import functools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tools.emotion import augment
from tools.emotion.lessons import Lesson
from tools.emotion.teacher import Views

WARM_UP = 0.03  # of the stage
EMA_STEPS = 300  # until the average has forgotten how the net began it moves faster
LOOK_EVERY = 20  # steps between two looks at the clock, which a GPU has to be waited for
REPORT_S = 20.0
CLIP = 2.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """`length`: steps, or seconds with `by_clock`. `heads`: how much each head's loss counts. `mix_every`: on every
    so-manieth step faces are blended with one another (mixup, Zhang et al., ICLR 2018); 0 for never."""

    name: str
    length: float
    by_clock: bool
    batch: int
    rate: float
    decay: float
    ema: float
    heads: tuple[float, ...]
    seed: int
    half: bool
    mix_every: int = 0
    save_s: float = 60.0


@dataclass(slots=True)
class Run:
    """Nets in training, the averages of their weights, and how far they are."""

    nets: dict[str, nn.Module]
    averages: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    pairs: dict[str, tuple[list[torch.Tensor], list[torch.Tensor]]]  # what the average follows, in place
    step: int = 0
    spent_s: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)

    def state(self) -> dict[str, Any]:
        parts = {"nets": self.nets, "averages": self.averages, "optimisers": self.optimisers}
        states = {part: {name: one.state_dict() for name, one in many.items()} for part, many in parts.items()}
        return states | {"step": self.step, "spent_s": self.spent_s}

    def restore(self, saved: dict[str, Any]) -> None:
        for part in ("nets", "averages", "optimisers"):
            for name, one in getattr(self, part).items():
                one.load_state_dict(saved[part][name])
        self.step, self.spent_s = saved["step"], saved["spent_s"]


def begin(nets: dict[str, nn.Module], stage: Stage, device: torch.device) -> Run:
    for net in nets.values():
        net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    averages = {name: copy.deepcopy(net).eval() for name, net in nets.items()}
    optimisers: dict[str, torch.optim.Optimizer] = {name: _optimiser(net, stage, device) for name, net in nets.items()}
    pairs = {name: (_floats(averages[name]), _floats(net)) for name, net in nets.items()}
    return Run(nets, averages, optimisers, pairs)


def _floats(net: nn.Module) -> list[torch.Tensor]:
    return [value for value in net.state_dict().values() if value.dtype.is_floating_point]


def _optimiser(net: nn.Module, stage: Stage, device: torch.device) -> torch.optim.Optimizer:
    """AdamW; biases and norms do not decay."""
    decaying = [weight for weight in net.parameters() if weight.ndim > 1]
    others = [weight for weight in net.parameters() if weight.ndim <= 1]
    groups = [{"params": decaying, "weight_decay": stage.decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, stage.rate, fused=device.type == "cuda")


def learn(run: Run, stage: Stage, source: Lesson | Views, save: Callable[[Run], None], tell: Tell) -> None:
    """Train until the stage is over; `save` is called every `save_s` and at the end.

    Raises FloatingPointError if a loss is no number any more.
    """
    device = source.pixels.device
    clock = _Clock(run.spent_s)
    random = torch.Generator(device=device)
    order = _Order(source.draw, stage)
    done = _progress(run, stage)
    while done < 1:
        _seed(random, stage, run.step)
        some = order.of(run.step)
        x, targets = _batch(source, some, random)
        mixed = (
            _blend(x, targets, random) if stage.mix_every and run.step % stage.mix_every == 1 else (x, [(1.0, targets)])
        )
        for name, net in run.nets.items():
            run.losses[name] = _step(run, name, net, mixed, stage, done)
        run.step += 1
        if not stage.by_clock or device.type != "cuda" or run.step % LOOK_EVERY == 0:
            run.spent_s = clock.spent(device)
            done = _progress(run, stage)
        if clock.due("report", REPORT_S):
            tell(_line(run, stage, done))
        if clock.due("save", stage.save_s):
            save(run)
    run.spent_s = clock.spent(device)
    tell(_line(run, stage, 1.0))
    save(run)


class _Clock:
    """Seconds spent in a stage, and when something is due again."""

    def __init__(self, spent_s: float) -> None:
        self._began = time.monotonic() - spent_s
        self._last = {"report": time.monotonic(), "save": time.monotonic()}

    def spent(self, device: torch.device) -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()  # else the clock runs ahead of the work that is queued
        return time.monotonic() - self._began

    def due(self, what: str, every_s: float) -> bool:
        if time.monotonic() - self._last[what] < every_s:
            return False
        self._last[what] = time.monotonic()
        return True


class _Order:
    """Which faces make up a batch: drawn in long runs, each from the seed and its number."""

    AHEAD = 200

    def __init__(self, draw: torch.Tensor, stage: Stage) -> None:
        self._sums = draw.double().cumsum(0)
        self._stage, self._run, self._drawn = stage, -1, draw.new_zeros(0, dtype=torch.long)

    def of(self, step: int) -> torch.Tensor:
        batch = self._stage.batch
        if step // self.AHEAD != self._run:
            self._run = step // self.AHEAD
            random = torch.Generator(device=self._sums.device)
            random.manual_seed(self._stage.seed * 1_000_003 + self._run)
            spots = torch.rand(self.AHEAD * batch, generator=random, device=random.device, dtype=torch.double)
            found = torch.searchsorted(self._sums, spots * self._sums[-1])
            self._drawn = found.clamp(max=len(self._sums) - 1)
        at = step % self.AHEAD * batch
        return self._drawn[at : at + batch]


def _seed(random: torch.Generator, stage: Stage, step: int) -> None:
    random.manual_seed(stage.seed * 1_000_003 + step)
    torch.manual_seed(stage.seed * 1_000_003 + step)  # dropout


def _batch(source: Lesson | Views, some: torch.Tensor, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    if isinstance(source, Lesson):
        return augment.augment(source.pixels[some], random), source.targets(some)
    x = source.pixels[some].unsqueeze(1).float() / 255
    mirrored = torch.rand(len(x), 1, 1, 1, generator=random, device=x.device) < 0.5
    return torch.where(mirrored, x.flip(3), x), source.targets[some].float()


def _blend(
    x: torch.Tensor, targets: torch.Tensor, random: torch.Generator
) -> tuple[torch.Tensor, list[tuple[float, torch.Tensor]]]:
    partner = torch.randperm(len(x), generator=random, device=x.device)
    drawn = torch.rand(2, generator=random, device=x.device).tolist()
    share = 0.5 + 0.5 * max(drawn)  # mostly one face with a trace of another
    return share * x + (1 - share) * x[partner], [(share, targets), (1 - share, targets[partner])]


def _step(
    run: Run,
    name: str,
    net: nn.Module,
    mixed: tuple[torch.Tensor, list[tuple[float, torch.Tensor]]],
    stage: Stage,
    done: float,
) -> Any:
    """One batch for one net; the loss stays on the device."""
    x, parts = mixed
    optimiser = run.optimisers[name]
    rate = stage.rate * min(1, (done + 1e-3) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * min(1, done)))
    for group in optimiser.param_groups:
        group["lr"] = rate
    net.train()
    with torch.autocast(x.device.type, torch.bfloat16, enabled=stage.half):
        logits = net(x.contiguous(memory_format=torch.channels_last))
    loss = sum(share * cross_entropy(logits.float(), targets, stage.heads) for share, targets in parts)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[union-attr]
    nn.utils.clip_grad_norm_(net.parameters(), CLIP)
    optimiser.step()
    _follow(*run.pairs[name], min(stage.ema, run.step / EMA_STEPS))
    return loss.detach()  # type: ignore[union-attr]


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor, heads: tuple[float, ...]) -> torch.Tensor:
    """Of soft targets [n, heads, 8]; a head whose targets are all zero for a face does not count there."""
    share = _shares(heads, logits.device) * (targets.sum(2) > 0)
    losses = -(targets * functional.log_softmax(logits, 2)).sum(2)
    return (losses * share).sum() / len(logits)


@functools.cache
def _shares(heads: tuple[float, ...], device: torch.device) -> torch.Tensor:
    return torch.tensor(heads, device=device)


@torch.no_grad()
def _follow(means: list[torch.Tensor], news: list[torch.Tensor], keep: float) -> None:
    torch._foreach_lerp_(means, news, 1 - keep)


def finished(run: Run, stage: Stage) -> bool:
    return _progress(run, stage) >= 1


def _progress(run: Run, stage: Stage) -> float:
    return min(1.0, (run.spent_s if stage.by_clock else run.step) / stage.length)


def _line(run: Run, stage: Stage, done: float) -> str:
    if not all(math.isfinite(float(loss)) for loss in run.losses.values()):
        raise FloatingPointError(f"{stage.name}: a loss is no number any more after {run.step} steps")
    losses = " ".join(f"{name} {float(loss):.4f}" for name, loss in run.losses.items())
    left_s = run.spent_s / max(done, 1e-3) - run.spent_s
    return f"{stage.name}: {done:.0%}, step {run.step}, loss {losses}, {left_s / 60:.1f} min left"
