"""Which licences bear on a prompt."""

from __future__ import annotations

from typing import Any

import polars as pl

from synth_assets.methods.licences import with_licences
from synth_assets.methods.prompt_rows import PROMPT_SCHEMA

TERMS = {"careful": "openrail", "hasty": None}


def licences(*rows: dict[str, Any]) -> dict[str, list[str]]:
    base = dict.fromkeys(PROMPT_SCHEMA.polars.names())
    frame = PROMPT_SCHEMA.frame([{**base, "method": "evol_instruct", **row} for row in rows])
    made: pl.DataFrame = with_licences(frame, TERMS)
    return dict(made.select("prompt_id", "licences").iter_rows())


SEED = {"prompt_id": "seed", "method": "seed", "licence": "mit"}


def test_a_rewrite_bears_its_seeds_licence_and_its_models_terms() -> None:
    child = {"prompt_id": "child", "derived_from": ["seed"], "model": "careful", "licence": "mit"}
    assert licences(SEED, child) == {"seed": ["mit"], "child": ["mit", "openrail"]}


def test_every_model_on_the_way_counts_also_of_a_row_that_was_dropped() -> None:
    found = licences(
        SEED,
        {"prompt_id": "a", "derived_from": ["seed"], "model": "careful", "drop_reason": "too_long"},
        {"prompt_id": "b", "derived_from": ["a"], "model": "hasty"},
    )
    assert found["b"] == ["mit", "openrail", "undeclared"]


def test_what_nobody_named_a_licence_for_says_so() -> None:
    found = licences(
        {"prompt_id": "seed", "method": "seed"},
        {"prompt_id": "new", "method": "self_instruct", "model": "hasty"},
        {"prompt_id": "left", "method": "self_instruct", "model": "no_longer_declared"},
        {"prompt_id": "orphan", "derived_from": ["gone"], "model": "careful"},
    )
    assert found == {
        "seed": ["undeclared"],
        "new": ["undeclared"],
        "left": ["undeclared"],
        "orphan": ["openrail", "undeclared"],
    }


def test_two_parents_bring_both_their_licences() -> None:
    found = licences(
        SEED,
        {"prompt_id": "other", "method": "seed", "licence": "cc-by-4.0"},
        {"prompt_id": "both", "derived_from": ["seed", "other"], "model": "careful"},
    )
    assert found["both"] == ["cc-by-4.0", "mit", "openrail"]


def test_every_author_of_a_conversation_counts() -> None:
    talk = {"prompt_id": "talk", "derived_from": ["seed"], "model": "hasty"}
    found = licences(SEED, {**talk, "other_models": ["careful"]})
    assert found["talk"] == ["mit", "openrail", "undeclared"]


def test_the_licence_of_a_source_text_reaches_what_was_written_for_it() -> None:
    base = dict.fromkeys(PROMPT_SCHEMA.polars.names())
    row = {**base, "prompt_id": "p", "method": "m", "model": "careful", "derived_from": ["source"]}
    made = with_licences(PROMPT_SCHEMA.frame([row]), TERMS, {"source": "cc-by-4.0"})
    assert made["licences"].to_list() == [["cc-by-4.0", "openrail"]]
    made = with_licences(PROMPT_SCHEMA.frame([row]), TERMS, {"source": None})
    assert made["licences"].to_list() == [["openrail", "undeclared"]]
