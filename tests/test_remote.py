"""`affetto set`, `play`, `next` ...: against a real conductor, and what they say where none runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import audio
import pytest
from appliance import running
from mutagen import id3
from mutagen.wave import WAVE
from test_session import LIBRARY, Room
from web_server import WebServer, web_server

from device.__main__ import main
from device.config.schema import Config
from device.control.client import ControlClient
from device.control.documents import plain
from device.demo.show import write
from device.domain import Now
from device.errors import ControlError
from device.remote import report
from device.remote.wanted import find

PATIENCE_S = 60.0
SONGS = (("Dancing Queen", "ABBA"), ("Waterloo", "ABBA"), ("Hoppípolla", "Sigur Rós"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "music").mkdir()
    for number, (title, artist) in enumerate(SONGS):
        path = audio.tone(tmp_path / "music" / f"{number}.wav", 20.0, 300.0 + 50 * number)
        file = WAVE(path)
        file.add_tags()
        file.tags.add(id3.TIT2(text=[title]))
        file.tags.add(id3.TPE1(text=[artist]))
        file.save()
    return tmp_path


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def config(home: Path) -> Config:
    config = Config()
    return replace(
        config,
        device=replace(config.device, data_dir=str(home / "data")),
        music=replace(config.music, folders=(str(home / "music"),), autoplay=False),
        player=replace(config.player, output="dummy"),
        mqtt=replace(config.mqtt, enabled=False),
        page=replace(config.page, enabled=False),
    )


def eventually(config: Config, fits: Callable[[dict], bool]) -> dict:
    """The first state that fits."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with ControlClient(Path(config.device.data_dir)) as client:
                if fits(state := client.state()):
                    return state
        except ControlError:
            pass
        assert time.monotonic() < deadline, "not within a minute"


@pytest.fixture
def command(config: Config, home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple]:
    path = write(config, home / "mine.yaml")

    def run(*words: str) -> tuple[int, str, str]:
        status = main([words[0], "--config", str(path), *words[1:]])
        out, err = capsys.readouterr()
        return status, out.strip(), err.strip()

    return run


def test_a_household_controls_a_real_device(
    config: Config, home: Path, command: Callable[..., tuple], web: WebServer
) -> None:
    station = web.file((home / "music" / "0.wav").read_bytes(), "audio/wav")
    (home / "music" / "Sunday.m3u8").write_text("1.wav\n2.wav\ngone.wav\n")
    (home / "music" / "Radio.m3u").write_text(f"#EXTINF:-1,A station\n{station}\n")
    with running(config, home):
        eventually(config, lambda state: state["health"]["tracks"] == len(SONGS))
        assert command("status")[1].startswith("No music is playing.\nVolume: 30% of at most 70%\nMood: ")
        assert command("set", "volume", "55") == (0, "", "")
        status, _, err = command("set", "volume", "99")
        assert (status, "limit is 70%" in err) == (1, True)
        assert command("play", "hoppi")[:2] == (0, "Playing: Hoppípolla by Sigur Rós.")
        eventually(config, lambda state: state["playback"]["state"] == "playing")
        assert "Playing: Hoppípolla by Sigur Rós (0:" in command("status")[1]
        assert command("play", "--later", "Abba")[:2] == (0, "In the queue: songs by ABBA.")
        assert command("queue")[1].splitlines()[0].endswith("by ABBA")
        assert command("pause") == (0, "", "")
        eventually(config, lambda state: state["playback"]["state"] == "paused")
        assert command("play") == (0, "", "")
        assert command("next") == (0, "", "")
        state = eventually(config, lambda state: state["playback"]["choice"]["track"]["artist"] == "ABBA")
        assert state["playback"]["volume"] == 70
        assert command("sleep", "30") == (0, "", "")
        assert "Sleep timer: the music stops at " in command("status")[1]
        assert command("set", "alarm", "mon-fri", "7:00", "calm") == (0, "", "")
        assert "Next alarm: " in command("status")[1]
        assert command("play", "sunday")[:2] == (0, "Playing: the playlist Sunday.")
        state = eventually(config, lambda state: state["playback"]["choice"]["track"]["title"] == "Waterloo")
        assert [entry["choice"]["track"]["title"] for entry in state["queue"]][:1] == ["Hoppípolla"]
        assert command("play", "radio")[:2] == (0, "Playing: the playlist Radio.")
        eventually(config, lambda state: state["playback"]["choice"]["track"]["uri"] == station)
        eventually(config, lambda state: state["playback"]["state"] == "playing")
        assert command("set", "queue", '{"playlist": "Sundae"}')[2] == (
            "There is no playlist “Sundae”; did you mean “Sunday”?"
        )
        assert command("play", "nothing of the kind")[2] == (
            "affetto play: nothing in the library fits “nothing of the kind”"
        )
        assert command("stop") == (0, "", "")
        eventually(config, lambda state: state["playback"]["state"] == "stopped")


@pytest.mark.parametrize(
    "words", [("status",), ("queue",), ("play",), ("play", "x"), ("next",), ("sleep", "5"), ("set", "volume", "5")]
)
def test_without_a_device_there_is_a_sentence(command: Callable[..., tuple], words: tuple[str, ...]) -> None:
    status, out, err = command(*words)
    assert (status, out) == (1, "")
    assert err.startswith(f"affetto {words[0]}: Affetto does not run with the data in ")
    assert "start it" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("set", "volum", "4"), "affetto set: cannot set 'volum'; NAME is one of mood, "),
        (("set", "volume"), "affetto set: volume takes a whole number from 0 to 100"),
        (("set", "mood", "hapy"), "did you mean 'happy'?"),
        (("sleep", "soon"), "affetto sleep: sleep takes minutes from 0 to 720, or off"),
    ],
)
def test_wrong_words_get_a_sentence(command: Callable[..., tuple], words: tuple[str, ...], message: str) -> None:
    status, _, err = command(*words)
    assert (status, message in err) == (1, True)


def parts(room: Room) -> dict:
    return {name: plain(getattr(room.snapshot, name)) for name in room.snapshot.__dataclass_fields__}


def test_the_report_of_a_silent_device() -> None:
    room = Room()
    lines = report.status(parts(room), room.mono)
    assert lines[0] == "No music is playing."
    assert "Mood: neutral (nobody seen yet), policy match" in lines
    assert report.queue(parts(room)) == ["Nothing waits; the device chooses the next song near the end of this one."]


def test_the_report_of_a_busy_device() -> None:
    room = Room(schedule={"quiet": "00:00-23:59", "children": "everyone", "children_minutes": 5})
    play = room.start_music()
    room.start(play.serial, 65.0)
    room.say("queue", LIBRARY[3].uri)
    room.say("mood", "sad")
    lines = report.status(parts(room), room.mono + 2.0)
    assert lines[0].endswith("(1:07 of 3:00)")
    assert "Mood: sad (set by hand), policy calm" in lines
    assert "Quiet hours: on" in lines
    assert "Children's time: 5 min left today" in lines
    assert report.queue(parts(room))[0] == f"1. {LIBRARY[3].title} by {LIBRARY[3].artist}"
    assert Now(room.mono, room.wall) == room.now


class Empty:
    """A library without anything."""

    def search(self, words: str, limit: int = 50) -> object:
        from device.domain.library import Hits

        return Hits()

    def playlists(self) -> tuple[()]:
        return ()

    def tracks(self, *_: object) -> object:
        from device.domain.library import Listing

        return Listing()


@pytest.mark.parametrize("words", ["", "!?", "calm"])
def test_an_empty_library_has_nothing(words: str) -> None:
    assert find(Empty(), words).tracks == ()  # type: ignore[arg-type]
