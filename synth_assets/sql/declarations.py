"""The YAML files of a SQL project in, its declarations by name out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from synth_assets.errors import SqlModelError
from synth_assets.method import all_tables
from synth_assets.sql.declared_tests import data_tests_of
from synth_assets.sql.layout import Layout
from synth_assets.sql.model import SourceTable
from synth_assets.sql.nearest import nearest
from synth_assets.sql.relations import duckdb_types
from synth_assets.sql.schema_file import (
    CheckEntry,
    ModelEntry,
    SourceEntry,
    UnitTestEntry,
    read_schema_file,
)
from synth_assets.sql.template_uses import LAKE


@dataclass
class Declarations:
    """What the YAML files say, each with the file that says it."""

    models: dict[str, tuple[Path, ModelEntry]] = field(default_factory=dict)
    seeds: dict[str, tuple[Path, ModelEntry]] = field(default_factory=dict)
    sources: dict[str, SourceTable] = field(default_factory=dict)
    checks: list[tuple[Path, CheckEntry]] = field(default_factory=list)
    unit_tests: list[tuple[Path, UnitTestEntry]] = field(default_factory=list)

    def require_files(self, models: set[str], seeds: set[str]) -> None:
        """Errors: `SqlModelError` for an entry of a model or seed that has no file."""
        for entries, known, end in ((self.models, models, "sql"), (self.seeds, seeds, "csv")):
            for name, (path, _) in entries.items():
                if name not in known:
                    raise SqlModelError(
                        f"{path}: describes {name!r}, but there is no {name}.{end}"
                        f"{nearest(name, known)}"
                    )


def read_declarations(layout: Layout) -> Declarations:
    """Every YAML file under the project's folders, and its ``sources.yml``."""
    said = Declarations()
    folders = (*layout.models, *layout.seeds, *layout.tests, *layout.macros)
    paths = {path for end in (".yml", ".yaml") for _, path in layout.files(folders, end)}
    own = layout.folder / "sources.yml"
    if not layout.is_dbt and own.exists():
        paths.add(own)
    for path in sorted(paths):
        file = read_schema_file(path)
        _add(path, file.models, said.models)
        _add(path, file.seeds, said.seeds)
        for source in file.sources:
            for table in _tables_of(path, source):
                if table.name in said.sources:
                    raise SqlModelError(f"{path}: source {table.name!r} is declared twice")
                said.sources[table.name] = table
        said.checks += [(path, entry) for entry in (*file.checks, *file.data_tests)]
        said.unit_tests += [(path, entry) for entry in file.unit_tests]
    return said


def _add(
    path: Path, entries: tuple[ModelEntry, ...], known: dict[str, tuple[Path, ModelEntry]]
) -> None:
    for entry in entries:
        if entry.name in known:
            raise SqlModelError(
                f"{path}: {entry.name!r} is described in {known[entry.name][0]} already"
            )
        known[entry.name] = (path, entry)


def _tables_of(path: Path, entry: str | SourceEntry) -> list[SourceTable]:
    if isinstance(entry, str):
        return [_lake_table(path, entry)]
    if entry.name == LAKE:
        for table in entry.tables:
            if table.all_tests or any(column.all_tests for column in table.columns):
                raise SqlModelError(
                    f"{path}: source {LAKE}.{table.name}: tables of the lake have checks of their "
                    "own; write a singular test that names a model"
                )
        return [_lake_table(path, table.name) for table in entry.tables]
    tables: list[SourceTable] = []
    for table in entry.tables:
        name = f"{entry.name}.{table.name}"
        typed = {
            column.name: _type(path, name, column.name, column.data_type)
            for column in table.columns
            if column.data_type
        }
        complete = bool(typed) and len(typed) == len(table.columns)
        place = (entry.db_schema or entry.name, table.identifier or table.name)
        tests = data_tests_of(path, name, table.column_tests, table.all_tests)
        tables.append(SourceTable(name, place, typed if complete else None, tests))
    return tables


def _type(path: Path, source: str, column: str, data_type: str) -> str:
    """DuckDB's own name of a type, so that nothing but a type gets into SQL."""
    try:
        return str(duckdb.type(data_type))
    except duckdb.Error as error:
        raise SqlModelError(
            f"{path}: source {source}: {column}: data_type {data_type!r:.60} is no type of DuckDB's"
        ) from error


def _lake_table(path: Path, name: str) -> SourceTable:
    known = all_tables()
    if name not in known:
        raise SqlModelError(f"{path}: no table is named {name!r}{nearest(name, known)}")
    return SourceTable(name, (LAKE, name), duckdb_types(known[name].polars))
