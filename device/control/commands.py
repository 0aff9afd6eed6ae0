"""Every command that the socket takes, by name. Pure, any thread.

A command's fields are the fields of its domain type, so a new command needs one line in `COMMANDS`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import msgspec

from device.domain import (
    AllowAgain,
    Ask,
    CheckForUpdate,
    ClearRequests,
    Command,
    Enqueue,
    Feedback,
    Forget,
    InstallUpdate,
    MoveRequest,
    PlayMedia,
    PlayPlaylist,
    RemoveAlarm,
    RemovePlaylist,
    RemoveRequest,
    ReportBody,
    Restore,
    SavePlaylist,
    SeekTo,
    SetAlarm,
    SetCamera,
    SetContext,
    SetGroup,
    SetGroupVolume,
    SetGuests,
    SetMood,
    SetMute,
    SetPlayback,
    SetPolicy,
    SetPresence,
    SetPresent,
    SetProfile,
    SetQuiet,
    SetRoom,
    SetSchedule,
    SetSleep,
    SetTrackMood,
    SetVolume,
    SnoozeAlarm,
    StopAlarm,
    StopMedia,
    SwitchAlarm,
    Veto,
    Vote,
    VoteSkip,
)

COMMANDS: Mapping[str, type[Command]] = {
    "mood": SetMood,
    "policy": SetPolicy,
    "volume": SetVolume,
    "profile": SetProfile,
    "present": SetPresent,
    "presence": SetPresence,
    "guests": SetGuests,
    "room": SetRoom,
    "context": SetContext,
    "body": ReportBody,
    "group": SetGroup,
    "group_volume": SetGroupVolume,
    "camera": SetCamera,
    "playback": SetPlayback,
    "seek": SeekTo,
    "track_mood": SetTrackMood,
    "feedback": Feedback,
    "ask": Ask,
    "never": AllowAgain,
    "forget": Forget,
    "mute": SetMute,
    "media": PlayMedia,
    "stop_media": StopMedia,
    "save_playlist": SavePlaylist,
    "remove_playlist": RemovePlaylist,
    "install_update": InstallUpdate,
    "check_for_update": CheckForUpdate,
    "sleep": SetSleep,
    "set_alarm": SetAlarm,
    "switch_alarm": SwitchAlarm,
    "remove_alarm": RemoveAlarm,
    "stop_alarm": StopAlarm,
    "snooze_alarm": SnoozeAlarm,
    "quiet": SetQuiet,
    "schedule": SetSchedule,
    "enqueue": Enqueue,
    "play_playlist": PlayPlaylist,
    "remove_request": RemoveRequest,
    "move_request": MoveRequest,
    "clear_requests": ClearRequests,
    "restore": Restore,
    "vote": Vote,
    "vote_skip": VoteSkip,
    "veto": Veto,
}
NAMES = {kind: name for name, kind in COMMANDS.items()}

LONGEST_NAME = 64  # characters of a name that a person gives
LONGEST_TEXT = 8192  # characters of any other text, such as a URI
NAMED_BY_PEOPLE = ("name", "names", "by", "whose")
LONGEST_LIST = 200  # entries
NUMBERS = 1e9  # no number in a command is beyond this


def parse(name: str, given: Mapping[str, Any]) -> Command | str:
    """The command, or a sentence that says what is wrong."""
    kind = COMMANDS.get(name)
    if kind is None:
        near = difflib.get_close_matches(name[:LONGEST_NAME], COMMANDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(COMMANDS)}."
        return f"There is no command {shown(name)}{hint}"
    known = [field.name for field in fields(kind)]
    for field in given:
        if field not in known:
            return f"{name} takes {', '.join(known) or 'no fields'}, not {shown(field)}."
    try:
        command = msgspec.convert(dict(given), kind, strict=True)
    except (msgspec.ValidationError, RecursionError) as error:
        return f"{name}: {error}."
    return next(filter(None, (_problem(name, field, getattr(command, field)) for field in known)), command)


def encode(command: Command) -> tuple[str, dict[str, Any]]:
    """The name and the fields of a command."""
    return NAMES[type(command)], msgspec.to_builtins(command)


def shown(text: str) -> str:
    """The beginning of a text from outside, in quotes and printable."""
    return repr(text[:40])


def _problem(command: str, field: str, value: object) -> str:
    """What is wrong with the value of a field, as a sentence; empty if it is usable."""
    if isinstance(value, int | float) and not -NUMBERS <= value <= NUMBERS:
        return f"{command}: {field} is out of range."
    if isinstance(value, tuple):
        if len(value) > LONGEST_LIST:
            return f"{command}: {field} has more than {LONGEST_LIST} entries."
        return next(filter(None, (_problem(command, field, one) for one in value)), "")
    if not isinstance(value, str):
        return ""
    longest = LONGEST_NAME if field in NAMED_BY_PEOPLE else LONGEST_TEXT
    if len(value) > longest:
        return f"{command}: {field} has more than {longest} characters."
    if not value.isprintable():
        return f"{command}: {field} contains a character that cannot be shown."
    if command in ("room", "group") and any(char in "/+#" for char in value):
        return f"The name of a {command} may not contain /, + or #."
    return "A profile needs a name." if command == "profile" and not value else ""
