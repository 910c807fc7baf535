"""Rows by id: few, many, near their prompt and elsewhere, and what a look-up reads of the files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from synth_assets.lineage.rows import FEW, among, read_rows
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake, run_all

ROWS = 200
"""Row n, ``row-nnn``, is about prompt n // 2 and says ``text n``."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with Lake(Home.at(tmp_path_factory.mktemp("home"))) as lake:
        statements = [
            "CREATE SCHEMA lake.r",
            "CREATE TABLE lake.r.answers AS SELECT printf('row-%03d', n) AS id, "
            "printf('prompt-%03d', n // 2) AS prompt_id, 'text ' || n AS text, '' AS row_hash "
            f"FROM range({ROWS}) AS t(n)",
        ]
        lake.transaction(lambda connection: run_all(connection, statements))
        yield lake


def row(n: int) -> str:
    return f"row-{n:03d}"


def prompt(n: int) -> str:
    return f"prompt-{n:03d}"


def texts(found: pl.DataFrame) -> list[str]:
    return found["text"].to_list()


@pytest.mark.parametrize("count", [1, 2, FEW, FEW + 1])
def test_few_ids_and_many_find_their_rows_in_order_and_no_others(lake: Lake, count: int) -> None:
    ids = [row(n) for n in reversed(range(10, 10 + count))]
    found = read_rows(lake, "r", "answers", "id", [*ids, "row-none"])
    assert texts(found) == [f"text {n}" for n in range(10, 10 + count)]
    assert found.columns == ["id", "prompt_id", "text", "_snapshot"]


def test_rows_are_found_among_those_of_their_prompts(lake: Lake) -> None:
    found = read_rows(lake, "r", "answers", "id", [row(4), row(7)], prompts=[prompt(2), prompt(3)])
    assert texts(found) == ["text 4", "text 7"]


def test_a_row_about_another_prompt_than_was_thought_is_found_too_and_in_its_order(
    lake: Lake,
) -> None:
    ids = [row(3), row(7), row(150)]
    found = read_rows(lake, "r", "answers", "id", ids, ("text",), prompts=[prompt(3)])
    assert texts(found) == ["text 3", "text 7", "text 150"]
    assert texts(read_rows(lake, "r", "answers", "id", ids, prompts=["gone"])) == texts(found)


def test_more_prompts_than_are_compared_one_by_one_narrow_nothing(lake: Lake) -> None:
    prompts = [prompt(n) for n in range(FEW + 1)]
    found = read_rows(lake, "r", "answers", "id", [row(1), row(199)], prompts=prompts)
    assert texts(found) == ["text 1", "text 199"]


def test_of_a_table_that_is_not_there_and_of_no_ids_there_are_no_rows(lake: Lake) -> None:
    assert read_rows(lake, "r", "nowhere", "id", [row(1)], prompts=[prompt(0)]).is_empty()
    assert read_rows(lake, "r", "answers", "id", []).is_empty()


def test_an_id_is_a_value_and_no_sql(lake: Lake) -> None:
    assert read_rows(lake, "r", "answers", "id", ["' OR true --", "row-001"]).height == 1


@pytest.mark.parametrize("count", [2, FEW])
def test_the_scan_itself_leaves_out_the_rows_that_have_none_of_the_ids(
    lake: Lake, count: int
) -> None:
    """Else it would read the texts of all; of the ids, one lies at each end of the table."""
    ids = [row(0), *(row(ROWS - n) for n in range(1, count))]
    with among(lake, "id", ids) as (condition, values):
        ((_, plan),) = lake.execute(
            f"EXPLAIN (ANALYZE, FORMAT json) SELECT text FROM lake.r.answers WHERE {condition}",
            values,
        )
    scans = [each for each in _operators(plan) if each["operator_type"] == "TABLE_SCAN"]
    assert [scan["operator_cardinality"] for scan in scans] == [count]


def _operators(plan: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    waiting = [json.loads(plan)]
    while waiting:
        each = waiting.pop()
        waiting += each.get("children", [])
        found += [each] if "operator_type" in each else []
    return found
