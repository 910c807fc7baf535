"""Declared tests of a model's rows in, SELECTs that return the offending rows out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlglot import exp

from synth_assets.sql.relations import quote_name
from synth_assets.sql.render import REF_PREFIX

Severity = Literal["warn", "error"]
Kind = Literal["not_null", "unique", "accepted_values", "relationships", "expression", "check"]


@dataclass(frozen=True)
class DataTest:
    """One test of one model.

    name: unique within the model. threshold: most offending rows that still pass.
    values (accepted_values), to and field (relationships), expression (expression): as declared.
    refs: other relations that the test reads. path: the file that declares it.
    """

    name: str
    model: str
    kind: Kind
    path: Path
    column: str | None = None
    description: str = ""
    severity: Severity = "error"
    threshold: int = 0
    values: tuple[Any, ...] = ()
    to: str | None = None
    field: str | None = None
    expression: str | None = None
    refs: tuple[str, ...] = ()


def offending_rows(test: DataTest) -> str:
    """The SELECT of a declared test, with refs as ``"__ref__<name>"``; singular checks are files
    of their own. An expression that is null offends: absence is not a pass."""
    model = f"{quote_name(REF_PREFIX + test.model)} AS model"
    column = f"model.{quote_name(test.column)}" if test.column else ""
    select = f"SELECT model.* FROM {model}"
    if test.kind == "not_null":
        return f"{select} WHERE {column} IS NULL"
    if test.kind == "unique":
        return (
            f"{select} WHERE {column} IS NOT NULL QUALIFY count(*) OVER (PARTITION BY {column}) > 1"
        )
    if test.kind == "accepted_values":
        values = ", ".join(exp.convert(value).sql("duckdb") for value in test.values)
        return f"{select} WHERE {column} IS NOT NULL AND {column} NOT IN ({values})"
    if test.kind == "relationships":
        parent = f"{quote_name(REF_PREFIX + str(test.to))} AS parent"
        field = f"parent.{quote_name(str(test.field))}"
        return (
            f"{select} WHERE {column} IS NOT NULL "
            f"AND NOT EXISTS (SELECT 1 FROM {parent} WHERE {field} = {column})"
        )
    return f"{select} WHERE (\n{test.expression}\n) IS NOT TRUE"
