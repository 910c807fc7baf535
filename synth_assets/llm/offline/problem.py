"""A task family: a seeded draw in, a problem in words out; words in, the problem back; its answer.

A wording is a sentence with slots. Its regular expression is built from the same text, so that
parsing inverts writing by construction (and a test draws and parses every wording).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from string import Formatter
from typing import Literal

from synth_assets.llm.offline.dice import Dice

Values = Mapping[str, str]
AnswerKind = Literal["number", "text"]

INTEGER = r"\d+"
NUMBER = r"\d+(?:\.\d+)?"
NAME = r"[^\W\d_][\w'-]*"
PHRASE = r"[^.,;:?!]+?"
NUMBERS = r"\d+(?:, ?\d+)*"
LIST = r"[^.;:?!]+?"
ROWS = r"[^.:?!]+"
CLOCK = r"\d\d:\d\d"
DATE = r"\d{4}-\d\d-\d\d"


@dataclass(frozen=True)
class Work:
    """The way to an answer. ``answer`` is plain text: digits for a number, words else."""

    steps: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class Problem:
    """One problem: which family, in which wording, with what in the slots."""

    family: str
    wording: int
    values: Mapping[str, str]


class Wording:
    """A text with slots ``{name}`` that can be filled and recognised."""

    def __init__(self, text: str, kinds: Mapping[str, str]) -> None:
        self.text = text
        self.slots: list[str] = []
        pattern, literals = "", []
        for literal, slot, _, _ in Formatter().parse(text):
            literals.append(literal)
            pattern += re.escape(literal)
            if slot is None:
                continue
            if slot in self.slots:
                pattern += f"(?P={slot})"
            else:
                pattern += f"(?P<{slot}>{kinds.get(slot, PHRASE)})"
                self.slots.append(slot)
        self.landmark = max(literals, key=len)
        self.pattern = re.compile(rf"(?:^|(?<=[.!?:] )){pattern}(?=\s|$)")

    def fill(self, values: Values) -> str:
        return self.text.format_map(values)

    def search(self, text: str) -> re.Match[str] | None:
        """The wording inside a longer text, from the start of a sentence on."""
        if self.landmark not in text:
            return None
        return self.pattern.search(text)


@dataclass(frozen=True)
class Family:
    """Problems that ask for one and the same operation.

    method: name of the operation, as an answer would give it.
    unit: what the answer counts, or None.
    drawn: slots filled at random. worked: steps and answer from the slots.
    grown: the same slots with more input (a longer list, a larger table), or None.
    """

    name: str
    group: str
    method: str
    kind: AnswerKind
    texts: tuple[str, ...]
    drawn: Callable[[Dice], dict[str, str]]
    worked: Callable[[Values], Work]
    kinds: Mapping[str, str] = field(default_factory=dict)
    unit: str | None = None
    grown: Callable[[Values, Dice], dict[str, str]] | None = None
    wordings: tuple[Wording, ...] = field(init=False)

    def __post_init__(self) -> None:
        wordings = tuple(Wording(text, self.kinds) for text in self.texts)
        object.__setattr__(self, "wordings", wordings)

    def draw(self, dice: Dice, *, wording: int | None = None) -> Problem:
        """A problem at random, in the given wording or in one at random."""
        number = dice.integer(0, len(self.wordings) - 1) if wording is None else wording
        values = self.drawn(dice)
        return self._problem(number, values)

    def grow(self, problem: Problem, dice: Dice) -> Problem | None:
        """The problem with more input, or None where the family has none to enlarge."""
        if self.grown is None:
            return None
        return self._problem(problem.wording, self.grown(problem.values, dice))

    def write(self, problem: Problem) -> str:
        return self.wordings[problem.wording].fill(problem.values)

    def parse(self, text: str) -> Problem | None:
        """The problem of a text that is the wording and nothing else."""
        found = self.find(text)
        if found is None or found[1] != (0, len(text)):
            return None
        return found[0]

    def find(self, text: str) -> tuple[Problem, tuple[int, int]] | None:
        """The problem that stands somewhere in a text, and where it begins and ends."""
        for number, wording in enumerate(self.wordings):
            match = wording.search(text)
            if match is not None:
                return Problem(self.name, number, match.groupdict()), match.span()
        return None

    def solve(self, problem: Problem) -> Work | None:
        """Steps and answer; None where a person's figures make no sense (February 30)."""
        try:
            return self.worked(problem.values)
        except (ValueError, ArithmeticError, LookupError):
            return None

    def _problem(self, number: int, values: Values) -> Problem:
        slots = self.wordings[number].slots
        return Problem(self.name, number, {slot: values[slot] for slot in slots})


def show(number: Fraction | int) -> str:
    """A number as people write it: whole, else a finite decimal, else a fraction."""
    value = Fraction(number)
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    sign = "-" if value < 0 else ""
    places = next((n for n in range(1, 400) if (abs(value) * 10**n).denominator == 1), None)
    if places is None:
        raise ValueError("more than 400 decimal places")
    digits = str(int(abs(value) * 10**places)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def items(text: str) -> list[str]:
    """The entries of a list written with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def rows(text: str) -> list[list[str]]:
    """The rows of a one-line table: rows end with semicolons, cells with commas."""
    return [items(row) for row in text.split(";") if row.strip()]


def join(values: Iterable[object]) -> str:
    """A list as prompts and answers write it."""
    return ", ".join(str(value) for value in values)
