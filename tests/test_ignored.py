"""What the owner does not mean as music stays out of the library, and comes back when the settings change."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import audio
import pytest
from mutagen import id3
from mutagen.wave import WAVE

from device.config.schema import MusicConfig
from device.music.library.browse.browser import Browser
from device.music.library.catalogue import Catalogue
from device.music.library.files.ignored import Ignored
from device.music.workers.tag_client import read_here

DEFAULT = MusicConfig().ignore


@pytest.mark.parametrize(
    ("name", "ignored"),
    [("Podcasts", True), ("podcast", True), ("PODCAST Mix", True), ("Audio Books", True), ("Audiobooks", True),
     ("My podcasts", False), ("Music", False), ("", False), ("\udcff", False)],
)  # fmt: skip
def test_names(name: str, ignored: bool) -> None:
    assert Ignored(DEFAULT).name(name.encode("utf-8", "surrogateescape")) is ignored


def test_genres_and_odd_patterns() -> None:
    assert Ignored(DEFAULT).genre("Podcast")
    assert not Ignored(DEFAULT).genre("Pop")
    assert not Ignored(DEFAULT).name(b"genre:podcast")
    assert Ignored(["HÖR*"]).name("hörspiel".encode())
    odd = Ignored(["[", "", "genre:", "(", "*" * 50])
    assert odd.name(b"(")
    assert not odd.genre("x")
    assert not Ignored().name(b"anything")


def songs(folder: Path) -> None:
    for number, path in enumerate(("a.wav", "Podcasts/b.wav", "Kids/c.wav", "talk.wav", "Kids/deep/d.wav")):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        audio.tone(folder / path, 0.1, 300.0 + 100 * number)
    file = WAVE(folder / "talk.wav")
    file.add_tags()
    file.tags.add(id3.TCON(text=["Podcast"]))
    file.save()
    (folder / "Kids" / ".nomedia").touch()


def found(data: Path, music: Path, patterns: tuple[str, ...]) -> list[str]:
    with closing(Catalogue.open(data, read_here, Ignored(patterns))) as catalogue:
        loaded = catalogue.scan([music])
        assert loaded.notes == ()
        return sorted(track.title for track in loaded.tracks)


def test_a_scan_leaves_them_out_until_the_settings_change(tmp_path: Path) -> None:
    data, music = tmp_path / "data", tmp_path / "music"
    songs(music)
    assert found(data, music, DEFAULT) == ["a"]
    assert found(data, music, ()) == ["a", "b", "talk"]
    with closing(Browser(data)) as browser:
        assert [track.title for track in browser.search("talk").tracks] == ["talk"]
    assert found(data, music, ("genre:POD*",)) == ["a", "b"]
    with closing(Browser(data)) as browser:
        assert browser.search("talk").tracks == ()
    (music / "Kids" / ".nomedia").unlink()
    assert found(data, music, DEFAULT) == ["a", "c", "d"]
