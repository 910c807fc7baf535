"""Equality of two prompts: two texts in, "Equal" or "Different" out."""

from __future__ import annotations

from dataclasses import replace

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Judging
from synth_assets.llm.offline.task import parse_task, strip_courtesy


def compare_prompts(asked: Asked, dice: Dice, skill: Judging) -> str:
    """The verdict, wrong at the declared rate."""
    first, second = asked.blocks[0].text, asked.blocks[1].text
    is_equal = ask_the_same(first, second) != dice.chance(skill.wrong_verdict)
    return "Equal" if is_equal else "Different"


def ask_the_same(first: str, second: str) -> bool:
    """Whether two prompts set the same problem with the same constraints, depth and detail.

    Constraints may stand in another order. Courtesies, white space and case decide nothing.
    """
    tasks = parse_task(first), parse_task(second)
    if tasks[0] is None or tasks[1] is None:
        return _words(first) == _words(second)
    left, right = (replace(t, setting=t.setting.lower(), demands=()) for t in tasks if t)
    demands = [sorted(d.write() for d in t.demands) for t in tasks if t]
    return left == right and demands[0] == demands[1]


def _words(text: str) -> list[str]:
    return [word.strip(".,;:!?").lower() for word in strip_courtesy(text).split()]
