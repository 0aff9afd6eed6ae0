"""Turns a control point's calls into answers from the view, commands or faults. Pure: a table of actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from device.domain import (
    Command,
    MoodName,
    PolicyName,
    SeekTo,
    SetMood,
    SetMute,
    SetPlayback,
    SetPolicy,
    SetVolume,
    Transport,
)
from device.upnp import state
from device.upnp.services import AV_TRANSPORT, CONNECTION_MANAGER
from device.upnp.soap import BOOLEANS, Call, Code, Fault
from device.upnp.state import AUTO, FACTORY_DEFAULTS, MOOD, POLICY, Media, View
from device.upnp.text import seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer is known: values of the action's arguments, and perhaps more."""

    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ask:
    """The device must do this. If it refuses, the control point gets `refusal` as the error code."""

    commands: tuple[Command, ...]
    refusal: int = Code.ACTION_FAILED


@dataclass(frozen=True, slots=True)
class Load:
    """SetAVTransportURI: these media are next. They start at once if music plays, as AVTransport:1 says, and wait for
    Play otherwise."""

    media: Media


Translation = Reply | Ask | Load | Fault
TRANSPORT = {
    "Play": Transport.PLAY,
    "Pause": Transport.PAUSE,
    "Stop": Transport.STOP,
    "Next": Transport.NEXT,
    "Previous": Transport.PREVIOUS,
}


def translate(call: Call, view: View) -> Translation:
    """What a call means."""
    instance = call.arguments.get("InstanceID", "0").strip()
    if call.service.name == AV_TRANSPORT.name:
        if instance != "0":
            return Fault(Code.INVALID_TRANSPORT, "The device has only the transport with InstanceID 0.")
        return _transport(call, view)
    if call.service.name == CONNECTION_MANAGER.name:
        return connection(call)
    if instance != "0":
        return Fault(Code.INVALID_RENDERING, "The device has only the rendering control with InstanceID 0.")
    return _rendering(call, view)


def _given(call: Call, variables: Mapping[str, str]) -> Reply:
    return Reply({name: variables[variable] for name, variable in call.service.actions[call.action].gives.items()})


def _transport(call: Call, view: View) -> Translation:
    if call.action in TRANSPORT:
        if call.arguments.get("Speed", "1").strip() != "1":
            return Fault(Code.SPEED_NOT_SUPPORTED, "The device plays only at normal speed, 1.")
        return Ask((SetPlayback(TRANSPORT[call.action]),))
    if call.action == "Seek":
        return _seek(call)
    if call.action == "SetAVTransportURI":
        return _load(call)
    return _given(call, state.transport(view) | state.position(view))


def _seek(call: Call) -> Translation:
    if call.arguments["Unit"].strip() not in AV_TRANSPORT.variables["A_ARG_TYPE_SeekMode"].values:
        return Fault(Code.SEEK_MODE_NOT_SUPPORTED, "The device seeks by REL_TIME and ABS_TIME.")
    target_s = seconds(call.arguments["Target"])
    if target_s is None:
        return Fault(Code.ILLEGAL_SEEK_TARGET, "The target of a seek is a time such as 0:03:25.")
    return Ask((SeekTo(target_s),), refusal=Code.ILLEGAL_SEEK_TARGET)


def _load(call: Call) -> Translation:
    url = call.arguments["CurrentURI"].strip()
    if url and urlsplit_scheme(url) not in ("http", "https"):
        return Fault(Code.RESOURCE_NOT_FOUND, "The device plays only addresses that begin with http:// or https://.")
    return Load(Media(url, call.arguments["CurrentURIMetaData"]))


def urlsplit_scheme(url: str) -> str:
    """The scheme of a URL in small letters; empty if it is none."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def _rendering(call: Call, view: View) -> Translation:
    if call.arguments.get("Channel", "Master").strip() != "Master":
        return Fault(Code.INVALID_ARGUMENTS, "The device has only the channel Master.")
    match call.action:
        case "SetVolume":
            return _volume(int(call.arguments["DesiredVolume"]), view)
        case "SetMute":
            return Ask((SetMute(BOOLEANS[call.arguments["DesiredMute"].strip().lower()]),))
        case "SelectPreset":
            return _preset(call.arguments["PresetName"].strip())
    return _given(call, state.rendering(view))


def _volume(wanted: int, view: View) -> Translation:
    """Many apps ignore the range in the description and send 0 to 100, so more than the limit means the limit."""
    if wanted < 0:
        return Fault(Code.OUT_OF_RANGE, "The volume starts at 0.")
    return Ask((SetVolume(min(wanted, view.playback.max_volume)),))


def _preset(name: str) -> Translation:
    """A policy, a mood, or the defaults."""
    if name == FACTORY_DEFAULTS:
        return Ask((SetMood(None), SetPolicy(PolicyName.MATCH)))
    if name == MOOD + AUTO:
        return Ask((SetMood(None),))
    if name in state.PRESETS:
        word = name.partition(": ")[2]
        return Ask((SetPolicy(PolicyName(word)) if name.startswith(POLICY) else SetMood(MoodName(word)),))
    return Fault(Code.INVALID_PRESET, f"The device has these presets: {', '.join(state.PRESETS)}.")


def connection(call: Call, source: str = "") -> Reply | Fault:
    """What a call of ConnectionManager means. `source`: what a media server offers."""
    if call.action != "GetCurrentConnectionInfo":
        return _given(call, state.connections(source))
    if call.arguments["ConnectionID"].strip() != "0":
        return Fault(Code.INVALID_CONNECTION, "The device has only the connection 0.")
    return Reply(
        {
            "RcsID": "0",
            "AVTransportID": "0",
            "ProtocolInfo": "",
            "PeerConnectionManager": "",
            "PeerConnectionID": "-1",
            "Direction": "Output" if source else "Input",
            "Status": "OK",
        }
    )
