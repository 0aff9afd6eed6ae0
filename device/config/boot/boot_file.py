"""A file of settings as somebody's editor wrote it: which encoding, where its secrets stand, and how to blank them.

Pure, any thread. Blanking keeps the number of bytes, so that the file can be overwritten where it lies on the disk and
neither its folder nor its length changes: on FAT, nothing is less likely to be broken by a power cut.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypeVar

import yaml

from device.config import reader
from device.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
NOTES = (
    "# password: taken into the device; write it here again to change it",
    "# password: taken into the device",
    "# password: taken",
    "# taken",
    "#",
)


@dataclass(frozen=True, slots=True)
class BootFile:
    """The text of a file, and how it was encoded. `name` is what messages call it."""

    name: str
    text: str
    encoding: str = "utf-8"
    bom: bytes = b""

    @classmethod
    def decode(cls, name: str, raw: bytes) -> BootFile:
        """Notepad writes a byte order mark, and UTF-16 if asked to. Raises ConfigError for what is no text."""
        bom, encoding = next((pair for pair in BOMS if raw.startswith(pair[0])), (b"", "utf-8"))
        if not bom and b"\0" in raw[:2]:
            encoding = "utf-16-be" if raw.startswith(b"\0") else "utf-16-le"
        try:
            return cls(name, raw[len(bom) :].decode(encoding), encoding, bom)
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise ConfigError(f"{name}:{line}: not UTF-8 text; save the file as UTF-8") from error

    def encode(self) -> bytes:
        """The bytes of the file."""
        return self.bom + self.text.encode(self.encoding)

    def width(self, text: str) -> int:
        """How many spaces take as many bytes in the file as `text`."""
        return len(text.encode(self.encoding)) // len(" ".encode(self.encoding))


def cut_secrets(sheet: BootFile, cls: type[T]) -> tuple[BootFile, dict[str, str]]:
    """The sheet without its secrets, and the secrets (`section.key`: value; an empty one stays where it is).

    The sheet has no mistakes. Raises ConfigError if a secret stands where it cannot be blanked, in an alias for
    instance: it is better left to its owner than half wiped.
    """
    text, secrets = sheet.text, {}
    wanted = reader.parse(sheet.text, sheet.name, cls)
    for section, name, node, place in reversed(list(_secrets_in(sheet.text, wanted))):
        secrets[f"{section}.{name}"] = node.value
        if node.value:
            text = _blank(sheet, text, *place)
            wanted = replace(wanted, **{section: replace(getattr(wanted, section), **{name: ""})})
    blanked = replace(sheet, text=text)
    try:
        whole = reader.parse(text, sheet.name, cls) == wanted and len(blanked.encode()) == len(sheet.encode())
    except ConfigError:
        whole = False
    if not whole:
        where = f"{sheet.name}: {', '.join(secrets)}"
        raise ConfigError(f'{where}: write it on a line of its own, as in `password: "word"`')
    return blanked, secrets


Place = tuple[int, int, bool]
"""From which character to which a setting goes, and whether it stands between { and }."""


def _secrets_in(text: str, config: DataclassInstance) -> Iterator[tuple[str, str, yaml.ScalarNode, Place]]:
    """Section, key, value and place of every secret that the text sets."""
    keys_of = {section.name: fields(getattr(config, section.name)) for section in fields(config)}
    secret = {(section, key.name) for section, keys in keys_of.items() for key in keys if "secret" in key.metadata}
    root = reader.compose(text, [])
    for section, mapping in root.value if isinstance(root, yaml.MappingNode) else ():
        for name, node in mapping.value if isinstance(mapping, yaml.MappingNode) else ():
            if (section.value, name.value) in secret:
                place = name.start_mark.index, node.end_mark.index, bool(mapping.flow_style)
                yield section.value, name.value, node, place


def _blank(sheet: BootFile, text: str, begin: int, end: int, between_braces: bool) -> str:
    end = begin + len(text[begin:end].rstrip())  # a block scalar ends on the next line
    if not between_braces:
        width = sheet.width(text[begin:end])
        note = next(note for note in NOTES if len(note) <= width)
        return text[:begin] + note.ljust(width) + text[end:]
    if after := re.match(r"\s*,", text[end:]):
        end += after.end()
    elif before := re.search(r",\s*$", text[:begin]):
        begin = before.start()
    return text[:begin] + " " * sheet.width(text[begin:end]) + text[end:]
