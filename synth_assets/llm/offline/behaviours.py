"""Behaviours that a system text may ask for: the text and an answer in, the answer so behaved out.

Two are known: a closing summary ("End every answer with a line that begins with "In short:"") and
asking back ("… ask for what is missing"). A judge knows them again by the same words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from synth_assets.llm.offline.answering import Answer
from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.draft import final_answer
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Crafting
from synth_assets.llm.offline.task import can_parse

_SUMMARY = re.compile(
    r'ends? (?:every|each|the) answer with a line that begins with "([^"\n]+)"', re.I
)
_ASKING = re.compile(r"asks? (?:back )?for what is missing", re.I)
_UNSAID = re.compile(r"\b(?:some|a few|several|a certain|many)\b", re.I)
_QUESTION = re.compile(r"\bhow (?:many|much|long|far|old)\b", re.I)

BEHAVES = (None, "slip", "ignored_constraint", "rambling")
"""Flaws beside which a behaviour is shown: who refuses or breaks off shows none."""


@dataclass(frozen=True)
class Behaviour:
    """show: (match in the text, prompt, answer) → the answer. is_shown: the same of a text."""

    show: Callable[[re.Match[str], str, str], str]
    is_shown: Callable[[re.Match[str], str, str], bool]


def behave(answer: Answer, asked: Asked, dice: Dice, rates: Crafting) -> Answer:
    """The answer as the system text wants it, forgotten at the declared rate. Without a behaviour
    in the system text nothing is drawn, and the answer stays as it is."""
    found = _asked_for(asked.system)
    if found is None or answer.flaw not in BEHAVES or dice.chance(rates.forgotten_behaviour):
        return answer
    behaviour, match = found
    return replace(answer, text=behaviour.show(match, asked.text, answer.text))


def judge_behaviour(asked: Asked, dice: Dice, rates: Crafting) -> str:
    """A judge's JSON: whether the completion shows what the words around describe."""
    blocks = {block.label: block.text for block in asked.blocks}
    found = _asked_for(asked.text)
    shows = False
    if found is not None:
        behaviour, match = found
        shows = behaviour.is_shown(match, blocks.get("prompt", ""), blocks.get("completion", ""))
    shows = shows != dice.chance(rates.wrong_grade)
    reason = "The answer shows it." if shows else "Nothing of it is in the answer."
    return json.dumps({"shows": shows, "reason": reason})


def lacks_data(prompt: str) -> bool:
    """Does a question about a quantity leave out a figure that it needs?"""
    has_question = _QUESTION.search(prompt) is not None
    return has_question and _UNSAID.search(prompt) is not None and not can_parse(prompt)


def _asked_for(text: str) -> tuple[Behaviour, re.Match[str]] | None:
    for pattern, behaviour in _BEHAVIOURS:
        match = pattern.search(text)
        if match is not None:
            return behaviour, match
    return None


def _sum_up(match: re.Match[str], prompt: str, answer: str) -> str:
    result = final_answer(answer)
    if result is None:
        first = re.split(r"(?<=[.!?])\s", " ".join(answer.split()))[0]
        return f"{answer}\n{match.group(1)} {first}"
    return f"{answer}\n{match.group(1)} the answer is {result}."


def _is_summed_up(match: re.Match[str], prompt: str, answer: str) -> bool:
    return answer.rstrip().rpartition("\n")[2].startswith(match.group(1))


def _ask_back(match: re.Match[str], prompt: str, answer: str) -> str:
    if not lacks_data(prompt):
        return answer
    unsaid = _UNSAID.search(prompt)
    word = unsaid.group().lower() if unsaid else "that"
    return f'The question says "{word}" and no figure. How many are meant? With it I can answer.'


def _is_asked_back(match: re.Match[str], prompt: str, answer: str) -> bool:
    return not lacks_data(prompt) or ("?" in answer and final_answer(answer) is None)


_BEHAVIOURS = (
    (_SUMMARY, Behaviour(_sum_up, _is_summed_up)),
    (_ASKING, Behaviour(_ask_back, _is_asked_back)),
)
