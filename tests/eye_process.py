"""Eyes for the tests of the link, each a process of its own: `python eye_process.py KIND --fd N`.

The kinds that start with `real` are the whole eye (its process, its watchdog, its socket) with a fake camera in front
and a scripted detector behind, because those tests are about processes and not about faces.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from device.config.schema import CameraConfig, Config
from device.domain import Face, Reading
from device.errors import CameraError, ModelError
from device.perception.protocol import Hello, Trouble, encode


class OneFace:
    """Finds the same face in every frame."""

    def find(self, gray: object) -> list[Face]:
        eyes_and_mouth = ((40.0, 40.0), (60.0, 40.0), (50.0, 52.0), (42.0, 62.0), (58.0, 62.0))
        return [Face(30.0, 25.0, 40.0, 50.0, 0.9, eyes_and_mouth)]


class Smile:
    """Sees happiness in everything."""

    def scores(self, crop: object) -> tuple[float, ...]:
        return (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def real(sock: socket.socket, then: str, forbid_files: bool = False) -> int:
    import numpy as np  # not for the scripted kinds, which start faster without

    from device.perception.camera import FakeCamera
    from device.perception.eye import Eye, serve

    pictures = [np.full((240, 320), 100, np.uint8)] * (10_000 if then == "go on" else 3)
    if forbid_files:
        sys.addaudithook(refuse)

    def start(_config: Config) -> Eye:
        if then == "no model":
            raise ModelError("The model emotion.tflite is missing; install the models again.")
        if then == "no camera":
            raise CameraError("No camera was found; plug one in.")
        return Eye(FakeCamera(pictures, fps=20, then=then, live=True), OneFace(), Smile())

    return serve(Config(camera=CameraConfig(hang_s=1.0, fps=20)), sock, start=start)


def refuse(event: str, args: tuple[object, ...]) -> None:
    """End with a status of its own at the first file opened for writing and the first network address used."""
    writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event in ("socket.connect", "socket.bind", "socket.sendto", "os.mkdir", "os.rename"):
        print(f"forbidden: {event} {args}", file=sys.stderr)
        os._exit(77)


def greet(sock: socket.socket, count: int = 1) -> None:
    sock.sendall(encode(Hello("scripted camera")))
    for _ in range(count):
        sock.sendall(encode(Reading(time.monotonic())))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("--fd", type=int)
    options = parser.parse_args()
    sock = socket.socket(fileno=options.fd)
    match options.kind.split(":"):
        case ["real", then]:
            return real(sock, then)
        case ["audited"]:
            return real(sock, "go on", forbid_files=True)
        case ["garbage"]:
            greet(sock)
            sock.sendall(b"\x00\xff\x1b[2J not a reading\n")
        case ["endless"]:
            greet(sock)
            while True:
                sock.sendall(b"x" * 4096)
        case ["nan"]:
            greet(sock)
            sock.sendall(b'{"at": NaN, "moved": true, "faces": [], "costs": {}}\n')
        case ["rude"]:  # a reading without a greeting
            sock.sendall(encode(Reading(1.0)))
        case ["twice"]:
            greet(sock, 0)
            greet(sock, 0)
        case ["trouble"]:
            sock.sendall(encode(Trouble("The camera fell off the wall.")))
            return 1
        case ["crash"]:
            greet(sock)
            raise RuntimeError("the bug that nobody saw")
        case ["killed"]:
            greet(sock)
            os.kill(os.getpid(), signal.SIGKILL)
        case ["mute"]:
            pass
        case ["stubborn"]:  # neither the closed socket nor SIGTERM impresses it
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            greet(sock)
            while True:
                signal.pause()
        case ["stopped"]:
            greet(sock)
            os.kill(os.getpid(), signal.SIGSTOP)
        case ["chatty"]:
            print("a warning of the camera's library", file=sys.stderr, flush=True)
            greet(sock, 5)
    sock.recv(1)  # until the link closes the connection
    return 0


if __name__ == "__main__":
    sys.exit(main())
