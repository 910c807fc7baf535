"""The body of a reply in, the probabilities of its tokens out.

Endpoints give them where ``logprobs`` is asked for: under ``content`` in a chat, as parallel lists
in the older API of completions. Whatever is not of either form is no probability, never a zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synth_assets.llm.replies import parse_body


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token of the reply. alternatives: the likeliest tokens at its place, by natural
    logarithm; the token itself stands among them where the endpoint lists it."""

    token: str
    logprob: float
    alternatives: Mapping[str, float]


def read_logprobs(body: str | None) -> list[TokenLogprob] | None:
    """The tokens of the first choice in their order; None where the body tells nothing of them."""
    if body is None:
        return None
    try:
        told = parse_body(body)["choices"][0].get("logprobs")
        if not isinstance(told, Mapping):
            return None
        items = _of_chat(told["content"]) if "content" in told else _of_text(told)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    return items or None


def _of_chat(content: Any) -> list[TokenLogprob]:
    return [
        TokenLogprob(
            item["token"],
            _number(item["logprob"]),
            {top["token"]: _number(top["logprob"]) for top in item.get("top_logprobs") or ()},
        )
        for item in content or ()
    ]


def _of_text(told: Mapping[str, Any]) -> list[TokenLogprob]:
    tokens, values = told["tokens"], told["token_logprobs"]
    tops = told.get("top_logprobs") or [None] * len(tokens)
    return [
        TokenLogprob(token, _number(value), {t: _number(v) for t, v in (top or {}).items()})
        for token, value, top in zip(tokens, values, tops, strict=True)
    ]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ValueError(f"{value!r} is no logarithm of a probability")
    return float(value)
