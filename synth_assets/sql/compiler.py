"""A model's source, variables and relations in, one SELECT out that DuckDB has already bound.

Steps: render (sandbox) → guard (one SELECT, refs only) → values become typed literals → DuckDB's
binder checks the query on empty relations → refs become relations.
"""

from __future__ import annotations

import datetime
import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
from sqlglot import exp

from synth_assets.errors import SqlModelError
from synth_assets.identity import content_hash
from synth_assets.sql.guard import Refusal, require_select
from synth_assets.sql.relations import empty_relation
from synth_assets.sql.render import REF_PREFIX, VALUE, Rendered, Source, render
from synth_assets.sql.scratch import scratch_connection

UNKNOWN_COLUMN = re.compile(r'(?:[Rr]eferenced column|column named|key) "([^"]+)"')
JINJA_HOLE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}")


@dataclass(frozen=True)
class Draft:
    """A query whose refs still stand as ``__ref__<name>``; ``sql`` is the text it was read from."""

    where: str
    source: str
    sql: str
    query: exp.Query

    @property
    def hash(self) -> str:
        """Hash of what the query says: formatting and comments are not in it, values are."""
        text = self.query.sql("duckdb", comments=False, identify=True)
        return content_hash("sql-1", text)


def draft(where: str, source: Source, variables: Mapping[str, Any]) -> Draft:
    """Renders and parses one source. Errors: `SqlModelError` with file, line and remedy."""
    rendered = render(where, source, variables)
    return _draft(where, source.text, rendered, [use.name for use in source.refs])


def draft_sql(where: str, sql: str, refs: list[str]) -> Draft:
    """A draft of SQL that this package wrote itself, with refs as ``__ref__`` names."""
    return _draft(where, sql, Rendered(sql, ()), refs)


def _draft(where: str, source: str, rendered: Rendered, refs: list[str]) -> Draft:
    try:
        query = require_select(
            rendered.sql, tables=[REF_PREFIX + name for name in refs], deterministic=True
        )
    except Refusal as error:
        at = _place(where, source, rendered.sql, error.line)
        raise SqlModelError(f"{at}: {error.reason}") from error
    _fill_in(where, query, rendered.values)
    return Draft(where, source, rendered.sql, query)


def _fill_in(where: str, query: exp.Query, values: tuple[Any, ...]) -> None:
    """Puts typed literals where the render left ``$value_<n>``."""
    for node in query.walk():
        if any(isinstance(part, str) and VALUE.search(part) for part in node.args.values()):
            raise SqlModelError(
                f"{where}: {{{{ … }}}} stands inside quotes or a name; it gives a whole SQL value, "
                "quotes and all: take the quotes away"
            )
    for node in list(query.find_all(exp.Placeholder, exp.Parameter)):
        match = re.fullmatch(r"value_(\d+)", str(node.this or ""))
        if match is None or int(match.group(1)) >= len(values):
            raise SqlModelError(f"{where}: has the parameter {node.sql('duckdb')}; use var('name')")
        node.replace(typed_literal(where, values[int(match.group(1))]))


def typed_literal(where: str, value: Any) -> exp.Expr:
    """A Python value as a SQL literal of its type, made by sqlglot, never by pasting text."""
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, int):
        number = exp.Literal.number(abs(value))
        return exp.paren(exp.Neg(this=number)) if value < 0 else number
    if isinstance(value, float) and math.isfinite(value):
        return exp.cast(exp.Literal.string(repr(value)), "DOUBLE", dialect="duckdb")
    if isinstance(value, str) and "\0" not in value:
        return exp.Literal.string(value)
    if isinstance(value, datetime.datetime):
        return exp.cast(exp.Literal.string(value.isoformat(" ")), "TIMESTAMP", dialect="duckdb")
    if isinstance(value, datetime.date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE", dialect="duckdb")
    if isinstance(value, list | tuple):
        return exp.Array(expressions=[typed_literal(where, item) for item in value])
    raise SqlModelError(
        f"{where}: a variable is {value!r:.80}; give a text without NUL, a number, true, false, "
        "null, a date or a list of these"
    )


def inline(draft: Draft, staged: Mapping[str, Draft]) -> Draft:
    """``draft`` with the models in ``staged`` (in dependency order) as CTEs in front."""
    if not staged:
        return draft
    query = draft.query.copy()
    ctes = [
        exp.CTE(
            this=inner.query.copy(),
            alias=exp.TableAlias(this=exp.to_identifier(REF_PREFIX + name, quoted=True)),
        )
        for name, inner in staged.items()
    ]
    existing = query.args.get("with_")
    recursive = bool(existing and existing.args.get("recursive"))
    own = existing.expressions if existing else []
    query.set("with_", exp.With(expressions=[*ctes, *own], recursive=recursive))
    return Draft(draft.where, draft.source, draft.sql, query)


def relate(draft: Draft, relations: Mapping[str, str]) -> str:
    """The SQL of ``draft`` with each ref replaced by its relation (an alias is kept)."""
    query = draft.query.copy()
    for table in list(query.find_all(exp.Table)):
        name = table.name.removeprefix(REF_PREFIX)
        if table.name == name:
            continue
        alias = table.alias or name
        if name in relations:
            table.set("this", exp.Var(this=relations[name]))
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return query.sql("duckdb", comments=False)


def bind(draft: Draft, tables: Mapping[str, Mapping[str, str]]) -> pl.Schema:
    """The output columns of ``draft``, as DuckDB itself binds it on empty relations.

    tables: ref → {column: DuckDB type}. Errors: `SqlModelError` with file, line and, for an
    unknown column, the nearest known one.
    """
    sql = relate(draft, {name: empty_relation(types) for name, types in tables.items()})
    try:
        return scratch_connection().sql(sql).limit(0).pl().schema
    except duckdb.Error as error:
        raise SqlModelError(_explain(draft, tables, error)) from error


def _explain(draft: Draft, tables: Mapping[str, Mapping[str, str]], error: duckdb.Error) -> str:
    message = str(error).splitlines()[0]
    match = UNKNOWN_COLUMN.search(message)
    if match is None:
        return f"{draft.where}: {message}"
    name = match.group(1)
    at = _place(draft.where, draft.source, draft.sql, _line_of(draft, name))
    columns = sorted({column for types in tables.values() for column in types})
    near = difflib.get_close_matches(name, columns, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"{at}: unknown column {name!r}{hint} Known: {', '.join(columns) or 'none'}"


def _line_of(draft: Draft, name: str) -> int | None:
    """First line of the rendered text in which the name stands as an identifier."""
    for identifier in draft.query.find_all(exp.Identifier):
        start = identifier.meta.get("start")
        if identifier.name.lower() == name.lower() and start is not None:
            return draft.sql.count("\n", 0, start) + 1
    return None


def _place(where: str, source: str, rendered: str, line: int | None) -> str:
    """File and line *of the source* for a line of the rendered text."""
    if line is None:
        return where
    if source.count("\n") != rendered.count("\n"):
        text = rendered.splitlines()[line - 1].strip()
        patterns = (
            ".*".join(re.escape(part) for part in JINJA_HOLE.split(candidate.strip()))
            for candidate in source.splitlines()
        )
        found = [
            number
            for number, pattern in enumerate(patterns, start=1)
            if pattern not in ("", ".*") and re.fullmatch(pattern, text)
        ]
        if not found:
            return where
        return f"{where}, line {min(found, key=lambda number: abs(number - line))}"
    return f"{where}, line {line}"
