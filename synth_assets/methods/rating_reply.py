"""A judge's reply in, one outcome for each completion it was shown out: never a guess."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from synth_assets.methods.structured_asking import StructuredReply

Criterion = Literal["instruction_following", "honesty", "truthfulness", "helpfulness"]
"""UltraFeedback's four. One of a person's own is rated on the same scale, without a type."""

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


_ITEMS: dict[str, type[_Strict]] = {
    "instruction_following": _Rated,
    "honesty": _RatedOrNotApplicable,
    "truthfulness": _RatedTruthfulness,
    "helpfulness": _RatedHelpfulness,
}


_TYPES: dict[str, tuple[str, ...]] = {
    criterion: get_args(item.model_fields["type"].annotation)
    for criterion, item in _ITEMS.items()
    if "type" in item.model_fields
}


class RatingsReply(BaseModel):
    """What is read: a list; its items are judged one by one, so that a bad one spoils no other."""

    ratings: list[Any]


@dataclass(frozen=True)
class RatingOutcome:
    """rating is null unless the status is ok. type: of hallucination for truthfulness, of
    informativeness for helpfulness; null for other criteria, and where the judge named no type
    of its list."""

    status: RatingStatus
    rating: float | None = None
    rationale: str | None = None
    type: str | None = None


def response_schema(criterion: str) -> dict[str, Any]:
    """The JSON schema asked of the judge: ``ratings``, one item a completion, all fields given."""
    item = _ITEMS.get(criterion, _Rated).model_json_schema()
    item.pop("title")
    return {
        "title": "ratings",
        "type": "object",
        "properties": {"ratings": {"type": "array", "items": item}},
        "required": ["ratings"],
        "additionalProperties": False,
    }


def read_ratings(
    found: StructuredReply[RatingsReply], count: int, criterion: str
) -> list[RatingOutcome]:
    """``count`` outcomes in the order shown. Too few items leave the rest missing; with too many
    nobody knows which is whose, so all are unparsed."""
    if found.value is None:
        status = "failed" if found.status == "failed" else "unparsed"
        return [RatingOutcome(status)] * count
    items = found.value.ratings
    if len(items) > count:
        return [RatingOutcome("unparsed")] * count
    outcomes = [_read_item(item, criterion) for item in items]
    if outcomes and found.may_lack_its_end:
        # The end is missing: the last number may have been 4.5 before it was cut to 4.
        outcomes[-1] = RatingOutcome("unparsed")
    return outcomes + [RatingOutcome("missing")] * (count - len(outcomes))


def read_rating(
    value: Any,
    rationale: str | None,
    lowest: float,
    highest: float,
    *,
    may_be_not_applicable: bool = False,
) -> RatingOutcome:
    """One rating on its scale. What lies outside is null with a status, never moved onto it."""
    if value is None or value == "":
        return RatingOutcome("missing", None, rationale)
    if isinstance(value, str) and _says_not_applicable(value):
        status = "not_applicable" if may_be_not_applicable else "out_of_scale"
        return RatingOutcome(status, None, rationale)
    number = _number(value)
    if number is None:
        return RatingOutcome("unparsed", None, rationale)
    if not lowest <= number <= highest:
        return RatingOutcome("out_of_scale", None, rationale)
    return RatingOutcome("ok", number, rationale)


def _read_item(item: Any, criterion: str) -> RatingOutcome:
    if not isinstance(item, dict):
        return RatingOutcome("unparsed")
    said, kind = item.get("rationale"), item.get("type")
    rationale = said.strip() or None if isinstance(said, str) else None
    outcome = read_rating(
        item.get("rating"),
        rationale,
        LOWEST,
        HIGHEST,
        may_be_not_applicable=criterion == "honesty",
    )
    return replace(outcome, type=kind if kind in _TYPES.get(criterion, ()) else None)


def _says_not_applicable(value: str) -> bool:
    return value.strip().casefold() in ("n/a", "na", "not applicable", "not_applicable")


def _number(value: Any) -> float | None:
    """A number, or a string that is nothing but one ("4"; judges quote figures). "4/5", "four" and
    true are none: what they mean would be a guess."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        # Compared before it is converted: an integer of a thousand digits is no float.
        return float(value) if abs(value) < 1e9 else math.inf
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return float(value)
    return None
