"""tools/build_image.py on stand-ins for images of Raspberry Pi OS (card.py): what it refuses, and what it makes.

Packages are not fetched here but named, for the network is somebody else's. test_image_whole.py builds for real, and
tools/vm boots what came out.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]
os.environ["PATH"] += ":/usr/sbin:/sbin"

import build_image  # noqa: E402

from device.setup import release  # noqa: E402
from tests import card  # noqa: E402
from tools.image import debian, debs, payload, source, system, table, wheels  # noqa: E402
from tools.image.ext4 import Laid, Plan, Root  # noqa: E402
from tools.image.fat import Boot  # noqa: E402
from tools.image.steps import Refusal  # noqa: E402

MISSING = [
    name for name in ("debugfs", "resize2fs", "mke2fs", "mkfs.vfat", "mcopy", "apt-get") if not shutil.which(name)
]
with_tools = pytest.mark.skipif(bool(MISSING), reason=f"without {', '.join(MISSING)} there are no images")
MIB, ROOM = 2**20, build_image.INSTALL_ROOM


# --- The partition table ----------------------------------------------------------------------------------------


def test_a_table_is_read_as_it_was_made() -> None:
    found = table.read(table.make(256 * MIB, 900 * MIB, b"abcd"), 2**40)
    assert (found.boot.start, found.boot.size) == (4 * MIB, 256 * MIB)
    assert (found.root.start, found.root.size) == (260 * MIB, 900 * MIB)


def test_growing_changes_nothing_but_the_last_partition(tmp_path: Path) -> None:
    path = tmp_path / "table"
    before = table.make(256 * MIB, 900 * MIB, b"abcd")
    path.write_bytes(before)
    table.grow(path, table.read(before, 2**40), 2000 * MIB)
    after = path.read_bytes()
    assert table.read(after, 2**40).root.size == 2000 * MIB
    assert [i for i in range(512) if before[i] != after[i]] == [i for i in range(474, 478) if before[i] != after[i]]
    assert after[440:444] == b"abcd", "root=PARTUUID= names it"


def entry(kind: int, start: int = 8192, sectors: int = 8192) -> bytes:
    return table.ENTRY.pack(0, b"\0\0\0", kind, b"\0\0\0", start, sectors)


def record(*entries: bytes) -> bytes:
    return (b"\0" * 446 + b"".join(entries)).ljust(510, b"\0") + b"\x55\xaa"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "not the image of a disk"),
        (b"\0" * 512, "not the image of a disk"),
        (record(), "not an image of Raspberry Pi OS"),
        (record(entry(0xEE)), "GPT"),
        (record(entry(0x83)), "not an image of Raspberry Pi OS"),
        (record(entry(0x83), entry(0x0C, 16384)), "not an image of Raspberry Pi OS"),
        (record(entry(0x0C), entry(0x83, 16384), entry(0x83, 24576)), "not an image of Raspberry Pi OS"),
        (record(entry(0x0C), entry(0x83, 8200)), "overlap"),
        (record(entry(0x0C), entry(0x83, 16384, 2**21)), "cut off"),
    ],
)
def test_other_disks_are_refused(head: bytes, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        table.read(head, 64 * MIB)


# --- What is laid into it ---------------------------------------------------------------------------------------


def test_the_root_file_system_is_written_less_often() -> None:
    spared = payload.spare(card.FSTAB)
    assert "ext4    defaults,noatime,commit=60  0       1" in spared
    assert spared.replace(",commit=60", "") == card.FSTAB


@pytest.mark.parametrize(
    "line",
    [
        "LABEL=rootfs / ext4 noatime,commit=5 0 1\n",  # somebody's own
        "LABEL=rootfs / f2fs defaults 0 1\n",
        "# LABEL=rootfs / ext4 defaults 0 1\n",
        "LABEL=data /data ext4 defaults 0 1\n",
    ],
)
def test_other_lines_stay(line: str) -> None:
    assert payload.spare(line) == line


def test_packages_are_those_of_the_installer() -> None:
    installer = (ROOT / "install.sh").read_text()
    line = next(line for line in installer.splitlines() if "local wanted=(" in line)
    assert set(line.partition("(")[2].partition('"$@"')[0].split()) <= set(debs.WANTED)
    service = (ROOT / "device/setup/service.sh").read_text()
    (more,) = (line for line in service.splitlines() if "list_packages" in line)
    assert {"cifs-utils", "nfs-common"} == set(more.partition("#")[0].split()[1:]) <= set(debs.WANTED)
    assert all(f"wanted+=({words})" in installer for words in ("python3 python3-venv", "python3-picamera2"))
    assert "python3-picamera2" in debs.wanted("deb http://archive.raspberrypi.com/debian trixie main")
    assert "python3-picamera2" not in debs.wanted("deb http://deb.debian.org/debian trixie main")


def test_the_first_boot_unit_says_what_it_should() -> None:
    unit = (payload.PARTS / payload.UNIT).read_text()
    assert f"ConditionPathExists=!{system.HERE}/done" in unit
    assert f"ExecStart={system.HERE}/first-boot" in unit
    assert "affetto.service" not in unit, "it starts that itself, and would wait for itself"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
def test_the_first_boot_unit_is_sound(tmp_path: Path) -> None:
    unit = tmp_path / payload.UNIT
    unit.write_text((payload.PARTS / payload.UNIT).read_text().replace(f"{system.HERE}/first-boot", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert payload.UNIT not in done.stderr


# --- The first boot ---------------------------------------------------------------------------------------------


@pytest.fixture
def first_boot(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs the script with another install.sh, and with folders of this test instead of the machine's."""
    here = tmp_path / "image"
    for folder in ("image/clone", "image/wheels", "boot", "opt/releases/1/.venv"):
        (tmp_path / folder).mkdir(parents=True)
    text = (payload.PARTS / "first-boot").read_text()
    text = text.replace("boot=/boot/firmware", f"boot={tmp_path}/boot").replace("/opt/affetto/", f"{tmp_path}/opt/")
    (here / "first-boot").write_text(text.replace("dpkg --configure", "echo dpkg --configure"))

    def run(installer: str) -> subprocess.CompletedProcess[str]:
        (here / "clone/install.sh").write_text(f"#!/bin/bash\n{installer}\n")
        (here / "clone/install.sh").chmod(0o755)
        return subprocess.run(["bash", here / "first-boot"], capture_output=True, text=True, timeout=30)

    return run


def states(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "image").iterdir()} & {"begun", "done"}


def test_a_first_boot_that_works_is_done(first_boot, tmp_path: Path) -> None:
    done = first_boot('echo "$@"; test -e ../image/begun || test -e "${0%/clone/*}/begun"')
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == f"--install --offline {tmp_path}/image/wheels"
    assert states(tmp_path) == {"done"}
    assert list((tmp_path / "boot").iterdir()) == []


def test_a_first_boot_that_fails_says_so_on_the_boot_partition(first_boot, tmp_path: Path) -> None:
    assert first_boot("echo the disk is full; exit 3").returncode == 1
    assert states(tmp_path) == set()
    note = tmp_path / "boot/affetto-first-boot.txt"
    assert note.read_bytes() == b"the disk is full\r\n"
    assert first_boot("true").returncode == 0
    assert not note.exists()


def test_a_first_boot_that_was_cut_off_begins_again(first_boot, tmp_path: Path) -> None:
    venv = tmp_path / "opt/releases/1/.venv"
    first_boot("kill -9 $PPID")
    (tmp_path / "image/begun").touch()  # the shell may have lived long enough to take it away
    again = first_boot(f"test ! -e {venv} && echo clean")
    assert "dpkg --configure -a" in again.stdout
    assert "clean" in again.stdout
    assert states(tmp_path) == {"done"}


def test_a_version_that_counts_already_is_kept(first_boot, tmp_path: Path) -> None:
    (tmp_path / "opt/current").symlink_to("releases/1")
    (tmp_path / "image/begun").touch()
    assert first_boot("true").returncode == 0
    assert (tmp_path / "opt/releases/1/.venv").exists()


# --- Packages ---------------------------------------------------------------------------------------------------


def wheel(folder: Path, name: str, version: str = "1", tag: str = "py3-none-any", needs: tuple[str, ...] = ()) -> None:
    about = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {n}" for n in needs)]
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as file:
        file.writestr(f"{about}/METADATA", "\n".join(lines) + "\n")
        file.writestr(f"{about}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n")
        file.writestr(f"{about}/RECORD", "")


def test_conditions_are_the_devices(tmp_path: Path) -> None:
    database, out = tmp_path / "database", tmp_path / "out"
    database.mkdir()
    wheel(database, "top", needs=("arm; platform_machine=='aarch64'", "intel; platform_machine=='x86_64'"))
    wheel(database, "arm", tag="cp313-cp313-manylinux_2_28_aarch64", needs=("fresh; python_version>='3.13'",))
    wheel(database, "arm", tag="cp311-cp311-manylinux_2_28_aarch64")
    wheel(database, "arm", "2", tag="cp313-cp313-manylinux_2_99_aarch64")  # for a newer Debian
    wheel(database, "fresh")
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(database), "PIP_CONFIG_FILE": os.devnull}
    for suite, names in (("trixie", "arm-1-cp313 fresh-1-py3 top-1-py3"), ("bookworm", "arm-1-cp311 top-1-py3")):
        here = system.System(suite, True, "")
        command = wheels.command(["top; python_version<'4'", "never; sys_platform=='win32'"], here, out / suite)
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert sorted("-".join(path.name.split("-")[:3]) for path in (out / suite).iterdir()) == names.split()


def test_wheels_are_those_of_the_project() -> None:
    wanted = wheels.requirements(ROOT / "pyproject.toml")
    assert any(line.startswith("numpy") for line in wanted)
    assert any(line.startswith("setuptools") for line in wanted), "pip builds on the device, without a network"


def test_no_network_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(Refusal, match="is there a network"):
        wheels.fetch(ROOT, system.System("trixie", True, ""), tmp_path / "out")


def archive(folder: Path, *stanzas: str) -> str:
    """Debian packages with nothing in them, and the line that names them as a source."""
    folder.mkdir()
    index = []
    for stanza in stanzas:
        name = stanza.split()[1]
        tree, deb = folder / "tree" / name, folder / f"{name}_1_arm64.deb"
        (tree / "DEBIAN").mkdir(parents=True)
        control = f"{stanza}\nVersion: 1\nArchitecture: arm64\nMaintainer: nobody\nDescription: nothing\n"
        (tree / "DEBIAN/control").write_text(control)
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, deb], check=True, capture_output=True)
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        index.append(f"{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n")
    (folder / "Packages").write_text("\n".join(index))
    return f"deb [trusted=yes] copy:{folder} ./\n"


@with_tools
@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="without dpkg-deb there are no packages")
def test_packages_are_those_that_the_image_lacks(tmp_path: Path) -> None:
    line = archive(
        tmp_path / "archive.raspberrypi.com",
        "Package: libvlc5\nDepends: libvlccore9",
        "Package: libvlccore9\nDepends: ca-certificates",
        "Package: libvlc-bin",
        "Package: vlc-plugin-base\nRecommends: fonts-of-hundreds-of-megabytes",
        "Package: fonts-of-hundreds-of-megabytes",
        "Package: snapserver",
        "Package: snapclient",
        "Package: cifs-utils",
        "Package: nfs-common\nDepends: rpcbind",
        "Package: rpcbind",
        "Package: python3",
        "Package: python3-venv\nDepends: python3",
        "Package: python3-picamera2",
        "Package: ca-certificates",
        "Package: vlc",
    )
    image, copy = card.make(tmp_path / "raspios.img", extra={"etc/apt/sources.list": line}), tmp_path / "rootfs"
    source.split(image, tmp_path / "rest", copy, table.look(image).root.start)
    root = Root(copy)
    found = debs.fetch(root, system.examine(root), tmp_path / "apt")
    names = {path.name.partition("_")[0] for path in found}
    assert names == {
        *("libvlc5", "libvlccore9", "libvlc-bin", "vlc-plugin-base", "python3", "python3-venv", "python3-picamera2"),
        *("snapserver", "snapclient", "cifs-utils", "nfs-common", "rpcbind"),
    }
    assert all(subprocess.run(["dpkg-deb", "--info", path], capture_output=True).returncode == 0 for path in found)


def test_keys_are_looked_for_where_they_were_copied_to(tmp_path: Path) -> None:
    named = tmp_path / "etc/apt/sources.list.d/raspi.sources"
    named.parent.mkdir(parents=True)
    named.write_text("Signed-By: /usr/share/keyrings/raspberrypi-archive-keyring.pgp\n")
    debs.prepare(type("Bare", (), {"fetch": lambda *_: None})(), system.System("trixie", True, "x"), tmp_path)
    assert named.read_text() == f"Signed-By: {tmp_path}/usr/share/keyrings/raspberrypi-archive-keyring.pgp\n"
    assert (tmp_path / "var/lib/dpkg/status").read_text() == "x"


# --- The whole, on a stand-in -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return card.make(tmp_path_factory.mktemp("card") / "raspios.img")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages and songs that are there already."""
    things = tmp_path / "things"
    (things / "music/calm").mkdir(parents=True)
    (things / "music/calm/Slow Clouds.wav").write_bytes(b"RIFF" * 1000)
    (things / "numpy-2-cp313-cp313-manylinux_2_28_aarch64.whl").write_bytes(os.urandom(3 * MIB))
    (things / "libvlc5_3.0_arm64.deb").write_bytes(b"deb" * 999)
    monkeypatch.setattr(wheels, "fetch", lambda *_: sorted(things.glob("*.whl")))
    monkeypatch.setattr(debs, "fetch", lambda *_: sorted(things.glob("*.deb")))
    monkeypatch.setattr(build_image, "MUSIC", things / "music")
    monkeypatch.setattr(build_image, "INSTALL_ROOM", 8 * MIB)
    return things


def build(image: Path, out: Path, shop: Path) -> int:
    return build_image.main([str(image), "--out", str(out), "--cache", str(shop)])


@pytest.mark.slow
@with_tools
def test_a_card_is_made(plain: Path, shop: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(build_image, "INSTALL_ROOM", ROOM)
    files = release.contents(ROOT)
    monkeypatch.setattr(release, "contents", lambda _clone: files)  # somebody may be at work here meanwhile
    packed = tmp_path / "raspios.img.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes(), preset=0))
    out = tmp_path / "affetto.img"
    assert build(packed, out, shop) == 0, capsys.readouterr()
    assert "Raspberry Pi Imager" in capsys.readouterr().out
    before, after = table.look(plain), table.look(out)
    assert after.boot == before.boot
    with out.open("rb") as file:
        assert file.read(512)[440:444] == card.SIGNATURE, "root=PARTUUID= names it"
    check_boot(Boot(out, after.boot.start))
    copy = tmp_path / "rootfs"
    source.split(out, tmp_path / "rest", copy, after.root.start)
    assert copy.stat().st_size == after.root.size
    check_root(Root(copy), shop, tmp_path)
    assert list(tmp_path.glob("*.part")) == []


def check_boot(boot: Boot) -> None:
    assert {"cmdline.txt", "config.txt", "user-data", "affetto.yaml"} == boot.names()
    assert boot.read("cmdline.txt").decode() == card.CMDLINE, "the first boot grows the root partition"
    assert boot.read("user-data").decode() == card.USER_DATA
    assert boot.read("affetto.yaml").startswith(b"# Affetto reads this file")


def check_root(root: Root, shop: Path, folder: Path) -> None:
    assert subprocess.run(["e2fsck", "-fn", root.path], capture_output=True).returncode == 0
    assert root.free() > 1500 * MIB, "install.sh asks for that much"
    root.fetch(system.HERE, folder)
    root.fetch("/srv", folder)
    here = folder / "affetto-image"
    for name, (content, bits) in release.contents(ROOT).items():
        assert (here / "clone" / name).read_bytes() == content
        assert stat.S_IMODE((here / "clone" / name).stat().st_mode) == bits
    packages = {path.name: path.read_bytes() for path in (*shop.glob("*.whl"), *shop.glob("*.deb"))}
    assert {path.name: path.read_bytes() for path in (here / "wheels").iterdir()} == packages
    assert (folder / "srv/music/demo/calm/Slow Clouds.wav").read_bytes() == b"RIFF" * 1000
    assert root.read("/etc/fstab").decode() == payload.spare(card.FSTAB)
    for name in ("/srv/music", "/srv/music/demo", "/srv/music/demo/calm"):
        assert "User:  1000   Group:  1000" in root.stat(name), "whoever flashes it copies and deletes there"
    assert "User:     0   Group:     0" in root.stat(f"{system.HERE}/first-boot")
    wants = "/etc/systemd/system/multi-user.target.wants/"
    assert f'"../{payload.UNIT}"' in root.stat(wants + payload.UNIT)
    assert root.exists(wants + "ssh.service")
    assert not root.exists("/root/.ssh/authorized_keys")


@with_tools
def test_a_card_of_the_builder_is_no_image_to_build_from(plain: Path, shop: Path, tmp_path: Path, capsys) -> None:
    once, twice = tmp_path / "once.img", tmp_path / "twice.img"
    assert build(plain, once, shop) == 0
    assert build(once, twice, shop) == 1
    assert "Affetto is in this image already" in capsys.readouterr().err
    assert not twice.exists()


@with_tools
@pytest.mark.parametrize(
    ("made", "words"),
    [({"kind": "armhf"}, "64-bit edition"), ({"suite": "bullseye"}, "Debian bullseye, and Affetto needs 12")],
)
def test_other_systems_are_refused(made, words: str, shop: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "affetto.img"
    assert build(card.make(tmp_path / "other.img", **made), out, shop) == 1
    assert words in capsys.readouterr().err
    assert not out.exists()
    assert not list(tmp_path.glob("*.part"))


@with_tools
def test_a_broken_file_system_is_refused(plain: Path, shop: Path, tmp_path: Path, capsys) -> None:
    image = tmp_path / "broken.img"
    content = bytearray(plain.read_bytes())
    start = table.look(plain).root.start
    content[start : start + 8 * MIB] = os.urandom(8 * MIB)
    image.write_bytes(content)
    assert build(image, tmp_path / "affetto.img", shop) == 1
    assert "broken, or not ext4" in capsys.readouterr().err


@with_tools
def test_a_failure_leaves_what_was_there(plain: Path, shop: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    out = tmp_path / "affetto.img"
    out.write_bytes(b"of yesterday")

    def no_network(*_: object) -> list[Path]:
        raise Refusal("the Python packages could not be fetched")

    monkeypatch.setattr(wheels, "fetch", no_network)
    assert build(plain, out, shop) == 1
    assert "could not be fetched" in capsys.readouterr().err
    assert out.read_bytes() == b"of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["affetto.img", "things"]


@with_tools
def test_a_full_file_system_is_noticed(plain: Path, tmp_path: Path) -> None:
    copy, big = tmp_path / "rootfs", tmp_path / "big"
    source.split(plain, tmp_path / "rest", copy, table.look(plain).root.start)
    big.write_bytes(os.urandom(60 * MIB))
    with pytest.raises(Refusal, match=r"cannot be written|not written as it should be"):
        Root(copy).lay(Plan([Laid(big, payload.MUSIC / "big")]))


# --- Wrong arguments and files ----------------------------------------------------------------------------------


@with_tools
def test_what_cannot_work_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, cut, packed, out = (tmp_path / name for name in ("text", "cut.xz", "a.zip", "affetto.img"))
    text.write_text("hello")
    cut.write_bytes(lzma.compress(os.urandom(MIB))[:200])
    packed.write_bytes(b"PK\x03\x04" + b"\0" * 1000)

    def refused(*words: object) -> str:
        assert build_image.main([str(word) for word in words]) == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "cut.xz", "text"]
        return capsys.readouterr().err

    assert "name the image" in refused("--out", out)
    assert "name the image" in refused(text, "--debian", "trixie", "--out", out)
    assert "there is no file" in refused(tmp_path / "nothing.img", "--out", out)
    assert "not the image of a disk" in refused(text, "--out", out)
    assert "is broken" in refused(cut, "--out", out)
    assert "packed in another way" in refused(packed, "--out", out)
    assert "no folder" in refused(text, "--out", tmp_path / "nowhere/affetto.img")
    assert "another name" in refused(text, "--out", text)
    assert "--ssh-key is for --debian" in refused(text, "--ssh-key", text, "--out", out)


@with_tools
def test_a_pack_that_ends_too_early_is_refused(plain: Path, tmp_path: Path) -> None:
    packed = tmp_path / "cut.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes() + os.urandom(MIB), preset=0)[: -MIB // 2])
    with pytest.raises(Refusal, match="broken"):
        source.split(packed, tmp_path / "part", tmp_path / "root", table.look(plain).root.start)


def test_too_little_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 700 * MIB})
    monkeypatch.setattr(source.shutil, "disk_usage", lambda _path: usage)
    source.check_room(tmp_path / "part", 100 * MIB)
    with pytest.raises(Refusal, match="has 700 MB free"):
        source.check_room(tmp_path / "part", 300 * MIB)


def test_a_test_image_takes_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    with pytest.raises(Refusal, match="takes root"):
        debian.refuse("trixie")


def test_json_is_what_elsewhere_reads() -> None:
    told = json.loads(wheels.command([], system.System("bookworm", True, ""), Path("x"))[2])
    assert told["python_version"] == "3.11"
    assert told["platform_machine"] == "aarch64"


def test_a_pc_gets_packages_of_its_own() -> None:
    here = system.System("trixie", False, "", "amd64")
    command = wheels.command([], here, Path("x"))
    assert "manylinux2014_x86_64" in command
    assert not [word for word in command if "aarch64" in word]
    assert json.loads(command[2])["platform_machine"] == "x86_64"
    assert "APT::Architecture=amd64" in debs.options(Path("x"), here.processor)
    assert "amd64" in here.words


def test_what_the_emulation_of_arm_lacks_is_named(tmp_path: Path) -> None:
    assert "apt install qemu-user-static" in debian.missing_emulation(tmp_path, ("no-such-program",))
    assert "binfmt_misc is not mounted" in debian.missing_emulation(tmp_path, ("sh",))
    (tmp_path / "register").touch()
    assert "is not registered" in debian.missing_emulation(tmp_path, ("sh",))
