"""Groups: every device of a room also obeys `<base>/room/<room>/<command>/set`.

Pure text work, any thread. A room is a name that people type; it is one level of a topic exactly as it is
written, so that what `room/state` says is what has to be put into the topic. Devices with the same room are a
group: there is nobody to ask and no list to keep.
"""

from __future__ import annotations

LONGEST = 64
"""Characters in the name of a room or a profile."""


def problem(room: str) -> str:
    """What `room` should have been, as words that continue "takes ..."; empty if it can be a level of a topic."""
    if len(room) > LONGEST:
        return f"a name of at most {LONGEST} characters"
    if any(char in "/+#" or not char.isprintable() for char in room):
        return "a name without /, + and #, or nothing for no room"
    return ""


def command_filter(base: str, room: str) -> str:
    """What to subscribe to in order to hear the room's commands; empty for no room."""
    return f"{base}/room/{room}/+/set" if room and not problem(room) else ""


def command_name(base: str, topic: str) -> str:
    """The command in a topic of any room, such as `volume`; empty if `topic` is not a room's command."""
    head = f"{base}/room/"
    parts = topic.removeprefix(head).split("/")
    return parts[1] if topic.startswith(head) and len(parts) == 3 and parts[2] == "set" else ""
