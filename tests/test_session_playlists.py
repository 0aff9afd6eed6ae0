"""Playlists by their names, as tables of commands and actions (see test_session.py)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from test_group_session import TRACKS, Device
from test_session import LIBRARY, UP, Room, only, said
from test_session_requests import next_song, queue, refusals

from device.core.playlist_commands import MOST, with_tracks
from device.domain import (
    AllowAgain,
    Asked,
    Feedback,
    Forward,
    LibraryLoaded,
    Liking,
    Memory,
    Origin,
    Play,
    PlaybackState,
    PlayPlaylist,
    Silence,
    Tick,
    TrackFailed,
    Where,
)

RADIO = "http://radio.example/stream"
LISTS = {
    "Sunday": tuple(one.key for one in LIBRARY[3:8]),
    "Monday": tuple(one.key for one in LIBRARY[10:13]),
    "Radio": (RADIO, LIBRARY[0].key),
    "Mixed": (LIBRARY[0].key, RADIO, LIBRARY[1].key, LIBRARY[0].key),
    "Elsewhere": ("a key on another drive",),
    "Endless": tuple(one.key for one in LIBRARY) * 50,
}
KIDS = {"children": "kids", "children_minutes": 1}


@pytest.fixture
def room() -> Room:
    made = Room()
    made.tell(UP)
    (play,) = only(Play, made.tell(LibraryLoaded(LIBRARY, playlists=LISTS)))
    made.start(play.serial)
    return made


def ask(room: Room, name: str, where: str = "later", by: str = "") -> list:
    return room.say("queue", json.dumps({"playlist": name, "where": where} | ({"by": by} if by else {})))


def titles(name: str) -> list[str]:
    by_key = {one.key: one.title for one in LIBRARY}
    return [by_key[key] for key in LISTS[name]]


def test_a_playlist_waits_for_its_turn(room: Room) -> None:
    assert only(Play, ask(room, "Sunday", by="Ada")) == []
    assert [entry for entry in queue(room) if entry[1]] == [(title, "Ada") for title in titles("Sunday")]


def test_a_playlist_plays_now_in_its_order(room: Room) -> None:
    first, *others = titles("Sunday")
    (play,) = only(Play, ask(room, "sunday ", "now"))
    assert play.track.title == first
    room.start(play.serial)
    assert [title for title, _ in queue(room)][: len(others)] == others
    next_song(room)
    assert room.playing().title == others[0]


def test_another_playlist_now_replaces_the_rest_of_the_first(room: Room) -> None:
    ask(room, "Sunday", "now")
    room.say("queue", json.dumps({"add": [LIBRARY[20].uri]}))
    room.say("queue", json.dumps({"add": [LIBRARY[21].uri], "where": "next", "by": "Ben"}))
    (play,) = only(Play, ask(room, "Monday", "now"))
    assert play.track.title == titles("Monday")[0]
    room.start(play.serial)
    waiting = [title for title, _ in queue(room)]
    assert sorted(waiting[:3]) == sorted([*titles("Monday")[1:], LIBRARY[21].title])
    assert waiting[3:] == [LIBRARY[20].title], "what waits for its turn stays"


def test_dashboards_offer_the_playlists(room: Room) -> None:
    names = sorted(LISTS, key=str.casefold)
    assert said(room.log, "playlist/state") == [[], names]
    (play,) = only(Play, room.say("playlist", "monday"))
    assert play.track.title == titles("Monday")[0]
    assert refusals(room.say("playlist", "")) == [
        "playlist/set takes the name of a playlist, of 1 to 1000 characters; got ''."
    ]
    less = {"Sunday": LISTS["Sunday"]}
    assert said(room.tell(LibraryLoaded(LIBRARY, playlists=less)), "playlist/state") == [["Sunday"]]


def test_a_track_that_waits_already_plays_at_its_place_in_the_playlist(room: Room) -> None:
    _, second, third, *_ = titles("Sunday")
    room.say("queue", json.dumps({"add": [f"file:///music/{third}.wav"]}))
    assert refusals(ask(room, "Sunday", "now")) == []
    assert [title for title, _ in queue(room)][:2] == [second, third]


def test_a_radio_station_in_a_playlist_plays_at_once(room: Room) -> None:
    (play,) = only(Play, ask(room, "Radio"))
    assert (play.track.uri, play.track.title) == (RADIO, "Radio")
    assert room.snapshot is not None
    assert room.snapshot.playback.foreign


def test_stop_on_a_station_is_silence_and_next_is_music(room: Room) -> None:
    ask(room, "Radio")
    actions = room.say("playback", "stop")
    assert (len(only(Silence, actions)), only(Play, actions)) == (1, [])
    room.pass_time(30)
    assert only(Play, room.tell(Tick())) == []
    ask(room, "Radio")
    (play,) = only(Play, room.say("playback", "next") + room.tell(Tick()))
    assert play.track.uri != RADIO


def test_a_station_that_fails_gives_way_to_the_music() -> None:
    room = Room(Memory(playback=PlaybackState.STOPPED))
    room.tell(UP, LibraryLoaded(LIBRARY, playlists=LISTS))
    (play,) = only(Play, ask(room, "Radio", "now"))
    actions = room.tell(TrackFailed(play.serial, "no network"))
    for _ in range(20):
        room.pass_time(1)
        actions += room.tell(Tick())
    assert [one.track.uri for one in only(Play, actions)][:1] != [RADIO]
    assert only(Play, actions)


def test_a_station_further_down_is_passed_over(room: Room) -> None:
    ask(room, "Mixed", "next")
    assert [title for title, _ in queue(room)][:2] == [LIBRARY[0].title, LIBRARY[1].title]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Sundy", "There is no playlist “Sundy”; did you mean “Sunday”?"),
        ("Zzz", "There is no playlist “Zzz”."),
        ("Elsewhere", "No track of the playlist “Elsewhere” is in the library now."),
    ],
)
def test_a_wrong_name_gets_a_sentence(room: Room, name: str, sentence: str) -> None:
    assert refusals(ask(room, name)) == [sentence]


def test_a_long_playlist_fills_the_queue_as_far_as_it_may(room: Room) -> None:
    room.tell(Asked(Feedback(Liking.NEVER), Origin()))
    banned = len(room.session.state.chooser.never)
    assert banned == 1
    (message,) = refusals(ask(room, "Endless"))
    assert message.startswith(f"Added {len(LIBRARY) - 1} of {len(LIBRARY)} tracks.")
    room.tell(Asked(AllowAgain(), Origin()))


def test_guests_wait_and_hear_no_station_at_once(room: Room) -> None:
    room.say("guest", "ON")
    assert "wait for their turn" in refusals(ask(room, "Sunday", "now", by="Guest 7"))[0]
    assert "Guests cannot start a stream" in refusals(ask(room, "Radio", by="Guest 7"))[0]
    assert "the most that a guest may have" in refusals(ask(room, "Sunday", by="Guest 7"))[0]
    assert [entry for entry in queue(room) if entry[1]] == [(title, "Guest 7") for title in titles("Sunday")[:3]]


def test_when_the_childrens_time_is_up_no_playlist_starts() -> None:
    room = Room(Memory(playback=PlaybackState.STOPPED, profiles=("kids",)), schedule=KIDS)
    room.tell(UP, LibraryLoaded(LIBRARY, playlists=LISTS))
    memory = room.session.state.memory
    today = "2023-11-14"
    room.session.state.memory = replace(memory, schedule=replace(memory.schedule, played_day=today, played_min=1))
    assert "is up for today" in refusals(ask(room, "Sunday", "now"))[0]


def test_a_follower_passes_a_playlist_on_with_what_it_holds() -> None:
    device = Device()
    device.put(LibraryLoaded(TRACKS, playlists={"Ours": ("k1", "k2")}))
    device.follow()
    (forward,) = [one for one in device.ask(PlayPlaylist("ours", Where.NOW)) if isinstance(one, Forward)]
    assert forward.command == PlayPlaylist("ours", Where.NOW, tracks=("k1", "k2"))
    (forward,) = [one for one in device.ask(PlayPlaylist("Theirs")) if isinstance(one, Forward)]
    assert forward.command == PlayPlaylist("Theirs")


def test_a_leader_plays_a_playlist_that_it_does_not_have() -> None:
    room = Room()
    room.tell(UP, LibraryLoaded(LIBRARY))
    order = PlayPlaylist("Theirs", Where.NOW, tracks=(LIBRARY[5].key, "unknown"))
    (play,) = only(Play, room.tell(Asked(order, Origin("group"))))
    assert play.track == LIBRARY[5]


def test_what_travels_is_limited() -> None:
    order = with_tracks(PlayPlaylist("Endless"), LISTS)
    assert len(order.tracks) == MOST
    assert with_tracks(PlayPlaylist("Radio"), LISTS).tracks == ()
