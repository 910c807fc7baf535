"""The marts that ship, one after the other: on nothing, on a small run, on rows gone wrong."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
import pytest

from synth_assets.schemas import TABLES
from synth_assets.sql.run import fetch, run_data_test
from synth_assets_tests.sql.projects import VARIABLES, dbt_like_sql

Rows = Mapping[str, list[dict[str, Any]]]


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@dataclass(frozen=True)
class Built:
    """Every mart of a small run, and the relations of all tables."""

    lake: duckdb.DuckDBPyConnection
    relations: dict[str, str]


@pytest.fixture(scope="module")
def built_once() -> Iterator[Built]:
    with duckdb.connect() as connection:
        yield Built(connection, build(connection, make_rows(), VARIABLES))


@pytest.fixture
def built(built_once: Built) -> Iterator[Built]:
    """To damage: all is as before at the end of the test."""
    built_once.lake.begin()
    yield built_once
    built_once.lake.rollback()


def put(lake: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    lake.register("frame", frame)
    lake.execute(f'CREATE OR REPLACE TABLE "{name}" AS FROM frame')
    lake.unregister("frame")


def put_rows(lake: duckdb.DuckDBPyConnection, rows: Rows) -> dict[str, str]:
    """Tables of these rows (columns left out are null), and a relation for each."""
    for name, given in rows.items():
        columns = TABLES[name].polars
        complete = [{column: row.get(column) for column in columns} for row in given]
        put(lake, name, pl.DataFrame(complete, schema=columns, orient="row"))
    return {name: f'"{name}"' for name in rows}


def build(
    lake: duckdb.DuckDBPyConnection, rows: Rows, variables: Mapping[str, Any]
) -> dict[str, str]:
    """Builds every mart in order, as a run does; returns the relations of all tables."""
    project, relations = dbt_like_sql(), put_rows(lake, rows)
    for name in project.marts:
        compiled = project.compile(name, relations, variables)
        frame = fetch(lake, compiled.sql, name)
        assert frame.schema == project.table_schema(name, variables).polars
        put(lake, name, frame)
        relations[name] = f'"{name}"'
    return relations


def failed_tests(
    lake: duckdb.DuckDBPyConnection, relations: dict[str, str], variables: Mapping[str, Any]
) -> set[str]:
    project = dbt_like_sql()
    return {
        f"{name}: {test.name}"
        for name in project.marts
        for test in project.models[name].tests
        if not run_data_test(
            lake, test, project.compile_test(test, relations, variables).sql
        ).passed
    }


def make_rows() -> dict[str, list[dict[str, Any]]]:
    """Three prompts (one dropped, one human, one made), two teachers, ratings and verdicts."""
    prompts = [
        {
            "prompt_id": f"p{n}",
            "round": 1,
            "method": "seed" if n == 1 else "self_instruct",
            "family_id": f"p{n}",
            "split": "test" if n == 1 else "train",
            "messages": [{"role": "user", "content": f"What is {n} + {n}?"}],
            "text": f"What is {n} + {n}?",
            "origin": "human" if n == 1 else "model:writer",
            "call_ids": [] if n == 1 else ["k0"],
            "drop_reason": "contaminated" if n == 3 else None,
            "dropped_by": "mutated_prompts" if n == 3 else None,
        }
        for n in (1, 2, 3)
    ]
    completions = [
        {
            "completion_id": f"{teacher}{n}",
            "prompt_id": f"p{n}",
            "round": 1,
            "teacher": teacher,
            "model": f"m/{teacher}",
            "sample_index": 0,
            "text": f"It is {n + n} ({teacher}).",
            "status": "ok",
            "is_self_training": False,
            "call_id": f"k{teacher}{n}",
            "origin": f"model:m/{teacher}",
        }
        for n, teacher in itertools.product((1, 2), "ab")
    ]
    completions.append(
        {"completion_id": "c1", "prompt_id": "p1", "round": 1, "status": "failed", "teacher": "c"}
    )
    ratings = [
        {
            "judgment_id": f"j{completion}",
            "completion_id": completion,
            "prompt_id": f"p{completion[1]}",
            "round": 1,
            "kind": "rating",
            "method": "ultrafeedback",
            "judge": "judge",
            "criterion": "helpfulness",
            "rating": rating,
            "status": "ok",
            "call_id": "kj",
        }
        for completion, rating in {"a1": 5.0, "b1": 2.0, "a2": 3.0, "b2": 4.0}.items()
    ]
    return {
        "rounds": [{"round": 1}],
        "mutated_prompts": prompts,
        "completions": completions,
        "judgments": ratings,
        "verifications": [
            {"completion_id": c, "prompt_id": f"p{c[1]}", "round": 1, "status": s}
            for c, s in {"a1": "verified", "b1": "refuted", "a2": "unparsed"}.items()
        ],
        "calls": [
            {"call_id": k, "model": m, "cost_usd": 0.1, "input_tokens": 10, "output_tokens": 1}
            for k, m in {"k0": "m/writer", "ka1": "m/a", "kb1": "m/b", "kj": "m/j"}.items()
        ],
    }


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"dpo_binarisation": "best_vs_worst", "sft_min_rating": 3.5},
        {"dpo_binarisation": "best_vs_random_other", "sft_verified_only": True},
        {"dpo_pairs": "verified"},
        {"dpo_pairs": "a_method"},
    ],
)
def test_every_model_and_test_compiles_and_is_described(changed: dict[str, object]) -> None:
    dbt_like_sql().validate({**VARIABLES, **changed})


def test_all_marts_are_empty_on_nothing_and_keep_their_types(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    relations = build(lake, {}, VARIABLES)
    for name in dbt_like_sql().marts:
        assert lake.sql(f'FROM "{name}"').pl().height == 0
    assert failed_tests(lake, relations, VARIABLES) == set()


def test_the_columns_do_not_hang_on_the_variables() -> None:
    for pairs in ("verified", "a_method"):
        other = {**VARIABLES, "dpo_pairs": pairs, "sft_min_rating": 4.0}
        for name in dbt_like_sql().marts:
            assert dbt_like_sql().schema(name, VARIABLES) == dbt_like_sql().schema(name, other)


def test_a_small_run_gives_the_sets_that_one_expects(lake: duckdb.DuckDBPyConnection) -> None:
    relations = build(lake, make_rows(), VARIABLES)
    sft = lake.execute("SELECT completion_id, split FROM sft_set ORDER BY ALL").fetchall()
    assert sft == [("a1", "test"), ("b2", "train")]
    dpo = lake.execute(
        "SELECT chosen_completion_id, rejected_completion_id, margin FROM dpo_set ORDER BY ALL"
    ).fetchall()
    assert dpo == [("a1", "b1", 3.0), ("b2", "a2", 1.0)]
    dropped = lake.execute("SELECT row_id, reason FROM dropped_rows ORDER BY ALL").fetchall()
    assert dropped == [
        ("a2", "not_best_of_prompt"),
        ("b1", "answer_refuted"),
        ("c1", "failed_reply"),
        ("p3", "contaminated"),
    ]
    cost = lake.execute(
        "SELECT stage, model, rows, rows_kept, calls, cost_usd, calls_without_price "
        "FROM cost_by_stage ORDER BY ALL"
    ).fetchall()
    assert cost == [
        ("completions", "m/a", 2, 1, 2, 0.1, 1),
        ("completions", "m/b", 2, 1, 2, 0.1, 1),
        ("completions", None, 1, 0, 0, None, 0),
        ("self_instruct", "m/writer", 2, 1, 1, 0.1, 0),
        ("ultrafeedback", "m/j", 4, 4, 1, 0.1, 0),
    ]
    assert failed_tests(lake, relations, VARIABLES) == set()


@pytest.mark.parametrize(
    ("pairs", "binarisation", "min_rating"),
    [
        ("rated", "best_vs_worst", None),
        ("rated", "best_vs_random_other", 4.0),
        ("verified", "best_vs_worst", 4.0),
    ],
)
def test_all_declared_tests_hold_on_a_small_run(
    lake: duckdb.DuckDBPyConnection, pairs: str, binarisation: str, min_rating: float | None
) -> None:
    variables = {
        **VARIABLES,
        "dpo_pairs": pairs,
        "dpo_binarisation": binarisation,
        "sft_min_rating": min_rating,
    }
    assert failed_tests(lake, build(lake, make_rows(), variables), variables) == set()


def test_the_same_rows_in_another_order_give_the_same_tables(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    def tables(rows: Rows) -> dict[str, list[dict[str, Any]]]:
        build(lake, rows, VARIABLES)
        return {
            name: lake.sql(f'FROM "{name}"')
            .pl()
            .sort(str(dbt_like_sql().models[name].key))
            .to_dicts()
            for name in dbt_like_sql().marts
        }

    rows = make_rows()
    assert tables(rows) == tables({name: given[::-1] for name, given in rows.items()})


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (
            "DELETE FROM dropped_rows WHERE row_id = 'a2'",
            {"dropped_rows: completions_are_accounted_for"},
        ),
        (
            "INSERT INTO dropped_rows (dropped_id, round, stage, row_id, prompt_id, reason) "
            "VALUES ('x', 1, 'completions', 'a1', 'p1', 'refused')",
            {"dropped_rows: completions_are_accounted_for"},
        ),
        (
            "INSERT INTO dropped_rows (dropped_id, round, stage, row_id, prompt_id, reason) "
            "VALUES ('x', 1, 'completions', 'of nothing', 'p1', 'refused')",
            {"dropped_rows: completions_are_accounted_for"},
        ),
        (
            "DELETE FROM dropped_rows WHERE row_id = 'p3'",
            {"dropped_rows: prompts_are_accounted_for"},
        ),
        (
            "INSERT INTO dropped_rows (dropped_id, round, stage, row_id, prompt_id, reason) "
            "VALUES ('x', 1, 'seed_prompts', 'p1', 'p1', 'duplicate')",
            {"dropped_rows: prompts_are_accounted_for"},
        ),
        (
            "UPDATE sft_set SET split = 'train'",
            {"dpo_set: families_stay_on_one_side"},
        ),
        (
            "UPDATE dpo_set SET rejected = chosen WHERE prompt_id = 'p1'",
            {"dpo_set: sides_differ"},
        ),
        (
            "UPDATE dpo_set SET margin = -1 WHERE prompt_id = 'p1'",
            {"dpo_set: margin_is_not_negative"},
        ),
        (
            "UPDATE dpo_set SET is_tie = true WHERE prompt_id = 'p1'",
            {"dpo_set: ties_are_only_random_other"},
        ),
        (
            "UPDATE sft_set SET messages = messages[1:1] WHERE prompt_id = 'p1'",
            {"sft_set: ends_with_the_assistant"},
        ),
        (
            "UPDATE scored_completions SET mean_rating = 0 WHERE completion_id = 'c1'",
            {
                "scored_completions: mean_lies_on_the_scale",
                "scored_completions: rated_where_there_is_a_mean",
            },
        ),
        (
            "UPDATE round_health SET value = CASE metric WHEN 'compared_words' THEN 1000 "
            "ELSE 0.49 END WHERE metric IN ('compared_words', 'distinct_2_to_anchor')",
            {"round_health: rounds_do_not_collapse"},
        ),
        (
            "UPDATE round_health SET value = 0.91 WHERE metric = 'sft_self_share_so_far'",
            {"round_health: rounds_do_not_collapse"},
        ),
        (
            "UPDATE round_health SET value = 0.5 WHERE metric IN ('error_share', 'error_limit')",
            {"round_health: selection_can_help"},
        ),
    ],
)  # fmt: skip
def test_a_damaged_table_fails_the_test_made_for_it(
    built: Built, damage: str, expected: set[str]
) -> None:
    built.lake.execute(damage)
    assert failed_tests(built.lake, built.relations, VARIABLES) == expected


def test_who_wrote_the_examples_is_told_for_a_round_and_for_all_up_to_it(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    rows = make_rows()
    person, _, *own = rows["completions"][:4]  # a1, b1, a2, b2
    person |= {"origin": "human", "teacher": "human"}
    for row in own:
        row |= {"is_self_training": True, "round": 2}
    rows["judgments"] = []
    rows["verifications"] = [
        {"completion_id": c, "prompt_id": "p1", "round": 1, "status": "verified"}
        for c in ("a1", "b1")
    ]
    build(lake, rows | {"rounds": [{"round": 1}, {"round": 2}]}, {**VARIABLES, "sft_per_prompt": 2})
    found = lake.execute(
        "SELECT round, metric, value FROM round_health WHERE metric LIKE 'sft_%share%' "
        "OR metric LIKE 'kept_share%' OR metric = 'error_limit'"
    ).fetchall()
    assert {(round, metric): value for round, metric, value in found} == {
        (1, "sft_human_share"): 0.5,
        (1, "sft_teacher_share"): 0.5,
        (1, "sft_self_share"): 0.0,
        (1, "sft_self_share_so_far"): 0.0,
        (1, "kept_share_of_right"): 1.0,
        (1, "kept_share_of_wrong"): None,
        (1, "error_limit"): None,
        (2, "sft_human_share"): 0.0,
        (2, "sft_teacher_share"): 0.0,
        (2, "sft_self_share"): 1.0,
        (2, "sft_self_share_so_far"): 0.5,
        (2, "kept_share_of_right"): None,
        (2, "kept_share_of_wrong"): None,
        (2, "error_limit"): None,
    }


def test_a_text_with_quotes_and_unicode_is_data(lake: duckdb.DuckDBPyConnection) -> None:
    rows = make_rows()
    hostile = "'; DROP TABLE sft_set; -- {{ var('x') }} $value_0 \" 😀\n</s>"
    rows["completions"][0]["text"] = hostile
    build(lake, rows, VARIABLES)
    found = lake.execute("SELECT messages[-1].content FROM sft_set WHERE completion_id = 'a1'")
    assert found.fetchall() == [(hostile,)]


def test_no_mart_holds_a_time_or_a_run_id() -> None:
    for name in dbt_like_sql().marts:
        schema = dbt_like_sql().schema(name, VARIABLES)
        assert not [column for column, dtype in schema.items() if dtype.is_temporal()]
        assert "run_id" not in schema and "round" in schema


def test_a_recipe_sets_how_much_of_its_data_may_be_the_student_s_own(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    variables = VARIABLES | {"limits_self_training": 0.3}
    relations = build(lake, make_rows(), variables)
    share = "UPDATE round_health SET value = {} WHERE metric = 'sft_self_share_so_far'"
    lake.execute(share.format(0.3))
    assert failed_tests(lake, relations, variables) == set()
    lake.execute(share.format(0.31))
    assert failed_tests(lake, relations, variables) == {"round_health: rounds_do_not_collapse"}
