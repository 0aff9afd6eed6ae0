"""affetto.yaml on the boot partition: in force, without its password, its mistakes listed, whatever happens to it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.config import boot, files, page_keys, reader
from device.config.boot import partition
from device.config.boot.boot_file import BootFile, cut_secrets
from device.config.boot.template import TEMPLATE
from device.config.schema import Config
from device.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
SECRET = "hunter2 Ümlaut"
GOOD = f"""\
# mine
device:
  name: Kitchen
  room: kitchen
mqtt:
  host: broker.lan   # the old PC
  username: ada
  password: "{SECRET}"   # not the one of the bank
  port: 1884
"""


class Card:
    """A boot partition and a configuration folder."""

    def __init__(self, folder: Path) -> None:
        self.place, self.etc = folder / "firmware", folder / "etc"
        self.place.mkdir()
        self.etc.mkdir()
        self.file, self.errors = self.place / "affetto.yaml", self.place / "affetto-errors.txt"
        self.own = self.etc / "config.yaml"
        self.own.write_text("player: {volume: 11}\nmqtt: {host: elsewhere}\n")

    def boot(self, content: str | bytes | None = None) -> int:
        if content is not None:
            self.file.write_bytes(content.encode() if isinstance(content, str) else content)
        return boot.run([self.place], self.etc)

    @property
    def config(self) -> Config:
        return files.load(self.own)

    def mistakes(self) -> str:
        """What is told on the card, which is what `health` tells."""
        if not self.errors.exists():
            assert files.boot_mistakes(self.own) == ()
            return ""
        said = self.errors.read_text().removeprefix(boot.HEAD)
        assert files.boot_mistakes(self.own) == tuple(said.splitlines())
        return said.strip()

    def remains(self) -> bytes:
        """Everything on the boot partition."""
        return b"".join(path.read_bytes() for path in self.place.iterdir())


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


def test_what_it_says_counts_over_the_users_own_file_which_is_left_alone(card: Card) -> None:
    own = card.own.read_bytes()
    assert card.boot(GOOD) == 0
    now = card.config
    assert (now.device.name, now.device.room) == ("Kitchen", "kitchen")
    assert (now.mqtt.host, now.mqtt.port, now.mqtt.username) == ("broker.lan", 1884, "ada")
    assert now.mqtt.password == SECRET
    assert now.player.volume == 11
    assert card.own.read_bytes() == own
    assert card.mistakes() == ""


def test_the_password_moves_to_a_file_for_root_and_leaves_a_remark(card: Card) -> None:
    card.boot(GOOD)
    assert SECRET.encode() not in card.remains()
    assert (card.etc / "secrets.yaml").stat().st_mode & 0o777 == 0o600
    assert SECRET not in (card.etc / "boot.yaml").read_text()
    assert not (card.etc / "boot-wipe.json").exists()
    lines = card.file.read_text().splitlines()
    assert lines[7].rstrip() == "  # password: taken             # not the one of the bank".rstrip()
    assert [line for number, line in enumerate(lines) if number != 7] == [
        line for number, line in enumerate(GOOD.splitlines()) if number != 7
    ]


def test_the_next_start_knows_it_still_and_writes_nothing(card: Card) -> None:
    card.boot(GOOD)
    before = {
        path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [*card.place.iterdir(), *card.etc.iterdir()]
    }
    assert card.boot() == 0
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in [*card.place.iterdir(), *card.etc.iterdir()]} == before
    assert card.config.mqtt.password == SECRET


def test_changed_later_it_counts_anew(card: Card) -> None:
    card.boot(GOOD)
    card.boot(card.file.read_text().replace("Kitchen", "Attic"))
    assert (card.config.device.name, card.config.mqtt.password) == ("Attic", SECRET)
    card.boot(card.file.read_text() + "  password: other\n")
    assert card.config.mqtt.password == "other"
    card.boot("mqtt: {username: ada, password: ''}\n")
    assert (card.config.mqtt.password, card.config.device.name) == ("", "Affetto")
    assert card.file.read_text() == "mqtt: {username: ada, password: ''}\n"


def test_without_its_user_a_password_is_forgotten(card: Card) -> None:
    card.boot(GOOD)
    assert card.boot("device: {name: Attic}\n") == 0
    assert (card.config.mqtt.password, card.mistakes()) == ("", "")
    assert SECRET not in (card.etc / "secrets.yaml").read_text()


def test_mistakes_are_told_beside_it_and_what_was_goes_on(card: Card) -> None:
    card.boot(GOOD)
    before = card.config
    assert card.boot("device:\n  naem: x\nmqtt:\n  port: 99999\n  password: secret2\n") == 2
    assert card.mistakes().splitlines() == [
        "affetto.yaml:2: device.naem: unknown setting; did you mean name?",
        "affetto.yaml:4: mqtt.port: must be from 1 to 65535, not 99999",
    ]
    assert card.config == before
    assert card.boot("device: {name: Cellar}\n") == 0
    assert card.mistakes() == ""
    assert card.config.device.name == "Cellar"


def test_what_does_not_fit_the_users_own_file_is_a_mistake_too(card: Card) -> None:
    assert card.boot("player:\n  max_volume: 5\n") == 2
    assert card.mistakes() == "affetto.yaml:2: player.max_volume: volume 11 is above max_volume 5"
    card.own.write_text("camera: {fsp: 1}\n")
    assert card.boot("player: {volume: 12}\n") == 2
    assert card.mistakes() == f"{card.own}:1: camera.fsp: unknown setting; did you mean fps?"


def test_a_password_without_a_user_changes_nothing_and_stays_where_it_is(card: Card) -> None:
    text = f"mqtt:\n  password: {SECRET}\n"
    assert card.boot(text) == 2
    assert card.mistakes() == "affetto.yaml:2: mqtt.password: needs mqtt.username beside it"
    assert card.file.read_text() == text
    assert SECRET not in card.errors.read_text()


def test_without_a_file_what_was_goes_on(card: Card) -> None:
    assert card.boot() == 0
    card.boot(GOOD)
    card.boot("camera: nonsense")
    card.file.unlink()
    assert card.boot() == 0
    assert (card.mistakes(), card.config.device.name) == ("", "Kitchen")
    assert boot.run([card.place / "none"], card.etc) == 0
    assert boot.run([], card.etc) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x" * 70_000, "affetto.yaml: too large for a settings file; the limit is 64 KiB"),
        (b"device:\n  name: K\xfcche\n", "affetto.yaml:2: not UTF-8 text; save the file as UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00\xff\xfe", "affetto.yaml:1: not UTF-8 text; save the file as UTF-8"),
        (b"GIF\x01\x02", "affetto.yaml:1: a character that cannot be in a text file"),
        (b"\xff\xfed\x00e", "affetto.yaml:1: not UTF-8 text; save the file as UTF-8"),
        (b"- a\n- b\n", "affetto.yaml:1: expected settings such as `name: value`, in sections"),
    ],
)
def test_what_is_no_file_of_settings(card: Card, content: bytes, said: str) -> None:
    card.boot(GOOD)
    assert card.boot(content) == 2
    assert card.mistakes() == said
    assert card.config.device.name == "Kitchen"


@pytest.mark.parametrize("content", [b"", b"\n\n# nothing\n", b"device:\nmqtt:\n", b"\xef\xbb\xbf"])
def test_nothing_said_is_no_mistake(card: Card, content: bytes) -> None:
    assert card.boot(content) == 0
    assert card.config.mqtt.host == "elsewhere"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_as_windows_saves_it(card: Card, encoding: str, newline: str) -> None:
    raw = GOOD.replace("\n", newline).encode(encoding)
    assert card.boot(raw) == 0
    assert (card.config.device.name, card.config.mqtt.password) == ("Kitchen", SECRET)
    left = card.file.read_bytes()
    assert len(left) == len(raw)
    assert SECRET not in left.decode(encoding)
    assert left.decode(encoding).count(newline) == raw.decode(encoding).count(newline)
    assert b"\r" not in (card.etc / "boot.yaml").read_bytes()


@pytest.mark.parametrize("name", boot.LOOKALIKES)
def test_an_ending_that_an_editor_added_is_told(card: Card, name: str) -> None:
    (card.place / name).write_text(GOOD)
    assert card.boot() == 2
    assert card.mistakes() == f"{name}: must be called affetto.yaml, without an extra extension; rename it"


def test_systemd_hands_the_password_to_the_conductor_alone(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    card.boot(GOOD)
    handed = card.place.parent / "credentials"
    handed.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    assert card.config.mqtt.password == ""  # another service's, the eye's for instance
    (handed / "secrets.yaml").write_text("{}")
    assert (card.config.mqtt.password, card.config.device.name) == ("", "Kitchen")
    shutil.copy(card.etc / "secrets.yaml", handed)
    assert card.config.mqtt.password == SECRET


# --- Where a password can stand -------------------------------------------------------------------------------------

HABITS = [
    "mqtt: {username: ada, password: SECRET, port: 1884}\n",
    "mqtt: {password: SECRET, username: ada}",
    "mqtt: { username: ada, password: SECRET }",
    "mqtt: {\n  username: ada,\n  password: SECRET\n}\n",
    "mqtt:\n  username: ada\n  password: SECRET",
    "mqtt:\n  username: ada\n  password:\n    SECRET\n",
    "mqtt:\n  password: |-\n    SECRET\n  username: ada\n",
    "mqtt:\n  password: !!str SECRET\n  username: ada\n",
    "mqtt:\n  password: &p SECRET\n  username: ada\n",
    "mqtt:\n  'password': 'SECRET' \n  username: ada\ndevice:\n  name: x\n",
]


@pytest.mark.parametrize("text", HABITS)
@pytest.mark.parametrize("secret", ["hunter2", "x", "Pä55 # wört"])
def test_a_password_is_blanked_wherever_it_stands(text: str, secret: str) -> None:
    if "#" in secret and "'" not in text and "|" not in text:
        text = text.replace("SECRET", '"SECRET"')
    file = BootFile.decode("affetto.yaml", text.replace("SECRET", secret).encode())
    rest, secrets = cut_secrets(file, Config)
    assert secrets == {"mqtt.password": secret}
    assert len(rest.encode()) == len(file.encode())
    read = reader.parse(rest.text, "rest", Config)
    assert (read.mqtt.username, read.mqtt.password) == ("ada", "")
    assert secret == "x" or secret not in rest.text


def test_a_password_that_stands_for_something_else_too_is_a_mistake(card: Card) -> None:
    text = "device: {name: &x hunter2}\nmqtt: {username: ada, password: *x}\n"
    assert card.boot(text) == 2
    assert "must be on a line of its own" in card.mistakes()
    assert card.file.read_text() == text


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=30))
def test_any_password_comes_through_and_goes(secret: str) -> None:
    text = "mqtt:\n  username: ada\n  password: '" + secret.replace("'", "''") + "'\n  port: 1884\n"
    for encoding in ("utf-8", "utf-16-le"):
        file = BootFile("affetto.yaml", text, encoding)
        try:
            reader.parse(text, "x", Config)
        except ConfigError:
            continue  # characters that YAML does not let into a file, or lines that it folds
        rest, secrets = cut_secrets(file, Config)
        again = reader.parse(boot.secrets_text(secrets), "x", Config)
        assert again.mqtt.password == secrets["mqtt.password"]
        assert len(rest.encode()) == len(file.encode())
        assert reader.parse(rest.text, "x", Config).mqtt.port == 1884


# --- Disks that are full, read-only, or lose their power -------------------------------------------------------------


def test_a_boot_partition_that_cannot_be_written(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root, rights alone do not keep anybody from writing."""
    refuse(monkeypatch, card.place, OSError(30, "Read-only file system"))
    assert card.boot(GOOD) == 2
    assert card.config.mqtt.password == SECRET
    (problem,) = files.boot_mistakes(card.own)
    assert problem.startswith("affetto.yaml: the password is in use, but cannot be wiped from ")
    assert "(read-only file system)" in problem
    assert card.boot("camera: nonsense") == 2
    assert not card.errors.exists()
    monkeypatch.undo()
    assert card.boot(GOOD) == 0
    assert card.mistakes() == ""
    assert SECRET.encode() not in card.remains()


def test_a_full_boot_partition_has_room_for_wiping(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, card.place, OSError(28, "No space left on device"), only_new=True)
    assert card.boot(GOOD) == 0
    assert SECRET.encode() not in card.remains()
    assert card.boot("camera: nonsense") == 2  # told on `health` only
    assert len(files.boot_mistakes(card.own)) == 1
    assert [path.name for path in card.place.iterdir()] == ["affetto.yaml"]


def test_a_configuration_folder_that_cannot_be_written(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, card.etc, OSError(28, "No space left on device"))
    assert card.boot(GOOD) == 2
    assert card.file.read_text() == GOOD
    assert "No space left on device" in card.errors.read_text()
    monkeypatch.undo()
    assert card.boot() == 0
    assert card.config.mqtt.password == SECRET


def refuse(patch: pytest.MonkeyPatch, folder: Path, error: OSError, *, only_new: bool = False) -> None:
    whole = os.open

    def open_or_refuse(path: object, flags: int, *rest: object, **more: object) -> int:
        writes = flags & os.O_CREAT if only_new else flags & (os.O_RDWR | os.O_WRONLY)
        if writes and Path(str(path)).parent == folder:
            raise error
        return whole(path, flags, *rest, **more)  # type: ignore[arg-type]

    patch.setattr(partition.os, "open", open_or_refuse)


class Cut(BaseException):
    """The power is gone."""


class Power:
    """Fails at the n-th step that changes a disk, and leaves what a disk may leave: writes that were not synced yet are
    on it in part, byte by byte."""

    def __init__(self, patch: pytest.MonkeyPatch, steps: int, dice: random.Random) -> None:
        self.steps, self._dice = steps, dice
        self._torn: tuple[bytes, bytes] | None = None
        for name in ("open", "replace", "unlink", "pwrite", "fsync"):
            patch.setattr(partition.os, name, self._step(getattr(os, name), getattr(self, f"_cut_{name}")))
        patch.setattr(Path, "unlink", self._step(Path.unlink, self._cut_nothing))

    def _step(self, whole: object, cut: object) -> object:
        def step(*args: object, **more: object) -> object:
            self.steps -= 1
            if self.steps == 0:
                cut(*args)  # type: ignore[operator]
                raise Cut
            if self.steps < 0:
                raise Cut
            if whole is Power.pwrite:
                self._torn = os.pread(int(str(args[0])), 2**20, 0), bytes(args[1])  # type: ignore[call-overload]
            return whole(*args, **more)  # type: ignore[operator]

        return step

    pwrite = os.pwrite

    def _cut_nothing(self, *_: object) -> None:
        pass

    _cut_open = _cut_replace = _cut_unlink = _cut_nothing

    def _cut_pwrite(self, file: int, content: bytes, _offset: int) -> None:
        self._tear(file, os.pread(file, 2**20, 0), content)

    def _cut_fsync(self, file: int) -> None:
        if self._torn is not None and os.fstat(file).st_size == len(self._torn[1]):
            self._tear(file, *self._torn)
        elif os.fstat(file).st_mode & 0o100000:  # a new file that was not on the disk yet
            os.ftruncate(file, self._dice.randint(0, os.fstat(file).st_size))

    def _tear(self, file: int, old: bytes, new: bytes) -> None:
        mixed = bytes(self._dice.choice(pair) for pair in zip(old, new, strict=True))
        Power.pwrite(file, mixed, 0)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(None, marks=pytest.mark.slow),
        pytest.param("device: {name: Attic}\n", marks=pytest.mark.slow),
        "device: {name: Attic}\nmqtt: {username: bob, password: older}\n",
    ],
    ids=["no file", "settings", "settings and a password"],
)
def test_a_power_cut_at_any_step_leaves_old_or_new_and_the_next_start_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str | None
) -> None:
    dice, steps, done = random.Random(1), 0, False
    while not done:
        steps += 1
        for attempt in range(3):
            folder = tmp_path / f"{steps}-{attempt}"
            folder.mkdir()
            card = Card(folder)
            if first is not None:
                card.boot(first)
            old = card.config
            card.file.write_text(GOOD)
            with monkeypatch.context() as patch:
                power = Power(patch, steps, dice)
                with contextlib.suppress(Cut):
                    card.boot()
            done = power.steps > 0
            now = card.config
            assert now.device in (old.device, reader.parse(GOOD, "x", Config).device)
            assert now.mqtt.password in (old.mqtt.password, SECRET)
            assert card.boot() == 0
            assert (card.config.device.name, card.config.mqtt.password) == ("Kitchen", SECRET), steps
            assert card.config.mqtt.host == "broker.lan"
            assert SECRET.encode() not in card.remains()
            assert card.mistakes() == ""
            assert sorted(p.name for p in card.etc.iterdir()) == ["boot.yaml", "config.yaml", "secrets.yaml"]
            assert len(card.file.read_bytes()) == len(GOOD.encode())
    assert steps > 20  # it did go through every step there is


def test_what_somebody_wrote_after_the_cut_is_not_undone(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "remove", lambda path: None)
    card.boot(GOOD)
    monkeypatch.undo()
    assert (card.etc / "boot-wipe.json").stat().st_mode & 0o777 == 0o600
    assert card.boot(GOOD.replace("Kitchen", "Chicken").replace("hunter2", "hunter3")) == 0
    assert (card.config.device.name, card.config.mqtt.password) == ("Chicken", SECRET.replace("2", "3"))
    assert not (card.etc / "boot-wipe.json").exists()


def test_killed_at_random_moments(card: Card) -> None:
    dice = random.Random(2)
    command = [sys.executable, "-m", "device", "boot", "--from", str(card.place), "--config", str(card.own)]
    for number in range(8):
        card.file.write_text(GOOD.replace("1884", str(2000 + number)))
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as child:
            try:
                child.wait(dice.uniform(0.2, 1.2))
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
        assert card.config.mqtt.password in ("", SECRET)
    assert subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL).returncode == 0
    assert (card.config.mqtt.password, card.config.mqtt.port) == (SECRET, 2007)
    assert SECRET.encode() not in card.remains()


needs_fat = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mkfs.vfat") is None or not Path("/dev/loop-control").exists(),
    reason="needs root, dosfstools and loop devices",
)


@needs_fat
def test_on_a_real_fat_the_password_is_nowhere_on_the_partition(card: Card, tmp_path: Path) -> None:
    image = tmp_path / "boot.img"
    image.write_bytes(bytes(4 * 2**20))
    subprocess.run(["mkfs.vfat", image], check=True, capture_output=True)
    if subprocess.run(["mount", "-o", "loop", image, card.place], capture_output=True).returncode:
        pytest.skip("loop devices cannot be mounted here")
    try:
        (card.place / "filler").write_bytes(b"x")
        card.file.write_text(GOOD)
        subprocess.run(["sync"], check=True)
        assert SECRET.encode() in image.read_bytes()
        with (card.place / "filler").open("wb") as file:
            fill(file)
        assert card.boot() == 0  # on a full partition
        (card.place / "filler").unlink()
        assert card.boot("device: {nmae: x}\n") == 2
        assert "did you mean name?" in card.mistakes()
        subprocess.run(["mount", "-o", "remount,ro", card.place], check=True)
        assert card.boot() == 2
    finally:
        subprocess.run(["umount", card.place], check=True)
    assert SECRET.encode() not in image.read_bytes()
    subprocess.run(["fsck.vfat", "-n", image], check=True, capture_output=True)
    assert card.config.mqtt.password == SECRET


def fill(file: object) -> None:
    try:
        while True:
            file.write(bytes(65536))  # type: ignore[attr-defined]
            file.flush()  # type: ignore[attr-defined]
    except OSError:
        pass


# --- The file that a card is flashed with ---------------------------------------------------------------------------


def test_the_template_says_nothing_until_somebody_writes_in_it(card: Card) -> None:
    assert card.boot(TEMPLATE) == 0
    assert card.config.mqtt.host == "elsewhere"
    assert max(map(len, TEMPLATE.splitlines())) <= 120


def test_every_line_of_the_template_counts_without_its_mark(card: Card) -> None:
    lines = [
        line.replace("  #", "  ", 1) if line.startswith("  #") and line[3] != " " else line
        for line in TEMPLATE.splitlines()
    ]
    assert card.boot("\n".join(lines)) == 0
    said = card.config
    assert (said.mqtt.host, said.mqtt.password, said.device.name) == (
        "homeassistant.local",
        "secret",
        "Living room music",
    )
    assert said.camera.enabled is False
    assert card.mistakes() == ""


def test_the_command_line_prints_the_template() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "device", "boot", "--template"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, TEMPLATE)


def test_the_pin_of_the_page_is_shown_beside_the_settings(card: Card) -> None:
    shown = card.place / "affetto-page.txt"
    data = card.etc.parent / "data"
    card.own.write_text(f"device: {{data_dir: {data}, id: kitchen}}\n")
    assert card.boot("device: {name: Kitchen}\n") == 0
    assert not shown.exists()  # there is no installation yet
    data.mkdir()
    if os.geteuid() == 0:
        os.chown(data, 12345, 12345)  # the service's user
    assert card.boot() == 0  # the very first start: before the conductor ran
    keys = data / page_keys.NAME
    assert (keys.stat().st_uid, keys.stat().st_mode & 0o777) == (data.stat().st_uid, 0o640)
    pin = page_keys.ensure(data).pin
    assert shown.read_text().startswith(f"Affetto's page for phones: http://affetto-kitchen.local\nPIN: {pin}\n")
    assert card.boot("page: {pin: '4711'}\n") == 0
    assert "PIN: 4711" in shown.read_text()
    assert "4711" not in card.file.read_text()  # a secret, like the broker's password
    assert card.boot() == 0
    assert "PIN: 4711" in shown.read_text()  # it stays in force, also without a broker
    assert card.boot("page: {enabled: false}\n") == 0
    assert not shown.exists()
