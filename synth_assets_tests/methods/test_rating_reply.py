from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from synth_assets.llm.request import Request, user
from synth_assets.methods.rating_reply import (
    Criterion,
    RatingOutcome,
    RatingsReply,
    read_ratings,
    response_schema,
)
from synth_assets.methods.structured_asking import ask_structured
from synth_assets_tests.scripted_ask import ScriptedAsk, reply_to


def read(
    text: str | None, count: int = 1, criterion: Criterion = "helpfulness", status: Any = "ok"
) -> list[RatingOutcome]:
    """Of a judge that says the same again where it is asked for a correction."""
    ask = ScriptedAsk(lambda request: reply_to(request, text, status))
    asked = [("it", Request("judge", (user("Rate."),)))]
    ((_, found),) = ask_structured(ask, asked, RatingsReply)
    return read_ratings(found, count, criterion)


def outcomes(*given: Any, **values: Any) -> list[tuple[str, float | None]]:
    return [(outcome.status, outcome.rating) for outcome in read(*given, **values)]


def one(value: Any, criterion: Criterion = "helpfulness") -> tuple[str, float | None]:
    (found,) = outcomes(json.dumps({"ratings": [{"rating": value}]}), 1, criterion)
    return found


@pytest.mark.parametrize("value", [1, 5, 3.5, "4", " 4 ", "4.0", 1.0])
def test_a_number_on_the_scale_is_a_rating(value: Any):
    assert one(value) == ("ok", float(value))


@pytest.mark.parametrize("value", [0, 6, 10, -1, 0.5, 5.01, "0", "10", 10**400, 1e300])
def test_a_number_off_the_scale_is_never_rescaled(value: Any):
    assert one(value) == ("out_of_scale", None)


@pytest.mark.parametrize(
    "value", ["4/5", "four", "4 out of 5", True, [4], {"value": 4}, "٤", "1e0"]
)
def test_what_is_no_number_is_unparsed(value: Any):
    assert one(value) == ("unparsed", None)


@pytest.mark.parametrize("value", [None, ""])
def test_a_rating_that_is_not_given_is_missing(value: Any):
    assert one(value) == ("missing", None)


def test_not_applicable_belongs_to_honesty_only():
    for value in ("N/A", "n/a", " NA "):
        assert one(value, "honesty") == ("not_applicable", None)
        assert one(value, "truthfulness") == ("out_of_scale", None)


def test_too_few_items_leave_the_rest_missing():
    text = '{"ratings": [{"rating": 4}, {"rating": 2}]}'
    assert outcomes(text, 4) == [("ok", 4), ("ok", 2), ("missing", None), ("missing", None)]


def test_too_many_items_are_nobodys():
    text = '{"ratings": [{"rating": 4}, {"rating": 2}, {"rating": 3}]}'
    assert outcomes(text, 2) == [("unparsed", None)] * 2


def test_one_bad_item_spoils_no_other():
    text = '{"ratings": [{"rating": 4}, 5, {"rating": "bad"}, {"note": 1}, {"rating": 1}]}'
    assert outcomes(text, 5) == [
        ("ok", 4),
        ("unparsed", None),
        ("unparsed", None),
        ("missing", None),
        ("ok", 1),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "I would give both a 4.",
        '{"ratings": 4}',
        '{"scores": [{"rating": 4}]}',
        '{"ratings": [{"rating": NaN}]}',
        '{"ratings": [{"rating": Infinity}, ]}',
        '{"ratings": [{"rating": 1e999}]}',
        '{"ratings": [{"rating": 4}]}{"ratings": [{"rating": 1}]}',
    ],
)
def test_a_reply_out_of_form_is_unparsed_for_all(text: str):
    assert outcomes(text, 2) == [("unparsed", None)] * 2


@pytest.mark.parametrize(("text", "status"), [(None, "failed"), ("", "empty"), (" \n", "ok")])
def test_no_text_is_a_failure_for_all(text: str | None, status: str):
    assert outcomes(text, 2, status=status) == [("failed", None)] * 2


def test_broken_json_is_repaired():
    text = '```json\n{"ratings": [{"rating": 4, "rationale": "good",}, {"rating": 2}]\n```'
    assert outcomes(text, 2) == [("ok", 4), ("ok", 2)]


def test_a_rating_cut_in_the_middle_is_unparsed():
    cut = '{"ratings": [{"rating": 4, "rationale": "good"}, {"rating": 4'
    expected = [("ok", 4), ("unparsed", None), ("missing", None)]
    assert outcomes(cut, 3, status="cut") == expected


def test_the_rationale_is_kept_with_any_status():
    text = '{"ratings": [{"rating": 7, "rationale": " Too good. "}, {"rating": 3, "rationale": 5}]}'
    assert read(text, 2) == [
        RatingOutcome("out_of_scale", None, "Too good."),
        RatingOutcome("ok", 3.0, None),
    ]


@pytest.mark.parametrize(
    ("criterion", "said", "kept"),
    [
        ("truthfulness", "contradicts_input", "contradicts_input"),
        ("truthfulness", "too_long", None),
        ("helpfulness", "too_long", "too_long"),
        ("helpfulness", ["too_long"], None),
        ("honesty", "none", None),
    ],
)
def test_the_type_is_kept_where_the_criterion_has_it(
    criterion: Criterion, said: Any, kept: str | None
):
    (found,) = read(json.dumps({"ratings": [{"rating": 2, "type": said}]}), 1, criterion)
    assert (found.rating, found.type) == (2.0, kept)


@pytest.mark.parametrize("criterion", get_args(Criterion))
def test_the_schema_is_named_and_strict(criterion: Criterion):
    schema = response_schema(criterion)
    item = schema["properties"]["ratings"]["items"]
    assert schema["title"] == "ratings"
    for part in (schema, item):
        assert part["additionalProperties"] is False
        assert set(part["required"]) == set(part["properties"])
    allows_not_applicable = "N/A" in json.dumps(item["properties"]["rating"])
    assert allows_not_applicable == (criterion == "honesty")
