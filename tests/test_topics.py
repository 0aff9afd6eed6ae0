"""What people send on the command topics, as a table of payloads and what they must mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.domain import (
    AllowAgain,
    ClearRequests,
    Command,
    Enqueue,
    Feedback,
    Liking,
    MoodName,
    MoveRequest,
    PlayPlaylist,
    PolicyName,
    RemoveRequest,
    SeekTo,
    SetCamera,
    SetGroup,
    SetGuests,
    SetMood,
    SetPlayback,
    SetPolicy,
    SetPresence,
    SetPresent,
    SetProfile,
    SetRoom,
    SetTrackMood,
    SetVolume,
    Transport,
    Veto,
    Vote,
    VoteSkip,
    Where,
)
from device.mqtt.command_parser import READERS, show
from device.mqtt.request_parser import EXPECTED
from device.mqtt.topics import Topics

TOPICS = Topics("affetto", "kit")


def ask(name: str, payload: bytes) -> Command | str:
    return TOPICS.parse(f"affetto/kit/{name}/set", payload)


@pytest.mark.parametrize(("name", "payload", "command"), [
    ("mood", b"auto", SetMood(None)),
    ("mood", b"calm", SetMood(MoodName.CALM)),
    ("mood", b" HAPPY\r\n", SetMood(MoodName.HAPPY)),
    ("track_mood", b"Tense", SetTrackMood(MoodName.TENSE)),
    ("track_mood", b"AUTO", SetTrackMood(None)),
    ("mood", b'"sad"', SetMood(MoodName.SAD)),
    ("mood", b"\xef\xbb\xbftense", SetMood(MoodName.TENSE)),
    ("playback", b"play", SetPlayback(Transport.PLAY)),
    ("playback", b"Next", SetPlayback(Transport.NEXT)),
    ("playback", b"prev", SetPlayback(Transport.PREVIOUS)),
    ("playback", b"resume", SetPlayback(Transport.PLAY)),
    ("seek", b"90", SeekTo(90.0)),
    ("seek", b"1:30", SeekTo(90.0)),
    ("seek", b"12.345678 s", SeekTo(12.345678)),
    ("seek", b"+10", SeekTo(10.0, relative=True)),
    ("seek", b"-0:15", SeekTo(-15.0, relative=True)),
    ("volume", b"0", SetVolume(0)),
    ("volume", b"55.0", SetVolume(55)),
    ("volume", b" 100 %", SetVolume(100)),
    ("volume", b"007", SetVolume(7)),
    ("volume", b"+5", SetVolume(5, relative=True)),
    ("volume", b"-10 %", SetVolume(-10, relative=True)),
    ("playback", b"toggle", SetPlayback(Transport.TOGGLE)),
    ("feedback", b"never", Feedback(Liking.NEVER)),
    ("never", b"undo", AllowAgain()),
    ("never", b"file:///srv/a.mp3", AllowAgain("file:///srv/a.mp3")),
    ("camera", b"ON", SetCamera(True)),
    ("camera", b"off", SetCamera(False)),
    ("camera", b"true", SetCamera(True)),
    ("camera", b"0", SetCamera(False)),
    ("policy", b"lift", SetPolicy(PolicyName.LIFT)),
    ("policy", b"energize", SetPolicy(PolicyName.ENERGISE)),
    ("feedback", b"like", Feedback(Liking.LIKE)),
    ("feedback", b"Dislike", Feedback(Liking.DISLIKE)),
    ("profile", "Zoë".encode(), SetProfile("Zoë")),
    ("profile", b'["Ada", "Ben"]', SetPresent(("Ada", "Ben"))),
    ("profile", b"[]", SetPresent(())),
    ("profile", b'{"add": "Ada"}', SetPresence("Ada", here=True)),
    ("profile", b'{"remove": "Ada"}', SetPresence("Ada", here=False)),
    ("guest", b"ON", SetGuests(on=True)),
    ("feedback", b'{"liking": "like", "by": "Ada"}', Feedback(Liking.LIKE, "Ada")),
    ("queue", b"file:///a%20b", Enqueue(("file:///a%20b",))),
    ("queue", b'{"add": ["a", "b"], "where": "next", "by": "Ada"}', Enqueue(("a", "b"), Where.NEXT, "Ada")),
    ("queue", b'{"playlist": "Sunday"}', PlayPlaylist("Sunday")),
    ("playlist", "Große Oper".encode(), PlayPlaylist("Große Oper", Where.NOW)),
    ("queue", b'{"playlist": "Sunday", "where": "now", "by": "Ada"}', PlayPlaylist("Sunday", Where.NOW, "Ada")),
    ("queue", b'{"remove": 3}', RemoveRequest(3)),
    ("queue", b'{"move": 3, "to": 1, "by": "Ada"}', MoveRequest(3, 1, "Ada")),
    ("queue", b'{"clear": true}', ClearRequests()),
    ("queue", b'{"clear": "Ben", "by": "Ada"}', ClearRequests("Ben", "Ada")),
    ("vote", b'{"vote": "up", "id": 3, "by": "Ben"}', Vote(3, "Ben")),
    ("vote", b'{"vote": "back", "id": 3, "by": "Ben"}', Vote(3, "Ben", up=False)),
    ("vote", b'{"vote": "skip", "by": "Ben"}', VoteSkip("Ben")),
    ("vote", b'{"vote": "veto", "by": "Ben"}', Veto("Ben")),
    ("room", b"Wohnzimmer 2", SetRoom("Wohnzimmer 2")),
    ("room", b"", SetRoom("")),
])
def test_what_people_reasonably_send_is_obeyed(name: str, payload: bytes, command: Command) -> None:
    assert ask(name, payload) == command


@pytest.mark.parametrize(("name", "payload", "message"), [
    ("volume", b"loud", "volume/set takes a whole number from 0 to 100, or a step such as +5 or -5, got 'loud'."),
    ("volume", b"101", "volume/set takes a whole number from 0 to 100, or a step such as +5 or -5, got '101'."),
    ("volume", b"55.5", "volume/set takes a whole number from 0 to 100, or a step such as +5 or -5, got '55.5'."),
    ("volume", "٥٥".encode(), "volume/set takes a whole number from 0 to 100, or a step such as +5 or -5, got '٥٥'."),
    ("volume", b"", "volume/set takes a whole number from 0 to 100, or a step such as +5 or -5, got ''."),
    ("mood", b"hapy", "mood/set takes auto, happy, excited, calm, neutral, sad, tense or angry, got 'hapy'; "
                      "did you mean 'happy'?"),
    ("mood", b'{"mood": "happy"}', "mood/set takes auto, happy, excited, calm, neutral, sad, tense or angry, "
                                   "got '{\"mood\": \"happy\"}'."),
    ("playback", b"\xff\xfe", "playback/set takes text in UTF-8, got other bytes."),
    ("playback", b"p" * 1_000_000, "playback/set takes a short text, got 1000000 bytes."),
    *(("seek", payload, "seek/set takes seconds from the beginning, minutes as in 1:30, or a step such as +10 or -10, "
                        f"got '{payload.decode()}'.") for payload in (b"", b"1:75", b"nan", b"1e3", b"--3", b"middle")),
    ("camera", b"maybe", "camera/set takes ON or OFF, got 'maybe'."),
    ("feedback", b"lik", "feedback/set takes like, dislike or never, got 'lik'; did you mean 'like'?"),
    ("profile", b"", f"profile/set takes {EXPECTED['profile']}, got ''."),
    ("profile", b"a\x1b[2Jb", f"profile/set takes {EXPECTED['profile']}, got 'a\N{REPLACEMENT CHARACTER}[2Jb'."),
    ("queue", b"play it", f"queue/set takes {EXPECTED['queue']}; got 'play it'."),
    *(("queue", payload, f"queue/set takes {EXPECTED['queue']}; got '{payload.decode()}'.") for payload in (
        b"[]", b'{"add": []}', b'{"add": ["a"], "clear": true}', b'{"move": 3}', b'{"remove": 0}', b'{"add": "a"}',
        b'{"clear": false}', b'{"add": ["a"], "whre": "now"}', b'{"add": ["a"], "by": ""}', b'{"remove": 1e99}')),
    *(("vote", payload, f"vote/set takes {EXPECTED['vote']}; got '{payload.decode()}'.") for payload in (
        b"skip", b'{"vote": "up", "by": "Ben"}', b'{"vote": "skip"}', b'{"vote": "dance", "by": "Ben"}')),
    *(("profile", payload, f"profile/set takes {EXPECTED['profile']}; got '{payload.decode()}'.") for payload in (
        b"[1]", b"{}", b'{"add": "Ada", "remove": "Ben"}', b'{"add": "\\n"}')),
    ("guest", b"perhaps", "guest/set takes ON or OFF, got 'perhaps'."),
    ("room", b"up/down", "room/set takes a name without /, + and #, or nothing for no room, got 'up/down'."),
    ("room", b"r" * 65, f"room/set takes a name of at most 64 characters, got '{'r' * 59}…'."),
    ("volum", b"5", "There is no command volum/set; did you mean volume/set?"),
    ("zzz", b"5", f"There is no command zzz/set; there are {', '.join(READERS)}."),
])
def test_the_rest_is_refused_with_what_was_expected(name: str, payload: bytes, message: str) -> None:
    assert ask(name, payload) == message


@given(name=st.sampled_from([*READERS, "volum"]), payload=st.binary(max_size=200), retained=st.booleans())
def test_any_bytes_get_a_command_or_a_short_refusal(name: str, payload: bytes, retained: bool) -> None:
    answer = TOPICS.parse(f"affetto/kit/{name}/set", payload, retained)
    assert len(show(payload)) <= 60
    assert show(payload).isprintable()
    if isinstance(answer, str):
        assert answer.endswith((".", "?"))
    else:
        assert not retained


def test_a_retained_command_is_refused() -> None:
    answer = TOPICS.parse(TOPICS.camera_set, b"ON", retained=True)
    assert answer == "camera/set was a retained message; send commands without the retain flag."


def test_a_room_is_commanded_like_a_device() -> None:
    assert TOPICS.parse("affetto/room/Living room/volume/set", b"5") == SetVolume(5)
    wrong = TOPICS.parse("affetto/room/Living room/volume/set", b"?")
    assert wrong == "volume/set takes a whole number from 0 to 100, or a step such as +5 or -5, got '?'."


def test_a_device_may_be_called_room() -> None:
    topics = Topics("affetto", "room")
    assert topics.parse("affetto/room/mood/set", b"sad") == SetMood(MoodName.SAD)
    assert topics.parse("affetto/room/volume/mood/set", b"sad") == SetMood(MoodName.SAD)


def test_a_group_is_commanded_like_a_device() -> None:
    assert TOPICS.group_commands("home") == "affetto/group/home/+/set"
    assert TOPICS.group_commands("") == ""
    assert TOPICS.parse("affetto/group/home/playback/set", b"next") == SetPlayback(Transport.NEXT)
    assert TOPICS.parse("affetto/kit/group/set", b"home") == SetGroup("home")
    assert TOPICS.parse("affetto/kit/group/set", b"") == SetGroup("")
    wrong = TOPICS.parse("affetto/kit/group/set", b"a/b")
    assert isinstance(wrong, str)
    assert "or nothing for no group" in wrong


@pytest.mark.parametrize(("room", "filter_"), [
    ("kitchen", "affetto/room/kitchen/+/set"),
    ("", ""),
    ("up/down", ""),
    ("#", ""),
])
def test_what_a_room_hears(room: str, filter_: str) -> None:
    assert TOPICS.room_commands(room) == filter_


def test_the_names_are_the_contract() -> None:
    names = [name for name in vars(Topics) if not name.startswith("_") and isinstance(getattr(TOPICS, name), str)]
    below = {getattr(TOPICS, name).removeprefix("affetto/kit/") for name in names}
    assert below == {
        "availability", "mood/state", "mood/set", "track/state", "playback/set", "seek/set",
        "volume/set", "volume/state",
        "mute/set", "mute/state", "media/set", "occupancy/state", "update/state", "update/set",
        "camera/set", "camera/state", "policy/set", "policy/state", "feedback/set", "profile/set", "profile/state",
        "question/set", "question/state",
        "room/set", "room/state", "group/set", "group/state", "group_volume/set", "group_volume/state",
        "event", "health", "error",
            "track/cover", "track_mood/set",
        "queue/state", "queue/set", "vote/state", "vote/set", "guest/state", "guest/set",
        "playlist/state", "playlist/set",
        "sleep/state", "sleep/set", "alarm/state", "alarm/set", "quiet/state", "quiet/set", "children/state",
        "schedule/state", "schedule/set",
        "page/state",
        "never/state", "never/set", "context/state", "context/set", "body/set", "affetto/+/availability",
        "#", "+/set", "affetto/kit", "homeassistant/device/affetto_kit/config", "homeassistant/status",
        "affetto", "kit", "homeassistant",
    }
    assert Topics("home/affetto/", "a-1").mood_set == "home/affetto/a-1/mood/set"
