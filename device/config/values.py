"""One value in a YAML file, as the type and within the limits that a setting declares.

Pure, any thread. Raises `Unusable` for a value that is not, with a text for people that says what is expected; the
value of a secret setting is never part of it. Numbers are read here, not by YAML 1.1, for which `0123` is 83.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import Field
from typing import Any

import yaml

WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
NUMBER = re.compile(r"[-+]?([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})([eE][-+]?[0-9]{1,3})?")
LONGEST = 1000  # characters of a text, and texts of a list
UNSAFE = {"Cc", "Cs"}  # control characters, and halves of characters, which cannot be written anywhere
TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class Unusable(Exception):
    """A value that cannot be used; the message says why, without naming the setting."""


def value_of(node: yaml.Node, setting: Field[Any]) -> Any:
    """The value of `node` for `setting` (types: bool, int, float, str, tuple[str, ...]); raises `Unusable`."""
    limits = setting.metadata
    value = _READERS[str(setting.type)](node, bool(limits.get("secret")))
    if isinstance(value, int | float) and not isinstance(value, bool):
        _check_range(value, limits)
    choices = limits.get("choices")
    if choices and value not in choices:
        listed = ", ".join(map(str, choices))
        close = difflib.get_close_matches(str(value).lower(), [str(choice) for choice in choices], n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise Unusable(f"must be one of {listed}, not {_quote(value)}{hint}")
    if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
        raise Unusable(f"takes {limits['allowed']}, not {_quote(value)}")
    return value


def _check_range(value: float, limits: Mapping[str, Any]) -> None:
    low, high = limits.get("low", -math.inf), limits.get("high", math.inf)
    if not low <= value <= high:
        raise Unusable(f"must be from {low:g} to {high:g}, not {value:g}")


def _read_bool(node: yaml.Node, secret: bool) -> bool:
    text, plain = _scalar(node, "true or false")
    if plain and text.lower() in TRUTHS:
        return TRUTHS[text.lower()]
    raise Unusable(f"expected true or false{_instead(text, plain, text.lower() in TRUTHS)}")


def _read_int(node: yaml.Node, secret: bool) -> int:
    text, plain = _scalar(node, "a whole number")
    if plain and WHOLE.fullmatch(text):
        return int(text)
    raise Unusable(f"expected a whole number{_instead(text, plain, bool(WHOLE.fullmatch(text)))}")


def _read_float(node: yaml.Node, secret: bool) -> float:
    text, plain = _scalar(node, "a number")
    if plain and NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    pointed = text.replace(",", ".", 1)
    hint = f"; write {pointed}" if "," in text and NUMBER.fullmatch(pointed) else ""
    raise Unusable(f"expected a number{_instead(text, plain, bool(NUMBER.fullmatch(text)))}{hint}")


def _read_text(node: yaml.Node, secret: bool) -> str:
    text, plain = _scalar(node, "text")
    if node.tag == "tag:yaml.org,2002:str":
        if len(text) > LONGEST:
            raise Unusable(f"is too long; the limit is {LONGEST} characters")
        if UNSAFE & set(map(unicodedata.category, text)):
            raise Unusable("contains a control character; remove it")
        return text
    if plain and not text:
        raise Unusable('has no value; write "" for none')
    why = f", but YAML reads {text} as something else" if plain and not secret else ""
    raise Unusable(f"expected text{why}; put it in quotes")


def _read_texts(node: yaml.Node, secret: bool) -> tuple[str, ...]:
    if isinstance(node, yaml.ScalarNode) and node.value:
        raise Unusable(f"expected a list; write [{_quote(node.value)}]")
    if not isinstance(node, yaml.SequenceNode):
        raise Unusable("expected a list of texts")
    if len(node.value) > LONGEST:
        raise Unusable(f"has too many entries; the limit is {LONGEST}")
    texts = tuple(_read_text(item, secret) for item in node.value)
    if not all(texts):
        raise Unusable("a text in the list is empty")
    return texts


_READERS: Mapping[str, Callable[[yaml.Node, bool], Any]] = {
    "bool": _read_bool,
    "int": _read_int,
    "float": _read_float,
    "str": _read_text,
    "tuple[str, ...]": _read_texts,
}


def _scalar(node: yaml.Node, expected: str) -> tuple[str, bool]:
    """The text of a single value and whether it stood there without quotes and without a tag."""
    if isinstance(node, yaml.ScalarNode):
        return node.value, node.style is None
    raise Unusable(f"expected {expected}, not a {'list' if isinstance(node, yaml.SequenceNode) else 'section'}")


def _instead(text: str, plain: bool, would_do: bool) -> str:
    if not plain:
        return ", not text; remove the quotes" if would_do else f", not {_quote(text)}"
    return f", not {shorten(text)}" if text else "; there is no value"


def _quote(value: object) -> str:
    return json.dumps(shorten(value), ensure_ascii=False) if isinstance(value, str) else str(value)


def shorten(text: str) -> str:
    """A text of the user's for a message: at most 40 characters, and none that a terminal would act on."""
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return printable if len(printable) <= 40 else printable[:39] + "…"
