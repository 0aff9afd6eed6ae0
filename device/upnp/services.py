"""The UPnP services that the device offers: their actions, arguments and state variables, as tables. Pure.

Sources: UPnP AVTransport:1, RenderingControl:1, ConnectionManager:1 and ContentDirectory:1. Version 1 of each is what
every control point understands. Optional actions are here only where the device really does something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Variable:
    """A state variable. `kind` is UPnP's data type. `evented`: subscribers hear of every change by itself."""

    kind: str = "string"
    values: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    evented: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """An action: its arguments, in order, with the state variable that gives each its type."""

    takes: Mapping[str, str] = field(default_factory=dict)
    gives: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service:
    """A service. `name` makes its type and its id."""

    name: str
    variables: Mapping[str, Variable]
    actions: Mapping[str, Action]

    @property
    def kind(self) -> str:
        """The service type."""
        return f"urn:schemas-upnp-org:service:{self.name}:1"

    @property
    def identifier(self) -> str:
        """The service id."""
        return f"urn:upnp-org:serviceId:{self.name}"


_INSTANCE = {"InstanceID": "A_ARG_TYPE_InstanceID"}
_CHANNEL = {**_INSTANCE, "Channel": "A_ARG_TYPE_Channel"}
_ONE_INSTANCE = Variable("ui4")
NOT_IMPLEMENTED = "NOT_IMPLEMENTED"

AV_TRANSPORT = Service(
    "AVTransport",
    {
        "TransportState": Variable(values=("STOPPED", "PLAYING", "PAUSED_PLAYBACK", "NO_MEDIA_PRESENT")),
        "TransportStatus": Variable(values=("OK", "ERROR_OCCURRED")),
        "PlaybackStorageMedium": Variable(values=("NETWORK", "NONE")),
        "RecordStorageMedium": Variable(values=(NOT_IMPLEMENTED,)),
        "PossiblePlaybackStorageMedia": Variable(),
        "PossibleRecordStorageMedia": Variable(),
        "CurrentPlayMode": Variable(values=("NORMAL",)),
        "TransportPlaySpeed": Variable(values=("1",)),
        "RecordMediumWriteStatus": Variable(values=(NOT_IMPLEMENTED,)),
        "CurrentRecordQualityMode": Variable(values=(NOT_IMPLEMENTED,)),
        "PossibleRecordQualityModes": Variable(),
        "NumberOfTracks": Variable("ui4", low=0, high=1),
        "CurrentTrack": Variable("ui4", low=0, high=1),
        "CurrentTrackDuration": Variable(),
        "CurrentMediaDuration": Variable(),
        "CurrentTrackMetaData": Variable(),
        "CurrentTrackURI": Variable(),
        "AVTransportURI": Variable(),
        "AVTransportURIMetaData": Variable(),
        "NextAVTransportURI": Variable(),
        "NextAVTransportURIMetaData": Variable(),
        "RelativeTimePosition": Variable(),
        "AbsoluteTimePosition": Variable(),
        "RelativeCounterPosition": Variable("i4"),
        "AbsoluteCounterPosition": Variable("i4"),
        "CurrentTransportActions": Variable(),
        "LastChange": Variable(evented=True),
        "A_ARG_TYPE_SeekMode": Variable(values=("REL_TIME", "ABS_TIME")),
        "A_ARG_TYPE_SeekTarget": Variable(),
        "A_ARG_TYPE_InstanceID": _ONE_INSTANCE,
    },
    {
        "SetAVTransportURI": Action(
            {**_INSTANCE, "CurrentURI": "AVTransportURI", "CurrentURIMetaData": "AVTransportURIMetaData"}
        ),
        "GetMediaInfo": Action(
            _INSTANCE,
            {
                "NrTracks": "NumberOfTracks",
                "MediaDuration": "CurrentMediaDuration",
                "CurrentURI": "AVTransportURI",
                "CurrentURIMetaData": "AVTransportURIMetaData",
                "NextURI": "NextAVTransportURI",
                "NextURIMetaData": "NextAVTransportURIMetaData",
                "PlayMedium": "PlaybackStorageMedium",
                "RecordMedium": "RecordStorageMedium",
                "WriteStatus": "RecordMediumWriteStatus",
            },
        ),
        "GetTransportInfo": Action(
            _INSTANCE,
            {
                "CurrentTransportState": "TransportState",
                "CurrentTransportStatus": "TransportStatus",
                "CurrentSpeed": "TransportPlaySpeed",
            },
        ),
        "GetPositionInfo": Action(
            _INSTANCE,
            {
                "Track": "CurrentTrack",
                "TrackDuration": "CurrentTrackDuration",
                "TrackMetaData": "CurrentTrackMetaData",
                "TrackURI": "CurrentTrackURI",
                "RelTime": "RelativeTimePosition",
                "AbsTime": "AbsoluteTimePosition",
                "RelCount": "RelativeCounterPosition",
                "AbsCount": "AbsoluteCounterPosition",
            },
        ),
        "GetDeviceCapabilities": Action(
            _INSTANCE,
            {
                "PlayMedia": "PossiblePlaybackStorageMedia",
                "RecMedia": "PossibleRecordStorageMedia",
                "RecQualityModes": "PossibleRecordQualityModes",
            },
        ),
        "GetTransportSettings": Action(
            _INSTANCE, {"PlayMode": "CurrentPlayMode", "RecQualityMode": "CurrentRecordQualityMode"}
        ),
        "GetCurrentTransportActions": Action(_INSTANCE, {"Actions": "CurrentTransportActions"}),
        "Stop": Action(_INSTANCE),
        "Play": Action({**_INSTANCE, "Speed": "TransportPlaySpeed"}),
        "Pause": Action(_INSTANCE),
        "Seek": Action({**_INSTANCE, "Unit": "A_ARG_TYPE_SeekMode", "Target": "A_ARG_TYPE_SeekTarget"}),
        "Next": Action(_INSTANCE),
        "Previous": Action(_INSTANCE),
    },
)

_RENDERING = Service(
    "RenderingControl",
    {
        "PresetNameList": Variable(),
        "Mute": Variable("boolean"),
        "Volume": Variable("ui2", low=0, high=100),
        "LastChange": Variable(evented=True),
        "A_ARG_TYPE_Channel": Variable(values=("Master",)),
        "A_ARG_TYPE_InstanceID": _ONE_INSTANCE,
        "A_ARG_TYPE_PresetName": Variable(),
    },
    {
        "ListPresets": Action(_INSTANCE, {"CurrentPresetNameList": "PresetNameList"}),
        "SelectPreset": Action({**_INSTANCE, "PresetName": "A_ARG_TYPE_PresetName"}),
        "GetMute": Action(_CHANNEL, {"CurrentMute": "Mute"}),
        "SetMute": Action({**_CHANNEL, "DesiredMute": "Mute"}),
        "GetVolume": Action(_CHANNEL, {"CurrentVolume": "Volume"}),
        "SetVolume": Action({**_CHANNEL, "DesiredVolume": "Volume"}),
    },
)

CONNECTION_MANAGER = Service(
    "ConnectionManager",
    {
        "SourceProtocolInfo": Variable(evented=True),
        "SinkProtocolInfo": Variable(evented=True),
        "CurrentConnectionIDs": Variable(evented=True),
        "A_ARG_TYPE_ConnectionStatus": Variable(values=("OK", "Unknown")),
        "A_ARG_TYPE_ConnectionManager": Variable(),
        "A_ARG_TYPE_Direction": Variable(values=("Input", "Output")),
        "A_ARG_TYPE_ProtocolInfo": Variable(),
        "A_ARG_TYPE_ConnectionID": Variable("i4"),
        "A_ARG_TYPE_AVTransportID": Variable("i4"),
        "A_ARG_TYPE_RcsID": Variable("i4"),
    },
    {
        "GetProtocolInfo": Action({}, {"Source": "SourceProtocolInfo", "Sink": "SinkProtocolInfo"}),
        "GetCurrentConnectionIDs": Action({}, {"ConnectionIDs": "CurrentConnectionIDs"}),
        "GetCurrentConnectionInfo": Action(
            {"ConnectionID": "A_ARG_TYPE_ConnectionID"},
            {
                "RcsID": "A_ARG_TYPE_RcsID",
                "AVTransportID": "A_ARG_TYPE_AVTransportID",
                "ProtocolInfo": "A_ARG_TYPE_ProtocolInfo",
                "PeerConnectionManager": "A_ARG_TYPE_ConnectionManager",
                "PeerConnectionID": "A_ARG_TYPE_ConnectionID",
                "Direction": "A_ARG_TYPE_Direction",
                "Status": "A_ARG_TYPE_ConnectionStatus",
            },
        ),
    },
)


_PAGE = {
    "Filter": "A_ARG_TYPE_Filter",
    "StartingIndex": "A_ARG_TYPE_Index",
    "RequestedCount": "A_ARG_TYPE_Count",
    "SortCriteria": "A_ARG_TYPE_SortCriteria",
}
_RESULT = {
    "Result": "A_ARG_TYPE_Result",
    "NumberReturned": "A_ARG_TYPE_Count",
    "TotalMatches": "A_ARG_TYPE_Count",
    "UpdateID": "A_ARG_TYPE_UpdateID",
}

CONTENT_DIRECTORY = Service(
    "ContentDirectory",
    {
        "SearchCapabilities": Variable(),
        "SortCapabilities": Variable(),
        "SystemUpdateID": Variable("ui4", evented=True),
        "A_ARG_TYPE_ObjectID": Variable(),
        "A_ARG_TYPE_Result": Variable(),
        "A_ARG_TYPE_SearchCriteria": Variable(),
        "A_ARG_TYPE_BrowseFlag": Variable(values=("BrowseMetadata", "BrowseDirectChildren")),
        "A_ARG_TYPE_Filter": Variable(),
        "A_ARG_TYPE_SortCriteria": Variable(),
        "A_ARG_TYPE_Index": Variable("ui4"),
        "A_ARG_TYPE_Count": Variable("ui4"),
        "A_ARG_TYPE_UpdateID": Variable("ui4"),
    },
    {
        "GetSearchCapabilities": Action({}, {"SearchCaps": "SearchCapabilities"}),
        "GetSortCapabilities": Action({}, {"SortCaps": "SortCapabilities"}),
        "GetSystemUpdateID": Action({}, {"Id": "SystemUpdateID"}),
        "Browse": Action({"ObjectID": "A_ARG_TYPE_ObjectID", "BrowseFlag": "A_ARG_TYPE_BrowseFlag", **_PAGE}, _RESULT),
        "Search": Action(
            {"ContainerID": "A_ARG_TYPE_ObjectID", "SearchCriteria": "A_ARG_TYPE_SearchCriteria", **_PAGE}, _RESULT
        ),
    },
)


def rendering_control(max_volume: int) -> Service:
    """RenderingControl for this volume limit, in percent: the limit is the right end of every slider, and a number
    means the same here as over MQTT. A slider that ends at 0 would divide by zero, so it ends at 1 at least."""
    volume = replace(_RENDERING.variables["Volume"], high=max(1, max_volume))
    return replace(_RENDERING, variables={**_RENDERING.variables, "Volume": volume})
