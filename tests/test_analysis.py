"""Analysis of real files: every format, every sample layout, and files that are meant to do harm."""

from __future__ import annotations

import itertools
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from device.domain import Affect
from device.errors import LibraryError, ModelError
from device.music.analysis import MoodAnalyser, affect_of, decode
from device.music.track_mood import FEATURE_BYTES, Doubt, TrackMood
from tests.audio import tone

RATE_HZ = 44100
FORMATS = {
    "song.mp3": ("mp3", "libmp3lame", "s16p"),
    "song.flac": ("flac", "flac", "s16"),
    "song.ogg": ("ogg", "vorbis", "fltp"),
    "song.opus": ("ogg", "libopus", "s16"),
    "song.m4a": ("ipod", "aac", "fltp"),
    "alac.m4a": ("ipod", "alac", "s16p"),
    "song.aac": ("adts", "aac", "fltp"),
    "song.wav": ("wav", "pcm_s16le", "s16"),
    "24bit.wav": ("wav", "pcm_s24le", "s32"),
    "float.wav": ("wav", "pcm_f32le", "flt"),
    "8bit.wav": ("wav", "pcm_u8", "u8"),
    "song.aiff": ("aiff", "pcm_s16be", "s16"),
    "song.wma": ("asf", "wmav2", "fltp"),
}


def music(seconds: float, rate_hz: int = RATE_HZ, channels: int = 2) -> np.ndarray:
    """Float32 [channels, n]: a beat, a chord with overtones, and as much noise as a room has."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    random = np.random.default_rng(0)
    chord = sum(np.sin(2 * np.pi * h * hz * t) / h for hz in (220, 277, 330) for h in range(1, 9)) * 0.06
    chord = chord + 0.004 * random.standard_normal(t.size)
    beat = random.standard_normal(t.size) * np.exp(-((t * 2) % 1) * 12) * 0.2
    return np.repeat((chord + beat)[None], channels, 0).astype(np.float32)


def encode(
    path: Path, sound: np.ndarray, container: str, codec: str, form: str, rate_hz: int = RATE_HZ, layout: str = "stereo"
) -> Path:
    """Write float32 [channels, n] as `codec`."""
    with av.open(str(path), "w", format=container) as file:
        out_hz = 48000 if codec == "libopus" else rate_hz
        stream = file.add_stream(codec, rate=out_hz, layout=layout, format=form, options={"strict": "experimental"})
        stream.bit_rate = 160_000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout=layout)
        frame.sample_rate = rate_hz
        for part in (*av.AudioResampler(form, layout, out_hz).resample(frame),):
            part.pts = None
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def analyser(models_dir: Path) -> Iterator[MoodAnalyser]:
    made = MoodAnalyser.load(models_dir)
    yield made
    made.close()


def check(mood: TrackMood) -> None:
    assert sum(mood.quadrants) == pytest.approx(1, abs=1e-5)
    assert -1 <= mood.affect.valence <= 1
    assert -1 <= mood.affect.arousal <= 1
    assert 0 < mood.uncertainty < 1.5
    vector = np.frombuffer(mood.features, "<f2")
    assert len(mood.features) == FEATURE_BYTES
    assert float(np.linalg.norm(vector.astype(np.float64))) == pytest.approx(1, abs=0.01)
    assert mood.tempo_bpm == 0 or 40 <= mood.tempo_bpm <= 240


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_heard_alike(name: str, analyser: MoodAnalyser, tmp_path: Path) -> None:
    sound = music(6)
    reference = analyser.analyse(encode(tmp_path / "reference.wav", sound, "wav", "pcm_s16le", "s16"))
    heard = analyser.analyse(encode(tmp_path / name, sound, *FORMATS[name]))
    check(heard)
    assert heard.affect.distance(reference.affect) < 0.4
    assert heard.loudness_lufs == pytest.approx(reference.loudness_lufs, abs=1.0)
    alike = np.frombuffer(heard.features, "<f2").astype(float) @ np.frombuffer(reference.features, "<f2").astype(float)
    assert alike > 0.9


@pytest.mark.parametrize(
    ("rate_hz", "layout", "channels"),
    [(8000, "mono", 1), (22050, "mono", 1), (48000, "5.1", 6), (96000, "stereo", 2), (192000, "stereo", 2)],
)
def test_every_rate_and_layout_is_heard(
    rate_hz: int, layout: str, channels: int, analyser: MoodAnalyser, tmp_path: Path
) -> None:
    sound = music(3, rate_hz, channels)
    check(analyser.analyse(encode(tmp_path / "x.wav", sound, "wav", "pcm_s24le", "s32", rate_hz, layout)))


def test_loudness_is_that_of_the_file_and_the_mood_is_not(analyser: MoodAnalyser, tmp_path: Path) -> None:
    loud = analyser.analyse(encode(tmp_path / "loud.wav", music(6), "wav", "pcm_f32le", "flt"))
    quiet = analyser.analyse(encode(tmp_path / "quiet.wav", 0.1 * music(6), "wav", "pcm_f32le", "flt"))
    assert loud.loudness_lufs is not None
    assert quiet.loudness_lufs == pytest.approx(loud.loudness_lufs - 20, abs=0.05)
    assert quiet.affect.distance(loud.affect) < 0.05


def test_a_long_file_is_heard_in_three_places(tmp_path: Path) -> None:
    path = encode(tmp_path / "long.mp3", np.tile(music(15), 3), *FORMATS["song.mp3"])
    heard = list(decode.excerpts(path))
    assert [round(part.mono.size / decode.RATE_HZ) for part in heard] == [20, 20, 20]
    assert [round(part.mono.size / decode.RATE_HZ) for part in decode.excerpts(tone(tmp_path / "short.wav", 30))] == [
        30
    ]


def test_the_same_file_gives_the_same_answer(analyser: MoodAnalyser, tmp_path: Path) -> None:
    path = tone(tmp_path / "tone.wav", 2.0)
    assert analyser.analyse(path) == analyser.analyse(path)


def test_the_sound_of_a_video_is_heard(analyser: MoodAnalyser, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as file:
        pictures = file.add_stream("mpeg4", rate=10)
        pictures.width = pictures.height = 64
        sounds = file.add_stream("aac", rate=RATE_HZ, layout="stereo")
        for number in range(20):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 10 * number, np.uint8), format="rgb24")
            file.mux(pictures.encode(picture))
        frame = av.AudioFrame.from_ndarray(music(2), format="fltp", layout="stereo")
        frame.sample_rate = RATE_HZ
        file.mux(sounds.encode(frame))
        file.mux([*pictures.encode(None), *sounds.encode(None)])
    check(analyser.analyse(path))


def test_what_is_left_of_a_truncated_file_is_heard(analyser: MoodAnalyser, tmp_path: Path) -> None:
    path = encode(tmp_path / "cut.mp3", music(10), *FORMATS["song.mp3"])
    path.write_bytes(path.read_bytes()[:50_000])
    check(analyser.analyse(path))


def test_damage_in_the_middle_is_passed_over(analyser: MoodAnalyser, tmp_path: Path) -> None:
    path = encode(tmp_path / "hurt.mp3", music(10), *FORMATS["song.mp3"])
    content = bytearray(path.read_bytes())
    content[40_000:60_000] = np.random.default_rng(0).bytes(20_000)
    path.write_bytes(content)
    check(analyser.analyse(path))


def test_one_sample_and_floats_that_are_no_numbers(analyser: MoodAnalyser, tmp_path: Path) -> None:
    short = encode(tmp_path / "one.wav", np.full((2, 1), 0.5, np.float32), *FORMATS["song.wav"])
    with pytest.raises(LibraryError, match="holds no sound"):
        analyser.analyse(short)
    wild = music(3)
    wild[:, 1000:2000] = np.nan
    wild[:, 5000] = np.inf
    wild[:, 6000] = -1e30
    check(analyser.analyse(encode(tmp_path / "wild.wav", wild, *FORMATS["float.wav"])))


def test_silence_is_no_music(analyser: MoodAnalyser, tmp_path: Path) -> None:
    mood = analyser.analyse(tone(tmp_path / "silent.wav", 3.0, loudness=0.0))
    check(mood)
    assert (mood.doubt, mood.affect, mood.loudness_lufs) == (Doubt.SILENCE, Affect(0.0, 0.0), None)
    with pytest.raises(LibraryError, match=r"empty\.wav (holds no sound|cannot be decoded)"):
        analyser.analyse(tone(tmp_path / "empty.wav", 0.0))


def hostile(path: Path, kind: str) -> None:
    random = np.random.default_rng(0)
    match kind:
        case "nothing":
            path.touch()
        case "zeros":
            path.write_bytes(bytes(100_000))
        case "random":
            path.write_bytes(random.bytes(200_000))
        case "text":
            path.write_text("This is a letter, not a song.\n" * 500)
        case "playlist":
            path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n/etc/hostname\n#EXT-X-ENDLIST\n")
        case "concat":
            path.write_text("ffconcat version 1.0\nfile '/etc/hostname'\n")
        case "picture":
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            with av.open(str(path), "w", format="image2", options={"update": "1"}) as file:
                stream = file.add_stream("png", rate=1)
                stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb24"
                file.mux([*stream.encode(frame), *stream.encode(None)])
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "dead link":
            path.symlink_to(path.parent / "nowhere.mp3")


@pytest.mark.parametrize(
    "kind",
    ["nothing", "zeros", "random", "text", "playlist", "concat", "picture", "folder", "fifo"],
)
def test_what_is_no_music_is_an_error_in_words(kind: str, analyser: MoodAnalyser, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    hostile(path, kind)
    with pytest.raises(LibraryError, match=r"song\.mp3 \w+"):
        analyser.analyse(path)


@pytest.mark.parametrize("kind", ["dead link", "gone"])
def test_a_file_that_is_gone_is_not_the_files_fault(kind: str, analyser: MoodAnalyser, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    hostile(path, kind)
    with pytest.raises(FileNotFoundError, match=r"song\.mp3 cannot be read: no such file"):
        analyser.analyse(path)


def test_a_wrong_length_in_the_header_does_not_matter(analyser: MoodAnalyser, tmp_path: Path) -> None:
    path = tone(tmp_path / "huge.wav", 3.0)
    content = bytearray(path.read_bytes())
    at = content.find(b"data") + 4
    content[at : at + 4] = (0xFFFFFFF0).to_bytes(4, "little")  # 3.4 hours
    path.write_bytes(content)
    check(analyser.analyse(path))


def test_a_file_without_end_is_not_read_to_its_end(analyser: MoodAnalyser, tmp_path: Path) -> None:
    """10 hours that take no room on the disk: silence but for its begin, so three places in it are silent."""
    path = tone(tmp_path / "long.wav", 1.0)
    content = bytearray(path.read_bytes())
    at = content.find(b"data") + 4
    content[at : at + 4] = (0x7FFFFF00).to_bytes(4, "little")
    path.write_bytes(content)
    os.truncate(path, 0x7FFFFF00)
    assert analyser.analyse(path).doubt is Doubt.SILENCE


def test_a_name_that_is_no_utf_8_is_heard(analyser: MoodAnalyser, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe song.wav"))
    tone(path, 2.0)
    check(analyser.analyse(path))


def test_a_name_that_looks_like_an_address_is_a_file(
    analyser: MoodAnalyser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(tone(tmp_path / "a.wav", 2.0), "pipe:0")
    check(analyser.analyse(Path("pipe:0")))


# --- The plane -------------------------------------------------------------------------------------------------


def test_sure_quadrants_lie_in_their_corners_and_bets_between_them() -> None:
    corners = [affect_of(tuple(float(n == q) for n in range(4))) for q in range(4)]  # type: ignore[arg-type]
    signs = [(math.copysign(1, a.valence), math.copysign(1, a.arousal)) for a, _ in corners]
    assert signs == [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    assert all(0.9 < abs(a.valence) < 1 and 0.9 < abs(a.arousal) < 1 for a, _ in corners)
    middle, unsure = affect_of((0.25, 0.25, 0.25, 0.25))
    assert (middle.valence, middle.arousal) == (0, 0)
    assert unsure > 2 * corners[0][1]
    half, _ = affect_of((0.5, 0.5, 0, 0))
    assert half.valence == 0
    assert half.arousal > 0.9


def test_surer_is_further_out_also_where_it_is_sure_already() -> None:
    shares = (0.5, 0.6, 0.8, 0.9, 0.95, 0.98)
    found = [affect_of((share / 2, share / 2, (1 - share) / 2, (1 - share) / 2)) for share in shares]
    arousals = [affect.arousal for affect, _ in found]
    assert all(later - sooner > 0.05 for sooner, later in itertools.pairwise(arousals))
    assert [spread for _, spread in found] == sorted((spread for _, spread in found), reverse=True)


def test_a_card_without_features_is_a_sentence(models_dir: Path, tmp_path: Path) -> None:
    shutil.copy(models_dir / "music_mood.tflite", tmp_path)
    card = (models_dir / "music_mood.json").read_text()
    (tmp_path / "music_mood.json").write_text(card.replace('"feature_means"', '"other"'))
    with pytest.raises(ModelError, match="feature_means"):
        MoodAnalyser.load(tmp_path)


# --- Real music ------------------------------------------------------------------------------------------------


def test_real_clips_fall_on_the_right_side_more_often_than_not(analyser: MoodAnalyser, shared_dir: Path) -> None:
    import csv

    folder = shared_dir / "data" / "music"
    with (folder / "clips.csv").open(newline="") as file:
        dev = [line for line in csv.DictReader(file) if line["split"] == "dev"][::18]
    moods = [analyser.analyse(folder / line["file"]) for line in dev]
    right = sum(
        (m.affect.arousal > 0) == (line["quadrant"] in ("Q1", "Q2")) for m, line in zip(moods, dev, strict=True)
    )
    assert right >= 0.7 * len(dev)
