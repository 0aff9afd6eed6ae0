"""The jobs of install.sh that are about the service, on machines that are not there (see test_install.py): in which
order things are looked at and changed, and what is refused before that."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.test_install import REAL, ROOT, Machine

PYTHON = """
case "$*" in
    *"device.setup examine"*) exit ${UNFIT:-0} ;;
    *"device.setup place" | *"device.setup where") echo "$RELEASE" ;;
    *"device.setup start"*) exit ${JOB_STATUS:-0} ;;
    *"device.setup "*) exit ${JOB_STATUS:-0} ;;
    *) exec "$STUBS/python3-plain" "$@" ;;
esac
"""
ROOT_USER = {"USER_ID": "0", "MISSING": "mosquitto"}


class Appliance(Machine):
    """A machine with the service's part of the clone, too. `release` is where device.setup says that versions lie."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.release = folder / "opt" / "1.0-abc"
        self.release.mkdir(parents=True)
        shutil.copy(ROOT / "pyproject.toml", self.release)
        (self.clone / "device/setup").mkdir(parents=True)
        shutil.copy(ROOT / "device/setup/service.sh", self.clone / "device/setup")
        for tool in ("flock", "head", "cp"):
            if tool not in REAL:
                (self.bin / tool).symlink_to(shutil.which(tool) or pytest.skip(f"{tool} is not installed"))
        (self.bin / "python3").rename(self.bin / "python3-plain")
        self.put("python3", f'#!{self.bin}/bash\necho "python3 $*" >>"$CALLS"\n{PYTHON}\n')

    def run(self, *arguments: str, **situation: str):  # type: ignore[no-untyped-def]
        return super().run(*arguments, **({"RELEASE": str(self.release)} | ROOT_USER | situation))

    def place_of(self, *words: str) -> int:
        """At which place of all calls the first is with these words."""
        return self.calls.index(self.called(*words)[0])

    @property
    def changed(self) -> bool:
        """Whether anything was changed, or tried to be; asking apt where its lists come from is no change."""
        return bool(
            self.called("device.setup place")
            or self.called("device.setup start")
            or self.called("-m venv")
            or [call for call in self.called("apt-get") if "indextargets" not in call]
        )


@pytest.fixture
def appliance(tmp_path: Path) -> Appliance:
    return Appliance(tmp_path)


@pytest.mark.parametrize("job", ["--install", "--upgrade"])
def test_first_look_then_packages_then_the_version_then_its_start(appliance: Appliance, job: str) -> None:
    done = appliance.run(job, MISSING="libvlc5 mosquitto")
    assert done.returncode == 0, done.stdout + done.stderr
    order = [
        appliance.place_of("device.setup examine"),
        appliance.place_of("apt-get", "install"),
        appliance.place_of("device.setup place"),
        appliance.place_of("-m venv", str(appliance.release)),
        appliance.place_of("-m pip install", f"-e {appliance.release}"),
        appliance.place_of(f"device.setup start {appliance.release}"),
    ]
    assert order == sorted(order)
    assert bool(appliance.called("examine --upgrade")) is (job == "--upgrade")
    assert not (appliance.clone / ".venv").exists()
    assert not appliance.called("apt-get", "mosquitto")  # the broker may be anywhere


def test_the_second_time_only_the_start_is_left(appliance: Appliance) -> None:
    assert appliance.run("--install").returncode == 0
    assert appliance.run("--install", FREE_KB="1000").returncode == 0  # it is there: no room is needed
    assert not appliance.called("-m venv")
    assert not appliance.called("-m pip")
    assert not appliance.called("apt-get")
    assert appliance.called("device.setup start")


def test_what_the_start_says_is_what_comes_back(appliance: Appliance) -> None:
    assert appliance.run("--install", JOB_STATUS="1").returncode == 1


@pytest.mark.parametrize(
    ("situation", "sentence"),
    [
        ({"ARCH": "armhf"}, "64-bit edition of Raspberry Pi OS"),
        ({"OLD_PYTHON": "1", "PYTHON_VERSION": "3.9.2"}, "this machine has Python 3.9.2"),
        ({"FREE_KB": "800000"}, "/opt has 781 MB free"),
        ({"UNFIT": "1"}, ""),  # an unknown board, no network: device/setup says it
        ({"USER_ID": "1000"}, "sudo ./install.sh --install"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_changes(
    appliance: Appliance, situation: dict[str, str], sentence: str
) -> None:
    done = appliance.run("--install", MISSING="libvlc5", **{k: v for k, v in situation.items() if k != "MISSING"})
    assert done.returncode == 1
    assert sentence in done.stderr
    assert not appliance.changed


def test_a_system_without_systemd_is_refused(appliance: Appliance) -> None:
    appliance.remove("systemctl")
    done = appliance.run("--install", MISSING="libvlc5")
    assert done.returncode == 1
    assert "this system has no systemd" in done.stderr
    assert not appliance.changed


def test_missing_packages_offline_are_named_before_anything_changes(appliance: Appliance, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    done = appliance.run("--install", "--offline", str(tmp_path / "wheels"), MISSING="libvlc5")
    assert done.returncode == 1
    assert "these Debian packages are missing: libvlc5" in done.stderr
    assert not appliance.changed


def test_offline_everything_comes_from_the_folder(appliance: Appliance, tmp_path: Path) -> None:
    wheels = tmp_path / "my wheels"
    wheels.mkdir()
    (wheels / "libvlc5_3.deb").touch()
    done = appliance.run("--install", "--offline", str(wheels), "--any-board", MISSING="libvlc5 mosquitto")
    assert done.returncode == 0, done.stdout + done.stderr
    assert appliance.called("device.setup examine", "--any-board", f"--offline {wheels}")
    assert appliance.called("apt-get", "Dir::Etc::SourceList=/dev/null", "libvlc5_3.deb")
    assert not appliance.called("apt-get", "--no-download"), "apt 3 then cannot find the packages"
    assert not appliance.called("apt-get", "update")
    assert appliance.called("-m pip install", f"--no-index --find-links {wheels}")


def test_offline_needs_a_folder(appliance: Appliance) -> None:
    done = appliance.run("--install", "--offline", "/nowhere")
    assert done.returncode == 1
    assert "/nowhere is none" in done.stderr
    done = appliance.run("--install", "--fast")
    assert "--fast is not one of" in done.stderr
    assert not appliance.changed


def test_a_machine_without_python_is_judged_when_it_has_one(appliance: Appliance) -> None:
    """Its board and network are looked at right after python3 came, still before anything of ours is there."""
    (appliance.bin / "python3").rename(appliance.bin / "later")
    stub = (appliance.bin / "apt-get").read_text()
    appliance.put(
        "apt-get",
        stub.replace("exit ${APT", 'case "$*" in *install*) cp "$STUBS/later" "$STUBS/python3" ;; esac\nexit ${APT'),
    )
    done = appliance.run("--install", MISSING="python3 python3-venv mosquitto", UNFIT="1")
    assert done.returncode == 1
    assert appliance.place_of("apt-get", "install") < appliance.place_of("device.setup examine")
    assert not appliance.called("device.setup place")


@pytest.mark.parametrize("user", ["0", "1000"])
def test_check_takes_nobody_in_particular_and_changes_nothing(appliance: Appliance, user: str) -> None:
    done = appliance.run("--check", USER_ID=user, JOB_STATUS="1")
    assert done.returncode == 1
    assert appliance.called("device.setup check")
    assert not appliance.changed


def test_uninstalling_takes_root(appliance: Appliance) -> None:
    done = appliance.run("--uninstall", USER_ID="1000")
    assert done.returncode == 1
    assert "sudo ./install.sh --uninstall" in done.stderr
    assert not appliance.called("device.setup uninstall")
    assert appliance.run("--uninstall", "--purge").returncode == 0
    assert appliance.called("device.setup uninstall --purge")
