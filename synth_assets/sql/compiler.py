"""A model's source, variables and relations in, one SELECT out that DuckDB has already bound.

Steps: render (sandbox) → guard (one SELECT, refs only) → values become typed literals → DuckDB's
binder checks the query on empty relations → refs become relations.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import polars as pl
from sqlglot import exp

from synth_assets.errors import SqlModelError
from synth_assets.identity import content_hash
from synth_assets.sql.guard import Refusal, require_select
from synth_assets.sql.nearest import nearest
from synth_assets.sql.relations import empty_relation
from synth_assets.sql.render import REF_PREFIX, Rendered, Source, render
from synth_assets.sql.scratch import scratch_connection
from synth_assets.sql.values import fill_in

UNKNOWN_COLUMN = re.compile(r'(?:[Rr]eferenced column|column named|key) "([^"]+)"')
_GAP = re.compile("\ue000([^\ue001]+)\ue001")
"""Two characters that Unicode gives no meaning, around the name of a ref."""
_SHOWN_REF = re.compile(rf'"*{REF_PREFIX}(\w+)"*')


@dataclass(frozen=True)
class Draft:
    """A query whose refs still stand as ``__ref__<name>``, and the text it was read from."""

    where: str
    rendered: Rendered
    query: exp.Query

    @cached_property
    def hash(self) -> str:
        """Hash of what the query says: formatting and comments are not in it, values are."""
        text = self.query.sql("duckdb", comments=False, identify=True)
        return content_hash("sql-1", text)


def draft(
    where: str, source: Source, variables: Mapping[str, Any], *, this: str = "",
    is_incremental: bool = False,
) -> Draft:  # fmt: skip
    """Renders and parses one source. Errors: `SqlModelError` with file, line and remedy.

    this: the model's own name, which it may read where ``is_incremental``.
    """
    rendered = render(where, source, variables, this=this, is_incremental=is_incremental)
    refs = [use.name for use in source.refs]
    if f"{REF_PREFIX}{this}" in rendered.sql and source.uses.this:
        if not is_incremental:
            raise SqlModelError(
                f"{source.uses.this.place}: {{{{ this }}}} is read before there is such a table; "
                "write it between {% if is_incremental() %} and {% endif %}"
            )
        refs.append(this)
    return _draft(where, rendered, refs)


def draft_sql(where: str, sql: str, refs: list[str]) -> Draft:
    """A draft of SQL that this package wrote itself, with refs as ``__ref__`` names."""
    return _draft(where, Rendered(sql), refs)


def _draft(where: str, rendered: Rendered, refs: list[str]) -> Draft:
    try:
        query = require_select(
            rendered.sql, tables=[REF_PREFIX + name for name in refs], deterministic=True
        )
    except Refusal as error:
        at = where
        if error.line is not None:
            at = f"{where}, line {rendered.source_line(rendered.line_start(error.line))}"
        reason = _SHOWN_REF.sub(r"ref('\1')", error.reason)
        raise SqlModelError(f"{at}: {reason}") from error
    fill_in(where, query, rendered.values)
    return Draft(where, rendered, query)


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
    return Draft(draft.where, draft.rendered, query)


def relate(draft: Draft, relations: Mapping[str, str]) -> str:
    """The SQL of ``draft`` with each ref replaced by its relation (an alias is kept)."""
    return filled(with_gaps(draft, relations), relations)


def filled(sql: str, relations: Mapping[str, str]) -> str:
    """What `with_gaps` left open, closed."""
    return _GAP.sub(lambda gap: relations.get(gap[1], gap[0]), sql)


def with_gaps(draft: Draft, names: Collection[str]) -> str:
    """The SQL of ``draft`` with a gap for the relation of each ref named: to write out the same
    query for other relations then costs next to nothing."""
    query = draft.query.copy()
    for table in list(query.find_all(exp.Table)):
        name = table.name.removeprefix(REF_PREFIX)
        if table.name == name:
            continue
        alias = table.alias or name
        if name in names:
            table.set("this", exp.Var(this=f"\ue000{name}\ue001"))
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return query.sql("duckdb", comments=False)


def bind(draft: Draft, tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """{output column: DuckDB type} of ``draft``, as DuckDB itself binds it on empty relations.

    tables: ref → {column: DuckDB type}. Errors: `SqlModelError` with file, line and, for an
    unknown column, the nearest known one.
    """
    sql = relate(draft, {name: empty_relation(types) for name, types in tables.items()})
    try:
        bound = scratch_connection().sql(sql)
    except duckdb.Error as error:
        raise SqlModelError(_explain(draft, tables, error)) from error
    columns = bound.columns
    for column in columns:
        if [name.lower() for name in columns].count(column.lower()) > 1:
            raise SqlModelError(f"{draft.where}: gives two columns named {column!r}; rename one")
    return {name: str(kind) for name, kind in zip(columns, bound.types, strict=True)}


def polars_schema(where: str, types: Mapping[str, str]) -> pl.Schema:
    """The types of a frame that a query of these columns is read into."""
    try:
        return scratch_connection().sql(f"SELECT * FROM {empty_relation(types)}").pl().schema
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        raise SqlModelError(
            f"{where}: a column's type cannot be read ({error}); cast it"
        ) from error


def narrowed(draft: Draft, name: str, rows: Draft) -> Draft:
    """``draft`` with each reading of ``name`` replaced by the query ``rows``."""
    query = draft.query.copy()
    for table in list(query.find_all(exp.Table)):
        if table.name == REF_PREFIX + name:
            inner = exp.Subquery(
                this=rows.query.copy(),
                alias=exp.TableAlias(this=exp.to_identifier(table.alias or name, quoted=True)),
            )
            table.replace(inner)
    return Draft(draft.where, draft.rendered, query)


def _explain(draft: Draft, tables: Mapping[str, Mapping[str, str]], error: duckdb.Error) -> str:
    message = str(error).splitlines()[0]
    match = UNKNOWN_COLUMN.search(message)
    if match is None:
        return f"{draft.where}: {message}"
    name = match.group(1)
    line = _line_of(draft, name)
    at = draft.where if line is None else f"{draft.where}, line {line}"
    # Those of the tables, and what the query itself names in its CTEs.
    named = {alias.alias for alias in draft.query.find_all(exp.Alias)} - {name}
    columns = sorted({column for types in tables.values() for column in types} | named)
    known = ", ".join(columns) or "none"
    return f"{at}: unknown column {name!r}{nearest(name, columns)} Known: {known}"


def _line_of(draft: Draft, name: str) -> int | None:
    """First line of the source in which the name stands as an identifier."""
    for identifier in draft.query.find_all(exp.Identifier):
        start = identifier.meta.get("start")
        if identifier.name.lower() == name.lower() and start is not None:
            return draft.rendered.source_line(start)
    return None
