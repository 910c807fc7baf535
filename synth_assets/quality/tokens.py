"""A text in, its word tokens out: for comparing texts, never for a model's vocabulary."""

from __future__ import annotations

import math
import re
import sys
import unicodedata
from functools import cache
from typing import Literal

Tokenizer = Literal["unicode", "ascii"]

_ASCII_TOKEN = re.compile(r"[a-z0-9]+")

UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese syllables
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
"""Ranges of the scripts that put no spaces between words: a token there is one character."""

CHARACTERS_PER_WORD = 2
"""Characters that count as a word in a script without spaces: the usual length of a Chinese word,
and near enough to tell a text of 3 words from one of 150."""

_UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")


def tokenize(text: str, tokenizer: Tokenizer = "unicode") -> list[str]:
    """Word tokens of ``text``, lower-cased. ``ascii`` is the published rule (every run outside
    a-z and 0-9 separates), under which other scripts have no tokens at all."""
    if tokenizer == "ascii":
        return _ASCII_TOKEN.findall(text.lower())
    return _unicode_token().findall(unicodedata.normalize("NFC", text.casefold()))


def count_words(text: str) -> int:
    """Words between white space; in scripts without spaces, two characters count as a word."""
    words = text.split()
    unspaced = len(_UNSPACED_CHARACTER.findall(text))
    if not unspaced:
        return len(words)
    spaced = sum(1 for word in words if not _UNSPACED_CHARACTER.search(word))
    return spaced + math.ceil(unspaced / CHARACTERS_PER_WORD)


@cache
def _unicode_token() -> re.Pattern[str]:
    """A character of an unspaced script with its marks, or a run of letters, digits and marks.

    ``\\w`` alone would break words of many scripts apart at their vowel signs, which are marks.
    """
    marks = _mark_ranges()
    letter = rf"(?:(?![{UNSPACED}])[^\W_]|[{marks}])"
    return re.compile(rf"[{UNSPACED}][{marks}]*|{letter}+")


def _mark_ranges() -> str:
    """All combining marks of Unicode (categories Mn, Mc, Me) as ranges of a character class."""
    ranges: list[list[int]] = []
    for point in range(0x300, sys.maxunicode + 1):
        if point == 0x20000:  # planes 2 to 13 hold no marks
            break
        if unicodedata.category(chr(point)).startswith("M"):
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1][1] = point
            else:
                ranges.append([point, point])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
