"""The topics of a group. Pure, any thread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroupTopics:
    """Topics of the group `name`, below `base`."""

    base: str
    name: str

    @property
    def _above(self) -> str:
        return f"{self.base.strip('/')}/group/{self.name}"

    @property
    def leader(self) -> str:
        """Who leads: retained."""
        return f"{self._above}/leader"

    @property
    def state(self) -> str:
        """What the group hears: retained."""
        return f"{self._above}/state"

    @property
    def queue(self) -> str:
        """What the group hears next: retained."""
        return f"{self._above}/queue/state"

    @property
    def votes(self) -> str:
        """Who wants to skip the current track: retained."""
        return f"{self._above}/vote/state"

    @property
    def order(self) -> str:
        """Commands that a member passes on to the leader: not retained."""
        return f"{self._above}/order"

    def member(self, device_id: str) -> str:
        """What a member is and feels: retained."""
        return f"{self._above}/member/{device_id}"

    def availability(self, device_id: str) -> str:
        """Whether a member is there: retained, and its last will."""
        return f"{self._above}/member/{device_id}/availability"

    def answer(self, device_id: str) -> str:
        """The leader's answers to the commands that this member has passed on: not retained."""
        return f"{self._above}/member/{device_id}/answer"

    def filters(self, me: str) -> tuple[str, ...]:
        """All that the member `me` wants to hear."""
        return (self.leader, self.state, self.order, self.member("+"), self.availability("+"), self.answer(me))

    def member_of(self, topic: str) -> str:
        """The member whose document or availability has this topic; empty for another topic."""
        parts = topic.removeprefix(f"{self._above}/member/").split("/")
        ours = topic.startswith(f"{self._above}/member/")
        return parts[0] if ours and (len(parts) == 1 or parts[1:] == ["availability"]) else ""
