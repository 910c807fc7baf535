"""Names and types of ours in, the SQL that stands for them out."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
from polars.datatypes import DataTypeClass

from synth_assets.errors import LakeError

_SIMPLE: dict[Any, str] = {
    pl.String: "VARCHAR",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
    pl.Boolean: "BOOLEAN",
}


def quote_name(name: str) -> str:
    """A SQL identifier; only names of our own form get through."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise LakeError(
            f"{name!r} is no table or column name; use letters, digits and _, not a digit first"
        )
    return f'"{name}"'


def quote_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def sql_type(dtype: pl.DataType | DataTypeClass) -> str:
    """DuckDB's type for a column of ours."""
    if isinstance(dtype, pl.List):
        return f"{sql_type(dtype.inner)}[]"
    if isinstance(dtype, pl.Struct):
        inside = ", ".join(f"{quote_name(f.name)} {sql_type(f.dtype)}" for f in dtype.fields)
        return f"STRUCT({inside})"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP"
    for known, name in _SIMPLE.items():
        if dtype == known:
            return name
    raise LakeError(f"no SQL type for {dtype}; add it to sql_types.py, or use another")


def plain_type(kind: str) -> str:
    """A SQL type as it is compared: DuckDB quotes and spaces the same type in several ways."""
    return re.sub(r'["\s]', "", kind).upper()
