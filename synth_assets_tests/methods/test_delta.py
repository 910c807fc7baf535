"""Pairs of a larger and a smaller model's completions."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from synth_assets.methods.delta import Delta, pair_by_size
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts
from synth_assets_tests.methods.material import make_material

PROMPTS = make_prompts(a_prompt("Why?", "p0"), a_prompt("Who?", "p1", drop_reason="too_short"))


def completion(teacher: str, text: str | None, sample: int = 0, **values: Any) -> dict[str, Any]:
    return {
        "prompt_id": "p0",
        "teacher": teacher,
        "text": text,
        "text_hash": text,
        "sample_index": sample,
        "call_id": f"{teacher}{sample}",
        **values,
    }


def pairs(*completions: dict[str, Any]) -> list[dict[str, Any]]:
    material = make_material(PROMPTS, make_completions(*completions))
    return pair_by_size(material, Delta(larger="large", smaller="small")).rows.to_dicts()


def test_each_draw_of_the_larger_is_paired_with_that_of_the_smaller():
    rows = pairs(
        completion("large", "A", 0),
        completion("small", "b", 0),
        completion("large", "C", 1),
        completion("small", "d", 1),
        completion("large", "alone", 2),
        completion("teacher", "other", 0),
    )
    sides = {(row["chosen_completion_id"], row["rejected_completion_id"]) for row in rows}
    assert sides == {("c0", "c1"), ("c2", "c3")}
    assert {row["drop_reason"] for row in rows} == {None}
    assert {tuple(row["call_ids"]) for row in rows} == {("large0", "small0"), ("large1", "small1")}
    assert rows[0]["margin"] is None  # nobody measured it


def test_the_same_text_on_both_sides_is_no_pair():
    (row,) = pairs(completion("large", "A"), completion("small", "A"))
    assert row["drop_reason"] == "same_text"


@pytest.mark.parametrize("status", ["cut", "refused", "empty", "failed"])
def test_a_side_that_is_not_whole_drops_the_pair_by_that_name(status: str):
    text = "A" if status in ("cut", "refused") else None
    (row,) = pairs(completion("large", text, status=status), completion("small", "b"))
    assert row["drop_reason"] == f"chosen_is_{status}"
    (row,) = pairs(completion("large", "b"), completion("small", text, status=status))
    assert row["drop_reason"] == f"rejected_is_{status}"


def test_what_belongs_to_a_dropped_prompt_or_is_missing_is_in_no_pair():
    assert not pairs(completion("large", "A"))
    dropped: dict[str, Any] = {"prompt_id": "p1"}
    assert not pairs(completion("large", "A", **dropped), completion("small", "b", **dropped))
    assert not pairs()


def test_what_teachers_answer_for_pairs_only_is_paired_and_what_was_made_to_lose_is_not():
    only = {"is_for_pairs_only": True, "method": "teacher"}
    larger, smaller = completion("large", "A") | only, completion("small", "b") | only
    worse = completion("small", "worse") | only | {"method": "untaught"}
    (row,) = pairs(larger, smaller, worse)
    assert (row["chosen_completion_id"], row["rejected_completion_id"]) == ("c0", "c1")
    assert not pairs(larger, worse)


def test_one_model_is_not_two():
    with pytest.raises(ValidationError, match="name two models"):
        Delta(larger="large", smaller="large")
