"""UPnP calls become commands, and the Snapshot becomes state variables: tables, without a network."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from didl_lite import didl_lite

from device.domain import (
    Command,
    MoodName,
    PlaybackState,
    PolicyName,
    SeekTo,
    SetMood,
    SetMute,
    SetPlayback,
    SetPolicy,
    SetVolume,
    Transport,
)
from device.domain.upnp_name import unique_name
from device.upnp import changes, soap, state
from device.upnp.description import Device, describe_device, describe_service
from device.upnp.didl import Description, describe
from device.upnp.services import AV_TRANSPORT, CONNECTION_MANAGER, Service, rendering_control
from device.upnp.soap import Call, Fault
from device.upnp.state import Media
from device.upnp.text import clean, clock, seconds
from device.upnp.translate import Ask, Load, Reply, Translation, translate
from tests.upnp_views import BASE, SONG, elsewhere, snapshot, view

RENDERING = rendering_control(70)
SERVICES = {service.name: service for service in (AV_TRANSPORT, RENDERING, CONNECTION_MANAGER)}


def meaning(service: Service, action: str, **arguments: str) -> Translation:
    given = {"InstanceID": "0", "Channel": "Master", "Speed": "1"} | arguments
    taken = {name: given[name] for name in service.actions[action].takes}
    return translate(Call(service, action, taken), view())


@pytest.mark.parametrize(
    ("service", "action", "arguments", "commands"),
    [
        (AV_TRANSPORT, "Play", {}, [SetPlayback(Transport.PLAY)]),
        (AV_TRANSPORT, "Pause", {}, [SetPlayback(Transport.PAUSE)]),
        (AV_TRANSPORT, "Stop", {}, [SetPlayback(Transport.STOP)]),
        (AV_TRANSPORT, "Next", {}, [SetPlayback(Transport.NEXT)]),
        (AV_TRANSPORT, "Previous", {}, [SetPlayback(Transport.PREVIOUS)]),
        (AV_TRANSPORT, "Seek", {"Unit": "REL_TIME", "Target": "0:01:30"}, [SeekTo(90.0)]),
        (AV_TRANSPORT, "Seek", {"Unit": "ABS_TIME", "Target": "00:00:07.500"}, [SeekTo(7.5)]),
        (RENDERING, "SetVolume", {"DesiredVolume": "40"}, [SetVolume(40)]),
        (RENDERING, "SetVolume", {"DesiredVolume": "100"}, [SetVolume(70)]),
        (RENDERING, "SetMute", {"DesiredMute": "1"}, [SetMute(True)]),
        (RENDERING, "SetMute", {"DesiredMute": "false"}, [SetMute(False)]),
        (RENDERING, "SelectPreset", {"PresetName": "Policy: lift"}, [SetPolicy(PolicyName.LIFT)]),
        (RENDERING, "SelectPreset", {"PresetName": "Mood: calm"}, [SetMood(MoodName.CALM)]),
        (RENDERING, "SelectPreset", {"PresetName": "Mood: auto"}, [SetMood(None)]),
        (
            RENDERING,
            "SelectPreset",
            {"PresetName": "FactoryDefaults"},
            [SetMood(None), SetPolicy(PolicyName.MATCH)],
        ),
    ],
)
def test_a_call_becomes_commands(
    service: Service, action: str, arguments: dict[str, str], commands: list[Command]
) -> None:
    asked = meaning(service, action, **arguments)
    assert isinstance(asked, Ask)
    assert list(asked.commands) == commands


@pytest.mark.parametrize(
    ("service", "action", "arguments", "code"),
    [
        (AV_TRANSPORT, "Play", {"InstanceID": "1"}, 718),
        (AV_TRANSPORT, "Play", {"Speed": "2"}, 717),
        (AV_TRANSPORT, "Seek", {"Unit": "TRACK_NR", "Target": "1"}, 710),
        (AV_TRANSPORT, "Seek", {"Unit": "REL_TIME", "Target": "soon"}, 711),
        (AV_TRANSPORT, "SetAVTransportURI", {"CurrentURI": "file:///etc/passwd", "CurrentURIMetaData": ""}, 716),
        (AV_TRANSPORT, "SetAVTransportURI", {"CurrentURI": "http://[", "CurrentURIMetaData": ""}, 716),
        (RENDERING, "SetVolume", {"DesiredVolume": "-1"}, 601),
        (RENDERING, "SetVolume", {"DesiredVolume": "10", "Channel": "LF"}, 402),
        (RENDERING, "GetVolume", {"InstanceID": "7"}, 702),
        (RENDERING, "SelectPreset", {"PresetName": "Mood: hungry"}, 701),
        (RENDERING, "SelectPreset", {"PresetName": "Policy: happy"}, 701),
        (CONNECTION_MANAGER, "GetCurrentConnectionInfo", {"ConnectionID": "3"}, 706),
    ],
)
def test_a_call_that_makes_no_sense_is_a_fault_with_its_code(
    service: Service, action: str, arguments: dict[str, str], code: int
) -> None:
    fault = meaning(service, action, **arguments)
    assert isinstance(fault, Fault)
    assert fault.code == code
    assert fault.message.endswith(".")


def test_every_action_is_understood_and_gives_all_its_values() -> None:
    valid = {
        "Unit": "REL_TIME",
        "Target": "0:00:01",
        "CurrentURI": "http://192.168.1.9/a.mp3",
        "CurrentURIMetaData": "",
        "DesiredVolume": "1",
        "DesiredMute": "0",
        "PresetName": "Mood: sad",
        "ConnectionID": "0",
    }
    for service in SERVICES.values():
        for name, action in service.actions.items():
            given = meaning(service, name, **valid)
            assert not isinstance(given, Fault), name
            assert isinstance(given, Reply) is bool(action.gives), name
            if isinstance(given, Reply):
                assert set(given.values) == set(action.gives), name
                for argument, variable in action.gives.items():
                    allowed = service.variables[variable].values
                    assert not allowed or given.values[argument] in allowed, argument


def test_media_of_a_control_point_are_loaded() -> None:
    url = "http://192.168.1.9:8123/api/tts_proxy/x.mp3"
    assert meaning(AV_TRANSPORT, "SetAVTransportURI", CurrentURI=url, CurrentURIMetaData="<x/>") == Load(
        Media(url, "<x/>")
    )


@pytest.mark.parametrize(
    ("playing", "transport", "actions"),
    [
        (PlaybackState.PLAYING, "PLAYING", "Pause,Stop,Seek,Next,Previous"),
        (PlaybackState.PAUSED, "PAUSED_PLAYBACK", "Play,Stop,Seek,Next,Previous"),
        (PlaybackState.STOPPED, "STOPPED", "Play,Next,Previous"),
    ],
)
def test_the_state_and_what_can_be_done_in_it(playing: PlaybackState, transport: str, actions: str) -> None:
    variables = state.transport(view(snapshot(playing)))
    assert (variables["TransportState"], variables["CurrentTransportActions"]) == (transport, actions)


def test_without_a_library_there_are_no_media() -> None:
    assert state.transport(view(snapshot(PlaybackState.STOPPED, None, tracks=0)))["TransportState"] == (
        "NO_MEDIA_PRESENT"
    )
    assert state.transport(view(snapshot(PlaybackState.STOPPED, None)))["TransportState"] == "STOPPED"


def test_the_track_reaches_another_reader_of_didl_lite_whole() -> None:
    variables = state.transport(view())
    [item] = didl_lite.from_xml_string(variables["CurrentTrackMetaData"])
    assert isinstance(item, didl_lite.MusicTrack)
    assert (item.title, item.artist, item.creator, item.album) == ("Drift & Away", "A <B>", "A <B>", "Slow")
    assert item.album_art_uri == f"{BASE}/cover/c0ffee.jpg"
    [resource] = item.res
    assert (resource.uri, resource.duration) == (variables["CurrentTrackURI"], "0:03:25")
    assert resource.uri == f"{BASE}/track/blake%3A1%2Fa%20b/track.flac"
    assert resource.protocol_info == "http-get:*:audio/flac:*"
    assert variables["CurrentTrackDuration"] == "0:03:25"


@pytest.mark.parametrize(("mono", "text"), [(100.0, "0:01:01"), (163.5, "0:02:04"), (900.0, "0:03:25")])
def test_the_position_runs_to_the_end_of_the_track(mono: float, text: str) -> None:
    assert state.position(view(mono=mono))["RelativeTimePosition"] == text


def test_a_paused_position_stands_still() -> None:
    paused = view(snapshot(PlaybackState.PAUSED), mono=500.0)
    assert state.position(paused)["RelativeTimePosition"] == "0:01:01"


def test_nothing_of_the_camera_passes() -> None:
    """Other faces, another mood, other people and a sick device: the same answers, to the letter."""
    here, there = view(snapshot()), view(elsewhere(snapshot()))
    assert here.snapshot != there.snapshot
    for read in (state.transport, state.position, state.rendering):
        assert read(here) == read(there)
    everything = str([state.transport(there), state.position(there), state.rendering(there), state.connections()])
    for word in ("angry room", "faces", "attic", "anger"):
        assert word not in everything


def test_the_right_end_of_the_slider_is_the_limit() -> None:
    [volume] = ElementTree.fromstring(describe_service(RENDERING)).iterfind(".//{*}allowedValueRange")
    assert [element.text for element in volume] == ["0", "70", "1"]


# --- SOAP ---


def request(action: str, arguments: str, service: Service = AV_TRANSPORT) -> bytes:
    envelope = "http://schemas.xmlsoap.org/soap/envelope/"
    inner = f'<u:{action} xmlns:u="{service.kind}">{arguments}</u:{action}>'
    return f'<s:Envelope xmlns:s="{envelope}"><s:Body>{inner}</s:Body></s:Envelope>'.encode()


def test_a_request_is_read() -> None:
    body = request("Play", "<InstanceID>0</InstanceID><Speed>1</Speed>")
    header = f'"{AV_TRANSPORT.kind}#Play"'
    assert soap.read(AV_TRANSPORT, body, header) == Call(AV_TRANSPORT, "Play", {"InstanceID": "0", "Speed": "1"})


@pytest.mark.parametrize(
    ("body", "action", "code"),
    [
        (b"", "Play", 401),
        (b"\xff\xfe", "Play", 401),
        (request("Play", "<InstanceID>0</InstanceID><Speed>1</Speed>"), "Stop", 401),
        (request("Explode", ""), "Explode", 401),
        (request("Play", "<InstanceID>0</InstanceID>"), "Play", 402),
        (request("Play", "<InstanceID>x</InstanceID><Speed>1</Speed>"), "Play", 402),
        (request("Play", "<InstanceID>0</InstanceID><Speed>1</Speed><More/>"), "Play", 402),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + request("Stop", "<InstanceID>&b;</InstanceID>"), "Stop", 401),
    ],
)
def test_a_request_that_makes_no_sense_is_a_fault(body: bytes, action: str, code: int) -> None:
    problem = soap.read(AV_TRANSPORT, body, f'"{AV_TRANSPORT.kind}#{action}"')
    assert isinstance(problem, Fault)
    assert problem.code == code


def test_laughs_do_not_multiply() -> None:
    lines = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "ha">{lines}]>'.encode() + request("Stop", "<InstanceID>&l11;</InstanceID>")
    assert isinstance(soap.read(AV_TRANSPORT, bomb, '"x#Stop"'), Fault)
    assert describe(bomb.decode()) == Description()


def test_a_fault_and_an_answer_are_xml_with_what_they_say() -> None:
    fault = ElementTree.fromstring(soap.fault(Fault(601, "No & \x00no.")))
    assert [fault.findtext(f".//{{*}}{name}") for name in ("errorCode", "errorDescription")] == [
        "601",
        "No & \ufffdno.",
    ]
    call = Call(RENDERING, "GetVolume", {})
    assert ElementTree.fromstring(soap.answer(call, {"CurrentVolume": "7"})).findtext(".//CurrentVolume") == "7"


# --- Events ---


def test_an_event_says_what_changed_and_always_the_state() -> None:
    before, after = ({"TransportState": "PLAYING", "CurrentTrackURI": uri} for uri in ("a", "b"))
    assert changes.news(AV_TRANSPORT, before, before) == {}
    assert changes.news(AV_TRANSPORT, before, after) == {"CurrentTrackURI": "b", "TransportState": "PLAYING"}
    assert changes.news(RENDERING, {"Volume": "1"}, {"Volume": "2"}) == {"Volume": "2"}


def test_last_change_is_xml_within_xml() -> None:
    outer = ElementTree.fromstring(changes.message(RENDERING, {"Volume": "40", "PresetNameList": 'a "&<'}))
    inner = ElementTree.fromstring(outer.findtext(".//LastChange") or "")
    elements = {element.tag.rpartition("}")[2]: element.attrib for element in inner.iter()}
    assert elements["Volume"] == {"val": "40", "channel": "Master"}
    assert elements["PresetNameList"] == {"val": 'a "&<'}
    assert "LastChange" not in changes.message(CONNECTION_MANAGER, {"SinkProtocolInfo": "x"}).decode()


# --- Descriptions and text ---


def test_the_device_is_described_under_a_name_that_stays() -> None:
    device = Device("MediaRenderer", "kitchen", "Kitchen & Bar", "1.0", tuple(SERVICES.values()))
    root = ElementTree.fromstring(describe_device(device))
    assert root.findtext(".//{*}friendlyName") == "Kitchen & Bar"
    assert root.findtext(".//{*}UDN") == unique_name("kitchen") == "uuid:34da4dce-eb2a-5bc2-b765-59807693529d"
    assert [service.text for service in root.iterfind(".//{*}serviceId")] == [
        service.identifier for service in SERVICES.values()
    ]
    assert unique_name("kitchen") != unique_name("bath") != unique_name("bath", "MediaServer")


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_every_argument_has_a_declared_variable(service: Service) -> None:
    for action in service.actions.values():
        assert {*action.takes.values(), *action.gives.values()} <= set(service.variables)


@pytest.mark.parametrize(
    ("metadata", "description"),
    [
        ("", Description()),
        ("<", Description()),
        (state.transport(view())["CurrentTrackMetaData"], Description("Drift & Away", "A <B>", "Slow", 205.0)),
        ("<DIDL-Lite><item><title>no namespace</title></item></DIDL-Lite>", Description()),
    ],
)
def test_what_a_control_point_says_about_media(metadata: str, description: Description) -> None:
    assert describe(metadata) == description


def test_times_there_and_back() -> None:
    for whole in (0, 59, 60, 3599, 3600, 86_399, 400_000):
        assert seconds(clock(whole)) == whole
    assert seconds("0:00:01.1/2") == 1.5
    assert [seconds(text) for text in ("", "5", "1:2:3:4", "x:00:01", "0:00:01.1/0")] == [None, None, None, None, 1.0]


def test_text_that_xml_cannot_hold_is_replaced() -> None:
    assert clean("a\x00b\ud800c\U0001f600\n") == "a\ufffdb\ufffdc\U0001f600\n"
    assert SONG.title in clean(SONG.title)
