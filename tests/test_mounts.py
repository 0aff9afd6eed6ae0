"""Drives come and go: real mounts where the test may mount, folders that are renamed elsewhere."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import audio
import pytest

from device.config.schema import MusicConfig
from device.domain import Affect, Event, LibraryLoaded, MoodName, MoodOrigin
from device.errors import LibraryError, WorkerError
from device.music.disks import Mount, mount_of
from device.music.library.analysis_queue import AnalysisQueue
from device.music.library.catalogue import Catalogue
from device.music.library.files.listing import expand
from device.music.library.files.mounts import MountWatch, watched_folders
from device.music.library.files.walker import FolderWalk
from device.music.library.scanner import Scanner
from device.music.track_mood import FEATURE_BYTES, TrackMood
from device.music.workers.tag_client import read_here

PATIENCE_S = 20.0
FOUND = TrackMood(Affect(-0.7, -0.4), 0.3, (0.1, 0.1, 0.7, 0.1), 80.0, bytes(FEATURE_BYTES), -20.0)


def mount(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "affetto-test", folder], capture_output=True)
    if done.returncode:
        pytest.skip(f"this test may not mount: {done.stderr.decode().strip()}")


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Path]:
    """A folder where a real drive is mounted."""
    folder = tmp_path / "media" / "user" / "usb stick"
    mount(folder)
    yield folder
    while os.path.ismount(folder):
        unmount(folder)


class Inbox:
    def __init__(self) -> None:
        self.libraries: list[LibraryLoaded] = []
        self._news = threading.Condition()

    def put(self, event: Event) -> None:
        assert isinstance(event, LibraryLoaded)
        with self._news:
            self.libraries.append(event)
            self._news.notify_all()

    def wait(self, fits: Callable[[LibraryLoaded], bool]) -> LibraryLoaded:
        """The newest library, as soon as it fits."""
        with self._news:
            assert self._news.wait_for(lambda: bool(self.libraries) and fits(self.libraries[-1]), PATIENCE_S), (
                self.libraries[-1:]
            )
            return self.libraries[-1]


def titles(library: LibraryLoaded) -> set[str]:
    return {track.title for track in library.tracks}


# --- Waiting ---


def test_the_wait_ends_when_somebody_calls_or_time_is_up() -> None:
    with closing(MountWatch()) as watch:
        watch.wake()
        began = time.monotonic()
        assert watch.wait(PATIENCE_S) is False
        assert time.monotonic() - began < PATIENCE_S / 2
        assert watch.wait(0.0) is False
        threading.Timer(0.05, watch.wake).start()
        assert watch.wait(PATIENCE_S) is False


def test_closing_twice_and_waking_after_it_do_nothing() -> None:
    watch = MountWatch()
    watch.close()
    watch.close()
    watch.wake()


def test_a_mount_ends_the_wait_and_is_found(drive: Path) -> None:
    with closing(MountWatch()) as watch:
        watch.wait(0.0)
        before = watch.mounts([os.fsencode(drive)])
        assert os.fsencode(drive) in {one.point for one in before}
        assert os.fsencode(drive) not in {one.point for one in watch.mounts([b"/proc/self"])}
        unmount(drive)
        deadline = time.monotonic() + PATIENCE_S
        while not watch.wait(1.0) and time.monotonic() < deadline:
            pass
        assert {one.point for one in before - watch.mounts([os.fsencode(drive)])} == {os.fsencode(drive)}


def test_mountinfo_is_read_with_its_blanks() -> None:
    line = rb"36 35 98:0 / /media/me/My\040Music\134x rw,noatime master:1 - ext3 /dev/root rw"
    assert mount_of(line) == Mount(b"/media/me/My Music\\x", b"98:0", b"/", b"ext3", b"/dev/root")


# --- Folders with stars ---


def test_a_star_stands_for_any_name_and_nothing_else_is_special(tmp_path: Path) -> None:
    for name in ("a/usb[1]", "a/other?", "b/usb"):
        (tmp_path / "media" / name).mkdir(parents=True)
    (tmp_path / "media" / "a" / "file").write_text("")
    found = expand(tmp_path / "media" / "*" / "*")
    assert [os.fsdecode(path).split("media/")[1] for path in found] == ["a/other?", "a/usb[1]", "b/usb"]
    assert len(expand(tmp_path / "media" / "a" / "usb[1]")) == 1
    assert expand(tmp_path / "media" / "*" / "usb[1]*") == [os.fsencode(tmp_path / "media" / "a" / "usb[1]")]


def test_a_star_that_stands_for_nothing_is_no_problem(tmp_path: Path) -> None:
    walk = FolderWalk()
    assert list(walk.files([tmp_path / "media" / "*"])) == []
    assert walk.problems == []


def test_drives_are_expected_where_the_first_star_is() -> None:
    assert watched_folders(Path("/media/*/*")) == {b"/media"}
    assert watched_folders(Path("/mnt/usb*/music")) == {b"/mnt"}
    assert watched_folders(Path("/srv/music")) == {b"/srv/music"}


# --- The catalogue ---


def test_what_is_known_of_a_drive_costs_one_line_when_it_goes(tmp_path: Path, drive: Path) -> None:
    for number in range(5):
        audio.tone(drive / f"{number}.wav", 0.05, 300 + 10 * number)
    read: list[Path] = []
    with closing(Catalogue.open(tmp_path / "data", lambda path: read.append(path) or read_here(path))) as catalogue:
        folders = [tmp_path / "media" / "*" / "*"]
        known = catalogue.scan(folders)
        assert len(known.tracks) == 5
        before = catalogue._database._sql.db.total_changes
        assert catalogue.unmounted(os.fsencode(drive))
        assert catalogue.load().tracks == ()
        assert catalogue._database._sql.db.total_changes == before + 1
        assert not catalogue.unmounted(os.fsencode(drive)), "it is lost already"
        back = catalogue.scan(folders)
        assert back.tracks == known.tracks
        assert catalogue._database._sql.db.total_changes == before + 2
    assert len(read) == 5


def test_a_mount_point_that_is_the_music_folder_itself(tmp_path: Path, drive: Path) -> None:
    """Unmounted, the folder is there and empty: that must not touch the line of each file."""
    audio.tone(drive / "a.wav", 0.05)
    with closing(Catalogue.open(tmp_path / "data", read_here)) as catalogue:
        known = catalogue.scan([drive])
        unmount(drive)
        assert catalogue.scan([drive]).tracks == ()
        rows = catalogue._database._sql.db.execute("SELECT present FROM files").fetchall()
        assert rows == [(1,)]
        mount(drive)
        audio.tone(drive / "a.wav", 0.05)
        os.utime(drive / "a.wav", ns=(0, 0))
        assert [track.key for track in catalogue.scan([drive]).tracks] == [track.key for track in known.tracks]


def test_a_drive_that_comes_back_elsewhere_keeps_what_is_known(tmp_path: Path) -> None:
    usb = tmp_path / "media" / "usb0"
    audio.tone(usb / "a.wav", 0.05)
    read: list[Path] = []
    with closing(Catalogue.open(tmp_path / "data", lambda path: read.append(path) or read_here(path))) as catalogue:
        (before,) = catalogue.scan([tmp_path / "media" / "*"]).tracks
        catalogue.correct(before.key, MoodName.EXCITED)
        usb.rename(usb.with_name("usb1"))
        (after,) = catalogue.scan([tmp_path / "media" / "*"]).tracks
    assert (after.key, after.mood, after.origin) == (before.key, MoodName.EXCITED, MoodOrigin.USER)
    assert "usb1" in after.uri
    assert len(read) == 1


def bind(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "--bind", source, target], capture_output=True)
    if done.returncode:
        pytest.skip(f"this test may not mount: {done.stderr.decode().strip()}")


@pytest.mark.parametrize(
    "layout", ["below", "link to the drive", "link into the drive", "music folder is a link", "bind"]
)
def test_a_drive_that_goes_takes_its_music_along_in_every_layout(tmp_path: Path, drive: Path, layout: str) -> None:
    music = tmp_path / "music"
    audio.tone(tmp_path / "music" / "home.wav", 0.05, 300)
    audio.tone(drive / "Album" / "away.wav", 0.05, 400)
    gone, folders = drive, [music]
    match layout:
        case "below":
            folders = [music, tmp_path / "media"]
        case "link to the drive":
            (music / "usb").symlink_to(drive)
        case "link into the drive":
            (music / "sad").symlink_to(drive / "Album")
        case "music folder is a link":
            (tmp_path / "songs").symlink_to(drive / "Album")
            folders = [music, tmp_path / "songs"]
        case "bind":
            gone = music / "bound"
            bind(drive / "Album", gone)
    with closing(Catalogue.open(tmp_path / "data", read_here)) as catalogue, closing(MountWatch()) as watch:
        try:
            assert titles(catalogue.scan(folders)) == {"home", "away"}
            watched = {one for folder in folders for one in watched_folders(folder)} | catalogue.watched
            before = watch.mounts(watched)
            unmount(gone)
            pulled = {one.point for one in before - watch.mounts(watched)}
            assert pulled == {os.fsencode(gone)}, "the scanner notices"
            assert catalogue.unmounted(os.fsencode(gone))
            assert titles(catalogue.load()) == {"home"}
            assert titles(catalogue.scan(folders)) == {"home"}
            rows = dict(catalogue._database._sql.all("SELECT title, present FROM files"))
            assert rows == {"home": 1, "away": 1}, "the row of no file was touched"
            assert layout == "bind" or watch.mounts(watched | catalogue.watched) != before, "it is still watched for"
        finally:
            if os.path.ismount(gone):
                unmount(gone)


def test_a_link_to_a_drive_that_is_not_there_is_watched(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / "usb").symlink_to(tmp_path / "media" / "later")
    with closing(Catalogue.open(tmp_path / "data", read_here)) as catalogue, closing(MountWatch()) as watch:
        catalogue.scan([music])
        before = watch.mounts(catalogue.watched)
        mount(tmp_path / "media" / "later")
        try:
            assert watch.mounts(catalogue.watched) != before
            audio.tone(tmp_path / "media" / "later" / "a.wav", 0.05)
            assert titles(catalogue.scan([music])) == {"a"}
        finally:
            unmount(tmp_path / "media" / "later")


# --- The scanner ---


class FakeAnalyser:
    """Analyses at once."""

    pid = None

    def __init__(self) -> None:
        self.asked: list[str] = []

    def analyse(self, path: Path) -> TrackMood:
        self.asked.append(path.name)
        if "bad" in path.name:
            raise LibraryError(f"{path.name} crashed the analysis twice and is left out")
        return FOUND

    def close(self) -> None:
        pass


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    shipped = Path(__file__).resolve().parent.parent / "models"
    card = (shipped / "emotion.json").read_text().replace('"emotion"', '"music_mood"', 1)
    (folder / "music_mood.json").write_text(card)
    return folder


@pytest.fixture
def run(tmp_path: Path, models: Path) -> Iterator[Callable[..., tuple[Inbox, Scanner, FakeAnalyser]]]:
    """Starts a scanner on these folders; every one is closed in the end."""
    started: list[Scanner] = []

    def start(*folders: Path, rescan_s: float = 3600.0) -> tuple[Inbox, Scanner, FakeAnalyser]:
        inbox, analyser = Inbox(), FakeAnalyser()
        config = MusicConfig(folders=tuple(map(str, folders)), rescan_s=rescan_s)
        scanner = Scanner(config, tmp_path / "data", models, inbox.put, analyser)
        started.append(scanner)
        scanner.start()
        return inbox, scanner, analyser

    yield start
    for scanner in started:
        scanner.close()
        assert not scanner._thread.is_alive()


def test_a_drive_that_is_pulled_and_plugged_is_noticed_at_once(
    tmp_path: Path, drive: Path, run: Callable[..., tuple[Inbox, Scanner, FakeAnalyser]]
) -> None:
    """An hour until the next scan: only the mount can be the reason."""
    audio.tone(tmp_path / "music" / "home.wav", 0.05, 300)
    audio.tone(drive / "away.wav", 0.05, 400)
    inbox, scanner, analyser = run(tmp_path / "music", tmp_path / "media" / "*" / "*")
    full = inbox.wait(lambda library: len(library.tracks) == 2 and all(track.features for track in library.tracks))
    away = next(track for track in full.tracks if track.title == "away")
    scanner.correct(away.key, MoodName.ANGRY)
    inbox.wait(lambda library: any(track.mood is MoodName.ANGRY for track in library.tracks))
    unmount(drive)
    inbox.wait(lambda library: titles(library) == {"home"})
    mount(drive)
    audio.tone(drive / "away.wav", 0.05, 400)
    unmount_again = drive.with_name("second")
    mount(unmount_again)  # the file was written after the mount was noticed; this one makes it look again
    back = inbox.wait(lambda library: titles(library) == {"home", "away"})
    unmount(unmount_again)
    again = next(track for track in back.tracks if track.title == "away")
    assert (again.key, again.mood, again.origin, again.features) == (
        away.key, MoodName.ANGRY, MoodOrigin.USER, FOUND.features,
    )  # fmt: skip
    assert sorted(analyser.asked) == ["away.wav", "home.wav"], "nothing is analysed twice"


def test_music_is_there_before_it_is_analysed_and_each_file_is_analysed_once(
    tmp_path: Path, run: Callable[..., tuple[Inbox, Scanner, FakeAnalyser]]
) -> None:
    for name in ("a", "b", "bad"):
        audio.tone(tmp_path / "music" / f"{name}.wav", 0.05, 300 + 10 * len(name))
    audio.tone(tmp_path / "music" / "happy" / "c.wav", 0.05, 700)
    audio.tone(tmp_path / "music" / "b.wav", 0.05, 600)
    inbox, _, analyser = run(tmp_path / "music")
    done = inbox.wait(lambda library: sum(bool(track.features) for track in library.tracks) == 3)
    first = inbox.libraries[0].tracks
    assert (len(first), any(track.features for track in first)) == (4, False)
    assert sorted(analyser.asked) == ["a.wav", "b.wav", "bad.wav", "c.wav"]
    assert [note for note in done.notes if "bad" in note] == list(done.notes)
    moods = {track.title: (track.mood, track.origin) for track in done.tracks}
    assert moods["a"] == (MoodName.SAD, MoodOrigin.MODEL)
    assert moods["c"] == (MoodName.HAPPY, MoodOrigin.FOLDER)
    assert moods["bad"] == (MoodName.NEUTRAL, MoodOrigin.UNKNOWN)


def test_a_correction_survives_a_restart_and_can_be_forgotten(
    tmp_path: Path, run: Callable[..., tuple[Inbox, Scanner, FakeAnalyser]]
) -> None:
    audio.tone(tmp_path / "music" / "calm" / "a.wav", 0.05)
    inbox, scanner, _ = run(tmp_path / "music")
    (track,) = inbox.wait(lambda library: len(library.tracks) == 1).tracks
    scanner.correct(track.key, MoodName.TENSE)
    inbox.wait(lambda library: library.tracks[0].origin is MoodOrigin.USER)
    scanner.close()
    inbox, scanner, _ = run(tmp_path / "music")
    inbox.wait(lambda library: bool(library.tracks) and library.tracks[0].mood is MoodName.TENSE)
    scanner.correct(track.key, None)
    inbox.wait(lambda library: (library.tracks[0].mood, library.tracks[0].origin) == (MoodName.CALM, MoodOrigin.FOLDER))


def test_a_scan_that_finds_nothing_new_says_and_writes_nothing(tmp_path: Path) -> None:
    audio.tone(tmp_path / "music" / "a.wav", 0.05)
    with closing(Catalogue.open(tmp_path / "data", read_here)) as catalogue:
        first = catalogue.scan([tmp_path / "music"])
        files = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
        again = catalogue.scan([tmp_path / "music"])
        assert all(one is other for one, other in zip(first.tracks, again.tracks, strict=True))
        assert {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()} == files


def test_analysis_that_cannot_start_is_told_and_the_music_is_there(
    tmp_path: Path, run: Callable[..., tuple[Inbox, Scanner, FakeAnalyser]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: FakeAnalyser, path: Path) -> TrackMood:
        raise WorkerError("The analysis of music cannot start.")

    monkeypatch.setattr(FakeAnalyser, "analyse", fail)
    audio.tone(tmp_path / "music" / "a.wav", 0.05)
    inbox, _, _ = run(tmp_path / "music")
    library = inbox.wait(lambda library: library.problems != ())
    assert (library.problems, len(library.tracks)) == (("The analysis of music cannot start.",), 1)


def test_the_analysis_ends_at_once_while_it_works(tmp_path: Path) -> None:
    begun, ended = threading.Event(), threading.Event()

    class Slow(FakeAnalyser):
        def analyse(self, path: Path) -> TrackMood:
            begun.set()
            ended.wait(PATIENCE_S)
            return FOUND

    analysis = AnalysisQueue(Slow(), lambda: None)
    analysis.ask("key", tmp_path)
    assert begun.wait(PATIENCE_S)
    began = time.monotonic()
    analysis.close()
    assert time.monotonic() - began < 5.0
    ended.set()
