"""Unit cases of models in, what differs from the expected rows out: given rows, expected rows.

A file names one model and lists cases::

    model: sft_set
    variables: {sft_per_prompt: 1}             # of every case; a case may override
    defaults:                                  # values of columns that a given row leaves out
      scored_completions: {status: ok}
    cases:
      - name: the better rated completion is taken
        given:
          scored_completions:
            - {completion_id: c1, mean_rating: 4.0}
        expect:                                # columns left out are not compared
          - {completion_id: c1}

Columns that neither row nor defaults give are null; relations not given are empty. Rows are
compared in any order, and their number counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import yaml
from polars.exceptions import PolarsError
from pydantic import BaseModel, ConfigDict, ValidationError

from synth_assets.errors import SqlModelError
from synth_assets.identity import canonical_json
from synth_assets.sql.compiler import polars_schema
from synth_assets.sql.nearest import nearest
from synth_assets.sql.project import SqlProject
from synth_assets.sql.relations import quote_name
from synth_assets.sql.run import fetch
from synth_assets.sql.yaml_parts import load_yaml

Row = dict[str, Any]


class CaseEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    variables: dict[str, Any] = {}
    given: dict[str, list[Row]] = {}
    expect: list[Row]


class CaseFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    variables: dict[str, Any] = {}
    defaults: dict[str, Row] = {}
    cases: list[CaseEntry]


@dataclass(frozen=True)
class Case:
    """One case of one model; ``path`` is the file that it stands in.

    is_incremental: the model says only what is new beside the rows given for itself.
    is_cast: values are cast to the types of their columns, as dbt does it; else they have them.
    """

    path: Path
    model: str
    name: str
    variables: Mapping[str, Any]
    given: Mapping[str, list[Row]]
    expect: list[Row]
    is_incremental: bool = False
    is_cast: bool = False


def load_cases(path: Path) -> list[Case]:
    """The cases of one file. Errors: `SqlModelError` naming file and field."""
    try:
        file = CaseFile.model_validate(load_yaml(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SqlModelError(f"{path}: cannot be read as YAML ({error})") from error
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, finding['loc']))}: {finding['msg']}" for finding in error.errors()
        )
        raise SqlModelError("\n".join(f"{path}: {problem}" for problem in problems)) from error
    return [
        Case(
            path, file.model, entry.name, {**file.variables, **entry.variables},
            {
                ref: [{**file.defaults.get(ref, {}), **row} for row in rows]
                for ref, rows in entry.given.items()
            },
            entry.expect,
        )
        for entry in file.cases
    ]  # fmt: skip


def run_case(project: SqlProject, case: Case) -> list[str]:
    """The differences between the rows expected and the rows made; none where the case holds."""
    where = f"{case.path}: {case.name}"
    with duckdb.connect(":memory:") as connection:
        made = _made(connection, project, case)
        compared = sorted({column for row in case.expect for column in row})
        for column in compared:
            if column not in made.columns:
                hint = nearest(column, made.columns)
                raise SqlModelError(f"{where}: no column {column!r}{hint}")
        expect = case.expect
        if case.is_cast and compared:
            types = project.types(case.model, case.variables)
            wanted_types = {column: types[column] for column in compared}
            _put(connection, "expected", where, expect, wanted_types, is_cast=True)
            expect = fetch(connection, "FROM expected", where).to_dicts()
    found = sorted(_shown(row, compared) for row in made.to_dicts())
    wanted = sorted(_shown(row, compared) for row in expect)
    return _differences(wanted, found)


def _made(connection: duckdb.DuckDBPyConnection, project: SqlProject, case: Case) -> pl.DataFrame:
    where = f"{case.path}: {case.name}"
    inputs = [*project.inputs(case.model), *project.models[case.model].refs]
    if case.is_incremental:
        inputs.append(case.model)
    relations: dict[str, str] = {}
    for ref, rows in case.given.items():
        if ref not in inputs:
            hint = nearest(ref, inputs)
            raise SqlModelError(f"{where}: {case.model} does not read {ref!r}{hint}")
        types = project.types(ref, case.variables)
        _put(connection, f"given_{ref}", f"{where}: {ref}", rows, types, is_cast=case.is_cast)
        relations[ref] = quote_name(f"given_{ref}")
    compiled = project.compile(
        case.model, relations, case.variables, is_incremental=case.is_incremental
    )
    made = fetch(connection, compiled.sql, where)
    if made.schema != compiled.schema:
        raise SqlModelError(f"{where}: the columns are {made.schema}, not {compiled.schema}")
    return made


def _put(
    connection: duckdb.DuckDBPyConnection, name: str, where: str, rows: list[Row],
    types: Mapping[str, str], *, is_cast: bool,
) -> None:  # fmt: skip
    """Makes a table of the rows; a column that a row leaves out is null in it."""
    for row in rows:
        for column in row:
            if column not in types:
                raise SqlModelError(f"{where}: no column {column!r}{nearest(column, types)}")
    schema = polars_schema(where, types)
    is_text = {column: is_cast and not dtype.is_nested() for column, dtype in schema.items()}
    complete = [{c: _text(row.get(c)) if is_text[c] else row.get(c) for c in types} for row in rows]
    given = {c: pl.String() if is_text[c] else dtype for c, dtype in schema.items()}
    columns = ", ".join(
        f"CAST({quote_name(c)} AS {kind}) AS {quote_name(c)}" for c, kind in types.items()
    )
    try:
        connection.register("frame", pl.DataFrame(complete, given, orient="row", strict=True))
        connection.execute(f"CREATE TABLE {quote_name(name)} AS SELECT {columns} FROM frame")
        connection.unregister("frame")
    except (PolarsError, TypeError, duckdb.ConversionException) as error:
        message = str(error).splitlines()[0]
        raise SqlModelError(f"{where}: a value is of the wrong type ({message})") from error


def _text(value: Any) -> str | None:
    """A scalar as text that DuckDB casts; an empty text stays one."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(row: Row, columns: list[str]) -> str:
    """A row as text: an expected column that a row leaves out is null; 4 and 4.0 are equal."""
    return canonical_json({column: _plain(row.get(column)) for column in columns})


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal):
        return round(float(value), 9)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value)


def _differences(wanted: list[str], found: list[str]) -> list[str]:
    missing, surplus = list(wanted), []
    for row in found:
        if row in missing:
            missing.remove(row)
        else:
            surplus.append(row)
    return [f"missing: {row}" for row in missing] + [f"surplus: {row}" for row in surplus]
