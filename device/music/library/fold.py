"""Texts as the search compares them: without case, accents and punctuation. Pure.

Unicode's compatibility decomposition (UAX #15, NFKD) takes accents off and full-width letters apart; `casefold` makes
"ß" "ss". Chinese and Japanese have no spaces, so every sign is a word of its own.
"""

from __future__ import annotations

import re
import unicodedata

MOST_WORDS = 8  # of a search; more only cost time
LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "'": None, "\u2019": None}
)
"""Letters that Unicode does not take apart. An apostrophe separates no words."""
SIGN = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")
JOINED = re.compile(r"\b\w+(?:[./\-!&+$]\w+)+")
WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """The text without case and accents."""
    if text.isascii():
        return text.lower().replace("'", "")
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char)).translate(LETTERS)
    return SIGN.sub(r" \1 ", unicodedata.normalize("NFC", plain))


def indexed(text: str) -> str:
    """The text for the index: "AC/DC" can be found as "ac dc" and as "acdc"."""
    folded = fold(text)
    joined = (re.sub(r"\W", "", name) for name in JOINED.findall(folded))
    return " ".join([folded, *joined])


def words_of(text: str) -> list[str]:
    """The words of a search, as the index has them."""
    return WORD.findall(fold(text))[:MOST_WORDS]
