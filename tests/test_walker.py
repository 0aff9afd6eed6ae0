"""Which files a scan finds: by name or content, through links by a rule, with numbers that the catalogue can keep."""

from __future__ import annotations

import errno
import os
import struct
from contextlib import closing
from pathlib import Path

import audio
import mutagen
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen import id3

from device.domain import LibraryLoaded, MoodName, MoodOrigin
from device.music.disks import Mount, all_mounts
from device.music.library.catalogue import Catalogue
from device.music.library.files import formats
from device.music.library.files.found import LARGEST, bounded
from device.music.library.files.servers import FileServers
from device.music.library.files.walker import FolderWalk
from device.music.metadata.tags import Tags
from device.music.workers.tag_client import read_here


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


def scan(tmp_path: Path, *folders: Path, again: bool = False) -> LibraryLoaded:
    """What a program that has just started finds in these folders."""
    with closing(Catalogue.open(tmp_path / "data", read_here)) as catalogue:
        return catalogue.scan(folders, again=again)


def titles(library: LibraryLoaded) -> list[str]:
    return sorted(track.title for track in library.tracks)


# --- Numbers from disks ---


@pytest.mark.parametrize("year_ns", [
    10_413_792_000 * 10**9,  # 2300-01-01, after the last nanosecond that 64 bits can count; ext4 goes to 2446
    -(10**18), -1, 0,
])  # fmt: skip
def test_any_date_can_be_kept(tmp_path: Path, music: Path, year_ns: int) -> None:
    os.utime(audio.tone(music / "far.wav", 0.05), ns=(0, year_ns))
    audio.tone(music / "near.wav", 0.05, 700)
    assert titles(scan(tmp_path, music)) == ["far", "near"]
    assert titles(scan(tmp_path, music)) == ["far", "near"]


@given(st.integers())
def test_no_number_leaves_what_the_catalogue_can_keep(number: int) -> None:
    assert -(2**63) <= bounded(number) <= LARGEST < 2**63
    assert bounded(number) == number or abs(number) > LARGEST


def test_a_path_longer_than_the_kernel_allows_is_noted(tmp_path: Path, music: Path) -> None:
    audio.tone(music / "a.wav", 0.05)
    inner = os.open(music, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=inner)
        deeper = os.open("x" * 250, os.O_RDONLY, dir_fd=inner)
        os.close(inner)
        inner = deeper
    os.close(inner)
    found = scan(tmp_path, music)
    assert titles(found) == ["a"]
    assert "file name too long" in found.notes[0]
    os.system(f"rm -rf '{music}'")  # pytest cannot


# --- Names and contents ---


def test_what_libvlc_plays_is_looked_at() -> None:
    for ending in (b"m4b", b"wv", b"mka", b"mp2", b"mp4", b"webm", b"MP3", b"Opus"):
        assert formats.kind_of(b"a." + ending) is formats.Kind.SOUND, ending


def test_what_is_passed_over_is_said(tmp_path: Path, music: Path) -> None:
    audio.tone(music / "a.wav", 0.05)
    for name in ("a.mid", "b.MID", "book.aax", "cover.jpg", "notes.txt", "film.mkv", "list.m3u8"):
        (music / name).write_bytes(b"x")
    found = scan(tmp_path, music)
    assert found.notes == ("3 files are left out, because Affetto cannot play the format: 2 .mid, 1 .aax.",)
    assert found.problems == ()


def test_without_a_known_ending_the_content_decides(tmp_path: Path, music: Path) -> None:
    audio.mp3(music / "track01")
    audio.tone(music / "01. Intro", 0.05, 300)
    audio.flac(music / "Vol.2")
    audio.ogg(music / "Mr.Blue")
    (music / "README").write_text("no music\n" * 99)
    (music / "noise").write_bytes(os.urandom(544))
    (music / "broken").write_bytes(b"fLaC")
    (music / "empty").write_bytes(b"")
    found = scan(tmp_path, music)
    assert len(found.tracks) == 4
    assert found.notes == (), "nobody said that the others are music"


@pytest.mark.parametrize(("name", "megabytes", "minutes", "film"), [
    ("film.mp4", 700, 95, True), ("film.WEBM", 300, 40, True), ("clip.mp4", 60, 4, False), ("mix.webm", 60, 62, False),
    ("book.m4b", 700, 95, False), ("live.flac", 500, 60, False), ("unknown.mp4", 700, 0, False),
])  # fmt: skip
def test_films_are_told_from_music(name: str, megabytes: int, minutes: int, film: bool) -> None:
    assert formats.is_film(os.fsencode(name), megabytes << 20, 60.0 * minutes) is film


def test_a_film_on_the_drive_is_passed_over_and_said(tmp_path: Path, music: Path) -> None:
    audio.tone(music / "a.wav", 0.05)
    audio.m4a(music / "film.mp4")
    with closing(Catalogue.open(tmp_path / "data", lambda path: Tags("x", duration_s=5400.0))) as catalogue:
        os.truncate(music / "film.mp4", 700 << 20)
        found = catalogue.scan([music])
    assert len(found.tracks) == 1
    assert found.notes == (f"{music}/film.mp4 is left out, because it is a film.",)


def test_what_is_no_music_is_not_opened_again(tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (music / "README").write_text("no music")
    scan(tmp_path, music)
    monkeypatch.setattr(formats, "holds_sound", None)
    assert scan(tmp_path, music).tracks == ()
    (music / "README").write_text("no music either")
    with pytest.raises(TypeError):
        scan(tmp_path, music)


@pytest.mark.parametrize(("head", "sound"), [
    (b"ID3\x04", True), (b"OggS", True), (b"RIFF\0\0\0\0WAVE", True), (b"RIFF\0\0\0\0AVI ", False),
    (b"FORM\0\0\0\0AIFC", True), (b"\0\0\0\x20ftypM4B ", True), (b"\0\0\0\x20ftypheic", False),
    (formats.ASF, True), (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x86\x81\x01B\x82\x84webm", True),
    (b"wvpk", True), (b"MPCK", True), (b"", False), (b"\xff\xfb", False), (b"PK\x03\x04", False), (b"\x7fELF", False),
])  # fmt: skip
def test_signatures(head: bytes, sound: bool) -> None:
    assert formats.holds_sound(head.ljust(64, b"\0")) is sound


@pytest.mark.parametrize(("rate_byte", "second", "length"), [
    (0x90, 0xFB, 417), (0x92, 0xFB, 418), (0xE0, 0xFB, 1044), (0x80, 0xF3, 208), (0x80, 0xE3, 417),
])  # fmt: skip
def test_mpeg_frames_are_told_from_chance(rate_byte: int, second: int, length: int) -> None:
    frame = bytes([0xFF, second, rate_byte, 0xC4]).ljust(length, b"\0")
    assert formats.holds_sound(frame * 2)
    assert not formats.holds_sound(frame + b"\0" + frame)


def test_adts_frames_are_told_from_chance() -> None:
    length = 200
    frame = (b"\xff\xf1\x50" + struct.pack(">I", 0x80000000 | length << 13 | 0x1FFC)[:4]).ljust(length, b"\0")
    assert formats.holds_sound(frame * 2)
    assert not formats.holds_sound(frame + b"\0" + frame)


@given(st.binary(max_size=600))
def test_any_bytes_are_judged(head: bytes) -> None:
    formats.holds_sound(head)


@pytest.mark.parametrize("folder", [
    "$RECYCLE.BIN/S-1-5-21-1", "$Recycle.Bin", "RECYCLER", "#recycle", "@eaDir/song.mp3", "@Recycle", ".@__thumb",
    "lost+found", "LOST+FOUND", "System Volume Information", ".Trash-1000/files", ".Spotlight-V100", "__MACOSX",
])  # fmt: skip
def test_system_folders_are_nobodys_music(tmp_path: Path, music: Path, folder: str) -> None:
    audio.tone(music / "a.wav", 0.05)
    audio.tone(music / "album" / folder / "deleted.wav", 0.05, 700)
    found = scan(tmp_path, music)
    assert (titles(found), found.notes) == (["a"], ())


def test_what_the_kernel_makes_up_is_not_read() -> None:
    """Reading /proc/kmsg, which calls itself a regular file, waits for ever."""
    walk = FolderWalk(all_mounts())
    assert list(walk.files([Path("/proc"), Path("/sys")])) == []
    system = FolderWalk([Mount(os.fsencode(Path(__file__).parent), b"0:1", b"/", b"proc")])
    assert list(system.files([Path(__file__).parent.parent / "tests"])) == []


def test_a_disk_that_does_not_say_what_its_entries_are_is_noted(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Entry:
        """As of a file system without types in its folders, on a disk with bad blocks."""

        name = b"a.wav"

        def is_symlink(self) -> bool:
            raise OSError(5, "Input/output error")

    class Listing(list[Entry]):
        def __enter__(self) -> Listing:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", lambda path: Listing([Entry()]))
    monkeypatch.setattr(os.path, "realpath", lambda path: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    assert list(FolderWalk().files([music])) == []


@pytest.mark.parametrize("place", ["folder", "file"])
def test_a_server_that_is_lost_on_the_way_is_asked_only_once_more(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Each question takes its time to fail. What was seen of it cannot be played, either; the rest of the music can."""
    server = tmp_path / "nas"
    for name in ("album/a.wav", "album/b.wav", "later/c.wav"):
        audio.tone(server / name, 0.05)
    (server / "later" / "list.m3u").write_text("c.wav\n")
    audio.tone(music / "home.wav", 0.05)
    asked: list[bytes] = []

    def fail(function, begin):  # type: ignore[no-untyped-def]
        def ask(path, *more, **names):  # type: ignore[no-untyped-def]
            if os.fsencode(path).startswith(os.fsencode(server / begin)):
                asked.append(os.fsencode(path))
                raise OSError(errno.EHOSTDOWN, "Host is down")
            return function(path, *more, **names)

        return ask

    if place == "folder":
        monkeypatch.setattr(os, "scandir", fail(os.scandir, "later"))
    else:
        monkeypatch.setattr(os, "stat", fail(os.stat, "album/b"))
    point = os.fsencode(server)
    walk = FolderWalk(
        [Mount(point, b"0:9", b"/", b"cifs")], explain=lambda folder: "Switch it on." if folder == point else ""
    )
    found = list(walk.files([server, music]))
    assert [os.path.basename(file.path) for file in found] == [b"home.wav"]
    assert (len(asked), walk.problems, walk.servers_missing) == (1, ["Switch it on."], True)
    assert ({root.folder for root in walk.roots}, walk.playlists) == ({os.fsencode(music)}, {})


def test_one_bad_sector_is_not_a_lost_server(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = os.stat
    for name in ("a.wav", "b.wav"):
        audio.tone(music / name, 0.05)

    def damaged(path, *more, **names):  # type: ignore[no-untyped-def]
        if os.fsencode(path).endswith(b"a.wav"):
            raise OSError(errno.EIO, "Input/output error")
        return stat(path, *more, **names)

    monkeypatch.setattr(os, "stat", damaged)
    walk = FolderWalk([Mount(os.fsencode(music), b"8:1", b"/", b"ext4")])
    assert [os.path.basename(file.path) for file in walk.files([music])] == [b"b.wav"]
    assert not walk.servers_missing


def test_a_server_that_is_not_there_says_why_and_is_looked_for_again_soon(tmp_path: Path, music: Path) -> None:
    audio.tone(music / "home.wav", 0.05)

    class Servers(FileServers):
        def explain(self, folder: bytes) -> str:
            return "//nas/music does not answer." if folder.endswith(b"/nas") else ""

    catalogue = Catalogue.open(tmp_path / "data", servers=Servers(()))
    with closing(catalogue):
        found = catalogue.scan([music, tmp_path / "nas"])
        assert found.problems == ("//nas/music does not answer.",)
        assert len(found.tracks) == 1
        assert catalogue.incomplete
        catalogue.scan([music])
        assert not catalogue.incomplete


def test_a_music_folder_may_have_any_name(tmp_path: Path) -> None:
    audio.tone(tmp_path / ".music" / "a.wav", 0.05)
    assert len(scan(tmp_path, tmp_path / ".music").tracks) == 1


def test_files_come_in_the_order_of_their_paths(music: Path) -> None:
    """The comparison with the catalogue depends on it."""
    for name in (
        "b.wav",
        "a/z.wav",
        "a b.wav",
        "a-/x.wav",
        "a/b/c.wav",
        "a!.wav",
        "A.wav",
        "ab/x.wav",
        "a.wav",
        "é.wav",
    ):
        (music / name).parent.mkdir(parents=True, exist_ok=True)
        (music / name).write_bytes(b"")
    (music / "aa").symlink_to(music.parent)
    for number in range(1200):
        (music / "ab" / f"{number * 7919 % 1200}.wav").write_bytes(b"")
    paths = [file.path for file in FolderWalk().files([music, music / "a"])]
    assert paths == sorted(set(paths))
    assert len(paths) == 1210


# --- Links ---


@pytest.mark.parametrize("own", ["aaa", "zzz"])
def test_an_album_that_is_linked_into_a_mood_folder_has_that_mood(tmp_path: Path, music: Path, own: str) -> None:
    audio.tone(music / own / "Album" / "one.wav", 0.05)
    (music / "happy").mkdir()
    (music / "happy" / "Album").symlink_to(music / own / "Album")
    (track,) = scan(tmp_path, music).tracks
    assert (track.mood, track.origin) == (MoodName.HAPPY, MoodOrigin.FOLDER)


@pytest.mark.parametrize("names", [("happy", "sad"), ("sad", "happy")])
def test_the_own_place_of_a_file_counts_more_than_a_link(tmp_path: Path, music: Path, names: tuple[str, str]) -> None:
    own, other = names
    audio.tone(music / own / "Album" / "one.wav", 0.05)
    audio.tone(music / own / "Album" / "angry" / "two.wav", 0.05, 700)
    (music / other).mkdir()
    (music / other / "Album").symlink_to(music / own / "Album")
    (music / other / "linked.wav").symlink_to(music / own / "Album" / "one.wav")
    found = {track.title: track.mood for track in scan(tmp_path, music).tracks}
    assert found == {"one": MoodName(own), "two": MoodName.ANGRY}


@pytest.mark.parametrize("first", ["1", "2"])
def test_of_two_links_the_mood_decides_and_not_the_name(tmp_path: Path, music: Path, first: str) -> None:
    audio.tone(tmp_path / "elsewhere" / "one.wav", 0.05)
    for name, mood in ((first, "sad"), ("1" if first == "2" else "2", "happy")):
        (music / name / mood).mkdir(parents=True)
        (music / name / mood / "Album").symlink_to(tmp_path / "elsewhere")
    (track,) = scan(tmp_path, music).tracks
    assert track.mood is MoodName.HAPPY, "the first in the order of moods"


def test_of_two_copies_the_mood_decides_and_not_the_name(tmp_path: Path, music: Path) -> None:
    audio.tone(music / "a" / "sad" / "one.wav", 0.05)
    audio.tone(music / "b" / "calm" / "one.wav", 0.05)
    (track,) = scan(tmp_path, music).tracks
    assert track.mood is MoodName.CALM


def test_links_between_all_folders_do_not_multiply(music: Path) -> None:
    """Thirty folders that each link to all others have more paths than any disk has bytes."""
    for number in range(30):
        (music / str(number)).mkdir()
        (music / str(number) / "a.wav").write_bytes(b"")
        for other in range(30):
            (music / str(number) / f"to {other}").symlink_to(music / str(other))
    assert len(list(FolderWalk().files([music]))) == 30


# --- Changes ---


def retag(path: Path, title: str) -> None:
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(id3.TIT2(text=[title]))
    file.save()


def test_a_tag_that_was_edited_with_size_and_date_kept_is_seen(tmp_path: Path, music: Path) -> None:
    path = audio.tone(music / "a.wav", 0.05)
    retag(path, "Before")
    assert titles(scan(tmp_path, music)) == ["Before"]
    status = path.stat()
    retag(path, "Behind")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert titles(scan(tmp_path, music)) == ["Behind"]


def test_a_copy_with_the_same_date_is_read_for_itself(tmp_path: Path, music: Path) -> None:
    """Same content, size and date, but other tags: what is known of the one must not be taken for the other."""
    retag(audio.tone(music / "one.wav", 0.05), "Happy")
    scan(tmp_path, music)
    retag(audio.tone(music / "calm" / "two.wav", 0.05), "Angry")
    status = (music / "one.wav").stat()
    os.utime(music / "calm" / "two.wav", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert titles(scan(tmp_path, music)) == ["Angry"], "the folder's word counts, so this copy is the track"


def test_scanning_again_reads_everything_anew(tmp_path: Path, music: Path) -> None:
    audio.tone(music / "a.wav", 0.05)
    (music / "b.mp3").write_text("no music")
    read: list[str] = []

    def reading(path: Path) -> object:
        read.append(path.name)
        return read_here(path)

    with closing(Catalogue.open(tmp_path / "data", reading)) as catalogue:  # type: ignore[arg-type]
        first = catalogue.scan([music])
        (track,) = first.tracks
        catalogue.analysed(track.key, "model", "it crashed the analysis")
        catalogue.flush()
        assert catalogue.pending("model") == []
        catalogue.scan([music])
        assert read == ["a.wav", "b.mp3"]
        assert catalogue.scan([music], again=True).tracks == first.tracks
        assert read == ["a.wav", "b.mp3"] * 2
        assert len(catalogue.pending("model")) == 1, "what could not be analysed is tried again"


# --- What is wrong ---


def test_an_empty_library_is_a_problem_in_words(tmp_path: Path, music: Path) -> None:
    with closing(Catalogue.open(tmp_path / "data", read_here)) as catalogue:
        assert catalogue.load().problems == (), "nobody has looked yet"
        (problem,) = catalogue.scan([music]).problems
        assert problem == f"There is no music in {music}; copy some there, or plug in the drive that holds it."
        (music / "a.mp3").write_bytes(b"")
        (problem,) = catalogue.scan([music]).problems
        assert "None of the files" in problem
        audio.tone(music / "b.wav", 0.05)
        found = catalogue.scan([music])
        assert (len(found.tracks), found.problems, len(found.notes)) == (1, (), 1)
    assert "There is no music in" in scan(tmp_path, tmp_path / "media" / "*").problems[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_noted(tmp_path: Path, music: Path) -> None:
    audio.tone(music / "a.wav", 0.05)
    (music / "closed").mkdir(mode=0)
    found = scan(tmp_path, music)
    assert "closed cannot be read: permission denied" in found.notes[0]
    assert found.problems == ()
