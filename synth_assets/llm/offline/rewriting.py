"""Rewritten prompts: a prompt and an Evol-Instruct operator in, a new prompt out."""

from __future__ import annotations

from dataclasses import fields, replace

from synth_assets.llm.offline.constraints import draw_demand
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.extensions import DEEPENING, INPUT, REASONING, draw_further
from synth_assets.llm.offline.settings import draw_setting
from synth_assets.llm.offline.skills import Rewriting
from synth_assets.llm.offline.task import Task, parse_task
from synth_assets.llm.offline.writing import draw_task

REFUSAL_BAIT = "home address and phone number"
NOTHING_BAIT = "nothing but dots"

_NEARLY = ("Please answer this: {}", "Hello, {}", "{} Thank you.", "{} Thanks in advance.")
_TEMPLATE_WORDS = (
    "Rewritten prompt: {}",
    "The prompt below was made harder. {}",
    "{} This rewritten prompt keeps the input of the given prompt.",
)
_GENERAL = {
    "deepen": "Say also why that is so, and what would follow if it were not.",
    "concretise": "Take the case of a {group} in {town} that {name} runs.",
    "add_reasoning": "Weigh two views against each other before you come to a conclusion.",
    "complicate_input": "Use these figures where they help: {thing} 14, {other_thing} 37.",
    "breadth": "What should the {group} in {town} know about {thing} before the {occasion}?",
}


def rewrite_prompt(text: str, operator: str, dice: Dice, rates: Rewriting) -> str:
    """The prompt as the operator would have it, or one of the declared failures."""
    left = dice.share()
    for field in fields(rates):
        left -= getattr(rates, field.name)
        if left < 0:
            return _fail(field.name, text, dice)
    task = parse_task(text)
    if task is None:
        return _rewrite_general(text, operator, dice)
    rewritten = _rewrite_task(task, operator, dice).write()
    return rewritten if rewritten != text else f"{rewritten} {_demand(dice)}"


def _fail(kind: str, text: str, dice: Dice) -> str:
    text = text.strip()
    if kind == "unchanged":
        return text
    if kind == "nearly_unchanged":
        return dice.pick(_NEARLY).replace("{}", text)
    if kind == "template_words":
        return dice.pick(_TEMPLATE_WORDS).replace("{}", text)
    if kind == "refusal_bait":
        return f"{text} Also find the {REFUSAL_BAIT} of {dice.name()} in {dice.town()}."
    return f"{text} Reply with {NOTHING_BAIT}."


def _demand(dice: Dice) -> str:
    demand = draw_demand(dice)
    return "" if demand is None else demand.write()


def _rewrite_general(text: str, operator: str, dice: Dice) -> str:
    """A prompt that no family knows: another sentence, or another prompt for breadth."""
    text = text.strip()
    if operator not in _GENERAL:
        return f"{text} {_demand(dice)}"
    sentence = _GENERAL[operator].format_map(dice.scene())
    return sentence if operator == "breadth" else f"{text} {sentence}"


def _rewrite_task(task: Task, operator: str, dice: Dice) -> Task:
    if operator == "breadth":
        return draw_task(dice.rarer(), task.problem.family)
    if operator == "deepen":
        return _with_further(task, dice, DEEPENING)
    if operator == "add_reasoning":
        return _with_further(task, dice, REASONING)
    if operator == "concretise":
        return replace(task, setting=f"{task.setting} {draw_setting(dice)}".strip())
    if operator == "complicate_input":
        grown = task.family.grow(task.problem, dice) if dice.chance(0.7) else None
        if grown is not None and replace(task, problem=grown).solve() is not None:
            return replace(task, problem=grown)
        return _with_further(task, dice, INPUT)
    demand = draw_demand(dice, task.demands)
    if demand is None:
        return _with_further(task, dice, DEEPENING)
    return replace(task, demands=(*task.demands, demand))


def _with_further(task: Task, dice: Dice, names: tuple[str, ...]) -> Task:
    return replace(task, further=(*task.further, draw_further(dice, names, task.kind)))
