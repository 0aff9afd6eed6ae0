"""device/setup piece by piece, in folders of its own: judging a machine, versions side by side, and the trial. The
whole of it on a Debian that has booted is in test_install_booted.py."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from device.setup import __main__ as jobs  # noqa: E402
from device.setup import fitness, machine, release, trial  # noqa: E402
from device.setup.layout import Layout, Refusal  # noqa: E402
from device.setup.trial import State  # noqa: E402

SYSTEMD = ROOT / "systemd"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "machine")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A small program."""
    folder = tmp_path / "clone"
    for name in (
        "device/__init__.py",
        "device/conductor.py",
        "models/a.tflite",
        "systemd/affetto.service",
        "systemd/affetto.target",
        "systemd/80-affetto.rules",
        "device/setup/x.py",
        "install.sh",
        "config.yaml",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}\n")
    (folder / "device/__init__.py").write_text('__version__ = "1.2.3"\n')
    (folder / "install.sh").chmod(0o755)
    return folder


# --- Whether the machine will do ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("processor", "model"),
    [
        ("x86_64", ""),
        ("x86_64", "whatever"),
        ("aarch64", "Raspberry Pi 4 Model B Rev 1.5"),
        ("aarch64", "Raspberry Pi Zero 2 W Rev 1.0"),
        ("aarch64", "Raspberry Pi 5 Model B Rev 1.0"),
        ("aarch64", "linux,dummy-virt"),
    ],
)
def test_boards_that_are_known(processor: str, model: str) -> None:
    fitness.check_board(processor, model)


@pytest.mark.parametrize("model", ["", "Raspberry Pi 2 Model B Rev 1.2", "Banana Pi BPI-M64"])
def test_a_board_that_nobody_knows_is_refused_by_its_name_and_a_way_on(model: str) -> None:
    with pytest.raises(Refusal) as refusal:
        fitness.check_board("aarch64", model)
    assert (model or "without a name") in str(refusal.value)
    assert "--any-board" in str(refusal.value)


def test_the_board_says_its_name_with_a_zero_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 4 Model B\0")
    assert fitness.read_model(tmp_path / "model") == "Raspberry Pi 4 Model B"
    assert fitness.read_model(tmp_path / "none") == ""


def test_no_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and nobody listens
        index = f"http://127.0.0.1:{nobody.getsockname()[1]}/simple"
        with pytest.raises(Refusal, match=r"no network: 127\.0\.0\.1 cannot be reached .*--offline WHEELS"):
            fitness.check_network(index)
        nobody.listen()
        fitness.check_network(index)
        monkeypatch.setenv("https_proxy", index)  # what lies behind a proxy is asked for there
        fitness.check_network("https://nowhere.invalid/simple")
    fitness.check_network("file:///srv/packages")


def test_the_index_is_the_one_that_pip_would_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setattr(fitness, "PIP_CONFIG", (tmp_path / "pip.conf",))
    assert fitness.find_index() == fitness.PACKAGE_INDEX
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror.test/100%/simple\n")
    assert fitness.find_index() == "https://mirror.test/100%/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.test/simple")
    assert fitness.find_index() == "https://other.test/simple"


def test_a_folder_without_packages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="pip download"):
        fitness.check_wheels(tmp_path)
    (tmp_path / "a.whl").touch()
    fitness.check_wheels(tmp_path)


# --- Versions side by side ---------------------------------------------------------------------------------------


def test_a_version_is_laid_down_completely_and_named_by_what_is_in_it(clone: Path, layout: Layout) -> None:
    folder = release.place(clone, layout)
    assert folder.parent == layout.releases
    assert folder.name.startswith("1.2.3-")
    assert (folder / "models/a.tflite").read_text() == "# models/a.tflite\n"
    assert os.access(folder / "install.sh", os.X_OK)
    assert release.place(clone, layout) == folder
    (clone / "device/conductor.py").write_text("other\n")
    assert release.place(clone, layout) != folder


def test_what_was_spoilt_or_cut_off_is_completed_and_the_environment_stays(clone: Path, layout: Layout) -> None:
    folder = release.place(clone, layout)
    (folder / ".venv").mkdir()
    (folder / "models/a.tflite").write_text("spoilt")
    (folder / "device/conductor.py").unlink()
    (folder / "device/stray.py").touch()
    assert release.place(clone, layout) == folder
    assert release.contents(folder) == release.contents(clone)
    assert (folder / ".venv").is_dir()


def test_the_whole_of_this_program_can_be_placed(layout: Layout) -> None:
    folder = release.place(ROOT, layout)
    for name in (
        "device/__main__.py",
        "models/emotion.tflite",
        "systemd/affetto.service",
        "device/setup/service.sh",
        "pyproject.toml",
        "config.yaml",
    ):
        assert (folder / name).is_file(), name
    assert not list(folder.rglob("__pycache__"))
    assert not (folder / "tests").exists()


def version(clone: Path, layout: Layout, number: str) -> Path:
    (clone / "device/__init__.py").write_text(f'__version__ = "{number}"\n')
    return release.place(clone, layout)


def test_switching_keeps_the_one_before_and_no_more(clone: Path, layout: Layout) -> None:
    one, two, three = (version(clone, layout, number) for number in ("1", "2", "3"))
    assert release.switch(layout, one) is None
    assert release.switch(layout, one) is None
    assert release.switch(layout, two) == one.resolve()
    assert release.switch(layout, three) == two.resolve()
    release.prune(layout)
    assert layout.current.resolve() == three.resolve()
    assert not os.path.isabs(layout.current.readlink())  # so that an image works wherever it is mounted
    assert sorted(path.name for path in layout.releases.iterdir()) == sorted((two.name, three.name))
    release.prune(layout)
    assert len(list(layout.releases.iterdir())) == 2


def test_a_model_of_ones_own_stays(clone: Path, layout: Layout) -> None:
    """It was put there by tools/quantize.py --install, and noted; otherwise the shipped one is laid."""
    first = release.place(clone, layout)
    release.switch(layout, first)
    models = first / "models"
    for name in ("a.tflite", "a.json"):
        (models / name).write_text("mine")
    (models / "own").write_text("a\n")
    assert release.place(clone, layout) == first
    assert (models / "a.tflite").read_text() == "mine"
    (clone / "install.sh").write_text("# newer\n")
    second = release.place(clone, layout)
    assert second != first
    assert {path.name: path.read_text() for path in (second / "models").iterdir()} == {
        "a.tflite": "mine", "a.json": "mine", "own": "a\n"
    }  # fmt: skip
    (models / "own").unlink()
    release.place(clone, layout)
    assert [path.name for path in (second / "models").iterdir()] == ["a.tflite"]
    assert (second / "models/a.tflite").read_text() == "# models/a.tflite\n"


def test_the_link_is_never_missing(clone: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut right before the rename leaves the old one."""
    one, two = version(clone, layout, "1"), version(clone, layout, "2")
    release.switch(layout, one)

    def cut(_self: Path, _target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(Path, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            release.link(layout.current, two)
    assert layout.current.resolve() == one.resolve()
    release.switch(layout, two)
    assert layout.current.resolve() == two.resolve()


def test_units_are_links_through_the_version_that_counts(clone: Path, layout: Layout) -> None:
    (clone / "systemd/affetto-old.service").touch()
    one = version(clone, layout, "1")
    (clone / "systemd/affetto-old.service").unlink()
    (clone / "systemd/affetto-new.service").touch()
    two = version(clone, layout, "2")
    for folder in (one, two):
        release.switch(layout, folder)
        machine.connect(layout, folder)
        machine.enable(layout)
        machine.tidy(layout)
    names = {path.name for path in layout.units.glob("*.*") if path.is_symlink()}
    assert names == {"affetto.service", "affetto.target", "affetto-new.service"}
    assert str((layout.units / "affetto.service").readlink()) == "/opt/affetto/current/systemd/affetto.service"
    assert (layout.units / "multi-user.target.wants/affetto.target").is_symlink()
    assert layout.rules.read_text() == "# systemd/80-affetto.rules\n"


def test_removing_leaves_configuration_data_and_what_is_not_ours(clone: Path, layout: Layout) -> None:
    folder = version(clone, layout, "1")
    release.switch(layout, folder)
    machine.connect(layout, folder)
    machine.enable(layout)
    for path in (layout.config, layout.data / "state.db", layout.music / "a.mp3", layout.units / "other.service"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    machine.remove(layout)
    left = {str(path.relative_to(layout.root)) for path in layout.root.rglob("*") if not path.is_dir()}
    kept = {"etc/affetto/config.yaml", "srv/music/a.mp3", "etc/systemd/system/other.service"}
    assert left == kept | {"var/lib/affetto/state.db"}
    machine.remove(layout)  # again without harm
    machine.purge(layout)
    left = {str(path.relative_to(layout.root)) for path in layout.root.rglob("*") if not path.is_dir()}
    assert left == {"srv/music/a.mp3", "etc/systemd/system/other.service"}


def test_a_command_of_somebody_else_is_left(layout: Layout) -> None:
    layout.command.parent.mkdir(parents=True)
    layout.command.write_text("mine")
    machine.remove(layout)
    assert layout.command.read_text() == "mine"


def test_the_installed_configuration_is_the_shipped_one_with_drives() -> None:
    """Both sides of the replacement are found in config.yaml as it is."""
    text = (ROOT / "config.yaml").read_text()
    assert text.count(machine.DRIVES[0]) == 1


# --- The trial ---------------------------------------------------------------------------------------------------


def says(*states: State) -> Iterator[State]:
    yield from states
    while True:
        yield states[-1]


UP, STARTING = State("active", 0, 7), State("activating", 0, 7)


@pytest.mark.parametrize(
    ("states", "problem"),
    [
        ([STARTING, STARTING, UP], ""),
        ([UP], ""),
        ([STARTING], "was not ready within 0 s"),
        ([State("failed", 0, 0)], "has failed"),
        ([STARTING, State("activating", 3, 0)], "stops again and again"),
        ([State("activating", 3, 0), State("active", 3, 7)], ""),  # counted when the version before was tried
        ([State("activating", 3, 0), STARTING, State("activating", 3, 0)], "stops again and again"),
        ([UP, State("active", 1, 8), State("activating", 2, 0), State("active", 3, 9)], "stops again and again"),
    ],
)
def test_a_version_has_to_come_up_and_stay_up(states: list[State], problem: str) -> None:
    answers = says(*states)
    found = trial.wait(lambda: next(answers), ready_s=0.2, settle_s=0.1, poll_s=0.01)
    assert problem in found
    assert bool(found) is bool(problem)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (None, {}, ""),
        (None, {"sound": "no card"}, ""),  # the first version: the machine is not set up yet
        ({"sound": "no card"}, {"sound": "no card"}, ""),
        ({"sound": "no card"}, {}, ""),
        ({"sound": "no card"}, {"sound": "no card", "models": "damaged"}, "models: damaged"),
        ({}, {"running": "There is no music yet."}, ""),  # it has just started
        ({}, None, "`affetto check` does not work"),
        (None, None, "`affetto check` does not work"),
    ],
)
def test_only_what_is_newly_broken_counts(
    before: dict[str, str] | None, after: dict[str, str] | None, problem: str
) -> None:
    assert trial.verdict(before, after) == problem


class Stage:
    """systemd and the doctor, played: which versions come up, and what is found wrong in them."""

    def __init__(self, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout, self.broken, self.found = layout, set[str](), dict[str, dict[str, str]]()
        self.started: list[str] = []
        monkeypatch.setattr(Layout, "systemd_runs", True)
        monkeypatch.setattr(trial, "state", lambda: State("active", 0, 7) if self.started else State("", 0, 0))
        monkeypatch.setattr(trial, "start", self.start)
        monkeypatch.setattr(trial, "problems", lambda _layout: self.found.get(self.counts) if self.counts else None)
        for name in ("make_user", "make_folders", "reload"):
            monkeypatch.setattr(machine, name, lambda *_: None)
        monkeypatch.setattr(machine, "last_words", lambda: ["the last line"])

    @property
    def counts(self) -> str:
        return self.layout.current.resolve().name if self.layout.current.is_symlink() else ""

    def start(self, _layout: Layout, *, anew: bool) -> str:
        if anew:
            self.started.append(self.counts)
        return "it crashes" if self.counts in self.broken else ""

    def install(self, folder: Path) -> int:
        self.found.setdefault(folder.name, {})
        (folder / ".venv/bin").mkdir(parents=True, exist_ok=True)
        if not (folder / ".venv/bin/python").exists():
            (folder / ".venv/bin/python").symlink_to("/bin/true")
        return jobs.start(jobs.parser().parse_args(["start", str(folder)]), self.layout)


@pytest.fixture
def stage(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(layout, monkeypatch)


def test_an_upgrade_that_is_well_stays(stage: Stage, clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = version(clone, stage.layout, "1")
    assert [stage.install(one), stage.install(one)] == [0, 0]
    two = version(clone, stage.layout, "2")
    assert stage.install(two) == 0
    assert stage.started == [one.name, two.name]  # the second time nothing was started anew
    assert "Next steps" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["crashes", "is found wrong"])
def test_an_upgrade_that_is_not_well_is_taken_back(
    stage: Stage, clone: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    one = version(clone, stage.layout, "1")
    assert stage.install(one) == 0
    two = version(clone, stage.layout, "2")
    if way == "crashes":
        stage.broken.add(two.name)
    else:
        stage.found[two.name] = {"models": "damaged"}
    assert stage.install(two) == 1
    assert stage.counts == one.name
    assert stage.started == [one.name, two.name, one.name]
    told = capsys.readouterr().out
    assert f"Returned to Affetto {one.name}, which is running." in told
    assert ("it crashes" if way == "crashes" else "models: damaged") in told
    assert "the last line" in told


def test_a_first_version_that_does_not_come_up_says_why_and_stays(
    stage: Stage, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = version(clone, stage.layout, "1")
    stage.broken.add(one.name)
    assert stage.install(one) == 1
    assert stage.counts == one.name
    assert "run this command again" in capsys.readouterr().out


def test_without_systemd_running_it_starts_at_the_next_boot(
    stage: Stage, clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Layout, "systemd_runs", False)
    assert stage.install(version(clone, stage.layout, "1")) == 0
    assert stage.started == []
    assert (stage.layout.units / "multi-user.target.wants/affetto.target").is_symlink()
    assert "starts at the next boot" in capsys.readouterr().out


def test_a_trial_is_noted_until_it_is_over(stage: Stage, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stage.install(version(clone, stage.layout, "1")) == 0
    assert stage.install(version(clone, stage.layout, "2")) == 0
    assert not stage.layout.trial.exists()
    three = version(clone, stage.layout, "3")
    stage.broken.add(three.name)
    assert stage.install(three) == 1
    assert not stage.layout.trial.exists()

    def cut(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(trial, "start", cut)
    with pytest.raises(KeyboardInterrupt):
        stage.install(version(clone, stage.layout, "4"))
    assert stage.layout.trial.read_bytes() == Path("/proc/sys/kernel/random/boot_id").read_bytes()


@pytest.mark.parametrize(("boot", "counts"), [("a", "two"), ("b", "one")])
def test_a_trial_that_the_power_ended_goes_back_at_the_next_start(tmp_path: Path, boot: str, counts: str) -> None:
    for name in ("one", "two"):
        (tmp_path / "releases" / name / "systemd").mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/two")
    (tmp_path / "previous").symlink_to("releases/one")
    (tmp_path / "trial").write_text("a\n")
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n')
    (tmp_path / "systemctl").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "AFFETTO_HOME": str(tmp_path), "AFFETTO_BOOT": boot}
    done = subprocess.run([SYSTEMD / "end-trial"], env=env, capture_output=True, text=True, check=True)
    assert (tmp_path / "current").readlink() == Path("releases") / counts
    assert (tmp_path / "trial").exists() == (boot == "a")
    assert ("going back to one" in done.stdout) == (tmp_path / "asked").exists() == (boot == "b")
    subprocess.run([SYSTEMD / "end-trial"], env=env, check=True)
    assert (tmp_path / "current").readlink() == Path("releases") / counts


# --- The other scripts of systemd/ ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("MUSIC", "MUSIC"),
        ("My Songs", "My Songs"),
        ("../../etc", "_._.._etc"),
        ("..", "_."),
        (".", "_"),
        ("/", "_"),
        ("a/b", "a_b"),
        ("-rf", "_rf"),
        ("$(reboot)`x`;'\"", "$(reboot)`x`;'\""),
        ("two\nlines\x07\x7f", "two_lines__"),
        ("", "sda1"),
        ("   ", "sda1"),
        ("Müsik", "Müsik"),
        ("x" * 500, "x" * 60),
    ],
)
def test_a_label_names_a_folder_and_nothing_else(label: str, name: str) -> None:
    done = subprocess.run([SYSTEMD / "music-drive", "name", label, "sda1"], capture_output=True, text=True, check=True)
    found = done.stdout.removesuffix("\n")
    assert found == name
    assert found not in ("", ".", "..")
    assert "/" not in found


class Board:
    """hardware-watchdog with a systemd that only writes down what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.data, self._bin, self._asked = folder / "data", folder / "bin", folder / "asked"
        self.data.mkdir()
        self._bin.mkdir()
        (self._bin / "busctl").write_text(f'#!/bin/sh\necho "$7" >>{self._asked}\n')
        (self._bin / "busctl").chmod(0o755)

    def start(self, lasting_s: str = "60", cut: bool = True) -> tuple[str, str]:
        """A start that the power is cut off from after the watchdog was set, or that lasts: what was said, and the
        period in microseconds that systemd got."""
        self._asked.unlink(missing_ok=True)
        env = {
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "STATE_DIRECTORY": str(self.data),
            "AFFETTO_WATCHDOG_LASTING_S": lasting_s,
        }
        process = subprocess.Popen(
            [SYSTEMD / "hardware-watchdog"], env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert process.stdout is not None
        words = process.stdout.readline()
        if cut:
            while not self._asked.exists() or not self._asked.read_text():
                assert process.poll() is None
            os.killpg(process.pid, 9)
        process.wait(20)
        process.stdout.close()
        return words, self._asked.read_text().strip()


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def test_the_watchdog_is_given_up_after_five_starts_that_did_not_last(board: Board) -> None:
    assert [board.start()[1] for _ in range(7)] == ["15000000"] * 5 + ["0", "0"]
    assert board.start(lasting_s="0", cut=False)[1] == "0"  # this one lasts
    assert board.start()[1] == "15000000"


def test_a_count_that_is_damaged_is_begun_anew(board: Board) -> None:
    (board.data / "starts").write_bytes(b"\0\0\0")
    assert board.start()[1] == "15000000"
    assert (board.data / "starts").read_text() == "1\n"


def test_a_card_that_cannot_be_written_is_not_started_anew(board: Board) -> None:
    shutil.rmtree(board.data)
    words, period = board.start()
    assert period == "0"
    assert "cannot be written" in words


DRIVE = """
set -eu
mount -t tmpfs tmpfs "$TOP"
dd if=/dev/zero of="$TOP/image" bs=1M count=8 status=none
mkfs.ext4 -q -L "$LABEL" "$TOP/image"
device=$(losetup -f --show "$TOP/image")
trap 'losetup -d $device' EXIT
export AFFETTO_DRIVES="$TOP/media"
"$SCRIPT" mount $device
"$SCRIPT" mount $device # once is enough
findmnt -n -o TARGET,OPTIONS -S $device
"$SCRIPT" unmount $device
ls -A "$AFFETTO_DRIVES"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_a_drive_is_mounted_read_only_below_its_folder_and_leaves_nothing(tmp_path: Path) -> None:
    if not Path("/dev/loop-control").exists() or shutil.which("mkfs.ext4") is None:
        pytest.skip("there are no loop devices, or there is no mkfs.ext4")
    env = {
        "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
        "TOP": str(tmp_path),
        "LABEL": "../../etc",
        "SCRIPT": str(SYSTEMD / "music-drive"),
    }
    done = subprocess.run(["unshare", "-m", "sh", "-c", DRIVE], env=env, capture_output=True, text=True)
    if "losetup: " in done.stderr or "unshare: " in done.stderr:
        pytest.skip(f"this machine does not let us ({done.stderr.strip()})")
    assert done.returncode == 0, done.stderr
    said, mounted = done.stdout.splitlines()
    folder = f"{tmp_path}/media/_._.._etc"
    assert said.endswith(f" is at {folder}.")
    assert mounted.startswith(f"{folder} ")
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(mounted.split()[1].split(","))
