"""Playlists: whatever people and programs write is understood, what is written survives, nothing else is touched."""

from __future__ import annotations

import os
import queue
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import audio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_scanner import FakeAnalyser
from test_session import LIBRARY, UP, Room, only

from device.config.schema import MusicConfig
from device.domain import (
    ChangePlaylist,
    Event,
    LibraryLoaded,
    Memory,
    Misunderstood,
    Origin,
    Play,
    PlaybackState,
    PlaylistChanged,
    Tick,
)
from device.domain.library import Selection
from device.errors import LibraryError
from device.music.library.browse.browser import Browser
from device.music.library.catalogue import Catalogue
from device.music.library.playlist_files import PlaylistFiles
from device.music.library.playlists import LARGEST, MOST_LINES, Line, name_problem, parse, render
from device.music.library.scanner import Scanner
from device.music.library.sql.catalogue_file import NAME
from device.music.uri import uri_of
from device.music.workers.tag_client import read_here

FOLDER = b"/music/lists"


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"song.mp3", [Line("song", "", (b"/music/lists/song.mp3",))]),
        (b"#EXTM3U\r\n#EXTINF:12,Artist - Song\r\nsub/song.mp3\r\n",
         [Line("Artist - Song", "", (b"/music/lists/sub/song.mp3",))]),
        (b"\xef\xbb\xbf../other/x.flac", [Line("x", "", (b"/music/other/x.flac",))]),
        (b"/abs/x.mp3\n\n  \n#comment\n", [Line("x", "", (b"/abs/x.mp3",))]),
        (b"sub\\song.mp3", [Line("sub\\song", "", (b"/music/lists/sub\\song.mp3", b"/music/lists/sub/song.mp3"))]),
        (b"caf\xe9.mp3", [Line("caf\N{REPLACEMENT CHARACTER}", "",
                               (b"/music/lists/caf\xe9.mp3", "/music/lists/café.mp3".encode()))]),
        ("café.mp3".encode(), [Line("café", "", ("/music/lists/café.mp3".encode(),))]),
        (b"file:///music/a%20b.mp3", [Line("a b", "", (b"/music/a b.mp3",))]),
        (b"file:relative", [Line("file:relative", "", (b"/music/lists/file:relative",))]),
        (b"#EXTINF:-1,My radio\nhttp://radio/stream?a=b", [Line("My radio", "http://radio/stream?a=b", ())]),
        (b"HTTPS://radio.example/", [Line("radio.example", "HTTPS://radio.example/", ())]),
        (b"#EXTINF:-1,Title of nothing\n#other\nrtsp://x/y\na.mp3", [Line("a", "", (b"/music/lists/a.mp3",))]),
        (b"http://a b/", []),
        (b"smb://server/x.mp3", []),
        (b"a\0b.mp3", []),
        (b"", []),
    ],
)  # fmt: skip
def test_what_playlists_say(content: bytes, lines: list[Line]) -> None:
    assert parse(content, FOLDER) == lines


@given(st.binary(max_size=400))
def test_no_bytes_break_the_parser(content: bytes) -> None:
    for line in parse(content, FOLDER):
        assert line.title.isprintable()
        assert bool(line.url) != bool(line.paths)
        assert all(path.startswith(b"/") and b"\0" not in path for path in line.paths)


def test_a_huge_playlist_has_limits() -> None:
    assert len(parse(b"a.mp3\n" * 200_000, FOLDER)) == MOST_LINES
    assert len(parse(b"#" * (2 * LARGEST) + b"\na.mp3", FOLDER)) == 0


@given(
    st.lists(
        st.binary(min_size=1, max_size=30).filter(lambda name: not set(name) & set(b"\0\n\r/\x0b\x0c\x1c\x1d\x1e"))
    )
)
def test_what_is_written_is_read_again(names: list[bytes]) -> None:
    paths = [b"/music/lists/" + name for name in names if name.strip(b" \t\0") == name and name not in (b".", b"..")]
    paths = [path for path in paths if b"\\" not in path]
    content = render([("Some title", path) for path in paths], FOLDER)
    assert [line.paths[0] for line in parse(content, FOLDER)] == paths


def test_paths_are_relative_where_that_is_short() -> None:
    content = render([("", b"/music/lists/a/b.mp3"), ("", b"/music/c.mp3"), ("R", "http://r/")], FOLDER)
    assert content == b"#EXTM3U\na/b.mp3\n/music/c.mp3\n#EXTINF:-1,R\nhttp://r/\n"


@pytest.mark.parametrize("name", ["", " ", "a/b", ".hidden", "x" * 101, "a\nb", "a\0"])
def test_names_that_no_playlist_has(name: str) -> None:
    assert name_problem(name).endswith(".")


# --- In a catalogue ---


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    for number, name in enumerate(("one.wav", "two.wav", "Grün/drei.wav")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        audio.tone(folder / name, 0.1, 300.0 + 100 * number)
    return folder


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    opened = Catalogue.open(tmp_path / "data", read_here)
    yield opened
    opened.close()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with closing(Browser(tmp_path / "data")) as opened:
        yield opened


def titles(browser: Browser, name: str) -> list[str]:
    (uri,) = [playlist.uri for playlist in browser.playlists() if playlist.name == name]
    return [entry.title if entry.track is None else entry.track.title for entry in browser.entries(uri)]


def test_a_scan_finds_playlists_and_their_tracks(catalogue: Catalogue, browser: Browser, music: Path) -> None:
    (music / "Grün" / "Mix.m3u").write_bytes(b"drei.wav\n..\\one.wav\nmissing.mp3\n/etc/passwd\nhttp://radio/s\n")
    (music / "Alle.M3U8").write_text("Grün/drei.wav\ntwo.wav\n")
    loaded = catalogue.scan([music])
    by_title = {track.title: track.key for track in loaded.tracks}
    assert loaded.playlists == {
        "Mix": (by_title["drei"], by_title["one"], "http://radio/s"),
        "Alle": (by_title["drei"], by_title["two"]),
    }
    assert [(one.name, one.entries) for one in browser.playlists()] == [("Alle", 2), ("Mix", 5)]
    assert titles(browser, "Mix") == ["drei", "one", "missing", "passwd", "radio"]
    (uri,) = [playlist.uri for playlist in browser.playlists() if playlist.name == "Mix"]
    assert [track.title for track in browser.tracks(Selection(playlist=uri)).items] == ["drei", "one"]
    assert browser.entries("file:///nowhere.m3u") == ()


def test_a_latin_playlist_finds_files_with_unicode_names(catalogue: Catalogue, browser: Browser, music: Path) -> None:
    (music / "Alt.m3u").write_bytes("Grün\\drei.wav\n".encode("cp1252"))
    assert catalogue.scan([music]).playlists["Alt"] != ()
    assert titles(browser, "Alt") == ["drei"]


def test_changes_and_deletions_are_seen(catalogue: Catalogue, browser: Browser, music: Path) -> None:
    path = music / "Mix.m3u8"
    path.write_text("one.wav\n")
    catalogue.scan([music])
    before = catalogue._database._sql.db.total_changes
    catalogue.scan([music])
    assert catalogue._database._sql.db.total_changes == before, "nothing has changed"
    path.write_text("two.wav\none.wav\n")
    catalogue.scan([music])
    assert titles(browser, "Mix") == ["two", "one"]
    path.unlink()
    assert catalogue.scan([music]).playlists == {}
    assert browser.playlists() == ()


def test_a_playlist_of_an_absent_drive_is_not_shown_and_comes_back(
    catalogue: Catalogue, browser: Browser, music: Path
) -> None:
    (music / "Mix.m3u8").write_text("one.wav\n")
    catalogue.scan([music])
    music.rename(music.with_name("away"))
    catalogue.scan([music])
    assert browser.playlists() == ()
    music.with_name("away").rename(music)
    catalogue.scan([music])
    assert titles(browser, "Mix") == ["one"]


def test_a_playlist_is_written_where_the_music_is(catalogue: Catalogue, browser: Browser, music: Path) -> None:
    catalogue.scan([music])
    uris = [uri_of(os.fsencode(music / "Grün" / "drei.wav")), "http://radio/s", uri_of(b"/gone/x.mp3")]
    catalogue.write_playlist("Morgen früh", uris, [music])
    assert (music / "Morgen früh.m3u8").read_text() == (
        "#EXTM3U\n#EXTINF:-1,drei\nGrün/drei.wav\nhttp://radio/s\n/gone/x.mp3\n"
    )
    assert titles(browser, "Morgen früh") == ["drei", "radio", "x"]
    before = catalogue.load()
    assert len(before.playlists["Morgen früh"]) == 2
    assert catalogue.scan([music]).playlists == before.playlists
    catalogue.write_playlist("Morgen früh", [], [music])
    assert titles(browser, "Morgen früh") == []
    catalogue.remove_playlist("Morgen früh")
    assert not list(music.glob("*.m3u8"))
    assert browser.playlists() == ()
    assert [path.name for path in music.iterdir() if path.name.startswith(".")] == []


def test_one_that_exists_is_replaced_where_it_is(catalogue: Catalogue, browser: Browser, music: Path) -> None:
    (music / "Grün" / "Mix.m3u").write_text("drei.wav\n")
    catalogue.scan([music])
    catalogue.write_playlist("Mix", [uri_of(os.fsencode(music / "one.wav"))], [music])
    assert (music / "Grün" / "Mix.m3u").read_text().endswith(f"{music}/one.wav\n")
    assert len(browser.playlists()) == 1


def test_where_no_music_folder_can_be_written_the_catalogue_keeps_it(
    catalogue: Catalogue, browser: Browser, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.scan([music])
    real = PlaylistFiles._replace

    def refuse(self: PlaylistFiles, path: bytes, content: bytes) -> None:
        if path.startswith(os.fsencode(music)):
            raise OSError(30, "Read-only file system")
        real(self, path, content)

    monkeypatch.setattr(PlaylistFiles, "_replace", refuse)
    catalogue.write_playlist("Mix", [uri_of(os.fsencode(music / "one.wav"))], [music])
    assert (tmp_path / "data" / "playlists" / "Mix.m3u8").exists()
    assert titles(browser, "Mix") == ["one"]
    catalogue.scan([music])
    assert titles(browser, "Mix") == ["one"]
    monkeypatch.setattr(PlaylistFiles, "_replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(LibraryError, match="cannot be written"):
        catalogue.write_playlist("Other", [], [music])


def test_what_cannot_be_done_is_a_sentence(catalogue: Catalogue, music: Path) -> None:
    catalogue.scan([music])
    with pytest.raises(LibraryError, match="no playlist Nothing"):
        catalogue.remove_playlist("Nothing")
    with pytest.raises(LibraryError, match="no / and"):
        catalogue.write_playlist("../../etc/cron", [], [music])
    for wrong in ("no address", "http://", "radio.example", "http://[1", "http://radio.example/a\nfile:///x", ""):
        with pytest.raises(LibraryError, match="no address of a stream"):
            catalogue.write_playlist("Radio", ["http://radio.example/live", wrong], [music])
    assert not (music / "Radio.m3u8").exists()


def test_format_4_gets_the_tables_of_playlists(tmp_path: Path, music: Path) -> None:
    with closing(Catalogue.open(tmp_path / "data", read_here)) as opened:
        opened.scan([music])
    with sqlite3.connect(tmp_path / "data" / NAME) as db:
        db.execute("DROP TABLE playlists")
        db.execute("DROP TABLE playlist_entries")
        db.execute("DROP INDEX doubtful_analyses")
        for column in ("moved_valence", "moved_arousal", "doubt"):
            db.execute(f"ALTER TABLE analyses DROP COLUMN {column}")
        db.execute("PRAGMA user_version = 4")
    db.close()
    with closing(Catalogue.open(tmp_path / "data", read_here)) as opened:
        assert (len(opened.load().tracks), opened.load().problems) == (3, ())
        (music / "Mix.m3u8").write_text("one.wav\n")
        assert list(opened.scan([music]).playlists) == ["Mix"]


# --- In the session ---


def let(room: Room, seconds: float) -> list:
    actions: list = []
    for _ in range(int(seconds / 10)):
        room.pass_time(10)
        actions += room.tell(Tick())
    return actions


def test_an_alarm_plays_a_playlist_in_its_order() -> None:
    room = Room(Memory(playback=PlaybackState.STOPPED))
    room.tell(UP)
    keys = tuple(LIBRARY[number].key for number in (5, 2, 9))
    room.tell(LibraryLoaded(LIBRARY, playlists={"Morning": (*keys, "http://radio/", "gone")}))
    room.say("alarm", "daily 23:00 playlist:Morning")
    (play,) = only(Play, let(room, 48 * 60))
    assert play.track.key == keys[0]
    assert room.snapshot is not None
    assert [entry.choice.track.key for entry in room.snapshot.queue if entry.by == "alarm"][-2:] == list(keys[1:])


def test_an_alarm_plays_the_radio() -> None:
    room = Room(Memory(playback=PlaybackState.STOPPED))
    room.tell(UP)
    room.tell(LibraryLoaded(LIBRARY, playlists={"Radio": ("http://radio.example/s",)}))
    room.say("alarm", "daily 23:00 playlist:Radio")
    (play,) = only(Play, let(room, 48 * 60))
    assert play.track.uri == "http://radio.example/s"


def test_commands_become_actions() -> None:
    from device.domain import Asked, RemovePlaylist, SavePlaylist

    room, origin = Room(), Origin("page")
    assert room.tell(Asked(SavePlaylist("Mix", ("file:///a",)), origin))[0] == ChangePlaylist(
        "Mix", ("file:///a",), origin
    )
    assert room.tell(Asked(RemovePlaylist("Mix"), origin))[0] == ChangePlaylist("Mix", None, origin)


def test_the_scanner_writes_playlists_and_says_why_it_cannot(music: Path, tmp_path: Path, models_dir: Path) -> None:
    inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
    scanner = Scanner(MusicConfig(folders=(str(music),)), tmp_path / "data", models_dir, inbox.put, FakeAnalyser())
    origin = Origin("page")
    with closing(scanner):
        scanner.start()

        def wait(fits: Callable[[Event], bool]) -> Event:
            return next(event for event in iter(lambda: inbox.get(timeout=60), None) if fits(event))

        wait(lambda event: isinstance(event, LibraryLoaded) and len(event.tracks) == 3)
        scanner.change_playlist(ChangePlaylist("Mix", (uri_of(os.fsencode(music / "one.wav")),), origin))
        wait(lambda event: isinstance(event, LibraryLoaded) and len(event.playlists.get("Mix", ())) == 1)
        assert wait(lambda event: isinstance(event, PlaylistChanged)) == PlaylistChanged(origin)
        scanner.change_playlist(ChangePlaylist("a/b", (), origin))
        refused = wait(lambda event: isinstance(event, Misunderstood))
        assert refused == Misunderstood(origin, "The name of a playlist has no / and does not begin with a dot.")
        scanner.change_playlist(ChangePlaylist("Mix", None, origin))
        wait(lambda event: isinstance(event, LibraryLoaded) and not event.playlists)
        assert wait(lambda event: isinstance(event, PlaylistChanged)) == PlaylistChanged(origin)
