"""What the profiles learn from what happened to a track. Pure; main thread."""

from __future__ import annotations

from collections.abc import Collection

from device.core.audience import Audience
from device.core.queue import Playthrough
from device.domain import Listen, Now, Outcome

OPINIONS = (Outcome.LIKED, Outcome.DISLIKED)


def lessons(
    playthrough: Playthrough, outcome: Outcome, audience: Audience, now: Now, by: Collection[str] = ()
) -> list[Listen]:
    """One listen for each profile that learns from this. `by`: those whose opinion it is; empty: everybody present.

    If only some skip a track, the others have no opinion of it (`REPLACED`). Whoever asked for a track learns from its
    end, present or not. A ban counts for all profiles, so one line is enough. While guests are here, nobody learns.
    """
    if audience.guests:
        return []
    opinions = dict.fromkeys((name for name in by if not audience.is_guest(name)) if by else audience.profiles, outcome)
    if outcome is Outcome.BANNED:
        opinions = dict(list(opinions.items())[:1] or [(audience.profiles[0], outcome)])
    elif outcome is Outcome.PLAYED and playthrough.by and not audience.is_guest(playthrough.by):
        opinions[playthrough.by] = outcome
    elif outcome is Outcome.SKIPPED:
        opinions = dict.fromkeys(audience.profiles, Outcome.REPLACED) | opinions
    key, mood, heard_s = playthrough.choice.track.key, playthrough.mood, playthrough.heard(now)
    return [Listen(key, name, mood, opinion, now.wall, heard_s) for name, opinion in opinions.items()]
