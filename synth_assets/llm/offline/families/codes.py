"""Families of codes and notations: Caesar, atbash, Roman numerals, bases, check digits."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.problem import INTEGER, NAME, Family, Values, Work, join

KINDS = {
    "name": NAME,
    "friend": NAME,
    "line": r'[^"]+',
    "n": INTEGER,
    "base": INTEGER,
    "roman": r"[IVXLCDM]+",
    "digits": r"[0-9A-Fa-f]+",
}


def _draw_caesar(dice: Dice) -> dict[str, str]:
    return dice.scene() | {
        "line": " ".join(dice.words(dice.integer(2, 4))),
        "n": str(dice.integer(1, 12)),
    }


def _shift(line: str, by: int) -> str:
    return "".join(chr((ord(c) - 97 + by) % 26 + 97) if "a" <= c <= "z" else c for c in line)


def _work_caesar(v: Values) -> Work:
    by, line = int(v["n"]), v["line"].lower()
    coded = _shift(line, by)
    return Work(
        (
            f"Each letter moves {by} places on, after z comes a: {line[0]} becomes {coded[0]}.",
            f"In full: {coded}.",
        ),
        coded,
    )


CAESAR = Family(
    name="caesar",
    group="codes",
    method="moving each letter by the same number of places",
    kind="text",
    kinds=KINDS,
    texts=(
        'Encode "{line}" with a Caesar shift of {n} to the right.',
        '{name} sends "{line}" to {friend}, each letter moved {n} places forward in the alphabet. What does the note say?',
        'Move all letters of "{line}" by {n} positions, a following z, and write the secret text for the {occasion}.',
        'The {group} in {town} hides the word of the day, "{line}", by shifting letters {n} steps ahead. Give the hidden form.',
        'If a becomes the letter {n} places after it, and so on for all letters, what becomes of "{line}"?',
        'On a cipher wheel set to plus {n}, how is "{line}" written? It marks the {thing} of {friend}.',
    ),
    drawn=_draw_caesar,
    worked=_work_caesar,
)


def _work_atbash(v: Values) -> Work:
    line = v["line"].lower()
    coded = "".join(chr(219 - ord(c)) if "a" <= c <= "z" else c for c in line)
    return Work(
        (f"Pair a with z, b with y and so on: {line[0]} becomes {coded[0]}.", f"In full: {coded}."),
        coded,
    )


ATBASH = Family(
    name="atbash",
    group="codes",
    method="pairing a with z, b with y and so on",
    kind="text",
    kinds=KINDS,
    texts=(
        'Write "{line}" in atbash, where a and z trade places, b and y, and so forth.',
        'In the mirrored alphabet (a is z, b is y), what is "{line}"? {name} carves it into {thing}.',
        'The {group} swaps each letter with its partner from the other end of the alphabet. Apply that to "{line}".',
        'What does {friend} get by exchanging the first letter of the alphabet with the last, the second with the last but one, and so on, in "{line}"?',
        'Atbash the password "{line}" of the {occasion} in {town}.',
        'A stone in {town} reads "{line}" in plain letters. How would its carver write it in the z-to-a code?',
    ),
    drawn=_draw_caesar,
    worked=_work_atbash,
)

_ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip


def _to_roman(number: int) -> str:
    if not 0 < number < 4000:
        raise ValueError("Roman numerals run from 1 to 3999")
    text = ""
    for value, sign in _ROMAN:
        text += sign * (number // value)
        number %= value
    return text


def _from_roman(text: str) -> int:
    worth = {sign: value for value, sign in _ROMAN}
    values = [worth[sign] for sign in text]
    total = sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))
    if _to_roman(total) != text:
        raise ValueError(f"not a Roman numeral: {text}")
    return total


def _draw_roman(dice: Dice) -> dict[str, str]:
    number = dice.integer(140, 2990)
    return dice.scene() | {"n": str(number), "roman": _to_roman(number)}


def _work_to_roman(v: Values) -> Work:
    number = int(v["n"])
    roman = _to_roman(number)
    parts = [f"{value} = {sign}" for value, sign in _ROMAN if sign in roman]
    return Work((f"The parts needed are {join(parts)}.", f"{number} is {roman}."), roman)


def _work_from_roman(v: Values) -> Work:
    number = _from_roman(v["roman"])
    return Work(
        (
            "Add the signs, but take away one that stands before a larger one.",
            f"{v['roman']} is {number}.",
        ),
        str(number),
    )


TO_ROMAN = Family(
    name="to_roman",
    group="codes",
    method="taking the largest Roman part again and again",
    kind="text",
    kinds=KINDS,
    texts=(
        "Write {n} in Roman numerals.",
        "The {group} in {town} carves the number {n} over its door, the Roman way. Which letters are carved?",
        "What is the Roman form of {n}, as {name} would stamp it on {thing}?",
        "Chapter {n} of a very long novel about the {occasion} needs a Roman chapter number. Supply it.",
        "{friend} numbers {thing} like the old Romans did. How is piece {n} marked?",
        "Put {n} as a Roman numeral, for {subject}.",
    ),
    drawn=_draw_roman,
    worked=_work_to_roman,
)
FROM_ROMAN = Family(
    name="from_roman",
    group="codes",
    method="adding the signs, subtracting where a smaller one stands first",
    kind="number",
    kinds=KINDS,
    texts=(
        "Which number is {roman}?",
        "A bell in {town} bears the inscription {roman}. In ordinary digits, what year does it give?",
        "{name} found the mark {roman} on {thing}. Write it with Arabic digits.",
        "Decode the Roman numeral {roman}, last seen at the {occasion} of the {group}.",
        "How much is {roman} when written as people write numbers now? {friend} cannot read it.",
        "Over the gate of the {group} one reads {roman}. Turn that into decimal notation.",
    ),
    drawn=_draw_roman,
    worked=_work_from_roman,
)


def _draw_base(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"n": str(dice.integer(40, 900)), "base": str(dice.integer(2, 9))}


def _work_base(v: Values) -> Work:
    number, base = int(v["n"]), int(v["base"])
    if not 2 <= base <= 10:
        raise ValueError("bases 2 to 10")
    rest, digits = number, []
    while rest:
        rest, digit = divmod(rest, base)
        digits.append(str(digit))
    text = "".join(reversed(digits)) or "0"
    return Work(
        (
            f"Divide by {base} again and again; the remainders are {join(digits)}.",
            f"Read from the last: {text}.",
        ),
        text,
    )


BASE = Family(
    name="to_base",
    group="codes",
    method="dividing by the base and reading the remainders backwards",
    kind="number",
    kinds=KINDS,
    texts=(
        "Write the decimal number {n} in base {base}.",
        "{name} counts {thing} with {base} digits only. What stands for {n} of them in that base {base}?",
        "How does one note {n} in the system with base {base}? The {group} prints it on a badge.",
        "Change {n} from base ten to base {base}, as a riddle for the {occasion}.",
        "A counter in {town} has wheels with {base} positions each, from 0 up. Which digits does it show after {n} clicks, leading zeros dropped?",
        "Represent {n} with powers of {base} and give the digits in a row. {friend} checks them.",
    ),
    drawn=_draw_base,
    worked=_work_base,
)


def _draw_check(dice: Dice) -> dict[str, str]:
    return dice.scene() | {
        "digits": "".join(str(dice.integer(1, 9)) for _ in range(dice.integer(6, 9)))
    }


def _work_check(v: Values) -> Work:
    digits = [int(digit) for digit in v["digits"]]
    products = [digit * (1 if place % 2 == 0 else 3) for place, digit in enumerate(digits)]
    total = sum(products)
    check = (10 - total % 10) % 10
    steps = (
        f"Weights 1 and 3 in turn give {join(products)}, together {total}.",
        f"{total} + {check} is a multiple of ten, so the digit is {check}.",
    )
    return Work(steps, str(check))


CHECK_DIGIT = Family(
    name="check_digit",
    group="codes",
    method="a weighted sum of the digits, filled up to a multiple of ten",
    kind="number",
    kinds=KINDS | {"digits": INTEGER},
    texts=(
        "Weights 1, 3, 1, 3 and so on are put on the digits of {digits}. Which last digit makes the weighted sum plus it a multiple of 10?",
        "The {group} ends each code with a check digit: weigh the digits 1, 3, 1, 3 from the left, add, and fill up to the next ten. What is it for {digits}?",
        "{name} must add the check digit to {digits}, by the rule of weights one and three in turn from the left and a total divisible by ten. Find it.",
        "Labels on {thing} in {town} carry {digits} and then a control figure. Multiply the digits by 1 and 3 alternately, sum, and say what is missing to a full ten.",
        "Multiply the digits of {digits} in turn by 1 and by 3 and add up. How much is lacking to the nearest ten above (0 if none)?",
        "For ticket {digits} of the {occasion}, compute the control digit: alternate factors 1 and 3 from the left, then ten minus the last digit of the sum, ten counting as 0.",
    ),
    drawn=_draw_check,
    worked=_work_check,
)

FAMILIES = (CAESAR, ATBASH, TO_ROMAN, FROM_ROMAN, BASE, CHECK_DIGIT)
