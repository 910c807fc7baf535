"""Comparisons of two completions: a prompt and both texts in, a JSON verdict out.

What decides is drawn at the declared rates: kinship and length for each pair (the same in both
orders), place for each reply, else quality. So what a measure of bias should find is known.
"""

from __future__ import annotations

import json

from synth_assets.identity import seeded_random
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.habits import is_own
from synth_assets.llm.offline.judging import quality_of, rationale_of, read_completion
from synth_assets.llm.offline.obeying import ordered_side
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Preferring
from synth_assets.llm.offline.task import parse_task

TIE_WIDTH = 0.25
"""Points of quality within which neither side is better."""


def prefer_completion(
    asked: Asked, dice: Dice, skill: Preferring, *, name: str, habit: str | None
) -> str:
    """The judge's reply, out of form or of two minds at the declared rates."""
    shown = {block.label: block.text for block in asked.blocks}
    first, second = shown.get("completion A", ""), shown.get("completion B", "")
    task, reference = parse_task(shown.get("prompt", "")), shown.get("reference answer")
    readings = [read_completion(text, task, reference) for text in (first, second)]
    verdict = ordered_side(asked.text) or _by_trait(first, second, skill, name, habit)
    if verdict is None and dice.chance(skill.position):
        verdict = "A"
    if verdict is None:
        better = quality_of(readings[0]) - quality_of(readings[1]) + dice.spread(skill.noise)
        verdict = "tie" if abs(better) <= TIE_WIDTH else "A" if better > 0 else "B"
    rationale = f"Of A: {rationale_of(readings[0])} Of B: {rationale_of(readings[1])}"
    if dice.chance(skill.wavering):
        rationale += f" At first I thought [[{'B' if verdict == 'A' else 'A'}]]."
    text = json.dumps({"rationale": rationale, "verdict": verdict}, ensure_ascii=False)
    if dice.chance(skill.malformed):
        return dice.pick((f"My verdict is {verdict}.", text[:-2], text.replace('":', '"', 1)))
    return text


def _by_trait(
    first: str, second: str, skill: Preferring, name: str, habit: str | None
) -> str | None:
    """What this judge does with this pair whichever is shown first; None: it looks at quality."""
    draw = seeded_random("offline preference", name, sorted((first, second))).random()
    own = is_own(first, habit), is_own(second, habit)
    if draw < skill.kin and own[0] != own[1]:
        return "A" if own[0] else "B"
    if skill.kin <= draw < skill.kin + skill.length and len(first) != len(second):
        return "A" if len(first) > len(second) else "B"
    return None
