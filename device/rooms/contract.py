"""The topics of a group for programmers: one row for each, with the type that the program reads and sends. Pure."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from device.domain import GroupEntry, SkipVotes
from device.rooms.documents import AnswerDocument, LeaderDocument, MemberDocument, MusicDocument, OrderDocument
from device.rooms.topics import GroupTopics

GROUP, DEVICE = "{group}", "{device}"


class Row(NamedTuple):
    """A topic of a group. `address` is relative to the base topic; `json`: the payload is JSON, else text."""

    name: str
    payload: Any
    address: str
    says: str
    json: bool = True


def rows() -> tuple[Row, ...]:
    """All topics that the devices of a group share. Commands for the leader are those of a device."""
    topics = GroupTopics("", GROUP)
    found = (
        Row("group_leader", LeaderDocument, topics.leader, "who leads the group"),
        Row("group_music", MusicDocument, topics.state, "what the group hears, its policy and its requests"),
        Row("group_queue", list[GroupEntry], topics.queue, "what the group hears next"),
        Row("group_votes", SkipVotes, topics.votes, "who in the group wants to skip the current track"),
        Row("group_member", MemberDocument, topics.member(DEVICE), "a member of the group, and the mood that it sees"),
        Row(
            "group_availability", Literal["online", "offline"], topics.availability(DEVICE),
            "whether a member is there; offline is its last will", json=False,
        ),
        Row("group_order", OrderDocument, topics.order, "a command that a member passes on to the leader"),
        Row("group_answer", AnswerDocument, topics.answer(DEVICE), "the leader's answer to a member's command"),
    )  # fmt: skip
    return tuple(row._replace(address=row.address.lstrip("/")) for row in found)
