"""A SQL project and a plain DuckDB database in; tables, views and test results out. No Dagster.

What dbt's ``build`` does with the same files: seeds, models in order, then tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb

from synth_assets.errors import SqlModelError
from synth_assets.sql.incremental import columns_to_write, require_one_row_a_key, write_rows
from synth_assets.sql.model import SqlModel
from synth_assets.sql.project import NOTHING, SqlProject
from synth_assets.sql.relations import quote_name
from synth_assets.sql.run import DataTestResult, run_data_test

CELLS = "__cells_of_a_seed"
NEW_ROWS = "__new_rows"


@dataclass
class ProjectRun:
    """What a run made. made: name → ``table``, ``view``, ``seed``, ``incremental`` (the table was
    there and took new rows); ephemeral models are not in it. tests: in the order they ran."""

    made: dict[str, str] = field(default_factory=dict)
    tests: list[DataTestResult] = field(default_factory=list)

    @property
    def failed(self) -> list[DataTestResult]:
        """Tests whose verdict is an error."""
        return [result for result in self.tests if result.verdict == "error"]


def run_project(
    project: SqlProject,
    connection: duckdb.DuckDBPyConnection,
    *,
    variables: Mapping[str, Any] = NOTHING,
    schema: str = "main",
    full_refresh: bool = False,
) -> ProjectRun:
    """Brings every seed and model up to date in ``schema``, then runs every test.

    full_refresh: rebuilds incremental models. Errors: `SqlModelError`; what was made before the
    failing model stays, and that model's table stays as it was.
    """
    run = ProjectRun()
    relations = {
        name: f"{quote_name(schema)}.{quote_name(name)}"
        for name in (*project.seeds, *project.marts)
    }
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_name(schema)}")
    database = _Database(connection, schema, relations)
    for name, of in project.seeds.items():
        connection.register(CELLS, of.seed.texts)
        try:
            database.create("TABLE", name, of.seed.select(CELLS), str(of.path))
        finally:
            connection.unregister(CELLS)
        run.made[name] = "seed"
    # After the seeds, since one may stand in for a table that is not there.
    for name, source in project.files.sources.items():
        relations[name] = ".".join(map(quote_name, source.place))
        project.learn_types(name, _columns(connection, source.place, name))
    for name in project.marts:
        run.made[name] = _make(project, database, name, variables, full_refresh)
    for test in project.tests():
        compiled = project.compile_test(test, relations, variables)
        run.tests.append(run_data_test(connection, test, compiled.sql))
    return run


def _make(
    project: SqlProject,
    database: _Database,
    name: str,
    variables: Mapping[str, Any],
    full_refresh: bool,
) -> str:
    model = project.models[name]
    config = model.config
    refresh = full_refresh if config.full_refresh is None else config.full_refresh
    adds = (
        config.materialized == "incremental" and not refresh and database.kind_of(name) == "TABLE"
    )
    compiled = project.compile(name, database.relations, variables, is_incremental=adds)
    if adds:
        database.add_rows(model, compiled.sql)
        return "incremental"
    kind = "VIEW" if config.materialized == "view" else "TABLE"
    database.create(kind, name, compiled.sql, str(model.path))
    return kind.lower()


@dataclass(frozen=True)
class _Database:
    """A schema of a plain DuckDB database, and the relation of each name of the project."""

    connection: duckdb.DuckDBPyConnection
    schema: str
    relations: Mapping[str, str]

    def kind_of(self, name: str) -> str | None:
        """TABLE or VIEW; None where there is no such relation."""
        found = self.connection.execute(
            "SELECT table_type FROM information_schema.tables WHERE table_schema = ? "
            "AND table_name = ? AND table_catalog = current_database()",
            [self.schema, name],
        ).fetchone()
        return None if found is None else str(found[0]).removeprefix("BASE ")

    def create(self, kind: str, name: str, sql: str, where: str) -> None:
        """Replaces a table or view by the rows, or the text, of ``sql``."""
        there, relation = self.kind_of(name), self.relations[name]
        with self._transaction(where) as execute:
            if there not in (None, kind):
                execute(f"DROP {there} {relation}")
            execute(f"CREATE OR REPLACE {kind} {relation} AS {sql}")

    def add_rows(self, model: SqlModel, sql: str) -> None:
        """Puts the new rows of an incremental model into its table."""
        old = _columns(self.connection, (self.schema, model.name), model.name)
        with self._transaction(str(model.path)) as execute:
            execute(f"CREATE OR REPLACE TEMP TABLE {NEW_ROWS} AS {sql}")
            new = {
                str(row[0]): str(row[1])
                for row in self.connection.execute(f"DESCRIBE {NEW_ROWS}").fetchall()
            }
            columns = columns_to_write(model, old, new)
            require_one_row_a_key(self.connection, model, NEW_ROWS)
            write_rows(self.connection, model, self.relations[model.name], NEW_ROWS, columns)
            execute(f"DROP TABLE {NEW_ROWS}")

    @contextmanager
    def _transaction(self, where: str) -> Iterator[Callable[[str], object]]:
        self.connection.execute("BEGIN TRANSACTION")
        try:
            yield self.connection.execute
        except duckdb.Error as error:
            self.connection.execute("ROLLBACK")
            raise SqlModelError(f"{where}: failed ({str(error).splitlines()[0]})") from error
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")


def _columns(
    connection: duckdb.DuckDBPyConnection, place: tuple[str, str], name: str
) -> dict[str, str]:
    try:
        rows = connection.execute(f"DESCRIBE {'.'.join(map(quote_name, place))}").fetchall()
    except duckdb.Error as error:
        raise SqlModelError(f"source {name!r}: there is no table {'.'.join(place)}") from error
    return {str(row[0]): str(row[1]) for row in rows}
