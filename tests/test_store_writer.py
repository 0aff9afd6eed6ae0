"""The store's thread: latest wins, nothing is lost, and every write is answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.domain import Erasure, Event, Listen, Memory, MoodEntry, MoodName, MoodSource, Outcome, Saved
from device.store.database import Store
from device.store.diary import DiaryReader, DiaryStore
from device.store.writer import StoreWriter


def listen(number: int) -> Listen:
    return Listen(f"track{number}", "everyone", MoodName.HAPPY, Outcome.PLAYED, 1e9 + number, 1.0)


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def writer(tmp_path: Path, events: list[Event]) -> Iterator[StoreWriter]:
    made = StoreWriter(Store.open(tmp_path, Memory()), DiaryStore(tmp_path, 3650, lambda: 1e9), events.append)
    yield made
    made.close()


def test_only_the_newest_memory_is_written_and_the_write_is_answered(
    writer: StoreWriter, events: list[Event], tmp_path: Path
) -> None:
    for volume in range(50):
        writer.save(Memory(volume=volume))
    writer.record(listen(1))
    writer.step()
    assert events == [Saved(Memory(volume=49))]
    assert Store.open(tmp_path, Memory()).memory.volume == 49
    writer.step()
    assert len(events) == 1, "nothing waited"


def test_what_waits_is_written_before_it_closes(writer: StoreWriter, tmp_path: Path) -> None:
    writer.save(Memory(volume=7))
    writer.record(listen(1))
    writer.close()
    again = Store.open(tmp_path, Memory())
    assert (again.memory.volume, again.history) == (7, (listen(1),))


def test_the_thread_writes_by_itself_and_lives(tmp_path: Path) -> None:
    saved: list[Event] = []
    writer = StoreWriter(Store.open(tmp_path, Memory()), DiaryStore(tmp_path, 3650, lambda: 1e9), saved.append)
    writer.start()
    assert writer.alive
    writer.save(Memory(volume=8))
    writer.close()
    assert not writer.alive
    assert Store.open(tmp_path, Memory()).memory.volume == 8


def test_a_full_disk_is_a_problem_that_passes_and_is_logged_once(
    writer: StoreWriter, events: list[Event], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_transact", full)
        for volume in (11, 12):
            writer.save(Memory(volume=volume))
            writer.step()
    assert [isinstance(e, Saved) and "disk is full" in e.problem for e in events] == [True, True]
    assert len([r for r in caplog.records if "disk is full" in r.message]) == 1
    writer.save(Memory(volume=13))
    writer.step()
    assert events[-1] == Saved(Memory(volume=13))


def test_history_counts_every_line_there_ever_was(writer: StoreWriter) -> None:
    for number in range(3):
        writer.record(listen(number))
    writer.step()
    assert writer.history() == (tuple(listen(number) for number in range(3)), 3)


def test_the_diary_is_written_and_erased_in_the_order_of_the_calls(
    writer: StoreWriter, events: list[Event], tmp_path: Path
) -> None:
    reader = DiaryReader(tmp_path)
    writer.note(MoodEntry(1e9, MoodName.SAD, MoodSource.CAMERA))
    writer.step()
    assert (len(reader.moods(0.0, 2e9)), events) == (1, [Saved(Memory())])
    writer.note(MoodEntry(1e9 + 1, MoodName.CALM, MoodSource.CAMERA))
    writer.record(listen(1))
    writer.erase(Erasure())
    writer.step()
    assert (reader.moods(0.0, 2e9), writer.history()[0]) == ((), ())
    assert events == [Saved(Memory()), Saved(Memory())]
