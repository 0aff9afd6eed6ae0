"""How the room's mood becomes the music's: one pure function, no state, any thread.

`lift`, `calm` and `energise` follow the iso-principle of music therapy (Altshuler 1948, "A psychiatrist's experience
with music as a therapeutic agent", in Music and Medicine): meet people where they are, then change the music in small
steps towards where they want to be. Here that is a straight way through the valence-arousal plane, cut into steps of at
most `STEP`, walked in `lift_s` seconds and then left at its end. Each step holds for the same time, the first one
being the room's own mood and the last one the goal.
"""

from __future__ import annotations

import math

from device.config import MoodConfig
from device.domain import Affect, Mood, MoodName, MoodSource, PolicyName, Target
from device.mood.plane import affect_of, name_of

AT_EASE = Affect(0.3, -0.1)
"""What suits a neutral room. Where nothing calls for anything, people lean to the pleasant side (the positivity offset,
Cacioppo & Berntson 1999, Curr. Dir. Psychol. Sci. 8:133), and sad or tense music would be a choice of its own."""

STEP = 0.3  # in units of the plane; neighbouring moods are about 0.4 apart


def target(policy: PolicyName, mood: Mood, elapsed_s: float, config: MoodConfig) -> Target:
    """Where the music should be, `elapsed_s` seconds after this mood or this policy began.

    `match` and `manual` aim at the point of the mood's name, not at `mood.affect`: that one is an expectation and lies
    the nearer to neutral the less is known, which is no reason for bland music. `match` aims a little to the pleasant
    side of neutral, see `AT_EASE`.
    """
    match policy:
        case PolicyName.MATCH:
            point = AT_EASE if mood.name is MoodName.NEUTRAL else affect_of(mood.name)
            return Target(point, mood.name, f"to match {_room(mood)}")
        case PolicyName.MANUAL:
            chosen = mood.source is MoodSource.MANUAL
            return Target(affect_of(mood.name), mood.name, "as set by hand" if chosen else "as no mood is set by hand")
        case PolicyName.LIFT:
            return _walk(mood, better_than(mood.name), elapsed_s / config.lift_s)
        case PolicyName.CALM:
            return _walk(mood, MoodName.CALM, elapsed_s / config.lift_s)
        case PolicyName.ENERGISE:
            return _walk(mood, MoodName.EXCITED, elapsed_s / config.lift_s)


def better_than(name: MoodName) -> MoodName:
    """Where `lift` leads: a mood that is pleasant already stays; the others go to happy, or to calm from below.

    That is the pleasant mood which asks for the smaller change of arousal: sad people are not to be shaken awake.
    """
    start = affect_of(name)
    if start.valence > 0:
        return name
    return MoodName.HAPPY if start.arousal >= 0 else MoodName.CALM


def _walk(mood: Mood, goal: MoodName, progress: float) -> Target:
    if mood.name is goal:
        return Target(affect_of(goal), goal, f"to keep {_room(mood)} as it is")
    start, end = affect_of(mood.name), affect_of(goal)
    steps = math.ceil(start.distance(end) / STEP)
    step = max(0, min(steps, math.floor(progress * (steps + 1))))
    if step == 0:
        return Target(start, mood.name, f"to meet {_room(mood)} on the way to {goal}")
    if step == steps:
        return Target(end, goal, f"to arrive at {goal} from {mood.name}")
    point = _between(start, end, step / steps)
    return Target(point, name_of(point), f"as step {step} of {steps} from {mood.name} towards {goal}")


def _between(start: Affect, end: Affect, share: float) -> Affect:
    return Affect(
        start.valence + share * (end.valence - start.valence), start.arousal + share * (end.arousal - start.arousal)
    )


def _room(mood: Mood) -> str:
    """Such as "a happy room", or "the mood happy" where nobody in the room is meant."""
    if mood.source is MoodSource.MANUAL:
        return f"the mood {mood.name} set by hand"
    article = "an" if mood.name[0] in "aeiou" else "a"
    return f"{article} {mood.name} room"
