"""Where the music was comes back: after a restart, a torn write, damage; and keeping it costs a card little."""

import errno
import fcntl
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.domain import Memory
from device.errors import StateError
from device.music.playback.player import REPORT_S
from device.store.database import Store
from device.store.position_journal import SLOT_BYTES, PositionJournal


def read(folder):
    place = PositionJournal(folder)
    place.close()
    return place.track_key, place.position_s


def test_at_first_it_knows_nothing(tmp_path):
    assert read(tmp_path) == ("", 0.0)


def test_the_last_place_comes_back(tmp_path):
    place = PositionJournal(tmp_path)
    for second in range(0, 700, 15):
        place.write("song", float(second))
    place.write("another song", 65.3)
    assert read(tmp_path) == ("another song", 65.3)  # also without a close
    place.close()
    place.close()


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=600), st.integers(0, 2 * SLOT_BYTES - 1))
def test_a_write_that_was_torn_leaves_the_one_before(tmp_path_factory, garbage, cut):
    folder = tmp_path_factory.mktemp("place")
    place = PositionJournal(folder)
    place.write("song", 5.0)  # the second slot
    place.write("song", 20.0)  # the first
    place.close()
    path = folder / "place.bin"
    before = path.read_bytes()
    path.write_bytes((before[:cut] + garbage + before[cut + len(garbage) :])[: len(before)])
    assert read(folder) in (("song", 20.0), ("song", 5.0), ("", 0.0))
    if cut + len(garbage) <= SLOT_BYTES:
        assert read(folder) in (("song", 20.0), ("song", 5.0))


@pytest.mark.parametrize("position_s", [30.1, 34.5, 29.9, 0.0])
def test_every_step_is_on_the_disk_at_once(tmp_path, position_s):
    place = PositionJournal(tmp_path)
    place.write("song", 30.0)
    place.write("song", position_s)
    assert read(tmp_path) == ("song", position_s)
    place.close()


def test_the_player_tells_often_enough_that_five_seconds_are_the_most_that_is_lost():
    assert REPORT_S < 5.0


@pytest.mark.parametrize("refused", ["open", "pwritev"])
def test_a_disk_that_must_not_be_written_directly_is_written_all_the_same(tmp_path, monkeypatch, refused):
    whole, direct = getattr(os, refused), set()

    def refuse(where, *rest):
        if refused == "open" and rest[0] & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        if refused == "pwritev" and fcntl.fcntl(where, fcntl.F_GETFL) & os.O_DIRECT:
            direct.add(where)
            raise OSError(errno.EINVAL, "Invalid argument")
        return whole(where, *rest)

    monkeypatch.setattr(os, refused, refuse)
    place = PositionJournal(tmp_path)
    place.write("song", 5.0)
    place.write("song", 9.5)
    monkeypatch.undo()
    assert fcntl.fcntl(place._file, fcntl.F_GETFL) & os.O_DSYNC
    place.close()
    assert read(tmp_path) == ("song", 9.5)


def test_the_end_of_the_program_keeps_the_very_place(tmp_path):
    store = Store.open(tmp_path, Memory())
    store.write(Memory(track_key="song", position_s=50.0))
    store.write(Memory(track_key="song", position_s=55.0))
    store.close()
    assert read(tmp_path) == ("song", 55.0)


@pytest.mark.parametrize("content", [b"", b"short", os.urandom(20_000), b"\xff" * 2 * SLOT_BYTES])
def test_damage_is_forgotten_and_it_goes_on(tmp_path, content):
    (tmp_path / "place.bin").write_bytes(content)
    place = PositionJournal(tmp_path)
    assert (place.track_key, place.position_s) == ("", 0.0)
    place.write("song", 5.0)
    place.close()
    assert read(tmp_path) == ("song", 5.0)
    assert (tmp_path / "place.bin").stat().st_size == 2 * SLOT_BYTES


def test_a_disk_that_fails_is_told_once(tmp_path, monkeypatch):
    place = PositionJournal(tmp_path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwritev", fail)
    with pytest.raises(StateError, match=r"No space left .* the song starts from its beginning"):
        place.write("song", 5.0)
    place.write("song", 60.0)


def test_the_place_of_another_song_does_not_count(tmp_path):
    store = Store.open(tmp_path, Memory())
    store.write(Memory(track_key="song", position_s=50.0))
    store.close()
    store = Store.open(tmp_path, Memory())
    assert store.memory.position_s == 50.0
    store.close()
    place = PositionJournal(tmp_path)
    place.write("other", 20.0)
    place.close()
    store = Store.open(tmp_path, Memory())
    assert (store.memory.track_key, store.memory.position_s) == ("song", 0.0)
    store.close()


def written_bytes() -> int:
    """What this process had the disk write so far."""
    return int(Path("/proc/self/io").read_text().partition("\nwrite_bytes: ")[2].split()[0])


def test_an_hour_of_places_is_no_wear_for_a_card(tmp_path):
    """Without what the file system itself adds; tools/measure_wear.py counts that."""
    store = Store.open(tmp_path, Memory())
    store.write(Memory(track_key="song"))
    memory, before = store.memory, written_bytes()
    for step in range(int(3600 / REPORT_S)):
        store.write(replace(memory, position_s=step * REPORT_S))
    written = written_bytes() - before
    store.close()
    if written == 0:
        pytest.skip("this file system does not count (a RAM disk)")
    assert written <= 1_000_000  # a fifth of what an hour of the whole program may write
