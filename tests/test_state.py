"""What is stored comes back: after a restart, a kill, a cut log, damage, a full disk."""

import random
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.domain import Listen, Memory, MoodName, Outcome, PlaybackState, PolicyName, Request, Requests
from device.errors import StateError
from device.store.database import INSERT, TYPES, Store, set_aside

ROOT = Path(__file__).resolve().parent.parent
ASKED = Requests((Request(7, "k2", "Ada", ("Ben",), True),), 3, {"Ada": 2}, {"Ben": 1e9}, 7)
CHANGED = Memory(55, PolicyName.LIFT, True, "küche", ("Ada", "Ben"), True, MoodName.SAD, PlaybackState.PAUSED,
                 "k1", 73.5, requests=ASKED)  # fmt: skip


def listen(number, outcome=Outcome.PLAYED):
    return Listen(f"track{number}", "everyone", MoodName.HAPPY, outcome, 1e9 + number, number / 2)


@pytest.fixture
def opened(tmp_path):
    """Opens stores in one folder and closes them all at the end."""
    stores = []

    def open_store(defaults=None, **options):
        stores.append(Store.open(tmp_path / "data", defaults or Memory(), **options))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


def test_first_start_has_the_defaults_and_no_history(opened):
    defaults = Memory(volume=12, room="attic")
    store = opened(defaults)
    assert (store.memory, store.history, store.problem) == (defaults, (), "")


def test_what_was_saved_and_recorded_comes_back(opened):
    store = opened()
    store.write(CHANGED)
    lines = tuple(listen(number, outcome) for number, outcome in enumerate(Outcome))
    for line in lines:
        store.write(None, [line])
    assert store.history == lines
    store.close()
    again = opened()
    assert (again.memory, again.history, again.problem) == (CHANGED, lines, "")


def test_it_is_on_the_disk_when_write_returns_not_when_close_does(opened):
    store = opened()
    store.write(CHANGED)
    store.write(None, [listen(1)])
    assert opened().memory == CHANGED  # the first one is still open
    assert opened().history == (listen(1),)


def test_a_setting_that_was_never_changed_follows_its_default(opened):
    store = opened(Memory(volume=20))
    store.write(replace(store.memory, camera=True))
    store.close()
    again = opened(Memory(volume=45))
    assert (again.memory.volume, again.memory.camera) == (45, True)


def test_a_setting_changed_back_to_its_default_is_remembered(opened):
    store = opened(Memory(volume=20))
    store.write(replace(store.memory, volume=50))
    store.write(replace(store.memory, volume=20))
    store.close()
    again = opened(Memory(volume=20))
    assert (again.memory.volume, again._database.execute(STORED, ("volume",)).fetchone()) == (20, ("20",))


STORED = "SELECT value FROM memory WHERE key = ?"


def test_the_newest_word_wins_whether_it_was_said_in_the_settings_or_to_the_device(opened):
    store = opened(Memory(volume=20, room="attic"))
    store.write(replace(store.memory, volume=50, room="cellar"))
    store.close()
    for _ in range(2):  # the room was changed in the settings since; that is said once and not at every start
        again = opened(Memory(volume=20, room="kitchen"))
        assert (again.memory.volume, again.memory.room) == (50, "kitchen")
        again.close()
    again = opened(Memory(volume=20, room="kitchen"))
    again.write(replace(again.memory, room="garden"))
    again.close()
    assert opened(Memory(volume=20, room="kitchen")).memory.room == "garden"


def test_a_camera_that_was_switched_off_stays_off_until_the_settings_consent_anew(opened):
    yes, no = Memory(camera=True, camera_by="in the settings"), Memory()
    store = opened(yes)
    assert store.memory.camera
    store.write(replace(store.memory, camera=False, camera_by="over MQTT"))
    store.close()
    assert (opened(yes).memory.camera, opened(yes).memory.camera_by) == (False, "over MQTT")
    assert (opened(no).memory.camera, opened(no).memory.camera_by) == (False, "")
    assert (opened(yes).memory.camera, opened(yes).memory.camera_by) == (True, "in the settings")


def test_saving_what_is_stored_already_writes_nothing(opened):
    store = opened()
    store.write(CHANGED)
    before = store._database.total_changes
    for _ in range(100):
        store.write(CHANGED)
    store.write(replace(CHANGED, volume=56))
    assert store._database.total_changes == before + 1  # one row for the one setting


def test_close_twice_and_late_saves_are_harmless(opened):
    store = opened()
    store.close()
    store.close()
    store.write(CHANGED)
    assert store.memory == CHANGED
    assert opened().memory == Memory()


def test_history_is_bounded_while_running_and_at_the_start(opened, monkeypatch):
    monkeypatch.setattr("device.store.database.PRUNE_EVERY", 10)
    store = opened(keep=25)
    for number in range(100):
        store.write(None, [listen(number)])
    expected = tuple(listen(number) for number in range(75, 100))
    assert store.history == expected
    (rows,) = store._database.execute("SELECT count(*) FROM listens").fetchone()
    assert rows <= 35
    store.close()
    assert opened(keep=25).history == expected
    assert opened(keep=3).history == expected[-3:]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("volume", "101"), ("volume", "-1"), ("volume", "true"), ("volume", '"30"'), ("volume", "3.5"),
        ("policy", '"dance"'), ("policy", "null"), ("policy", "[]"), ("camera", "1"), ("room", "7"),
        ("profiles", "null"), ("profiles", "[]"), ("guests", "1"), ("requests", "[]"),
        ("mood", '"grumpy"'), ("playback", "{}"), ("track_key", "["), ("volume", None),
        ("volume", b"\xff"), ("nonsense", "1"), ("volume", "[" * 100_000),
    ],
)  # fmt: skip
def test_a_value_that_is_no_good_falls_back_alone(opened, key, text):
    store = opened(Memory(volume=9))
    store.write(CHANGED)
    store._database.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", (key, text))
    store.close()
    again = opened(Memory(volume=9))
    default = {key: getattr(Memory(volume=9), key)} if key != "nonsense" else {}
    position_s = 0.0 if key == "track_key" else CHANGED.position_s  # of another track it would mean nothing
    assert again.memory == replace(CHANGED, **{"position_s": position_s, **default})
    assert again.problem == ""
    again.write(CHANGED)
    again.close()
    assert opened(Memory(volume=9)).memory == CHANGED


def test_the_profile_of_an_earlier_version_is_the_only_one_present(opened):
    store = opened()
    store._database.execute("INSERT INTO memory VALUES ('profile', '\"Ada\"')")
    store._database.execute("DELETE FROM memory WHERE key = 'profiles'")
    store.close()
    assert opened().memory.profiles == ("Ada",)


def test_bans_outlive_everything_else(opened, monkeypatch):
    monkeypatch.setattr("device.store.database.PRUNE_EVERY", 5)
    store = opened(keep=10)
    for number in range(60):
        store.write(None, [listen(number, Outcome.BANNED if number == 3 else Outcome.PLAYED)])
    assert store.history == (listen(3, Outcome.BANNED), *(listen(number) for number in range(50, 60)))
    store.close()
    assert opened(keep=10).history[0] == listen(3, Outcome.BANNED)


def test_rows_that_are_no_listens_are_left_out(opened):
    store = opened()
    store.write(None, [listen(1)])
    for row in [(None,) * 6, ("t", "p", "grumpy", "played", 1.0, 1.0), ("t", "p", "sad", "played", "noon", 1.0)]:
        store._database.execute("INSERT INTO listens VALUES (NULL, ?, ?, ?, ?, ?, ?)", row)
    store.write(None, [listen(2)])
    store.close()
    assert opened().history == (listen(1), listen(2))


def test_every_field_of_memory_can_be_read_back():
    assert {*TYPES, "position_s"} == {field.name for field in fields(Memory)}  # that one is in place.bin


# --- Damage -----------------------------------------------------------------------------------------------------


def overwrite(path, start, data):
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


DAMAGES = {
    "garbage": lambda path: path.write_bytes(random.Random(1).randbytes(20_000)),
    "text": lambda path: path.write_text("volume = 30\n" * 100),
    "header": lambda path: overwrite(path, 0, b"\0" * 100),
    "first page": lambda path: overwrite(path, 100, b"\xff" * 3000),
    "a page of zeros": lambda path: overwrite(path, 3 * 4096, b"\0" * 4096),
    "free list": lambda path: overwrite(path, 32, b"\0\0\0\2\0\0\0\5"),  # reads well, fails at some later write
    "cut": lambda path: path.write_bytes(path.read_bytes()[: 2 * 4096 + 77]),
    "newer": lambda path: execute(path, "PRAGMA user_version = 99"),
    "other tables": lambda path: execute(path, "DROP TABLE memory"),
}


def execute(path, statement):
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


@pytest.mark.parametrize("harm", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(opened, tmp_path, harm):
    store = opened()
    store.write(CHANGED)
    rows = [("track" * 9, "everyone", "sad", "played", 1.0, 1.0)] * 300
    store._database.execute("BEGIN")
    store._database.executemany(INSERT, rows)
    store._database.execute("COMMIT")
    store.close()
    path = tmp_path / "data" / "state.db"
    harm(path)
    harmed = path.read_bytes()
    again = opened(Memory(volume=17))
    assert again.memory == Memory(volume=17)
    assert again.history == ()
    assert again.problem.startswith(f"{path} was damaged (")
    assert again.problem.endswith("it is now state.db.damaged, and volume, switches and likes start from the defaults")
    assert (tmp_path / "data" / "state.db.damaged").read_bytes() == harmed
    again.write(CHANGED)
    again.close()
    final = opened(Memory(volume=17))
    assert (final.memory, final.problem) == (CHANGED, "")


def test_damaged_files_do_not_pile_up(opened, tmp_path):
    for content in (b"first" * 500, b"second" * 500):
        opened().close()
        (tmp_path / "data" / "state.db").write_bytes(content)
        opened().close()
    names = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert names == ["place.bin", "state.db", "state.db.damaged"]
    assert (tmp_path / "data" / "state.db.damaged").read_bytes().startswith(b"second")


def test_the_log_of_a_damaged_file_goes_with_it(tmp_path):
    """SQLite mostly removes the log of such a file itself; where it does not, the new file must not inherit it."""
    for suffix in ("", "-wal"):
        (tmp_path / f"state.db{suffix}").write_text(f"old{suffix}")
    (tmp_path / "state.db.damaged-shm").write_text("older")
    assert set_aside(tmp_path / "state.db") == tmp_path / "state.db.damaged"
    left = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert left == {"state.db.damaged": "old", "state.db.damaged-wal": "old-wal"}


def test_an_empty_file_is_a_beginning(opened, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "state.db").touch()
    assert opened().problem == ""


@pytest.mark.parametrize("obstacle", ["a file for the folder", "a folder for the file"])
def test_where_nothing_can_be_written_the_store_goes_on_from_memory(tmp_path, obstacle):
    folder = tmp_path / "data"
    if obstacle == "a file for the folder":
        folder.write_text("not a folder")
    else:
        (folder / "state.db").mkdir(parents=True)
    store = Store.open(folder, Memory())
    assert store.problem.startswith(f"{folder / 'state.db'} cannot be used (")
    assert store.problem.endswith("; changes will be lost at the next restart")
    store.write(CHANGED)
    store.write(None, [listen(1)])
    assert (store.memory, store.history) == (CHANGED, (listen(1),))
    store.close()


# --- Full disk --------------------------------------------------------------------------------------------------


def fill(store):
    """Records until something gives."""
    for number in range(1, 500):
        store.write(None, [listen(number)])


def test_a_full_disk_is_said_and_what_is_owed_is_written_later(opened):
    store = opened()
    store.write(replace(CHANGED, volume=1))
    store.write(None, [listen(0)])
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateError, match=r"^[^\n]*state\.db cannot be written \(database or disk is full\); [^\n]*$"):
        fill(store)
    recorded = len(store.history)
    for owed in ((None, [listen(recorded)]), (CHANGED, [])):
        with pytest.raises(StateError, match="full"):
            store.write(*owed)
    assert (store.memory, len(store.history)) == (CHANGED, recorded + 1)
    store._database.execute("PRAGMA max_page_count = 100000")
    store.write(replace(CHANGED, volume=2))
    again = opened()
    assert again.memory == replace(CHANGED, volume=2)
    assert again.history == store.history


def test_when_the_disk_fills_again_it_is_said_again(opened):
    store = opened()
    for _ in range(2):
        (pages,) = store._database.execute("PRAGMA page_count").fetchone()
        store._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StateError):
            fill(store)
        store._database.execute("PRAGMA max_page_count = 100000")
        store.write(None, [listen(0)])


def test_another_program_that_holds_the_file_is_waited_for_and_then_reported(opened, monkeypatch):
    store = opened()
    store._database.execute("PRAGMA busy_timeout = 20")
    other = opened()
    other._database.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateError, match="locked"):
        store.write(CHANGED)
    other._database.execute("ROLLBACK")
    store.write(None, [listen(1)])
    assert opened().memory == CHANGED


# --- Kills and power cuts ---------------------------------------------------------------------------------------

WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from device.domain import Listen, Memory, MoodName, Outcome
from device.store.database import Store
store = Store.open(Path(sys.argv[1]), Memory())
number = len(store.history)
while True:
    number += 1
    store.write(None, [Listen(f"track{number}", "everyone", MoodName.HAPPY, Outcome.PLAYED, 1e9 + number, number / 2)])
    store.write(replace(store.memory, volume=number % 100, room=str(number), track_key=str(number)))
    print(number, flush=True)
"""


def test_killed_at_any_time_it_keeps_all_that_was_promised_and_nothing_half(tmp_path):
    dice, before = random.Random(3), 0
    for _ in range(25):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
            for _ in range(dice.randint(1, 12)):
                promised = int(writer.stdout.readline())
            writer.kill()
            promised = int(([str(promised), *writer.stdout.read().split()])[-1])
        store = Store.open(tmp_path, Memory())
        assert store.problem == ""
        count = len(store.history)
        assert before < promised <= count <= promised + 1
        assert store.history == tuple(listen(number) for number in range(1, count + 1))
        memory = store.memory
        assert promised <= int(memory.room) <= count
        assert (memory.volume, memory.track_key) == (int(memory.room) % 100, memory.room)
        store.close()
        before = count


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A folder as it looks in the middle of work: the file, and the log that is not folded in yet."""
    folder = tmp_path_factory.mktemp("busy")
    store = Store.open(folder, Memory(volume=0, room="0"))
    for number in range(1, 41):
        store.write(None, [listen(number)])
        store.write(replace(store.memory, volume=number, room=str(number)))
    snapshot = tmp_path_factory.mktemp("snapshot")
    for name in ("state.db", "state.db-wal"):
        shutil.copy(folder / name, snapshot / name)
    store.close()
    return snapshot


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 1), noise=st.binary(max_size=64))
def test_a_log_cut_by_a_power_cut_gives_an_earlier_state_and_no_damage(busy, tmp_path_factory, share, noise):
    """The end of the log never reached the card, or only as noise; what was before it counts."""
    folder = tmp_path_factory.mktemp("cut")
    shutil.copy(busy / "state.db", folder)
    log = (busy / "state.db-wal").read_bytes()
    (folder / "state.db-wal").write_bytes(log[: round(share * len(log))] + noise)
    store = Store.open(folder, Memory(volume=0, room="0"))
    count = len(store.history)
    assert store.problem == ""
    assert store.history == tuple(listen(number) for number in range(1, count + 1))
    assert store.memory.volume == int(store.memory.room)
    assert count - 1 <= store.memory.volume <= count
    if share == 1:
        assert count == 40
    store.close()
