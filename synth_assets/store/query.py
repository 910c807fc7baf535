"""One SELECT of a person's in, a frame out: read-only, and with no way out of the lake."""

from __future__ import annotations

import duckdb
import polars as pl

from synth_assets.errors import QueryError
from synth_assets.sql.guard import Refusal, require_select
from synth_assets.store.faults import cause, faults_explained, lake_error
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets.store.sql_types import quote_literal
from synth_assets.store.tags import resolve_version


def query_lake(home: Home, sql: str, *, at: str | None = None) -> pl.DataFrame:
    """The rows of ``sql``, in which ``recipe.table`` names a table.

    at: a version of the whole lake, by number or by tag. Three walls, since each alone has a hole:
    the guard (one SELECT, table functions by an allow-list), a read-only attach, and no access to
    anything but the lake's own files. Errors: `QueryError`, and `LakeError` for the lake's own.
    """
    try:
        require_select(sql)
    except Refusal as error:
        raise QueryError(f"query: {error}") from error
    with Lake(home, read_only=True, at=None if at is None else _version(home, at)) as lake:
        connection = lake.connection
        confine(connection, home)
        with faults_explained(home, "query"):
            try:
                return connection.sql(sql).pl()
            except (duckdb.ProgrammingError, duckdb.DataError) as error:
                raise QueryError(str(lake_error(error, home, "query"))) from cause(error, home)
            except pl.exceptions.PolarsError as error:
                raise QueryError(
                    f"query: a column's type cannot be shown ({error}); cast it to VARCHAR"
                ) from error


def confine(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Leaves a connection nothing to reach but the lake's own files, for good."""
    for statement in (
        "USE lake",
        "DETACH memory",  # else a recipe of that name would be ambiguous
        f"SET allowed_directories = [{quote_literal(home.data)}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)


def _version(home: Home, at: str) -> int:
    with Lake(home, read_only=True) as lake:
        return resolve_version(lake, at)
