"""What affetto-update.service runs, as root: answers the conductor's request, or looks for a newer release."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from device.arguments import ETC
from device.config import files
from device.errors import AffettoError
from device.update import status
from device.update.updater import Updater

log = logging.getLogger("affetto.update")


def main(requests: Path = status.REQUESTS, folder: Path = status.STATUS.parent, config: Path = ETC) -> int:
    """Do what is asked; the exit status. A refusal is an answer, which the status tells; so systemd does not call the
    unit failed. Without an answer, it does."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    os.umask(0o022)
    wanted = [_take(requests / name) for name in (status.INSTALL, status.CHECK)]
    try:
        updater = Updater(files.load(config).update, folder)
        if wanted[0]:
            updater.install()
        else:
            updater.check()
    except AffettoError as error:
        log.error("%s", error)
        return 1
    found = status.read(folder / status.STATUS.name)
    log.info("%s", found.problem or f"The latest version is {found.latest}.")
    return 0


def _take(request: Path) -> bool:
    """Whether there is this request; it is removed, so that it is answered once."""
    try:
        request.unlink()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
