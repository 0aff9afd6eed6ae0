"""Fetching a medium from outside: what a good server gives, and what a hostile one cannot do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from audio import tone
from hypothesis import given, settings
from hypothesis import strategies as st
from web_server import Visit, WebServer, web_server

from device.errors import WebError
from device.music.playback import web_format, web_playlist, web_source
from device.music.playback.web_source import WebSource


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as made:
        yield made


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    return tone(tmp_path / "a.wav", 1.0).read_bytes()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_source, "TIMEOUT_S", 0.4)


def everything(source: WebSource) -> bytes:
    parts = []
    while piece := source.read(50_000):
        parts.append(piece)
    return b"".join(parts)


def refusal(url: str) -> str:
    with pytest.raises(WebError) as caught:
        WebSource(url).open()
    return str(caught.value)


# --- A good server --------------------------------------------------------------------------------------------------


def test_a_file_is_read_to_its_end(server: WebServer, sound: bytes) -> None:
    source = WebSource(server.file(sound))
    opened = source.open()
    assert (opened.demuxer, opened.size, opened.seekable) == ("wav", len(sound), True)
    assert everything(source) == sound
    assert source.problem == ""


def test_one_can_jump_in_a_file(server: WebServer, sound: bytes) -> None:
    source = WebSource(server.file(sound))
    source.open()
    for at in (100_000, 10, 5000, 150_000, 0, 170_000, len(sound)):
        assert source.seek(at)
        assert source.read(1000) == sound[at : at + 1000]


def test_a_server_without_ranges_is_read_from_the_beginning_only(server: WebServer, sound: bytes) -> None:
    def plain(visit: Visit) -> None:
        visit.head(Content_Length=len(sound))
        visit.send(sound)

    source = WebSource(server.url(plain))
    assert not source.open().seekable
    source.read(100)
    assert source.seek(0)  # the demuxer looks at the beginning twice
    assert everything(source) == sound
    assert not source.seek(100_000)


def test_a_chunked_stream_without_length_is_read(server: WebServer, sound: bytes) -> None:
    def chunked(visit: Visit) -> None:
        visit.head(Transfer_Encoding="chunked")
        for at in range(0, len(sound), 7000):
            piece = sound[at : at + 7000]
            visit.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        visit.send(b"0\r\n\r\n")

    source = WebSource(server.url(chunked))
    assert source.open().size is None
    assert everything(source) == sound
    assert source.problem == ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("#EXTM3U\n#EXTINF:-1,A station\n{}\n", "audio/x-mpegurl"),
        ("{}", "audio/mpegurl; charset=utf-8"),
        ("\ufeff#EXTM3U\r\n{}\r\n", "text/plain"),
        ("[playlist]\nNumberOfEntries=1\nFile1={}\nTitle1=x\n", "audio/x-scpls"),
        ("[Playlist]\r\nfile1 = {}\r\n", ""),
        ("http://127.0.0.1:1/gone\n{}\n", "audio/x-mpegurl"),
    ],
)
def test_a_playlist_leads_to_its_first_entry_that_answers(
    server: WebServer, sound: bytes, body: str, kind: str
) -> None:
    playlist = server.file(body.format(server.file(sound)).encode(), kind, "list")
    source = WebSource(playlist)
    assert source.open().demuxer == "wav"
    assert everything(source) == sound


def test_redirects_and_relative_addresses_are_followed(server: WebServer, sound: bytes) -> None:
    there = server.file(sound)
    path = there.split(str(server.port))[1]
    for url in (server.redirect(there), server.redirect(path, "308 Permanent Redirect"), server.file(path.encode(),
                "audio/x-mpegurl")):  # fmt: skip
        assert WebSource(url).open().demuxer == "wav"


# --- A hostile one --------------------------------------------------------------------------------------------------

FOREIGN = ["file:///etc/passwd", "FILE:///etc/passwd", "ftp://127.0.0.1/a", "smb://nas/a", "concat:a|b", "rtsp://h/",
           "http://user:secret@127.0.0.1/", "data:audio/wav;base64,AAAA", "http://[::1", "gopher://h/",
           "fd://0"]  # fmt: skip


@pytest.mark.parametrize("to", FOREIGN)
def test_no_redirect_leads_to_anything_but_the_web(server: WebServer, to: str) -> None:
    assert "address" in refusal(server.redirect(to))


@pytest.mark.parametrize("to", FOREIGN)
@pytest.mark.parametrize("body", ["#EXTM3U\n{}\n", "[playlist]\nFile1={}\n"])
def test_no_playlist_leads_to_anything_but_the_web(server: WebServer, to: str, body: str) -> None:
    assert refusal(server.file(body.format(to).encode(), "audio/x-mpegurl"))
    assert len(server.requests) == 1


def test_a_loop_of_redirects_ends(server: WebServer) -> None:
    url = server.url(lambda visit: visit.head("302 Found", Location=visit.path))
    assert refusal(url) == "The address redirects more than 8 times."
    assert len(server.requests) == web_source.REQUESTS


def test_a_playlist_that_names_itself_ends(server: WebServer) -> None:
    url = server.url(lambda visit: visit.file(f"#EXTM3U\n{visit.path}\n{visit.path}".encode()))
    assert refusal(url) == "The address redirects more than 8 times."
    assert len(server.requests) == web_source.REQUESTS


def test_an_endless_playlist_is_not_read_to_its_end(server: WebServer) -> None:
    def endless(visit: Visit) -> None:
        visit.head(Content_Type="audio/x-mpegurl")
        while not visit.released.is_set():
            visit.send(b"#EXTM3U\nhttp://127.0.0.1/\n" * 100)

    assert refusal(server.url(endless)) == "The playlist at this address is too large."


def test_hls_is_refused_in_words(server: WebServer) -> None:
    body = b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nfile:///etc/passwd\n"
    assert refusal(server.file(body, "application/vnd.apple.mpegurl")) == web_playlist.HLS


@pytest.mark.parametrize(
    "script",
    [
        lambda visit: visit.hang(),
        lambda visit: (visit.send(b"HTTP/1.1 200 OK\r\n"), visit.hang()),
        lambda visit: (visit.head(Content_Length=10_000), visit.send(b"RIFF"), visit.hang()),
    ],
    ids=["no answer", "half a head", "half a body"],
)
def test_a_server_that_hangs_is_left(server: WebServer, script: object) -> None:
    assert "0.4 s" in refusal(server.url(script))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "script",
    [
        lambda visit: visit.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 5000, 0.05),
        lambda visit: (visit.head(), visit.drip(b"RIFF" * 5000, 0.05)),
    ],
    ids=["head", "body"],
)
def test_one_can_leave_a_server_that_drips(server: WebServer, script: object) -> None:
    """No wait of it is long enough for a time-out: the player gives up and closes."""
    source, ended = WebSource(server.url(script)), threading.Event()  # type: ignore[arg-type]

    def open_it() -> None:
        with pytest.raises(WebError):
            source.open()
        ended.set()

    threading.Thread(target=open_it, daemon=True).start()
    assert not ended.wait(0.6)
    source.close()
    assert ended.wait(5)


def test_one_can_leave_a_read_that_waits(server: WebServer, sound: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_source, "TIMEOUT_S", 60)
    url = server.url(lambda visit: (visit.head(), visit.send(sound[:9000]), visit.hang()))
    source, ended = WebSource(url), threading.Event()
    source.open()

    def read() -> None:
        everything(source)
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    assert not ended.wait(0.2)
    source.close()
    assert ended.wait(5)


def test_a_body_that_stops_too_early_is_a_problem(server: WebServer, sound: bytes) -> None:
    def short(visit: Visit) -> None:
        visit.head(Content_Length=len(sound))
        visit.send(sound[:50_000])

    source = WebSource(server.url(short))
    source.open()
    assert everything(source) == sound[:50_000]
    assert source.problem == "The server ended the transmission too early."


def test_a_body_longer_than_it_says_ends_where_it_says(server: WebServer, sound: bytes) -> None:
    def long(visit: Visit) -> None:
        visit.head(Content_Length=50_000)
        visit.send(sound)

    source = WebSource(server.url(long))
    source.open()
    assert everything(source) == sound[:50_000]


def test_an_endless_body_ends_at_the_limit(server: WebServer, sound: bytes) -> None:
    def endless(visit: Visit) -> None:
        visit.head()
        while not visit.released.is_set():
            visit.send(sound)

    source = WebSource(server.url(endless), most_bytes=1_000_000)
    source.open()
    assert len(everything(source)) == 1_000_000
    assert source.problem == "The file is larger than 1 MB."


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "The server answers 404 Not Found."),
        (b"HTTP/1.1 500 \x1b[31mred\r\n\r\n", "The server answers 500 [31mred."),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "The server answers 204 No Content."),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "The server sends nothing."),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>hello", web_format.WEB_PAGE),
        (b"HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE html>", web_format.WEB_PAGE),
        (b"HTTP/1.1 200 OK\r\n\r\nMZ garbage", web_format.NOTHING),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "127.0.0.1 does not answer like a web server."),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", "127.0.0.1 does not answer like a web server."),
        (b"HTTP/1.1 302 Found\r\n\r\n", None),
        (b"", None),
    ],
)  # fmt: skip
def test_every_bad_answer_is_a_sentence(server: WebServer, answer: bytes, sentence: str | None) -> None:
    said = refusal(server.url(lambda visit: visit.send(answer)))
    assert said.endswith(".")
    assert sentence in (None, said)


@pytest.mark.parametrize(
    "length", ["-5", "99999999999999999999999999", "abc", "\u0661", "5, 5", ""], ids=ascii
)
def test_a_length_that_is_none_is_ignored(server: WebServer, sound: bytes, length: str) -> None:
    def odd(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-1/" + length.encode() + b"\r\n\r\n" + sound)

    source = WebSource(server.url(odd))
    assert source.open().size is None


def test_unknown_hosts_and_closed_ports_are_sentences() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody listens
        assert refusal(f"http://127.0.0.1:{silent.getsockname()[1]}/").startswith("127.0.0.1 cannot be reached: ")
    assert refusal("http://nowhere.invalid/") == "There is no host nowhere.invalid."


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["", "audio/mpeg", "audio/aac", "text/html", "audio/x-mpegurl"]))
def test_no_beginning_and_no_playlist_breaks_the_parsers(head: bytes, kind: str) -> None:
    assert web_format.demuxer(head, kind) in {"", "mpga", "aac", *(name for *_, name in web_format.MAGIC)}
    assert web_format.why_not(head, kind)
    if web_playlist.is_playlist(head, kind):
        assert all(isinstance(entry, str) for entry in web_playlist.entries(head, "http://h/a"))
