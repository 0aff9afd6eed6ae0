"""install.sh on machines that do not exist: a stub stands for every tool that could change something, and records its
arguments. `.ci/run` runs it on a real Debian."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Tools that only look, or that only write where the test lets them.
REAL = (
    *("bash", "env", "dirname", "cat", "tr", "grep", "awk", "tail", "sed", "sleep", "mktemp"),
    *("chmod", "rm", "sha256sum", "tee", "mkdir"),
)
PYTHON = """
case "$*" in
    *libvlc*) exit ${NO_LIBVLC:-0} ;;
    *"sys.exit"*) exit ${OLD_PYTHON:-0} ;;
    *ensurepip*) exit ${NO_VENV:-0} ;;
    --version | -VV) echo "Python ${PYTHON_VERSION:-3.13.5}" ;;
    "-m venv"*)
        rm -rf "${@: -1}"
        mkdir -p "${@: -1}/bin"
        cp_stub() { cat "$STUBS/$1" >"$2"; chmod 755 "$2"; }
        cp_stub python3 "${@: -1}/bin/python"
        cp_stub affetto "${@: -1}/bin/affetto" ;;
    "-m pip"*) exit ${PIP_STATUS:-0} ;;
    "-m pytest"*) exit ${JOB_STATUS:-0} ;;
    *) exit 99 ;;
esac
"""
STUBS = {
    "python3": PYTHON,
    "affetto": "exit ${JOB_STATUS:-0}",
    "apt-get": "exit ${APT_STATUS:-0}",
    "apt-cache": 'printf "python3:\\n  Candidate: ${APT_PYTHON:-3.13.5-1}\\n"',
    "dpkg": 'case $1 in --print-architecture) echo ${ARCH:-amd64} ;; *) shift; [ "$1" \\> 3.11 ] ;; esac',
    "dpkg-query": 'case " ${MISSING:-} " in *" ${@: -1} "*) exit 1 ;; *) printf installed ;; esac',
    "df": 'printf "Filesystem 1024-blocks Used Available\\n/dev/x 9 9 %s\\n" "${FREE_KB:-90000000}"',
    "id": "echo ${USER_ID:-1000}",
    "sudo": "exit ${SUDO_STATUS:-0}",
    "systemctl": "exit 0",
}


class Machine:
    """A clone of install.sh with a PATH of stubs. `calls` is every line that a stub was called with."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "clone with spaces"
        self.bin = folder / "bin"
        self._calls = folder / "calls"
        self._temporary = folder / "tmp"
        for made in (self.clone, self.bin, self._temporary):
            made.mkdir()
        for name in ("install.sh", "pyproject.toml"):
            shutil.copy(ROOT / name, self.clone)
        for tool in REAL:
            (self.bin / tool).symlink_to(shutil.which(tool) or pytest.skip(f"{tool} is not installed"))
        for name, body in STUBS.items():
            self.put(name, f'#!{self.bin}/bash\necho "{name} $*" >>"$CALLS"\n{body}\n')

    def put(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def remove(self, name: str) -> None:
        (self.bin / name).unlink()

    def run(self, *arguments: str, **situation: str) -> subprocess.CompletedProcess[str]:
        self._calls.write_text("")
        env = {
            "PATH": str(self.bin),
            "CALLS": str(self._calls),
            "STUBS": str(self.bin),
            "TMPDIR": str(self._temporary),
            **situation,
        }
        script = str(self.clone / "install.sh")
        return subprocess.run(
            [script, *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines()

    def called(self, *words: str) -> list[str]:
        return [call for call in self.calls if all(word in call for word in words)]

    @property
    def changed(self) -> bool:
        """Whether anything was changed, or tried to be."""
        return bool(self.called("sudo env") or self.called("apt-get") or (self.clone / ".venv").exists())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(("arguments", "status"), [((), 2), (("--help",), 0), (("-h",), 0)])
def test_help_teaches_and_does_nothing(machine: Machine, arguments: tuple[str, ...], status: int) -> None:
    done = machine.run(*arguments)
    assert done.returncode == status
    assert all(word in done.stdout for word in ("--demo", "--test", "--seconds", ".venv", "Debian 12"))
    assert machine.calls == []


def test_an_unknown_job_is_named(machine: Machine) -> None:
    done = machine.run("--tset")
    assert done.returncode == 2
    assert "--tset is not one of" in done.stderr
    assert machine.calls == []


@pytest.mark.parametrize(
    ("situation", "sentence"),
    [
        ({"ARCH": "armhf"}, "64-bit edition of Raspberry Pi OS"),
        ({"ARCH": "i386"}, "needs a 64-bit one"),
        ({"OLD_PYTHON": "1", "PYTHON_VERSION": "3.9.2"}, "this machine has Python 3.9.2"),
        ({"FREE_KB": "800000"}, "has 781 MB free"),
        ({"MISSING": "libvlc5", "SUDO_STATUS": "1"}, "sudo did not let us install libvlc5"),
    ],
)
@pytest.mark.parametrize("job", ["--demo", "--test"])
def test_what_cannot_work_is_refused_before_anything_changes(
    machine: Machine, job: str, situation: dict[str, str], sentence: str
) -> None:
    done = machine.run(job, **situation)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert not machine.changed


def test_a_system_without_apt_is_refused(machine: Machine) -> None:
    machine.remove("apt-get")
    done = machine.run("--demo")
    assert done.returncode == 1
    assert "there is no apt-get" in done.stderr
    assert not machine.changed


def test_a_libvlc_that_lost_its_files_is_installed_again(machine: Machine) -> None:
    """dpkg says that it is installed, and it does not load."""
    machine.run("--demo", NO_LIBVLC="1")
    [call] = machine.called("apt-get", "install")
    assert "--reinstall" in call
    assert call.endswith("libvlc5 libvlccore9 libvlc-bin vlc-plugin-base")
    machine.run("--demo")
    assert not machine.called("apt-get", "install")


def test_missing_packages_without_root_and_sudo_are_refused(machine: Machine) -> None:
    machine.remove("sudo")
    done = machine.run("--demo", MISSING="mosquitto")
    assert done.returncode == 1
    assert "installing mosquitto needs root, and there is no sudo" in done.stderr
    assert not machine.changed


def test_a_debian_whose_python_is_too_old_is_refused_before_it_is_installed(machine: Machine) -> None:
    machine.remove("python3")
    done = machine.run("--demo", MISSING="python3 python3-venv", APT_PYTHON="3.09.2-3")
    assert done.returncode == 1
    assert "apt offers 3.09.2-3" in done.stderr
    assert machine.called("apt-get", "install") == []


def test_without_network_apt_fails_with_a_sentence(machine: Machine) -> None:
    # as root the stub of apt-get itself is asked, and mosquitto is not among the missing ones
    done = machine.run("--demo", USER_ID="0", MISSING="libvlc5", APT_STATUS="100")
    assert done.returncode == 1
    assert "connect this machine and run this again" in done.stderr
    assert not (machine.clone / ".venv").exists()


def test_without_network_pip_fails_with_a_sentence_and_is_tried_again(machine: Machine) -> None:
    done = machine.run("--demo", PIP_STATUS="1")
    assert done.returncode == 1
    assert "reaches the Python package index" in done.stderr
    assert machine.run("--demo").returncode == 0
    assert machine.called("-m pip install")


def test_only_missing_packages_are_installed_and_a_new_broker_stays_off(machine: Machine) -> None:
    done = machine.run("--demo", MISSING="mosquitto python3-picamera2")
    assert done.returncode == 0, done.stderr
    (install,) = machine.called("apt-get", " install ")
    assert install.endswith("--no-install-recommends mosquitto")
    assert machine.called("sudo systemctl disable", "mosquitto.service")
    assert "mosquitto is installed, and its service is off" in done.stdout


def test_the_services_of_new_packages_do_not_start(machine: Machine) -> None:
    done = machine.run("--demo", MISSING="snapserver snapclient")
    assert done.returncode == 0, done.stderr
    for name in ("snapserver", "snapclient"):
        assert machine.called("systemctl disable", f"{name}.service")
        assert f"{name} is installed, and its service is off" in done.stdout
    assert not machine.called("systemctl", "mosquitto")


@pytest.mark.parametrize(
    ("service", "status"),
    [("snapclient", 101), ("snapserver.service", 101), ("mosquitto", 0), ("rpcbind.socket", 101), ("rpc-statd", 0)],
)
def test_the_policy_refuses_the_services_of_new_packages_and_no_others(
    tmp_path: Path, service: str, status: int
) -> None:
    """invoke-rc.d and deb-systemd-invoke call it as `policy-rc.d SERVICE start`."""
    lines = (ROOT / "install.sh").read_text()
    part = lines[lines.index("own_services=(") : lines.index("release_services()")]
    script = f'{part}\nas_root() {{ "$@"; }}\ninstalled() {{ false; }}\npolicy={tmp_path}/policy\n'
    script += "packages=(libvlc5 snapserver snapclient nfs-common)\n"
    subprocess.run(["bash", "-euc", f"{script}hold_services"], check=True)
    assert subprocess.run([tmp_path / "policy", service, "start"]).returncode == status


def test_a_broker_that_was_there_before_is_left_alone(machine: Machine) -> None:
    machine.run("--demo", MISSING="libvlc5 python3-picamera2")
    assert machine.called("apt-get", " install ")
    assert machine.called("systemctl") == []


@pytest.mark.parametrize(("job", "call"), [("--demo", "affetto demo"), ("--test", "python3 -m pytest")])
@pytest.mark.parametrize("status", [0, 5])
def test_options_go_to_the_job_and_its_exit_code_comes_back(
    machine: Machine, job: str, call: str, status: int
) -> None:
    done = machine.run(job, "--seconds", "6 0", JOB_STATUS=str(status))
    assert done.returncode == status
    assert machine.calls[-1] == f"{call} --seconds 6 0"


def test_the_second_time_nothing_is_set_up(machine: Machine) -> None:
    assert machine.run("--demo").returncode == 0
    assert machine.called("-m venv")
    assert machine.called("-m pip install")
    assert machine.run("--demo").returncode == 0
    assert not machine.called("-m venv")
    assert not machine.called("-m pip")
    assert not machine.called("apt-get")


def test_the_tests_get_their_own_packages(machine: Machine) -> None:
    machine.run("--demo")
    assert not machine.called("[test]")
    machine.run("--test")
    assert machine.called("-m pip install", "[test]")


def test_changed_dependencies_are_installed(machine: Machine) -> None:
    machine.run("--demo")
    with (machine.clone / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    machine.run("--demo")
    assert machine.called("-m pip install")
    assert not machine.called("-m venv")


def test_another_python_gets_another_environment(machine: Machine) -> None:
    machine.run("--demo")
    machine.run("--demo", PYTHON_VERSION="3.14.0")
    assert machine.called("-m venv")
    assert machine.called("-m pip install")


def test_apts_camera_is_seen_only_where_it_is_installed(machine: Machine) -> None:
    machine.run("--demo", MISSING="python3-picamera2")
    assert machine.called("-m venv")
    assert not machine.called("--system-site-packages")
    machine.run("--demo")
    assert machine.called("-m venv", "--system-site-packages")
