"""Search and lists over the library: what people type finds what they mean, and the scanner is never in the way."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from device.domain import MoodName, MoodOrigin
from device.domain.library import Artist, Selection
from device.music.library.browse.browser import Browser
from device.music.library.browse.kept import Kept
from device.music.library.browse.names import Group, Names
from device.music.library.files.found import Root
from device.music.library.fold import fold, indexed, words_of
from device.music.library.sql.catalogue_file import NAME
from device.music.library.sql.database import Database
from device.music.library.sql.rows import AnalysisRow, FileRow
from device.music.uri import uri_of

MUSIC = Root(b"/music", b"/")
DRIVE = Root(b"/drive", b"/drive")

FILES = (  # path below /music, title, artist, album, album artist, number
    ("Beatles/Help/02.mp3", "Yesterday", "The Beatles", "Help!", "", 2),
    ("Beatles/Help/01.mp3", "Help!", "The Beatles", "Help!", "", 1),
    ("Beatles/One/01.mp3", "Day Tripper", "The Beatles", "1", "", 1),
    ("Rock/acdc.mp3", "T.N.T.", "AC/DC", "High Voltage", "", 3),
    ("Rock/sigur.mp3", "Hoppípolla", "Sigur Rós", "Takk…", "", 3),
    ("Rock/motor.mp3", "Don’t Need Religion", "Motörhead", "Iron Fist", "", 2),
    ("Japan/1.mp3", "東京ナイト", "Señor 音楽", "Ærø", "", 1),
    ("Mix/a.mp3", "First", "One", "Summer", "", 1),
    ("Mix/b.mp3", "Second", "Two", "Summer", "", 2),
    ("Mix/c.mp3", "Third", "Three", "Summer", "", 3),
    ("Duo/a.mp3", "Alone", "Anna", "Letters", "Anna", 1),
    ("Duo/b.mp3", "Together", "Anna feat. Bob", "Letters", "Anna", 1002),
    ("happy/Straße.mp3", "Große Straße", "", "", "", 0),
)


def file_row(path: bytes, key: str, root: int, *names: str, number: int = 0, mood: MoodName | None = None) -> FileRow:
    title, artist, album, album_artist = names
    return FileRow(
        path, root, 0, 1, 1, 5, key, uri_of(path), title, artist, album, 100.0, None, mood, None, None,
        album_artist=album_artist, number=number,
    )  # fmt: skip


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path)) as database:
        database.save_roots([MUSIC, DRIVE], ())
        (home, _), (away, _) = database.roots()[MUSIC], database.roots()[DRIVE]
        rows = []
        for number, (path, title, artist, album, owner, place) in enumerate(FILES):
            mood = MoodName.HAPPY if path.startswith("happy") else None
            raw = b"/music/" + os.fsencode(path)
            rows.append(file_row(raw, f"key{number}", home, title, artist, album, owner, number=place, mood=mood))
        rows.append(file_row(b"/drive/copy.mp3", "key0", away, "Yesterday", "The Beatles", "Help!", "", number=2))
        rows.append(file_row(b"/drive/new.mp3", "drive", away, "Only on the drive", "Stick", "", ""))
        database.save_files(rows)
        database.save_analyses([AnalysisRow("key1", "m", "", 0.7, 0.7), AnalysisRow("key2", "m", "broken")])
        yield database


@pytest.fixture
def browser(tmp_path: Path, written: Database) -> Iterator[Browser]:
    with closing(Browser(tmp_path, fresh_s=0.0)) as opened:
        yield opened


def titles(browser: Browser, words: str, limit: int = 50) -> list[str]:
    return [track.title for track in browser.search(words, limit).tracks]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("yest", ["Yesterday"]),
        ("YESTERDAY beatles", ["Yesterday"]),
        ("beat yes", ["Yesterday"]),
        ("hoppipolla", ["Hoppípolla"]),
        ("sigur ros", ["Hoppípolla"]),
        ("motorhead", ["Don’t Need Religion"]),
        ("motörh", ["Don’t Need Religion"]),
        ("dont need", ["Don’t Need Religion"]),
        ("don't need", ["Don’t Need Religion"]),
        ("acdc", ["T.N.T."]),
        ("ac/dc", ["T.N.T."]),
        ("tnt", ["T.N.T."]),
        ("strasse", ["Große Straße"]),
        ("große", ["Große Straße"]),
        ("東京", ["東京ナイト"]),
        ("京", ["東京ナイト"]),
        ("senor", ["東京ナイト"]),
        ("aero", ["東京ナイト"]),
        ("japan", ["東京ナイト"]),  # a folder
        ("music", []),  # the folder of all music says nothing
        ("esterday", []),  # words begin so; they do not contain it
        ("", []),
        ("  !?* ", []),
        ('"', []),
        ("help OR yesterday", []),  # words, no language
        ("title:help", []),
        ("help*", ["Help!", "Yesterday"]),
    ],
)
def test_what_people_type_finds_what_they_mean(browser: Browser, words: str, found: list[str]) -> None:
    assert titles(browser, words) == found


def test_titles_come_before_albums_and_content_comes_once(browser: Browser) -> None:
    assert titles(browser, "help") == ["Help!", "Yesterday"]
    assert titles(browser, "help", 1) == ["Help!"]
    assert titles(browser, "help", 0) == []


def test_artists_and_albums_are_found_too(browser: Browser) -> None:
    hits = browser.search("bea")
    assert hits.artists == (Artist("The Beatles", 4),)
    assert {album.name for album in hits.albums} == {"Help!", "1"}
    assert [album.name for album in browser.search("help").albums] == ["Help!"]


def test_every_word_of_hostile_length_is_only_a_word(browser: Browser) -> None:
    assert titles(browser, "x" * 100_000) == []
    assert titles(browser, "yesterday " * 10_000) == ["Yesterday"]
    assert titles(browser, "\x00\ud800 NEAR(") == []


def test_a_change_is_found_at_once(browser: Browser, written: Database) -> None:
    (home, _) = written.roots()[MUSIC]
    path = b"/music/Beatles/Help/02.mp3"
    written.save_files([file_row(path, "key0", home, "Gestern", "The Beatles", "Help!", "")])
    assert titles(browser, "gestern") == ["Gestern"]
    written.save_roots([], [DRIVE])
    assert titles(browser, "yesterday") == []
    assert titles(browser, "only on") == []
    written.save_absent([path])
    assert titles(browser, "gestern") == []
    written.save_roots([DRIVE], [])
    assert titles(browser, "only on") == ["Only on the drive"]
    written.save_files([file_row(b"/music/x/moved.mp3", "key0", home, "Gestern", "", "", "")])
    written.drop_moved()
    assert [track.uri for track in browser.search("gestern").tracks] == ["file:///music/x/moved.mp3"]
    counts = [written._sql.all(f"SELECT count(*) FROM {table}") for table in ("entries", "search", "files")]
    assert counts[0] == counts[1] == counts[2]


def test_artists_sort_without_articles_and_accents(browser: Browser) -> None:
    listed = browser.artists(0, 100)
    names = [artist.name for artist in listed.items]
    assert listed.total == len(names)
    assert names.index("AC/DC") < names.index("Anna") < names.index("The Beatles") < names.index("Motörhead")
    assert browser.artists(2, 3).items == listed.items[2:5]
    assert browser.artists(1000).items == ()
    assert browser.artists(-5, 2).items == listed.items[:2]


def test_albums_have_one_artist_or_are_compilations(browser: Browser) -> None:
    albums = {(album.name, album.artist): album.tracks for album in browser.albums(limit=100).items}
    assert albums["Letters", "Anna"] == 2
    assert albums["Summer", ""] == 3
    assert albums["Help!", "The Beatles"] == 3, "a file on the drive has the same content"
    assert [album.name for album in browser.albums("Anna feat. Bob").items] == ["Letters"]
    assert [album.name for album in browser.albums("Two").items] == ["Summer"]
    assert browser.albums("Nobody").items == ()


def test_two_albums_of_one_name_stay_two() -> None:
    groups = [Group("Greatest Hits", "", artist, 15) for artist in ("Abba", "Queen", "Blur")]
    assert [album.artist for album in Names(groups).albums] == ["Abba", "Blur", "Queen"]


def test_tracks_of_an_artist_an_album_a_folder_and_a_mood(browser: Browser) -> None:
    def of(selection: Selection, offset: int = 0, limit: int = 50) -> list[str]:
        return [track.title for track in browser.tracks(selection, offset, limit).items]

    assert of(Selection(artist="The Beatles")) == ["Day Tripper", "Help!", "Yesterday"]
    assert of(Selection(artist="The Beatles", album="Help!")) == ["Help!", "Yesterday"]
    assert of(Selection(artist="", album="Summer")) == ["First", "Second", "Third"]
    assert of(Selection(artist="Anna")) == ["Alone", "Together"]
    assert of(Selection(artist="Anna", album="Letters")) == ["Alone", "Together"]
    assert of(Selection(folder="file:///music/Beatles")) == ["Help!", "Yesterday", "Day Tripper"]
    assert of(Selection(folder="file:///music/Beatles"), 1, 1) == ["Yesterday"]
    assert browser.tracks(Selection(folder="file:///music/Beatles"), 1, 1).total == 3
    assert of(Selection(mood=MoodName.HAPPY)) == ["Große Straße"]
    assert of(Selection(mood=MoodName.EXCITED)) == ["Help!"]
    assert of(Selection(mood=MoodName.EXCITED, folder="file:///music/Rock")) == []
    assert browser.tracks(Selection()).total == len(FILES) + 1
    assert of(Selection(folder="file:///music/Nowhere")) == []
    assert of(Selection(artist="x' OR 1=1 --")) == []


def test_folders_lead_down_to_the_music(browser: Browser) -> None:
    assert [folder.name for folder in browser.folders()] == ["/drive", "/music"]
    inside = [folder.name for folder in browser.folders("file:///music")]
    assert inside == ["Beatles", "Duo", "Japan", "Mix", "Rock", "happy"]
    assert [folder.uri for folder in browser.folders("file:///music/Beatles")] == [
        "file:///music/Beatles/Help",
        "file:///music/Beatles/One",
    ]
    assert browser.folders("file:///music/Beatles/One") == ()


def test_single_tracks(browser: Browser) -> None:
    found = browser.track("key6")
    assert found is not None
    assert (found.title, found.artist) == ("東京ナイト", "Señor 音楽")
    assert browser.track_at(found.uri) == found
    assert browser.track("nothing") is browser.track_at("file:///nothing") is browser.track_at("http://x/") is None


def test_points_are_the_tracks_in_the_plane(browser: Browser) -> None:
    points = browser.points()
    assert len(points) == len(FILES) + 1
    by_title = {}
    for at, number in enumerate(points.numbers):
        track = browser.numbered(number)
        assert track is not None
        assert (points.valence[at], points.arousal[at]) == pytest.approx((track.affect.valence, track.affect.arousal))
        assert tuple(MoodName)[points.moods[at]] is track.mood
        assert tuple(MoodOrigin)[points.origins[at]] is track.origin
        by_title[track.title] = track
    assert by_title["Help!"].origin is MoodOrigin.MODEL
    assert browser.points() is points, "nothing has changed"
    assert sum(browser.moods().values()) == len(points)
    assert browser.moods()[MoodName.HAPPY] == 1
    assert browser.numbered(99_999) is None


def test_names_may_be_a_little_old_while_a_scan_writes(tmp_path: Path, written: Database) -> None:
    (home, _) = written.roots()[MUSIC]
    with closing(Browser(tmp_path)) as browser:
        before = browser.artists().total
        written.save_files([file_row(b"/music/n.mp3", "n", home, "New", "Newcomer", "", "")])
        assert browser.artists().total == before
        assert [track.title for track in browser.search("newcomer").tracks] == ["New"]


def test_a_search_does_not_wait_for_names_and_the_next_one_has_them(tmp_path: Path, written: Database) -> None:
    may_read, reads = threading.Event(), list[int]()

    def read(db: sqlite3.Connection, pace: Callable[[], None]) -> int:
        reads.append(threading.get_ident())
        if len(reads) > 1:
            assert may_read.wait(30)
        return len(reads)

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / NAME, check_same_thread=False)

    (home, _) = written.roots()[MUSIC]
    kept = Kept(read, 0.0, connect)
    with closing(connect()) as db:
        assert (kept.soon(db), kept.soon(db)) == (1, 1), "the first one waits"
        written.save_files([file_row(b"/music/n.mp3", "n", home, "New", "Newcomer", "", "")])
        assert (kept.soon(db), kept.soon(db), reads[1:].count(threading.get_ident())) == (1, 1, 0)
        may_read.set()
        while kept.soon(db) == 1:
            pass
        assert (kept(db), kept.soon(db), len(reads)) == (2, 2, 2), "once for one change"
        kept.forget()
        kept.warm(db)
        assert (kept.soon(db), len(reads)) == (3, 3)


def test_names_that_cannot_be_read_stay_as_they_were(tmp_path: Path, written: Database) -> None:
    with closing(Browser(tmp_path, fresh_s=0.0).warm()) as browser:
        before = browser.search("beatles").artists
        written._sql.write("DROP INDEX files_by_artist", [()])
        written._sql.write("ALTER TABLE files RENAME COLUMN album_artist TO other", [()])
        assert browser.search("beatles").artists == before == (Artist("The Beatles", 4),)
    with closing(Browser(tmp_path / "nowhere").warm()) as browser:
        assert browser.search("a").artists == ()


def test_without_a_database_the_answers_are_empty_until_there_is_one(tmp_path: Path) -> None:
    with closing(Browser(tmp_path / "data")) as browser:
        assert browser.search("a").tracks == browser.folders() == browser.artists().items == ()
        assert browser.tracks(Selection()).total == 0
        assert browser.track("key") is None
        with closing(Database(tmp_path / "data")) as database:
            database.save_roots([MUSIC], ())
            database.save_files([file_row(b"/music/a.mp3", "a", database.roots()[MUSIC][0], "A song", "", "", "")])
            assert titles(browser, "song") == ["A song"]


def test_a_damaged_database_gives_no_answer_and_its_successor_does(tmp_path: Path, browser: Browser) -> None:
    assert titles(browser, "yesterday") == ["Yesterday"]
    (tmp_path / "other").mkdir()
    with closing(Database(tmp_path / "other")) as database:
        database.save_roots([MUSIC], ())
        database.save_files([file_row(b"/music/a.mp3", "a", database.roots()[MUSIC][0], "Fresh", "", "", "")])
    (tmp_path / "junk").write_bytes(b"no database at all" * 1000)
    os.replace(tmp_path / "junk", tmp_path / NAME)
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"{NAME}{suffix}").unlink(missing_ok=True)
    assert browser.search("yesterday").tracks == ()
    os.replace(tmp_path / "other" / NAME, tmp_path / NAME)
    assert titles(browser, "fresh") == ["Fresh"]


def test_another_version_of_the_database_gives_no_answer(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with closing(Browser(tmp_path)) as browser:
        assert browser.artists().total == 0


def ask_from_outside(folder: Path, answers: multiprocessing.Queue[list[str]]) -> None:
    with closing(Browser(folder)) as browser:
        answers.put(titles(browser, "yesterday"))


def test_another_process_asks_while_the_scanner_writes(tmp_path: Path, written: Database) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[list[str]] = context.Queue()
    written._sql.db.execute("BEGIN IMMEDIATE")
    written._sql.db.execute("UPDATE files SET title = 'Tomorrow'")
    process = context.Process(target=ask_from_outside, args=(tmp_path, answers))
    process.start()
    assert answers.get(timeout=60) == ["Yesterday"], "what was saved last"
    process.join(60)
    written._sql.db.execute("ROLLBACK")


def test_threads_share_a_browser(browser: Browser, written: Database) -> None:
    (home, _) = written.roots()[MUSIC]
    wrong: list[object] = []

    def ask() -> None:
        for _ in range(50):
            found = titles(browser, "yesterday")
            if found != ["Yesterday"] or len(browser.points()) < len(FILES):
                wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(50):
        written.save_files([file_row(b"/music/n%d.mp3" % number, f"n{number}", home, "New", "", "", "")])
    for thread in threads:
        thread.join()
    assert wrong == []


def test_folding() -> None:
    assert fold("ÆRØ Señor Straße ｆｕｌｌ Łódź İstanbul") == "aero senor strasse full lodz istanbul"
    assert indexed("AC/DC and R.E.M.").split() == ["ac/dc", "and", "r.e.m.", "acdc", "rem"]
    assert words_of("It's 東京!") == ["its", "東", "京"]
    assert len(words_of("a b c d e f g h i j k")) == 8
