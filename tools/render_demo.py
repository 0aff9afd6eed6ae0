"""Render what `affetto demo` shows and plays, from the code in tools/people and tools/songs.

    python tools/render_demo.py           both, into device/demo: takes some minutes
    python tools/render_demo.py people    the clip only
    python tools/render_demo.py songs     the songs only

Run it after a change to that code, and commit what it writes; tests/test_demo_data.py notices where it was forgotten.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.progress import track  # noqa: E402

from device.demo import MUSIC, PEOPLE  # noqa: E402
from tools.people import clip, script  # noqa: E402
from tools.songs import record  # noqa: E402
from tools.songs.album import SONGS, Song  # noqa: E402


def main(argv: Sequence[str] | None = None) -> int:
    """Render; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("people", "songs"), help="only this; default: both")
    part = parser.parse_args(argv).part
    try:
        if part != "songs":
            render_people(PEOPLE)
        if part != "people":
            render_songs(MUSIC)
    except OSError as error:
        print(f"render_demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def render_people(path: Path) -> None:
    """The clip. It is whole, or what was there before stays."""
    print("Filming people who do not exist ...", flush=True)
    part = path.with_name(f"part-{path.name}")
    try:
        clip.film(part, script.script())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def render_songs(folder: Path) -> None:
    """Every song in a folder named after its mood. Songs that are not on the album go."""
    fresh = folder.with_name(f"part-{folder.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    for song in SONGS:
        (fresh / song.mood).mkdir(parents=True, exist_ok=True)
    try:
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            jobs = pool.map(render_song, SONGS, [fresh] * len(SONGS))
            for _ in track(jobs, "Playing the songs", total=len(SONGS)):
                pass
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def render_song(song: Song, folder: Path) -> None:
    """One song as folder/MOOD/TITLE.opus."""
    record.write_opus(song, record.play(song), folder / song.mood / f"{song.title}.opus")


if __name__ == "__main__":
    sys.exit(main())
