"""New rows of an incremental model in, what its table then holds out: by which key, and how."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from synth_assets.errors import SqlModelError
from synth_assets.sql.model import SqlModel
from synth_assets.sql.relations import quote_name


def columns_to_write(model: SqlModel, old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The table's columns, all of which the new rows have. Errors: `SqlModelError`.

    old, new: column → type, of the table and of the new rows. A column that only the new rows have
    is left out, unless on_schema_change is ``fail``.
    """
    missing = [name for name in old if name not in new]
    surplus = [name for name in new if name not in old]
    if missing or (surplus and model.config.on_schema_change == "fail"):
        raise SqlModelError(
            f"{model.path}: its table has the columns {missing or 'no others'} that the new rows "
            f"lack, and they have {surplus or 'no others'} that it lacks; refresh it as a whole"
        )
    return list(old)


def rows_after(model: SqlModel, table: str, new: str, columns: list[str]) -> str:
    """The SELECT of every row that the table holds once the rows of the relation ``new`` are in."""
    names = ", ".join(map(quote_name, columns))
    kept = f"SELECT {names} FROM {table} AS old"
    if model.config.strategy != "append":
        kept += f" WHERE NOT {_replaced_by(model, new)}"
    return f"{kept} UNION ALL SELECT {names} FROM {new}"


def write_rows(
    connection: duckdb.DuckDBPyConnection, model: SqlModel, table: str, new: str, columns: list[str]
) -> None:
    """The same on a table of a plain database, in place; inside the caller's transaction.

    A merge is a delete and an insert too: which of two equal rows was updated cannot be seen.
    """
    names = ", ".join(map(quote_name, columns))
    if model.config.strategy != "append":
        connection.execute(f"DELETE FROM {table} AS old WHERE {_replaced_by(model, new)}")
    connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {new}")


def require_one_row_a_key(connection: duckdb.DuckDBPyConnection, model: SqlModel, new: str) -> None:
    """Errors: `SqlModelError` where a merge would bring two rows of one key."""
    if model.config.strategy != "merge":
        return
    key = ", ".join(map(quote_name, model.config.unique_key))
    known = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in model.config.unique_key)
    found = connection.execute(
        f"SELECT {key} FROM {new} WHERE {known} GROUP BY {key} HAVING count(*) > 1 "
        f"ORDER BY ALL LIMIT 1"
    ).fetchone()
    if found is not None:
        raise SqlModelError(
            f"{model.path}: two new rows have the unique_key {found}, and a merge takes one; drop "
            "one in the SELECT, or take incremental_strategy: delete+insert"
        )


def _replaced_by(model: SqlModel, new: str) -> str:
    """The condition on a row of ``old`` that a new row of its key is there; null keys never are."""
    equal = " AND ".join(
        f"new_rows.{quote_name(name)} = old.{quote_name(name)}" for name in model.config.unique_key
    )
    return f"EXISTS (SELECT 1 FROM {new} AS new_rows WHERE {equal})"
