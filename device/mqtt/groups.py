"""Every device of a room also obeys `<base>/room/<room>/<command>/set`, and the leader of a group
`<base>/group/<group>/<command>/set`.

Pure text work, any thread. A room or a group is any name that people type. It becomes one topic level exactly as
written, so that the value of `room/state` fits into the topic. There is no list of members.
"""

from __future__ import annotations

LONGEST = 64
"""Characters in the name of a room, a group or a profile."""


def problem(name: str, kind: str = "room") -> str:
    """What a room (or another `kind`) must be, as a phrase that continues "takes ..."; empty if `name` can be a topic
    level."""
    if len(name) > LONGEST:
        return f"a name of at most {LONGEST} characters"
    if any(char in "/+#" or not char.isprintable() for char in name):
        return f"a name without /, + and #, or nothing for no {kind}"
    return ""


def command_filter(base: str, name: str, kind: str = "room") -> str:
    """The subscription for the commands of a room or a group; empty for none."""
    return f"{base}/{kind}/{name}/+/set" if name and not problem(name) else ""


def command_name(base: str, topic: str) -> str:
    """The command in a topic of any room or group, such as `volume`; empty if `topic` is not such a command. A group
    has a volume of its own."""
    for head in (f"{base}/room/", f"{base}/group/"):
        parts = topic.removeprefix(head).split("/")
        if topic.startswith(head) and len(parts) == 3 and parts[2] == "set":
            return "group_volume" if parts[1] == "volume" and "/group/" in head else parts[1]
    return ""
