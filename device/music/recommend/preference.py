"""How much a profile will enjoy a track: a Bayesian estimate that similar tracks share. Pure.

Each track has a Beta distribution over "how likely is it to please". Its own evidence (`profile_taste.py`) counts in
full. With little evidence of its own, a track relies on its relatives, so that one like also raises other songs. This
is partial pooling in three steps, from narrow to wide:

    track      Beta(OWN * m + good, OWN * (1 - m) + bad)          m: the expectation from its relatives
    relatives  m = (KIN * overall + good) / (KIN + good + bad)    songs of its artist, and songs that sound like it,
                                                                  weighted by similarity
    overall    the mean over everything, starting from FIRST: a library is music that somebody chose

(Gelman et al., Bayesian Data Analysis, ch. 5; the kernel over songs is that of Nadaraya 1964 and Watson 1964.) A draw
from the distribution decides instead of its mean (Thompson 1933, "On the likelihood that one unknown probability
exceeds another"), so that little-known tracks get a chance. With hundreds of unknown tracks the best of their draws
would nearly always beat a song that is known to please, so the draws are narrower than the
distribution by `CURIOSITY` (as in Chapelle & Li 2011, "An empirical evaluation of Thompson sampling").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from device.domain import MoodName, Now
from device.music.recommend.profile_taste import ProfileTaste
from device.music.recommend.track_index import NOBODY, Floats, Rows, TrackIndex

FIRST = 2 / 3  # the share of tracks that please, before any evidence
OVERALL, KIN, OWN = 10.0, 3.0, 3.0  # the weight of each expectation, in units of evidence
CURIOSITY = 0.25
ARTIST = 0.5  # the weight of evidence about another song of the same artist
SOUND = 1.0  # the weight of evidence about a song with the same sound; falls with the cosine's 4th power
COMPARED = 256
RATED = 3.0  # the weight of stars in the tags, which somebody gave before this device heard anything. A like or a
# dislike here takes their place: it is newer, and `affetto tags` may have written the stars from it.


@dataclass(frozen=True, slots=True)
class Preference:
    """For each row, float32[n]: evidence for and against from the track itself, from its artist and from songs that
    sound like it; and `overall`, the expectation for any track."""

    overall: float
    own: tuple[Floats, Floats]
    artist: tuple[Floats, Floats]
    sound: tuple[Floats, Floats]

    def mean(self, without: str = "") -> Floats:
        """The expected preference. `without` leaves out "own", "artist" or "sound", to show its effect."""
        good, bad = self._posterior(without)
        return good / (good + bad)

    def draw(self, generator: np.random.Generator) -> Floats:
        """Thompson draws, narrowed by `CURIOSITY`, from a normal with the Beta's mean and variance, cut off at 0.02 and
        0.98: a hundred thousand draws from the Beta itself would take too long."""
        good, bad = self._posterior("")
        total = good + bad
        mean = good / total
        deviation = np.sqrt(mean * (1 - mean) / (total + 1))
        noise = generator.standard_normal(len(mean), dtype=np.float32)
        drawn: Floats = np.clip(mean + CURIOSITY * deviation * noise, 0.02, 0.98)
        return drawn

    def _posterior(self, without: str) -> tuple[Floats, Floats]:
        kin_good: Floats = np.full_like(self.own[0], KIN * self.overall)
        kin_bad: Floats = np.full_like(self.own[0], KIN * (1 - self.overall))
        for name, (good, bad) in (("artist", self.artist), ("sound", self.sound)):
            if name != without:
                kin_good, kin_bad = kin_good + good, kin_bad + bad
        expected: Floats = kin_good / (kin_good + kin_bad)
        if without == "own":
            return OWN * expected, OWN * (1 - expected)
        return OWN * expected + self.own[0], OWN * (1 - expected) + self.own[1]


class Liking:
    """A profile's evidence in one mood, now; gives the preference for any rows."""

    def __init__(
        self, library: TrackIndex, profile: ProfileTaste, mood: MoodName, now: Now, compared: int = COMPARED
    ) -> None:
        """`compared`: the number of songs that `closely` compares each candidate with, those with the most evidence."""
        self._library, self._compared = library, compared
        self._rows, self._good, self._bad = profile.evidence(mood, now.wall)
        self._judged = np.zeros(len(library), np.bool_)  # rows that the profile said it likes or does not like
        self._judged[list(profile.verdict)] = True
        self._slot = np.full(len(library), -1, np.int32)
        self._slot[self._rows] = np.arange(len(self._rows), dtype=np.int32)
        artists = library.artist[self._rows]
        self._artist_good = _per_artist(artists, self._good, library.artists)
        self._artist_bad = _per_artist(artists, self._bad, library.artists)
        good, bad = float(self._good.sum()), float(self._bad.sum())
        self._overall = (OVERALL * FIRST + good) / (OVERALL + good + bad)

    @property
    def rows(self) -> Rows:
        """The rows with evidence of their own."""
        return self._rows

    def roughly(self, rows: Rows) -> Preference:
        """The preference without comparing sounds: for any number of rows."""
        own = self._own(rows)
        artists = self._library.artist[rows]
        known = artists != NOBODY
        good = np.where(known, ARTIST * np.maximum(self._artist_good[artists] - own[0], 0), 0).astype(np.float32)
        bad = np.where(known, ARTIST * np.maximum(self._artist_bad[artists] - own[1], 0), 0).astype(np.float32)
        nothing = np.zeros(len(rows), np.float32)
        rating = self._library.rating[rows]
        rated = np.where(np.isnan(rating) | self._judged[rows], 0, RATED).astype(np.float32)
        rating = np.nan_to_num(rating)
        own = own[0] + rated * rating, own[1] + rated * (1 - rating)
        return Preference(self._overall, own, (good, bad), (nothing, nothing))

    def closely(self, rows: Rows, sound: Floats) -> tuple[Preference, Rows]:
        """The preference with evidence from similar songs (`sound`: the rows' unit vectors), for some hundreds of rows.
        Also, for each row, the similar row with the most evidence for it, -1 for none."""
        rough = self.roughly(rows)
        heard = greatest(self._good + self._bad, self._compared)
        known = self._rows[heard]
        if not len(known) or not sound.shape[1]:
            return rough, np.full(len(rows), -1)
        alike = np.maximum(sound @ self._library.sound(known).T, 0)
        alike[rows[:, None] == known[None, :]] = 0  # a song is not its own relative
        alike = SOUND * np.square(np.square(alike))
        preference = Preference(
            rough.overall, rough.own, rough.artist, (alike @ self._good[heard], alike @ self._bad[heard])
        )
        praise = alike * self._good[heard]
        best = praise.argmax(axis=1)
        return preference, np.where(praise[np.arange(len(rows)), best] > 0, known[best], -1)

    def _own(self, rows: Rows) -> tuple[Floats, Floats]:
        slots = self._slot[rows]
        good, bad = np.zeros(len(rows), np.float32), np.zeros(len(rows), np.float32)
        heard = np.flatnonzero(slots >= 0)
        good[heard], bad[heard] = self._good[slots[heard]], self._bad[slots[heard]]
        return good, bad


def _per_artist(artists: Rows, weights: Floats, count: int) -> Floats:
    return np.bincount(artists, weights, minlength=count).astype(np.float32)


def greatest(values: Floats, count: int) -> Rows:
    """The indices of the `count` greatest values, in any order; all if there are fewer."""
    return np.argpartition(values, -count)[-count:] if len(values) > count else np.arange(len(values))
