"""What a retraction reaches among prompts."""

from __future__ import annotations

from typing import Any

import polars as pl

from synth_assets.methods.prompt_rows import PROMPT_SCHEMA
from synth_assets.methods.retraction import (
    mark_pairs,
    mark_prompts,
    mark_seeds,
    mark_source_texts,
)
from synth_assets.schemas import PREFERENCE_CANDIDATES, SEED_PROMPTS, SOURCE_TEXTS
from synth_assets_tests.methods.builders import make_journal


def prompts(*rows: dict[str, Any]) -> pl.DataFrame:
    base = dict.fromkeys(PROMPT_SCHEMA.polars.names())
    return PROMPT_SCHEMA.frame([{**base, "method": "seed", **row} for row in rows])


def reasons(marked: pl.DataFrame) -> dict[str, str | None]:
    return dict(marked.select("prompt_id", "drop_reason").iter_rows())


FAMILY = prompts(
    {"prompt_id": "child", "derived_from": ["seed"]},
    {"prompt_id": "grandchild", "derived_from": ["child"], "drop_reason": "too_short"},
    {"prompt_id": "other"},
    {"prompt_id": "seed"},
)


def test_all_that_was_rewritten_from_a_withdrawn_prompt_goes_whatever_it_was_dropped_for() -> None:
    marked = mark_prompts(FAMILY, make_journal({"target": "seed", "row_ids": ["seed"]}), {})
    assert reasons(marked) == {
        "child": "retracted",
        "grandchild": "retracted",
        "other": None,
        "seed": "retracted",
    }


def test_a_withdrawn_child_leaves_its_parent() -> None:
    marked = mark_prompts(FAMILY, make_journal({"target": "child", "row_ids": ["child"]}), {})
    assert [id for id, reason in reasons(marked).items() if reason == "retracted"] == [
        "child",
        "grandchild",
    ]


def test_without_retractions_nothing_changes() -> None:
    assert mark_prompts(FAMILY, make_journal(), {}).equals(FAMILY)


def test_a_withdrawn_model_takes_what_it_wrote_and_what_was_made_of_it() -> None:
    rows = prompts(
        {"prompt_id": "a", "model": "hasty"},
        {"prompt_id": "b", "model": "careful", "derived_from": ["a"]},
        {"prompt_id": "c", "model": "careful"},
    )
    marked = mark_prompts(rows, make_journal({"kind": "model", "target": "hasty"}), {})
    assert reasons(marked) == {"a": "retracted", "b": "retracted", "c": None}


def test_context_is_followed_only_where_the_retraction_says_so() -> None:
    rows = prompts(
        {"prompt_id": "beside", "call_ids": ["k1"], "method": "self_instruct"},
        {"prompt_id": "made_of_beside", "derived_from": ["beside"]},
        {"prompt_id": "seed"},
    )
    shown = {"k1": ["seed"], "k2": ["other"]}
    plain = make_journal({"target": "seed", "row_ids": ["seed"]})
    assert reasons(mark_prompts(rows, plain, shown))["beside"] is None
    through = make_journal({"target": "seed", "row_ids": ["seed"], "through_context": True})
    assert set(reasons(mark_prompts(rows, through, shown)).values()) == {"retracted"}


def seeds(*rows: dict[str, Any]) -> pl.DataFrame:
    base = dict.fromkeys(SEED_PROMPTS.polars.names())
    return SEED_PROMPTS.frame([{**base, **row} for row in rows])


SEEDS = seeds(
    {"prompt_id": "a", "source_file": "one.jsonl"},
    {"prompt_id": "b", "source_file": "one.jsonl"},
    {"prompt_id": "c", "source_file": "two.jsonl"},
)


def test_a_withdrawn_file_takes_each_of_its_seeds() -> None:
    marked = mark_seeds(SEEDS, make_journal({"kind": "seed_file", "target": "one.jsonl"}))
    assert reasons(marked) == {"a": "retracted", "b": "retracted", "c": None}


def test_an_erased_seed_does_not_come_back_from_its_file() -> None:
    erased = make_journal({"target": "b", "row_ids": ["b"], "is_erased": True})
    assert reasons(mark_seeds(SEEDS, erased)) == {"a": None, "c": None}


def test_what_was_written_for_a_withdrawn_source_text_goes_by_id_and_by_file() -> None:
    written = prompts(
        {"prompt_id": "instruction", "method": "m", "derived_from": ["text"]},
        {"prompt_id": "reworded", "method": "m", "derived_from": ["instruction"]},
        {"prompt_id": "other", "method": "m", "derived_from": ["another text"]},
    )
    expected = {"instruction": "retracted", "reworded": "retracted", "other": None}
    by_id = make_journal({"target": "text", "row_ids": ["text"]})
    assert reasons(mark_prompts(written, by_id, {})) == expected
    by_file = make_journal({"target": "a.md", "kind": "seed_file"})
    assert reasons(mark_prompts(written, by_file, {}, {"text"})) == expected


def test_source_texts_are_marked_by_id_and_by_file_and_erased_ones_left_out() -> None:
    base = dict.fromkeys(SOURCE_TEXTS.polars.names())
    rows = [
        {**base, "source_text_id": id, "source_file": file}
        for id, file in (("a", "x.md"), ("b", "x.md"), ("c", "y.md"), ("d", "z.md"))
    ]
    withdrawn = make_journal(
        {"target": "x.md", "kind": "seed_file"},
        {"target": "c", "row_ids": ["c"], "is_erased": True},
    )
    marked = mark_source_texts(SOURCE_TEXTS.frame(rows), withdrawn)
    assert dict(marked.select("source_text_id", "drop_reason").iter_rows()) == {
        "a": "retracted",
        "b": "retracted",
        "d": None,
    }


def test_a_conversation_goes_with_any_of_its_models() -> None:
    talk = {"prompt_id": "talk", "method": "m", "model": "user", "other_models": ["teacher"]}
    for model in ("user", "teacher"):
        marked = mark_prompts(prompts(talk), make_journal({"target": model, "kind": "model"}), {})
        assert reasons(marked) == {"talk": "retracted"}


def pairs_left(*withdrawn: dict[str, Any]) -> dict[str, str | None]:
    base = dict.fromkeys(PREFERENCE_CANDIDATES.polars.names())
    judges = {"alone": "judge", "panel": "second, judge", "others": "judge_2, third", "none": None}
    rows = [{**base, "pair_candidate_id": id, "judge": judge} for id, judge in judges.items()]
    rows[2]["drop_reason"] = "tie"
    marked = mark_pairs(PREFERENCE_CANDIDATES.frame(rows), make_journal(*withdrawn))
    return dict(marked.select("pair_candidate_id", "drop_reason").iter_rows())


def test_pairs_go_with_any_judge_of_their_panel_and_with_no_other_name() -> None:
    untouched = {"alone": None, "panel": None, "others": "tie", "none": None}
    assert pairs_left() == untouched
    assert pairs_left({"target": "judg", "kind": "model"}) == untouched
    assert pairs_left({"target": "judge", "kind": "model"}) == {
        "alone": "retracted",
        "panel": "retracted",
        "others": "tie",
        "none": None,
    }
    assert pairs_left({"target": "third", "kind": "model"}) == {**untouched, "others": "retracted"}


def test_a_pair_goes_with_a_call_that_it_rests_on() -> None:
    assert pairs_left({"target": "call", "row_ids": ["none"]})["none"] == "retracted"
