"""What the demo ships is what tools/render_demo.py renders, decodes everywhere, and is installed with the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mutagen.oggopus import OggOpus

from device.demo import MUSIC, PEOPLE
from device.setup import release
from tools.people import clip, script
from tools.songs import record
from tools.songs.album import SONGS, Song
from tools.songs.synth import RATE_HZ

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 6 * 10**6  # bytes; the models need their share of a small download
AGAIN = "is not what the code renders; run: python tools/render_demo.py"
QUICK = SONGS[9]


def path_of(song: Song) -> Path:
    return MUSIC / song.mood / f"{song.title}.opus"


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in (PEOPLE, *MUSIC.glob("*/*"))) <= LARGEST


def test_the_clip_is_the_script() -> None:
    """Every picture is there, and samples of them are those that the code draws, but for the codec's losses."""
    shots, pictures = script.script(), clip.develop(PEOPLE)
    assert len(pictures) == len(shots), AGAIN
    for number in range(0, len(shots), 41):
        difference = np.abs(pictures[number].astype(int) - script.take(shots[number]))
        assert difference.mean() < 5, f"picture {number} {AGAIN}"


def test_the_folder_has_the_album() -> None:
    assert {path for path in MUSIC.rglob("*") if path.is_file()} == {path_of(song) for song in SONGS}


@pytest.mark.parametrize("song", SONGS, ids=lambda song: song.title)
def test_a_shipped_song_is_tagged_and_whole(song: Song) -> None:
    file = OggOpus(path_of(song))
    assert [file[name] for name in ("TITLE", "ARTIST", "ALBUM")] == [[song.title], [record.ARTIST], [record.ALBUM]]
    assert file.info.length == pytest.approx(song.length_s, abs=0.1)


@pytest.mark.parametrize(
    "song", [pytest.param(song, marks=() if song is QUICK else pytest.mark.slow, id=song.title) for song in SONGS]
)
def test_a_shipped_song_is_the_one_that_the_code_plays(song: Song) -> None:
    """Energy in every tenth of a second agrees; the waveform itself is the codec's."""
    shipped, played = record.read_opus(path_of(song)), record.play(song)
    ours, theirs = (envelope(sound, rate) for sound, rate in ((played, RATE_HZ), (shipped, record.OPUS_HZ)))
    count = min(len(ours), len(theirs))
    assert abs(len(ours) - len(theirs)) <= 1
    assert np.corrcoef(ours[:count], theirs[:count])[0, 1] > 0.99, AGAIN


def envelope(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    hop = rate_hz // 10
    count = sound.shape[1] // hop
    power = (sound[:, : count * hop].reshape(2, count, hop).astype(np.float64) ** 2).mean(axis=(0, 2))
    return np.sqrt(power)


def test_the_same_song_gives_the_same_file(tmp_path: Path) -> None:
    sound = np.sin(np.arange(2 * RATE_HZ) / 20).astype(np.float32)
    one, two = tmp_path / "one.opus", tmp_path / "two.opus"
    for path in (one, two):
        record.write_opus(QUICK, np.stack([sound, sound]), path)
    assert one.read_bytes() == two.read_bytes()
    heard = record.read_opus(one)
    assert heard.shape[1] / record.OPUS_HZ == pytest.approx(2.0, abs=0.03)
    assert np.abs(heard).max() == pytest.approx(1.0, abs=0.2)


def test_install_copies_it() -> None:
    files = release.contents(ROOT)
    names = {str(path.relative_to(ROOT)) for path in (PEOPLE, *MUSIC.glob("*/*"))}
    assert names <= set(files)


def test_setuptools_packs_it(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    for name, (content, _) in release.contents(ROOT).items():
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "clone" / name).write_bytes(content)
    command = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", "build", "--build-lib", "../out"]
    subprocess.run(command, cwd=tmp_path / "clone", check=True, capture_output=True, timeout=300)
    packed = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*")}
    assert {str(path.relative_to(ROOT)) for path in (PEOPLE, *MUSIC.glob("*/*"))} <= packed
    assert "device/setup/service.sh" in packed
