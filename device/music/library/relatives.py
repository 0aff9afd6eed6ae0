"""What the owner's moods for some tracks say about others by the same artist. Pure numpy; on the scanner's thread.

A mood that somebody set, a mood folder or a mood tag is a label. At a labelled track the model's error is known: the
label's point minus the model's. A Gaussian process (Rasmussen & Williams 2006, ch. 2) with the model's own prediction
as its prior mean carries the errors on:

    affect <- affect + k' (K + N)^-1 errors       k(a, b) = SCALE^2 * exp((cos(a, b) - 1) / LENGTH), one artist only

`cos` compares the likeness features, centred on the library's mean; `N` is the variance of a label. Between artists,
errors of the model are not related, however alike the songs sound: on the labelled clips of the 4Q data the correlation
of a clip's error with that of its nearest neighbour is 0.16 in valence and 0.39 in arousal, but 0.70 and 0.76 if that
neighbour is by the same artist. See `tools/evaluate.py corrections`.

`SCALE` fits music mood model 2. It was chosen on the train split, where each clip was judged by a model that had not
learnt from its artist. A smaller `LENGTH` gained less there, a larger one lost more to wrong labels. `DOUBT` and `MOST`
are older. Choose `SCALE` again for a better model: its errors are smaller, so a correction should move less.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from device.domain import MOOD_AFFECT, Affect, MoodOrigin, Track
from device.music.library.tracks import nearest

SCALE, LENGTH = 0.41, 1.0
DOUBT = {MoodOrigin.USER: 0.5, MoodOrigin.FOLDER: 0.7, MoodOrigin.TAG: 0.9}
"""The standard deviation of a label's point around the truth, by its origin."""
MOST = 0.6  # a track moves by no more than this, in each direction
LABELS = 100  # of one artist
SAMPLE = 2048  # tracks whose mean stands for the library's

NOTICEABLE = 0.005  # a change of a move that is worth a write

Point = tuple[float, float]
"""Valence and arousal."""

Reals = NDArray[np.float64]
Predictions = Mapping[str, tuple[float, float, float]]
"""Valence, arousal and uncertainty of every analysed track by the model, by key."""


def corrected(
    tracks: Mapping[str, Track],
    predictions: Callable[[Collection[str]], Predictions],
    artists: Collection[str] | None = None,
) -> dict[str, Track]:
    """The tracks whose mood is the model's and that the labels move, as they are then, by key; only of these `artists`,
    if given. Asks for the `predictions` of some keys if there is something to learn."""
    labels: dict[str, list[Track]] = {}
    others: dict[str, list[Track]] = {}
    for track in tracks.values():
        if track.artist and track.features and (artists is None or track.artist in artists):
            by_model = track.origin in (MoodOrigin.MODEL, MoodOrigin.UNSURE)
            (others if by_model else labels).setdefault(track.artist, []).append(track)
    both = [artist for artist in labels if artist in others]
    if not both:
        return {}
    predicted = predictions([track.key for artist in both for track in (*labels[artist], *others[artist])])
    size = len(labels[both[0]][0].features)
    middle = _middle(tracks.values(), size)
    moved: dict[str, Track] = {}
    for artist in both:
        usable = [
            [track for track in group if len(track.features) == size and track.key in predicted]
            for group in (labels[artist], others[artist])
        ]
        known, unsure = usable[0][:LABELS], usable[1]
        if known and unsure:
            for track, (across, up) in zip(unsure, _shifts(known, unsure, predicted, middle), strict=True):
                moved[track.key] = _moved(track, predicted[track.key], across, up)
    return moved


def changes(before: Mapping[str, Point], after: Mapping[str, Track]) -> list[tuple[str, Point | None]]:
    """What has to be stored so that the tracks of `after`, and no others, are moved: the new point of each key, None
    for the model's own. Moves that nobody would notice wait: each new analysis shifts the library's mean a little."""
    moves: list[tuple[str, Point | None]] = [(key, None) for key in before if key not in after]
    for key, track in after.items():
        point = track.affect.valence, track.affect.arousal
        old = before.get(key)
        if old is None or max(abs(point[0] - old[0]), abs(point[1] - old[1])) > NOTICEABLE:
            moves.append((key, point))
    return moves


def _shifts(known: list[Track], unsure: list[Track], predicted: Predictions, middle: Reals) -> list[list[float]]:
    """How far each unsure track moves in valence and arousal."""
    labelled, others = _vectors(known, middle), _vectors(unsure, middle)
    errors = []
    for track in known:
        valence, arousal, _ = predicted[track.key]
        truth = MOOD_AFFECT[track.mood]
        errors.append([truth.valence - valence, truth.arousal - arousal])
    noise = np.diag([DOUBT[track.origin] ** 2 for track in known])
    weights = np.linalg.solve(_kernel(labelled, labelled) + noise, np.array(errors))
    shifts: list[list[float]] = np.clip(_kernel(others, labelled) @ weights, -MOST, MOST).tolist()
    return shifts


def _moved(track: Track, point: tuple[float, float, float], across: float, up: float) -> Track:
    valence, arousal = max(-1.0, min(1.0, point[0] + across)), max(-1.0, min(1.0, point[1] + up))
    return replace(track, affect=Affect(valence, arousal), mood=nearest(valence, arousal))


def _vectors(tracks: list[Track], middle: Reals) -> Reals:
    """float64[n, d]: centred likeness features of length 1."""
    raw = np.frombuffer(b"".join(track.features for track in tracks), "<f2").reshape(len(tracks), -1)
    vectors = raw.astype(np.float64) - middle
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6))


def _kernel(one: Reals, other: Reals) -> Reals:
    return np.asarray(SCALE**2 * np.exp((one @ other.T - 1) / LENGTH))


def _middle(tracks: Iterable[Track], size: int) -> Reals:
    """The mean of the features of a sample spread over the library."""
    features = [track.features for track in tracks if len(track.features) == size]
    sample = features[:: max(1, len(features) // SAMPLE)]
    raw = np.frombuffer(b"".join(sample), "<f2").reshape(len(sample), -1)
    return np.asarray(raw.astype(np.float64).mean(axis=0))
