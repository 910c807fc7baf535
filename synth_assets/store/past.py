"""A table and a version of the lake in, the table as it was then out."""

from __future__ import annotations

from synth_assets.errors import LakeError
from synth_assets.store.lake import Lake


def relation_at(schema: str, table: str, version: int) -> str:
    """The table at a version, as a relation. In parentheses: DuckLake takes no alias after it."""
    return f"(FROM {Lake.relation(schema, table)} AT (VERSION => {int(version)}))"


def columns_at(lake: Lake, schema: str, table: str, version: int) -> list[str]:
    """The columns that a table had at a version of the lake; none where it was not there."""
    if not lake.has(schema, table):
        return []
    try:
        described = lake.execute(f"DESCRIBE {relation_at(schema, table, version)}")
    except LakeError as error:
        # A schema that was not there yet is told of in other words than a table.
        if "does not exist at version" in str(error) or "does not exist because" in str(error):
            return []
        raise
    return [name for name, *_ in described]
