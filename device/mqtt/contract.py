"""The whole MQTT contract as one AsyncAPI document, for programmers. Pure, any thread.

`CHANNELS` is a declarative table with one row for each topic. Its types are those that the program encodes and decodes
itself, and the JSON Schemas follow from them (https://www.asyncapi.com/docs/reference/specification/v3.0.0). The tests
check every row against what the device really sends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import msgspec

from device import __version__
from device.domain import EventType, Liking, MoodName, PolicyName, Transport
from device.mqtt import (
    documents,
    groups,
    people_parser,
    queue_documents,
    request_parser,
    schedule_documents,
    schedule_parser,
)
from device.mqtt.command_parser import AUTO, MediaOrder
from device.mqtt.topics import Topics

DEVICE = "{device}"
QOS = 1
PASSING = ("group_order", "group_answer")
"""What devices of a group say to one another, and the broker does not keep."""

TEXT, JSON, JPEG = "text/plain", "application/json", "image/jpeg"

Auto = Literal["auto"]
Switch = Literal["ON", "OFF"]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
Step = Annotated[str, msgspec.Meta(pattern=r"^[+-]?[0-9]{1,3}$")]
Jump = Annotated[str, msgspec.Meta(pattern=r"^[+-]?([0-9]{1,5}(\.[0-9]{1,6})?|[0-9]{1,3}:[0-5][0-9])$")]
Minutes = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3})?$")]
Clock = Annotated[str, msgspec.Meta(pattern=r"[0-9]{1,2}:[0-9]{2}")]
File = Annotated[str, msgspec.Meta(pattern="^file://")]
Room = Annotated[str, msgspec.Meta(pattern="^[^/+#]*$", max_length=groups.LONGEST)]
Playlist = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=groups.LONGEST)]
assert AUTO == "auto"


class EventMessage(msgspec.Struct, frozen=True, kw_only=True):
    """`event`: something happened. Further fields depend on the type; their values are text, numbers or lists."""

    event_type: EventType


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic: its attribute of `Topics`, the type of its payload (or a tuple of alternatives), and what it is for.
    `content` is the media type. A payload of the type TEXT is JSON where it is a list or an object."""

    name: str
    payload: Any
    says: str
    content: str = TEXT
    address: str = ""
    """Below the base topic, with parameters in braces, for topics that `Topics` does not know; else empty."""

    @property
    def command(self) -> bool:
        """Whether the device listens on it; otherwise it sends."""
        return self.name.endswith("_set")

    @property
    def retained(self) -> bool:
        """Whether the broker keeps the last message."""
        return not self.command and self.name not in ("event", "error", *PASSING)

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters of the address."""
        names = re.findall(r"{(\w+)}", self.address) if self.address else ["device"]
        return {name: _parameter(name) for name in names}

    def topic(self, topics: Topics) -> str:
        """The whole address."""
        if self.address:
            return f"{topics.base.strip('/')}/{self.address}"
        return str(getattr(topics, self.name))


CHANNELS = (
    Channel("availability", Literal["online", "offline"], "whether the device is online; offline is its last will"),
    Channel("mood_state", documents.MoodState, "the mood of the room", JSON),
    Channel("mood_set", (MoodName, Auto), "set the mood by hand; auto follows the evidence again"),
    Channel("track_state", documents.TrackState, "what plays, and why", JSON),
    Channel("track_cover", bytes, "the cover of what plays; empty if there is none", JPEG),
    Channel("track_mood_set", (MoodName, Auto), "correct the mood of the current track; auto undoes that"),
    Channel("playback_set", Transport, "control the playback"),
    Channel("seek_set", Jump, "jump to seconds, to minutes such as 1:30, or by a step such as +10"),
    Channel("volume_state", Percent, "the volume in percent", JSON),
    Channel("volume_set", Step, "set the volume in percent, or change it by a step such as +5"),
    Channel("mute_state", Switch, "whether the device is muted"),
    Channel("mute_set", Switch, "mute or unmute the device"),
    Channel("media_set", (Literal["stop"], MediaOrder), "play the medium at an address, or announce it; stop ends it"),
    Channel("occupancy_state", Literal["ON", "OFF", "None"], "whether somebody is in the room; None: no camera looks"),
    Channel("camera_state", Switch, "whether the camera is open, or somebody wants it to be"),
    Channel("camera_set", Switch, "switch the camera on or off"),
    Channel("policy_state", PolicyName, "how the music follows the mood"),
    Channel("policy_set", PolicyName, "choose how the music follows the mood"),
    Channel("feedback_set", (Liking, request_parser.FeedbackOrder), "say what somebody thinks of the current track"),
    Channel("question_state", Switch, "whether a nod or a shake of the head answers now"),
    Channel("question_set", Literal["ask"], "ask whether people like the current track"),
    Channel("never_state", list[queue_documents.ListedTrack], "the banned tracks, the latest last", JSON),
    Channel("never_set", (File, Literal["undo"]), "allow a banned track again; undo: the latest"),
    Channel("queue_state", list[queue_documents.QueueItem], "what plays next", JSON),
    Channel("queue_set", (File, request_parser.QueueOrder), "ask for tracks, or change the queue"),
    Channel("playlist_state", list[str], "the names of the playlists, at most 200", JSON),
    Channel("playlist_set", Playlist, "play the playlist with this name at once"),
    Channel("vote_state", queue_documents.VoteState, "who wants to skip the current track", JSON),
    Channel("vote_set", request_parser.VoteOrder, "vote for a request, vote to skip, or veto", JSON),
    Channel("profile_state", (Name, list[Name]), "whose taste the music follows: a name, or a JSON list of names"),
    Channel("profile_set", (Name, list[Name], request_parser.PresenceOrder), "choose whose taste the music follows"),
    Channel("guest_state", Switch, "whether guest mode is on"),
    Channel("guest_set", Switch, "switch guest mode on or off"),
    Channel("context_state", documents.ContextState, "what happens in the room", JSON),
    Channel("context_set", (Name, people_parser.ContextOrder), "say what happens in the room; text is an activity"),
    Channel("body_set", people_parser.BodyOrder, "a measurement of a body", JSON),
    Channel("sleep_state", schedule_documents.SleepState, "when the sleep timer stops the music", JSON),
    Channel("sleep_set", (Minutes, Literal["off"]), "fade the music out within this many minutes"),
    Channel("alarm_state", schedule_documents.AlarmState, "the alarms", JSON),
    Channel("alarm_set", (Literal["stop", "snooze"], Clock, schedule_parser.AlarmOrder), "set, switch or stop alarms"),
    Channel("quiet_state", Switch, "whether quiet hours limit the volume"),
    Channel("quiet_set", Literal["ON", "OFF", "auto"], "switch quiet hours by hand, or follow their times again"),
    Channel("schedule_state", schedule_documents.ScheduleState, "the times and limits that count", JSON),
    Channel("schedule_set", schedule_parser.ScheduleOrder, "change times and limits; null: config.yaml's value", JSON),
    Channel("children_state", schedule_documents.ChildrenState, "how long the children may still listen today", JSON),
    Channel("room_state", Room, "the room that the device is in; empty for none"),
    Channel("room_set", Room, "move the device to another room"),
    Channel("group_state", Room, "the group that the device plays with; empty for none"),
    Channel("group_set", Room, "let the device play with another group"),
    Channel("group_volume_state", (Percent, Literal["None"]), "the volume of its group in percent; None: no group"),
    Channel("group_volume_set", Step, "set the volume of its group in percent, or change it by a step such as +5"),
    Channel("update_state", documents.UpdateState, "the installed and the latest version", JSON),
    Channel("update_set", Literal["install", "check"], "install the latest version, or look for it"),
    Channel("page_state", documents.PageState, "where the page for phones is, and its PIN", JSON),
    Channel("event", EventMessage, "what happened", JSON),
    Channel("health", documents.HealthState, "the state of the device, every minute and when a problem changes", JSON),
    Channel("error", documents.ErrorReport, "a command that the device refused or limited, and why", JSON),
)


class Row(Protocol):
    """A topic of another surface; see `rooms.contract`."""

    @property
    def name(self) -> str: ...
    @property
    def payload(self) -> Any: ...
    @property
    def address(self) -> str: ...
    @property
    def says(self) -> str: ...
    @property
    def json(self) -> bool: ...


def channels(rows: Iterable[Row]) -> tuple[Channel, ...]:
    """Channels for the rows of another surface."""
    return tuple(Channel(row.name, row.payload, row.says, JSON if row.json else TEXT, row.address) for row in rows)


def document(base: str = "affetto", more: Iterable[Channel] = ()) -> dict[str, object]:
    """The AsyncAPI document for all devices below the topic `base`. Only lists, texts, numbers and mappings. `more`:
    the channels of another surface."""
    topics = Topics(base, DEVICE)
    rows = (*CHANNELS, *more)
    schemas, components = _schemas(rows)
    addresses: dict[str, object] = {}
    operations: dict[str, object] = {}
    for channel in rows:
        addresses[channel.name] = _channel(channel, channel.topic(topics), channel.parameters)
        operations[channel.name] = _operation(channel, channel.name)
        if channel.command:  # a room, and the leader of a group, obey the same commands
            for several in ("room", "group"):
                name = f"in_{several}_{channel.name}"
                address = channel.topic(topics).replace(f"/{DEVICE}/", f"/{several}/{{{several}}}/")
                addresses[name] = _channel(channel, address, {several: _parameter(several)})
                operations[name] = _operation(channel, name)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Affetto over MQTT", "version": __version__, "description": ABOUT},
        "defaultContentType": JSON,
        "channels": addresses,
        "operations": operations,
        "components": {
            "messages": {one.name: _message(one, schemas[one.name]) for one in rows},
            "schemas": components,
        },
    }


ABOUT = (
    "What an Affetto device sends and obeys. States are retained. Commands are not: the device refuses retained ones,"
    " and answers a command that it does not obey on the topic `error`."
)
PARAMETERS = {
    "device": "device.id in the settings of the device",
    "room": "the room of one or more devices",
    "group": "the group that devices play with",
}


def _parameter(name: str) -> dict[str, object]:
    return {"description": PARAMETERS[name]}


def _channel(channel: Channel, address: str, parameters: Mapping[str, object]) -> dict[str, object]:
    messages = {channel.name: {"$ref": f"#/components/messages/{channel.name}"}}
    return {"address": address, "description": channel.says, "parameters": parameters, "messages": messages}


def _operation(channel: Channel, name: str) -> dict[str, object]:
    return {
        "action": "receive" if channel.command else "send",
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": channel.says,
        "bindings": {"mqtt": {"qos": QOS, "retain": channel.retained, "bindingVersion": "0.2.0"}},
    }


def _message(channel: Channel, schema: object) -> dict[str, object]:
    return {"name": channel.name, "summary": channel.says, "contentType": channel.content, "payload": schema}


def _schemas(channels: Iterable[Channel]) -> tuple[dict[str, object], dict[str, object]]:
    """The JSON Schema of each channel's payload by its name, and those to which they refer."""
    rows = {row.name: row.payload if isinstance(row.payload, tuple) else (row.payload,) for row in channels}
    types = [str if one is bytes else one for payload in rows.values() for one in payload]
    found, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schemas = iter(found)
    parts = {name: [dict(next(schemas)) for _ in payload] for name, payload in rows.items()}
    return {name: part[0] if len(part) == 1 else {"anyOf": part} for name, part in parts.items()}, dict(components)
