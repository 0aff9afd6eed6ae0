"""Search criteria of a ContentDirectory, such as `dc:title contains "blue" and @parentID = "albums"`. Pure.

Source: ContentDirectory:1, section 2.5.5. A criterion becomes a tree of conditions, which says of an object's
properties whether they fit. Criteria come from anybody in the network, so their length and depth are limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LONGEST = 2000
DEEPEST = 20
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "contains", "doesnotcontain", "derivedfrom", "exists")
_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|(\(|\)|!=|<=|>=|=|<|>)|([^\s()"=<>!]+))')


class CriteriaError(ValueError):
    """The criteria cannot be read."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One property compared with one value."""

    name: str
    operator: str
    value: str

    def fits(self, properties: Mapping[str, str]) -> bool:
        """Whether an object with these properties fits. Text is compared without regard to case."""
        known = properties.get(self.name)
        mine, theirs = (known or "").casefold(), self.value.casefold()
        match self.operator:
            case "=":
                return known is not None and mine == theirs
            case "!=":
                return mine != theirs
            case "contains":
                return theirs in mine
            case "doesnotcontain":
                return theirs not in mine
            case "derivedfrom":
                return mine == theirs or mine.startswith(theirs + ".")
            case "exists":
                return (known is not None) is (theirs == "true")
            case "<":
                return mine < theirs
            case "<=":
                return mine <= theirs
            case ">":
                return mine > theirs
        return mine >= theirs


@dataclass(frozen=True, slots=True)
class Both:
    """Two criteria; with `either`, one of them is enough."""

    left: Criteria
    right: Criteria
    either: bool

    def fits(self, properties: Mapping[str, str]) -> bool:
        """Whether an object with these properties fits."""
        first = self.left.fits(properties)
        return (first or self.right.fits(properties)) if self.either else (first and self.right.fits(properties))


@dataclass(frozen=True, slots=True)
class Everything:
    """Fits every object."""

    def fits(self, properties: Mapping[str, str]) -> bool:
        """Always true."""
        return True


Criteria = Condition | Both | Everything


def parse(text: str) -> Criteria:
    """The criteria in a text. Raises CriteriaError."""
    if text.strip() in ("", "*"):
        return Everything()
    if len(text) > LONGEST:
        raise CriteriaError(f"Search criteria have at most {LONGEST} characters.")
    tokens = list(_tokens(text))
    criteria, rest = _any(tokens, 0)
    if rest:
        raise CriteriaError(f"The search criteria continue after their end, with {rest[0][1]!r}.")
    return criteria


def conditions(criteria: Criteria) -> Iterator[Condition]:
    """All conditions in the criteria."""
    if isinstance(criteria, Condition):
        yield criteria
    elif isinstance(criteria, Both):
        yield from conditions(criteria.left)
        yield from conditions(criteria.right)


Token = tuple[str, str]
"""A kind ("text" for a quoted value, "sign", "word"), and the token itself."""


def _tokens(text: str) -> Iterator[Token]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise CriteriaError("The search criteria contain an unmatched quotation mark.")
        at = found.end()
        quoted, sign, word = found.groups()
        if quoted is not None:
            yield "text", re.sub(r"\\(.)", r"\1", quoted)
        else:
            yield ("sign", sign) if sign else ("word", word)


def _any(tokens: list[Token], depth: int) -> tuple[Criteria, list[Token]]:
    left, rest = _all(tokens, depth)
    while rest[:1] == [("word", "or")]:
        right, rest = _all(rest[1:], depth)
        left = Both(left, right, either=True)
    return left, rest


def _all(tokens: list[Token], depth: int) -> tuple[Criteria, list[Token]]:
    left, rest = _one(tokens, depth)
    while rest[:1] == [("word", "and")]:
        right, rest = _one(rest[1:], depth)
        left = Both(left, right, either=False)
    return left, rest


def _one(tokens: list[Token], depth: int) -> tuple[Criteria, list[Token]]:
    if depth > DEEPEST:
        raise CriteriaError("The search criteria have too many parentheses.")
    if tokens[:1] == [("sign", "(")]:
        inner, rest = _any(tokens[1:], depth + 1)
        if rest[:1] != [("sign", ")")]:
            raise CriteriaError("The search criteria contain an unmatched parenthesis.")
        return inner, rest[1:]
    if len(tokens) < 3 or tokens[0][0] != "word":
        raise CriteriaError("A condition is a property, an operator and a value.")
    (_, name), (_, operator), (kind, value) = tokens[:3]
    operator = operator.lower()
    if operator not in OPERATORS or kind == "sign":
        raise CriteriaError(f"A condition needs one of these operators: {', '.join(OPERATORS)}.")
    return Condition(name, operator, value), tokens[3:]
