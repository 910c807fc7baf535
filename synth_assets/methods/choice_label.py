"""Replies that choose (A) or (B) in, the probability that one completion is better out.

Every reply gives a number for the completion shown as A: with probabilities of tokens their share,
p(A) / (p(A) + p(B)); without, 1 or 0. A label is their mean, once each number is turned to the same
completion (Bai et al. 2022, section 4.1).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from synth_assets.llm.logprobs import TokenLogprob, read_logprobs
from synth_assets.llm.request import Reply
from synth_assets.methods.structured_asking import StructuredReply

CLAMP = (0.4, 0.6)
"""Labels after a chain of thought are kept within these bounds: the reasons make the judge almost
certain, whichever way they lead (Bai et al. 2022, section 4.1)."""

_CHOICE = re.compile(r'"choice"\s*:\s*"\s*\(?\s*(A|B)')
_AROUND = " \t\n\"'():{}[]▁Ġ"
"""What tokenizers glue to a letter."""


class Choice(BaseModel):
    """What is asked of the judge."""

    choice: Literal["A", "B"]


class ReasonedChoice(BaseModel):
    """What is asked of a judge that is to think first."""

    rationale: str
    choice: Literal["A", "B"]


VoteStatus = Literal["ok", "unparsed", "failed", "no_logprobs"]


@dataclass(frozen=True)
class Vote:
    """share: the probability of the completion shown as A; null unless the status is ok."""

    status: VoteStatus
    share: float | None
    rationale: str | None
    call_ids: tuple[str, ...]


def read_vote(found: StructuredReply[Any], *, by: str) -> Vote:
    """One reply's number; ``by`` is ``logprobs`` or ``votes``."""
    calls = tuple(found.call_ids)
    value: Choice | ReasonedChoice | None = found.value
    if value is None:
        return Vote("failed" if found.status == "failed" else "unparsed", None, None, calls)
    rationale = value.rationale.strip() or None if isinstance(value, ReasonedChoice) else None
    if by == "votes":
        return Vote("ok", float(value.choice == "A"), rationale, calls)
    read = found.correction if found.status == "corrected" else found.reply
    share = share_of_a(read)
    return Vote("ok" if share is not None else "no_logprobs", share, rationale, calls)


def share_of_a(reply: Reply | None) -> float | None:
    """p(A) / (p(A) + p(B)) at the letter of the choice; None where the endpoint told nothing.

    Alternatives are summed over the forms of a letter ('A', ' "A'). A letter that is not among
    those told is less likely than all of them, and counts as 0.
    """
    tokens = read_logprobs(None if reply is None else reply.body)
    token = None if tokens is None else _token_of_choice(tokens)
    if token is None or not token.alternatives:
        return None
    sums = {"A": 0.0, "B": 0.0}
    for text, logprob in token.alternatives.items():
        letter = text.strip(_AROUND)
        if letter in sums:
            sums[letter] += math.exp(logprob)
    total = sums["A"] + sums["B"]
    return sums["A"] / total if total > 0 else None


def _token_of_choice(tokens: Sequence[TokenLogprob]) -> TokenLogprob | None:
    """The token that holds the letter of the last choice in the reply."""
    matches = list(_CHOICE.finditer("".join(token.token for token in tokens)))
    if not matches:
        return None
    place, end = matches[-1].start(1), 0
    for token in tokens:
        end += len(token.token)
        if place < end:
            return token
    return None


def label_of(votes: Sequence[Vote], *, is_clamped: bool) -> float | None:
    """The probability that the first completion is better, from votes in turn with it shown as A
    and as B (a single vote: as A).

    Votes count two by two: where one of the two orders could not be read the other says too much
    about places. None where nothing is left.
    """
    if len(votes) == 1:
        shares = [vote.share for vote in votes if vote.share is not None]
    else:
        shares = [
            (ab.share + 1 - ba.share) / 2
            for ab, ba in zip(votes[::2], votes[1::2], strict=True)
            if ab.share is not None and ba.share is not None
        ]
    if not shares:
        return None
    label = round(math.fsum(shares) / len(shares), 9)  # a tie is a tie, whatever the last bit
    return min(max(label, CLAMP[0]), CLAMP[1]) if is_clamped else label
