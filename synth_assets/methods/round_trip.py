"""Texts and languages in, requests for their translation out, and why a round trip is of no use."""

from __future__ import annotations

import unicodedata
from typing import Any

from synth_assets.errors import ReplyError
from synth_assets.llm.request import Reply, Request, user
from synth_assets.methods.elimination import copies_template
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.quality.preserved_parts import change_reason
from synth_assets.templates import load_template, quote

TRANSLATE = "back_translation/translate"
IS_SAME_TASK = "back_translation/is_same_task"


def translation_request(
    text: str, source: str, target: str, *, model: str, sampling: dict[str, Any], round: int
) -> Request:
    """The one request for a text and a language, whichever method makes it, so that a second
    method that needs the same translation gets the reply that is known."""
    words = load_template(TRANSLATE).render(source=source, target=target, text=quote("text", text))
    return Request(model, (user(words),), sampling, round=round)


def translation_reason(reply: Reply, original: str) -> str | None:
    """Why a translator's reply is no translation of ``original``, as far as the text alone says."""
    if reply.status in ("failed", "refused"):
        return "failed_reply"
    text = without_thoughts(reply.text)
    if not text:
        return "empty"
    if reply.status == "cut":
        return "cut_off"
    if copies_template(text, original, load_template(TRANSLATE)):
        return "copies_template"
    return "untranslated" if normalised(text) == normalised(original) else None


def round_trip_reason(reply: Reply, parent: str, ratio: tuple[float, float]) -> str | None:
    """Why a text that went through another language and back is of no use beside its parent."""
    reason = translation_reason(reply, parent)
    if reason is not None:
        return "equal_to_parent" if reason == "untranslated" else reason
    text = without_thoughts(reply.text)
    lowest, highest = ratio
    if not lowest * len(parent.strip()) <= len(text) <= highest * len(parent.strip()):
        return "length_ratio"
    return change_reason(parent, text)


def same_task_request(parent: str, text: str, *, judge: str, sampling: dict[str, Any]) -> Request:
    words = load_template(IS_SAME_TASK).render(
        first=quote("first prompt", parent), second=quote("second prompt", text)
    )
    return Request(judge, (user(words),), sampling)


def same_task_reason(reply: Reply) -> str | None:
    """``another_task`` by the judge's verdict. No verdict is not a verdict of ``Same``: it is a
    reason of its own."""
    if reply.status not in ("ok", "cut") or reply.text is None:
        return "same_task_unknown"
    try:
        return None if is_same(reply.text) else "another_task"
    except ReplyError:
        return "same_task_unknown"


def is_same(text: str) -> bool:
    """The judge's one word; anything else raises `ReplyError`."""
    word = without_thoughts(text).strip("*_\"'`").rstrip(".!,;:").strip("*_\"'`").casefold()
    if word not in ("same", "other"):
        raise ReplyError(f"the verdict must be Same or Other, and is {text.strip()[:80]!r}")
    return word == "same"


def normalised(text: str) -> str:
    """Without regard to case, width, white space, and the mark at the end."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".!?。！？ ")
