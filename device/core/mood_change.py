"""What a new mood does: the session announces it, and the music may follow. Pure; main thread.

`mood_changed` compares the mood with the one before an event; whoever changes the mood calls it.
"""

from __future__ import annotations

from device.core.state import State
from device.domain import Action, Announce, EventType, Mood, Now, PolicyName


def mood_changed(state: State, before: Mood, now: Now, *, at_once: bool = False) -> list[Action]:
    """Announce a mood that differs from `before`, and let the music follow if the settings say so, or `at_once`."""
    mood = state.mood
    if mood.name is before.name:
        return []
    state.look_until = None
    facts = {"mood": str(mood.name), "previous": str(before.name), "source": str(mood.source)}
    actions: list[Action] = [Announce(EventType.MOOD_CHANGED, facts)]
    if at_once or state.config.music.on_mood_change == "fade":
        actions += follow(state, now)
    return actions


def follow(state: State, now: Now) -> list[Action]:
    """Let the music follow now, unless the policy is manual and no mood is set."""
    if state.in_effect.policy is PolicyName.MANUAL and state.in_effect.mood is None:
        return []
    return state.playback.follow(state.target, state.audience, now)
