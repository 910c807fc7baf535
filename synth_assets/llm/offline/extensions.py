"""Further questions on a first answer: a sentence at the end of a prompt ↔ one more step.

They are how the offline teacher deepens a prompt, asks for more reasoning, or adds input.
"""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.problem import (
    INTEGER,
    NAME,
    AnswerKind,
    Values,
    Wording,
    Work,
    rows,
    show,
)

KINDS = {"k": INTEGER, "key": NAME, "table": r"[^.:?!]+?"}


@dataclass(frozen=True)
class Extension:
    """One more step on an answer of the kind ``takes``; the new answer is always a number."""

    name: str
    takes: AnswerKind
    texts: tuple[str, ...]
    worked: Callable[[str, Values], Work]

    @property
    def wordings(self) -> tuple[Wording, ...]:
        return _WORDINGS[self.name]


@dataclass(frozen=True)
class Further:
    """One extension as it stands in a prompt."""

    name: str
    wording: int
    values: Values

    def write(self) -> str:
        return EXTENSIONS[self.name].wordings[self.wording].fill(self.values)


def _times(answer: str, v: Values) -> Work:
    product = show(Fraction(answer) * int(v["k"]))
    return Work((f"Then {answer} x {v['k']} = {product}.",), product)


def _plus(answer: str, v: Values) -> Work:
    total = show(Fraction(answer) + int(v["k"]))
    return Work((f"Then {answer} + {v['k']} = {total}.",), total)


def _from(answer: str, v: Values) -> Work:
    rest = show(int(v["k"]) - Fraction(answer))
    return Work((f"Then {v['k']} - {answer} = {rest}.",), rest)


def _digits(answer: str, v: Values) -> Work:
    digits = [c for c in answer if c.isdigit()]
    total = str(sum(int(digit) for digit in digits))
    return Work((f"The digits give {' + '.join(digits)} = {total}.",), total)


def _look_up(v: Values) -> int:
    return next(int(row[1]) for row in rows(v["table"]) if row[0] == v["key"])


def _table(answer: str, v: Values) -> Work:
    figure = _look_up(v)
    total = show(Fraction(answer) + figure)
    return Work((f"The table has {figure} for {v['key']}; {answer} + {figure} = {total}.",), total)


def _length(text: str) -> int:
    return sum(character not in " ,." for character in text)


def _characters(answer: str, v: Values) -> Work:
    count = str(_length(answer))
    return Work((f"Without spaces and commas, {answer} has {count} characters.",), count)


def _characters_times(answer: str, v: Values) -> Work:
    count = _length(answer)
    product = count * int(v["k"])
    return Work(
        (f"{answer} has {count} characters; {count} x {v['k']} = {product}.",), str(product)
    )


def _characters_table(answer: str, v: Values) -> Work:
    count, figure = _length(answer), _look_up(v)
    step = f"{answer} has {count} characters, the table has {figure}: together {count + figure}."
    return Work((step,), str(count + figure))


_ALL = (
    Extension(
        "times",
        "number",
        (
            "Go on and say what {k} times that amounts to; this is the final answer.",
            "Also multiply the outcome by {k} and finish with the product.",
        ),
        _times,
    ),
    Extension(
        "plus",
        "number",
        (
            "Then add {k} to it and answer with the sum.",
            "Next, raise the result by {k}; only the raised figure counts as the answer.",
        ),
        _plus,
    ),
    Extension(
        "from",
        "number",
        (
            "Beyond that, how much is {k} less that result? Answer with this difference.",
            "Afterwards take the result away from {k} and give what is left as the answer.",
        ),
        _from,
    ),
    Extension(
        "digits",
        "number",
        (
            "Finally add up the digits of the result and answer with their sum.",
            "As a last step, find the digit sum of that figure and make it your answer.",
        ),
        _digits,
    ),
    Extension(
        "table",
        "number",
        (
            "Then add the figure for {key} from this table and answer with the total: {table}.",
            "To the result, add what the list {table} has for {key}; the answer is that total.",
        ),
        _table,
    ),
    Extension(
        "characters",
        "text",
        (
            "Go on to count the characters of that answer, spaces and commas left out, and answer with the count.",
            "How many characters, not counting spaces and commas, does this have? Give that number as the final answer.",
        ),
        _characters,
    ),
    Extension(
        "characters_times",
        "text",
        (
            "Then multiply the number of its characters, spaces and commas left out, by {k} and answer with the product.",
        ),
        _characters_times,
    ),
    Extension(
        "characters_table",
        "text",
        (
            "Then add the number of its characters, spaces and commas left out, to the figure for {key} in this table and answer with the total: {table}.",
        ),
        _characters_table,
    ),
)
EXTENSIONS = {extension.name: extension for extension in _ALL}
_WORDINGS = {e.name: tuple(Wording(text, KINDS) for text in e.texts) for e in _ALL}

DEEPENING = ("from", "times", "characters")
REASONING = ("digits", "plus", "characters_times")
INPUT = ("table", "characters_table")


def draw_further(dice: Dice, names: tuple[str, ...], kind: AnswerKind) -> Further:
    """One of the named extensions that takes an answer of this kind."""
    extension = EXTENSIONS[dice.pick([n for n in names if EXTENSIONS[n].takes == kind])]
    wording = dice.integer(0, len(extension.texts) - 1)
    keys = dice.words(5)
    table = "; ".join(f"{key}, {dice.integer(2, 60)}" for key in keys)
    values = {"k": str(dice.integer(3, 60)), "key": dice.pick(keys), "table": table}
    if extension.name == "from":
        values["k"] = str(dice.integer(2, 9) * 1000)
    slots = extension.wordings[wording].slots
    return Further(extension.name, wording, {slot: values[slot] for slot in slots})


def find_further(text: str, start: int) -> tuple[Further, int] | None:
    """The extension whose sentence begins at ``start``, and where it ends."""
    for extension in _ALL:
        for number, wording in enumerate(extension.wordings):
            if wording.landmark in text:
                match = wording.pattern.match(text, start)
                if match is not None:
                    return Further(extension.name, number, match.groupdict()), match.end()
    return None
