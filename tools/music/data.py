"""Reads labelled music folders, and turns each clip into features, as it is and as other recordings of it might be.

A folder holds `clips.csv` (file, quadrant, split, artist_id). What was computed is kept in a cache folder, one file a
clip, so that a stopped extraction goes on where it was; the cache's name contains a hash of the code that made it. For
tools/train_music.py; the device never varies anything.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from device.music.analysis import chords, decode, features, rhythm, spectrum, timbre, tonality, voice

QUADRANTS = ("Q1", "Q2", "Q3", "Q4")
VARIANTS = 4  # the clip itself, and three others of it
SHORTEST_S, LONGEST_S = 12.0, 25.0  # of a variant
FASTER = 0.06  # most change of speed, and of pitch with it
EQ_DB, EQ_POINTS = 5.0, 7


@dataclass(frozen=True, slots=True)
class Labelled:
    """`quadrants` int [n], 0 is Q1, or None. `felt` float64 [n, 2], valence and arousal, or None. `artists` str [n]."""

    paths: tuple[Path, ...]
    quadrants: np.ndarray | None
    felt: np.ndarray | None
    artists: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips to learn from. `quadrants` int [n], 0 is Q1. `artists`, `splits`: names [n]."""

    paths: tuple[Path, ...]
    quadrants: np.ndarray
    artists: np.ndarray
    splits: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)


def read(data_dir: Path) -> Clips:
    """All clips of a folder; raises ValueError if it is none, or if a line makes no sense."""
    lines = _lines(data_dir / "clips.csv")
    found = _labelled(data_dir, lines)
    if found.quadrants is None:
        raise ValueError(f"{data_dir / 'clips.csv'} has no column quadrant")
    return Clips(found.paths, found.quadrants, found.artists, np.array([line["split"] for line in lines]))


def read_labels(data_dir: Path, split: str) -> Labelled:
    """The clips of one split, with quadrants or felt emotions; raises ValueError if there are none."""
    lines = _lines(data_dir / "clips.csv")
    chosen = [line for line in lines if line["split"] == split]
    if not chosen:
        known = ", ".join(sorted({line["split"] for line in lines}))
        raise ValueError(f"{data_dir / 'clips.csv'} has no split {split}; it has {known}")
    return _labelled(data_dir, chosen)


def _lines(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); --data wants the folder that holds it") from error
    missing = {"file", "split"} - set(lines[0] if lines else ())
    if missing:
        raise ValueError(f"{path} has no column {', '.join(sorted(missing))}")
    return lines


def _labelled(data_dir: Path, lines: list[dict[str, str]]) -> Labelled:
    quadrants = felt = None
    if "quadrant" in lines[0]:
        wrong = next((line for line in lines if line["quadrant"] not in QUADRANTS), None)
        if wrong:
            raise ValueError(f"{wrong['file']} has quadrant {wrong['quadrant']!r}, not one of {', '.join(QUADRANTS)}")
        quadrants = np.array([QUADRANTS.index(line["quadrant"]) for line in lines])
    if {"valence", "arousal"} <= set(lines[0]):
        felt = np.array([(float(line["valence"]), float(line["arousal"])) for line in lines])
    artists = np.array([line.get("artist_id") or line["file"] for line in lines])
    return Labelled(tuple(data_dir / line["file"] for line in lines), quadrants, felt, artists)


@dataclass(frozen=True, slots=True)
class Heard:
    """`values` float32 [n, variants, features], with `names`; the first variant is the clip itself."""

    names: tuple[str, ...]
    values: np.ndarray


def hear(clips: Clips, cache: Path, progress: Callable[[int, int], None]) -> Heard:
    """Features of every clip and its variants; what is in `cache` already is not computed again."""
    folder = cache / _made_by()
    folder.mkdir(parents=True, exist_ok=True)
    names: tuple[str, ...] = ()
    values = []
    for number, path in enumerate(clips.paths):
        kept = folder / f"{path.stem}.npz"
        if not kept.exists():
            partial = kept.with_suffix(".partial.npz")
            np.savez(partial, **_extract(path))
            partial.replace(kept)
        with np.load(kept) as found:
            names = tuple(map(str, found["names"]))
            values.append(found["values"])
        progress(number + 1, len(clips))
    return Heard(names, np.stack(values))


def _made_by() -> str:
    """Changes with the code, though not with its comments, its layout and the folders it is imported from."""
    paths = [str(module.__file__) for module in (decode, spectrum, timbre, rhythm, tonality, chords, voice)]
    trees = [ast.parse(Path(path).read_text()) for path in [*paths, __file__]]
    lines = [line for tree in trees for line in tree.body if not isinstance(line, ast.Import | ast.ImportFrom)]
    return hashlib.sha256("".join(map(ast.dump, lines)).encode()).hexdigest()[:12]


def _extract(path: Path) -> dict[str, np.ndarray]:
    whole = next(decode.excerpts(path)).mono
    random = np.random.default_rng(int.from_bytes(hashlib.sha256(path.stem.encode()).digest()[:8], "little"))
    values = []
    names: list[str] = []
    for variant in range(VARIANTS):
        pictures = features.look(whole if variant == 0 else vary(whole, random))
        if pictures is None:
            raise ValueError(f"{path} is silent")
        found = features.measure(pictures)
        names = list(found)
        values.append(list(found.values()))
    return {"names": np.array(names), "values": np.array(values, np.float32)}


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
