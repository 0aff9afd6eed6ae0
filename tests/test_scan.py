"""`affetto scan`: analyses what is new, loses nothing when it is interrupted, and shows the library in the plane."""

from __future__ import annotations

import io
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import audio
import pytest
from rich.console import Console
from rich.progress import Progress

from device import scan
from device.domain import MOOD_AFFECT, Affect, LibraryLoaded, MoodName, MoodOrigin, Track
from device.errors import AffettoError, LibraryError
from device.music.library import catalogue as catalogue_module
from device.music.library.analysis_queue import model_id
from device.music.library.catalogue import Catalogue
from device.music.track_mood import FEATURE_BYTES, TrackMood
from device.music.workers.tag_client import read_here
from device.scan import plot, points, report, terminal
from device.scan.progress import Bars, Lines, display

FOUND = TrackMood(Affect(-0.2, 0.7), 0.3, (0.1, 0.7, 0.1, 0.1), 120.0, bytes(FEATURE_BYTES), -12.0)


class FakeAnalyser:
    """Returns `FOUND`, or fails as asked for; counts how often each file comes."""

    pid = None

    def __init__(self, *, bad: str = "", interrupt_after: int = -1) -> None:
        self.asked: list[str] = []
        self._bad, self._left = bad, interrupt_after

    def analyse(self, path: Path) -> TrackMood:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        self.asked.append(path.name)
        if path.name == self._bad:
            raise LibraryError(f"{path} crashed the analysis twice and is left out")
        return FOUND

    def close(self) -> None:
        pass


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with a card of the model that analyses; nobody loads the model itself."""
    folder = tmp_path / "models"
    folder.mkdir()
    shipped = Path(__file__).resolve().parent.parent / "models"
    card = (shipped / "emotion.json").read_text().replace('"emotion"', '"music_mood"', 1)
    (folder / "music_mood.json").write_text(card)
    return folder


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for number in range(4):
        audio.tone(tmp_path / "music" / f"{number}.wav", 0.1, 200 + 50 * number)
    audio.tone(tmp_path / "music" / "calm" / "mine.wav", 0.1, 900)
    return tmp_path / "music"


@pytest.fixture
def catalogue(tmp_path: Path, music: Path) -> Iterator[Catalogue]:
    with closing(Catalogue.open(tmp_path / "data", read_here)) as opened:
        opened.scan([music])
        yield opened


def analyse(catalogue: Catalogue, models: Path, analyser: FakeAnalyser) -> str:
    return scan.analyse(catalogue, models, Lines(lambda line: None), analyser)


def test_what_was_analysed_is_in_the_library_and_not_analysed_again(catalogue: Catalogue, models: Path) -> None:
    analyser = FakeAnalyser()
    assert analyse(catalogue, models, analyser) == ""
    assert sorted(analyser.asked) == ["0.wav", "1.wav", "2.wav", "3.wav", "mine.wav"]
    assert analyser.asked[-1] == "mine.wav", "first those of which nobody said what mood they have"
    by_title = {track.title: track for track in catalogue.load().tracks}
    analysed, mine = by_title["2"], by_title["mine"]
    assert (analysed.origin, analysed.mood, analysed.affect) == (MoodOrigin.MODEL, MoodName.TENSE, FOUND.affect)
    assert (analysed.uncertainty, analysed.tempo_bpm, analysed.features) == (0.3, 120.0, FOUND.features)
    assert analysed.gain_db == pytest.approx(-6.0)
    assert (mine.origin, mine.mood, mine.affect) == (MoodOrigin.FOLDER, MoodName.CALM, MOOD_AFFECT[MoodName.CALM])
    assert (mine.uncertainty, mine.tempo_bpm, mine.features) == (None, 120.0, FOUND.features)
    again = FakeAnalyser()
    analyse(catalogue, models, again)
    assert again.asked == []


def test_an_interrupted_scan_goes_on_where_it_was(catalogue: Catalogue, models: Path, tmp_path: Path) -> None:
    first = FakeAnalyser(interrupt_after=2)
    with pytest.raises(KeyboardInterrupt):
        analyse(catalogue, models, first)
    assert "before 3 tracks could be analysed" in scan.stopped(catalogue, models)
    catalogue.close()
    with closing(Catalogue.open(tmp_path / "data", read_here)) as again:
        assert again.count_analysed(model_id(models)) == (2, 5)
        second = FakeAnalyser()
        analyse(again, models, second)
    assert sorted(first.asked + second.asked) == ["0.wav", "1.wav", "2.wav", "3.wav", "mine.wav"]


def test_a_file_that_cannot_be_analysed_is_noted_once_and_asked_once(catalogue: Catalogue, models: Path) -> None:
    analyse(catalogue, models, FakeAnalyser(bad="1.wav"))
    library = catalogue.load()
    assert len(library.tracks) == 5, "it may be played all the same"
    assert [problem for problem in library.notes if "1.wav" in problem] == list(library.notes)
    assert len(library.notes) == 1
    again = FakeAnalyser()
    analyse(catalogue, models, again)
    assert again.asked == []


def test_another_model_analyses_everything_anew(catalogue: Catalogue, models: Path) -> None:
    analyse(catalogue, models, FakeAnalyser(bad="1.wav"))
    card = models / "music_mood.json"
    card.write_text(card.read_text().replace('"sha256": "', '"sha256": "0123', 1))
    again = FakeAnalyser()
    analyse(catalogue, models, again)
    assert len(again.asked) == 5
    assert catalogue.load().problems == ()


def test_old_moods_and_corrections_stay_until_another_model_has_analysed(catalogue: Catalogue, models: Path) -> None:
    analyse(catalogue, models, FakeAnalyser())
    catalogue.correct(next(track.key for track in catalogue.load().tracks if track.title == "3"), MoodName.SAD)
    card = models / "music_mood.json"
    card.write_text(card.read_text().replace('"sha256": "', '"sha256": "0123', 1))
    for asked in (0, 2):
        if asked:
            with pytest.raises(KeyboardInterrupt):
                analyse(catalogue, models, FakeAnalyser(interrupt_after=asked))
        assert catalogue.count_analysed(model_id(models)) == (asked, 5)
        by_title = {track.title: track for track in catalogue.load().tracks}
        assert all(track.features == FOUND.features for track in by_title.values())
        assert [by_title[title].origin for title in "012"] == [MoodOrigin.MODEL] * 3
        assert (by_title["3"].origin, by_title["3"].mood) == (MoodOrigin.USER, MoodName.SAD)


def test_without_a_model_it_says_so(catalogue: Catalogue, tmp_path: Path) -> None:
    assert "music_mood" in analyse(catalogue, tmp_path / "nothing", FakeAnalyser())


def test_a_drive_that_goes_while_it_is_analysed_is_nobodys_fault(
    catalogue: Catalogue, models: Path, music: Path
) -> None:
    class Pulled(FakeAnalyser):
        def analyse(self, path: Path) -> TrackMood:
            music.rename(music.with_name("pulled")) if music.exists() else None
            raise LibraryError(f"{path} cannot be read: no such file")

    analyse(catalogue, models, Pulled())
    music.with_name("pulled").rename(music)
    assert catalogue.load().problems == ()
    assert len(catalogue.pending(model_id(models))) == 5


# --- The plane --------------------------------------------------------------------------------------------------


def track(key: str, mood: MoodName, origin: MoodOrigin) -> Track:
    return Track(key, f"file:///{key}", f"Song {key}", "Someone", affect=MOOD_AFFECT[mood], mood=mood, origin=origin)


LIBRARY = [
    track("a", MoodName.CALM, MoodOrigin.FOLDER),
    track("b", MoodName.CALM, MoodOrigin.FOLDER),
    track("c", MoodName.ANGRY, MoodOrigin.MODEL),
    track("d", MoodName.SAD, MoodOrigin.TAG),
    replace(track("e", MoodName.NEUTRAL, MoodOrigin.UNKNOWN)),
]
AFFECTS = {"a": (0.6, -0.5, 0.2), "b": (-0.4, 0.8, 0.3), "c": (-0.5, 0.6, 0.3)}


def test_points_stand_where_the_model_puts_them() -> None:
    a, b, c, d = points.points_of(LIBRARY, AFFECTS)
    assert (a.affect, a.analysed, a.by_model) == (Affect(0.6, -0.5), True, False)
    assert (c.by_model, c.distance) == (True, 0.0)
    assert not d.analysed
    assert d.affect.distance(MOOD_AFFECT[MoodName.SAD]) <= points.SCATTER
    assert points.doubtful([a, b, c, d], 5) == [b], "calm by the folder, tense to the model"
    assert points.counts([a, b, c, d])[MoodName.CALM] == (2, 0)


@pytest.mark.parametrize("count", [0, 1, 15, 2000])
def test_the_picture_has_its_size_and_nothing_is_left_beside_it(tmp_path: Path, count: int) -> None:
    tracks = [track(f"{n:x}", MoodName.SAD, MoodOrigin.FOLDER if n % 2 else MoodOrigin.MODEL) for n in range(count)]
    known = {one.key: (n / count * 2 - 1, 0.5, 0.4) for n, one in enumerate(tracks) if n % 3}
    plot.draw(points.points_of(tracks, known), tmp_path / "library.png")
    raw = (tmp_path / "library.png").read_bytes()
    assert struct.unpack(">II", raw[16:24]) == (plot.WIDTH_IN * plot.DPI, plot.HEIGHT_IN * plot.DPI)
    assert [path.name for path in tmp_path.iterdir()] == ["library.png"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_terminal_shows_moods_counts_and_doubts(width: int) -> None:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(terminal.chart(points.points_of(LIBRARY, AFFECTS), width))
    text = console.export_text()
    assert all(mood in text for mood in MoodName)
    assert "calm 2 (2 yours)" in text
    assert "Song b" in text
    assert all(len(line) <= width for line in text.splitlines())


@pytest.mark.parametrize(("name", "words"), [
    ("library.txt", "not .*library.txt"), ("nowhere/library.png", "no folder .*nowhere"), ("music", "folders come"),
])  # fmt: skip
def test_a_plot_that_cannot_be_written_is_refused_at_once(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(AffettoError, match=words):
        scan.check_picture(tmp_path / name)


def test_without_matplotlib_there_is_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(AffettoError, match="without a file"):
        scan.check_picture(tmp_path / "library.png")


# --- What a scan prints ---


def printed(found: LibraryLoaded, *, terminal: bool, width: int = 40) -> list[str]:
    console = Console(width=width, force_terminal=terminal, color_system=None, file=io.StringIO())
    report.show(console, found)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_piped_output_is_neither_wrapped_nor_padded() -> None:
    long = f"/music/{'a long name ' * 20}.mp3 is empty"
    lines = printed(LibraryLoaded(tuple(LIBRARY), ("One problem.",), (long,)), terminal=False)
    assert lines == [
        "5 tracks, 1 problem, 1 note",
        "mood     unknown  by model  by tag  by folder",
        "calm           0         0       0          2",
        "neutral        1         0       0          0",
        "sad            0         0       1          0",
        "angry          0         1       0          0",
        "! One problem.",
        f"! {long}",
    ]


def test_a_terminal_gets_the_first_notes_and_a_pipe_all() -> None:
    found = LibraryLoaded(tuple(LIBRARY), (), tuple(f"{number}.mp3 is empty" for number in range(617)))
    assert sum("is empty" in line for line in printed(found, terminal=False)) == 617
    lines = printed(found, terminal=True, width=200)
    assert sum("is empty" in line for line in lines) == 20
    assert lines[-1].strip().startswith("and 597 more")


@pytest.mark.parametrize("name", ["a [/b].mp3", "[red]x", "a\x1b[31mb\n\u202e.mp3", "\udcff.mp3"])
def test_any_name_can_be_printed(name: str) -> None:
    shown = name.encode("utf-8", "replace").decode()
    (line,) = (line for line in printed(LibraryLoaded(tuple(LIBRARY), (), (f"{shown} is empty",)), terminal=False)
               if "is empty" in line)  # fmt: skip
    assert report.one_line(shown) in line
    with Progress(console=Console(file=io.StringIO(), force_terminal=True)) as progress:
        bars = Bars(progress)
        bars.read(0, None)
        bars.read(1, 2)
        bars.analyse(0, 2, name)
        progress.refresh()


def test_the_bars_say_what_is_going_on() -> None:
    out = io.StringIO()
    with display(Console(file=out, force_terminal=True, width=120, color_system=None)) as bars:
        bars.read(1, None)
        assert isinstance(bars, Bars)
        reading, analysing = bars._progress.tasks
        assert (reading.description, reading.fields["count"]) == ("Searching", "1 file")
        bars.read(3, 12_000)
        assert (reading.description, reading.fields["count"]) == ("Reading", "3/12,000")
        bars.read(0, 0)
        assert (reading.completed, reading.total, reading.fields["count"]) == (1, 1, "nothing new")
        bars.analyse(0, 1, "a very long name of a song with many words.mp3")
        assert analysing.visible
        assert analysing.elapsed is not None, "the clock runs"
        assert analysing.fields["name"] == "a very long name of a song wi…"


def test_without_a_terminal_there_is_a_line_now_and_then() -> None:
    lines: list[str] = []
    now = 0.0
    progress = Lines(lines.append, lambda: now)
    for second in range(100):
        now = float(second)
        if second < 20:
            progress.read(1, None)
        elif second < 40:
            progress.read(second, 50)
        else:
            progress.analyse(second, 1200, "name")
    assert lines[:3] == ["Searching: 1 file found", "Reading: 30 of 50", "Analysing: 45 of 1,200"]
    assert len(lines) == 6


def test_a_catalogue_that_is_being_written_is_not_the_fault_of_a_file(
    catalogue: Catalogue, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_module, "SAVE_EVERY", 1)
    catalogue._database._sql.db.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "data" / "catalogue.db")
    other.execute("BEGIN IMMEDIATE")
    assert "Another program is writing" in analyse(catalogue, models, FakeAnalyser())
    other.rollback()
    other.close()
    assert catalogue.load().notes == ()
