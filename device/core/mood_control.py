"""The mood in effect, and where the music should be for it. Pure; main thread, owned by the session."""

from __future__ import annotations

from dataclasses import replace

from device.config.schema import MoodConfig
from device.domain import MOOD_AFFECT, Memory, Mood, MoodSource, Now, Reading, Target
from device.mood.policy import Guide
from device.mood.room_mood import RoomMood


class MoodControl:
    """Fuses the evidence into the room's mood, and moves the target with time. The memory says which mood and policy
    people set. `eye_open`: whether a camera delivers readings."""

    def __init__(self, config: MoodConfig) -> None:
        self.eye_open = False
        self._room_mood = RoomMood(config)
        self._guide = Guide(config)
        self._set_at = 0.0  # when somebody set the mood by hand (monotonic, s)

    def start(self, now: Now) -> None:
        """A mood that was set by hand before the start counts from now."""
        self._set_at = now.mono

    def take(self, reading: Reading, now: Now) -> None:
        """Add a reading of the eye."""
        self._room_mood.update(reading, now)

    def set_by_hand(self, now: Now) -> None:
        """Somebody has just set the mood in the memory."""
        self._set_at = now.mono

    def advance(self, memory: Memory, now: Now) -> None:
        """Move the target on to `now`."""
        self._guide.advance(memory.policy, self.mood(memory), now.mono)

    @property
    def seen(self) -> Mood:
        """The room's mood by the evidence, whatever somebody has set. Without an open eye, `faces` is 0."""
        seen = self._room_mood.mood
        return seen if self.eye_open else replace(seen, faces=0)

    def mood(self, memory: Memory) -> Mood:
        """The mood in effect: the one set by hand, or else the room's."""
        seen = self.seen
        if memory.mood is None:
            return seen
        return replace(
            seen,
            name=memory.mood,
            affect=MOOD_AFFECT[memory.mood],
            confidence=1.0,
            source=MoodSource.MANUAL,
            since=self._set_at,
        )

    def target(self, memory: Memory) -> Target:
        """Where the music should be, as of the last `advance`."""
        return self._guide.target(memory.policy, self.mood(memory))
