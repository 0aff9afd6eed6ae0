"""The worker's end: answers one request after the other on a socket until its client closes it.

A job is a function of a path. It raises LibraryError for what is wrong with a file and OSError for what is wrong with
the disk; both are answers. At anything else the process dies, and its client starts another.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from device.errors import LibraryError, ModelError
from device.music.workers.limits import limit_cpu, limit_memory
from device.music.workers.protocol import (
    LONGEST_TEXT,
    OUT_OF_MEMORY,
    Answer,
    Problem,
    ProblemKind,
    Ready,
    decode_request,
    encode,
)

Job = Callable[[Path], object]
Jobs = Mapping[str, Job]


def parser(description: str, cpu_s: int, memory_mb: int) -> argparse.ArgumentParser:
    """The arguments of every worker, with its own limits as defaults."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--fd", type=int, required=True)
    made.add_argument("--cpu-s", type=int, default=cpu_s)
    made.add_argument("--memory-mb", type=int, default=memory_mb)
    return made


def run(arguments: argparse.Namespace, load: Callable[[], Jobs]) -> int:
    """Load the jobs, then serve within the limits of `arguments`. Returns the process's exit status."""
    with socket.socket(fileno=arguments.fd) as sock:
        try:
            jobs = load()
            limit_memory(arguments.memory_mb)
            serve(sock, jobs, arguments.cpu_s)
        except ModelError as error:
            sock.sendall(encode(_problem(ProblemKind.WORKER, error)))
            return 1
        except MemoryError:
            print(f"A file needed more than {arguments.memory_mb} MB of memory.", file=sys.stderr)
            return OUT_OF_MEMORY
        except (BrokenPipeError, ConnectionResetError):
            return 0
    return 0


def serve(sock: socket.socket, jobs: Jobs, cpu_s: int) -> None:
    """Answer each line until the other side closes; each job has `cpu_s` seconds of processor time."""
    sock.sendall(encode(Ready()))
    with sock.makefile("rb") as lines:
        for line in lines:
            request = decode_request(line)
            limit_cpu(cpu_s)
            answer = _answer(jobs[request.job], Path(os.fsdecode(request.path)))
            sock.sendall(encode(answer))


def _answer(job: Job, path: Path) -> Answer[object] | Problem:
    try:
        return Answer(job(path))
    except LibraryError as error:
        return _problem(ProblemKind.FILE, error)
    except OSError as error:
        return _problem(ProblemKind.DISK, error)


def _problem(kind: ProblemKind, error: Exception) -> Problem:
    return Problem(kind, str(error).encode("utf-8", "replace").decode()[:LONGEST_TEXT])
