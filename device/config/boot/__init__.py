"""`affetto boot`: takes `affetto.yaml` from the boot partition into /etc/affetto. Runs as root before the conductor.

The boot partition is the one place of the card that every computer can write; it knows no permissions and no
journal. What the file there says wins over schema.yaml, which this command never touches: it becomes boot.yaml beside
it, and its password secrets.yaml, which only root can read. The password is then wiped from the boot partition. A file
with a mistake changes nothing: the device goes on with what it had, and the mistakes are told beside the file and on
`health`.

A power cut may come at any moment; the next start does again what is not done. Nothing here keeps a machine from
starting: the unit is wanted by the conductor's, not required.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

import yaml

from device.config import files, reader, schema
from device.config.boot import partition
from device.config.boot.boot_file import BootFile, cut_secrets
from device.config.boot.template import TEMPLATE
from device.config.schema import Config
from device.errors import ConfigError

log = logging.getLogger("affetto.boot")

NAME, ERRORS = "affetto.yaml", "affetto-errors.txt"
LOOKALIKES = ("affetto.yaml.txt", "affetto.yml", "affetto.txt", "affetto.yaml.yaml")
PLACES = (Path("/boot/firmware"), Path("/boot"))
PROMISE = "boot-wipe.json"

HEAD = f"""\
Something in the settings is not right, so Affetto goes on with those it had before.
Correct {NAME} and start the device again; this file goes away by itself then.

"""


def run(places: Iterable[Path] = PLACES, etc: Path = Path("/etc/affetto")) -> int:
    """Take the file of the first of `places` that has one into the folder `etc`; 0, or 2 if it has mistakes."""
    places = [place for place in places if place.is_dir()]
    problems: list[str] = []
    try:
        finish(etc)
        there = next((place / NAME for place in places if (place / NAME).is_file()), None)
        problems = take(there, etc) if there is not None else misnamed(places)
    except ConfigError as error:
        problems = str(error).splitlines()
    except (OSError, ValueError) as error:
        problems = [f"{NAME}: cannot be taken over ({error})"]
    tell(problems, places, etc)
    return 2 if problems else 0


def finish(etc: Path) -> None:
    """End the wiping of a password that a power cut ended in the middle."""
    try:
        partition.keep_promise(etc / PROMISE)
    except OSError as error:
        log.warning("A password on the boot partition may be half wiped (%s).", error)


def take(path: Path, etc: Path) -> list[str]:
    """Check the file, keep what it says, wipe its secrets; what could not be done, in sentences. Raises ConfigError
    with every mistake, and OSError; then what counted before still does."""
    raw = partition.read(path)
    if len(raw) > partition.LARGEST:
        raise ConfigError(f"{NAME}: is too large to be settings; at most {partition.LARGEST // 1024} KiB are read")
    sheet = BootFile.decode(NAME, raw)
    reader.parse(sheet.text, NAME, Config)
    rest, secrets = cut_secrets(sheet, Config)
    own = etc / "config.yaml"
    sheets = [(str(own), reader.read(own))] if own.exists() else []
    named = reader.parse_sheets([*sheets, (NAME, sheet.text)], Config).mqtt.username
    known = known_secrets(etc) if named else {}  # without its user a password has nobody to belong to
    sheets += [(str(etc / files.SECRETS), secrets_text(known)), (NAME, sheet.text)]
    reader.parse_sheets(sheets, Config, schema.contradictions)
    if keep_both(unix(rest.text), {w: v for w, v in (known | secrets).items() if v}, etc):
        log.info("The settings of %s are taken over.", path)
    if rest != sheet:
        return wipe(path, sheet, rest, etc)
    return []


def wipe(path: Path, sheet: BootFile, rest: BootFile, etc: Path) -> list[str]:
    """Put the sheet without secrets over the one with them."""
    try:
        partition.overwrite(path, sheet.encode(), rest.encode(), etc / PROMISE)
    except OSError as error:
        with contextlib.suppress(OSError):
            partition.remove(etc / PROMISE)
        why = (error.strerror or str(error)).lower()
        return [f"{NAME}: the password counts, but cannot be wiped from {path} ({why}); delete it there yourself"]
    log.info("The password in %s was moved to %s and wiped.", path, etc / files.SECRETS)
    return []


def known_secrets(etc: Path) -> dict[str, str]:
    """Those of earlier starts: the file does not have them any more, and they still count."""
    path = etc / files.SECRETS
    if not path.exists():
        return {}
    return cut_secrets(BootFile(str(path), reader.read(path)), Config)[1]


def secrets_text(secrets: dict[str, str]) -> str:
    """As a file of settings; empty if there are none."""
    tree: dict[str, dict[str, str]] = {}
    for where, value in secrets.items():
        section, _, name = where.partition(".")
        tree.setdefault(section, {})[name] = value
    return yaml.safe_dump(tree, allow_unicode=True, default_style='"', width=2**20) if tree else ""


def keep_both(text: str, secrets: dict[str, str], etc: Path) -> bool:
    """Whether any of it was news. A password without its user would be a mistake, so it goes before and comes after."""
    sheets = [(etc / files.BOOT, text, 0o644), (etc / files.SECRETS, secrets_text(secrets), 0o600)]
    news = [keep(*file) for file in (sheets if secrets else sheets[::-1])]
    return any(news)


def keep(path: Path, text: str, mode: int) -> bool:
    """Whether that was news. Nothing to say is an empty file only where there was one that said something."""
    return (bool(text) or path.exists()) and partition.replace(path, text.encode(), mode)


def unix(text: str) -> str:
    """Lines as everywhere but on Windows."""
    return text.replace("\r\n", "\n")


def misnamed(places: Iterable[Path]) -> list[str]:
    """Editors like to add an ending, and file managers to hide it."""
    found = (place / name for place in places for name in LOOKALIKES if (place / name).is_file())
    return [f"{path.name}: must be called {NAME}, without another ending" for path in found]


def tell(problems: list[str], places: Iterable[Path], etc: Path) -> None:
    """Write the problems where they are looked for, or take them away there. Cannot fail."""
    for problem in problems:
        log.warning("%s", problem)
    text = "".join(f"{problem}\n" for problem in problems)
    here = next((place for place in places if text and any((place / n).is_file() for n in (NAME, *LOOKALIKES))), None)
    wanted = {place / ERRORS: HEAD + text if place == here else "" for place in places}
    for path, words in {**wanted, etc / files.MISTAKES: text}.items():
        try:
            if words:
                partition.replace(path, words.encode(), 0o644 if path.parent == etc else None)
            else:
                partition.remove(path)
        except OSError as error:
            log.warning("%s cannot be written (%s).", path, error.strerror)


def show_template() -> int:
    """Print the file that a boot partition starts with."""
    print(TEMPLATE, end="")
    return 0
