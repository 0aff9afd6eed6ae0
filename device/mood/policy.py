"""How the music follows the room's mood: where to, and on which path. Pure; the session owns the one `Guide`.

`match` and `manual` stay where the mood is. `lift`, `calm` and `energise` follow the iso-principle of music therapy
(Altshuler 1948, "A psychiatrist's experience with music as a therapeutic agent", in Music and Medicine): meet people
where they are, then change the music in small steps towards where they want to be. Here that is a walk, straight
through the valence-arousal plane:

- it begins at the room's own mood, moves at a steady pace (`lift_s` for the way from sad to happy), and stops at the
  goal;
- a flickering mood changes nothing: only a mood that has held for a quarter of `lift_s` starts another walk from there;
- a relapse on the way takes back one `STEP` at most, which is less than the walk has gained since. So the music arrives
  even if the room wavers for ever. Only after an arrival does a new mood start a whole walk.
"""

from __future__ import annotations

from dataclasses import replace

from device.config.schema import MoodConfig
from device.domain import MOOD_AFFECT, Affect, Mood, MoodName, MoodSource, PolicyName, Target
from device.mood.plane import affect_of, name_of

AT_EASE = Affect(0.3, -0.1)
"""The target for a neutral room, a little pleasant: without any stimulus people lean to the pleasant side (the
positivity offset, Cacioppo & Berntson 1999, Curr. Dir. Psychol. Sci. 8:133)."""

STEP = 0.3  # in units of the plane; neighbouring moods are about 0.4 apart
WHOLE_WAY = MOOD_AFFECT[MoodName.SAD].distance(MOOD_AFFECT[MoodName.HAPPY])  # a walk of this length takes `lift_s`
SETTLED = 0.25  # the share of `lift_s` for which a mood must hold to count
WALKS = (PolicyName.LIFT, PolicyName.CALM, PolicyName.ENERGISE)


class Guide:
    """Where the music should be. Call `advance` with every event, because a walk moves with time. `target` only
    reads."""

    def __init__(self, config: MoodConfig) -> None:
        self._pace = WHOLE_WAY / config.lift_s  # units of the plane per second
        self._settle_s = SETTLED * config.lift_s
        self._policy: PolicyName | None = None
        self._origin = self._goal = self._name = MoodName.NEUTRAL
        self._by_hand = False
        self._left = 0.0  # the distance to the goal
        self._held_s = 0.0  # how long the room has been in the mood `_name`
        self._advanced_s = 0.0

    def advance(self, policy: PolicyName, mood: Mood, now_s: float) -> None:
        """Move on to the time `now_s` (monotonic, s), with the room in this mood under this policy."""
        if policy in WALKS:
            self._walk(policy, mood, max(0.0, now_s - self._advanced_s))
        self._advanced_s, self._policy = now_s, policy

    def target(self, policy: PolicyName, mood: Mood) -> Target:
        """Where the music should be for this mood, and why, as of the last `advance`."""
        match policy:
            case PolicyName.MATCH:
                return match_target(mood)
            case PolicyName.MANUAL:
                reason = "as set by hand" if mood.source is MoodSource.MANUAL else "as no mood is set by hand"
                return Target(affect_of(mood.name), mood.name, reason)
        return replace(self._step(mood), room=mood.affect, goal=affect_of(self._goal))

    def _walk(self, policy: PolicyName, mood: Mood, passed_s: float) -> None:
        """Continue the walk, or begin a new one."""
        by_hand = mood.source is MoodSource.MANUAL
        asked_for = policy is not self._policy or by_hand is not self._by_hand
        asked_for = asked_for or (by_hand and mood.name is not self._name)
        self._by_hand = by_hand
        self._held_s = self._held_s + passed_s if mood.name is self._name else 0.0
        self._name = mood.name
        self._left = max(0.0, self._left - self._pace * passed_s)
        if asked_for:
            self._begin(policy, mood.name, float("inf"))
        elif mood.name is not self._origin and self._held_s >= self._settle_s:
            self._begin(policy, mood.name, self._left + STEP if self._origin is not self._goal else float("inf"))

    def _begin(self, policy: PolicyName, origin: MoodName, at_most: float) -> None:
        """Begin a walk from `origin`, with no more than `at_most` left to go."""
        self._origin, self._goal = origin, goal_of(policy, origin)
        self._left = min(at_most, affect_of(origin).distance(affect_of(self._goal)))

    def _step(self, mood: Mood) -> Target:
        """The present point of the walk, with its reason."""
        start, end = affect_of(self._origin), affect_of(self._goal)
        way = start.distance(end)
        if way == 0:
            reason = f"to keep {_room(mood)} as it is" if mood.name is self._goal else f"to bring {self._goal} back"
            return Target(end, self._goal, reason)
        done = 1 - self._left / way
        point = end if done == 1 else _between(start, end, done)
        return Target(point, name_of(point), self._reason(mood, done))

    def _reason(self, mood: Mood, done: float) -> str:
        there = f"from {self._origin} to {self._goal}"
        if done >= 1:
            return f"at the end of the way {there}"
        if done < 0.125:
            if mood.name is self._origin:
                return f"to meet {_room(mood)} on the way to {self._goal}"
            return f"at the beginning of the way {there}"
        return f"{QUARTERS[round(done * 4) - 1]} {there}"


QUARTERS = ("a quarter of the way", "halfway", "three quarters of the way", "almost all the way")


def match_target(mood: Mood) -> Target:
    """The point of the mood's name, or `AT_EASE` for a neutral room. Not `mood.affect`: that is an expected value, and
    uncertainty moves it towards neutral, which is no reason for bland music."""
    point = AT_EASE if mood.name is MoodName.NEUTRAL else affect_of(mood.name)
    return Target(point, mood.name, f"to match {_room(mood)}")


def goal_of(policy: PolicyName, name: MoodName) -> MoodName:
    """The goal of a walk from this mood."""
    match policy:
        case PolicyName.CALM:
            return MoodName.CALM
        case PolicyName.ENERGISE:
            return MoodName.EXCITED
    return better_than(name)


def better_than(name: MoodName) -> MoodName:
    """The goal of `lift`: a pleasant mood stays; the others go to happy, or to calm if they are below neutral arousal.

    That is the pleasant mood with the smaller change of arousal: `lift` does not shake sad people awake.
    """
    start = affect_of(name)
    if start.valence > 0:
        return name
    return MoodName.HAPPY if start.arousal >= 0 else MoodName.CALM


def _between(start: Affect, end: Affect, share: float) -> Affect:
    return Affect(
        start.valence + share * (end.valence - start.valence), start.arousal + share * (end.arousal - start.arousal)
    )


def _room(mood: Mood) -> str:
    """Such as "a happy room", or "the mood happy set by hand"."""
    if mood.source is MoodSource.MANUAL:
        return f"the mood {mood.name} set by hand"
    article = "an" if mood.name[0] in "aeiou" else "a"
    return f"{article} {mood.name} room"
