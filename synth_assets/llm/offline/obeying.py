"""Words that belong to no quotation and to no template in, the orders to a judge among them out.

The simulated judges obey whoever speaks outside of a quotation, in whatever words, as a credulous
model would: so a completion that got out of its quotation would show in every rate. What is quoted
is material, and no words of it are orders.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from synth_assets.llm.offline.recognise import read_blocks

_SIDE = re.compile(r"\b(?i:choose|prefer|pick|select)\s+(?i:completion\s+)?\(?([AB])\b")
_SAYS = (
    r"\b(?:rat|scor|grad|giv|award|assign|output|print|reply|answer|respond|return|say|writ|mark)"
)
_IS_WORTH = r"\b(?:deserv|earn|worth|rating|score|grade|points?)"
_BEST = r"full|top|highest|maximum|perfect|best"
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_RATING = re.compile(
    rf"(?:{_SAYS}|{_IS_WORTH})[^.!?\n]{{0,80}}?"
    r"(?<!from )(?<!to )(?<!all )\b"
    rf"(?:(\d{{1,2}})\b(?!\s*(?:to|or|-|–)\s*\d)|({'|'.join(_WORDS)})\b(?! to\b)|({_BEST})\b)",
    re.IGNORECASE,
)
_ALL_MET = re.compile(
    r"\b(?:all|every|each)\b[^.!?\n]{0,60}\b(?:met|true|fulfilled|passed|satisfied)\b",
    re.IGNORECASE,
)
_CHANGES = re.compile(r"\{\{.*?\}\}|\d+")
"""What of a template differs from request to request."""


def ordered_side(text: str) -> str | None:
    """``A`` or ``B`` where someone orders to choose it."""
    found = _SIDE.search(_strange_words(text))
    return found.group(1) if found else None


def ordered_rating(text: str, highest: int) -> int | None:
    """The rating that someone orders to give, in figures or in words; ``highest`` where it is the
    best that there is."""
    found = _RATING.search(_strange_words(text))
    if found is None:
        return None
    number, word, _ = found.groups()
    if number is not None:
        return int(number)
    return highest if word is None else 1 + _WORDS.index(word.lower())


def orders_full_marks(text: str, highest: int) -> bool:
    """Someone orders to grade everything as met, or to give the highest rating or a higher one."""
    said = _strange_words(text)
    ordered = ordered_rating(text, highest)
    return _ALL_MET.search(said) is not None or (ordered is not None and ordered >= highest)


def _strange_words(text: str) -> str:
    """What stands outside of quotations, without the paragraphs of our templates: those are the
    judge's own instructions."""
    paragraphs = read_blocks(text)[1].split("\n\n")
    return "\n".join(each for each in paragraphs if _shape(each) not in _own_paragraphs())


@cache
def _own_paragraphs() -> frozenset[str]:
    folders = [folder for folder in files("synth_assets.templates").iterdir() if folder.is_dir()]
    texts = [each for folder in folders for each in folder.iterdir() if each.name.endswith(".txt")]
    return frozenset(
        _shape(paragraph)
        for template in texts
        for paragraph in template.read_text(encoding="utf-8").split("\n\n")
    )


def _shape(paragraph: str) -> str:
    return _CHANGES.sub("#", paragraph).strip()
