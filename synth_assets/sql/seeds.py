"""A CSV file of a project in, a typed SELECT of its rows out."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from synth_assets.errors import SqlModelError
from synth_assets.identity import content_hash
from synth_assets.sql.model_config import ModelConfig
from synth_assets.sql.nearest import nearest
from synth_assets.sql.relations import quote_name
from synth_assets.sql.scratch import scratch_connection

MAX_BYTES = 32_000_000
"""A seed is a small table that people edit; larger data belongs into a source."""
TYPES = ("INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "DATE", "TIMESTAMP")
"""What a column without a declared type is, the first that all its values can be; else text."""
BOOLEANS = frozenset({"true", "false"})
WHOLE = "[+-]?[0-9]+"
FORMS = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), WHOLE),
    **dict.fromkeys(("FLOAT", "DOUBLE"), r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"),
    "DATE": "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}",
}
"""How a text of a type is written: DuckDB's own cast would round 1.6, take ``nan``, and cut the
time off a day."""


@dataclass(frozen=True)
class Seed:
    """texts: the cells as text; an empty cell is null. types: column → DuckDB type."""

    name: str
    path: Path
    texts: pl.DataFrame
    types: Mapping[str, str]

    @property
    def hash(self) -> str:
        """Hash of what it holds: equal for equal cells and types."""
        return content_hash("seed", self.name, dict(self.types), self.texts.rows())

    def select(self, relation: str) -> str:
        """The typed rows, where ``relation`` holds the texts."""
        columns = ", ".join(
            f"CAST({quote_name(name)} AS {kind}) AS {quote_name(name)}"
            for name, kind in self.types.items()
        )
        return f"SELECT {columns} FROM {relation}"


def read_seed(path: Path, config: ModelConfig) -> Seed:
    """Errors: `SqlModelError` naming file, row or column, and the value of another type."""
    texts = _cells(path, config.delimiter)
    for column in config.column_types:
        if column not in texts.columns:
            raise SqlModelError(
                f"{path}: column_types names {column!r}, which is no column"
                f"{nearest(column, texts.columns)}"
            )
    with scratch_connection() as connection:
        connection.register("cells", texts)
        types = {
            column: config.column_types.get(column) or _type_of(connection, texts, column)
            for column in texts.columns
        }
        for column, kind in config.column_types.items():
            _require_type(connection, path, column, kind)
    return Seed(path.stem, path, texts, types)


def _cells(path: Path, delimiter: str) -> pl.DataFrame:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SqlModelError(f"{path}: more than {MAX_BYTES} bytes; make it a source")
        text = path.read_text(encoding="utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SqlModelError(f"{path}: cannot be read as CSV ({error})") from error
    header = [name.strip() for name in lines[0]] if lines else []
    if not header or len({name.lower() for name in header}) != len(header) or "" in header:
        raise SqlModelError(f"{path}, line 1: give each column a name of its own")
    rows = [row for row in lines[1:] if row]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise SqlModelError(
                f"{path}: row {number} has {len(row)} cells, not {len(header)} ({', '.join(row)}); "
                f"put a text that holds {delimiter!r} in double quotes"
            )
    cells = [[cell or None for cell in row] for row in rows]
    return pl.DataFrame(cells, schema=dict.fromkeys(header, pl.String), orient="row")


def _type_of(connection: duckdb.DuckDBPyConnection, texts: pl.DataFrame, column: str) -> str:
    values = texts[column].drop_nulls()
    if values.is_empty():
        return "VARCHAR"
    if all(value.lower() in BOOLEANS for value in values):
        return "BOOLEAN"
    for kind in TYPES:
        if _strangest(connection, column, kind) is None:
            return kind
    return "VARCHAR"


def _require_type(
    connection: duckdb.DuckDBPyConnection, path: Path, column: str, kind: str
) -> None:
    try:
        value = _strangest(connection, column, kind)
    except duckdb.Error as error:
        message = str(error).splitlines()[0]
        raise SqlModelError(f"{path}: column_types.{column}: {kind!r}: {message}") from error
    if value is not None:
        raise SqlModelError(f"{path}: column {column}: {value!r:.80} is no {kind}")


def _strangest(connection: duckdb.DuckDBPyConnection, column: str, kind: str) -> str | None:
    """A text of the column that is no value of the type; None where there is none."""
    name = quote_name(column)
    parsed = duckdb.type(kind)  # refuses what is no type, such as more SQL
    odd = f"TRY_CAST({name} AS {parsed}) IS NULL"
    if str(parsed) in FORMS:
        odd += f" OR NOT regexp_full_match(trim({name}), '{FORMS[str(parsed)]}')"
    found = connection.execute(
        f"SELECT {name} FROM cells WHERE {name} IS NOT NULL AND ({odd}) LIMIT 1"
    ).fetchone()
    return None if found is None else str(found[0])
