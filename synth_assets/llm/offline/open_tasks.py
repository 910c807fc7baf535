"""Tasks whose instruction leaves the input open: instruction, input, output, each drawn or found.

An instruction of one of these is no whole prompt; with an input under it it is one, and its right
output is computed. Those with labels are classifications.
"""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.problem import Wording, items, join

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_SEASONS = ("winter", "winter", "spring", "spring", "spring", "summer", "summer", "summer",
            "autumn", "autumn", "autumn", "winter")  # fmt: skip
_PRAISE = (
    "a joy to use",
    "well made",
    "worth every coin",
    "friendly and quick",
    "a lovely surprise",
)
_BLAME = ("a waste of money", "badly made", "broken on arrival", "rude and slow", "a sad surprise")


@dataclass(frozen=True)
class OpenTask:
    """labels: of a classification, else empty. drawn: (dice, label or None) → an input.
    answered: an input → its right output; `ValueError` where the input makes no sense."""

    name: str
    texts: tuple[str, ...]
    drawn: Callable[[Dice, str | None], str]
    answered: Callable[[str], str]
    labels: tuple[str, ...] = ()
    wordings: tuple[Wording, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wordings", tuple(Wording(text, {}) for text in self.texts))

    def write(self, dice: Dice) -> str:
        """An instruction, in a wording and a scene at random."""
        return dice.pick(self.wordings).fill(dice.scene())

    def draw_input(self, dice: Dice, label: str | None = None) -> str:
        """An input at random, or one whose output is ``label``."""
        return self.drawn(dice, label)


def _parity(dice: Dice, label: str | None) -> str:
    number = dice.integer(20, 4_999)
    return str(2 * number + (label == "odd" if label else dice.integer(0, 1)))


def _leap(dice: Dice, label: str | None) -> str:
    year = 4 * dice.integer(451, 549)
    if label == "leap" and year % 100 == 0:
        year += 4
    return str(year if label == "leap" else year + dice.integer(1, 3))


def _is_leap(text: str) -> str:
    year = int(text)
    return "leap" if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else "common"


def _review(dice: Dice, label: str | None) -> str:
    words = _BLAME if label == "negative" or (label is None and dice.chance(0.5)) else _PRAISE
    return f"The {dice.thing()} from the {dice.group()} in {dice.town()} were {dice.pick(words)}."


def _mood(text: str) -> str:
    found = [any(words in text for words in pool) for pool in (_PRAISE, _BLAME)]
    if found[0] == found[1]:
        raise ValueError("neither praise nor blame, or both")
    return "positive" if found[0] else "negative"


def _month(dice: Dice, label: str | None) -> str:
    return dice.pick(
        [m for m, season in zip(_MONTHS, _SEASONS, strict=True) if label in (None, season)]
    )


def _two_words(dice: Dice, label: str | None) -> str:
    first, second = dice.words(2)
    if label == "equal":
        return f"{first}, {first[::-1]}"
    while len(first) == len(second):
        first, second = dice.words(2)
    if (label == "first") != (len(first) > len(second)):
        first, second = second, first
    return f"{first}, {second}"


def _longer(text: str) -> str:
    first, second = items(text)
    return (
        "equal"
        if len(first) == len(second)
        else ("first" if len(first) > len(second) else "second")
    )


def _sides(dice: Dice, label: str | None) -> str:
    a, b = dice.integer(3, 40), dice.integer(3, 40)
    low, high = abs(a - b), a + b
    fits = label == "yes" or (label is None and dice.chance(0.5))
    c = dice.integer(low + 1, high - 1) if fits else high + dice.integer(0, 9)
    return join(dice.shuffle((a, b, c)))


def _is_triangle(text: str) -> str:
    a, b, c = sorted(int(side) for side in items(text))
    return "yes" if a + b > c else "no"


def _roman(text: str) -> str:
    number = int(text)
    if not 0 < number < 4000:
        raise ValueError("no Roman numeral")
    written = ""
    for value, sign in ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
                        (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):  # fmt: skip
        written += sign * (number // value)
        number %= value
    return written


_ALL = (
    OpenTask(
        "parity",
        (
            "Say whether the given whole number is even or odd.",
            "The {group} in {town} gives out odd and even lockers. To which kind does a locker number belong?",
            "Label each ticket of the {occasion} as even or odd by its number.",
            "{name} sorts house numbers by the side of the street: even or odd. Which is the given one?",
            "Tell the parity of a count of {thing}.",
        ),
        _parity,
        lambda text: ("even", "odd")[int(text) % 2],
        ("even", "odd"),
    ),
    OpenTask(
        "leap_year",
        (
            "Decide whether the given year is a leap year or a common one.",
            "For the almanac of the {group}, mark a year as leap or common.",
            "{name} was told a year at the {occasion}. Does it count as leap or as common?",
            "Classify years by the Gregorian rule: leap or common. {friend} checks them in {town}.",
        ),
        _leap,
        _is_leap,
        ("leap", "common"),
    ),
    OpenTask(
        "review",
        (
            "Is the mood of the given review positive or negative?",
            "The {group} in {town} reads what customers write. Tag one comment as positive or negative.",
            "Read a remark on {thing} and name its tone, positive or negative.",
            "After the {occasion} people left notes. Sort a note into positive or negative.",
        ),
        _review,
        _mood,
        ("positive", "negative"),
    ),
    OpenTask(
        "season",
        (
            "In which season of the north does the given month lie, if each has three whole months and winter starts with December?",
            "Assign a month to winter, spring, summer or autumn, as the {group} does for its {occasion}.",
            "{name} plans {subject} by seasons of three whole months; winter starts with December. Name the season of a month.",
        ),
        _month,
        lambda text: _SEASONS[_MONTHS.index(text)],
        ("winter", "spring", "summer", "autumn"),
    ),
    OpenTask(
        "longer_word",
        (
            "Two words are given. Answer first or second for the one with more letters, or equal.",
            "{name} and {friend} each say a word at the {occasion}. Whose has more letters: first, second or equal?",
            "Compare the lengths of a pair of words from the {group} and reply first, second or equal.",
        ),
        _two_words,
        _longer,
        ("first", "second", "equal"),
    ),
    OpenTask(
        "triangle",
        (
            "Can the three given lengths be the sides of a triangle? Answer yes or no.",
            "The {group} builds frames from three rods. Judge by their lengths whether a triangle closes: yes or no.",
            "{name} has three planks from {town}. Do they make a true triangle, yes or no?",
        ),
        _sides,
        _is_triangle,
        ("yes", "no"),
    ),
    OpenTask(
        "sort",
        (
            "Put the given words into alphabetical order.",
            "The {group} in {town} files its labels by the alphabet. Arrange the labels you get.",
            "Order a handful of words for the glossary that {name} prints on {thing}.",
            "From the words shouted at the {occasion}, write a list from A to Z.",
        ),
        lambda dice, _: join(dice.words(dice.integer(4, 7))),
        lambda text: join(sorted(items(text))),
    ),
    OpenTask(
        "reverse",
        (
            "Write the given word backwards.",
            "{name} speaks in mirrors at the {occasion}. Turn a word round, letter by letter.",
            "A sign of the {group} is read in a window. Give the word as it appears from the last letter to the first.",
        ),
        lambda dice, _: dice.words(1)[0],
        lambda text: text[::-1],
    ),
    OpenTask(
        "sum",
        (
            "Add up the given numbers.",
            "The {group} in {town} counts {thing} by the day. Total the counts you are given.",
            "What do the amounts on the slips of the {occasion} come to together?",
            "{name} needs one figure instead of many for {subject}. Sum the figures.",
        ),
        lambda dice, _: join(dice.integers(dice.integer(3, 5), 11, 480)),
        lambda text: str(sum(int(number) for number in items(text))),
    ),
    OpenTask(
        "roman",
        (
            "Convert the given number to Roman numerals.",
            "A mason in {town} carves years in Roman style. Give what is carved for a number.",
            "{friend} numbers the rooms of the {group} as the Romans did. Write a number that way.",
        ),
        lambda dice, _: str(dice.integer(14, 2400)),
        _roman,
    ),
    OpenTask(
        "vowels",
        (
            "Count the vowels a, e, i, o and u in the given word.",
            "{name} pays one coin a vowel (a, e, i, o, u) at the {occasion}. How many coins does a word cost?",
            "For {subject}, state how often a, e, i, o or u stands in a word.",
        ),
        lambda dice, _: dice.words(1)[0],
        lambda text: str(sum(letter in "aeiou" for letter in text)),
    ),
    OpenTask(
        "initials",
        (
            "Give the initials of the given names, each with a full stop.",
            "The {group} in {town} signs with first letters. Shorten a list of names so.",
            "{friend} marks {thing} with the first letter of each owner and a full stop. Write the marks.",
        ),
        lambda dice, _: join(dice.names(dice.integer(2, 4))),
        lambda text: join(f"{name[0]}." for name in items(text)),
    ),
)
OPEN_TASKS = MappingProxyType({task.name: task for task in _ALL})
"""Name → task, in a fixed order."""

_SPACES = re.compile(r"\s+")


def find_open_task(instruction: str) -> OpenTask | None:
    """The task that an instruction is a wording of, and nothing else."""
    text = _SPACES.sub(" ", instruction).strip()
    for task in _ALL:
        for wording in task.wordings:
            found = wording.search(text)
            if found is not None and found.span() == (0, len(text)):
                return task
    return None


def open_truth(prompt: str) -> str | None:
    """The right output of an instruction of these with its input under it; None for any other."""
    instruction, blank, given = prompt.partition("\n\n")
    task = find_open_task(instruction) if blank else None
    try:
        return None if task is None else task.answered(given.strip())
    except (ValueError, IndexError):
        return None
