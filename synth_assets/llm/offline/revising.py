"""Revisions: a prompt, a completion and its critique in, a new completion out, or the same."""

from __future__ import annotations

from synth_assets.llm.offline.answering import Answer, answer_prompt
from synth_assets.llm.offline.criticising import FAULT
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Skill


def revise_completion(asked: Asked, dice: Dice, skill: Skill) -> Answer:
    """The prompt worked anew, with the model's own error rates, where the critique finds a fault;
    at the declared rate it is not heeded."""
    shown = {block.label: block.text for block in asked.blocks}
    before = shown.get("completion", "")
    is_asked_for = shown.get("critique", "").startswith(FAULT)
    if not is_asked_for or dice.chance(skill.revising.unheeded):
        return Answer(before)
    return answer_prompt(Asked("answer", shown.get("prompt", "")), dice, skill.answering)
