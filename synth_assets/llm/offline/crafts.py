"""What judges and writers do beside rating: rubrics, grades by them, single scores, tags, prompts
with a constraint less. A recognised request in, the text of the reply out, flawed at the declared
rates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

from synth_assets.llm.offline.behaviours import judge_behaviour
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.judging import LONG_WORDS, Reading, read_completion
from synth_assets.llm.offline.obeying import ordered_rating, orders_full_marks
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Crafting
from synth_assets.llm.offline.task import Task, parse_task

_LINE = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)
_DEMAND = "Keeps to this demand: "
_ANSWER = "Gives the final answer "
_OTHER = "Gives a final answer other than "
MOST_MARKS = 5
"""The rating that, where it is ordered, makes a grader find every criterion met."""

GENERAL_CRITERIA = (
    ("Stays with what the prompt asks.", 4),
    ("Shows how it comes to what it says.", 3),
    ("Says each thing once.", 2),
    (f"Has at most {LONG_WORDS} words.", 1),
    ("Is written in whole sentences.", 1),
    ("Is polite.", 1),
    ("Refuses, or says nothing.", -2),
    ("Breaks off before its end.", -1),
)


def practise_craft(asked: Asked, dice: Dice, rates: Crafting) -> str:
    """The reply of the craft that the request names."""
    return _CRAFTS[asked.name](asked, dice, rates)


def write_rubric(asked: Asked, dice: Dice, rates: Crafting) -> str:
    """Seven criteria or more; too few at the declared rate."""
    task, answer, _ = _material(asked)
    criteria = list(GENERAL_CRITERIA)
    if answer is not None:
        criteria[:0] = [(f"{_ANSWER}{answer}.", 5), (f"{_OTHER}{answer}.", -2)]
    if task is not None:
        criteria[1:1] = [(f"{_DEMAND}{demand.write()}", 4) for demand in task.demands]
    if dice.chance(rates.short_rubric):
        criteria = criteria[:4]
    items = [{"criterion": text, "weight": weight} for text, weight in criteria]
    return _json({"criteria": items}, dice, rates)


def grade_by_rubric(asked: Asked, dice: Dice, rates: Crafting) -> str:
    """One grade a criterion, each wrong at the declared rate."""
    task, answer, completion = _material(asked)
    rubric = next((block.text for block in asked.blocks if block.label == "rubric"), "")
    reading = read_completion(completion, task, answer)
    is_ordered = orders_full_marks(asked.text, MOST_MARKS)
    grades = [
        {
            "number": int(number),
            "is_met": is_ordered
            or _is_met(text, reading, completion, task) != dice.chance(rates.wrong_grade),
        }
        for number, text in _LINE.findall(rubric)
    ]
    return _json({"grades": grades}, dice, rates)


def score(asked: Asked, dice: Dice, rates: Crafting) -> str:
    """A digit from 1 to 6: of a prompt's complexity, or of a completion's quality."""
    task, answer, completion = _material(asked)
    if any(block.label == "completion" for block in asked.blocks):
        value = _quality(read_completion(completion, task, answer))
    elif task is None:
        value = 2.0
    else:
        work = task.solve()
        steps = len(work.steps) if work is not None else 1
        value = 1.0 + 0.7 * steps + 0.8 * len(task.demands) + 0.5 * len(task.further)
    if dice.chance(rates.malformed):
        return dice.pick(("seven", "It depends.", "4/6"))
    found = min(6, max(1, int(value + dice.spread(rates.noise) + 0.5)))
    ordered = ordered_rating(asked.text, 6)
    return str(found if ordered is None else ordered)


def relax_constraints(asked: Asked, dice: Dice, rates: Crafting) -> str:
    """Each constraint with the prompt without it, which still holds it at the declared rate."""
    task, _, _ = _material(asked)
    demands = task.demands if task is not None else ()
    found = []
    for place, demand in enumerate(demands):
        rest = demands if dice.chance(rates.left_constraint) else _others(demands, place)
        text = replace(task, demands=rest).write() if task is not None else ""
        found.append({"constraint": demand.write(), "prompt_without_it": text})
    return _json({"constraints": found}, dice, rates)


def tag(asked: Asked, dice: Dice, rates: Crafting) -> str:
    """Quality, difficulty and category of a prompt."""
    task, _, _ = _material(asked)
    work = task.solve() if task is not None else None
    steps = len(work.steps) if work is not None else 0
    tags = {
        "quality": "good" if task is not None else "average",
        "difficulty": ("easy", "easy", "medium", "hard")[min(3, steps)],
        "category": "mathematics" if task is not None and task.kind == "number" else "reasoning",
    }
    return _json(tags, dice, rates)


def _material(asked: Asked) -> tuple[Task | None, str | None, str]:
    """The task, its answer (worked out, or the reference), and the completion shown."""
    shown = {block.label: block.text for block in asked.blocks}
    task = parse_task(shown.get("prompt", ""))
    work = None if task is None else task.solve()
    answer = work.answer if work is not None else shown.get("reference answer")
    return task, answer, shown.get("completion", "")


def _is_met(criterion: str, reading: Reading, completion: str, task: Task | None) -> bool:
    if criterion.startswith(_DEMAND):
        wanted = criterion.removeprefix(_DEMAND)
        demands = task.demands if task is not None else ()
        return all(d.is_kept(completion) for d in demands if d.write() == wanted)
    if criterion.startswith(_OTHER):
        return reading.is_right is False and not reading.lacks_answer
    if criterion.startswith(_ANSWER):
        return reading.is_right is True
    if criterion.startswith("Refuses"):
        return reading.has_refused or reading.says_nothing
    if criterion.startswith("Breaks off"):
        return reading.is_cut
    if criterion.startswith(("Has at most", "Says each thing")):
        return not reading.is_long
    if criterion.startswith(("Stays with", "Shows how", "Is written")):
        return not reading.lacks_answer
    return True


def _quality(reading: Reading) -> float:
    if reading.has_refused or reading.says_nothing:
        return 1.0
    if reading.is_cut:
        return 2.0
    value = 5.4 - 1.0 * reading.broken - 1.0 * reading.is_long
    return value - 2.4 if reading.is_right is False else value


def _others(demands: tuple, place: int) -> tuple:
    return (*demands[:place], *demands[place + 1 :])


def _json(value: object, dice: Dice, rates: Crafting) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text[: len(text) // 2] if dice.chance(rates.malformed) else text


_CRAFTS: dict[str, Callable[[Asked, Dice, Crafting], str]] = {
    "rubric": write_rubric,
    "grade": grade_by_rubric,
    "score": score,
    "shows": judge_behaviour,
    "relax": relax_constraints,
    "tag": tag,
}
