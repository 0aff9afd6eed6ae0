"""How long a file is, in every container and however it was made: exact, or unknown, but never an estimate."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import audio
import pytest
from mutagen import id3

from device.errors import LibraryError
from device.music.metadata import duration, ffmpeg, ogg
from device.music.metadata.access import Pieces, open_file
from device.music.metadata.reader import read_stream_tags, read_tags

SECONDS = 6.0
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "1000000"}

ENCODINGS: dict[str, Callable[[Path], Path]] = {
    "a.mp3": lambda path: audio.encoded(path, "mp3", "libmp3lame", SECONDS),
    "constant without xing.mp3": lambda path: audio.encoded(
        path, "mp3", "libmp3lame", SECONDS, muxer={"write_xing": "0"}),
    "variable without xing.mp3": lambda path: audio.encoded(
        path, "mp3", "libmp3lame", SECONDS, noise_from=0.3, muxer={"write_xing": "0"}, encoder=audio.VBR),
    "a.mp2": lambda path: audio.encoded(path, "mp2", "mp2", SECONDS),
    "a.flac": lambda path: audio.encoded(path, "flac", "flac", SECONDS),
    "a.oga": lambda path: audio.encoded(path, "ogg", "flac", SECONDS),
    "a.opus": lambda path: audio.encoded(path, "ogg", "libopus", SECONDS),
    "a.m4a": lambda path: audio.encoded(path, "ipod", "aac", SECONDS),
    "alac.m4b": lambda path: audio.encoded(path, "ipod", "alac", SECONDS),
    "fragments.m4a": lambda path: audio.encoded(path, "mp4", "aac", SECONDS, muxer=FRAGMENTS),
    "a.aac": lambda path: audio.encoded(path, "adts", "aac", SECONDS, noise_from=0.5),
    "a.wav": lambda path: audio.encoded(path, "wav", "pcm_s16le", SECONDS),
    "adpcm.wav": lambda path: audio.encoded(path, "wav", "adpcm_ms", SECONDS),
    "mp3.wav": lambda path: audio.encoded(path, "wav", "libmp3lame", SECONDS),
    "short mp3.wav": lambda path: audio.encoded(path, "wav", "libmp3lame", SECONDS, encoder={"b": "32k"}),
    "rf64.wav": lambda path: audio.encoded(path, "wav", "pcm_s16le", SECONDS, muxer={"rf64": "always"}),
    "a.w64": lambda path: audio.encoded(path, "w64", "pcm_s16le", SECONDS),
    "a.aiff": lambda path: audio.encoded(path, "aiff", "pcm_s16be", SECONDS),
    "a.wma": lambda path: audio.encoded(path, "asf", "wmav2", SECONDS, encoder={"b": "128k"}),
    "a.wv": lambda path: audio.encoded(path, "wv", "wavpack", SECONDS),
    "a.mka": lambda path: audio.encoded(path, "matroska", "libmp3lame", SECONDS),
    "live.mka": lambda path: audio.encoded(path, "matroska", "libmp3lame", SECONDS, muxer={"live": "1"}),
    "a.webm": lambda path: audio.encoded(path, "webm", "libopus", SECONDS),
    "a.mp4": lambda path: audio.encoded(path, "mp4", "aac", SECONDS),
    "no ending": lambda path: audio.encoded(path, "matroska", "flac", SECONDS),
}  # fmt: skip


@pytest.fixture(scope="module")
def encodings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("encodings")
    return {name: make(folder / name) for name, make in ENCODINGS.items()}


@pytest.mark.parametrize("read", [read_tags, read_stream_tags])
@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_is_as_long_as_it_is(encodings: dict[str, Path], name: str, read: Callable) -> None:  # type: ignore[type-arg]
    assert read(encodings[name]).duration_s == pytest.approx(SECONDS, abs=0.15)


@pytest.mark.parametrize("name", ["a.mp3", "constant without xing.mp3", "a.flac", "a.opus", "a.m4a", "a.wav", "a.wma"])
def test_the_usual_formats_need_no_packets(
    encodings: dict[str, Path], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large library would keep a card busy for hours."""
    monkeypatch.setattr(ffmpeg, "measure", lambda *_: pytest.fail("measured"))
    assert read_tags(encodings[name]).duration_s == pytest.approx(SECONDS, abs=0.15)


def test_a_table_of_contents_of_another_length_is_not_believed(encodings: dict[str, Path], tmp_path: Path) -> None:
    """The second half was cut off, and the Xing header is still that of the whole."""
    whole = encodings["a.mp3"].read_bytes()
    (tmp_path / "half.mp3").write_bytes(whole[: len(whole) // 2])
    assert read_tags(tmp_path / "half.mp3").duration_s == pytest.approx(SECONDS / 2, abs=0.15)


@pytest.mark.parametrize("claimed", [0, 0x7FFFFF00, 0xFFFFFFFF])
def test_a_wav_file_is_as_long_as_it_is_and_not_as_it_claims(tmp_path: Path, claimed: int) -> None:
    """Programs that write to a pipe cannot go back to write the length."""
    path = audio.tone(tmp_path / "a.wav", SECONDS)
    whole = path.read_bytes()
    at = whole.find(b"data") + 4
    path.write_bytes(whole[:at] + struct.pack("<I", claimed) + whole[at + 4 :])
    assert read_tags(path).duration_s == pytest.approx(SECONDS, abs=0.05)


def test_a_flac_file_that_was_streamed_does_not_say_how_long_it_is(encodings: dict[str, Path], tmp_path: Path) -> None:
    content = bytearray(encodings["a.flac"].read_bytes())
    content[21] &= 0xF0  # the number of samples, 36 bits
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    assert read_tags(tmp_path / "a.flac").duration_s == pytest.approx(SECONDS, abs=0.15)


@pytest.mark.parametrize(
    ("rates_and_lengths", "start_s"),
    [
        ([(44100, 30.0)], 0.0),
        ([(44100, 30.0), (44100, 20.0)], 0.0),
        ([(44100, 30.0), (48000, 20.0), (22050, 100.0)], 0.0),
        ([(44100, 30.0)], 86400.0),
    ],
)
def test_all_streams_of_an_ogg_file_count(
    tmp_path: Path, rates_and_lengths: list[tuple[int, float]], start_s: float
) -> None:
    """Recordings of radio are chains, and begin at any position."""
    path = audio.linked(tmp_path / "a.ogg", rates_and_lengths, start_s)
    assert read_tags(path).duration_s == pytest.approx(sum(seconds for _, seconds in rates_and_lengths), abs=0.01)


def test_what_takes_too_long_to_measure_is_unknown(encodings: dict[str, Path], tmp_path: Path) -> None:
    name = "variable without xing.mp3"
    with open_file(encodings[name]) as file, ffmpeg.opened(file, encodings[name]) as container:
        assert ffmpeg.measure(container, container.streams.audio[0], -1.0) == 0.0
    with open_file(audio.linked(tmp_path / "a.ogg", [(44100, 1.0), (44100, 1.0)])) as file:
        assert ogg.duration_of(Pieces(file.fileno()), -1.0) == 0.0


def test_a_length_beyond_ten_days_is_unknown(tmp_path: Path) -> None:
    path = audio.ogg(tmp_path / "a.opus", 11 * 86400.0, "opus")
    assert read_tags(path).duration_s == 0.0


def test_a_film_without_sound_holds_no_sound(tmp_path: Path) -> None:
    import av
    import numpy as np

    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        file.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(LibraryError, match=r"a\.mp4 holds no sound"):
        read_tags(path)


@pytest.mark.parametrize("name", ["a.flac", "a.aac", "a.opus", "a.wav", "a.m4a", "a.mka", "a.mp3", "a.wv"])
def test_id3_before_anything_keeps_nothing_out(encodings: dict[str, Path], tmp_path: Path, name: str) -> None:
    tag = audio.id3_bytes(id3.TIT2(text=["Title"]), id3.TMOO(text=["Sad"]))
    (tmp_path / name).write_bytes(tag + encodings[name].read_bytes())
    read = read_tags(tmp_path / name)
    assert (read.title, read.mood) == ("Title", "sad")
    assert read.duration_s == pytest.approx(SECONDS, abs=0.15)


def test_two_id3_tags_and_zeros_before_the_sound(encodings: dict[str, Path], tmp_path: Path) -> None:
    tag = audio.id3_bytes(id3.TIT2(text=["Title"]))
    for name in ("a.flac", "a.mp3", "a.aac"):
        (tmp_path / name).write_bytes(tag + tag + bytes(3000) * (name != "a.flac") + encodings[name].read_bytes())
        assert read_tags(tmp_path / name).duration_s == pytest.approx(SECONDS, abs=0.15)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("blank_id3.flac", 12.0), ("dash.m4a", 20.0), ("vbr_no_xing.mp3", 30.0), ("adpcm.wav", 12.0),
     ("ape_only.mp3", 12.0), ("oggenc_chirp.ogg", 60.0), ("short_300ms.wav", 0.3)],
)  # fmt: skip
def test_files_that_were_told_wrong(shared_dir: Path, name: str, seconds: float) -> None:
    assert read_tags(shared_dir / "cases" / name).duration_s == pytest.approx(seconds, abs=0.05)


def test_bitrates_are_compared_all_over_the_file(encodings: dict[str, Path]) -> None:
    for name, constant in (("constant without xing.mp3", True), ("variable without xing.mp3", False)):
        with open_file(encodings[name]) as file:
            from mutagen.mp3 import MP3

            pieces = Pieces(file.fileno())
            assert duration._has_one_bitrate(MP3(encodings[name]).info, pieces, pieces.size) is constant
