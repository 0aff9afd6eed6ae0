"""Where everything is on a machine with Affetto. A leaf: names only.

/opt/affetto/releases/0.1.0-5f2c9a01/   one version: program, models, units, and its virtual environment in .venv
/opt/affetto/current -> releases/...    the current version; systemd's units are links into it
/opt/affetto/previous -> releases/...   the version before, to go back to
/opt/affetto/trial                      exists during the trial of a version: the boot in which it began
/etc/affetto  /var/lib/affetto  /srv/music  /media/affetto/LABEL
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

USER = "affetto"
SERVICE = "affetto.service"
TARGET = "affetto.target"
PAGE = "affetto-page.service"
SOCKETS = ("affetto-eye.socket", "affetto-scan.socket", "affetto-settings.socket")


class Refusal(Exception):
    """Why a job is not possible, as a sentence that says what to do instead."""


@dataclass(frozen=True, slots=True)
class Layout:
    """All paths, below `root` (/, except for images and tests)."""

    root: Path = Path("/")

    @property
    def home(self) -> Path:
        return self.root / "opt/affetto"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def current(self) -> Path:
        return self.home / "current"

    @property
    def previous(self) -> Path:
        return self.home / "previous"

    @property
    def trial(self) -> Path:
        return self.home / "trial"

    @property
    def command(self) -> Path:
        return self.root / "usr/local/bin/affetto"

    @property
    def config(self) -> Path:
        return self.root / "etc/affetto/config.yaml"

    @property
    def data(self) -> Path:
        return self.root / "var/lib/affetto"

    @property
    def music(self) -> Path:
        return self.root / "srv/music"

    @property
    def drives(self) -> Path:
        return self.root / "media/affetto"

    @property
    def units(self) -> Path:
        return self.root / "etc/systemd/system"

    @property
    def rules(self) -> Path:
        return self.root / "etc/udev/rules.d/80-affetto.rules"

    @property
    def systemd_runs(self) -> bool:
        """Whether systemd is this machine's first process; it is not in a chroot."""
        return self.root == Path("/") and Path("/run/systemd/system").is_dir()
