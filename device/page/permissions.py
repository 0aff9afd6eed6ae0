"""Which role each command needs, and what a guest's command becomes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from device.page.access import Role, Session

OWNERS = {"forget", "room", "restore", "schedule", "install_update", "check_for_update"}
GUESTS = {"enqueue", "vote", "vote_skip", "feedback", "remove_request"}
BY = {"enqueue", "vote", "vote_skip", "veto", "feedback", "remove_request", "move_request", "clear_requests"}
"""Commands that name who asks."""


def refusal(name: str, given: Mapping[str, Any], role: int) -> str:
    """Why somebody with this role may not give the command; empty if they may."""
    if role >= Role.OWNER:
        return ""
    if name in OWNERS or (name == "camera" and given.get("on") is not False):
        return "Only the owner may do that; log in first."
    if role >= Role.HOUSEHOLD:
        return ""
    if role < Role.GUEST:
        return "Log in first."
    if name not in GUESTS or (name == "feedback" and given.get("liking") != "like"):
        return "Guests can ask for songs, like and vote."
    return ""


def signed(name: str, given: Mapping[str, Any], session: Session) -> dict[str, Any]:
    """The fields of the command, in the name of the guest who gives it. A guest's songs always come later."""
    fields = dict(given)
    if session.role == Role.GUEST and name in BY:
        fields["by"] = session.name or "Guest"
        if name == "feedback":
            fields.pop("by")  # nothing is learned for a guest by name
        if name == "enqueue":
            fields["where"] = "later"
    return fields
