"""A recursive Bayesian filter for one tracked face: its emotion, or its mood, given all readings so far.

Pure arithmetic on a few numbers, no clock of its own; the conductor's main thread owns each filter. The states are the
eight emotions with `PRIOR`, or the seven moods with `MOOD_PRIOR`. Moods need a filter of their own, because calm is a
blend of emotions, and a filter over emotions would decide for one of them. The method is the forward algorithm of a
hidden Markov model (Rabiner 1989, Proc. IEEE 77:257) in continuous time, so that the result does not depend on the
frame rate. With belief b, prior q, classifier output p and time dt since the last reading:

1. Prediction. An expression lasts, then gives way to one drawn from q. Such a jump process has rate matrix
   Q = m (1 q' - I), and because (1 q')(1 q') = 1 q' its exponential is closed: exp(Q dt) = a I + (1 - a) 1 q' with
   a = exp(-m dt). Therefore b <- a b + (1 - a) q: without readings a belief relaxes to the prior, and two steps of
   dt/2 are exactly one of dt. A draw repeats the same emotion with chance sum(q^2), hence
   m = 1 / (hold_s (1 - sum(q^2))) makes a stay last hold_s on average.

2. Evidence. A classifier gives p(emotion | frame); Bayes' rule wants p(frame | emotion) ~ p / q (Bourlard & Morgan
   1994, the hybrid of networks and hidden Markov models). Two things temper it.
   Frames close in time show nearly the same picture, so they are not independent. We assume one independent look per
   second (`fresh_s`): a reading after dt has the weight w = dt / fresh_s, at most 1: b <- b (p / q^g)^w. So N readings
   within one second count like one reading, their geometric mean, whatever N is.
   Errors also repeat from look to look (the same light, the same wrinkle). Dividing by the full prior every second
   would let a rare class with a constant 4% win over a frequent one with 60%. So the exponent of the prior is g = 1/2:
   enough to help the rare classes, too little to invent them.
   The eye's certainty (0 to 1) scales w: an unsure face counts less. The first reading counts as one whole look.

3. Doubt. p is mixed with a little of q first, so that a zero never rules an emotion out, nothing divides by zero and
   logarithms stay small. The product is computed in logarithms and normalised by its maximum.
"""

from __future__ import annotations

import math

from device.domain import Scores

PRIOR: Scores = (0.3377, 0.2673, 0.1166, 0.1421, 0.0861, 0.0097, 0.0300, 0.0105)
"""Mean vote distribution of FERPlus over FER2013 Training (24,440 faces whose majority is an emotion)."""

MOOD_PRIOR: Scores = (0.2710, 0.1243, 0.0312, 0.3247, 0.1307, 0.0249, 0.0932)
"""The mean of `plane.mood_probabilities` over the votes of the same faces, in the order of `MoodName`."""

FRESH_S = 1.0
PRIOR_EXPONENT = 0.5
DOUBT = 0.02  # the share of q that is mixed into p: one frame in fifty is assumed to be useless


class FaceFilter:
    """The belief about one face. `hold_s` is the mean length of an expression, `fresh_s` the time after which a frame
    is independent evidence; both in seconds and above 0. `prior` has a positive number a state; they sum to 1."""

    __slots__ = ("_belief", "_doubted_prior", "_fresh_s", "_log_prior", "_prior", "_rate", "seen_s")

    def __init__(self, hold_s: float, *, prior: Scores = PRIOR, fresh_s: float = FRESH_S) -> None:
        if hold_s <= 0 or fresh_s <= 0 or len(prior) < 2 or min(prior) <= 0:
            raise ValueError("hold_s, fresh_s and the two or more numbers of prior must be above 0")
        self._prior = _normalise(prior)
        self._log_prior = tuple(PRIOR_EXPONENT * math.log(q) for q in self._prior)
        self._doubted_prior = tuple(DOUBT * q for q in self._prior)
        self._rate = 1.0 / (hold_s * (1.0 - math.fsum(q * q for q in self._prior)))
        self._fresh_s = fresh_s
        self._belief = self._prior
        self.seen_s: float | None = None
        """The time of the last reading; None before the first."""

    def belief(self, at_s: float) -> Scores:
        """The belief at a time, without new evidence. A time before the last reading counts as that reading's time."""
        stay = math.exp(-self._rate * self._elapsed(at_s))
        return tuple(stay * b + (1.0 - stay) * q for b, q in zip(self._belief, self._prior, strict=True))

    def update(self, scores: Scores, certainty: float, at_s: float) -> Scores:
        """Add a reading (a probability per state, certainty in [0, 1], time in s); returns the new belief.

        Scores that are not a distribution (not finite, negative, all zero) are not evidence: only time passes.
        """
        predicted = self.belief(at_s)
        weight = self._weight(certainty, at_s)
        if weight > 0 and self._is_evidence(scores):
            predicted = self._weigh(predicted, _normalise(scores), weight)
        self._belief = predicted
        self.seen_s = at_s if self.seen_s is None else max(self.seen_s, at_s)
        return predicted

    def _elapsed(self, at_s: float) -> float:
        return 0.0 if self.seen_s is None else max(0.0, at_s - self.seen_s)

    def _weight(self, certainty: float, at_s: float) -> float:
        looks = 1.0 if self.seen_s is None else min(1.0, self._elapsed(at_s) / self._fresh_s)
        return looks * max(0.0, min(1.0, certainty)) if math.isfinite(certainty) else 0.0

    def _is_evidence(self, scores: Scores) -> bool:
        usable = len(scores) == len(self._prior) and all(math.isfinite(p) and p >= 0 for p in scores)
        return usable and 0 < sum(scores) < math.inf

    def _weigh(self, belief: Scores, scores: Scores, weight: float) -> Scores:
        logs = [
            math.log(b) + weight * (math.log((1.0 - DOUBT) * p + d) - lq)
            for b, p, d, lq in zip(belief, scores, self._doubted_prior, self._log_prior, strict=True)
        ]
        peak = max(logs)
        return _normalise(tuple(math.exp(value - peak) for value in logs))


def _normalise(values: Scores) -> Scores:
    total = math.fsum(values)
    return tuple(value / total for value in values)
