"""The turn of phrase by which a model can be known: a completion in, the same in its words out."""

from __future__ import annotations

import re

from synth_assets.llm.offline.answering import CONNECTIVES

_BEFORE_THE_ANSWER = re.compile(rf"(?:{'|'.join(CONNECTIVES)})(?= \**\\boxed)")


def in_own_words(text: str, habit: str | None) -> str:
    """Its way of leading to the answer; a text without an answer stays as it is."""
    return text if habit is None else _BEFORE_THE_ANSWER.sub(habit, text)


def is_own(text: str, habit: str | None) -> bool:
    """Does the text sound like the model that has this habit?"""
    return habit is not None and habit in text
