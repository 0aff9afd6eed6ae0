"""What the kernel says of a process: memory and processor time. Reads /proc, any thread."""

from __future__ import annotations

import os
from pathlib import Path


def memory_mb(pid: int) -> float:
    """Resident memory in MB (2**20 bytes), shared pages included; 0 if there is no such process."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_memory_mb(pid: int) -> float:
    """The most resident memory it ever had, in MB; 0 if there is no such process."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def cpu_s(pid: int) -> float:
    """Processor time in seconds, user and system; 0 if there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0


def process_figures(conductor: int, eye: int | None) -> dict[str, float]:
    """The figures of both processes for `health`."""
    return {
        "memory_mb": memory_mb(conductor),
        "eye_memory_mb": memory_mb(eye) if eye else 0.0,
        "cpu_s": cpu_s(conductor),
        "eye_cpu_s": cpu_s(eye) if eye else 0.0,
    }
