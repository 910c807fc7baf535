"""A table and a version of the lake in, the table as it was then out."""

from __future__ import annotations

from synth_assets.errors import LakeError
from synth_assets.store.attachment import CATALOG
from synth_assets.store.lake import Lake
from synth_assets.store.sql_types import quote_literal
from synth_assets.store.writes import writes_after

SIGN = "__sign"
"""Column that no table has; see `signed_rows`."""


def relation_at(schema: str, table: str, version: int) -> str:
    """The table at a version, as a relation. In parentheses: DuckLake takes no alias after it."""
    return f"(FROM {Lake.relation(schema, table)} AT (VERSION => {int(version)}))"


def changes_between(schema: str, table: str, before: int, after: int) -> str:
    """The rows that were written to the table after one version, up to another, and those removed,
    as a relation: they have a ``change_type`` too."""
    return (
        f"ducklake_table_changes('lake', {quote_literal(schema)}, {quote_literal(table)}, "
        f"{int(before) + 1}, {int(after)})"
    )


def signed_rows(lake: Lake, schema: str, table: str, before: int, after: int) -> str:
    """The rows that came (`SIGN` 1) and went (-1) from one version to a later one, as a relation.

    What stands at both may be in it on both sides: of equal rows, the sum of the signs tells. Where
    a version in between was vacuumed, these are all rows of the one and of the other.
    """
    if writes_after(lake, schema, table, before) is None:
        old, new = (relation_at(schema, table, version) for version in (before, after))
        return (
            f"(SELECT *, -1 AS {SIGN} FROM {old} UNION ALL BY NAME "
            f"SELECT *, 1 AS {SIGN} FROM {new})"
        )
    changes = changes_between(schema, table, before, after)
    came = "change_type IN ('insert', 'update_postimage')"
    return f"(SELECT *, CASE WHEN {came} THEN 1 ELSE -1 END AS {SIGN} FROM {changes})"


def columns_at(lake: Lake, schema: str, table: str, version: int) -> dict[str, str]:
    """Column → SQL type of a table at a version of the lake; none where it was not there."""
    if not lake.has(schema, table):
        return {}
    if lake.has_shape_of(version):  # known already; to describe a past version takes 20 ms
        return lake.column_types(schema, table)
    try:
        described = lake.execute(f"DESCRIBE {relation_at(schema, table, version)}")
    except LakeError as error:
        # A schema that was not there yet is told of in other words than a table.
        if "does not exist at version" in str(error) or "does not exist because" in str(error):
            return {}
        raise
    return {name: kind for name, kind, *_ in described}


def has_same_columns(lake: Lake, schema: str, table: str, before: int, after: int) -> bool:
    """Whether no column came, went or got another type in between, not even to come again: what a
    dropped column held is in no answer of `changes_between`."""
    if lake.has_shape_of(before) and lake.has_shape_of(after):
        return lake.has(schema, table)
    columns = [
        lake.execute(
            f"SELECT c.column_id, c.column_name, c.column_type FROM {CATALOG}.ducklake_column c "
            f"JOIN {CATALOG}.ducklake_table t ON t.table_id = c.table_id "
            f"JOIN {CATALOG}.ducklake_schema s ON s.schema_id = t.schema_id "
            "WHERE s.schema_name = ? AND t.table_name = ? AND c.begin_snapshot <= ? "
            "AND (c.end_snapshot IS NULL OR c.end_snapshot > ?) ORDER BY ALL",
            [schema, table, version, version],
        )
        for version in (before, after)
    ]
    return columns[0] == columns[1] != []
