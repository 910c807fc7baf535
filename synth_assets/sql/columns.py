"""A query and the columns of its tables in, column lineage out: which columns each output rests on.

Lineage is of values: what only filters, joins or counts rows (``count(*)``) is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import ensure_schema

from synth_assets.errors import SqlModelError

Lineage = dict[str, list[tuple[str, str]]]
Names = Mapping[str, Mapping[str, str]]
"""Table → its columns in small letters → their names."""


def trace_columns(query: exp.Query, tables: Mapping[str, Mapping[str, str]]) -> Lineage:
    """{output column: [(table, column), …]} of ``query``, through CTEs, joins, windows and structs.

    tables: name → {column: DuckDB type} of every table that the query reads. The outputs are in
    small letters, as sqlglot has them, and a star of a struct is one output: see `of_outputs`.
    """
    try:
        known = ensure_schema(
            {name: dict(types) for name, types in tables.items()}, dialect="duckdb"
        )
        qualified = qualify(
            _with_windows_in_place(query.copy()), schema=known, dialect="duckdb",
            validate_qualify_columns=False,
        )  # fmt: skip
        nodes = lineage(
            None, qualified, schema=known, dialect="duckdb", scope=_scope(qualified),
            trim_selects=False, copy=False,
        )  # fmt: skip
    except (SqlglotError, ValueError, RecursionError) as error:
        raise SqlModelError(f"lineage cannot be told ({error})") from error
    assert isinstance(nodes, dict), "lineage of all columns is a dict"
    names = {table: {column.lower(): column for column in types} for table, types in tables.items()}
    return {column: _leaves(node, names) for column, node in nodes.items()}


def of_outputs(traced: Lineage, outputs: list[str]) -> Lineage:
    """``traced`` by the names that the columns have. Each that a star of a struct, or `unnest` of
    one, stands for rests on all that these rest on."""
    known = {name.lower() for name in outputs}
    together = {leaf for name, leaves in traced.items() if name not in known for leaf in leaves}
    return {
        name: traced[name.lower()] if name.lower() in traced else sorted(together)
        for name in outputs
    }


def _with_windows_in_place(query: exp.Query) -> exp.Query:
    """``OVER w`` as the window that a WINDOW clause calls w."""
    for select in query.find_all(exp.Select):
        named: dict[str, exp.Window] = {}
        for window in select.args.get("windows") or ():
            _fill(window, named)
            named[window.name.lower()] = window
        if named:
            for window in select.find_all(exp.Window):
                _fill(window, named)
    return query


def _fill(window: exp.Window, named: Mapping[str, exp.Window]) -> None:
    of = named.get(window.alias.lower())
    if of is None or of is window:
        return
    for part in ("partition_by", "order", "spec"):
        if not window.args.get(part) and of.args.get(part):
            held = of.args[part]
            copied = [each.copy() for each in held] if isinstance(held, list) else held.copy()
            window.set(part, copied)
    window.set("alias", None)


def _scope(qualified: exp.Query) -> Scope | None:
    """Its scope, in which a lateral query is a query like others that sees the tables beside it:
    sqlglot takes all columns in it for what each of its own rests on, and finds none of them."""
    inner: set[int] = set()
    for lateral in list(qualified.find_all(exp.Lateral)):
        query = lateral.this
        if isinstance(query, exp.Subquery):
            query.set("alias", lateral.args.get("alias"))
            lateral.replace(query)
            inner.add(id(query.this))
    scope = build_scope(qualified)
    for each in scope.traverse() if scope and inner else ():
        if id(each.expression) in inner and each.parent:
            for name, source in each.parent.sources.items():
                each.sources.setdefault(name, source)
    return scope


def _leaves(node: Node, names: Names) -> list[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for step in node.walk():
        if step.downstream or not isinstance(step.source, exp.Table):
            continue
        table, column = step.source.name, exp.to_column(step.name, dialect="duckdb").name.lower()
        if column in names.get(table, {}):
            found.add((table, names[table][column]))
    return sorted(found)
