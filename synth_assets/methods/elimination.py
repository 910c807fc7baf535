"""A rewrite, its parent and a completion in, the reason to eliminate it out (Xu et al. 2023)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Literal

from synth_assets.errors import ReplyError
from synth_assets.llm.request import Reply
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.quality.tokens import tokenize
from synth_assets.templates import Template

TEMPLATE_WORDS = (
    "given prompt",
    "new prompt",
    "original prompt",
    "prompt below",
    "rewrite the prompt",
    "rewrite prompts",
    "rewritten prompt",
)
"""Phrases in which a rewrite speaks of the rewriting instead of the task."""

COPIED_TOKENS = 6
"""So many tokens in a row of the template, which the parent does not hold, are no coincidence."""

_QUOTATION_MARK = re.compile(r"\[(?:end of )?[a-z ]+ [0-9a-f]{10}\]")

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        about after all also am an and any are as at be because been being but by can
        could did do does for from had has have he her here hers him his how if in into is
        it its just me my of on or our she so some such than that the their them then
        there these they this those to too up us was we were what when where which who why
        will with would you your
        """,
    )
)
"""English words that say nothing alone. "No", "not" and single letters are answers: not here."""


def rewrite_reason(reply: Reply, parent: str, template: Template) -> str | None:
    """Why the rewriter's reply is no prompt, from the text alone; None where it may be one."""
    if reply.status in ("failed", "refused"):
        return "failed_reply"
    text = without_thoughts(reply.text)
    if not text:
        return "empty_rewrite"
    if reply.status == "cut":
        return "cut_off"
    if copies_template(text, parent, template):
        return "copies_template"
    if _normalised(text) == _normalised(parent):
        return "equal_to_parent"
    return None


def copies_template(text: str, parent: str, template: Template) -> bool:
    """Does ``text`` hold words of the request that its parent does not hold?"""
    if _QUOTATION_MARK.search(text):
        return True
    tokens, parent_tokens = tokenize(text), tokenize(parent)
    spoken, spoken_by_parent = " ".join(tokens), " ".join(parent_tokens)
    for phrase in TEMPLATE_WORDS:
        pattern = rf"\b{phrase}\b"
        if re.search(pattern, spoken) and not re.search(pattern, spoken_by_parent):
            return True
    copied = (_grams(tokens) & _template_grams(template)) - _grams(parent_tokens)
    return bool(copied)


def parse_verdict(text: str) -> Literal["equal", "different"]:
    """The judge's one word; anything else raises `ReplyError`."""
    word = without_thoughts(text).strip("*_\"'`").rstrip(".!,;:").strip("*_\"'`").casefold()
    if word == "equal":
        return "equal"
    if word == "different":
        return "different"
    raise ReplyError(f"the verdict must be Equal or Different, and is {text.strip()[:80]!r}")


def equality_reason(reply: Reply) -> str | None:
    """Why the judge's verdict speaks against the rewrite. No verdict is not a verdict of
    ``Different``: it is a reason of its own."""
    if reply.status not in ("ok", "cut") or reply.text is None:
        return "equality_unknown"
    try:
        return "equal_to_parent" if parse_verdict(reply.text) == "equal" else None
    except ReplyError:
        return "equality_unknown"


def completion_reason(reply: Reply, sorry_words: int) -> str | None:
    """Why a prompt with this completion is of no use."""
    if reply.status == "refused":
        return "completion_refuses"
    if reply.status == "failed":
        return "completion_failed"
    text = reply.text or ""
    if is_sorry(text, sorry_words):
        return "completion_refuses"
    if says_nothing(text):
        return "completion_says_nothing"
    return None


def is_sorry(text: str, sorry_words: int) -> bool:
    """``sorry`` in fewer than ``sorry_words`` words (80 as published): it could not."""
    return "sorry" in text.lower() and len(text.split()) < sorry_words


def says_nothing(text: str) -> bool:
    """Only punctuation and stop words? Signs such as ∞ or 👍 are an answer."""
    if any(token not in STOP_WORDS for token in tokenize(text)):
        return False
    return not any(unicodedata.category(each) in ("Sm", "Sc", "So") for each in text)


def _normalised(text: str) -> str:
    return " ".join(text.casefold().split())


def _grams(tokens: Sequence[str]) -> set[tuple[str, ...]]:
    return {
        tuple(tokens[start : start + COPIED_TOKENS])
        for start in range(len(tokens) - COPIED_TOKENS + 1)
    }


@cache
def _template_grams(template: Template) -> frozenset[tuple[str, ...]]:
    parts = re.split(r"\{\{.*?\}\}", template.source)
    return frozenset().union(*(_grams(tokenize(part)) for part in parts))
