"""YAML files as a tree of dataclasses: reads several, of which later ones win, and finds every mistake in them.

Knows nothing of Affetto's settings; `schema.py` declares those, with `key()` below. Also writes the file with all
defaults. The main thread calls it at start; it only reads the files that it is given, and only so much of them.

PyYAML composes a tree of nodes and never makes objects of them: a node knows its line, and its text is still what the
user wrote, before YAML 1.1 turns `on` into a truth value and `12:30` into the number 750. Aliases cost nothing, because
nodes are shared. No message contains a secret value or any part of it, and no message quotes the file.
"""

from __future__ import annotations

import difflib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import yaml

from device.config.values import Unusable, shorten, value_of
from device.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance, StrPath

    T = TypeVar("T", bound=DataclassInstance)

LARGEST = 262_144  # bytes; the file with every setting has 5,000
SHOWN = 20  # mistakes; whoever sees more of them has given the wrong file

Contradictions = Callable[[Any], Iterable[tuple[str, str]]]
"""Given valid settings: pairs of a setting (`section.key`) and what contradicts it."""


class Source(NamedTuple):
    """A file of settings: its name for messages, and its text."""

    name: str
    text: str


def key(default: Any, doc: str, **limits: Any) -> Any:
    """A setting. Limits: `low`, `high` (numbers, inclusive), `choices`, `pattern` (regular expression for the whole
    text, with `allowed` saying the same in words). `secret` keeps the value out of messages and of `repr`."""
    meta = {"doc": doc, **limits}
    if isinstance(default, list | tuple):
        value = tuple(default)
        return field(default_factory=lambda: value, metadata=meta)
    return field(default=default, metadata=meta, repr=not limits.get("secret"))


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something to correct: the line (0: the whole file), the setting (may be empty) and what is wrong with it."""

    line: int
    where: str
    what: str

    def text(self, name: str) -> str:
        """`config.yaml:12: camera.fsp: unknown setting; did you mean fps?`"""
        return ": ".join(filter(None, [f"{name}:{self.line}" if self.line else name, self.where, self.what]))


def load(
    path: StrPath, cls: type[T], contradictions: Contradictions = lambda _: (), overrides: Sequence[Source] = ()
) -> T:
    """Reads the file at `path`; `overrides` win over it. Raises `ConfigError` with every mistake in them, or with why
    the file cannot be read."""
    return parse_all([Source(str(path), read(path)), *overrides], cls, contradictions)


def read(path: StrPath) -> str:
    """The text of a file of at most `LARGEST` bytes; `ConfigError` says why there is none."""
    try:
        with open(path, "rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise ConfigError(f"{path}: too large for a file of settings; the limit is {LARGEST // 1024} KiB")
        return io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8").read()  # with \n for every end of a line
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from error


def parse(text: str, name: str, cls: type[T], contradictions: Contradictions = lambda _: ()) -> T:
    """Like `load`, on text; messages call it `name`. Empty text gives the defaults."""
    return parse_all([Source(name, text)], cls, contradictions)


def parse_all(sources: Sequence[Source], cls: type[T], contradictions: Contradictions = lambda _: ()) -> T:
    """Several texts as one: a later one wins over the earlier."""
    config, found = cls(), []
    origins: dict[str, tuple[int, int]] = {}  # of each setting: the last source that sets it, and the line there
    for number, (_, text) in enumerate(sources):
        mistakes: list[Mistake] = []
        lines: dict[str, int] = {}
        config = _read_sections(compose(text, mistakes), config, mistakes, lines)
        found += [(number, mistake) for mistake in mistakes]
        origins |= {where: (number, line) for where, line in lines.items()}
    if not found:
        for where, what in contradictions(config):
            number, line = origins.get(where, (0, 0))
            found.append((number, Mistake(line, where, what)))
    if found:
        found.sort(key=lambda one: (one[0], one[1].line))
        sentences = [mistake.text(sources[number].name) for number, mistake in found[:SHOWN]]
        if (more := len(found) - SHOWN) > 0:
            sentences.append(f"and at least {more} more")
        raise ConfigError("\n".join(sentences))
    return config


def compose(text: str, mistakes: list[Mistake]) -> yaml.Node | None:
    """The text as a tree of nodes; what makes that impossible is added to `mistakes`."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        mistakes.append(Mistake(0, "", "nested too deeply to be settings"))
    except yaml.YAMLError as error:
        mistakes.append(_syntax_mistake(error, text))
    return None


def _read_sections(root: yaml.Node | None, base: T, mistakes: list[Mistake], lines: dict[str, int]) -> T:
    known: dict[str, Any] = {f.name: getattr(base, f.name) for f in fields(base)}
    homes = {f.name: section for section, default in known.items() for f in fields(default)}
    values: dict[str, Any] = {}
    for section, node, line in _entries(root, "", mistakes):
        if section in known:
            lines[section] = line
            values[section] = _read_keys(node, section, known[section], homes, mistakes, lines)
        else:
            mistakes.append(Mistake(line, section, _unknown(section, "section", known, homes, "")))
    return replace(base, **values)


def _read_keys(
    node: yaml.Node,
    section: str,
    base: Any,
    homes: Mapping[str, str],
    mistakes: list[Mistake],
    lines: dict[str, int],
) -> Any:
    known = {f.name: f for f in fields(base)}
    values: dict[str, Any] = {}
    for name, value, line in _entries(node, section, mistakes):
        where = f"{section}.{name}"
        lines[where] = line
        if name not in known:
            mistakes.append(Mistake(line, where, _unknown(name, "setting", known, homes, section)))
            continue
        try:
            values[name] = value_of(value, known[name])
        except Unusable as reason:
            mistakes.append(Mistake(line, where, str(reason)))
    return replace(base, **values)


def _entries(node: yaml.Node | None, where: str, mistakes: list[Mistake]) -> Iterator[tuple[str, yaml.Node, int]]:
    """Names, values and lines of a mapping; nothing at all is an empty one."""
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null") and not node.value):
        return
    if not isinstance(node, yaml.MappingNode):
        what = "expected settings such as `name: value`, " + ("indented below it" if where else "in sections")
        mistakes.append(Mistake(node.start_mark.line + 1, where, what))
        return
    seen: dict[str, int] = {}
    for name_node, value in node.value:
        if len(mistakes) > SHOWN:
            return  # to look for the nearest name of each takes time
        line = name_node.start_mark.line + 1
        if not isinstance(name_node, yaml.ScalarNode):
            mistakes.append(Mistake(line, where, "expected the name of a setting before the colon"))
            continue
        name = shorten(name_node.value)
        if name in seen:
            full = f"{where}.{name}" if where else name
            mistakes.append(Mistake(line, full, f"given twice, first in line {seen[name]}"))
            continue
        seen[name] = line
        yield name, value, line


def _unknown(name: str, kind: str, known: Iterable[str], homes: Mapping[str, str], section: str) -> str:
    close = difflib.get_close_matches(name.lower(), list(known), n=1)
    if close:
        return f"unknown {kind}; did you mean {close[0]}?"
    if name in homes and homes[name] != section:
        return f"unknown {kind}; {name} belongs in section {homes[name]}"
    return f"unknown {kind}; there are {', '.join(known)}"


# PyYAML's own words, and what they mean to somebody who edits settings. Its messages may contain pieces of the file,
# hence of a password, and are never passed on.
_SYNTAX: tuple[tuple[str, str], ...] = (
    ("mapping values are not allowed", "a colon too many, or none in the line before; check indentation and quotes"),
    ("cannot start any token", "a tab, or a text that needs quotes because of its first character"),
    ("undefined alias", "a text that begins with * needs quotes"),
    ("alphabetic or numeric character", "a text that begins with *, & or ! needs quotes"),
    ("could not find expected ':'", "a setting without a colon, or a text that needs quotes"),
    ("but found another document", "--- begins a second document, and there can be only one"),
    ("unexpected end of stream", "a quote that is opened here is never closed"),
    ("expected ',' or", "a bracket that is opened here is never closed"),
    ("expected <block end>", "check the indentation and the quotes: settings of a section begin in the same column"),
    ("unknown escape character", "a backslash in double quotes; use single quotes instead"),
    ("special characters are not allowed", "a character that cannot be in a text file"),
)


def _syntax_mistake(error: yaml.YAMLError, text: str) -> Mistake:
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", ""))
    what = next((words for part, words in _SYNTAX if part in problem), "not valid YAML; check quotes and indentation")
    mark = getattr(error, "problem_mark", None)
    if "opened here" in what or "without a colon" in what:
        mark = getattr(error, "context_mark", None) or mark
    if mark is not None:
        return Mistake(mark.line + 1, "", what)
    return Mistake(text[: getattr(error, "position", 0)].count("\n") + 1, "", what)


def reference(cls: type[DataclassInstance], head: str) -> str:
    """The file with every setting at its default, each below a line that explains it. `head` is put on top."""
    parts = [head.rstrip() + "\n"]
    for section in fields(cls):
        defaults: Any = section.default
        doc = type(defaults).__doc__ or ""
        parts.append(f"\n# {doc.splitlines()[0]}\n{section.name}:\n")
        for setting in fields(defaults):
            shown = json.dumps(getattr(defaults, setting.name), ensure_ascii=False)
            parts.append(f"  # {_explanation(setting)}\n  {setting.name}: {shown}\n")
    return "".join(parts)


def _explanation(setting: Field[Any]) -> str:
    doc, limits = setting.metadata["doc"], setting.metadata
    if "low" in limits:
        unit = " seconds" if setting.name.endswith("_s") and "seconds" not in doc else ""
        return f"{doc} ({limits['low']:g} to {limits['high']:g}{unit})"
    choices = [str(choice) for choice in limits.get("choices", ())]
    return doc if all(choice in doc for choice in choices) else f"{doc} ({', '.join(choices)})"
