"""A seed file of rows and columns in, its records out: CSV, whose lines are counted, and Parquet,
whose rows are. An empty cell is null."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from synth_assets.errors import RecipeError
from synth_assets.seed_files.number_text import NumberText
from synth_assets.seed_files.utf8 import decode

CSV, PARQUET = (".csv", ".tsv"), (".parquet",)
SEPARATORS = ",;\t"
BATCH_ROWS = 1024
IN_JSON = "messages"
"""The column of a CSV file whose cells are JSON: a conversation has no other form there."""

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # else a text of 131,072 characters is refused


class CsvRow(NamedTuple):
    """line, end: the first line of the row and the last; a cell in quotes may hold line ends."""

    line: int
    end: int
    cells: list[str]


def csv_rows(lines: Iterable[bytes], path: Path) -> Iterator[CsvRow]:
    """The rows of a file, the header first; blank ones are skipped. ``lines`` keep their ends.

    The separator is the one of ``,``, ``;`` and tab that the first line holds most of.
    Errors: `RecipeError` with the line.
    """
    numbered = enumerate(lines, start=1)
    texts = (decode(raw, path, number) for number, raw in numbered)
    first = next(texts, "")
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(_again(first, texts), delimiter=separator, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise RecipeError(
                f"{path}, line {line}: is no row of CSV ({error}); put a cell that holds "
                f"{separator!r}, a quote or a line end in quotes, and write a quote in it twice"
            ) from error
        if any(cell.strip() for cell in cells):
            yield CsvRow(line, reader.line_num, cells)
        line = reader.line_num + 1


def csv_records(
    lines: Iterable[bytes], path: Path, only: Collection[int] | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(first line, column → cell) of every row but the header."""
    rows = csv_rows(lines, path)
    header = next(rows, None)
    if header is None:
        return
    names = [cell.strip() for cell in header.cells]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise RecipeError(
            f"{path}, line {header.line}: two columns are called {twice!r}; rename one"
        )
    for row in rows:
        if only is not None and row.line not in only:
            continue
        if len(row.cells) != len(names):
            raise RecipeError(
                f"{path}, line {row.line}: has {len(row.cells)} cells, and the first line names "
                f"{len(names)} columns; put a cell that holds the separator in quotes"
            )
        record: dict[str, Any] = {
            name: cell if cell.strip() else None
            for name, cell in zip(names, row.cells, strict=True)
            if name
        }
        if record.get(IN_JSON) is not None:
            record[IN_JSON] = _messages(record[IN_JSON], path, row.line)
        yield row.line, record


def parquet_records(
    path: Path, only: Collection[int] | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row from 1, column → value) of every row. Columns that can hold no text are not read, such
    as embeddings and pictures."""
    try:
        with pq.ParquetFile(path) as file:
            columns = [field.name for field in file.schema_arrow if _may_hold_text(field.type)]
            row = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                for record in batch.to_pylist():
                    row += 1
                    if only is None or row in only:
                        yield row, {name: _as_json(value) for name, value in record.items()}
    except pa.ArrowException as error:
        raise RecipeError(
            f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]}); download it again, "
            "or write it anew"
        ) from error


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
        yield from rest


def _messages(cell: str, path: Path, line: int) -> Any:
    try:
        return json.loads(cell)
    except ValueError as error:
        shown = cell if len(cell) <= 80 else cell[:79] + "…"
        raise RecipeError(
            f"{path}, line {line}: {IN_JSON} = {json.dumps(shown)}: is no JSON ({error}); write "
            '[{"role": "user", "content": "…"}], or call a column of plain texts prompt'
        ) from error


def _may_hold_text(type: pa.DataType) -> bool:
    if pa.types.is_nested(type) and not pa.types.is_struct(type):
        inner = getattr(type, "value_type", None)
        return inner is not None and (
            pa.types.is_struct(inner) or pa.types.is_string(inner) or _is_other_text(inner)
        )
    return not (pa.types.is_binary(type) or pa.types.is_large_binary(type))


def _is_other_text(type: pa.DataType) -> bool:
    return pa.types.is_large_string(type) or pa.types.is_string_view(type)


def _as_json(value: Any) -> Any:
    """A value as a line of JSON would hold it: numbers as they are written, no time, no NaN."""
    if isinstance(value, bool) or value is None or type(value) is str:
        return value
    if isinstance(value, float) and math.isnan(value):
        return None  # how pandas writes that there is none
    if isinstance(value, int | float | Decimal):
        return NumberText(value)
    if isinstance(value, Mapping):
        return {str(name): _as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    return value.isoformat() if isinstance(value, date | datetime | time) else str(value)
