"""Constraints on the form of an answer that plain code can check: a seeded draw in, sentences of a
prompt out; a prompt's constraints and a completion in, which of them it breaks out.

In the manner of IFEval (Zhou et al. 2023): each constraint is one sentence with a check that needs
no judge. Words are counted by white space, in scripts without spaces two characters are a word.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from synth_assets.errors import LakeError
from synth_assets.identity import canonical_json
from synth_assets.quality.tokens import count_words

Values = Mapping[str, str]

WORDS = ("because", "example", "first", "often", "people", "place", "question", "small", "time")
PHRASES = ("that is all.", "more on request.", "good luck with it.")
OPENINGS = ("In short,", "To begin with,", "Here is a plan:")

_BULLET = re.compile(r"^\s*[-*•] \S", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_COMMAS = re.compile("[,،、，]")


@dataclass(frozen=True)
class ConstraintKind:
    """sentence: how a prompt says it, with slots. places: parts of an answer that it decides: two
    kinds that share one cannot be kept together. draw: values for the slots. check: is it kept?"""

    name: str
    sentence: str
    places: frozenset[str]
    draw: Callable[[random.Random], dict[str, str]]
    check: Callable[[str, Values], bool]

    @property
    def pattern(self) -> re.Pattern[str]:
        """What finds the sentence in a prompt, and its values."""
        parts = (
            re.escape(literal) + (f"(?P<{slot}>{_SLOTS[slot]})" if slot else "")
            for literal, slot, _, _ in Formatter().parse(self.sentence)
        )
        return re.compile("".join(parts))


_SLOTS = {"n": r"\d+", "word": r"\w+", "phrase": r'[^"\n]+'}


@dataclass(frozen=True)
class Constraint:
    """One constraint as it stands in a prompt."""

    name: str
    values: Mapping[str, str]

    def sentence(self) -> str:
        return KINDS[self.name].sentence.format_map(self.values)

    def is_kept(self, completion: str) -> bool:
        return KINDS[self.name].check(completion, self.values)


def _number(lowest: int, highest: int, step: int = 1) -> Callable[[random.Random], dict[str, str]]:
    return lambda draw: {"n": str(draw.randrange(lowest, highest + 1, step))}


def _choice(slot: str, options: Sequence[str]) -> Callable[[random.Random], dict[str, str]]:
    return lambda draw: {slot: draw.choice(options)}


def _nothing(draw: random.Random) -> dict[str, str]:
    return {}


def _holds_word(text: str, v: Values) -> bool:
    word = re.escape(v["word"].casefold())
    return re.search(rf"(?<!\w){word}(?!\w)", text.casefold()) is not None


def _is_json(text: str, v: Values) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict)


def _paragraphs(text: str) -> int:
    return sum(bool(part.strip()) for part in _BLANK_LINE.split(text.strip()))


def _has_letters(text: str) -> bool:
    return any(letter.isalpha() for letter in text)


def _kind(
    name: str,
    sentence: str,
    places: str,
    draw: Callable[[random.Random], dict[str, str]],
    check: Callable[[str, Values], bool],
) -> ConstraintKind:
    return ConstraintKind(name, sentence, frozenset(places.split()), draw, check)


_ALL = (
    _kind(
        "at_least_words",
        "Write at least {n} words.",
        "length",
        _number(40, 120, 10),
        lambda text, v: count_words(text) >= int(v["n"]),
    ),
    _kind(
        "at_most_words",
        "Write at most {n} words.",
        "length",
        _number(40, 120, 10),
        lambda text, v: _has_letters(text) and count_words(text) <= int(v["n"]),
    ),
    _kind(
        "contains_word",
        'Use the word "{word}" somewhere.',
        "word",
        _choice("word", WORDS),
        _holds_word,
    ),
    _kind(
        "avoids_word",
        'Leave out the word "{word}".',
        "word",
        _choice("word", WORDS),
        lambda text, v: _has_letters(text) and not _holds_word(text, v),
    ),
    _kind(
        "bullet_points",
        'Use exactly {n} bullet points, each a line that begins with "- ".',
        "shape",
        _number(2, 5),
        lambda text, v: len(_BULLET.findall(text)) == int(v["n"]),
    ),
    _kind(
        "paragraphs",
        "Write exactly {n} paragraphs with a blank line between them.",
        "shape",
        _number(2, 4),
        lambda text, v: _paragraphs(text) == int(v["n"]),
    ),
    _kind(
        "lower_case",
        "Use no capital letters.",
        "case opening",
        _nothing,
        lambda text, v: _has_letters(text) and not any(letter.isupper() for letter in text),
    ),
    _kind(
        "upper_case",
        "Use capital letters only.",
        "case opening ending",
        _nothing,
        lambda text, v: _has_letters(text) and not any(letter.islower() for letter in text),
    ),
    _kind(
        "starts_with",
        'Start with the words "{phrase}".',
        "opening commas",
        _choice("phrase", OPENINGS),
        lambda text, v: text.lstrip().startswith(v["phrase"]),
    ),
    _kind(
        "ends_with",
        'End with the words "{phrase}".',
        "ending",
        _choice("phrase", PHRASES),
        lambda text, v: text.rstrip().endswith(v["phrase"]),
    ),
    _kind(
        "no_commas",
        "Use no commas.",
        "commas",
        _nothing,
        lambda text, v: _has_letters(text) and _COMMAS.search(text) is None,
    ),
    _kind(
        "json_only",
        "Reply with one JSON object and nothing else.",
        "shape case opening ending commas",
        _nothing,
        _is_json,
    ),
)
KINDS: Mapping[str, ConstraintKind] = {kind.name: kind for kind in _ALL}


def draw_constraints(draw: random.Random, count: int) -> list[Constraint]:
    """Up to ``count`` constraints that can be kept together, in a random order."""
    free = list(_ALL)
    drawn: list[Constraint] = []
    while free and len(drawn) < count:
        kind = draw.choice(free)
        drawn.append(Constraint(kind.name, kind.draw(draw)))
        free = [other for other in free if not other.places & kind.places]
    return drawn


def find_constraints(text: str) -> tuple[list[Constraint], str]:
    """The constraints whose sentences stand in a text, and the text without them."""
    found: list[tuple[int, Constraint]] = []
    rest = text
    for kind in _ALL:
        for match in kind.pattern.finditer(text):
            found.append((match.start(), Constraint(kind.name, match.groupdict())))
            rest = rest.replace(match.group(), "", 1)
    return [constraint for _, constraint in sorted(found, key=lambda each: each[0])], rest.strip()


def constraints_to_json(constraints: Sequence[Constraint]) -> str:
    """As they stand in a table."""
    return canonical_json(
        [{"name": each.name, "values": dict(each.values)} for each in constraints]
    )


def constraints_from_json(text: str) -> list[Constraint]:
    """The inverse. Errors: `LakeError` for a kind that is not known."""
    entries: list[dict[str, Any]] = json.loads(text)
    unknown = sorted({entry["name"] for entry in entries} - KINDS.keys())
    if unknown:
        raise LakeError(
            f"constraints {', '.join(unknown)} are not known; known are {', '.join(KINDS)}"
        )
    return [Constraint(entry["name"], entry["values"]) for entry in entries]
