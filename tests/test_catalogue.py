"""The catalogue finds what can be played, names what cannot, reads nothing twice, and survives damaged disks."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

import audio
import mutagen
import pytest
from mutagen import id3

from device.domain import MOOD_AFFECT, Affect, LibraryLoaded, MoodName, MoodOrigin
from device.errors import LibraryError
from device.music.library.browse.browser import Browser
from device.music.library.catalogue import Catalogue
from device.music.library.legacy import key_of as legacy_key_of
from device.music.library.sql.catalogue_file import NAME
from device.music.library.sql.database import Database
from device.music.metadata import fingerprint, reader, tags
from device.music.metadata.fingerprint import key_of
from device.music.track_mood import FEATURE_BYTES, TrackMood
from device.music.workers.tag_client import read_here


def open_here(folder: Path) -> Catalogue:
    """Without the process that reads tags; test_tag_client.py tests that."""
    return Catalogue.open(folder, read_here)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def database(data: Path) -> Iterator[Catalogue]:
    opened = open_here(data)
    yield opened
    opened.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose tags were read."""
    names: list[str] = []
    real = reader.read_tags

    def read(path: Path) -> tags.Tags:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(reader, "read_tags", read)
    return names


def song(path: Path, hz: float = 440.0, **frames: str) -> Path:
    """A short file whose content is as unlike others as its pitch."""
    audio.tone(path, 0.1, hz)
    if frames:
        file = mutagen.File(path)
        file.add_tags()
        for name, text in frames.items():
            file.tags.add(getattr(id3, name)(text=[text]))
        file.save()
    return path


def names(library: LibraryLoaded) -> list[str]:
    return [os.path.basename(unquote_to_bytes(track.uri)).decode("utf-8", "replace") for track in library.tracks]


def test_moods_come_from_folders_then_from_tags(database: Catalogue, music: Path) -> None:
    song(music / "plain.wav", 100)
    song(music / "tagged.wav", 200, TMOO="Angry", TIT2="Loud", TPE1="They", TALB="First")
    song(music / "Happy" / "Abba" / "01 - in_folder.wav", 300, TMOO="Sad")
    plain, tagged, in_folder = sorted(database.scan([music]).tracks, key=lambda track: track.origin != "unknown")
    if tagged.origin is MoodOrigin.FOLDER:
        tagged, in_folder = in_folder, tagged
    assert (plain.mood, plain.origin, plain.affect) == (MoodName.NEUTRAL, MoodOrigin.UNKNOWN, Affect(0.0, 0.0))
    assert (tagged.mood, tagged.origin, tagged.affect) == (
        MoodName.ANGRY,
        MoodOrigin.TAG,
        MOOD_AFFECT[MoodName.ANGRY],
    )
    assert (tagged.title, tagged.artist, tagged.album) == ("Loud", "They", "First")
    assert (in_folder.mood, in_folder.origin, in_folder.title) == (MoodName.HAPPY, MoodOrigin.FOLDER, "in folder")
    assert in_folder.duration_s == pytest.approx(0.1)


def test_the_music_folder_itself_may_be_named_after_a_mood(database: Catalogue, tmp_path: Path) -> None:
    song(tmp_path / "calm" / "a.wav")
    assert database.scan([tmp_path / "calm"]).tracks[0].mood is MoodName.CALM


def test_folders_above_the_music_folder_say_nothing(database: Catalogue, tmp_path: Path) -> None:
    song(tmp_path / "sad" / "music" / "a.wav")
    assert database.scan([tmp_path / "sad" / "music"]).tracks[0].origin is MoodOrigin.UNKNOWN


def test_several_folders_and_one_within_another(database: Catalogue, music: Path, tmp_path: Path) -> None:
    song(music / "sub" / "a.wav", 100)
    song(tmp_path / "other" / "b.wav", 200)
    assert sorted(names(database.scan([music, music / "sub", tmp_path / "other"]))) == ["a.wav", "b.wav"]


def test_only_what_is_new_or_changed_is_read_again(
    database: Catalogue, music: Path, data: Path, reads: list[str]
) -> None:
    a, b = song(music / "a.wav", 100), song(music / "b.wav", 200)
    first = database.scan([music])
    assert reads == ["a.wav", "b.wav"]
    assert database.scan([music]) == first
    assert reads == ["a.wav", "b.wav"]
    song(b, 300)
    os.utime(b, ns=(1, 1))
    (music / "c.wav").write_bytes(a.read_bytes()[:-4])
    database.scan([music])
    assert reads == ["a.wav", "b.wav", "b.wav", "c.wav"]
    database.close()
    again = open_here(data)
    assert len(again.scan([music]).tracks) == 3
    assert len(reads) == 4
    again.close()


def test_load_answers_without_the_disk(database: Catalogue, music: Path, data: Path) -> None:
    song(music / "calm" / "a.wav")
    scanned = database.scan([music])
    database.close()
    shutil.rmtree(music)
    again = open_here(data)
    assert again.load() == scanned
    again.close()


def test_a_new_catalogue_is_empty(database: Catalogue) -> None:
    assert database.load() == LibraryLoaded(())


def test_a_drive_that_is_pulled_out_and_back(
    database: Catalogue, music: Path, tmp_path: Path, reads: list[str]
) -> None:
    drive = tmp_path / "drive"
    song(music / "a.wav", 100)
    song(drive / "b.wav", 200)
    database.scan([music, drive])
    drive.rename(tmp_path / "pulled")
    without = database.scan([music, drive])
    assert names(without) == ["a.wav"]
    assert any("plug in its disk" in problem for problem in without.problems)
    assert names(database.load()) == ["a.wav"]
    (tmp_path / "pulled").rename(drive)
    back = database.scan([music, drive])
    assert len(back.tracks) == 2
    assert back.problems == ()
    assert reads == ["b.wav", "a.wav"] or reads == ["a.wav", "b.wav"]


def test_a_moved_file_keeps_its_key_and_takes_the_new_folders_mood(database: Catalogue, music: Path) -> None:
    song(music / "sad" / "a.wav")
    before = database.scan([music]).tracks[0]
    (music / "happy").mkdir()
    (music / "sad" / "a.wav").rename(music / "happy" / "b.wav")
    after = database.scan([music]).tracks[0]
    assert after.key == before.key
    assert (before.mood, after.mood) == (MoodName.SAD, MoodName.HAPPY)


def test_a_renamed_mood_folder_counts_at_once(database: Catalogue, music: Path) -> None:
    song(music / "stuff" / "a.wav")
    database.scan([music])
    (music / "stuff").rename(music / "tense")
    assert database.scan([music]).tracks[0].mood is MoodName.TENSE


def test_the_same_content_twice_is_one_track(database: Catalogue, music: Path) -> None:
    song(music / "a.wav")
    (music / "calm").mkdir()
    shutil.copy(music / "a.wav", music / "calm" / "b.wav")
    (track,) = database.scan([music]).tracks
    assert track.origin is MoodOrigin.FOLDER


def test_keys_tell_contents_apart(tmp_path: Path) -> None:
    big = bytes(300_000)
    cases = [b"", b"a", b"b", big, big + b"\0", b"x" + big[1:], big[:-1] + b"x"]
    keys = set()
    for content in cases:
        (tmp_path / "f").write_bytes(content)
        keys.add(key_of(os.fsencode(tmp_path / "f")))
    assert len(keys) == len(cases)


@pytest.mark.parametrize("name", ["Ünï 音楽 🎵.wav", "100% #1?;.wav", b"no utf-8 \xff\xfe \xe4.wav"])
def test_any_file_name_survives(data: Path, music: Path, name: str | bytes) -> None:
    raw = os.path.join(os.fsencode(music), b"calm", os.fsencode(name))
    song(Path(os.fsdecode(raw)))
    first = open_here(data)
    (track,) = first.scan([music]).tracks
    first.close()
    assert unquote_to_bytes(track.uri.removeprefix("file://")) == raw
    assert track.uri.isascii()
    assert track.mood is MoodName.CALM
    track.title.encode()  # no halves of surrogates
    again = open_here(data)
    assert again.load().tracks == (track,)
    again.close()


@pytest.mark.parametrize("suffix", ["mp3", "FLAC", "ogg", "oga", "opus", "m4a", "aac", "wav", "aif", "aiff", "wma"])
def test_suffixes_in_any_case_are_looked_at(database: Catalogue, music: Path, suffix: str) -> None:
    song(music / f"a.{suffix}")
    assert len(database.scan([music]).tracks) == 1


def test_what_is_not_named_like_music_or_hidden_is_passed_over(database: Catalogue, music: Path) -> None:
    song(music / "._a.wav")
    song(music / ".trash" / "b.wav")
    (music / "cover.jpg").write_bytes(b"\xff\xd8")
    (music / "notes.txt").write_text("x")
    (music / "folder.mp3").mkdir()
    (music / "dead.mp3").symlink_to(music / "nowhere")
    os.mkfifo(music / "pipe.mp3")  # opening it would wait for ever
    found = database.scan([music])
    assert (found.tracks, found.notes) == ((), ())


def test_bad_files_are_named_once_and_not_read_again(database: Catalogue, music: Path, reads: list[str]) -> None:
    song(music / "good.wav")
    (music / "empty.mp3").write_bytes(b"")
    (music / "text.mp3").write_text("a letter\n" * 100)
    (music / "cut.wav").write_bytes((music / "good.wav").read_bytes()[:30])
    audio.flac(music / "flac.mp3")
    found = database.scan([music])
    assert sorted(names(found)) == ["flac.mp3", "good.wav"]
    assert found.problems == (), "some damaged files among others are no problem of the library"
    assert len(found.notes) == 3
    for name in ("empty.mp3", "text.mp3", "cut.wav"):
        assert sum(name in note for note in found.notes) == 1
    count = len(reads)
    assert database.scan([music]).notes == found.notes
    assert len(reads) == count
    song(music / "text.mp3", 500)  # repaired
    assert len(database.scan([music]).tracks) == 3


def test_a_file_that_may_not_be_read_is_tried_again(
    database: Catalogue, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song(music / "a.wav")

    def forbidden(path: bytes) -> str:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(fingerprint, "key_of", forbidden)
        found = database.scan([music])
    assert found.tracks == ()
    assert "permission denied" in found.problems[0]
    assert len(database.scan([music]).tracks) == 1


def test_links_are_followed_but_loops_are_not(database: Catalogue, music: Path, tmp_path: Path) -> None:
    song(tmp_path / "elsewhere" / "a.wav")
    (music / "link").symlink_to(tmp_path / "elsewhere")
    (music / "again").symlink_to(tmp_path / "elsewhere")
    (music / "loop").symlink_to(music)
    (tmp_path / "elsewhere" / "up").symlink_to(music)
    assert names(database.scan([music])) == ["a.wav"]


def test_a_missing_folder_is_a_problem(database: Catalogue, tmp_path: Path) -> None:
    problem, empty = database.scan([tmp_path / "nowhere"]).problems
    assert "There is no music" in empty
    assert "nowhere" in problem
    assert "music.folders" in problem


def test_progress_counts_every_file_that_is_read(database: Catalogue, music: Path) -> None:
    for n in range(3):
        song(music / f"{n}.wav", 100 + n)
    for expected in ([(0, 3), (1, 3), (2, 3), (3, 3)], [(0, 0)]):  # the second time there is nothing to be read
        steps: list[tuple[int, int | None]] = []
        database.scan([music], lambda done, total: steps.append((done, total)))  # noqa: B023
        assert steps == [(0, None), *expected]


# --- What people say ---


def test_a_correction_wins_over_folder_and_tag_and_follows_the_file(
    database: Catalogue, music: Path, data: Path
) -> None:  # fmt: skip
    path = song(music / "sad" / "a.wav", TMOO="Happy")
    (track,) = database.scan([music]).tracks
    database.correct(track.key, MoodName.EXCITED)
    (now,) = database.load().tracks
    assert (now.mood, now.origin, now.affect) == (MoodName.EXCITED, MoodOrigin.USER, MOOD_AFFECT[MoodName.EXCITED])
    file = mutagen.File(path)
    file.tags.add(id3.TIT2(text=["New title"]))
    file.save()
    (music / "calm").mkdir()
    path.rename(music / "calm" / "b.wav")
    database.close()
    again = open_here(data)
    (later,) = again.scan([music]).tracks
    assert (later.key, later.title, later.mood, later.origin) == (
        track.key, "New title", MoodName.EXCITED, MoodOrigin.USER,
    )  # fmt: skip
    again.correct(track.key, None)
    assert (again.load().tracks[0].mood, again.load().tracks[0].origin) == (MoodName.CALM, MoodOrigin.FOLDER)
    again.close()


def test_a_correction_of_what_is_not_there_is_kept_for_later(database: Catalogue, music: Path, tmp_path: Path) -> None:
    song(music / "a.wav")
    (track,) = database.scan([music]).tracks
    music.rename(tmp_path / "away")
    assert database.scan([music]).tracks == ()
    database.correct(track.key, MoodName.SAD)
    assert database.load().tracks == ()
    (tmp_path / "away").rename(music)
    assert database.scan([music]).tracks[0].mood is MoodName.SAD


def test_the_old_path_of_a_moved_file_is_forgotten(database: Catalogue, music: Path) -> None:
    song(music / "a.wav", 100)
    song(music / "deleted.wav", 200)
    database.scan([music])
    (music / "a.wav").rename(music / "b.wav")
    (music / "deleted.wav").unlink()
    database.scan([music])
    paths = [os.path.basename(row[0]) for row in database._database.known()]
    assert paths == [b"b.wav", b"deleted.wav"], "what was deleted may come back"


def test_files_that_go_while_they_are_read_are_no_problem(database: Catalogue, music: Path) -> None:
    for n in range(3):
        song(music / f"{n}.wav", 100 + n)

    def pull(done: int, total: int) -> None:
        if done == 1:
            (music / "1.wav").unlink(missing_ok=True)

    assert database.scan([music], pull).problems == ()
    assert names(database.load()) == ["0.wav", "2.wav"]


# --- Catalogues of the first format ---

FORMAT_1 = """
CREATE TABLE files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, key TEXT, title TEXT, artist TEXT, album TEXT,
    duration_s REAL, tag_mood TEXT, folder_mood TEXT, problem TEXT, present INTEGER
) WITHOUT ROWID
"""


def write_format_1(data: Path, paths: list[Path]) -> dict[str, str]:
    """A catalogue as the first release left it; the keys by file name."""
    data.mkdir(exist_ok=True)
    keys = {}
    with sqlite3.connect(data / NAME) as db:
        db.execute(FORMAT_1)
        for path in paths:
            status, raw = path.stat(), os.fsencode(path)
            keys[path.name] = legacy_key_of(raw, status.st_size)
            facts = (status.st_size, status.st_mtime_ns, keys[path.name], "Old title", "", "", 0.1, None, None, "", 1)
            db.execute(f"INSERT INTO files VALUES ({','.join('?' * 12)})", (raw, *facts))
        db.execute("PRAGMA user_version = 1")
    db.close()
    return keys


def test_history_goes_on_after_an_upgrade_and_after_a_tag_edit_then(data: Path, music: Path) -> None:
    kept, moved = song(music / "kept.wav", 100), song(music / "moved.wav", 200)
    keys = write_format_1(data, [kept, moved])
    moved.rename(music / "elsewhere.wav")
    opened = open_here(data)
    assert {track.title for track in opened.load().tracks} == {"Old title"}, "playable before anything is read"
    found = {os.path.basename(track.uri): track for track in opened.scan([music]).tracks}
    assert {name: track.key for name, track in found.items()} == {
        "kept.wav": keys["kept.wav"], "elsewhere.wav": keys["moved.wav"],
    }  # fmt: skip
    assert found["kept.wav"].title == "kept", "read anew"
    file = mutagen.File(kept)
    file.add_tags()
    file.tags.add(id3.TIT2(text=["Edited"]))
    file.save()
    kept.rename(music / "renamed.wav")
    assert {track.key for track in opened.scan([music]).tracks} == set(keys.values())
    opened.close()


FORMAT_2 = (
    """CREATE TABLE files (
    path BLOB PRIMARY KEY, place INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    key TEXT NOT NULL, uri TEXT NOT NULL, title TEXT NOT NULL, artist TEXT NOT NULL, album TEXT NOT NULL,
    duration_s REAL NOT NULL, tag_mood TEXT, folder_mood TEXT, gain_db REAL, peak REAL,
    problem TEXT NOT NULL, present INTEGER NOT NULL, former INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX files_by_key ON files (key)",
    "CREATE INDEX bad_files ON files (path) WHERE problem != ''",
    "CREATE TABLE places (id INTEGER PRIMARY KEY, top BLOB NOT NULL UNIQUE, present INTEGER NOT NULL) STRICT",
    """CREATE TABLE sounds (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, problem TEXT NOT NULL, valence REAL NOT NULL, arousal REAL NOT NULL,
    uncertainty REAL NOT NULL, tempo_bpm REAL NOT NULL, features BLOB NOT NULL, loudness_lufs REAL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX unheard ON sounds (key) WHERE problem != ''",
    "CREATE TABLE words (key TEXT PRIMARY KEY, mood TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE aliases (alias TEXT PRIMARY KEY, key TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "INSERT INTO places VALUES (0, x'', 1)",
    "PRAGMA user_version = 2",
)


def write_format_2(data: Path, path: Path, title: str) -> str:
    """A catalogue as the second release left it, with an analysis, a user's mood and an alias; the file's key."""
    data.mkdir(exist_ok=True)
    raw, status = os.fsencode(path), path.stat()
    key = "the key before an upgrade"
    with sqlite3.connect(data / NAME) as db:
        for statement in FORMAT_2:
            db.execute(statement)
        db.execute("INSERT INTO places VALUES (7, ?, 1)", (os.path.join(os.fsencode(path.parent), b""),))
        row = (raw, 7, status.st_size, status.st_mtime_ns, key, path.as_uri(), title, "", "", 0.1)
        db.execute("INSERT INTO files VALUES (?,?,?,?,?,?,?,?,?,?,NULL,NULL,NULL,NULL,'',1,0)", row)
        db.execute("INSERT INTO sounds VALUES (?, 'model', '', -0.5, 0.5, 0.3, 90.0, x'0102', -12.0)", (key,))
        db.execute("INSERT INTO words VALUES (?, 'excited')", (key,))
        db.execute("INSERT INTO aliases VALUES (?, ?)", (key_of(raw), key))
    db.close()
    return key


def test_what_people_said_and_the_model_found_survives_the_upgrade_from_format_2(
    data: Path, music: Path, reads: list[str]
) -> None:
    path = song(music / "a.wav")
    key = write_format_2(data, path, "Title of then")
    opened = open_here(data)
    (track,) = opened.load().tracks
    assert (track.key, track.title, track.mood, track.origin, track.tempo_bpm) == (
        key, "Title of then", MoodName.EXCITED, MoodOrigin.USER, 90.0,
    )  # fmt: skip
    (now,) = opened.scan([music]).tracks
    assert (now.key, now.mood, now.origin, now.tempo_bpm) == (key, MoodName.EXCITED, MoodOrigin.USER, 90.0)
    assert (now.title, reads) == ("a", ["a.wav"]), "lengths and gains are read better today"
    opened.scan([music])
    assert len(reads) == 1
    opened.close()
    again = open_here(data)
    assert again.load().problems == ()
    path.rename(music / "b.wav")
    assert again.scan([music]).tracks[0].key == key
    assert again.count_analysed("model") == (1, 1)
    assert path.with_name("b.wav").exists()
    again.close()


def forget_doubts(db: sqlite3.Connection, names: Sequence[str] = ("doubt", "moved_valence", "moved_arousal")) -> None:
    """Leave out what format 5 did not know of analyses."""
    db.execute("DROP INDEX doubtful_analyses")
    for name in names:
        db.execute(f"ALTER TABLE analyses DROP COLUMN {name}")


@pytest.mark.parametrize("version", [5, 6])
def test_formats_5_and_6_are_upgraded_and_tracks_keep_their_moods(
    data: Path, music: Path, reads: list[str], version: int
) -> None:
    song(music / "a.wav")
    opened = open_here(data)
    (track,) = opened.scan([music]).tracks
    mood = TrackMood(Affect(-0.6, -0.4), 0.3, (0.1, 0.1, 0.7, 0.1), 80.0, bytes(FEATURE_BYTES), -12.0)
    opened.analysed(track.key, "the model of then", mood)
    opened.close()
    with sqlite3.connect(data / NAME) as db:
        forget_doubts(db, ("doubt",) if version == 6 else ("doubt", "moved_valence", "moved_arousal"))
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    reads.clear()
    again = open_here(data)
    (now,) = again.scan([music]).tracks
    assert (now.mood, now.origin, reads) == (MoodName.SAD, MoodOrigin.MODEL, [])
    assert again.pending("the model of today") == [(track.key, music / "a.wav")], "analysed again, quietly"
    again.close()


def test_format_3_is_upgraded_in_place_and_its_files_are_read_again(data: Path, music: Path, reads: list[str]) -> None:
    song(music / "a.wav")
    opened = open_here(data)
    (track,) = opened.scan([music]).tracks
    opened.correct(track.key, MoodName.TENSE)
    opened.close()
    with sqlite3.connect(data / NAME) as db:  # what format 3 did not know
        for kind, name in db.execute("SELECT type, name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP {kind} {name}")
        for name in ("files_by_artist", "files_by_album", "files_by_album_artist"):
            db.execute(f"DROP INDEX {name}")
        for name in ("entries", "search", "playlists", "playlist_entries"):
            db.execute(f"DROP TABLE {name}")
        for name in ("album_artist", "genre", "number", "rating"):
            db.execute(f"ALTER TABLE files DROP COLUMN {name}")
        forget_doubts(db)
        db.execute("PRAGMA user_version = 3")
    db.close()
    again = open_here(data)
    assert again.load().problems == ()
    assert [(one.key, one.mood) for one in again.load().tracks] == [(track.key, MoodName.TENSE)]
    assert [one.key for one in Browser(data).search("a").tracks] == [track.key], "also before the scan"
    reads.clear()
    assert again.scan([music]).tracks[0].mood is MoodName.TENSE
    again.scan([music])
    assert reads == ["a.wav"], "its tags say more today"
    again.close()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_old_catalogue_without_its_tables_is_set_aside(data: Path, music: Path, version: int) -> None:
    song(music / "a.wav")
    data.mkdir()
    with sqlite3.connect(data / NAME) as db:
        db.execute("CREATE TABLE files (something TEXT)")
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    opened = open_here(data)
    assert len(opened.scan([music]).tracks) == 1
    assert "broken-1" in opened.load().problems[0]
    opened.close()


def test_a_row_that_cannot_be_kept_does_not_cost_the_catalogue(data: Path) -> None:
    """A defect of ours ends the program; it must not throw away what people said."""
    kept = Database(data)
    kept.save_user_mood("key", MoodName.CALM)
    with pytest.raises(sqlite3.IntegrityError):
        kept._sql.write("INSERT INTO user_moods VALUES (?, NULL)", [("other",)])
    assert kept._sql.all("SELECT key FROM user_moods") == [("key",)]
    assert (kept.problem, [path.name for path in data.glob("*broken*")]) == ("", [])
    kept.close()


def test_a_catalogue_of_a_newer_program_is_not_overwritten(data: Path) -> None:
    data.mkdir()
    with sqlite3.connect(data / NAME) as db:
        db.execute("PRAGMA user_version = 99")
        db.execute("CREATE TABLE words (precious TEXT)")
    db.close()
    opened = open_here(data)
    assert "newer version" in opened.load().problems[0]
    opened.close()
    with sqlite3.connect(data / f"{NAME}.broken-1") as db:
        assert db.execute("SELECT * FROM words").fetchall() == []
    db.close()


# --- What happens to disks --------------------------------------------------------------------------------------


def damage_header(path: Path) -> None:
    path.write_bytes(b"this is no database" * 500)


def damage_pages(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    path.write_bytes(raw)


def damage_rows(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE files SET folder_mood = 'elated'")
    db.close()


@pytest.mark.parametrize("damage", [damage_header, damage_pages, damage_rows])
def test_a_damaged_catalogue_is_moved_aside_and_made_anew(data: Path, music: Path, damage: object) -> None:
    assert callable(damage)
    for n in range(40):
        song(music / f"{n}.wav", 100 + n)
    first = open_here(data)
    first.scan([music])
    first.close()
    damage(data / NAME)
    again = open_here(data)
    assert again.load().tracks == ()
    found = again.scan([music])
    again.close()
    assert len(found.tracks) == 40
    assert any("broken-1" in problem for problem in found.problems)
    assert (data / f"{NAME}.broken-1").exists()
    third = open_here(data)
    assert len(third.load().tracks) == 40
    assert third.load().problems == ()
    third.close()


def test_broken_catalogues_do_not_overwrite_one_another(data: Path) -> None:
    for n in (1, 2):
        data.mkdir(exist_ok=True)
        damage_header(data / NAME)
        open_here(data).close()
        assert (data / f"{NAME}.broken-{n}").exists()


def test_where_nothing_can_be_written_the_music_is_found_all_the_same(tmp_path: Path, music: Path) -> None:
    song(music / "a.wav")
    (tmp_path / "file").write_text("in the way")
    opened = open_here(tmp_path / "file")
    found = opened.scan([music])
    opened.close()
    assert len(found.tracks) == 1
    assert any("cannot be used" in problem for problem in found.problems)


def test_a_full_disk_loses_only_the_memory(data: Path, music: Path) -> None:
    """A real limit on the file's size: SQLite then says "database or disk is full"."""
    for n in range(60):
        song(music / f"{n} {'x' * 150}.wav", 100 + n)
    opened = open_here(data)
    opened.scan([music / "0.wav"])
    (pages,) = opened._database._sql.db.execute("PRAGMA page_count").fetchone()
    opened._database._sql.db.execute(f"PRAGMA max_page_count = {pages}")
    found = opened.scan([music])
    assert len(found.tracks) == 60
    assert any("full" in problem and "free some space" in problem for problem in found.problems)
    opened.close()
    again = open_here(data)
    assert again.load().problems == ()
    assert len(again.scan([music]).tracks) == 60
    again.close()


def test_a_disk_that_fails_at_reading_and_writing_loses_only_the_memory(data: Path) -> None:
    class Failing(sqlite3.Connection):
        def executemany(self, *_: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("disk I/O error")

        def backup(self, *_: object, **__: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

    kept = Database(data)
    kept._sql.db.close()
    kept._sql.db = sqlite3.connect(data / NAME, factory=Failing)
    kept.save_user_mood("key", MoodName.CALM)
    assert kept._sql.all("SELECT key FROM user_moods") == [("key",)]
    assert "disk I/O error" in kept.problem
    kept.close()


def test_a_catalogue_that_another_program_holds_is_a_library_error(data: Path) -> None:
    kept, other = Database(data), sqlite3.connect(data / NAME)
    kept._sql.db.execute("PRAGMA busy_timeout = 1")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LibraryError, match="Another program"):
        kept.save_user_mood("key", MoodName.CALM)
    other.rollback()
    kept.save_user_mood("key", MoodName.CALM)
    assert kept.problem == ""
    kept.close()
    other.close()


def test_another_version_is_made_anew(data: Path, music: Path) -> None:
    song(music / "a.wav")
    data.mkdir()
    with sqlite3.connect(data / NAME) as db:
        db.execute("CREATE TABLE files (something TEXT)")
        db.execute("PRAGMA user_version = 99")
    db.close()
    opened = open_here(data)
    assert len(opened.scan([music]).tracks) == 1
    opened.close()


def test_nothing_is_written_when_nothing_changed(data: Path, music: Path) -> None:
    song(music / "a.wav")
    opened = open_here(data)
    opened.scan([music])
    before = opened._database._sql.db.total_changes
    opened.scan([music])
    assert opened._database._sql.db.total_changes == before
    opened.close()


def test_a_real_library_is_read(tmp_path: Path, shared_dir: Path) -> None:
    opened = open_here(tmp_path)
    found = opened.scan([shared_dir / "data" / "music"])
    opened.close()
    assert len(found.tracks) > 700
    assert all(track.duration_s > 10 for track in found.tracks)
    assert found.problems == ()
