"""Changes values in the text of a settings file, and leaves everything else as it is: comments, order, indentation.

Pure, any thread. PyYAML tells where each value begins and ends; only that part of the text is replaced. The result is
read again and compared with what was wanted, so a file that is written in an unusual way (with anchors, for instance)
gives a sentence instead of damage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import yaml

from device.config import reader
from device.config.contradictions import contradictions
from device.config.reader import Source
from device.config.schema import Config
from device.errors import ConfigError

UNSAFE = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff-\uffff]")  # that YAML takes only as an escape
Value = bool | int | float | str | Sequence[str]


def change(text: str, name: str, changes: Mapping[str, Value], overrides: Sequence[Source] = ()) -> str:
    """The text with these settings (`section.key`: value). Raises ConfigError with every mistake, in the words of
    schema.py. `overrides`: sources that win over this one, which the whole must fit, too."""
    reader.parse(text, name, Config)  # a file with mistakes is not touched
    changed = text
    for where, value in changes.items():
        changed = _set(changed, name, where, value)
    schema_check(changed, name, overrides)
    if reader.parse(changed, name, Config) != wanted(reader.parse(text, name, Config), changes):
        raise ConfigError(f"{name}: {', '.join(changes)} cannot be changed here; edit the file")
    return changed


def schema_check(text: str, name: str, overrides: Sequence[Source] = ()) -> None:
    """Raise ConfigError with every mistake, if there is one."""
    reader.parse_all([Source(name, text), *overrides], Config, contradictions)


def wanted(config: Config, changes: Mapping[str, Value]) -> Config:
    """The settings with these changes."""
    for where, value in changes.items():
        section, _, key = where.partition(".")
        kind = type(getattr(getattr(config, section), key))
        config = replace(config, **{section: replace(getattr(config, section), **{key: kind(value)})})
    return config


def _set(text: str, name: str, where: str, value: Value) -> str:
    section, _, key = where.partition(".")
    known = {one.name: {setting.name for setting in fields(getattr(Config(), one.name))} for one in fields(Config)}
    if key not in known.get(section, set()):
        raise ConfigError(f"{name}: {where[:60]}: unknown setting")
    written = UNSAFE.sub(
        lambda found: f"\\u{ord(found[0]):04x}",
        json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False),
    )
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    entries = root.value if isinstance(root, yaml.MappingNode) else []
    head, body = next(((one, node) for one, node in entries if one.value == section), (None, None))
    if head is None:
        end = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{end}\n{section}:\n  {key}: {written}\n"
    if not isinstance(body, yaml.MappingNode) or not body.value:
        return _insert(text, text.find("\n", head.end_mark.index), f"  {key}: {written}")
    found = next((node for one, node in body.value if one.value == key), None)
    if found is not None:
        return text[: found.start_mark.index] + written + text[_end(text, found) :]
    first = body.value[0][0].start_mark
    if body.flow_style:
        return f"{text[: first.index]}{key}: {written}, {text[first.index :]}"
    return f"{text[: first.index]}{key}: {written}\n{' ' * first.column}{text[first.index :]}"


def _end(text: str, node: yaml.Node) -> int:
    """Where the value ends: for YAML, a list or a text of many lines ends only where the next setting begins."""
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(text, node.value[-1])
    begin, end = node.start_mark.index, node.end_mark.index
    return begin + len(text[begin:end].rstrip())


def _insert(text: str, newline: int, line: str) -> str:
    """A line below the one that ends at `newline` (-1: at the end of the text)."""
    return f"{text}\n{line}\n" if newline < 0 else f"{text[: newline + 1]}{line}\n{text[newline + 1 :]}"
