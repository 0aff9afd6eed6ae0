"""How people react to the song that plays: nods, shakes, and faces in its first minute. Pure; main thread.

A reaction is soft feedback: weaker than a skip, and it never changes what plays. A nod says yes, a shake says no. In
the first `MINUTE_S` of a song, a face that clearly smiles more than it did before the song says yes, one that clearly
shows more displeasure says no; a person who was there before the song and leaves says no. Each person counts once per
song. A person who comes later has no "before", so only their nods and shakes count."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from device.config.schema import PeopleConfig
from device.core.queue import Playthrough
from device.domain import EMOTIONS, Emotion, Gesture, Now, Outcome, Reading, SeenFace

MINUTE_S = 60.0
BEFORE_S = 20.0  # what a face showed in this time before the song is its usual look
LEAST_BEFORE_S = 8.0  # a face that was there for less has no usual look
HEARD_S = 2.0  # nobody judges a song sooner
LOOK_S = 3.0  # a reaction lasts for this long
CHANGE = 0.4  # and differs from the usual look by this much (of 1)
PRESENT_S = 2.0  # a face that was seen within this time is there
GONE_S = 20.0  # a person who is away for this long has left
PLEASED = {Emotion.HAPPINESS: 1.0}
DISPLEASED = {Emotion.DISGUST: 1.0, Emotion.ANGER: 1.0, Emotion.CONTEMPT: 1.0}


@dataclass(frozen=True, slots=True)
class Reaction:
    """What somebody thinks of the song, and how they showed it, in words."""

    outcome: Outcome
    how: str


@dataclass(slots=True)
class Watched:
    """One face: what it showed lately (time, pleasure, displeasure), and how it looked before the song."""

    seen: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=400))
    usual: tuple[float, float] | None = None
    reacted: bool = False


class ReactionWatch:
    """Watches faces. `observe` takes each reading."""

    def __init__(self, config: PeopleConfig) -> None:
        self._config = config
        self._faces: dict[int, Watched] = {}
        self._serial = 0
        self._began = 0.0
        self._there = 0  # how many faces there were when the song began

    def observe(
        self, reading: Reading, playing: Playthrough | None, now: Now, *, answered: bool = False
    ) -> list[Reaction]:
        """The reactions that became clear in this reading. `answered`: somebody answers a question about the song, and
        nobody's gesture or face counts for it again."""
        if playing is None or not playing.sounds:
            self._take(reading, now.mono)
            return []
        if playing.serial != self._serial:
            self._begin(playing.serial, now.mono)
        self._take(reading, now.mono)
        if answered:
            for watched in self._faces.values():
                watched.reacted = True
        found = list(self._gestures(reading)) if now.mono - self._began >= HEARD_S else []
        if self._config.reactions and now.mono - self._began <= MINUTE_S:
            found += self._looks(now.mono)
        return found

    def _take(self, reading: Reading, mono: float) -> None:
        for face in reading.faces:
            watched = self._faces.setdefault(face.number, Watched())
            watched.seen.append((mono, _sum(face, PLEASED), _sum(face, DISPLEASED)))
        for number in [n for n, one in self._faces.items() if mono - one.seen[-1][0] > MINUTE_S]:
            del self._faces[number]

    def _begin(self, serial: int, mono: float) -> None:
        """A song begins: what each face showed until now is its usual look."""
        self._serial, self._began, self._there = serial, mono, self._present(mono)
        for watched in self._faces.values():
            before = [one for one in watched.seen if mono - one[0] <= BEFORE_S]
            there = mono - watched.seen[-1][0] <= PRESENT_S  # who left before the song did not leave because of it
            long_enough = there and bool(before) and mono - before[0][0] >= LEAST_BEFORE_S
            watched.usual = _mean(before) if long_enough else None
            watched.reacted = False

    def _present(self, mono: float) -> int:
        return sum(mono - one.seen[-1][0] <= PRESENT_S for one in self._faces.values())

    def _gestures(self, reading: Reading) -> Iterator[Reaction]:
        for face in reading.faces if self._config.gestures else ():
            watched = self._faces[face.number]
            if face.gesture is not None and face.clear and not watched.reacted:
                watched.reacted = True
                nod = face.gesture is Gesture.NOD
                yield Reaction(Outcome.PLEASED if nod else Outcome.DISPLEASED, "nodded" if nod else "shook their head")

    def _looks(self, mono: float) -> Iterator[Reaction]:
        for watched in self._faces.values():
            if watched.usual is None or watched.reacted:
                continue
            if (reaction := self._look(watched, watched.usual, mono)) is not None:
                watched.reacted = True
                yield reaction

    def _look(self, watched: Watched, usual: tuple[float, float], mono: float) -> Reaction | None:
        if mono - watched.seen[-1][0] >= GONE_S:
            # A face that was hidden for a moment comes back with another number: nobody has left.
            return Reaction(Outcome.DISPLEASED, "left") if self._present(mono) < self._there else None
        now = [one for one in watched.seen if mono - one[0] <= LOOK_S and one[0] >= self._began]
        if not now or mono - self._began < LOOK_S:
            return None
        pleasure, displeasure = _mean(now)
        if pleasure - usual[0] >= CHANGE:
            return Reaction(Outcome.PLEASED, "smiled")
        if displeasure - usual[1] >= CHANGE:
            return Reaction(Outcome.DISPLEASED, "made a face")
        return None


def _sum(face: SeenFace, weights: dict[Emotion, float]) -> float:
    return sum(weights.get(emotion, 0.0) * score for emotion, score in zip(EMOTIONS, face.scores, strict=True))


def _mean(seen: list[tuple[float, float, float]]) -> tuple[float, float]:
    return sum(one[1] for one in seen) / len(seen), sum(one[2] for one in seen) / len(seen)
