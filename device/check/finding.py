"""The result of a check: its text for people, and its verdict. A leaf."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The verdict on a finding."""

    WELL = "well"
    NOTE = "note"  # intended, or not checked, but worth knowing
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in one part, and what to do about it (empty: nothing, or `words` already says it)."""

    part: str
    verdict: Verdict
    words: str
    advice: str = ""


def well(part: str, words: str) -> Finding:
    return Finding(part, Verdict.WELL, words)


def note(part: str, words: str, advice: str = "") -> Finding:
    return Finding(part, Verdict.NOTE, words, advice)


def problem(part: str, words: str, advice: str = "") -> Finding:
    return Finding(part, Verdict.PROBLEM, words, advice)
