"""The question "do you like this?": for some seconds after it, a nod means like and a shake means dislike. Pure; main
thread.

The device cannot speak the question; an automation or a person does. While an announcement plays, the time to answer
does not pass. The first answer counts, whoever gives it. A gesture that ends within `LEAST_S` began before the
question.
"""

from __future__ import annotations

from device.domain import Gesture, Liking, Now, Reading

ANSWER_S = 10.0
LEAST_S = 0.7


class Question:
    """Whether an answer is awaited, and for which track."""

    def __init__(self) -> None:
        self._key: str | None = None
        self._asked = self._until = 0.0

    @property
    def open(self) -> bool:
        """Whether an answer is awaited."""
        return self._key is not None

    def ask(self, key: str, now: Now) -> None:
        """Somebody asks about the track with this key."""
        self._key, self._asked, self._until = key, now.mono, now.mono + ANSWER_S

    def advance(self, key: str, now: Now, *, speaking: bool) -> None:
        """Let time pass. `key`: the track that plays; empty for none. `speaking`: an announcement plays."""
        if speaking:
            self._until = now.mono + ANSWER_S
        if self._key != key or now.mono >= self._until:
            self._key = None

    def answer(self, reading: Reading, now: Now) -> Liking | None:
        """The answer in this reading; it closes the question."""
        if self._key is None or now.mono - self._asked < LEAST_S:
            return None
        for face in reading.faces:
            if face.gesture is not None:
                self._key = None
                return Liking.LIKE if face.gesture is Gesture.NOD else Liking.DISLIKE
        return None
