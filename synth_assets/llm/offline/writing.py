"""New prompts: a numbered list to be continued in, up to seven items out, some of them rubbish."""

from __future__ import annotations

from dataclasses import fields

from synth_assets.llm.offline import rubbish
from synth_assets.llm.offline.constraints import Demand, draw_demand
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.families import FAMILIES
from synth_assets.llm.offline.memorised import MEMORISED
from synth_assets.llm.offline.open_tasks import OPEN_TASKS
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.settings import draw_setting
from synth_assets.llm.offline.skills import Writing
from synth_assets.llm.offline.task import Task

SETTING_SHARE = 0.6
DEMAND_SHARE = 0.25
OPEN_SHARE = 0.6
"""Of new prompts that may leave their input open, how many do."""

_FAMILIES = tuple(FAMILIES.values())


def draw_task(dice: Dice, family: str | None = None) -> Task:
    """A task with or without a scene and a constraint, of a family at random or the one given."""
    chosen = dice.pick(_FAMILIES) if family is None else FAMILIES[family]
    setting = draw_setting(dice) if dice.chance(SETTING_SHARE) else ""
    demand = draw_demand(dice) if dice.chance(DEMAND_SHARE) else None
    demands: tuple[Demand, ...] = () if demand is None else (demand,)
    return Task(chosen.draw(dice), setting, (), demands)


def draw_kind(dice: Dice, rates: Writing) -> str:
    """Which kind of rubbish the next item is, or ``good``."""
    left = dice.share()
    for field in fields(rates):
        if field.name == "cut_reply":
            continue
        left -= getattr(rates, field.name)
        if left < 0:
            return field.name
    return "good"


def write_item(
    dice: Dice, rates: Writing, examples: tuple[str, ...], open_share: float = 0.0
) -> str:
    """One new prompt, on one line."""
    kind = draw_kind(dice, rates)
    if kind == "memorised":
        return dice.pick(MEMORISED)
    if kind == "near_duplicate" and examples:
        return rubbish.near_duplicate(dice, dice.pick(examples))
    makers = {
        "too_short": rubbish.too_short,
        "too_long": rubbish.too_long,
        "keyword": rubbish.keyword,
        "program": rubbish.program,
        "punctuation": rubbish.punctuation,
        "other_language": rubbish.other_language,
    }
    if kind in makers:
        return makers[kind](dice)
    if open_share and dice.chance(open_share):
        return dice.pick(tuple(OPEN_TASKS.values())).write(dice)
    return draw_task(dice).write()


def begin_conversation(dice: Dice, rates: Writing) -> tuple[str, bool]:
    """What a user would ask, and whether it breaks off."""
    text = write_item(dice, rates, ())
    if not dice.chance(rates.cut_reply):
        return text, False
    return text[: len(text) * 6 // 10], True


def write_prompts(asked: Asked, dice: Dice, rates: Writing) -> tuple[str, bool]:
    """The list continued, and whether the reply breaks off in its last item."""
    numbers = range(asked.first_number, asked.last_number + 1)
    share = OPEN_SHARE if asked.name == "open" else 0.0
    text = "\n".join(f"{n}. {write_item(dice, rates, asked.examples, share)}" for n in numbers)
    if not dice.chance(rates.cut_reply):
        return text, False
    last = text.rfind("\n") + 1
    return text[: last + (len(text) - last) * 6 // 10], True
