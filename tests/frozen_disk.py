"""A disk that stops answering: a real file system (FUSE) that can be frozen and thawed.

The server speaks the protocol of the kernel itself (fuse(4); the structures are those of linux/fuse.h): it needs only
root and /dev/fuse. Whoever reads from it while it is frozen waits, as with a file server that is gone (hard mounts).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 17, 18, 25, 26
OPENDIR, READDIR, RELEASEDIR, ACCESS, INTERRUPT, DESTROY, BATCH_FORGET = 27, 28, 29, 34, 36, 38, 42
SILENT = {FORGET, INTERRUPT, BATCH_FORGET}  # requests without an answer
BUFFER = 1 << 20
MNT_DETACH = 2
LIBC = ctypes.CDLL(None, use_errno=True)


class FrozenDisk:
    """`mount` shows the files of `folder` (which has no subfolders), read-only. A process of its own serves it: a
    process that read from itself would wait for itself."""

    def __init__(self, folder: Path, mount: Path) -> None:
        self.mount = mount
        self.waiting = threading.Event()
        """Somebody waits for the frozen disk."""
        self._server = subprocess.Popen(
            [sys.executable, __file__, folder, mount], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if (problem := self._server.stdout.readline().strip()) != "ready":
            self._server.wait(10)
            raise OSError(problem)
        threading.Thread(target=self._listen, daemon=True).start()

    def freeze(self) -> None:
        """Answer nothing from now on. The kernel was allowed to remember nothing either."""
        self._tell("freeze")

    def thaw(self) -> None:
        """Answer again, and what was asked meanwhile."""
        self._tell("thaw")

    def close(self) -> None:
        """Whoever still waits gets an error."""
        LIBC.umount2(os.fsencode(self.mount), MNT_DETACH)
        self._server.kill()
        self._server.wait(10)

    def _tell(self, word: str) -> None:
        self._server.stdin.write(f"{word}\n")
        self._server.stdin.flush()

    def _listen(self) -> None:
        for line in self._server.stdout:
            if line.strip() == "waiting":
                self.waiting.set()


class Server:
    """The process that serves the disk."""

    def __init__(self, folder: Path, mount: Path) -> None:
        self._files = sorted(folder.iterdir())
        self.thawed = threading.Event()
        self.thawed.set()
        self._device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._device},rootmode=40755,user_id=0,group_id=0,allow_other".encode()
        if LIBC.mount(b"frozen", os.fsencode(mount), b"fuse.frozen", 1, options):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def serve(self) -> None:
        while True:
            try:
                request = os.read(self._device, BUFFER)
            except OSError:
                return
            _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
            if not self.thawed.is_set() and opcode not in SILENT:
                print("waiting", flush=True)
                self.thawed.wait()
            answer = self._answer(opcode, node, request[40:])
            if opcode not in SILENT:
                error, content = (0, answer) if isinstance(answer, bytes) else (answer, b"")
                with contextlib.suppress(OSError):  # whoever asked is gone
                    os.write(self._device, struct.pack("<IiQ", 16 + len(content), -error, unique) + content)

    def _answer(self, opcode: int, node: int, body: bytes) -> bytes | int:
        match opcode:
            case 26:
                return struct.pack("<IIIIHHIIHHI28x", 7, 31, 131072, 0, 12, 9, 65536, 1, 32, 0, 0)
            case 1:
                name = os.fsdecode(body.split(b"\0")[0])
                found = next((n for n, file in enumerate(self._files, 2) if file.name == name), None)
                return (
                    errno.ENOENT if found is None else struct.pack("<QQQQII", found, 0, 0, 0, 0, 0) + self._attr(found)
                )
            case 3:
                return struct.pack("<QII", 0, 0, 0) + self._attr(node)
            case 14 | 27:
                return struct.pack("<QII", 0, 1 if opcode == OPEN else 0, 0)  # 1: FOPEN_DIRECT_IO, nothing is cached
            case 15:
                _, offset, size = struct.unpack_from("<QQI", body)
                with self._files[node - 2].open("rb") as file:
                    file.seek(offset)
                    return file.read(size)
            case 28:
                offset = struct.unpack_from("<QQ", body)[1]
                return self._entries() if offset == 0 else b""
            case 18 | 25 | 29 | 34 | 38:
                return b""
        return errno.ENOSYS

    def _attr(self, node: int) -> bytes:
        if node == 1:
            return struct.pack("<6Q10I", 1, 0, 0, 0, 0, 0, 0, 0, 0, stat.S_IFDIR | 0o755, 2, 0, 0, 0, 4096, 0)
        size = self._files[node - 2].stat().st_size
        return struct.pack(
            "<6Q10I", node, size, size // 512, 1, 1, 1, 0, 0, 0, stat.S_IFREG | 0o644, 1, 0, 0, 0, 4096, 0
        )

    def _entries(self) -> bytes:
        listed = b""
        for number, file in enumerate(self._files, 2):
            name = os.fsencode(file.name)
            entry = struct.pack("<QQII", number, number, len(name), stat.S_IFREG >> 12) + name
            listed += entry + bytes(-len(entry) % 8)
        return listed


def frozen_disk(folder: Path, mount: Path) -> FrozenDisk:
    """Skips the test where no disk can be mounted."""
    try:
        return FrozenDisk(folder, mount)
    except OSError as error:
        pytest.skip(f"no FUSE here: {error}")


def main() -> None:
    """Serve until the test ends."""
    try:
        server = Server(Path(sys.argv[1]), Path(sys.argv[2]))
    except OSError as error:
        print(error.strerror, flush=True)
        return
    print("ready", flush=True)
    threading.Thread(target=server.serve, daemon=True).start()
    for line in sys.stdin:
        if line.strip() == "freeze":
            server.thawed.clear()
        else:
            server.thawed.set()


if __name__ == "__main__":
    main()
