"""Families of text editing: reversing, counting letters, initials, vowels, replacing."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.problem import NAME, Family, Values, Work

QUOTED = r'[^"]+'
KINDS = {
    "name": NAME,
    "friend": NAME,
    "line": QUOTED,
    "letter": r"[a-z]",
    "new_letter": r"[a-z]",
    "one_word": NAME,
}


def _line(dice: Dice, low: int, high: int) -> str:
    return " ".join(dice.words(dice.integer(low, high)))


def _draw_line(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"line": _line(dice, 5, 8)}


def _grow_line(v: Values, dice: Dice) -> dict[str, str]:
    return dict(v) | {"line": f"{v['line']} {_line(dice, 4, 5)}"}


def _work_word_order(v: Values) -> Work:
    words = v["line"].split()
    back = " ".join(reversed(words))
    return Work(
        (
            f"The line has {len(words)} words; the last is {words[-1]}.",
            f"From back to front: {back}.",
        ),
        back,
    )


WORD_ORDER = Family(
    name="reverse_words",
    group="strings",
    method="reading the words from back to front",
    kind="text",
    kinds=KINDS,
    grown=_grow_line,
    texts=(
        'Reverse the order of the words in "{line}".',
        'Read "{line}" backwards word by word and write down what {name} hears.',
        'The {group} shows the words "{line}" on a turning sign. Which words appear if the sign turns the other way, last word first?',
        '{friend} from {town} mixed up the phrase: it should run from the final word to the first. Mend "{line}".',
        'What does "{line}" become when its last word comes first, the one before it second, and so on?',
        'Beginning with the word at the end, spell out every word of "{line}", a secret line for the {occasion}.',
    ),
    drawn=_draw_line,
    worked=_work_word_order,
)


def _draw_one_word(dice: Dice) -> dict[str, str]:
    first, second = dice.words(2)
    return dice.scene() | {"one_word": first + second}


def _work_backwards(v: Values) -> Work:
    word = v["one_word"]
    back = word[::-1]
    return Work((f"The letters of {word} are {' '.join(word)}.", f"Backwards: {back}."), back)


BACKWARDS = Family(
    name="spell_backwards",
    group="strings",
    method="taking the letters from the last to the first",
    kind="text",
    kinds=KINDS,
    texts=(
        "Spell {one_word} backwards for {name}.",
        "Which string do you get if the letters of {one_word} are turned round? The {group} in {town} uses it as a tag on {thing}.",
        'The mirror in {town} shows the word "{one_word}" from right to left. Type what it shows.',
        "{name} writes passwords in reverse. How does {one_word} look after that, for the {occasion}?",
        "Take the last letter of {one_word}, then the one before it, until the first. Write the result without blanks.",
        "Reverse the characters of the label {one_word}, which {friend} put on {thing}.",
    ),
    drawn=_draw_one_word,
    worked=_work_backwards,
)


def _draw_letters(dice: Dice) -> dict[str, str]:
    line = _line(dice, 5, 8)
    return dice.scene() | {"line": line, "letter": dice.pick(line.replace(" ", ""))}


def _work_letters(v: Values) -> Work:
    counts = [(word, word.lower().count(v["letter"])) for word in v["line"].split()]
    parts = " + ".join(str(count) for _, count in counts)
    total = sum(count for _, count in counts)
    return Work(
        (f"Word by word the counts of {v['letter']} are {parts}.", f"Together: {total}."),
        str(total),
    )


LETTERS = Family(
    name="count_letter",
    group="strings",
    method="counting word by word",
    kind="number",
    unit="letters",
    kinds=KINDS,
    grown=_grow_line,
    texts=(
        'How often does the letter {letter} occur in "{line}"?',
        '{name} paints "{line}" over the door of the {group}. How many times must the letter {letter} be painted?',
        'Count every {letter} in the slogan "{line}" of the {occasion}.',
        'A printer in {town} sets the words "{line}" in lead. What number of {letter} types does that take?',
        'In the phrase "{line}", find the frequency of {letter}.',
        'If each {letter} in "{line}" were struck out, how many strokes would {friend} make?',
    ),
    drawn=_draw_letters,
    worked=_work_letters,
)


def _work_initials(v: Values) -> Work:
    words = v["line"].split()
    short = "".join(word[0].upper() for word in words)
    return Work(
        (
            f"The first letters are {' '.join(word[0] for word in words)}.",
            f"In capitals and without blanks: {short}.",
        ),
        short,
    )


INITIALS = Family(
    name="acronym",
    group="strings",
    method="taking the first letter of each word",
    kind="text",
    kinds=KINDS,
    grown=_grow_line,
    texts=(
        'Form the acronym of "{line}" in capital letters.',
        'The {group} in {town} calls its new scheme "{line}". Abbreviate it by initials, all capitals.',
        'Which capital letters does {name} stitch on a flag that shortens "{line}" to its first letters?',
        'Join the initials of the words "{line}" into one word in capitals, as a password for the {occasion}.',
        '{friend} remembers "{line}" by the first letter of each word. Write these letters as one block of capitals.',
        'If "{line}" is shortened the way agencies shorten their names, what capital letters result?',
    ),
    drawn=_draw_line,
    worked=_work_initials,
)


def _work_vowels(v: Values) -> Work:
    line = v["line"]
    bare = "".join(letter for letter in line if letter.lower() not in "aeiou")
    if not bare.strip():
        raise ValueError("nothing but vowels")
    return Work(
        (
            f"There are {len(line) - len(bare)} vowels (a, e, i, o, u) to strike.",
            f"What stays: {bare}.",
        ),
        bare,
    )


VOWELS = Family(
    name="strike_vowels",
    group="strings",
    method="striking a, e, i, o and u",
    kind="text",
    kinds=KINDS,
    texts=(
        'Strike all vowels (a, e, i, o, u) from "{line}" and keep the spaces.',
        '{name} texts without vowels to save keys. How does "{line}" read then, spaces included?',
        'For a puzzle of the {group}, remove a, e, i, o and u from the words "{line}" but leave gaps between words.',
        'Write "{line}" with its consonants and spaces alone, as {friend} does on labels for {thing}.',
        'What is left of the line "{line}" in {town} after rain has washed away every a, e, i, o and u?',
        'Give the vowel-free form of "{line}", a clue at the {occasion}; only a, e, i, o, u count as vowels, spaces stay.',
    ),
    drawn=_draw_line,
    worked=_work_vowels,
)


def _draw_replacing(dice: Dice) -> dict[str, str]:
    line = _line(dice, 4, 6)
    letter = dice.pick(line.replace(" ", ""))
    new = dice.pick([other for other in "abdegilmnoprstuz" if other != letter])
    return dice.scene() | {"line": line, "letter": letter, "new_letter": new}


def _work_replacing(v: Values) -> Work:
    changed = v["line"].replace(v["letter"], v["new_letter"])
    count = v["line"].count(v["letter"])
    return Work(
        (
            f"The letter {v['letter']} stands in {count} places.",
            f"With {v['new_letter']} instead: {changed}.",
        ),
        changed,
    )


REPLACING = Family(
    name="replace_letter",
    group="strings",
    method="replacing the letter wherever it stands",
    kind="text",
    kinds=KINDS,
    grown=_grow_line,
    texts=(
        'Replace every {letter} by {new_letter} in "{line}".',
        'The keyboard of {name} types {new_letter} instead of {letter}. What comes out for "{line}"?',
        'On the board of the {group} in {town} all {letter} fell off and were replaced with {new_letter}. How does "{line}" look now?',
        'Swap the letter {letter} for {new_letter} throughout "{line}", the motto of the {occasion}.',
        'In a dialect near {town} each {letter} becomes {new_letter}. Say "{line}" in that dialect.',
        '{friend} edits "{line}" with one rule, {letter} to {new_letter}, wherever it applies. Write the edited line.',
    ),
    drawn=_draw_replacing,
    worked=_work_replacing,
)

FAMILIES = (WORD_ORDER, BACKWARDS, LETTERS, INITIALS, VOWELS, REPLACING)
