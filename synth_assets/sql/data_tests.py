"""Declared tests of a model's rows in, SELECTs that return the offending rows out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sqlglot import exp

from synth_assets.sql.relations import quote_name
from synth_assets.sql.render import REF_PREFIX
from synth_assets.sql.thresholds import ANY, is_met

Severity = Literal["warn", "error"]
Verdict = Literal["pass", "warn", "error"]
Kind = Literal[
    "not_null", "unique", "accepted_values", "relationships", "expression", "generic", "check"
]


@dataclass(frozen=True)
class DataTest:
    """One test of one model.

    name: unique within the model. error_if, warn_if: conditions on the number of offending rows.
    where: SQL that chooses the rows looked at. limit: most offending rows looked for.
    values (accepted_values), to and to_field (relationships), expression (expression), macro and
    arguments (generic): as declared.
    refs: other relations that the test reads. path: the file that declares it.
    """

    name: str
    model: str
    kind: Kind
    path: Path
    column: str | None = None
    description: str = ""
    severity: Severity = "error"
    error_if: str = ANY
    warn_if: str = ANY
    where: str | None = None
    limit: int | None = None
    values: tuple[Any, ...] = ()
    to: str | None = None
    to_field: str | None = None
    expression: str | None = None
    macro: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    refs: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """How messages call it."""
        return f"{self.path}: test {self.name} of {self.model}"

    @property
    def alone(self) -> tuple[str, ...] | None:
        """The columns by whose values it holds rows against each other, none where it looks at each
        row by itself; None where it may look at more, or some offending rows are let pass."""
        asks_more = "select" in f"{self.where} {self.expression}".lower()
        if asks_more or (self.error_if, self.warn_if) != (ANY, ANY) or self.to == self.model:
            return None
        if self.kind == "unique" and self.column is not None:
            return (self.column,)
        is_of_one_row = self.kind in ("not_null", "accepted_values", "relationships", "expression")
        return () if is_of_one_row else None

    def verdict(self, offending: int) -> Verdict:
        """What this many offending rows mean."""
        if self.severity == "error" and is_met(self.error_if, offending):
            return "error"
        return "warn" if is_met(self.warn_if, offending) else "pass"


def offending_rows(test: DataTest) -> str:
    """The SELECT of a declared test, with refs as ``"__ref__<name>"``; generic and singular tests
    are SQL of their own. An expression that is null offends: absence is not a pass."""
    model = f"{rows_looked_at(test)} AS model"
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
        parent, to_field = quote_name(REF_PREFIX + str(test.to)), quote_name(str(test.to_field))
        known = f"(SELECT {to_field} AS value FROM {parent}) AS parent"
        return (
            f"{select} WHERE {column} IS NOT NULL "
            f"AND NOT EXISTS (SELECT 1 FROM {known} WHERE parent.value = {column})"
        )
    return f"{select} WHERE (\n{test.expression}\n) IS NOT TRUE"


def rows_looked_at(test: DataTest) -> str:
    """The model, or those of its rows for which ``where`` holds."""
    model = quote_name(REF_PREFIX + test.model)
    if test.where is None:
        return model
    return f"(SELECT * FROM {model} AS {quote_name(test.model)} WHERE (\n{test.where}\n))"
