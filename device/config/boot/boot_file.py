"""A file of settings as an editor wrote it: its encoding, where its secrets are, and how to blank them.

Pure, any thread. Blanking keeps the number of bytes, so that partition.py can overwrite the file where it lies on the
disk. Neither the directory nor the length changes, and so a power cut can break least of a FAT file system.
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
    """The text of a file and its encoding. Messages call it `name`."""

    name: str
    text: str
    encoding: str = "utf-8"
    bom: bytes = b""

    @classmethod
    def decode(cls, name: str, raw: bytes) -> BootFile:
        """Text from bytes; Notepad writes a byte order mark, or UTF-16. Raises ConfigError for anything but text."""
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
        """How many spaces take as many bytes in the file as `text` does."""
        return len(text.encode(self.encoding)) // len(" ".encode(self.encoding))


def cut_secrets(file: BootFile, cls: type[T]) -> tuple[BootFile, dict[str, str]]:
    """The file without its secrets, and the secrets (`section.key`: value; an empty one stays in the file).

    The file has no mistakes. Raises ConfigError for a secret that cannot be blanked, in an alias for instance: its
    owner can delete it, and half a blanked file helps nobody.
    """
    text, secrets = file.text, {}
    wanted = reader.parse(file.text, file.name, cls)
    for section, name, node, span in reversed(list(_secrets_in(file.text, wanted))):
        secrets[f"{section}.{name}"] = node.value
        if node.value:
            text = _blank(file, text, *span)
            wanted = replace(wanted, **{section: replace(getattr(wanted, section), **{name: ""})})
    blanked = replace(file, text=text)
    try:
        whole = reader.parse(text, file.name, cls) == wanted and len(blanked.encode()) == len(file.encode())
    except ConfigError:
        whole = False
    if not whole:
        where = f"{file.name}: {', '.join(secrets)}"
        raise ConfigError(f'{where}: must be on a line of its own, as in `password: "word"`')
    return blanked, secrets


Span = tuple[int, int, bool]
"""The first character of a setting, the one after its last, and whether it is between { and }."""


def _secrets_in(text: str, config: DataclassInstance) -> Iterator[tuple[str, str, yaml.ScalarNode, Span]]:
    """Section, key, value and span of every secret that the text sets."""
    keys_of = {section.name: fields(getattr(config, section.name)) for section in fields(config)}
    secret = {(section, key.name) for section, keys in keys_of.items() for key in keys if "secret" in key.metadata}
    root = reader.compose(text, [])
    for section, mapping in root.value if isinstance(root, yaml.MappingNode) else ():
        for name, node in mapping.value if isinstance(mapping, yaml.MappingNode) else ():
            if (section.value, name.value) in secret:
                span = name.start_mark.index, node.end_mark.index, bool(mapping.flow_style)
                yield section.value, name.value, node, span


def _blank(file: BootFile, text: str, begin: int, end: int, between_braces: bool) -> str:
    end = begin + len(text[begin:end].rstrip())  # a block scalar ends on the next line
    if not between_braces:
        width = file.width(text[begin:end])
        note = next(note for note in NOTES if len(note) <= width)
        return text[:begin] + note.ljust(width) + text[end:]
    if after := re.match(r"\s*,", text[end:]):
        end += after.end()
    elif before := re.search(r",\s*$", text[:begin]):
        begin = before.start()
    return text[:begin] + " " * file.width(text[begin:end]) + text[end:]
