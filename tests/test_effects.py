"""What songs do to the room: learnt, shrunk, explained, used for the policies that move the mood, and forgotten."""

from __future__ import annotations

import random

import numpy as np
import pytest
from test_session import Room

from device.domain import (
    Affect,
    Asked,
    Emotion,
    Erasure,
    EyeOpened,
    Felt,
    Forget,
    LibraryLoaded,
    Memory,
    MoodName,
    Now,
    Origin,
    Outcome,
    PolicyName,
    Scope,
    SongEntry,
    Target,
    Track,
    TrackEnded,
    TrackEnding,
)
from device.music.recommend.choose import Taste, choose
from device.music.recommend.effects import Effects, direction_of, state_of, words
from device.music.recommend.track_index import TrackIndex
from tools.effects import measure

UP = Affect(1.0, 0.0)
SAD, BETTER = Affect(-0.6, -0.3), Affect(-0.2, -0.3)
NOW = Now(0.0, 1.7e9)


def track(key: str, mood: MoodName = MoodName.SAD) -> Track:
    return Track(key, f"file:///{key}.ogg", key, f"by {key}", affect=SAD, mood=mood)


def heard(key: str, after: Affect, before: Affect = SAD, mood: MoodName = MoodName.SAD, **more: object) -> SongEntry:
    values = {"certainty": 0.8, "heard_s": 180.0, "profile": "everyone", "at": 1e9, **more}
    sure = float(values["certainty"])
    texts = (key, key, f"by {key}", mood, str(values["profile"]), Outcome.PLAYED)
    at = float(values["at"])
    return SongEntry(at, at + 180, float(values["heard_s"]), *texts, Felt(before, sure), Felt(after, sure))


def estimates(songs: list[SongEntry], tracks: list[Track], before: Affect = SAD) -> tuple[np.ndarray, np.ndarray]:
    effects = Effects(songs)
    effects.attach(TrackIndex(tracks))
    found = effects.estimate(np.arange(len(tracks)), before, UP)
    return found.mean, found.deviation


def test_without_knowledge_every_song_has_no_effect_and_the_same_doubt() -> None:
    mean, deviation = estimates([], [track("a"), track("b")])
    assert mean.tolist() == [0.0, 0.0]
    assert deviation[0] == deviation[1] > 0.1


def test_a_song_that_cheered_the_room_up_is_expected_to_do_so_again_the_more_so_the_more_often() -> None:
    steady = [heard(f"other {number}", SAD) for number in range(20)]
    tracks = [track("a"), track("b")]
    once, doubt_once = estimates([*steady, heard("a", BETTER)], tracks)
    often, doubt_often = estimates([*steady, *[heard("a", BETTER)] * 6], tracks)
    assert 0 < once[0] < often[0] < 0.4, "shrunk, and less than what was seen"
    assert doubt_often[0] < doubt_once[0] < doubt_once[1]
    assert often[0] > often[1], "the other song of its kind gets some of it, not all"
    assert often[1] >= 0


def test_what_happens_with_every_song_is_credited_to_none() -> None:
    """A sad room gets better by itself: then no song did it."""
    songs = [heard(f"song {number % 12}", BETTER) for number in range(600)]
    mean, _ = estimates(songs, [track(f"song {number}") for number in range(12)])
    assert np.abs(mean).max() < 0.02


def test_an_unsure_face_counts_less() -> None:
    sure, _ = estimates([heard("a", BETTER, certainty=0.9)], [track("a")])
    unsure, _ = estimates([heard("a", BETTER, certainty=0.1)], [track("a")])
    assert 0 < unsure[0] < sure[0] / 2


def test_the_effect_of_a_kind_belongs_to_the_state_of_the_room() -> None:
    songs = [heard(f"{number}", BETTER) for number in range(10)]
    songs += [heard(f"{number}", Affect(0.5, 0.3), Affect(0.5, 0.3)) for number in range(10, 30)]
    new = [track("new")]
    assert estimates(songs, new, SAD)[0][0] > 0.02
    assert estimates(songs, new, Affect(0.5, 0.3))[0][0] < 0.02


@pytest.mark.parametrize(
    "song",
    [
        heard("a", BETTER, heard_s=59.0),
        SongEntry(1.0, 2.0, 180.0, "a", "a", "", MoodName.SAD, "everyone", None, None, Felt(SAD, 0.9)),
        SongEntry(1.0, 2.0, 180.0, "a", "a", "", MoodName.SAD, "everyone", None, Felt(SAD, 0.9), None),
    ],
)
def test_a_song_that_nobody_was_seen_hearing_teaches_nothing(song: SongEntry) -> None:
    assert len(Effects([song])) == 0


def test_what_is_erased_is_forgotten() -> None:
    effects = Effects([heard("a", BETTER, profile="Ada"), heard("b", BETTER, profile="Bob", at=2e9)])
    effects.forget(Erasure(person="Ada"))
    assert (effects.times_worked("a", UP), effects.times_worked("b", UP)) == (0, 1)
    effects.forget(Erasure(start=2e9, end=3e9))
    assert len(effects) == 0


@pytest.mark.parametrize(
    ("times", "direction", "sentence"),
    [
        (1, UP, "it cheered you up once"),
        (2, Affect(0.8, -0.6), "it cheered you up twice"),
        (3, Affect(0.1, -0.9), "it calmed you down 3 times"),
        (2, Affect(0.1, 0.9), "it gave you energy twice"),
    ],
)
def test_words(times: int, direction: Affect, sentence: str) -> None:
    assert words(times, direction) == sentence


def test_a_room_at_its_goal_needs_no_push() -> None:
    assert direction_of(SAD, SAD) is None
    direction = direction_of(SAD, Affect(0.2, -0.3))
    assert direction is not None
    assert (direction.valence, direction.arousal) == pytest.approx((1.0, 0.0))
    assert [state_of(Affect(*point)) for point in ((-1, -1), (-1, 1), (1, -1), (1, 1))] == [0, 1, 2, 3]


def test_the_song_that_worked_is_chosen_more_often_and_says_so_but_the_others_get_their_chance() -> None:
    tracks = [track(f"{number}") for number in range(12)]
    library, taste = TrackIndex(tracks), Taste()
    taste.attach(library)
    effects = Effects([heard("3", BETTER)] * 4 + [heard(f"{number}", SAD) for number in range(12) if number != 3])
    effects.attach(library)
    target = Target(SAD, MoodName.SAD, "on the way", room=SAD, goal=Affect(0.8, 0.3))
    dice = random.Random(1)
    chosen = [choose(library, target, taste, ("everyone",), NOW, dice, effects=effects) for _ in range(200)]
    keys = [choice.track.key for choice in chosen if choice is not None]
    assert keys.count("3") > 3 * 200 / 12
    assert len(set(keys)) == 12
    reasons = [choice.reason for choice in chosen if choice is not None and choice.track.key == "3"]
    assert any("it cheered you up 4 times" in reason for reason in reasons)


def test_match_ignores_what_songs_do() -> None:
    tracks = [track(f"{number}") for number in range(12)]
    library, taste = TrackIndex(tracks), Taste()
    taste.attach(library)
    effects = Effects([heard("3", BETTER)] * 9)
    effects.attach(library)
    target = Target(SAD, MoodName.SAD, "to match a sad room")
    with_it, without = random.Random(1), random.Random(1)
    for _ in range(20):
        one = choose(library, target, taste, ("everyone",), NOW, with_it, effects=effects)
        assert one == choose(library, target, taste, ("everyone",), NOW, without)


# --- In the session ---


def lifted(**diary: object) -> Room:
    """A sad room under `lift` that gets happy during its first song."""
    room = Room(Memory(camera=True, policy=PolicyName.LIFT), diary=diary)
    room.tell(EyeOpened("test"))
    room.show(Emotion.SADNESS, 30.0)
    play = room.start_music()
    room.show(Emotion.HAPPINESS, 170.0)
    room.tell(TrackEnding(play.serial))
    room.tell(TrackEnded(play.serial))
    return room


def test_the_session_learns_from_each_song_and_forgets() -> None:
    room = lifted()
    effects = room.session.state.chooser.effects
    assert effects is not None
    assert len(effects) == 1
    room.tell(LibraryLoaded(tuple(room.session.state.chooser.index.tracks)))
    assert len(effects) == 1
    room.tell(Asked(Forget(Scope.EVERYTHING), Origin("page")))
    assert len(effects) == 0


@pytest.mark.parametrize("diary", [{"learn_effects": False}, {"keep_days": 0}])
def test_it_can_be_switched_off(diary: dict[str, object]) -> None:
    assert lifted(**diary).session.state.chooser.effects is None


# --- The measurement ---


@pytest.mark.slow
def test_the_simulation_finds_what_is_there_and_nothing_where_nothing_is(capsys: pytest.CaptureFixture[str]) -> None:
    from tools.evaluate import main

    words = ["effects", "--households", "2", "--days", "12", "--worlds", "lift", "no effect"]
    assert main(words) == 0
    assert "no effect" in capsys.readouterr().out
    world, policy, _ = measure.WORLDS["no effect"]
    figures = measure.compare(world, policy, range(2), 11)
    assert abs(figures["difference"]["well"]["mean"]) < 1e-9, "the same days, whatever plays"


def test_too_few_households_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from tools.evaluate import main

    assert main(["effects", "--households", "1"]) == 1
    assert "at least 2" in capsys.readouterr().err
