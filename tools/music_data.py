"""Reads labelled music folders, and turns each clip into features, as it is and as other recordings of it might be.

A folder holds `clips.csv` (file, quadrant, split, artist_id) and, for training, `authors_features.csv`. What was
computed is kept in a cache folder, one file a clip, so that a stopped extraction goes on where it was; the cache's name
contains a hash of the code that made it. For tools/train_music.py; the device never varies anything.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from device.music import decode, features, rhythm, spectrum, timbre, tonality

QUADRANTS = ("Q1", "Q2", "Q3", "Q4")
VARIANTS = 4  # the clip itself, and three others of it
SHORTEST_S, LONGEST_S = 12.0, 25.0  # of a variant
FASTER = 0.06  # most change of speed, and of pitch with it
EQ_DB, EQ_POINTS = 5.0, 7


@dataclass(frozen=True, slots=True)
class Clips:
    """`quadrants` int [n], 0 is Q1. `artists` int [n]. `splits`: names. `authors` float64 [n, 100], or None."""

    paths: tuple[Path, ...]
    quadrants: np.ndarray
    artists: np.ndarray
    splits: np.ndarray
    authors: np.ndarray | None

    def __len__(self) -> int:
        return len(self.paths)

    def pick(self, rows: np.ndarray) -> Clips:
        """Only these rows (indices or a mask)."""
        rows = np.arange(len(self))[rows]
        authors = None if self.authors is None else self.authors[rows]
        paths = tuple(self.paths[row] for row in rows)
        return Clips(paths, self.quadrants[rows], self.artists[rows], self.splits[rows], authors)


def read(data_dir: Path) -> Clips:
    """All clips of a folder; raises ValueError if it is none, or if a line makes no sense."""
    path = data_dir / "clips.csv"
    try:
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); --data wants the folder that holds it") from error
    missing = {"file", "quadrant", "split", "artist_id"} - set(lines[0] if lines else ())
    if missing:
        raise ValueError(f"{path} has no {', '.join(sorted(missing))}")
    wrong = next((line for line in lines if line["quadrant"] not in QUADRANTS), None)
    if wrong:
        raise ValueError(f"{path}: {wrong['file']} has quadrant {wrong['quadrant']!r}, not one of {QUADRANTS}")
    names = sorted({line["artist_id"] for line in lines})
    return Clips(
        tuple(data_dir / line["file"] for line in lines),
        np.array([QUADRANTS.index(line["quadrant"]) for line in lines]),
        np.array([names.index(line["artist_id"]) for line in lines]),
        np.array([line["split"] for line in lines]),
        _authors(data_dir / "authors_features.csv", [Path(line["file"]).stem for line in lines]),
    )


def _authors(path: Path, songs: Sequence[str]) -> np.ndarray | None:
    if not path.exists():
        return None
    with path.open(newline="") as file:
        rows = {row[0]: [float(value) for value in row[1:-1]] for row in list(csv.reader(file))[1:]}
    return np.array([rows[song] for song in songs]) if all(song in rows for song in songs) else None


@dataclass(frozen=True, slots=True)
class Heard:
    """`values` float32 [n, variants, features], with `names`. `mel` float16 [n, variants, frames, 48], zero where a
    variant is shorter."""

    names: tuple[str, ...]
    values: np.ndarray
    mel: np.ndarray


def hear(clips: Clips, cache: Path, progress: Callable[[int, int], None], variants: int = VARIANTS) -> Heard:
    """Features of every clip and its variants; what is in `cache` already is not computed again."""
    folder = cache / _made_by()
    folder.mkdir(parents=True, exist_ok=True)
    names: tuple[str, ...] = ()
    values, mels = [], []
    for number, path in enumerate(clips.paths):
        kept = folder / f"{path.stem}.npz"
        if not kept.exists():
            partial = kept.with_suffix(".partial.npz")
            np.savez(partial, **_extract(path))
            partial.replace(kept)
        with np.load(kept) as found:
            names = tuple(found["names"])
            values.append(found["values"][:variants])
            mels.append(found["mel"][:variants])
        progress(number + 1, len(clips))
    return Heard(names, np.stack(values), np.stack(mels))


def _made_by() -> str:
    modules = (decode, spectrum, timbre, rhythm, tonality)
    code = b"".join(Path(module.__file__).read_bytes() for module in modules) + Path(__file__).read_bytes()
    return hashlib.sha256(code).hexdigest()[:12]


def _extract(path: Path) -> dict[str, np.ndarray]:
    whole = next(decode.excerpts(path)).mono
    random = np.random.default_rng(int.from_bytes(hashlib.sha256(path.stem.encode()).digest()[:8], "little"))
    frames = round(30 * spectrum.FRAMES_PER_S)
    values, mel = [], np.zeros((VARIANTS, frames, spectrum.MELS), np.float16)
    names: list[str] = []
    for variant in range(VARIANTS):
        pictures = features.look(whole if variant == 0 else vary(whole, random))
        if pictures is None:
            raise ValueError(f"{path} is silent")
        found = features.measure(pictures)
        names = list(found)
        values.append(list(found.values()))
        used = pictures.mel_db[:frames]
        mel[variant, : len(used)] = used
    return {"names": np.array(names), "values": np.array(values, np.float32), "mel": mel}


# --- Variants --------------------------------------------------------------------------------------------------


def vary(whole: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The same music as another recording may have it: a part of it, a little faster or slower, through another
    equaliser, band limit, limiter and codec. float32 [n] at 16 kHz, like `whole`."""
    length = min(len(whole), round(random.uniform(SHORTEST_S, LONGEST_S) * spectrum.RATE_HZ))
    begin = int(random.integers(0, len(whole) - length + 1))
    sound = whole[begin : begin + length]
    if random.random() < 0.5:
        speed = 1 + random.uniform(-FASTER, FASTER)
        sound = np.interp(np.arange(0, len(sound) - 1, speed), np.arange(len(sound)), sound)
    sound = _equalise(sound, random)
    sound = sound / (np.sqrt(np.mean(sound**2)) + 1e-9) * 10 ** (random.uniform(-26, -12) / 20)
    if random.random() < 0.3:
        sound = np.tanh(random.uniform(1, 3) * sound)
    sound = sound.astype(np.float32)
    return _through_codec(sound, random) if random.random() < 0.5 else sound


def _equalise(sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A smooth curve on a logarithmic axis, and in a third of the cases nothing above 4 to 8 kHz."""
    size = 1 << (len(sound) - 1).bit_length()  # a length that is prime takes the transform ten times as long
    spectrum_of = np.fft.rfft(sound, size)
    octave = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / spectrum.RATE_HZ), 40) / 40)
    curve = np.interp(octave, np.linspace(0, 7.7, EQ_POINTS), random.normal(0, EQ_DB / 2, EQ_POINTS))
    if random.random() < 0.33:
        curve = curve - 60 * np.clip((octave - np.log2(random.uniform(4000, 8000) / 40)) * 4, 0, 1)
    return np.fft.irfft(spectrum_of * 10 ** (curve / 20), size)[: len(sound)]


def _through_codec(sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
    codec, suffix = (("libmp3lame", "mp3"), ("libopus", "ogg"))[int(random.integers(2))]
    file = io.BytesIO()
    with av.open(file, "w", format=suffix) as container:
        stream = container.add_stream(codec, rate=spectrum.RATE_HZ, layout="mono")
        stream.options = {"compression_level": "7" if codec == "libmp3lame" else "1"}  # in a hurry
        stream.bit_rate = int(random.choice([24000, 32000, 48000]))
        samples = np.clip(sound * 32767, -32768, 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = spectrum.RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        resampler = av.AudioResampler("fltp", "mono", spectrum.RATE_HZ)
        parts = [part.to_ndarray() for f in container.decode(audio=0) for part in resampler.resample(f)]
    return np.concatenate(parts, axis=1)[0]
