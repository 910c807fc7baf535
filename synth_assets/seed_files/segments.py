"""A document in, its segments out: exact slices of it, each a text that can stand alone.

Paragraphs are joined until a segment is long enough, a heading opens a new one where it may, and
what is longer than a segment may be is cut at the end of a sentence, else of a line or a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PARAGRAPH = re.compile(r"\S.*?(?=\n[ \t\r]*\n|\s*\Z)", re.DOTALL)
_HEADING = re.compile(r"#{1,6} |[^\n]+\n(?:={3,}|-{3,})\s*\Z")
_ENDS = (
    re.compile(r"[.!?…][\"'”’)\]]*(?=\s)|[。！？](?:[」』])?"),
    re.compile(r"(?=\n)"),
    re.compile(r"(?=\s)"),
)
"""Where a long paragraph may be cut, the best place first."""


@dataclass(frozen=True)
class Segment:
    """start: its first character's place in the document, from 0."""

    start: int
    text: str


def segments_of(document: str, shortest: int, longest: int) -> list[Segment]:
    """Every part of the document that is not blank, in order, at most ``longest`` characters each.
    One shorter than ``shortest`` is left only where nothing before it had room."""
    spans: list[tuple[int, int]] = []
    for start, end in _pieces(document, longest):
        if spans:
            first, last = spans[-1]
            is_long_enough = last - first >= shortest
            opens = _HEADING.match(document[start:end]) is not None
            if end - first <= longest and not (is_long_enough and opens):
                spans[-1] = (first, end)
                continue
        spans.append((start, end))
    return [Segment(start, document[start:end]) for start, end in _joined(spans, shortest, longest)]


def _pieces(document: str, longest: int) -> Iterator[tuple[int, int]]:
    for match in _PARAGRAPH.finditer(document):
        start, end = match.span()
        while end - start > longest:
            cut = _cut(document, start, start + longest)
            yield start, cut
            start = cut + len(document[cut:end]) - len(document[cut:end].lstrip())
        if start < end:
            yield start, end


def _cut(document: str, start: int, limit: int) -> int:
    """Where to cut: behind the last good place in the second half, else at the limit itself."""
    middle = start + (limit - start) // 2
    for pattern in _ENDS:
        places = [match.end() for match in pattern.finditer(document, middle, limit)]
        if places:
            return places[-1]
    return limit


def _joined(spans: list[tuple[int, int]], shortest: int, longest: int) -> list[tuple[int, int]]:
    """A short segment goes to the one before it where there is room, headings or not."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and end - start < shortest and end - joined[-1][0] <= longest:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
