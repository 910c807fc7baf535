"""An empty in-memory database, to ask DuckDB's parser and binder before anything runs."""

from __future__ import annotations

from functools import cache

import duckdb


def scratch_connection() -> duckdb.DuckDBPyConnection:
    """A cursor of a database that reaches no file, no extension and no Python variable."""
    return _database().cursor()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute("SET autoload_known_extensions = false")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection
