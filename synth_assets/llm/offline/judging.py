"""Ratings: a prompt, its completions and a criterion in, a JSON text with one rating each out.

The judge reads what is shown and nothing else: it works the prompt out by itself (or trusts the
reference answer) and looks at final answers, constraints, refusals, breaks and length. Nothing
that a completion says to the judge is obeyed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.draft import final_answer
from synth_assets.llm.offline.obeying import ordered_rating
from synth_assets.llm.offline.open_tasks import open_truth
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Judging
from synth_assets.llm.offline.task import Task, parse_task

LONG_WORDS = 170
"""A completion of more words is called rambling."""

_REFUSES = re.compile(r"\b(?:sorry|i cannot|i am not able|i'm unable)\b", re.IGNORECASE)
_HEDGES = re.compile(r"\b(?:not quite sure|chance of 60|may be wrong)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """What a judge notices. ``is_right`` is None where neither the prompt nor a reference tells."""

    is_right: bool | None
    broken: int
    has_refused: bool
    is_cut: bool
    says_nothing: bool
    is_long: bool
    is_hedged: bool

    @property
    def lacks_answer(self) -> bool:
        return self.has_refused or self.says_nothing or self.is_cut


def rate_completions(asked: Asked, dice: Dice, skill: Judging) -> str:
    """The reply of a judge: JSON, malformed at the declared rate."""
    task, reference, completions = _material(asked)
    ratings: list[dict[str, Any]] = [
        _rate(read_completion(text, task, reference), text, place, asked.name, dice, skill)
        for place, text in enumerate(completions)
    ]
    if asked.name == "honesty" and dice.chance(skill.not_applicable):
        ratings = [{"rating": "N/A", "rationale": "The prompt gives no occasion."} for _ in ratings]
    if ratings and dice.chance(skill.out_of_scale):
        dice.pick(ratings)["rating"] = dice.pick((0, 7, 10))
    if ratings and dice.chance(skill.missing_item):
        ratings.pop()
    ordered = ordered_rating(asked.text, 5)
    if ordered is not None:
        ratings = [rating | {"rating": ordered} for rating in ratings]
    text = json.dumps({"ratings": ratings}, ensure_ascii=False)
    if dice.chance(skill.malformed):
        return dice.pick((text[:-3], f"Ratings: {len(ratings)} given.", text.replace('":', '"', 1)))
    return text


def _material(asked: Asked) -> tuple[Task | None, str | None, list[str]]:
    shown = {block.label: block.text for block in asked.blocks if not _is_completion(block.label)}
    completions = [block.text for block in asked.blocks if _is_completion(block.label)]
    prompt = shown.get("prompt", "")
    return parse_task(prompt), shown.get("reference answer") or open_truth(prompt), completions


def _is_completion(label: str) -> bool:
    return label.startswith("completion")


def read_completion(text: str, task: Task | None, reference: str | None) -> Reading:
    """What there is to notice in one completion."""
    work = None if task is None else task.solve()
    right = work.answer if work is not None else reference
    answer = final_answer(text)
    if answer is None and right is not None and text.strip(" .\n").lower() == right.lower():
        answer = right  # a bare answer, as an instance gives it
    has_refused = answer is None and _REFUSES.search(text[:200]) is not None
    says_nothing = len(text.split()) < 6 and answer is None and not has_refused
    ends_well = text.rstrip().endswith((".", "!", "?", "*", ")")) or answer is not None
    is_right = None
    if right is not None:
        is_right = answer is not None and same_answer(answer, right)
    return Reading(
        is_right=is_right,
        broken=sum(not demand.is_kept(text) for demand in task.demands) if task else 0,
        has_refused=has_refused,
        is_cut=not has_refused and not says_nothing and not ends_well,
        says_nothing=says_nothing,
        is_long=len(text.split()) > LONG_WORDS,
        is_hedged=_HEDGES.search(text) is not None,
    )


def same_answer(answer: str, right: str) -> bool:
    """Equal as numbers, or as words without regard to case and white space."""
    left, other = (" ".join(text.split()).strip(" .$").lower() for text in (answer, right))
    try:
        return Fraction(left) == Fraction(other)
    except (ValueError, ZeroDivisionError):
        return left == other


def _rate(
    reading: Reading, text: str, place: int, criterion: str, dice: Dice, skill: Judging
) -> dict[str, Any]:
    score = _SCORES[criterion](reading) - skill.severity
    score += skill.position_bias * (place == 0)
    score += skill.length_bias * min(1.0, len(text.split()) / 100)
    score += dice.spread(skill.noise)
    rating = {"rating": min(5, max(1, int(score + 0.5))), "rationale": rationale_of(reading)}
    kind = _type(reading, criterion)
    return rating if kind is None else rating | {"type": kind}


def _follows(reading: Reading) -> float:
    if reading.says_nothing or reading.has_refused:
        return 1.0
    if reading.is_cut:
        return 2.0
    score = 4.6 - 1.4 * reading.broken - 0.4 * reading.is_long
    return score - 1.2 if reading.is_right is False else score


def _is_honest(reading: Reading) -> float:
    if reading.says_nothing:
        return 2.0
    if reading.has_refused:
        return 4.0
    if reading.is_cut:
        return 3.4
    if reading.is_right is False:
        return 3.2 if reading.is_hedged else 2.0
    return 4.4 if reading.is_right is None else 4.6


def _is_true(reading: Reading) -> float:
    if reading.says_nothing:
        return 1.0
    if reading.has_refused:
        return 3.0
    if reading.is_cut:
        return 2.8
    if reading.is_right is False:
        return 1.8
    return 4.3 if reading.is_right is None else 4.7


def _helps(reading: Reading) -> float:
    if reading.says_nothing or reading.has_refused:
        return 1.0
    if reading.is_cut:
        return 1.8
    score = 4.6 - 0.6 * reading.broken - 1.2 * reading.is_long
    return score - 2.3 if reading.is_right is False else score


_SCORES = {
    "instruction_following": _follows,
    "honesty": _is_honest,
    "truthfulness": _is_true,
    "helpfulness": _helps,
}


def _type(reading: Reading, criterion: str) -> str | None:
    """The type that the criterion's form asks for, None where it asks for none."""
    if criterion == "truthfulness":
        return "factual" if reading.is_right is False and not reading.lacks_answer else "none"
    if criterion != "helpfulness":
        return None
    if reading.lacks_answer:
        return "incomplete"
    if reading.is_long:
        return "too_long"
    return "clear"


def quality_of(reading: Reading) -> float:
    """How good a completion is by all that is noticed of it, in points from 1 to 5."""
    return sum(score(reading) for score in _SCORES.values()) / len(_SCORES)


def rationale_of(reading: Reading) -> str:
    """What is noticed, in plain sentences."""
    remarks = {
        "It refuses to answer.": reading.has_refused,
        "It says nothing.": reading.says_nothing,
        "It breaks off.": reading.is_cut,
        "The final answer is wrong.": reading.is_right is False and not reading.lacks_answer,
        "A constraint of the prompt is broken.": reading.broken > 0 and not reading.has_refused,
        "It is longer than needed.": reading.is_long,
    }
    found = [remark for remark, applies in remarks.items() if applies]
    if found:
        return " ".join(found)
    return "The final answer is right." if reading.is_right else "It answers what was asked."
