"""Translations: a text and two languages in, the text in a toy language, or back from it, out.

A toy language is English with other letters: each language permutes vowels among vowels and
consonants among consonants, and ends every word in letters of its own. Code, placeholders and
numbers stay. The way back knows the words exactly, and, as people do, says the same in other ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import cache

from synth_assets.identity import seeded_random
from synth_assets.llm.offline.constraints import CONSTRAINTS
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Translating
from synth_assets.llm.offline.task import Task, parse_task, strip_courtesy
from synth_assets.quality.preserved_parts import protected_spans

_WORD = re.compile(r"[A-Za-z]+")
_VOWELS, _CONSONANTS = "aeiouy", "bcdfghjklmnpqrstvwxz"
_LEAST_FOREIGN = 0.9
"""Share of words with a language's ending from which on a text is in that language."""

_SAME_WORDS = (
    ("explain", "describe"),
    ("name", "list"),
    ("write", "compose"),
    ("suggest", "propose"),
    ("summarise", "sum up"),
    ("short", "brief"),
    ("give", "provide"),
    ("correct", "mend"),
    ("show", "present"),
    ("use", "employ"),
    ("begin", "start"),
    ("big", "large"),
)
_COURTESIES = (
    "Please answer this: {}",
    "Hello, {}",
    "{} Thank you.",
    "I would like to know this: {}",
)
_OTHER_TASKS = (
    "{} Do not answer; say in one sentence why somebody would ask this.",
    "{} Leave this unanswered and count its words instead.",
)


def translate(asked: Asked, dice: Dice, rates: Translating) -> str:
    """The text in the other language, or one of the declared failures."""
    source, target = asked.name.split(" into ", 1)
    text = asked.blocks[-1].text
    if not is_in(text, source):
        return text if dice.chance(rates.untranslated) else encode(text, target)
    return _say_again(decode(text, source), dice, rates)


def same_task(asked: Asked, dice: Dice, wrong_verdict: float) -> str:
    """The verdict, wrong at the declared rate."""
    is_same = set_the_same_task(asked.blocks[0].text, asked.blocks[1].text)
    return "Same" if is_same != dice.chance(wrong_verdict) else "Other"


def set_the_same_task(first: str, second: str) -> bool:
    """Whether an answer to one prompt is an answer to the other, whatever the words."""
    left, right = parse_task(first), parse_task(second)
    if left is None or right is None:
        return left is right and _plain_words(first) == _plain_words(second)
    return _what_is_asked(left) == _what_is_asked(right)


def is_in(text: str, language: str) -> bool:
    """Whether nearly all words of a text have the ending of a toy language."""
    ending = _ending(language)
    words = [
        word for part, is_fixed in _parts(text) if not is_fixed for word in _WORD.findall(part)
    ]
    foreign = sum(word.endswith(ending) and len(word) > len(ending) for word in words)
    return bool(words) and foreign >= _LEAST_FOREIGN * len(words)


def encode(text: str, language: str) -> str:
    """``text`` in the toy language; `decode` gives it back letter by letter."""
    table, ending = _alphabet(language), _ending(language)
    return _each_word(text, lambda word: word.translate(table) + ending)


def decode(text: str, language: str) -> str:
    """What `encode` made a text of; a word without the language's ending stays."""
    table, ending = _alphabet(language, is_back=True), _ending(language)
    return _each_word(
        text,
        lambda word: word.removesuffix(ending).translate(table) if word.endswith(ending) else word,
    )


def _each_word(text: str, change: Callable[[str], str]) -> str:
    return "".join(
        part if is_fixed else _WORD.sub(lambda match: change(match.group()), part)
        for part, is_fixed in _parts(text)
    )


def _parts(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, and which of them stay as they are."""
    parts, position = [], 0
    for start, end in protected_spans(text):
        if start >= position:
            parts += [(text[position:start], False), (text[start:end], True)]
            position = end
    return [*parts, (text[position:], False)]


@cache
def _alphabet(language: str, *, is_back: bool = False) -> dict[int, str]:
    pairs: dict[str, str] = {}
    for letters in (_VOWELS, _CONSONANTS):
        others = Dice(seeded_random("toy language", language.casefold(), letters)).shuffle(letters)
        pairs |= dict(zip(letters, others, strict=True))
    pairs |= {one.upper(): other.upper() for one, other in pairs.items()}
    return str.maketrans({other: one for one, other in pairs.items()} if is_back else pairs)


@cache
def _ending(language: str) -> str:
    """Two consonants that no English word ends in, and a vowel."""
    draw = Dice(seeded_random("toy ending", language.casefold()))
    return draw.pick("zqxj") + draw.pick("vqkx") + draw.pick("aou")


def _say_again(text: str, dice: Dice, rates: Translating) -> str:
    left = dice.share()
    for field in fields(rates):
        if field.name == "untranslated":
            continue
        left -= getattr(rates, field.name)
        if left < 0:
            return _fail(field.name, text, dice)
    return reword(text, dice)


def _fail(kind: str, text: str, dice: Dice) -> str:
    if kind == "literal":
        return text
    if kind == "changed_number" and re.search(r"\d", text):
        return re.sub(r"\d+", lambda m: str(int(m.group()[:9]) + dice.integer(1, 9)), text, count=1)
    if kind == "nothing":
        return " "
    return dice.pick(_OTHER_TASKS).replace("{}", text.strip())


def reword(text: str, dice: Dice) -> str:
    """The same task in other words: another wording of its problem, or of a constraint; else
    another verb or a courtesy."""
    task = parse_task(text)
    if task is not None:
        found = [other for other in _other_wordings(task) if set_the_same_task(text, other)]
        if found:
            return dice.pick(found)
    swapped = text if task else _swap_words(text)
    return swapped if swapped != text else dice.pick(_COURTESIES).replace("{}", text.strip())


def _other_wordings(task: Task) -> list[str]:
    problem, family = task.problem, task.family
    found = [
        replace(task, problem=replace(problem, wording=number)).write()
        for number, wording in enumerate(family.wordings)
        if number != problem.wording and set(wording.slots) == set(problem.values)
    ]
    for place, demand in enumerate(task.demands):
        for number, wording in enumerate(CONSTRAINTS[demand.name].wordings):
            if number != demand.wording and set(wording.slots) == set(demand.values):
                other = replace(demand, wording=number)
                demands = (*task.demands[:place], other, *task.demands[place + 1 :])
                found.append(replace(task, demands=demands).write())
    return found


def _what_is_asked(task: Task) -> tuple[object, ...]:
    """What decides an answer, without the words: the operation, its result, the constraints."""
    work = task.solve()
    return (
        task.problem.family,
        None if work is None else work.answer,
        sorted((f.name, sorted(f.values.items())) for f in task.further),
        sorted((d.name, sorted(d.values.items())) for d in task.demands),
    )


def _plain_words(text: str) -> Sequence[str]:
    words = [word.strip(".,;:!?").lower() for word in strip_courtesy(text).split()]
    spoken = f" {' '.join(words)} "
    for one, other in _SAME_WORDS:
        spoken = spoken.replace(f" {other} ", f" {one} ")
    return spoken.split()


def _swap_words(text: str) -> str:
    """The first word that has another one of the same meaning, replaced by it."""
    for one, other in _SAME_WORDS:
        for word, instead in ((one, other), (other, one)):
            pattern = re.compile(rf"\b{word}\b", re.IGNORECASE)
            match = pattern.search(text)
            if match:
                is_capital = match.group()[0].isupper()
                instead = instead.capitalize() if is_capital else instead
                return f"{text[: match.start()]}{instead}{text[match.end() :]}"
    return text
