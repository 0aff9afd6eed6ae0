"""libVLC plays media from a web server, good and hostile: what is heard is recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest
from audio import RATE_HZ, encoded, peak, samples, tone, track_of
from stages import CONFIG, VlcStage, level, until
from web_server import Visit, WebServer, web_server

from device.domain import SpeechEnded, Track, TrackAt, TrackEnded, TrackFailed, TrackStarted
from device.music.audio.speech import DUCKED
from device.music.playback import decoder, speaker, web_source

SONG_HZ, SPEECH_HZ = 441.0, 2205.0


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as made:
        yield made


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[VlcStage]:
    made = VlcStage(replace(CONFIG, output="file", volume=50, max_volume=60), tmp_path)
    yield made
    made.player.close()


def medium(url: str) -> Track:
    return Track("", url, "the medium")


def heard(stage: VlcStage) -> Path:
    return stage.folder / "audio.wav"


def loudness(sound: np.ndarray, hz: float) -> np.ndarray:
    """The amplitude of a tone in each tenth of a second."""
    count = RATE_HZ // 10
    blocks = sound[: len(sound) // count * count].reshape(-1, count)
    wave = np.exp(-2j * np.pi * hz * np.arange(count) / RATE_HZ)
    return np.abs(blocks @ wave) * 2 / count


# --- What is heard -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_announcement_ducks_the_song_and_returns_and_stays_below_the_limit(
    stage: VlcStage, server: WebServer, tmp_path: Path
) -> None:
    song = track_of(tone(tmp_path / "song.wav", 8.0, SONG_HZ), 8.0)
    sentence = tone(tmp_path / "sentence.wav", 1.5, SPEECH_HZ).read_bytes()
    stage.player.play(1, song)
    stage.wait(TrackStarted)
    assert until(lambda: len(samples(heard(stage))) > 1.5 * RATE_HZ)
    stage.player.speak(2, medium(server.file(sentence, "audio/wav")), 100)  # the limit is 60 %
    assert stage.next() == SpeechEnded(2)
    assert stage.next() == TrackEnded(1)
    stage.player.close()
    sound = samples(heard(stage))
    music, speech = loudness(sound, SONG_HZ), loudness(sound, SPEECH_HZ)
    full, spoken = level(50), speech > 0.9 * level(60) * (1 - DUCKED)
    assert 1.2 < spoken.sum() / 10 < 1.7
    assert speech.max() == pytest.approx(level(60) * (1 - DUCKED), rel=0.03)
    assert music[spoken] == pytest.approx(full * DUCKED, rel=0.05)
    first, last = np.flatnonzero(spoken)[[0, -1]]
    assert music[first - 6] == pytest.approx(full, rel=0.05)
    assert music[last + 12] == pytest.approx(full, rel=0.05)
    assert np.abs(sound).max() <= level(60) * 1.001
    played_s = len(np.flatnonzero(music > 0.05 * full)) / 10
    assert played_s == pytest.approx(8.0, abs=0.4)  # the song lost nothing and nothing came twice


@pytest.mark.parametrize(
    ("container", "codec", "kind"),
    [
        ("mp3", "mp3", "audio/mpeg"),
        ("ogg", "libopus", "audio/ogg"),
        ("flac", "flac", "audio/flac"),
        ("adts", "aac", "audio/aac"),
        ("mp4", "aac", "audio/mp4"),
        ("matroska", "libopus", "audio/webm"),
        ("aiff", "pcm_s16be", ""),
    ],
)
def test_each_format_is_heard_from_its_beginning_to_its_end(
    stage: VlcStage, server: WebServer, tmp_path: Path, container: str, codec: str, kind: str
) -> None:
    content = encoded(tmp_path / "sound", container, codec, 1.5).read_bytes()
    stage.player.play(1, medium(server.file(content, kind)))
    assert stage.next() == TrackStarted(1, ANY, ANY)
    assert stage.next() == TrackEnded(1)
    stage.player.close()
    tones = loudness(samples(heard(stage)), 440.0) > 0.5 * 0.3 * level(50)
    assert 1.1 < tones.sum() / 10 < 1.8


def test_a_live_stream_that_begins_inside_a_frame_is_heard(
    stage: VlcStage, server: WebServer, tmp_path: Path
) -> None:
    content = encoded(tmp_path / "sound", "mp3", "mp3", 20.0).read_bytes()

    def live(visit: Visit) -> None:
        visit.head(Content_Type="audio/mpeg")
        visit.send(content[12_345:])
        visit.hang()

    playlist = f"#EXTM3U\n#EXTINF:-1,A station\n{server.url(live)}\n"
    stage.player.play(1, medium(server.file(playlist.encode(), "audio/x-mpegurl")))
    assert stage.next() == TrackStarted(1, ANY, ANY)
    assert until(lambda: loudness(samples(heard(stage)), 440.0)[-3:].min(initial=1) > 0.1 * level(50))


def test_one_can_jump_in_a_file_on_the_web(stage: VlcStage, server: WebServer, tmp_path: Path) -> None:
    content = tone(tmp_path / "long.wav", 30.0).read_bytes()
    stage.player.play(1, medium(server.file(content, "audio/wav")))
    started = stage.next()
    assert isinstance(started, TrackStarted)
    assert started.length_s == pytest.approx(30.0, abs=0.1)
    stage.player.seek(1, 29.0)
    assert stage.wait(TrackAt).position.track_s == pytest.approx(29.0, abs=0.5)
    assert stage.next() == TrackEnded(1)


# --- Hostile servers ----------------------------------------------------------------------------------------------


def tricks(loud: str) -> dict[str, bytes]:
    """Contents that would make a player open the file at the address `loud`."""
    playlist = f"#EXTM3U\n{loud}\n".encode()
    xspf = f'<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><trackList><track><location>{loud}</location>'
    atom = b"rdrf" + bytes(4) + b"url " + (len(loud) + 1).to_bytes(4, "big") + loud.encode() + b"\0"
    for name in (b"", b"rmda", b"rmra", b"moov"):
        atom = (len(name) + len(atom) + 4).to_bytes(4, "big") + name + atom
    return {
        "an M3U": playlist,
        "an M3U behind an ID3 tag": b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + playlist,
        "an M3U behind a frame": b"\xff\xfb\x90\xc4" + playlist,
        "XSPF": xspf.encode() + b"</track></trackList></playlist>",
        "ASX": f'<asx version="3.0"><entry><ref href="{loud}"/></entry></asx>'.encode(),
        "a reference movie": b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + atom,
        "an FFmpeg list": f"ffconcat version 1.0\nfile '{loud.removeprefix('file://')}'\n".encode(),
        "an SDP": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\n",
        "HLS": f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{loud}\n#EXT-X-ENDLIST\n".encode(),
        "DASH": f"<MPD><Period><BaseURL>{loud}</BaseURL></Period></MPD>".encode(),
    }


@pytest.mark.parametrize("kind", ["audio/mpeg", "application/octet-stream"])
@pytest.mark.parametrize("trick", sorted(tricks("")))
def test_no_content_makes_it_open_a_file_of_the_device(
    stage: VlcStage, server: WebServer, tmp_path: Path, trick: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "STALLED_S", 1.0)
    loud = tone(tmp_path / "loud.wav", 2.0)
    stage.player.play(1, medium(server.file(tricks(loud.as_uri())[trick], kind)))
    ended = stage.next()
    while isinstance(ended, TrackStarted):
        ended = stage.next()
    assert isinstance(ended, TrackFailed | TrackEnded)
    stage.player.close()
    assert peak(heard(stage)) < 0.01


@pytest.mark.parametrize("speech", [False, True])
@pytest.mark.parametrize(
    "script",
    [
        lambda visit: visit.hang(),
        lambda visit: visit.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9000, 0.02),
        lambda visit: (visit.head(), visit.drip(b"RIFF" * 5000, 0.02)),
        lambda visit: (visit.head(), visit.send(b"RIFF\xff\xff\xff\x7fWAVEfmt " + bytes(5000)), visit.hang()),
    ],
    ids=["silent", "dripping head", "dripping body", "hanging body"],
)
def test_a_hung_server_fails_in_time_and_the_player_goes_on(
    stage: VlcStage, server: WebServer, script: object, speech: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_source, "TIMEOUT_S", 1.0)
    monkeypatch.setattr(decoder, "OPENING_S", 1.5)
    url = server.url(script)  # type: ignore[arg-type]
    if speech:
        stage.player.speak(1, medium(url), 40)
    else:
        stage.player.play(1, medium(url))
    ended = stage.next()
    assert isinstance(ended, SpeechEnded if speech else TrackFailed)
    assert ended.problem
    stage.player.play(2, stage.track(0.4))
    assert stage.next() == TrackStarted(2, ANY, ANY)
    assert stage.next() == TrackEnded(2)
    stage.player.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "player" and thread.is_alive()]


def test_an_announcement_that_never_ends_is_cut(
    stage: VlcStage, server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker, "LONGEST_S", 1.0)
    content = encoded(tmp_path / "sound", "mp3", "mp3", 5.0).read_bytes()

    def endless(visit: Visit) -> None:
        visit.head(Content_Type="audio/mpeg")
        while not visit.released.is_set():
            visit.send(content)

    stage.player.speak(1, medium(server.url(endless)), 40)
    ended = stage.next()
    assert isinstance(ended, SpeechEnded)
    assert "longer than 1 s" in ended.problem
    assert until(lambda: len(samples(heard(stage))) > 2.0 * RATE_HZ)
    stage.player.close()
    spoken = loudness(samples(heard(stage)), 440.0) > 0.01 * level(40)
    assert 0.8 < spoken.sum() / 10 < 1.5


def test_a_sentence_that_breaks_off_says_so(
    stage: VlcStage, server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker, "STARVED_S", 0.5)
    content = encoded(tmp_path / "sound", "mp3", "mp3", 3.0).read_bytes()

    def half(visit: Visit) -> None:
        visit.head(Content_Type="audio/mpeg", Content_Length=len(content))
        visit.send(content[: len(content) // 2])
        visit.hang()

    stage.player.speak(1, medium(server.url(half)), 40)
    ended = stage.next()
    assert isinstance(ended, SpeechEnded)
    assert ended.problem


@pytest.mark.parametrize("url", ["file:///etc/passwd", "smb://nas/a.mp3", "concat:///a", "dvd://", "fd://0", "x"])
def test_the_player_itself_opens_only_the_web(stage: VlcStage, tmp_path: Path, url: str) -> None:
    """The core refuses these already; a defect there must not be enough."""
    stage.player.speak(1, medium(url), 40)
    assert isinstance(stage.next(), SpeechEnded)
