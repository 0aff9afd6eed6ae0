"""Output for people and for pipes: lines fit the terminal, and a pipe or a file gets them whole."""

from __future__ import annotations

from rich.console import Console

WIDE = 10_000  # columns; nothing that we print wraps there


def open_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """A console on standard output or standard error. Where that is no terminal, it neither wraps nor pads."""
    console = Console(stderr=stderr, quiet=quiet)
    if console.is_terminal:
        return console
    return Console(stderr=stderr, quiet=quiet, width=WIDE, soft_wrap=True, no_color=True)


def count(number: int, noun: str) -> str:
    """`1 mood`, `2 moods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
