"""Parses the payloads of commands. Pure, any thread.

A command topic ends in `<name>/set`. `read(name, payload)` turns the payload, which may be any bytes, into a command,
or into a sentence that says what it expected. It accepts what people and programs reasonably send ("ON", "true", "55.0"
from Home Assistant's numbers, "Next ", a JSON string) and refuses the rest. It never guesses.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Annotated

import msgspec

from device.domain import (
    AllowAgain,
    Ask,
    CheckForUpdate,
    Command,
    Feedback,
    InstallUpdate,
    Liking,
    MoodName,
    PlayMedia,
    PolicyName,
    SeekTo,
    SetCamera,
    SetGroup,
    SetGroupVolume,
    SetGuests,
    SetMood,
    SetMute,
    SetPlayback,
    SetPolicy,
    SetProfile,
    SetRoom,
    SetTrackMood,
    SetVolume,
    StopMedia,
    Transport,
)
from device.mqtt import groups, people_parser, request_parser, schedule_parser

LONGEST_BYTES = 1024
"""Bytes; a longer payload is refused without decoding it."""
LONGER_BYTES = {
    "playlist": 4096, "never": 8192, "alarm": 8192, "schedule": 8192, "media": 8192, "profile": 8192, "queue": 262_144,
}  # fmt: skip
"""The limits of commands that take more."""
LONGEST_NAME = 255
"""Characters in a title, artist or album."""

AUTO = "auto"
ON_WORDS = ("on", "true", "1", "yes")
OFF_WORDS = ("off", "false", "0", "no")
TRANSPORT_WORDS = {"prev": "previous", "back": "previous", "skip": "next", "resume": "play", "play_pause": "toggle"}
POLICY_WORDS = {"energize": "energise"}


class MediaOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`media/set`. `volume` is in percent, for announcements."""

    url: str
    title: str = ""
    artist: str = ""
    album: str = ""
    announce: bool = False
    volume: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None


class _Unusable(Exception):
    """`str` continues the sentence "volume/set takes ..."; `near` is a suggestion."""

    def __init__(self, expected: str, near: str = "") -> None:
        super().__init__(expected)
        self.near = near


def _choose(text: str, choices: Iterable[str], aliases: dict[str, str] | None = None) -> str:
    """The choice that `text` names, in upper or lower case."""
    known = [str(choice) for choice in choices]
    word = text.casefold()
    word = (aliases or {}).get(word, word)
    if word in known:
        return word
    near = difflib.get_close_matches(word, known, n=1)
    raise _Unusable(f"{', '.join(known[:-1])} or {known[-1]}", near[0] if near else "")


def _mood(text: str) -> Command:
    word = _choose(text, (AUTO, *MoodName))
    return SetMood(None if word == AUTO else MoodName(word))


def _track_mood(text: str) -> Command:
    word = _choose(text, (AUTO, *MoodName))
    return SetTrackMood(None if word == AUTO else MoodName(word))


def _playback(text: str) -> Command:
    return SetPlayback(Transport(_choose(text, Transport, TRANSPORT_WORDS)))


def _volume(text: str) -> Command:
    found = re.fullmatch(r"([+-]?)0*([0-9]{1,3})(?:\.0*)?\s*%?", text)
    if not found or int(found[2]) > 100:
        raise _Unusable("a whole number from 0 to 100, or a step such as +5 or -5")
    percent = int(found[2])
    return SetVolume(-percent if found[1] == "-" else percent, relative=bool(found[1]))


def _group_volume(text: str) -> Command:
    order = _volume(text)
    assert isinstance(order, SetVolume)
    return SetGroupVolume(order.percent, order.relative)


def _seek(text: str) -> Command:
    found = re.fullmatch(r"([+-]?)(?:([0-9]{1,3}):([0-5][0-9])|([0-9]{1,5}(?:\.[0-9]{1,6})?))(?: ?s)?", text)
    if not found:
        raise _Unusable("seconds from the beginning, minutes as in 1:30, or a step such as +10 or -10")
    seconds = float(found[4]) if found[4] else 60.0 * int(found[2]) + int(found[3])
    return SeekTo(-seconds if found[1] == "-" else seconds, relative=bool(found[1]))


def _on(text: str) -> bool:
    word = text.casefold()
    if word not in ON_WORDS + OFF_WORDS:
        raise _Unusable("ON or OFF")
    return word in ON_WORDS


def _camera(text: str) -> Command:
    return SetCamera(_on(text))


def _mute(text: str) -> Command:
    return SetMute(_on(text))


def _guest(text: str) -> Command:
    return SetGuests(_on(text))


def _media(text: str) -> Command:
    if text.casefold() == "stop":
        return StopMedia()
    try:
        order = msgspec.json.decode(text, type=MediaOrder)
    except msgspec.MsgspecError as error:
        fields = "url, and optionally title, artist, album, announce and volume"
        raise _Unusable(f"stop, or JSON with {fields} ({error})") from None
    named = (order.title, order.artist, order.album)
    if not all(len(name) <= LONGEST_NAME and name.isprintable() for name in named):
        raise _Unusable(f"names of at most {LONGEST_NAME} characters, without control characters")
    return PlayMedia(order.url, *named, order.announce, order.volume)


def _update(text: str) -> Command:
    return InstallUpdate() if _choose(text, ("install", "check")) == "install" else CheckForUpdate()


def _policy(text: str) -> Command:
    return SetPolicy(PolicyName(_choose(text, PolicyName, POLICY_WORDS)))


def _feedback(text: str) -> Command:
    if text.startswith("{"):
        return request_parser.feedback(text)
    return Feedback(Liking(_choose(text, Liking)))


def _question(text: str) -> Command:
    if text.casefold() != "ask":
        raise _Unusable("ask")
    return Ask()


def _allow(text: str) -> Command:
    if text.casefold() == "undo":
        return AllowAgain()
    if not text.startswith("file://"):
        raise _Unusable("the uri of a track in never/state, or undo for the latest")
    return AllowAgain(text)


def _profile(text: str) -> Command:
    if text.startswith(("[", "{")):
        return request_parser.profiles(text)
    if not text or len(text) > groups.LONGEST or not text.isprintable():
        raise _Unusable(request_parser.EXPECTED["profile"])
    return SetProfile(text)


def _room(text: str) -> Command:
    if wrong := groups.problem(text):
        raise _Unusable(wrong)
    return SetRoom(text)


def _group(text: str) -> Command:
    if wrong := groups.problem(text, "group"):
        raise _Unusable(wrong)
    return SetGroup(text)

EXPECTED = {**request_parser.EXPECTED, **schedule_parser.EXPECTED, **people_parser.EXPECTED}

READERS: dict[str, Callable[[str], Command]] = {
    "mood": _mood,
    "track_mood": _track_mood,
    "playback": _playback,
    "seek": _seek,
    "volume": _volume,
    "mute": _mute,
    "media": _media,
    "update": _update,
    "camera": _camera,
    "policy": _policy,
    "feedback": _feedback,
    "question": _question,
    "never": _allow,
    "queue": request_parser.queue,
    "playlist": request_parser.playlist,
    "vote": request_parser.vote,
    "profile": _profile,
    "guest": _guest,
    "context": people_parser.context,
    "body": people_parser.body,
    "room": _room,
    "sleep": schedule_parser.sleep,
    "alarm": schedule_parser.alarm,
    "quiet": schedule_parser.quiet,
    "schedule": schedule_parser.schedule,
    "group": _group,
    "group_volume": _group_volume,
}
"""Every command, by the topic level before `/set`."""


def show(payload: bytes, longest: int = 60) -> str:
    """`payload` as printable text of limited length. Never fails."""
    text = payload[: 4 * longest].decode("utf-8", "replace")
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= longest and len(payload) <= 4 * longest else text[: longest - 1] + "…"


def read(name: str, payload: bytes) -> Command | str:
    """The command, or a sentence that says what is wrong."""
    reader = READERS.get(name)
    if reader is None:
        near = difflib.get_close_matches(name, READERS, n=1)
        hint = f"; did you mean {near[0]}/set?" if near else f"; there are {', '.join(READERS)}."
        return f"There is no command {show(name.encode('utf-8', 'replace'))}/set{hint}"
    if len(payload) > LONGER_BYTES.get(name, LONGEST_BYTES):
        return f"{name}/set takes a short text, got {len(payload)} bytes."
    try:
        text = payload.decode("utf-8-sig").strip(" \t\r\n\0")
    except UnicodeDecodeError:
        return f"{name}/set takes text in UTF-8, got other bytes."
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    try:
        return reader(text)
    except _Unusable as wrong:
        hint = f"; did you mean '{wrong.near}'?" if wrong.near else "."
        return f"{name}/set takes {wrong}, got '{show(payload)}'{hint}"
    except (msgspec.MsgspecError, RecursionError):
        return f"{name}/set takes {EXPECTED[name]}; got '{show(payload)}'."
    except ValueError as wrong:
        return f"{name}/set: {wrong}."
