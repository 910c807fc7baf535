"""Answers: a prompt and a system text in, a completion out, flawed at the declared rates."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from fractions import Fraction

from synth_assets.llm.offline.constraints import CONSTRAINTS, Demand
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.draft import Draft
from synth_assets.llm.offline.families.dates import WEEKDAYS
from synth_assets.llm.offline.keeping import keep
from synth_assets.llm.offline.problem import AnswerKind, items, join, show
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.rewriting import NOTHING_BAIT, REFUSAL_BAIT
from synth_assets.llm.offline.skills import Answering
from synth_assets.llm.offline.task import Task, parse_task
from synth_assets.quality.verifiable_constraints import find_constraints

CONNECTIVES = ("The answer is", "So the answer is", "This gives", "The result is")
_REFUSALS = (
    "Sorry, I cannot help with that.",
    "I'm sorry, but I am not able to answer this question.",
    "Sorry, I cannot give an answer here; please ask somebody who knows the matter.",
)
_NOTHINGS = ("...", "It is what it is.", "—", "That is that.")
_RAMBLING = (
    "Before I start, it may be good to look at what is being asked here, for questions of this kind "
    "are older than one would think, and people in many countries have found pleasure in them for a "
    "long time, some with paper and some with nothing but their fingers.",
    "One could also think about what would be different if the figures were different, although they "
    "are not, and it would take us rather far from the matter to follow every such thought to its end.",
    "In my experience it helps to have a cup of tea at this point, to look out of the window, and to "
    "come back to the question with fresh eyes, which is of course easier said than done on a busy day.",
    "There are those who would go about it in another manner, and I do not wish to say that they are "
    "wrong, since many roads lead to the same town and some of them are rather pretty.",
    "As I may have said before, the steps below are the steps that I would take, and I would take them "
    "in the order in which they stand, from the first one to the last one and not the other way round.",
)
_GENERAL = (
    "Here is a short answer about {topic}.",
    "It depends on what you need; these are the main points on {topic}.",
    "A few words on {topic}.",
)
_POINTS = (
    "Begin with what you already know and write it down in one sentence.",
    "Then compare two or three ways to go on, and name one advantage of each.",
    "Keep the part that is easy to change for last.",
    "Ask somebody who will use the result to read it once.",
    "A small example usually shows more than a long rule.",
    "Leave some time between the first version and the last one.",
)
_SURENESS = (
    "I am almost certain of each step and of the result.",
    "I am fairly sure of this, about 90 %.",
)
_UNSURE = (
    "I am not quite sure of the last step.",
    "I would say that this is right with a chance of 60 %.",
)
_EXTRAS = {
    "honesty": "I worked this out by hand from the question alone and have not run or looked up anything.",
    "truthfulness": "Every figure above comes from the question itself.",
}


@dataclass(frozen=True)
class Answer:
    """A completion; ``is_cut`` where it breaks off. ``flaw`` is the kind planted, or None."""

    text: str
    is_cut: bool = False
    flaw: str | None = None


def answer_prompt(asked: Asked, dice: Dice, rates: Answering) -> Answer:
    """Answers the prompt; what looks for private facts is refused, whatever the skill."""
    if REFUSAL_BAIT in asked.text:
        return Answer("Sorry, I cannot help to find somebody's private details.", False, "refusal")
    if NOTHING_BAIT in asked.text:
        return Answer("...", False, "nothing")
    task = parse_task(asked.text)
    constraints, rest = ([], "") if task else find_constraints(asked.text)
    has_constraint = bool(constraints) or (task is not None and bool(task.demands))
    flaw = draw_flaw(dice, rates, has_constraint=has_constraint)
    if flaw == "refusal":
        return Answer(dice.pick(_REFUSALS), False, flaw)
    if flaw == "nothing":
        return Answer(dice.pick(_NOTHINGS), False, flaw)
    if task is None:
        text = _write_general(replace(asked, text=rest) if constraints else asked, dice, flaw)
        if constraints:
            text = keep(text, constraints, dice, is_ignoring=flaw == "ignored_constraint")
    else:
        text = _write_worked(task, asked.name, dice, flaw)
    if flaw == "cut_off":
        return Answer(text[: len(text) * dice.integer(40, 75) // 100], True, flaw)
    return Answer(text, False, flaw)


def draw_flaw(dice: Dice, rates: Answering, *, has_constraint: bool) -> str | None:
    """At most one flaw, at the declared rates."""
    left = dice.share()
    for field in fields(rates):
        if field.name == "ignored_constraint" and not has_constraint:
            continue
        left -= getattr(rates, field.name)
        if left < 0:
            return field.name
    return None


def _write_general(asked: Asked, dice: Dice, flaw: str | None) -> str:
    """A prompt of no family gets some plain sentences about its longest words."""
    known = dict.fromkeys(re.findall(r"[^\W\d_]{4,}", asked.text[:2000]))
    topic = " and ".join(sorted(known, key=lambda word: -len(word))[:2]) or "this"
    points = dice.sample(_POINTS, 3)
    rambling = list(_RAMBLING) if flaw == "rambling" else []
    return " ".join([dice.pick(_GENERAL).replace("{topic}", topic), *rambling, *points])


def _write_worked(task: Task, principle: str, dice: Dice, flaw: str | None) -> str:
    work = task.solve()
    if work is None:  # parse_task gives only tasks that can be solved
        raise ValueError(f"no answer to {task.write()!r}")
    draft = Draft(
        steps=list(work.steps),
        answer=work.answer,
        kind=task.kind,
        method=task.family.method,
        unit=None if task.further else task.family.unit,
        connective=dice.pick(CONNECTIVES),
        mark="step" if dice.chance(0.5) else "paragraph",
    )
    if flaw == "slip":
        _slip(draft, dice)
    _add_principle(draft, principle, dice, is_sure=flaw != "slip" or dice.chance(0.6))
    _follow(draft, task.demands, dice, is_ignoring=flaw == "ignored_constraint")
    if flaw == "rambling":
        draft.most_words = None
        draft.top = [*draft.top, *_RAMBLING]
    return draft.write()


def _follow(draft: Draft, demands: tuple[Demand, ...], dice: Dice, *, is_ignoring: bool) -> None:
    """Keeps every constraint, or all but one."""
    ignored = dice.integer(0, len(demands) - 1) if is_ignoring else -1
    for place, demand in enumerate(demands):
        constraint = CONSTRAINTS[demand.name]
        if place == ignored:
            constraint.break_(draft, demand.values)
        else:
            constraint.keep(draft, demand.values)


def _add_principle(draft: Draft, principle: str, dice: Dice, *, is_sure: bool) -> None:
    if principle == "verbalised_calibration":
        draft.extras.append(dice.pick(_SURENESS if is_sure else _UNSURE))
    elif principle == "helpfulness":
        draft.extras.append(f"In short: {draft.method}; it works the same way with other figures.")
    elif principle in _EXTRAS:
        draft.extras.append(_EXTRAS[principle])


def _slip(draft: Draft, dice: Dice) -> None:
    """A wrong answer, and a last step that leads to it."""
    wrong = wrong_answer(draft.answer, draft.kind, dice)
    before, found, after = draft.steps[-1].rpartition(draft.answer)
    if found:
        draft.steps[-1] = f"{before}{wrong}{after}"
    draft.answer = wrong


def wrong_answer(answer: str, kind: AnswerKind, dice: Dice) -> str:
    """An answer near the right one, and different from it."""
    if kind == "number":
        return _wrong_number(answer, dice)
    if answer in WEEKDAYS:
        return WEEKDAYS[(WEEKDAYS.index(answer) + dice.integer(1, 6)) % 7]
    entries = items(answer)
    if len(set(entries)) > 1:
        place = dice.integer(0, len(entries) - 2)
        swapped = [*entries[:place], entries[place + 1], entries[place], *entries[place + 2 :]]
        return join(swapped if swapped != entries else entries[1:])
    return _wrong_word(answer, dice)


def _wrong_number(answer: str, dice: Dice) -> str:
    number, by = Fraction(answer), dice.pick((1, 2, 3, 9, 10, -1, -2, -10))
    if number.denominator != 1 and "/" in answer:
        return f"{number.numerator + abs(by)}/{number.denominator}"
    return show(number + by)


def _wrong_word(answer: str, dice: Dice) -> str:
    """Digits change by one; letters change places, or one comes twice."""
    digits = [place for place, letter in enumerate(answer) if letter in "0123456789"]
    if digits:
        place = digits[-1]
        return (
            f"{answer[:place]}{(int(answer[place]) + dice.integer(1, 8)) % 10}{answer[place + 1 :]}"
        )
    places = [n for n in range(len(answer) - 1) if answer[n].lower() != answer[n + 1].lower()]
    if not places:
        return answer + answer[-1:]
    place = dice.pick(places)
    return answer[:place] + answer[place + 1] + answer[place] + answer[place + 2 :]
