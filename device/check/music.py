"""Checks libVLC, the sound device and the music folders. Plays nothing, and works on a copy of the catalogue."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from device.check.finding import Finding, note, problem, well
from device.check.machine import copy
from device.config.schema import MusicConfig, PlayerConfig
from device.config.shares import Share
from device.console import count
from device.domain import Event, MoodName
from device.errors import AffettoError
from device.music.audio import alsa, outputs
from device.music.library.catalogue import Catalogue
from device.music.library.files.ignored import Ignored
from device.music.library.files.listing import expand
from device.music.playback.vlc_player import VlcPlayer

LISTED = 5  # sentences about single files


def sound(config: PlayerConfig, *, ours: bool, shared: bool) -> Iterator[Finding]:
    """Check that libVLC starts, and the sound device opens. `ours`: the running program has the device open and reports
    on it itself. `shared`: another Affetto may have it open."""
    try:
        with tempfile.TemporaryDirectory() as scratch, closing(VlcPlayer(config, Path(scratch), _ignore)) as player:
            words, fault = player.describe(), "" if ours else player.problem()
    except AffettoError as error:
        yield problem("sound", str(error))
        return
    if fault:
        yield problem("sound", fault, "another Affetto runs and may use the device; stop it first" if shared else "")
    elif config.output == "auto" and outputs.present(os.environ, Path("/dev")) == "nothing":
        yield problem("sound", words, "connect a sound card, or set player.output to dummy if you want no sound")
    else:
        yield well("sound", f"{words}; at most {config.max_volume}%")
    if stable := alsa.stable_name(config.device):
        yield note(
            "sound",
            f"player.device {config.device} names a card by its number, and numbers change from boot to boot",
            f"write {stable}",
        )


def plugins(libraries: Path) -> Iterator[Finding]:
    """Check that libVLC has the list of its plugins. Without it, each start loads all plugins, which takes seconds and
    some 20 MB of memory on a small board."""
    for folder in libraries.glob("*/vlc/plugins"):
        if not (folder / "plugins.dat").exists():
            yield note("sound", f"libVLC has no list of its plugins in {folder}, and loads them all at each start",
                       "apt install libvlc-bin")  # fmt: skip


def _ignore(_: Event) -> None:
    pass


def library(config: MusicConfig, data_dir: Path, silent: Collection[Share] = ()) -> Iterator[Finding]:
    """Check that the music folders can be read, and contain music. A folder with a * in its name may be absent, while
    no drive is plugged in. Nothing looks into `silent` shares: each would keep the check waiting."""
    skip = {os.fsencode(share.folder) for share in silent}
    if not config.folders:
        yield problem("library", "music.folders names no folder", _where_music_goes("name a folder there"))
    for folder in map(Path, config.folders):
        if "*" in str(folder):
            yield from _drives(folder, skip)
            continue
        if not expand(folder, skip):
            continue
        try:
            next(folder.iterdir(), None)
        except (FileNotFoundError, NotADirectoryError):
            yield problem("library", f"there is no folder {folder}", _where_music_goes(f"mkdir -p {folder}"))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            yield problem("library", f"{folder} cannot be read ({reason})", f"see who may read it: ls -ld {folder}")
    folders = [Path(os.fsdecode(path)) for folder in config.folders for path in expand(Path(folder), skip)]
    readable = [folder for folder in folders if os.access(folder, os.R_OK | os.X_OK)]
    if readable:
        yield from _tracks(readable, data_dir, Ignored(config.ignore), partial(note if silent else problem, "library"))


def _drives(pattern: Path, skip: Collection[bytes]) -> Iterator[Finding]:
    found = [os.fsdecode(path) for path in expand(pattern, skip)]
    if found:
        yield well("library", f"{pattern} is now {', '.join(found)}")
    else:
        yield note("library", f"there is nothing at {pattern}", "plug in the drive that should be there")


def _tracks(
    folders: Sequence[Path], data_dir: Path, ignored: Ignored, complain: Callable[[str], Finding]
) -> Iterator[Finding]:
    """Scan with a temporary copy of the catalogue, which reads new files. `complain` makes the finding of what the scan
    calls a problem: while a file server is silent, it may hold the music that is missing."""
    try:
        with tempfile.TemporaryDirectory() as scratch:
            copy(data_dir, "catalogue.db*", scratch)
            with closing(Catalogue.open(Path(scratch), ignored=ignored)) as catalogue:
                found = catalogue.scan(folders)
    except AffettoError as error:
        yield problem("library", str(error))
        return
    where = ", ".join(map(str, folders))
    for line in found.notes[:LISTED]:
        yield note("library", line)
    if (more := len(found.notes) - LISTED) > 0:
        yield note("library", f"and {more} more", "affetto scan lists them all")
    for line in found.problems[:LISTED]:
        yield complain(line)
    if found.tracks:
        yield well("library", f"{count(len(found.tracks), 'track')} in {where}")


def _where_music_goes(first: str) -> str:
    return f"{first}; folders named {', '.join(MoodName)} set the mood of their songs"
