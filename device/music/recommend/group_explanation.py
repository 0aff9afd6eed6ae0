"""Says what a choice means for a group: whose turn it was, and whether the others can live with it. Pure."""

from __future__ import annotations

import math

from device.music.recommend.group import BEARABLE, Group, GroupPreference
from device.music.recommend.taste import Taste

WAITED = 1.2  # a person with this weight has waited for longer than the others
NOTABLE = math.log(1.1)  # a gain over the usual that is worth saying


def subject(taste: Taste, group: Group, preference: GroupPreference, best: int, row: int) -> int:
    """The number of the person whose opinion explains the choice of `row`: whoever dislikes it, or else the one for
    whom the evidence is strongest."""
    for number, profile in enumerate(group.profiles):
        if row in taste.of_profile(profile).disliked:
            return number
    members = [(one.own[0][best], one.artist[0][best] + one.sound[0][best]) for one in preference.members]
    return max(range(len(members)), key=lambda number: (members[number][0], members[number][1]))


def for_whom(group: Group, preference: GroupPreference, best: int) -> str:
    """Such as "chosen for Ada, who has waited longest; everyone can live with it"; empty if nothing is notable."""
    if len(group.profiles) == 1:
        return ""
    means = preference.means()
    here, usual = means[:, best], means.mean(axis=1)
    least = int(here.argmin())
    bearable = here[least] >= BEARABLE
    first = int(group.weights.argmax())
    if group.weights[first] >= WAITED and here[first] > usual[first]:
        others = "everyone can live with it" if bearable else f"{group.profiles[least]} may not enjoy it"
        return f"chosen for {group.profiles[first]}, who has waited longest; {others}"
    if not bearable:
        return f"{group.profiles[least]} may not enjoy it"
    raised = math.log(here.min()) - math.log(means.min(axis=0).mean())
    return "everyone can live with it" if raised > NOTABLE else ""
