"""Instances of a task: an instruction in, a verdict or a list of examples out, some flawed."""

from __future__ import annotations

from dataclasses import fields

from synth_assets.llm.offline.answering import answer_prompt
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.open_tasks import OpenTask, find_open_task
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Answering, Instancing

Pair = tuple[str, str]
"""(input, output)."""

MOST = 3
"""Examples a model gives; it may be asked for more."""


def judge_task(asked: Asked, dice: Dice, rates: Instancing) -> str:
    """Yes for a classification, No for another task; wrong or no verdict at the declared rates."""
    task = find_open_task(asked.text)
    is_classification = task is not None and bool(task.labels)
    if dice.chance(rates.no_verdict):
        return "That depends on how one looks at it."
    return "Yes" if is_classification != dice.chance(rates.wrong_verdict) else "No"


def write_instances(
    asked: Asked, dice: Dice, rates: Instancing, answering: Answering
) -> tuple[str, bool]:
    """The reply, and whether it breaks off. ``asked.name``: Label or Input, what comes first."""
    fault = _draw_fault(dice, rates)
    if fault == "unformed":
        return "Here is one: you are given something, and you say what is right about it.", False
    task = find_open_task(asked.text)
    if task is None:
        answer = answer_prompt(Asked("answer", asked.text), dice, answering)
        pairs = [("none", answer.text)]
    else:
        pairs = _draw_pairs(task, dice, min(asked.last_number, MOST))
    text = _write(_with_fault(pairs, fault, dice), asked.name)
    return (
        (text[: len(text) - len(pairs[-1][1]) // 2 - 1], True) if fault == "cut" else (text, False)
    )


def _draw_fault(dice: Dice, rates: Instancing) -> str | None:
    """At most one fault a reply, at the declared rates."""
    left = dice.share()
    for field in fields(rates):
        if field.name in ("no_verdict", "wrong_verdict"):
            continue
        left -= getattr(rates, field.name)
        if left < 0:
            return field.name
    return None


def _draw_pairs(task: OpenTask, dice: Dice, count: int) -> list[Pair]:
    """One for each label, where there are labels; no input twice, and none that is its output."""
    wanted: list[str | None] = [*dice.sample(task.labels, count)] if task.labels else [None] * count
    pairs: dict[str, str] = {}
    for label in wanted:
        given = task.draw_input(dice, label)
        while task.answered(given) == given:
            given = task.draw_input(dice, label)
        pairs[given] = task.answered(given)
    return list(pairs.items())


def _with_fault(pairs: list[Pair], fault: str | None, dice: Dice) -> list[Pair]:
    given, output = pairs[-1]
    if fault == "empty_output":
        return [*pairs[:-1], (given, "")]
    if fault == "echo":
        return [*pairs[:-1], (given, given)] if given != "none" else [("the task", "the task")]
    if fault == "colon":
        return [*pairs[:-1], (given, "The answer is:")]
    if fault == "conflict":
        shown = "the same again" if given == "none" else given
        return [*pairs[:-1], (shown, output), (shown, f"{output} or not")]
    if fault == "duplicate":
        return [*pairs, pairs[-1]]
    if fault == "slip":
        return [*pairs[:-1], (given, f"{output}{dice.integer(2, 9)}")]
    return pairs


def _write(pairs: list[Pair], first: str) -> str:
    examples: list[str] = []
    for number, (given, output) in enumerate(pairs, start=1):
        parts = [
            f"Input: {given}".rstrip(),
            f"{'Label' if first == 'Label' else 'Output'}: {output}".rstrip(),
        ]
        if first == "Label":
            parts.reverse()
        examples.append("\n".join([f"Example {number}", *parts]))
    return "\n\n".join(examples)
