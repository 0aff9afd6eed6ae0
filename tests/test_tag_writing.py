"""Stars and moods written into real files of each format: nothing else changes, history follows, and a cut at any
moment leaves a whole file."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import audio
import mutagen
import pytest
from mutagen import id3

from device import tags as command
from device.config.schema import Config
from device.domain import Affect, Listen, Memory, MoodName, MoodOrigin, Outcome
from device.errors import ConfigError, LibraryError
from device.music.library.catalogue import Catalogue
from device.music.metadata import fingerprint
from device.music.metadata.editing import Fields, Found, Wish, changes, edit, find
from device.music.metadata.reader import read_tags
from device.music.metadata.sound import digest_of
from device.music.track_mood import TrackMood
from device.music.workers.edit_client import EditClient
from device.music.workers.tag_client import read_here
from device.privacy.kept import read_kept
from device.privacy.report import lines
from device.store.database import Store
from device.tags.journal import Journal
from device.tags.plan import candidates, opinions
from device.tags.replacing import COPY, STEPS, replace_file
from device.tags.writing import Editor, Result, TagWriter, words_of

FORMATS: dict[str, Callable[[Path], Path]] = {
    "a.mp3": lambda path: audio.encoded(path, "mp3", "libmp3lame", tags={"title": "T", "artist": "A"}),
    "old.mp3": lambda path: audio.encoded(path, "mp3", "libmp3lame", tags={"title": "T", "artist": "A"},
                                          muxer={"id3v2_version": "3", "write_id3v1": "1"}),
    "bare.mp3": lambda path: audio.encoded(path, "mp3", "libmp3lame", muxer={"id3v2_version": "0"}),
    "a.flac": lambda path: audio.encoded(path, "flac", "flac", tags={"title": "T", "artist": "A"}),
    "a.ogg": lambda path: audio.encoded(path, "ogg", "vorbis", encoder={"strict": "-2"}, tags={"title": "T"}),
    "flac.ogg": lambda path: audio.encoded(path, "ogg", "flac", tags={"title": "T"}),
    "a.opus": lambda path: audio.encoded(path, "opus", "libopus", tags={"title": "T", "artist": "A"}),
    "a.m4a": lambda path: audio.encoded(path, "ipod", "aac", tags={"title": "T", "artist": "A"}),
    "fast.m4a": lambda path: audio.encoded(path, "ipod", "aac", muxer={"movflags": "faststart"}),
    "a.wma": lambda path: audio.encoded(path, "asf", "wmav2", encoder={"b": "128k"}, tags={"title": "T"}),
    "a.wav": lambda path: audio.encoded(path, "wav", "pcm_s16le", tags={"title": "T", "artist": "A"}),
    "a.aiff": lambda path: audio.encoded(path, "aiff", "pcm_s16be"),
    "a.wv": lambda path: audio.encoded(path, "wv", "wavpack", tags={"title": "T"}),
}  # fmt: skip
LOVED = Wish(liked=True, mood="Calm")


@pytest.fixture(scope="module")
def client() -> Iterator[EditClient]:
    with closing(EditClient()) as opened:
        yield opened


def other_tags(path: Path) -> object:
    return replace(read_tags(path), rating=None, mood=None)


# --- Formats ---


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_says_it_and_everything_else_stays(tmp_path: Path, name: str) -> None:
    path = FORMATS[name](tmp_path / name)
    key, sound, tags, first = fingerprint.key_of(bytes(path)), digest_of(path), other_tags(path), find(path)
    wanted = changes(first, LOVED)
    edit(path, wanted)
    read = read_tags(path)
    assert (read.rating, read.mood) == (1.0, MoodName.CALM)
    assert (fingerprint.key_of(bytes(path)), digest_of(path), other_tags(path)) == (key, sound, tags)
    assert changes(find(path), LOVED) == {}, "the second time, nothing is left to do"
    edit(path, changes(find(path), Wish(liked=False)))
    assert read_tags(path).rating == pytest.approx(0.2)
    edit(path, {field: first.fields.get(field, []) for field in wanted})
    assert find(path) == Found(find(path).kind, first.fields)
    assert (read_tags(path).rating, read_tags(path).mood) == (None, None)


@pytest.mark.parametrize("name", ["a.mp3", "old.mp3", "a.flac", "a.m4a", "a.wma", "a.wv"])
def test_what_the_model_predicted_is_not_read_as_somebodys_word(tmp_path: Path, name: str) -> None:
    path = FORMATS[name](tmp_path / name)
    edit(path, changes(find(path), Wish(mood="Sad", predicted=True)))
    assert read_tags(path).mood is None
    edit(path, changes(find(path), Wish(mood="Tense", predicted=True)))
    assert read_tags(path).mood is None
    assert "Tense" in str(find(path).fields.values())
    edit(path, changes(find(path), Wish(mood="Tense")))
    assert read_tags(path).mood is MoodName.TENSE, "somebody says the same"
    assert changes(find(path), Wish(mood="Sad", predicted=True)) == {}, "the model never replaces somebody's word"


def test_a_mood_that_somebody_changes_in_another_program_is_theirs(tmp_path: Path) -> None:
    path = FORMATS["a.flac"](tmp_path / "a.flac")
    edit(path, changes(find(path), Wish(mood="Sad", predicted=True)))
    file = mutagen.File(path)
    file["MOOD"] = "Happy"
    file.save()
    assert read_tags(path).mood is MoodName.HAPPY
    assert changes(find(path), Wish(mood="Sad", predicted=True)) == {}


@pytest.mark.parametrize(
    ("fields", "new"),
    [({"RATING": ["3"]}, {"RATING": ["5"], "FMPS_RATING": ["1.0"]}),
     ({"rating": ["40"]}, {"rating": ["100"], "FMPS_RATING": ["1.0"]}),
     ({"FMPS_Rating": ["0.4"], "rating:me@example.org": ["0.5"]},
      {"FMPS_Rating": ["1.0"], "rating:me@example.org": ["1.0"], "RATING": ["100"]})],
)  # fmt: skip
def test_a_rating_that_is_there_keeps_its_scale(fields: Fields, new: Fields) -> None:
    assert changes(Found("vorbis", fields), Wish(liked=True)) == new


def test_popularities_of_all_players_agree_and_keep_their_counts(tmp_path: Path) -> None:
    path = FORMATS["a.mp3"](tmp_path / "a.mp3")
    file = mutagen.File(path)
    file.tags.add(id3.POPM(email="one@example.org", rating=64, count=17))
    file.tags.add(id3.POPM(email="two@example.org", rating=1))
    file.save()
    edit(path, changes(find(path), Wish(liked=True)))
    frames = {frame.email: frame for frame in mutagen.File(path).tags.getall("POPM")}
    assert {email: frame.rating for email, frame in frames.items()} == {
        "one@example.org": 255, "two@example.org": 255, "Windows Media Player 9 Series": 255,
    }  # fmt: skip
    assert frames["one@example.org"].count == 17


def test_id3_keeps_its_version_its_older_frames_and_the_tag_at_the_end(tmp_path: Path) -> None:
    path = FORMATS["old.mp3"](tmp_path / "a.mp3")
    file = mutagen.File(path)
    file.tags.add(id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=b"picture" * 900))
    file.tags.add(id3.TXXX(encoding=1, desc="Own", text=["first", "second"]))
    file.tags.update_to_v23()
    file.tags.add(id3.TYER(encoding=0, text=["1999"]))
    file.save(v2_version=3, v23_sep=None)
    before, end = frames_of(path), path.read_bytes()[-128:]
    assert end.startswith(b"TAG")
    edit(path, changes(find(path), LOVED))
    after = frames_of(path)
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {"POPM:Windows Media Player 9 Series", "TXXX:MOOD"}, "TMOO is of version 2.4"
    assert path.read_bytes()[-128:] == end
    assert read_tags(path).mood is MoodName.CALM


def frames_of(path: Path) -> dict[str, str]:
    tags = id3.ID3(path, translate=False, load_v1=False)
    assert tags.version == (2, 3, 0)
    return {key: repr(frame) for key, frame in tags.items()}


@pytest.mark.parametrize("name", ["a.mka", "a.aac", "oldest.mp3", "text.mp3"])
def test_a_format_that_cannot_be_written_is_named(tmp_path: Path, name: str, client: EditClient) -> None:
    path = tmp_path / name
    if name == "oldest.mp3":
        audio.mp3(path)
        frame = b"TT2\0\0\3\0Hi"
        path.write_bytes(b"ID3\2\0\0\0\0\0" + bytes([len(frame)]) + frame + path.read_bytes())
    elif name == "text.mp3":
        path.write_text("no music at all")
    else:
        audio.encoded(path, *{"a.mka": ("matroska", "flac"), "a.aac": ("adts", "aac")}[name])
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="cannot write"):
        client.find(path)
    assert path.read_bytes() == before


# --- Replacing a file ---


class Here:
    """Edits in this process: a process for each of these tests would take most of their time."""

    find, edit, tags, digest = staticmethod(find), staticmethod(edit), staticmethod(read_tags), staticmethod(digest_of)


def changed(path: Path) -> None:
    path.write_bytes(b"new")


def test_a_file_keeps_its_owner_mode_times_and_attributes(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"old")
    os.chmod(path, 0o640)
    os.utime(path, ns=(1_000_000_001, 2_000_000_003))
    attributes = has_attributes(path)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    before = os.lstat(path)
    with open(path, "rb") as playing:
        replace_file(path, changed, lambda: None)
        assert playing.read() == b"old", "who plays it hears it to its end"
    after = os.lstat(path)
    assert path.read_bytes() == b"new"
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode), after.st_mtime_ns) == (
        before.st_uid, before.st_gid, 0o640, 2_000_000_003,
    )  # fmt: skip
    if attributes:
        assert os.getxattr(path, "user.comment") == b"mine"
    assert os.listdir(tmp_path) == ["a.mp3"]


def has_attributes(path: Path) -> bool:
    try:
        os.setxattr(path, "user.comment", b"mine")
    except OSError:
        return False
    return True


def test_hard_links_folders_and_write_protected_files_stay(tmp_path: Path) -> None:
    one, two, plain = tmp_path / "one", tmp_path / "two", tmp_path / "plain"
    for path in (one, plain):
        path.write_bytes(b"old")
    os.link(one, two)
    os.chmod(plain, 0o444)
    for path, words in ((one, "hard links"), (tmp_path, "not a file"), (plain, "write-protected")):
        with pytest.raises(LibraryError, match=words):
            replace_file(path, changed, lambda: None)
    assert (one.read_bytes(), two.read_bytes(), plain.read_bytes()) == (b"old", b"old", b"old")
    assert len(os.listdir(tmp_path)) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_file_stays(tmp_path: Path) -> None:
    """A copy would belong to whoever runs the command."""
    os.chmod(tmp_path, 0o777)
    (tmp_path / "a.mp3").write_bytes(b"old")
    child = os.fork()
    if not child:
        os.chdir(tmp_path)  # the folders above are root's
        os.setuid(65534)
        try:
            replace_file(Path("a.mp3"), changed, lambda: None)
        except LibraryError as error:
            os._exit(0 if "belongs to another user" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ((tmp_path / "a.mp3").read_bytes(), os.listdir(tmp_path)) == (b"old", ["a.mp3"])


def test_a_file_that_changes_meanwhile_and_a_full_disk_leave_everything_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"old")

    def other_program(step: str) -> None:
        if step == "synced":
            path.write_bytes(b"theirs")

    with pytest.raises(LibraryError, match="another program"):
        replace_file(path, changed, lambda: None, other_program)
    assert path.read_bytes() == b"theirs"

    def full(copy: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space"):
        replace_file(path, full, lambda: None)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"theirs", ["a.mp3"])


# --- The command ---


class Home:
    """A data folder and a music folder with songs; `key` of each by its name."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.data, self.music = folder / "data", folder / "music"
        self.editor: Editor | None = Here()
        self.music.mkdir()
        for number, name in enumerate(names):
            container, codec = ("mp3", "libmp3lame") if name.endswith("mp3") else ("flac", "flac")
            tags = {"title": name, "artist": "Ada"}
            audio.encoded(self.music / name, container, codec, 1.0 + number / 10, tags=tags)
        self.config = replace(Config(), device=replace(Config().device, data_dir=str(self.data)),
                              music=replace(Config().music, folders=(str(self.music),)))  # fmt: skip
        self.key = {track.title: track.key for track in self.scan()}

    def scan(self) -> tuple:  # type: ignore[type-arg]
        with closing(Catalogue.open(self.data, read_here)) as catalogue:
            return catalogue.scan([self.music]).tracks

    def says(self, *outcomes: tuple[str, Outcome], profile: str = "everyone") -> None:
        with closing(Store.open(self.data, Memory())) as store:
            lines = [Listen(self.key[name], profile, MoodName.CALM, outcome, 1e9) for name, outcome in outcomes]
            store.write(None, lines)

    def run(self, action: str = "write", **options: object) -> int:
        return command.run(self.config, action, [], editor=self.editor, **options)  # type: ignore[arg-type]

    def rating(self, name: str) -> float | None:
        return read_tags(self.music / name).rating


def test_likes_become_stars_and_history_follows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path, "loved.mp3", "hated.flac", "other.mp3")
    home.editor = None  # the process that the command starts
    home.says(("loved.mp3", Outcome.LIKED), ("hated.flac", Outcome.DISLIKED))
    untouched = (home.music / "other.mp3").read_bytes()
    assert home.run(ratings=True, dry=True) == 0
    assert "2 files would be written" in capsys.readouterr().out
    assert (home.rating("loved.mp3"), home.rating("hated.flac")) == (None, None)
    assert home.run(ratings=True) == 0
    out = capsys.readouterr().out
    assert "loved.mp3: POPM 255" in out
    assert "2 files written, 0 right already, 0 left as they are." in out
    assert (home.rating("loved.mp3"), home.rating("hated.flac")) == (1.0, 0.2)
    assert (home.music / "other.mp3").read_bytes() == untouched
    assert home.run(ratings=True) == 0
    assert "0 files written, 2 right already" in capsys.readouterr().out, "also before the next scan"
    tracks = {track.title: track for track in home.scan()}
    assert {title: track.key for title, track in tracks.items()} == home.key, "likes and history find their songs"
    assert (tracks["loved.mp3"].rating, tracks["hated.flac"].rating) == (1.0, 0.2)
    home.says(("loved.mp3", Outcome.DISLIKED))
    assert home.run(ratings=True) == 0
    assert home.rating("loved.mp3") == 0.2
    home.scan()
    assert "in 2 music files: stars or moods" in "\n".join(lines(read_kept(home.config, home.data), home.config))
    assert home.run("undo") == 0
    assert "2 files restored" in capsys.readouterr().out
    assert (home.rating("loved.mp3"), home.rating("hated.flac")) == (None, None)
    assert home.run("undo") == 0
    assert "0 files restored" in capsys.readouterr().out


def test_stars_that_mean_the_same_stay(tmp_path: Path) -> None:
    home = Home(tmp_path, "a.flac")
    file = mutagen.File(home.music / "a.flac")
    file["RATING"] = "4"
    file.save()
    home.scan()
    home.says(("a.flac", Outcome.LIKED))
    before = (home.music / "a.flac").read_bytes()
    assert home.run(ratings=True) == 0
    assert (home.music / "a.flac").read_bytes() == before
    home.says(("a.flac", Outcome.DISLIKED))
    assert home.run(ratings=True) == 0
    assert mutagen.File(home.music / "a.flac")["RATING"] == ["1"]


def test_an_edit_is_read_although_an_older_copy_has_the_same_size_and_date(tmp_path: Path) -> None:
    """On a drive that is not there now; the same file under another path is otherwise taken for a file that moved."""
    home = Home(tmp_path, "a.flac")
    path, drive = home.music / "a.flac", tmp_path / "drive"
    file = mutagen.File(path)
    file.save(padding=lambda info: 4096)
    drive.mkdir()
    shutil.copy2(path, drive)
    with closing(Catalogue.open(home.data, read_here)) as catalogue:
        catalogue.scan([home.music, drive])
        drive.rename(tmp_path / "away")
        catalogue.scan([home.music, drive])
    size = path.stat().st_size
    home.says(("a.flac", Outcome.LIKED))
    assert home.run(ratings=True) == 0
    assert path.stat().st_size == size
    with closing(Catalogue.open(home.data, read_here)) as catalogue:
        assert [track.rating for track in catalogue.scan([home.music, drive]).tracks] == [1.0]


def test_moods_yours_and_the_models(tmp_path: Path) -> None:
    home = Home(tmp_path, "mine.mp3", "model.mp3")
    (home.music / "happy").mkdir()
    audio.encoded(home.music / "happy" / "folder.mp3", "mp3", "libmp3lame", 2.0)
    home.scan()
    with closing(Catalogue.open(home.data, read_here)) as catalogue:
        catalogue.correct(home.key["mine.mp3"], MoodName.TENSE)
        mood = TrackMood(Affect(-0.6, -0.4), 0.3, (0.0, 0.0, 1.0, 0.0), 100.0, bytes(128), -20.0)
        for key in home.key.values():
            catalogue.analysed(key, "model", mood)
    home.config = replace(home.config, music=replace(home.config.music, write_moods="yours"))
    assert home.run() == 0
    assert [read_tags(path).mood for path in sorted(home.music.rglob("*.mp3"))] == [
        MoodName.HAPPY, MoodName.TENSE, None,
    ]  # fmt: skip
    assert find(home.music / "model.mp3").fields == {}
    home.scan()
    assert home.run(moods="all") == 0
    assert find(home.music / "model.mp3").fields == {"TMOO": ["Sad"], "TXXX:AFFETTO_MOOD": ["Sad"]}
    tracks = {track.title: track for track in home.scan()}
    assert (tracks["model.mp3"].mood, tracks["model.mp3"].origin) == (MoodName.SAD, MoodOrigin.MODEL)
    assert tracks["mine.mp3"].origin is MoodOrigin.USER


def test_nothing_is_written_unless_somebody_asks(tmp_path: Path) -> None:
    home = Home(tmp_path, "a.mp3")
    home.says(("a.mp3", Outcome.LIKED))
    with pytest.raises(ConfigError, match="nothing to write"):
        home.run()
    home.config = replace(home.config, music=replace(home.config.music, write_ratings=True))
    assert home.run() == 0
    assert home.rating("a.mp3") == 1.0


def test_undo_leaves_what_somebody_changed_since(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path, "a.flac", "b.flac")
    home.says(("a.flac", Outcome.LIKED), ("b.flac", Outcome.LIKED))
    home.run(ratings=True)
    file = mutagen.File(home.music / "a.flac")
    file["RATING"] = file["FMPS_RATING"] = "0.6"
    file.save()
    (home.music / "b.flac").rename(tmp_path / "b.flac")
    assert home.run("undo") == 1
    out = capsys.readouterr().out
    assert "somebody has changed these tags since" in out
    assert "not there now" in out
    assert home.rating("a.flac") == 0.6
    (tmp_path / "b.flac").rename(home.music / "b.flac")
    assert home.run("undo") == 0
    assert home.rating("b.flac") is None


def test_a_file_that_the_scan_does_not_know_as_it_is_waits_and_links_lead_to_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path, "a.mp3", "b.mp3")
    (home.music / "happy").mkdir()
    (home.music / "happy" / "link.mp3").symlink_to(home.music / "b.mp3")
    home.scan()
    home.says(("a.mp3", Outcome.LIKED), ("b.mp3", Outcome.LIKED))
    os.utime(home.music / "a.mp3")
    assert home.run(ratings=True) == 1
    assert "a.mp3: it has changed since the last scan" in capsys.readouterr().out
    assert (home.rating("a.mp3"), home.rating("b.mp3")) == (None, 1.0)
    assert (home.music / "happy" / "link.mp3").is_symlink()
    home.scan()
    assert home.run(ratings=True) == 0
    assert home.rating("a.mp3") == 1.0


@pytest.mark.parametrize("step", STEPS)
def test_a_cut_at_any_moment_leaves_a_whole_file_and_the_next_run_ends_the_work(tmp_path: Path, step: str) -> None:
    home = Home(tmp_path, "a.mp3")
    home.says(("a.mp3", Outcome.LIKED))
    path = home.music / "a.mp3"
    before, sound, other = path.read_bytes(), digest_of(path), other_tags(path)
    (cut_at := os.fork()) or cut(home, step)
    assert os.waitstatus_to_exitcode(os.waitpid(cut_at, 0)[1]) == -signal.SIGKILL
    assert (path.read_bytes() == before) is (step != "renamed")
    assert (digest_of(path), other_tags(path)) == (sound, other)
    assert [track.title for track in home.scan()] == ["a.mp3"], "no scan takes the copy for music"
    assert home.run(ratings=True) == 0
    assert home.rating("a.mp3") == 1.0
    assert [name for name in os.listdir(home.music) if name.startswith(COPY)] == []
    assert home.run("undo") == 0
    assert (home.rating("a.mp3"), find(path).fields) == (None, {})


def cut(home: Home, step: str) -> None:
    """In a child: write, and be killed at this step."""

    def reached(at: str) -> None:
        if at == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with closing(Journal.open(home.data)) as journal:
        (one,) = candidates(home.data, [], ratings=True, moods="none")
        TagWriter(Here(), journal, dry=False, reached=reached).write(one)
    sys.exit(1)


def test_a_copy_with_another_sound_is_never_used(tmp_path: Path) -> None:
    home = Home(tmp_path, "a.mp3")
    home.says(("a.mp3", Outcome.LIKED))
    path = home.music / "a.mp3"
    before = path.read_bytes()

    class Careless(Here):
        @staticmethod
        def edit(path: Path, fields: Fields) -> Found:  # type: ignore[override]
            found = edit(path, fields)
            content = bytearray(path.read_bytes())
            content[-3000] ^= 0xFF
            path.write_bytes(content)
            return found

    with closing(Journal.open(home.data)) as journal:
        (one,) = candidates(home.data, [], ratings=True, moods="none")
        done = TagWriter(Careless(), journal, dry=False).write(one)
        assert (done.result, path.read_bytes()) == (Result.SKIPPED, before)
        assert list(journal.entries()) == []


def test_two_runs_at_once_and_a_missing_library_are_refused(tmp_path: Path) -> None:
    home = Home(tmp_path, "a.mp3")
    with closing(Journal.open(home.data)), pytest.raises(LibraryError, match="Another"):
        home.run(ratings=True)
    with pytest.raises(LibraryError, match="run affetto scan first"):
        candidates(tmp_path, [], ratings=True, moods="none")
    with pytest.raises(LibraryError, match="cannot be written"):
        Journal.open(tmp_path / "nowhere")


def test_opinions_are_the_last_word_of_each_and_must_agree() -> None:
    said = [("a", "Ada", Outcome.DISLIKED), ("a", "Ada", Outcome.LIKED), ("b", "Ada", Outcome.LIKED),
            ("b", "Bob", Outcome.DISLIKED), ("c", "Ada", Outcome.BANNED), ("d", "Ada", Outcome.BANNED),
            ("d", "Bob", Outcome.ALLOWED), ("e", "Bob", Outcome.PLAYED)]  # fmt: skip
    history = [Listen(key, profile, MoodName.CALM, outcome, 1e9) for key, profile, outcome in said]
    assert opinions(history) == {"a": True, "c": False}


def test_words() -> None:
    assert words_of({"POPM:x": ["255|0"], "TXXX:MOOD": []}) == "POPM 255, no MOOD"
    assert words_of({"WM/SharedUserRating": ["3|99"]}) == "WM/SharedUserRating 99"
