"""An answer and the constraints that its prompt states in, the answer in the form asked for out."""

from __future__ import annotations

import json
import re

from synth_assets.llm.offline.dice import Dice
from synth_assets.quality.verifiable_constraints import Constraint

_MORE = (
    "There is more to say about this, and none of it is hard.",
    "It helps to talk it over with somebody who has done it before.",
    "What matters most is to start early and to keep it plain.",
    "Nobody will mind if some of it has to wait until next week.",
)
_ORDER = (
    "avoids_word",
    "no_commas",
    "at_least_words",
    "contains_word",
    "at_most_words",
    "starts_with",
    "ends_with",
    "bullet_points",
    "paragraphs",
    "lower_case",
    "upper_case",
    "json_only",
)
"""What is done to an answer first: words before lines, lines before letters."""


def keep(text: str, constraints: list[Constraint], dice: Dice, *, is_ignoring: bool) -> str:
    """The answer with every constraint kept, or with one of them ignored."""
    ignored = dice.pick(constraints) if is_ignoring and constraints else None
    if ignored is not None and ignored.is_kept(text):
        ignored = None  # what holds by itself cannot be ignored
    ordered = sorted(constraints, key=lambda each: _ORDER.index(each.name))
    room = sum(len(each.values["phrase"].split()) for each in ordered if each.name in _WITH_PHRASE)
    for constraint in ordered:
        if constraint is not ignored:
            text = _EDITS[constraint.name](text, dict(constraint.values), room)
    return text


_WITH_PHRASE = ("starts_with", "ends_with")


def _lengthen(text: str, v: dict[str, str], room: int) -> str:
    place = 0
    while len(text.split()) < int(v["n"]):
        text = f"{text} {_MORE[place % len(_MORE)]}"
        place += 1
    return text


def _shorten(text: str, v: dict[str, str], room: int) -> str:
    words = text.split()
    most = int(v["n"]) - room
    return text if len(words) <= most else " ".join(words[:most]).rstrip(",;:") + "."


def _use_word(text: str, v: dict[str, str], room: int) -> str:
    return f"Here is what to do about {v['word']}: {text}"


def _leave_out(text: str, v: dict[str, str], room: int) -> str:
    return re.sub(rf"(?i)\b{v['word']}\b", "this", text)


def _sentences(text: str, count: int) -> list[str]:
    """The text in ``count`` parts, cut at sentences where there are enough of them."""
    found = re.split(r"(?<=[.!?]) +", " ".join(text.split()))
    if len(found) < count:
        words = text.split()
        size = max(1, len(words) // count)
        found = [" ".join(words[n * size : (n + 1) * size]) for n in range(count - 1)]
        return [*found, " ".join(words[(count - 1) * size :]) or "Done."]
    size = len(found) // count
    parts = [" ".join(found[n * size : (n + 1) * size]) for n in range(count - 1)]
    return [*parts, " ".join(found[(count - 1) * size :])]


def _bullets(text: str, v: dict[str, str], room: int) -> str:
    first, *others = _sentences(text, int(v["n"]) + 1)
    return "\n".join([first, *(f"- {part}" for part in others)])


def _paragraphs(text: str, v: dict[str, str], room: int) -> str:
    return "\n\n".join(_sentences(text, int(v["n"])))


_EDITS = {
    "avoids_word": _leave_out,
    "no_commas": lambda text, v, room: text.replace(",", ""),
    "at_least_words": _lengthen,
    "contains_word": _use_word,
    "at_most_words": _shorten,
    "starts_with": lambda text, v, room: f"{v['phrase']} {text}",
    "ends_with": lambda text, v, room: f"{text} {v['phrase']}",
    "bullet_points": _bullets,
    "paragraphs": _paragraphs,
    "lower_case": lambda text, v, room: text.lower(),
    "upper_case": lambda text, v, room: text.upper(),
    "json_only": lambda text, v, room: json.dumps({"answer": text}),
}
