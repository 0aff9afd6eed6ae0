"""The child of worker.py: `python -m device.music.workers.analysis_process --models DIR --fd N`; not for calling by
hand.

A process of its own that reads music files, which anybody may have made: it steps back behind everything else, limits
itself, and answers in JSON lines on the socket it was given. Expected failures are answers; at anything else it dies,
and the parent starts another.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from device.errors import LibraryError, ModelError
from device.music.track_mood import to_json
from device.music.workers.analysis_client import OUT_OF_MEMORY
from device.music.workers.limits import limit_cpu, limit_memory, step_back, think_alone

Job = Callable[[Path], Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--cpu-s", type=int, default=60)
    parser.add_argument("--memory-mb", type=int, default=400)
    arguments = parser.parse_args()
    step_back()
    think_alone()
    with socket.socket(fileno=arguments.fd) as sock:
        try:
            known = jobs(arguments.models)
            limit_memory(arguments.memory_mb)
            serve(sock, known, arguments.cpu_s)
        except ModelError as error:
            _say(sock, {"error": str(error)})
            return 1
        except MemoryError:
            print(f"A file needed more than {arguments.memory_mb} MB of memory.", file=sys.stderr)
            return OUT_OF_MEMORY
        except (BrokenPipeError, ConnectionResetError):
            return 0
    return 0


def jobs(models_dir: Path) -> Mapping[str, Job]:
    """What can be asked for, by name. Loads the model; raises ModelError."""
    from device.music.analysis import MoodAnalyser

    analyser = MoodAnalyser.load(models_dir)
    return {"analyse": lambda path: to_json(analyser.analyse(path))}


def serve(sock: socket.socket, known: Mapping[str, Job], cpu_s: int) -> None:
    """Say that it is ready, then answer one request a line until the other side closes."""
    _say(sock, {"ready": True})
    with sock.makefile("rb") as lines:
        for line in lines:
            request = json.loads(line)
            limit_cpu(cpu_s)
            try:
                answer = {"answer": known[request["job"]](Path(os.fsdecode(bytes.fromhex(request["path"]))))}
            except LibraryError as error:
                answer = {"error": str(error)}
            _say(sock, answer)


def _say(sock: socket.socket, answer: Mapping[str, Any]) -> None:
    sock.sendall(json.dumps(answer, allow_nan=False).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
