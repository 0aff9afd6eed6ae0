"""Times the eye's stages and its link: an eye of our own, over the usual link, in real time."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from device.config.schema import Config
from device.domain import Event, EyeClosed, EyeOpened, EyeRead, Reading
from device.errors import CameraError
from device.perception.eye_client import EyeClient

STAGES = ("read", "gate", "find", "track", "score")
FIRST_READING_S = 30.0  # includes loading the models and opening the camera


@dataclass(frozen=True, slots=True)
class Seen:
    """One reading, and `link_ms` from the last stage in the eye to the conductor's inbox."""

    reading: Reading
    link_ms: float


def watch_eye(config: Config, path: Path, seconds: float, progress: Progress) -> tuple[list[Seen], str, float]:
    """Readings for `seconds`, the camera's name, and the time to the first reading. Raises CameraError if the eye
    fails."""
    inbox: queue.SimpleQueue[tuple[Event, float]] = queue.SimpleQueue()
    link = EyeClient(config.camera, path, lambda event: inbox.put((event, time.monotonic())))
    task = progress.add_task("Timing the eye", total=seconds)
    began = time.monotonic()
    link.open()
    try:
        camera, first_at = first_look(inbox)
        seen: list[Seen] = []
        while (left_s := first_at + seconds - time.monotonic()) > 0:
            try:
                event, arrived = inbox.get(timeout=left_s)
            except queue.Empty:
                break
            if isinstance(event, EyeClosed):
                break
            if isinstance(event, EyeRead):
                seen.append(Seen(event.reading, link_ms(event.reading, arrived)))
            progress.update(task, completed=seconds - left_s)
    finally:
        link.close()
        link.join()
    progress.update(task, completed=seconds)
    if not seen:
        raise CameraError(f"The eye sent only one reading of {camera}; use a longer recording.")
    return seen, camera, first_at - began


def first_look(inbox: queue.SimpleQueue[tuple[Event, float]]) -> tuple[str, float]:
    """The camera's name, and the time of the first reading."""
    camera, end = "", time.monotonic() + FIRST_READING_S
    while True:
        try:
            event, arrived = inbox.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            why = f"The eye sent no reading within {FIRST_READING_S:.0f} s; run affetto check --camera."
            raise CameraError(why) from None
        match event:
            case EyeOpened(name):
                camera = name
            case EyeRead():
                return camera, arrived
            case EyeClosed(problem):
                raise CameraError(problem)


def link_ms(reading: Reading, arrived: float) -> float:
    """The time from the end of the last stage to the inbox: writing, the socket, reading. The frame's time is its
    arrival in the eye, after `read`; both processes share the clock."""
    worked_ms = sum(cost for stage, cost in reading.costs_ms.items() if stage != "read")
    return max((arrived - reading.at_s) * 1000 - worked_ms, 0.0)


def stage_times(seen: Sequence[Seen]) -> dict[str, list[float]]:
    """The milliseconds of each stage, for the frames on which it had work: detection skips frames, and scoring needs a
    face."""
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for one in seen:
        for stage in STAGES:
            cost = one.reading.costs_ms.get(stage)
            if cost is not None and (stage != "score" or one.reading.faces):
                times[stage].append(cost)
    times["frame, all stages"] = [sum(one.reading.costs_ms.values()) for one in seen]
    times["link"] = [one.link_ms for one in seen]
    return times
