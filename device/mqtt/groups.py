"""Groups: every device of a room also obeys `<base>/room/<room>/<command>/set`.

Pure text work, any thread. A room is any name that people type. It becomes one topic level exactly as written, so that
the value of `room/state` fits into the topic. All devices with the same room form a group; there is no list of members.
"""

from __future__ import annotations

LONGEST = 64
"""Characters in the name of a room or a profile."""


def problem(room: str) -> str:
    """What a room must be, as a phrase that continues "takes ..."; empty if `room` can be a topic level."""
    if len(room) > LONGEST:
        return f"a name of at most {LONGEST} characters"
    if any(char in "/+#" or not char.isprintable() for char in room):
        return "a name without /, + and #, or nothing for no room"
    return ""


def command_filter(base: str, room: str) -> str:
    """The subscription for the room's commands; empty for no room."""
    return f"{base}/room/{room}/+/set" if room and not problem(room) else ""


def command_name(base: str, topic: str) -> str:
    """The command in a topic of any room, such as `volume`; empty if `topic` is not a room's command."""
    head = f"{base}/room/"
    parts = topic.removeprefix(head).split("/")
    return parts[1] if topic.startswith(head) and len(parts) == 3 and parts[2] == "set" else ""
