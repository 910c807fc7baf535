"""Instructions for a text: a text in, the instruction that it would answer out; and the score of a
pair of both."""

from __future__ import annotations

import json
import re
from collections import Counter

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.recognise import Asked
from synth_assets.llm.offline.skills import Describing, Judging

_FORMS = (
    "Write a text about {topics}.",
    "Explain {topics} to somebody who is new to it.",
    "Tell me what one should know about {topics}.",
)
_HEADED = ('Write the section "{heading}" of a guide; speak of {topics}.', *_FORMS)
_NO_INSTRUCTIONS = (
    "This text is about {topics}.",
    "{topics}",
)
_LENGTHS = ((90, "Keep it to a paragraph."), (180, "About 150 words will do."))
_LONG = "Take two or more paragraphs."
_MOST_WORDS = 5
_TOKEN = re.compile(r"[^\W\d_]{3,}")
_ASKS = re.compile(
    r"^(?:write|explain|tell|describe|give|list|summari[sz]e|compose|name|how|what|why)\b",
    re.IGNORECASE,
)


def write_instruction(asked: Asked, dice: Dice, rates: Describing) -> str:
    """An instruction that names what the text speaks of most, or one of the declared failures."""
    text = asked.blocks[-1].text
    if dice.chance(rates.another_subject):
        return dice.pick(_FORMS).replace("{topics}", f"{dice.thing()} and {dice.thing()}")
    topics = " and ".join(_topics(text, 3)) or "this"
    if dice.chance(rates.no_instruction):
        return dice.pick(_NO_INSTRUCTIONS).replace("{topics}", topics)
    heading = _heading(text)
    form = dice.pick(_HEADED if heading else _FORMS)
    asked_for = form.replace("{topics}", topics).replace("{heading}", heading)
    words = len(text.split())
    return f"{asked_for} {next((say for most, say in _LENGTHS if words <= most), _LONG)}"


def score_pair(asked: Asked, dice: Dice, skill: Judging) -> str:
    """The judge's JSON: does the text speak of what the instruction names? Malformed, or off the
    scale, at the declared rates."""
    shown = {block.label: block.text for block in asked.blocks}
    instruction, answer = shown.get("instruction", ""), shown.get("answer", "")
    named = [word for word in _words(instruction) if len(word) >= _MOST_WORDS]
    held = set(_words(answer))
    is_asked = _ASKS.match(instruction.strip()) is not None
    share = sum(word in held for word in named) / len(named) if named else 0.0
    score = (4.9 if share >= 0.3 else 1.6) - 1.6 * (not is_asked) - skill.severity
    score = min(5.0, max(1.0, round(score + dice.spread(skill.noise / 2), 1)))
    if dice.chance(skill.out_of_scale):
        score = dice.pick((0, 7, 10))
    rationale = "It speaks of what was asked." if share >= 0.3 else "It is about something else."
    text = json.dumps({"rationale": rationale, "score": score})
    return f"I would say {score} of 5." if dice.chance(skill.malformed) else text


def _topics(text: str, count: int) -> list[str]:
    """The longest of the words that stand most often, which names the subject of plain prose."""
    counted = Counter(word for word in _words(text) if len(word) >= _MOST_WORDS)
    ranked = sorted(counted, key=lambda word: (-counted[word], -len(word), word))
    return ranked[:count]


def _words(text: str) -> list[str]:
    return [word.lower() for word in _TOKEN.findall(text)]


def _heading(text: str) -> str:
    first = text.strip().partition("\n")[0]
    return first.lstrip("#").strip() if first.startswith("#") else ""
