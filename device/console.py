"""Output for people and for pipes: lines wrap at the width of a terminal; pipes and files get them unwrapped."""

from __future__ import annotations

from rich.console import Console

WIDE = 10_000  # columns; none of our lines is longer


def open_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """A console on standard output or standard error. It wraps and pads lines only on a terminal."""
    console = Console(stderr=stderr, quiet=quiet)
    if console.is_terminal:
        return console
    return Console(stderr=stderr, quiet=quiet, width=WIDE, soft_wrap=True, no_color=True)


def count(number: int, noun: str) -> str:
    """`1 mood`, `2 moods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
