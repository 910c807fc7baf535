"""Two scorings of a completion, with and without its prompt, in, how hard it is to follow out.

IFD = ppl(y | x) / ppl(y) (Li et al. 2024, "Superfiltering", section 2). Below 1 the prompt helps
to predict the completion; at 1 or above the two have nothing to do with one another.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from synth_assets.quality.scorers import ScoredText

IfdMode = Literal["parity", "strict"]
"""``parity``: as the released code counts: the direct loss lacks the completion's first token, the
conditional one has it. ``strict``: the same tokens in both."""

SAME_DIGITS = 7
"""Significant digits that are kept: those after them change with a batch's padding."""

IfdStatus = Literal["ok", "too_short", "prompt_too_long", "not_finite", "failed"]


@dataclass(frozen=True, slots=True)
class Ifd:
    """tokens: how many the conditional perplexity rests on. Without a score there is a status."""

    status: IfdStatus
    ifd: float | None = None
    ppl_direct: float | None = None
    ppl_conditional: float | None = None
    tokens: int = 0


def instruction_following_difficulty(
    direct: ScoredText,
    conditional: ScoredText,
    *,
    prompt_length: int,
    mode: IfdMode,
    max_tokens: int,
) -> Ifd:
    """direct: the completion alone. conditional: the prompt of ``prompt_length`` characters with
    the completion after it. max_tokens: where the model cuts a text."""
    if direct.problem is not None or conditional.problem is not None:
        return Ifd("failed")
    first = sum(start < prompt_length for start in conditional.starts)
    if len(direct.starts) < 2:
        return Ifd("too_short")
    if first >= len(conditional.starts):
        return Ifd("prompt_too_long")
    if mode == "parity":
        alone = direct.logprobs[1 : max_tokens - first + 1]
        after = conditional.logprobs[first:]
    else:
        alone, after = _in_both(direct, conditional, first, prompt_length)
    return _ratio(alone, after)


def _in_both(
    direct: ScoredText, conditional: ScoredText, first: int, prompt_length: int
) -> tuple[list[float], list[float]]:
    """The log-probabilities of the tokens that stand at the same place in both and are told in
    both. Several tokens of one character are told apart by their order."""
    alone = _by_place(direct, 0, 0)
    after = _by_place(conditional, first, prompt_length)
    places = sorted(alone.keys() & after.keys())
    return [alone[place] for place in places], [after[place] for place in places]


def _by_place(scored: ScoredText, first: int, offset: int) -> dict[tuple[int, int, int], float]:
    seen: Counter[tuple[int, int]] = Counter()
    found = {}
    for place in range(first, len(scored.starts)):
        span = (scored.starts[place] - offset, scored.ends[place] - offset)
        logprob = scored.logprobs[place]
        if logprob is not None:
            found[(*span, seen[span])] = logprob
        seen[span] += 1
    return found


def _ratio(alone: Sequence[float | None], after: Sequence[float | None]) -> Ifd:
    told = [value for value in after if value is not None]
    bare = [value for value in alone if value is not None]
    if not told or not bare:
        return Ifd("too_short")
    loss_direct, loss_conditional = -math.fsum(bare) / len(bare), -math.fsum(told) / len(told)
    try:
        direct, conditional = math.exp(loss_direct), math.exp(loss_conditional)
        ifd = math.exp(loss_conditional - loss_direct)
    except OverflowError:
        return Ifd("not_finite")
    if not (math.isfinite(direct) and math.isfinite(conditional) and math.isfinite(ifd)):
        return Ifd("not_finite")
    return Ifd("ok", rounded(ifd), rounded(direct), rounded(conditional), len(told))


def rounded(value: float) -> float:
    """``SAME_DIGITS`` significant digits."""
    return float(f"{value:.{SAME_DIGITS}g}")
