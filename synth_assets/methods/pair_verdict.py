"""A judge's reply about a pair in, the side that it names out: one verdict, or none.

All verdicts that a reply holds have to agree, else it is ``ambiguous``: the code published with
Zheng et al. (2023) takes the first that matches, so that a judge who changes its mind counts for
what it said first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from synth_assets.methods.structured_asking import StructuredReply, StructuredStatus
from synth_assets.quality.judge_bias import Verdict

_MARK = re.compile(
    r"""\[\[\s*(A|B|C|tie)\s*\]\]|"verdict\\*"\s*:\s*\\*"(A|B|tie)\\*\"""", re.IGNORECASE
)
"""Backslashes: a verdict quoted inside a text of JSON is escaped."""

_SIDES: dict[str, Verdict] = {"A": "first", "B": "second", "tie": "tie"}

VerdictStatus = StructuredStatus | Literal["ambiguous"]


class PairVerdict(BaseModel):
    """What is asked of the judge."""

    rationale: str
    verdict: Literal["A", "B", "tie"]


@dataclass(frozen=True)
class ReadVerdict:
    """verdict is there exactly when status is parsed, repaired or corrected."""

    status: VerdictStatus
    verdict: Verdict | None
    rationale: str | None
    call_ids: tuple[str, ...]


def read_verdict(found: StructuredReply[PairVerdict]) -> ReadVerdict:
    """The verdict of a structured reply, of its correction where that is what was read."""
    calls = tuple(found.call_ids)
    replies = [reply.text for reply in (found.reply, found.correction) if reply and reply.text]
    if found.value is None:
        is_ambiguous = any(len(verdicts_in(text)) > 1 for text in replies)
        return ReadVerdict("ambiguous" if is_ambiguous else found.status, None, None, calls)
    rationale = found.value.rationale.strip() or None
    if verdicts_in(replies[-1]) - {found.value.verdict}:
        return ReadVerdict("ambiguous", None, rationale, calls)
    return ReadVerdict(found.status, _SIDES[found.value.verdict], rationale, calls)


def verdicts_in(text: str) -> set[str]:
    """Every distinct verdict of a reply: in the form asked for, or in double brackets, which many
    judges are trained to write ([[C]] is a tie)."""
    found = {(bracketed or named).upper() for bracketed, named in _MARK.findall(text)}
    return {"tie" if mark in ("C", "TIE") else mark for mark in found}
