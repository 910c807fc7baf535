from __future__ import annotations

import re

import polars as pl
import pytest

from synth_assets.errors import LakeError
from synth_assets.schemas import TABLES, Column, TableSchema

SMALL = TableSchema(
    "small",
    "id",
    "Two columns.",
    (Column("id", pl.String, "Its id"), Column("size", pl.Int32, "Its size")),
)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_describes_itself_and_each_column_once(table: TableSchema) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert table.key in names
    assert table.description.endswith(".")
    assert all(column.description for column in table.columns)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in [table.name, *names])


def test_rows_hold_no_run_and_no_recipe_and_only_accounts_hold_times() -> None:
    accounts = {"calls", "commits", "tags"}
    for table in TABLES.values():
        if table.name in accounts:
            continue
        names = set(table.polars.names())
        assert not names & {"run_id", "recipe", "fingerprint"}, table.name
        assert not any(dtype == pl.Datetime for dtype in table.polars.values()), table.name


def test_an_empty_table_has_its_columns_and_types() -> None:
    assert SMALL.empty().schema == {"id": pl.String, "size": pl.Int32}
    assert SMALL.empty().height == 0


def test_rows_become_a_frame_of_exactly_the_schema() -> None:
    frame = SMALL.frame([{"size": None, "id": "a"}])
    assert frame.schema == SMALL.polars
    assert frame.rows() == [("a", None)]


@pytest.mark.parametrize("row", [{"id": "a"}, {"id": "a", "size": 1, "more": 2}])
def test_a_row_with_other_columns_is_refused(row: dict[str, object]) -> None:
    with pytest.raises(LakeError, match="table small: a row has columns"):
        SMALL.frame([{"id": "b", "size": 1}, row])


def test_conform_orders_columns_and_gives_nulls_their_type() -> None:
    frame = pl.DataFrame({"size": [None], "id": ["a"]})
    assert SMALL.conform(frame).schema == SMALL.polars


def test_conform_refuses_what_the_lake_would_cast_in_silence() -> None:
    with pytest.raises(LakeError, match="column size is Int64, not Int32"):
        SMALL.conform(pl.DataFrame({"id": ["a"], "size": [2**40]}))
    with pytest.raises(
        LakeError, match=r"columns missing \['size'\], columns not declared \['sise'\]"
    ):
        SMALL.conform(pl.DataFrame({"id": ["a"], "sise": [1]}))


def test_an_empty_frame_of_other_types_conforms() -> None:
    empty = pl.DataFrame(schema={"id": pl.Null, "size": pl.Int64})
    assert SMALL.conform(empty).schema == SMALL.polars
