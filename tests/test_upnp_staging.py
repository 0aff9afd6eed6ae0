"""Media that a control point sends: when they wait, when they start, and what a Stop before them means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.domain import (
    Command,
    Enqueue,
    PlaybackState,
    PlayMedia,
    SetPlayback,
    SetVolume,
    Snapshot,
    StopMedia,
    Track,
    Transport,
    Where,
)
from device.upnp import state
from device.upnp.staging import Staging
from device.upnp.state import MUSIC, Media, View
from device.upnp.translate import Ask, Load
from tests.upnp_views import BASE, SONG, snapshot, view

RADIO = "http://192.168.1.9/radio.mp3"
SPEECH = "http://192.168.1.9:8123/api/tts_proxy/abc.mp3"
STOP, PLAY = Ask((SetPlayback(Transport.STOP),)), Ask((SetPlayback(Transport.PLAY),))
PLAYING, PAUSED, STOPPED = (view(snapshot(one)) for one in PlaybackState)


def foreign() -> Snapshot:
    radio = Track("", RADIO, "Radio")
    shown = snapshot(track=radio)
    return replace(shown, playback=replace(shown.playback, foreign=True))


def commands(shown: View, *wishes: Ask | Load) -> list[Command]:
    """What the device must do when these follow one another at once."""
    staging = Staging()
    done: list[Command] = []
    for wish in wishes:
        asked = staging.load(wish, shown) if isinstance(wish, Load) else staging.ask(wish, shown)
        done.extend(asked.commands)
    return [*done, *staging.stop()]


@pytest.mark.parametrize(
    ("shown", "wishes", "expected"),
    [
        # Home Assistant while music plays, and while it does not
        (PLAYING, [STOP, Load(Media(RADIO))], [PlayMedia(RADIO)]),
        (PAUSED, [STOP, Load(Media(RADIO)), PLAY], [PlayMedia(RADIO)]),
        (STOPPED, [Load(Media(RADIO)), PLAY], [PlayMedia(RADIO)]),
        (STOPPED, [Load(Media(RADIO))], []),
        (PLAYING, [STOP, Load(Media(SPEECH))], [PlayMedia(SPEECH, announce=True)]),
        # nobody else is delayed for long, and the order stays
        (PLAYING, [STOP], [SetPlayback(Transport.STOP)]),
        (PLAYING, [STOP, STOP], [SetPlayback(Transport.STOP)] * 2),
        (PLAYING, [STOP, PLAY], [SetPlayback(Transport.STOP), SetPlayback(Transport.PLAY)]),
        (PLAYING, [STOP, Ask((SetVolume(3),))], [SetPlayback(Transport.STOP), SetVolume(3)]),
        (STOPPED, [STOP], [SetPlayback(Transport.STOP)]),
        # a Stop takes back what waits
        (PAUSED, [Load(Media(RADIO)), STOP, PLAY], [SetPlayback(Transport.STOP), SetPlayback(Transport.PLAY)]),
        # our own music again
        (PLAYING, [Load(Media(BASE + MUSIC))], []),
        (view(foreign()), [Load(Media(BASE + MUSIC))], [StopMedia()]),
        (view(foreign()), [Load(Media(""))], [StopMedia()]),
        # a file of our own media server is a track of the library
        (PLAYING, [Load(Media(state.address(SONG, BASE)))], [Enqueue((SONG.key,), Where.NOW)]),
        (PLAYING, [Load(Media(f"{BASE}/track/x"))], [PlayMedia(f"{BASE}/track/x")]),
    ],
)
def test_what_the_device_must_do(shown: View, wishes: list[Ask | Load], expected: list[Command]) -> None:
    assert commands(shown, *wishes) == expected


def test_what_the_control_point_says_about_the_media_is_kept() -> None:
    metadata = state.transport(PLAYING)["CurrentTrackMetaData"]
    [played] = commands(PLAYING, Load(Media(RADIO, metadata)))
    assert played == PlayMedia(RADIO, "Drift & Away", "A <B>", "Slow", duration_s=205.0)


def test_media_from_outside_show_their_own_address() -> None:
    variables = state.transport(view(foreign()))
    assert variables["CurrentTrackURI"] == variables["AVTransportURI"] == RADIO
    assert "Seek" not in variables["CurrentTransportActions"]
    assert "cover" not in variables["CurrentTrackMetaData"]


def test_what_waits_for_play_is_shown() -> None:
    assert state.transport(replace(STOPPED, staged=Media(RADIO)))["AVTransportURI"] == RADIO


def test_an_announcement_is_shown_while_it_is_spoken() -> None:
    shown = snapshot(PlaybackState.PAUSED)
    spoken = replace(shown, playback=replace(shown.playback, announcement=Track("", SPEECH, "Dinner is ready")))
    variables = state.transport(view(spoken))
    assert (variables["TransportState"], variables["CurrentTrackURI"]) == ("PLAYING", SPEECH)
    assert "Dinner is ready" in variables["CurrentTrackMetaData"]
    assert state.position(view(spoken))["RelativeTimePosition"] == "0:00:00"
