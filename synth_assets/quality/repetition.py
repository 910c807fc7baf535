"""A text in, how often it says the same again out: paragraphs, sentences, lines in a row."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import groupby

_PARAGRAPHS = re.compile(r"\n[^\S\n]*\n")
_SENTENCES = re.compile(
    r"(?<=[.!?\u2026])[\"'\u201d\u2019)\]]*\s+"  # a full stop and a space after it
    r"|(?<=[\u3002\uff01\uff1f\u0964\u06d4])"  # full stops that need no space: 。！？ । ۔
    r"|\n+"
)
_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True)
class Repetition:
    """The most often that one paragraph and one sentence stand in a text, and the longest run of
    one line; 0 in an empty text."""

    paragraphs: int
    sentences: int
    lines: int


def repetition(text: str) -> Repetition:
    """Counts what says something: a rule of dashes, or a lone bracket, repeats nothing.

    White space does not tell texts apart, but lines are told apart by their indentation: the
    brackets that close a nested block are not one line. Blank lines do not break a run.
    """
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    runs = (len(list(run)) for line, run in groupby(lines) if _WORD.search(line))
    return Repetition(
        paragraphs=_most(_PARAGRAPHS.split(text)),
        sentences=_most(_SENTENCES.split(text)),
        lines=max(runs, default=0),
    )


def _most(parts: list[str]) -> int:
    counts = Counter(" ".join(part.split()) for part in parts if _WORD.search(part))
    return max(counts.values(), default=0)
