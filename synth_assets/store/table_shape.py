"""A table's columns as they are and as they should be in, the statements between them out."""

from __future__ import annotations

import re
from collections.abc import Mapping

from synth_assets.store.sql_types import plain_type, quote_name

_NESTED = re.compile(r"\[|STRUCT\(|MAP\(", re.IGNORECASE)


def table_changes(
    schema: str, relation: str, found: Mapping[str, str], columns: Mapping[str, str]
) -> list[str]:
    """The statements that give a table of columns ``found`` (name → SQL type) exactly
    ``columns``; that make it where ``found`` is empty; often none.

    A plain column that changes its type keeps the values that the new type can hold. What is
    dropped stays in the history.
    """
    if not found:
        declared = ", ".join(f"{quote_name(name)} {kind}" for name, kind in columns.items())
        return [
            f"CREATE SCHEMA IF NOT EXISTS lake.{quote_name(schema)}",
            f"CREATE TABLE IF NOT EXISTS {relation} ({declared})",
        ]
    left = {name.lower(): kind for name, kind in found.items()}
    changes: list[str] = []
    for name, kind in columns.items():
        known = left.pop(name.lower(), None)
        if known is None:
            changes.append(f"ALTER TABLE {relation} ADD COLUMN {quote_name(name)} {kind}")
        elif plain_type(known) != plain_type(kind):
            changes += _type_change(relation, name, known, kind)
    return changes + [f"ALTER TABLE {relation} DROP COLUMN {quote_name(name)}" for name in left]


def _type_change(relation: str, name: str, known: str, kind: str) -> list[str]:
    old, new = quote_name(name), quote_name(f"{name}__new")
    if _NESTED.search(known) or _NESTED.search(kind):
        # No conversion always binds, and to rename a nested column that is as new as the
        # transaction kills the connection (DuckLake 1.5.5). The rows are made anew anyway.
        return [
            f"ALTER TABLE {relation} DROP COLUMN {old}",
            f"ALTER TABLE {relation} ADD COLUMN {old} {kind}",
        ]
    return [
        f"ALTER TABLE {relation} ADD COLUMN {new} {kind}",
        f"UPDATE {relation} SET {new} = TRY_CAST(CAST({old} AS VARCHAR) AS {kind})",
        f"ALTER TABLE {relation} DROP COLUMN {old}",
        f"ALTER TABLE {relation} RENAME COLUMN {new} TO {old}",
    ]
