"""The diary: what it notes, what it keeps, what it forgets, and that nothing of it remains on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from test_session import WALL0, Room, only, said

from device.domain import (
    Affect,
    Asked,
    Emotion,
    Erase,
    Erasure,
    EyeClosed,
    EyeOpened,
    Felt,
    Forget,
    LibraryLoaded,
    Listen,
    Memory,
    MoodEntry,
    MoodName,
    MoodSource,
    Note,
    Origin,
    Outcome,
    Record,
    Scope,
    SongEntry,
    Tick,
    TrackEnded,
    TrackEnding,
    erasure,
)
from device.errors import StateError
from device.store.database import Store
from device.store.diary import DAY_S, FILE, DiaryReader, DiaryStore

TODAY = datetime(2026, 11, 28, 12).timestamp()


def song(number: int, at: float, profile: str = "everyone") -> SongEntry:
    felt = Felt(Affect(0.25, -0.5), 0.75)
    names = (f"key{number}", f"title{number}", "Ada")
    own = (Affect(0.1, -0.4), "dinner", True)
    return SongEntry(at, at + 200, 180.0, *names, MoodName.CALM, profile, Outcome.PLAYED, felt, None, *own)


def mood(name: MoodName | None, at: float) -> MoodEntry:
    return MoodEntry(at, name, MoodSource.CAMERA, Felt(Affect(0.5, 0.5), 0.5), 2)


def notes(actions: list, kind: type) -> list:
    return [note.entry for note in only(Note, actions) if isinstance(note.entry, kind)]


# --- What is noted ---


def test_a_change_of_mood_is_noted_with_what_the_faces_showed() -> None:
    room = Room(Memory(camera=True))
    room.tell(EyeOpened("test"))
    entries = notes(room.show(Emotion.HAPPINESS, 20.0), MoodEntry)
    assert [entry.mood for entry in entries] == [MoodName.NEUTRAL, MoodName.HAPPY]
    assert entries[1].at > entries[0].at > WALL0
    assert entries[1].felt is not None
    assert entries[1].felt.affect.valence > 0.3
    assert entries[1].faces == 1


def test_an_empty_room_is_noted_once_and_so_is_the_return() -> None:
    room = Room(Memory(camera=True))
    room.tell(EyeOpened("test"))
    room.show(Emotion.HAPPINESS, 20.0)
    actions = room.tell(EyeClosed())
    for _ in range(300):
        room.pass_time(1.0)
        actions += room.tell(Tick())
    assert [(entry.mood, entry.felt) for entry in notes(actions, MoodEntry)] == [(None, None)]
    back = room.tell(EyeOpened("test")) + room.show(Emotion.HAPPINESS, 1.0)
    assert [entry.mood for entry in notes(back, MoodEntry)] == [MoodName.HAPPY]


def test_a_mood_set_by_hand_is_noted_without_faces() -> None:
    room = Room()
    (entry,) = notes(room.say("mood", "sad"), MoodEntry)
    assert (entry.mood, entry.source, entry.felt) == (MoodName.SAD, MoodSource.MANUAL, None)


def test_a_song_is_noted_with_the_mood_before_and_after() -> None:
    room = Room(Memory(camera=True))
    room.tell(EyeOpened("test"))
    room.show(Emotion.SADNESS, 30.0)
    play = room.start_music()
    began = room.wall
    room.show(Emotion.HAPPINESS, 170.0)
    room.tell(TrackEnding(play.serial))
    (entry,) = notes(room.tell(TrackEnded(play.serial)), SongEntry)
    assert entry.before is not None
    assert entry.after is not None
    assert entry.before.affect.valence < -0.3 < 0.3 < entry.after.affect.valence
    assert (entry.started_at, entry.outcome, entry.profile) == (began, Outcome.PLAYED, "everyone")
    assert (entry.track_key, entry.title) == (play.track.key, play.track.title)
    assert entry.heard_s == pytest.approx(170.0)


def test_a_skip_is_noted_and_without_faces_there_is_no_mood() -> None:
    room = Room()
    room.start_music()
    room.pass_time(20.0)
    (entry,) = notes(room.say("playback", "next"), SongEntry)
    assert (entry.before, entry.after, entry.outcome) == (None, None, Outcome.SKIPPED)
    assert entry.heard_s == pytest.approx(20.0)


def test_a_like_during_the_song_is_noted_with_it() -> None:
    room = Room()
    room.start_music()
    room.say("feedback", "like")
    (entry,) = notes(room.say("playback", "next"), SongEntry)
    assert (entry.liked, entry.outcome) == (True, Outcome.SKIPPED)


def test_in_guest_mode_nothing_is_noted() -> None:
    room = Room()
    room.start_music()
    room.say("guest", "ON")
    assert only(Note, room.say("playback", "next") + room.say("mood", "sad")) == []


def test_a_stopped_song_has_no_outcome() -> None:
    room = Room()
    room.start_music()
    room.pass_time(20.0)
    (entry,) = notes(room.say("playback", "stop"), SongEntry)
    assert entry.outcome is None


def test_with_keep_days_0_nothing_is_noted() -> None:
    room = Room(diary={"keep_days": 0})
    room.start_music()
    assert only(Note, room.say("mood", "sad") + room.say("playback", "next")) == []


# --- What is kept ---


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[DiaryStore]:
    made = DiaryStore(tmp_path, 90, lambda: TODAY)
    yield made
    made.close()


def test_what_is_written_comes_back_to_every_reader(diary: DiaryStore, tmp_path: Path) -> None:
    entries = [mood(MoodName.HAPPY, TODAY), mood(None, TODAY + 9), song(1, TODAY), song(2, TODAY + 300)]
    diary.write(entries)
    reader = DiaryReader(tmp_path)
    assert reader.moods(TODAY, TODAY + 10) == tuple(entries[:2])
    assert reader.songs(TODAY, TODAY + 300) == (entries[2],)
    assert diary.songs() == tuple(entries[2:])


def test_the_mood_that_already_held_comes_first(diary: DiaryStore, tmp_path: Path) -> None:
    entries = [mood(MoodName.SAD, TODAY - 100), mood(MoodName.HAPPY, TODAY - 50), mood(MoodName.CALM, TODAY + 50)]
    diary.write(entries)
    assert DiaryReader(tmp_path).moods(TODAY, TODAY + 100) == tuple(entries[1:])
    assert DiaryReader(tmp_path).moods(TODAY - 200, TODAY - 90) == (entries[0],)


def test_without_a_file_the_diary_is_empty(tmp_path: Path) -> None:
    assert DiaryReader(tmp_path).songs(0.0, 1e12) == ()


def test_old_entries_go_when_their_days_are_over(tmp_path: Path) -> None:
    clock = [TODAY]
    store = DiaryStore(tmp_path, 2, lambda: clock[0])
    store.write([song(1, TODAY), mood(MoodName.SAD, TODAY)])
    clock[0] += 2 * DAY_S - 1
    store.write([song(2, clock[0])])
    assert [one.title for one in store.songs()] == ["title1", "title2"]
    clock[0] += 3601
    store.write([])
    assert [one.title for one in store.songs()] == ["title2"]
    store.close()
    assert DiaryStore(tmp_path, 0, lambda: clock[0] + 1).songs() == ()


def test_a_damaged_diary_is_renamed_and_the_music_goes_on(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    store = DiaryStore(tmp_path, 90, lambda: TODAY)
    assert "is now diary.db.damaged" in store.problem
    store.write([song(1, TODAY)])
    assert len(store.songs()) == 1
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(StateError, match="cannot be read"):
        DiaryReader(tmp_path / "other").songs(0.0, 1.0)


def test_a_full_disk_is_a_sentence(diary: DiaryStore) -> None:
    diary._database.execute("DROP TABLE songs")
    with pytest.raises(StateError, match="the diary has gaps"):
        diary.write([song(1, TODAY)])


# --- What is forgotten ---


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (Forget(Scope.DAY, "yesterday"), "as a date such as"),
        (Forget(Scope.DAY, "2026-02-30"), "as a date such as"),
        (Forget(Scope.DAY, "0001-01-01"), "as a date such as"),
        (Forget(Scope.PERSON), "whom to forget"),
    ],
)
def test_what_cannot_be_forgotten_gets_a_sentence(command: Forget, part: str) -> None:
    answer = erasure(command)
    assert isinstance(answer, str)
    assert part in answer
    room = Room()
    (told,) = said(room.tell(Asked(command, Origin("page"))), "error")
    assert part in told["message"]


def test_a_day_is_one_local_day() -> None:
    gone = erasure(Forget(Scope.DAY, "2026-11-28"))
    assert isinstance(gone, Erasure)
    assert gone.end - gone.start == 24 * 3600
    assert gone.start <= TODAY < gone.end


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        (Erasure(), set()),
        (Erasure(person="Ada"), {"b played", "b banned"}),
        (Erasure(start=0.0, end=100.0), {"a banned", "b banned"}),
        (Erasure(start=100.0, end=200.0), {"a played", "a banned", "b played", "b banned"}),
    ],
)
def test_listens_are_forgotten_in_memory_and_in_the_file(tmp_path: Path, gone: Erasure, left: set[str]) -> None:
    store = Store.open(tmp_path, Memory())
    people = {"a": "Ada", "b": "Bob"}
    for key, profile in people.items():
        for outcome in (Outcome.PLAYED, Outcome.BANNED):
            store.write(None, [Listen(f"{key} {outcome}", profile, MoodName.SAD, outcome, 50.0)])
    store.erase(gone)
    assert {one.track_key for one in store.history} == left
    store.close()
    assert {one.track_key for one in Store.open(tmp_path, Memory()).history} == left
    content = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert {f"{key} played" for key in people if f"{key} played".encode() in content} == {
        one for one in left if "played" in one
    }


@pytest.mark.parametrize(
    ("gone", "songs", "moods"),
    [
        (Erasure(), [], []),
        (Erasure(person="Ada"), ["title2"], [MoodName.HAPPY, MoodName.SAD]),
        (Erasure(start=TODAY, end=TODAY + 50), ["title2"], [MoodName.SAD]),
    ],
)
def test_the_diary_forgets_and_nothing_remains_in_its_file(
    diary: DiaryStore, tmp_path: Path, gone: Erasure, songs: list[str], moods: list[MoodName]
) -> None:
    diary.write([song(1, TODAY, "Cleo, Ada"), song(2, TODAY + 60, "Adam")])
    diary.write([mood(MoodName.HAPPY, TODAY), mood(MoodName.SAD, TODAY + 60)])
    diary.erase(gone)
    reader = DiaryReader(tmp_path)
    assert [one.title for one in reader.songs(0.0, 1e12)] == songs
    assert [one.mood for one in reader.moods(0.0, 1e12)] == moods
    content = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
    assert b"title1" not in content


def test_forgetting_reaches_the_taste_the_list_of_banned_tracks_and_the_disk() -> None:
    room = Room()
    room.start_music()
    banned = room.playing()
    room.say("feedback", "never")
    assert room.snapshot is not None
    assert room.snapshot.never == (banned,)
    actions = room.tell(Asked(Forget(Scope.EVERYTHING), Origin("page")))
    assert only(Erase, actions) == [Erase(Erasure())]
    assert room.snapshot.never == ()
    assert said(actions, "event") == [{"event_type": "forgotten", "scope": "everything", "name": ""}]
    assert room.session.state.chooser.taste.hearings.sum() == 0


def test_a_library_prepared_from_older_history_brings_nothing_back() -> None:
    from device.music.recommend.taste import prepared

    room = Room()
    play = room.start_music()
    room.pass_time(20.0)
    listens = [action.listen for action in only(Record, room.say("playback", "next"))]
    assert [one.track_key for one in listens] == [play.track.key]
    library = room.session.state.chooser.index.tracks
    late = prepared(tuple(library), tuple(listens), 1)
    room.tell(Asked(Forget(Scope.PERSON, "everyone"), Origin("page")))
    room.tell(LibraryLoaded(tuple(library), index=late))
    assert room.session.state.chooser.taste.hearings.sum() == 0
