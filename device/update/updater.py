"""The two jobs of the root service: look for a newer release, and install it with its own install.sh."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from device import __version__
from device.config.schema import UpdateConfig
from device.domain import Update, newer
from device.update import archive, manifest, signature, source, status
from device.update.manifest import Manifest
from device.update.refusal import Refusal

FETCHED, UNPACKED, NEARLY = 30, 35, 95  # percent
LINES = 30  # install.sh prints about this many
WORDS = 300  # characters of install.sh's last line


class Updater:
    """Works in `folder`, which also holds the status. `installed`: the present version."""

    def __init__(self, config: UpdateConfig, folder: Path, installed: str = __version__) -> None:
        self._config = config
        self._folder = folder
        self._path = folder / status.STATUS.name
        self._installed = installed

    def check(self) -> bool:
        """Find out the latest version, and write the status. Returns whether the source could be used."""
        try:
            release = self._release()
        except Refusal as refusal:
            self._tell(replace(status.read(self._path), progress=None, problem=str(refusal)))
            return False
        self._tell(_offer(release))
        return True

    def install(self) -> bool:
        """Install the latest version. Returns whether it runs now; if not, the status says why."""
        try:
            self._tell(replace(status.read(self._path), progress=0, problem=""))
            with tempfile.TemporaryDirectory(prefix="work-", dir=self._folder, ignore_cleanup_errors=True) as work:
                offer = self._install(Path(work))
        except (Refusal, OSError) as error:  # the working folder is gone by now, so a full disk has room for this
            words = f"{self._folder} cannot be written: {error.strerror}." if isinstance(error, OSError) else str(error)
            self._tell(replace(status.read(self._path), progress=None, problem=words))
            return False
        self._tell(offer)
        return True

    def _install(self, work: Path) -> Update:
        """Install the latest version with the help of the empty folder `work`. Raises Refusal and OSError."""
        release = self._release()
        if not newer(release.version, self._installed):
            raise Refusal(f"Version {release.version} is not newer than {self._installed}.")
        offer = _offer(release)
        self._tell(replace(offer, progress=1))
        self._run(self._unpack(release, work, offer), offer)
        return offer

    def _release(self) -> Manifest:
        """The latest release of the source, its signature checked."""
        where = self._config.source
        if not where:
            raise Refusal("update.source is empty; name a folder or an address with signed releases.")
        content = source.read(where, manifest.NAME, manifest.LARGEST_BYTES)
        signed = source.read(where, manifest.SIGNATURE, manifest.LARGEST_BYTES)
        signature.check(content, signed, Path(self._config.key))
        return manifest.parse(content)

    def _unpack(self, release: Manifest, work: Path, offer: Update) -> Path:
        """Fetch the archive, check it, and unpack it below `work`."""
        path, last = work / "release.tar", 0

        def progress(arrived: int) -> None:
            nonlocal last
            if (percent := 1 + arrived * (FETCHED - 1) // release.size) > last:
                last = percent
                self._tell(replace(offer, progress=min(percent, FETCHED)))

        with path.open("wb") as file:
            source.copy(self._config.source, release.archive, file, release.size, progress)
        with path.open("rb") as fetched:
            if hashlib.file_digest(fetched, "sha256").hexdigest() != release.sha256:
                raise Refusal(f"{release.archive} is damaged: it is not the file that was signed.")
        (work / "release").mkdir()
        unpacked = archive.unpack(path, work / "release")
        self._tell(replace(offer, progress=UNPACKED))
        return unpacked

    def _run(self, folder: Path, offer: Update) -> None:
        """Run the release's install.sh, which tries the new version and goes back if it does not run properly."""
        wheels = ["--offline", str(folder / "wheels")] if (folder / "wheels").is_dir() else []
        command = ["bash", str(folder / "install.sh"), "--upgrade", *wheels]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        last, percent = "", UNPACKED
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
            encoding="utf-8", errors="replace",
        ) as process:  # fmt: skip
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                last = line.strip() or last
                percent = min(NEARLY, percent + (NEARLY - UNPACKED) // LINES)
                self._tell(replace(offer, progress=percent))
        if process.returncode:
            raise Refusal(f"Version {offer.latest} was not installed: {last[:WORDS]}")

    def _tell(self, update: Update) -> None:
        status.write(update, self._path)


def _offer(release: Manifest) -> Update:
    return Update(release.version, release.notes)
