"""`affetto boot`: copies `affetto.yaml` from the boot partition to /etc/affetto. Runs as root before the conductor.

Every computer can write the boot partition of a card; it has neither permissions nor a journal. This command copies its
settings to boot.yaml, which is beside config.yaml and overrides it, and the password to secrets.yaml, which only root
can read. It never changes config.yaml. Then it wipes the password from the boot partition. A file with a mistake
changes nothing: the device keeps its last settings, and affetto-errors.txt beside the file and `health` list the
mistakes.

The power may fail at any moment; the next start repeats unfinished work. No failure here prevents a start: the
conductor's unit wants this unit, but does not require it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

import yaml

from device.config import files, page_keys, reader
from device.config.boot import partition
from device.config.boot.boot_file import BootFile, cut_secrets
from device.config.boot.template import TEMPLATE
from device.config.contradictions import contradictions
from device.config.reader import Source
from device.config.schema import Config
from device.errors import ConfigError

log = logging.getLogger("affetto.boot")

PAGE_NAME = "affetto-page.txt"
NAME, ERRORS = "affetto.yaml", "affetto-errors.txt"
LOOKALIKES = ("affetto.yaml.txt", "affetto.yml", "affetto.txt", "affetto.yaml.yaml")
PARTITIONS = (Path("/boot/firmware"), Path("/boot"))
WAL = "boot-wipe.json"

HEAD = f"""\
The settings contain a mistake, so Affetto keeps the previous settings.
Correct {NAME} and restart the device. Affetto then removes this file.

"""

PAGE = """\
Affetto's page for phones: {address}
PIN: {pin}

To choose another PIN, write it into affetto.yaml: the section page, the setting pin.
"""


def run(partitions: Iterable[Path] = PARTITIONS, etc: Path = Path("/etc/affetto")) -> int:
    """Copy the file of the first partition that has one to the folder `etc`; 0, or 2 if it has mistakes."""
    partitions = [folder for folder in partitions if folder.is_dir()]
    problems: list[str] = []
    there: Path | None = None
    try:
        finish(etc)
        there = next((folder / NAME for folder in partitions if (folder / NAME).is_file()), None)
        problems = take(there, etc) if there is not None else misnamed(partitions)
    except ConfigError as error:
        problems = str(error).splitlines()
    except (OSError, ValueError) as error:
        problems = [f"{NAME}: cannot be copied to {etc} ({error})"]
    report(problems, partitions, etc)
    if there is not None:
        show_page(there.parent, etc)
    return 2 if problems else 0


def finish(etc: Path) -> None:
    """Finish wiping a password after a power cut."""
    try:
        partition.finish_overwrite(etc / WAL)
    except OSError as error:
        log.warning("A password on the boot partition may be wiped only in part (%s); delete it there.", error)


def take(path: Path, etc: Path) -> list[str]:
    """Check the file, store its settings, wipe its secrets. Returns failures, as sentences. Raises OSError, or
    ConfigError with every mistake; then the previous settings stay in force."""
    raw = partition.read(path)
    if len(raw) > partition.LARGEST:
        raise ConfigError(f"{NAME}: too large for a settings file; the limit is {partition.LARGEST // 1024} KiB")
    file = BootFile.decode(NAME, raw)
    reader.parse(file.text, NAME, Config)
    rest, secrets = cut_secrets(file, Config)
    config, ours = etc / "config.yaml", Source(NAME, file.text)
    sources = [Source(str(config), reader.read(config))] if config.exists() else []
    username = reader.parse_all([*sources, ours], Config).mqtt.username
    known = known_secrets(etc)
    if not username:
        known.pop("mqtt.password", None)  # a password without its user is a mistake
    sources += [Source(str(etc / files.SECRETS), secrets_text(known)), ours]
    reader.parse_all(sources, Config, contradictions)
    if keep_both(unix(rest.text), {w: v for w, v in (known | secrets).items() if v}, etc):
        log.info("The settings in %s are in force.", path)
    if rest != file:
        return wipe(path, file, rest, etc)
    return []


def wipe(path: Path, file: BootFile, rest: BootFile, etc: Path) -> list[str]:
    """Overwrite the file with one that has no secrets. Returns failures, as sentences."""
    try:
        partition.overwrite(path, file.encode(), rest.encode(), etc / WAL)
    except OSError as error:
        with contextlib.suppress(OSError):
            partition.remove(etc / WAL)
        why = (error.strerror or str(error)).lower()
        return [f"{NAME}: the password is in use, but cannot be wiped from {path} ({why}); delete it there yourself"]
    log.info("Moved the password from %s to %s.", path, etc / files.SECRETS)
    return []


def known_secrets(etc: Path) -> dict[str, str]:
    """The secrets of earlier starts, which are still in force, although the boot partition no longer has them."""
    path = etc / files.SECRETS
    if not path.exists():
        return {}
    return cut_secrets(BootFile(str(path), reader.read(path)), Config)[1]


def secrets_text(secrets: dict[str, str]) -> str:
    """The secrets as a settings file; empty if there are none."""
    tree: dict[str, dict[str, str]] = {}
    for where, value in secrets.items():
        section, _, name = where.partition(".")
        tree.setdefault(section, {})[name] = value
    return yaml.safe_dump(tree, allow_unicode=True, default_style='"', width=2**20) if tree else ""


def keep_both(text: str, secrets: dict[str, str], etc: Path) -> bool:
    """Store both. Returns whether either changed. A password without a user name is a mistake, so the password is
    added last and removed first."""
    both = [(etc / files.BOOT, text, 0o644), (etc / files.SECRETS, secrets_text(secrets), 0o600)]
    changed = [keep(*file) for file in (both if secrets else both[::-1])]
    return any(changed)


def keep(path: Path, text: str, mode: int) -> bool:
    """Store a text. Returns whether that changed anything. An empty text empties an existing file, but creates none."""
    return (bool(text) or path.exists()) and partition.replace(path, text.encode(), mode)


def unix(text: str) -> str:
    """The text with Unix line endings."""
    return text.replace("\r\n", "\n")


def misnamed(partitions: Iterable[Path]) -> list[str]:
    """Files with an extra extension, as sentences: editors add one, and file managers hide it."""
    found = (folder / name for folder in partitions for name in LOOKALIKES if (folder / name).is_file())
    return [f"{path.name}: must be called {NAME}, without an extra extension; rename it" for path in found]


def report(problems: list[str], partitions: Iterable[Path], etc: Path) -> None:
    """Write the problems beside the file and into `etc`, or remove them there. Cannot fail."""
    for problem in problems:
        log.warning("%s", problem)
    text = "".join(f"{problem}\n" for problem in problems)
    names = (NAME, *LOOKALIKES)
    here = next((folder for folder in partitions if text and any((folder / name).is_file() for name in names)), None)
    wanted = {folder / ERRORS: HEAD + text if folder == here else "" for folder in partitions}
    for path, words in {**wanted, etc / files.MISTAKES: text}.items():
        try:
            if words:
                partition.replace(path, words.encode(), 0o644 if path.parent == etc else None)
            else:
                partition.remove(path)
        except OSError as error:
            log.warning("%s cannot be written (%s).", path, error.strerror)


def show_page(folder: Path, etc: Path) -> None:
    """Write where the page for phones is, and its PIN, beside the settings. Without a PIN in the settings, make one
    where the conductor looks for it. Cannot fail."""
    try:
        config = files.load(etc / "config.yaml") if (etc / "config.yaml").exists() else Config()
        data_dir = Path(config.device.data_dir)
        if config.page.enabled and not config.page.pin and data_dir.is_dir():
            page_keys.ensure(data_dir)
        pin = page_keys.pin_of(config) if config.page.access != "password" else ""
        if config.page.enabled and pin:
            words = PAGE.format(address=page_keys.address_of(config), pin=pin)
            partition.replace(folder / PAGE_NAME, words.encode())
        else:
            partition.remove(folder / PAGE_NAME)
    except (OSError, ConfigError) as error:
        log.warning("%s cannot be written (%s).", folder / PAGE_NAME, error)


def show_template() -> int:
    """Print the file of a new boot partition."""
    print(TEMPLATE, end="")
    return 0
