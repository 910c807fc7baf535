"""Column types in, SQL relations of those columns out: what a model reads before a table exists."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from synth_assets.errors import SqlModelError

SIMPLE_TYPES: dict[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Boolean: "BOOLEAN",
    pl.Int8: "TINYINT",
    pl.Int16: "SMALLINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Int128: "HUGEINT",
    pl.UInt8: "UTINYINT",
    pl.UInt16: "USMALLINT",
    pl.UInt32: "UINTEGER",
    pl.UInt64: "UBIGINT",
    pl.Float32: "FLOAT",
    pl.Float64: "DOUBLE",
    pl.Date: "DATE",
    pl.Time: "TIME",
    pl.Binary: "BLOB",
}


def duckdb_type(dtype: pl.DataType | type[pl.DataType]) -> str:
    """The DuckDB type that a Polars type is stored as."""
    if isinstance(dtype, pl.List):
        return f"{duckdb_type(_instance(dtype.inner))}[]"
    if isinstance(dtype, pl.Struct):
        fields = ", ".join(
            f"{quote_name(field.name)} {duckdb_type(_instance(field.dtype))}"
            for field in dtype.fields
        )
        return f"STRUCT({fields})"
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision or 38}, {dtype.scale})"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMPTZ" if dtype.time_zone else "TIMESTAMP"
    if dtype == pl.Datetime:
        return "TIMESTAMP"
    name = SIMPLE_TYPES.get(_instance(dtype).base_type())
    if name is None:
        raise SqlModelError(f"a column of type {dtype} cannot be read by a model; cast it first")
    return name


def duckdb_types(schema: Mapping[str, pl.DataType]) -> dict[str, str]:
    return {name: duckdb_type(dtype) for name, dtype in schema.items()}


def empty_relation(types: Mapping[str, str]) -> str:
    """A relation of no rows with these columns and DuckDB types."""
    columns = ", ".join(
        f"CAST(NULL AS {dtype}) AS {quote_name(name)}" for name, dtype in types.items()
    )
    return f"(SELECT {columns} WHERE FALSE)"


def quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _instance(dtype: object) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[return-value]
