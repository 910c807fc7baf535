"""Other thresholds are answered in SQL, as a run under them would; nothing is asked or written."""

from __future__ import annotations

from typing import Any

import pytest

from synth_assets.errors import RecipeError
from synth_assets.history.what_if import WhatIf, what_if
from synth_assets_tests.stages.bench import Bench


def asked_what_if(made: Bench, **changes: Any) -> dict[str, WhatIf]:
    fields = {name.replace("__", "."): value for name, value in changes.items()}
    return {row.table: row for row in what_if(made.recipe, made.lake.home, fields)}


def test_the_answer_is_what_a_run_would_make(made: Bench) -> None:
    version, asked = made.lake.version(), len(made.teacher.asked)
    told = asked_what_if(made, datasets__sft__per_prompt=2, datasets__dpo__min_margin=9.0)
    assert (made.lake.version(), len(made.teacher.asked)) == (version, asked)
    before = rows(made)
    made.change(datasets={"sft": {"per_prompt": 2}, "dpo": {"min_margin": 9.0}})
    made.run()
    after = rows(made)
    for table in ("sft_set", "dpo_set"):
        answer = told[table]
        assert answer.rows == (len(before[table]), len(after[table]))
        assert answer.added == len(after[table] - before[table])
        assert answer.removed == len(before[table] - after[table])
    assert told["sft_set"].added > 0 and told["dpo_set"].removed > 0


def rows(made: Bench) -> dict[str, set[str]]:
    keys = {"sft_set": "example_id", "dpo_set": "pair_id"}
    return {
        table: {i for (i,) in made.lake.execute(f"SELECT {key} FROM lake.tiny.{table}")}
        for table, key in keys.items()
    }


def test_the_reasons_of_what_goes_are_told(made: Bench) -> None:
    made.change(datasets={"sft": {"per_prompt": 2}})
    told = asked_what_if(made, datasets__sft__min_rating=4.5)["sft_set"]
    assert told.reasons == {"rating_below_minimum": told.removed}
    assert told.rows[0] - told.removed == told.rows[1] > 0
    now, then = told.mean_rating
    assert now is not None and then is not None and now < then == 5


def test_nothing_differs_where_nothing_is_changed(made: Bench) -> None:
    for answer in asked_what_if(made, datasets__sft__per_prompt=1).values():
        assert (answer.added, answer.removed) == (0, 0)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("datasets.sft.min_ratng", 4, "min_rating"),
        ("datasets.min_rating", 4.5, "did you mean 'datasets.sft.min_rating'"),
        ("datasets.sft.min_rating", "much", "min_rating"),
        ("completions.per_prompt", 3, "changes completions, which is not made by SQL alone"),
        ("judgments.ultrafeedback.sampling.temperature", 1, "changes ratings"),
        ("prompts.self_instruct.per_round", 5, "changes self_instruct_prompts"),
        ("name", "other", "another dataset"),
    ],
)
def test_what_sql_cannot_answer_is_refused_with_the_remedy(
    made: Bench, field: str, value: object, words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        what_if(made.recipe, made.lake.home, {field: value})
