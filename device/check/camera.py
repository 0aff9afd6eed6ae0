"""The camera: opened only if it is switched on or the user asks, and never while the program runs.

An eye takes the picture in a process of its own, so no picture enters this process.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from device.check.events import wait_for
from device.check.finding import Finding, note, problem, well
from device.config.schema import CameraConfig, Config
from device.console import count
from device.domain import Event, EyeClosed, EyeOpened, EyeRead, SwitchTurned
from device.perception import picamera, v4l2
from device.perception.camera_switch import CameraSwitch
from device.perception.eye_client import EyeClient

EYE_S = 15.0  # to load the models, open the camera and take one picture


def is_running(proc: Path = Path("/proc")) -> bool:
    """Whether `affetto run` (or the demo, which starts it) runs on this machine."""
    for path in proc.glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended meanwhile
        names = [word.rpartition(b"/")[2] for word in words]
        if any(pair in ((b"affetto", b"run"), (b"device", b"run")) for pair in pairwise(names)):
            return True
    return False


def camera(config: Config, path: Path | None, *, switched_on: bool, asked: bool, busy: bool) -> Iterator[Finding]:
    """Name the camera. Take a picture if it is switched on or the user asked for it, and it is not in use."""
    named, position = _name_camera(config.camera), CameraSwitch(config.camera.switch).read()
    if config.camera.switch:
        yield _switch(position)
    if not position.on:
        yield note("camera", f"{named}; not opened, because its switch is off")
    elif busy:
        yield note("camera", f"{named}; not opened, because Affetto runs and may use it")
    elif switched_on or asked:
        yield _look(config.camera, path)
    else:
        yield note("camera", f"{named}; not opened, because it is switched off", "to test it: affetto check --camera")


def _switch(position: SwitchTurned) -> Finding:
    """The hardware switch."""
    if position.problem:
        return problem("camera switch", position.problem)
    return well("camera switch", "on" if position.on else "off: the camera stays off, whatever else anybody sets")


def _name_camera(config: CameraConfig) -> str:
    if config.source != "auto":
        return config.source
    if (found := picamera.find_camera()) is not None:
        return f"Raspberry Pi camera {found[1]}"
    node = v4l2.find_node()
    return f"{v4l2.card_of(node)} at {node}" if node is not None else "no camera was found"


def _look(config: CameraConfig, path: Path | None) -> Finding:
    """One reading, through an eye of our own."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    link = EyeClient(config, path, events.put)
    link.open()
    try:
        opened = wait_for(events, EYE_S, EyeOpened, EyeClosed)
        seen = wait_for(events, EYE_S, EyeRead, EyeClosed) if isinstance(opened, EyeOpened) else opened
    finally:
        link.close()
        link.join()
    match opened, seen:
        case EyeOpened(name), EyeRead(reading):
            cost_ms = sum(reading.costs_ms.values())
            faces = count(len(reading.faces), "face")
            return well("camera", f"{name} delivers pictures; {faces} found in {cost_ms:.0f} ms")
        case _, EyeClosed(words):
            return problem("camera", words)
        case _:
            return problem("camera", f"no picture within {EYE_S:.0f} s", "unplug the camera and plug it in again")
