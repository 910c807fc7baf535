"""Critiques: a prompt and a completion in, what is wrong with it out, in words or with a rating."""

from __future__ import annotations

import json

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.judging import Reading, quality_of, rationale_of, read_completion
from synth_assets.llm.offline.obeying import ordered_rating
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Judging, Revising
from synth_assets.llm.offline.task import parse_task

FAULT = "The completion falls short:"
NO_FAULT = "The completion keeps the principle; there is nothing to change."


def criticise_completion(asked: Asked, dice: Dice, skill: Revising) -> str:
    """A critique in words; a fault is missed, or one found where there is none, at the declared
    rates."""
    reading = _reading(asked)
    has_fault = _has_fault(reading)
    if has_fault == dice.chance(skill.missed if has_fault else skill.invented):
        return NO_FAULT
    return f"{FAULT} {rationale_of(reading)}"


def rate_overall(asked: Asked, dice: Dice, skill: Judging) -> str:
    """A critique and an overall rating from 1 to 10, as JSON; out of form and of scale at the
    declared rates."""
    reading = _reading(asked)
    score = 2 * (quality_of(reading) - skill.severity) + dice.spread(2 * skill.noise)
    ordered = ordered_rating(asked.text, 10)
    overall = min(10, max(1, int(score + 0.5))) if ordered is None else ordered
    if dice.chance(skill.out_of_scale):
        overall = dice.pick((0, 11, 95))
    critique = f"{rationale_of(reading)} Each step should lead to the next, and to the answer."
    text = json.dumps({"critique": critique, "overall": overall}, ensure_ascii=False)
    if dice.chance(skill.malformed):
        return dice.pick((text[:-1], f"Overall: {overall}", text.replace('":', '"', 1)))
    return text


def _reading(asked: Asked) -> Reading:
    shown = {block.label: block.text for block in asked.blocks}
    task = parse_task(shown.get("prompt", ""))
    return read_completion(shown.get("completion", ""), task, shown.get("reference answer"))


def _has_fault(reading: Reading) -> bool:
    return (
        reading.lacks_answer or reading.is_right is False or reading.broken > 0 or reading.is_long
    )
