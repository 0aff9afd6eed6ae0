"""tools/vm: what it reads, searches and tells; and the whole machine, where an image of it is named.

The machine takes about an hour, so it runs only where it is asked for:

    AFFETTO_VM_IMAGE=test.img AFFETTO_VM_KEY=key pytest tests/test_vm.py
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tools.vm import __main__ as command
from tools.vm import disk, examine, kernel, memory, nas, search, shares, shell, start, table, wall
from tools.vm.card import Card
from tools.vm.cuts import Cut, place, tell
from tools.vm.machine import Patience
from tools.vm.outside import Heard
from tools.vm.table import Row

IMAGE, KEY = os.environ.get("AFFETTO_VM_IMAGE", ""), os.environ.get("AFFETTO_VM_KEY", "")
ROOT = Path(__file__).resolve().parent.parent


def record(*entries: tuple[int, int, int]) -> bytes:
    """A master boot record: type, first sector and number of sectors of each partition."""
    sector = bytearray(512)
    for number, (kind, first, count) in enumerate(entries):
        struct.pack_into("<B3xB3xII", sector, 446 + 16 * number, 0, kind, first, count)
    sector[510:] = b"\x55\xaa"
    return bytes(sector)


def test_partitions_are_found_in_bytes() -> None:
    found = disk.partitions(record((0x0C, 8192, 524288), (0x83, 532480, 100)))
    assert found == [disk.Partition(0x0C, 4 << 20, 256 << 20), disk.Partition(0x83, 260 << 20, 51200)]


def test_what_is_no_disk_or_has_no_boot_partition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(disk.VmError, match="no disk image"):
        disk.partitions(b"hello" * 200)
    image = tmp_path / "a.img"
    image.write_bytes(record((0x83, 2048, 100)))
    with pytest.raises(disk.VmError, match="build_image"):
        disk.boot_partition(image)


def test_patience_lasts_as_long_as_there_is_progress() -> None:
    patience = Patience(0.0, quiet_s=10.0, longest_s=100.0)
    assert [patience.over(float(now), sign=now // 9) for now in range(0, 99, 9)] == [False] * 11
    assert patience.over(100.0, sign="new")
    patience = Patience(0.0, quiet_s=10.0, longest_s=100.0)
    assert not patience.over(1.0, sign="console")
    assert not patience.over(10.9, sign="console")
    assert patience.over(11.0, sign="console")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", str(path)], check=True)
    return path


@pytest.fixture
def all_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "_is_there", lambda _: True)


def make_image(folder: Path, key: str = "") -> Path:
    """A disk with a FAT partition and an ext4 one, with or without a key for root."""
    root = folder / "root"
    (root / "root/.ssh").mkdir(parents=True)
    if key:
        (root / "root/.ssh/authorized_keys").write_text(key)
    image = folder / "test.img"
    image.write_bytes(record((0x0C, 2048, 2048), (0x83, 4096, 16384)) + bytes((4096 + 16384) * 512))
    program = shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin") or pytest.skip("mke2fs is not installed")
    offset = str(4096 * 512)
    subprocess.run([program, "-q", "-t", "ext4", "-d", root, "-E", f"offset={offset}", image, "8192K"], check=True)
    return image


def test_an_image_that_lets_the_key_in_is_fine(tmp_path: Path, key: Path, all_programs: None) -> None:
    image = make_image(tmp_path, key.with_suffix(".pub").read_text())
    examine.examine(image, key, kept=False)


def test_an_image_without_the_key_is_refused_at_once(
    tmp_path: Path, key: Path, all_programs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    image = make_image(tmp_path)
    assert command.main([str(image), "--ssh-key", str(key)]) == 2
    said = capsys.readouterr().err
    assert "does not let the owner of" in said
    assert "--ssh-key" in said.partition("build_image.py")[2]
    examine.examine(image, key, kept=True)


@pytest.mark.parametrize("what", ["image", "key", "folder", "empty image"])
def test_what_is_missing_is_said_in_a_sentence(
    what: str, tmp_path: Path, key: Path, all_programs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "no.img"
    if what == "folder":
        image.mkdir()
    elif what != "image":
        image.write_bytes(b"")
    chosen = tmp_path / "nothing" if what == "key" else key
    assert command.main([str(image), "--ssh-key", str(chosen)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("tools/vm: ")
    assert {"image": "there is no image", "key": "ssh-keygen -t ed25519", "folder": "no.img",
            "empty image": "no disk image"}[what] in said  # fmt: skip


def test_programs_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "_is_there", lambda name: name not in ("nbdkit", "debugfs"))
    with pytest.raises(disk.VmError, match="sudo apt install e2fsprogs nbdkit"):
        examine.examine(tmp_path / "x.img", tmp_path / "key", kept=False)


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
def test_the_kernel_gets_an_archive_that_cpio_reads(tmp_path: Path) -> None:
    content = kernel.archive("start", kernel.INIT)
    assert len(content) % 4 == 0
    listed = subprocess.run(["cpio", "-itv"], input=content, capture_output=True, check=True).stdout.decode()
    assert listed.startswith("-rwxr-xr-x")
    assert listed.split()[-1] == "start"
    subprocess.run(["cpio", "-i"], input=content, cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "start").read_bytes() == kernel.INIT


def test_a_kernel_for_a_pc_is_told_from_one_for_arm(tmp_path: Path) -> None:
    image = tmp_path / "vmlinuz"
    image.write_bytes(bytes(0x202) + b"HdrS" + bytes(99))
    assert kernel.is_for_pc(image)
    assert "console=ttyS0" in kernel.Kernel(image, image, pc=True).words
    image.write_bytes(bytes(56) + b"ARMd" + bytes(999))  # Documentation/arch/arm64/booting.rst
    assert not kernel.is_for_pc(image)
    assert "console=ttyAMA0" in kernel.Kernel(image, image, pc=False).words


def test_an_ssh_server_is_told_from_an_open_port() -> None:
    assert shell.is_banner(b"SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n")
    assert not shell.is_banner(b"")


@pytest.mark.parametrize("script", ["echo 'a b'", "printf '%s\\n' \"it's\" '$HOME' \"\\\\\"", "echo one\necho two"])
def test_a_quoted_script_is_one_word_for_a_shell(script: str) -> None:
    inner = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    outer = subprocess.run(["sh", "-c", f"sh -c {shell.quote(script)}"], capture_output=True, text=True, check=True)
    assert outer.stdout == inner != ""


def test_fields_of_systemctl_show() -> None:
    assert shell.fields("MainPID=17\nExecStart={ path=/x ; argv[]=x }\nnothing\n") == {
        "MainPID": "17",
        "ExecStart": "{ path=/x ; argv[]=x }",
    }


ANALYZE = """Startup finished in 5.204s (kernel) + 1min 22.581s (userspace) = 1min 27.785s
graphical.target reached after 1min 22.1s in userspace.
"""


def test_times_of_systemd_analyze() -> None:
    assert start.analyze(ANALYZE) == pytest.approx((5.204, 82.581))
    with_initrd = "Startup finished in 900ms (kernel) + 2.1s (initrd) + 3s (userspace) = 6.0s"
    assert start.analyze(with_initrd) == pytest.approx((3.0, 3.0))
    assert start.analyze("Bootup is not yet finished") == (0.0, 0.0)
    assert start.slowest("1min 2.5s a.service\n   30ms b.service\n") == "a.service 62 s, b.service 0 s"


def test_exposure_and_memory_are_read() -> None:
    text = "\n→ Overall exposure level for affetto-eye.service: 0.9 SAFE 😀\n"
    assert wall.level(text) == 0.9
    assert wall.level("Failed") != wall.level("Failed")  # no figure
    assert not table.within("x", wall.level("Failed"), "", 1.5).ok
    rollup = "55a0000000-7ffe000000 ---p 00000000 00:00 0    [rollup]\nRss:   100000 kB\nPss:    50000 kB\n"
    assert memory.rollup(rollup) == pytest.approx({"Rss": 102.4, "Pss": 51.2})


def test_a_row_of_pixels_is_found_wherever_it_lies(tmp_path: Path) -> None:
    row, other = bytes(range(40, 200)) * 2, bytes([9, 200] * 80)
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        for at in (0, 1000 - 160, 3000, 5000):  # the second lies across the border of two chunks
            file.seek(at)
            file.write(row)
        file.truncate(1 << 20)
    found = search.find(path, {"row": row, "other": other}, chunk_bytes=1000)
    assert found == {"row": [0, 840, 3000, 5000], "other": []}


@pytest.mark.parametrize("chunk", [333, 1024, 1 << 20])
def test_overlapping_finds_are_counted_once(tmp_path: Path, chunk: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\1" * 5 + b"\0" * 1019 + b"\1" * 5)
    assert search.find(path, {"x": b"\1" * 4}, chunk_bytes=chunk) == {"x": [0, 1, 1024, 1025]}


def test_disguised_rows_differ_and_are_not_found_as_one_another() -> None:
    row = bytes([17, 17, 90, 90, 200, 3])
    shapes = {search.disguise(row, how) for how in range(4)}
    assert len(shapes) == 4
    assert search.disguise(search.disguise(row, 3), 3) == row


def test_the_table_tells_what_failed(tmp_path: Path) -> None:
    rows = [Row("told", "5 s"), table.within("lost", 6.0, "s", 5), table.equal("camera|switch", "OFF", "OFF")]
    text = table.render(rows).splitlines()
    assert text[0].split("|")[1].strip() == "what"
    assert [line.split("|")[-2].strip() for line in text[2:]] == ["", "FAIL", "ok"]
    assert len({len(line) for line in text}) == 1
    assert "camera/switch" in text[4]
    assert table.summary(rows) == "1 of 2 as they have to be, 1 NOT"
    table.save(rows, tmp_path / "out.json", image="a.img")
    saved = json.loads((tmp_path / "out.json").read_text())
    assert (saved["ok"], saved["image"], saved["rows"][1]["ok"]) == (False, "a.img", False)


def said(state: str, position_s: float) -> Heard:
    payload = json.dumps({"state": state, "position_s": position_s, "position_at": "2026-11-21T10:00:00+00:00"})
    return Heard(0.0, "affetto/vm/track/state", payload, False)


def test_a_song_that_plays_goes_on_between_two_messages() -> None:
    ten = 1795255200.0  # 2026-11-21 10:00:00 UTC
    assert place(said("playing", 20.0), ten + 7) == pytest.approx(27.0)
    assert place(said("paused", 20.0), ten + 7) == 20.0


def test_a_campaign_is_judged_by_its_worst_cut() -> None:
    good = Cut(3.0, 60.0, "", True, 2.0, 0.0, "OFF")
    rows = {row.what: row for row in tell([good, good])}
    assert all(row.ok for row in rows.values())
    bad = Cut(3.0, 90.0, "state malformed", False, float("nan"), 7.0, "ON")
    failed = [row.what for row in tell([good, bad]) if not row.ok]
    assert len(failed) == 5
    assert rows["place in the song lost, most"].measured == "2.0 s"


@pytest.mark.skipif(not shutil.which("nbdkit"), reason="nbdkit is not installed (apt-get install nbdkit)")
@pytest.mark.skipif(not shutil.which("qemu-io"), reason="qemu-io is not installed (apt-get install qemu-utils)")
def test_a_card_forgets_what_was_not_flushed(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes([1]) * 300_000)
    card = Card(tmp_path / "card.img")
    card.lay(image)
    card.power()
    words = card.words.split(",")[0].removeprefix("file=")
    steps = ("write -P 2 0 512", "flush", "write -P 3 131072 512", "sleep 60000")  # when it ends, it flushes
    command = ["stdbuf", "-oL", "qemu-io", "-t", "writeback", "-f", "raw", words]
    command += [word for step in steps for word in ("-c", step)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        while b"131072" not in writer.stdout.readline():
            assert writer.poll() is None
        card.cut()
        writer.kill()
    with card.path.open("rb") as file:
        begin = file.read(200_000)
    assert (begin[0], begin[131072], card.path.stat().st_size) == (2, 1, 8 << 30)


@pytest.mark.skipif(not IMAGE, reason="no image of a machine was named (AFFETTO_VM_IMAGE, AFFETTO_VM_KEY)")
def test_the_whole_machine(tmp_path: Path) -> None:
    report = tmp_path / "vm.json"
    done = subprocess.run(
        [sys.executable, "-m", "tools.vm", IMAGE, "--ssh-key", KEY, "--json", str(report)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    wrong = [row for row in json.loads(report.read_text())["rows"] if not row["ok"]]
    assert (done.returncode, wrong) == (0, []), done.stdout


def test_a_server_is_back_when_its_songs_are_known_and_no_problem_names_it() -> None:
    named = f"{nas.SERVER}:/srv/nas/nfs does not answer."
    assert shares.is_back({"tracks": shares.ALL, "problems": ["The camera is missing."]})
    assert not shares.is_back({"tracks": shares.ALL, "problems": [named]})
    assert not shares.is_back({"tracks": shares.OWN, "problems": []})
    assert not shares.is_back({})
