"""Choices between (A) and (B): both texts in, a JSON choice and the probabilities behind it out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.judging import quality_of, rationale_of, read_completion
from synth_assets.llm.offline.obeying import ordered_side
from synth_assets.llm.offline.recognise import Asked, recognise
from synth_assets.llm.offline.skills import Preferring
from synth_assets.llm.offline.task import parse_task

CERTAINTY = 0.97
"""Probability of the better side once the judge has thought about it."""

_TOKENS = re.compile(r"\w+|\W")


def choose_completion(asked: Asked, dice: Dice, skill: Preferring, temperature: Any) -> str:
    """The choice, drawn by its probability, or the likelier one at temperature 0."""
    share = share_of_a(asked, skill)
    choice = "A" if (share >= 0.5 if temperature == 0 else dice.chance(share)) else "B"
    reply = {"choice": choice}
    if asked.name == "with_reasons":
        remarks = (f"Of {label[-1]}: {rationale}" for label, rationale in _remarks(asked).items())
        reply = {"rationale": " ".join(remarks), **reply}
    text = json.dumps(reply, ensure_ascii=False)
    if dice.chance(skill.malformed):
        return dice.pick((f"I choose the one shown {'first' if choice == 'A' else 'last'}.", "(C)"))
    return text


def share_of_a(asked: Asked, skill: Preferring) -> float:
    """The probability of A: of the difference in quality, and of its place."""
    ordered = ordered_side(asked.text)
    if ordered is not None:
        return CERTAINTY if ordered == "A" else 1 - CERTAINTY
    qualities = [quality_of(reading) for reading in _readings(asked).values()]
    better = qualities[0] - qualities[1] if len(qualities) == 2 else 0.0
    share = 1 / (1 + math.exp(-better)) * (1 - skill.position) + skill.position * 0.75
    if asked.name == "with_reasons":
        share = CERTAINTY if share >= 0.5 else 1 - CERTAINTY
    return round(share, 6)


def tell_logprobs(body: Mapping[str, Any], text: str, skill: Preferring) -> Any:
    """What an endpoint tells of the tokens of a choice, where it is asked for; else None. Only
    choices have probabilities here: of other texts nothing is known, and nothing is told."""
    if not body.get("logprobs") or '"choice"' not in text:
        return None
    asked = recognise(body)
    if asked.kind != "choose":
        return None
    share = share_of_a(asked, skill)
    told = {"A": math.log(share), "B": math.log(1 - share)}
    before, _, after = text.rpartition('"choice": "')
    content = [_token(token) for token in _TOKENS.findall(f'{before}"choice": "')]
    top = sorted(told.items(), key=lambda item: -item[1])[: int(body.get("top_logprobs") or 0)]
    content.append(_token(after[:1], told.get(after[:1], 0.0), dict(top)))
    content += [_token(token) for token in _TOKENS.findall(after[1:])]
    return {"content": content}


def _token(text: str, logprob: float = 0.0, top: Mapping[str, float] | None = None) -> Any:
    alternatives = {text: logprob} if top is None else top
    return {
        "token": text,
        "logprob": round(logprob, 6),
        "bytes": None,
        "top_logprobs": [
            {"token": token, "logprob": round(value, 6), "bytes": None}
            for token, value in alternatives.items()
        ],
    }


def _readings(asked: Asked) -> dict[str, Any]:
    shown = {block.label: block.text for block in asked.blocks}
    task = parse_task(shown.get("prompt", ""))
    labels = ("completion A", "completion B")
    return {label: read_completion(shown[label], task, None) for label in labels if label in shown}


def _remarks(asked: Asked) -> dict[str, str]:
    return {label: rationale_of(reading) for label, reading in _readings(asked).items()}
