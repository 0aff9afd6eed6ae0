"""Running commands and telling how far they have come. Called from the main thread; words go to the terminal."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

TAIL = 12  # lines of a command that failed
console = Console(highlight=False, soft_wrap=True, markup=False)


class Refusal(Exception):
    """What cannot be done, in a sentence that says what to do instead."""


def say(words: str) -> None:
    console.print(words)


@contextmanager
def step(words: str) -> Iterator[None]:
    """Show `words` while it lasts, and afterwards how long it took."""
    began = time.monotonic()
    if not console.is_terminal:
        say(f"{words} ...")
    with console.status(words):
        yield
    say(f"{words}: done in {time.monotonic() - began:.0f} s")


def bar() -> Progress:
    """For bytes that are counted."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console
    )


def need(programs: Mapping[str, str]) -> None:
    """Refuse if one of the programs (name: Debian package) is not here."""
    path = "/usr/local/sbin:/usr/sbin:/sbin"
    missing = {
        package for name, package in programs.items() if not (shutil.which(name) or shutil.which(name, path=path))
    }
    if missing:
        raise Refusal(f"this takes programs that are not here: sudo apt install {' '.join(sorted(missing))}")


def run(*command: object, good: tuple[int, ...] = (0,), env: Mapping[str, str] | None = None) -> str:
    """What a command prints (on both channels); raises Refusal with the end of it if the command fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=env,
        check=False,
    )
    if done.returncode not in good:
        last = "\n".join(f"    {line}" for line in done.stdout.splitlines()[-TAIL:])
        raise Refusal(f"`{words[0]}` failed with status {done.returncode}:\n{last}")
    return done.stdout
