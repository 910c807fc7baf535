"""A segment of a person's document in, why it is no completion out (Li et al. 2023, Humpback)."""

from __future__ import annotations

import re
from itertools import groupby

from synth_assets.quality.diversity import distinct_n

SAME_LINES_IN_A_ROW = 4
LEAST_DISTINCT = 0.4
"""Different 3-grams over all: below it most of the text says what it has said before. Prose lies
above 0.9, a table of figures near 0.7."""

CAPITALS = 0.5
"""Share of capitals from which on a text shouts, or is a list of abbreviations."""

LINK_LINES = 0.5
NAVIGATION = frozenset(
    {
        "breadcrumbs",
        "comments",
        "contents",
        "cookie policy",
        "external links",
        "further reading",
        "home",
        "index",
        "inhalt",
        "inhaltsverzeichnis",
        "leave a comment",
        "leave a reply",
        "links",
        "log in",
        "login",
        "main menu",
        "menu",
        "navigation",
        "on this page",
        "references",
        "related articles",
        "related posts",
        "related",
        "see also",
        "share this",
        "sign in",
        "sign up",
        "site map",
        "sitemap",
        "skip to content",
        "sommaire",
        "table des matières",
        "table of contents",
        "índice",
        "目次",
        "目录",
    }
)
"""Headings of what leads to other pages and says nothing itself."""

_LINK = re.compile(r"(?:[-*+•]|\d+[.)])?\s*(?:\[[^\]]*\]\([^)]*\)|<?https?://\S+)\s*[|>»·]?")


def source_reason(text: str, shortest: int, longest: int) -> str | None:
    """The first rule that a segment breaks: empty, too_short, too_long, navigation_heading,
    navigation, all_caps_heading, all_caps or repetitive; None where it may be a completion."""
    if not any(character.isalnum() for character in text):
        return "empty"
    if len(text) < shortest:
        return "too_short"
    if len(text) > longest:
        return "too_long"
    heading = heading_of(text)
    if heading.casefold() in NAVIGATION:
        return "navigation_heading"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if sum(_LINK.fullmatch(line) is not None for line in lines) > LINK_LINES * len(lines):
        return "navigation"
    if share_of_capitals(heading) == 1 and sum(map(str.isalpha, heading)) > 4:
        return "all_caps_heading"
    if share_of_capitals(text) > CAPITALS:
        return "all_caps"
    return "repetitive" if is_repetitive(text, lines) else None


def heading_of(text: str) -> str:
    """The first line where it is a heading: marked as one, or short, with a line break after it and
    no full stop; else an empty text."""
    first, line_break, rest = text.strip().partition("\n")
    plain = first.strip().strip("#*_=").strip().rstrip(":")
    is_marked = first.startswith("#") or rest.startswith(("===", "---"))
    is_short = bool(line_break) and len(plain) <= 60 and not plain.endswith((".", "!", "?", "。"))
    return plain if is_marked or is_short else ""


def share_of_capitals(text: str) -> float:
    """Capitals among the letters that have a case; 0 where none has (日本語)."""
    cased = [letter for letter in text if letter.isupper() or letter.islower()]
    return sum(map(str.isupper, cased)) / len(cased) if cased else 0.0


def is_repetitive(text: str, lines: list[str]) -> bool:
    runs = (len(list(group)) for _, group in groupby(lines))
    if max(runs, default=0) >= SAME_LINES_IN_A_ROW:
        return True
    distinct = distinct_n([text], 3)
    return distinct is not None and distinct < LEAST_DISTINCT
