"""Groups: devices that play together. The nouns that travel between them, and the group as surfaces show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeaderRecord:
    """Who leads a group: the retained document of `affetto/group/<g>/leader`.

    `term` grows with every change of leader; of two claims with one term, the lower `id` wins. `beat` counts the
    renewals within a term. `host` is where the leader's sound and its witness port are. `resigned`: the leader has
    stopped, and `heir` (may be empty) should follow it.
    """

    id: str
    term: int
    beat: int = 0
    host: str = ""
    resigned: bool = False
    heir: str = ""

    def beats(self, other: LeaderRecord | None) -> bool:
        """Whether this record replaces `other`: a higher term, or the same term and a lower id."""
        return other is None or (-self.term, self.id) < (-other.term, other.id)

    def continues(self, other: LeaderRecord | None) -> bool:
        """Whether this is a later renewal of the same claim."""
        return other is not None and (self.id, self.term) == (other.id, other.term) and self.beat > other.beat
