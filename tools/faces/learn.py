"""The training loop of the face detector: scenes, steps, a mean of the weights, a checkpoint now and then.

The schedule runs by time or by steps: rate and weights of the losses depend on the share that is done. What is kept is
an exponential mean of the weights (Polyak & Juditsky 1992). A run that was stopped goes on from its checkpoint.
"""

from __future__ import annotations

import json
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tools.faces.album import FACE, IGNORED, Album
from tools.faces.assign import Cells, flatten
from tools.faces.compose import Composer, Scenes
from tools.faces.light import Light
from tools.faces.net import FaceNet, distance, losses
from tools.faces.shrink import shrink
from tools.faces.styles import CLOSE, DARK, HEIGHT_PX, WHOLE, WIDTH_PX, Style
from tools.model.files import write_atomically

MEMORY, LONG_MEMORY = 0.998, 0.9995  # of the mean of the weights, a step; the long one where a net is refined
WARM_UP = 0.03  # of the run
LAST_RATE = 0.005  # of the highest
LANDMARKS = (1.5, 6.0)  # weight of their loss, at first and at the end
REFINED_LANDMARKS = (1.0, 1.0)
TRIED = ((CLOSE, 20), (WHOLE, 4))  # scenes by which the channels of a wider net are compared
WHOLE_PART = 4  # a batch of whole scenes is so much smaller
TURNING = 0.6  # of the run, after which it rises
CHECKPOINT = "checkpoint.pt"
SAVED_S, TOLD_S = 45.0, 20.0
TRIALS = 8  # steps by which a layout of the memory is timed on a GPU


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the weights, beside the pictures. The length is in seconds, or in steps where those are given."""

    seconds: float
    steps: int
    batch: int
    rate: float
    decay: float
    seed: int
    refine: bool


@dataclass(slots=True)
class School:
    """What a step takes its scenes from."""

    composer: Composer
    light: Light
    cells: Cells
    batch: int

    @classmethod
    def of(cls, album: Album, style: Style, batch: int, seed: int) -> School:
        """Scenes of one style."""
        device = album.pages.device
        cells = Cells.of(style.height, style.width, device)
        return cls(Composer(album, seed, style), Light(device, seed + 1, style.night_share), cells, batch)


@dataclass(slots=True)
class Run:
    """One training in progress."""

    net: FaceNet
    mean: AveragedModel
    optimiser: torch.optim.Optimizer
    done_steps: int = 0
    done_s: float = 0.0
    teacher: FaceNet | None = None

    @property
    def weights(self) -> FaceNet:
        """The net that is kept."""
        return self.mean.module  # type: ignore[no-any-return]


def begin(recipe: Recipe, device: torch.device) -> Run:
    """A new run with random weights."""
    torch.manual_seed(recipe.seed)
    net = FaceNet().to(device)
    memory = LONG_MEMORY if recipe.refine else MEMORY
    mean = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(memory), use_buffers=True)
    return Run(net, mean, torch.optim.AdamW(net.parameters(), recipe.rate, weight_decay=recipe.decay))


def resume(run: Run, folder: Path) -> bool:
    """Go on from the folder's checkpoint; False if it has none."""
    path = folder / CHECKPOINT
    if not path.exists():
        return False
    saved = torch.load(path, map_location=next(run.net.parameters()).device, weights_only=True)
    run.net.load_state_dict(saved["net"])
    run.mean.load_state_dict(saved["mean"])
    run.optimiser.load_state_dict(saved["optimiser"])
    run.done_steps, run.done_s = saved["steps"], saved["seconds"]
    return True


def take_weights(run: Run, checkpoint: Path, album: Album, seed: int) -> None:
    """Begin with the mean weights of another run, also of a wider net; raises ValueError if the file holds none."""
    given, own = net_of(checkpoint), run.weights
    if [w.shape for w in given.state_dict().values()] == [w.shape for w in own.state_dict().values()]:
        own.load_state_dict(given.state_dict())
    else:
        schools = (School.of(album, style, count, seed) for style, count in TRIED)
        shrink(given, own, [see(school.composer, school.light, school.batch)[1] for school in schools])
    run.net.load_state_dict(own.state_dict())


def net_of(checkpoint: Path) -> FaceNet:
    """The net that another run kept, of any widths; raises ValueError if the file holds none."""
    prefix = "module."
    try:
        saved = _open(checkpoint)["mean"].items()
        return FaceNet.of({key.removeprefix(prefix): value for key, value in saved if key.startswith(prefix)})
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{checkpoint} holds no weights of this network ({error}).") from error


def told_of(checkpoint: Path) -> dict[str, Any]:
    """The recipe of the run that wrote this checkpoint, and how far it came; raises ValueError if it is none."""
    saved = _open(checkpoint)
    return {**saved["recipe"], "steps_done": saved["steps"], "seconds_done": round(saved["seconds"])}


def _open(checkpoint: Path) -> dict[str, Any]:
    try:
        return torch.load(checkpoint, map_location="cpu", weights_only=True)  # type: ignore[no-any-return]
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise ValueError(f"{checkpoint} holds no weights of this network ({error}).") from error


def save(run: Run, recipe: Recipe, history: list[dict[str, float]], folder: Path) -> None:
    """Write checkpoint.pt and history.json, each at once or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    states = {"net": run.net.state_dict(), "mean": run.mean.state_dict(), "optimiser": run.optimiser.state_dict()}
    partial = folder / "checkpoint.partial"
    torch.save({"recipe": asdict(recipe), "steps": run.done_steps, "seconds": run.done_s, **states}, partial)
    partial.replace(folder / CHECKPOINT)
    write_atomically(folder / "history.json", json.dumps(history, indent=1).encode())


def learn(run: Run, recipe: Recipe, album: Album, folder: Path, tell: Callable[[str], None]) -> None:
    """Train until the recipe's time or steps are over."""
    device = album.pages.device
    schools = _schools(recipe, album, recipe.seed + 7919 * run.done_steps)
    history: list[dict[str, float]] = []
    began, saved, told = time.monotonic() - run.done_s, time.monotonic(), time.monotonic()
    if device.type == "cuda":
        try:
            tell(f"memory layout: {_lay_out(run, recipe.batch)}")
        except RuntimeError as error:  # no memory for the trial, say: the first layout will do
            tell(f"memory layout not tried: {error}")
    else:
        _arrange(run, torch.channels_last)  # on processors 1.5 times as fast
    sums, counted = torch.zeros(3, device=device), 0
    while (done := _done(run, recipe)) < 1:
        parts = step(run, recipe, done, schools[run.done_steps % len(schools)])
        sums, counted = sums + torch.stack(parts), counted + 1
        run.done_steps += 1
        now = time.monotonic()
        run.done_s = now - began
        if now - told >= TOLD_S or run.done_steps == 1:
            mean = (sums / counted).tolist()
            history.append(dict(zip(("score", "box", "landmarks"), mean, strict=True)) | {"steps": run.done_steps})
            tell(
                f"{done:6.1%}  step {run.done_steps}  {counted / max(1e-3, now - told):.1f} steps/s  "
                f"score {mean[0]:.3f}  box {mean[1]:.3f}  landmarks {mean[2]:.4f}"
            )
            sums, counted, told = torch.zeros(3, device=device), 0, now
            if not math.isfinite(sum(mean)) and resume(run, folder):
                tell("the loss is no number any more; going on from the last checkpoint")
                began = time.monotonic() - run.done_s
        if now - saved >= SAVED_S and (not history or math.isfinite(sum(history[-1].values()))):
            save(run, recipe, history, folder)
            saved = now
    save(run, recipe, history, folder)


def _schools(recipe: Recipe, album: Album, seed: int) -> list[School]:
    """What the steps see, one after another, and over again."""
    if not recipe.refine:
        return [School.of(album, WHOLE, recipe.batch, seed)]
    whole = School.of(album, WHOLE, max(1, recipe.batch // WHOLE_PART), seed)
    close, dark = (School.of(album, style, recipe.batch, seed + 2) for style in (CLOSE, DARK))
    first = [whole, close, dark, close]
    return [*first, *first, *first, close, close]


def step(run: Run, recipe: Recipe, done: float, school: School) -> tuple[torch.Tensor, ...]:
    """One batch; returns its three losses. A refinement leaves the batch norms' statistics as they are."""
    for group in run.optimiser.param_groups:
        group["lr"] = rate_at(recipe.rate, done)
    with torch.no_grad():
        scenes, x = see(school.composer, school.light, school.batch)
    run.net.train(not recipe.refine)
    with torch.autocast(x.device.type, torch.bfloat16, enabled=x.device.type == "cuda"):
        outputs = run.net(x)
    parts, lesson = losses(outputs, scenes, school.cells)
    first, last = REFINED_LANDMARKS if recipe.refine else LANDMARKS
    late = max(0.0, (done - TURNING) / (1 - TURNING))
    total = parts[0] + 2 * parts[1] + (first + (last - first) * late) * parts[2]
    if run.teacher is not None:
        with torch.no_grad():
            opinions = flatten(run.teacher(x))
        total = total + distance(flatten(outputs), opinions)
    run.optimiser.zero_grad()
    total.backward()
    torch.nn.utils.clip_grad_norm_(run.net.parameters(), 5.0)
    run.optimiser.step()
    run.mean.update_parameters(run.net)
    with torch.no_grad():
        _remember(school.composer, scenes, flatten(outputs)[0], lesson.counts & ~lesson.taught)
    return tuple(part.detach() for part in parts)


def see(composer: Composer, light: Light, count: int) -> tuple[Scenes, torch.Tensor]:
    """Scenes, and what the net is shown of them: float [count, 1, H, W] in -1 to 1."""
    scenes = composer.draw(count)
    spoiled = round(count * composer.style.spoiled_share)
    shown, band = light.show(light.degrade(scenes.grays[:spoiled]))
    shown = torch.cat([shown, scenes.grays[spoiled:].round()])
    band = torch.cat([band, torch.zeros_like(shown[spoiled:], dtype=torch.bool)]).flatten(1)
    middle = (scenes.boxes[..., :2] + scenes.boxes[..., 2:] / 2).round().long()
    height, width = shown.shape[1:]
    column, row = middle[..., 0].clamp(0, width - 1), middle[..., 1].clamp(0, height - 1)
    hidden = band.gather(1, row * width + column) & (scenes.kinds == FACE)
    scenes.kinds = torch.where(hidden, IGNORED, scenes.kinds)
    x = ((shown - 128) / 128)[:, None]
    return scenes, x if x.is_cuda else x.contiguous(memory_format=torch.channels_last)


def rate_at(highest: float, done: float) -> float:
    """A short rise and a cosine down to nearly nothing."""
    if done < WARM_UP:
        return highest * (done + 1e-3) / (WARM_UP + 1e-3)
    falling = 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))
    return highest * (LAST_RATE + (1 - LAST_RATE) * falling)


def _lay_out(run: Run, batch: int) -> str:
    """Have the weights lie in memory as this GPU is fastest with, which no table tells; returns the trial's result."""
    spent = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        trial = FaceNet().cuda().to(memory_format=layout)  # type: ignore[call-overload]
        x = torch.zeros((batch, 1, HEIGHT_PX, WIDTH_PX), device="cuda")
        for number in range(TRIALS):
            if number == TRIALS // 2:
                torch.cuda.synchronize()
                began = time.monotonic()
            with torch.autocast("cuda", torch.bfloat16):
                outputs = trial(x)
            sum(out.float().sum() for out in outputs).backward()  # type: ignore[union-attr]
        torch.cuda.synchronize()
        spent[layout] = (time.monotonic() - began) / (TRIALS - TRIALS // 2)
    best = min(spent, key=lambda layout: spent[layout])
    _arrange(run, best)
    return ", ".join(f"{layout} {1000 * seconds:.1f} ms" for layout, seconds in spent.items())


def _arrange(run: Run, layout: torch.memory_format) -> None:
    for net in (run.net, run.mean):
        net.to(memory_format=layout)  # type: ignore[call-overload]


def _done(run: Run, recipe: Recipe) -> float:
    return run.done_steps / recipe.steps if recipe.steps else run.done_s / recipe.seconds


def _remember(composer: Composer, scenes: Scenes, scores: torch.Tensor, empty: torch.Tensor) -> None:
    """How sure the net was of a face in each scene that has none."""
    surest = torch.where(empty, scores.sigmoid(), 0.0).amax(1)
    nobody = (scenes.kinds == 0).all(1)
    composer.fooled[scenes.main] = torch.where(nobody, surest, composer.fooled[scenes.main])
