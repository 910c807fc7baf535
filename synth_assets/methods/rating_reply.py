"""A judge's reply in, one outcome for each completion it was shown out: never a guess."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from synth_assets.errors import ReplyError
from synth_assets.llm.request import Reply
from synth_assets.methods.structured_reply import parse_reply

Criterion = Literal["instruction_following", "honesty", "truthfulness", "helpfulness"]
LOWEST, HIGHEST = 1, 5

RatingStatus = Literal["ok", "not_applicable", "out_of_scale", "missing", "unparsed", "failed"]
_DIGITS = re.compile(r"[+-]?\d{1,6}(?:\.\d{1,6})?", re.ASCII)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Rated(_Strict):
    rating: float
    rationale: str


class _RatedOrNotApplicable(_Strict):
    rating: float | Literal["N/A"]
    rationale: str


class _RatedTruthfulness(_Strict):
    rating: float
    type: Literal["none", "factual", "contradicts_input", "contradicts_itself"]
    rationale: str


class _RatedHelpfulness(_Strict):
    rating: float
    type: Literal["clear", "incomplete", "irrelevant", "too_long"]
    rationale: str


_ITEMS: dict[Criterion, type[_Strict]] = {
    "instruction_following": _Rated,
    "honesty": _RatedOrNotApplicable,
    "truthfulness": _RatedTruthfulness,
    "helpfulness": _RatedHelpfulness,
}


class _Reply(BaseModel):
    """What is read: a list; its items are judged one by one, so that a bad one spoils no other."""

    ratings: list[Any]


@dataclass(frozen=True)
class RatingOutcome:
    """rating is null unless the status is ok."""

    status: RatingStatus
    rating: float | None = None
    rationale: str | None = None


def response_schema(criterion: Criterion) -> dict[str, Any]:
    """The JSON schema asked of the judge: ``ratings``, one item a completion, all fields given."""
    item = _ITEMS[criterion].model_json_schema()
    item.pop("title")
    return {
        "title": "ratings",
        "type": "object",
        "properties": {"ratings": {"type": "array", "items": item}},
        "required": ["ratings"],
        "additionalProperties": False,
    }


def parse_ratings(reply: Reply, count: int, criterion: Criterion) -> list[RatingOutcome]:
    """``count`` outcomes in the order shown. Too few items leave the rest missing; with too many
    nobody knows which is whose, so all are unparsed."""
    if reply.text is None:
        return [RatingOutcome("failed")] * count
    try:
        parsed = parse_reply(reply.text, _Reply)
    except ReplyError:
        return [RatingOutcome("unparsed")] * count
    items = parsed.value.ratings
    if len(items) > count:
        return [RatingOutcome("unparsed")] * count
    outcomes = [_read(item, criterion) for item in items]
    if outcomes and parsed.was_repaired and reply.status == "cut":
        # The end is missing: the last number may have been 4.5 before it was cut to 4.
        outcomes[-1] = RatingOutcome("unparsed")
    return outcomes + [RatingOutcome("missing")] * (count - len(outcomes))


def _read(item: Any, criterion: Criterion) -> RatingOutcome:
    if not isinstance(item, dict):
        return RatingOutcome("unparsed")
    said = item.get("rationale")
    rationale = said.strip() or None if isinstance(said, str) else None
    value = item.get("rating")
    if value is None or value == "":
        return RatingOutcome("missing", None, rationale)
    if isinstance(value, str) and _says_not_applicable(value):
        is_allowed = criterion == "honesty"
        return RatingOutcome("not_applicable" if is_allowed else "out_of_scale", None, rationale)
    number = _number(value)
    if number is None:
        return RatingOutcome("unparsed", None, rationale)
    if not LOWEST <= number <= HIGHEST:
        return RatingOutcome("out_of_scale", None, rationale)
    return RatingOutcome("ok", number, rationale)


def _says_not_applicable(value: str) -> bool:
    return value.strip().casefold() in ("n/a", "na", "not applicable", "not_applicable")


def _number(value: Any) -> float | None:
    """A number, or a string that is nothing but one ("4"; judges quote figures). "4/5", "four" and
    true are none: what they mean would be a guess."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        # Compared before it is converted: an integer of a thousand digits is no float.
        return float(value) if abs(value) < 1e9 else HIGHEST + 1.0
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return float(value)
    return None
